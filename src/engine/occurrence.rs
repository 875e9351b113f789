//! Which occurrences of a campaign's start a tick finds for one patron (the table of section 8).
//!
//! Pure: reads facts and what was remembered, writes what is to be remembered into the [`PatronState`] and says
//! until when the answer holds. Whether an occurrence enrols is decided elsewhere (`enrol`).

use crate::catalogue::{EventId, FieldId, Value};
use crate::engine::ask::{Ask, Scope};
use crate::engine::journey::Lead;
use crate::engine::plan::{Running, Start};
use crate::engine::standing::{CampaignNumber, Membership};
use crate::engine::state::{Decided, Outcome, PatronState};
use crate::eval::{RuleId, Truth, ValueId};
use crate::program::Program;
use crate::rule::function::{EQUAL, Moment};
use crate::rule::{EventRow, RowId};
use crate::symbol::Symbol;
use crate::time::{Day, Duration, Instant, Zone};

/// An occurrence that fires at this tick.
#[derive(Clone, PartialEq, Debug)]
pub struct Occurrence {
    /// Unique for the patron and the campaign.
    pub key: String,
    /// The instant that `start` means.
    pub at: Instant,
    /// The row it is about.
    pub row: Option<(EventId, RowId)>,
    /// The date or instant that made it: when it changes the occurrence is withdrawn.
    pub date: Option<String>,
    /// Never found again by itself, so that it need not be remembered when it does not enrol.
    pub is_passing: bool,
}

/// What is constant for one campaign at one tick.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// The campaign in the store.
    pub number: CampaignNumber,
    /// The tick before this one.
    pub last: Option<Instant>,
    /// Events with a larger row are new since then.
    pub last_row: RowId,
    /// What happened or was due until then does not fire.
    pub baseline_at: Instant,
    /// This tick takes the baseline.
    pub is_baseline: bool,
    /// What its start means was edited since the last tick.
    pub is_edited: bool,
    /// The occurrence of the schedule that fires at this tick.
    pub scheduled: Option<Instant>,
}

impl Watch {
    /// Whether it may decide something for patrons of whom nothing changed.
    pub fn looks_at_all(&self) -> bool {
        self.is_baseline || self.is_edited || self.scheduled.is_some()
    }
}

/// Finds occurrences for one patron and one campaign.
pub struct Finder<'f, 'a> {
    pub program: &'f Program,
    pub running: &'f Running<'a>,
    pub watch: Watch,
    pub ask: &'f Ask<'f, 'a>,
    pub state: &'f mut PatronState,
    /// What the start condition is and until when, where that was found beforehand.
    pub condition: Option<Option<bool>>,
    /// Lowered to the next instant at which the answer may change.
    pub until: &'f mut Instant,
}

