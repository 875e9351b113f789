//! From the normal form to what native code can do: words of 64 truths, tests of columns, counts of events.
//!
//! A patron-level condition is a word, one bit a patron ([`Bits`]); a condition over an event is a mask, one lane an
//! event ([`RowBits`]). What neither can say (two columns compared, sequences, sums, …) is answered by the interpreter
//! beforehand and comes in as a word ([`Bits::Asked`]). Nothing here depends on an instant.

use std::collections::HashMap;

use super::super::question::World;
use super::super::rules::{Bound, Counted, Node, NodeId, Rules, SelectionId, ValueId, ValueNode, WindowId, WindowNode};
use super::super::tabulate::{Cell, Predicate};
use crate::catalogue::{Channel, EventId, EventKind, FieldId, ListId, PurposeId, Type, Value};
use crate::rule::EventRead;
use crate::rule::columns::{Cells, Column, Columns, Wanted};
use crate::rule::function::{AGE, Direction, EQUAL, SINCE, TO_DATE, UNTIL, Validity};

/// Indexes [`Plan::bits`].
pub(super) type BitsId = usize;
/// Indexes [`Plan::masks`].
pub(super) type MaskId = usize;
/// Indexes [`Plan::tests`].
pub(super) type TestId = usize;
/// Indexes [`Plan::counts`].
pub(super) type CountId = usize;

/// A column that a test reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Source {
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
pub(super) enum Bits {
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
pub(super) enum RowBits {
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
pub(super) enum Test {
    Asked(Predicate, Cell),
    /// Of a bool: true.
    IsTrue,
    /// A date or an instant that lies in the future: what closes then is open. Not the unknown.
    Ahead,
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

/// One side of a count's window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Limit {
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
pub(super) struct Span {
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
pub(super) struct Count {
    pub event: EventId,
    pub span: Span,
    pub mask: MaskId,
    pub days: bool,
    pub n: i64,
    /// Counts of one level need only those of lower ones.
    pub level: usize,
}

/// What native code does.
#[derive(Clone, Default, Debug)]
pub(super) struct Plan {
    pub bits: Vec<Bits>,
    pub masks: Vec<RowBits>,
    pub tests: Vec<(Source, Test)>,
    pub counts: Vec<Count>,
    /// Conditions that the interpreter answers.
    pub asked: Vec<NodeId>,
    /// The conditions that were asked for, in their order.
    pub results: Vec<BitsId>,
}

/// What of a program's rules the columns must hold, whichever way they are evaluated.
pub(in crate::eval) fn wanted(rules: &Rules, world: &World<'_>) -> Wanted {
    let catalogue = world.catalogue;
    let mut wanted = Wanted {
        fields: vec![false; catalogue.fields.len()],
        changed: vec![false; catalogue.fields.len()],
        events: vec![None; catalogue.events.len()],
        consents: false,
        lists: false,
    };
    let event = |wanted: &mut Wanted, event: EventId, field: Option<u16>| {
        let count = catalogue.event(event).fields.len();
        let fields = wanted.events[event.index()].get_or_insert_with(|| vec![false; count]);
        if let Some(field) = field {
            fields[usize::from(field)] = true;
        }
    };
    for node in &rules.values.nodes {
        match node {
            ValueNode::Patron(field) | ValueNode::PatronAgreement(field) => wanted.fields[field.index()] = true,
            ValueNode::Gated { requires, .. } => wanted.fields[requires.index()] = true,
            ValueNode::Changed(field) => {
                wanted.fields[field.index()] = true;
                wanted.changed[field.index()] = true;
            }
            ValueNode::Row { event: of, read } => match read {
                EventRead::Field(field) => event(&mut wanted, *of, Some(*field)),
                EventRead::At => event(&mut wanted, *of, None),
                EventRead::Open => {
                    let closes = match catalogue.event(*of).kind {
                        EventKind::Record { open_until, .. } => open_until,
                        _ => None,
                    };
                    event(&mut wanted, *of, closes);
                }
            },
            ValueNode::EndOfConsent { .. } => wanted.consents = true,
            _ => {}
        }
    }
    for selection in &rules.selections.nodes {
        event(&mut wanted, selection.event, None);
    }
    for node in &rules.conditions.nodes {
        match node {
            Node::Agreed(field) => wanted.fields[field.index()] = true,
            Node::Member(_) => wanted.lists = true,
            Node::Agrees { .. } | Node::AskedFor { .. } => wanted.consents = true,
            _ => {}
        }
    }
    wanted
}

/// The plan of these conditions over these columns.
pub(super) fn plan(rules: &Rules, world: &World<'_>, columns: &Columns, conditions: &[NodeId]) -> Plan {
    let mut planner = Planner {
        rules,
        world,
        columns,
        plan: Plan::default(),
        bits: HashMap::new(),
        masks: HashMap::new(),
        tests: HashMap::new(),
        nodes: HashMap::new(),
        levels: Default::default(),
    };
    planner.plan.results = conditions.iter().map(|node| planner.node(*node)).collect();
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
    nodes: HashMap<NodeId, BitsId>,
    /// By `BitsId` and `MaskId`: above the levels of all counts that they need.
    levels: (Vec<usize>, Vec<usize>),
}

/// What a value reads.
#[derive(Default)]
struct Inputs {
    cells: Vec<Cell>,
    /// Fields that privacy classes require.
    gates: Vec<FieldId>,
    /// Something that no column holds, or that is not strict.
    beyond: bool,
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

