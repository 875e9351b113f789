//! One patron at one tick: occurrences are found and decided, journeys go on, and what was learned is written down.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::engine::ask::{Ask, Scope};
use crate::engine::lately;
use crate::engine::occurrence::{Finder, Occurrence, Watch};
use crate::engine::outbox::{self, Entry};
use crate::engine::plan::Plan;
use crate::engine::screen::{Look, Screen};
use crate::engine::standing::Memberships;
use crate::engine::state::{self, Enrolment, Goal, PatronState, Stage, Unwritten};
use crate::engine::tick::Tick;
use crate::eval::{NEVER, RuleId, Truth};
use crate::program::Together;
use crate::rule::{EventRow, Facts, PatronId};
use crate::store::StoreError;
use crate::time::{Instant, Zone};

/// A patron at this tick.
pub struct Visit<'v, 'a> {
    pub tick: &'v mut Tick<'a>,
    pub facts: Facts,
    pub state: PatronState,
    /// The next instant at which something may be decided though no data arrives.
    pub until: Instant,
    /// What the steps decided, not yet in the outbox.
    pub(super) sent: Vec<Sent<'a>>,
}

/// A message of the enrolment at `position` of campaign `index`.
pub(super) struct Sent<'a> {
    pub index: usize,
    pub position: usize,
    pub entry: Entry<'a>,
}

/// What was found of the patron beforehand.
pub(super) struct Seen<'s, 'a> {
    pub screen: &'s Screen<'a>,
    pub row: usize,
    /// The first instant at which a start condition may turn.
    pub until: Instant,
}

impl<'v, 'a> Visit<'v, 'a> {
    pub(super) fn new(tick: &'v mut Tick<'a>, facts: Facts, state: PatronState, until: Instant) -> Visit<'v, 'a> {
        Visit { tick, facts, state, until, sent: Vec::new() }
    }

    /// Does everything that is to be done for the patron now.
    ///
    /// Nothing changed for a patron who is not `touched`: only campaigns that look at everybody look at them, and
    /// what was known about when to look again still holds.
    pub fn run(
        tick: &'v mut Tick<'a>,
        facts: Facts,
        state: PatronState,
        is_touched: bool,
        seen: Option<&Seen<'_, 'a>>,
    ) -> Result<(), StoreError> {
        let before = Remembered::of(&state);
        let until = match seen {
            Some(seen) => seen.until,
            None if is_touched => NEVER,
            None => state.until.unwrap_or(NEVER),
        };
        let mut visit = Visit::new(tick, facts, state, until);
        for index in 0..visit.tick.plan.campaigns.len() {
            let watch = &visit.tick.watches[index];
            let concerns = is_touched || watch.looks_at_all();
            if concerns && !visit.tick.plan.campaigns[index].is_public() {
                visit.withdraw(index)?;
                let fired = visit.find(index, seen);
                if !fired.is_empty() {
                    visit.decide(index, fired)?;
                }
            }
        }
        visit.journeys()?;
        visit.goals();
        visit.flush()?;
        visit.remember(&before)
    }

    /// Notes how start conditions turned, and until when nothing else does, of a patron for whom nothing is decided.
    pub fn leave(
        tick: &'v mut Tick<'a>,
        patron: PatronId,
        state: PatronState,
        look: Look,
        seen: &Seen<'_, 'a>,
    ) -> Result<(), StoreError> {
        if look == Look::Nothing {
            let until = next_look(state.until, seen.until, tick.now);
            if until != state.until {
                lately::write(tick.db(), tick.table, patron, until, &state.memberships)?;
            }
            return Ok(());
        }
        let before = Remembered::of(&state);
        // Nobody asks for them: the conditions are known.
        let facts = Facts::empty(&tick.plan.program.catalogue, patron);
        let mut visit = Visit::new(tick, facts, state, seen.until);
        for index in 0..visit.tick.plan.campaigns.len() {
            if seen.screen.conditions.of(seen.row, index).is_some() {
                let fired = visit.find(index, Some(seen));
                assert!(fired.is_empty(), "the screen lets pass only those for whom nothing fires");
            }
        }
        visit.remember(&before)
    }

