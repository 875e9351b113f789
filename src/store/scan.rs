//! Reading many patrons: one statement a kind, each in order of patron, merged as they go.

use std::ops::RangeInclusive;

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{CachedStatement, Row, Rows as Cursor};

use super::layout::{Column, Layout, Rows};
use super::{Needs, Reader, StoreError, read};
use crate::catalogue::Catalogue;
use crate::rule::{EventRow, Facts, PatronId, RowId};
use crate::symbol::Symbol;
use crate::time::Instant;

impl Reader<'_> {
    /// Every patron, in order of id.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn scan(&self, needs: &Needs, each: impl FnMut(&Facts)) -> Result<(), StoreError> {
        self.scan_range(needs, PatronId(0)..=PatronId(i64::MAX), each)
    }

    /// The patrons of a range, in order of id, all as of one moment.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn scan_range(
        &self,
        needs: &Needs,
        patrons: RangeInclusive<PatronId>,
        each: impl FnMut(&Facts),
    ) -> Result<(), StoreError> {
        // Without a transaction each statement could see another state.
        let snapshot =
            if self.connection.is_autocommit() { Some(self.connection.unchecked_transaction()?) } else { None };
        self.scanner(needs)?.range(patrons, each)?;
        if let Some(snapshot) = snapshot {
            snapshot.finish()?;
        }
        Ok(())
    }

    /// The statements that read what is needed, for whoever reads patrons one by one.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn scanner(&self, needs: &Needs) -> Result<Scanner<'_>, StoreError> {
        let layout = &*self.layout;
        let mut sources: Vec<Source<'_>> = needs
            .events
            .iter()
            .filter(|(event, _)| layout.event(*event).exists)
            .map(|(event, columns)| {
                let rows = layout.event(*event);
                Source::Events { index: event.index(), rows, fields: columns.indices(rows.columns.len()) }
            })
            .collect();
        sources.extend(needs.lists.then_some(Source::Lists));
        sources.extend(needs.consents.then_some(Source::Consents));
        sources.extend(needs.changed.then_some(Source::Changes));
        let statements = sources.iter().map(|source| self.connection.prepare_cached(&source.sql()));
        let fields = needs.fields.indices(layout.patron.columns.len());
        Ok(Scanner {
            layout,
            statements: statements.collect::<Result<_, _>>()?,
            sources,
            patrons: self.connection.prepare_cached(&patrons_sql(layout, &fields))?,
            fields,
        })
    }

    /// Splits all patrons into at most `parts` ranges of about the same size: for as many threads, each with a store
    /// of its own that is open for reading.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn ranges(&self, parts: usize) -> Result<Vec<RangeInclusive<PatronId>>, StoreError> {
        let sql = "SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM patron";
        let (first, last): (i64, i64) = self.connection.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let size = ((last - first + 1) as usize).div_ceil(parts.max(1)).max(1) as i64;
        let mut ranges = Vec::new();
        let mut start = first;
        while start <= last {
            ranges.push(PatronId(start)..=PatronId((start + size - 1).min(last)));
            start += size;
        }
        Ok(ranges)
    }
}

/// Statements that read patrons.
pub struct Scanner<'r> {
    layout: &'r Layout,
    patrons: CachedStatement<'r>,
    fields: Vec<u16>,
    sources: Vec<Source<'r>>,
    /// Of each source.
    statements: Vec<CachedStatement<'r>>,
}

impl Scanner<'_> {
    /// One patron; `None`: nobody has this id.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn facts(&mut self, patron: PatronId) -> Result<Option<Facts>, StoreError> {
        let mut facts = None;
        self.range(patron..=patron, |found| facts = Some(found.clone()))?;
        Ok(facts)
    }

    fn range(&mut self, patrons: RangeInclusive<PatronId>, mut each: impl FnMut(&Facts)) -> Result<(), StoreError> {
        let catalogue = &self.layout.catalogue;
        let bounds = [patrons.start().0, patrons.end().0];
        let mut streams = (self.statements.iter_mut().zip(&self.sources))
            .map(|(statement, source)| Stream::new(statement.query(bounds)?, source))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let mut rows = self.patrons.query(bounds)?;
        let mut facts = Facts::empty(catalogue, PatronId(0));
        while let Some(row) = rows.next()? {
            let patron: i64 = row.get(0)?;
            clear(&mut facts);
            facts.patron = PatronId(patron);
            facts.key = row.get_ref(1)?.as_str().unwrap_or_default().into();
            facts.since = row.get::<_, Option<i64>>(2)?.map(Instant);
            for (place, &index) in self.fields.iter().enumerate() {
                let column = &self.layout.patron.columns[usize::from(index)];
                facts.fields[usize::from(index)] = column.decoder.decode(row.get_ref(3 + place)?);
            }
            for stream in &mut streams {
                stream.read(patron, catalogue, &mut facts)?;
            }
            each(&facts);
        }
        Ok(())
    }
}

