//! The rules of a program in negation normal form, each node once.
//!
//! A *condition* ([`Node`]) holds or does not: what is unknown neither holds nor does its opposite, so each
//! expression becomes two nodes, "it is true" and "it is false". A *value* ([`ValueNode`]) is known or not.
//! Equal nodes are one node (hash-consing), whatever campaign they come from.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::sync::Arc;

use super::witness::Witness;
use crate::catalogue::{Channel, EventId, FieldId, ListId, PurposeId, TableId, Type, Value};
use crate::map::Map;
use crate::rule::function::{Direction, Function, Validity};
use crate::rule::{CountTest, EventRead};
use crate::time::{Duration, Unit, Which};

/// A rule: an expression instantiated for the classes that its campaign serves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleId(pub(super) u32);

/// A value that a rule reads, or one that was asked for by itself (`Rules::add_value`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ValueId(pub(super) u32);

/// A condition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct NodeId(pub u32);

/// A set of events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct SelectionId(pub u32);

/// A window.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct WindowId(pub u32);

/// An expression's two conditions: that it is true, that it is false.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Pair {
    pub holds: NodeId,
    pub fails: NodeId,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Node {
    True,
    False,
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
    /// The condition does not hold: only of conditions that are never unknown (`Known`, counts of one bound).
    Not(NodeId),
    /// The value is known and this truth.
    Is {
        value: ValueId,
        truth: bool,
    },
    Known(ValueId),
    /// The patron's field that a privacy class requires is true.
    Agreed(FieldId),
    /// A comparison in which a count takes part: the whole range decides it as `truth`.
    CountCompare {
        function: &'static Function,
        left: Operand,
        right: Operand,
        truth: bool,
    },
    InWindow {
        value: ValueId,
        window: WindowId,
        truth: bool,
    },
    Member(ListId),
    /// At least `n` of the events of this bound.
    AtLeast {
        selection: SelectionId,
        counted: Counted,
        bound: Bound,
        n: i64,
    },
    Followed {
        first: SelectionId,
        second: SelectionId,
        within: Duration,
        bound: Bound,
    },
    Periods {
        selection: SelectionId,
        count: CountTest,
        at_least: i64,
        of: i64,
        unit: Unit,
        bound: Bound,
    },
    Agrees {
        purpose: PurposeId,
        channel: Option<Channel>,
    },
    AskedFor {
        purpose: PurposeId,
        channel: Channel,
    },
}

/// Which end of the range of section 6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Bound {
    /// Events that count for certain.
    Certain,
    /// Events that are not known not to count.
    Possible,
}

/// What is counted of a selection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Counted {
    Rows,
    /// Distinct local dates.
    Days,
}

/// One side of a comparison with a count.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Operand {
    Value(ValueId),
    Count(SelectionId, Counted),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum ValueNode {
    Literal(Value),
    Today,
    Now,
    Start,
    Patron(FieldId),
    /// A field that a class requires: unknown counts as false.
    PatronAgreement(FieldId),
    Row {
        event: EventId,
        read: EventRead,
    },
    StartEvent {
        event: EventId,
        read: EventRead,
    },
    Table {
        table: TableId,
        key: ValueId,
        column: u16,
    },
    FeedRow(u16),
    /// Known only for a patron whose field is true.
    Gated {
        requires: FieldId,
        value: ValueId,
    },
    Call {
        function: &'static Function,
        arguments: Box<[ValueId]>,
    },
    /// A condition as a value.
    Truth(Pair),
    Count {
        selection: SelectionId,
        counted: Counted,
    },
    Sum {
        selection: SelectionId,
        field: ValueId,
        ty: Type,
    },
    First {
        selection: SelectionId,
        read: ValueId,
    },
    Latest {
        selection: SelectionId,
        read: ValueId,
    },
    EndOfConsent {
        purpose: PurposeId,
        channel: Option<Channel>,
    },
    Changed(FieldId),
}

/// Events of one kind: those for which `certain` holds count, those for which `excluded` holds do not.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct SelectionNode {
    pub event: EventId,
    pub certain: NodeId,
    pub excluded: NodeId,
    pub window: Option<WindowId>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum WindowNode {
    Last(Duration),
    Next(Duration),
    Period { which: Which, unit: Unit },
    Since { from: ValueId, after: bool },
    Before(ValueId),
    Between { from: ValueId, after: bool, to: ValueId },
}

/// What a node depends on, besides the patron.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Depends {
    /// The event at hand: such a node is not remembered.
    pub row: bool,
    /// How it moves with the clock by itself (aggregates and conditions say until when they hold instead).
    pub clock: Clock,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub(super) enum Clock {
    #[default]
    Still,
    Today,
    Now,
}

