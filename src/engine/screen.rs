//! Whom a tick need not look at closely.
//!
//! Native code says of many patrons at once what the start conditions of all campaigns are and until when; the other
//! starts are tried by their dates alone, and where that does not settle it the patron is looked at closely. So most
//! of those whose data changed, and of those whom a midnight brings up, cost neither a look at their facts nor a write.
//! A patron for whom nothing may be decided is left as they are: [`Look::Nothing`] and [`Look::Moves`] decide what a
//! close look would.

use std::ops::Range;

use crate::catalogue::{EventId, FieldId, Value};
use crate::engine::conditions::{Conditions, Turn, condition_of};
use crate::engine::journey::Lead;
use crate::engine::occurrence::{self, Anniversaries, Watch, row_key, written};
use crate::engine::plan::{Plan, Running, Start};
use crate::engine::state::PatronState;
use crate::engine::tick::{Looked, Tick};
use crate::eval::{Bitmap, Bulk, Compiled, NEVER, RuleId, Untils, Way, local_dates};
use crate::limits;
use crate::rule::columns::{Columns, Events};
use crate::rule::{Facts, PatronId, RowId};
use crate::store::snapshot::{Base, Choice, Dates};
use crate::store::{Kinds, StoreError};
use crate::time::{Duration, Instant};

/// What a plan keeps from one tick to the next.
#[derive(Default)]
pub(super) struct Kept {
    conditions: Option<Compiled>,
    audiences: Option<Compiled>,
    base: Option<Base>,
    /// Patrons who were looked at since there was one.
    without_base: i64,
}

/// How a patron is to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    /// Nothing is decided and nothing is remembered but until when that holds.
    Nothing,
    /// Start conditions turned, and nothing fires.
    Moves,
    /// Everything is tried.
    Closely,
}

/// Patrons that are looked at together.
pub(super) struct Screen<'a> {
    columns: Columns,
    pub conditions: Conditions,
    untils: Untils<'a>,
    /// Those whose schedule fires: the first two of the truths of their audience, and of each exception.
    audiences: Vec<Bitmap>,
    admitting: Vec<Option<Range<usize>>>,
}

/// How so many patrons are looked at; `None`: each closely.
pub(super) fn way(plan: &Plan<'_>, patrons: usize) -> Option<Way> {
    match plan.screens {
        Some(way) => way,
        None if patrons < limits::SCREEN_FROM => None,
        None if patrons >= limits::COMPILE_FROM || plan.kept().conditions.is_some() => Some(Way::Native),
        None => Some(Way::Interpreted),
    }
}

/// Opens the store's snapshot for what is wanted, or closes one that is no longer the store's. `patrons` will be
/// looked at.
pub(super) fn prepare(tick: &Tick<'_>, patrons: usize) -> Result<(), StoreError> {
    let reader = tick.transaction.reader();
    let mut kept = tick.plan.kept();
    if let Some(base) = &kept.base
        && !base.is_of(&reader)?
    {
        kept.base = None;
    }
    // Opening reads some columns of everybody: worth it once as much was read without.
    kept.without_base += if kept.base.is_some() { 0 } else { patrons as i64 };
    if kept.base.is_none() && kept.without_base * limits::OPEN_FOR_SHARE >= reader.newest_patron()?.0 {
        kept.without_base = 0;
        kept.base = Base::open(&reader, &tick.plan.reading.wanted, &dates(tick));
    }
    Ok(())
}

fn dates<'t>(tick: &Tick<'t>) -> Dates<'t> {
    Dates { zone: tick.world.zone, day: |zone| Box::new(local_dates(zone)) }
}

/// With the code that an earlier tick made.
fn with_code<'a>(bulk: Bulk<'a>, way: Way, kept: &mut Option<Compiled>) -> Bulk<'a> {
    match kept.take_if(|_| way == Way::Native) {
        Some(compiled) => bulk.with_compiled(compiled),
        None => bulk,
    }
}

fn keep_code(bulk: Bulk<'_>, way: Way, kept: &mut Option<Compiled>) {
    if way == Way::Native {
        *kept = Some(bulk.into_compiled());
    }
}

