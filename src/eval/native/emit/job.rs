//! Into which functions the work of a plan is split, and where the words lie that they hand to each other.
//!
//! One function for everything would have more values alive than a processor has registers, and take a time to compile
//! that grows with the square of its length. Each function does one thing for a batch of blocks; their words stand in
//! scratch memory of the thread, a row a word, small enough to stay near.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::super::plan::{Bits, BitsId, CountId, MaskId, Plan, RowBits, Source, TestId, Turn};

/// Blocks of 64 patrons that the functions work on before the next ones: the words of a row.
pub(in crate::eval::native) const BATCH: usize = 32;

/// Tests of one column that share a function.
const TESTS: usize = 8;
/// Counts by place that share a function.
const PLACED: usize = 8;
/// Counts that share a walk over the events.
pub(super) const WALKED: usize = 16;
/// Words that a function of conjunctions and disjunctions reads, unless one alone needs more.
const READ: usize = 128;
/// Results that share a function.
const RESULTS: usize = 64;

/// What a function does.
pub(in crate::eval::native) enum Job {
    /// Tests of one column of patrons.
    Tests(Vec<TestId>),
    /// Until when these hold.
    Turns(Vec<TestId>),
    /// Conjunctions and disjunctions.
    Algebra(Vec<BitsId>),
    /// For whom the columns of the newest events do not say enough.
    FindLate(usize),
    /// Counts of a walk by the columns of the newest events.
    Placed(usize, Vec<CountId>),
    /// Whom a part of a walk has to look at.
    Choose(usize),
    /// A part of a walk.
    Part(usize),
    /// Counts of a walk, for these.
    Late(usize, Vec<CountId>),
    /// Stores results.
    Results(Range<usize>),
}

/// Counts that are made in one loop over the events.
pub(super) struct Part {
    pub walk: usize,
    pub counts: Vec<CountId>,
}

/// A word of the scratch memory.
#[derive(Clone, Copy)]
pub(super) enum Word {
    Bits(BitsId),
    Test(TestId),
    Count(CountId),
    /// Who is looked at by [`Job::Late`] of a walk.
    Late(usize),
    /// Who is looked at by a part of a walk.
    Part(usize),
}

/// All of it.
#[derive(Default)]
pub(in crate::eval::native) struct Work {
    /// In the order in which they are to be done.
    pub jobs: Vec<Job>,
    pub(super) parts: Vec<Part>,
    /// The conditions that tests and counts are.
    of_tests: HashMap<TestId, BitsId>,
    of_counts: HashMap<CountId, BitsId>,
    bits: usize,
    walks: usize,
}

impl Work {
    /// The functions for a plan.
    pub fn of(plan: &Plan) -> Work {
        let mut work = Work { bits: plan.bits.len(), walks: plan.walks.len(), ..Work::default() };
        for (id, bits) in plan.bits.iter().enumerate() {
            match bits {
                Bits::Test(test) => drop(work.of_tests.insert(*test, id)),
                Bits::Enough(count) => drop(work.of_counts.insert(*count, id)),
                _ => {}
            }
        }
        let used = used(plan);
        let is_used = |bits: &BitsId| used.contains(bits);
        let of_bits = |bits: BitsId| if let Bits::Test(test) = plan.bits[bits] { Some(test) } else { None };
        let tests = (0..plan.bits.len()).filter(is_used).filter_map(of_bits);
        work.jobs.extend(by_column(plan, tests).map(Job::Tests));
        if plan.validity {
            let of_patron = |source: Source| !matches!(source, Source::Row(..) | Source::At(_) | Source::Removed(_));
            let moves = |test: &TestId| of_patron(plan.tests[*test].0) && plan.turns[*test] != Turn::Never;
            work.jobs.extend(by_column(plan, (0..plan.tests.len()).filter(moves)).map(Job::Turns));
        }
        let levels = plan.levels.iter().chain(plan.walks.iter().map(|walk| &walk.level));
        for level in 0..=levels.copied().max().unwrap_or(0) {
            work.algebra(plan, (0..plan.bits.len()).filter(|bits| plan.levels[*bits] == level).filter(is_used));
            (0..plan.walks.len())
                .filter(|walk| plan.walks[*walk].level == level)
                .for_each(|walk| work.walk(plan, walk));
        }
        let results = plan.results.len();
        let ranges = (0..results).step_by(RESULTS).map(|first| first..results.min(first + RESULTS));
        work.jobs.extend(ranges.map(Job::Results));
        work
    }

