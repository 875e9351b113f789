//! The columns of some patrons: of each what changed from SQLite, and the rest from a snapshot that is open.
//!
//! All columns are wide, so that native code that was made for some patrons is good for all others.

use std::fmt::Write as _;

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Row, Rows, Statement, params};

use super::file::Snapped;
use super::gathered::{Fresh, FreshRow, Gathered, Noted, Place, ReadPatrons, read_fields};
use super::stamp::{self, Stamp};
use super::{Dates, format};
use crate::catalogue::{EventId, FieldId};
use crate::rule::columns::{BLOCK, Buffer, Columns, ConsentsBuilder, UNKNOWN_NUMBER, Wanted};
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
#[derive(Clone, PartialEq, Eq, Debug)]
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

/// Ids as a statement takes them.
fn list(ids: impl Iterator<Item = i64>) -> String {
    let mut json = "[".to_owned();
    for id in ids {
        let comma = if json.len() > 1 { "," } else { "" };
        write!(json, "{comma}{id}").expect("a string takes everything");
    }
    json + "]"
}

pub(super) const ORDER: &str = "rows come in the order of the patrons, and of their instants";

/// The rows of a statement for these patrons.
fn cursor<'s, 'p>(
    statement: &'s mut Statement<'_>,
    places: impl Iterator<Item = &'p Place<'p>>,
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

impl Choice<'_> {
    /// Reads the wanted columns of these patrons, in order of id. Who is no longer there is left out.
    ///
    /// # Errors
    /// If SQLite does.
    ///
    /// # Panics
    /// If the snapshot was opened with less than is wanted.
    pub fn gather<'p>(&'p self, patrons: impl IntoIterator<Item = &'p Chosen>) -> Result<Gathered<'p>, StoreError> {
        assert!(self.base.is_none_or(|base| base.wanted == *self.wanted), "a snapshot is opened with what is wanted");
        let mut places = self.places(patrons)?;
        let patrons = self.patrons(&mut places)?;
        let noted = self.noted(&places)?;
        let padded = places.len().next_multiple_of(BLOCK);
        let consents = if self.wanted.consents { self.consents(&places)?.finish(padded) } else { Vec::new() };
        let lists = self.lists(&places, padded)?;
        let kinds = self.reader.layout.catalogue.events.len() as u16;
        let events = (0..kinds).map(|index| self.events(EventId(index), &places)).collect::<Result<_, _>>()?;
        let (layout, wanted, base) = (&*self.reader.layout, self.wanted, self.base());
        Ok(Gathered { layout, wanted, base, places, patrons, noted, consents, lists, events })
    }

    fn base(&self) -> Option<&Columns> {
        self.base.map(|base| &base.columns)
    }

    fn places<'p>(&self, patrons: impl IntoIterator<Item = &'p Chosen>) -> Result<Vec<Place<'p>>, StoreError> {
        let Some(Base { columns, stamp, .. }) = self.base else {
            let place =
                |of: &Chosen| Place { patron: of.patron.0, row: None, fresh: Kinds::ALL, change: None, read: None };
            return Ok(patrons.into_iter().map(place).collect());
        };
        let (ids, mut from): (&[i64], usize) = (&columns.patrons, 0);
        let place = |chosen: &'p Chosen| {
            let PatronId(patron) = chosen.patron;
            // Ids ascend on both sides: the next one is not far.
            let mut step = 1;
            while from + step < ids.len() && ids[from + step] < patron {
                (from, step) = (from + step, step * 2);
            }
            let end = (from + step + 1).min(ids.len());
            from += ids[from.min(end)..end].partition_point(|id| *id < patron);
            let row = ids.get(from).filter(|id| **id == patron).map(|_| from);
            let change = chosen.change.as_ref();
            let fresh = match change {
                _ if row.is_none() => Kinds::ALL,
                Some(change) if change.seq > stamp.change => change.kinds,
                None if stamp.change < self.since => self.reader.changed(chosen.patron, stamp.change)?,
                _ => Kinds::NONE,
            };
            Ok(Place { patron, row, fresh, change, read: None })
        };
        patrons.into_iter().map(place).collect()
    }

    /// Keys and fields of those for whom neither the snapshot nor the change log has them. Removes the places of those
    /// who are no longer there.
    fn patrons(&self, places: &mut Vec<Place<'_>>) -> Result<ReadPatrons, StoreError> {
        let layout = &self.reader.layout;
        let fields = read_fields(self.wanted);
        // Of a field of which only the last change is wanted the snapshot has that, and not the value.
        let has_all = self.base().is_some_and(|base| fields.iter().all(|field| base.field(FieldId(*field)).is_some()));
        let mut sql = "SELECT patron.id, patron.key, since".to_owned();
        push_columns(&mut sql, &layout.patron.columns, &fields);
        sql.push_str(" FROM json_each(?1) AS chosen CROSS JOIN patron ON patron.id = chosen.value");
        let mut statement = self.reader.connection.prepare_cached(&sql)?;
        let asked: Vec<bool> = places.iter().map(|place| !place.knows_fields(has_all)).collect();
        let asked_places = places.iter().zip(&asked).filter(|(_, asked)| **asked).map(|(place, _)| place);
        let mut cursor = cursor(&mut statement, asked_places)?;
        let mut read = ReadPatrons::default();
        let mut gone = Vec::new();
        for (place, asked) in places.iter_mut().zip(asked) {
            if !asked {
                continue;
            }
            let Some(row) = cursor.row_of(place.patron)? else {
                gone.push(place.patron);
                continue;
            };
            place.read = Some(read.keys.len());
            read.keys.push(row.get(1)?);
            read.since.push(row.get::<_, Option<i64>>(2)?.unwrap_or(UNKNOWN_NUMBER));
            for (nth, field) in fields.iter().enumerate() {
                read.cells.push(layout.patron.columns[usize::from(*field)].decoder.decode(row.get_ref(3 + nth)?));
            }
        }
        drop(cursor);
        places.retain(|place| gone.binary_search(&place.patron).is_err());
        Ok(read)
    }

    /// Since when fields are what they are, of those of whom some changed.
    fn noted(&self, places: &[Place<'_>]) -> Result<Noted, StoreError> {
        let catalogue = &self.reader.layout.catalogue;
        let mut noted = Noted::new();
        if !self.wanted.changed.contains(&true) {
            return Ok(noted);
        }
        let sql = "SELECT patron, field, max(at) FROM json_each(?1) AS chosen
                   CROSS JOIN field_change ON patron = chosen.value GROUP BY chosen.key, field";
        let mut statement = self.reader.connection.prepare_cached(sql)?;
        let asked = places.iter().filter(|place| place.row(Kinds::PATRON).is_none());
        let mut rows = statement.query([list(asked.map(|place| place.patron))])?;
        while let Some(row) = rows.next()? {
            let name = Symbol::find(row.get_ref(1)?.as_str().unwrap_or_default());
            if let Some(field) = name.and_then(|name| catalogue.field_named(name)) {
                noted.insert((row.get(0)?, field), row.get(2)?);
            }
        }
        Ok(noted)
    }

    /// The events of a kind that only SQLite has: all of a patron's, or those that came.
    fn events(&self, event: EventId, places: &[Place<'_>]) -> Result<Fresh, StoreError> {
        let mut fresh = Fresh::default();
        let Some(wanted) = self.wanted.events.get(event.index()).and_then(Option::as_ref) else { return Ok(fresh) };
        let layout = &self.reader.layout;
        let rows = layout.event(event);
        let fields: Vec<u16> = (0..wanted.len() as u16).filter(|field| wanted[usize::from(*field)]).collect();
        let mut sql = "SELECT patron, at, rows.id, removed".to_owned();
        push_columns(&mut sql, &rows.columns, &fields);
        // Each patron with a bit that says whether all their events are read, or only those that came.
        write!(
            sql,
            " FROM json_each(?1) AS chosen CROSS JOIN {} AS rows
              ON patron = chosen.value >> 1 AND (chosen.value & 1 OR rows.id >= ?2)",
            rows.table
        )
        .expect("a string takes everything");
        let next_row = self.base.map_or(0, |base| base.stamp.next_row);
        let mut read = places.iter().filter_map(|place| match place.row(rows.altered) {
            None => Some(place.patron << 1 | 1),
            Some(_) if place.fresh.meets(rows.added) => Some(place.patron << 1),
            Some(_) => None,
        });
        let Some(first) = read.next().filter(|_| rows.exists) else { return Ok(fresh) };
        let day = (self.dates.day)(self.dates.zone);
        let mut statement = self.reader.connection.prepare_cached(&sql)?;
        let mut found = statement.query(params![list([first].into_iter().chain(read)), next_row])?;
        while let Some(row) = found.next()? {
            let (patron, at, id) = (row.get(0)?, Instant(row.get(1)?), RowId(row.get(2)?));
            // SQLite promises no order without sorting, and a cross join walks its left side as it is.
            assert!(fresh.rows.last().is_none_or(|last| last.place() < (patron, at, id)), "{ORDER}");
            fresh.rows.push(FreshRow { patron, at, id, day: day(at), removed: row.get_ref(3)? != ValueRef::Null });
            for (place, field) in fields.iter().enumerate() {
                fresh.cells.push(rows.columns[usize::from(*field)].decoder.decode(row.get_ref(4 + place)?));
            }
        }
        Ok(fresh)
    }

    fn consents(&self, places: &[Place<'_>]) -> Result<ConsentsBuilder, StoreError> {
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

    fn lists(&self, places: &[Place<'_>], padded: usize) -> Result<Vec<Buffer<u64>>, StoreError> {
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
