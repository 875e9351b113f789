//! What a rule means, as a short hash: equal exactly if two versions of a program mean the same by it.
//!
//! Spans, names of segments and the order of declarations do not count; fields, events, purposes and lists count by
//! name, segments by what they say. The engine compares fingerprints to see that an edit changed a start condition
//! (its first tick takes the baseline again) and to find a journey's place in a changed program. Older stores have others,
//! in which the fields of a row are numbers.

use std::cell::RefCell;
use std::fmt::{self, Formatter, Write};

use sha2::{Digest, Sha256};

use crate::catalogue::{Channel, EventId, FieldId, ListId};
use crate::map::Map;
use crate::program::{Offset, Program, Start, StartKind, Together};
use crate::rule::{EventRead, Expr, Kind, Read, SegmentId, Selection, Window};

/// Sixteen hexadecimal digits of SHA-256.
pub fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Writes expressions of one program in a form without spans and ids.
pub struct Fingerprints<'p> {
    program: &'p Program,
    segments: RefCell<Map<SegmentId, String>>,
    has_numbers: bool,
}

impl<'p> Fingerprints<'p> {
    /// For the expressions of `program`.
    pub fn new(program: &'p Program) -> Fingerprints<'p> {
        Fingerprints { program, segments: RefCell::default(), has_numbers: false }
    }

    /// As stores have them that were made before fields of rows counted by name.
    pub fn former(program: &'p Program) -> Fingerprints<'p> {
        Fingerprints { has_numbers: true, ..Fingerprints::new(program) }
    }

    /// What a start means.
    pub fn start(&self, start: &Start) -> String {
        let of_rows = |event: EventId, condition: &Option<Expr>| {
            let said = |expr| Saying { expr, of: Some(event), by: self }.to_string();
            condition.as_ref().map_or_else(String::new, said)
        };
        let text = match &start.kind {
            StartKind::Becomes { condition, .. } => format!("becomes {}", self.expr(condition)),
            StartKind::Leaves { condition } => format!("leaves {}", self.expr(condition)),
            StartKind::Change { field, from, to } => format!("change {} {from:?} {to:?}", self.field(*field)),
            StartKind::Event { event, condition, together } => {
                format!("on {} where {} {}", self.event(*event), of_rows(*event, condition), gathering(*together))
            }
            StartKind::EventDate { event, field, offset, condition, together } => format!(
                "{} of {} where {} {} {}",
                self.event_field(*event, *field),
                self.event(*event),
                of_rows(*event, condition),
                self.offset(offset),
                gathering(*together)
            ),
            StartKind::Date { date, offset } => format!("date {} {}", self.expr(date), self.offset(offset)),
            StartKind::Anniversary { date, offset } => {
                format!("anniversary {} {}", self.expr(date), self.offset(offset))
            }
            StartKind::Schedule { schedule, at } => format!("schedule {schedule:?} {at}"),
        };
        digest(&text)
    }

    /// How long before or after.
    pub fn offset(&self, offset: &Offset) -> String {
        match offset {
            Offset::None => "on".into(),
            Offset::Fixed(duration) => format!("{duration}"),
            Offset::Field { field, unit, after } => format!("{} {} {after}", self.field(*field), unit.word()),
        }
    }

    /// The name of a list.
    pub fn list(&self, list: ListId) -> &'static str {
        self.program.catalogue.lists[list.index()].name.as_str()
    }

    /// The meaning of an expression.
    pub fn expr(&self, expr: &Expr) -> String {
        Saying { expr, of: None, by: self }.to_string()
    }

    fn segment(&self, id: SegmentId) -> String {
        if let Some(found) = self.segments.borrow().get(&id) {
            return found.clone();
        }
        // Segments have no cycle (checked).
        let text = digest(&self.expr(&self.program.segment(id).body));
        self.segments.borrow_mut().insert(id, text.clone());
        text
    }

    /// `of_row`: of which event or record it reads a row.
    fn write(&self, expr: &Expr, of_row: Option<EventId>, to: &mut Formatter<'_>) -> fmt::Result {
        let say = |expr| Saying { expr, of: of_row, by: self };
        let of = |selection| Chosen { selection, by: self };
        match &expr.kind {
            Kind::Literal(value) => write!(to, "{value:?}"),
            Kind::Read(read) => self.read(read, of_row, to),
            Kind::Today => to.write_str("today"),
            Kind::Now => to.write_str("now"),
            Kind::Start => to.write_str("start"),
            Kind::Call { function, arguments } => self.all(function.name, arguments, of_row, to),
            Kind::Not(inner) => write!(to, "(not {})", say(inner)),
            Kind::And(parts) => self.all("and", parts, of_row, to),
            Kind::Or(parts) => self.all("or", parts, of_row, to),
            Kind::InWindow { value, window } => {
                write!(to, "({} in ", say(value))?;
                self.window(window, of_row, to)?;
                to.write_str(")")
            }
            Kind::Known(inner) => write!(to, "(known {})", say(inner)),
            Kind::Segment(id) => to.write_str(&self.segment(*id)),
            Kind::Member(list) => write!(to, "(member {})", self.list(*list)),
            Kind::Has { test, selection } => write!(to, "(has {test:?} {})", of(selection)),
            Kind::Count(selection) => write!(to, "(count {})", of(selection)),
            Kind::Days(selection) => write!(to, "(days {})", of(selection)),
            Kind::Sum { field, selection } => {
                write!(to, "(sum {} {})", self.event_field(selection.event, *field), of(selection))
            }
            Kind::First { selection, read } => write!(to, "(first {} {})", of(selection), self.at(selection, *read)),
            Kind::Latest { selection, read } => write!(to, "(latest {} {})", of(selection), self.at(selection, *read)),
            Kind::Followed { first, second, within } => {
                write!(to, "({} followed by {} within {within})", of(first), of(second))
            }
            Kind::Periods { count, selection, at_least, of: last, unit } => {
                write!(to, "(periods {count:?} {} {at_least} {last} {})", of(selection), unit.word())
            }
            Kind::Agrees { purpose, channel } => {
                write!(to, "(agrees {} {})", self.program.catalogue.purpose(*purpose).name, word(*channel))
            }
            Kind::AskedFor { purpose, channel } => {
                write!(to, "(asked {} {})", self.program.catalogue.purpose(*purpose).name, channel.word())
            }
            Kind::EndOfConsent { purpose, channel } => {
                write!(to, "(end {} {})", self.program.catalogue.purpose(*purpose).name, word(*channel))
            }
            Kind::Changed(field) => write!(to, "(changed {})", self.field(*field)),
        }
    }

    fn all(&self, name: &str, parts: &[Expr], of_row: Option<EventId>, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "({name} ")?;
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                to.write_str(" ")?;
            }
            self.write(part, of_row, to)?;
        }
        to.write_str(")")
    }

    fn selection(&self, selection: &Selection, to: &mut Formatter<'_>) -> fmt::Result {
        write!(to, "{} where ", self.event(selection.event))?;
        if let Some(condition) = &selection.condition {
            self.write(condition, Some(selection.event), to)?;
        }
        to.write_str(" in ")?;
        selection.window.as_ref().map_or(Ok(()), |window| self.window(window, None, to))
    }

    fn window(&self, window: &Window, of_row: Option<EventId>, to: &mut Formatter<'_>) -> fmt::Result {
        let say = |expr| Saying { expr, of: of_row, by: self };
        match window {
            Window::Last(duration) => write!(to, "last {duration}"),
            Window::Next(duration) => write!(to, "next {duration}"),
            Window::Period { which, unit } => write!(to, "{which:?} {}", unit.word()),
            Window::Since(value) => write!(to, "since {}", say(value)),
            Window::Before(value) => write!(to, "before {}", say(value)),
            Window::Between(low, high) => write!(to, "between {} and {}", say(low), say(high)),
        }
    }

    fn read(&self, read: &Read, of_row: Option<EventId>, to: &mut Formatter<'_>) -> fmt::Result {
        match read {
            Read::Patron(field) => write!(to, "patron.{}", self.field(*field)),
            Read::Row(read) => match of_row.filter(|_| !self.has_numbers) {
                Some(event) => write!(to, "row.{}", self.event_read(event, *read)),
                None => write!(to, "row.{read:?}"),
            },
            Read::StartEvent(event, read) => write!(to, "event.{}", self.event_read(*event, *read)),
            Read::Table { table, key, column } => {
                let table = &self.program.catalogue.tables[table.index()];
                write!(to, "{}[", table.name)?;
                self.read(key, of_row, to)?;
                write!(to, "].{}", table.fields[usize::from(*column)].name)
            }
            Read::FeedRow(field) => write!(to, "feed.{field}"),
        }
    }

    fn at(&self, selection: &Selection, read: Option<EventRead>) -> &'static str {
        read.map_or("", |read| self.event_read(selection.event, read))
    }

    fn event_read(&self, event: EventId, read: EventRead) -> &'static str {
        match read {
            EventRead::At => "at",
            EventRead::Open => "open",
            EventRead::Field(index) => self.event_field(event, index),
        }
    }

    fn event(&self, id: EventId) -> &'static str {
        self.program.catalogue.event(id).name.as_str()
    }

    fn event_field(&self, id: EventId, index: u16) -> &'static str {
        self.program.catalogue.event(id).fields[usize::from(index)].name.as_str()
    }

    fn field(&self, id: FieldId) -> &'static str {
        self.program.catalogue.field(id).name.as_str()
    }
}

/// Writes an expression.
struct Saying<'a> {
    expr: &'a Expr,
    /// Of which event or record it reads a row.
    of: Option<EventId>,
    by: &'a Fingerprints<'a>,
}

impl fmt::Display for Saying<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.by.write(self.expr, self.of, f)
    }
}

/// Writes a selection of events.
struct Chosen<'a> {
    selection: &'a Selection,
    by: &'a Fingerprints<'a>,
}

impl fmt::Display for Chosen<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.by.selection(self.selection, f)
    }
}

fn gathering(together: Together) -> String {
    match together {
        Together::No => String::new(),
        Together::Tick => "together".into(),
        Together::For(duration) => format!("together for {duration}"),
    }
}

fn word(channel: Option<Channel>) -> &'static str {
    channel.map_or("any", Channel::word)
}
