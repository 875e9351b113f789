//! The columns and tables that a catalogue asks for: adding those that are missing, and knowing those that are there.
//!
//! A field `due_on` of a record `loan` is the column `f_due_on` of the table `event_loan`. Nothing is ever dropped:
//! what the catalogue no longer names stays in the store, unseen.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::column::{Decoder, sql_type, storage, widening};
use super::{Kinds, StoreError, change};
use crate::catalogue::{Catalogue, EventId, FeedId, Field, TableId, Type};
use crate::symbol::Symbol;

/// A catalogue, and where its values lie.
#[derive(Debug, Default)]
pub struct Layout {
    pub(super) catalogue: Catalogue,
    pub(super) patron: Rows,
    /// By `EventId`.
    pub(super) events: Vec<Rows>,
    /// By `TableId`.
    pub(super) tables: Vec<Rows>,
    /// By `FeedId`.
    pub(super) feeds: Vec<Rows>,
}

/// A table and its columns of fields.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// As SQL names it.
    pub table: String,
    /// Whether the store has it.
    pub exists: bool,
    /// What changes of a patron when a row does, and when one comes.
    pub altered: Kinds,
    pub added: Kinds,
    /// By index of the fields.
    pub columns: Vec<Column>,
    /// Indices of the fields in the order of their names, which a change of the program's text does not alter.
    pub by_name: Vec<u16>,
    /// The fixed columns and those of the fields, with commas between.
    all: String,
    pub insert: String,
    /// Into the table of the rows that are gathered first.
    pub gather: String,
    pub by_key: String,
    /// The row of an event without key that holds the same.
    pub same: String,
}

/// The column of a field.
#[derive(Debug)]
pub(super) struct Column {
    pub name: Symbol,
    /// As SQL names it; `NULL` where the store does not have it.
    pub sql: String,
    pub decoder: Decoder,
}

/// The fixed columns before those of the fields, of each kind of table.
pub(super) const PATRON: &[&str] = &["id", "key", "since"];
pub(super) const EVENT: &[&str] = &["patron", "at", "id", "key", "mark", "removed"];
pub(super) const TABLE: &[&str] = &["key"];
pub(super) const FEED: &[&str] = &["key"];

impl Layout {
    /// What `catalogue` asks for, as far as the store has it.
    pub(super) fn of(connection: &Connection, catalogue: &Catalogue) -> Result<Layout, StoreError> {
        let rows = |table: String, fixed: &[&str], fields: &[Field]| -> Result<Rows, StoreError> {
            let present = columns(connection, &table)?;
            let columns: Vec<Column> = fields
                .iter()
                .map(|field| {
                    let sql = column_name(field.name);
                    Column {
                        name: field.name,
                        sql: if present.contains(&sql) { sql } else { "NULL".to_owned() },
                        decoder: Decoder::of(field.ty, catalogue),
                    }
                })
                .collect();
            Ok(Rows::new(table, fixed, !present.is_empty(), columns))
        };
        Ok(Layout {
            patron: rows("patron".to_owned(), PATRON, &catalogue.fields)?,
            events: (catalogue.events.iter())
                .map(|event| {
                    let rows = rows(event_table(event.name), EVENT, &event.fields)?;
                    let name = event.name.as_str();
                    Ok(Rows { altered: Kinds::altered(name), added: Kinds::added(name), ..rows })
                })
                .collect::<Result<_, StoreError>>()?,
            tables: (catalogue.tables.iter())
                .map(|table| rows(reference_table(table.name), TABLE, &table.fields))
                .collect::<Result<_, _>>()?,
            feeds: (catalogue.feeds.iter())
                .map(|feed| rows(feed_table(feed.name), FEED, &feed.fields))
                .collect::<Result<_, _>>()?,
            catalogue: catalogue.clone(),
        })
    }

    /// The catalogue that it was made from.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(super) fn event(&self, id: EventId) -> &Rows {
        &self.events[id.index()]
    }

    pub(super) fn table(&self, id: TableId) -> &Rows {
        &self.tables[id.index()]
    }

    pub(super) fn feed(&self, id: FeedId) -> &Rows {
        &self.feeds[id.index()]
    }
}

impl Rows {
    fn new(table: String, fixed: &[&str], exists: bool, columns: Vec<Column>) -> Rows {
        let mut by_name: Vec<u16> = (0..columns.len() as u16).collect();
        by_name.sort_by_key(|&index| columns[usize::from(index)].name.as_str());
        let mut rows = Rows { table, exists, columns, by_name, ..Rows::default() };
        let names: Vec<&str> = fixed.iter().copied().chain(rows.columns.iter().map(|c| c.sql.as_str())).collect();
        let places = vec!["?"; names.len()].join(", ");
        let insert = format!("INSERT INTO {} ({}) VALUES ({places})", rows.table, names.join(", "));
        rows.gather = format!("INSERT INTO temp.gathered ({}) VALUES ({places})", names.join(", "));
        rows.insert = insert;
        rows.all = names.join(", ");
        rows.by_key = rows.having("key");
        rows.same = format!("SELECT id FROM {} WHERE patron = ?1 AND at = ?2 AND mark = ?3", rows.table);
        rows
    }

