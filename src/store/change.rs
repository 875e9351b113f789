//! The change log: whose data changed since a tick looked.

use rusqlite::{Connection, params};

use super::{Reader, StoreError};
use crate::rule::PatronId;

/// Stands for everybody: a reference table changed.
pub(super) const EVERYBODY: i64 = 0;

/// What the change log holds after some entry.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// The newest entry.
    pub newest: i64,
    /// Anybody may be affected; `patrons` are those with data of their own that changed.
    pub everybody: bool,
    /// In order of id.
    pub patrons: Vec<PatronId>,
}

/// Puts a patron into the log, or moves the entry to its end.
pub(super) fn note(connection: &Connection, patron: i64) -> Result<(), StoreError> {
    connection.prepare_cached("INSERT OR REPLACE INTO change_log (patron) VALUES (?1)")?.execute([patron])?;
    Ok(())
}

impl Reader<'_> {
    /// The newest entry of the change log; 0 before the first.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn newest_change(&self) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM change_log";
        Ok(self.connection.prepare_cached(sql)?.query_row((), |row| row.get(0))?)
    }

    /// Whose data changed after the entry `since`. Who was erased is not in it.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn changes_since(&self, since: i64) -> Result<Changes, StoreError> {
        let mut changes = Changes { newest: since, ..Changes::default() };
        let mut statement = self.connection.prepare_cached("SELECT seq, patron FROM change_log WHERE seq > ?1")?;
        let mut rows = statement.query(params![since])?;
        while let Some(row) = rows.next()? {
            changes.newest = changes.newest.max(row.get(0)?);
            match row.get(1)? {
                EVERYBODY => changes.everybody = true,
                patron => changes.patrons.push(PatronId(patron)),
            }
        }
        changes.patrons.sort_unstable();
        Ok(changes)
    }
}
