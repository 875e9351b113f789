//! The checker against the conformance suite: each program of `reject/` gives exactly its finding at its place, and
//! `complete/` and `eval/` give no error. `tests/conformance/check_reject.py` says the same in Python.

mod faults;
mod load;
mod pages;

use std::path::{Path, PathBuf};

use bookmobile::check::{self, Compiled};
use bookmobile::diagnostic::{Diagnostic, Position, Severity, Sources, Span};

/// A range of positions, the end exclusive.
type Place = (Position, Position);

/// `NAME.expect`.
#[derive(Default)]
struct Expectation {
    severity: Vec<String>,
    /// `None`: any place.
    spans: Vec<Option<Place>>,
    mentions: Vec<Vec<String>>,
    also: Vec<usize>,
}

impl Expectation {
    fn read(path: &Path) -> Expectation {
        let text = std::fs::read_to_string(path).expect("an expectation");
        let mut expectation = Expectation::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((key, value)) = line.split_once(": ") else { continue };
            let alternatives =
                || value.split('|').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
            match key {
                "severity" => expectation.severity = alternatives(),
                "span" => expectation.spans.push(place(value)),
                "mentions" => {
                    let all = alternatives();
                    expectation.mentions.push(if all.is_empty() { vec![value.to_owned()] } else { all });
                }
                "also-line" => expectation.also.push(value.parse().expect("a line")),
                _ => {}
            }
        }
        expectation
    }
}

fn place(text: &str) -> Option<Place> {
    let position = |text: &str| {
        let (line, column) = text.split_once(':')?;
        Some(Position { line: line.parse().ok()?, column: column.parse().ok()? })
    };
    let (from, to) = text.split_once('-')?;
    Some((position(from)?, position(to)?))
}

fn place_of(sources: &Sources, span: Span) -> Place {
    let file = sources.file(span.file);
    (file.position(span.start as usize), file.position(span.end as usize))
}

fn overlap((s, t): Place, (u, v): Place) -> bool {
    s.max(u) < t.min(v) || ((s == t || u == v) && s.max(u) <= t.min(v))
}

fn everything(diagnostic: &Diagnostic) -> String {
    let labels = diagnostic.secondary.iter().map(|(_, label)| label.as_str());
    let mut text: Vec<&str> = vec![&diagnostic.message, &diagnostic.label];
    text.extend(labels);
    text.extend(diagnostic.notes.iter().map(String::as_str));
    text.extend(diagnostic.help.as_deref());
    text.join("\n").to_lowercase()
}

/// Whether the program gives its finding and no other error; whether the place is the same; else why not.
fn judge(compiled: &Compiled, expected: &Expectation) -> Result<bool, String> {
    let mut why = "no diagnostic".to_owned();
    let mut found = None;
    for (index, diagnostic) in compiled.diagnostics.iter().enumerate() {
        let severity = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
        if !expected.severity.iter().any(|wanted| wanted == severity) {
            continue;
        }
        let at = place_of(&compiled.sources, diagnostic.span);
        if !expected.spans.iter().any(|span| span.is_none_or(|span| overlap(at, span))) {
            why = format!("{:?} at {at:?}", diagnostic.message);
            continue;
        }
        let text = everything(diagnostic);
        let missing =
            expected.mentions.iter().find(|words| !words.iter().any(|word| text.contains(&word.to_lowercase())));
        if let Some(missing) = missing {
            why = format!("{text:?} does not mention {missing:?}");
            continue;
        }
        let lines: Vec<usize> =
            diagnostic.secondary.iter().map(|(span, _)| place_of(&compiled.sources, *span).0.line).collect();
        if let Some(line) = expected.also.iter().find(|line| !lines.contains(line)) {
            why = format!("{:?} has no label on line {line}", diagnostic.message);
            continue;
        }
        found = Some((index, expected.spans.iter().any(|span| span.is_none_or(|span| span == at))));
        break;
    }
    let Some((index, equal)) = found else { return Err(why) };
    let others = compiled.diagnostics.iter().enumerate();
    let other = others.filter(|(other, _)| *other != index).find(|(_, other)| other.severity == Severity::Error);
    match other {
        Some((_, other)) => Err(format!("another error: {:?}", other.message)),
        None => Ok(equal),
    }
}

fn campaigns(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/conformance").join(folder);
    let entries = std::fs::read_dir(&folder).expect("the conformance suite");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "campaign"));
    paths.sort();
    assert!(!paths.is_empty(), "{} holds programs", folder.display());
    paths
}

#[test]
fn every_rejected_program_gives_exactly_its_finding() {
    let (mut wrong, mut elsewhere) = (Vec::new(), Vec::new());
    for path in campaigns("reject") {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let expected = Expectation::read(&path.with_extension("expect"));
        let compiled = check::compile(check::load(&path).expect("a program"));
        match judge(&compiled, &expected) {
            Ok(true) => {}
            Ok(false) => elsewhere.push(name),
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    assert!(wrong.is_empty(), "{} programs, {elsewhere:?}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(elsewhere.is_empty(), "at another place than the suite's: {elsewhere:?}");
}

#[test]
fn correct_programs_have_no_error() {
    let programs = campaigns("eval").into_iter().chain([PathBuf::from("tests/conformance/complete")]);
    let mut wrong = Vec::new();
    for path in programs {
        let compiled = check::compile(check::load(&path).expect("a program"));
        let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        wrong.extend(errors.map(|error| {
            let at = place_of(&compiled.sources, error.span).0;
            format!("{}:{}:{}: {}", path.display(), at.line, at.column, error.message)
        }));
        assert!(compiled.program.is_some() || !wrong.is_empty(), "{} gives a program", path.display());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
