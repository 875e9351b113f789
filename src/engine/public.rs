//! Campaigns with `audience public`: journeys of nobody in particular, whose messages are published.

use crate::engine::state::{self, Enrolment, Goal, PatronState, Stage, Unwritten};
use crate::engine::tick::Tick;
use crate::engine::visit::Visit;
use crate::eval::NEVER;
use crate::rule::{Facts, PatronId};
use crate::store::StoreError;

/// Starts the public campaigns whose schedule falls due and takes the steps that are due.
pub(super) fn run(tick: &mut Tick<'_>) -> Result<(), StoreError> {
    for index in 0..tick.plan.campaigns.len() {
        let running = &tick.plan.campaigns[index];
        let Some(at) = tick.watches[index].scheduled.filter(|_| running.is_public()) else { continue };
        let day = tick.plan.program.library.zone.day(at);
        let campaign = running.campaign;
        if campaign.runs_from.is_some_and(|from| day < from) || campaign.runs_to.is_some_and(|to| day > to) {
            continue;
        }
        let mut enrolment = Enrolment {
            id: 0,
            campaign: running.name().to_owned(),
            patron: None,
            revision: tick.plan.program.revision.to_string(),
            start: at,
            stage: Stage::Running,
            reason: None,
            ended_at: None,
            held_out: false,
            place: running.journey.place(0).to_owned(),
            arrived: false,
            since: tick.now,
            wake: Some(at),
            round: 0,
            round_began: tick.now,
            arms: Vec::new(),
            goal: Goal::None,
            goal_known: false,
            goal_at: None,
            rows: Vec::new(),
            unwritten: Unwritten::Nothing,
        };
        let key = at.timestamp().to_string();
        state::insert_enrolment(tick.db(), &mut enrolment, &key, tick.now)?;
        tick.has_gone_on = true;
        tick.count(index, |counts| counts.enrolled += 1);
    }
    let enrolments = state::load_public(tick.db())?;
    if enrolments.is_empty() {
        return Ok(());
    }
    let facts = Facts::empty(&tick.plan.program.catalogue, PatronId(0));
    let state = PatronState { enrolments, ..PatronState::default() };
    let mut visit = Visit::new(tick, facts, state, NEVER);
    visit.journeys()?;
    visit.flush()
}
