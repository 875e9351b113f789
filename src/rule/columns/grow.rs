//! Columns that grow: by values, or by cells of columns that are there already.

use std::hint::black_box;
use std::ops::Range;
use std::slice;

use super::dictionary::GrowingDictionary;
use super::{
    Cells, Column, Consents, EVENT_EPOCH, Events, SPARE_EVENTS, UNKNOWN_DAY, UNKNOWN_NUMBER, consent_code, of_number,
};
use crate::catalogue::{Catalogue, Channel, Event, PurposeId, Type, Value};
use crate::rule::{Consent, RowId};
use crate::time::{Day, Instant};

/// A column that grows.
pub struct ColumnBuilder {
    ty: Type,
    is_wide: bool,
    cells: GrowingCells,
    fits: bool,
    least: i64,
}

enum GrowingCells {
    Codes { codes: Codes, dictionary: GrowingDictionary },
    Days(Vec<i32>),
    Numbers(Vec<i64>),
}

/// As narrow as the codes so far allow.
enum Codes {
    Narrow(Vec<u8>),
    Middle(Vec<u16>),
    Wide(Vec<u32>),
}

impl Codes {
    fn push(&mut self, code: u32) {
        match self {
            Codes::Narrow(codes) => match u8::try_from(code) {
                Ok(code) => return codes.push(code),
                Err(_) => *self = Codes::Middle(codes.iter().map(|code| u16::from(*code)).collect()),
            },
            Codes::Middle(codes) => match u16::try_from(code) {
                Ok(code) => return codes.push(code),
                Err(_) => *self = Codes::Wide(codes.iter().map(|code| u32::from(*code)).collect()),
            },
            Codes::Wide(codes) => return codes.push(code),
        }
        self.push(code);
    }

    fn finish(self, rows: usize) -> Cells {
        match self {
            Codes::Narrow(mut codes) => {
                codes.resize(rows, 0);
                Cells::Codes8(codes.into())
            }
            Codes::Middle(mut codes) => {
                codes.resize(rows, 0);
                Cells::Codes16(codes.into())
            }
            Codes::Wide(mut codes) => {
                codes.resize(rows, 0);
                Cells::Codes32(codes.into())
            }
        }
    }
}

/// The codes that the codes of one column have in another, as far as they were needed.
pub struct Translation<'c> {
    column: &'c Column,
    codes: Vec<u32>,
}

impl<'c> Translation<'c> {
    /// Nothing is translated yet.
    pub fn new(column: &'c Column) -> Translation<'c> {
        Translation { column, codes: vec![0; column.dictionary.len() + 1] }
    }
}

impl ColumnBuilder {
    /// An empty column of values of this type.
    pub fn new(ty: Type) -> ColumnBuilder {
        ColumnBuilder::with_capacity(ty, 0)
    }

    /// The same with room for so many rows.
    pub fn with_capacity(ty: Type, rows: usize) -> ColumnBuilder {
        let cells = match ty {
            Type::Date => GrowingCells::Days(Vec::with_capacity(rows)),
            Type::Int | Type::Decimal | Type::Money | Type::Instant => GrowingCells::Numbers(Vec::with_capacity(rows)),
            _ => {
                let mut dictionary = GrowingDictionary::new(ty);
                if ty == Type::Bool {
                    // Both have their code in every column.
                    for truth in [false, true] {
                        dictionary.code(&Value::Bool(truth));
                    }
                }
                GrowingCells::Codes { codes: Codes::Narrow(Vec::with_capacity(rows)), dictionary }
            }
        };
        ColumnBuilder { ty, is_wide: false, cells, fits: true, least: i64::MAX }
    }

    /// An empty column whose cells are as wide as its type may need, whatever its values are.
    pub fn wide(ty: Type) -> ColumnBuilder {
        let mut column = ColumnBuilder { is_wide: true, ..ColumnBuilder::new(ty) };
        if let GrowingCells::Codes { codes, .. } = &mut column.cells {
            *codes = Codes::Wide(Vec::new());
        }
        column
    }

    /// The next value.
    pub fn push(&mut self, value: Option<&Value>) {
        match (&mut self.cells, value) {
            (GrowingCells::Days(days), Some(Value::Date(day))) => days.push(day.0),
            (GrowingCells::Days(days), _) => days.push(UNKNOWN_DAY),
            (
                GrowingCells::Numbers(numbers),
                Some(Value::Int(n) | Value::Decimal(n) | Value::Money(n) | Value::Instant(Instant(n))),
            ) => {
                // The ends stand for "unknown" and "behind all" in comparisons.
                self.fits &= *n != UNKNOWN_NUMBER && *n != i64::MAX;
                self.least = self.least.min(*n);
                numbers.push(*n);
            }
            (GrowingCells::Numbers(numbers), _) => numbers.push(UNKNOWN_NUMBER),
            (GrowingCells::Codes { codes, .. }, None) => codes.push(0),
            (GrowingCells::Codes { codes, dictionary }, Some(value)) => codes.push(dictionary.code(value)),
        }
    }

