//! What a tick owes: each date, event and record that fires has been decided, nobody was enrolled who is not in the
//! audience, and each goal stands as its condition says. Read off the facts, without the engine.

use std::collections::HashSet;

use bookmobile::catalogue::Value;
use bookmobile::eval::{Interpreter, Question, Truth};
use bookmobile::program::{Campaign, Offset, StartKind, Together};
use bookmobile::rule::{EventRow, Facts, RowId};
use bookmobile::store::Store;
use bookmobile::time::{Day, Duration, Instant, Zone};
use rusqlite::{OptionalExtension, params};

use super::rules::{Lowered, OfCampaign};

/// What the store knew at the tick before.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    pub at: Instant,
    pub row: RowId,
}

/// One patron after a tick.
pub struct Visited<'v, 'a> {
    pub store: &'v Store,
    pub lowered: &'v Lowered<'a>,
    pub facts: &'v Facts,
    pub now: Instant,
    pub since: Since,
    /// Enrolments whose goal was reached or missed by the tick before: an edit of the goal changes nothing of that.
    pub settled: &'v HashSet<i64>,
}

impl Visited<'_, '_> {
    /// Everything that is owed to the patron.
    pub fn check(&self, interpreter: &mut Interpreter<'_>) -> Result<(), String> {
        for of in &self.lowered.campaigns {
            self.starts(of, interpreter)?;
        }
        self.enrolled_now(interpreter)?;
        self.goals(interpreter)
    }

    fn zone(&self) -> &Zone {
        &self.lowered.program.library.zone
    }

