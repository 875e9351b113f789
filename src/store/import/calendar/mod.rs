//! iCalendar (RFC 5545): each event is a row, and each occurrence of an event that repeats.
//!
//! The columns are the properties by their names in small letters (`summary`, `location`, `x-room`), a parameter
//! after a semicolon (`organizer;cn`). `dtstart` and `dtend` are those of the occurrence; `key` tells occurrences
//! apart; `all_day` says whether it has no time of day. What is cancelled or taken out of a series is a row that
//! removes.

mod line;
mod repeat;
mod when;

use std::collections::{HashMap, HashSet};
use std::io::Read;

use jiff::Span;
use jiff::civil::DateTime;

use self::line::{Line, elements, lines, unescape};
use self::repeat::occurrences;
use self::when::{Form, When, Zones, find};
use super::record::{ELEMENTS, Record, Step};
use super::table::Reading;
use crate::limits;
use crate::time::Zone;

/// The rows of a calendar.
pub struct Calendar {
    rows: std::vec::IntoIter<Row>,
    bytes: u64,
}

enum Row {
    Occurrence { line: u64, is_removed: bool, cells: Vec<Option<String>> },
    Bad { line: u64, reason: String },
}

/// What a column shows.
enum Column {
    Key,
    AllDay,
    Start,
    End,
    Property(String),
    Parameter(String, String),
}

impl Column {
    fn parse(text: &str) -> Column {
        match text.to_ascii_lowercase().as_str() {
            "key" => Column::Key,
            "all_day" => Column::AllDay,
            "dtstart" => Column::Start,
            "dtend" => Column::End,
            _ => match text.split_once(';') {
                Some((name, parameter)) => Column::Parameter(name.to_ascii_uppercase(), parameter.to_ascii_uppercase()),
                None => Column::Property(text.to_ascii_uppercase()),
            },
        }
    }
}

/// Why an event cannot be read: the line, and the reason.
type Fault = (u64, String);

/// An event as it is written.
struct Event {
    line: u64,
    lines: Vec<Line>,
    fault: Option<Fault>,
}

/// The parts of a calendar that are read.
#[derive(Default)]
struct Parts {
    events: Vec<Event>,
    zones: Zones,
    /// `METHOD:CANCEL`: what it lists is cancelled.
    is_cancelled: bool,
}

