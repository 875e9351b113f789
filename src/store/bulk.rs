//! The first import of a kind of event: rows are gathered as they come and go into their table in its own order.
//!
//! Ten million rows in the order of time would each touch another page of a table that lies in the order of patrons;
//! sorted they are written once. What the rows mean is the same: one that holds the same as another is that one, and
//! a later one with the same key replaces the fields of the one before.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ToSql, params};

use super::layout::EVENT;
use super::{StoreError, Writer};
use crate::catalogue::{EventId, EventKind};

/// What the gathered rows came to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Gathered {
    /// Rows that hold the same as another.
    pub repeated: u64,
    /// Rows whose key came again.
    pub replaced: u64,
}

/// A column of another row.
struct Copied<'v>(ValueRef<'v>);

impl ToSql for Copied<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

impl Writer<'_> {
    /// Begins to gather the rows of a kind, if there are none yet. Each row has to give the same fields. Records of a
    /// privacy class are written one by one, since what may be kept of one depends on what is there already.
    pub(super) fn gather(&mut self, event: EventId) -> Result<bool, StoreError> {
        let declared = self.layout.catalogue.event(event);
        if declared.is_record() && declared.private.is_some() {
            return Ok(false);
        }
        let rows = self.layout.event(event);
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", rows.table);
        if self.connection.query_row(&sql, (), |row| row.get(0))? {
            return Ok(false);
        }
        let fields: Vec<&str> = rows.columns.iter().map(|column| column.sql.as_str()).collect();
        let comma = if fields.is_empty() { "" } else { ", " };
        self.connection.execute_batch(&format!(
            "DROP TABLE IF EXISTS temp.gathered;
             CREATE TEMP TABLE gathered (patron, at, id INTEGER PRIMARY KEY, key, mark, removed{comma}{});",
            fields.join(", ")
        ))?;
        self.gathering = Some(event);
        Ok(true)
    }

    /// Writes what was gathered.
    pub(super) fn settle_gathered(&mut self) -> Result<Gathered, StoreError> {
        let Some(event) = self.gathering.take() else { return Ok(Gathered::default()) };
        let layout = self.layout.clone();
        let rows = layout.event(event);
        let is_record = matches!(layout.catalogue.event(event).kind, EventKind::Record { .. });
        let mut gathered = Gathered { replaced: self.replace_gathered(is_record)?, repeated: 0 };
        // The index is built once, of all rows, instead of row by row.
        let table = &rows.table;
        self.connection.execute_batch(&format!("DROP INDEX IF EXISTS {table}_key"))?;
        let mut read = self.connection.prepare("SELECT * FROM temp.gathered ORDER BY patron, at, mark, id")?;
        let mut insert = self.connection.prepare(&rows.insert)?;
        let columns = EVENT.len() + rows.columns.len();
        let mut last: Option<(i64, i64, i64)> = None;
        let mut found = read.query(())?;
        while let Some(row) = found.next()? {
            let mark: Option<i64> = row.get(4)?;
            let this = mark.map(|mark| Ok::<_, StoreError>((row.get(0)?, row.get(1)?, mark))).transpose()?;
            if this.is_some() && this == last {
                gathered.repeated += 1;
                continue;
            }
            last = this;
            for column in 0..columns {
                insert.raw_bind_parameter(column + 1, Copied(row.get_ref(column)?))?;
            }
            insert.raw_execute()?;
        }
        drop(found);
        drop(read);
        self.connection.execute_batch(&format!(
            "CREATE UNIQUE INDEX {table}_key ON {table} (key) WHERE key IS NOT NULL; DROP TABLE temp.gathered;"
        ))?;
        Ok(gathered)
    }

    /// Of gathered rows with one key leaves the last; of a record it begins when the first one did.
    fn replace_gathered(&self, is_record: bool) -> Result<u64, StoreError> {
        let sql = "SELECT key, id, at FROM temp.gathered WHERE key IS NOT NULL ORDER BY key, id";
        let mut read = self.connection.prepare(sql)?;
        let mut superseded = Vec::new();
        let mut began = Vec::new();
        // Key, first instant, and the row that is the last so far.
        let mut group: Option<(String, i64, i64)> = None;
        let mut rows = read.query(())?;
        while let Some(row) = rows.next()? {
            let (key, id, at) = (row.get_ref(0)?.as_str().unwrap_or_default(), row.get(1)?, row.get(2)?);
            match &mut group {
                Some((known, first, last)) if known == key => {
                    superseded.push(*last);
                    began.push((id, *first));
                    *last = id;
                }
                _ => group = Some((key.to_owned(), at, id)),
            }
        }
        drop(rows);
        drop(read);
        let mut delete = self.connection.prepare("DELETE FROM temp.gathered WHERE id = ?1")?;
        for id in &superseded {
            delete.execute([id])?;
        }
        if is_record {
            let mut update = self.connection.prepare("UPDATE temp.gathered SET at = ?2 WHERE id = ?1")?;
            for (id, at) in began {
                update.execute(params![id, at])?;
            }
        }
        Ok(superseded.len() as u64)
    }
}