    // ---- values ------------------------------------------------------------------------------------------------

    fn inputs(&self, id: ValueId, found: &mut Inputs) {
        let mut cell = |cell| {
            if !found.cells.contains(&cell) {
                found.cells.push(cell);
            }
        };
        match self.rules.value_node(id) {
            ValueNode::Literal(_) | ValueNode::Today | ValueNode::Now => {}
            ValueNode::Patron(field) | ValueNode::PatronAgreement(field) => cell(Cell::Patron(*field)),
            ValueNode::Changed(field) => cell(Cell::Changed(*field)),
            ValueNode::Row { event, read } if *read != EventRead::Open => cell(Cell::Row(*event, *read)),
            ValueNode::Table { key, .. } => self.inputs(*key, found),
            ValueNode::Gated { requires, value } => {
                found.gates.push(*requires);
                self.inputs(*value, found);
            }
            ValueNode::Call { arguments, .. } => arguments.iter().for_each(|argument| self.inputs(*argument, found)),
            _ => found.beyond = true,
        }
    }

    /// The one cell that the value reads, and the fields that it stands behind.
    fn single(&self, id: ValueId) -> Option<(Cell, Vec<FieldId>)> {
        let mut inputs = Inputs::default();
        self.inputs(id, &mut inputs);
        match inputs.cells.as_slice() {
            [cell] if !inputs.beyond => Some((*cell, inputs.gates)),
            _ => None,
        }
    }

    fn column(&self, cell: Cell) -> Option<&Column> {
        match cell {
            Cell::Patron(field) => self.columns.field(field),
            Cell::Changed(field) => self.columns.changed[field.index()].as_ref(),
            Cell::Row(event, EventRead::Field(field)) => {
                self.columns.events(event)?.fields[usize::from(field)].as_ref()
            }
            Cell::Row(..) => None,
        }
    }

    fn type_of(&self, cell: Cell) -> Type {
        let catalogue = self.world.catalogue;
        match cell {
            Cell::Patron(field) => catalogue.field(field).ty,
            Cell::Row(event, EventRead::Field(field)) => catalogue.event(event).fields[usize::from(field)].ty,
            Cell::Changed(_) | Cell::Row(..) => Type::Instant,
        }
    }

    /// Whether the values for which the predicate holds are a set that native code can test: any set of codes; of an
    /// ordered column one interval.
    fn is_testable(&self, predicate: Predicate, cell: Cell) -> bool {
        let is_codes = match self.column(cell) {
            Some(column) if !column.fits => return false,
            Some(column) => !matches!(column.cells, Cells::Days(_) | Cells::Numbers(_)),
            None => match cell {
                Cell::Row(event, EventRead::At) => match self.columns.events(event) {
                    Some(_) => false,
                    None => return false,
                },
                _ => return false,
            },
        };
        if is_codes {
            return true;
        }
        match predicate {
            Predicate::Known(value) | Predicate::In(value, _) => self.is_monotone(value, cell),
            Predicate::Is(value, truth) => {
                let ValueNode::Call { function, arguments } = self.rules.value_node(value) else { return false };
                let [left, right] = **arguments else { return false };
                let one_side = self.reads(left, cell) != self.reads(right, cell);
                let is_interval = **function != EQUAL || truth;
                let moving = if self.reads(left, cell) { left } else { right };
                function.validity == Validity::Comparison && one_side && is_interval && self.is_monotone(moving, cell)
            }
        }
    }