    /// All columns of the rows in which a column has a value.
    pub fn having(&self, column: &str) -> String {
        format!("SELECT {} FROM {} WHERE {column} = ?1", self.all, self.table)
    }

    /// `UPDATE` of these columns by a condition; the columns' values are bound first.
    pub fn update(&self, changed: &[u16], also: &[&str], condition: &str) -> String {
        let fields = changed.iter().map(|&index| self.columns[usize::from(index)].sql.as_str());
        let sets: Vec<String> = fields.chain(also.iter().copied()).map(|column| format!("{column} = ?")).collect();
        format!("UPDATE {} SET {} WHERE {condition}", self.table, sets.join(", "))
    }
}

/// The table of an event or record.
pub(super) fn event_table(name: Symbol) -> String {
    format!("event_{name}")
}

fn reference_table(name: Symbol) -> String {
    format!("table_{name}")
}

fn feed_table(name: Symbol) -> String {
    format!("feed_{name}")
}

fn column_name(name: Symbol) -> String {
    format!("f_{name}")
}

/// Adds what the catalogue names and the store does not have.
pub(super) fn add_missing(connection: &Connection, catalogue: &Catalogue) -> Result<(), StoreError> {
    add_columns(connection, "patron", &catalogue.fields)?;
    for event in &catalogue.events {
        let table = event_table(event.name);
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (
                 patron  INTEGER NOT NULL REFERENCES patron (id) ON DELETE CASCADE,
                 at      INTEGER NOT NULL,
                 id      INTEGER NOT NULL,
                 key     TEXT,
                 mark    INTEGER,
                 removed INTEGER,
                 PRIMARY KEY (patron, at, id)
             ) STRICT, WITHOUT ROWID;
             CREATE UNIQUE INDEX IF NOT EXISTS {table}_key ON {table} (key) WHERE key IS NOT NULL;"
        ))?;
        add_columns(connection, &table, &event.fields)?;
    }
    for table in &catalogue.tables {
        let name = reference_table(table.name);
        let sql = format!("CREATE TABLE IF NOT EXISTS {name} (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID");
        connection.execute_batch(&sql)?;
        add_columns(connection, &name, &table.fields)?;
    }
    for feed in &catalogue.feeds {
        let name = feed_table(feed.name);
        let sql =
            format!("CREATE TABLE IF NOT EXISTS {name} (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT");
        connection.execute_batch(&sql)?;
        add_columns(connection, &name, &feed.fields)?;
    }
    Ok(())
}

fn add_columns(connection: &Connection, table: &str, fields: &[Field]) -> Result<(), StoreError> {
    let present = columns(connection, table)?;
    for field in fields {
        let column = column_name(field.name);
        if present.contains(&column) {
            keep_type(connection, table, &column, field)?;
            continue;
        }
        let ty = sql_type(field.ty);
        connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {ty}"))?;
        note_type(connection, table, field.name, field.ty)?;
    }
    Ok(())
}

/// A field that is declared with another type than before: finer numbers are converted, anything else is refused.
fn keep_type(connection: &Connection, table: &str, column: &str, field: &Field) -> Result<(), StoreError> {
    let sql = "SELECT type FROM stored_field WHERE owner = ?1 AND name = ?2";
    let stored: Option<String> =
        connection.query_row(sql, params![table, field.name.as_str()], |row| row.get(0)).optional()?;
    let declared = storage(field.ty);
    let stored = stored.unwrap_or_else(|| declared.to_owned());
    if stored == declared {
        return Ok(());
    }
    match widening(&stored, declared) {
        Some(factor) => {
            connection.execute(&format!("UPDATE {table} SET {column} = {column} * ?1"), [factor])?;
            change::forget_fields(connection)?;
            note_type(connection, table, field.name, field.ty)
        }
        None => Err(StoreError::TypeChanged {
            owner: table.trim_start_matches("event_").trim_start_matches("table_").to_owned(),
            field: field.name.to_string(),
            stored,
            declared: declared.to_owned(),
        }),
    }
}

fn note_type(connection: &Connection, table: &str, field: Symbol, ty: Type) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO stored_field (owner, name, type) VALUES (?1, ?2, ?3)";
    connection.execute(sql, params![table, field.as_str(), storage(ty)])?;
    Ok(())
}

fn columns(connection: &Connection, table: &str) -> Result<HashSet<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}
