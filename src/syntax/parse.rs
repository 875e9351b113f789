//! From the text of a file to its tree.

use pest::Parser;

use super::ast::{Comment, File};
use super::build::Builder;
use super::grammar::{Grammar, Parts, Rule};
use super::scan::{Scan, comment_text};
use crate::diagnostic::{Code, Diagnostic, FileId, Sources, Span};

/// Something stands where something else was expected.
pub const UNEXPECTED: Code = Code("E0001");

/// A file as a tree, and what is wrong with its syntax.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What could be read.
    pub file: File,
    /// Errors of syntax; without any, `file` is complete.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses the file `file` of `sources`.
pub fn parse(sources: &Sources, file: FileId) -> Parsed {
    let source = sources.text(file);
    let scan = Scan::new(source);
    let comments = scan
        .comments
        .iter()
        .map(|comment| Comment {
            span: Span::new(file, comment.range.clone()),
            is_doc: comment.is_doc,
            text: comment_text(&source[comment.range.clone()]).into(),
        })
        .collect();
    let mut items = Vec::new();
    let mut diagnostics = Vec::new();
    match Grammar::parse(Rule::file, source) {
        Ok(mut pairs) => {
            let mut builder = Builder::new(file, source, 0, &scan);
            let root = pairs.next().expect("a rule yields itself");
            items.extend(Parts::of(root).filter(|part| part.as_rule() == Rule::item).map(|part| builder.item(part)));
            diagnostics = builder.diagnostics;
        }
        Err(error) => {
            let at = match error.location {
                pest::error::InputLocation::Pos(at) => at,
                pest::error::InputLocation::Span((start, _)) => start,
            };
            diagnostics.push(Diagnostic::new(UNEXPECTED, Span::new(file, at..at), format!("unexpected: {error}")));
        }
    }
    Parsed { file: File { file, items, comments }, diagnostics }
}