fn patrons_sql(layout: &Layout, fields: &[u16]) -> String {
    let mut sql = "SELECT id, key, since".to_owned();
    push_columns(&mut sql, &layout.patron.columns, fields);
    sql.push_str(" FROM patron WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
    sql
}

/// Names the columns of these fields after those before.
pub(super) fn push_columns(sql: &mut String, columns: &[Column], fields: &[u16]) {
    for &index in fields {
        sql.push_str(", ");
        sql.push_str(&columns[usize::from(index)].sql);
    }
}

fn clear(facts: &mut Facts) {
    facts.fields.fill(None);
    facts.events.iter_mut().for_each(Vec::clear);
    facts.lists.clear();
    facts.consents.clear();
    facts.changed.clear();
}

/// What a statement reads besides the patrons.
pub(super) enum Source<'l> {
    Events { index: usize, rows: &'l Rows, fields: Vec<u16> },
    Lists,
    Consents,
    Changes,
}

impl Source<'_> {
    /// In the order of patrons; the first column is the patron.
    pub fn sql(&self) -> String {
        match self {
            Source::Events { rows, fields, .. } => {
                let mut sql = "SELECT patron, at, id, removed".to_owned();
                push_columns(&mut sql, &rows.columns, fields);
                let table = &rows.table;
                sql.push_str(&format!(" FROM {table} WHERE patron BETWEEN ?1 AND ?2 ORDER BY patron, at, id"));
                sql
            }
            Source::Lists => {
                "SELECT patron, list FROM list_member WHERE patron BETWEEN ?1 AND ?2 ORDER BY patron, list".to_owned()
            }
            Source::Consents => "SELECT patron, purpose, channel, state, on_day, until_day, kind FROM consent
                                 WHERE patron BETWEEN ?1 AND ?2 ORDER BY patron, purpose, channel"
                .to_owned(),
            Source::Changes => "SELECT patron, field, max(at) FROM field_change
                                WHERE patron BETWEEN ?1 AND ?2 GROUP BY patron, field ORDER BY patron, field"
                .to_owned(),
        }
    }
}

/// A statement under way. It stands on a row, or has ended.
struct Stream<'s, 'l> {
    source: &'l Source<'l>,
    rows: Cursor<'s>,
    /// Whose row it stands on; `None` at the end.
    patron: Option<i64>,
}

impl<'s, 'l> Stream<'s, 'l> {
    fn new(rows: Cursor<'s>, source: &'l Source<'l>) -> Result<Stream<'s, 'l>, StoreError> {
        let mut stream = Stream { source, rows, patron: None };
        stream.advance()?;
        Ok(stream)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.patron = self.rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(())
    }

    /// Puts the rows of `patron` into the facts.
    fn read(&mut self, patron: i64, catalogue: &Catalogue, facts: &mut Facts) -> Result<(), StoreError> {
        while self.patron == Some(patron) {
            let row = self.rows.get().expect("the stream stands on a row of the patron");
            self.source.put(row, catalogue, facts)?;
            self.advance()?;
        }
        Ok(())
    }
}

impl Source<'_> {
    fn put(&self, row: &Row<'_>, catalogue: &Catalogue, facts: &mut Facts) -> Result<(), StoreError> {
        match self {
            Source::Events { index, rows, fields } => {
                let mut values = vec![None; rows.columns.len()];
                for (place, &field) in fields.iter().enumerate() {
                    let column = &rows.columns[usize::from(field)];
                    values[usize::from(field)] = column.decoder.decode(row.get_ref(4 + place)?);
                }
                facts.events[*index].push(EventRow {
                    row: RowId(row.get(2)?),
                    at: Instant(row.get(1)?),
                    removed: row.get::<_, Option<i64>>(3)?.is_some(),
                    fields: values,
                });
            }
            Source::Lists => {
                let name = Symbol::find(row.get_ref(1)?.as_str().unwrap_or_default());
                facts.lists.extend(name.and_then(|name| catalogue.list_named(name)));
            }
            Source::Consents => facts.consents.extend(read::consent(catalogue, row, 1)?),
            Source::Changes => {
                let name = Symbol::find(row.get_ref(1)?.as_str().unwrap_or_default());
                if let Some(field) = name.and_then(|name| catalogue.field_named(name)) {
                    facts.changed.push((field, Instant(row.get(2)?)));
                }
            }
        }
        Ok(())
    }
}
