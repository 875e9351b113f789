//! Walking over an expression, and what it reads of private data.

use std::collections::HashSet;

use crate::catalogue::{Catalogue, ClassId, EventId};
use crate::diagnostic::Span;
use crate::rule::{EventRead, Expr, Kind, Read, SegmentId, Selection, Window};

impl Expr {
    /// Calls `visit` for this expression and everything in it, `where` and the bounds of windows included, but not
    /// the bodies of segments.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        match &self.kind {
            Kind::Literal(_)
            | Kind::Read(_)
            | Kind::Today
            | Kind::Now
            | Kind::Start
            | Kind::Segment(_)
            | Kind::Member(_)
            | Kind::Agrees { .. }
            | Kind::AskedFor { .. }
            | Kind::EndOfConsent { .. }
            | Kind::Changed(_) => {}
            Kind::Call { arguments, .. } => arguments.iter().for_each(|argument| argument.walk(visit)),
            Kind::Not(inner) | Kind::Known(inner) => inner.walk(visit),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Kind::InWindow { value, window } => {
                value.walk(visit);
                window.bounds().for_each(|bound| bound.walk(visit));
            }
            _ => self.selections().into_iter().for_each(|selection| selection.walk(visit)),
        }
    }

    /// The selections of this expression itself, not of what is in it.
    pub fn selections(&self) -> Vec<&Selection> {
        match &self.kind {
            Kind::Has { selection, .. }
            | Kind::Count(selection)
            | Kind::Days(selection)
            | Kind::Sum { selection, .. }
            | Kind::First { selection, .. }
            | Kind::Latest { selection, .. }
            | Kind::Periods { selection, .. } => vec![selection],
            Kind::Followed { first, second, .. } => vec![first, second],
            _ => Vec::new(),
        }
    }
}

impl Selection {
    fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        if let Some(condition) = &self.condition {
            condition.walk(visit);
        }
        if let Some(window) = &self.window {
            window.bounds().for_each(|bound| bound.walk(visit));
        }
    }
}

impl Window {
    /// The values that bound it.
    pub fn bounds(&self) -> impl Iterator<Item = &Expr> {
        let (one, other) = match self {
            Window::Since(bound) | Window::Before(bound) => (Some(bound), None),
            Window::Between(low, high) => (Some(low), Some(high)),
            Window::Last(_) | Window::Next(_) | Window::Period { .. } => (None, None),
        };
        one.into_iter().chain(other).map(|bound| &**bound)
    }
}

/// One place at which an expression reads data of a privacy class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrivateRead {
    pub class: ClassId,
    /// The field, or the selection of events.
    pub span: Span,
    /// Where the data enters the expression that was asked about: `span` itself, or the use of a segment.
    pub entry: Span,
    /// The segments on the way, from the expression inwards.
    pub through: Vec<SegmentId>,
    /// It is of open records only: known without what the class requires in campaigns that the class serves.
    pub open_only: bool,
}

/// Each place at which `expr` reads private data, through the segments whose `body` is known. A segment is read once
/// for each use in `expr`, so that many ways to it cost no more than one; a circle ends.
pub fn private_reads<'a>(
    expr: &'a Expr,
    catalogue: &Catalogue,
    body: &dyn Fn(SegmentId) -> Option<&'a Expr>,
) -> Vec<PrivateRead> {
    let mut reader = Reader { catalogue, found: Vec::new(), uses: Vec::new(), current: None, seen: HashSet::new() };
    reader.expr(expr, None);
    let mut next = 0;
    // From a list and not by recursion: a chain of segments may be long.
    while let Some(of) = reader.uses.get(next) {
        let segment = of.segment;
        reader.current = Some(next);
        if let Some(body) = body(segment) {
            reader.expr(body, None);
        }
        next += 1;
    }
    reader.found
}