impl Finder<'_, '_> {
    /// The occurrences of this tick, the earlier first.
    pub fn find(&mut self) -> Vec<Occurrence> {
        let running = self.running;
        let mut found = match &running.start {
            Start::Becomes { condition, including_current } => self.becomes(*condition, *including_current),
            Start::Leaves { condition } => self.leaves(*condition),
            Start::Change { field, value, from, to } => self.change(*field, *value, from.as_ref(), to.as_ref()),
            Start::Event { event, admits, .. } => self.events(*event, *admits),
            Start::Record { event, admits, .. } => self.records(*event, *admits),
            Start::EventDate { event, field, offset, admits, .. } => self.event_dates(*event, *field, *offset, *admits),
            Start::Date { date, offset, .. } => self.date(*date, *offset),
            Start::Anniversary { date, offset, .. } => self.anniversary(*date, *offset),
            Start::Schedule => self.scheduled(),
        };
        found.retain(|occurrence| self.runs(occurrence.at));
        found.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| row_of(a).cmp(&row_of(b))));
        found
    }

    /// `runs from … to …`: both dates included.
    fn runs(&self, at: Instant) -> bool {
        let day = self.zone().day(at);
        let campaign = self.running.campaign;
        campaign.runs_from.is_none_or(|from| day >= from) && campaign.runs_to.is_none_or(|to| day <= to)
    }

    fn zone(&self) -> &Zone {
        &self.program.library.zone
    }

    fn now(&self) -> Instant {
        self.ask.now
    }

    fn name(&self) -> &'static str {
        self.running.name()
    }

    /// Something may change at `at`.
    fn look_at(&mut self, at: Instant) {
        if at > self.now() {
            *self.until = (*self.until).min(at);
        }
    }

    fn truth(&mut self, condition: RuleId) -> Option<bool> {
        if let Some(known) = self.condition {
            return known;
        }
        let answer = self.ask.answer(condition, &Scope::NONE);
        self.look_at(answer.until);
        match answer.truth {
            Truth::True => Some(true),
            Truth::False => Some(false),
            Truth::Unknown => None,
        }
    }

    fn value(&mut self, value: ValueId) -> Option<Value> {
        let (value, until) = self.ask.value(value, &Scope::NONE);
        self.look_at(until);
        value
    }

    /// Whether the patron's row may be seen and `where` is true for it.
    fn fits(&mut self, admits: RuleId, row: &EventRow) -> bool {
        let answer = self.ask.answer(admits, &Scope { row: Some(row), ..Scope::NONE });
        self.look_at(answer.until);
        answer.truth.is_true()
    }

    fn decided(&self, key: &str) -> bool {
        self.state.occurrences.contains_key(&(self.name().to_owned(), key.to_owned()))
    }

    fn too_old(&self, at: Instant) -> bool {
        self.now() > self.zone().plus(at, self.running.campaign.expires_after)
    }

    // ---- conditions ------------------------------------------------------------------------------------------

    /// Notes the present truth of a start condition; gives the one before.
    fn remember(&mut self, value: Option<bool>) -> (Membership, Membership) {
        let before = self.state.memberships.get(self.watch.number).unwrap_or_default();
        let after = Membership { value, known: value.unwrap_or(before.known), ..before };
        (before, after)
    }

    fn store(&mut self, membership: Membership) {
        // Who was never in it has no entry: most patrons, for most conditions.
        if membership.value == Some(true) || self.state.memberships.get(self.watch.number).is_some() {
            self.state.memberships.set(self.watch.number, membership);
        }
    }

    fn becomes(&mut self, condition: RuleId, including_current: bool) -> Vec<Occurrence> {
        let value = self.truth(condition);
        let (before, mut after) = self.remember(value);
        let entered = value == Some(true) && before.value != Some(true);
        let fires = entered && (!self.watch.is_baseline || including_current);
        if fires {
            after.entries += 1;
        }
        self.store(after);
        if fires { vec![self.at_this_tick(format!("entry {}", after.entries))] } else { Vec::new() }
    }

    fn leaves(&mut self, condition: RuleId) -> Vec<Occurrence> {
        let value = self.truth(condition);
        let (before, mut after) = self.remember(value);
        let fires = value == Some(false) && before.known && !self.watch.is_baseline;
        if fires {
            after.exits += 1;
        }
        self.store(after);
        if fires { vec![self.at_this_tick(format!("exit {}", after.exits))] } else { Vec::new() }
    }

    fn at_this_tick(&self, key: String) -> Occurrence {
        Occurrence { key, at: self.now(), row: None, date: None, is_passing: true }
    }

    fn change(&mut self, field: FieldId, value: ValueId, from: Option<&Value>, to: Option<&Value>) -> Vec<Occurrence> {
        let present = self.value(value);
        let name = self.name().to_owned();
        let before = self.state.watched.get(&name).cloned();
        let after = present.as_ref().map(written);
        match &after {
            Some(value) => drop(self.state.watched.insert(name, value.clone())),
            None => drop(self.state.watched.remove(&name)),
        }
        let (Some(before), Some(after), Some(present)) = (before, after, present) else { return Vec::new() };
        let zone = self.zone();
        let moment = Moment { now: self.now(), today: zone.day(self.now()), zone };
        let equal = |a: &Value, b: &Value| (EQUAL.kernel)(&[a.clone(), b.clone()], &moment) == Some(Value::Bool(true));
        let from_fits = from.is_none_or(|from| read(&before, from).is_some_and(|old| equal(&old, from)));
        let to_fits = to.is_none_or(|to| equal(&present, to));
        if self.watch.is_baseline || self.watch.is_edited || before == after || !from_fits || !to_fits {
            return Vec::new();
        }
        let since =
            self.ask.facts.changed.iter().find(|(changed, _)| *changed == field).map_or(self.now(), |(_, at)| *at);
        vec![self.at_this_tick(format!("change {}", since.timestamp()))]
    }

    // ---- events and records -----------------------------------------------------------------------------------

    fn events(&mut self, event: EventId, admits: RuleId) -> Vec<Occurrence> {
        let facts = self.ask.facts;
        let mut found = Vec::new();
        for row in facts.events(event) {
            if row.at > self.now() {
                self.look_at(row.at);
                continue;
            }
            let is_new = row.row > self.watch.last_row || self.watch.last.is_none_or(|last| row.at > last);
            if self.watch.is_baseline || row.at <= self.watch.baseline_at || !is_new || self.too_old(row.at) {
                continue;
            }
            let key = self.row_key(event, row.row, None);
            if !self.decided(&key) && self.fits(admits, row) {
                found.push(Occurrence { key, at: row.at, row: Some((event, row.row)), date: None, is_passing: true });
            }
        }
        found
    }

    fn records(&mut self, event: EventId, admits: RuleId) -> Vec<Occurrence> {
        let facts = self.ask.facts;
        let mut found = Vec::new();
        for row in facts.events(event) {
            if row.at > self.now() {
                self.look_at(row.at);
                continue;
            }
            let key = self.row_key(event, row.row, None);
            if self.decided(&key) || !self.fits(admits, row) {
                continue;
            }
            // Found true for the first time outside of `runs`: it has had its tick.
            if self.watch.is_baseline || !self.runs(self.now()) {
                let event_name = self.program.catalogue.event(event).name.to_string();
                let decided = Decided {
                    at: self.now(),
                    row: Some((event_name, row.row)),
                    date: None,
                    outcome: Outcome::Baseline,
                    enrolment: None,
                };
                let at = (self.name().to_owned(), key);
                self.state.new_baseline.push(at.clone());
                self.state.occurrences.insert(at, decided);
            } else {
                let row = Some((event, row.row));
                found.push(Occurrence { key, at: self.now(), row, date: None, is_passing: false });
            }
        }
        found
    }

    fn event_dates(&mut self, event: EventId, field: u16, offset: Lead, admits: RuleId) -> Vec<Occurrence> {
        let facts = self.ask.facts;
        let Some(offset) = self.offset(offset) else { return Vec::new() };
        let mut found = Vec::new();
        for row in facts.events(event) {
            if row.at > self.now() {
                self.look_at(row.at);
                continue;
            }
            let Some(value) = &row.fields[usize::from(field)] else { continue };
            let Some(due) = due(self.zone(), value, offset, true) else { continue };
            let date = written(value);
            let key = self.row_key(event, row.row, Some(&date));
            if self.is_due(due, &key) && self.fits(admits, row) {
                let row = Some((event, row.row));
                found.push(Occurrence { key, at: due, row, date: Some(date), is_passing: false });
            }
        }
        found
    }

    fn row_key(&self, event: EventId, row: RowId, date: Option<&str>) -> String {
        row_key(self.program.catalogue.event(event).name, row, date)
    }

    /// Whether what is due at `due` fires now if nothing else hinders; notes when it comes due.
    fn is_due(&mut self, due: Instant, key: &str) -> bool {
        if due > self.now() {
            self.look_at(due);
            return false;
        }
        !self.watch.is_baseline && due > self.watch.baseline_at && !self.too_old(due) && !self.decided(key)
    }

    // ---- dates ------------------------------------------------------------------------------------------------

    /// The offset, if it is known and not negative where a field says how long.
    fn offset(&mut self, offset: Lead) -> Option<Option<Duration>> {
        let (offset, until) = self.ask.lead(offset, &Scope::NONE);
        self.look_at(until);
        offset
    }

    fn date(&mut self, date: ValueId, offset: Lead) -> Vec<Occurrence> {
        let (Some(value), Some(offset)) = (self.value(date), self.offset(offset)) else { return Vec::new() };
        let Some(due) = due(self.zone(), &value, offset, false) else { return Vec::new() };
        let date = written(&value);
        if !self.is_due(due, &date) {
            return Vec::new();
        }
        vec![Occurrence { key: date.clone(), at: due, row: None, date: Some(date), is_passing: false }]
    }

    fn anniversary(&mut self, date: ValueId, offset: Lead) -> Vec<Occurrence> {
        let (Some(value), Some(offset)) = (self.value(date), self.offset(offset)) else { return Vec::new() };
        let program = self.program;
        let Some(anniversaries) = Anniversaries::of(&program.library.zone, &value, offset) else { return Vec::new() };
        let written = written(&value);
        // The first year whose occurrence lies ahead, and those before it that are not yet too old.
        let mut years = anniversaries.next(self.now());
        self.look_at(anniversaries.due(years));
        let mut found = Vec::new();
        while years > 1 {
            years -= 1;
            let (at, key) = (anniversaries.due(years), anniversaries.key(years));
            if self.is_due(at, &key) {
                found.push(Occurrence { key, at, row: None, date: Some(written.clone()), is_passing: false });
            } else if at <= self.now() {
                break;
            }
        }
        found
    }

    fn scheduled(&mut self) -> Vec<Occurrence> {
        let Some(at) = self.watch.scheduled else { return Vec::new() };
        let key = at.timestamp().to_string();
        if self.decided(&key) {
            return Vec::new();
        }
        vec![Occurrence { key, at, row: None, date: None, is_passing: true }]
    }
}

