//! Writing the town into a store: the first import, then one for each morning.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::reader::{Plan, Reader, Rows, reader};
use super::schema::{Fields, Schema};
use super::town::{BRANCHES, Programme, calendar};
use crate::catalogue::{FieldId, Value};
use crate::rule::{ConsentKind, PatronId};
use crate::store::{Outcome, Said, Store, StoreError, Writer};
use crate::symbol::Symbol;
use crate::time::Instant;

/// Readers that are made in parallel before they are written one after the other.
const CHUNK: u64 = 4_096;
/// The hour of an import: after the night's export, before the library opens.
const MORNING: i64 = 6 * 60;

/// A demo town on its way into a store.
pub struct Town<'a> {
    schema: Schema<'a>,
    plan: Plan,
    calendar: Vec<Programme>,
    /// What later imports bring, by day, in the order of the readers.
    later: BTreeMap<i64, Vec<(String, Rows)>>,
}

/// What an import wrote.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Imported {
    /// Readers who are new.
    pub patrons: u64,
    /// Readers of whom something changed.
    pub changed: u64,
    pub events: u64,
    /// New records, and new states of known ones.
    pub records: u64,
    pub consents: u64,
}

impl Imported {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Imported) -> Imported {
        Imported {
            patrons: self.patrons + other.patrons,
            changed: self.changed + other.changed,
            events: self.events + other.events,
            records: self.records + other.records,
            consents: self.consents + other.consents,
        }
    }
}

impl<'a> Town<'a> {
    /// The town of a plan.
    pub fn new(schema: Schema<'a>, plan: Plan) -> Town<'a> {
        let (first, last) = (plan.today.plus_days(-30), plan.today.plus_days(60));
        let calendar = calendar(&schema, plan.seed, first, last);
        Town { schema, plan, calendar, later: BTreeMap::new() }
    }

    /// The instant of a day's import.
    pub fn import_at(&self, day: i64) -> Instant {
        self.schema.at(self.plan.today.plus_days(day), MORNING)
    }

    /// The first import. `progress` is told how many readers are written.
    ///
    /// # Errors
    /// If the store refuses.
    pub fn found(&mut self, store: &mut Store, mut progress: impl FnMut(u64)) -> Result<Imported, StoreError> {
        let mut imported = Imported::default();
        let transaction = store.begin()?;
        let mut writer = transaction.writer(self.schema.zone, self.import_at(0));
        self.surroundings(&mut writer)?;
        let mut start = 0;
        while start < self.plan.patrons {
            let end = (start + CHUNK).min(self.plan.patrons);
            let readers: Vec<Reader> = (start..end)
                .into_par_iter()
                .map(|number| reader(&self.schema, &self.plan, &self.calendar, number))
                .collect();
            for Reader { key, imports } in readers {
                for (day, rows) in imports {
                    if day == 0 {
                        self.write(&mut writer, &key, None, &rows, &mut imported)?;
                    } else {
                        self.later.entry(day).or_default().push((key.clone(), rows));
                    }
                }
            }
            progress(end);
            start = end;
        }
        drop(writer);
        transaction.commit()?;
        Ok(imported)
    }

    /// The import of a later day.
    ///
    /// # Errors
    /// If the store refuses.
    pub fn import_day(&mut self, store: &mut Store, day: i64) -> Result<Imported, StoreError> {
        let mut imported = Imported::default();
        let at = self.import_at(day);
        let transaction = store.begin()?;
        let mut writer = transaction.writer(self.schema.zone, at);
        for (key, rows) in self.later.remove(&day).unwrap_or_default() {
            self.write(&mut writer, &key, Some(at), &rows, &mut imported)?;
        }
        drop(writer);
        transaction.commit()?;
        Ok(imported)
    }

    fn surroundings(&self, writer: &mut Writer<'_>) -> Result<(), StoreError> {
        for branch in BRANCHES {
            let info: Fields = branch.info.iter().map(|text| Some(Value::text(text))).collect();
            writer.table_row(self.schema.branch_info, branch.name, &numbered(&info))?;
        }
        let feed = self.schema.catalogue.feed_named(Symbol::new("programs")).expect("the starter declares it");
        for programme in &self.calendar {
            writer.feed_row(feed, None, &numbered(&programme.feed_row()))?;
        }
        Ok(())
    }

    fn write(
        &self,
        writer: &mut Writer<'_>,
        key: &str,
        since: Option<Instant>,
        rows: &Rows,
        imported: &mut Imported,
    ) -> Result<(), StoreError> {
        let known = writer.patron_by_key(key)?;
        let patron: PatronId = match (&rows.fields, known) {
            (Some(fields), _) => {
                let fields: Vec<(FieldId, Option<Value>)> =
                    numbered(fields).into_iter().map(|(index, value)| (FieldId(index), value)).collect();
                writer.patron(key, since, &fields)?
            }
            (None, Some(patron)) => patron,
            (None, None) => unreachable!("a reader's first import has their fields"),
        };
        *if known.is_none() { &mut imported.patrons } else { &mut imported.changed } += 1;
        for (event, at, fields) in &rows.events {
            let written = writer.event(patron, *event, None, *at, &numbered(fields))?;
            imported.events += u64::from(matches!(written.outcome, Outcome::Inserted));
        }
        for (record, record_key, at, fields) in &rows.records {
            let written = writer.event(patron, *record, Some(record_key), *at, &numbered(fields))?;
            imported.records += u64::from(matches!(written.outcome, Outcome::Inserted | Outcome::Replaced));
        }
        for consent in &rows.consents {
            let said = Said {
                purpose: consent.purpose,
                channel: consent.channel,
                state: consent.state,
                at: self.schema.zone.start_of(consent.on),
                until: consent.until,
                kind: ConsentKind::Express,
                source: "desk of the town",
            };
            imported.consents += u64::from(writer.say(patron, &said)?);
        }
        for list in &rows.lists {
            writer.member(patron, *list, true)?;
        }
        Ok(())
    }
}

fn numbered(fields: &Fields) -> Vec<(u16, Option<Value>)> {
    (0..).zip(fields.iter().cloned()).collect()
}
