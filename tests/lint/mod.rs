//! A file with twenty mistakes gives twenty findings, in one run.

mod slips;

use std::path::Path;

use bookmobile::check;
use bookmobile::diagnostic::Severity;
use bookmobile::diagnostic::render::{self, Format};

#[test]
fn twenty_mistakes_give_twenty_findings_that_help() {
    let compiled = check::compile(check::load(Path::new("tests/lint/twenty.campaign")).expect("a program"));
    let file = compiled.sources.iter().next().expect("one file").1;
    let marked: Vec<usize> = file
        .text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.split("# ").last().is_some_and(|comment| comment.starts_with(char::is_numeric)))
        .map(|(index, _)| index + 1)
        .collect();
    assert_eq!(marked.len(), 20, "the file says where its mistakes are");
    let found: Vec<usize> =
        compiled.diagnostics.iter().map(|found| file.position(found.span.start as usize).line).collect();
    assert_eq!(found, marked, "one finding for each mistake, and nothing that follows from one");
    for found in &compiled.diagnostics {
        assert_eq!(found.severity, Severity::Error, "{}", found.message);
        assert!(found.help.is_some(), "{}: says how to mend it: {}", found.code.0, found.message);
    }
    let mut codes: Vec<&str> = compiled.diagnostics.iter().map(|found| found.code.0).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 20, "each of another kind");

    let mut drawn = Vec::new();
    let human = Format::Human { color: false, width: 80 };
    render::write(&compiled.diagnostics, &compiled.sources, human, &mut drawn).expect("a vector takes everything");
    let drawn = String::from_utf8(drawn).expect("UTF-8");
    let too_wide: Vec<&str> = drawn.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(too_wide.is_empty(), "wider than 80 columns:\n{}", too_wide.join("\n"));
}
