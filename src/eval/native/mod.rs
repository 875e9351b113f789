//! Native code for the rules of a program: all conditions at once, over columns, 64 patrons at a time.
//!
//! [`Native::compile`] makes the functions once for a program and a shape of columns; [`Native::run`] evaluates them at
//! an instant. The interpreter is the reference and answers what has no native form; where nothing can be native
//! (no executable memory, no back end, an instant at which a zone repeats a date) the caller asks it for everything.
//!
//! With validity the same code says for each patron until when none of its tests and counts changes.
//!
//! Knows the normal form and columns; never names the interpreter, which comes in as a [`Tabulator`] and as the words
//! of the conditions that were left to it.

mod bind;
mod code;
mod emit;
mod plan;

use rayon::prelude::*;

use super::rules::{NodeId, Rules};
use super::tabulate::Tabulator;
use crate::catalogue::Type;
use crate::limits::NATIVE_PARTS;
use crate::rule::columns::{BLOCK, Columns, Places};
use crate::time::Instant;

use super::question::World;
use bind::Set;
use code::Code;
pub use code::Refused;
use emit::{BATCH, Slot, Width, Work};
use plan::{Limit, Plan, Source};

pub(super) use emit::NO_DAY;
pub(super) use plan::wanted;

/// Compiled conditions.
pub(super) struct Native {
    plan: Plan,
    code: Code,
    /// By function.
    slots: Vec<Vec<Slot>>,
    /// Words that a thread keeps.
    scratch: usize,
    shape: Shape,
}

/// What of the columns the code depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Shape {
    /// Of each test's cells the width, and whether they can be told from the unknown.
    tests: Vec<(Width, bool)>,
    consents: Vec<(crate::catalogue::PurposeId, crate::catalogue::Channel)>,
    events: Vec<Option<(bool, Places)>>,
}

impl Shape {
    fn of(plan: &Plan, columns: &Columns) -> Shape {
        Shape {
            tests: plan
                .tests
                .iter()
                .map(|(source, _)| source.shape(columns))
                .map(|of| (Width::of(of), of.fits()))
                .collect(),
            consents: columns.consents.iter().map(|consents| (consents.purpose, consents.channel)).collect(),
            events: columns.events.iter().map(|of| of.as_ref().map(|of| (of.days_fit, of.recent.places))).collect(),
        }
    }
}

impl Native {
    /// Code for the conditions, over columns that look like these; with `validity` also for until when they hold.
    ///
    /// # Errors
    /// If there is no back end for this machine, executable memory is refused, or the rules are very many.
    pub fn compile(
        rules: &Rules,
        world: &World<'_>,
        columns: &Columns,
        conditions: &[NodeId],
        validity: bool,
    ) -> Result<Native, Refused> {
        let plan = plan::plan(rules, world, columns, conditions, validity);
        if plan.tests.len() + plan.counts.len() > NATIVE_PARTS {
            return Err(Refused(format!("the rules have more than {NATIVE_PARTS} different conditions")));
        }
        let work = Work::of(&plan);
        let (code, slots) = Code::new(&work.jobs, |job, builder| emit::emit(&plan, columns, &work, job, builder))?;
        let shape = Shape::of(&plan, columns);
        Ok(Native { scratch: work.rows() * BATCH, plan, code, slots, shape })
    }

    /// Whether the code is good for these columns, of the same catalogue.
    pub fn fits(&self, columns: &Columns) -> bool {
        Shape::of(&self.plan, columns) == self.shape
    }

    /// The conditions that the interpreter is to answer beforehand.
    pub fn left(&self) -> &[NodeId] {
        &self.plan.asked
    }

    /// What the conditions are at the tabulator's instant. `asked` has the words of [`Native::left`], and until when
    /// they hold, patron by patron. `None`: the interpreter has to answer everything at this instant.
    ///
    /// # Panics
    /// If the columns do not fit.
    pub fn run(
        &self,
        columns: &Columns,
        tabulator: &mut Tabulator<'_, '_>,
        steady: Instant,
        asked: &Found,
    ) -> Option<Found> {
        assert!(self.fits(columns), "code runs over columns of the shape that it was made for");
        if tabulator.now() < steady || self.earliest(columns) < steady.0 {
            return None;
        }
        let bound = bind::bind(&self.plan, columns, tabulator, steady)?;
        let blocks = columns.blocks();
        let mut results = vec![vec![0_u64; blocks]; self.plan.results.len()];
        let (mut days, mut until) = (Vec::new(), Vec::new());
        if self.plan.validity {
            days = vec![emit::NO_DAY; blocks * BLOCK];
            until = asked.until.clone();
            until.resize(blocks * BLOCK, i64::MAX);
        }
        let mut table = |slots: &Vec<Slot>| -> Vec<u64> {
            let words = slots.iter().flat_map(|slot| {
                let words = match slot {
                    Slot::Result(index) => [results[*index].as_mut_ptr() as u64; 2],
                    Slot::Days => [days.as_mut_ptr() as u64; 2],
                    Slot::Until => [until.as_mut_ptr() as u64; 2],
                    slot => resolve(*slot, &self.plan, columns, &bound, &asked.words),
                };
                words.into_iter().take(slot.words())
            });
            words.collect()
        };
        let tables: Vec<Vec<u64>> = self.slots.iter().map(&mut table).collect();
        let batches: Vec<usize> = (0..blocks).step_by(BATCH).collect();
        batches.par_iter().for_each_init(
            || vec![0_u64; self.scratch],
            |scratch, first| self.code.call(&tables, scratch, *first, (first + BATCH).min(blocks)),
        );
        // Rows that stand for nobody are in nothing.
        let spare = blocks * BLOCK - columns.len();
        if spare > 0 {
            for words in &mut results {
                words[blocks - 1] &= u64::MAX >> spare;
            }
        }
        Some(Found { words: results, days, until })
    }
}

