//! Writing events and records: new ones, the same again, corrected ones, and those that pass to another patron.

use std::borrow::Cow;
use std::hash::Hasher;

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, params};
use siphasher::sip::SipHasher13;

use super::{Outcome, Writer, Written, bind_fields};
use crate::catalogue::{ClassId, EventId, EventKind, Value};
use crate::rule::{PatronId, RowId};
use crate::store::StoreError;
use crate::store::column::Stored;
use crate::store::layout::{EVENT, Rows};
use crate::symbol::Symbol;
use crate::time::Instant;

/// A field by its index, with the value that is written.
type Given = (u16, Option<Value>);

/// A row of an event as it is.
struct Keyed {
    patron: PatronId,
    at: Instant,
    id: i64,
    removed: Option<i64>,
    values: Vec<rusqlite::types::Value>,
}

impl Keyed {
    /// From all columns of an event.
    fn read(row: &Row<'_>, rows: &Rows) -> rusqlite::Result<Keyed> {
        let values = (0..rows.columns.len()).map(|index| row.get(EVENT.len() + index)).collect::<Result<_, _>>()?;
        Ok(Keyed {
            patron: PatronId(row.get(0)?),
            at: Instant(row.get(1)?),
            id: row.get(2)?,
            removed: row.get(5)?,
            values,
        })
    }
}

