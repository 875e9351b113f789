//! The copy of the store, and time that passes over it.

use crate::catalogue::Channel;
use crate::deliver::{self, Composer};
use crate::engine::{self, About, Draws, Handed, Handover, Plan, ShareKey, TickError};
use crate::limits;
use crate::message::link::Links;
use crate::program::{self, Program};
use crate::review::{pace, show, versions};
use crate::rule::PatronId;
use crate::store::{Store, StoreError};
use crate::symbol::Symbol;
use crate::time::{Day, Instant};

use super::respond::{Crowd, Responses};
use super::tally::Tally;
use super::{Fold, Simulation};

/// Draws the shares of a store that has no key yet: always the same, so that two runs are alike.
const KEY_BEFORE_THE_FIRST_TICK: ShareKey = ShareKey(*b"before any tick.");

/// What is to be tried.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// The instant to go on from; not before the store's last tick.
    pub from: Instant,
    /// To the end of this date.
    pub until: Day,
    /// Drafts that run with the others.
    pub drafts: Vec<Symbol>,
    /// `None`: nobody responds to anything.
    pub responses: Option<Responses>,
}

/// Why nothing was tried.
#[derive(Debug)]
pub enum SimulateError {
    /// The last day lies before the first.
    Past {
        until: Day,
        first: Day,
    },
    /// The last day is more years ahead than make sense.
    TooFar {
        until: Day,
    },
    /// The store has ticked after the instant to go on from.
    BeforeLastTick {
        from: String,
        last: String,
    },
    Store(StoreError),
}

impl std::fmt::Display for SimulateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SimulateError::Past { until, first } => {
                write!(f, "{until} is over: the store is at {first} already; name a later date")
            }
            SimulateError::TooFar { until } => write!(
                f,
                "{until} is more than {} years ahead, for which the data of today say nothing; name an earlier date",
                limits::SIMULATED_YEARS
            ),
            SimulateError::BeforeLastTick { from, last } => write!(
                f,
                "the store's last tick was at {last}, after {from}; leave out --from, or name a later instant"
            ),
            SimulateError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SimulateError {}

impl From<StoreError> for SimulateError {
    fn from(error: StoreError) -> SimulateError {
        SimulateError::Store(error)
    }
}

impl From<rusqlite::Error> for SimulateError {
    fn from(error: rusqlite::Error) -> SimulateError {
        SimulateError::Store(error.into())
    }
}

/// Ticks a copy of `store` from `options.from` to the end of `options.until`: at every instant at which something is
/// due, with a delivery after each tick that hands everything over. `progress` is told the day that it has come to.
///
/// # Errors
/// If the dates make no sense, or the store cannot be read.
pub fn simulate(
    store: &Store,
    program: &Program,
    options: &Options,
    progress: &mut dyn FnMut(Day),
) -> Result<Simulation, SimulateError> {
    let zone = &program.library.zone;
    let last_tick = engine::last_tick(store)?;
    if let Some(last) = last_tick.filter(|last| options.from < *last) {
        let (from, last) = (show::instant(options.from, zone), show::instant(last, zone));
        return Err(SimulateError::BeforeLastTick { from, last });
    }
    // What the last tick decided is the past.
    let begin = last_tick.map_or(options.from, |last| options.from.max(Instant(last.0 + 1)));
    let (first, until) = (zone.day(begin), options.until);
    let end = Instant(zone.start_of(until.plus_days(1)).0 - 1);
    if end < begin {
        return Err(SimulateError::Past { until, first });
    }
    if until > first.plus_months(12 * limits::SIMULATED_YEARS) {
        return Err(SimulateError::TooFar { until });
    }
    let runs = |campaign: &program::Campaign| !campaign.is_draft || options.drafts.contains(&campaign.name);
    let plan = Plan::with(program, runs);
    let older = versions::compiled(engine::versions_needed(store, &plan)?);
    let plan = plan.with_older(&older);
    let mut copy = store.copy_in_memory()?;
    copy.align(&program.catalogue)?;
    let mut town = Town {
        composer: Composer::new(program, Links::new(&deliver::link_base(&program.library), b"simulation")),
        crowd: options.responses.map(|responses| Crowd::new(program, responses)),
        draws: last_tick.is_none().then_some(Draws::Keyed(KEY_BEFORE_THE_FIRST_TICK)),
        plan: &plan,
    };
    let mut tally = Tally::new(&plan, begin);
    let mut now = begin;
    let mut day = first;
    loop {
        // A transaction a message, as deliveries make them, would cost more than all the rest: in memory, after a commit
        // that changed the order of a table's pages, SQLite looks at every page there is.
        copy.together(|copy| town.tick(copy, now, &mut tally))?;
        if now >= end {
            break;
        }
        let arriving = town.crowd.as_ref().and_then(Crowd::next);
        now = pace::next(&copy, &plan, now, end, arriving)?;
        if zone.day(now) > day {
            day = zone.day(now);
            progress(day);
        }
    }
    let fold = Fold::of(first, until, program.library.week_starts);
    let mut found = tally.count(&copy, program, (first, until), fold)?;
    found.had_ticked = last_tick.is_some();
    found.responded = town.crowd.map(|crowd| crowd.responded);
    Ok(found)
}

