//! Which columns the rules of a program read.

use super::super::super::question::World;
use super::super::super::rules::{Node, Rules, ValueNode};
use crate::catalogue::{EventId, EventKind};
use crate::rule::EventRead;
use crate::rule::columns::{PLACES, Places, Wanted};

/// What of a program's rules the columns must hold, whichever way they are evaluated.
pub(in crate::eval) fn wanted(rules: &Rules, world: &World<'_>) -> Wanted {
    let catalogue = world.catalogue;
    let mut wanted = Wanted {
        fields: vec![false; catalogue.fields.len()],
        changed: vec![false; catalogue.fields.len()],
        events: vec![None; catalogue.events.len()],
        recent: vec![Places::default(); catalogue.events.len()],
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
            ValueNode::Row { event: of, read } | ValueNode::StartEvent { event: of, read } => match read {
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
            Node::AtLeast { selection, n, .. } if *n > 0 => {
                let recent = &mut wanted.recent[rules.selection(*selection).event.index()];
                // The newest one also says whether all have happened.
                recent.add(1);
                recent.add((*n).min(PLACES as i64) as usize);
            }
            _ => {}
        }
    }
    wanted
}
