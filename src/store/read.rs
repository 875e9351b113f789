//! The only way out of the store: what it knows of one patron, the reference tables, the feeds.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use super::layout::Rows;
use super::{Layout, StoreError, write};
use crate::catalogue::{Catalogue, Channel, EventId, FeedId, ListId, Value};
use crate::rule::{Consent, ConsentKind, ConsentState, EventRow, Facts, PatronId, RowId, Tables};
use crate::symbol::Symbol;
use crate::time::{Day, Instant};

/// What a program reads of a patron. What it does not need stays empty in the facts, and is not read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Needs {
    /// Of the patron.
    pub fields: Columns,
    /// The kinds that are read, each once.
    pub events: Vec<(EventId, Columns)>,
    pub lists: bool,
    pub consents: bool,
    /// `changed(F)`.
    pub changed: bool,
}

/// Which fields of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Columns {
    All,
    /// Indices of the fields.
    Only(Vec<u16>),
}

impl Needs {
    /// Everything that the catalogue names.
    pub fn everything(catalogue: &Catalogue) -> Needs {
        let events = (0..catalogue.events.len()).map(|index| (EventId(index as u16), Columns::All)).collect();
        Needs { fields: Columns::All, events, lists: true, consents: true, changed: true }
    }

    /// The fields of the patron, lists and consents, and the history of the fields, without any event.
    pub fn patron() -> Needs {
        Needs { fields: Columns::All, events: Vec::new(), lists: true, consents: true, changed: true }
    }

    /// Also these fields of an event or record.
    #[must_use]
    pub fn with_event(mut self, event: EventId, columns: Columns) -> Needs {
        match self.events.iter_mut().find(|(known, _)| *known == event) {
            Some((_, known)) => known.add(columns),
            None => self.events.push((event, columns)),
        }
        self
    }

    /// Also all fields of these events and records.
    #[must_use]
    pub fn with_events(self, events: impl IntoIterator<Item = EventId>) -> Needs {
        events.into_iter().fold(self, |needs, event| needs.with_event(event, Columns::All))
    }
}

impl Columns {
    /// Also those.
    pub fn add(&mut self, more: Columns) {
        match (&mut *self, more) {
            (Columns::All, _) => {}
            (_, Columns::All) => *self = Columns::All,
            (Columns::Only(known), Columns::Only(more)) => {
                known.extend(more);
                known.sort_unstable();
                known.dedup();
            }
        }
    }

    /// The indices, of `count` fields.
    pub(super) fn indices(&self, count: usize) -> Vec<u16> {
        match self {
            Columns::All => (0..count as u16).collect(),
            Columns::Only(indices) => indices.clone(),
        }
    }
}

/// How much there is.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    pub patrons: i64,
    /// By `EventId`.
    pub events: Vec<i64>,
    /// By `ListId`.
    pub members: Vec<i64>,
}

/// Reads by the catalogue that the store was aligned to.
pub struct Reader<'c> {
    pub(super) connection: &'c Connection,
    pub(super) layout: Arc<Layout>,
}

impl<'c> Reader<'c> {
    pub(super) fn new(connection: &'c Connection, layout: Arc<Layout>) -> Reader<'c> {
        Reader { connection, layout }
    }

    /// The patron with this key.
    ///
    /// # Errors
    /// If SQLite does, like all below.
    pub fn patron_by_key(&self, key: &str) -> Result<Option<PatronId>, StoreError> {
        write::patron_by_key(self.connection, key)
    }

    /// The key of a patron.
    pub fn key(&self, patron: PatronId) -> Result<Option<Arc<str>>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT key FROM patron WHERE id = ?1")?;
        Ok(statement.query_row([patron.0], |row| row.get(0)).optional()?)
    }

