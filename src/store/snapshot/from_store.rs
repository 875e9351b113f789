//! The parts of a snapshot, read from SQLite.

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{Connection, Row, Rows as Cursor};

use super::Dates;
use super::parts::{GrowingChanges, Made, Part, Patrons};
use crate::catalogue::{EventId, FieldId};
use crate::rule::RowId;
use crate::rule::columns::{BLOCK, ColumnBuilder, ConsentsBuilder, EventsBuilder, Texts, UNKNOWN_NUMBER};
use crate::store::layout::Layout;
use crate::store::scan::{Source, push_columns};
use crate::store::{StoreError, read};
use crate::symbol::Symbol;
use crate::time::Instant;

/// Patrons between two words about the progress.
const STEP: usize = 10_000;

/// Who is in the store.
pub(super) fn patrons(reader: &Connection) -> Result<Patrons, StoreError> {
    let (mut ids, mut since, mut ends, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut statement = reader.prepare("SELECT id, key, since FROM patron ORDER BY id")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        ids.push(row.get(0)?);
        bytes.extend_from_slice(row.get_ref(1)?.as_bytes().unwrap_or_default());
        ends.push(bytes.len() as u64);
        since.push(row.get::<_, Option<i64>>(2)?.unwrap_or(UNKNOWN_NUMBER));
    }
    let keys = Texts::new(ends.into(), bytes.into()).expect("ends ascend to the number of bytes");
    Ok(Patrons { ids: ids.into(), keys, since: since.into() })
}

/// A part of the state that `reader` sees, for these patrons, all there are. `done` hears of patrons that are read.
pub(super) fn make(
    reader: &Connection,
    layout: &Layout,
    patrons: &Patrons,
    part: &Part,
    dates: &Dates<'_>,
    done: &dyn Fn(usize),
) -> Result<Made, StoreError> {
    let rows = patrons.rows();
    let each = Each { reader, ids: &patrons.ids, done };
    let catalogue = &layout.catalogue;
    match part {
        Part::Fields(fields) => {
            let indices: Vec<u16> = fields.iter().map(|field| field.0).collect();
            let mut sql = "SELECT id".to_owned();
            push_columns(&mut sql, &layout.patron.columns, &indices);
            sql.push_str(" FROM patron WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
            let mut columns: Vec<ColumnBuilder> =
                fields.iter().map(|field| ColumnBuilder::new(catalogue.field(*field).ty)).collect();
            let read = |columns: &mut Vec<ColumnBuilder>, _: usize, row: &Row<'_>| {
                for (place, (column, field)) in columns.iter_mut().zip(fields).enumerate() {
                    let value = layout.patron.columns[field.index()].decoder.decode(row.get_ref(1 + place)?);
                    column.push(value.as_ref());
                }
                Ok(())
            };
            each.patron(&sql, &mut columns, read, |_| ())?;
            Ok(Made::Fields(
                fields.iter().copied().zip(columns.into_iter().map(|column| column.finish(rows))).collect(),
            ))
        }
        Part::Events(event) => events(&each, layout, *event, dates, rows),
        Part::Changes => {
            let read = |changes: &mut GrowingChanges, _: usize, row: &Row<'_>| {
                let name = Symbol::find(row.get_ref(1)?.as_str().unwrap_or_default());
                if let Some(FieldId(field)) = name.and_then(|name| catalogue.field_named(name)) {
                    changes.push(field, row.get(2)?);
                }
                Ok(())
            };
            let mut changes = GrowingChanges::default();
            each.patron(&Source::Changes.sql(), &mut changes, read, GrowingChanges::end_patron)?;
            Ok(Made::Changes(changes.finish()))
        }
        Part::Consents => {
            let mut consents = ConsentsBuilder::default();
            let read = |consents: &mut ConsentsBuilder, patron: usize, row: &Row<'_>| {
                if let Some(consent) = read::consent(catalogue, row, 1)? {
                    consents.push(patron, &consent);
                }
                Ok(())
            };
            each.patron(&Source::Consents.sql(), &mut consents, read, |_| ())?;
            Ok(Made::Consents(consents.finish(rows)))
        }
        Part::Lists => {
            let mut lists = vec![vec![0_u64; rows / BLOCK]; catalogue.lists.len()];
            let read = |lists: &mut Vec<Vec<u64>>, patron: usize, row: &Row<'_>| {
                let name = Symbol::find(row.get_ref(1)?.as_str().unwrap_or_default());
                if let Some(list) = name.and_then(|name| catalogue.list_named(name)) {
                    lists[list.index()][patron / BLOCK] |= 1 << (patron % BLOCK);
                }
                Ok(())
            };
            each.patron(&Source::Lists.sql(), &mut lists, read, |_| ())?;
            Ok(Made::Lists(lists.into_iter().map(Into::into).collect()))
        }
    }
}

fn events(
    each: &Each<'_>,
    layout: &Layout,
    event: EventId,
    dates: &Dates<'_>,
    rows: usize,
) -> Result<Made, StoreError> {
    let table = layout.event(event);
    let mut events = EventsBuilder::new(layout.catalogue.event(event), |_| true);
    if !table.exists {
        (0..each.ids.len()).for_each(|_| events.end_patron());
        return Ok(Made::Events(event, events.finish(rows)));
    }
    let source =
        Source::Events { index: event.index(), rows: table, fields: (0..table.columns.len() as u16).collect() };
    let day = (dates.day)(dates.zone);
    let read = |events: &mut EventsBuilder, _: usize, row: &Row<'_>| {
        let at = Instant(row.get(1)?);
        let place = (RowId(row.get(2)?), at, day(at));
        let removed = row.get_ref(3)? != rusqlite::types::ValueRef::Null;
        events.push(place, removed, |index| {
            let found = row.get_ref(4 + index).expect("the statement has a column for each field");
            table.columns[index].decoder.decode(found)
        });
        Ok(())
    };
    each.patron(&source.sql(), &mut events, read, EventsBuilder::end_patron)?;
    Ok(Made::Events(event, events.finish(rows)))
}

/// Walks over the patrons and a statement's rows together.
struct Each<'a> {
    reader: &'a Connection,
    ids: &'a [i64],
    done: &'a dyn Fn(usize),
}

impl Each<'_> {
    /// `read` takes each row of the statement, whose first column is the patron, with the number of the patron;
    /// `end` comes after the rows of each patron, also of one who has none.
    fn patron<B>(
        &self,
        sql: &str,
        into: &mut B,
        read: impl Fn(&mut B, usize, &Row<'_>) -> Result<(), StoreError>,
        end: impl Fn(&mut B),
    ) -> Result<(), StoreError> {
        let mut statement = self.reader.prepare(sql)?;
        let mut rows = statement.query([0, i64::MAX])?;
        let mut whose = advance(&mut rows)?;
        for (patron, id) in self.ids.iter().enumerate() {
            while whose == Some(*id) {
                read(into, patron, rows.get().expect("the cursor stands on a row"))?;
                whose = advance(&mut rows)?;
            }
            end(into);
            if (patron + 1) % STEP == 0 {
                (self.done)(STEP);
            }
        }
        (self.done)(self.ids.len() % STEP);
        assert!(whose.is_none(), "what belongs to a patron goes with the patron, by foreign key");
        Ok(())
    }
}

/// Whose the next row is.
fn advance(rows: &mut Cursor<'_>) -> Result<Option<i64>, StoreError> {
    rows.advance()?;
    Ok(rows.get().map(|row| row.get(0)).transpose()?)
}
