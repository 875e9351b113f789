//! What the store knows of many patrons, column by column: the input of the native evaluator.
//!
//! Patrons stand in order of id, each in a row; a kind's events stand in the order of patrons and of (`at`, `row`),
//! and `offsets` says where a patron's begin (CSR). Everything is padded so that 64 rows, or 16 events, can be read at
//! any place that holds one: code that reads whole blocks stays inside the columns by construction.
//!
//! Values with few different ones are *codes* into a dictionary, code 0 is the unknown; dates are days, all other
//! numbers 64 bits, and their least value is the unknown. The memory is the columns' own or lies in a file that is
//! mapped ([`Buffer`]). Knows the catalogue, no rules.

mod buffer;
mod build;
mod dictionary;
mod grow;
mod read;
mod recent;

use crate::catalogue::{Catalogue, Channel, EventId, FieldId, PurposeId, Type, Value};
use crate::time::Day;

pub use buffer::Buffer;
pub use build::Builder;
pub use dictionary::{Dictionary, Texts};
pub use grow::{ColumnBuilder, ConsentsBuilder, EventsBuilder, EventsTranslation, Translation};
pub use recent::{NO_EVENT, PLACES, Places, Recent};

/// Patrons whose truths share a word.
pub const BLOCK: usize = 64;

/// Events that may be read behind the last one.
pub const SPARE_EVENTS: usize = 16;

/// A date that is unknown.
pub const UNKNOWN_DAY: i32 = i32::MIN;

/// A number, an amount or an instant that is unknown.
pub const UNKNOWN_NUMBER: i64 = i64::MIN;

/// The day that [`Events::day`] counts from: 2059-09-18, so that 16 bits reach from 1970 to 2149.
pub const EVENT_EPOCH: i32 = 32_768;

/// Which columns are wanted of all that the catalogue names.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wanted {
    /// By `FieldId`.
    pub fields: Vec<bool>,
    /// By `FieldId`: since when the field has its present value.
    pub changed: Vec<bool>,
    /// By `EventId`; `None`: not this kind. Then by index of its fields.
    pub events: Vec<Option<Vec<bool>>>,
    /// By `EventId`: of which of a patron's newest events the dates are wanted side by side.
    pub recent: Vec<Places>,
    pub consents: bool,
    pub lists: bool,
}

impl Wanted {
    /// Everything that the catalogue names, and nothing that is made of it.
    pub fn everything(catalogue: &Catalogue) -> Wanted {
        Wanted {
            fields: vec![true; catalogue.fields.len()],
            changed: vec![true; catalogue.fields.len()],
            events: catalogue.events.iter().map(|event| Some(vec![true; event.fields.len()])).collect(),
            recent: Vec::new(),
            consents: true,
            lists: true,
        }
    }

    /// The places that are wanted of a kind's newest events.
    pub fn recent(&self, event: usize) -> Places {
        self.recent.get(event).copied().unwrap_or_default()
    }
}

/// A column of values of one type.
#[derive(Clone, Debug)]
pub struct Column {
    pub ty: Type,
    pub cells: Cells,
    /// The value of code 1 and so on; empty where the cells are no codes.
    pub dictionary: Dictionary,
    /// Whether each value can be told from the unknown; otherwise the cells must not be read.
    pub fits: bool,
    /// The least known number.
    pub least: i64,
}

/// The cells of a column, as narrow as they may be.
#[derive(Clone, Debug)]
pub enum Cells {
    Codes8(Buffer<u8>),
    Codes16(Buffer<u16>),
    Codes32(Buffer<u32>),
    /// Days since 1970-01-01.
    Days(Buffer<i32>),
    /// Whole numbers, fixed-point numbers, or microseconds.
    Numbers(Buffer<i64>),
}

/// The events or records of one kind.
#[derive(Clone, Debug)]
pub struct Events {
    /// Where the events of each row begin, and behind them all where they end; padding rows have none.
    pub offsets: Buffer<u32>,
    /// Microseconds.
    pub at: Buffer<i64>,
    /// The local date of `at`, in days since [`EVENT_EPOCH`].
    pub day: Buffer<i16>,
    /// Whether each date has a place in `day`; otherwise `day` must not be read.
    pub days_fit: bool,
    /// The least instant.
    pub earliest: i64,
    /// `RowId` of each.
    pub row: Buffer<i64>,
    /// A bool: whether the record was removed.
    pub removed: Column,
    /// By index of the kind's fields.
    pub fields: Vec<Option<Column>>,
    /// The dates of each patron's newest events.
    pub recent: Recent,
}

