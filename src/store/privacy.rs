//! What a privacy class does not let the store keep.

use serde_json::json;

use super::{StoreError, Writer};
use crate::catalogue::{ClassId, EventId, EventKind, Type};
use crate::rule::PatronId;

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
        for (index, event) in catalogue.events.iter().enumerate() {
            let (Some(class), true) = (event.private, event.kind != EventKind::Engine) else { continue };
            let Some(without) = self.without_agreement(class) else { continue };
            let rows = &layout.events[index];
            let serves = !catalogue.class(class).open_records_serve.is_empty();
            let (condition, bounds) = match event.kind {
                EventKind::Record { open_until: Some(field), keep } if serves => {
                    let until = self.zone.plus(self.at, keep.negated());
                    let closed = &rows.columns[usize::from(field)].sql;
                    let bound = match event.fields[usize::from(field)].ty {
                        Type::Date => i64::from(self.zone.day(until).0),
                        _ => until.0,
                    };
                    (format!(" AND (removed <= ?1 OR {closed} <= ?2)"), vec![until.0, bound])
                }
                _ => (String::new(), Vec::new()),
            };
            let sql = format!("DELETE FROM {} WHERE patron IN ({without}){condition} RETURNING patron", rows.table);
            let deleted = self.delete(&sql, &bounds)?;
            if deleted > 0 {
                purged.rows.push((EventId(index as u16), deleted));
            }
        }
        for field in &catalogue.fields {
            let Some(without) = field.private.and_then(|class| self.without_agreement(class)) else { continue };
            let sql = format!(
                "DELETE FROM field_change WHERE field = '{}' AND patron IN ({without}) RETURNING patron",
                field.name
            );
            purged.changes += self.delete(&sql, &[])?;
        }
        if purged != Purged::default() {
            let rows: serde_json::Map<String, serde_json::Value> = (purged.rows.iter())
                .map(|(event, count)| (catalogue.event(*event).name.to_string(), json!(count)))
                .collect();
            self.audit("purged", None, &json!({ "rows": rows, "changes": purged.changes }))?;
        }
        Ok(purged)
    }

    /// A statement for the patrons without what the class requires; `None` if it requires nothing.
    fn without_agreement(&self, class: ClassId) -> Option<String> {
        let field = self.layout.catalogue.class(class).requires?;
        let column = &self.layout.patron.columns[field.index()].sql;
        Some(format!("SELECT id FROM patron WHERE {column} IS NOT 1"))
    }

    fn delete(&mut self, sql: &str, bounds: &[i64]) -> Result<usize, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let bounds = rusqlite::params_from_iter(bounds);
        let patrons = statement.query_map(bounds, |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
        drop(statement);
        for &patron in &patrons {
            self.touch(PatronId(patron))?;
        }
        Ok(patrons.len())
    }
}
