//! What the compiler tells an author: a code, a place, what is wrong, why, and how to mend it.
//!
//! An error stands beside the pass that finds it; only the table of codes is central (`codes`).

pub mod pages;
pub mod render;
pub mod source;

pub use source::{FileId, Position, SourceFile, Sources, Span};

/// How bad it is. `lint` exits 1 on an error, on a warning only with `--deny warnings`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// It runs, and somebody should look.
    Warning,
}

/// A stable code such as `E0101` or `W0203`, one per kind of finding. Its page: `bookmobile lint --explain CODE`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Code(pub &'static str);

/// A replacement of source text that mends the finding and that a tool may apply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// What to replace; empty to insert.
    pub span: Span,
    /// The text to put there.
    pub text: String,
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// How bad it is (`E…` error, `W…` warning).
    pub severity: Severity,
    /// The primary place.
    pub span: Span,
    /// One sentence: what is wrong.
    pub message: String,
    /// What stands at the primary place, in a few words; may be empty.
    pub label: String,
    /// Other places that explain it.
    pub secondary: Vec<(Span, String)>,
    /// Why it matters.
    pub notes: Vec<String>,
    /// How to mend it.
    pub help: Option<String>,
    /// The same as an edit.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A finding of `code`, whose first letter tells the severity.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        let severity = if code.0.starts_with('W') { Severity::Warning } else { Severity::Error };
        Diagnostic {
            code,
            severity,
            span,
            message: message.into(),
            label: String::new(),
            secondary: Vec::new(),
            notes: Vec::new(),
            help: None,
            fix: None,
        }
    }

    /// Says what stands at the primary place.
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    /// Shows another place.
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.secondary.push((span, label.into()));
        self
    }

    /// Says why.
    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }

    /// Says how to mend it.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Offers an edit that mends it.
    pub fn fix(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.fix = Some(Fix { span, text: text.into() });
        self
    }
}