/// The consents for one (purpose, channel).
#[derive(Clone, Debug)]
pub struct Consents {
    pub purpose: PurposeId,
    pub channel: Channel,
    /// 0 none, else as [`consent_code`] says.
    pub state: Buffer<u8>,
    /// The local date on which it was given or asked for.
    pub on: Buffer<i32>,
    /// Its last date, where the source names one.
    pub until: Buffer<i32>,
}

/// The code of a consent's state in [`Consents::state`].
pub fn consent_code(state: super::ConsentState) -> u8 {
    match state {
        super::ConsentState::Given => 1,
        super::ConsentState::Asked => 2,
        super::ConsentState::Withdrawn => 3,
    }
}

/// Many patrons.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Ids, ascending.
    pub patrons: Buffer<i64>,
    /// The library's keys.
    pub keys: Texts,
    /// When the store first knew of them, in microseconds.
    pub since: Buffer<i64>,
    /// By `FieldId`; `None`: not wanted.
    pub fields: Vec<Option<Column>>,
    /// By `FieldId`: since when a known field has its value, as far as that is known.
    pub changed: Vec<Option<Column>>,
    /// By `EventId`.
    pub events: Vec<Option<Events>>,
    /// Those that somebody gave, asked for or withdrew.
    pub consents: Vec<Consents>,
    /// By `ListId`: a bit a row.
    pub lists: Vec<Buffer<u64>>,
}

impl Columns {
    /// How many patrons there are.
    pub fn len(&self) -> usize {
        self.patrons.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.patrons.is_empty()
    }

    /// How many words of [`BLOCK`] rows they fill.
    pub fn blocks(&self) -> usize {
        self.len().div_ceil(BLOCK)
    }

    /// A bit for each row that stands for somebody.
    pub fn all_rows(&self) -> Vec<u64> {
        let mut bits = vec![u64::MAX; self.blocks()];
        let spare = self.blocks() * BLOCK - self.len();
        if let Some(last) = bits.last_mut() {
            *last >>= spare;
        }
        bits
    }

    /// The column of a field, if it was wanted.
    pub fn field(&self, field: FieldId) -> Option<&Column> {
        self.fields[field.index()].as_ref()
    }

    /// The events of a kind, if they were wanted.
    pub fn events(&self, event: EventId) -> Option<&Events> {
        self.events[event.index()].as_ref()
    }
}

impl Column {
    /// The value in row `index`.
    pub fn value(&self, index: usize) -> Option<Value> {
        let number = match &self.cells {
            Cells::Codes8(codes) => return self.decode(usize::from(codes[index])),
            Cells::Codes16(codes) => return self.decode(usize::from(codes[index])),
            Cells::Codes32(codes) => return self.decode(codes[index] as usize),
            Cells::Days(days) => {
                return Some(days[index]).filter(|day| *day != UNKNOWN_DAY).map(|d| Value::Date(Day(d)));
            }
            Cells::Numbers(numbers) => numbers[index],
        };
        (number != UNKNOWN_NUMBER).then(|| of_number(self.ty, number))
    }

    /// Whether the value in row `index` is known.
    pub fn is_known(&self, index: usize) -> bool {
        match &self.cells {
            Cells::Codes8(codes) => codes[index] != 0,
            Cells::Codes16(codes) => codes[index] != 0,
            Cells::Codes32(codes) => codes[index] != 0,
            Cells::Days(days) => days[index] != UNKNOWN_DAY,
            Cells::Numbers(numbers) => numbers[index] != UNKNOWN_NUMBER,
        }
    }

    /// Instants in microseconds, [`UNKNOWN_NUMBER`] for those that are unknown.
    pub fn of_instants(at: Vec<i64>) -> Column {
        let known = at.iter().copied().filter(|at| *at != UNKNOWN_NUMBER);
        let least = known.clone().min().unwrap_or(i64::MAX);
        let fits = known.max().is_none_or(|most| most != i64::MAX);
        let dictionary = Dictionary::new(Type::Instant, Vec::new());
        Column { ty: Type::Instant, cells: Cells::Numbers(at.into()), dictionary, fits, least }
    }

    /// How many rows there are, padding included.
    pub fn rows(&self) -> usize {
        match &self.cells {
            Cells::Codes8(codes) => codes.len(),
            Cells::Codes16(codes) => codes.len(),
            Cells::Codes32(codes) => codes.len(),
            Cells::Days(days) => days.len(),
            Cells::Numbers(numbers) => numbers.len(),
        }
    }

    fn decode(&self, code: usize) -> Option<Value> {
        code.checked_sub(1).map(|index| self.dictionary.value(index))
    }
}

/// The value of a number of this type.
pub fn of_number(ty: Type, number: i64) -> Value {
    match ty {
        Type::Decimal => Value::Decimal(number),
        Type::Money => Value::Money(number),
        Type::Instant => Value::Instant(crate::time::Instant(number)),
        _ => Value::Int(number),
    }
}
