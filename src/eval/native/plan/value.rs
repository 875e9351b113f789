//! Conditions over one column of the patron: which cell a value reads, and whether native code can test it.

use super::super::super::rules::{ValueId, ValueNode, WindowId, WindowNode};
use super::super::super::tabulate::{Cell, Predicate};
use super::{Bits, BitsId, Planner, Source, Test};
use crate::catalogue::{FieldId, Type};
use crate::rule::EventRead;
use crate::rule::columns::{Cells, Column};
use crate::rule::function::{AGE, Direction, EQUAL, SINCE, TO_DATE, UNTIL, Validity};

/// What a value reads.
#[derive(Default)]
pub(super) struct Inputs {
    pub cells: Vec<Cell>,
    /// Fields that privacy classes require.
    pub gates: Vec<FieldId>,
    /// Something that no column holds, or that is not strict.
    pub beyond: bool,
}

impl Planner<'_> {
    pub(super) fn inputs(&self, id: ValueId, found: &mut Inputs) {
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
    pub(super) fn single(&self, id: ValueId) -> Option<(Cell, Vec<FieldId>)> {
        let mut inputs = Inputs::default();
        self.inputs(id, &mut inputs);
        match inputs.cells.as_slice() {
            [cell] if !inputs.beyond => Some((*cell, inputs.gates)),
            _ => None,
        }
    }

    pub(super) fn column(&self, cell: Cell) -> Option<&Column> {
        match cell {
            Cell::Patron(field) => self.columns.field(field),
            Cell::Changed(field) => self.columns.changed[field.index()].as_ref(),
            Cell::Row(event, EventRead::Field(field)) => {
                self.columns.events(event)?.fields[usize::from(field)].as_ref()
            }
            Cell::Row(..) => None,
        }
    }

    pub(super) fn type_of(&self, cell: Cell) -> Type {
        let catalogue = self.world.catalogue;
        match cell {
            Cell::Patron(field) => catalogue.field(field).ty,
            Cell::Row(event, EventRead::Field(field)) => catalogue.event(event).fields[usize::from(field)].ty,
            Cell::Changed(_) | Cell::Row(..) => Type::Instant,
        }
    }

    /// Whether the values for which the predicate holds are a set that native code can test: any set of codes; of an
    /// ordered column one interval.
    pub(super) fn is_testable(&self, predicate: Predicate, cell: Cell) -> bool {
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

    pub(super) fn reads(&self, id: ValueId, cell: Cell) -> bool {
        let mut inputs = Inputs::default();
        self.inputs(id, &mut inputs);
        inputs.cells.contains(&cell)
    }

    /// Whether the value moves one way only with the cell, and is known on one stretch of it.
    pub(super) fn is_monotone(&self, id: ValueId, cell: Cell) -> bool {
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
    pub(super) fn patron_test(&mut self, value: ValueId, predicate: Predicate) -> Option<BitsId> {
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
        if self.plan.validity && self.turn(test).is_none() {
            return None;
        }
        let test = self.test_bits(source, test);
        let mut parts = gates.into_iter().map(|gate| self.agreed(gate)).collect::<Option<Vec<_>>>()?;
        parts.push(test);
        Some(self.all(parts))
    }

    /// What is known as it stands in the column needs no set.
    pub(super) fn asking(&self, predicate: Predicate, cell: Cell) -> Test {
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
    pub(super) fn not_equal(&self, predicate: Predicate) -> Option<ValueId> {
        let Predicate::Is(value, false) = predicate else { return None };
        let ValueNode::Call { function, arguments } = self.rules.value_node(value) else { return None };
        let (cell, _) = self.single(value)?;
        let is_ordered =
            self.column(cell).is_none_or(|column| matches!(column.cells, Cells::Days(_) | Cells::Numbers(_)));
        // The other side is always known.
        let plain = |id: &ValueId| matches!(self.rules.value_node(*id), ValueNode::Literal(_) | ValueNode::Today);
        (**function == EQUAL && is_ordered && arguments.iter().any(plain)).then_some(value)
    }

    pub(super) fn operands(&self, id: ValueId) -> Option<[ValueId; 2]> {
        let ValueNode::Call { arguments, .. } = self.rules.value_node(id) else { return None };
        (**arguments).try_into().ok()
    }

    /// Whether a window's bounds are known and follow from the clock alone.
    pub(super) fn is_fixed(&self, window: WindowId) -> bool {
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
}
