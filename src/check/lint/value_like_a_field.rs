//! To the right of a test of an enumeration, a value that is also called like a field of that enumeration.
//!
//! The value is meant; who wants to compare two fields writes `patron.FIELD`. A field of another type could not be
//! compared, so nobody is misled by its name.

use crate::catalogue::Type;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast;

const BOTH: Code = Code("W0103");

/// `name` has been read as a value of type `ty`.
pub(in crate::check) fn check(context: &mut Context<'_>, name: ast::Name, ty: Type) {
    let field = context.catalogue.field_named(name.symbol).map(|id| context.catalogue.field(id));
    let Some(place) = field.filter(|field| field.ty == ty).and_then(|field| field.span) else { return };
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