/// Nodes of one kind, each once.
#[derive(Clone, Debug)]
pub(super) struct Arena<T> {
    pub nodes: Vec<T>,
    index: Map<T, u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Arena<T> {
        Arena { nodes: Vec::new(), index: Map::default() }
    }
}

impl<T: Clone + Eq + Hash> Arena<T> {
    /// The id of `node`, and whether it is new.
    fn intern(&mut self, node: T) -> (u32, bool) {
        if let Some(&id) = self.index.get(&node) {
            return (id, false);
        }
        let id = u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes");
        self.nodes.push(node.clone());
        self.index.insert(node, id);
        (id, true)
    }
}

/// The rules of a program.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(super) conditions: Arena<Node>,
    pub(super) values: Arena<ValueNode>,
    pub(super) selections: Arena<SelectionNode>,
    pub(super) windows: Arena<WindowNode>,
    pub(super) rules: Arena<Pair>,
    pub(super) condition_depends: Vec<Depends>,
    pub(super) value_depends: Vec<Depends>,
    /// How much work a condition is, roughly: `and` and `or` try cheap ones first.
    cost: Vec<u32>,
    /// Who wants to know how parts stood when the engine asks; nobody but the tests of a program.
    pub(super) witness: Option<Arc<Witness>>,
}

impl Rules {
    /// No rules yet. One `Rules` is for one program: ids of segments mean that program's.
    pub fn new() -> Rules {
        Rules::default()
    }

    /// From now on `witness` sees what [`super::Asked::witnessed`] is called for.
    pub fn shown_to(&mut self, witness: Arc<Witness>) {
        self.witness = Some(witness);
    }

    /// How many conditions and values the rules share.
    pub fn nodes(&self) -> usize {
        self.conditions.nodes.len() + self.values.nodes.len()
    }

    /// The kinds of events that the rules read.
    pub fn events(&self) -> BTreeSet<EventId> {
        let of_value = |value: &ValueNode| match value {
            ValueNode::Row { event, .. } | ValueNode::StartEvent { event, .. } => Some(*event),
            _ => None,
        };
        let selected = self.selections.nodes.iter().map(|selection| selection.event);
        selected.chain(self.values.nodes.iter().filter_map(of_value)).collect()
    }

    pub(super) fn pair(&self, rule: RuleId) -> Pair {
        self.rules.nodes[rule.0 as usize]
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.conditions.nodes[id.0 as usize]
    }

    pub(super) fn value_node(&self, id: ValueId) -> &ValueNode {
        &self.values.nodes[id.0 as usize]
    }

    pub(super) fn selection(&self, id: SelectionId) -> &SelectionNode {
        &self.selections.nodes[id.0 as usize]
    }

    pub(super) fn window(&self, id: WindowId) -> &WindowNode {
        &self.windows.nodes[id.0 as usize]
    }

    pub(super) fn intern_rule(&mut self, pair: Pair) -> RuleId {
        RuleId(self.rules.intern(pair).0)
    }

    pub(super) fn intern_node(&mut self, node: Node) -> NodeId {
        let (depends, cost) = (self.depends_of(&node), self.cost_of(&node));
        let (id, new) = self.conditions.intern(node);
        if new {
            self.condition_depends.push(depends);
            self.cost.push(cost);
        }
        NodeId(id)
    }

    pub(super) fn intern_value(&mut self, node: ValueNode) -> ValueId {
        let depends = self.value_depends_of(&node);
        let (id, new) = self.values.intern(node);
        if new {
            self.value_depends.push(depends);
        }
        ValueId(id)
    }

    pub(super) fn intern_selection(&mut self, node: SelectionNode) -> SelectionId {
        SelectionId(self.selections.intern(node).0)
    }

    pub(super) fn intern_window(&mut self, node: WindowNode) -> WindowId {
        WindowId(self.windows.intern(node).0)
    }

    /// All of `nodes`.
    pub(super) fn and(&mut self, nodes: impl IntoIterator<Item = NodeId>) -> NodeId {
        self.join(nodes, Node::True, |node| if let Node::And(parts) = node { Some(parts) } else { None })
    }

    /// One of `nodes`.
    pub(super) fn or(&mut self, nodes: impl IntoIterator<Item = NodeId>) -> NodeId {
        self.join(nodes, Node::False, |node| if let Node::Or(parts) = node { Some(parts) } else { None })
    }

