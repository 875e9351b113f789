//! From the normal form to what native code can do: words of 64 truths, tests of columns, counts of events.
//!
//! A patron-level condition is a word, one bit a patron ([`Bits`]); a condition over an event is a mask, one lane an
//! event ([`RowBits`]). What neither can say (two columns compared, sequences, sums, …) is answered by the interpreter
//! beforehand and comes in as a word ([`Bits::Asked`]). Nothing here depends on an instant.

mod event;
mod turn;
mod value;
mod wanted;

use std::collections::HashMap;

use super::super::question::World;
use super::super::rules::{Bound, Node, NodeId, Rules, WindowId};
use super::super::tabulate::{Cell, Predicate};
use crate::catalogue::{Channel, EventId, FieldId, ListId, PurposeId};
use crate::rule::columns::{Columns, PLACES};

pub(in crate::eval) use wanted::wanted;

/// Indexes [`Plan::bits`].
pub(in crate::eval::native) type BitsId = usize;
/// Indexes [`Plan::masks`].
pub(in crate::eval::native) type MaskId = usize;
/// Indexes [`Plan::tests`].
pub(in crate::eval::native) type TestId = usize;
/// Indexes [`Plan::counts`].
pub(in crate::eval::native) type CountId = usize;

/// A column that a test reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::eval::native) enum Source {
    Field(FieldId),
    Changed(FieldId),
    /// Of the n-th of [`Columns::consents`].
    ConsentState(usize),
    ConsentOn(usize),
    ConsentUntil(usize),
    /// Of a kind's events.
    Row(EventId, u16),
    At(EventId),
    Removed(EventId),
}

/// 64 truths.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::eval::native) enum Bits {
    Constant(bool),
    And(Vec<BitsId>),
    Or(Vec<BitsId>),
    Not(BitsId),
    Test(TestId),
    Member(ListId),
    /// Whether enough events count.
    Enough(CountId),
    /// The n-th of [`Plan::asked`].
    Asked(usize),
}

/// Truths of events side by side.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::eval::native) enum RowBits {
    Constant(bool),
    And(Vec<MaskId>),
    Or(Vec<MaskId>),
    Not(MaskId),
    Test(TestId),
    /// A condition of the patron.
    Patron(BitsId),
}

/// Membership in a set that is made anew for each instant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::eval::native) enum Test {
    Asked(Predicate, Cell),
    /// Of a bool: true.
    IsTrue,
    /// A date (true) or an instant that lies in the future: what closes then is open. Not the unknown.
    Ahead(bool),
    IsKnown,
    /// A consent's state, by code.
    State(u8),
    /// A consent that has begun.
    Begun,
    /// A consent's date from which on it has not run out by its purpose.
    NotRunOut(PurposeId),
    /// A last date that has not passed.
    NotPast,
}

/// How the set of a test, or the end of a window, moves with the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::eval::native) enum Turn {
    Never,
    /// By a day at each midnight; where months are added, up to `slack` days more or less over any stretch.
    Days {
        slack: i64,
    },
    /// At the beginning of the next period.
    Period(WindowId),
    /// With the clock itself.
    Instants,
}

/// One side of a count's window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::eval::native) enum Limit {
    Open,
    /// A local date that follows from the clock.
    Day,
    /// An instant that follows from the clock.
    Instant,
    /// The patron's date; `past`: from the next day on.
    PatronDay {
        field: FieldId,
        past: bool,
    },
}

/// Which events lie in the window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::eval::native) struct Span {
    /// Whose bounds the clock gives.
    pub window: Option<WindowId>,
    pub from: Limit,
    pub to: Limit,
    /// Events of the future are seen.
    pub ahead: bool,
    /// What a date that the patron does not have means: everything lies in the window, or nothing.
    pub bound: Bound,
}

/// At least `n` events of a kind, or distinct dates of them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::eval::native) struct Count {
    pub event: EventId,
    pub span: Span,
    pub mask: MaskId,
    pub days: bool,
    pub n: i64,
    /// Counts of one level need only those of lower ones.
    pub level: usize,
}

impl Count {
    /// The newest event that there must be since the beginning of the window, as far as there are places for them.
    pub fn place(&self) -> usize {
        self.n.clamp(1, PLACES as i64) as usize
    }
}

/// What native code does.
#[derive(Clone, Default, Debug)]
pub(in crate::eval::native) struct Plan {
    pub bits: Vec<Bits>,
    /// By `BitsId`: above the levels of all counts that they need.
    pub levels: Vec<usize>,
    pub masks: Vec<RowBits>,
    pub tests: Vec<(Source, Test)>,
    /// By `TestId`.
    pub turns: Vec<Turn>,
    pub counts: Vec<Count>,
    /// By `CountId`: of the window's ends.
    pub span_turns: Vec<[Turn; 2]>,
    /// By `CountId`: tests of the patron without which it does not matter.
    pub guards: Vec<Vec<BitsId>>,
    /// Until when the results hold is wanted too.
    pub validity: bool,
    /// Conditions that the interpreter answers.
    pub asked: Vec<NodeId>,
    /// The conditions that were asked for, in their order.
    pub results: Vec<BitsId>,
    /// The counts by the walks that make them, those first that others need.
    pub walks: Vec<Walk>,
}

