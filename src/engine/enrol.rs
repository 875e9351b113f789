//! Which occurrences enrol (section 8, "Which occurrences enrol"), and which are withdrawn because their date moved.

use crate::engine::ask::Scope;
use crate::engine::moved;
use crate::engine::occurrence::Occurrence;
use crate::engine::outbox;
use crate::engine::share::Draw;
use crate::engine::state::{self, Decided, Enrolment, Goal, Outcome, Stage, Unwritten};
use crate::engine::visit::Visit;
use crate::eval::Truth;
use crate::program::{Again, Together};
use crate::rule::RowId;
use crate::store::StoreError;
use crate::time::Instant;

impl Visit<'_, '_> {
    /// Decides the occurrences that fire for campaign `index` now.
    pub(super) fn decide(&mut self, index: usize, fired: Vec<Occurrence>) -> Result<(), StoreError> {
        let running = &self.tick.plan.campaigns[index];
        let mut admitted = Vec::new();
        for occurrence in fired {
            if let Some(audience) = running.audience
                && !self.ask().holds(audience, &Scope::NONE)
            {
                self.pass(index, &occurrence, "not in the audience")?;
            } else if running.except.iter().any(|&rule| self.ask().answer(rule, &Scope::NONE).truth != Truth::False) {
                self.pass(index, &occurrence, "excepted, or not known not to be")?;
            } else if self.drawn(index, &occurrence) {
                admitted.push(occurrence);
            }
        }
        match running.start.together() {
            Together::No => admitted.into_iter().try_for_each(|occurrence| self.admit(index, vec![occurrence])),
            Together::Tick if admitted.is_empty() => Ok(()),
            Together::Tick => self.admit(index, admitted),
            Together::For(_) => admitted.into_iter().try_for_each(|occurrence| self.gather(index, occurrence)),
        }
    }

    /// `sample N%`: a fresh draw at each occurrence.
    fn drawn(&self, index: usize, occurrence: &Occurrence) -> bool {
        let campaign = self.tick.plan.campaigns[index].campaign;
        let Some(percent) = campaign.sample else { return true };
        self.tick
            .draws
            .percentile(campaign.name, self.patron(), Draw::Sample(occurrence.at))
            .is_none_or(|drawn| drawn < percent)
    }

    /// An occurrence that does not enrol. Only one that would be found again is remembered.
    fn pass(&mut self, index: usize, occurrence: &Occurrence, reason: &str) -> Result<(), StoreError> {
        if occurrence.is_passing {
            Ok(())
        } else {
            self.record(index, occurrence, Outcome::Skipped, Some(reason), None)
        }
    }

    fn record(
        &mut self,
        index: usize,
        occurrence: &Occurrence,
        outcome: Outcome,
        reason: Option<&str>,
        enrolment: Option<i64>,
    ) -> Result<(), StoreError> {
        let decided = self.note(index, occurrence, outcome, enrolment);
        let name = self.tick.plan.campaigns[index].name();
        Ok(state::insert_occurrence(self.db(), self.patron(), name, &occurrence.key, &decided, self.now(), reason)?)
    }

    /// Keeps in the state how an occurrence was decided.
    fn note(&mut self, index: usize, occurrence: &Occurrence, outcome: Outcome, enrolment: Option<i64>) -> Decided {
        let catalogue = &self.tick.plan.program.catalogue;
        let row = occurrence.row.map(|(event, row)| (catalogue.event(event).name.to_string(), row));
        let decided = Decided { at: occurrence.at, row, date: occurrence.date.clone(), outcome, enrolment };
        let name = (self.tick.plan.campaigns[index].name().to_owned(), occurrence.key.clone());
        self.state.occurrences.insert(name, decided.clone());
        decided
    }

