//! Erasure: a patron and everything of them leaves the store, and no byte of it stays in the file.
//!
//! What remains names nobody: the suppressions of the patron's addresses, so that whoever withdrew stays unwritten when
//! the library system exports them again; and an entry of the ledger, a keyed hash of the library's key, so that the
//! erasure can be done again after an older backup was restored, or noticed when an export brings the patron back.

use std::collections::HashSet;

use rusqlite::params;
use serde_json::json;

use super::suppression::{KeyedHash, Suppressed, Suppression, hex};
use super::{Needs, Reader, Store, StoreError, Writer};
use crate::catalogue::{Channel, Value};
use crate::rule::{ConsentState, Facts, PatronId};
use crate::symbol::Symbol;
use crate::time::Instant;

/// An entry of the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Erased {
    /// Keyed hash of the patron's key.
    pub hash: KeyedHash,
    pub at: Instant,
}

/// What stays in the file's way of being clean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cleaned {
    /// Nothing: what was erased is in no byte of the database, its log or its index.
    Clean,
    /// Somebody else reads the store, so that its log could not be emptied.
    Busy,
}

impl Writer<'_> {
    /// Erases a patron. What must outlive them goes to the suppression list: the withdrawals of each purpose by channel,
    /// complaints for everything that needs consent, and with `never_again` all their addresses. The key goes to the
    /// ledger. Nothing happens if the patron is not there.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn erase_patron(&mut self, patron: PatronId, never_again: bool) -> Result<(), StoreError> {
        let reader = Reader::new(self.connection, self.layout.clone());
        let key = reader.hash_key()?;
        let needs = Needs::everything(&self.layout.catalogue);
        let Some(facts) = reader.facts(patron, &needs)? else { return Ok(()) };
        let facts = &facts;
        for channel in [Channel::Email, Channel::Sms, Channel::Print] {
            let contact = &self.layout.catalogue.contact;
            // Whoever has none is reached through the guardian.
            let guardian = || contact.guardian.filter(|_| channel == Channel::Email).and_then(|id| facts.text(id));
            let Some(address) = facts.address(contact, channel).or_else(guardian) else { continue };
            let hash = key.address(channel, &address);
            for word in reader.words(facts.patron)?.into_iter().filter(|word| word.channel == channel) {
                if word.state == ConsentState::Withdrawn {
                    let purpose = Some(word.purpose.to_string());
                    let entry =
                        Suppressed { purpose, reason: Suppression::Withdrawn, at: word.at, note: String::new() };
                    self.suppress(&hash, &entry)?;
                }
            }
            if let Some(at) = self.complained(facts, channel) {
                let entry = Suppressed { purpose: None, reason: Suppression::Complained, at, note: String::new() };
                self.suppress(&hash, &entry)?;
            }
            if never_again {
                let at = self.at();
                let entry = Suppressed { purpose: None, reason: Suppression::Asked, at, note: "at the erasure".into() };
                self.suppress(&hash, &entry)?;
            }
        }
        let entry = Erased { hash: key.patron(&facts.key), at: self.at() };
        self.erase(facts.patron)?;
        self.note_erasure(&entry)
    }

    /// Takes everything that the store knows of a patron out of it, what the engine knows included. That it was done
    /// stays in the audit, without whom.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn erase(&mut self, patron: PatronId) -> Result<(), StoreError> {
        self.forget_snapshot(Some(patron))?;
        for sql in [
            "DELETE FROM patron WHERE id = ?1",
            "DELETE FROM change_log WHERE patron = ?1",
            "DELETE FROM audit WHERE patron = ?1",
        ] {
            self.connection.execute(sql, [patron.0])?;
        }
        self.forget_patron(patron);
        self.audit("erased", None, &json!({}))
    }

    /// Deletes the snapshot beside the store: a patron in it is to go, or what the change log names.
    pub(super) fn forget_snapshot(&self, gone: Option<PatronId>) -> Result<(), StoreError> {
        self.forgotten.borrow_mut().forget(self.connection, gone, &self.layout, &self.zone)
    }

    /// Writes an entry of the ledger; the first one of a key stays.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn note_erasure(&mut self, entry: &Erased) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO erasure (hash, at) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![entry.hash, entry.at.0])?;
        Ok(())
    }

    /// When a patron last called a message of the channel spam.
    fn complained(&self, facts: &Facts, channel: Channel) -> Option<Instant> {
        let id = Symbol::find("complained").and_then(|name| self.layout.catalogue.event_named(name))?;
        let of_channel = Symbol::find("channel").and_then(|name| self.layout.catalogue.event(id).field(name));
        let is_of = |value: &Option<Value>| match value {
            Some(Value::Symbol(symbol)) => symbol.as_str() == channel.word(),
            Some(Value::Text(text)) => &**text == channel.word(),
            _ => true,
        };
        let rows = facts.events(id).iter();
        rows.filter(|row| of_channel.is_none_or(|index| is_of(&row.fields[usize::from(index)]))).map(|row| row.at).max()
    }
}

