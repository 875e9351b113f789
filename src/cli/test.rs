//! `bookmobile test`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::program::compile;
use super::{Failure, Outcome, Terminal};
use crate::diagnostic::Span;
use crate::program::Program;
use crate::review::test::{self, Finding, Summary};

/// Undecided parts that are listed for one program; the rest are counted.
const UNDECIDED_SHOWN: usize = 20;

/// Run the tests that stand in campaign files
///
/// Each PATH is a program: a folder of *.campaign files, or one such file. Its tests play in a library of their own, in
/// memory; no store is read and nothing is sent. Exits 1 if a test fails.
#[derive(Args)]
pub struct Test {
    /// Folders or files whose tests to run
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Run only the tests whose names contain this
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Write one JSON object a test, and one with the sums
    #[arg(long)]
    json: bool,
}

impl Test {
    /// Writes what failed and why, the parts of rules that no test decided, and the sums.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let (mut passed, mut failed) = (0, 0);
        for path in &self.paths {
            let program = compile(path, terminal)?;
            let summary =
                test::run(&program, self.filter.as_deref()).map_err(|error| Failure::new(error.to_string()))?;
            let ok = summary.tests.iter().filter(|test| test.passed()).count();
            passed += ok;
            failed += summary.tests.len() - ok;
            if self.json {
                write_json(&program, &summary, terminal)?
            } else {
                write_text(&program, &summary, terminal)?
            }
        }
        if self.json {
            writeln!(terminal, "{}", json!({ "passed": passed, "failed": failed }))?;
        } else {
            writeln!(terminal, "{passed} passed, {failed} failed")?;
        }
        Ok(if failed > 0 { Outcome::Findings } else { Outcome::Fine })
    }
}

fn write_text(program: &Program, summary: &Summary, terminal: &mut Terminal) -> Result<(), Failure> {
    for test in &summary.tests {
        let word = if test.passed() { "ok  " } else { "FAIL" };
        writeln!(terminal, "{word} {}", test.name)?;
        for finding in &test.failures {
            write_finding(program, "", finding, terminal)?;
        }
        for finding in &test.notes {
            write_finding(program, "note: ", finding, terminal)?;
        }
    }
    if summary.undecided.is_empty() {
        return Ok(());
    }
    writeln!(terminal, "\nNo test decides these parts of rules:")?;
    for part in summary.undecided.iter().take(UNDECIDED_SHOWN) {
        writeln!(terminal, "  {} {}: {} ({})", place(program, part.span), part.rule, part.part, part.stood)?;
    }
    if summary.undecided.len() > UNDECIDED_SHOWN {
        writeln!(terminal, "  and {} more", summary.undecided.len() - UNDECIDED_SHOWN)?;
    }
    writeln!(terminal)?;
    Ok(())
}

fn write_finding(program: &Program, word: &str, finding: &Finding, terminal: &mut Terminal) -> Result<(), Failure> {
    writeln!(terminal, "     {}: {word}{}", place(program, finding.span), finding.message)?;
    for line in &finding.because {
        writeln!(terminal, "       {}", line.replace('\n', "\n       "))?;
    }
    Ok(())
}

/// `campaigns/welcome.campaign:12`.
fn place(program: &Program, span: Span) -> String {
    let file = program.sources.file(span.file);
    format!("{}:{}", program.sources.path(span.file).display(), file.position(span.range().start).line)
}

fn write_json(program: &Program, summary: &Summary, terminal: &mut Terminal) -> Result<(), Failure> {
    let findings = |list: &[Finding]| -> Vec<serde_json::Value> {
        let one = |f: &Finding| json!({ "at": place(program, f.span), "message": f.message, "because": f.because });
        list.iter().map(one).collect()
    };
    for test in &summary.tests {
        let object = json!({
            "test": &*test.name,
            "at": place(program, test.span),
            "passed": test.passed(),
            "failures": findings(&test.failures),
            "notes": findings(&test.notes),
        });
        writeln!(terminal, "{object}")?;
    }
    for part in &summary.undecided {
        let at = place(program, part.span);
        let object = json!({ "undecided": part.part, "rule": part.rule, "at": at, "stood": part.stood });
        writeln!(terminal, "{object}")?;
    }
    Ok(())
}
