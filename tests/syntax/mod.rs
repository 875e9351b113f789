//! The parser and the formatter: what they accept, refuse and print.

use std::path::{Path, PathBuf};

use bookmobile::diagnostic::{Diagnostic, Severity, Sources};
use bookmobile::syntax::{Parsed, format, parse};

/// All files of a folder of the conformance suite.
fn suite(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(folder);
    let files = std::fs::read_dir(&root).expect("the suite is part of the repository");
    let mut files: Vec<PathBuf> = files
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "campaign"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn parse_text(text: &str) -> (Sources, Parsed) {
    let mut sources = Sources::default();
    let file = sources.add("test.campaign", text);
    let parsed = parse(&sources, file);
    (sources, parsed)
}

#[test]
fn the_suite_parses_without_a_diagnostic() {
    for path in suite("complete").into_iter().chain(suite("eval")) {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let (_, parsed) = parse_text(&text);
        assert!(parsed.diagnostics.is_empty(), "{}: {:?}", path.display(), parsed.diagnostics);
        assert!(!parsed.file.items.is_empty());
    }
}

/// What `NAME.expect` of a rejected program asks for.
struct Expected {
    spans: Vec<String>,
    mentions: Vec<String>,
    is_warning: bool,
}

fn expected(path: &Path) -> Expected {
    let text = std::fs::read_to_string(path.with_extension("expect")).expect("each program has its expectation");
    let all = |key: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned()).collect()
    };
    Expected { spans: all("span:"), mentions: all("mentions:"), is_warning: !all("severity:")[0].contains("error") }
}

fn place(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let file = sources.file(diagnostic.span.file);
    let (start, end) = (file.position(diagnostic.span.start as usize), file.position(diagnostic.span.end as usize));
    format!("{}:{}-{}:{}", start.line, start.column, end.line, end.column)
}

fn everything(diagnostic: &Diagnostic) -> String {
    let secondary = diagnostic.secondary.iter().map(|(_, label)| label.as_str());
    let notes = diagnostic.notes.iter().map(String::as_str);
    let all = [diagnostic.message.as_str(), diagnostic.label.as_str()].into_iter().chain(secondary).chain(notes);
    all.chain(diagnostic.help.as_deref()).collect::<Vec<_>>().join("\n")
}

/// Rejected programs of the suite whose mistake is one of syntax.
fn is_syntax(name: &str) -> bool {
    let more = [
        "names-capital",
        "names-unit",
        "names-function",
        "clauses-library-clause",
        "clauses-message-part",
        "clauses-expires-without-unit",
        "clauses-month-day-32",
        "clauses-holdout-above-100",
    ];
    let by_meaning = "literals-money-three-places";
    (name.starts_with("syntax-") || name.starts_with("literals-") || more.contains(&name)) && name != by_meaning
}

#[test]
fn rejected_programs_get_one_error_at_its_place() {
    let mut wrong = Vec::new();
    for path in suite("reject") {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        let (sources, parsed) = parse_text(&text);
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if !is_syntax(&name) {
            if let Some(diagnostic) = parsed.diagnostics.first() {
                wrong.push(format!("{name} is no mistake of syntax: {diagnostic:?}"));
            }
            continue;
        }
        let expected = expected(&path);
        let [diagnostic] = &parsed.diagnostics[..] else {
            wrong.push(format!("{name}: {:?}", parsed.diagnostics));
            continue;
        };
        let said = everything(diagnostic).to_lowercase();
        let is_said = |any: &String| any.split('|').any(|one| said.contains(&one.to_lowercase()));
        let place = place(&sources, diagnostic);
        if !expected.spans.contains(&place) || !expected.mentions.iter().all(is_said) {
            wrong.push(format!("{name} at {place}, not {:?}: {said}", expected.spans));
        }
        if expected.is_warning && diagnostic.severity == Severity::Error {
            wrong.push(format!("{name} is a warning"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The tree without places: what the formatter must not change.
fn meaning(parsed: &Parsed) -> String {
    let places = r"(?s)Span \{\s*file: FileId\(\s*\d+,\s*\),\s*start: \d+,\s*end: \d+,\s*\}|offsets: \[.*?\],\n";
    let items = format!("{:#?}", parsed.file.items);
    let items = regex::Regex::new(places).expect("a regular expression").replace_all(&items, "").into_owned();
    let comments: Vec<&str> = parsed.file.comments.iter().map(|comment| &*comment.text).collect();
    format!("{items}\n{comments:#?}")
}

fn formatted(text: &str) -> String {
    let (sources, parsed) = parse_text(text);
    assert!(parsed.diagnostics.is_empty(), "{:?}\n{text}", parsed.diagnostics);
    format(&sources, &parsed.file)
}

/// `parse(fmt(x)) = parse(x)` and `fmt(fmt(x)) = fmt(x)`.
fn check_format(text: &str) -> String {
    let once = formatted(text);
    let (before, after) = (meaning(&parse_text(text).1), meaning(&parse_text(&once).1));
    if before != after {
        let difference = before.lines().zip(after.lines()).find(|(a, b)| a != b);
        panic!("the formatter changed the meaning: {difference:?}\n{once}");
    }
    let twice = formatted(&once);
    if once != twice {
        let difference = once.lines().zip(twice.lines()).find(|(a, b)| a != b);
        panic!("not idempotent: {difference:?}\n{once}");
    }
    once
}

#[test]
fn formatting_the_suite_changes_no_meaning_and_settles() {
    for path in suite("complete").into_iter().chain(suite("eval")).chain(suite("reject")) {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        if parse_text(&text).1.diagnostics.is_empty() {
            check_format(&text);
        }
    }
}
