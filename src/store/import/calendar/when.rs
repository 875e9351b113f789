//! Times of a calendar: of a zone, of UTC, floating (the library's), or whole days.

use std::collections::HashMap;
use std::rc::Rc;

use jiff::civil::DateTime;
use jiff::{Span, tz::TimeZone};

use super::line::Line;
use super::repeat::{occurrences, time_of};
use crate::time::{Day, Instant, TimeOfDay, Zone};

/// A time as the calendar means it.
#[derive(Clone, Debug)]
pub struct When {
    pub local: DateTime,
    pub form: Form,
}

/// Where a local time is.
#[derive(Clone, Debug)]
pub enum Form {
    /// A whole day (`VALUE=DATE`).
    Date,
    /// Wherever one is: the library.
    Floating,
    Utc,
    In(Zone),
    /// A zone that the calendar itself describes.
    Described(Rc<[Onset]>),
}

/// From when on a described zone has an offset.
#[derive(Clone, Debug)]
pub struct Onset {
    /// By the clock that it ends.
    local: DateTime,
    /// Seconds east of UTC.
    from: i64,
    to: i64,
}

/// The zones of a calendar.
#[derive(Default)]
pub struct Zones {
    described: HashMap<String, Rc<[Onset]>>,
    /// `X-LIC-LOCATION`, the IANA name that some programs add.
    located: HashMap<String, Zone>,
}

impl Zones {
    /// Learns a `VTIMEZONE`: its own lines, and those of each `STANDARD` and `DAYLIGHT` in it. What it describes badly
    /// is unknown, and whoever uses it says so.
    pub fn describe(&mut self, lines: &[Line], parts: &[Vec<Line>], end: DateTime) {
        let Some(id) = find(lines, "TZID").map(|line| line.value.clone()) else { return };
        if let Some(zone) = find(lines, "X-LIC-LOCATION").and_then(|line| Zone::named(&line.value).ok()) {
            self.located.insert(id.clone(), zone);
        }
        let mut onsets: Vec<Onset> = Vec::new();
        for part in parts {
            let offset = |name| find(part, name).and_then(|line| offset(&line.value));
            let start = find(part, "DTSTART").and_then(|line| time_of(&line.value));
            let (Some(from), Some(to), Some((start, ..))) = (offset("TZOFFSETFROM"), offset("TZOFFSETTO"), start)
            else {
                return;
            };
            let rules: Vec<&str> =
                part.iter().filter(|line| line.name == "RRULE").map(|line| line.value.as_str()).collect();
            let shifted = |utc: DateTime| utc.saturating_add(Span::new().seconds(from));
            let Ok(mut locals) = occurrences(start, &rules, end, shifted) else { return };
            let added = part.iter().filter(|line| line.name == "RDATE").flat_map(|line| line.value.split(','));
            locals.extend(added.filter_map(time_of).map(|(local, ..)| local));
            if rules.is_empty() {
                locals.push(start);
            }
            onsets.extend(locals.into_iter().map(|local| Onset { local, from, to }));
        }
        onsets.sort_by_key(|onset| onset.local);
        if !onsets.is_empty() {
            self.described.insert(id, onsets.into());
        }
    }

    fn form(&self, id: &str) -> Result<Form, String> {
        // Some programs write "/example.org/2026/America/Toronto".
        let known = Zone::named(id).ok().or_else(|| self.located.get(id).cloned());
        if let Some(zone) = known {
            return Ok(Form::In(zone));
        }
        match self.described.get(id) {
            Some(onsets) => Ok(Form::Described(onsets.clone())),
            None => Err(format!("the calendar neither describes the time zone {id:?}, nor is it one of the IANA's")),
        }
    }

    /// Reads the first time of a line such as `DTSTART`.
    pub fn read(&self, line: &Line) -> Result<When, String> {
        let mut all = self.read_all(line)?;
        match all.len() {
            1 => Ok(all.remove(0)),
            count => Err(format!("{} has {count} times", line.name)),
        }
    }

