//! What a condition over one column says of each value that the column may hold, by asking the interpreter.
//!
//! Most conditions of a program read one field and the clock. As a function of that field's value such a condition is
//! a set: a list of codes, or, where the field is ordered and everything between it and the comparison is monotone, an
//! interval. The native code knows nothing of types and functions; it tests for membership in these sets, which are
//! made anew for each instant.

use super::Question;
use super::interpret::Interpreter;
use super::rules::{ValueId, ValueNode, WindowId, WindowNode};
use super::window::{Edge, Place};
use crate::catalogue::{EventId, FieldId, PurposeId, Value};
use crate::rule::columns::of_number;
use crate::rule::function::{EQUAL, order};
use crate::rule::{EventRead, EventRow, Facts, PatronId, RowId};
use crate::time::{Day, Duration, Instant, Which};

use std::cmp::Ordering;

/// A column.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Cell {
    Patron(FieldId),
    /// Since when the field has its value.
    Changed(FieldId),
    /// Of an event or record; not whether it is open, which no column holds.
    Row(EventId, EventRead),
}

/// A condition over one column. A privacy class that the value stands behind is agreed to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Predicate {
    /// The value is known and this truth.
    Is(ValueId, bool),
    Known(ValueId),
    /// The value lies in the window.
    In(ValueId, WindowId),
}

/// The values of an ordered column for which a predicate holds: from the first to the second, none if it is greater.
pub(super) type Interval = (i64, i64);

/// No value.
pub(super) const NOTHING: Interval = (1, 0);

/// Asks the interpreter at one instant.
pub(super) struct Tabulator<'i, 'a> {
    interpreter: &'i mut Interpreter<'a>,
    now: Instant,
    facts: Facts,
}

impl<'i, 'a> Tabulator<'i, 'a> {
    pub fn new(interpreter: &'i mut Interpreter<'a>, now: Instant) -> Tabulator<'i, 'a> {
        let catalogue = interpreter.world.catalogue;
        let mut facts = Facts::empty(catalogue, PatronId(0));
        for class in &catalogue.classes {
            if let Some(field) = class.requires {
                facts.fields[field.index()] = Some(Value::Bool(true));
            }
        }
        // The moment is the question's.
        interpreter.ask(&Question::of(&facts, now));
        Tabulator { interpreter, now, facts }
    }

    /// The instant.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How long a consent for the purpose lasts.
    pub fn expires_after(&self, purpose: PurposeId) -> Option<Duration> {
        self.interpreter.world.catalogue.purpose(purpose).expires_after
    }

    /// The bounds of a window that follow from the clock.
    pub fn edges(&mut self, window: WindowId) -> (Edge, Edge) {
        let question = Question::of(&self.facts, self.now);
        let (bounds, _) = self.interpreter.ask(&question).bounds::<false>(window, None);
        (bounds.from, bounds.to)
    }

    /// Days until a window that moves by periods does.
    pub fn next_period(&self, window: WindowId) -> i64 {
        let WindowNode::Period { unit, .. } = self.interpreter.rules.window(window) else {
            unreachable!("the window moves by periods")
        };
        let today = self.today();
        let (_, last) = today.period(Which::This, *unit, self.interpreter.world.week_starts);
        i64::from(last.0) + 1 - i64::from(today.0)
    }

    /// The local date of now.
    pub fn today(&self) -> Day {
        self.interpreter.moment.today
    }

    /// Asks about a patron or a row of whom only the cell is known.
    fn with<T>(
        &mut self,
        cell: Cell,
        value: Option<Value>,
        ask: impl FnOnce(&mut Interpreter<'a>, &Question<'_>) -> T,
    ) -> T {
        let mut row = None;
        let mut undo = None;
        match cell {
            Cell::Patron(field) => {
                undo = Some((field, std::mem::replace(&mut self.facts.fields[field.index()], value)));
            }
            Cell::Changed(field) => {
                let since = match value {
                    Some(Value::Instant(at)) => Some(at),
                    _ => None,
                };
                self.facts.changed = since.map(|at| (field, at)).into_iter().collect();
                let present = since.map(|_| Value::Bool(true));
                undo = Some((field, std::mem::replace(&mut self.facts.fields[field.index()], present)));
            }
            Cell::Row(event, read) => {
                let count = self.interpreter.world.catalogue.event(event).fields.len();
                let mut of = EventRow { row: RowId(0), at: self.now, removed: false, fields: vec![None; count] };
                match (read, value) {
                    (EventRead::Field(field), value) => of.fields[usize::from(field)] = value,
                    (_, Some(Value::Instant(at))) => of.at = at,
                    _ => {}
                }
                row = Some(of);
            }
        }
        let result = {
            let question = Question { row: row.as_ref(), ..Question::of(&self.facts, self.now) };
            ask(self.interpreter, &question)
        };
        if let Some((field, before)) = undo {
            self.facts.fields[field.index()] = before;
            self.facts.changed.clear();
        }
        result
    }

