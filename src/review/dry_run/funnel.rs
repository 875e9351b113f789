//! Whom a campaign would reach: from everybody in the store down to those with consent and an address.
//!
//! The rules of all campaigns are evaluated over the columns of all patrons, by native code where there are many; the
//! engine's own choice of a channel and an address is asked only for those whom the rules leave.

use std::cell::RefCell;
use std::collections::HashMap;

use rayon::prelude::*;

use super::Means;
use super::routes::Routes;
use crate::catalogue::{Catalogue, Channel, FieldId};
use crate::engine::{Ask, Plan, Start};
use crate::eval::{Bitmap, Bulk, Interpreter, RuleId, Way, World, local_dates};
use crate::program::Program;
use crate::rule::columns::{BLOCK, Columns, Wanted};
use crate::rule::{Facts, PatronId};
use crate::store::snapshot::{Dates, Opening, Snapshot};
use crate::store::{Needs, Store, StoreError, SuppressionList};
use crate::symbol::Symbol;
use crate::time::Instant;

/// Patrons from which on compiling the rules is worth its few milliseconds.
const NATIVE_FROM: usize = 2_000;

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

/// What was found.
pub(in crate::review) struct Found {
    /// By index of the plan's campaigns.
    pub funnels: Vec<Funnel>,
    /// The first patrons that each campaign reaches, in order of id.
    pub reached: Vec<Vec<PatronId>>,
    pub patrons: usize,
    snapshot: Snapshot,
    /// Of the snapshot's base and of its delta, by index of the plan's campaigns.
    passed: [Vec<Passed>; 2],
}

/// Reached patrons that are kept for a sample.
const KEPT: usize = 50;

/// A bit for each row.
type Words = Vec<u64>;

/// Who passed, of one campaign.
struct Passed {
    /// In the audience, and known to be outside each exception.
    admitted: Words,
    /// Of these, those for whom the start's condition is true.
    in_start: Words,
}

impl Found {
    /// Those whom the campaign at `index` admits, or only those of them for whom its start is true; in order of id.
    pub fn admitted(&self, index: usize, only_in_start: bool) -> Vec<PatronId> {
        let columns = [&self.snapshot.base, &self.snapshot.delta];
        let of = |(passed, columns): (&Vec<Passed>, &Columns)| -> Vec<PatronId> {
            let Passed { admitted, in_start } = &passed[index];
            let words = if only_in_start { in_start } else { admitted };
            rows(words).map(|row| PatronId(columns.patrons[row])).collect()
        };
        let mut found: Vec<PatronId> = self.passed.iter().zip(columns).flat_map(of).collect();
        found.sort_unstable();
        found
    }
}

/// Counts all patrons of the store.
///
/// # Errors
/// If the store cannot be read.
pub(super) fn count(store: &Store, plan: &Plan<'_>, now: Instant, means: &Means<'_>) -> Result<Found, StoreError> {
    let program = plan.program;
    let (tables, suppressed) = (store.reader().tables()?, store.reader().suppression_list()?);
    let library = &program.library;
    let world = World::of(program, &tables);
    let routes = Routes::new(plan);
    let asked = Asked::new(plan, &routes);
    let survey = Survey { plan, world, routes: &routes, asked: &asked, suppressed: &suppressed, now };
    let mut wanted = Bulk::new(&plan.rules, world, &asked.rules, Way::Native).wanted();
    want_addresses(&mut wanted, &program.catalogue);
    let dates = Dates { zone: &library.zone, day: |zone| Box::new(local_dates(zone)) };
    let opening = Opening { from_patrons: means.from_patrons, progress: means.progress, ..Opening::new(dates) };
    let snapshot = opening.open(store, &wanted)?;
    let all_of_delta = snapshot.delta.all_rows();
    let counted = [
        survey.count(&snapshot.base, &snapshot.valid, means.way),
        survey.count(&snapshot.delta, &all_of_delta, means.way),
    ];
    let campaigns = plan.campaigns.len();
    let (mut funnels, mut reached) = (vec![Funnel::default(); campaigns], vec![Vec::new(); campaigns]);
    let passed = counted.map(|counted: Vec<Counted>| {
        let each = counted.into_iter().enumerate();
        each.map(|(index, counted)| {
            funnels[index].add(&counted.funnel);
            reached[index].extend(counted.reached);
            counted.passed
        })
        .collect()
    });
    for reached in &mut reached {
        reached.sort_unstable();
        reached.truncate(KEPT);
    }
    Ok(Found { funnels, reached, patrons: snapshot.len(), snapshot, passed })
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

/// Every rule that is asked, once, and its place.
struct Asked {
    rules: Vec<RuleId>,
    places: HashMap<RuleId, usize>,
}

impl Asked {
    fn new(plan: &Plan<'_>, routes: &Routes<'_>) -> Asked {
        let mut asked = Asked { rules: Vec::new(), places: HashMap::new() };
        for running in &plan.campaigns {
            asked.add(running.audience);
            asked.add(running.except.iter().copied());
            asked.add(condition(&running.start));
        }
        for route in &routes.different {
            asked.add(route.agreements(plan));
        }
        asked
    }

    fn add(&mut self, rules: impl IntoIterator<Item = RuleId>) {
        for rule in rules {
            self.places.entry(rule).or_insert_with(|| {
                self.rules.push(rule);
                self.rules.len() - 1
            });
        }
    }
}

/// The condition of a start that is one.
fn condition(start: &Start) -> Option<RuleId> {
    if let Start::Becomes { condition, .. } = start { Some(*condition) } else { None }
}

/// One pass over some patrons.
struct Survey<'a> {
    plan: &'a Plan<'a>,
    world: World<'a>,
    routes: &'a Routes<'a>,
    asked: &'a Asked,
    suppressed: &'a SuppressionList,
    now: Instant,
}