    /// Reads the times of a line such as `EXDATE`; of a period its beginning.
    pub fn read_all(&self, line: &Line) -> Result<Vec<When>, String> {
        let read = |text: &str| {
            let text = text.split('/').next().unwrap_or_default();
            let found = time_of(text).ok_or_else(|| format!("{} {text:?} is no time of a calendar", line.name))?;
            let form = match (found, line.parameter("TZID")) {
                ((_, _, true), _) => Form::Date,
                ((_, true, _), _) => Form::Utc,
                (_, Some(id)) => self.form(id)?,
                (_, None) => Form::Floating,
            };
            Ok(When { local: found.0, form })
        };
        line.value.split(',').map(read).collect()
    }
}

impl When {
    /// The instant, where floating times and days are those of `library`.
    pub fn instant(&self, library: &Zone) -> Instant {
        match &self.form {
            Form::Date | Form::Floating => at(library, self.local),
            Form::Utc => at(&Zone::utc(), self.local),
            Form::In(zone) => at(zone, self.local),
            Form::Described(onsets) => at(&Zone::utc(), self.local).plus_seconds(-offset_at(onsets, self.local)),
        }
    }

    /// The same instant as a local time where `other` is.
    pub fn local_of(&self, other: &Form, library: &Zone) -> DateTime {
        // A day is a day, and the same clock needs no conversion (which would lose the second of two equal times).
        let is_same = match (&self.form, other) {
            (Form::Date, _) | (Form::Floating, Form::Floating) | (Form::Utc, Form::Utc) => true,
            (Form::In(one), Form::In(other)) => one == other,
            (Form::Described(one), Form::Described(other)) => Rc::ptr_eq(one, other),
            _ => false,
        };
        if is_same {
            return self.local;
        }
        let instant = self.instant(library);
        match other {
            Form::Date | Form::Floating => library.civil(instant),
            Form::Utc => Zone::utc().civil(instant),
            Form::In(zone) => zone.civil(instant),
            Form::Described(onsets) => {
                let utc = Zone::utc().civil(instant);
                let guess = utc.saturating_add(Span::new().seconds(offset_at(onsets, utc)));
                utc.saturating_add(Span::new().seconds(offset_at(onsets, guess)))
            }
        }
    }

    /// As the mapping reads it: a date, a local time, or a time with its offset.
    pub fn text(&self, library: &Zone) -> String {
        match &self.form {
            Form::Date => self.local.date().to_string(),
            Form::Floating => self.local.to_string(),
            Form::Utc => format!("{}Z", self.local),
            Form::In(_) | Form::Described(_) => {
                let instant = self.instant(library);
                let utc = TimeZone::UTC.to_datetime(instant.timestamp());
                let offset = match &self.form {
                    Form::In(zone) => at(&Zone::utc(), zone.civil(instant)).seconds() - instant.seconds(),
                    _ => at(&Zone::utc(), self.local).seconds() - instant.seconds(),
                };
                let local = utc.saturating_add(Span::new().seconds(offset));
                let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
                format!("{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

fn at(zone: &Zone, local: DateTime) -> Instant {
    let time = local.time();
    let seconds = time.hour() as u32 * 3600 + time.minute() as u32 * 60 + time.second() as u32;
    zone.at(Day::from_civil(local.date()), TimeOfDay(seconds))
}

/// The offset of a local time: a skipped one has that from before the gap, of two the first is meant (section 3.3.5).
fn offset_at(onsets: &[Onset], local: DateTime) -> i64 {
    match onsets.iter().rev().find(|onset| onset.local <= local) {
        Some(onset) if onset.local.saturating_add(Span::new().seconds((onset.to - onset.from).max(0))) > local => {
            onset.from
        }
        Some(onset) => onset.to,
        None => onsets.first().map_or(0, |onset| onset.from),
    }
}

/// `-0500`, `+053000`
fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = match text.trim().split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let part = |at: usize| digits.get(at..at + 2).and_then(|part| part.parse::<i64>().ok());
    let seconds = if digits.len() > 4 { part(4)? } else { 0 };
    Some(sign * (part(0)? * 3600 + part(2)? * 60 + seconds))
}

/// The first line of a name in upper case.
pub fn find<'l>(lines: &'l [Line], name: &str) -> Option<&'l Line> {
    lines.iter().find(|line| line.name == name)
}
