//! Sections 6 and 7 of the language, word for word: three truths, sets of events that count for certain and of those
//! that may, local dates of everything. Slow and plain; the evaluators are held against it.

use std::collections::BTreeSet;

use bookmobile::catalogue::*;
use bookmobile::eval::Truth;
use bookmobile::program::Segment;
use bookmobile::rule::function::{Moment, Validity};
use bookmobile::rule::*;
use bookmobile::time::{Day, Duration, Instant, Unit, Weekday, Zone};

pub struct Naive<'a> {
    pub catalogue: &'a Catalogue,
    pub tables: &'a Tables,
    pub segments: &'a [Segment],
    pub zone: &'a Zone,
    pub week_starts: Weekday,
    pub facts: &'a Facts,
    pub now: Instant,
    pub start: Option<Instant>,
    pub started_by: Option<(EventId, Option<&'a EventRow>)>,
    pub served: ClassSet,
}

/// The event at hand inside `where`.
type Row<'a> = Option<(EventId, &'a EventRow)>;

impl<'a> Naive<'a> {
    pub fn truth(&self, expr: &Expr) -> Truth {
        Truth::from(self.condition(expr, None))
    }

    fn today(&self) -> Day {
        self.zone.day(self.now)
    }

    fn condition(&self, expr: &Expr, row: Row<'a>) -> Option<bool> {
        match &expr.kind {
            Kind::Not(inner) => Some(!self.condition(inner, row)?),
            Kind::And(parts) => {
                let parts: Vec<Option<bool>> = parts.iter().map(|part| self.condition(part, row)).collect();
                if parts.contains(&Some(false)) {
                    Some(false)
                } else if parts.contains(&None) {
                    None
                } else {
                    Some(true)
                }
            }
            Kind::Or(parts) => {
                let parts: Vec<Option<bool>> = parts.iter().map(|part| self.condition(part, row)).collect();
                if parts.contains(&Some(true)) {
                    Some(true)
                } else if parts.contains(&None) {
                    None
                } else {
                    Some(false)
                }
            }
            Kind::Known(value) => Some(self.value(value, row).is_some()),
            Kind::Segment(id) => self.condition(&self.segments[id.0 as usize].body, None),
            Kind::Member(list) => Some(self.facts.lists.contains(list)),
            Kind::InWindow { value, window } => {
                let value = self.value(value, row)?;
                self.in_window(&value, window, row)
            }
            Kind::Has { test, selection } => {
                let (least, most) = self.range(selection, false)?;
                alike((least..=most).map(|count| Some(test.passes(count))))
            }
            Kind::Followed { first, second, within } => {
                let (certain, possible) = (self.rows(first)?, self.rows(second)?);
                let pair = |firsts: &[&EventRow], seconds: &[&EventRow]| {
                    firsts.iter().any(|a| seconds.iter().any(|b| self.follows(a.at, b.at, *within)))
                };
                if pair(&certain.0, &possible.0) {
                    Some(true)
                } else if !pair(&certain.1, &possible.1) {
                    Some(false)
                } else {
                    None
                }
            }
            Kind::Periods { count, selection, at_least, of, unit } => {
                let (certain, possible) = self.rows(selection)?;
                let in_period = |rows: &[&EventRow], k: i64| {
                    let after = self.today().plus(Duration { count: -k, unit: *unit });
                    let up_to = self.today().plus(Duration { count: -(k - 1), unit: *unit });
                    let inside = |row: &&&EventRow| (after < self.day(row.at)) && self.day(row.at) <= up_to;
                    rows.iter().filter(inside).count() as i64
                };
                let (mut sure, mut maybe) = (0, 0);
                for k in 1..=*of {
                    let (least, most) = (in_period(&certain, k), in_period(&possible, k));
                    match alike((least..=most).map(|n| Some(count.passes(n)))) {
                        Some(true) => sure += 1,
                        Some(false) => {}
                        None => maybe += 1,
                    }
                }
                alike((sure..=sure + maybe).map(|periods| Some(periods >= *at_least)))
            }
            Kind::Agrees { purpose, channel } => {
                let purpose_of = self.catalogue.purpose(*purpose);
                let in_force = |consent: &&Consent| {
                    consent.state == ConsentState::Given
                        && consent.on <= self.today()
                        && self.last_date(consent).is_none_or(|last| self.today() <= last)
                };
                Some(!purpose_of.needs_consent || self.consents(*purpose, *channel).iter().any(in_force))
            }
            Kind::AskedFor { purpose, channel } => {
                let consents = self.consents(*purpose, Some(*channel));
                Some(consents.iter().any(|consent| consent.state == ConsentState::Asked))
            }
            Kind::Call { function, arguments } if function.validity == Validity::Comparison => {
                let mut results = Vec::new();
                let (left, right) = (self.candidates(&arguments[0], row)?, self.candidates(&arguments[1], row)?);
                for left in &left {
                    for right in &right {
                        let result = (function.kernel)(&[left.clone(), right.clone()], &self.moment());
                        results.push(result.and_then(|result| result.as_bool()));
                    }
                }
                alike(results.into_iter())
            }
            _ => self.value(expr, row)?.as_bool(),
        }
    }

