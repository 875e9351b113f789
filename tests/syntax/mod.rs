//! The parser and the formatter: what they accept, refuse and print.

mod edit;
mod faults;
mod generated;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bookmobile::diagnostic::{Diagnostic, Fix, Severity, Sources};
use bookmobile::syntax::{Parsed, format, parse};
use regex::Regex;

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
    static PLACES: LazyLock<Regex> = LazyLock::new(|| {
        let span = r"Span \{ file: FileId\(\d+\), start: \d+, end: \d+ \}";
        Regex::new(&format!(r"{span}|offsets: \[[^\]]*\]")).expect("a regular expression")
    });
    let items: Vec<String> = parsed.file.items.iter().map(|item| format!("{item:?}")).collect();
    let items = items.join("\n");
    let items = PLACES.replace_all(&items, "");
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

/// The blocks of a page of `docs/diagnostics`: what fires and what does not.
fn wrong_and_right(page: &str) -> Option<(&str, &str)> {
    let block = |heading: &str| {
        let (_, rest) = page.split_once(&format!("\n{heading}:\n```campaign\n"))?;
        rest.split_once("\n```").map(|(block, _)| block)
    };
    block("Wrong").zip(block("Right"))
}

/// The source after the edit that a diagnostic offers.
fn mended(source: &str, fix: &Fix) -> String {
    let mut text = source.to_owned();
    text.replace_range(fix.span.range(), &fix.text);
    text
}

#[test]
fn the_page_of_each_code_shows_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics");
    let without_example = ["E0004", "E0006", "E0007"];
    let (mut pages, mut faults) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("the pages are part of the repository") {
        let path = entry.expect("a readable folder").path();
        let code = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if !(code.starts_with("E00") || code == "W0001") {
            continue;
        }
        pages += 1;
        let page = std::fs::read_to_string(&path).expect("UTF-8");
        assert!(page.starts_with(&format!("# {code}: ")), "{code}: the first line is its title");
        let Some((wrong, right)) = wrong_and_right(&page) else {
            assert!(without_example.contains(&code.as_str()), "{code} shows nothing");
            continue;
        };
        let found = parse_text(wrong).1.diagnostics;
        let after_right = parse_text(right).1.diagnostics;
        match &found[..] {
            [only] if only.code.0 == code => {
                let after = only.fix.as_ref().map(|fix| parse_text(&mended(wrong, fix)).1.diagnostics);
                if after.is_some_and(|after| !after.is_empty()) {
                    faults.push(format!("{code}: its fix does not mend it: {only:?}"));
                }
            }
            _ => faults.push(format!("{code}: {found:?}")),
        }
        if !after_right.is_empty() {
            faults.push(format!("{code}: the right example: {after_right:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(pages >= 40, "{pages} pages");
}

/// `slips.tsv`: the usual mistakes, each with its own explanation, and an edit that mends it where one is offered.
#[test]
fn each_slip_is_explained() {
    let mut faults = Vec::new();
    let slips = include_str!("slips.tsv").lines().filter(|line| !line.starts_with("# ")).collect::<Vec<_>>();
    for slip in &slips {
        let [code, marked, says, source] = slip.split('\t').collect::<Vec<_>>()[..] else { panic!("columns: {slip}") };
        let source = source.replace("\\\\", "\u{0}").replace("\\n", "\n").replace('\u{0}', "\\");
        let (sources, parsed) = parse_text(&source);
        let [only] = &parsed.diagnostics[..] else {
            faults.push(format!("{source:?}: {:#?}", parsed.diagnostics));
            continue;
        };
        let said = everything(only).to_lowercase();
        let is_said = says.split('|').any(|one| said.contains(one));
        let is_mended = only.fix.as_ref().is_none_or(|fix| parse_text(&mended(&source, fix)).1.diagnostics.is_empty());
        if only.code.0 != code || sources.snippet(only.span) != marked || !is_said || !is_mended || only.help.is_none()
        {
            let found = sources.snippet(only.span);
            faults.push(format!("{slip}\n  {} at {found:?}, mended: {is_mended}: {said}", only.code.0));
        }
    }
    assert!(faults.is_empty(), "{} of {}\n{}", faults.len(), slips.len(), faults.join("\n"));
}

/// Twenty declarations, each with another mistake: one diagnostic for each, in one run.
#[test]
fn one_mistake_hides_no_other() {
    let text = include_str!("twenty.campaign");
    let (sources, parsed) = parse_text(text);
    let lines: Vec<usize> = parsed
        .diagnostics
        .iter()
        .map(|diagnostic| sources.file(diagnostic.span.file).position(diagnostic.span.start as usize).line)
        .collect();
    let expected: Vec<usize> =
        text.lines().enumerate().filter(|(_, line)| line.contains("# wrong")).map(|(at, _)| at + 1).collect();
    assert_eq!(expected.len(), 20);
    assert_eq!(lines, expected, "{:#?}", parsed.diagnostics);
    // What could be read is there, with the names of what could not.
    let broken = parsed.file.items.iter().filter(|item| item.broken).count();
    assert_eq!((parsed.file.items.len(), broken), (14, 7));
}
