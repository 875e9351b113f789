//! The events behind a rule: which ones a selection counts, for explanations.

use super::interpret::Asked;
use super::lower::Lowering;
use super::rules::{Bound, Node, Rules, SelectionId};
use crate::catalogue::{Catalogue, ClassSet};
use crate::program::Segment;
use crate::rule::{EventRow, Selection};

/// A selection whose events are wanted by themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventsId {
    selection: SelectionId,
    known: super::rules::NodeId,
}

/// An event that counts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Counted<'a> {
    pub row: &'a EventRow,
    /// `false`: it may count or not, since its `where` or a bound of the window is unknown.
    pub certain: bool,
}

impl Rules {
    /// The events of a selection, as [`Asked::events`] lists them.
    pub fn add_events(
        &mut self,
        segments: &[Segment],
        catalogue: &Catalogue,
        selection: &Selection,
        served: ClassSet,
    ) -> EventsId {
        let mut lowering = Lowering::new(self, segments, catalogue, served);
        let gate = lowering.selection_gate(selection);
        let selection = lowering.selection(selection);
        let known = self.intern_node(gate.map_or(Node::True, Node::Agreed));
        EventsId { selection, known }
    }
}

impl<'q> Asked<'_, '_, 'q> {
    /// The events that count or may, in their order; `None` if they are private and the patron has not agreed.
    pub fn events(&mut self, events: EventsId) -> Option<Vec<Counted<'q>>> {
        if !self.node::<false>(events.known, None).holds {
            return None;
        }
        let window = self.selection_bounds::<false>(events.selection);
        let mut found = Vec::new();
        for row in self.rows(events.selection) {
            let mut counts = |bound| self.counts::<false>(events.selection, &window, row, bound).holds;
            let certain = counts(Bound::Certain);
            if certain || counts(Bound::Possible) {
                found.push(Counted { row, certain });
            }
        }
        Some(found)
    }
}