/// What moves a copy.
struct Town<'p> {
    plan: &'p Plan<'p>,
    composer: Composer<'p>,
    crowd: Option<Crowd<'p>>,
    draws: Option<Draws>,
}

impl Town<'_> {
    /// What came in, a tick, and a delivery that hands over whatever the gate lets through.
    fn tick(&mut self, copy: &mut Store, now: Instant, tally: &mut Tally) -> Result<(), SimulateError> {
        let program = self.plan.program;
        if let Some(crowd) = &mut self.crowd {
            crowd.arrive(copy, self.composer.links(), now)?;
        }
        let report = match engine::tick(copy, self.plan, now, self.draws.as_ref()) {
            Ok(report) => report,
            Err(TickError::Store(error)) => return Err(error.into()),
            Err(error) => unreachable!("time passes in one direction, and no clock is doubted: {error}"),
        };
        tally.ticked(report);
        let feeds = deliver::feeds(copy, program)?;
        let mut delivered: Vec<(PatronId, About)> = Vec::new();
        let (composer, crowd) = (&self.composer, &mut self.crowd);
        let mut hand_over = |handover: &Handover<'_>| match composer.compose(handover, &feeds) {
            // What cannot be rendered is not sent: a `needs` without a row, a channel block that fits nobody.
            Err(reason) => Handed::Not(reason.to_string()),
            Ok(rendered) => {
                let about = About {
                    campaign: handover.campaign.name,
                    message: program.messages[handover.message].name,
                    purpose: program.catalogue.purpose(handover.campaign.purpose).name,
                    channel: handover.channel,
                };
                if handover.recipient.is_personal() {
                    if matches!(handover.channel, Channel::Email | Channel::Sms) {
                        delivered.push((handover.facts.patron, about));
                    }
                    if let Some(crowd) = crowd {
                        crowd.receive(handover, about, &rendered.links, composer.links());
                    }
                }
                Handed::Over(if crowd.is_some() { rendered.links } else { Vec::new() })
            }
        };
        let report = engine::deliver(copy, self.plan, now, &mut hand_over)?;
        tally.delivered(report);
        self.write_delivered(copy, &delivered, now)
    }

    /// Nothing is lost on the way: what was handed over arrived.
    fn write_delivered(
        &self,
        copy: &mut Store,
        delivered: &[(PatronId, About)],
        now: Instant,
    ) -> Result<(), SimulateError> {
        let catalogue = &self.plan.program.catalogue;
        let Some(event) = catalogue.event_named(Symbol::new("delivered")).filter(|_| !delivered.is_empty()) else {
            return Ok(());
        };
        let transaction = copy.begin()?;
        let mut writer = transaction.writer(&self.plan.program.library.zone, now);
        for (patron, about) in delivered {
            writer.event(*patron, event, None, now, &about.fields(catalogue, event))?;
        }
        drop(writer);
        Ok(transaction.commit()?)
    }
}
