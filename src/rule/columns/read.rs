//! Facts from columns: what an evaluator of one patron at a time asks for.

use super::{Columns, UNKNOWN_DAY, UNKNOWN_NUMBER, consent_code};
use crate::catalogue::{FieldId, ListId, Value};
use crate::rule::{Consent, ConsentState, EventRow, Facts, PatronId, RowId};
use crate::time::{Day, Instant};

impl Columns {
    /// The patron in row `index`, as far as the columns know them.
    pub fn facts(&self, index: usize) -> Facts {
        let on_list = |list: &usize| self.is_on(*list, index);
        Facts {
            patron: PatronId(self.patrons[index]),
            key: self.keys.get(index).into(),
            since: Some(self.since[index]).filter(|since| *since != UNKNOWN_NUMBER).map(Instant),
            fields: self.fields.iter().map(|column| column.as_ref()?.value(index)).collect(),
            events: (0..self.events.len()).map(|event| self.rows_of(event, index)).collect(),
            lists: (0..self.lists.len()).filter(on_list).map(|list| ListId(list as u16)).collect(),
            consents: self.consents(index).collect(),
            changed: self.changes(index).collect(),
        }
    }

    /// Since when known fields of the patron in row `index` are what they are, as far as they ever changed.
    pub fn changes(&self, index: usize) -> impl Iterator<Item = (FieldId, Instant)> + '_ {
        (0..self.changed.len()).filter_map(move |field| {
            let Some(Value::Instant(at)) = self.changed[field].as_ref()?.value(index) else { return None };
            // What never changed is as it was since the store first knew of the patron.
            (at.0 != self.since[index]).then_some((FieldId(field as u16), at))
        })
    }

    /// The consents of the patron in row `index`.
    pub fn consents(&self, index: usize) -> impl Iterator<Item = Consent> + '_ {
        self.consents.iter().filter_map(move |column| column.consent(index))
    }

    /// Whether the patron in row `index` is on the list with this index.
    pub fn is_on(&self, list: usize, index: usize) -> bool {
        self.lists[list][index / super::BLOCK] >> (index % super::BLOCK) & 1 == 1
    }

    /// The events of the kind with this index of the patron in row `index`.
    pub fn rows_of(&self, event: usize, index: usize) -> Vec<EventRow> {
        let Some(events) = &self.events[event] else { return Vec::new() };
        let range = events.offsets[index] as usize..events.offsets[index + 1] as usize;
        let row = |at: usize| EventRow {
            row: RowId(events.row[at]),
            at: Instant(events.at[at]),
            removed: events.removed.value(at) == Some(Value::Bool(true)),
            fields: events.fields.iter().map(|column| column.as_ref()?.value(at)).collect(),
        };
        range.map(row).collect()
    }
}

impl super::Consents {
    fn consent(&self, index: usize) -> Option<Consent> {
        let states = [ConsentState::Given, ConsentState::Asked, ConsentState::Withdrawn];
        let state = states.into_iter().find(|state| consent_code(*state) == self.state[index])?;
        let until = Some(self.until[index]).filter(|day| *day != UNKNOWN_DAY).map(Day);
        Some(Consent { purpose: self.purpose, channel: self.channel, state, on: Day(self.on[index]), until })
    }
}
