//! From typed expressions to the normal form.
//!
//! Each atom becomes a condition for each polarity; `not` disappears; segments are replaced by their bodies; a count
//! reads the lower or the upper bound of its range as the polarity asks (section 6); a privacy class becomes the
//! condition that the patron has given what it requires (section 4).

use super::rules::{
    Bound, Counted, Node, NodeId, Operand, Pair, RuleId, Rules, SelectionId, SelectionNode, ValueId, ValueNode,
    WindowId, WindowNode,
};
use crate::catalogue::{Catalogue, ClassId, ClassSet, EventId, FieldId, Type, Value};
use crate::map::Map;
use crate::program::Segment;
use crate::rule::function::{EQUAL, Function, LESS, LESS_OR_EQUAL, Validity};
use crate::rule::{CountTest, EventRead, Expr, Kind, Read, SegmentId, Selection, Window};

impl Rules {
    /// The rule of a condition, for a campaign that serves the classes `served` (none outside campaigns).
    pub fn add(&mut self, segments: &[Segment], catalogue: &Catalogue, expr: &Expr, served: ClassSet) -> RuleId {
        let pair = Lowering::new(self, segments, catalogue, served).pair(expr);
        self.intern_rule(pair)
    }

    /// A value that is wanted by itself, such as the date of a start or a `let`.
    pub fn add_value(&mut self, segments: &[Segment], catalogue: &Catalogue, expr: &Expr, served: ClassSet) -> ValueId {
        Lowering::new(self, segments, catalogue, served).value(expr)
    }

    /// Whether a start on `event` sees [`super::Question::row`] and its `where` admits it. A record of a served class
    /// is seen as long as the store keeps it, every other private event only with what its class requires.
    pub fn add_for_event(
        &mut self,
        segments: &[Segment],
        catalogue: &Catalogue,
        event: EventId,
        condition: Option<&Expr>,
        served: ClassSet,
    ) -> RuleId {
        let mut lowering = Lowering::new(self, segments, catalogue, served);
        lowering.event = Some(event);
        let gate = lowering.start_gate(event);
        let (always, never) = (lowering.rules.intern_node(Node::True), lowering.rules.intern_node(Node::False));
        let pair = condition.map_or(Pair { holds: always, fails: never }, |condition| lowering.pair(condition));
        let holds = lowering.behind(gate, pair.holds);
        let fails = lowering.behind(gate, pair.fails);
        self.intern_rule(Pair { holds, fails })
    }
}

