//! `reveal` of a class of which no message of the campaign tells anything: a door left open for the next edit.

use crate::catalogue::ClassId;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Span};

const UNUSED_REVEAL: Code = Code("W0301");

/// Points at a `reveal` that reveals nothing.
pub(in crate::check) fn check(context: &mut Context<'_>, class: ClassId, clause: Span) {
    let name = context.catalogue.class(class).name;
    context.report(
        Diagnostic::new(
            UNUSED_REVEAL,
            clause,
            format!("no message of this campaign tells anything of the class `{name}`"),
        )
        .label("reveals nothing")
        .note("it would let a later edit of a message tell it without anybody noticing")
        .help("take the clause away"),
    );
}
