//! What a snapshot consists of. It is made part by part, so that one of them stands in memory and not all.

use crate::catalogue::{Catalogue, EventId, FieldId, Type};
use crate::rule::columns::{
    BLOCK, Buffer, Cells, Column, Columns, Consents, Events, Texts, UNKNOWN_DAY, UNKNOWN_NUMBER,
};

/// A part that is made at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Fields of the patrons.
    Fields(Vec<FieldId>),
    Events(EventId),
    Changes,
    Consents,
    Lists,
}

/// A part that was made.
pub(super) enum Made {
    Fields(Vec<(FieldId, Column)>),
    Events(EventId, Events),
    Changes(Changes),
    Consents(Vec<Consents>),
    /// By `ListId`.
    Lists(Vec<Buffer<u64>>),
}

/// Who the patrons are.
pub(super) struct Patrons {
    pub ids: Buffer<i64>,
    pub keys: Texts,
    pub since: Buffer<i64>,
}

impl Patrons {
    /// Rows, padded.
    pub fn rows(&self) -> usize {
        self.ids.len().next_multiple_of(BLOCK)
    }
}

/// All parts, the large ones first.
pub(super) fn parts(catalogue: &Catalogue) -> Vec<Part> {
    let mut parts: Vec<Part> = (0..catalogue.events.len()).map(|index| Part::Events(EventId(index as u16))).collect();
    // Texts have large dictionaries: one at a time. Everything else is small.
    let fields = (0..catalogue.fields.len()).map(|index| FieldId(index as u16));
    let is_text =
        |id: &FieldId| catalogue.field(*id).ty.is_textual() || matches!(catalogue.field(*id).ty, Type::Set(_));
    let (texts, others): (Vec<FieldId>, Vec<FieldId>) = fields.partition(is_text);
    parts.extend(texts.into_iter().map(|id| Part::Fields(vec![id])));
    parts.extend([Part::Fields(others), Part::Changes, Part::Consents, Part::Lists]);
    parts
}

/// Since when fields have their present value, as far as they ever changed: in CSR order of the patrons.
#[derive(Default)]
pub(super) struct Changes {
    /// Where those of each row begin, and behind them all where they end.
    pub offsets: Buffer<u32>,
    /// Indices of fields.
    pub fields: Buffer<u16>,
    /// Microseconds.
    pub at: Buffer<i64>,
}

impl Changes {
    /// Those of the patron in a row.
    pub fn of(&self, row: usize) -> impl Iterator<Item = (u16, i64)> + '_ {
        let range = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        range.map(|index| (self.fields[index], self.at[index]))
    }

    /// Since when the known values of a column are what they are, where the store first knew of a patron at `since`.
    pub fn column(&self, field: FieldId, values: &Column, since: &[i64], rows: usize) -> Column {
        let mut at = match &values.cells {
            Cells::Codes8(codes) => known(codes, 0, since),
            Cells::Codes16(codes) => known(codes, 0, since),
            Cells::Codes32(codes) => known(codes, 0, since),
            Cells::Days(days) => known(days, UNKNOWN_DAY, since),
            Cells::Numbers(numbers) => known(numbers, UNKNOWN_NUMBER, since),
        };
        // Few fields ever change.
        let changed = self.offsets.windows(2).enumerate().filter(|(_, bounds)| bounds[0] < bounds[1]);
        for (row, _) in changed.filter(|(row, _)| values.is_known(*row)) {
            let found = self.of(row).find(|(changed, _)| usize::from(*changed) == field.index());
            at[row] = found.map_or(at[row], |(_, at)| at);
        }
        at.resize(rows, UNKNOWN_NUMBER);
        Column::of_instants(at)
    }
}

/// The instants in the rows whose cell is not the unknown.
fn known<T: Copy + PartialEq>(cells: &[T], unknown: T, since: &[i64]) -> Vec<i64> {
    let cells = cells.iter().zip(since);
    cells.map(|(cell, since)| if *cell == unknown { UNKNOWN_NUMBER } else { *since }).collect()
}

/// [`Changes`] that grow.
pub(super) struct GrowingChanges {
    offsets: Vec<u32>,
    fields: Vec<u16>,
    at: Vec<i64>,
}

impl Default for GrowingChanges {
    fn default() -> GrowingChanges {
        GrowingChanges { offsets: vec![0], fields: Vec::new(), at: Vec::new() }
    }
}

impl GrowingChanges {
    /// A change of the present patron.
    pub fn push(&mut self, field: u16, at: i64) {
        self.fields.push(field);
        self.at.push(at);
    }

    /// The present patron has no more.
    pub fn end_patron(&mut self) {
        self.offsets.push(u32::try_from(self.at.len()).expect("fewer than 2^32 changes of fields"));
    }

    pub fn finish(self) -> Changes {
        Changes { offsets: self.offsets.into(), fields: self.fields.into(), at: self.at.into() }
    }
}

/// Patrons that changed after a snapshot.
pub(super) struct Delta {
    pub columns: Columns,
    pub changes: Changes,
}