    fn reads(&self, id: ValueId, cell: Cell) -> bool {
        let mut inputs = Inputs::default();
        self.inputs(id, &mut inputs);
        inputs.cells.contains(&cell)
    }

    /// Whether the value moves one way only with the cell, and is known on one stretch of it.
    fn is_monotone(&self, id: ValueId, cell: Cell) -> bool {
        match self.rules.value_node(id) {
            ValueNode::Patron(_) | ValueNode::Row { .. } | ValueNode::Changed(_) => true,
            ValueNode::Gated { value, .. } => self.is_monotone(*value, cell),
            ValueNode::Call { function, arguments } => {
                let Validity::Monotone { arguments: directions, .. } = function.validity else { return false };
                let moving: Vec<usize> = (0..arguments.len()).filter(|at| self.reads(arguments[*at], cell)).collect();
                let [only] = moving[..] else { return false };
                // Local times of instants are not quite monotone where clocks change; local dates are, once no zone
                // repeats them.
                let by_date = [&TO_DATE, &AGE, &SINCE, &UNTIL].contains(function);
                let inner = self.rules.value_node(arguments[only]);
                let is_instant = self.type_of(cell) == Type::Instant && !matches!(inner, ValueNode::Call { .. });
                let directed = directions.get(only).is_some_and(|way| *way != Direction::Either);
                directed && (!is_instant || by_date) && self.is_monotone(arguments[only], cell)
            }
            _ => false,
        }
    }

    /// A predicate over one column of the patron, and that the patron agreed to what the value stands behind.
    fn patron_test(&mut self, value: ValueId, predicate: Predicate) -> Option<BitsId> {
        let (cell, gates) = self.single(value)?;
        let source = match cell {
            Cell::Patron(field) => Source::Field(field),
            Cell::Changed(field) => Source::Changed(field),
            Cell::Row(..) => return None,
        };
        if let Some(not_equal) = self.not_equal(predicate) {
            let known = self.patron_test(value, Predicate::Is(not_equal, true))?;
            let [left, right] = self.operands(value)?;
            let sides = [left, right].into_iter().filter(|side| self.reads(*side, cell)).collect::<Vec<_>>();
            let [side] = sides[..] else { return None };
            let is_known = self.patron_test(side, Predicate::Known(side))?;
            let unequal = self.intern(Bits::Not(known));
            return Some(self.all(vec![is_known, unequal]));
        }
        if !self.is_testable(predicate, cell) {
            return None;
        }
        let test = self.asking(predicate, cell);
        let test = self.test_bits(source, test);
        let mut parts = gates.into_iter().map(|gate| self.agreed(gate)).collect::<Option<Vec<_>>>()?;
        parts.push(test);
        Some(self.all(parts))
    }

    /// What is known as it stands in the column needs no set.
    fn asking(&self, predicate: Predicate, cell: Cell) -> Test {
        let mut value = match predicate {
            Predicate::Known(value) => value,
            _ => return Test::Asked(predicate, cell),
        };
        loop {
            match self.rules.value_node(value) {
                ValueNode::Gated { value: inner, .. } => value = *inner,
                ValueNode::Patron(_) | ValueNode::Row { .. } | ValueNode::Changed(_) => return Test::IsKnown,
                _ => return Test::Asked(predicate, cell),
            }
        }
    }

    /// Of an ordered column: "known and not equal" is no interval, but what lies outside of one.
    fn not_equal(&self, predicate: Predicate) -> Option<ValueId> {
        let Predicate::Is(value, false) = predicate else { return None };
        let ValueNode::Call { function, arguments } = self.rules.value_node(value) else { return None };
        let (cell, _) = self.single(value)?;
        let is_ordered =
            self.column(cell).is_none_or(|column| matches!(column.cells, Cells::Days(_) | Cells::Numbers(_)));
        // The other side is always known.
        let plain = |id: &ValueId| matches!(self.rules.value_node(*id), ValueNode::Literal(_) | ValueNode::Today);
        (**function == EQUAL && is_ordered && arguments.iter().any(plain)).then_some(value)
    }

    fn operands(&self, id: ValueId) -> Option<[ValueId; 2]> {
        let ValueNode::Call { arguments, .. } = self.rules.value_node(id) else { return None };
        (**arguments).try_into().ok()
    }