impl Calendar {
    /// Reads a calendar. `columns` are those that the mapping uses.
    ///
    /// # Errors
    /// If it is none, or has no end.
    pub fn open(mut input: Box<dyn Read>, reading: &Reading, columns: &[String]) -> Result<Calendar, String> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let local = reading.zone.civil(reading.at);
        let end = local.saturating_add(Span::new().days(limits::CALENDAR_AHEAD_DAYS));
        let begin = local.saturating_sub(Span::new().days(limits::CALENDAR_BEFORE_DAYS));
        let parts = parts(&bytes, reading, end)?;
        let columns: Vec<Column> = columns.iter().map(|column| Column::parse(column)).collect();
        let mut rows = Vec::new();
        let mut reader = Reader { parts: &parts, columns: &columns, library: &reading.zone, begin, end };
        let moved = reader.moved();
        for event in &parts.events {
            if let Err((line, reason)) = reader.rows(event, &moved, &mut rows) {
                rows.push(Row::Bad { line, reason });
            }
        }
        Ok(Calendar { rows: rows.into_iter(), bytes: bytes.len() as u64 })
    }

    /// Reads the next row into `record`. Its line is that of `BEGIN:VEVENT`.
    pub fn read(&mut self, record: &mut Record) -> Step {
        match self.rows.next() {
            None => Step::End,
            Some(Row::Bad { line, reason }) => Step::Bad { line, reason },
            Some(Row::Occurrence { line, is_removed, cells }) => {
                record.start(line);
                record.is_removed = is_removed;
                for cell in &cells {
                    record.push(cell.as_deref());
                }
                Step::Row
            }
        }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The properties that the events of a calendar have.
pub fn properties(bytes: &[u8]) -> Vec<String> {
    let mut found = vec!["key".to_owned(), "all_day".to_owned()];
    let mut is_inside = false;
    for line in lines(bytes, super::table::Encoding::Utf8).into_iter().flatten() {
        match (line.name.as_str(), line.value.to_ascii_uppercase().as_str()) {
            ("BEGIN", name) => is_inside = name == "VEVENT",
            ("END", _) => is_inside = false,
            _ if is_inside && !found.contains(&line.name.to_ascii_lowercase()) => {
                found.push(line.name.to_ascii_lowercase());
            }
            _ => {}
        }
    }
    found
}

/// Sorts the lines of a calendar into its components. `end` is how far zones that it describes are computed.
fn parts(bytes: &[u8], reading: &Reading, end: DateTime) -> Result<Parts, String> {
    let mut parts = Parts::default();
    let mut open: Vec<(String, u64)> = Vec::new();
    let mut zone: (Vec<Line>, Vec<Vec<Line>>) = Default::default();
    let mut seen = false;
    // Zones may be described for events that lie further ahead than series are followed.
    let end = end.saturating_add(Span::new().years(limits::CALENDAR_ZONE_YEARS));
    for line in lines(bytes, reading.encoding) {
        let path: Vec<&str> = open.iter().map(|(name, _)| name.as_str()).collect();
        let line = match line {
            Ok(line) => line,
            Err(bad) if path.get(1) == Some(&"VEVENT") => {
                let event = parts.events.last_mut().expect("an event is open");
                event.fault.get_or_insert((bad.number, bad.why));
                continue;
            }
            Err(bad) if path.is_empty() => return Err(no_calendar(bad.number)),
            Err(_) => continue,
        };
        let name = line.value.trim().to_ascii_uppercase();
        match (line.name.as_str(), path.as_slice()) {
            ("BEGIN", []) if name == "VCALENDAR" => seen = true,
            (_, []) => return Err(no_calendar(line.number)),
            ("BEGIN", ["VCALENDAR"]) if name == "VEVENT" => {
                parts.events.push(Event { line: line.number, lines: Vec::new(), fault: None });
            }
            ("BEGIN", ["VCALENDAR", "VTIMEZONE"]) => zone.1.push(Vec::new()),
            ("BEGIN", path) if path.len() >= limits::NESTING => {
                return Err(format!("line {}: nested too deep", line.number));
            }
            ("BEGIN", _) => {}
            ("END", [.., last]) => {
                if *last != name {
                    return Err(format!("line {}: END:{name}, but {last} is open", line.number));
                }
                if path == ["VCALENDAR", "VTIMEZONE"] {
                    let (lines, observances) = std::mem::take(&mut zone);
                    parts.zones.describe(&lines, &observances, end);
                }
            }
            ("METHOD", ["VCALENDAR"]) => parts.is_cancelled = name == "CANCEL",
            (_, ["VCALENDAR", "VEVENT"]) => {
                parts.events.last_mut().expect("an event is open").lines.push(line.clone());
            }
            (_, ["VCALENDAR", "VTIMEZONE"]) => zone.0.push(line.clone()),
            (_, ["VCALENDAR", "VTIMEZONE", _]) => zone.1.last_mut().expect("a part is open").push(line.clone()),
            _ => {}
        }
        match line.name.as_str() {
            "BEGIN" => open.push((name, line.number)),
            "END" => drop(open.pop()),
            _ => {}
        }
    }
    match open.last() {
        Some((name, line)) => Err(format!("the {name} of line {line} has no end: the file is cut off")),
        None if !seen => Err(no_calendar(1)),
        None => Ok(parts),
    }
}

fn no_calendar(line: u64) -> String {
    format!("line {line}: it is no iCalendar file, which begins with BEGIN:VCALENDAR")
}

struct Reader<'c> {
    parts: &'c Parts,
    columns: &'c [Column],
    library: &'c Zone,
    /// Series are followed from here to there, by the library's clock.
    begin: DateTime,
    end: DateTime,
}

/// Occurrences that have an event of their own, by the series' UID.
type Moved<'c> = HashMap<&'c str, HashSet<DateTime>>;

