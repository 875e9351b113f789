//! What every pass of the checker works on: the catalogue, the declarations by name, the findings so far.

use std::sync::Arc;

use crate::catalogue::{Catalogue, EnumId, Library};
use crate::diagnostic::{Code, Diagnostic, FileId, Severity, Sources, Span};
use crate::map::{Map, Set};
use crate::symbol::Symbol;
use crate::syntax::ast;

use super::segment::Segments;

/// A declaration with the documentation above it.
#[derive(Debug)]
pub struct Declaration<'a, T> {
    pub item: &'a ast::Item,
    pub what: &'a T,
}

impl<T> Clone for Declaration<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Declaration<'_, T> {}

/// Declarations that are not part of the catalogue, by name. Of two of one name (an error) the first.
#[derive(Default, Debug)]
pub struct Declared<'a> {
    pub segments: Map<Symbol, Declaration<'a, ast::Segment>>,
    pub messages: Map<Symbol, Declaration<'a, ast::Message>>,
    pub campaigns: Map<Symbol, Declaration<'a, ast::Campaign>>,
    /// All of them, the second of two included, in the order of the files.
    pub all_segments: Vec<Declaration<'a, ast::Segment>>,
    pub all_messages: Vec<Declaration<'a, ast::Message>>,
    pub all_campaigns: Vec<Declaration<'a, ast::Campaign>>,
    pub tests: Vec<Declaration<'a, ast::Test>>,
    pub purposes: Map<Symbol, Declaration<'a, ast::Purpose>>,
    /// Declarations of which a part could not be read: what they lack is not reported.
    pub incomplete: Set<Symbol>,
    /// Names of declarations that could not be read as such: what refers to them is not reported.
    pub broken: Set<Symbol>,
}

/// The state of one compilation.
#[derive(Debug)]
pub struct Context<'a> {
    pub sources: &'a Sources,
    /// The file of the built-in catalogue: what is declared there gives way.
    pub(super) built_in: FileId,
    pub library: Library,
    /// The program has a library block that says something. Without one nothing is said about what it lacks.
    pub has_library: bool,
    /// The library's languages are known.
    pub has_languages: bool,
    pub catalogue: Catalogue,
    pub declared: Declared<'a>,
    /// The instances so far.
    pub segments: Segments<'a>,
    /// Names of events, lists, segments, messages, … that something refers to.
    pub used: Set<Symbol>,
    /// Named enumerations.
    pub(super) enums: Map<Symbol, EnumId>,
    /// Anonymous ones by their values.
    pub(super) anonymous: Map<Vec<Symbol>, EnumId>,
    /// Template files and layouts by their path.
    pub(super) files: Map<std::path::PathBuf, FileId>,
    diagnostics: Vec<Diagnostic>,
    /// How many of them are errors.
    errors: usize,
    reported: Set<(Code, Span)>,
}

impl<'a> Context<'a> {
    /// A context before anything is declared.
    pub(super) fn new(sources: &'a Sources, built_in: FileId, library: Library, declared: Declared<'a>) -> Self {
        let files = sources.iter().map(|(id, file)| (file.path.clone(), id)).collect();
        Context {
            sources,
            built_in,
            library,
            has_library: true,
            has_languages: true,
            catalogue: Catalogue::default(),
            declared,
            segments: Segments::default(),
            used: Set::default(),
            enums: Map::default(),
            anonymous: Map::default(),
            files,
            diagnostics: Vec::new(),
            errors: 0,
            reported: Set::default(),
        }
    }

    /// Reports a finding. The same code at the same place is reported once: a segment is checked for each of its
    /// instances.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        if self.reported.insert((diagnostic.code, diagnostic.span)) {
            self.errors += usize::from(diagnostic.severity == Severity::Error);
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reports, and gives the `None` that stands for "has been reported".
    pub(super) fn fail<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.report(diagnostic);
        None
    }

    /// How many errors there are so far.
    pub(super) fn errors(&self) -> usize {
        self.errors
    }

    /// Whether something is already said about this very place.
    pub(super) fn has_finding_at(&self, span: Span) -> bool {
        self.diagnostics.iter().any(|found| found.span == span)
    }

    /// How many findings there are so far.
    pub fn findings(&self) -> usize {
        self.diagnostics.len()
    }

    /// Whether a part of a declaration could not be read, so that what it seems to lack is not reported.
    pub fn is_incomplete(&self, name: &str) -> bool {
        !self.declared.incomplete.is_empty() && self.declared.incomplete.contains(&Symbol::new(name))
    }

    /// What is left for the program, and all findings.
    pub(super) fn finish(self) -> (Library, Catalogue, Vec<Diagnostic>) {
        (self.library, self.catalogue, self.diagnostics)
    }

    /// The text of the file that `path` (after `from`) names in `file`; `None` if `load` did not find it inside the
    /// program.
    pub fn template_file(&self, file: FileId, path: &str) -> Option<(FileId, Arc<str>)> {
        let folder = self.sources.path(file).parent().unwrap_or(std::path::Path::new(""));
        let id = *self.files.get(&super::load::joined(folder, path)?)?;
        Some((id, self.sources.file(id).text.clone()))
    }
}