impl Reader<'_> {
    /// The ledger of erasures, the oldest first.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn erasures(&self) -> Result<Vec<Erased>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT hash, at FROM erasure ORDER BY at, hash")?;
        let rows = statement.query_map((), |row| Ok(Erased { hash: row.get(0)?, at: Instant(row.get(1)?) }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The patrons in the store whom one of these entries names, with their keys; only those with an id above `after`.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn erased_among(&self, ledger: &[Erased], after: PatronId) -> Result<Vec<(PatronId, String)>, StoreError> {
        if ledger.is_empty() {
            return Ok(Vec::new());
        }
        let hashes: HashSet<KeyedHash> = ledger.iter().map(|entry| entry.hash).collect();
        self.patrons_with(&|hash| hashes.contains(hash), after)
    }

    /// The same of those whom another patron has absorbed.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn absorbed_among(&self, after: PatronId) -> Result<Vec<(PatronId, String)>, StoreError> {
        let sql =
            "SELECT DISTINCT detail ->> '$.hash' FROM audit WHERE what = 'merged' AND detail ->> '$.hash' IS NOT NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let hashes: HashSet<String> = statement.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
        if hashes.is_empty() {
            return Ok(Vec::new());
        }
        self.patrons_with(&|hash| hashes.contains(&hex(hash)), after)
    }

    /// The patrons with an id above `after` of whose key the hash is one that is meant.
    fn patrons_with(
        &self,
        is_meant: &dyn Fn(&KeyedHash) -> bool,
        after: PatronId,
    ) -> Result<Vec<(PatronId, String)>, StoreError> {
        let key = self.hash_key()?;
        let mut statement = self.connection.prepare_cached("SELECT id, key FROM patron WHERE id > ?1 ORDER BY id")?;
        let mut rows = statement.query([after.0])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(1)?;
            if is_meant(&key.patron(&name)) {
                found.push((PatronId(row.get(0)?), name));
            }
        }
        Ok(found)
    }

    /// The largest patron id so far; 0 before the first.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn newest_patron(&self) -> Result<PatronId, StoreError> {
        let sql = "SELECT coalesce(max(id), 0) FROM patron";
        Ok(PatronId(self.connection.prepare_cached(sql)?.query_row((), |row| row.get(0))?))
    }
}

impl Store {
    /// Writes the file anew without what was deleted, and empties its log. SQLite overwrites what it deletes, but a
    /// page that was rearranged may keep a copy, and the log keeps earlier pages until it is emptied.
    ///
    /// # Errors
    /// If SQLite does; a disk with room for a second copy is needed.
    pub fn wipe(&mut self) -> Result<Cleaned, StoreError> {
        self.connection().execute_batch("VACUUM")?;
        let busy: i64 = self.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
        Ok(if busy == 0 { Cleaned::Clean } else { Cleaned::Busy })
    }
}

/// An entry as a line of a ledger's file: the hash in hexadecimal and the instant, in microseconds since 1970.
pub fn ledger_line(entry: &Erased) -> String {
    format!("{} {}", hex(&entry.hash), entry.at.0)
}

/// Reads a line of a ledger's file.
pub fn read_ledger_line(line: &str) -> Option<Erased> {
    let (hash, at) = line.trim().split_once(' ')?;
    let digits: Option<Vec<u8>> =
        (0..hash.len() / 2).map(|index| u8::from_str_radix(hash.get(index * 2..index * 2 + 2)?, 16).ok()).collect();
    let hash: KeyedHash = digits?.try_into().ok().filter(|_| hash.len() == 64)?;
    Some(Erased { hash, at: Instant(at.trim().parse().ok()?) })
}