/// Counts over one kind that are made in one walk over its events.
#[derive(Clone, Debug)]
pub(in crate::eval::native) struct Walk {
    pub event: EventId,
    pub level: usize,
    /// A condition of the patron without which none of the counts matters.
    pub guard: Option<BitsId>,
    /// Whether the columns have the dates of the newest events that the counts need.
    pub is_recent: bool,
    /// Those that follow from the date of the n-th last event.
    pub placed: Vec<CountId>,
    /// Those that need the events one by one.
    pub summed: Vec<CountId>,
    /// As `summed`, over events of the future too.
    pub ahead: Vec<CountId>,
}

/// How a count is made in a walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::eval::native) enum CountKind {
    Placed,
    Summed,
    Ahead,
}

impl Walk {
    pub fn kind(&self, count: CountId) -> CountKind {
        match () {
            () if self.placed.contains(&count) => CountKind::Placed,
            () if self.summed.contains(&count) => CountKind::Summed,
            () => CountKind::Ahead,
        }
    }
}

/// The plan of these conditions over these columns; with `validity` only what is known to move with the clock in a
/// simple way is native.
pub(in crate::eval::native) fn plan(
    rules: &Rules,
    world: &World<'_>,
    columns: &Columns,
    conditions: &[NodeId],
    validity: bool,
) -> Plan {
    let mut planner = Planner {
        rules,
        world,
        columns,
        plan: Plan { validity, ..Plan::default() },
        bits: HashMap::new(),
        masks: HashMap::new(),
        tests: HashMap::new(),
        counts: HashMap::new(),
        nodes: HashMap::new(),
        levels: Default::default(),
    };
    planner.plan.results = conditions.iter().map(|node| planner.node(*node)).collect();
    planner.plan.guards = planner.guards();
    planner.plan.walks = planner.walks();
    planner.plan.levels = planner.levels.0;
    planner.plan
}

struct Planner<'a> {
    rules: &'a Rules,
    world: &'a World<'a>,
    columns: &'a Columns,
    plan: Plan,
    bits: HashMap<Bits, BitsId>,
    masks: HashMap<RowBits, MaskId>,
    tests: HashMap<(Source, Test), TestId>,
    counts: HashMap<Count, CountId>,
    nodes: HashMap<NodeId, BitsId>,
    /// By `BitsId` and `MaskId`: above the levels of all counts that they need.
    levels: (Vec<usize>, Vec<usize>),
}

