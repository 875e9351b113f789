//! Starts that a tick owes because something turned, or the clock struck: conditions that became true or false, fields that
//! changed, schedules. What the store knew at the tick before is remembered here, and not read from the engine's memory.

use std::collections::{HashMap, HashSet};

use bookmobile::catalogue::{FieldId, Value};
use bookmobile::eval::{Interpreter, Question, Truth};
use bookmobile::program::{Again, Campaign, Program, Schedule, StartKind, Together};
use bookmobile::rule::{Facts, PatronId};
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, Weekday, Zone};

use super::rules::{Lowered, OfCampaign};

/// What was so at the last tick, by patron.
#[derive(Default)]
pub struct Before {
    /// What each start condition was, and whether its last known value was true; of those who were ever in it.
    conditions: HashMap<(PatronId, Symbol), (Truth, bool)>,
    /// The known values of fields.
    fields: HashMap<(PatronId, FieldId), Value>,
    /// Whom that tick put on a list or took off one after it had looked at them.
    moved: HashSet<PatronId>,
    /// Enrolments whose goal was reached or missed.
    pub settled: HashSet<i64>,
}

impl Before {
    /// Of two cards that become one, `kept` stands where it stood, and is in a start that the double was in.
    pub fn merge(&mut self, program: &Program, kept: PatronId, double: PatronId) {
        let conditions = self.conditions.iter().filter(|((of, _), _)| *of == double);
        for ((_, name), was) in conditions.map(|(key, was)| (*key, *was)).collect::<Vec<_>>() {
            let campaign = program.campaign(name);
            let leaves = campaign.is_some_and(|campaign| matches!(campaign.start.kind, StartKind::Leaves { .. }));
            if was.0 == Truth::True && !leaves {
                self.conditions.insert((kept, name), was);
            }
        }
        let fields = self.fields.iter().filter(|((of, _), _)| *of == double);
        for ((_, field), value) in fields.map(|(key, value)| (*key, value.clone())).collect::<Vec<_>>() {
            self.fields.entry((kept, field)).or_insert(value);
        }
        if self.moved.contains(&double) {
            self.moved.insert(kept);
        }
    }
}

/// One patron after a tick.
pub struct Turn<'t, 'a> {
    pub store: &'t Store,
    pub lowered: &'t Lowered<'a>,
    pub facts: &'t Facts,
    pub now: Instant,
    /// The tick before this one.
    pub last: Instant,
}

impl Turn<'_, '_> {
    fn zone(&self) -> &Zone {
        &self.lowered.program.library.zone
    }

    /// Everything that turned has been decided, and nothing else has.
    pub fn check(&self, before: &Before, interpreter: &mut Interpreter<'_>) -> Result<(), String> {
        let was_moved = before.moved.contains(&self.facts.patron);
        for of in self.lowered.campaigns.iter().filter(|_| !was_moved) {
            let (campaign, baseline) = (of.campaign, self.baseline(of.campaign));
            let Some(fires) = self.fires(of, baseline == self.now, before, interpreter) else { continue };
            let runs = campaign.runs_from.is_none_or(|from| self.zone().day(self.now) >= from)
                && campaign.runs_to.is_none_or(|to| self.zone().day(self.now) <= to);
            let is_owed = fires && runs && of.admits(self.facts, self.now, interpreter);
            let decided = self.decided(campaign);
            if is_owed != decided {
                let what = if is_owed { "owed" } else { "not owed, and decided" };
                return Err(format!("{what}: {} to {}, as its start turned", campaign.name, self.facts.key));
            }
        }
        for of in &self.lowered.campaigns {
            self.scheduled(of, interpreter)?;
        }
        Ok(())
    }

    /// What is known of the patron now, for the next tick. `is_moved`: that tick changed their lists.
    pub fn note(&self, before: &Before, next: &mut Before, is_moved: bool, interpreter: &mut Interpreter<'_>) {
        let patron = self.facts.patron;
        next.moved.extend(is_moved.then_some(patron));
        for of in &self.lowered.campaigns {
            let Some(condition) = of.condition else { continue };
            let key = (patron, of.campaign.name);
            let truth = interpreter.truth(condition, &Question::of(self.facts, self.now));
            let was = before.conditions.get(&key);
            if truth == Truth::True || was.is_some() {
                let was_true = was.is_some_and(|(_, was_true)| *was_true);
                let known = if truth == Truth::Unknown { was_true } else { truth == Truth::True };
                next.conditions.insert(key, (truth, known));
            }
        }
        for index in 0..self.lowered.program.catalogue.fields.len() {
            let field = FieldId(index as u16);
            next.fields.extend(self.facts.field(field).map(|value| ((patron, field), value.clone())));
        }
    }

