//! Whether a value may be unknown for some reader: then a template needs `default` for it.

use crate::catalogue::{Catalogue, ClassSet, EventId};
use crate::rule::function::AGE;
use crate::rule::{EventRead, Expr, Kind, Read, Selection};

/// What decides it besides the catalogue.
#[derive(Clone, Copy)]
pub(super) struct Unknown<'a> {
    pub catalogue: &'a Catalogue,
    /// Classes whose open records are known without an agreement.
    pub served: ClassSet,
}

impl Unknown<'_> {
    /// Whether the value may be unknown.
    pub fn may_be(self, expr: &Expr) -> bool {
        match &expr.kind {
            Kind::Literal(_) | Kind::Today | Kind::Now | Kind::Start | Kind::Known(_) => false,
            Kind::Member(_) | Kind::Agrees { .. } | Kind::AskedFor { .. } => false,
            Kind::Read(read) => self.read(read),
            Kind::Call { function, arguments } => {
                std::ptr::eq(*function, &AGE) || arguments.iter().any(|argument| self.may_be(argument))
            }
            Kind::Not(inner) => self.may_be(inner),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().any(|part| self.may_be(part)),
            Kind::InWindow { value, .. } => self.may_be(value),
            Kind::Count(selection) | Kind::Days(selection) => self.selection(selection),
            Kind::Has { selection, .. } | Kind::Periods { selection, .. } => self.selection(selection),
            Kind::Sum { field, selection } => {
                self.selection(selection) || self.event_field(selection.event, EventRead::Field(*field))
            }
            Kind::Followed { first, second, .. } => self.selection(first) || self.selection(second),
            // Of none they are unknown; a segment's result has three values.
            Kind::First { .. } | Kind::Latest { .. } | Kind::Changed(_) | Kind::EndOfConsent { .. } => true,
            Kind::Segment(_) => true,
        }
    }

    fn read(self, read: &Read) -> bool {
        match read {
            Read::Patron(field) => {
                let field = self.catalogue.field(*field);
                let requires = |class| self.catalogue.class(class).requires.is_some();
                field.optional || field.private.is_some_and(requires)
            }
            // A start, and `event`, see their event as long as the store keeps it.
            Read::StartEvent(event, read) => self.event_field(*event, *read),
            // The event of a selection is tried with its condition.
            Read::Row(_) => true,
            // No row, no key.
            Read::Table { .. } => true,
            // The feed is known where the row is read; its fields are tried by the caller.
            Read::FeedRow(_) => true,
        }
    }

    fn event_field(self, event: EventId, read: EventRead) -> bool {
        match read {
            EventRead::At | EventRead::Open => false,
            EventRead::Field(index) => self.catalogue.event(event).fields[usize::from(index)].optional,
        }
    }

    /// A count of events that may not be one number.
    fn selection(self, selection: &Selection) -> bool {
        let class = self.catalogue.event(selection.event).private;
        let needs_agreement = class.is_some_and(|class| {
            let served = selection.requires_open && self.served.contains(class);
            self.catalogue.class(class).requires.is_some() && !served
        });
        let condition = selection.condition.as_deref();
        needs_agreement || condition.is_some_and(|condition| self.condition(selection.event, condition))
    }

    /// Whether `where` may be unknown for some event.
    fn condition(self, event: EventId, expr: &Expr) -> bool {
        match &expr.kind {
            Kind::Read(Read::Row(read)) => self.event_field(event, *read),
            Kind::Not(inner) => self.condition(event, inner),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().any(|part| self.condition(event, part)),
            Kind::Call { function, arguments } => {
                std::ptr::eq(*function, &AGE) || arguments.iter().any(|part| self.condition(event, part))
            }
            Kind::InWindow { value, .. } => self.condition(event, value),
            _ => self.may_be(expr),
        }
    }
}
