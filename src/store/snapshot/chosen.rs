//! The columns of some patrons: of each what changed from SQLite, and the rest from a snapshot that is open.
//!
//! All columns are wide, so that native code that was made for some patrons is good for all others.

use std::fmt::Write as _;

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Row, Rows, Statement, params};

use super::file::Snapped;
use super::stamp::{self, Stamp};
use super::{Dates, format};
use crate::catalogue::{EventId, FieldId, Type, Value};
use crate::rule::columns::{
    BLOCK, Buffer, Column, ColumnBuilder, Columns, ConsentsBuilder, Events, EventsBuilder, EventsTranslation, Texts,
    Translation, UNKNOWN_NUMBER, Wanted,
};
use crate::rule::{PatronId, RowId};
use crate::store::scan::push_columns;
use crate::store::{Change, Kinds, Reader, StoreError, read};
use crate::symbol::Symbol;
use crate::time::Instant;

/// A snapshot that stays open, for whoever reads some patrons again and again.
#[derive(Debug)]
pub struct Base {
    stamp: Stamp,
    wanted: Wanted,
    columns: Columns,
}

impl Base {
    pub(super) fn new(stamp: Stamp, wanted: &Wanted, columns: Columns) -> Base {
        Base { stamp, wanted: wanted.clone(), columns }
    }

    pub(super) fn into_columns(self) -> Columns {
        self.columns
    }

    /// The wanted columns of the store's snapshot, if it has one that can be used. None is made.
    pub fn open(reader: &Reader<'_>, wanted: &Wanted, dates: &Dates<'_>) -> Option<Base> {
        let catalogue = &reader.layout.catalogue;
        let path = stamp::path(&stamp::store_path(reader.connection)?);
        let snapped = Snapped::open(&path, &format::fingerprint(catalogue, dates.zone)).ok()??;
        let base = Base::new(snapped.stamp, wanted, snapped.load(catalogue, wanted).ok()?);
        base.is_of(reader).ok()?.then_some(base)
    }

    /// Whether it is of this store, and nothing was erased since.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn is_of(&self, reader: &Reader<'_>) -> Result<bool, StoreError> {
        Ok(stamp::token(reader.connection)? == Some(self.stamp.token))
    }
}

/// A patron who is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chosen {
    pub patron: PatronId,
    /// Their entry in the change log; `None`: they have none after `Choice::since`.
    pub change: Option<Change>,
}

/// What is wanted of some patrons, and from where.
pub struct Choice<'a> {
    pub reader: &'a Reader<'a>,
    pub wanted: &'a Wanted,
    pub dates: &'a Dates<'a>,
    /// With what is wanted; without it everything is asked of SQLite.
    pub base: Option<&'a Base>,
    /// The entry of the change log from which on changes are known.
    pub since: i64,
}

fn wants(flags: &[bool], index: usize) -> bool {
    flags.get(index).copied().unwrap_or(false)
}

/// Ids as a statement takes them.
fn list(ids: impl Iterator<Item = i64>) -> String {
    let mut json = "[".to_owned();
    for id in ids {
        let comma = if json.len() > 1 { "," } else { "" };
        write!(json, "{comma}{id}").expect("a string takes everything");
    }
    json + "]"
}

const ORDER: &str = "rows come in the order of the patrons, and of their instants";

/// The rows of a statement for these patrons.
fn cursor<'s, 'p>(
    statement: &'s mut Statement<'_>,
    places: impl Iterator<Item = &'p Place>,
) -> Result<Cursor<'s>, StoreError> {
    Ok(Cursor { rows: statement.query([list(places.map(|place| place.patron))])?, is_given: true })
}

/// The rows of a statement about some patrons, whom it walks in their order: the first column is the patron. SQLite
/// promises no order without sorting, and a cross join walks its left side as it is: a row that comes otherwise would
/// be missed, so that it ends the process.
struct Cursor<'s> {
    rows: Rows<'s>,
    /// The row that it stands on was given.
    is_given: bool,
}

impl Cursor<'_> {
    /// The next row of this patron. Patrons are asked for in order.
    fn row_of(&mut self, patron: i64) -> Result<Option<&Row<'_>>, StoreError> {
        if self.is_given {
            self.rows.advance()?;
        }
        let whose = self.rows.get().map(|row| row.get::<_, i64>(0)).transpose()?;
        assert!(whose.is_none_or(|whose| whose >= patron), "{ORDER}");
        let is_theirs = whose == Some(patron);
        self.is_given = is_theirs;
        Ok(self.rows.get().filter(|_| is_theirs))
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        assert!(self.rows.get().is_none() || self.is_given || std::thread::panicking(), "{ORDER}");
    }
}