    /// Rows of the scratch memory.
    pub fn rows(&self) -> usize {
        self.bits + self.walks + self.parts.len()
    }

    pub(super) fn row(&self, word: Word) -> usize {
        match word {
            Word::Bits(bits) => bits,
            Word::Test(test) => self.of_tests[&test],
            Word::Count(count) => self.of_counts[&count],
            Word::Late(walk) => self.bits + walk,
            Word::Part(part) => self.bits + self.walks + part,
        }
    }

    /// Parts of a condition have smaller numbers.
    fn algebra(&mut self, plan: &Plan, bits: impl Iterator<Item = BitsId>) {
        let (mut some, mut read) = (Vec::new(), 0);
        for id in bits {
            let (Bits::And(parts) | Bits::Or(parts)) = &plan.bits[id] else { continue };
            if !some.is_empty() && read + parts.len() > READ {
                self.jobs.push(Job::Algebra(std::mem::take(&mut some)));
                read = 0;
            }
            some.push(id);
            read += parts.len();
        }
        if !some.is_empty() {
            self.jobs.push(Job::Algebra(some));
        }
    }

    fn walk(&mut self, plan: &Plan, index: usize) {
        let walk = &plan.walks[index];
        let first = self.parts.len();
        if walk.is_recent {
            // Distinct dates take a loop of their own over the events in a window; they pay for few patrons.
            let (days, plain): (Vec<_>, Vec<_>) = walk.summed.iter().partition(|id| plan.counts[**id].days);
            for counts in [plain, days] {
                let counts = in_order(plan, &counts);
                self.parts.extend(counts.chunks(WALKED).map(|counts| Part { walk: index, counts: counts.to_vec() }));
            }
        }
        self.jobs.push(Job::FindLate(index));
        if walk.is_recent {
            self.jobs.extend(walk.placed.chunks(PLACED).map(|counts| Job::Placed(index, counts.to_vec())));
        }
        self.jobs.extend((first..self.parts.len()).flat_map(|part| [Job::Choose(part), Job::Part(part)]));
        let late = [&walk.placed, &walk.summed, &walk.ahead].map(|counts| in_order(plan, counts)).concat();
        self.jobs.extend(late.chunks(WALKED).map(|counts| Job::Late(index, counts.to_vec())));
    }
}

/// Those first that need only one event, and last those of distinct dates.
fn in_order(plan: &Plan, counts: &[CountId]) -> Vec<CountId> {
    let mut counts = counts.to_vec();
    counts.sort_by_key(|id| (plan.counts[*id].days, plan.counts[*id].n > 1));
    counts
}

/// Tests of the same column side by side.
fn by_column(plan: &Plan, tests: impl Iterator<Item = TestId>) -> impl Iterator<Item = Vec<TestId>> {
    let mut columns: Vec<Vec<TestId>> = Vec::new();
    let mut known: HashMap<Source, usize> = HashMap::new();
    for test in tests {
        let column = *known.entry(plan.tests[test].0).or_insert_with(|| {
            columns.push(Vec::new());
            columns.len() - 1
        });
        columns[column].push(test);
    }
    columns.into_iter().flat_map(|tests| tests.chunks(TESTS).map(<[_]>::to_vec).collect::<Vec<_>>())
}

/// The conditions that something needs: the planner also leaves some behind that it gave up.
fn used(plan: &Plan) -> HashSet<BitsId> {
    let mut used = HashSet::new();
    let mut left: Vec<BitsId> = plan.results.clone();
    left.extend(plan.walks.iter().filter_map(|walk| walk.guard));
    let mut masks: Vec<MaskId> = plan.counts.iter().map(|count| count.mask).collect();
    let mut seen = HashSet::new();
    while let Some(mask) = masks.pop() {
        match &plan.masks[mask] {
            _ if !seen.insert(mask) => {}
            RowBits::And(parts) | RowBits::Or(parts) => masks.extend(parts),
            RowBits::Not(inner) => masks.push(*inner),
            RowBits::Patron(bits) => left.push(*bits),
            RowBits::Constant(_) | RowBits::Test(_) => {}
        }
    }
    while let Some(id) = left.pop() {
        match &plan.bits[id] {
            _ if !used.insert(id) => {}
            Bits::And(parts) | Bits::Or(parts) => left.extend(parts),
            Bits::Not(inner) => left.push(*inner),
            Bits::Constant(_) | Bits::Test(_) | Bits::Member(_) | Bits::Enough(_) | Bits::Asked(_) => {}
        }
    }
    used
}
