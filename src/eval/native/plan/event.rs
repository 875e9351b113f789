//! Counts of events: windows, and conditions over the event at hand.

use super::super::super::rules::{Bound, Counted, Node, NodeId, SelectionId, ValueId, ValueNode, WindowId, WindowNode};
use super::super::super::tabulate::{Cell, Predicate};
use super::value::Inputs;
use super::{Bits, BitsId, Count, CountId, Limit, MaskId, Planner, RowBits, Source, Span, Test, Turn, Walk};
use crate::catalogue::{EventId, EventKind, Type, Value};
use crate::rule::EventRead;
use crate::rule::columns::PLACES;
use crate::rule::function::TO_DATE;

/// Tests beside a count that are looked at.
const GUARDS: usize = 4;

impl Planner<'_> {
    pub(super) fn count(&mut self, selection: SelectionId, counted: Counted, bound: Bound, n: i64) -> Option<BitsId> {
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
        let span_turns = match self.span_turns(node.window) {
            Some(turns) => turns,
            None if self.plan.validity => return None,
            None => [Turn::Never; 2],
        };
        let level = self.levels.1[mask];
        let count = Count { event: node.event, span, mask, days: counted == Counted::Days, n, level };
        let plan = &mut self.plan;
        let at = *self.counts.entry(count.clone()).or_insert_with(|| {
            plan.counts.push(count);
            plan.span_turns.push(span_turns);
            plan.counts.len() - 1
        });
        Some(self.intern(Bits::Enough(at)))
    }

    pub(super) fn walks(&self) -> Vec<Walk> {
        let mut walks: Vec<Walk> = Vec::new();
        for (id, count) in self.plan.counts.iter().enumerate() {
            let of = |walk: &Walk| walk.level == count.level && walk.event == count.event;
            let at = walks.iter().position(of).unwrap_or_else(|| {
                let (event, level) = (count.event, count.level);
                let (placed, summed, ahead) = (Vec::new(), Vec::new(), Vec::new());
                walks.push(Walk { event, level, guard: None, is_recent: false, placed, summed, ahead });
                walks.len() - 1
            });
            let walk = &mut walks[at];
            match (count.span.ahead, self.is_placed(count)) {
                (true, _) => walk.ahead.push(id),
                (false, true) => walk.placed.push(id),
                (false, false) => walk.summed.push(id),
            }
        }
        for walk in &mut walks {
            let counts = walk.placed.iter().chain(&walk.summed).chain(&walk.ahead);
            let mut guards = counts.map(|count| &self.plan.guards[*count]);
            let mut common = guards.next().expect("a walk has counts").clone();
            guards.for_each(|guards| common.retain(|guard| guards.contains(guard)));
            walk.guard = common.first().copied();
            let places = self.columns.events(walk.event).map(|events| events.recent.places).unwrap_or_default();
            let has = |count: &CountId| places.index(self.plan.counts[*count].place()).is_some();
            walk.is_recent = places.index(1).is_some() && walk.placed.iter().chain(&walk.summed).all(has);
        }
        walks.sort_by_key(|walk| walk.level);
        walks
    }

    /// By `CountId`: tests of the patron that stand beside the count, or its negation, wherever it is asked for: without
    /// them it does not matter.
    pub(super) fn guards(&self) -> Vec<Vec<BitsId>> {
        let bits = &self.plan.bits;
        let count_of = |id: BitsId| match bits[id] {
            Bits::Enough(count) => Some(count),
            Bits::Not(inner) => {
                if let Bits::Enough(count) = bits[inner] {
                    Some(count)
                } else {
                    None
                }
            }
            _ => None,
        };
        let mut guards: Vec<Option<Vec<BitsId>>> = vec![None; self.plan.counts.len()];
        let mut asks = |id: BitsId, beside: &[BitsId]| {
            let Some(count) = count_of(id) else { return };
            match &mut guards[count] {
                Some(guards) => guards.retain(|guard| beside.contains(guard)),
                unknown => *unknown = Some(beside.to_vec()),
            }
        };
        self.plan.results.iter().for_each(|id| asks(*id, &[]));
        for mask in &self.plan.masks {
            if let RowBits::Patron(id) = mask {
                asks(*id, &[]);
            }
        }
        for bits in bits {
            let (Bits::And(parts) | Bits::Or(parts)) = bits else { continue };
            let is_test = |part: &BitsId| matches!(self.plan.bits[*part], Bits::Test(_));
            let beside: Vec<BitsId> = match bits {
                Bits::And(_) => parts.iter().copied().filter(is_test).take(GUARDS).collect(),
                _ => Vec::new(),
            };
            parts.iter().for_each(|part| asks(*part, &beside));
        }
        guards.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Events stand in the order of their instants: whether there are n since some date is a matter of the n-th last.
    pub(super) fn is_placed(&self, count: &Count) -> bool {
        let everything = self.plan.masks[count.mask] == RowBits::Constant(true);
        let days_fit = self.columns.events(count.event).is_some_and(|events| events.days_fit);
        let span = count.span;
        everything
            && days_fit
            && !count.days
            && count.n <= PLACES as i64
            && span.to == Limit::Open
            && span.from != Limit::Instant
    }

    pub(super) fn span(&self, window: Option<WindowId>, bound: Bound) -> Option<Span> {
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

    pub(super) fn limit(&self, value: ValueId, past: bool) -> Option<Limit> {
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
    pub(super) fn constant_type(&self, value: ValueId) -> Option<Type> {
        match self.rules.value_node(value) {
            ValueNode::Literal(Value::Date(_)) | ValueNode::Today => Some(Type::Date),
            ValueNode::Literal(Value::Instant(_)) | ValueNode::Now => Some(Type::Instant),
            ValueNode::Call { function, .. } if **function == TO_DATE => Some(Type::Date),
            // A date or an instant with a duration.
            ValueNode::Call { arguments, .. } => self.constant_type(*arguments.first()?),
            _ => None,
        }
    }

    pub(super) fn opposite(&mut self, mask: MaskId) -> MaskId {
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
    pub(super) fn row(&mut self, id: NodeId) -> Option<MaskId> {
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

    pub(super) fn row_test(&mut self, value: ValueId, predicate: Predicate) -> Option<MaskId> {
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
        if self.plan.validity && self.turn(test).is_none() {
            return None;
        }
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
    pub(super) fn open(&mut self, event: EventId) -> Option<MaskId> {
        let EventKind::Record { open_until: Some(field), .. } = self.world.catalogue.event(event).kind else {
            return Some(self.mask(RowBits::Constant(false)));
        };
        let column = self.columns.events(event)?.fields[usize::from(field)].as_ref()?;
        if !column.fits {
            return None;
        }
        let removed = self.test_mask(Source::Removed(event), Test::IsTrue);
        let there = self.opposite(removed);
        let is_date = column.ty == Type::Date;
        let ahead = self.test_mask(Source::Row(event, field), Test::Ahead(is_date));
        let known = self.test_mask(Source::Row(event, field), Test::IsKnown);
        let unknown = self.opposite(known);
        let open = self.mask(RowBits::Or(vec![unknown, ahead]));
        Some(self.mask(RowBits::And(vec![there, open])))
    }
}