impl<'c> Reader<'c> {
    fn zones(&self) -> &'c Zones {
        &self.parts.zones
    }

    fn moved(&self) -> Moved<'c> {
        let mut moved: Moved<'c> = HashMap::new();
        for event in &self.parts.events {
            let (Some(uid), Some(which)) = (event.value("UID"), self.which(event)) else { continue };
            moved.entry(uid).or_default().insert(which);
        }
        moved
    }

    /// Which occurrence of its series an event is, by the series' clock.
    fn which(&self, event: &Event) -> Option<DateTime> {
        let id = self.zones().read(find(&event.lines, "RECURRENCE-ID")?).ok()?;
        let uid = event.value("UID");
        let is_series = |other: &&Event| other.value("UID") == uid && find(&other.lines, "RECURRENCE-ID").is_none();
        let series = self.parts.events.iter().find(is_series).unwrap_or(event);
        let start = find(&series.lines, "DTSTART").and_then(|line| self.zones().read(line).ok())?;
        Some(id.local_of(&start.form, self.library))
    }

    fn rows(&mut self, event: &Event, moved: &Moved<'_>, rows: &mut Vec<Row>) -> Result<(), Fault> {
        if let Some(fault) = &event.fault {
            return Err(fault.clone());
        }
        let start = find(&event.lines, "DTSTART").ok_or_else(|| (event.line, "the event has no DTSTART".to_owned()))?;
        let start = self.read(start)?;
        let length = self.length(event, &start)?;
        let is_cancelled = self.parts.is_cancelled
            || event.value("STATUS").is_some_and(|status| status.trim().eq_ignore_ascii_case("CANCELLED"));
        if let Some(line) = find(&event.lines, "RECURRENCE-ID") {
            if line.parameter("RANGE").is_some() {
                let why = "RANGE=THISANDFUTURE is not understood; end the series there, and begin another";
                return Err((line.number, why.to_owned()));
            }
            self.read(line)?;
            rows.push(self.row(event, self.which(event), &start, length, is_cancelled));
            return Ok(());
        }
        let rules: Vec<&Line> = event.lines.iter().filter(|line| line.name == "RRULE").collect();
        let mut locals = self.times(event, "RDATE", &start)?;
        if rules.is_empty() && locals.is_empty() {
            rows.push(self.row(event, None, &start, length, is_cancelled));
            return Ok(());
        }
        // A day more: the series has its own clock.
        let end = self.end.saturating_add(Span::new().days(1));
        let texts: Vec<&str> = rules.iter().map(|line| line.value.as_str()).collect();
        let to_local = |utc| When { local: utc, form: Form::Utc }.local_of(&start.form, self.library);
        let number = rules.first().map_or(event.line, |line| line.number);
        locals.extend(occurrences(start.local, &texts, end, to_local).map_err(|why| (number, why))?);
        if rules.is_empty() {
            locals.push(start.local);
        }
        locals.sort_unstable();
        locals.dedup();
        let left_out: HashSet<DateTime> = self.times(event, "EXDATE", &start)?.into_iter().collect();
        let left_out_days: HashSet<_> = self.days(event)?.into_iter().collect();
        let own = event.value("UID").and_then(|uid| moved.get(uid));
        for local in locals.into_iter().filter(|local| (self.begin..=self.end).contains(local)) {
            if own.is_some_and(|own| own.contains(&local)) {
                continue;
            }
            let is_removed = is_cancelled || left_out.contains(&local) || left_out_days.contains(&local.date());
            let occurrence = When { local, form: start.form.clone() };
            rows.push(self.row(event, Some(local), &occurrence, length, is_removed));
        }
        Ok(())
    }

    fn read(&self, line: &Line) -> Result<When, Fault> {
        self.zones().read(line).map_err(|why| (line.number, why))
    }

    /// The times of all lines of a name, by the clock of `start`.
    fn times(&self, event: &Event, name: &str, start: &When) -> Result<Vec<DateTime>, Fault> {
        let mut times = Vec::new();
        for line in event.lines.iter().filter(|line| line.name == name) {
            let all = self.zones().read_all(line).map_err(|why| (line.number, why))?;
            times.extend(all.iter().map(|when| when.local_of(&start.form, self.library)));
        }
        Ok(times)
    }

    /// Whole days that are left out, as some programs write for events that have a time.
    fn days(&self, event: &Event) -> Result<Vec<jiff::civil::Date>, Fault> {
        let mut days = Vec::new();
        for line in event.lines.iter().filter(|line| line.name == "EXDATE") {
            let all = self.zones().read_all(line).map_err(|why| (line.number, why))?;
            days.extend(all.iter().filter(|when| matches!(when.form, Form::Date)).map(|when| when.local.date()));
        }
        Ok(days)
    }

    /// How long the event is; `None` if nothing is said.
    fn length(&self, event: &Event, start: &When) -> Result<Option<Span>, Fault> {
        if let Some(line) = find(&event.lines, "DTEND") {
            let end = self.read(line)?.local_of(&start.form, self.library);
            let length = start.local.until(end).map_err(|error| (line.number, error.to_string()))?;
            return Ok(Some(length));
        }
        let Some(line) = find(&event.lines, "DURATION") else { return Ok(None) };
        let length: Span = line.value.trim().parse().map_err(|_| {
            (line.number, format!("DURATION {:?} is no duration of a calendar, such as PT1H30M", line.value))
        })?;
        Ok(Some(length))
    }

    fn row(&self, event: &Event, which: Option<DateTime>, start: &When, length: Option<Span>, is_removed: bool) -> Row {
        let end = length.map(|length| When { local: start.local.saturating_add(length), form: start.form.clone() });
        let cell = |column: &Column| match column {
            Column::Key => event.value("UID").map(|uid| match which {
                None => uid.to_owned(),
                Some(which) if matches!(start.form, Form::Date) => format!("{uid}/{}", which.date()),
                Some(which) => format!("{uid}/{which}"),
            }),
            Column::AllDay => Some(matches!(start.form, Form::Date).to_string()),
            Column::Start => Some(start.text(self.library)),
            Column::End => end.as_ref().map(|end| end.text(self.library)),
            Column::Parameter(name, parameter) => {
                find(&event.lines, name).and_then(|line| line.parameter(parameter)).map(str::to_owned)
            }
            Column::Property(name) if matches!(name.as_str(), "CATEGORIES" | "RESOURCES") => {
                let all = event.lines.iter().filter(|line| line.name == *name);
                let all: Vec<String> = all.flat_map(|line| elements(&line.value)).collect();
                (!all.is_empty()).then(|| all.join(&ELEMENTS.to_string()))
            }
            Column::Property(name) => find(&event.lines, name).map(|line| unescape(&line.value)),
        };
        Row::Occurrence { line: event.line, is_removed, cells: self.columns.iter().map(cell).collect() }
    }
}

impl Event {
    fn value(&self, name: &str) -> Option<&str> {
        find(&self.lines, name).map(|line| line.value.trim())
    }
}