    /// Each start of the campaign that is due has been decided.
    fn starts(&self, of: &OfCampaign<'_>, interpreter: &mut Interpreter<'_>) -> Result<(), String> {
        let campaign = of.campaign;
        let owed = |what: String| Err(format!("owed: {} to {}: {what}", campaign.name, self.facts.key));
        let Some(baseline) = self.baseline(campaign) else { return owed("no baseline".into()) };
        let is_due = |due: Instant| {
            let day = self.zone().day(due);
            due > baseline
                && due <= self.now
                && self.now <= self.zone().plus(due, campaign.expires_after)
                && campaign.runs_from.is_none_or(|from| day >= from)
                && campaign.runs_to.is_none_or(|to| day <= to)
        };
        match &campaign.start.kind {
            StartKind::EventDate { event, field, .. } => {
                for row in self.facts.events(*event) {
                    if let Some(value) = &row.fields[usize::from(*field)]
                        && self.has_kept_another_date(campaign, Some(row.row), &written(value))
                    {
                        return owed(format!("the date of row {} moved before anything was sent", row.row.0));
                    }
                }
            }
            StartKind::Date { date, .. } => {
                if let Some(value) = plain(self.facts, date)
                    && self.has_kept_another_date(campaign, None, &written(value))
                {
                    return owed("the date moved before anything was sent".into());
                }
            }
            _ => {}
        }
        match &campaign.start.kind {
            StartKind::EventDate { field, offset, .. } => {
                for row in self.rows(of, interpreter) {
                    let Some(value) = &row.fields[usize::from(*field)] else { continue };
                    let Some(due) = self.due(value, offset, true).filter(|due| is_due(*due)) else { continue };
                    if !self.has_decided(campaign, Some(row.row), Some(&written(value))) {
                        return owed(format!("{} of row {} was due at {}", written(value), row.row.0, due.timestamp()));
                    }
                }
            }
            StartKind::Event { event, .. } if self.lowered.program.catalogue.event(*event).is_record() => {
                for row in self.rows(of, interpreter) {
                    if !self.has_decided(campaign, Some(row.row), None) {
                        return owed(format!("record {} fits", row.row.0));
                    }
                }
            }
            StartKind::Event { .. } => {
                let is_admitted = of.admits(self.facts, self.now, interpreter);
                for row in self.rows(of, interpreter) {
                    let is_new = row.at > self.since.at || row.row > self.since.row;
                    if is_new && is_due(row.at) && is_admitted && !self.has_decided(campaign, Some(row.row), None) {
                        return owed(format!("event {} of {}", row.row.0, row.at.timestamp()));
                    }
                }
            }
            StartKind::Date { date, offset } => {
                if let Some(value) = plain(self.facts, date)
                    && self.due(value, offset, false).is_some_and(is_due)
                    && !self.has_decided(campaign, None, Some(&written(value)))
                {
                    return owed(format!("{} was due", written(value)));
                }
            }
            StartKind::Anniversary { date, offset } => {
                let Some(value) = plain(self.facts, date) else { return Ok(()) };
                let Some(first) = self.day(value) else { return Ok(()) };
                for years in 1..60 {
                    let anniversary = first.plus_months(12 * years);
                    let is_decided = || {
                        self.has_decided(campaign, None, Some(&written(value)))
                            || self.was_told_in(campaign, first.civil().year() + years as i16)
                    };
                    if self.due(&Value::Date(anniversary), offset, false).is_some_and(is_due) && !is_decided() {
                        return owed(format!("anniversary {years} was due"));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn baseline(&self, campaign: &Campaign) -> Option<Instant> {
        let sql = "SELECT baseline_at FROM campaign_state WHERE campaign = ?1";
        let mut query = self.store.connection().prepare_cached(sql).expect("a table");
        query.query_row([campaign.name.as_str()], |row| row.get(0).map(Instant)).optional().expect("readable")
    }

    /// The rows that may start the campaign now.
    fn rows(&self, of: &OfCampaign<'_>, interpreter: &mut Interpreter<'_>) -> Vec<&EventRow> {
        let Some((event, admits)) = of.row else { return Vec::new() };
        let mut fits = |row: &&EventRow| {
            let question = Question { row: Some(*row), ..Question::of(self.facts, self.now) };
            row.at <= self.now && interpreter.truth(admits, &question) == Truth::True
        };
        self.facts.events(event).iter().filter(|row| fits(row)).collect()
    }

    fn has_decided(&self, campaign: &Campaign, row: Option<RowId>, date: Option<&str>) -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM occurrence WHERE patron = ?1 AND campaign = ?2 \
                   AND event_row IS ?3 AND (?4 IS NULL OR date = ?4))";
        let mut query = self.store.connection().prepare_cached(sql).expect("a table");
        let found = params![self.facts.patron.0, campaign.name.as_str(), row.map(|row| row.0), date];
        query.query_row(found, |row| row.get(0)).expect("readable")
    }

    /// Whether an occurrence of a date that is no longer the present one stands though no message of it went out.
    fn has_kept_another_date(&self, campaign: &Campaign, row: Option<RowId>, date: &str) -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM occurrence o WHERE o.patron = ?1 AND o.campaign = ?2 \
                   AND o.event_row IS ?3 AND o.date <> ?4 AND NOT EXISTS (SELECT 1 FROM outbox m \
                   WHERE m.enrolment = o.enrolment AND m.state IN ('sent', 'claimed')))";
        let mut query = self.store.connection().prepare_cached(sql).expect("a table");
        let found = params![self.facts.patron.0, campaign.name.as_str(), row.map(|row| row.0), date];
        query.query_row(found, |row| row.get(0)).expect("readable")
    }

    /// Whether a message of the year's anniversary went out: nothing more is owed, though by another card or before a
    /// correction the date was another.
    fn was_told_in(&self, campaign: &Campaign, year: i16) -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM occurrence o JOIN outbox m ON m.enrolment = o.enrolment \
                   WHERE o.patron = ?1 AND o.campaign = ?2 AND o.key = ?3 AND m.state IN ('sent', 'claimed'))";
        let mut query = self.store.connection().prepare_cached(sql).expect("a table");
        let found = params![self.facts.patron.0, campaign.name.as_str(), year.to_string()];
        query.query_row(found, |row| row.get(0)).expect("readable")
    }

    /// Whoever was enrolled at this tick was in the audience.
    fn enrolled_now(&self, interpreter: &mut Interpreter<'_>) -> Result<(), String> {
        let sql = "SELECT DISTINCT campaign FROM enrolment WHERE patron = ?1 AND enrolled_at = ?2";
        let mut query = self.store.connection().prepare_cached(sql).expect("a table");
        let names = query.query_map([self.facts.patron.0, self.now.0], |row| row.get::<_, String>(0));
        for name in names.expect("readable") {
            let name = name.expect("readable");
            let of = self.lowered.of(name.as_str().into()).expect("only campaigns of the program enrol");
            if !of.admits(self.facts, self.now, interpreter) {
                return Err(format!(
                    "{} was enrolled in {name}, and is not known to be in its audience",
                    self.facts.key
                ));
            }
        }
        Ok(())
    }

    /// Open is a goal whose time has not passed and whose condition is not true; reached one that was true in time.
    fn goals(&self, interpreter: &mut Interpreter<'_>) -> Result<(), String> {
        let sql = "SELECT e.campaign, e.start, e.goal, e.goal_at, min(o.event_row), e.id FROM enrolment e \
                   LEFT JOIN occurrence o ON o.enrolment = e.id AND o.key = e.key \
                   WHERE e.patron = ?1 AND e.goal <> 'none' GROUP BY e.id";
        let mut query = self.store.connection().prepare_cached(sql).expect("a table");
        let mut found = query.query([self.facts.patron.0]).expect("readable");
        while let Some(row) = found.next().expect("readable") {
            let (name, start): (String, i64) = (row.get(0).expect("a name"), row.get(1).expect("an instant"));
            let (goal, at): (String, Option<i64>) = (row.get(2).expect("a word"), row.get(3).expect("an instant"));
            let event_row: Option<i64> = row.get(4).expect("a row");
            if goal != "open" && self.settled.contains(&row.get(5).expect("an id")) {
                continue;
            }
            let Some(of) = self.lowered.of(name.as_str().into()) else { continue };
            let (Some(rule), Some((_, within))) = (of.goal, &of.campaign.goal) else { continue };
            let start = Instant(start);
            let is_late = |at: Instant| self.is_after(start, *within, at);
            let rows = of.row.filter(|_| together(of.campaign) == Together::No);
            let event = rows
                .map(|(event, _)| (event, self.facts.events(event).iter().find(|row| Some(row.row.0) == event_row)));
            let question = Question { start: Some(start), event, ..Question::of(self.facts, self.now) };
            let is_true = self.now > start && interpreter.truth(rule, &question) == Truth::True;
            let holds = match goal.as_str() {
                "open" => !is_late(self.now) && !is_true,
                "missed" => is_late(self.now),
                _ => at.map(Instant).is_some_and(|at| at > start && !is_late(at)),
            };
            if !holds {
                let key = &self.facts.key;
                return Err(format!("the goal of {name} for {key} is {goal} ({at:?}), and its condition {is_true}"));
            }
        }
        Ok(())
    }

    /// Whether `at` is more than `within` after `start`.
    fn is_after(&self, start: Instant, within: Duration, at: Instant) -> bool {
        match within.elapsed_seconds() {
            Some(seconds) => at.0 - start.0 > seconds * 1_000_000,
            None => self.zone().day(at) > self.zone().day(start).plus(within),
        }
    }

    fn day(&self, value: &Value) -> Option<Day> {
        match value {
            Value::Date(day) => Some(*day),
            Value::Instant(at) => Some(self.zone().day(*at)),
            _ => None,
        }
    }

    /// When a start on a date is due; `of_row`: an instant counts as itself where nothing says days.
    fn due(&self, value: &Value, offset: &Offset, of_row: bool) -> Option<Instant> {
        let by = match offset {
            Offset::None => None,
            Offset::Fixed(duration) => Some(*duration),
            Offset::Field { field, unit, after } => match self.facts.field(*field)? {
                Value::Int(count) if *count >= 0 => {
                    Some(Duration { count: if *after { *count } else { -*count }, unit: *unit })
                }
                _ => return None,
            },
        };
        if let (Value::Instant(at), true) = (value, of_row) {
            match by.map(|by| by.elapsed_seconds()) {
                None => return Some(*at),
                Some(Some(seconds)) => return Some(at.plus_seconds(seconds)),
                Some(None) => {}
            }
        }
        let day = self.day(value)?;
        Some(self.zone().start_of(by.map_or(day, |by| day.plus(by))))
    }
}

fn together(campaign: &Campaign) -> Together {
    match &campaign.start.kind {
        StartKind::Event { together, .. } | StartKind::EventDate { together, .. } => *together,
        _ => Together::No,
    }
}

/// The value of a date that is a field of the patron; the generator writes no other.
fn plain<'f>(facts: &'f Facts, date: &bookmobile::rule::Expr) -> Option<&'f Value> {
    match &date.kind {
        bookmobile::rule::Kind::Read(bookmobile::rule::Read::Patron(field)) => facts.field(*field),
        other => panic!("the generator writes no such date: {other:?}"),
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::Date(day) => day.to_string(),
        Value::Instant(at) => at.timestamp().to_string(),
        other => panic!("no date: {other:?}"),
    }
}
