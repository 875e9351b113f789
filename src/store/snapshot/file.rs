//! A snapshot that is open: a memory map of which only the wanted sections are touched, each checked when it is.
//!
//! Besides the checksum each buffer's length is held against the others', offsets have to ascend and codes to be in
//! their dictionary: native code reads columns without looking where they end, so that what it may rely on is made
//! sure of here, whoever wrote the file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;
use rayon::prelude::*;

use super::format::{CellKind, ColumnAt, ConsentsAt, Directory, EventsAt, Extent, Head, TextsAt, sum};
use super::parts::Changes;
use super::stamp::Stamp;
use crate::catalogue::{Catalogue, Channel, FieldId, PurposeId, Type};
use crate::rule::columns::{
    BLOCK, Buffer, Cells, Column, Columns, Consents, Dictionary, Events, SPARE_EVENTS, Texts, Wanted,
};

/// An open snapshot.
pub(super) struct Snapped {
    map: Arc<Mmap>,
    directory: Directory,
    pub stamp: Stamp,
}

/// Why a file cannot be used: what about it is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unusable(pub String);

fn unusable<T>(why: &str) -> Result<T, Unusable> {
    Err(Unusable(why.to_owned()))
}

impl Snapped {
    /// The file at this path. `None`: there is none.
    pub fn open(path: &Path, fingerprint: &str) -> Result<Option<Snapped>, Unusable> {
        match File::open(path) {
            Ok(file) => Snapped::of(&file, fingerprint).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => unusable(&format!("it cannot be opened ({error})")),
        }
    }

    /// An open file.
    pub fn of(file: &File, fingerprint: &str) -> Result<Snapped, Unusable> {
        let map = map(file).map_err(|error| Unusable(format!("it cannot be mapped ({error})")))?;
        let Some(Head { stamp, directory }) = Head::from_bytes(&map) else {
            return unusable("it has no head of this version, or a damaged one");
        };
        let map = Arc::new(map);
        let text = section::<u8>(&map, &directory).filter(|text| sum(text) == directory.sum);
        let Some(directory) = text.and_then(|text| serde_json::from_slice::<Directory>(&text).ok()) else {
            return unusable("its directory is damaged");
        };
        if directory.fingerprint != fingerprint {
            return unusable("it was made for another catalogue or time zone");
        }
        Ok(Snapped { map, directory, stamp })
    }

    /// The wanted columns.
    pub fn load(&self, catalogue: &Catalogue, wanted: &Wanted) -> Result<Columns, Unusable> {
        let directory = &self.directory;
        if directory.fields.len() != catalogue.fields.len()
            || directory.events.len() != catalogue.events.len()
            || directory.lists.len() != catalogue.lists.len()
        {
            return unusable("its directory is not of its catalogue");
        }
        self.check(wanted)?;
        let ids: Buffer<i64> = self.buffer(&directory.ids, None)?;
        let patrons = ids.len();
        if !ids.is_sorted_by(|left, right| left < right) {
            return unusable("its patrons are in no order");
        }
        let rows = patrons.next_multiple_of(BLOCK);
        let keys = self.texts(&directory.keys)?;
        let since: Buffer<i64> = self.buffer(&directory.since, Some(patrons))?;
        if keys.len() != patrons {
            return unusable("it has not one key for each patron");
        }
        let wants = |flags: &[bool], index: usize| flags.get(index).copied().unwrap_or(false);
        let field = |index: usize| {
            let ty = catalogue.fields[index].ty;
            wants(&wanted.fields, index).then(|| self.column(ty, &directory.fields[index], rows)).transpose()
        };
        let fields = (0..catalogue.fields.len()).map(field).collect::<Result<Vec<_>, _>>()?;
        let changes = if wanted.changed.contains(&true) { Some(self.changes(patrons)?) } else { None };
        let changed = |index: usize| {
            let Some(changes) = changes.as_ref().filter(|_| wants(&wanted.changed, index)) else { return Ok(None) };
            let values = self.column(catalogue.fields[index].ty, &directory.fields[index], rows)?;
            Ok(Some(changes.column(FieldId(index as u16), &values, &since, rows)))
        };
        let events = |index: usize| {
            let Some(wanted) = wanted.events.get(index).and_then(Option::as_ref) else { return Ok(None) };
            let fields = &catalogue.events[index].fields;
            let types: Vec<Option<Type>> =
                fields.iter().zip(wanted).map(|(field, wants)| wants.then_some(field.ty)).collect();
            self.events(&directory.events[index], &types, rows).map(Some)
        };
        let consents = if wanted.consents { directory.consents.as_slice() } else { &[] };
        let purposes = catalogue.purposes.len();
        let list = |extent: &Extent| match wanted.lists {
            true => self.buffer::<u64>(extent, Some(rows / BLOCK)),
            false => Ok(vec![0; rows / BLOCK].into()),
        };
        Ok(Columns {
            patrons: ids,
            keys,
            fields,
            changed: (0..catalogue.fields.len()).map(changed).collect::<Result<_, _>>()?,
            since,
            events: (0..catalogue.events.len()).map(events).collect::<Result<_, _>>()?,
            consents: consents.iter().map(|of| self.consents(of, purposes, rows)).collect::<Result<_, _>>()?,
            lists: directory.lists.iter().map(list).collect::<Result<_, _>>()?,
        })
    }