/// The key of an occurrence that is about a row of the kind with this name, and a date of it.
pub fn row_key(name: Symbol, row: RowId, date: Option<&str>) -> String {
    match date {
        None => format!("{name} {}", row.0),
        Some(date) => format!("{name} {} {date}", row.0),
    }
}

/// When the anniversaries of a date are due, by the years since.
pub struct Anniversaries<'z> {
    zone: &'z Zone,
    first: Day,
    offset: Option<Duration>,
}

impl Anniversaries<'_> {
    /// Of a date or the local date of an instant.
    pub fn of<'z>(zone: &'z Zone, date: &Value, offset: Option<Duration>) -> Option<Anniversaries<'z>> {
        Some(Anniversaries { zone, first: day_of(zone, date)?, offset })
    }

    /// When one is due.
    pub fn due(&self, years: i64) -> Instant {
        let anniversary = self.first.plus_months(years * 12);
        self.zone.start_of(self.offset.map_or(anniversary, |offset| anniversary.plus(offset)))
    }

    /// The years of the first one that is due after `now`.
    pub fn next(&self, now: Instant) -> i64 {
        let year = |day: Day| i64::from(day.civil().year());
        let mut years = (year(self.zone.day(now)) - year(self.first) - 2).max(1);
        while self.due(years) <= now && years < 20_000 {
            years += 1;
        }
        years
    }

    /// The key of its occurrence: the year it is in.
    pub fn key(&self, years: i64) -> String {
        (i64::from(self.first.civil().year()) + years).to_string()
    }
}

