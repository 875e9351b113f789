//! The catalogue of a program: its declarations over the built-in ones (sections 3 and 4).
//!
//! Declarations are collected by kind first, so that their order does not matter; then enumerations, the patron,
//! events and the rest get their ids, and at last what refers to them is resolved. Built-in declarations give way to
//! whatever the program calls by their name, and never make a program fail.

mod collect;
mod contact;
mod engine;
mod event;
mod library;
mod patron;
mod purpose;
mod survey;
mod table;
mod types;

use crate::catalogue;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast;

pub(super) use collect::{Collector, Items};
pub(super) use library::resolve as library;

use super::Context;

const UNKNOWN_LANGUAGE: Code = Code("E0108");
const TRANSLATED_TWICE: Code = Code("E0130");

/// The catalogue from all declarations.
pub(super) fn catalogue<'a>(context: &mut Context<'a>, items: &Items<'a>) {
    context.declare_enums(items);
    context.declare_purposes(items);
    context.declare_classes(items);
    context.declare_patron(items);
    context.declare_events(items);
    context.declare_tables(items);
    context.declare_lists(items);
    context.declare_feeds(items);
    context.declare_surveys(items);
    context.declare_engine_events();
    context.resolve_classes(items);
    context.resolve_contact(items);
}

/// A label as the catalogue keeps it.
pub(super) fn label(label: &ast::Label) -> catalogue::Label {
    catalogue::Label {
        text: label.text.value.clone(),
        translations: label.translations.iter().map(|(code, text)| (code.symbol, text.value.clone())).collect(),
    }
}

impl Context<'_> {
    /// A label whose translations are in languages of the library.
    pub(super) fn checked_label(&mut self, ast: Option<&ast::Label>) -> Option<catalogue::Label> {
        let ast = ast?;
        for (index, (language, _)) in ast.translations.iter().enumerate() {
            self.known_language(*language);
            let before = &ast.translations[..index];
            if let Some((first, _)) = before.iter().find(|(first, _)| first.symbol == language.symbol) {
                self.report(
                    Diagnostic::new(
                        TRANSLATED_TWICE,
                        language.span,
                        format!("two translations into `{}`", language.symbol),
                    )
                    .label("again here")
                    .also(first.span, "first here"),
                );
            }
        }
        Some(label(ast))
    }

    /// Whether `language` is one of the library's; reported if not.
    pub fn known_language(&mut self, language: ast::Name) -> bool {
        if !self.has_languages || self.library.languages.contains(&language.symbol) {
            return true;
        }
        let known = self.library.languages.clone();
        let message = format!("`{}` is not a language of the library", language.symbol);
        self.report(super::expr::unknown(UNKNOWN_LANGUAGE, language, &message, known, "its languages are"));
        false
    }
}