    /// Enrols one occurrence, or those gathered at this tick, unless `again` or a running enrolment hinders.
    fn admit(&mut self, index: usize, occurrences: Vec<Occurrence>) -> Result<(), StoreError> {
        let running = &self.tick.plan.campaigns[index];
        let Some(first) = occurrences.first() else { return Ok(()) };
        let hindrance = match self.again(index, first.at)? {
            Some(reason) => Some(reason),
            None if !running.start.is_on_rows() && self.still_runs(index)? => Some("another enrolment of it runs"),
            None => None,
        };
        if let Some(reason) = hindrance {
            self.tick.count(index, |counts| counts.skipped += occurrences.len());
            return occurrences.iter().try_for_each(|o| self.record(index, o, Outcome::Skipped, Some(reason), None));
        }
        let start = first.at;
        self.enrol(index, start, Stage::Running, start, &occurrences);
        Ok(())
    }

    /// `together for D`: joins the enrolment that gathers, or begins one.
    fn gather(&mut self, index: usize, occurrence: Occurrence) -> Result<(), StoreError> {
        let running = &self.tick.plan.campaigns[index];
        let name = running.name();
        let gathering = self.state.enrolments.iter().position(|enrolment| {
            enrolment.campaign == name
                && enrolment.stage == Stage::Gathering
                && enrolment.wake.is_some_and(|wake| occurrence.at <= wake)
        });
        if let Some(position) = gathering {
            self.flush()?;
            let id = self.state.enrolments[position].id;
            self.record(index, &occurrence, Outcome::Enrolled, None, Some(id))?;
            let row = self.state.occurrences[&(name.to_owned(), occurrence.key.clone())].row.clone();
            let enrolment = &mut self.state.enrolments[position];
            enrolment.rows.extend(row);
            // A row that came late may be the first.
            enrolment.start = enrolment.start.min(occurrence.at);
            let enrolment = enrolment.clone();
            return Ok(state::update_enrolment(self.db(), &enrolment)?);
        }
        if let Some(reason) = self.again(index, occurrence.at)? {
            self.tick.count(index, |counts| counts.skipped += 1);
            return self.record(index, &occurrence, Outcome::Skipped, Some(reason), None);
        }
        let Together::For(wait) = running.start.together() else { return Ok(()) };
        let wake = self.zone().plus(occurrence.at, wait);
        self.enrol(index, occurrence.at, Stage::Gathering, wake, &[occurrence]);
        Ok(())
    }