fn row_of(occurrence: &Occurrence) -> Option<RowId> {
    occurrence.row.map(|(_, row)| row)
}

/// The local date of a date or instant.
pub fn day_of(zone: &Zone, value: &Value) -> Option<Day> {
    match value {
        Value::Date(day) => Some(*day),
        Value::Instant(instant) => Some(zone.day(*instant)),
        _ => None,
    }
}

/// When `offset` from `value` is: the first instant of the local date, or with `exact` of an instant without an
/// offset or with one in hours that instant.
pub fn due(zone: &Zone, value: &Value, offset: Option<Duration>, exact: bool) -> Option<Instant> {
    match (value, offset) {
        (Value::Instant(instant), None) if exact => Some(*instant),
        (Value::Instant(instant), Some(offset)) if offset.unit.is_elapsed() => Some(zone.plus(*instant, offset)),
        _ => {
            let day = day_of(zone, value)?;
            Some(zone.start_of(offset.map_or(day, |offset| day.plus(offset))))
        }
    }
}

/// A value as keys and memory write it.
pub fn written(value: &Value) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) | Value::Decimal(number) | Value::Money(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Date(day) => day.to_string(),
        Value::Instant(instant) => instant.timestamp().to_string(),
        Value::Duration(duration) => duration.to_string(),
        Value::Symbol(symbol) => symbol.to_string(),
        Value::Set(values) => values.iter().map(written).collect::<Vec<_>>().join("\n"),
    }
}

/// Reads back what [`written`] wrote, as a value of the same type as `like`.
fn read(text: &str, like: &Value) -> Option<Value> {
    match like {
        Value::Bool(_) => text.parse().ok().map(Value::Bool),
        Value::Int(_) => text.parse().ok().map(Value::Int),
        Value::Decimal(_) => text.parse().ok().map(Value::Decimal),
        Value::Money(_) => text.parse().ok().map(Value::Money),
        Value::Text(_) => Some(Value::text(text)),
        Value::Date(_) => text.parse().ok().map(|date| Value::Date(Day::from_civil(date))),
        Value::Instant(_) => text.parse().ok().map(|at| Value::Instant(Instant::from_timestamp(at))),
        Value::Duration(_) => None,
        Value::Symbol(_) => crate::symbol::Symbol::find(text).map(Value::Symbol),
        Value::Set(values) => {
            let like = values.first();
            let parts = text.split('\n').filter(|part| !part.is_empty());
            let read = parts.map(|part| like.map_or_else(|| Some(Value::text(part)), |like| read(part, like)));
            read.collect::<Option<Vec<_>>>().map(|values| Value::Set(values.into()))
        }
    }
}
