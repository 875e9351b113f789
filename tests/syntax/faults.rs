//! What a faulty or hostile file may hold: rows of the fault catalogue by their ids.

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

#[test]
fn a_block_that_ends_in_a_letter_of_two_bytes_is_explained() {
    for text in ["test \"x\" {\n  expect ana gets hello saying é", "segment a {\n  b is é\n"] {
        assert!(!parse_text(text).1.diagnostics.is_empty(), "{text}");
    }
}
