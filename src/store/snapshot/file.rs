//! A snapshot that is open: of its file only the wanted sections are touched, each checked when it is ([`Sections`]).
//!
//! Every request maps the file anew, so that pages leave the memory with what they were asked for.

use std::fs::File;
use std::path::Path;

use super::format::{ColumnAt, Directory, EventsAt, Extent, Head};
use super::parts::Changes;
use super::sections::{Sections, Unusable, padded, unusable};
use super::stamp::Stamp;
use crate::catalogue::{Catalogue, EventId, FieldId, Type};
use crate::rule::columns::{BLOCK, Buffer, Column, Columns, Consents, Wanted};

/// An open snapshot.
pub(super) struct Snapped {
    file: File,
    directory: Directory,
    pub stamp: Stamp,
}

impl Snapped {
    /// The file at this path. `None`: there is none.
    pub fn open(path: &Path, fingerprint: &str) -> Result<Option<Snapped>, Unusable> {
        match File::open(path) {
            Ok(file) => Snapped::of(file, fingerprint).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => unusable(&format!("it cannot be opened ({error})")),
        }
    }

    /// An open file.
    pub fn of(file: File, fingerprint: &str) -> Result<Snapped, Unusable> {
        let sections = Sections::of(&file)?;
        let Some(Head { stamp, directory }) = Head::from_bytes(sections.bytes()) else {
            return unusable("it has no head of this version, or a damaged one");
        };
        let text: Buffer<u8> = sections.take(&directory, None)?;
        let Ok(directory) = serde_json::from_slice::<Directory>(&text) else {
            return unusable("its directory is damaged");
        };
        if directory.fingerprint != fingerprint {
            return unusable("it was made for another catalogue or time zone");
        }
        Ok(Snapped { file, directory, stamp })
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
        let sections = Sections::of(&self.file)?;
        let in_order = |ids: &[i64]| ids.is_sorted_by(|left, right| left < right);
        let ids: Buffer<i64> = sections.take_if(&directory.ids, None, in_order)?;
        let patrons = ids.len();
        let rows = patrons.next_multiple_of(BLOCK);
        let keys = sections.texts(&directory.keys)?;
        let since: Buffer<i64> = sections.take(&directory.since, Some(patrons))?;
        if keys.len() != patrons {
            return unusable("it has not one key for each patron");
        }
        let wants = |flags: &[bool], index: usize| flags.get(index).copied().unwrap_or(false);
        let column = |index: usize| sections.column(catalogue.fields[index].ty, &directory.fields[index], rows);
        let field = |index: usize| wants(&wanted.fields, index).then(|| column(index)).transpose();
        let changes = match wanted.changed.contains(&true) {
            true => Some(sections.changes(&directory.changes, patrons)?),
            false => None,
        };
        let changed = |index: usize| {
            let Some(changes) = changes.as_ref().filter(|_| wants(&wanted.changed, index)) else { return Ok(None) };
            Ok(Some(changes.column(FieldId(index as u16), &column(index)?, &since, rows)))
        };
        let events = |index: usize| {
            let places = wanted.recent(index);
            let Some(wanted) = wanted.events.get(index).and_then(Option::as_ref) else { return Ok(None) };
            let fields = &catalogue.events[index].fields;
            let types: Vec<Option<Type>> =
                fields.iter().zip(wanted).map(|(field, wants)| wants.then_some(field.ty)).collect();
            let events = sections.events(&directory.events[index], &types, rows)?;
            Ok(Some(events.with_recent(places)))
        };
        let consents = if wanted.consents { directory.consents.as_slice() } else { &[] };
        let purposes = catalogue.purposes.len();
        let list = |extent: &Extent| match wanted.lists {
            true => sections.take::<u64>(extent, Some(rows / BLOCK)),
            false => Ok(vec![0; rows / BLOCK].into()),
        };
        Ok(Columns {
            fields: (0..catalogue.fields.len()).map(field).collect::<Result<_, _>>()?,
            changed: (0..catalogue.fields.len()).map(changed).collect::<Result<_, _>>()?,
            events: (0..catalogue.events.len()).map(events).collect::<Result<_, _>>()?,
            consents: consents.iter().map(|of| sections.consents(of, purposes, rows)).collect::<Result<_, _>>()?,
            lists: directory.lists.iter().map(list).collect::<Result<_, _>>()?,
            patrons: ids,
            keys,
            since,
        })
    }

    /// A field of so many patrons.
    pub fn field(&self, catalogue: &Catalogue, field: FieldId, patrons: usize) -> Result<Column, Unusable> {
        let at = &self.directory.fields[field.index()];
        Sections::of(&self.file)?.column(catalogue.field(field).ty, at, patrons.next_multiple_of(BLOCK))
    }

    /// The events of a kind, column by column.
    pub fn events(&self, event: EventId, patrons: usize) -> Result<EventsOf<'_>, Unusable> {
        let at = &self.directory.events[event.index()];
        let offsets = Sections::of(&self.file)?.offsets(&at.offsets, patrons.next_multiple_of(BLOCK))?;
        Ok(EventsOf { file: &self.file, at, offsets })
    }

    /// Since when fields are what they are.
    pub fn changes(&self, patrons: usize) -> Result<Changes, Unusable> {
        Sections::of(&self.file)?.changes(&self.directory.changes, patrons)
    }

    /// All consents.
    pub fn consents(&self, catalogue: &Catalogue, patrons: usize) -> Result<Vec<Consents>, Unusable> {
        let sections = Sections::of(&self.file)?;
        let (purposes, rows) = (catalogue.purposes.len(), patrons.next_multiple_of(BLOCK));
        self.directory.consents.iter().map(|of| sections.consents(of, purposes, rows)).collect()
    }

    /// By `ListId`: a bit a row.
    pub fn lists(&self, patrons: usize) -> Result<Vec<Buffer<u64>>, Unusable> {
        let sections = Sections::of(&self.file)?;
        self.directory.lists.iter().map(|extent| sections.take(extent, Some(patrons.div_ceil(BLOCK)))).collect()
    }
}

/// The events of a kind, whose columns are taken one by one.
pub(super) struct EventsOf<'s> {
    file: &'s File,
    at: &'s EventsAt,
    pub offsets: Buffer<u32>,
}

impl EventsOf<'_> {
    pub fn at(&self) -> Result<Buffer<i64>, Unusable> {
        Sections::of(self.file)?.take(&self.at.at, Some(padded(&self.offsets)))
    }

    pub fn day(&self) -> Result<Buffer<i16>, Unusable> {
        Sections::of(self.file)?.take(&self.at.day, Some(padded(&self.offsets)))
    }

    pub fn days_fit(&self) -> bool {
        self.at.days_fit
    }

    pub fn row(&self) -> Result<Buffer<i64>, Unusable> {
        Sections::of(self.file)?.take(&self.at.row, Some(padded(&self.offsets)))
    }

    pub fn removed(&self) -> Result<Column, Unusable> {
        self.column(Type::Bool, &self.at.removed)
    }

    pub fn field(&self, index: usize, ty: Type) -> Result<Column, Unusable> {
        match self.at.fields.get(index) {
            Some(at) => self.column(ty, at),
            None => unusable("its events lack a field"),
        }
    }

    fn column(&self, ty: Type, at: &ColumnAt) -> Result<Column, Unusable> {
        Sections::of(self.file)?.column(ty, at, padded(&self.offsets))
    }
}
