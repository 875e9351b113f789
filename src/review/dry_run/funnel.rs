//! Whom a campaign would reach: from everybody in the store down to those with consent and an address.
//!
//! One pass over all patrons for all campaigns, over ranges in parallel, with the interpreter that the tick uses.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rayon::prelude::*;

use crate::catalogue::{Channel, EventId};
use crate::engine::{self, Ask, Plan, Running, Start};
use crate::eval::{Asked, Interpreter, Question, Truth, World};
use crate::message::Message;
use crate::program::{Audience, Campaign, Program, Recipient, StartKind, Step, StepKind};
use crate::rule::{Expr, Facts, Kind, PatronId, SegmentId, Tables};
use crate::store::{Columns, Needs, Store, StoreError, SuppressionList};
use crate::symbol::Symbol;
use crate::time::Instant;

/// Ranges of patrons for each thread, so that a slow range keeps nobody waiting for long.
const RANGES_A_THREAD: usize = 8;

/// How many patrons pass each stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Funnel {
    pub store: u64,
    /// For whom the audience is true.
    pub audience: u64,
    /// For whom it is not known.
    pub audience_unknown: u64,
    /// Of the audience, those who are known to be outside each exception.
    pub not_excepted: u64,
    /// Of the audience, those for whom an exception is not known (and none is true).
    pub except_unknown: u64,
    /// Of these, those whom the first message reaches: an address, and consent where the purpose needs one.
    pub reachable: u64,
    /// Of these, those for whom the start's condition is true now (`when`, `on entering`).
    pub in_start: u64,
    /// Of these, those for whom that is not known.
    pub start_unknown: u64,
}

impl Funnel {
    fn add(&mut self, other: &Funnel) {
        self.store += other.store;
        self.audience += other.audience;
        self.audience_unknown += other.audience_unknown;
        self.not_excepted += other.not_excepted;
        self.except_unknown += other.except_unknown;
        self.reachable += other.reachable;
        self.in_start += other.in_start;
        self.start_unknown += other.start_unknown;
    }
}

/// What the pass found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// By index of the plan's campaigns.
    pub funnels: Vec<Funnel>,
    /// The first patrons that each campaign reaches, in order of id.
    pub reached: Vec<Vec<PatronId>>,
}

/// Reached patrons that are kept for a sample.
const KEPT: usize = 50;

/// Counts all patrons of the store.
///
/// # Errors
/// If the store cannot be read.
pub fn count(store: &Store, plan: &Plan<'_>, now: Instant) -> Result<Found, StoreError> {
    let tables = store.reader().tables()?;
    let suppressed = store.reader().suppression_list()?;
    let fixed = Fixed { tables: &tables, suppressed: &suppressed, now };
    let needs = needs(plan);
    let ranges = store.reader().ranges(rayon::current_num_threads() * RANGES_A_THREAD)?;
    let parts: Vec<Found> = match store.path() {
        // Each range has a connection of its own: SQLite reads one statement a connection at a time.
        Some(path) => ranges
            .into_par_iter()
            .map(|range| {
                let mut own = Store::open_read_only(path)?;
                own.align(&plan.program.catalogue)?;
                count_range(&own, plan, &needs, &fixed, range)
            })
            .collect::<Result<_, StoreError>>()?,
        None => {
            let each = |range| count_range(store, plan, &needs, &fixed, range);
            ranges.into_iter().map(each).collect::<Result<_, StoreError>>()?
        }
    };
    let count = plan.campaigns.len();
    let mut whole = Found { funnels: vec![Funnel::default(); count], reached: vec![Vec::new(); count] };
    for part in parts {
        for (whole, part) in whole.funnels.iter_mut().zip(&part.funnels) {
            whole.add(part);
        }
        for (whole, part) in whole.reached.iter_mut().zip(part.reached) {
            whole.extend(part);
            whole.truncate(KEPT);
        }
    }
    Ok(whole)
}

/// What is the same for all ranges.
struct Fixed<'a> {
    tables: &'a Tables,
    suppressed: &'a SuppressionList,
    now: Instant,
}

fn count_range(
    store: &Store,
    plan: &Plan<'_>,
    needs: &Needs,
    fixed: &Fixed<'_>,
    range: RangeInclusive<PatronId>,
) -> Result<Found, StoreError> {
    let &Fixed { tables, suppressed, now } = fixed;
    let program = plan.program;
    let world = World {
        catalogue: &program.catalogue,
        tables,
        zone: &program.library.zone,
        week_starts: program.library.week_starts,
    };
    let interpreter = RefCell::new(Interpreter::new(&plan.rules, &world));
    let routes = Routes::new(plan);
    let count = plan.campaigns.len();
    let mut found = Found { funnels: vec![Funnel::default(); count], reached: vec![Vec::new(); count] };
    let mut passed: Vec<(usize, Truth)> = Vec::with_capacity(count);
    let mut known: Vec<Option<bool>> = vec![None; routes.different.len()];
    store.reader().scan_range(needs, range, |facts| {
        passed.clear();
        {
            // One question for all campaigns: what they share is worked out once.
            let question = Question::of(facts, now);
            let mut interpreter = interpreter.borrow_mut();
            let mut asked = interpreter.ask(&question);
            for (index, running) in plan.campaigns.iter().enumerate() {
                passed.extend(admitted(running, &mut asked, &mut found.funnels[index]).map(|start| (index, start)));
            }
        }
        let ask = Ask { interpreter: &interpreter, facts, suppressed, now };
        known.fill(None);
        for &(index, start) in &passed {
            let route = routes.of[index];
            if !route
                .is_none_or(|route| *known[route].get_or_insert_with(|| routes.different[route].reaches(plan, &ask)))
            {
                continue;
            }
            let funnel = &mut found.funnels[index];
            funnel.reachable += 1;
            funnel.in_start += u64::from(start == Truth::True);
            funnel.start_unknown += u64::from(start == Truth::Unknown);
            if found.reached[index].len() < KEPT {
                found.reached[index].push(facts.patron);
            }
        }
    })?;
    Ok(found)
}

