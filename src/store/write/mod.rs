//! The only way into the store: patrons, events and records, lists, reference tables, feeds.

mod event;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::change::Fields;
use super::column::Stored;
use super::layout::{PATRON, Rows};
use super::snapshot::Forgotten;
use super::{Kinds, Layout, StoreError, change};
use crate::catalogue::{ClassId, EventId, FeedId, FieldId, ListId, TableId, Value};
use crate::rule::{PatronId, RowId, text};
use crate::time::{Instant, Zone};

/// Row numbers that are set aside at once, at first and at most.
const ROWS_AT_FIRST: i64 = 16;
const ROWS_AT_MOST: i64 = 65_536;

/// Writes what the store learns at one instant. One at a time in a transaction, for one batch: a patron whose data it
/// changes is put into the change log once.
pub struct Writer<'t> {
    pub(super) connection: &'t Connection,
    pub(super) layout: Arc<Layout>,
    pub(super) zone: Zone,
    pub(super) at: Instant,
    /// What becomes of the snapshot when the transaction is committed.
    pub(super) forgotten: &'t RefCell<Forgotten>,
    /// Whose data it changed, and what of them.
    touched: HashMap<i64, Kinds>,
    /// The entry of the change log up to which its readers have read.
    seen: Option<i64>,
    /// Numbers set aside for rows, and how many to set aside next.
    rows: std::ops::Range<i64>,
    block: i64,
    /// The last patron asked for, and the classes whose data may be kept of them.
    permitted: Option<(i64, Vec<bool>)>,
    /// The kind whose rows are gathered ([`Writer::gather`]).
    pub(super) gathering: Option<EventId>,
}

/// What became of an event or record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Where it is; `None` if it was not stored.
    pub row: Option<RowId>,
    pub outcome: Outcome,
}

/// What writing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Inserted,
    Replaced,
    /// It is there already.
    Unchanged,
    /// The patron does not have what the privacy class requires.
    NotStored(ClassId),
}