    /// Cells of another column of the same type.
    pub fn take_all(&mut self, from: &mut Translation<'_>, rows: &[Range<usize>]) {
        // The ends are values here if they were values there.
        self.fits &= from.column.fits;
        match (&mut self.cells, &from.column.cells) {
            (GrowingCells::Days(days), Cells::Days(more)) => extend(days, more, rows),
            (GrowingCells::Numbers(numbers), Cells::Numbers(more)) => {
                let start = numbers.len();
                extend(numbers, more, rows);
                let known = numbers[start..].iter().copied().filter(|n| *n != UNKNOWN_NUMBER);
                self.least = known.fold(self.least, i64::min);
            }
            (GrowingCells::Codes { codes, dictionary }, cells) => {
                let (column, known) = (from.column, &mut from.codes);
                let mut translate = |code: u32| {
                    let known = &mut known[code as usize];
                    if *known == 0 && code != 0 {
                        *known = dictionary.code(&column.dictionary.value(code as usize - 1));
                    }
                    codes.push(*known);
                };
                match cells {
                    Cells::Codes8(more) => taken(more, rows).into_iter().for_each(|code| translate(code.into())),
                    Cells::Codes16(more) => taken(more, rows).into_iter().for_each(|code| translate(code.into())),
                    Cells::Codes32(more) => taken(more, rows).into_iter().for_each(translate),
                    Cells::Days(_) | Cells::Numbers(_) => {
                        unreachable!("columns of one type both have codes or neither")
                    }
                }
            }
            // Few numbers, which were given codes.
            _ => rows.iter().cloned().flatten().for_each(|row| self.push(from.column.value(row).as_ref())),
        }
    }

    /// The column, padded to so many rows.
    pub fn finish(self, rows: usize) -> Column {
        let none = || super::Dictionary::new(self.ty, Vec::new());
        let (cells, dictionary) = match self.cells {
            GrowingCells::Days(mut days) => {
                days.resize(rows, UNKNOWN_DAY);
                (Cells::Days(days.into()), none())
            }
            GrowingCells::Numbers(mut numbers) => {
                numbers.resize(rows, UNKNOWN_NUMBER);
                match few(&numbers).filter(|_| self.ty != Type::Instant && self.fits && !self.is_wide) {
                    Some(values) => {
                        let code = |n: &i64| if *n == UNKNOWN_NUMBER { 0 } else { place(&values, *n) + 1 };
                        let codes = numbers.iter().map(code).collect();
                        let values = values.iter().map(|n| of_number(self.ty, *n)).collect();
                        (Cells::Codes8(codes), super::Dictionary::new(self.ty, values))
                    }
                    None => (Cells::Numbers(numbers.into()), none()),
                }
            }
            GrowingCells::Codes { codes, dictionary } => (codes.finish(rows), dictionary.finish()),
        };
        Column { ty: self.ty, cells, dictionary, fits: self.fits, least: self.least }
    }
}

/// Adds stretches of other cells. They lie far from each other: some are touched before they are copied, so that the
/// processor fetches them side by side.
fn extend<T: Copy>(cells: &mut Vec<T>, more: &[T], rows: &[Range<usize>]) {
    cells.reserve(rows.iter().map(ExactSizeIterator::len).sum());
    for together in rows.chunks(TOUCHED_AT_ONCE) {
        for rows in together.iter().filter(|rows| !rows.is_empty()) {
            black_box((more[rows.start], more[rows.end - 1]));
        }
        together.iter().for_each(|rows| cells.extend_from_slice(&more[rows.clone()]));
    }
}

/// Stretches of cells that the processor is asked for before the first is needed.
const TOUCHED_AT_ONCE: usize = 32;

/// Those stretches of cells.
fn taken<T: Copy>(cells: &[T], rows: &[Range<usize>]) -> Vec<T> {
    let mut taken = Vec::new();
    extend(&mut taken, cells, rows);
    taken
}

/// Up to 15 different known numbers, ascending: then codes are narrower and quicker to test.
fn few(numbers: &[i64]) -> Option<Vec<i64>> {
    let mut values: Vec<i64> = Vec::new();
    for number in numbers.iter().filter(|number| **number != UNKNOWN_NUMBER) {
        if let Err(place) = values.binary_search(number) {
            if values.len() == 15 {
                return None;
            }
            values.insert(place, *number);
        }
    }
    Some(values)
}

fn place(values: &[i64], number: i64) -> u8 {
    values.binary_search(&number).expect("the values are those of the column") as u8
}

/// Patrons from whom on columns are taken by several threads.
const SIDE_BY_SIDE: usize = 1_000;

/// Offsets are numbers of 32 bits.
const FEW: &str = "fewer than 2^32 events of a kind";

/// The events of one kind, patron by patron.
pub struct EventsBuilder {
    offsets: Vec<u32>,
    at: Vec<i64>,
    day: Vec<i16>,
    days_fit: bool,
    row: Vec<i64>,
    removed: ColumnBuilder,
    fields: Vec<Option<ColumnBuilder>>,
}

impl EventsBuilder {
    /// No patrons yet; with these of the kind's fields.
    pub fn new(event: &Event, wants: impl Fn(usize) -> bool) -> EventsBuilder {
        EventsBuilder::of(event, wants, ColumnBuilder::new)
    }