pub(super) struct Lowering<'a> {
    rules: &'a mut Rules,
    segments: &'a [Segment],
    catalogue: &'a Catalogue,
    served: ClassSet,
    /// Inside `where`: the event at hand.
    event: Option<EventId>,
    /// So that a segment used twice by each of a chain of segments is not walked 2^n times.
    inlined: Map<(SegmentId, bool), NodeId>,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(
        rules: &'a mut Rules,
        segments: &'a [Segment],
        catalogue: &'a Catalogue,
        served: ClassSet,
    ) -> Self {
        Lowering { rules, segments, catalogue, served, event: None, inlined: Map::default() }
    }

    fn pair(&mut self, expr: &Expr) -> Pair {
        Pair { holds: self.condition(expr, true), fails: self.condition(expr, false) }
    }

    /// The condition that `expr` is known and has this truth.
    fn condition(&mut self, expr: &Expr, truth: bool) -> NodeId {
        match &expr.kind {
            Kind::Literal(Value::Bool(value)) => self.constant(*value == truth),
            Kind::Not(inner) => self.condition(inner, !truth),
            Kind::And(parts) | Kind::Or(parts) => {
                let nodes: Vec<NodeId> = parts.iter().map(|part| self.condition(part, truth)).collect();
                let is_and = matches!(expr.kind, Kind::And(_));
                if is_and == truth { self.rules.and(nodes) } else { self.rules.or(nodes) }
            }
            Kind::InWindow { value, window } => {
                let (value, window) = (self.value(value), self.window(window));
                self.rules.intern_node(Node::InWindow { value, window, truth })
            }
            Kind::Known(value) => {
                let value = self.value(value);
                let known = self.rules.intern_node(Node::Known(value));
                self.signed(known, truth)
            }
            Kind::Segment(id) => self.segment(*id, truth),
            Kind::Member(list) => self.atom(Node::Member(*list), truth),
            Kind::Agrees { purpose, channel } => {
                self.atom(Node::Agrees { purpose: *purpose, channel: *channel }, truth)
            }
            Kind::AskedFor { purpose, channel } => {
                self.atom(Node::AskedFor { purpose: *purpose, channel: *channel }, truth)
            }
            Kind::Has { test, selection } => self.has(*test, selection, Counted::Rows, truth),
            Kind::Followed { first, second, within } => {
                let gates = [self.selection_gate(first), self.selection_gate(second)];
                let (first, second) = (self.selection(first), self.selection(second));
                let of = |bound| Node::Followed { first, second, within: *within, bound };
                let node = self.bounded(of, truth);
                let node = self.behind(gates[0], node);
                self.behind(gates[1], node)
            }
            Kind::Periods { count, selection, at_least, of, unit } => {
                let gate = self.selection_gate(selection);
                let selection = self.selection(selection);
                let (count, at_least, of, unit) = (*count, *at_least, *of, *unit);
                let node = self.bounded(|bound| Node::Periods { selection, count, at_least, of, unit, bound }, truth);
                self.behind(gate, node)
            }
            Kind::Call { function, arguments } if function.validity == Validity::Comparison => {
                self.comparison(function, arguments, truth)
            }
            _ => {
                let value = self.value(expr);
                self.rules.intern_node(Node::Is { value, truth })
            }
        }
    }

    fn constant(&mut self, holds: bool) -> NodeId {
        self.rules.intern_node(if holds { Node::True } else { Node::False })
    }

    /// A condition that is never unknown, or its opposite.
    fn atom(&mut self, node: Node, truth: bool) -> NodeId {
        let node = self.rules.intern_node(node);
        self.signed(node, truth)
    }

    fn signed(&mut self, node: NodeId, truth: bool) -> NodeId {
        if truth { node } else { self.rules.not(node) }
    }

    /// True when the certain events make it so; false when not even the possible ones do.
    fn bounded(&mut self, of: impl Fn(Bound) -> Node, truth: bool) -> NodeId {
        self.atom(of(if truth { Bound::Certain } else { Bound::Possible }), truth)
    }

    fn segment(&mut self, id: SegmentId, truth: bool) -> NodeId {
        if let Some(&node) = self.inlined.get(&(id, truth)) {
            return node;
        }
        // A segment means the patron, also inside `where`.
        let event = self.event.take();
        let segments = self.segments;
        let node = self.condition(&segments[id.0 as usize].body, truth);
        self.event = event;
        self.inlined.insert((id, truth), node);
        node
    }

    fn has(&mut self, test: CountTest, selection: &Selection, counted: Counted, truth: bool) -> NodeId {
        let gate = self.selection_gate(selection);
        let selection = self.selection(selection);
        let mut at_least = |n: i64, bound| self.rules.intern_node(Node::AtLeast { selection, counted, bound, n });
        let node = match (test, truth) {
            (CountTest::AtLeast(n), true) => at_least(n, Bound::Certain),
            (CountTest::AtMost(n), false) => at_least(n.saturating_add(1), Bound::Certain),
            (CountTest::AtLeast(n), false) => {
                let enough = at_least(n, Bound::Possible);
                self.rules.not(enough)
            }
            (CountTest::AtMost(n), true) => {
                let more = at_least(n.saturating_add(1), Bound::Possible);
                self.rules.not(more)
            }
            (CountTest::Exactly(n), true) => {
                let (enough, more) = (at_least(n, Bound::Certain), at_least(n.saturating_add(1), Bound::Possible));
                let no_more = self.rules.not(more);
                self.rules.and([enough, no_more])
            }
            (CountTest::Exactly(n), false) => {
                let (enough, more) = (at_least(n, Bound::Possible), at_least(n.saturating_add(1), Bound::Certain));
                let too_few = self.rules.not(enough);
                self.rules.or([too_few, more])
            }
        };
        self.behind(gate, node)
    }

    fn comparison(&mut self, function: &'static Function, arguments: &[Expr], truth: bool) -> NodeId {
        let count = |expr: &Expr| match &expr.kind {
            Kind::Count(selection) => Some((selection.clone(), Counted::Rows)),
            Kind::Days(selection) => Some((selection.clone(), Counted::Days)),
            _ => None,
        };
        let literal = |expr: &Expr| if let Kind::Literal(Value::Int(n)) = expr.kind { Some(n) } else { None };
        let [left, right] = arguments else {
            unreachable!("the checker gives a comparison two operands");
        };
        // A count against a number is what `has` says; a comparison is false exactly if its opposite is true.
        let test = match (count(left), literal(left), count(right), literal(right)) {
            (Some(counted), _, _, Some(n)) if *function == EQUAL => Some((CountTest::Exactly(n), counted)),
            (Some(counted), _, _, Some(n)) if *function == LESS_OR_EQUAL => Some((CountTest::AtMost(n), counted)),
            (Some(counted), _, _, Some(n)) if *function == LESS => {
                Some((CountTest::AtMost(n.saturating_sub(1)), counted))
            }
            (_, Some(n), Some(counted), _) if *function == EQUAL => Some((CountTest::Exactly(n), counted)),
            (_, Some(n), Some(counted), _) if *function == LESS_OR_EQUAL => Some((CountTest::AtLeast(n), counted)),
            (_, Some(n), Some(counted), _) if *function == LESS => {
                Some((CountTest::AtLeast(n.saturating_add(1)), counted))
            }
            _ => None,
        };
        if let Some((test, (selection, counted))) = test {
            return self.has(test, &selection, counted, truth);
        }
        if count(left).is_none() && count(right).is_none() {
            let value = self.call(function, arguments);
            return self.rules.intern_node(Node::Is { value, truth });
        }
        let mut gates = Vec::new();
        let mut operand = |expr: &Expr| match count(expr) {
            Some((selection, counted)) => {
                gates.push(self.selection_gate(&selection));
                Operand::Count(self.selection(&selection), counted)
            }
            None => Operand::Value(self.value(expr)),
        };
        let (left, right) = (operand(left), operand(right));
        let node = self.rules.intern_node(Node::CountCompare { function, left, right, truth });
        gates.into_iter().fold(node, |node, gate| self.behind(gate, node))
    }

    fn call(&mut self, function: &'static Function, arguments: &[Expr]) -> ValueId {
        let arguments = arguments.iter().map(|argument| self.value(argument)).collect();
        self.rules.intern_value(ValueNode::Call { function, arguments })
    }

    fn value(&mut self, expr: &Expr) -> ValueId {
        let node = match &expr.kind {
            Kind::Literal(value) => ValueNode::Literal(value.clone()),
            Kind::Read(read) => return self.read(read),
            Kind::Today => ValueNode::Today,
            Kind::Now => ValueNode::Now,
            Kind::Start => ValueNode::Start,
            Kind::Call { function, arguments } => {
                let of_count = function.validity == Validity::Comparison
                    && arguments.iter().any(|argument| matches!(argument.kind, Kind::Count(_) | Kind::Days(_)));
                match of_count {
                    true => ValueNode::Truth(self.pair(expr)),
                    false => return self.call(function, arguments),
                }
            }
            Kind::Count(selection) | Kind::Days(selection) => {
                let counted = if matches!(expr.kind, Kind::Count(_)) { Counted::Rows } else { Counted::Days };
                let gate = self.selection_gate(selection);
                let selection = self.selection(selection);
                return self.gated(gate, ValueNode::Count { selection, counted });
            }
            Kind::Sum { field, selection } => {
                let gate = self.selection_gate(selection);
                let field = self.row_read(selection.event, EventRead::Field(*field));
                let selection = self.selection(selection);
                return self.gated(gate, ValueNode::Sum { selection, field, ty: expr.ty });
            }
            Kind::First { selection, read } | Kind::Latest { selection, read } => {
                let gate = self.selection_gate(selection);
                let read = self.row_read(selection.event, read.unwrap_or(EventRead::At));
                let selection = self.selection(selection);
                let first = matches!(expr.kind, Kind::First { .. });
                let node =
                    if first { ValueNode::First { selection, read } } else { ValueNode::Latest { selection, read } };
                return self.gated(gate, node);
            }
            Kind::EndOfConsent { purpose, channel } => ValueNode::EndOfConsent { purpose: *purpose, channel: *channel },
            Kind::Changed(field) => {
                let gate = self.catalogue.field(*field).private.and_then(|class| self.requires(class));
                return self.gated(gate, ValueNode::Changed(*field));
            }
            Kind::Not(_)
            | Kind::And(_)
            | Kind::Or(_)
            | Kind::InWindow { .. }
            | Kind::Known(_)
            | Kind::Segment(_)
            | Kind::Member(_)
            | Kind::Has { .. }
            | Kind::Followed { .. }
            | Kind::Periods { .. }
            | Kind::Agrees { .. }
            | Kind::AskedFor { .. } => ValueNode::Truth(self.pair(expr)),
        };
        self.rules.intern_value(node)
    }

    fn read(&mut self, read: &Read) -> ValueId {
        match read {
            Read::Patron(field) => {
                let gate = self.catalogue.field(*field).private.and_then(|class| self.requires(class));
                let agreement = self.catalogue.classes.iter().any(|class| class.requires == Some(*field));
                let node = if agreement { ValueNode::PatronAgreement(*field) } else { ValueNode::Patron(*field) };
                self.gated(gate, node)
            }
            Read::Row(read) => {
                let event = self.event.expect("a row is read only inside `where`, which names its event");
                self.row_read(event, *read)
            }
            Read::StartEvent(event, read) => {
                let node = ValueNode::StartEvent { event: *event, read: *read };
                if *read == EventRead::Open {
                    return self.rules.intern_value(node);
                }
                let value = self.gated(self.start_gate(*event), node);
                self.behind_field(*event, *read, value)
            }
            Read::Table { table, key, column } => {
                let key = self.read(key);
                let class = self.catalogue.tables[table.index()].fields[usize::from(*column)].private;
                let gate = class.and_then(|class| self.requires(class));
                self.gated(gate, ValueNode::Table { table: *table, key, column: *column })
            }
            Read::FeedRow(field) => self.rules.intern_value(ValueNode::FeedRow(*field)),
        }
    }

    fn row_read(&mut self, event: EventId, read: EventRead) -> ValueId {
        let value = self.rules.intern_value(ValueNode::Row { event, read });
        self.behind_field(event, read, value)
    }

    /// A field of an event may have a class of its own, besides the event's.
    fn behind_field(&mut self, event: EventId, read: EventRead, value: ValueId) -> ValueId {
        let EventRead::Field(field) = read else { return value };
        let event = self.catalogue.event(event);
        let class = event.fields[usize::from(field)].private.filter(|class| event.private != Some(*class));
        match class.and_then(|class| self.requires(class)) {
            Some(requires) => self.rules.intern_value(ValueNode::Gated { requires, value }),
            None => value,
        }
    }

    pub(super) fn selection(&mut self, selection: &Selection) -> SelectionId {
        let window = selection.window.as_ref().map(|window| self.window(window));
        let outer = self.event.replace(selection.event);
        let (certain, excluded) = match &selection.condition {
            Some(condition) => (self.condition(condition, true), self.condition(condition, false)),
            None => (self.constant(true), self.constant(false)),
        };
        self.event = outer;
        self.rules.intern_selection(SelectionNode { event: selection.event, certain, excluded, window })
    }

    fn window(&mut self, window: &Window) -> WindowId {
        let is_start = |expr: &Expr| matches!(expr.kind, Kind::Start);
        let node = match window {
            Window::Last(duration) => WindowNode::Last(*duration),
            Window::Next(duration) => WindowNode::Next(*duration),
            Window::Period { which, unit } => WindowNode::Period { which: *which, unit: *unit },
            Window::Since(from) => WindowNode::Since { from: self.value(from), after: is_start(from) },
            Window::Before(to) => WindowNode::Before(self.value(to)),
            Window::Between(from, to) => {
                WindowNode::Between { from: self.value(from), after: is_start(from), to: self.value(to) }
            }
        };
        self.rules.intern_window(node)
    }

    /// The field that a class requires.
    fn requires(&self, class: ClassId) -> Option<FieldId> {
        self.catalogue.class(class).requires
    }

    /// What a form over a selection requires: nothing where the campaign serves the class and asks for open records.
    pub(super) fn selection_gate(&self, selection: &Selection) -> Option<FieldId> {
        let class = self.catalogue.event(selection.event).private?;
        let is_record = self.catalogue.event(selection.event).is_record();
        let served = self.served.contains(class) && selection.requires_open && is_record;
        if served { None } else { self.requires(class) }
    }

    /// What the event of a start requires.
    fn start_gate(&self, event: EventId) -> Option<FieldId> {
        let event = self.catalogue.event(event);
        let class = event.private?;
        if self.served.contains(class) && event.is_record() { None } else { self.requires(class) }
    }

    fn behind(&mut self, gate: Option<FieldId>, node: NodeId) -> NodeId {
        match gate {
            Some(field) => {
                let agreed = self.rules.intern_node(Node::Agreed(field));
                self.rules.and([agreed, node])
            }
            None => node,
        }
    }

    fn gated(&mut self, gate: Option<FieldId>, node: ValueNode) -> ValueId {
        let value = self.rules.intern_value(node);
        match gate {
            Some(requires) => self.rules.intern_value(ValueNode::Gated { requires, value }),
            None => value,
        }
    }
}

/// The zero of a number type.
pub(super) fn zero(ty: Type) -> Value {
    match ty {
        Type::Decimal => Value::Decimal(0),
        Type::Money => Value::Money(0),
        _ => Value::Int(0),
    }
}
