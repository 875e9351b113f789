//! What a rule means, as a short hash: equal exactly if two versions of a program mean the same by it.
//!
//! Spans, names of segments and the order of declarations do not count; fields, events, purposes and lists count by
//! name, segments by what they say. The engine compares fingerprints to see that an edit changed a start condition
//! (its first tick takes the baseline again) and to find a journey's place in a changed program.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::catalogue::{Channel, EventId, FieldId, ListId};
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
    segments: RefCell<HashMap<SegmentId, String>>,
}

impl<'p> Fingerprints<'p> {
    /// For the expressions of `program`.
    pub fn new(program: &'p Program) -> Fingerprints<'p> {
        Fingerprints { program, segments: RefCell::default() }
    }

    /// What a start means.
    pub fn start(&self, start: &Start) -> String {
        let optional = |condition: &Option<Expr>| condition.as_ref().map_or_else(String::new, |c| self.expr(c));
        let text = match &start.kind {
            StartKind::Becomes { condition, .. } => format!("becomes {}", self.expr(condition)),
            StartKind::Leaves { condition } => format!("leaves {}", self.expr(condition)),
            StartKind::Change { field, from, to } => format!("change {} {from:?} {to:?}", self.field(*field)),
            StartKind::Event { event, condition, together } => {
                format!("on {} where {} {}", self.event(*event), optional(condition), gathering(*together))
            }
            StartKind::EventDate { event, field, offset, condition, together } => format!(
                "{} of {} where {} {} {}",
                self.event_field(*event, *field),
                self.event(*event),
                optional(condition),
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
        let all = |parts: &[Expr]| parts.iter().map(|part| self.expr(part)).collect::<Vec<_>>().join(" ");
        match &expr.kind {
            Kind::Literal(value) => format!("{value:?}"),
            Kind::Read(read) => self.read(read),
            Kind::Today => "today".into(),
            Kind::Now => "now".into(),
            Kind::Start => "start".into(),
            Kind::Call { function, arguments } => format!("({} {})", function.name, all(arguments)),
            Kind::Not(inner) => format!("(not {})", self.expr(inner)),
            Kind::And(parts) => format!("(and {})", all(parts)),
            Kind::Or(parts) => format!("(or {})", all(parts)),
            Kind::InWindow { value, window } => format!("({} in {})", self.expr(value), self.window(window)),
            Kind::Known(inner) => format!("(known {})", self.expr(inner)),
            Kind::Segment(id) => self.segment(*id),
            Kind::Member(list) => format!("(member {})", self.list(*list)),
            Kind::Has { test, selection } => format!("(has {test:?} {})", self.selection(selection)),
            Kind::Count(selection) => format!("(count {})", self.selection(selection)),
            Kind::Days(selection) => format!("(days {})", self.selection(selection)),
            Kind::Sum { field, selection } => {
                format!("(sum {} {})", self.event_field(selection.event, *field), self.selection(selection))
            }
            Kind::First { selection, read } => {
                format!("(first {} {})", self.selection(selection), self.at(selection, *read))
            }
            Kind::Latest { selection, read } => {
                format!("(latest {} {})", self.selection(selection), self.at(selection, *read))
            }
            Kind::Followed { first, second, within } => {
                format!("({} followed by {} within {within})", self.selection(first), self.selection(second))
            }
            Kind::Periods { count, selection, at_least, of, unit } => {
                format!("(periods {count:?} {} {at_least} {of} {})", self.selection(selection), unit.word())
            }
            Kind::Agrees { purpose, channel } => {
                format!("(agrees {} {})", self.program.catalogue.purpose(*purpose).name, word(*channel))
            }
            Kind::AskedFor { purpose, channel } => {
                format!("(asked {} {})", self.program.catalogue.purpose(*purpose).name, channel.word())
            }
            Kind::EndOfConsent { purpose, channel } => {
                format!("(end {} {})", self.program.catalogue.purpose(*purpose).name, word(*channel))
            }
            Kind::Changed(field) => format!("(changed {})", self.field(*field)),
        }
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

    fn selection(&self, selection: &Selection) -> String {
        let condition = selection.condition.as_ref().map_or_else(String::new, |c| self.expr(c));
        let window = selection.window.as_ref().map_or_else(String::new, |w| self.window(w));
        format!("{} where {condition} in {window}", self.event(selection.event))
    }

    fn window(&self, window: &Window) -> String {
        match window {
            Window::Last(duration) => format!("last {duration}"),
            Window::Next(duration) => format!("next {duration}"),
            Window::Period { which, unit } => format!("{which:?} {}", unit.word()),
            Window::Since(value) => format!("since {}", self.expr(value)),
            Window::Before(value) => format!("before {}", self.expr(value)),
            Window::Between(low, high) => format!("between {} and {}", self.expr(low), self.expr(high)),
        }
    }

    fn read(&self, read: &Read) -> String {
        match read {
            Read::Patron(field) => format!("patron.{}", self.field(*field)),
            // Inside `where`: the event is the selection's, so the index is told by its name there.
            Read::Row(read) => format!("row.{read:?}"),
            Read::StartEvent(event, read) => format!("event.{}", self.event_read(*event, *read)),
            Read::Table { table, key, column } => {
                let table = &self.program.catalogue.tables[table.index()];
                format!("{}[{}].{}", table.name, self.read(key), table.fields[usize::from(*column)].name)
            }
            Read::FeedRow(field) => format!("feed.{field}"),
        }
    }

    fn at(&self, selection: &Selection, read: Option<EventRead>) -> String {
        read.map_or_else(String::new, |read| self.event_read(selection.event, read))
    }

    fn event_read(&self, event: EventId, read: EventRead) -> String {
        match read {
            EventRead::At => "at".into(),
            EventRead::Open => "open".into(),
            EventRead::Field(index) => self.event_field(event, index).into(),
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
