//! Two cards of one person: what the store knows of the one passes to the other.

use rusqlite::params;
use serde_json::json;

use super::suppression::hex;
use super::{Kinds, Reader, Said, StoreError, Writer};
use crate::rule::PatronId;

impl Writer<'_> {
    /// What the library knows of `double` passes to `kept`: events and records, lists, consents and the audit. Fields and
    /// their history stay as `kept` has them. Then `double` is no longer there. Engine tables are the engine's to move,
    /// before.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn absorb(&mut self, double: PatronId, kept: PatronId) -> Result<(), StoreError> {
        self.forget_snapshot(Some(double))?;
        for table in self.event_tables()? {
            // Without a key, an event that holds the same is the same one.
            let sql = format!(
                "DELETE FROM {table} AS d WHERE patron = ?1 AND key IS NULL AND EXISTS
                 (SELECT 1 FROM {table} AS k WHERE k.patron = ?2 AND k.at = d.at AND k.mark = d.mark)"
            );
            self.connection.execute(&sql, [double.0, kept.0])?;
            let sql = format!("UPDATE {table} SET patron = ?2 WHERE patron = ?1");
            self.connection.execute(&sql, [double.0, kept.0])?;
        }
        let reader = Reader::new(self.connection, self.layout.clone());
        let key: String =
            self.connection.query_row("SELECT key FROM patron WHERE id = ?1", [double.0], |row| row.get(0))?;
        let hash = hex(&reader.hash_key()?.patron(&key));
        for word in reader.words(double)? {
            let Some(purpose) = self.layout.catalogue.purpose_named(word.purpose) else { continue };
            let (channel, state, at) = (word.channel, word.state, word.at);
            let (until, kind, source) = (word.until, word.kind, word.source.as_str());
            self.say(kept, &Said { purpose, channel, state, at, until, kind, source })?;
        }
        for sql in [
            "UPDATE OR IGNORE list_member SET patron = ?2 WHERE patron = ?1",
            "UPDATE OR IGNORE purge_due SET patron = ?2 WHERE patron = ?1",
            "UPDATE audit SET patron = ?2 WHERE patron = ?1",
        ] {
            self.connection.execute(sql, [double.0, kept.0])?;
        }
        // The next purge looks whether `kept` has agreed to what came.
        let sql = "INSERT OR REPLACE INTO purge_due (patron, event, row, closes) VALUES (?1, '', 0, ?2)";
        self.connection.execute(sql, params![kept.0, self.at.0])?;
        self.connection.execute("DELETE FROM patron WHERE id = ?1", [double.0])?;
        self.connection.execute("DELETE FROM change_log WHERE patron = ?1", [double.0])?;
        self.forget_patron(double);
        // The key itself is not kept.
        self.audit("merged", Some(kept), &json!({ "hash": hash }))?;
        self.touch(kept, Kinds::ALL)
    }

    /// Of all kinds that the store ever had, those that the program no longer names included.
    fn event_tables(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'event\\_%' ESCAPE '\\'";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?)
    }
}
