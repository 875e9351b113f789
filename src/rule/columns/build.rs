//! Columns from facts, patron by patron.

use std::collections::HashMap;
use std::sync::Arc;

use super::{
    BLOCK, Cells, Column, Columns, Consents, EVENT_EPOCH, Events, SPARE_EVENTS, UNKNOWN_DAY, UNKNOWN_NUMBER, Wanted,
    consent_code, of_number,
};
use crate::catalogue::{Catalogue, Type, Value};
use crate::rule::Facts;
use crate::time::{Day, Instant};

/// Gathers the columns of many patrons.
pub struct Builder<'a> {
    /// The local date of an instant.
    day: &'a dyn Fn(Instant) -> Day,
    wanted: &'a Wanted,
    patrons: Vec<i64>,
    keys: Vec<Arc<str>>,
    since: Vec<i64>,
    fields: Vec<Option<Growing>>,
    changed: Vec<Option<Growing>>,
    events: Vec<Option<GrowingEvents>>,
    consents: Vec<Consents>,
    lists: Vec<Vec<u64>>,
}

/// A column that grows.
struct Growing {
    ty: Type,
    cells: GrowingCells,
    fits: bool,
    least: i64,
}

enum GrowingCells {
    Codes { codes: Vec<u32>, values: Vec<Value>, index: HashMap<Value, u32> },
    Days(Vec<i32>),
    Numbers(Vec<i64>),
}

struct GrowingEvents {
    offsets: Vec<u32>,
    at: Vec<i64>,
    day: Vec<i16>,
    days_fit: bool,
    row: Vec<i64>,
    removed: Growing,
    fields: Vec<Option<Growing>>,
}

impl<'a> Builder<'a> {
    /// No patrons yet. `day` gives the local date of an instant.
    pub fn new(catalogue: &Catalogue, wanted: &'a Wanted, day: &'a dyn Fn(Instant) -> Day) -> Builder<'a> {
        let wants = |flags: &[bool], index: usize| flags.get(index).copied().unwrap_or(false);
        let field = |(index, field): (usize, &crate::catalogue::Field)| {
            wants(&wanted.fields, index).then(|| Growing::new(field.ty))
        };
        let changed = |index: usize| wants(&wanted.changed, index).then(|| Growing::new(Type::Instant));
        let events = |(index, event): (usize, &crate::catalogue::Event)| {
            let wanted = wanted.events.get(index)?.as_ref()?;
            let fields = event.fields.iter().enumerate();
            Some(GrowingEvents {
                offsets: vec![0],
                at: Vec::new(),
                day: Vec::new(),
                days_fit: true,
                row: Vec::new(),
                removed: Growing::new(Type::Bool),
                fields: fields.map(|(at, field)| wants(wanted, at).then(|| Growing::new(field.ty))).collect(),
            })
        };
        Builder {
            day,
            wanted,
            patrons: Vec::new(),
            keys: Vec::new(),
            since: Vec::new(),
            fields: catalogue.fields.iter().enumerate().map(field).collect(),
            changed: (0..catalogue.fields.len()).map(changed).collect(),
            events: catalogue.events.iter().enumerate().map(events).collect(),
            consents: Vec::new(),
            lists: vec![Vec::new(); catalogue.lists.len()],
        }
    }

    /// The next patron, of a larger id.
    ///
    /// # Panics
    /// If the ids do not ascend: the columns could not be searched.
    pub fn push(&mut self, facts: &Facts) {
        assert!(self.patrons.last().is_none_or(|last| *last < facts.patron.0), "patrons come in order of id");
        let row = self.patrons.len();
        self.patrons.push(facts.patron.0);
        self.keys.push(facts.key.clone());
        self.since.push(facts.since.map_or(UNKNOWN_NUMBER, |since| since.0));
        for (column, value) in self.fields.iter_mut().zip(&facts.fields) {
            if let Some(column) = column {
                column.push(value.as_ref());
            }
        }
        for (index, column) in self.changed.iter_mut().enumerate() {
            if let Some(column) = column {
                let noted = facts.changed.iter().find(|(field, _)| field.index() == index).map(|(_, at)| *at);
                let since = facts.fields[index].as_ref().and(noted.or(facts.since));
                column.push(since.map(Value::Instant).as_ref());
            }
        }
        for (events, rows) in self.events.iter_mut().zip(&facts.events) {
            let Some(events) = events else { continue };
            for event in rows {
                events.at.push(event.at.0);
                let day = i16::try_from(i64::from((self.day)(event.at).0) - i64::from(EVENT_EPOCH));
                // The ends stand for "before" and "behind all" in comparisons.
                let day = day.ok().filter(|day| *day != i16::MIN && *day != i16::MAX);
                events.days_fit &= day.is_some();
                events.day.push(day.unwrap_or(0));
                events.row.push(event.row.0);
                events.removed.push(Some(&Value::Bool(event.removed)));
                for (column, value) in events.fields.iter_mut().zip(&event.fields) {
                    if let Some(column) = column {
                        column.push(value.as_ref());
                    }
                }
            }
            events.offsets.push(u32::try_from(events.at.len()).expect("fewer than 2^32 events of a kind"));
        }
        if self.wanted.consents {
            self.push_consents(facts, row);
        }
        if self.wanted.lists {
            for list in &facts.lists {
                let words = &mut self.lists[list.index()];
                words.resize(row / BLOCK + 1, 0);
                words[row / BLOCK] |= 1 << (row % BLOCK);
            }
        }
    }

    fn push_consents(&mut self, facts: &Facts, row: usize) {
        for consent in &facts.consents {
            let of = |known: &Consents| known.purpose == consent.purpose && known.channel == consent.channel;
            let at = self.consents.iter().position(of).unwrap_or_else(|| {
                let (purpose, channel) = (consent.purpose, consent.channel);
                self.consents.push(Consents { purpose, channel, state: Vec::new(), on: Vec::new(), until: Vec::new() });
                self.consents.len() - 1
            });
            let column = &mut self.consents[at];
            column.resize(row);
            column.state.push(consent_code(consent.state));
            column.on.push(consent.on.0);
            column.until.push(consent.until.map_or(UNKNOWN_DAY, |day| day.0));
        }
    }

    /// The columns, padded.
    pub fn finish(self) -> Columns {
        let padded = self.patrons.len().next_multiple_of(BLOCK);
        let finish = |column: Option<Growing>| column.map(|column| column.finish(padded));
        let mut consents = self.consents;
        consents.iter_mut().for_each(|column| column.resize(padded));
        let mut lists = self.lists;
        lists.iter_mut().for_each(|words| words.resize(padded / BLOCK, 0));
        Columns {
            patrons: self.patrons,
            keys: self.keys,
            since: self.since,
            fields: self.fields.into_iter().map(finish).collect(),
            changed: self.changed.into_iter().map(finish).collect(),
            events: self.events.into_iter().map(|events| events.map(|events| events.finish(padded))).collect(),
            consents,
            lists,
        }
    }
}