    /// Whether the start fires for the patron at this tick; `None`: it is of another kind.
    fn fires(
        &self,
        of: &OfCampaign<'_>,
        is_baseline: bool,
        before: &Before,
        interpreter: &mut Interpreter<'_>,
    ) -> Option<bool> {
        let key = (self.facts.patron, of.campaign.name);
        let (was, was_known_true) = before.conditions.get(&key).copied().unwrap_or((Truth::False, false));
        let mut is = || interpreter.truth(of.condition.expect("it starts on one"), &Question::of(self.facts, self.now));
        match &of.campaign.start.kind {
            StartKind::Becomes { including_current, .. } => {
                Some(is() == Truth::True && was != Truth::True && (!is_baseline || *including_current))
            }
            StartKind::Leaves { .. } => Some(is() == Truth::False && was_known_true && !is_baseline),
            StartKind::Change { field, from, to } => {
                let now = self.facts.field(*field);
                let then = before.fields.get(&(self.facts.patron, *field));
                let (Some(now), Some(then)) = (now, then) else { return Some(false) };
                let fits = from.as_ref().is_none_or(|from| from == then) && to.as_ref().is_none_or(|to| to == now);
                Some(now != then && fits && !is_baseline)
            }
            _ => None,
        }
    }

    /// The latest instant of a schedule since the last tick has been decided for the whole audience.
    fn scheduled(&self, of: &OfCampaign<'_>, interpreter: &mut Interpreter<'_>) -> Result<(), String> {
        let campaign = of.campaign;
        let StartKind::Schedule { schedule, at } = &campaign.start.kind else { return Ok(()) };
        // Who is drawn is another matter, and the public is nobody.
        if campaign.sample.is_some() || matches!(campaign.audience, bookmobile::program::Audience::Public) {
            return Ok(());
        }
        let zone = self.zone();
        let (first, last) = (zone.day(self.last), zone.day(self.now));
        let instants =
            (first.0 - 1..=last.0 + 1).map(Day).filter(|day| falls_on(schedule, *day)).map(|day| zone.at(day, *at));
        let Some(due) = instants.filter(|due| *due > self.last && *due <= self.now).max() else { return Ok(()) };
        let day = zone.day(due);
        let is_due = due > self.baseline(campaign)
            && self.now <= zone.plus(due, campaign.expires_after)
            && campaign.runs_from.is_none_or(|from| day >= from)
            && campaign.runs_to.is_none_or(|to| day <= to);
        if is_due && of.admits(self.facts, self.now, interpreter) && !self.decided(campaign) {
            return Err(format!("owed: {} to {}: it was due at {}", campaign.name, self.facts.key, due.timestamp()));
        }
        Ok(())
    }

    /// Whether this tick decided an occurrence of the campaign for the patron.
    fn decided(&self, campaign: &Campaign) -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM occurrence WHERE patron = ?1 AND campaign = ?2 AND decided_at = ?3)";
        let mut query = self.store.connection().prepare_cached(sql).expect("a table");
        let found = (self.facts.patron.0, campaign.name.as_str(), self.now.0);
        query.query_row(found, |row| row.get(0)).expect("readable")
    }

    fn baseline(&self, campaign: &Campaign) -> Instant {
        let sql = "SELECT baseline_at FROM campaign_state WHERE campaign = ?1";
        let mut query = self.store.connection().prepare_cached(sql).expect("a table");
        query.query_row([campaign.name.as_str()], |row| row.get(0).map(Instant)).expect("every campaign has a baseline")
    }
}

