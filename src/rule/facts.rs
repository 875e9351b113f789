//! What the store knows of one patron when a rule is asked: the input of every evaluator.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalogue::{Catalogue, Channel, Contact, EventId, FieldId, ListId, PurposeId, TableId, Value};
use crate::time::{Day, Instant};

/// A patron's row in the store. Stable for the life of the patron; not the library's key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PatronId(pub i64);

/// An event's or record's row in the store: grows with the order of import.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowId(pub i64);

impl RowId {
    /// What an occurrence was about, after that has passed to another patron: no row has this number.
    pub const GONE: RowId = RowId(0);
}

/// One patron.
#[derive(Clone, Debug)]
pub struct Facts {
    pub patron: PatronId,
    /// The library's key of the patron (a barcode).
    pub key: Arc<str>,
    /// When the store first knew of them; `None` for the first import.
    pub since: Option<Instant>,
    /// By `FieldId`; `None` is unknown. As stored: what a class requires is tried by the evaluator.
    pub fields: Vec<Option<Value>>,
    /// By `EventId`, each sorted by (`at`, `row`). Kinds that nobody asked for are empty.
    pub events: Vec<Vec<EventRow>>,
    /// The lists that the patron is on.
    pub lists: Vec<ListId>,
    pub consents: Vec<Consent>,
    /// Since when a field has its present value; fields that never changed are not in it.
    pub changed: Vec<(FieldId, Instant)>,
}

impl Facts {
    /// A patron of whom nothing is known.
    pub fn empty(catalogue: &Catalogue, patron: PatronId) -> Facts {
        Facts {
            patron,
            key: "".into(),
            since: None,
            fields: vec![None; catalogue.fields.len()],
            events: vec![Vec::new(); catalogue.events.len()],
            lists: Vec::new(),
            consents: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// The value of a field as stored.
    pub fn field(&self, id: FieldId) -> Option<&Value> {
        self.fields[id.index()].as_ref()
    }

    /// The text of a field, if it is one and not empty.
    pub fn text(&self, id: FieldId) -> Option<String> {
        match self.field(id) {
            Some(Value::Text(text)) if !text.trim().is_empty() => Some(text.to_string()),
            Some(Value::Symbol(symbol)) => Some(symbol.to_string()),
            _ => None,
        }
    }

    /// The patron's own address of a channel, its parts on lines of their own; `None` if one of them is unknown.
    pub fn address(&self, contact: &Contact, channel: Channel) -> Option<String> {
        let parts: Option<Vec<String>> = contact.fields(channel).iter().map(|id| self.text(*id)).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("\n"))
    }

    /// The events or records of a kind.
    pub fn events(&self, id: EventId) -> &[EventRow] {
        &self.events[id.index()]
    }
}

/// An event, or a record as it now is.
#[derive(Clone, PartialEq, Debug)]
pub struct EventRow {
    pub row: RowId,
    pub at: Instant,
    /// Only of a record: the import no longer has it.
    pub removed: bool,
    /// By index of the event's fields.
    pub fields: Vec<Option<Value>>,
}

/// A consent for (purpose, channel): the latest word of the patron.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consent {
    pub purpose: PurposeId,
    pub channel: Channel,
    pub state: ConsentState,
    /// The local date on which it was given or asked for.
    pub on: Day,
    /// Its last date where the source names one; else the purpose's `expires after` counts from `on`.
    pub until: Option<Day>,
}

/// Where a consent stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConsentState {
    Given,
    /// Double opt-in: waits for its confirmation.
    Asked,
    Withdrawn,
}

/// All reference tables in memory: by table, by folded key, the columns.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// By `TableId`.
    pub rows: Vec<HashMap<String, Vec<Option<Value>>>>,
}

impl Tables {
    /// The row of `table` with this key (already folded as texts compare).
    pub fn row(&self, table: TableId, folded_key: &str) -> Option<&[Option<Value>]> {
        self.rows.get(table.index())?.get(folded_key).map(Vec::as_slice)
    }
}
