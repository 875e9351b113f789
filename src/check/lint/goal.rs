//! A `goal` or `until` over events without a window: true at once for everybody who ever did it.

use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::rule::{CountTest, Expr, Kind};

const NO_WINDOW: Code = Code("W0402");

/// Points at each selection without a window that could make the condition true from the start.
pub(in crate::check) fn check(context: &mut Context<'_>, condition: &Expr, clause: &str) {
    let mut found = Vec::new();
    condition.walk(&mut |part| {
        // Of at most so many, old events make it false and not true.
        if let Kind::Has { test: CountTest::AtMost(_) | CountTest::Exactly(0), .. } = part.kind {
            return;
        }
        let windowless = part.selections().into_iter().any(|selection| selection.window.is_none());
        // `open` records are those of now: they need no window.
        let open = part.selections().iter().all(|selection| selection.requires_open);
        if windowless && !open {
            found.push(part.span);
        }
    });
    for span in found {
        let written = context.sources.snippet(span).to_owned();
        context.report(
            Diagnostic::new(NO_WINDOW, span, format!("`{written}` counts everything that ever happened"))
                .label("no window")
                .note(format!("whoever did it before the campaign began has reached this `{clause}` at once"))
                .help(format!("count from the start of the journey: `{written} since start`")),
        );
    }
}