    pub(super) fn patron(&self) -> PatronId {
        self.facts.patron
    }

    pub(super) fn now(&self) -> Instant {
        self.tick.now
    }

    pub(super) fn db(&self) -> &'a Connection {
        self.tick.db()
    }

    pub(super) fn zone(&self) -> &'a Zone {
        &self.tick.plan.program.library.zone
    }

    pub(super) fn ask(&self) -> Ask<'_, 'a> {
        Ask {
            interpreter: self.tick.interpreter,
            facts: &self.facts,
            suppressed: self.tick.suppressed,
            now: self.tick.now,
        }
    }

    /// Something may be decided at `at`.
    pub(super) fn look_at(&mut self, at: Instant) {
        if at > self.now() {
            self.until = self.until.min(at);
        }
    }

    /// The occurrences of a campaign's start.
    fn find(&mut self, index: usize, seen: Option<&Seen<'_, 'a>>) -> Vec<Occurrence> {
        let (plan, now, interpreter) = (self.tick.plan, self.tick.now, self.tick.interpreter);
        let suppressed = self.tick.suppressed;
        let watch: Watch = self.tick.watches[index];
        let ask = Ask { interpreter, facts: &self.facts, suppressed, now };
        let mut finder = Finder {
            program: plan.program,
            running: &plan.campaigns[index],
            watch,
            ask: &ask,
            state: &mut self.state,
            condition: seen.and_then(|seen| seen.screen.conditions.of(seen.row, index)),
            until: &mut self.until,
        };
        finder.find()
    }

    /// The row of the start as it now is, where a campaign's rules may name it.
    pub(super) fn scope<'f>(&'f self, index: usize, enrolment: &Enrolment) -> Scope<'f> {
        scope(self.tick.plan, index, &self.facts, enrolment)
    }

    /// Why the enrolment ends before its next step: the exit is true, or an exception is not false.
    pub(super) fn way_out(&self, index: usize, enrolment: &Enrolment) -> Option<&'static str> {
        way_out(self.tick.plan, &self.ask(), index, enrolment)
    }

    /// Ends the enrolment at `position`, before its last step for a reason. What it has queued still goes out.
    pub(super) fn end(&mut self, position: usize, reason: Option<&str>) {
        let now = self.now();
        let enrolment = &mut self.state.enrolments[position];
        enrolment.end(reason, now);
        enrolment.unwritten.change();
        if let Some(index) = self.tick.plan.find(&enrolment.campaign) {
            self.tick.count(index, |counts| counts.ended += 1);
        }
    }

    /// Ends the enrolment at `position` by a way out, and drops what it has queued.
    pub(super) fn cancel(&mut self, position: usize, reason: &str) -> Result<(), StoreError> {
        self.flush()?;
        outbox::drop_queued(self.db(), self.state.enrolments[position].id, reason, self.now())?;
        self.end(position, Some(reason));
        Ok(())
    }

    // ---- journeys ----------------------------------------------------------------------------------------------

    /// Takes the steps that are due of all enrolments.
    pub(super) fn journeys(&mut self) -> Result<(), StoreError> {
        for position in 0..self.state.enrolments.len() {
            let enrolment = &self.state.enrolments[position];
            let Some(index) = self.tick.plan.find(&enrolment.campaign) else { continue };
            match enrolment.stage {
                Stage::Ended | Stage::Withdrawn => {}
                Stage::Gathering => {
                    let wake = enrolment.wake.unwrap_or(self.now());
                    if wake > self.now() {
                        self.look_at(wake);
                        continue;
                    }
                    self.state.enrolments[position].stage = Stage::Running;
                    self.drive(index, position)?;
                }
                Stage::Running => self.drive(index, position)?,
            }
        }
        Ok(())
    }

    fn goals(&mut self) {
        for position in 0..self.state.enrolments.len() {
            let enrolment = &self.state.enrolments[position];
            if enrolment.goal != Goal::Open {
                continue;
            }
            let Some(index) = self.tick.plan.find(&enrolment.campaign) else { continue };
            let mut changed = enrolment.clone();
            match self.tick.plan.campaigns[index].goal {
                None => changed.goal = Goal::None,
                Some((rule, within)) => {
                    let last = if within.unit.is_elapsed() {
                        self.zone().plus(enrolment.start, within)
                    } else {
                        let end = self.zone().day(enrolment.start).plus(within);
                        Instant(self.zone().start_of(end.plus_days(1)).0 - 1)
                    };
                    let scope = self.scope(index, enrolment);
                    let answer = self.ask().answer(rule, &scope);
                    let is_true =
                        (enrolment.start.0 + 1..=last.0).contains(&self.now().0) && answer.truth == Truth::True;
                    let before = self.tick.watches[index].last.map_or(enrolment.start, |at| at.max(enrolment.start));
                    let reached = if is_true { Some(self.now()) } else { self.true_since(rule, &scope, before, last) };
                    if let Some(at) = reached {
                        (changed.goal, changed.goal_known, changed.goal_at) = (Goal::Reached, true, Some(at));
                    } else if self.now() > last {
                        changed.goal = Goal::Missed;
                    } else {
                        changed.goal_known |= answer.truth != Truth::Unknown;
                        self.look_at(answer.until.min(Instant(last.0 + 1)));
                        // True already at the start: reached if it still is at an instant after it.
                        if answer.truth == Truth::True {
                            self.look_at(Instant(self.now().0 + 1));
                        }
                    }
                }
            }
            if changed != self.state.enrolments[position] {
                self.put(position, changed);
            }
        }
    }

    /// The first instant after `before`, up to `last` and now, at which a rule was true by what is known now: what
    /// came true between two ticks, and may be past, counts as well.
    fn true_since(&self, rule: RuleId, scope: &Scope<'_>, before: Instant, last: Instant) -> Option<Instant> {
        let end = last.min(self.now());
        let mut at = Instant(before.0 + 1);
        while at <= end {
            let answer = self.ask().answer(rule, &Scope { as_of: Some(at), ..*scope });
            if answer.truth == Truth::True {
                return Some(at);
            }
            at = answer.until;
        }
        None
    }

    // ---- memory ------------------------------------------------------------------------------------------------

    /// An enrolment that is another now.
    pub(super) fn put(&mut self, position: usize, mut enrolment: Enrolment) {
        enrolment.unwritten.change();
        self.state.enrolments[position] = enrolment;
    }

    /// Writes what the store does not have yet of enrolments, their occurrences and messages: each row once, as it is at
    /// the end. Whatever reads them from the store, or takes an enrolment out of the state, comes after a flush.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        let (db, now, program) = (self.db(), self.now(), self.tick.plan.program);
        let PatronState { enrolments, occurrences, .. } = &mut self.state;
        let mut sent = std::mem::take(&mut self.sent).into_iter().peekable();
        for (at, enrolment) in enrolments.iter_mut().enumerate() {
            let is_new = matches!(enrolment.unwritten, Unwritten::All(_));
            match std::mem::take(&mut enrolment.unwritten) {
                Unwritten::Nothing => {}
                Unwritten::Changes => state::update_enrolment(db, enrolment)?,
                Unwritten::All(keys) => {
                    state::insert_enrolment(db, enrolment, &keys[0], now)?;
                    for key in keys {
                        let name = (enrolment.campaign.clone(), key);
                        let decided = occurrences.get_mut(&name).expect("whoever enrols notes the occurrences");
                        decided.enrolment = Some(enrolment.id);
                        state::insert_occurrence(db, self.facts.patron, &name.0, &name.1, decided, now, None)?;
                    }
                }
            }
            while let Some(Sent { index, entry, .. }) = sent.next_if(|sent| sent.position == at) {
                if outbox::insert(db, enrolment.id, is_new, &entry, now, &program.revision, &program.library.zone)? {
                    let is_queued = entry.dropped.is_none();
                    self.tick.count(index, |all| *(if is_queued { &mut all.queued } else { &mut all.dropped }) += 1);
                }
            }
        }
        Ok(())
    }

    fn remember(&mut self, before: &Remembered) -> Result<(), StoreError> {
        let (db, patron) = (self.db(), self.patron());
        for (campaign, value) in &self.state.watched {
            if before.watched.get(campaign) != Some(value) {
                state::set_watched(db, patron, campaign, Some(value))?;
            }
        }
        for campaign in before.watched.keys().filter(|campaign| !self.state.watched.contains_key(*campaign)) {
            state::set_watched(db, patron, campaign, None)?;
        }
        for (campaign, key) in std::mem::take(&mut self.state.new_baseline) {
            let decided = &self.state.occurrences[&(campaign.clone(), key.clone())];
            state::insert_occurrence(db, patron, &campaign, &key, decided, self.tick.now, None)?;
        }
        let until = next_look(before.until, self.until, self.now());
        if until != before.until || self.state.memberships != before.memberships {
            lately::write(db, self.tick.table, patron, until, &self.state.memberships)?;
        }
        Ok(())
    }
}