/// Counts one patron for one campaign, up to the exceptions. If they pass: whether its start is true.
fn admitted(running: &Running<'_>, asked: &mut Asked<'_, '_, '_>, funnel: &mut Funnel) -> Option<Truth> {
    funnel.store += 1;
    match running.audience.map_or(Truth::True, |rule| asked.truth(rule)) {
        Truth::True => funnel.audience += 1,
        Truth::Unknown => {
            funnel.audience_unknown += 1;
            return None;
        }
        Truth::False => return None,
    }
    let mut is_unknown = false;
    for &except in &running.except {
        match asked.truth(except) {
            Truth::True => return None,
            Truth::Unknown => is_unknown = true,
            Truth::False => {}
        }
    }
    if is_unknown {
        funnel.except_unknown += 1;
        return None;
    }
    funnel.not_excepted += 1;
    match &running.start {
        Start::Becomes { condition, .. } => Some(asked.truth(*condition)),
        _ => Some(Truth::False),
    }
}

/// The ways of the campaigns' first messages. Many campaigns share one: it is tried once for each patron.
struct Routes<'p> {
    different: Vec<Route<'p>>,
    /// By index of the plan's campaigns; `None`: nothing is sent to patrons.
    of: Vec<Option<usize>>,
}

/// A message on its way out.
struct Route<'p> {
    campaign: &'p Campaign,
    message: &'p Message,
    /// Those that the message has.
    channels: Vec<Channel>,
}

impl<'p> Routes<'p> {
    fn new(plan: &Plan<'p>) -> Routes<'p> {
        let mut routes = Routes { different: Vec::new(), of: Vec::new() };
        for running in &plan.campaigns {
            let campaign = running.campaign;
            let Some(&(message, channels)) = sends(&campaign.steps).first() else {
                routes.of.push(None);
                continue;
            };
            let message = &plan.program.messages[message];
            let has = |channel: &&Channel| message.blocks.iter().any(|block| block.channel == **channel);
            let channels: Vec<Channel> = channels.iter().filter(has).copied().collect();
            let same = |route: &Route<'_>| route.campaign.purpose == campaign.purpose && route.channels == channels;
            let known = routes.different.iter().position(same);
            routes.of.push(Some(known.unwrap_or(routes.different.len())));
            if known.is_none() {
                routes.different.push(Route { campaign, message, channels });
            }
        }
        routes
    }
}

impl Route<'_> {
    fn reaches(&self, plan: &Plan<'_>, ask: &Ask<'_, '_>) -> bool {
        let to = engine::RecipientKind::Patron;
        engine::choose(plan, ask, self.campaign, self.message, to, &self.channels).is_ok()
    }
}

/// Every `send` to the patron, in the order of the source: the message and its channels.
pub fn sends(steps: &[Step]) -> Vec<(usize, &[Channel])> {
    let mut found = Vec::new();
    for step in steps {
        match &step.kind {
            StepKind::Send { message, to: Recipient::Patron, channels, .. } => found.push((*message, &channels[..])),
            StepKind::WaitUpTo { then, otherwise, .. } => {
                found.extend(sends(then));
                found.extend(sends(otherwise));
            }
            StepKind::If { branches, otherwise } => {
                branches.iter().for_each(|(_, body)| found.extend(sends(body)));
                found.extend(sends(otherwise));
            }
            StepKind::Split(arms) => arms.iter().for_each(|(_, body)| found.extend(sends(body))),
            StepKind::Repeat { body, .. } => found.extend(sends(body)),
            _ => {}
        }
    }
    found
}

/// What the pass reads: the patrons, and the events that an audience, an exception or a start's condition names.
fn needs(plan: &Plan<'_>) -> Needs {
    let program = plan.program;
    let mut reading = Reading { program, events: BTreeSet::new(), segments: BTreeSet::new() };
    for running in &plan.campaigns {
        if let Audience::Rule(rule) = &running.campaign.audience {
            reading.expr(rule);
        }
        running.campaign.except.iter().for_each(|rule| reading.expr(rule));
        if let StartKind::Becomes { condition, .. } = &running.campaign.start.kind {
            reading.expr(condition);
        }
    }
    // An address that bounced or complained is none.
    for name in ["bounced", "complained"] {
        reading.events.extend(program.catalogue.event_named(Symbol::new(name)));
    }
    reading.events.into_iter().fold(Needs::patron(), |needs, event| needs.with_event(event, Columns::All))
}

struct Reading<'p> {
    program: &'p Program,
    events: BTreeSet<EventId>,
    segments: BTreeSet<SegmentId>,
}

impl<'p> Reading<'p> {
    fn expr(&mut self, expr: &'p Expr) {
        let (mut events, mut segments) = (Vec::new(), Vec::new());
        expr.walk(&mut |part: &Expr| {
            events.extend(part.selections().iter().map(|selection| selection.event));
            if let Kind::Segment(id) = part.kind {
                segments.push(id);
            }
        });
        self.events.extend(events);
        for id in segments {
            if self.segments.insert(id) {
                let program = self.program;
                self.expr(&program.segment(id).body);
            }
        }
    }
}

/// The facts of one patron, with everything.
///
/// # Errors
/// If the store cannot be read.
pub(super) fn facts(store: &Store, program: &Program, patron: PatronId) -> Result<Option<Facts>, StoreError> {
    store.reader().facts(patron, &Needs::everything(&program.catalogue))
}
