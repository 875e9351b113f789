//! Findings as text: for people, for programs, for code review tools.
//!
//! Knows diagnostics and sources, no terminal: whoever calls says whether colours are wanted and how wide the text
//! may be. Every format gives the same findings in the same order.

mod github;
mod human;
mod json;
mod sarif;

use std::io::{self, Write};

use super::{Diagnostic, Position, Severity, SourceFile, Sources, Span};
use crate::limits::DIAGNOSTICS_SHOWN;

/// How findings are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Drawn over the source, for reading.
    Human {
        /// With ANSI colours.
        color: bool,
        /// Columns of the terminal.
        width: usize,
    },
    /// JSON Lines: one object a finding.
    Json,
    /// SARIF 2.1.0, one document.
    Sarif,
    /// Workflow commands of GitHub Actions: annotations in a pull request.
    Github,
}

/// Writes `diagnostics` (as `sort` leaves them) to `out`. What is for people ends after `DIAGNOSTICS_SHOWN` with a
/// count of the rest, errors before warnings; what is for programs holds all.
pub fn write(
    diagnostics: &[Diagnostic],
    sources: &Sources,
    format: Format,
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    match format {
        Format::Json => return json::write(diagnostics, sources, out),
        Format::Sarif => return sarif::write(diagnostics, sources, out),
        Format::Human { .. } | Format::Github => {}
    }
    let shown = shown(diagnostics);
    let hidden = diagnostics.len() - shown.len();
    match format {
        Format::Human { color, width } => {
            for diagnostic in &shown {
                human::write(diagnostic, sources, color, width, out)?;
            }
            if hidden > 0 {
                writeln!(out, "… and {} more, not shown.\n", count(hidden, "finding"))?;
            }
        }
        _ => {
            for diagnostic in &shown {
                github::write(diagnostic, sources, out)?;
            }
            if hidden > 0 {
                writeln!(out, "::notice::{} more, not shown", count(hidden, "finding"))?;
            }
        }
    }
    Ok(())
}

/// By file, place, and severity; what is said twice is said once.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.span.file, d.span.start, d.span.end, d.severity, d.code);
        key(a).cmp(&key(b))
    });
    diagnostics.dedup();
}

/// "3 errors and 1 warning in 5 files"; "no findings in 5 files".
pub fn summary(diagnostics: &[Diagnostic], files: usize) -> String {
    let of = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let found = match (of(Severity::Error), of(Severity::Warning)) {
        (0, 0) => "no findings".to_owned(),
        (errors, 0) => count(errors, "error"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => format!("{} and {}", count(errors, "error"), count(warnings, "warning")),
    };
    format!("{found} in {}", count(files, "file"))
}

/// "1 file", "5 files".
pub fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// The first `DIAGNOSTICS_SHOWN`, errors before warnings, in the order of `diagnostics`.
fn shown(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    let mut room = [DIAGNOSTICS_SHOWN, DIAGNOSTICS_SHOWN.saturating_sub(errors)];
    let fits = |diagnostic: &&Diagnostic| {
        let left = &mut room[usize::from(diagnostic.severity == Severity::Warning)];
        let fits = *left > 0;
        *left = left.saturating_sub(1);
        fits
    };
    diagnostics.iter().filter(fits).collect()
}

/// A place as programs read it: path with `/`, positions from 1, the end exclusive.
struct Place {
    path: String,
    start: Position,
    end: Position,
}

/// `None` where the file is not among the sources (a program without any file).
fn place(span: Span, sources: &Sources) -> Option<Place> {
    let file = sources.get(span.file)?;
    Some(Place {
        path: path(file),
        start: file.position(span.start as usize),
        end: file.position(span.end.max(span.start) as usize),
    })
}

fn path(file: &SourceFile) -> String {
    file.path.to_string_lossy().replace('\\', "/")
}

impl Severity {
    /// `error`, `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

#[cfg(test)]
mod tests;
