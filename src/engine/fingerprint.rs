//! What a rule means, as a short hash: equal if two versions of a program say the same by it.
//!
//! Spans, names of segments and the order of declarations do not count; fields, events, purposes and lists count by
//! name, segments by what they say, a campaign by what it is called in the program's texts. The engine compares
//! fingerprints to see that an edit changed a start condition (its first tick takes the baseline again; there the order of
//! what is joined does not count either) and to find a journey's place in a changed program. Older stores have others, in
//! which the fields of a row are numbers.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::{self, Formatter, Write};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use crate::catalogue::{Channel, EventId, FieldId, ListId, NameKind, Type, Value};
use crate::map::Map;
use crate::program::{Offset, Program, Start, StartKind, Together};
use crate::rule::{EventRead, Expr, Kind, Read, SegmentId, Selection, Window};
use crate::symbol::Symbol;
use crate::time::{Duration, Unit};

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
    /// What segments join, where only the meaning counts.
    joined: RefCell<Map<SegmentId, Rc<BTreeSet<String>>>>,
    form: Form,
    /// What a campaign was called before it was called otherwise.
    renamed: Option<(Symbol, Symbol)>,
}

/// What makes two texts the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// That they mean the same: neither the order of what `and` and `or` join nor whether it stands in a segment counts,
    /// a week is seven days, and how long occurrences are gathered is no part of a start.
    Meaning,
    /// That they say the same.
    Text,
    /// The same, but that fields of rows count by number.
    Numbers,
}

impl<'p> Fingerprints<'p> {
    /// For the expressions of `program`.
    pub fn new(program: &'p Program) -> Fingerprints<'p> {
        let (segments, joined) = (RefCell::default(), RefCell::default());
        Fingerprints { program, segments, joined, form: Form::Text, renamed: None }
    }

    /// For starts: equal also where the same is said in other words. Then as older stores have them: [`Fingerprints::new`],
    /// and before that with fields of rows by number.
    pub fn forms(program: &'p Program) -> [Fingerprints<'p>; 3] {
        [Form::Meaning, Form::Text, Form::Numbers].map(|form| Fingerprints { form, ..Fingerprints::new(program) })
    }

    /// As they were when the campaign `after` was called `before`.
    pub fn before_renaming(self, before: Symbol, after: Symbol) -> Fingerprints<'p> {
        Fingerprints { renamed: Some((before, after)), ..self }
    }