impl<'a> Screen<'a> {
    /// Of these patrons, in order of id. Does something else while other threads put the columns together and find the
    /// conditions.
    pub fn new<R>(
        tick: &mut Tick<'a>,
        patrons: &[Looked],
        since: i64,
        way: Way,
        meanwhile: impl FnOnce(&mut Tick<'a>) -> R,
    ) -> Result<(Screen<'a>, R), StoreError> {
        let plan = tick.plan;
        let mut kept = plan.kept();
        let Kept { conditions, audiences: of_audiences, base, .. } = &mut *kept;
        let (reader, dates) = (tick.transaction.reader(), dates(tick));
        let choice =
            Choice { reader: &reader, wanted: &plan.reading.wanted, dates: &dates, base: base.as_ref(), since };
        let gathered = choice.gather(patrons.iter().map(|looked| &looked.chosen))?;
        let (rules, now): (Vec<RuleId>, _) = (plan.campaigns.iter().filter_map(condition_of).collect(), tick.now);
        let bulk = Bulk::new(&plan.rules, tick.world, &rules, way).with_validity();
        let mut bulk = with_code(bulk, way, conditions);
        let mut found = None;
        let beside = rayon::in_place_scope(|scope| {
            scope.spawn(|_| {
                let columns = gathered.columns();
                let (truths, untils) = bulk.run_until(&columns, now);
                found = Some((columns, truths, untils));
            });
            meanwhile(tick)
        });
        let (columns, truths, untils) = found.expect("the scope ends when they are there");
        keep_code(bulk, way, conditions);
        let (mut audiences, mut admitting) = (Vec::new(), vec![None; plan.campaigns.len()]);
        if tick.watches.iter().any(|watch| watch.scheduled.is_some()) {
            let mut rules = Vec::new();
            for (running, admits) in plan.campaigns.iter().zip(&mut admitting) {
                if matches!(running.start, Start::Schedule) && !running.is_public() {
                    let start = rules.len();
                    rules.extend(running.audience.iter().chain(&running.except));
                    *admits = Some(start..rules.len());
                }
            }
            let mut bulk = with_code(Bulk::new(&plan.rules, tick.world, &rules, way), way, of_audiences);
            audiences = bulk.run(&columns, tick.now);
            keep_code(bulk, way, of_audiences);
        }
        let conditions = Conditions::new(&plan.campaigns, &tick.watches, &truths, columns.len());
        Ok((Screen { columns, conditions, untils, audiences, admitting }, beside))
    }

    /// The row of a patron; `None`: they are no longer there.
    pub fn row(&self, patron: PatronId) -> Option<usize> {
        self.columns.patrons.binary_search(&patron.0).ok()
    }

    /// Adds the events that rules and starts read.
    pub fn complete(&self, row: usize, facts: &mut Facts) {
        for (index, rows) in facts.events.iter_mut().enumerate().filter(|(_, rows)| rows.is_empty()) {
            *rows = self.columns.rows_of(index, row);
        }
    }

    /// How to look at a patron, and the first instant at which another look may find something else.
    pub fn look(&self, tick: &Tick<'a>, row: usize, looked: &Looked, state: &PatronState) -> (Look, Instant) {
        let mut until = if looked.is_touched { NEVER } else { state.until.unwrap_or(NEVER) };
        until = until.min(self.untils.get(row));
        if !state.enrolments.is_empty() {
            return (Look::Closely, until);
        }
        let look = match self.conditions.turn(row, &state.memberships, looked.is_touched) {
            Turn::Starts => return (Look::Closely, until),
            Turn::Moves => Look::Moves,
            Turn::None => Look::Nothing,
        };
        for (index, running) in tick.plan.campaigns.iter().enumerate() {
            let watch = &tick.watches[index];
            if condition_of(running).is_some() || running.is_public() || !(looked.is_touched || watch.looks_at_all()) {
                continue;
            }
            let mut other = Other { screen: self, tick, running, watch, row, looked, state, until: &mut until };
            if other.stirs(index) {
                return (Look::Closely, until);
            }
        }
        (look, until)
    }
}

/// A campaign that starts otherwise than with a condition, and a patron.
struct Other<'s, 'a> {
    screen: &'s Screen<'a>,
    tick: &'s Tick<'a>,
    running: &'s Running<'a>,
    watch: &'s Watch,
    row: usize,
    looked: &'s Looked,
    state: &'s PatronState,
    until: &'s mut Instant,
}

impl Other<'_, '_> {
    /// Whether something may be decided. If not, lowers the instant up to which that holds.
    fn stirs(&mut self, index: usize) -> bool {
        match &self.running.start {
            Start::Becomes { .. } | Start::Leaves { .. } => false,
            Start::Schedule => self.watch.scheduled.is_some() && self.is_admitted(index),
            Start::Change { .. } => self.watch.is_baseline || self.changed(Kinds::PATRON),
            Start::Event { event, .. } => self.event_stirs(*event),
            Start::Record { event, .. } => self.record_stirs(*event),
            Start::EventDate { event, field, offset, .. } => {
                let name = self.tick.plan.program.catalogue.event(*event).name;
                self.may_withdraw(Kinds::altered(name.as_str())) || self.event_date_stirs(*event, *field, *offset)
            }
            Start::Date { field, offset, .. } => {
                self.may_withdraw(Kinds::PATRON) || self.date_stirs(*field, *offset, false)
            }
            Start::Anniversary { field, offset, .. } => {
                self.may_withdraw(Kinds::PATRON) || self.date_stirs(*field, *offset, true)
            }
        }
    }

