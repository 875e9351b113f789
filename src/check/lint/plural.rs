//! `1 days`, `30 day`: a number and a unit that do not agree.
//!
//! The compiler reads both alike, a reader stumbles.

use crate::check::{Context, Scope};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::syntax::ast;
use crate::time::{Duration, Unit};

const PLURAL: Code = Code("W0101");

/// Looks at a duration as it is written.
pub(in crate::check) fn check(context: &mut Context<'_>, span: Span, count: i64, unit: Unit, word: Span) {
    // A number without a unit stands for itself and has been reported.
    let is_singular = context.sources.snippet(word) == unit.word();
    if word == span || is_singular == (count.abs() == 1) {
        return;
    }
    let meant = Duration { count, unit }.to_string();
    let written = context.sources.snippet(span).to_owned();
    context.report(
        Diagnostic::new(PLURAL, span, format!("`{written}` reads oddly"))
            .label("number and unit do not agree")
            .help(format!("write `{meant}`"))
            .fix(span, meant.clone()),
    );
}

/// The same for the unit of `of the last M months`.
pub(in crate::check) fn check_word(context: &mut Context<'_>, periods: &ast::Periods, scope: &Scope<'_>) {
    let _ = scope;
    if let ast::CountValue::Number(number) = periods.of {
        check(context, number.span.to(periods.unit_span), number.value, periods.unit, periods.unit_span);
    }
}