    /// Whether a window's bounds are known and follow from the clock alone.
    fn is_fixed(&self, window: WindowId) -> bool {
        let plain = |value: &ValueId| {
            let mut inputs = Inputs::default();
            self.inputs(*value, &mut inputs);
            inputs.cells.is_empty() && !inputs.beyond
        };
        match self.rules.window(window) {
            WindowNode::Last(_) | WindowNode::Next(_) | WindowNode::Period { .. } => true,
            WindowNode::Since { from, .. } => plain(from),
            WindowNode::Before(to) => plain(to),
            WindowNode::Between { from, to, .. } => plain(from) && plain(to),
        }
    }

    // ---- events ------------------------------------------------------------------------------------------------

    fn count(&mut self, selection: SelectionId, counted: Counted, bound: Bound, n: i64) -> Option<BitsId> {
        if n <= 0 {
            return Some(self.intern(Bits::Constant(true)));
        }
        let node = self.rules.selection(selection);
        let events = self.columns.events(node.event)?;
        let span = self.span(node.window, bound)?;
        let reads_days = counted == Counted::Days || span.from.is_day() || span.to.is_day();
        if reads_days && !events.days_fit {
            return None;
        }
        let mask = match bound {
            Bound::Certain => self.row(node.certain)?,
            Bound::Possible => {
                let excluded = self.row(node.excluded)?;
                self.opposite(excluded)
            }
        };
        let level = self.levels.1[mask];
        let count = Count { event: node.event, span, mask, days: counted == Counted::Days, n, level };
        let at = self.plan.counts.iter().position(|known| *known == count).unwrap_or_else(|| {
            self.plan.counts.push(count);
            self.plan.counts.len() - 1
        });
        Some(self.intern(Bits::Enough(at)))
    }

    fn span(&self, window: Option<WindowId>, bound: Bound) -> Option<Span> {
        let everything = Span { window: None, from: Limit::Open, to: Limit::Open, ahead: false, bound: Bound::Certain };
        let Some(id) = window else { return Some(everything) };
        let node = self.rules.window(id);
        let by_clock = |elapsed: bool| if elapsed { Limit::Instant } else { Limit::Day };
        let span = |from, to, ahead| Span { window: Some(id), from, to, ahead, bound };
        Some(match node {
            WindowNode::Last(duration) => {
                let limit = by_clock(duration.unit.is_elapsed());
                // What is seen is not later than now.
                span(limit, Limit::Open, false)
            }
            WindowNode::Next(duration) => {
                let limit = by_clock(duration.unit.is_elapsed());
                span(limit, limit, true)
            }
            WindowNode::Period { which, .. } => span(Limit::Day, Limit::Day, *which == crate::time::Which::Coming),
            WindowNode::Since { from, after } => span(self.limit(*from, *after)?, Limit::Open, false),
            WindowNode::Before(to) => span(Limit::Open, self.limit(*to, false)?, false),
            WindowNode::Between { from, after, to } => span(self.limit(*from, *after)?, self.limit(*to, true)?, false),
        })
    }

    fn limit(&self, value: ValueId, past: bool) -> Option<Limit> {
        match self.rules.value_node(value) {
            ValueNode::Patron(field) if self.world.catalogue.field(*field).ty == Type::Date => {
                self.columns.field(*field)?;
                return Some(Limit::PatronDay { field: *field, past });
            }
            _ => {}
        }
        let mut inputs = Inputs::default();
        self.inputs(value, &mut inputs);
        if !inputs.cells.is_empty() || inputs.beyond {
            return None;
        }
        match self.constant_type(value)? {
            Type::Date => Some(Limit::Day),
            Type::Instant => Some(Limit::Instant),
            _ => None,
        }
    }

    /// Whether a value that reads no column is a date or an instant.
    fn constant_type(&self, value: ValueId) -> Option<Type> {
        match self.rules.value_node(value) {
            ValueNode::Literal(Value::Date(_)) | ValueNode::Today => Some(Type::Date),
            ValueNode::Literal(Value::Instant(_)) | ValueNode::Now => Some(Type::Instant),
            ValueNode::Call { function, .. } if **function == TO_DATE => Some(Type::Date),
            // A date or an instant with a duration.
            ValueNode::Call { arguments, .. } => self.constant_type(*arguments.first()?),
            _ => None,
        }
    }

