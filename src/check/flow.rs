//! What flows through expressions: privacy classes, and what may be unknown (sections 6 and 10).

use crate::catalogue::{Catalogue, ClassId, ClassSet, EventId};
use crate::rule::function::AGE;
use crate::rule::visit::private_reads;
use crate::rule::{EventRead, Expr, Kind, Read, SegmentId, Selection, Window};

use super::Context;

impl Context<'_> {
    /// Every privacy class that flows into `expr`, through segments too.
    pub fn classes_of(&self, expr: &Expr) -> ClassSet {
        let Found { mut classes, segments: mut waiting } = direct(&self.catalogue, expr);
        let mut seen = std::collections::HashSet::new();
        while let Some(id) = waiting.pop() {
            if seen.insert(id)
                && let Some(body) = self.segments.body(id)
            {
                let found = direct(&self.catalogue, body);
                classes = classes.union(found.classes);
                waiting.extend(found.segments);
            }
        }
        classes
    }

    /// Whether `expr` may be unknown. `served` are the classes whose open records the campaign knows without what
    /// they require.
    pub fn may_be_unknown(&self, expr: &Expr, served: ClassSet) -> bool {
        self.unknown(expr, served, None, 0)
    }

    fn unknown(&self, expr: &Expr, served: ClassSet, row: Option<EventId>, depth: usize) -> bool {
        let any = |parts: &[Expr]| parts.iter().any(|part| self.unknown(part, served, row, depth));
        let selected = |selection: &Selection| self.selection_unknown(selection, served, depth);
        match &expr.kind {
            Kind::Literal(_) | Kind::Today | Kind::Now | Kind::Start => false,
            Kind::Read(read) => self.read_unknown(read, served, row),
            Kind::Call { function, arguments } => *function == &AGE || any(arguments),
            Kind::Not(inner) => self.unknown(inner, served, row, depth),
            Kind::And(parts) | Kind::Or(parts) => any(parts),
            Kind::InWindow { value, window } => {
                self.unknown(value, served, row, depth) || self.window_unknown(window, served, depth)
            }
            Kind::Known(_) | Kind::Member(_) | Kind::Agrees { .. } | Kind::AskedFor { .. } => false,
            // A circle is an error; its depth only has to end here.
            Kind::Segment(id) => {
                depth < 100 && self.segments.body(*id).is_some_and(|body| self.unknown(body, served, None, depth + 1))
            }
            Kind::Has { selection, .. }
            | Kind::Count(selection)
            | Kind::Days(selection)
            | Kind::Periods { selection, .. } => selected(selection),
            Kind::Sum { field, selection } => {
                selected(selection) || self.catalogue.event(selection.event).fields[usize::from(*field)].optional
            }
            Kind::Followed { first, second, .. } => selected(first) || selected(second),
            Kind::First { .. } | Kind::Latest { .. } | Kind::Changed(_) | Kind::EndOfConsent { .. } => true,
        }
    }

    fn read_unknown(&self, read: &Read, served: ClassSet, row: Option<EventId>) -> bool {
        match read {
            Read::Patron(id) => {
                let field = self.catalogue.field(*id);
                let is_required = self.catalogue.classes.iter().any(|class| class.requires == Some(*id));
                !is_required && (field.optional || self.needs_agreement(field.private))
            }
            // Inside `where` the row is there; whether the patron's rows are known is asked of the selection.
            Read::Row(read) => row.is_some_and(|event| self.event_field_unknown(event, *read)),
            Read::StartEvent(event, read) => {
                let declared = self.catalogue.event(*event);
                let is_served = declared.is_record() && declared.private.is_some_and(|class| served.contains(class));
                *read != EventRead::Open
                    && (self.event_field_unknown(*event, *read) || !is_served && self.needs_agreement(declared.private))
            }
            Read::Table { .. } => true,
            // The feed is not named here; its optional fields are asked for where the pick is known.
            Read::FeedRow(_) => false,
        }
    }

    fn event_field_unknown(&self, event: EventId, read: EventRead) -> bool {
        let EventRead::Field(index) = read else { return false };
        let field = &self.catalogue.event(event).fields[usize::from(index)];
        field.optional || self.needs_agreement(field.private)
    }

    fn selection_unknown(&self, selection: &Selection, served: ClassSet, depth: usize) -> bool {
        let private = self.catalogue.event(selection.event).private;
        let is_served = selection.requires_open && private.is_some_and(|class| served.contains(class));
        let condition = selection.condition.as_deref();
        !is_served && self.needs_agreement(private)
            || condition.is_some_and(|condition| self.unknown(condition, served, Some(selection.event), depth))
            || selection.window.as_ref().is_some_and(|window| self.window_unknown(window, served, depth))
    }

    fn window_unknown(&self, window: &Window, served: ClassSet, depth: usize) -> bool {
        window.bounds().any(|bound| self.unknown(bound, served, None, depth))
    }

    fn needs_agreement(&self, class: Option<ClassId>) -> bool {
        class.is_some_and(|class| self.catalogue.class(class).requires.is_some())
    }
}

/// The classes of each instance, through the segments that it uses.
pub(super) fn segment_classes(catalogue: &Catalogue, bodies: &[Option<Expr>]) -> Vec<ClassSet> {
    let nothing = || Found { classes: ClassSet::EMPTY, segments: Vec::new() };
    let of = |body: &Option<Expr>| body.as_ref().map_or_else(nothing, |body| direct(catalogue, body));
    let found: Vec<Found> = bodies.iter().map(of).collect();
    let mut classes: Vec<ClassSet> = found.iter().map(|found| found.classes).collect();
    // Segments use each other without circles, so this ends after at most as many rounds as the longest chain.
    loop {
        let mut changed = false;
        for (index, found) in found.iter().enumerate() {
            let union = found.segments.iter().fold(classes[index], |set, used| set.union(classes[used.0 as usize]));
            changed |= union != classes[index];
            classes[index] = union;
        }
        if !changed {
            return classes;
        }
    }
}

/// What an expression itself leads to.
struct Found {
    classes: ClassSet,
    segments: Vec<SegmentId>,
}

/// The classes that an expression reads itself, and the segments that it uses.
fn direct(catalogue: &Catalogue, expr: &Expr) -> Found {
    let reads = private_reads(expr, catalogue, &|_| None);
    let classes = reads.iter().fold(ClassSet::EMPTY, |classes, read| classes.with(read.class));
    let mut segments = Vec::new();
    expr.walk(&mut |part| {
        if let Kind::Segment(id) = part.kind {
            segments.push(id);
        }
    });
    Found { classes, segments }
}