/// What was found of conditions.
#[derive(Clone, Default, Debug)]
pub(super) struct Found {
    /// Of each condition the words, one bit a patron.
    pub words: Vec<Vec<u64>>,
    /// Of each patron: after how many days something may change, [`NO_DAY`] if nothing ever does. Empty: not asked.
    pub days: Vec<i16>,
    /// The instant at which something may change that does not wait for a midnight.
    pub until: Vec<i64>,
}

impl Native {
    /// The earliest instant that the code may meet. Those of times in which a date came twice have no order by date.
    fn earliest(&self, columns: &Columns) -> i64 {
        let instants = self.plan.tests.iter().filter_map(|(source, _)| match source.shape(columns) {
            bind::Shape::Column(column) if column.ty == Type::Instant => Some(column.least),
            _ => None,
        });
        let events = columns.events.iter().flatten().map(|events| events.earliest);
        instants.chain(events).min().unwrap_or(i64::MAX)
    }
}

/// What the code finds in a slot. The second word is for vectors.
fn resolve(slot: Slot, plan: &Plan, columns: &Columns, bound: &bind::Bound, asked: &[Vec<u64>]) -> [u64; 2] {
    let events = |event| columns.events(event).expect("a plan reads kinds that are there");
    let between = |test: usize| match bound.sets[test] {
        Set::Between(low, high) => (low, high),
        Set::Codes(_) => unreachable!("the code tests an ordered column for an interval"),
    };
    let codes = |test: usize| match &bound.sets[test] {
        Set::Codes(codes) => codes,
        Set::Between(..) => unreachable!("the code tests codes for membership"),
    };
    // In each lane.
    let end = |test: usize, end: i64| match plan.tests[test].0.shape(columns) {
        shape if Width::of(shape) == Width::Days => u64::from(end as u32) * 0x1_0000_0001,
        _ => end as u64,
    };
    let edge = |limit: Limit, end: i64| match limit {
        Limit::Instant => end as u64,
        _ => u64::from(end as u16) * 0x1_0001_0001_0001,
    };
    let word = match slot {
        Slot::Set(test, part) => {
            let half = |at: usize| u64::from_le_bytes(codes(test)[at..at + 8].try_into().expect("eight bytes"));
            return [half(16 * usize::from(part)), half(16 * usize::from(part) + 8)];
        }
        Slot::Low(test) => end(test, between(test).0),
        Slot::High(test) => end(test, between(test).1),
        Slot::From(count) => edge(plan.counts[count].span.from, bound.spans[count].0),
        Slot::To(count) => edge(plan.counts[count].span.to, bound.spans[count].1),
        Slot::Cells(source) => cells(source, columns),
        Slot::Codes(test) => codes(test).as_ptr() as u64,
        Slot::List(list) => columns.lists[list.index()].as_ptr() as u64,
        Slot::Asked(index) => asked[index].as_ptr() as u64,
        Slot::Offsets(event) => events(event).offsets.as_ptr() as u64,
        Slot::Day(event) => events(event).day.as_ptr() as u64,
        Slot::At(event) => events(event).at.as_ptr() as u64,
        Slot::Recent(event) => events(event).recent.days.as_ptr() as u64,
        Slot::Held => bind::HELD.as_ptr() as u64,
        Slot::Today => bound.today as u64,
        Slot::Now => bound.now as u64,
        // An open end is far away; the first day behind the upper end is one step in.
        Slot::Fall(test) => end(test, far_if_open(plan, columns, test, between(test).0)),
        Slot::Rise(test) => end(test, far_if_open(plan, columns, test, between(test).1 - 1)),
        Slot::Boundary(window) => bound.boundaries[&window] as u64,
        Slot::Result(_) | Slot::Days | Slot::Until => unreachable!("results are made by the caller"),
    };
    [word; 2]
}

/// What days or instants are counted from: an open end is far away.
fn far_if_open(plan: &Plan, columns: &Columns, test: usize, end: i64) -> i64 {
    let is_days = Width::of(plan.tests[test].0.shape(columns)) == Width::Days;
    let (open, far) = if is_days { (1 << 27, -(1 << 29)) } else { (1 << 60, -(1 << 61)) };
    if end.abs() > open { far } else { end }
}

fn cells(source: Source, columns: &Columns) -> u64 {
    use crate::rule::columns::Cells;
    match source {
        Source::ConsentState(at) => columns.consents[at].state.as_ptr() as u64,
        Source::ConsentOn(at) => columns.consents[at].on.as_ptr() as u64,
        Source::ConsentUntil(at) => columns.consents[at].until.as_ptr() as u64,
        Source::At(event) => columns.events(event).expect("a plan reads kinds that are there").at.as_ptr() as u64,
        source => match source.shape(columns) {
            bind::Shape::Column(column) => match &column.cells {
                Cells::Codes8(codes) => codes.as_ptr() as u64,
                Cells::Codes16(codes) => codes.as_ptr() as u64,
                Cells::Codes32(codes) => codes.as_ptr() as u64,
                Cells::Days(days) => days.as_ptr() as u64,
                Cells::Numbers(numbers) => numbers.as_ptr() as u64,
            },
            _ => unreachable!("the others were named"),
        },
    }
}
