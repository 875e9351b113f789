//! What of a patron the rules and starts of a plan read. Who changed in nothing else need not be looked at: an address was
//! corrected, a message was sent, and no rule asks for either. What time alone brings is remembered with its instant.

use crate::catalogue::Catalogue;
use crate::engine::plan::{Running, Start};
use crate::eval::{Bulk, Rules, Way, World};
use crate::program::Program;
use crate::rule::Tables;
use crate::rule::columns::Wanted;
use crate::store::{Change, Kinds};
use crate::symbol::Symbol;

/// What is read of a patron.
pub(super) struct Reading {
    pub wanted: Wanted,
    /// The same, but for the fields.
    kinds: Kinds,
}

impl Reading {
    /// By the rules, and the dates of the other starts.
    pub fn of(program: &Program, rules: &Rules, campaigns: &[Running<'_>]) -> Reading {
        let tables = Tables::default();
        let mut wanted = Bulk::new(rules, World::of(program, &tables), &[], Way::Native).wanted();
        for running in campaigns {
            let row = match running.start {
                Start::Event { event, .. } | Start::Record { event, .. } => Some((event, None)),
                Start::EventDate { event, field, .. } => Some((event, Some(field))),
                Start::Date { field: Some(field), .. } | Start::Anniversary { field: Some(field), .. } => {
                    wanted.fields[field.index()] = true;
                    None
                }
                _ => None,
            };
            if let Some((event, field)) = row {
                let count = program.catalogue.event(event).fields.len();
                let fields = wanted.events[event.index()].get_or_insert_with(|| vec![false; count]);
                if let Some(field) = field {
                    fields[usize::from(field)] = true;
                }
            }
        }
        let kinds = kinds(&program.catalogue, &wanted);
        Reading { wanted, kinds }
    }

    /// Whether a change is about any of it, as far as that is known.
    pub fn heeds(&self, catalogue: &Catalogue, change: &Change) -> bool {
        let is_read = |name: &str| {
            let field = Symbol::find(name).and_then(|name| catalogue.field_named(name));
            field.is_some_and(|field| self.wanted.fields[field.index()] || self.wanted.changed[field.index()])
        };
        change.concerns(self.kinds, is_read)
    }
}

fn kinds(catalogue: &Catalogue, wanted: &Wanted) -> Kinds {
    let events = catalogue.events.iter().zip(&wanted.events).filter(|(_, wanted)| wanted.is_some());
    let events = events.map(|(event, _)| Kinds::added(event.name.as_str()) | Kinds::altered(event.name.as_str()));
    let of = |is_wanted: bool, kinds: Kinds| if is_wanted { kinds } else { Kinds::NONE };
    events.fold(of(wanted.consents, Kinds::CONSENTS) | of(wanted.lists, Kinds::LISTS), |all, event| all | event)
}