    fn opposite(&mut self, mask: MaskId) -> MaskId {
        match &self.plan.masks[mask] {
            RowBits::Constant(truth) => {
                let truth = !truth;
                self.mask(RowBits::Constant(truth))
            }
            RowBits::Not(inner) => *inner,
            _ => self.mask(RowBits::Not(mask)),
        }
    }

    /// A condition over the event at hand.
    fn row(&mut self, id: NodeId) -> Option<MaskId> {
        let rules = self.rules;
        if !rules.condition_depends[id.0 as usize].row {
            return Some(match rules.node(id) {
                Node::True => self.mask(RowBits::Constant(true)),
                Node::False => self.mask(RowBits::Constant(false)),
                _ => {
                    let bits = self.node(id);
                    self.mask(RowBits::Patron(bits))
                }
            });
        }
        Some(match rules.node(id) {
            Node::And(parts) => {
                let parts = parts.iter().map(|part| self.row(*part)).collect::<Option<_>>()?;
                self.mask(RowBits::And(parts))
            }
            Node::Or(parts) => {
                let parts = parts.iter().map(|part| self.row(*part)).collect::<Option<_>>()?;
                self.mask(RowBits::Or(parts))
            }
            Node::Not(inner) => {
                let inner = self.row(*inner)?;
                self.opposite(inner)
            }
            Node::Is { value, truth } => match rules.value_node(*value) {
                ValueNode::Row { event, read: EventRead::Open } => {
                    let open = self.open(*event)?;
                    if *truth { open } else { self.opposite(open) }
                }
                _ => self.row_test(*value, Predicate::Is(*value, *truth))?,
            },
            Node::Known(value) => self.row_test(*value, Predicate::Known(*value))?,
            Node::InWindow { value, window, truth } if self.is_fixed(*window) => {
                let inside = self.row_test(*value, Predicate::In(*value, *window))?;
                match truth {
                    true => inside,
                    false => {
                        let known = self.row_test(*value, Predicate::Known(*value))?;
                        let outside = self.opposite(inside);
                        self.mask(RowBits::And(vec![known, outside]))
                    }
                }
            }
            _ => return None,
        })
    }

    fn row_test(&mut self, value: ValueId, predicate: Predicate) -> Option<MaskId> {
        let (cell, gates) = self.single(value)?;
        let Cell::Row(event, read) = cell else { return None };
        if let Some(equal) = self.not_equal(predicate) {
            let is_equal = self.row_test(value, Predicate::Is(equal, true))?;
            let sides: Vec<ValueId> =
                self.operands(value)?.into_iter().filter(|side| self.reads(*side, cell)).collect();
            let [side] = sides[..] else { return None };
            let known = self.row_test(side, Predicate::Known(side))?;
            let unequal = self.opposite(is_equal);
            return Some(self.mask(RowBits::And(vec![known, unequal])));
        }
        if !self.is_testable(predicate, cell) {
            return None;
        }
        let source = match read {
            EventRead::Field(field) => Source::Row(event, field),
            _ => Source::At(event),
        };
        let test = self.asking(predicate, cell);
        let test = self.test_mask(source, test);
        if gates.is_empty() {
            return Some(test);
        }
        let mut parts = vec![test];
        for gate in gates {
            let agreed = self.agreed(gate)?;
            parts.push(self.mask(RowBits::Patron(agreed)));
        }
        Some(self.mask(RowBits::And(parts)))
    }

    /// A record is open while it is there and what closes it is missing or ahead.
    fn open(&mut self, event: EventId) -> Option<MaskId> {
        let EventKind::Record { open_until: Some(field), .. } = self.world.catalogue.event(event).kind else {
            return Some(self.mask(RowBits::Constant(false)));
        };
        let column = self.columns.events(event)?.fields[usize::from(field)].as_ref()?;
        if !column.fits {
            return None;
        }
        let removed = self.test_mask(Source::Removed(event), Test::IsTrue);
        let there = self.opposite(removed);
        let ahead = self.test_mask(Source::Row(event, field), Test::Ahead);
        let known = self.test_mask(Source::Row(event, field), Test::IsKnown);
        let unknown = self.opposite(known);
        let open = self.mask(RowBits::Or(vec![unknown, ahead]));
        Some(self.mask(RowBits::And(vec![there, open])))
    }
}

impl Limit {
    /// Whether it is compared with local dates.
    pub(super) fn is_day(self) -> bool {
        matches!(self, Limit::Day | Limit::PatronDay { .. })
    }
}
