//! The parts of a snapshot, made of an older one and of those who changed since: in order, and without SQLite.
//!
//! A column is taken from the older file when its turn has come, and leaves the memory when it was copied. What nobody
//! has any more (an address that was changed) is not taken over.

use std::ops::Range;

use super::file::Snapped;
use super::parts::{Changes, Delta, Made, Part, Patrons};
use super::sections::{Unusable, padded};
use crate::catalogue::{Catalogue, Channel, EventId, PurposeId, Type};
use crate::rule::columns::{
    BLOCK, Buffer, Column, ColumnBuilder, Columns, Consents, Events, Recent, Translation, UNKNOWN_DAY,
};

/// An older snapshot, and everything of those who changed.
pub(super) struct Merged<'a> {
    old: &'a Snapped,
    /// Patrons of the older one.
    old_patrons: usize,
    delta: &'a Delta,
    /// Where each patron of the new snapshot is, in order of id.
    runs: Runs,
    /// Who is in it.
    pub patrons: Patrons,
}

impl<'a> Merged<'a> {
    /// Of `old`, whose patrons are those of `base`, the rows whose bit in `valid` is set, and all of `delta`.
    pub fn new(old: &'a Snapped, base: &Columns, valid: &[u64], delta: &'a Delta) -> Merged<'a> {
        let is_valid = |row: &usize| valid[row / BLOCK] >> (row % BLOCK) & 1 == 1;
        let new = &delta.columns;
        let mut runs = Runs::default();
        let mut changed = 0..new.len();
        for row in (0..base.len()).filter(is_valid) {
            while !changed.is_empty() && new.patrons[changed.start] < base.patrons[row] {
                runs.push(Source::Delta, changed.start);
                changed.start += 1;
            }
            runs.push(Source::Old, row);
        }
        changed.for_each(|row| runs.push(Source::Delta, row));
        let ids = runs.splice(&base.patrons, &new.patrons, 0, 0);
        let since = runs.splice(&base.since, &new.since, 0, 0);
        let of = |(source, rows): &(Source, Range<usize>)| match source {
            Source::Old => (&base.keys, rows.clone()),
            Source::Delta => (&new.keys, rows.clone()),
        };
        let keys = runs.0.iter().map(of).flat_map(|(keys, rows)| rows.map(|row| keys.bytes(row))).collect();
        Merged { old, old_patrons: base.len(), delta, runs, patrons: Patrons { ids, keys, since } }
    }

    /// A part.
    ///
    /// # Errors
    /// If what it is made of is damaged in the older file.
    pub fn make(&self, catalogue: &Catalogue, part: &Part) -> Result<Made, Unusable> {
        let rows = self.patrons.rows();
        let delta = &self.delta.columns;
        Ok(match part {
            Part::Fields(fields) => {
                let field = |field: &crate::catalogue::FieldId| {
                    let old = self.old.field(catalogue, *field, self.old_patrons)?;
                    let new = delta.field(*field).expect("it holds everything");
                    Ok((*field, self.runs.column(&old, new, rows)))
                };
                Made::Fields(fields.iter().map(field).collect::<Result<_, _>>()?)
            }
            Part::Events(event) => Made::Events(*event, self.events(catalogue, *event)?),
            Part::Changes => {
                let (old, new) = (self.old.changes(self.old_patrons)?, &self.delta.changes);
                let (offsets, runs) = self.runs.offsets(&old.offsets, &new.offsets);
                let (fields, at) = (runs.splice(&old.fields, &new.fields, 0, 0), runs.splice(&old.at, &new.at, 0, 0));
                Made::Changes(Changes { offsets: offsets.into(), fields, at })
            }
            Part::Consents => {
                let old = self.old.consents(catalogue, self.old_patrons)?;
                Made::Consents(self.consents(&old, &delta.consents))
            }
            Part::Lists => {
                let old = self.old.lists(self.old_patrons)?;
                Made::Lists(old.iter().zip(&delta.lists).map(|(old, new)| self.runs.bits(old, new, rows)).collect())
            }
        })
    }

    fn events(&self, catalogue: &Catalogue, event: EventId) -> Result<Events, Unusable> {
        let old = self.old.events(event, self.old_patrons)?;
        let new = self.delta.columns.events(event).expect("it holds everything");
        let (mut offsets, runs) = self.runs.offsets(&old.offsets, &new.offsets);
        offsets.resize(self.patrons.rows() + 1, offsets.last().copied().unwrap_or(0));
        let rows = padded(&offsets);
        let types: Vec<Type> = catalogue.event(event).fields.iter().map(|field| field.ty).collect();
        let field = |(index, ty): (usize, &Type)| {
            let new = new.fields[index].as_ref().expect("it holds everything");
            Ok(Some(runs.column(&old.field(index, *ty)?, new, rows)))
        };
        let at = runs.splice(&old.at()?, &new.at, rows, i64::MAX);
        Ok(Events {
            offsets: offsets.into(),
            earliest: at.iter().copied().min().unwrap_or(i64::MAX),
            at,
            day: runs.splice(&old.day()?, &new.day, rows, i16::MAX),
            days_fit: old.days_fit() && new.days_fit,
            row: runs.splice(&old.row()?, &new.row, rows, 0),
            removed: runs.column(&old.removed()?, &new.removed, rows),
            fields: types.iter().enumerate().map(field).collect::<Result<_, _>>()?,
            recent: Recent::default(),
        })
    }

    fn consents(&self, old: &[Consents], new: &[Consents]) -> Vec<Consents> {
        type Kind = (PurposeId, Channel);
        let kind = |of: &Consents| -> Kind { (of.purpose, of.channel) };
        let mut kinds: Vec<Kind> = old.iter().map(kind).collect();
        kinds.extend(new.iter().map(kind).filter(|new| !old.iter().any(|old| kind(old) == *new)));
        let rows = self.patrons.rows();
        let of = |wanted: Kind, all: &[Consents], patrons: usize| {
            all.iter().find(|of| kind(of) == wanted).cloned().unwrap_or_else(|| {
                let rows = patrons.next_multiple_of(BLOCK);
                let no_day = || vec![UNKNOWN_DAY; rows].into();
                Consents {
                    purpose: wanted.0,
                    channel: wanted.1,
                    state: vec![0; rows].into(),
                    on: no_day(),
                    until: no_day(),
                }
            })
        };
        let merged = |wanted: Kind| {
            let (old, new) = (of(wanted, old, self.old_patrons), of(wanted, new, self.delta.columns.len()));
            Consents {
                state: self.runs.splice(&old.state, &new.state, rows, 0),
                on: self.runs.splice(&old.on, &new.on, rows, UNKNOWN_DAY),
                until: self.runs.splice(&old.until, &new.until, rows, UNKNOWN_DAY),
                ..new
            }
        };
        // Of the changed there is a column for each kind.
        kinds.into_iter().map(merged).filter(|of| of.state.iter().any(|state| *state != 0)).collect()
    }
}