/// Of one campaign and some patrons.
struct Counted {
    funnel: Funnel,
    reached: Vec<PatronId>,
    passed: Passed,
}

impl Survey<'_> {
    /// By index of the plan's campaigns. Only rows whose bit in `valid` is set are counted.
    fn count(&self, columns: &Columns, valid: &[u64], way: Way) -> Vec<Counted> {
        let way = if columns.len() < NATIVE_FROM { Way::Interpreted } else { way };
        let truths = Bulk::new(&self.plan.rules, self.world, &self.asked.rules, way).run(columns, self.now);
        let truths = Truths { asked: self.asked, truths: &truths };
        let stages: Vec<Stages> =
            (self.plan.campaigns.iter()).map(|running| Stages::of(running, &truths, valid)).collect();
        // A route is tried once for each patron whom one of its campaigns admits.
        let reach: Vec<Words> = (self.routes.different.iter().enumerate())
            .map(|(route, _)| {
                let of_route = self.routes.of.iter().zip(&stages).filter(|(of, _)| **of == Some(route));
                let mut tried = vec![0; valid.len()];
                of_route.for_each(|(_, stages)| or(&mut tried, &stages.admitted));
                self.reach(route, columns, tried, &truths)
            })
            .collect();
        let each = stages.into_iter().zip(&self.plan.campaigns).enumerate();
        each.map(|(index, (stages, running))| {
            let reached = match self.routes.of[index] {
                Some(route) => and(&stages.admitted, &reach[route]),
                None => stages.admitted.clone(),
            };
            let (is_true, is_unknown) = match condition(&running.start) {
                Some(condition) => (truths.holds(condition).to_vec(), truths.unknown(condition)),
                None => (vec![0; valid.len()], vec![0; valid.len()]),
            };
            let funnel = Funnel {
                reachable: ones(&reached),
                in_start: ones(&and(&reached, &is_true)),
                start_unknown: ones(&and(&reached, &is_unknown)),
                ..stages.funnel
            };
            let in_start = and(&stages.admitted, &is_true);
            let reached = rows(&reached).take(KEPT).map(|row| PatronId(columns.patrons[row])).collect();
            Counted { funnel, reached, passed: Passed { admitted: stages.admitted, in_start } }
        })
        .collect()
    }

    /// Of the rows that are `tried`, those whom a route reaches.
    fn reach(&self, route: usize, columns: &Columns, mut tried: Words, truths: &Truths<'_>) -> Words {
        let route = &self.routes.different[route];
        let agreements = route.agreements(self.plan);
        if !agreements.is_empty() {
            let mut agree = vec![0; tried.len()];
            agreements.iter().for_each(|rule| or(&mut agree, truths.holds(*rule)));
            tried = and(&tried, &agree);
        }
        let each = tried.par_iter().enumerate().map_init(
            || RefCell::new(Interpreter::new(&self.plan.rules, &self.world)),
            |interpreter, (block, word)| {
                let mut reached = 0;
                for bit in (0..BLOCK).filter(|bit| word >> bit & 1 == 1) {
                    let facts = columns.facts(block * BLOCK + bit);
                    let ask = Ask { interpreter, facts: &facts, suppressed: self.suppressed, now: self.now };
                    reached |= u64::from(route.reaches(self.plan, &ask)) << bit;
                }
                reached
            },
        );
        each.collect()
    }
}