    /// Whether the predicate holds for this value of the cell.
    pub fn holds(&mut self, predicate: Predicate, cell: Cell, value: Option<Value>) -> bool {
        self.with(cell, value, |interpreter, question| {
            let mut asked = interpreter.ask(question);
            let row = question.row;
            match predicate {
                Predicate::Is(value, truth) => asked.known(value, row) == Some(Value::Bool(truth)),
                Predicate::Known(value) => asked.known(value, row).is_some(),
                Predicate::In(value, window) => match asked.known(value, row) {
                    Some(known) => asked.value_place::<false>(&known, window, row).0 == Place::In,
                    None => false,
                },
            }
        })
    }

    /// Where the value lies with regard to the predicate's boundaries; `None`: it is unknown.
    fn side(&mut self, predicate: Predicate, cell: Cell, value: Value) -> Option<Ordering> {
        self.with(cell, Some(value), |interpreter, question| {
            let rules = interpreter.rules;
            let mut asked = interpreter.ask(question);
            let row = question.row;
            match predicate {
                Predicate::Known(value) => asked.known(value, row).map(|_| Ordering::Equal),
                Predicate::Is(value, _) => {
                    let ValueNode::Call { arguments, .. } = rules.value_node(value) else { return None };
                    let [left, right] = **arguments else { return None };
                    order(&asked.known(left, row)?, &asked.known(right, row)?)
                }
                Predicate::In(value, window) => {
                    let known = asked.known(value, row)?;
                    asked.value_side(&known, window, row)
                }
            }
        })
    }

    /// The set of an ordered cell's values for which the predicate holds; `None` if no value is found that is known.
    /// The caller has seen that everything between the cell and the boundaries is monotone.
    pub fn interval(&mut self, predicate: Predicate, cell: Cell, of: Ordered) -> Option<Interval> {
        let (least, most) = of.range;
        let anchors = [of.near(self.today(), self.now), 0, least, most, least / 2, most / 2];
        let known = |tabulator: &mut Self, n: i64| tabulator.side(predicate, cell, of.value(n));
        let anchor = anchors.into_iter().find(|n| least <= *n && *n <= most && known(self, *n).is_some())?;
        let first = first_that(least, anchor, |n| known(self, n).is_some());
        let last = -first_that(-most, -anchor, |n| known(self, -n).is_some());
        let (at_first, at_last) = (known(self, first)?, known(self, last)?);
        // By rank the sides ascend.
        let falls = at_first > at_last;
        let rank = |side: Ordering| if falls { -(side as i8) } else { side as i8 };
        let (low, high) = match self.wanted(predicate) {
            (low, high) if falls => (-high, -low),
            range => range,
        };
        if rank(at_last) < low || rank(at_first) > high {
            return Some(NOTHING);
        }
        let from = first_that(first, last, |n| known(self, n).is_some_and(|side| rank(side) >= low));
        let to = -first_that(-last, -first, |n| known(self, -n).is_some_and(|side| rank(side) <= high));
        Some(if from <= to { (from, to) } else { NOTHING })
    }

    /// The sides, as -1 to 1, on which the predicate holds: they lie side by side.
    fn wanted(&self, predicate: Predicate) -> (i8, i8) {
        let Predicate::Is(value, truth) = predicate else { return (0, 0) };
        let ValueNode::Call { function, .. } = self.interpreter.rules.value_node(value) else { return (0, 0) };
        let is_less = **function == crate::rule::function::LESS;
        match (**function == EQUAL, is_less, truth) {
            (true, ..) => (0, 0),
            (_, true, true) => (-1, -1),
            (_, true, false) => (0, 1),
            (_, false, true) => (-1, 0),
            (_, false, false) => (1, 1),
        }
    }
}

/// What an ordered column may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ordered {
    pub ty: crate::catalogue::Type,
    /// The least and the greatest value.
    pub range: (i64, i64),
}

impl Ordered {
    fn value(&self, n: i64) -> Value {
        match self.ty {
            crate::catalogue::Type::Date => Value::Date(Day(n as i32)),
            ty => of_number(ty, n),
        }
    }

    /// A value that is probably known.
    fn near(&self, today: Day, now: Instant) -> i64 {
        match self.ty {
            crate::catalogue::Type::Date => i64::from(today.0),
            crate::catalogue::Type::Instant => now.0,
            _ => 1,
        }
    }
}

/// The least n of `from..=to` for which `holds`, which holds at `to` and from the least n on.
fn first_that(from: i64, to: i64, mut holds: impl FnMut(i64) -> bool) -> i64 {
    let (mut low, mut high) = (i128::from(from), i128::from(to));
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle as i64) { high = middle } else { low = middle + 1 }
    }
    high as i64
}
