//! Columns from facts, patron by patron.

use super::{BLOCK, ColumnBuilder, Columns, ConsentsBuilder, EventsBuilder, Texts, UNKNOWN_NUMBER, Wanted};
use crate::catalogue::{Catalogue, Type, Value};
use crate::rule::Facts;
use crate::time::{Day, Instant};

/// Gathers the columns of many patrons.
pub struct Builder<'a> {
    /// The local date of an instant.
    day: &'a dyn Fn(Instant) -> Day,
    wanted: &'a Wanted,
    patrons: Vec<i64>,
    /// The keys, one behind another, and where each ends.
    keys: (Vec<u64>, Vec<u8>),
    since: Vec<i64>,
    fields: Vec<Option<ColumnBuilder>>,
    changed: Vec<Option<ColumnBuilder>>,
    events: Vec<Option<EventsBuilder>>,
    consents: ConsentsBuilder,
    lists: Vec<Vec<u64>>,
}

impl<'a> Builder<'a> {
    /// No patrons yet. `day` gives the local date of an instant.
    pub fn new(catalogue: &Catalogue, wanted: &'a Wanted, day: &'a dyn Fn(Instant) -> Day) -> Builder<'a> {
        let wants = |flags: &[bool], index: usize| flags.get(index).copied().unwrap_or(false);
        let field = |(index, field): (usize, &crate::catalogue::Field)| {
            wants(&wanted.fields, index).then(|| ColumnBuilder::new(field.ty))
        };
        let changed = |index: usize| wants(&wanted.changed, index).then(|| ColumnBuilder::new(Type::Instant));
        let events = |(index, event): (usize, &crate::catalogue::Event)| {
            let wanted = wanted.events.get(index)?.as_ref()?;
            Some(EventsBuilder::new(event, |field| wants(wanted, field)))
        };
        Builder {
            day,
            wanted,
            patrons: Vec::new(),
            keys: Default::default(),
            since: Vec::new(),
            fields: catalogue.fields.iter().enumerate().map(field).collect(),
            changed: (0..catalogue.fields.len()).map(changed).collect(),
            events: catalogue.events.iter().enumerate().map(events).collect(),
            consents: ConsentsBuilder::default(),
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
        let (ends, bytes) = &mut self.keys;
        bytes.extend_from_slice(facts.key.as_bytes());
        ends.push(bytes.len() as u64);
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
                let place = (event.row, event.at, (self.day)(event.at));
                events.push(place, event.removed, |field| event.fields[field].clone());
            }
            events.end_patron();
        }
        if self.wanted.consents {
            facts.consents.iter().for_each(|consent| self.consents.push(row, consent));
        }
        if self.wanted.lists {
            for list in &facts.lists {
                let words = &mut self.lists[list.index()];
                words.resize(row / BLOCK + 1, 0);
                words[row / BLOCK] |= 1 << (row % BLOCK);
            }
        }
    }

    /// The columns, padded.
    pub fn finish(self) -> Columns {
        let padded = self.patrons.len().next_multiple_of(BLOCK);
        let finish = |column: Option<ColumnBuilder>| column.map(|column| column.finish(padded));
        let mut lists = self.lists;
        lists.iter_mut().for_each(|words| words.resize(padded / BLOCK, 0));
        let events = self.events.into_iter().enumerate();
        let events = events.map(|(index, events)| Some(events?.finish(padded).with_recent(self.wanted.recent(index))));
        let (ends, bytes) = self.keys;
        Columns {
            patrons: self.patrons.into(),
            keys: Texts::new(ends.into(), bytes.into()).expect("ends ascend to the number of bytes"),
            since: self.since.into(),
            fields: self.fields.into_iter().map(finish).collect(),
            changed: self.changed.into_iter().map(finish).collect(),
            events: events.collect(),
            consents: self.consents.finish(padded),
            lists: lists.into_iter().map(Into::into).collect(),
        }
    }
}