/// Who passes the stages of one campaign that are rules.
struct Stages {
    funnel: Funnel,
    admitted: Words,
}

impl Stages {
    fn of(running: &crate::engine::Running<'_>, truths: &Truths<'_>, valid: &[u64]) -> Stages {
        let (audience, audience_unknown) = match running.audience {
            Some(rule) => (and(valid, truths.holds(rule)), and(valid, &truths.unknown(rule))),
            None => (valid.to_vec(), vec![0; valid.len()]),
        };
        let (mut excepted, mut except_unknown) = (vec![0; valid.len()], vec![0; valid.len()]);
        for &rule in &running.except {
            or(&mut excepted, truths.holds(rule));
            or(&mut except_unknown, &truths.unknown(rule));
        }
        let not_excepted = and_not(&audience, &excepted);
        let admitted = and_not(&not_excepted, &except_unknown);
        let funnel = Funnel {
            store: ones(valid),
            audience: ones(&audience),
            audience_unknown: ones(&audience_unknown),
            not_excepted: ones(&admitted),
            except_unknown: ones(&and(&not_excepted, &except_unknown)),
            ..Funnel::default()
        };
        Stages { funnel, admitted }
    }
}

/// The truths of the rules that were asked: for each a bitmap of those for whom it is true, and one for false.
struct Truths<'a> {
    asked: &'a Asked,
    truths: &'a [Bitmap],
}

impl Truths<'_> {
    fn holds(&self, rule: RuleId) -> &[u64] {
        self.truths[2 * self.asked.places[&rule]].words()
    }

    fn unknown(&self, rule: RuleId) -> Words {
        let fails = self.truths[2 * self.asked.places[&rule] + 1].words();
        self.holds(rule).iter().zip(fails).map(|(holds, fails)| !(holds | fails)).collect()
    }
}

fn and(left: &[u64], right: &[u64]) -> Words {
    left.iter().zip(right).map(|(left, right)| left & right).collect()
}

fn and_not(left: &[u64], right: &[u64]) -> Words {
    left.iter().zip(right).map(|(left, right)| left & !right).collect()
}

fn or(left: &mut [u64], right: &[u64]) {
    left.iter_mut().zip(right).for_each(|(left, right)| *left |= right);
}

fn ones(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// The rows whose bits are set.
fn rows(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    let bits = |(block, word): (usize, &u64)| {
        let word = *word;
        (0..BLOCK).filter(move |bit| word >> bit & 1 == 1).map(move |bit| block * BLOCK + bit)
    };
    words.iter().enumerate().flat_map(bits)
}

/// Also what the choice of a channel and an address reads: fields of the patron, and what says that an address is none.
fn want_addresses(wanted: &mut Wanted, catalogue: &Catalogue) {
    let contact = &catalogue.contact;
    let channels = Channel::ALL.iter().flat_map(|channel| contact.fields(*channel).iter().copied());
    let fields: Vec<FieldId> = channels.chain(contact.birth).chain(contact.guardian).collect();
    for field in fields {
        wanted.fields[field.index()] = true;
        wanted.changed[field.index()] = true;
    }
    for name in ["bounced", "complained"] {
        if let Some(event) = catalogue.event_named(Symbol::new(name)) {
            wanted.events[event.index()] = Some(vec![true; catalogue.event(event).fields.len()]);
        }
    }
    wanted.consents = true;
}

/// The facts of one patron, with everything.
///
/// # Errors
/// If the store cannot be read.
pub(super) fn facts(store: &Store, program: &Program, patron: PatronId) -> Result<Option<Facts>, StoreError> {
    store.reader().facts(patron, &Needs::everything(&program.catalogue))
}
