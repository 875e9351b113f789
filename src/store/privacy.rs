//! What a privacy class does not let the store keep.
//!
//! Of a patron without what the class requires only open records are stored, if the class serves a purpose with them.
//! `purge_due` remembers which of them close when, and who has withdrawn an agreement, so that a purge costs what is
//! due and not what is there.

use rusqlite::params;
use serde_json::json;

use super::{Kinds, Reader, StoreError, Writer};
use crate::catalogue::{Catalogue, ClassId, Event, EventId, EventKind, FieldId, Value};
use crate::rule::PatronId;
use crate::time::{Duration, Instant, Zone};

/// The event of an entry that means everything of a patron.
const EVERYTHING: &str = "";

/// What [`Writer::purge`] deleted.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Purged {
    /// By event or record, those of which there were some.
    pub rows: Vec<(EventId, usize)>,
    /// Entries of the history of fields.
    pub changes: usize,
}

impl Writer<'_> {
    /// Deletes, of every patron without what a privacy class requires, the history of the class: closed records once
    /// their `keep` has passed since they closed, everything else at once. (Open records of a class that serves no
    /// purpose are history too.)
    ///
    /// # Errors
    /// If SQLite does.
    pub fn purge(&mut self) -> Result<Purged, StoreError> {
        let layout = self.layout.clone();
        let catalogue = &layout.catalogue;
        let mut purged = Purged::default();
        let withdrawn = self.due(EVERYTHING, self.at.0)?;
        for &(patron, _) in &withdrawn {
            purged.changes += self.forget_changes(patron)?;
        }
        for (index, event) in catalogue.events.iter().enumerate() {
            let id = EventId(index as u16);
            let Some(class) = event.private.filter(|_| event.kind != EventKind::Engine) else { continue };
            let mut deleted = 0;
            for &(patron, _) in &withdrawn {
                if !self.permits(patron, class)? {
                    deleted += self.forget(patron, id, class)?;
                }
            }
            if let Some(keep) = keep_of(catalogue, event, class) {
                let until = self.zone.plus(self.at, keep.negated());
                for (patron, row) in self.due(event.name.as_str(), until.0)? {
                    self.settle(patron, event.name.as_str(), row)?;
                    if !self.permits(patron, class)? {
                        let sql = format!("DELETE FROM {} WHERE patron = ?1 AND id = ?2", layout.events[index].table);
                        let gone = self.connection.prepare_cached(&sql)?.execute(params![patron.0, row])?;
                        self.touch(patron, layout.events[index].altered)?;
                        deleted += gone;
                    }
                }
            }
            if deleted > 0 {
                purged.rows.push((id, deleted));
            }
        }
        for (patron, row) in withdrawn {
            self.settle(patron, EVERYTHING, row)?;
        }
        if purged != Purged::default() {
            self.forget_snapshot(None)?;
            let rows: serde_json::Map<String, serde_json::Value> = (purged.rows.iter())
                .map(|(event, count)| (catalogue.event(*event).name.to_string(), json!(count)))
                .collect();
            self.audit("purged", None, &json!({ "rows": rows, "changes": purged.changes }))?;
        }
        Ok(purged)
    }

    /// Notes when a record of a patron who has not agreed closes; `None`: it is open without an end.
    pub(super) fn watch(
        &mut self,
        patron: PatronId,
        event: EventId,
        row: i64,
        closes: Option<i64>,
    ) -> Result<(), StoreError> {
        let layout = self.layout.clone();
        let declared = layout.catalogue.event(event);
        let Some(class) = declared.private else { return Ok(()) };
        if keep_of(&layout.catalogue, declared, class).is_none() || self.permits(patron, class)? {
            return Ok(());
        }
        let name = declared.name.as_str();
        match closes {
            None => self.settle(patron, name, row),
            Some(closes) => {
                let sql = "INSERT OR REPLACE INTO purge_due (patron, event, row, closes) VALUES (?1, ?2, ?3, ?4)";
                self.connection.prepare_cached(sql)?.execute(params![patron.0, name, row, closes])?;
                Ok(())
            }
        }
    }

    /// When a record closes by the value of its field after `open until`, or because it was removed.
    pub(super) fn closes(&self, until: Option<&Value>, removed: Option<i64>) -> Option<i64> {
        let until = match until {
            Some(Value::Instant(instant)) => Some(instant.0),
            Some(Value::Date(day)) => Some(self.zone.start_of(*day).0),
            _ => None,
        };
        until.into_iter().chain(removed).min()
    }

    /// A patron's field has this value now: whether an agreement was withdrawn.
    pub(super) fn note_agreement(
        &mut self,
        patron: PatronId,
        field: FieldId,
        value: Option<&Value>,
    ) -> Result<(), StoreError> {
        let is_required = self.layout.catalogue.classes.iter().any(|class| class.requires == Some(field));
        if is_required && value.and_then(Value::as_bool) != Some(true) {
            let sql = "INSERT OR REPLACE INTO purge_due (patron, event, row, closes) VALUES (?1, ?2, 0, ?3)";
            self.connection.prepare_cached(sql)?.execute(params![patron.0, EVERYTHING, self.at.0])?;
        }
        Ok(())
    }

    /// Entries of `event` that closed by `until`: whose, and which row.
    fn due(&self, event: &str, until: i64) -> Result<Vec<(PatronId, i64)>, StoreError> {
        let sql = "SELECT patron, row FROM purge_due WHERE event = ?1 AND closes <= ?2 ORDER BY patron, row";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![event, until], |row| Ok((PatronId(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn settle(&self, patron: PatronId, event: &str, row: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM purge_due WHERE patron = ?1 AND event = ?2 AND row = ?3";
        self.connection.prepare_cached(sql)?.execute(params![patron.0, event, row])?;
        Ok(())
    }

    /// Deletes a kind of a patron who withdrew; records that may stay for a while are noted.
    fn forget(&mut self, patron: PatronId, event: EventId, class: ClassId) -> Result<usize, StoreError> {
        let layout = self.layout.clone();
        let (declared, rows) = (layout.catalogue.event(event), layout.event(event));
        let deleted = match (keep_of(&layout.catalogue, declared, class), declared.kind) {
            (Some(_), EventKind::Record { open_until: Some(field), .. }) => {
                let column = &rows.columns[usize::from(field)];
                let sql = format!("SELECT id, removed, {} FROM {} WHERE patron = ?1", column.sql, rows.table);
                let mut statement = self.connection.prepare_cached(&sql)?;
                let mut found = statement.query([patron.0])?;
                let mut records = Vec::new();
                while let Some(row) = found.next()? {
                    let until = column.decoder.decode(row.get_ref(2)?);
                    records.push((row.get(0)?, self.closes(until.as_ref(), row.get(1)?)));
                }
                drop(found);
                drop(statement);
                for (row, closes) in records {
                    self.watch(patron, event, row, closes)?;
                }
                0
            }
            _ => {
                let sql = format!("DELETE FROM {} WHERE patron = ?1", rows.table);
                self.connection.prepare_cached(&sql)?.execute([patron.0])?
            }
        };
        if deleted > 0 {
            self.touch(patron, rows.altered)?;
        }
        Ok(deleted)
    }

    fn forget_changes(&mut self, patron: PatronId) -> Result<usize, StoreError> {
        let layout = self.layout.clone();
        let mut deleted = 0;
        for field in &layout.catalogue.fields {
            let Some(class) = field.private else { continue };
            if !self.permits(patron, class)? {
                let sql = "DELETE FROM field_change WHERE patron = ?1 AND field = ?2";
                deleted += self.connection.prepare_cached(sql)?.execute(params![patron.0, field.name.as_str()])?;
            }
        }
        if deleted > 0 {
            self.touch(patron, Kinds::PATRON)?;
        }
        Ok(deleted)
    }
}

impl Reader<'_> {
    /// Those of whom a purge may delete something, now or later.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn awaiting_purge(&self) -> Result<Vec<PatronId>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT DISTINCT patron FROM purge_due")?;
        let patrons = statement.query_map((), |row| row.get(0).map(PatronId))?;
        Ok(patrons.collect::<Result<_, _>>()?)
    }

    /// The first instant at which a purge may delete something; up to an hour early where the clock is changed between.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn next_purge(&self, zone: &Zone) -> Result<Option<Instant>, StoreError> {
        let catalogue = &self.layout.catalogue;
        let mut statement = self.connection.prepare_cached("SELECT min(closes) FROM purge_due WHERE event = ?1")?;
        let mut closes = |event: &str| -> Result<Option<Instant>, StoreError> {
            Ok(statement.query_row([event], |row| row.get::<_, Option<i64>>(0))?.map(Instant))
        };
        let mut first = closes(EVERYTHING)?;
        for event in &catalogue.events {
            if let Some(keep) = event.private.and_then(|class| keep_of(catalogue, event, class)) {
                let ends = closes(event.name.as_str())?.map(|at| zone.plus(at, keep).plus_seconds(-3_600));
                first = first.into_iter().chain(ends).min();
            }
        }
        Ok(first)
    }
}

/// How long closed records are kept of whoever has not agreed; `None` if not even open ones are.
fn keep_of(catalogue: &Catalogue, event: &Event, class: ClassId) -> Option<Duration> {
    let serves = !catalogue.class(class).open_records_serve.is_empty();
    match event.kind {
        EventKind::Record { open_until: Some(_), keep } if serves => Some(keep),
        _ => None,
    }
}