struct Reader<'b> {
    catalogue: &'b Catalogue,
    found: Vec<PrivateRead>,
    /// Uses of segments, each behind the one in whose body it stands.
    uses: Vec<Use>,
    /// The use whose body is being read.
    current: Option<usize>,
    seen: HashSet<(SegmentId, Span)>,
}

struct Use {
    segment: SegmentId,
    /// In the expression that was asked about.
    entry: Span,
    inside: Option<usize>,
}

/// The selection whose `where` is being read.
#[derive(Clone, Copy)]
struct Row {
    event: EventId,
    open: bool,
}

impl Reader<'_> {
    fn expr(&mut self, expr: &Expr, row: Option<Row>) {
        match &expr.kind {
            Kind::Read(read) => self.read(read, expr.span, row),
            Kind::Changed(field) => self.class(self.catalogue.field(*field).private, expr.span, false),
            Kind::Segment(segment) => self.segment(*segment, expr.span),
            _ => {}
        }
        if let Kind::Sum { field, selection } = &expr.kind {
            let private = self.field_class(selection.event, EventRead::Field(*field));
            self.class(private, expr.span, selection.requires_open);
        }
        if let Kind::First { selection, read: Some(read) } | Kind::Latest { selection, read: Some(read) } = &expr.kind {
            self.class(self.field_class(selection.event, *read), expr.span, selection.requires_open);
        }
        for selection in expr.selections() {
            let event = self.catalogue.event(selection.event);
            let row = Row { event: selection.event, open: event.is_record() && selection.requires_open };
            self.class(event.private, selection.span, row.open);
            if let Some(condition) = &selection.condition {
                self.expr(condition, Some(row));
            }
            if let Some(window) = &selection.window {
                window.bounds().for_each(|bound| self.expr(bound, None));
            }
        }
        match &expr.kind {
            Kind::Call { arguments, .. } => arguments.iter().for_each(|argument| self.expr(argument, row)),
            Kind::Not(inner) | Kind::Known(inner) => self.expr(inner, row),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().for_each(|part| self.expr(part, row)),
            Kind::InWindow { value, window } => {
                self.expr(value, row);
                window.bounds().for_each(|bound| self.expr(bound, None));
            }
            _ => {}
        }
    }

    fn read(&mut self, read: &Read, span: Span, row: Option<Row>) {
        match read {
            Read::Patron(field) => self.class(self.catalogue.field(*field).private, span, false),
            Read::Row(read) => {
                if let Some(row) = row {
                    self.class(self.field_class(row.event, *read), span, row.open);
                }
            }
            Read::StartEvent(event, read) => {
                let open = self.catalogue.event(*event).is_record();
                self.class(self.catalogue.event(*event).private, span, open);
                self.class(self.field_class(*event, *read), span, false);
            }
            Read::Table { table, key, column } => {
                let column = &self.catalogue.tables[table.index()].fields[usize::from(*column)];
                self.class(column.private, span, false);
                self.read(key, span, row);
            }
            Read::FeedRow(_) => {}
        }
    }

    fn field_class(&self, event: EventId, read: EventRead) -> Option<ClassId> {
        match read {
            EventRead::Field(index) => self.catalogue.event(event).fields[usize::from(index)].private,
            EventRead::At | EventRead::Open => None,
        }
    }

    fn segment(&mut self, segment: SegmentId, span: Span) {
        let entry = self.current.map_or(span, |current| self.uses[current].entry);
        if self.seen.insert((segment, entry)) {
            self.uses.push(Use { segment, entry, inside: self.current });
        }
    }

    fn class(&mut self, class: Option<ClassId>, span: Span, open_only: bool) {
        let Some(class) = class else { return };
        let mut through = Vec::new();
        let mut outer = self.current;
        while let Some(at) = outer {
            through.push(self.uses[at].segment);
            outer = self.uses[at].inside;
        }
        through.reverse();
        let entry = self.current.map_or(span, |current| self.uses[current].entry);
        let read = PrivateRead { class, span, entry, through, open_only };
        if !self.found.contains(&read) {
            self.found.push(read);
        }
    }
}