impl Writer<'_> {
    /// An event of a patron, or a record's row.
    ///
    /// An event without a key is the same as one that holds the same. With a key (which is of one row in its kind),
    /// the row that has it gets these fields; fields that are not named stay. A record keeps its first `at`, an event
    /// takes this one; both may pass to another patron, and a removed record is back.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn event(
        &mut self,
        patron: PatronId,
        event: EventId,
        key: Option<&str>,
        at: Instant,
        fields: &[(u16, Option<Value>)],
    ) -> Result<Written, StoreError> {
        match key {
            Some(key) if self.gathering != Some(event) => {
                let found = self.keyed(event, key)?;
                match found {
                    Some(found) => self.replace(event, found, Some((patron, at)), fields),
                    None => self.insert_event(patron, event, Some(key), at, fields),
                }
            }
            key => self.insert_event(patron, event, key, at, fields),
        }
    }

    fn insert_event(
        &mut self,
        patron: PatronId,
        event: EventId,
        key: Option<&str>,
        at: Instant,
        fields: &[(u16, Option<Value>)],
    ) -> Result<Written, StoreError> {
        let layout = self.layout.clone();
        let rows = layout.event(event);
        if let Some(class) = self.class_that_forbids(patron, event, fields)? {
            return Ok(Written { row: None, outcome: Outcome::NotStored(class) });
        }
        let mark = key.is_none().then(|| mark(rows, fields));
        let gathers = self.gathering == Some(event);
        if let Some(mark) = mark.filter(|_| !gathers) {
            let mut same = self.connection.prepare_cached(&rows.same)?;
            if let Some(id) = same.query_row(params![patron.0, at.0, mark], |row| row.get(0)).optional()? {
                return Ok(Written { row: Some(RowId(id)), outcome: Outcome::Unchanged });
            }
        }
        let id = self.next_row()?;
        let permitted = self.permitted_fields(patron, event, fields)?;
        let sql = if gathers { &rows.gather } else { &rows.insert };
        let mut insert = self.connection.prepare_cached(sql)?;
        insert.raw_bind_parameter(1, patron.0)?;
        insert.raw_bind_parameter(2, at.0)?;
        insert.raw_bind_parameter(3, id)?;
        insert.raw_bind_parameter(4, key)?;
        insert.raw_bind_parameter(5, mark)?;
        insert.raw_bind_parameter(6, rusqlite::types::Null)?;
        bind_fields(&mut insert, EVENT.len(), rows, permitted.iter().map(|(index, value)| (*index, value)))?;
        insert.raw_execute()?;
        drop(insert);
        if let EventKind::Record { open_until: Some(index), .. } = layout.catalogue.event(event).kind {
            let until = fields.iter().find(|(field, _)| *field == index).and_then(|(_, value)| value.as_ref());
            self.watch(patron, event, id, self.closes(until, None))?;
        }
        self.touch(patron, rows.added)?;
        Ok(Written { row: Some(RowId(id)), outcome: Outcome::Inserted })
    }

    /// Changes fields of a record.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn change_record(
        &mut self,
        record: EventId,
        key: &str,
        fields: &[(u16, Option<Value>)],
    ) -> Result<Written, StoreError> {
        let found = self.keyed(record, key)?.ok_or_else(|| self.no_such_record(record, key))?;
        self.replace(record, found, None, fields)
    }

    /// The import no longer has this record, since `at`: it is closed. Whether it was there.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn remove_record(&mut self, record: EventId, key: &str, at: Instant) -> Result<bool, StoreError> {
        let table = &self.layout.event(record).table;
        let sql = format!("UPDATE {table} SET removed = ?1 WHERE key = ?2 AND removed IS NULL RETURNING patron, id");
        let mut update = self.connection.prepare_cached(&sql)?;
        let found = update.query_row(params![at.0, key], |row| Ok((PatronId(row.get(0)?), row.get(1)?))).optional()?;
        drop(update);
        if let Some((patron, row)) = found {
            self.watch(patron, record, row, Some(at.0))?;
            self.touch(patron, self.layout.event(record).altered)?;
        }
        Ok(found.is_some())
    }

    fn no_such_record(&self, record: EventId, key: &str) -> StoreError {
        StoreError::NoSuchRecord { record: self.layout.catalogue.event(record).name.to_string(), key: key.to_owned() }
    }

    fn keyed(&self, event: EventId, key: &str) -> Result<Option<Keyed>, StoreError> {
        let rows = self.layout.event(event);
        let mut statement = self.connection.prepare_cached(&rows.by_key)?;
        Ok(statement.query_row([key], |row| Keyed::read(row, rows)).optional()?)
    }

    fn replace(
        &mut self,
        event: EventId,
        found: Keyed,
        said: Option<(PatronId, Instant)>,
        fields: &[(u16, Option<Value>)],
    ) -> Result<Written, StoreError> {
        let layout = self.layout.clone();
        let rows = layout.event(event);
        let is_record = layout.catalogue.event(event).is_record();
        let patron = said.map_or(found.patron, |(patron, _)| patron);
        let at = said.map(|(_, at)| at).filter(|_| !is_record).unwrap_or(found.at);
        let fields = self.permitted_fields(patron, event, fields)?;
        let differs = |(index, value): &&(u16, Option<Value>)| {
            !Stored::of(value.as_ref()).is(ValueRef::from(&found.values[usize::from(*index)]))
        };
        let changed: Vec<&(u16, Option<Value>)> = fields.iter().filter(differs).collect();
        let comes_back = found.removed.is_some() && said.is_some();
        if changed.is_empty() && !comes_back && patron == found.patron && at == found.at {
            return Ok(Written { row: Some(RowId(found.id)), outcome: Outcome::Unchanged });
        }
        let is_new = !is_record && (patron != found.patron || at != found.at && !self.is_decided(event, &found)?);
        let id = if is_new { self.next_row()? } else { found.id };
        if patron != found.patron {
            self.forget_row(event, &found)?;
        }
        let indices: Vec<u16> = changed.iter().map(|(index, _)| *index).collect();
        let also = ["patron", "at", "id", "removed"];
        let sql = rows.update(&indices, &also, "patron = ? AND at = ? AND id = ?");
        let mut update = self.connection.prepare_cached(&sql)?;
        let mut place = 0;
        let mut next = || {
            place += 1;
            place
        };
        for (_, value) in changed {
            update.raw_bind_parameter(next(), Stored::of(value.as_ref()))?;
        }
        let removed = found.removed.filter(|_| !comes_back);
        update.raw_bind_parameter(next(), patron.0)?;
        update.raw_bind_parameter(next(), at.0)?;
        update.raw_bind_parameter(next(), id)?;
        update.raw_bind_parameter(next(), removed)?;
        update.raw_bind_parameter(next(), found.patron.0)?;
        update.raw_bind_parameter(next(), found.at.0)?;
        update.raw_bind_parameter(next(), found.id)?;
        update.raw_execute()?;
        drop(update);
        if let EventKind::Record { open_until: Some(index), .. } = layout.catalogue.event(event).kind {
            let known =
                rows.columns[usize::from(index)].decoder.decode(ValueRef::from(&found.values[usize::from(index)]));
            let said = fields.iter().find(|(field, _)| *field == index).map(|(_, value)| value.clone());
            let closes = self.closes(said.unwrap_or(known).as_ref(), removed);
            self.watch(patron, event, found.id, closes)?;
        }
        self.touch(found.patron, rows.altered)?;
        self.touch(patron, rows.altered)?;
        Ok(Written { row: Some(RowId(id)), outcome: Outcome::Replaced })
    }

    /// Whether a tick has decided something of an event. Where none has and its instant is corrected it counts as new, and
    /// starts what it would have started.
    fn is_decided(&self, event: EventId, found: &Keyed) -> Result<bool, StoreError> {
        let name = self.layout.catalogue.event(event).name.as_str();
        let sql = "SELECT EXISTS (SELECT 1 FROM occurrence WHERE patron = ?1 AND event = ?2 AND event_row = ?3)";
        Ok(self.connection.prepare_cached(sql)?.query_row(params![found.patron.0, name, found.id], |row| row.get(0))?)
    }

    /// It passes to another patron: what it started is about nothing of this one any more.
    fn forget_row(&self, event: EventId, found: &Keyed) -> Result<(), StoreError> {
        let name = self.layout.catalogue.event(event).name.as_str();
        let sql = "UPDATE occurrence SET event_row = ?4 WHERE patron = ?1 AND event = ?2 AND event_row = ?3";
        self.connection.prepare_cached(sql)?.execute(params![found.patron.0, name, found.id, RowId::GONE.0])?;
        Ok(())
    }

    /// What came back of the campaign `before` (a delivery, a click) is of `after` from now on. What is reported once more
    /// under the old name is still the same.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn rename_campaign(&mut self, before: Symbol, after: Symbol) -> Result<(), StoreError> {
        let layout = self.layout.clone();
        for (event, declared) in (0..).map(EventId).zip(&layout.catalogue.events) {
            let field = declared.field(Symbol::new("campaign")).filter(|_| declared.kind == EventKind::Engine);
            let Some(field) = field else { continue };
            let rows = layout.event(event);
            let sql = rows.having(&rows.columns[usize::from(field)].sql);
            let mut query = self.connection.prepare_cached(&sql)?;
            let named = query.query_map([before.as_str()], |row| Keyed::read(row, rows))?;
            let named: Vec<Keyed> = named.collect::<Result<_, _>>()?;
            for found in named {
                self.replace(event, found, None, &[(field, Some(Value::Symbol(after)))])?;
            }
        }
        Ok(())
    }

    /// The privacy class for want of whose agreement an event or record may not be stored.
    fn class_that_forbids(
        &mut self,
        patron: PatronId,
        event: EventId,
        fields: &[(u16, Option<Value>)],
    ) -> Result<Option<ClassId>, StoreError> {
        let layout = self.layout.clone();
        let declared = layout.catalogue.event(event);
        let Some(class) = declared.private.filter(|_| declared.kind != EventKind::Engine) else { return Ok(None) };
        if self.permits(patron, class)? {
            return Ok(None);
        }
        let serves = !layout.catalogue.class(class).open_records_serve.is_empty();
        let is_open = match declared.kind {
            EventKind::Record { open_until: Some(index), .. } => {
                let until = fields.iter().find(|(field, _)| *field == index).and_then(|(_, value)| value.as_ref());
                match until {
                    None => true,
                    Some(Value::Instant(instant)) => *instant > self.at,
                    Some(Value::Date(day)) => self.zone.start_of(*day) > self.at,
                    Some(_) => false,
                }
            }
            _ => false,
        };
        Ok((!(serves && is_open)).then_some(class))
    }

    /// The fields without the values of those whose own class the patron has not agreed to.
    fn permitted_fields<'f>(
        &mut self,
        patron: PatronId,
        event: EventId,
        fields: &'f [Given],
    ) -> Result<Cow<'f, [Given]>, StoreError> {
        let layout = self.layout.clone();
        let declared = &layout.catalogue.event(event).fields;
        let mut permitted = Cow::Borrowed(fields);
        for (place, (index, value)) in fields.iter().enumerate() {
            let Some(class) = declared[usize::from(*index)].private.filter(|_| value.is_some()) else { continue };
            if !self.permits(patron, class)? {
                permitted.to_mut()[place].1 = None;
            }
        }
        Ok(permitted)
    }
}

/// A hash of what an event holds: the names and values of its known fields.
pub(super) fn mark(rows: &Rows, fields: &[(u16, Option<Value>)]) -> i64 {
    // The key is fixed: the mark has to be the same at the next import.
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    for &index in &rows.by_name {
        let known = fields.iter().find(|(field, _)| *field == index).and_then(|(_, value)| value.as_ref());
        let Some(value) = known else { continue };
        hasher.write(rows.columns[usize::from(index)].name.as_str().as_bytes());
        match Stored::of(Some(value)) {
            Stored::Null => {}
            Stored::Integer(number) => {
                hasher.write_u8(1);
                hasher.write_i64(number);
            }
            Stored::Text(text) => {
                hasher.write_u8(2);
                hasher.write_u64(text.len() as u64);
                hasher.write(text.as_bytes());
            }
        }
    }
    hasher.finish().cast_signed()
}