/// What of a patron's state [`Visit::remember`] compares with what it was.
struct Remembered {
    memberships: Memberships,
    watched: BTreeMap<String, String>,
    until: Option<Instant>,
}

impl Remembered {
    fn of(state: &PatronState) -> Remembered {
        let PatronState { memberships, watched, until, .. } = state;
        Remembered { memberships: memberships.clone(), watched: watched.clone(), until: *until }
    }
}

/// When the patron is to be looked at again, as it is remembered. An earlier instant that is remembered already may
/// stand: it costs one more look, and most ticks write nothing.
fn next_look(known: Option<Instant>, until: Instant, now: Instant) -> Option<Instant> {
    let stands = known.is_some_and(|known| now < known && known <= until);
    if stands { known } else { Some(until).filter(|&until| until < NEVER) }
}

/// The scope of an enrolment's rules.
pub(super) fn scope<'f>(plan: &Plan<'_>, index: usize, facts: &'f Facts, enrolment: &Enrolment) -> Scope<'f> {
    let start = &plan.campaigns[index].start;
    let event = match (start.row_rule(), start.together()) {
        (Some((event, _)), Together::No) => Some((event, first_row(facts, event, enrolment))),
        _ => None,
    };
    Scope { start: Some(enrolment.start), event, ..Scope::NONE }
}

fn first_row<'f>(facts: &'f Facts, event: crate::catalogue::EventId, enrolment: &Enrolment) -> Option<&'f EventRow> {
    let (_, id) = enrolment.rows.first()?;
    facts.events(event).iter().find(|row| row.row == *id)
}

/// As [`Visit::way_out`].
pub(super) fn way_out(plan: &Plan<'_>, ask: &Ask<'_, '_>, index: usize, enrolment: &Enrolment) -> Option<&'static str> {
    let running = &plan.campaigns[index];
    let scope = scope(plan, index, ask.facts, enrolment);
    if running.exit.is_some_and(|exit| ask.holds(exit, &scope)) {
        return Some("the exit condition is true");
    }
    let excepted = running.except.iter().any(|&rule| ask.answer(rule, &scope).truth != Truth::False);
    excepted.then_some("excepted, or not known not to be")
}

/// Ends an enrolment by a way out, and drops what it has queued.
pub(super) fn cancel(db: &Connection, enrolment: &mut Enrolment, reason: &str, now: Instant) -> Result<(), StoreError> {
    outbox::drop_queued(db, enrolment.id, reason, now)?;
    enrolment.end(Some(reason), now);
    Ok(state::update_enrolment(db, enrolment)?)
}
