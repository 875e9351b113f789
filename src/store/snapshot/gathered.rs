//! The columns of some patrons, put together from what was gathered: without SQLite, and by several threads.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::slice;

use rayon::prelude::*;

use super::chosen::ORDER;
use crate::catalogue::{EventId, FieldId, Type, Value};
use crate::rule::RowId;
use crate::rule::columns::{
    BLOCK, Buffer, Column, ColumnBuilder, Columns, Consents, Events, EventsBuilder, EventsTranslation, Texts,
    Translation, UNKNOWN_NUMBER, Wanted,
};
use crate::store::{Change, Kinds, Layout};
use crate::symbol::Symbol;
use crate::time::{Day, Instant};

/// What is wanted of some patrons, when nothing more is to be asked of SQLite.
pub struct Gathered<'a> {
    pub(super) layout: &'a Layout,
    pub(super) wanted: &'a Wanted,
    pub(super) base: Option<&'a Columns>,
    pub(super) places: Vec<Place<'a>>,
    pub(super) patrons: ReadPatrons,
    pub(super) noted: Noted,
    pub(super) consents: Vec<Consents>,
    pub(super) lists: Vec<Buffer<u64>>,
    /// By `EventId`.
    pub(super) events: Vec<Fresh>,
}

/// Where the parts of a patron are.
pub(super) struct Place<'a> {
    pub patron: i64,
    /// The row of the snapshot.
    pub row: Option<usize>,
    /// What is not in it as it now is.
    pub fresh: Kinds,
    pub change: Option<&'a Change>,
    /// Which of the patrons that were read from SQLite.
    pub read: Option<usize>,
}

impl Place<'_> {
    /// The row of the snapshot, if these parts are in it as they are.
    pub fn row(&self, kinds: Kinds) -> Option<usize> {
        self.row.filter(|_| !self.fresh.meets(kinds))
    }

    /// Whether the snapshot has the fields, and the change log those that changed; `has_all`: it has each.
    pub fn knows_fields(&self, has_all: bool) -> bool {
        let is_noted = has_all && self.change.is_some_and(|change| change.fields.is_some());
        self.row.is_some() && (is_noted || !self.fresh.meets(Kinds::PATRON))
    }
}

/// Keys and fields of patrons that were read from SQLite.
#[derive(Default)]
pub(super) struct ReadPatrons {
    pub keys: Vec<String>,
    pub since: Vec<i64>,
    /// The fields of the first, of the second, …
    pub cells: Vec<Option<Value>>,
}

/// When fields of patrons were last noted to change.
pub(super) type Noted = HashMap<(i64, FieldId), i64>;

/// Events of a kind that were read from SQLite, in order.
#[derive(Default)]
pub(super) struct Fresh {
    pub rows: Vec<FreshRow>,
    /// The wanted fields of the first row, of the second, …
    pub cells: Vec<Option<Value>>,
}

pub(super) struct FreshRow {
    pub patron: i64,
    pub at: Instant,
    pub id: RowId,
    pub day: Day,
    pub removed: bool,
}

impl FreshRow {
    /// Rows ascend by it.
    pub fn place(&self) -> (i64, Instant, RowId) {
        (self.patron, self.at, self.id)
    }
}

/// The fields that are read of a patron: also those of which only the last change is wanted, for it counts only while
/// there is a value.
pub(super) fn read_fields(wanted: &Wanted) -> Vec<u16> {
    let count = wanted.fields.len().max(wanted.changed.len());
    let is = |flags: &[bool], index: usize| flags.get(index).copied().unwrap_or(false);
    (0..count).filter(|&at| is(&wanted.fields, at) || is(&wanted.changed, at)).map(|at| at as u16).collect()
}

/// Fields that changed, and what they are now.
type Patch = Vec<(u16, Option<Value>)>;