/// Where the rows of a column come from: stretches of two others, in order.
#[derive(Default)]
struct Runs(Vec<(Source, Range<usize>)>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Old,
    Delta,
}

impl Runs {
    fn push(&mut self, source: Source, row: usize) {
        match self.0.last_mut() {
            Some((last, rows)) if *last == source && rows.end == row => rows.end += 1,
            _ => self.0.push((source, row..row + 1)),
        }
    }

    /// The numbers of both, and then `padding` up to so many.
    fn splice<T: Copy>(&self, old: &[T], new: &[T], padded: usize, padding: T) -> Buffer<T> {
        let count: usize = self.0.iter().map(|(_, rows)| rows.len()).sum();
        let mut all = Vec::with_capacity(count.max(padded));
        for (source, rows) in &self.0 {
            let from = if *source == Source::Old { old } else { new };
            all.extend_from_slice(&from[rows.clone()]);
        }
        all.resize(count.max(padded), padding);
        all.into()
    }

    fn column(&self, old: &Column, new: &Column, padded: usize) -> Column {
        let (mut from_old, mut from_new) = (Translation::new(old), Translation::new(new));
        let mut column = ColumnBuilder::with_capacity(old.ty, padded);
        for (source, rows) in &self.0 {
            let from = if *source == Source::Old { &mut from_old } else { &mut from_new };
            column.take_all(from, std::slice::from_ref(rows));
        }
        column.finish(padded)
    }

    /// A bit for each of so many rows.
    fn bits(&self, old: &[u64], new: &[u64], padded: usize) -> Buffer<u64> {
        let mut words = vec![0_u64; padded / BLOCK];
        let each = self.0.iter().flat_map(|(source, rows)| rows.clone().map(move |row| (source, row)));
        for (at, (source, row)) in each.enumerate() {
            let from = if *source == Source::Old { old } else { new };
            words[at / BLOCK] |= (from[row / BLOCK] >> (row % BLOCK) & 1) << (at % BLOCK);
        }
        words.into()
    }

    /// Where what belongs to each row begins, and the runs of what belongs to them.
    fn offsets(&self, old: &[u32], new: &[u32]) -> (Vec<u32>, Runs) {
        let (mut offsets, mut runs) = (vec![0_u32], Runs::default());
        let mut last = 0_u32;
        for (source, rows) in &self.0 {
            let from = if *source == Source::Old { old } else { new };
            let (start, end) = (from[rows.start], from[rows.end]);
            let before = last;
            last = last.checked_add(end - start).expect("fewer than 2^32 events of a kind");
            offsets.extend(from[rows.start + 1..=rows.end].iter().map(|end| end - start + before));
            runs.0.push((*source, start as usize..end as usize));
        }
        (offsets, runs)
    }
}