/// Where the parts of a patron are.
struct Place {
    patron: i64,
    /// The row of the snapshot.
    row: Option<usize>,
    /// What SQLite has to be asked for.
    fresh: Kinds,
}

impl Place {
    /// The row of the snapshot, if these parts are in it as they are.
    fn row(&self, kinds: Kinds) -> Option<usize> {
        self.row.filter(|_| !self.fresh.meets(kinds))
    }
}

impl Choice<'_> {
    /// The wanted columns of these patrons, in order of id. Who is no longer there is left out.
    ///
    /// # Errors
    /// If SQLite does.
    ///
    /// # Panics
    /// If the snapshot was opened with less than is wanted.
    pub fn columns(&self, patrons: &[Chosen]) -> Result<Columns, StoreError> {
        assert!(self.base.is_none_or(|base| base.wanted == *self.wanted), "a snapshot is opened with what is wanted");
        let mut places = self.places(patrons)?;
        let mut columns = self.patrons(&mut places)?;
        let padded = places.len().next_multiple_of(BLOCK);
        let catalogue = &self.reader.layout.catalogue;
        columns.changed = self.changed(&places, &columns, padded)?;
        columns.events = (0..catalogue.events.len())
            .map(|index| self.events(EventId(index as u16), &places, padded))
            .collect::<Result<_, _>>()?;
        if self.wanted.consents {
            columns.consents = self.consents(&places)?.finish(padded);
        }
        columns.lists = self.lists(&places, padded)?;
        Ok(columns)
    }

    fn base(&self) -> Option<&Columns> {
        self.base.map(|base| &base.columns)
    }

    fn places(&self, patrons: &[Chosen]) -> Result<Vec<Place>, StoreError> {
        let Some(Base { columns, stamp, .. }) = self.base else {
            let place = |chosen: &Chosen| Place { patron: chosen.patron.0, row: None, fresh: Kinds::ALL };
            return Ok(patrons.iter().map(place).collect());
        };
        let (ids, mut from): (&[i64], usize) = (&columns.patrons, 0);
        let place = |chosen: &Chosen| {
            let PatronId(patron) = chosen.patron;
            // Ids ascend on both sides: the next one is not far.
            let mut step = 1;
            while from + step < ids.len() && ids[from + step] < patron {
                (from, step) = (from + step, step * 2);
            }
            let end = (from + step + 1).min(ids.len());
            from += ids[from.min(end)..end].partition_point(|id| *id < patron);
            let row = ids.get(from).filter(|id| **id == patron).map(|_| from);
            let fresh = match chosen.change {
                _ if row.is_none() => Kinds::ALL,
                Some(change) if change.seq > stamp.change => change.kinds,
                None if stamp.change < self.since => self.reader.changed(chosen.patron, stamp.change)?,
                _ => Kinds::NONE,
            };
            Ok(Place { patron, row, fresh })
        };
        patrons.iter().map(place).collect()
    }

    /// Keys and fields. Removes the places of those who are no longer there.
    fn patrons(&self, places: &mut Vec<Place>) -> Result<Columns, StoreError> {
        let layout = &self.reader.layout;
        let catalogue = &layout.catalogue;
        let fields: Vec<u16> = (0..catalogue.fields.len() as u16)
            .filter(|index| [&self.wanted.fields, &self.wanted.changed].iter().any(|of| wants(of, usize::from(*index))))
            .collect();
        let mut sql = "SELECT patron.id, patron.key, since".to_owned();
        push_columns(&mut sql, &layout.patron.columns, &fields);
        sql.push_str(" FROM json_each(?1) AS chosen CROSS JOIN patron ON patron.id = chosen.value");
        let mut statement = self.reader.connection.prepare_cached(&sql)?;
        let mut cursor = cursor(&mut statement, places.iter().filter(|place| place.row(Kinds::PATRON).is_none()))?;
        let mut olds: Vec<Option<Translation<'_>>> =
            fields.iter().map(|field| Some(Translation::new(self.base()?.field(FieldId(*field))?))).collect();
        let mut builders: Vec<ColumnBuilder> =
            fields.iter().map(|field| ColumnBuilder::wide(catalogue.fields[usize::from(*field)].ty)).collect();
        let (mut ids, mut since) = (Vec::with_capacity(places.len()), Vec::with_capacity(places.len()));
        let (mut ends, mut bytes) = (Vec::with_capacity(places.len()), Vec::new());
        let mut gone = Vec::new();
        for place in &*places {
            if let Some((base, row)) = self.base().zip(place.row(Kinds::PATRON)) {
                since.push(base.since[row]);
                bytes.extend_from_slice(base.keys.bytes(row));
                for (column, old) in builders.iter_mut().zip(&mut olds) {
                    match old {
                        Some(old) => column.take(old, row),
                        // Only its last change is wanted, and the snapshot knows that.
                        None => column.push(None),
                    }
                }
            } else if let Some(row) = cursor.row_of(place.patron)? {
                bytes.extend_from_slice(row.get_ref(1)?.as_bytes().unwrap_or_default());
                since.push(row.get::<_, Option<i64>>(2)?.unwrap_or(UNKNOWN_NUMBER));
                for (index, (column, field)) in builders.iter_mut().zip(&fields).enumerate() {
                    let decoder = &layout.patron.columns[usize::from(*field)].decoder;
                    column.push(decoder.decode(row.get_ref(3 + index)?).as_ref());
                }
            } else {
                gone.push(place.patron);
                continue;
            }
            ids.push(place.patron);
            ends.push(bytes.len() as u64);
        }
        drop(cursor);
        places.retain(|place| gone.binary_search(&place.patron).is_err());
        let padded = places.len().next_multiple_of(BLOCK);
        let mut columns = Columns {
            patrons: ids.into(),
            keys: Texts::new(ends.into(), bytes.into()).expect("ends ascend to the number of bytes"),
            since: since.into(),
            fields: catalogue.fields.iter().map(|_| None).collect(),
            changed: Vec::new(),
            events: Vec::new(),
            consents: Vec::new(),
            lists: Vec::new(),
        };
        for (field, builder) in fields.into_iter().zip(builders) {
            columns.fields[usize::from(field)] = Some(builder.finish(padded));
        }
        Ok(columns)
    }

    /// Since when fields are what they are.
    fn changed(&self, places: &[Place], columns: &Columns, padded: usize) -> Result<Vec<Option<Column>>, StoreError> {
        let catalogue = &self.reader.layout.catalogue;
        let wanted: Vec<usize> =
            (0..catalogue.fields.len()).filter(|index| wants(&self.wanted.changed, *index)).collect();
        let mut found: Vec<Option<_>> = catalogue.fields.iter().map(|_| None).collect();
        if wanted.is_empty() {
            return Ok(found);
        }
        let mut builders: Vec<ColumnBuilder> = wanted.iter().map(|_| ColumnBuilder::wide(Type::Instant)).collect();
        let mut olds: Vec<Option<Translation<'_>>> =
            wanted.iter().map(|field| Some(Translation::new(self.base()?.changed[*field].as_ref()?))).collect();
        let sql = "SELECT patron, field, max(at) FROM json_each(?1) AS chosen
                   CROSS JOIN field_change ON patron = chosen.value GROUP BY chosen.key, field";
        let mut statement = self.reader.connection.prepare_cached(sql)?;
        let mut cursor = cursor(&mut statement, places.iter().filter(|place| place.row(Kinds::PATRON).is_none()))?;
        for (at, place) in places.iter().enumerate() {
            if let Some(row) = place.row(Kinds::PATRON) {
                for (column, old) in builders.iter_mut().zip(&mut olds) {
                    column.take(old.as_mut().expect("the snapshot has what is wanted"), row);
                }
                continue;
            }
            let mut noted: Vec<Option<i64>> = vec![None; catalogue.fields.len()];
            while let Some(row) = cursor.row_of(place.patron)? {
                let name = Symbol::find(row.get_ref(1)?.as_str().unwrap_or_default());
                if let Some(field) = name.and_then(|name| catalogue.field_named(name)) {
                    noted[field.index()] = Some(row.get(2)?);
                }
            }
            let first = Some(columns.since[at]).filter(|since| *since != UNKNOWN_NUMBER);
            for (column, field) in builders.iter_mut().zip(&wanted) {
                let is_known = columns.fields[*field].as_ref().is_some_and(|values| values.is_known(at));
                let since = noted[*field].or(first).filter(|_| is_known);
                column.push(since.map(|at| Value::Instant(Instant(at))).as_ref());
            }
        }
        for (field, builder) in wanted.into_iter().zip(builders) {
            found[field] = Some(builder.finish(padded));
        }
        Ok(found)
    }

    fn events(&self, event: EventId, places: &[Place], padded: usize) -> Result<Option<Events>, StoreError> {
        let Some(wanted) = self.wanted.events.get(event.index()).and_then(Option::as_ref) else { return Ok(None) };
        let layout = &self.reader.layout;
        let rows = layout.event(event);
        let mut events = EventsBuilder::wide(layout.catalogue.event(event), |field| wanted[field]);
        let mut old = self.base().and_then(|base| base.events(event)).map(EventsTranslation::new);
        let fields: Vec<u16> = (0..wanted.len() as u16).filter(|field| wanted[usize::from(*field)]).collect();
        let mut sql = "SELECT patron, at, rows.id, removed".to_owned();
        push_columns(&mut sql, &rows.columns, &fields);
        // Each patron with a bit that says whether all their events are read, or only those that came.
        sql.push_str(&format!(
            " FROM json_each(?1) AS chosen CROSS JOIN {} AS rows
              ON patron = chosen.value >> 1 AND (chosen.value & 1 OR rows.id >= ?2)",
            rows.table
        ));
        let next_row = self.base.map_or(0, |base| base.stamp.next_row);
        let read = places.iter().filter_map(|place| match place.row(rows.altered) {
            None => Some(place.patron << 1 | 1),
            Some(_) if place.fresh.meets(rows.added) => Some(place.patron << 1),
            Some(_) => None,
        });
        let mut statement = if rows.exists { Some(self.reader.connection.prepare_cached(&sql)?) } else { None };
        let mut cursor = match &mut statement {
            Some(statement) => Some(Cursor { rows: statement.query(params![list(read), next_row])?, is_given: true }),
            None => None,
        };
        let day = (self.dates.day)(self.dates.zone);
        for place in places {
            let mut known = place.row(rows.altered).zip(old.as_mut());
            let is_complete = known.is_some() && !place.fresh.meets(rows.added);
            if let (Some(cursor), false) = (&mut cursor, is_complete) {
                let mut last = None;
                while let Some(row) = cursor.row_of(place.patron)? {
                    let (at, id) = (Instant(row.get(1)?), RowId(row.get(2)?));
                    assert!(last.replace((at, id)) < Some((at, id)), "{ORDER}");
                    if let Some((patron, old)) = &mut known {
                        events.take_before(old, *patron, (at, id));
                    }
                    let removed = row.get_ref(3)? != ValueRef::Null;
                    events.push((id, at, day(at)), removed, |field| {
                        let place = fields.binary_search(&(field as u16)).expect("only what is wanted is asked for");
                        let found = row.get_ref(4 + place).expect("the statement has a column for each field");
                        rows.columns[field].decoder.decode(found)
                    });
                }
            }
            match known {
                Some((patron, old)) => events.take(old, patron),
                None => events.end_patron(),
            }
        }
        Ok(Some(events.finish(padded)))
    }

    fn consents(&self, places: &[Place]) -> Result<ConsentsBuilder, StoreError> {
        let catalogue = &self.reader.layout.catalogue;
        let mut consents = ConsentsBuilder::wide(catalogue);
        let sql = "SELECT patron, purpose, channel, state, on_day, until_day, kind FROM json_each(?1) AS chosen
                   CROSS JOIN consent ON patron = chosen.value";
        let mut statement = self.reader.connection.prepare_cached(sql)?;
        let mut cursor = cursor(&mut statement, places.iter().filter(|place| place.row(Kinds::CONSENTS).is_none()))?;
        for (at, place) in places.iter().enumerate() {
            if let (Some(row), Some(base)) = (place.row(Kinds::CONSENTS), self.base()) {
                base.consents(row).for_each(|consent| consents.push(at, &consent));
                continue;
            }
            while let Some(row) = cursor.row_of(place.patron)? {
                if let Some(consent) = read::consent(catalogue, row, 1)? {
                    consents.push(at, &consent);
                }
            }
        }
        Ok(consents)
    }

    fn lists(&self, places: &[Place], padded: usize) -> Result<Vec<Buffer<u64>>, StoreError> {
        let catalogue = &self.reader.layout.catalogue;
        let mut lists = vec![vec![0_u64; padded / BLOCK]; catalogue.lists.len()];
        if self.wanted.lists {
            let sql =
                "SELECT patron, list FROM json_each(?1) AS chosen CROSS JOIN list_member ON patron = chosen.value";
            let mut statement = self.reader.connection.prepare_cached(sql)?;
            let mut cursor = cursor(&mut statement, places.iter().filter(|place| place.row(Kinds::LISTS).is_none()))?;
            for (at, place) in places.iter().enumerate() {
                let mut put = |list: usize| lists[list][at / BLOCK] |= 1 << (at % BLOCK);
                if let (Some(row), Some(base)) = (place.row(Kinds::LISTS), self.base()) {
                    (0..catalogue.lists.len()).filter(|list| base.is_on(*list, row)).for_each(put);
                    continue;
                }
                while let Some(row) = cursor.row_of(place.patron)? {
                    let name = Symbol::find(row.get_ref(1)?.as_str().unwrap_or_default());
                    if let Some(list) = name.and_then(|name| catalogue.list_named(name)) {
                        put(list.index());
                    }
                }
            }
        }
        Ok(lists.into_iter().map(Into::into).collect())
    }
}