    /// In the audience of what is scheduled, and in no exception.
    fn is_admitted(&self, index: usize) -> bool {
        let Some(range) = &self.screen.admitting[index] else { return true };
        let audience = usize::from(self.running.audience.is_some());
        range.clone().enumerate().all(|(nth, rule)| {
            let of = if nth < audience { 2 * rule } else { 2 * rule + 1 };
            self.screen.audiences[of].contains(self.row)
        })
    }

    fn changed(&self, kinds: Kinds) -> bool {
        self.looked.chosen.change.as_ref().is_some_and(|change| change.kinds.meets(kinds))
    }

    /// What was decided by a date that may have moved.
    fn may_withdraw(&self, kinds: Kinds) -> bool {
        let name = self.running.name();
        let from = (name.to_owned(), String::new());
        let mut decided = self.state.occurrences.range(from..).take_while(|((campaign, _), _)| campaign == name);
        (self.changed(kinds) || self.watch.is_baseline) && decided.any(|(_, decided)| decided.date.is_some())
    }

    fn look_at(&mut self, at: Instant) {
        if at > self.tick.now {
            *self.until = (*self.until).min(at);
        }
    }

    /// Whether what is due at `due` may fire now; notes when it comes due.
    fn is_due(&mut self, due: Instant) -> bool {
        self.look_at(due);
        let too_old = || self.tick.now > self.tick.world.zone.plus(due, self.running.campaign.expires_after);
        due <= self.tick.now && !self.watch.is_baseline && due > self.watch.baseline_at && !too_old()
    }

    fn is_decided(&self, key: String) -> bool {
        self.state.occurrences.contains_key(&(self.running.name().to_owned(), key))
    }

    /// The rows of a kind that are there by now. Notes when the others will be.
    fn rows(&mut self, event: EventId) -> (&Events, Range<usize>) {
        let events = self.screen.columns.events(event).expect("the screen has what starts are about");
        let all = events.offsets[self.row] as usize..events.offsets[self.row + 1] as usize;
        let now = self.tick.now.0;
        let present = all.start..all.start + events.at[all.clone()].partition_point(|at| *at <= now);
        if present.end < all.end {
            self.look_at(Instant(events.at[present.end]));
        }
        (events, present)
    }

    fn event_stirs(&mut self, event: EventId) -> bool {
        let watch = *self.watch;
        let (events, present) = self.rows(event);
        let is_new =
            |at: usize| events.row[at] > watch.last_row.0 || watch.last.is_none_or(|last| events.at[at] > last.0);
        let new: Vec<Instant> = present.filter(|at| is_new(*at)).map(|at| Instant(events.at[at])).collect();
        new.into_iter().any(|at| self.is_due(at))
    }

    fn record_stirs(&mut self, event: EventId) -> bool {
        let name = self.tick.plan.program.catalogue.event(event).name;
        let (events, present) = self.rows(event);
        let rows: Vec<i64> = events.row[present].to_vec();
        rows.into_iter().any(|row| !self.is_decided(row_key(name, RowId(row), None)))
    }

    fn event_date_stirs(&mut self, event: EventId, field: u16, offset: Lead) -> bool {
        let name = self.tick.plan.program.catalogue.event(event).name;
        let zone = self.tick.world.zone;
        let (events, present) = self.rows(event);
        let column = events.fields[usize::from(field)].as_ref().expect("the screen has the dates of starts");
        let dates: Vec<(RowId, Value)> =
            present.filter_map(|at| Some((RowId(events.row[at]), column.value(at)?))).collect();
        let Some(offset) = fixed(offset) else { return !dates.is_empty() };
        dates.into_iter().any(|(row, date)| {
            let due = occurrence::due(zone, &date, offset, true);
            due.is_some_and(|due| self.is_due(due) && !self.is_decided(row_key(name, row, Some(&written(&date)))))
        })
    }

    /// A date of the patron's, or its anniversaries.
    fn date_stirs(&mut self, field: Option<FieldId>, offset: Lead, yearly: bool) -> bool {
        let (Some(field), Some(offset)) = (field, fixed(offset)) else { return true };
        let zone = self.tick.world.zone;
        let column = self.screen.columns.field(field).expect("the screen has the dates of starts");
        let Some(value) = column.value(self.row) else { return false };
        if !yearly {
            let due = occurrence::due(zone, &value, offset, false);
            return due.is_some_and(|due| self.is_due(due) && !self.is_decided(written(&value)));
        }
        let Some(anniversaries) = Anniversaries::of(zone, &value, offset) else { return false };
        let next = anniversaries.next(self.tick.now);
        self.look_at(anniversaries.due(next));
        next > 1 && self.is_due(anniversaries.due(next - 1)) && !self.is_decided(anniversaries.key(next - 1))
    }
}

/// An offset that is the same for everybody.
fn fixed(offset: Lead) -> Option<Option<Duration>> {
    match offset {
        Lead::None => Some(None),
        Lead::Fixed(duration) => Some(Some(duration)),
        Lead::Field { .. } => None,
    }
}