    /// Since when fields are what they are.
    pub fn changes(&self, patrons: usize) -> Result<Changes, Unusable> {
        let at = &self.directory.changes;
        let offsets: Buffer<u32> = self.buffer(&at.offsets, Some(patrons + 1))?;
        let times: Buffer<i64> = self.buffer(&at.at, None)?;
        let fields: Buffer<u16> = self.buffer(&at.fields, Some(times.len()))?;
        if !offsets.is_sorted() || offsets.last().is_none_or(|last| *last as usize != times.len()) {
            return unusable("its changes are in no order");
        }
        Ok(Changes { offsets, fields, at: times })
    }

    /// Holds every section that is wanted against its checksum, several at once.
    fn check(&self, wanted: &Wanted) -> Result<(), Unusable> {
        let directory = &self.directory;
        let mut extents = vec![&directory.ids, &directory.keys.ends, &directory.keys.bytes, &directory.since];
        let wants = |flags: &[bool], index: usize| flags.get(index).copied().unwrap_or(false);
        for (index, column) in directory.fields.iter().enumerate() {
            if wants(&wanted.fields, index) || wants(&wanted.changed, index) {
                extents.extend(of_column(column));
            }
        }
        if wanted.changed.contains(&true) {
            extents.extend([&directory.changes.offsets, &directory.changes.fields, &directory.changes.at]);
        }
        for (events, wanted) in directory.events.iter().zip(&wanted.events) {
            let Some(wanted) = wanted else { continue };
            extents.extend([&events.offsets, &events.at, &events.day, &events.row]);
            extents.extend(of_column(&events.removed));
            let fields = events.fields.iter().zip(wanted).filter(|(_, wanted)| **wanted);
            extents.extend(fields.flat_map(|(column, _)| of_column(column)));
        }
        if wanted.consents {
            extents.extend(directory.consents.iter().flat_map(|of| [&of.state, &of.on, &of.until]));
        }
        if wanted.lists {
            extents.extend(&directory.lists);
        }
        let is_whole =
            |extent: &&&Extent| section::<u8>(&self.map, extent).is_some_and(|bytes| sum(&bytes) == extent.sum);
        match extents.par_iter().find_any(|extent| !is_whole(extent)) {
            Some(extent) => unusable(&format!("the section at byte {} is damaged", extent.at)),
            None => Ok(()),
        }
    }

    fn buffer<T: Pod>(&self, extent: &Extent, length: Option<usize>) -> Result<Buffer<T>, Unusable> {
        let found = section(&self.map, extent).filter(|found| length.is_none_or(|length| found.len() == length));
        found.ok_or_else(|| Unusable(format!("the section at byte {} has not the right length", extent.at)))
    }