    /// As [`EventsBuilder::new`], with wide columns.
    pub fn wide(event: &Event, wants: impl Fn(usize) -> bool) -> EventsBuilder {
        EventsBuilder::of(event, wants, ColumnBuilder::wide)
    }

    fn of(event: &Event, wants: impl Fn(usize) -> bool, column: fn(Type) -> ColumnBuilder) -> EventsBuilder {
        let fields = event.fields.iter().enumerate();
        EventsBuilder {
            offsets: vec![0],
            at: Vec::new(),
            day: Vec::new(),
            days_fit: true,
            row: Vec::new(),
            removed: column(Type::Bool),
            fields: fields.map(|(index, field)| wants(index).then(|| column(field.ty))).collect(),
        }
    }

    /// The next event of the present patron, by (`at`, `row`); `day` is its local date.
    pub fn push(
        &mut self,
        (row, at, day): (RowId, Instant, Day),
        removed: bool,
        mut field: impl FnMut(usize) -> Option<Value>,
    ) {
        let day = i16::try_from(i64::from(day.0) - i64::from(EVENT_EPOCH));
        // The ends stand for "before" and "behind all" in comparisons.
        let day = day.ok().filter(|day| *day != i16::MIN && *day != i16::MAX);
        self.days_fit &= day.is_some();
        self.at.push(at.0);
        self.day.push(day.unwrap_or(0));
        self.row.push(row.0);
        self.removed.push(Some(&Value::Bool(removed)));
        for (index, column) in self.fields.iter_mut().enumerate() {
            if let Some(column) = column {
                column.push(field(index).as_ref());
            }
        }
    }

    /// The events of one patron, the one in row `patron` of other events of the kind; those that come before `place`
    /// and were not taken yet.
    pub fn take_before(&mut self, from: &mut EventsTranslation<'_>, patron: usize, place: (Instant, RowId)) {
        let events = from.events;
        let range = from.left(patron);
        let before = |index: &usize| (Instant(events.at[*index]), RowId(events.row[*index])) < place;
        let end = range.start + range.clone().take_while(before).count();
        let range = range.start..end;
        self.take_ranges(from, slice::from_ref(&range));
    }

    /// All events of some patrons that were not taken yet, column by column; none of them has more.
    pub fn take_all(&mut self, from: &mut EventsTranslation<'_>, patrons: &[usize]) {
        let ranges: Vec<Range<usize>> = patrons.iter().map(|patron| from.left(*patron)).collect();
        let mut end = self.at.len();
        let ends = ranges.iter().map(|range| {
            end += range.len();
            u32::try_from(end).expect(FEW)
        });
        self.offsets.extend(ends);
        self.take_ranges(from, &ranges);
    }

    fn take_ranges(&mut self, from: &mut EventsTranslation<'_>, ranges: &[Range<usize>]) {
        let EventsTranslation { events, taken, removed, fields } = from;
        *taken = ranges.last().map_or(*taken, |last| last.end);
        self.days_fit &= events.days_fit;
        let (at, row, day) = (&mut self.at, &mut self.row, &mut self.day);
        let mut instants = || extend(at, &events.at, ranges);
        let mut rows = || extend(row, &events.row, ranges);
        let mut dates = || {
            extend(day, &events.day, ranges);
            self.removed.take_all(removed, ranges);
        };
        let fields = || {
            for (column, from) in self.fields.iter_mut().zip(fields) {
                if let (Some(column), Some(from)) = (column, from) {
                    column.take_all(from, ranges);
                }
            }
        };
        if ranges.len() < SIDE_BY_SIDE {
            instants();
            rows();
            dates();
            fields();
        } else {
            rayon::join(|| rayon::join(instants, rows), || rayon::join(dates, fields));
        }
    }