/// Whether a schedule names a date.
fn falls_on(schedule: &Schedule, day: Day) -> bool {
    let civil = day.civil();
    let days = i64::from(civil.days_in_month());
    let of_month = i64::from(civil.day());
    let is_nth = |nth: i64, weekday: Weekday| {
        let last = of_month + 7 > days;
        day.weekday() == weekday && if nth < 0 { last } else { (of_month - 1) / 7 + 1 == nth }
    };
    match schedule {
        Schedule::Daily => true,
        Schedule::Weekdays(on) => on.contains(&day.weekday()),
        Schedule::Weeks { every, on, from } => {
            let mut first = *from;
            while first.weekday() != *on {
                first = first.plus_days(1);
            }
            day >= first && i64::from(day.0 - first.0) % (7 * every) == 0
        }
        Schedule::MonthDay(wanted) => of_month == (*wanted).min(days),
        Schedule::MonthWeekday { nth, weekday } => is_nth(i64::from(*nth), *weekday),
        Schedule::MonthLastDay => of_month == days,
        Schedule::Year { month, day: wanted } => {
            i64::from(civil.month()) == i64::from(*month) && of_month == (*wanted).min(days)
        }
        Schedule::Once(on) => day == *on,
    }
}

/// Enrolments whose goal is reached or missed.
pub fn settled(store: &Store) -> HashSet<i64> {
    let sql = "SELECT id FROM enrolment WHERE goal IN ('reached', 'missed')";
    let mut query = store.connection().prepare_cached(sql).expect("a table");
    let ids = query.query_map((), |row| row.get(0)).expect("readable");
    ids.collect::<Result<_, _>>().expect("readable")
}

/// What holds of all enrolments whatever happened: who is held out gets nothing and stays so, `again` is kept, and only
/// what starts on rows runs twice at once.
///
/// Not of cards that became one, whose journeys had begun apart, nor of those that began before the last edit, at
/// `edited_at`: the start may have been on rows.
pub fn enrolments(
    store: &Store,
    program: &Program,
    merged: &HashSet<PatronId>,
    edited_at: Instant,
) -> Result<(), String> {
    let db = store.connection();
    let none = |what: &str, sql: &str| -> Result<(), String> {
        let mut query = db.prepare_cached(sql).expect("the tables are there");
        let mut rows = query.query(()).expect("readable");
        match rows.next().expect("readable") {
            None => Ok(()),
            Some(row) => Err(format!("{what}: {:?} of {:?}", row.get::<_, String>(0), row.get::<_, Option<i64>>(1))),
        }
    };
    none(
        "held out, and written to",
        "SELECT o.campaign, o.patron FROM outbox o JOIN enrolment e ON e.id = o.enrolment \
         WHERE e.held_out AND o.state IN ('queued', 'claimed', 'sent')",
    )?;
    let mut query = db
        .prepare_cached(
            "SELECT patron, start, state, enrolled_at FROM enrolment WHERE campaign = ?1 AND patron IS NOT NULL \
             AND state <> 'withdrawn' ORDER BY patron, id",
        )
        .expect("the tables are there");
    for campaign in &program.campaigns {
        let is_on_rows = matches!(campaign.start.kind, StartKind::Event { .. } | StartKind::EventDate { .. });
        // One that gathers begins with the first of its rows, which may come late.
        let gathers = matches!(campaign.start.kind, StartKind::Event { together: Together::For(_), .. });
        let rows = query.query_map([campaign.name.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, Instant(row.get(1)?), row.get::<_, String>(2)?, Instant(row.get(3)?)))
        });
        let all: Vec<_> = rows.expect("readable").collect::<Result<_, _>>().expect("readable");
        for pair in all.windows(2) {
            let [(patron, first, state, _), (other, second, _, enrolled_at)] = pair else {
                unreachable!("windows of two")
            };
            if patron != other || merged.contains(&PatronId(*patron)) || *enrolled_at < edited_at {
                continue;
            }
            let wrong = |what: &str| Err(format!("{} for {patron}: {what}", campaign.name));
            if !is_on_rows && matches!(state.as_str(), "running" | "gathering") {
                return wrong("two run beside each other");
            }
            match campaign.again {
                Again::Always => {}
                Again::Never => return wrong("started twice, and `again never`"),
                Again::After(wait) => {
                    if !gathers && *second < program.library.zone.plus(*first, wait) {
                        return wrong("started again too early");
                    }
                }
            }
        }
    }
    Ok(())
}