    fn texts(&self, at: &TextsAt) -> Result<Texts, Unusable> {
        let texts = Texts::new(self.buffer(&at.ends, None)?, self.buffer(&at.bytes, None)?);
        texts.ok_or_else(|| Unusable(format!("the texts at byte {} are in no order", at.ends.at)))
    }

    fn column(&self, ty: Type, at: &ColumnAt, rows: usize) -> Result<Column, Unusable> {
        let dictionary = Dictionary::packed(ty, self.texts(&at.dictionary)?);
        let (extent, rows) = (&at.cells, Some(rows));
        let cells = match at.kind {
            CellKind::Codes8 => Cells::Codes8(self.buffer(extent, rows)?),
            CellKind::Codes16 => Cells::Codes16(self.buffer(extent, rows)?),
            CellKind::Codes32 => Cells::Codes32(self.buffer(extent, rows)?),
            CellKind::Days => Cells::Days(self.buffer(extent, rows)?),
            CellKind::Numbers => Cells::Numbers(self.buffer(extent, rows)?),
        };
        let most = match &cells {
            Cells::Codes8(codes) => codes.iter().max().map(|code| usize::from(*code)),
            Cells::Codes16(codes) => codes.iter().max().map(|code| usize::from(*code)),
            Cells::Codes32(codes) => codes.iter().max().map(|code| *code as usize),
            Cells::Days(_) | Cells::Numbers(_) => None,
        };
        let is_numeric = matches!(ty, Type::Int | Type::Decimal | Type::Money);
        let fits_type = match cells {
            Cells::Days(_) => ty == Type::Date,
            Cells::Numbers(_) => is_numeric || ty == Type::Instant,
            _ => ty != Type::Date && ty != Type::Instant,
        };
        if !fits_type || most.is_some_and(|most| most > dictionary.len()) {
            return unusable(&format!("the cells at byte {} are not of their type", extent.at));
        }
        Ok(Column { ty, cells, dictionary, fits: at.fits, least: at.least })
    }

    fn events(&self, at: &EventsAt, types: &[Option<Type>], rows: usize) -> Result<Events, Unusable> {
        let offsets: Buffer<u32> = self.buffer(&at.offsets, Some(rows + 1))?;
        let count = offsets.last().map_or(0, |last| *last as usize);
        if !offsets.is_sorted() || offsets[0] != 0 || at.fields.len() != types.len() {
            return unusable(&format!("the events at byte {} are in no order", at.offsets.at));
        }
        let padded = count + SPARE_EVENTS;
        let field = |(at, ty): (&ColumnAt, &Option<Type>)| ty.map(|ty| self.column(ty, at, padded)).transpose();
        Ok(Events {
            offsets,
            at: self.buffer(&at.at, Some(padded))?,
            day: self.buffer(&at.day, Some(padded))?,
            days_fit: at.days_fit,
            earliest: at.earliest,
            row: self.buffer(&at.row, Some(padded))?,
            removed: self.column(Type::Bool, &at.removed, padded)?,
            fields: at.fields.iter().zip(types).map(field).collect::<Result<_, _>>()?,
        })
    }

    fn consents(&self, at: &ConsentsAt, purposes: usize, rows: usize) -> Result<Consents, Unusable> {
        let channel = Channel::from_word(&at.channel).filter(|_| usize::from(at.purpose) < purposes);
        let Some(channel) = channel else { return unusable("it has consents of no purpose or channel") };
        let (state, on, until) = (
            self.buffer(&at.state, Some(rows))?,
            self.buffer(&at.on, Some(rows))?,
            self.buffer(&at.until, Some(rows))?,
        );
        Ok(Consents { purpose: PurposeId(at.purpose), channel, state, on, until })
    }
}

fn of_column(column: &ColumnAt) -> [&Extent; 3] {
    [&column.cells, &column.dictionary.ends, &column.dictionary.bytes]
}

fn section<T: Pod>(map: &Arc<Mmap>, extent: &Extent) -> Option<Buffer<T>> {
    let start = usize::try_from(extent.at).ok()?;
    let end = start.checked_add(usize::try_from(extent.bytes).ok()?)?;
    Buffer::mapped(map, start..end)
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