impl Planner<'_> {
    fn intern(&mut self, bits: Bits) -> BitsId {
        if let Some(&id) = self.bits.get(&bits) {
            return id;
        }
        let level = match &bits {
            Bits::And(parts) | Bits::Or(parts) => parts.iter().map(|part| self.levels.0[*part]).max().unwrap_or(0),
            Bits::Not(inner) => self.levels.0[*inner],
            Bits::Enough(count) => self.plan.counts[*count].level + 1,
            Bits::Constant(_) | Bits::Test(_) | Bits::Member(_) | Bits::Asked(_) => 0,
        };
        self.levels.0.push(level);
        self.plan.bits.push(bits.clone());
        self.bits.insert(bits, self.plan.bits.len() - 1);
        self.plan.bits.len() - 1
    }

    fn mask(&mut self, mask: RowBits) -> MaskId {
        if let Some(&id) = self.masks.get(&mask) {
            return id;
        }
        let level = match &mask {
            RowBits::And(parts) | RowBits::Or(parts) => {
                parts.iter().map(|part| self.levels.1[*part]).max().unwrap_or(0)
            }
            RowBits::Not(inner) => self.levels.1[*inner],
            RowBits::Patron(bits) => self.levels.0[*bits],
            RowBits::Constant(_) | RowBits::Test(_) => 0,
        };
        self.levels.1.push(level);
        self.plan.masks.push(mask.clone());
        self.masks.insert(mask, self.plan.masks.len() - 1);
        self.plan.masks.len() - 1
    }

    fn test(&mut self, source: Source, test: Test) -> TestId {
        if let Some(&id) = self.tests.get(&(source, test)) {
            return id;
        }
        let turn = self.turn(test);
        assert!(turn.is_some() || !self.plan.validity, "what moves in an unknown way is not native");
        self.plan.turns.push(turn.unwrap_or(Turn::Never));
        self.plan.tests.push((source, test));
        self.tests.insert((source, test), self.plan.tests.len() - 1);
        self.plan.tests.len() - 1
    }

    fn test_bits(&mut self, source: Source, test: Test) -> BitsId {
        let test = self.test(source, test);
        self.intern(Bits::Test(test))
    }

    fn test_mask(&mut self, source: Source, test: Test) -> MaskId {
        let test = self.test(source, test);
        self.mask(RowBits::Test(test))
    }

    /// A condition of the patron.
    fn node(&mut self, id: NodeId) -> BitsId {
        if let Some(&known) = self.nodes.get(&id) {
            return known;
        }
        let bits = match self.native(id) {
            Some(bits) => bits,
            None => {
                self.plan.asked.push(id);
                self.intern(Bits::Asked(self.plan.asked.len() - 1))
            }
        };
        self.nodes.insert(id, bits);
        bits
    }

    fn all(&mut self, parts: Vec<BitsId>) -> BitsId {
        match parts.as_slice() {
            [only] => *only,
            _ => self.intern(Bits::And(parts)),
        }
    }

    /// The condition as native code; `None`: it has none.
    fn native(&mut self, id: NodeId) -> Option<BitsId> {
        let rules = self.rules;
        Some(match rules.node(id) {
            Node::True => self.intern(Bits::Constant(true)),
            Node::False => self.intern(Bits::Constant(false)),
            Node::And(parts) => {
                let parts = parts.iter().map(|part| self.node(*part)).collect();
                self.intern(Bits::And(parts))
            }
            Node::Or(parts) => {
                let parts = parts.iter().map(|part| self.node(*part)).collect();
                self.intern(Bits::Or(parts))
            }
            Node::Not(inner) => {
                let inner = self.node(*inner);
                self.intern(Bits::Not(inner))
            }
            Node::Agreed(field) => self.agreed(*field)?,
            Node::Member(list) => self.intern(Bits::Member(*list)),
            Node::Is { value, truth } => self.patron_test(*value, Predicate::Is(*value, *truth))?,
            Node::Known(value) => self.patron_test(*value, Predicate::Known(*value))?,
            Node::InWindow { value, window, truth } => {
                if !self.is_fixed(*window) {
                    return None;
                }
                let inside = self.patron_test(*value, Predicate::In(*value, *window))?;
                match truth {
                    true => inside,
                    false => {
                        let known = self.patron_test(*value, Predicate::Known(*value))?;
                        let outside = self.intern(Bits::Not(inside));
                        self.all(vec![known, outside])
                    }
                }
            }
            Node::AtLeast { selection, counted, bound, n } => self.count(*selection, *counted, *bound, *n)?,
            Node::Agrees { purpose, channel } => self.agrees(*purpose, *channel),
            Node::AskedFor { purpose, channel } => {
                let consent = self.consents(*purpose, Some(*channel));
                let asked = consent.into_iter().map(|at| self.test_bits(Source::ConsentState(at), Test::State(2)));
                let asked: Vec<BitsId> = asked.collect();
                self.intern(Bits::Or(asked))
            }
            Node::CountCompare { .. } | Node::Followed { .. } | Node::Periods { .. } => return None,
        })
    }

    fn agreed(&mut self, field: FieldId) -> Option<BitsId> {
        self.columns.field(field)?;
        Some(self.test_bits(Source::Field(field), Test::IsTrue))
    }

    fn consents(&self, purpose: PurposeId, channel: Option<Channel>) -> Vec<usize> {
        let of = |consents: &crate::rule::columns::Consents| {
            consents.purpose == purpose && channel.is_none_or(|channel| consents.channel == channel)
        };
        (0..self.columns.consents.len()).filter(|at| of(&self.columns.consents[*at])).collect()
    }

    fn agrees(&mut self, purpose: PurposeId, channel: Option<Channel>) -> BitsId {
        if !self.world.catalogue.purpose(purpose).needs_consent {
            return self.intern(Bits::Constant(true));
        }
        let mut any = Vec::new();
        for at in self.consents(purpose, channel) {
            let given = self.test_bits(Source::ConsentState(at), Test::State(1));
            let begun = self.test_bits(Source::ConsentOn(at), Test::Begun);
            let named = self.test_bits(Source::ConsentUntil(at), Test::IsKnown);
            let not_past = self.test_bits(Source::ConsentUntil(at), Test::NotPast);
            let not_run_out = self.test_bits(Source::ConsentOn(at), Test::NotRunOut(purpose));
            let unnamed = self.intern(Bits::Not(named));
            let by_purpose = self.intern(Bits::And(vec![unnamed, not_run_out]));
            let in_force = self.intern(Bits::Or(vec![not_past, by_purpose]));
            any.push(self.intern(Bits::And(vec![given, begun, in_force])));
        }
        self.intern(Bits::Or(any))
    }
}

impl Limit {
    /// Whether it is compared with local dates.
    pub(in crate::eval::native) fn is_day(self) -> bool {
        matches!(self, Limit::Day | Limit::PatronDay { .. })
    }
}