    /// The present patron has no more.
    pub fn end_patron(&mut self) {
        self.offsets.push(u32::try_from(self.at.len()).expect(FEW));
    }

    /// The events, padded to so many rows of patrons.
    pub fn finish(mut self, rows: usize) -> Events {
        let count = self.at.len();
        let padded = count + SPARE_EVENTS;
        self.offsets.resize(rows + 1, count as u32);
        let earliest = self.at.iter().copied().min().unwrap_or(i64::MAX);
        self.at.resize(padded, i64::MAX);
        self.day.resize(padded, i16::MAX);
        self.row.resize(padded, 0);
        Events {
            offsets: self.offsets.into(),
            at: self.at.into(),
            day: self.day.into(),
            days_fit: self.days_fit,
            earliest,
            row: self.row.into(),
            removed: self.removed.finish(padded),
            fields: self.fields.into_iter().map(|column| column.map(|column| column.finish(padded))).collect(),
            recent: super::Recent::default(),
        }
    }
}

/// What [`EventsBuilder::take_all`] takes from.
pub struct EventsTranslation<'c> {
    events: &'c Events,
    /// Where the event behind the last that was taken is. Patrons come in order.
    taken: usize,
    removed: Translation<'c>,
    fields: Vec<Option<Translation<'c>>>,
}

impl<'c> EventsTranslation<'c> {
    /// The events of a patron that were not taken.
    fn left(&self, patron: usize) -> Range<usize> {
        let (start, end) = (self.events.offsets[patron] as usize, self.events.offsets[patron + 1] as usize);
        start.max(self.taken).min(end)..end
    }

    /// Nothing is translated yet.
    pub fn new(events: &'c Events) -> EventsTranslation<'c> {
        EventsTranslation {
            events,
            taken: 0,
            removed: Translation::new(&events.removed),
            fields: events.fields.iter().map(|column| column.as_ref().map(Translation::new)).collect(),
        }
    }
}

/// The consents of many patrons.
#[derive(Default)]
pub struct ConsentsBuilder {
    columns: Vec<GrowingConsents>,
}

/// [`Consents`] that grow.
struct GrowingConsents {
    purpose: PurposeId,
    channel: Channel,
    state: Vec<u8>,
    on: Vec<i32>,
    until: Vec<i32>,
}

impl ConsentsBuilder {
    /// With a column for each purpose and channel, whether or not somebody has a consent for it.
    pub fn wide(catalogue: &Catalogue) -> ConsentsBuilder {
        let purposes = (0..catalogue.purposes.len()).map(|index| PurposeId(index as u16));
        let pairs = purposes.flat_map(|purpose| Channel::ALL.map(|channel| (purpose, channel)));
        ConsentsBuilder { columns: pairs.map(|(purpose, channel)| GrowingConsents::new(purpose, channel)).collect() }
    }

    /// A consent of the patron in `row`, which is not before that of the last one.
    pub fn push(&mut self, row: usize, consent: &Consent) {
        let (purpose, channel) = (consent.purpose, consent.channel);
        let known = self.columns.iter().position(|known| (known.purpose, known.channel) == (purpose, channel));
        let at = known.unwrap_or_else(|| {
            self.columns.push(GrowingConsents::new(purpose, channel));
            self.columns.len() - 1
        });
        let column = &mut self.columns[at];
        column.resize(row);
        column.state.push(consent_code(consent.state));
        column.on.push(consent.on.0);
        column.until.push(consent.until.map_or(UNKNOWN_DAY, |day| day.0));
    }

    /// The consents, padded to so many rows.
    pub fn finish(self, rows: usize) -> Vec<Consents> {
        let finish = |mut column: GrowingConsents| {
            column.resize(rows);
            let GrowingConsents { purpose, channel, state, on, until } = column;
            Consents { purpose, channel, state: state.into(), on: on.into(), until: until.into() }
        };
        self.columns.into_iter().map(finish).collect()
    }
}

impl GrowingConsents {
    fn new(purpose: PurposeId, channel: Channel) -> GrowingConsents {
        GrowingConsents { purpose, channel, state: Vec::new(), on: Vec::new(), until: Vec::new() }
    }

    fn resize(&mut self, rows: usize) {
        self.state.resize(rows, 0);
        self.on.resize(rows, UNKNOWN_DAY);
        self.until.resize(rows, UNKNOWN_DAY);
    }
}
