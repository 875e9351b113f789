//! `bookmobile lint`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Failure, Outcome, Terminal};
use crate::check;
use crate::diagnostic::render::{self, Format};
use crate::diagnostic::{Severity, pages};
use crate::syntax::suggest::closest;

/// Check campaign files and explain what is wrong
///
/// Each PATH is a program: a folder of *.campaign files, or one such file. Nothing else is needed: no store, no network.
/// Exits 1 if there are errors (with `--deny warnings`, also if there are warnings).
#[derive(Args)]
pub struct Lint {
    /// Folders or files to check
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// How to write the findings
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: FormatChoice,
    /// Let warnings fail the check, too
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Print the page of a code such as E0401, and check nothing
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatChoice {
    /// Drawn over the source
    Human,
    /// JSON Lines: one object a finding
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

#[derive(Clone, Copy, ValueEnum)]
enum Deny {
    Warnings,
}

impl Lint {
    /// Writes the findings to standard output and their number to standard error.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        if let Some(code) = &self.explain {
            return explain(code, terminal);
        }
        let format = match self.format {
            FormatChoice::Human => Format::Human { color: terminal.color(), width: terminal.width() },
            FormatChoice::Json => Format::Json,
            FormatChoice::Sarif => Format::Sarif,
            FormatChoice::Github => Format::Github,
        };
        let (mut all, mut files) = (Vec::new(), 0);
        if self.paths.len() > 1 && format == Format::Sarif {
            return Err(Failure::new("`--format sarif` writes one document: give one PATH"));
        }
        for path in &self.paths {
            let compiled = check::compile(check::load(path)?);
            render::write(&compiled.diagnostics, &compiled.sources, format, terminal)?;
            files += compiled.sources.iter().count();
            all.extend(compiled.diagnostics);
        }
        if format != Format::Github {
            terminal.note(&render::summary(&all, files))?;
        }
        let fails = |severity| severity == Severity::Error || matches!(self.deny, Some(Deny::Warnings));
        let any = all.iter().any(|found| fails(found.severity));
        Ok(if any { Outcome::Findings } else { Outcome::Fine })
    }
}

fn explain(code: &str, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let Some(page) = pages::page(code) else {
        let near = closest(&code.to_uppercase(), pages::PAGES.iter().map(|(name, _)| *name));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        return Err(Failure::new(format!("there is no finding with the code `{code}`{hint}")));
    };
    write!(terminal, "{page}")?;
    Ok(Outcome::Fine)
}
