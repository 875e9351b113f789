//! The sections of a file that is mapped into memory, each checked when it is taken: its length, its checksum, and what
//! the numbers in it have to be, in one walk over its bytes.
//!
//! Native code reads columns without looking where they end, so that what it may rely on (offsets that ascend, codes
//! that are in their dictionary) is made sure of here, whoever wrote the file.

use std::fs::File;
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;

use super::format::{
    CellKind, ChangesAt, ColumnAt, ConsentsAt, EventsAt, Extent, STRETCH, TextsAt, of_stretches, sum_of, sum_of_stretch,
};
use super::parts::Changes;
use crate::catalogue::{Channel, PurposeId, Type};
use crate::rule::columns::{Buffer, Cells, Column, Consents, Dictionary, Events, Recent, SPARE_EVENTS, Texts};

/// Why a file cannot be used: what about it is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unusable(pub String);

pub(super) fn unusable<T>(why: &str) -> Result<T, Unusable> {
    Err(Unusable(why.to_owned()))
}

/// A mapped file. What was taken keeps the map alive; pages that nobody touched take no memory.
pub(super) struct Sections(Arc<Mmap>);

impl Sections {
    /// Those of a file that is complete.
    pub fn of(file: &File) -> Result<Sections, Unusable> {
        map(file).map(|map| Sections(Arc::new(map))).map_err(|error| Unusable(format!("it cannot be mapped ({error})")))
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// So many numbers, or as many as there are.
    pub fn take<T: Pod + Sync>(&self, extent: &Extent, length: Option<usize>) -> Result<Buffer<T>, Unusable> {
        self.take_if(extent, length, |_| true)
    }

    /// Numbers of which `holds` is true, stretch by stretch; a stretch begins with the last number of the one before.
    pub fn take_if<T: Pod + Sync>(
        &self,
        extent: &Extent,
        length: Option<usize>,
        holds: impl Fn(&[T]) -> bool + Sync,
    ) -> Result<Buffer<T>, Unusable> {
        let wrong = |what: &str| Unusable(format!("the section at byte {} {what}", extent.at));
        let found = range(extent).and_then(|range| Buffer::<T>::mapped(&self.0, range));
        let found = found.filter(|found| length.is_none_or(|length| found.len() == length));
        let Some(found) = found else { return Err(wrong("has not the right length")) };
        let numbers: &[T] = &found;
        let each = STRETCH / size_of::<T>();
        let sums = of_stretches(numbers.len().div_ceil(each), |stretch| {
            let (start, end) = (stretch * each, numbers.len().min((stretch + 1) * each));
            // The checksum brings the bytes near, so that looking at them again costs little.
            let sum = sum_of_stretch(bytemuck::cast_slice(&numbers[start..end]));
            holds(&numbers[start.saturating_sub(1)..end]).then_some(sum)
        });
        match sums {
            None => Err(wrong("holds what it must not")),
            Some(sums) if sum_of(&sums) != extent.sum => Err(wrong("is damaged")),
            Some(_) => Ok(found),
        }
    }

    /// Where the rows of so many patrons, or of any number, begin in something else, and where the last one ends.
    pub fn offsets(&self, extent: &Extent, rows: usize) -> Result<Buffer<u32>, Unusable> {
        let offsets = self.take_if(extent, Some(rows + 1), |offsets: &[u32]| offsets.is_sorted())?;
        if offsets.first() == Some(&0) {
            return Ok(offsets);
        }
        unusable(&format!("the offsets at byte {} do not begin at 0", extent.at))
    }

    pub fn texts(&self, at: &TextsAt) -> Result<Texts, Unusable> {
        let texts = Texts::new(self.take(&at.ends, None)?, self.take(&at.bytes, None)?);
        texts.ok_or_else(|| Unusable(format!("the texts at byte {} are in no order", at.ends.at)))
    }

    pub fn column(&self, ty: Type, at: &ColumnAt, rows: usize) -> Result<Column, Unusable> {
        let dictionary = Dictionary::packed(ty, self.texts(&at.dictionary)?);
        let (extent, rows, codes) = (&at.cells, Some(rows), dictionary.len());
        let cells = match at.kind {
            CellKind::Codes8 => Cells::Codes8(self.take_if(extent, rows, |all| usize::from(most::<u8>(all)) <= codes)?),
            CellKind::Codes16 => {
                Cells::Codes16(self.take_if(extent, rows, |all| usize::from(most::<u16>(all)) <= codes)?)
            }
            CellKind::Codes32 => Cells::Codes32(self.take_if(extent, rows, |all| most::<u32>(all) as usize <= codes)?),
            CellKind::Days => Cells::Days(self.take(extent, rows)?),
            CellKind::Numbers => Cells::Numbers(self.take(extent, rows)?),
        };
        let is_numeric = matches!(ty, Type::Int | Type::Decimal | Type::Money);
        let fits_type = match cells {
            Cells::Days(_) => ty == Type::Date,
            Cells::Numbers(_) => is_numeric || ty == Type::Instant,
            _ => ty != Type::Date && ty != Type::Instant,
        };
        if !fits_type {
            return unusable(&format!("the cells at byte {} are not of their type", extent.at));
        }
        Ok(Column { ty, cells, dictionary, fits: at.fits, least: at.least })
    }

    /// The events of a kind, with those fields for which there is a type.
    pub fn events(&self, at: &EventsAt, types: &[Option<Type>], rows: usize) -> Result<Events, Unusable> {
        let offsets = self.offsets(&at.offsets, rows)?;
        let padded = padded(&offsets);
        if at.fields.len() != types.len() {
            return unusable(&format!("the events at byte {} are of another kind", at.offsets.at));
        }
        let field = |(at, ty): (&ColumnAt, &Option<Type>)| ty.map(|ty| self.column(ty, at, padded)).transpose();
        Ok(Events {
            at: self.take(&at.at, Some(padded))?,
            day: self.take(&at.day, Some(padded))?,
            days_fit: at.days_fit,
            earliest: at.earliest,
            row: self.take(&at.row, Some(padded))?,
            removed: self.column(Type::Bool, &at.removed, padded)?,
            fields: at.fields.iter().zip(types).map(field).collect::<Result<_, _>>()?,
            recent: Recent::default(),
            offsets,
        })
    }

    pub fn consents(&self, at: &ConsentsAt, purposes: usize, rows: usize) -> Result<Consents, Unusable> {
        let channel = Channel::from_word(&at.channel).filter(|_| usize::from(at.purpose) < purposes);
        let Some(channel) = channel else { return unusable("it has consents of no purpose or channel") };
        let rows = Some(rows);
        Ok(Consents {
            purpose: PurposeId(at.purpose),
            channel,
            state: self.take(&at.state, rows)?,
            on: self.take(&at.on, rows)?,
            until: self.take(&at.until, rows)?,
        })
    }

    /// Since when fields are what they are.
    pub fn changes(&self, at: &ChangesAt, patrons: usize) -> Result<Changes, Unusable> {
        let offsets = self.offsets(&at.offsets, patrons)?;
        let count = offsets[patrons] as usize;
        Ok(Changes { fields: self.take(&at.fields, Some(count))?, at: self.take(&at.at, Some(count))?, offsets })
    }
}

/// How long the columns of events with these offsets are.
pub(super) fn padded(offsets: &[u32]) -> usize {
    offsets.last().map_or(0, |last| *last as usize) + SPARE_EVENTS
}

fn most<T: Copy + Ord + Default>(codes: &[T]) -> T {
    codes.iter().copied().fold(T::default(), T::max)
}

fn range(extent: &Extent) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(extent.at).ok()?;
    Some(start..start.checked_add(usize::try_from(extent.bytes).ok()?)?)
}

#[expect(unsafe_code, reason = "a map is only as steady as its file")]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the bytes must not change while the map lives. A snapshot is written once, under a name that is not yet
    // its own, by a process that has the file to itself and ends writing before it maps it or renames it; from then on
    // it is only replaced or deleted by name, which leaves the mapped bytes as they are until the last map is gone.
    // Nobody else has a right to it (mode 0600); whoever takes it and cuts the file short while it is mapped ends this
    // process with SIGBUS, as with every mapped file.
    unsafe { Mmap::map(file) }
}
