//! The change log: whose data changed since a tick looked, and what of it.

use std::collections::BTreeMap;
use std::ops::BitOr;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::IgnoredAny;
use twox_hash::XxHash3_64;

use super::{Reader, StoreError};
use crate::rule::PatronId;

/// Stands for everybody: a reference table changed.
pub(super) const EVERYBODY: i64 = 0;

/// What the store knows of a patron, in parts: a set of them. Two kinds of events may share a bit; then both are read
/// where one would do.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Kinds(u64);

impl Kinds {
    pub const NONE: Kinds = Kinds(0);
    pub const ALL: Kinds = Kinds(u64::MAX);
    /// Key and fields, and since when they are what they are.
    pub const PATRON: Kinds = Kinds(1);
    pub const CONSENTS: Kinds = Kinds(1 << 1);
    pub const LISTS: Kinds = Kinds(1 << 2);

    /// The events of the kind with this name were altered: the same bit in every program.
    pub fn altered(name: &str) -> Kinds {
        Kinds(1 << (3 + XxHash3_64::oneshot(name.as_bytes()) % 30))
    }

    /// Events of the kind with this name were added; what was there stands.
    pub fn added(name: &str) -> Kinds {
        Kinds(Kinds::altered(name).0 << 30)
    }

    /// Whether one of those is in it.
    pub fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all of those are in it.
    pub fn contains(self, other: Kinds) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Kinds {
    type Output = Kinds;

    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

/// What the change log holds after some entry.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// The newest entry.
    pub newest: i64,
    /// Anybody may be affected; `patrons` are those with data of their own that changed.
    pub everybody: bool,
    /// In order of id.
    pub patrons: Vec<Change>,
}

/// What fields of a patron are now, by name, as [`Stored`](super::column::Stored) says.
pub(super) type Fields = serde_json::Map<String, serde_json::Value>;

/// An entry of the change log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub patron: PatronId,
    /// Its place in the log.
    pub seq: i64,
    /// What changed: since the last tick and the last snapshot before the entry, or more.
    pub kinds: Kinds,
    /// Which fields changed over the same time, and what they are now: an object in JSON. `None`: that is not known, or
    /// no field changed.
    pub fields: Option<Box<str>>,
}

impl Change {
    /// Whether it is about one of those kinds, or about a field that `is_read` by its name, as far as that is known.
    pub fn concerns(&self, kinds: Kinds, is_read: impl Fn(&str) -> bool) -> bool {
        let fields = || serde_json::from_str::<BTreeMap<&str, IgnoredAny>>(self.fields.as_deref()?).ok();
        let reads_any = || fields().is_none_or(|fields| fields.keys().any(|name| is_read(name)));
        self.kinds.meets(kinds) || (self.kinds.meets(Kinds::PATRON) && reads_any())
    }
}

/// Puts a patron into the log, or moves the entry to its end. What changed after `seen` and is in it already stays.
/// `fields`: those that changed, where the kinds name the fields and it is known.
pub(super) fn note(
    connection: &Connection,
    patron: i64,
    kinds: Kinds,
    fields: Option<Fields>,
    seen: i64,
) -> Result<(), StoreError> {
    let sql = "SELECT kinds, fields FROM change_log WHERE patron = ?1 AND seq > ?2";
    let read = |row: &Row<'_>| Ok((Kinds(row.get::<_, i64>(0)? as u64), row.get::<_, Option<String>>(1)?));
    let before = connection.prepare_cached(sql)?.query_row([patron, seen], read).optional()?;
    let (known, written) = before.unwrap_or_default();
    let fields = match fields {
        _ if !kinds.meets(Kinds::PATRON) => written,
        Some(fields) if !known.meets(Kinds::PATRON) => Some(json(&fields)),
        Some(fields) => written.and_then(|written| serde_json::from_str::<Fields>(&written).ok()).map(|mut all| {
            all.extend(fields);
            json(&all)
        }),
        None => None,
    };
    let sql = "INSERT OR REPLACE INTO change_log (patron, kinds, fields) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(sql)?.execute(params![patron, (kinds | known).0 as i64, fields])?;
    Ok(())
}

fn json(fields: &Fields) -> String {
    serde_json::to_string(fields).expect("texts and numbers are JSON")
}

/// No longer says what fields are: an edit of the program changed how they are stored.
pub(super) fn forget_fields(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE change_log SET fields = NULL WHERE fields IS NOT NULL", ())?;
    Ok(())
}

/// The entry up to which whoever reads the log has read it: the last tick, and the snapshot where there is one.
pub(super) fn seen(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT min(coalesce((SELECT change FROM engine_clock), 0),
                          coalesce((SELECT value FROM meta WHERE name = 'snapshot_change'), 0x7fffffffffffffff))";
    Ok(connection.prepare_cached(sql)?.query_row((), |row| row.get(0))?)
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

    /// Whose data changed after the entry `since`, a tick's or a snapshot's. Who was erased is not in it.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn changes_since(&self, since: i64) -> Result<Changes, StoreError> {
        let mut changes = Changes { newest: since, ..Changes::default() };
        let mut statement =
            self.connection.prepare_cached("SELECT seq, patron, kinds, fields FROM change_log WHERE seq > ?1")?;
        let mut rows = statement.query(params![since])?;
        while let Some(row) = rows.next()? {
            changes.newest = changes.newest.max(row.get(0)?);
            match row.get(1)? {
                EVERYBODY => changes.everybody = true,
                patron => changes.patrons.push(Change {
                    patron: PatronId(patron),
                    seq: row.get(0)?,
                    kinds: Kinds(row.get::<_, i64>(2)? as u64),
                    fields: row.get(3)?,
                }),
            }
        }
        changes.patrons.sort_unstable_by_key(|change| change.patron);
        Ok(changes)
    }

    /// What of a patron changed after the entry `since`, a tick's or a snapshot's.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn changed(&self, patron: PatronId, since: i64) -> Result<Kinds, StoreError> {
        let sql = "SELECT kinds FROM change_log WHERE patron = ?1 AND seq > ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let kinds = statement.query_row([patron.0, since], |row| row.get::<_, i64>(0)).optional()?;
        Ok(kinds.map_or(Kinds::NONE, |kinds| Kinds(kinds as u64)))
    }
}