    fn again(&mut self, index: usize, at: Instant) -> Result<Option<&'static str>, StoreError> {
        let campaign = self.tick.plan.campaigns[index].campaign;
        if campaign.again == Again::Always {
            return Ok(None);
        }
        self.flush()?;
        let Some(last) = state::last_start(self.db(), campaign.name.as_str(), self.patron())? else { return Ok(None) };
        Ok(match campaign.again {
            Again::Always => None,
            Again::Never => Some("enrolled before, and `again never`"),
            Again::After(wait) => {
                (at < self.zone().plus(last, wait)).then_some("enrolled too short a time before (`again after`)")
            }
        })
    }

    /// Whether an enrolment of the campaign runs, after its ways out have been tried.
    fn still_runs(&mut self, index: usize) -> Result<bool, StoreError> {
        let name = self.tick.plan.campaigns[index].name();
        for position in 0..self.state.enrolments.len() {
            let enrolment = &self.state.enrolments[position];
            if enrolment.campaign != name || !matches!(enrolment.stage, Stage::Running | Stage::Gathering) {
                continue;
            }
            match self.way_out(index, &enrolment.clone()) {
                None => return Ok(true),
                Some(reason) => self.cancel(position, reason)?,
            }
        }
        Ok(false)
    }

    fn enrol(&mut self, index: usize, start: Instant, stage: Stage, due: Instant, occurrences: &[Occurrence]) {
        let running = &self.tick.plan.campaigns[index];
        let program = self.tick.plan.program;
        let held_out = running
            .campaign
            .holdout
            .is_some_and(|percent| self.tick.draws.held_out(running.campaign.name, self.patron(), percent));
        let rows = occurrences.iter().filter_map(|o| self.note(index, o, Outcome::Enrolled, None).row).collect();
        let enrolment = Enrolment {
            id: 0,
            campaign: running.name().to_owned(),
            patron: Some(self.patron()),
            revision: program.revision.to_string(),
            start,
            stage,
            reason: None,
            ended_at: None,
            held_out,
            place: running.journey.place(0).to_owned(),
            arrived: false,
            since: self.now(),
            wake: Some(due),
            round: 0,
            round_began: self.now(),
            arms: Vec::new(),
            goal: if running.goal.is_some() { Goal::Open } else { Goal::None },
            goal_known: false,
            goal_at: None,
            rows,
            unwritten: Unwritten::All(occurrences.iter().map(|occurrence| occurrence.key.clone()).collect()),
        };
        self.tick.has_gone_on = true;
        self.tick.count(index, |counts| counts.enrolled += 1);
        self.state.enrolments.push(enrolment);
    }

    // ---- withdrawn occurrences ---------------------------------------------------------------------------------

    /// Occurrences of campaign `index` whose date is no longer the present one: an enrolment that has handed over no
    /// message ends, and the key is free again.
    pub(super) fn withdraw(&mut self, index: usize) -> Result<(), StoreError> {
        let running = &self.tick.plan.campaigns[index];
        let name = running.name();
        if !running.start.is_dated() {
            return Ok(());
        }
        let from = (name.to_owned(), String::new());
        let of_campaign = self.state.occurrences.range(from..).take_while(|((campaign, _), _)| campaign == name);
        let stored: Vec<(String, Decided)> =
            of_campaign.map(|((_, key), decided)| (key.clone(), decided.clone())).collect();
        for (key, decided) in stored {
            let Some(date) = &decided.date else { continue };
            let row = decided.row.as_ref().map(|(_, row)| *row);
            if !moved::stands(&running.start, &self.ask(), row, date) {
                self.withdraw_one(index, &key, &decided)?;
            }
        }
        Ok(())
    }

    fn withdraw_one(&mut self, index: usize, key: &str, decided: &Decided) -> Result<(), StoreError> {
        let campaign = self.tick.plan.campaigns[index].name();
        let patron = self.patron();
        if let Some(id) = decided.enrolment {
            if outbox::handed_over(self.db(), id)? {
                return Ok(());
            }
            let others = self
                .state
                .occurrences
                .iter()
                .filter(|((of, other), o)| of == campaign && other != key && o.enrolment == Some(id));
            if others.count() == 0 {
                let has_passed = matches!(decided.row, Some((_, RowId::GONE)));
                let moved = "the date of its start changed before anything was sent";
                self.withdraw_enrolment(index, id, if has_passed { moved::PASSED } else { moved })?;
            } else if let (Some(row), Some(position)) = (&decided.row, self.position(id)) {
                self.state.enrolments[position].rows.retain(|of| of != row);
            }
        }
        state::delete_occurrence(self.db(), patron, campaign, key)?;
        self.state.occurrences.remove(&(campaign.to_owned(), key.to_owned()));
        Ok(())
    }

    pub(super) fn position(&self, id: i64) -> Option<usize> {
        self.state.enrolments.iter().position(|enrolment| enrolment.id == id)
    }

    fn withdraw_enrolment(&mut self, index: usize, id: i64, reason: &str) -> Result<(), StoreError> {
        self.flush()?;
        outbox::drop_queued(self.db(), id, reason, self.now())?;
        self.tick.count(index, |counts| counts.withdrawn += 1);
        let db = self.db();
        let mut enrolment = match self.position(id) {
            Some(position) => self.state.enrolments.remove(position),
            None => state::load_enrolment(db, id)?,
        };
        enrolment.stage = Stage::Withdrawn;
        enrolment.reason = Some(reason.into());
        enrolment.ended_at = Some(self.now());
        enrolment.goal = Goal::None;
        Ok(state::update_enrolment(db, &enrolment)?)
    }
}