impl Gathered<'_> {
    /// The columns.
    pub fn columns(mut self) -> Columns {
        let catalogue = &self.layout.catalogue;
        let patches: Vec<Patch> = self.places.par_iter().map(|place| self.patch(place)).collect();
        let fresh = std::mem::take(&mut self.events);
        let fields = read_fields(self.wanted);
        let (events, found) = rayon::join(
            || fresh.par_iter().enumerate().map(|(at, fresh)| self.events(EventId(at as u16), fresh)).collect(),
            || fields.par_iter().enumerate().map(|(nth, field)| self.field(nth, *field, &patches)).collect::<Vec<_>>(),
        );
        let mut columns = self.keys();
        columns.fields = vec![None; catalogue.fields.len()];
        for (field, column) in fields.into_iter().zip(found) {
            columns.fields[usize::from(field)] = Some(column);
        }
        let is_wanted = |field: usize| self.wanted.changed.get(field) == Some(&true);
        columns.changed = (0..catalogue.fields.len())
            .map(|field| is_wanted(field).then(|| self.changed(FieldId(field as u16), &columns)))
            .collect();
        Columns { events, consents: self.consents, lists: self.lists, ..columns }
    }

    fn padded(&self) -> usize {
        self.places.len().next_multiple_of(BLOCK)
    }

    /// Ids, keys, and since when they are known.
    fn keys(&self) -> Columns {
        let (mut ends, mut bytes) = (Vec::with_capacity(self.places.len()), Vec::new());
        let mut since = Vec::with_capacity(self.places.len());
        for place in &self.places {
            match (place.read, place.row.zip(self.base)) {
                (None, Some((row, base))) => {
                    bytes.extend_from_slice(base.keys.bytes(row));
                    since.push(base.since[row]);
                }
                (read, _) => {
                    let read = read.expect("who is not in the snapshot was read");
                    bytes.extend_from_slice(self.patrons.keys[read].as_bytes());
                    since.push(self.patrons.since[read]);
                }
            }
            ends.push(bytes.len() as u64);
        }
        Columns {
            patrons: self.places.iter().map(|place| place.patron).collect(),
            keys: Texts::new(ends.into(), bytes.into()).expect("ends ascend to the number of bytes"),
            since: since.into(),
            fields: Vec::new(),
            changed: Vec::new(),
            events: Vec::new(),
            consents: Vec::new(),
            lists: Vec::new(),
        }
    }

    /// What the change log says of a patron who was not read.
    fn patch(&self, place: &Place<'_>) -> Patch {
        let change = place.change.filter(|_| place.read.is_none() && place.fresh.meets(Kinds::PATRON));
        let Some(fields) = change.and_then(|change| change.fields.as_deref()) else { return Patch::new() };
        let fields: BTreeMap<&str, serde_json::Value> =
            serde_json::from_str(fields).expect("the change log holds what was written there");
        let now = |(name, value): (&str, serde_json::Value)| {
            let field = self.layout.catalogue.field_named(Symbol::find(name)?)?;
            Some((field.0, self.layout.patron.columns[field.index()].decoder.decode_json(&value)))
        };
        fields.into_iter().filter_map(now).collect()
    }

    /// A field, the `nth` of those that were read.
    fn field(&self, nth: usize, field: u16, patches: &[Patch]) -> Column {
        let mut column = ColumnBuilder::wide(self.layout.catalogue.field(FieldId(field)).ty);
        let mut old = self.base.and_then(|base| base.field(FieldId(field))).map(Translation::new);
        let width = self.patrons.cells.len() / self.patrons.keys.len().max(1);
        // Rows one behind another of the snapshot.
        let mut rows: Vec<Range<usize>> = Vec::new();
        for (place, patch) in self.places.iter().zip(patches) {
            let now = match place.read {
                Some(read) => Some(&self.patrons.cells[read * width + nth]),
                None => patch.iter().find(|(changed, _)| *changed == field).map(|(_, now)| now),
            };
            if let (None, Some(row), true) = (now, place.row, old.is_some()) {
                rows.push(row..row + 1);
                continue;
            }
            if let Some(old) = &mut old {
                column.take_all(old, &rows);
                rows.clear();
            }
            // Without a value in the snapshot only its last change is wanted.
            column.push(now.and_then(Option::as_ref));
        }
        if let Some(old) = &mut old {
            column.take_all(old, &rows);
        }
        column.finish(self.padded())
    }

    /// Since when a field is what it is.
    fn changed(&self, field: FieldId, columns: &Columns) -> Column {
        let mut column = ColumnBuilder::wide(Type::Instant);
        let mut old = self.base.and_then(|base| base.changed[field.index()].as_ref()).map(Translation::new);
        for (at, place) in self.places.iter().enumerate() {
            if let Some((row, old)) = place.row(Kinds::PATRON).zip(old.as_mut()) {
                column.take_all(old, slice::from_ref(&(row..row + 1)));
                continue;
            }
            let first = Some(columns.since[at]).filter(|since| *since != UNKNOWN_NUMBER);
            let is_known = columns.field(field).is_some_and(|values| values.is_known(at));
            let since = self.noted.get(&(place.patron, field)).copied().or(first).filter(|_| is_known);
            column.push(since.map(|at| Value::Instant(Instant(at))).as_ref());
        }
        column.finish(self.padded())
    }

    fn events(&self, event: EventId, fresh: &Fresh) -> Option<Events> {
        let wanted = self.wanted.events.get(event.index())?.as_ref()?;
        let rows = self.layout.event(event);
        let mut events = EventsBuilder::wide(self.layout.catalogue.event(event), |field| wanted[field]);
        let mut old = self.base.and_then(|base| base.events(event)).map(EventsTranslation::new);
        // The place of each wanted field among the cells of a row.
        let before = |field: usize| wanted[..field].iter().filter(|is| **is).count();
        let (cell, width): (Vec<usize>, usize) = ((0..wanted.len()).map(before).collect(), before(wanted.len()));
        let Fresh { rows: fresh, cells } = fresh;
        let mut fresh = fresh.iter().enumerate().peekable();
        // Patrons one behind another of whom the snapshot has everything.
        let mut complete: Vec<usize> = Vec::new();
        for place in &self.places {
            let is_fresh = fresh.peek().is_some_and(|(_, row)| row.patron <= place.patron);
            if let (Some(patron), false) = (place.row(rows.altered), is_fresh) {
                complete.push(patron);
                continue;
            }
            if let Some(old) = &mut old {
                events.take_all(old, &complete);
                complete.clear();
            }
            let mut known = place.row(rows.altered).zip(old.as_mut());
            while let Some((nth, row)) = fresh.next_if(|(_, row)| row.patron <= place.patron) {
                assert_eq!(row.patron, place.patron, "{ORDER}");
                if let Some((patron, old)) = &mut known {
                    events.take_before(old, *patron, (row.at, row.id));
                }
                events.push((row.id, row.at, row.day), row.removed, |field| cells[nth * width + cell[field]].clone());
            }
            match known {
                Some((patron, old)) => events.take_all(old, &[patron]),
                None => events.end_patron(),
            }
        }
        assert!(fresh.next().is_none(), "{ORDER}");
        if let Some(old) = &mut old {
            events.take_all(old, &complete);
        }
        Some(events.finish(self.padded()).with_recent(self.wanted.recent(event.index())))
    }
}