    /// What a start means.
    pub fn start(&self, start: &Start) -> String {
        let of_rows = |event: EventId, condition: &Option<Expr>| {
            let said = |expr| Saying { expr, of: Some(event), by: self }.to_string();
            condition.as_ref().map_or_else(String::new, said)
        };
        let gathering = |together: &Together| match together {
            Together::Tick if self.form != Form::Meaning => "together".into(),
            Together::For(duration) if self.form != Form::Meaning => format!("together for {duration}"),
            _ => String::new(),
        };
        let text = match &start.kind {
            StartKind::Becomes { condition, .. } => format!("becomes {}", self.expr(condition)),
            StartKind::Leaves { condition } => format!("leaves {}", self.expr(condition)),
            StartKind::Change { field, from, to } => format!("change {} {from:?} {to:?}", self.field(*field)),
            StartKind::Event { event, condition, together } => {
                format!("on {} where {} {}", self.event(*event), of_rows(*event, condition), gathering(together))
            }
            StartKind::EventDate { event, field, offset, condition, together } => format!(
                "{} of {} where {} {} {}",
                self.event_field(*event, *field),
                self.event(*event),
                of_rows(*event, condition),
                self.offset(offset),
                gathering(together)
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
            Offset::Fixed(duration) => self.duration(*duration).to_string(),
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
        let said = self.expr(&self.program.segment(id).body);
        let text = if self.form == Form::Meaning { said } else { digest(&said) };
        self.segments.borrow_mut().insert(id, text.clone());
        text
    }

    /// `of_row`: of which event or record it reads a row.
    fn write(&self, expr: &Expr, of_row: Option<EventId>, to: &mut dyn Write) -> fmt::Result {
        match self.form {
            Form::Meaning if expr.ty == Type::Bool => to.write_str(&self.condition(expr, of_row)),
            _ => self.spell(expr, of_row, to),
        }
    }

    /// A condition where only the meaning counts: a segment is what it says, and a digest of it stays short.
    fn condition(&self, expr: &Expr, of_row: Option<EventId>) -> String {
        let mut text = String::new();
        match &expr.kind {
            Kind::Segment(id) => return self.segment(*id),
            Kind::And(_) | Kind::Or(_) => {
                let word = if matches!(expr.kind, Kind::And(_)) { "and" } else { "or" };
                text = self.joined(expr, of_row).iter().fold(word.to_owned(), |all, part| all + " " + part);
            }
            _ => self.spell(expr, of_row, &mut text).expect("a text takes everything"),
        }
        digest(&text)
    }

    /// Part by part as it is written.
    fn spell(&self, expr: &Expr, of_row: Option<EventId>, to: &mut dyn Write) -> fmt::Result {
        let say = |expr| Saying { expr, of: of_row, by: self };
        let of = |selection| Chosen { selection, by: self };
        match &expr.kind {
            Kind::Literal(Value::Symbol(name)) if expr.ty == Type::Name(NameKind::Campaign) => {
                write!(to, "{:?}", Value::Symbol(self.campaign(*name)))
            }
            Kind::Literal(Value::Duration(duration)) => write!(to, "{:?}", Value::Duration(self.duration(*duration))),
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
                write!(to, "({} followed by {} within {})", of(first), of(second), self.duration(*within))
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

    /// What the same word joins, also behind names of segments, each once.
    fn joined(&self, expr: &Expr, of_row: Option<EventId>) -> BTreeSet<String> {
        let is_like = |part: &Expr| std::mem::discriminant(&part.kind) == std::mem::discriminant(&expr.kind);
        let (Kind::And(parts) | Kind::Or(parts)) = &expr.kind else { unreachable!("called for what is joined") };
        let mut found = BTreeSet::new();
        for part in parts {
            match part.kind {
                Kind::Segment(id) if is_like(&self.program.segment(id).body) => {
                    found.extend(self.joined_in(id).iter().cloned());
                }
                _ if is_like(part) => found.extend(self.joined(part, of_row)),
                _ => drop(found.insert(self.condition(part, of_row))),
            }
        }
        found
    }

    fn joined_in(&self, id: SegmentId) -> Rc<BTreeSet<String>> {
        if let Some(found) = self.joined.borrow().get(&id) {
            return found.clone();
        }
        let found = Rc::new(self.joined(&self.program.segment(id).body, None));
        self.joined.borrow_mut().insert(id, found.clone());
        found
    }

    /// In days, months and minutes, where only the meaning counts.
    fn duration(&self, duration: Duration) -> Duration {
        let Duration { count, unit } = duration;
        let (times, unit) = match unit {
            _ if self.form != Form::Meaning => return duration,
            Unit::Week => (7, Unit::Day),
            Unit::Year => (12, Unit::Month),
            Unit::Hour => (60, Unit::Minute),
            Unit::Minute | Unit::Day | Unit::Month => return duration,
        };
        Duration { count: count.saturating_mul(times), unit }
    }

    /// A campaign as the program's texts call it.
    fn campaign(&self, name: Symbol) -> Symbol {
        match self.renamed {
            Some((before, after)) if name == after => before,
            _ => self.program.sources.written_name(name),
        }
    }

    fn all(&self, name: &str, parts: &[Expr], of_row: Option<EventId>, to: &mut dyn Write) -> fmt::Result {
        write!(to, "({name} ")?;
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                to.write_str(" ")?;
            }
            self.write(part, of_row, to)?;
        }
        to.write_str(")")
    }

    fn selection(&self, selection: &Selection, to: &mut dyn Write) -> fmt::Result {
        write!(to, "{} where ", self.event(selection.event))?;
        if let Some(condition) = &selection.condition {
            self.write(condition, Some(selection.event), to)?;
        }
        to.write_str(" in ")?;
        selection.window.as_ref().map_or(Ok(()), |window| self.window(window, None, to))
    }

    fn window(&self, window: &Window, of_row: Option<EventId>, to: &mut dyn Write) -> fmt::Result {
        let say = |expr| Saying { expr, of: of_row, by: self };
        match window {
            Window::Last(duration) => write!(to, "last {}", self.duration(*duration)),
            Window::Next(duration) => write!(to, "next {}", self.duration(*duration)),
            Window::Period { which, unit } => write!(to, "{which:?} {}", unit.word()),
            Window::Since(value) => write!(to, "since {}", say(value)),
            Window::Before(value) => write!(to, "before {}", say(value)),
            Window::Between(low, high) => write!(to, "between {} and {}", say(low), say(high)),
        }
    }

    fn read(&self, read: &Read, of_row: Option<EventId>, to: &mut dyn Write) -> fmt::Result {
        match read {
            Read::Patron(field) => write!(to, "patron.{}", self.field(*field)),
            Read::Row(read) => match of_row.filter(|_| self.form != Form::Numbers) {
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

fn word(channel: Option<Channel>) -> &'static str {
    channel.map_or("any", Channel::word)
}
