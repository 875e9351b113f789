//! `is not` and `not` over an optional field: everybody of whom it is not recorded is left out.
//!
//! `city is not "Springfield"` is unknown for a patron without a city, and the unknown never selects (section 6). That
//! may be what is wanted; it must be visible.

use std::collections::HashSet;

use crate::catalogue::FieldId;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::rule::{Expr, Kind, Read};

const LEFT_OUT: Code = Code("W0104");

/// Looks at a whole condition.
pub(in crate::check) fn check(context: &mut Context<'_>, expr: &Expr) {
    let mut asked = HashSet::new();
    expr.walk(&mut |part| {
        if let Kind::Known(inner) = &part.kind
            && let Kind::Read(Read::Patron(field)) = &inner.kind
        {
            asked.insert(*field);
        }
    });
    let mut found: Vec<(Expr, FieldId)> = Vec::new();
    negations(context, expr, &mut |negation, field| {
        if !asked.contains(&field) {
            found.push((negation.clone(), field));
        }
    });
    for (negation, field) in found {
        let name = context.catalogue.field(field).name;
        let written = context.sources.snippet(negation.span).to_owned();
        context.report(
            Diagnostic::new(LEFT_OUT, negation.span, format!("whoever has no `{name}` is left out here"))
                .label(format!("unknown where `{name}` is not recorded"))
                .note("the unknown never selects: `not` of an unknown is unknown")
                .help(format!("to take them in write `({written} or {name} is unknown)`; to say that they are out, `({written} and {name} is known)`")),
        );
    }
}

/// Each `not` over a test that reads an optional field of the patron.
fn negations<'e>(context: &Context<'_>, expr: &'e Expr, found: &mut dyn FnMut(&'e Expr, FieldId)) {
    match &expr.kind {
        Kind::Not(inner) => {
            if let Some(field) = optional_field(context, inner) {
                found(expr, field);
            }
        }
        Kind::And(parts) | Kind::Or(parts) => parts.iter().for_each(|part| negations(context, part, found)),
        _ => {}
    }
}

/// An optional field of the program's own that a test reads itself, not through `is known`, a segment or events.
fn optional_field(context: &Context<'_>, expr: &Expr) -> Option<FieldId> {
    match &expr.kind {
        Kind::Read(Read::Patron(id)) => {
            let field = context.catalogue.field(*id);
            let is_required = context.catalogue.classes.iter().any(|class| class.requires == Some(*id));
            (field.optional && !is_required).then_some(*id)
        }
        Kind::Call { arguments, .. } => arguments.iter().find_map(|argument| optional_field(context, argument)),
        Kind::Not(inner) => optional_field(context, inner),
        Kind::InWindow { value, .. } => optional_field(context, value),
        Kind::And(parts) | Kind::Or(parts) => parts.iter().find_map(|part| optional_field(context, part)),
        _ => None,
    }
}
