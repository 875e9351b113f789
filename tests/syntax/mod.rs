//! The parser and the formatter: what they accept, refuse and print.

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

/// What a faulty or hostile file may hold: rows of the fault catalogue by their ids.
mod faults {
    use std::fmt::Write as _;

    use bookmobile::diagnostic::Sources;
    use bookmobile::limits;
    use bookmobile::syntax::{decode, format};

    use super::parse_text;

    fn codes(text: &str) -> Vec<&'static str> {
        parse_text(text).1.diagnostics.iter().map(|diagnostic| diagnostic.code.0).collect()
    }

    /// Runs `body` on a small stack, where unbounded recursion would abort the process.
    fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
        let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(body).expect("a thread");
        thread.join().expect("no panic, no overflow");
    }

    #[test]
    fn par_01_deep_nesting_is_a_diagnostic() {
        on_a_small_stack(|| {
            for depth in [65, 10_000, 20_000] {
                let balanced = format!("segment a {{ {}true{} }}", "(".repeat(depth), ")".repeat(depth));
                let open = format!("segment a {{ {}true", "(".repeat(depth));
                let wheres = format!("segment a {{ {}", "has e where (".repeat(depth));
                let blocks = format!("campaign a {{ {}", "if b { ".repeat(depth));
                for text in [balanced, open, wheres, blocks] {
                    let parsed = parse_text(&text).1;
                    assert_eq!(parsed.diagnostics.len(), 1, "{depth}: {:?}", parsed.diagnostics);
                    assert_eq!(parsed.diagnostics[0].code.0, "E0005");
                    assert!(parsed.diagnostics[0].message.contains("deeper than 64"));
                    assert!(parsed.file.items.iter().all(|item| item.broken));
                }
            }
        });
    }

    #[test]
    fn par_01_the_deepest_nesting_that_is_allowed_is_read() {
        let depth = limits::NESTING - 1;
        for head in ["(", "has e where (", "not (", "1 < 2 * (", "in s("] {
            let text = format!("segment a {{ {}open{} }}", head.repeat(depth), ")".repeat(depth));
            assert!(!codes(&text).contains(&"E0005"), "{head}: {:?}", codes(&text));
        }
        let text = format!("campaign a {{ {}stop{} }}", "if (b) { ".repeat(depth), " }".repeat(depth));
        assert!(codes(&text).is_empty(), "{:?}", codes(&text));
    }

    #[test]
    fn par_02_calls_inside_calls_are_read_once() {
        let depth = 60;
        for head in ["age(", "f(", "count(e where (", "days since (", "in s(", "not (", "2 * ("] {
            let good = head.repeat(depth);
            // Ends in the middle: everything that could be tried again would be.
            assert!(!codes(&format!("segment a {{ {good} }}")).is_empty());
        }
        let chain = "not ".repeat(50_000);
        assert_eq!(codes(&format!("segment a {{ {chain} open }}")), ["E0005"]);
        assert_eq!(codes(&format!("segment a {{ {} d > 3 }}", "days since ".repeat(20_000))), ["E0005"]);
        assert_eq!(codes(&format!("segment a {{ n = 1 {} }}", "+ 1 ".repeat(100_000))), ["E0005"]);
        assert_eq!(codes(&format!("segment a {{ n = {} 1 }}", "2 * ".repeat(100_000))), ["E0005"]);
        assert!(codes(&format!("segment a {{ n = 1 {} }}", "or n = 1 ".repeat(2_000))).is_empty());
        assert!(codes(&format!("campaign a {{ if b {{}} {} }}", "else if c {} ".repeat(2_000))).is_empty());
    }

    #[test]
    fn par_03_one_bad_token_at_the_end_of_a_large_file() {
        let mut text = String::new();
        while text.len() < 1 << 20 {
            let number = text.len();
            writeln!(text, "segment s{number} {{ has visit where (place is \"x\") in the last 30 days }}")
                .expect("a string");
        }
        text.push_str("segment last { n = = 3 }\n");
        let (sources, parsed) = parse_text(&text);
        assert_eq!(parsed.diagnostics.len(), 1);
        assert!(parsed.diagnostics[0].span.start as usize > 1 << 20);
        assert_eq!(sources.snippet(parsed.diagnostics[0].span), "=");
    }

    #[test]
    fn par_05_long_lines_and_texts() {
        let label = "x".repeat(1 << 20);
        assert!(codes(&format!("list a \"{label}\"")).is_empty());
        let one_line = format!("list a \"{}\" ", "label ".repeat(50)).repeat((1 << 20) / 320);
        assert!(codes(&one_line).is_empty());
        let spaces = " ".repeat(1 << 20);
        assert!(codes(&format!("segment a {{ {spaces} open }}")).is_empty());
    }

    #[test]
    fn a_file_that_is_too_large_is_refused() {
        let text = " ".repeat(limits::FILE_BYTES + 1);
        assert_eq!(codes(&text), ["E0004"]);
    }

    #[test]
    fn par_06_empty_files_marks_and_line_ends() {
        for text in ["", "\u{feff}", "\n", "# a comment", "\u{feff}# a comment\r\n", "## doc"] {
            assert!(codes(text).is_empty(), "{text:?}: {:?}", codes(text));
        }
        let unix = "## Doc.\nsegment a {\n  open and\n  n = 3\n}\n\nlist b \"B\"";
        let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
        for text in [unix, &windows] {
            let (sources, parsed) = parse_text(text);
            assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
            assert_eq!(parsed.file.items[0].doc.as_deref(), Some("Doc."));
            let once = format(&sources, &parsed.file);
            let (sources, parsed) = parse_text(&once);
            assert_eq!(once, format(&sources, &parsed.file));
            assert_eq!(once.contains("\r\n"), text.contains("\r\n"), "line ends are kept");
        }
        assert_eq!(codes("segment a { open\0 }"), ["E0007"]);
        assert_eq!(codes("segment a { open }\rlist b"), ["E0007"]);
        assert_eq!(codes("# a comment\u{1}\nlist b"), ["E0007"]);
        assert_eq!(codes("list b \"\u{7f}\""), ["E0007"]);
    }

    #[test]
    fn bytes_that_are_not_utf_8_have_a_place() {
        let error = decode(b"list a \"B\xfcro\"".to_vec()).expect_err("Windows-1252");
        let mut sources = Sources::default();
        let file = sources.add("a.campaign", error.lossy.clone());
        let diagnostic = error.diagnostic(file);
        assert_eq!((diagnostic.code.0, sources.snippet(diagnostic.span)), ("E0006", "\u{fffd}"));
        assert_eq!(decode(b"list a".to_vec()).as_deref(), Ok("list a"));
    }

    #[test]
    fn par_07_invisible_characters_and_look_alikes() {
        assert_eq!(codes("segment a { ope\u{202e}n }"), ["E0008"]);
        assert_eq!(codes("segment a { open } # \u{2066}"), ["E0008"]);
        assert_eq!(codes("segment a { t = \"x\u{202e}y\" }"), ["W0001"]);
        assert_eq!(codes("segment a { t = \"x\u{200b}y\" }"), ["W0001"]);
        // Persian and emoji need joiners, Hebrew beside digits a mark of direction.
        assert!(codes("segment a { t = \"\u{645}\u{6cc}\u{200c}\u{62e} \u{5d0}\u{200f}1\" }").is_empty());
        // A Cyrillic `а`.
        assert_eq!(codes("segment \u{430} { open }"), ["E0010"]);
    }

    #[test]
    fn par_09_a_hundred_thousand_errors() {
        let text = "segment a { n == 3 }\n".repeat(1_000) + &"segment a { n is }\n".repeat(1_000) + &"}".repeat(98_000);
        let parsed = parse_text(&text).1;
        assert_eq!(parsed.diagnostics.len(), 100_000);
        assert_eq!(parsed.file.items.len(), 2_000);
    }

    #[test]
    fn a_hundred_thousand_errors_in_one_declaration_end() {
        let text = format!("campaign a {{\n{}}}\n", "  frobnicate x\n".repeat(2_000));
        assert!(codes(&text).len() > 10);
        let text = format!("patron {{\n{}}}\n", "  a text,\n".repeat(20_000));
        assert!(!codes(&text).is_empty());
        let text = "}\n".repeat(100_000);
        assert!(!codes(&text).is_empty());
        let text = "\"\n".repeat(100_000);
        assert!(!codes(&text).is_empty());
    }
}