    /// The values that an operand may have: several only of a count.
    fn candidates(&self, expr: &Expr, row: Row<'a>) -> Option<Vec<Value>> {
        let (selection, days) = match &expr.kind {
            Kind::Count(selection) => (selection, false),
            Kind::Days(selection) => (selection, true),
            _ => return Some(vec![self.value(expr, row)?]),
        };
        let (least, most) = self.range(selection, days)?;
        Some((least..=most).map(Value::Int).collect())
    }

    fn moment(&self) -> Moment<'a> {
        Moment { now: self.now, today: self.today(), zone: self.zone }
    }

    fn day(&self, at: Instant) -> Day {
        self.zone.day(at)
    }

    fn value(&self, expr: &Expr, row: Row<'a>) -> Option<Value> {
        match &expr.kind {
            Kind::Literal(value) => Some(value.clone()),
            Kind::Read(read) => self.read(read, row),
            Kind::Today => Some(Value::Date(self.today())),
            Kind::Now => Some(Value::Instant(self.now)),
            Kind::Start => self.start.map(Value::Instant),
            Kind::Call { function, arguments } if function.validity != Validity::Comparison => {
                let arguments: Option<Vec<Value>> =
                    arguments.iter().map(|argument| self.value(argument, row)).collect();
                (function.kernel)(&arguments?, &self.moment())
            }
            Kind::Count(selection) | Kind::Days(selection) => {
                let (least, most) = self.range(selection, matches!(expr.kind, Kind::Days(_)))?;
                (least == most).then_some(Value::Int(least))
            }
            Kind::Sum { field, selection } => {
                let (certain, possible) = self.rows(selection)?;
                if certain.len() != possible.len() {
                    return None;
                }
                let mut sum = 0i64;
                for row in certain {
                    let read = Read::Row(EventRead::Field(*field));
                    match self.read(&read, Some((selection.event, row)))? {
                        Value::Int(n) | Value::Money(n) | Value::Decimal(n) => sum += n,
                        other => panic!("a sum of {other:?}"),
                    }
                }
                Some(match expr.ty {
                    Type::Money => Value::Money(sum),
                    Type::Decimal => Value::Decimal(sum),
                    _ => Value::Int(sum),
                })
            }
            Kind::First { selection, read } | Kind::Latest { selection, read } => {
                let (certain, possible) = self.rows(selection)?;
                let first = matches!(expr.kind, Kind::First { .. });
                let end = |rows: &[&'a EventRow]| if first { rows.first().copied() } else { rows.last().copied() };
                let found = end(&certain)?;
                if end(&possible)?.row != found.row {
                    return None;
                }
                self.read(&Read::Row(read.unwrap_or(EventRead::At)), Some((selection.event, found)))
            }
            Kind::EndOfConsent { purpose, channel } => {
                let consents = self.consents(*purpose, *channel);
                let given = consents.into_iter().filter(|consent| consent.state == ConsentState::Given);
                let begun: Vec<&Consent> = given.filter(|consent| consent.on <= self.today()).collect();
                let mut latest = None;
                for consent in begun {
                    let last = self.last_date(consent)?;
                    latest = latest.max(Some(last));
                }
                latest.map(Value::Date)
            }
            Kind::Changed(field) => {
                self.visible(self.catalogue.field(*field).private)?;
                self.facts.field(*field)?;
                let noted = self.facts.changed.iter().find(|(changed, _)| changed == field);
                noted.map(|(_, at)| *at).or(self.facts.since).map(Value::Instant)
            }
            _ => self.condition(expr, row).map(Value::Bool),
        }
    }

    /// `None` if the class is not known of this patron.
    fn visible(&self, class: Option<ClassId>) -> Option<()> {
        let requires = class.and_then(|class| self.catalogue.class(class).requires);
        match requires {
            Some(field) => (self.facts.field(field) == Some(&Value::Bool(true))).then_some(()),
            None => Some(()),
        }
    }

    fn read(&self, read: &Read, row: Row<'a>) -> Option<Value> {
        match read {
            Read::Patron(field) => {
                self.visible(self.catalogue.field(*field).private)?;
                let required = self.catalogue.classes.iter().any(|class| class.requires == Some(*field));
                let stored = self.facts.field(*field).cloned();
                if required { stored.or(Some(Value::Bool(false))) } else { stored }
            }
            Read::Row(read) => {
                let (event, row) = row.expect("inside `where`");
                self.of_row(event, *read, row)
            }
            Read::StartEvent(event, read) => {
                let (started_by, row) = self.started_by?;
                let row = row.filter(|_| started_by == *event);
                if *read == EventRead::Open {
                    return match row {
                        Some(row) => self.of_row(*event, *read, row),
                        None => Some(Value::Bool(false)),
                    };
                }
                let declared = self.catalogue.event(*event);
                let served = declared.is_record() && declared.private.is_some_and(|class| self.served.contains(class));
                if !served {
                    self.visible(declared.private)?;
                }
                self.of_row(*event, *read, row?)
            }
            Read::Table { table, key, column } => {
                self.visible(self.catalogue.tables[table.index()].fields[usize::from(*column)].private)?;
                let Value::Text(key) = self.read(key, row)? else { panic!("keys are texts here") };
                self.tables.row(*table, &text::fold(&key))?[usize::from(*column)].clone()
            }
            Read::FeedRow(_) => None,
        }
    }

    fn of_row(&self, event: EventId, read: EventRead, row: &EventRow) -> Option<Value> {
        let declared = self.catalogue.event(event);
        match read {
            EventRead::At => Some(Value::Instant(row.at)),
            EventRead::Field(field) => {
                let class = declared.fields[usize::from(field)].private;
                if class != declared.private {
                    self.visible(class)?;
                }
                row.fields[usize::from(field)].clone()
            }
            EventRead::Open => {
                let EventKind::Record { open_until: Some(field), .. } = declared.kind else { return None };
                let open = match &row.fields[usize::from(field)] {
                    None => true,
                    Some(Value::Instant(at)) => *at > self.now,
                    Some(Value::Date(day)) => self.zone.start_of(*day) > self.now,
                    other => panic!("open until {other:?}"),
                };
                Some(Value::Bool(open && !row.removed))
            }
        }
    }

    /// The events that count for certain, and those that may (the certain ones among them).
    fn rows(&self, selection: &Selection) -> Option<(Vec<&'a EventRow>, Vec<&'a EventRow>)> {
        let declared = self.catalogue.event(selection.event);
        let served = declared.private.is_some_and(|class| self.served.contains(class));
        if !(served && declared.is_record() && selection.requires_open) {
            self.visible(declared.private)?;
        }
        let (mut certain, mut possible) = (Vec::new(), Vec::new());
        for row in self.facts.events(selection.event) {
            let at_hand = Some((selection.event, row));
            let admitted = match &selection.condition {
                Some(condition) => self.condition(condition, at_hand),
                None => Some(true),
            };
            let inside = match &selection.window {
                Some(window) => self.event_in_window(row.at, window),
                None => Some(row.at <= self.now),
            };
            match (admitted, inside) {
                (Some(false), _) | (_, Some(false)) => {}
                (Some(true), Some(true)) => {
                    certain.push(row);
                    possible.push(row);
                }
                _ => possible.push(row),
            }
        }
        Some((certain, possible))
    }

    fn range(&self, selection: &Selection, days: bool) -> Option<(i64, i64)> {
        let (certain, possible) = self.rows(selection)?;
        let count = |rows: &[&EventRow]| match days {
            true => rows.iter().map(|row| self.day(row.at)).collect::<BTreeSet<Day>>().len() as i64,
            false => rows.len() as i64,
        };
        Some((count(&certain), count(&possible)))
    }

    fn event_in_window(&self, at: Instant, window: &Window) -> Option<bool> {
        let ahead = matches!(window, Window::Next(_) | Window::Period { which: bookmobile::time::Which::Coming, .. });
        if at > self.now && !ahead {
            return Some(false);
        }
        self.in_window(&Value::Instant(at), window, None)
    }

    fn in_window(&self, value: &Value, window: &Window, row: Row<'a>) -> Option<bool> {
        let today = self.today();
        let day = match value {
            Value::Date(day) => *day,
            Value::Instant(at) => self.day(*at),
            other => panic!("{other:?} in a window"),
        };
        let at = if let Value::Instant(at) = value { Some(*at) } else { None };
        match window {
            Window::Last(duration) => match (duration.elapsed_seconds(), at) {
                (Some(seconds), Some(at)) => Some(self.now.plus_seconds(-seconds) <= at && at <= self.now),
                _ => Some(today.plus(duration.negated()) <= day && day <= today),
            },
            Window::Next(duration) => match (duration.elapsed_seconds(), at) {
                (Some(seconds), Some(at)) => Some(self.now <= at && at <= self.now.plus_seconds(seconds)),
                _ => Some(today <= day && day <= today.plus(*duration)),
            },
            Window::Period { which, unit } => {
                let (first, last) = today.period(*which, *unit, self.week_starts);
                Some(first <= day && day <= last)
            }
            Window::Since(from) => self.not_before(day, at, from, row),
            Window::Before(to) => match self.value(to, row)? {
                Value::Date(to) => Some(day < to),
                Value::Instant(to) => Some(at.expect("an instant") < to),
                other => panic!("before {other:?}"),
            },
            Window::Between(from, to) => {
                let from = self.not_before(day, at, from, row);
                let to = self.value(to, row).map(|to| match to {
                    Value::Date(to) => day <= to,
                    Value::Instant(to) => at.expect("an instant") <= to,
                    other => panic!("between {other:?}"),
                });
                match (from, to) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                }
            }
        }
    }

    fn not_before(&self, day: Day, at: Option<Instant>, from: &Expr, row: Row<'a>) -> Option<bool> {
        match self.value(from, row)? {
            Value::Date(from) => Some(from <= day),
            Value::Instant(instant) if matches!(from.kind, Kind::Start) => Some(instant < at.expect("an instant")),
            Value::Instant(from) => Some(from <= at.expect("an instant")),
            other => panic!("since {other:?}"),
        }
    }

    fn follows(&self, first: Instant, second: Instant, within: Duration) -> bool {
        let near = match within.unit {
            Unit::Minute => second.0 <= first.plus_seconds(within.count * 60).0,
            Unit::Hour => second.0 <= first.plus_seconds(within.count * 3600).0,
            _ => self.day(second) <= self.day(first).plus(within),
        };
        first < second && near
    }

    fn consents(&self, purpose: PurposeId, channel: Option<Channel>) -> Vec<&'a Consent> {
        let of =
            |consent: &&Consent| consent.purpose == purpose && channel.is_none_or(|channel| channel == consent.channel);
        self.facts.consents.iter().filter(of).collect()
    }

    fn last_date(&self, consent: &Consent) -> Option<Day> {
        let expires = self.catalogue.purpose(consent.purpose).expires_after;
        consent.until.or(expires.map(|after| consent.on.plus(after).plus_days(-1)))
    }
}

/// What all say alike.
fn alike(mut truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let first = truths.next()??;
    truths.all(|truth| truth == Some(first)).then_some(first)
}
