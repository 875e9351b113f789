//! To the right of a test of an enumeration, a value that is also called like a field.
//!
//! The value is meant; who wants to compare two fields writes `patron.FIELD`.

use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast;

const BOTH: Code = Code("W0103");

/// `name` has been read as a value.
pub(in crate::check) fn check(context: &mut Context<'_>, name: ast::Name) {
    let field = context.catalogue.field_named(name.symbol).map(|id| context.catalogue.field(id));
    let Some(place) = field.and_then(|field| field.span) else { return };
    context.report(
        Diagnostic::new(
            BOTH,
            name.span,
            format!("`{}` is a value here, and also the name of a patron field", name.symbol),
        )
        .label("the value is meant")
        .also(place, "the field")
        .help(format!("to compare with the field write `patron.{}`", name.symbol)),
    );
}