    /// All patrons, in order of id.
    pub fn patrons(&self) -> Result<Vec<PatronId>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM patron ORDER BY id")?;
        let ids = statement.query_map((), |row| row.get(0).map(PatronId))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// How much there is.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        let count = |table: &str| -> Result<i64, StoreError> {
            let sql = format!("SELECT count(*) FROM {table}");
            Ok(self.connection.query_row(&sql, (), |row| row.get(0))?)
        };
        let events = (self.layout.events.iter())
            .map(|rows| if rows.exists { count(&rows.table) } else { Ok(0) })
            .collect::<Result<_, StoreError>>();
        let sql = "SELECT count(*) FROM list_member WHERE list = ?1";
        let members = (self.layout.catalogue.lists.iter())
            .map(|list| Ok(self.connection.prepare_cached(sql)?.query_row([list.name.as_str()], |row| row.get(0))?))
            .collect::<Result<_, StoreError>>();
        Ok(Counts { patrons: count("patron")?, events: events?, members: members? })
    }

    /// The largest row number so far, over all kinds of events: newer rows have larger ones.
    pub fn newest_row(&self) -> Result<RowId, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM meta WHERE name = 'next_row'")?;
        let next: Option<i64> = statement.query_row((), |row| row.get(0)).optional()?;
        Ok(RowId(next.unwrap_or(1) - 1))
    }

    /// What the store knows of a patron, as far as it is needed.
    pub fn facts(&self, patron: PatronId, needs: &Needs) -> Result<Option<Facts>, StoreError> {
        let mut facts = None;
        self.scan_range(needs, patron..=patron, |found| facts = Some(found.clone()))?;
        Ok(facts)
    }

    /// The row of a kind that has this key, and whose it is.
    pub fn record(&self, event: EventId, key: &str) -> Result<Option<(PatronId, EventRow)>, StoreError> {
        let rows = self.layout.event(event);
        if !rows.exists {
            return Ok(None);
        }
        let mut statement = self.connection.prepare_cached(&rows.by_key)?;
        let found = statement.query_row([key], |row| {
            let first = super::layout::EVENT.len();
            let fields = (rows.columns.iter().enumerate())
                .map(|(index, column)| Ok(column.decoder.decode(row.get_ref(first + index)?)))
                .collect::<rusqlite::Result<_>>()?;
            let removed = row.get_ref(5)? != ValueRef::Null;
            let event = EventRow { row: RowId(row.get(2)?), at: Instant(row.get(1)?), removed, fields };
            Ok((PatronId(row.get(0)?), event))
        });
        Ok(found.optional()?)
    }

    /// The keys of the records of a kind that were not removed.
    pub fn record_keys(&self, event: EventId) -> Result<Vec<String>, StoreError> {
        let table = &self.layout.event(event).table;
        let sql = format!("SELECT key FROM {table} WHERE key IS NOT NULL AND removed IS NULL");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let keys = statement.query_map((), |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// The keys of the rows of a feed.
    pub fn feed_keys(&self, feed: FeedId) -> Result<Vec<String>, StoreError> {
        let sql = format!("SELECT key FROM {} ORDER BY id", self.layout.feed(feed).table);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let keys = statement.query_map((), |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// All reference tables.
    pub fn tables(&self) -> Result<Tables, StoreError> {
        let mut tables = Tables::default();
        for rows in &self.layout.tables {
            let mut table = HashMap::new();
            if rows.exists {
                let mut statement = self.connection.prepare_cached(&select(rows, "key", "key"))?;
                let mut found = statement.query(())?;
                while let Some(row) = found.next()? {
                    table.insert(row.get(0)?, fields(rows, row, 1)?);
                }
            }
            tables.rows.push(table);
        }
        Ok(tables)
    }

    /// All rows of a feed, in the order of their import.
    pub fn feed(&self, feed: FeedId) -> Result<Vec<Vec<Option<Value>>>, StoreError> {
        let rows = self.layout.feed(feed);
        let mut all = Vec::new();
        if rows.exists {
            let mut statement = self.connection.prepare_cached(&select(rows, "id", "id"))?;
            let mut found = statement.query(())?;
            while let Some(row) = found.next()? {
                all.push(fields(rows, row, 1)?);
            }
        }
        Ok(all)
    }

    /// Who is on a list, in order of id.
    pub fn members(&self, list: ListId) -> Result<Vec<PatronId>, StoreError> {
        let name = self.layout.catalogue.lists[list.index()].name;
        let sql = "SELECT patron FROM list_member WHERE list = ?1 ORDER BY patron";
        let mut statement = self.connection.prepare_cached(sql)?;
        let ids = statement.query_map([name.as_str()], |row| row.get(0).map(PatronId))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}

fn select(rows: &Rows, first: &str, order: &str) -> String {
    let columns: Vec<&str> = rows.columns.iter().map(|column| column.sql.as_str()).collect();
    let comma = if columns.is_empty() { "" } else { ", " };
    format!("SELECT {first}{comma}{} FROM {} ORDER BY {order}", columns.join(", "), rows.table)
}

fn fields(rows: &Rows, row: &Row<'_>, first: usize) -> Result<Vec<Option<Value>>, StoreError> {
    let decode =
        |(index, column): (usize, &super::layout::Column)| Ok(column.decoder.decode(row.get_ref(first + index)?));
    rows.columns.iter().enumerate().map(decode).collect()
}

/// A consent of the columns purpose, channel, state, `on_day`, `until_day`, `kind`, if the program knows the purpose. The
/// end of an implied one stands in it as if its source had named it, so that no evaluator needs to know of the law.
pub(super) fn consent(catalogue: &Catalogue, row: &Row<'_>, first: usize) -> Result<Option<Consent>, StoreError> {
    let word = |index: usize| row.get_ref(first + index).map(|found| found.as_str().unwrap_or_default());
    let purpose = Symbol::find(word(0)?).and_then(|name| catalogue.purpose_named(name));
    let channel = Channel::from_word(word(1)?);
    let state = ConsentState::from_word(word(2)?);
    let (Some(purpose), Some(channel), Some(state)) = (purpose, channel, state) else { return Ok(None) };
    let on = Day(row.get(first + 3)?);
    let said = row.get::<_, Option<i32>>(first + 4)?.map(Day);
    let until = match ConsentKind::from_word(word(5)?) {
        Some(kind) if kind.is_implied() => {
            kind.end(on, said, catalogue.purpose(purpose).expires_after).map(|(last, _)| last)
        }
        _ => said,
    };
    Ok(Some(Consent { purpose, channel, state, on, until }))
}
