//! Inside `where`, a name that both the event and the patron have.
//!
//! The event's is meant; a reader may think of the patron's.

use crate::catalogue::EventId;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast;

const BOTH: Code = Code("W0102");

/// `name` has been read as a field of `event`.
pub(in crate::check) fn check(context: &mut Context<'_>, name: ast::Name, event: EventId) {
    let field = context.catalogue.field_named(name.symbol).map(|id| context.catalogue.field(id));
    // Of a built-in field the author may not even know.
    let Some(place) = field.and_then(|field| field.span) else { return };
    let event = context.catalogue.event(event).name;
    context.report(
        Diagnostic::new(
            BOTH,
            name.span,
            format!("both `{event}` and the patron have a field `{}`; this is the event's", name.symbol),
        )
        .label(format!("of `{event}`"))
        .also(place, "the patron's")
        .help(format!("the patron's is `patron.{}`; if the event's is meant, all is well", name.symbol)),
    );
}