impl Consents {
    fn resize(&mut self, rows: usize) {
        self.state.resize(rows, 0);
        self.on.resize(rows, UNKNOWN_DAY);
        self.until.resize(rows, UNKNOWN_DAY);
    }
}

impl GrowingEvents {
    fn finish(mut self, rows: usize) -> Events {
        let count = self.at.len();
        let padded = count + SPARE_EVENTS;
        self.offsets.resize(rows + 1, count as u32);
        let earliest = self.at.iter().copied().min().unwrap_or(i64::MAX);
        self.at.resize(padded, i64::MAX);
        self.day.resize(padded, i16::MAX);
        self.row.resize(padded, 0);
        Events {
            offsets: self.offsets,
            at: self.at,
            day: self.day,
            days_fit: self.days_fit,
            earliest,
            row: self.row,
            removed: self.removed.finish(padded),
            fields: self.fields.into_iter().map(|column| column.map(|column| column.finish(padded))).collect(),
        }
    }
}

impl Growing {
    fn new(ty: Type) -> Growing {
        let cells = match ty {
            Type::Date => GrowingCells::Days(Vec::new()),
            Type::Int | Type::Decimal | Type::Money | Type::Instant => GrowingCells::Numbers(Vec::new()),
            _ => GrowingCells::Codes { codes: Vec::new(), values: Vec::new(), index: HashMap::new() },
        };
        let mut column = Growing { ty, cells, fits: true, least: i64::MAX };
        if ty == Type::Bool {
            column.declare(Value::Bool(false));
            column.declare(Value::Bool(true));
        }
        column
    }

    /// Gives a value its code.
    fn declare(&mut self, value: Value) -> u32 {
        let GrowingCells::Codes { values, index, .. } = &mut self.cells else {
            unreachable!("only columns of codes have a dictionary")
        };
        values.push(value.clone());
        let code = u32::try_from(values.len()).expect("fewer than 2^32 different values");
        index.insert(value, code);
        code
    }

    fn push(&mut self, value: Option<&Value>) {
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
            (GrowingCells::Codes { index, .. }, Some(value)) => {
                let code = index.get(value).copied().unwrap_or_else(|| self.declare(value.clone()));
                let GrowingCells::Codes { codes, .. } = &mut self.cells else { unreachable!("as above") };
                codes.push(code);
            }
        }
    }

    fn finish(self, rows: usize) -> Column {
        let (cells, dictionary) = match self.cells {
            GrowingCells::Days(mut days) => {
                days.resize(rows, UNKNOWN_DAY);
                (Cells::Days(days), Vec::new())
            }
            GrowingCells::Numbers(mut numbers) => {
                numbers.resize(rows, UNKNOWN_NUMBER);
                match few(&numbers).filter(|_| self.ty != Type::Instant && self.fits) {
                    Some(values) => {
                        let code = |n: &i64| if *n == UNKNOWN_NUMBER { 0 } else { place(&values, *n) + 1 };
                        let codes = numbers.iter().map(code).collect();
                        (Cells::Codes8(codes), values.iter().map(|n| of_number(self.ty, *n)).collect())
                    }
                    None => (Cells::Numbers(numbers), Vec::new()),
                }
            }
            GrowingCells::Codes { mut codes, values, .. } => {
                codes.resize(rows, 0);
                let cells = match values.len() {
                    0..=0xff => Cells::Codes8(codes.into_iter().map(|code| code as u8).collect()),
                    0x100..=0xffff => Cells::Codes16(codes.into_iter().map(|code| code as u16).collect()),
                    _ => Cells::Codes32(codes),
                };
                (cells, values)
            }
        };
        Column { ty: self.ty, cells, dictionary: dictionary.into(), fits: self.fits, least: self.least }
    }
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
