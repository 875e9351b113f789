//! The parts of a snapshot, made of an older one and of those who changed since: in order, and without SQLite.
//!
//! What nobody has any more (an address that was changed) is not taken over.

use super::parts::{Changes, Delta, GrowingChanges, Made, Part, Patrons};
use crate::catalogue::Catalogue;
use crate::rule::columns::{
    BLOCK, ColumnBuilder, Columns, ConsentsBuilder, EventsBuilder, EventsTranslation, Translation,
};

/// An older snapshot with everything, and everything of those who changed.
pub(super) struct Merged<'a> {
    base: (&'a Columns, &'a Changes),
    delta: &'a Delta,
    /// Where each patron of the new snapshot is, in order of id.
    rows: Vec<Place>,
}

/// A row of the older snapshot, or of those who changed.
#[derive(Clone, Copy)]
enum Place {
    Base(usize),
    Delta(usize),
}

impl<'a> Merged<'a> {
    /// Of `base` those rows whose bit in `valid` is set, and all of `delta`.
    pub fn new(base: (&'a Columns, &'a Changes), valid: &[u64], delta: &'a Delta) -> Merged<'a> {
        let is_valid = |row: &usize| valid[row / BLOCK] >> (row % BLOCK) & 1 == 1;
        let mut rows: Vec<Place> = (0..base.0.len()).filter(is_valid).map(Place::Base).collect();
        rows.extend((0..delta.columns.len()).map(Place::Delta));
        rows.sort_by_key(|place| match place {
            Place::Base(row) => base.0.patrons[*row],
            Place::Delta(row) => delta.columns.patrons[*row],
        });
        Merged { base, delta, rows }
    }

    /// Who is in it.
    pub fn patrons(&self) -> Patrons {
        let of = |place: &Place| match *place {
            Place::Base(row) => (self.base.0, row),
            Place::Delta(row) => (&self.delta.columns, row),
        };
        Patrons {
            ids: self.rows.iter().map(of).map(|(columns, row)| columns.patrons[row]).collect(),
            keys: self.rows.iter().map(of).map(|(columns, row)| columns.keys.bytes(row)).collect(),
            since: self.rows.iter().map(of).map(|(columns, row)| columns.since[row]).collect(),
        }
    }

    /// A part.
    pub fn make(&self, catalogue: &Catalogue, part: &Part) -> Made {
        let padded = self.rows.len().next_multiple_of(BLOCK);
        let (base, delta) = (self.base.0, &self.delta.columns);
        let all = "both hold everything";
        match part {
            Part::Fields(fields) => {
                let field = |field: &crate::catalogue::FieldId| {
                    let (base, delta) = (base.field(*field).expect(all), delta.field(*field).expect(all));
                    let (mut old, mut new) = (Translation::new(base), Translation::new(delta));
                    let mut column = ColumnBuilder::new(catalogue.field(*field).ty);
                    for place in &self.rows {
                        match *place {
                            Place::Base(row) => column.take(&mut old, row),
                            Place::Delta(row) => column.take(&mut new, row),
                        }
                    }
                    (*field, column.finish(padded))
                };
                Made::Fields(fields.iter().map(field).collect())
            }
            Part::Events(event) => {
                let (base, delta) = (base.events(*event).expect(all), delta.events(*event).expect(all));
                let (mut old, mut new) = (EventsTranslation::new(base), EventsTranslation::new(delta));
                let mut events = EventsBuilder::new(catalogue.event(*event), |_| true);
                for place in &self.rows {
                    match *place {
                        Place::Base(row) => events.take(&mut old, row),
                        Place::Delta(row) => events.take(&mut new, row),
                    }
                }
                Made::Events(*event, events.finish(padded))
            }
            Part::Changes => {
                let mut changes = GrowingChanges::default();
                for place in &self.rows {
                    let (from, row) = match *place {
                        Place::Base(row) => (self.base.1, row),
                        Place::Delta(row) => (&self.delta.changes, row),
                    };
                    from.of(row).for_each(|(field, at)| changes.push(field, at));
                    changes.end_patron();
                }
                Made::Changes(changes.finish())
            }
            Part::Consents => {
                let mut consents = ConsentsBuilder::default();
                for (patron, place) in self.rows.iter().enumerate() {
                    let (from, row) = match *place {
                        Place::Base(row) => (base, row),
                        Place::Delta(row) => (delta, row),
                    };
                    from.consents(row).for_each(|consent| consents.push(patron, &consent));
                }
                Made::Consents(consents.finish(padded))
            }
            Part::Lists => {
                let list = |list: usize| {
                    let mut words = vec![0_u64; padded / BLOCK];
                    for (patron, place) in self.rows.iter().enumerate() {
                        let is_on = match *place {
                            Place::Base(row) => base.is_on(list, row),
                            Place::Delta(row) => delta.is_on(list, row),
                        };
                        words[patron / BLOCK] |= u64::from(is_on) << (patron % BLOCK);
                    }
                    words.into()
                };
                Made::Lists((0..catalogue.lists.len()).map(list).collect())
            }
        }
    }
}