impl<'t> Writer<'t> {
    pub(super) fn new(
        connection: &'t Connection,
        layout: Arc<Layout>,
        zone: Zone,
        at: Instant,
        forgotten: &'t RefCell<Forgotten>,
    ) -> Writer<'t> {
        Writer {
            connection,
            layout,
            zone,
            at,
            forgotten,
            touched: HashMap::new(),
            seen: None,
            rows: 0..0,
            block: ROWS_AT_FIRST,
            permitted: None,
            gathering: None,
        }
    }

    /// The instant at which the store learns what is written.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// The patron with this key: new, or with these fields changed. Fields that are not named stay as they are (of a
    /// new patron: unknown). `since` is when the store first knew of a new one, `None` at its first import.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn patron(
        &mut self,
        key: &str,
        since: Option<Instant>,
        fields: &[(FieldId, Option<Value>)],
    ) -> Result<PatronId, StoreError> {
        Ok(self.put_patron(key, since, fields)?.0)
    }

    /// Like [`Writer::patron`]; also says what it did.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn put_patron(
        &mut self,
        key: &str,
        since: Option<Instant>,
        fields: &[(FieldId, Option<Value>)],
    ) -> Result<(PatronId, Outcome), StoreError> {
        let layout = self.layout.clone();
        let mut found = self.connection.prepare_cached(&layout.patron.by_key)?;
        let mut rows = found.query([key])?;
        let Some(row) = rows.next()? else {
            drop(rows);
            return Ok((self.insert_patron(key, since, fields)?, Outcome::Inserted));
        };
        let patron = PatronId(row.get(0)?);
        let mut changed = Vec::new();
        for (field, value) in fields {
            let stored = Stored::of(value.as_ref());
            let old = row.get_ref(PATRON.len() + field.index())?;
            if !stored.is(old) {
                let respelled = matches!((&stored, old), (Stored::Text(new), ValueRef::Text(old))
                    if std::str::from_utf8(old).is_ok_and(|old| text::same(new, old)));
                changed.push((*field, stored, rusqlite::types::Value::try_from(old), respelled));
            }
        }
        drop(rows);
        drop(found);
        if changed.is_empty() {
            return Ok((patron, Outcome::Unchanged));
        }
        let indices: Vec<u16> = changed.iter().map(|(field, ..)| field.0).collect();
        let mut update = self.connection.prepare_cached(&layout.patron.update(&indices, &[], "id = ?"))?;
        for (place, (_, stored, ..)) in changed.iter().enumerate() {
            update.raw_bind_parameter(place + 1, stored)?;
        }
        update.raw_bind_parameter(changed.len() + 1, patron.0)?;
        update.raw_execute()?;
        self.permitted = None;
        let name = |field: FieldId| layout.catalogue.field(field).name;
        // What is private stands in its own place and nowhere else.
        let is_private = changed.iter().any(|(field, ..)| layout.catalogue.field(*field).private.is_some());
        let now = changed.iter().map(|(field, stored, ..)| (name(*field).to_string(), stored.json()));
        let now = (!is_private).then(|| now.collect());
        for (field, value) in fields.iter().filter(|(field, _)| indices.contains(&field.0)) {
            self.note_agreement(patron, *field, value.as_ref())?;
        }
        for (field, new, old, respelled) in changed {
            // Another spelling is the same text: the field has had its present value since before.
            if respelled || !self.may_keep_history(patron, field)? {
                continue;
            }
            let sql = "INSERT INTO field_change (patron, field, at, old, new) VALUES (?1, ?2, ?3, ?4, ?5)";
            let old = old.unwrap_or(rusqlite::types::Value::Null);
            let change = params![patron.0, name(field).as_str(), self.at.0, old, new];
            self.connection.prepare_cached(sql)?.execute(change)?;
        }
        self.touch_fields(patron, now)?;
        Ok((patron, Outcome::Replaced))
    }

    fn insert_patron(
        &mut self,
        key: &str,
        since: Option<Instant>,
        fields: &[(FieldId, Option<Value>)],
    ) -> Result<PatronId, StoreError> {
        let mut insert = self.connection.prepare_cached(&self.layout.patron.insert)?;
        insert.raw_bind_parameter(1, rusqlite::types::Null)?;
        insert.raw_bind_parameter(2, key)?;
        insert.raw_bind_parameter(3, since.map(|instant| instant.0))?;
        bind_fields(&mut insert, PATRON.len(), &self.layout.patron, fields.iter().map(|(id, value)| (id.0, value)))?;
        insert.raw_execute()?;
        drop(insert);
        let patron = PatronId(self.connection.last_insert_rowid());
        self.touch(patron, Kinds::ALL)?;
        Ok(patron)
    }

    /// The columns by which it writes.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The patron with this key.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn patron_by_key(&self, key: &str) -> Result<Option<PatronId>, StoreError> {
        patron_by_key(self.connection, key)
    }

    /// Puts a patron on a list, or takes them off it. Whether that changed something.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn member(&mut self, patron: PatronId, list: ListId, is_member: bool) -> Result<bool, StoreError> {
        let name = self.layout.catalogue.lists[list.index()].name;
        let changed = if is_member {
            let sql = "INSERT OR IGNORE INTO list_member (patron, list, since) VALUES (?1, ?2, ?3)";
            self.connection.prepare_cached(sql)?.execute(params![patron.0, name.as_str(), self.at.0])?
        } else {
            let sql = "DELETE FROM list_member WHERE patron = ?1 AND list = ?2";
            self.connection.prepare_cached(sql)?.execute(params![patron.0, name.as_str()])?
        };
        if changed > 0 {
            self.touch(patron, Kinds::LISTS)?;
        }
        Ok(changed > 0)
    }

    /// A row of a reference table; keys are the same if they compare as texts do.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn table_row(
        &mut self,
        table: TableId,
        key: &str,
        fields: &[(u16, Option<Value>)],
    ) -> Result<Outcome, StoreError> {
        let layout = self.layout.clone();
        let outcome = self.upsert(layout.table(table), &text::fold(key), fields)?;
        if outcome != Outcome::Unchanged {
            self.touch(PatronId(change::EVERYBODY), Kinds::ALL)?;
        }
        Ok(outcome)
    }

    /// A row of a feed, by its key; without one it is the same as a row that holds the same.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn feed_row(
        &mut self,
        feed: FeedId,
        key: Option<&str>,
        fields: &[(u16, Option<Value>)],
    ) -> Result<Outcome, StoreError> {
        let layout = self.layout.clone();
        match key {
            Some(key) => self.upsert(layout.feed(feed), key, fields),
            None => self.upsert(layout.feed(feed), &self.feed_mark(feed, fields), fields),
        }
    }

    /// The key that a row of a feed gets that has none.
    pub fn feed_mark(&self, feed: FeedId, fields: &[(u16, Option<Value>)]) -> String {
        format!("{:016x}", event::mark(self.layout.feed(feed), fields))
    }

    /// Takes a row out of a feed. Whether it was there.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn remove_feed_row(&mut self, feed: FeedId, key: &str) -> Result<bool, StoreError> {
        let sql = format!("DELETE FROM {} WHERE key = ?1", self.layout.feed(feed).table);
        Ok(self.connection.prepare_cached(&sql)?.execute([key])? > 0)
    }

    fn upsert(&mut self, rows: &Rows, key: &str, fields: &[(u16, Option<Value>)]) -> Result<Outcome, StoreError> {
        let mut statement = self.connection.prepare_cached(&rows.by_key)?;
        let mut found = statement.query([key])?;
        let Some(row) = found.next()? else {
            drop(found);
            let mut insert = self.connection.prepare_cached(&rows.insert)?;
            insert.raw_bind_parameter(1, key)?;
            bind_fields(&mut insert, 1, rows, fields.iter().map(|(index, value)| (*index, value)))?;
            insert.raw_execute()?;
            return Ok(Outcome::Inserted);
        };
        let mut changed = Vec::new();
        for (index, value) in fields {
            let stored = Stored::of(value.as_ref());
            if !stored.is(row.get_ref(1 + usize::from(*index))?) {
                changed.push((*index, stored));
            }
        }
        drop(found);
        if changed.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let indices: Vec<u16> = changed.iter().map(|(index, _)| *index).collect();
        let mut update = self.connection.prepare_cached(&rows.update(&indices, &[], "key = ?"))?;
        for (place, (_, stored)) in changed.iter().enumerate() {
            update.raw_bind_parameter(place + 1, stored)?;
        }
        update.raw_bind_parameter(changed.len() + 1, key)?;
        update.raw_execute()?;
        Ok(Outcome::Replaced)
    }

    /// A patron is no longer there.
    pub(super) fn forget_patron(&mut self, patron: PatronId) {
        self.touched.remove(&patron.0);
        self.permitted = None;
    }

    /// Notes in the audit that something was done.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn audit(&self, what: &str, patron: Option<PatronId>, detail: &serde_json::Value) -> Result<(), StoreError> {
        let sql = "INSERT INTO audit (at, what, patron, detail) VALUES (?1, ?2, ?3, ?4)";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![self.at.0, what, patron.map(|patron| patron.0), detail.to_string()])?;
        Ok(())
    }

    /// Puts a patron into the change log.
    pub(super) fn touch(&mut self, patron: PatronId, kinds: Kinds) -> Result<(), StoreError> {
        let known = self.touched.entry(patron.0).or_insert(Kinds::NONE);
        if known.contains(kinds) {
            return Ok(());
        }
        *known = *known | kinds;
        self.note(patron, kinds, None)
    }

    /// The same for some of the patron's fields, with what they are now.
    fn touch_fields(&mut self, patron: PatronId, fields: Option<Fields>) -> Result<(), StoreError> {
        let known = self.touched.entry(patron.0).or_insert(Kinds::NONE);
        *known = *known | Kinds::PATRON;
        self.note(patron, Kinds::PATRON, fields)
    }

    fn note(&mut self, patron: PatronId, kinds: Kinds, fields: Option<Fields>) -> Result<(), StoreError> {
        let seen = match self.seen {
            Some(seen) => seen,
            None => *self.seen.insert(change::seen(self.connection)?),
        };
        change::note(self.connection, patron.0, kinds, fields, seen)
    }

    /// A number for a new row: larger than every one before, over all kinds.
    fn next_row(&mut self) -> Result<i64, StoreError> {
        if let Some(id) = self.rows.next() {
            return Ok(id);
        }
        let sql = "INSERT INTO meta (name, value) VALUES ('next_row', 1 + ?1)
                   ON CONFLICT (name) DO UPDATE SET value = value + ?1 RETURNING value";
        let end: i64 = self.connection.prepare_cached(sql)?.query_row([self.block], |row| row.get(0))?;
        self.rows = end - self.block..end;
        self.block = (self.block * 4).min(ROWS_AT_MOST);
        Ok(self.rows.next().expect("the block is not empty"))
    }

    fn may_keep_history(&mut self, patron: PatronId, field: FieldId) -> Result<bool, StoreError> {
        match self.layout.catalogue.field(field).private {
            Some(class) => self.permits(patron, class),
            None => Ok(true),
        }
    }

    /// Whether the patron has what `class` requires.
    pub(super) fn permits(&mut self, patron: PatronId, class: ClassId) -> Result<bool, StoreError> {
        if let Some((known, permitted)) = &self.permitted
            && *known == patron.0
        {
            return Ok(permitted[class.index()]);
        }
        let required: Vec<&str> = (self.layout.catalogue.classes.iter())
            .map(|class| class.requires.map_or("1", |field| &self.layout.patron.columns[field.index()].sql))
            .collect();
        let sql = format!("SELECT {} FROM patron WHERE id = ?1", required.join(", "));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let permitted: Vec<bool> = statement.query_row([patron.0], |row| {
            (0..required.len()).map(|index| Ok(row.get::<_, Option<i64>>(index)? == Some(1))).collect()
        })?;
        drop(statement);
        let answer = permitted[class.index()];
        self.permitted = Some((patron.0, permitted));
        Ok(answer)
    }
}

pub(super) fn patron_by_key(connection: &Connection, key: &str) -> Result<Option<PatronId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM patron WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0).map(PatronId)).optional()?)
}

/// Binds all columns of fields, those that are not named to NULL.
fn bind_fields<'v>(
    statement: &mut CachedStatement<'_>,
    offset: usize,
    rows: &Rows,
    fields: impl Iterator<Item = (u16, &'v Option<Value>)>,
) -> Result<(), StoreError> {
    for index in 0..rows.columns.len() {
        statement.raw_bind_parameter(offset + index + 1, rusqlite::types::Null)?;
    }
    for (index, value) in fields {
        statement.raw_bind_parameter(offset + usize::from(index) + 1, Stored::of(value.as_ref()))?;
    }
    Ok(())
}
