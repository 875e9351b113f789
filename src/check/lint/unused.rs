//! Declarations of the program that nothing uses.
//!
//! A segment that no campaign, test or other segment names is often a slip of the pen in the name of another.

use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::map::Set;
use crate::symbol::Symbol;

const SEGMENT: Code = Code("W0201");
const MESSAGE: Code = Code("W0202");
const ENUM: Code = Code("W0203");
const CLASS: Code = Code("W0204");

/// Looks at the whole program, after everything else.
pub(in crate::check) fn check(context: &mut Context<'_>) {
    let mut found: Vec<(Code, &str, Symbol, Span, &str)> = Vec::new();
    for declaration in &context.declared.all_segments {
        let name = declaration.what.name;
        found.push((SEGMENT, "segment", name.symbol, name.span, "use it in a campaign or a test, or remove it"));
    }
    for declaration in &context.declared.all_messages {
        let name = declaration.what.name;
        found.push((MESSAGE, "message", name.symbol, name.span, "send it in a campaign, or remove it"));
    }
    for declared in &context.catalogue.enums {
        if let (Some(name), Some(span)) = (declared.name, declared.span) {
            found.push((ENUM, "enum", name, span, "give a field this type, or remove it"));
        }
    }
    for class in &context.catalogue.classes {
        if let Some(span) = class.span {
            found.push((
                CLASS,
                "privacy class",
                class.name,
                span,
                "mark what it protects with `private`, or remove it",
            ));
        }
    }
    let used: Set<Symbol> = std::mem::take(&mut context.used);
    for (code, kind, name, span, help) in found {
        if !used.contains(&name) {
            context.report(
                Diagnostic::new(code, span, format!("nothing uses the {kind} `{name}`")).label("unused").help(help),
            );
        }
    }
    context.used = used;
}