    /// `neutral` of none; its opposite if that is among them; nested ones flat, cheap ones first, each once.
    fn join(
        &mut self,
        nodes: impl IntoIterator<Item = NodeId>,
        neutral: Node,
        parts_of: fn(&Node) -> Option<&[NodeId]>,
    ) -> NodeId {
        let mut parts = Vec::new();
        let is_and = neutral == Node::True;
        for id in nodes {
            match self.node(id) {
                Node::True if is_and => {}
                Node::False if !is_and => {}
                Node::True | Node::False => return id,
                node => match parts_of(node) {
                    Some(inner) => parts.extend_from_slice(inner),
                    None => parts.push(id),
                },
            }
        }
        parts.sort_unstable_by_key(|id| (self.cost[id.0 as usize], *id));
        parts.dedup();
        match parts.as_slice() {
            [] => self.intern_node(neutral),
            [only] => *only,
            _ if is_and => self.intern_node(Node::And(parts.into())),
            _ => self.intern_node(Node::Or(parts.into())),
        }
    }

    /// The opposite of a condition that is never unknown.
    pub(super) fn not(&mut self, id: NodeId) -> NodeId {
        match self.node(id) {
            Node::True => self.intern_node(Node::False),
            Node::False => self.intern_node(Node::True),
            Node::Not(inner) => *inner,
            _ => self.intern_node(Node::Not(id)),
        }
    }

    fn cost_of(&self, node: &Node) -> u32 {
        let of = |id: &NodeId| self.cost[id.0 as usize];
        match node {
            Node::True | Node::False => 0,
            Node::Agreed(_) | Node::Member(_) | Node::AskedFor { .. } => 1,
            Node::Agrees { .. } => 2,
            Node::Is { value, .. } | Node::Known(value) => self.value_cost(*value),
            Node::InWindow { value, .. } => 2 + self.value_cost(*value),
            Node::Not(inner) => of(inner),
            Node::And(parts) | Node::Or(parts) => parts.iter().map(of).fold(1, u32::saturating_add),
            Node::AtLeast { .. } | Node::CountCompare { .. } => 100,
            Node::Followed { .. } | Node::Periods { .. } => 200,
        }
    }

    fn value_cost(&self, id: ValueId) -> u32 {
        match self.value_node(id) {
            ValueNode::Gated { value, .. } => 1 + self.value_cost(*value),
            ValueNode::Table { .. } => 20,
            ValueNode::Call { arguments, .. } => arguments.iter().map(|id| self.value_cost(*id)).sum::<u32>() + 2,
            ValueNode::Truth(_) => 50,
            ValueNode::Count { .. } | ValueNode::Sum { .. } | ValueNode::First { .. } | ValueNode::Latest { .. } => 100,
            _ => 1,
        }
    }

    fn depends_of(&self, node: &Node) -> Depends {
        let of = |id: &NodeId| self.condition_depends[id.0 as usize];
        let row = match node {
            Node::And(parts) | Node::Or(parts) => parts.iter().any(|id| of(id).row),
            Node::Not(inner) => of(inner).row,
            Node::Is { value, .. } | Node::Known(value) | Node::InWindow { value, .. } => self.value_row(*value),
            // A selection's conditions read the selection's own rows.
            _ => false,
        };
        Depends { row, clock: Clock::Still }
    }

    fn value_row(&self, id: ValueId) -> bool {
        self.value_depends[id.0 as usize].row
    }

    fn value_depends_of(&self, node: &ValueNode) -> Depends {
        let of = |id: &ValueId| self.value_depends[id.0 as usize];
        match node {
            ValueNode::Today => Depends { row: false, clock: Clock::Today },
            ValueNode::Now => Depends { row: false, clock: Clock::Now },
            ValueNode::Row { .. } => Depends { row: true, clock: Clock::Still },
            ValueNode::Table { key: inner, .. } | ValueNode::Gated { value: inner, .. } => of(inner),
            ValueNode::Truth(Pair { holds, fails }) => {
                let row = |id: &NodeId| self.condition_depends[id.0 as usize].row;
                Depends { row: row(holds) || row(fails), clock: Clock::Still }
            }
            ValueNode::Call { function, arguments } => {
                let by_itself = match function.validity {
                    Validity::Monotone { today, .. } if today != Direction::Still => Clock::Today,
                    _ => Clock::Still,
                };
                let clock = arguments.iter().map(|id| of(id).clock).fold(by_itself, Clock::max);
                Depends { row: arguments.iter().any(|id| of(id).row), clock }
            }
            _ => Depends::default(),
        }
    }
}
