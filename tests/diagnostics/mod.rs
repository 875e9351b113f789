//! The pages of `docs/diagnostics`: what a page calls wrong gives its finding, and what it calls right does not.

use std::collections::BTreeSet;

use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::diagnostic::pages::{PAGES, title};
use regex::Regex;

/// Stands before an example that has no library block of its own.
const LIBRARY: &str = "library \"Test Library\" {\n  timezone \"America/Toronto\"  languages en, fr\n  \
                       sender \"Test\" <t@library.example>  address \"1 Main Street\"  quiet none\n}\n\n";

/// The block of campaign text after a line that begins with `heading`.
fn example<'p>(page: &'p str, heading: &str) -> Option<&'p str> {
    let after = &page[page.find(&format!("\n{heading}"))?..];
    let block = after.split_once("```campaign\n")?.1;
    Some(block.split_once("```")?.0)
}

/// The codes that an example gives.
fn codes(code: &str, example: &str) -> BTreeSet<&'static str> {
    let is_syntax = code.starts_with("E00");
    let has_library = example.contains("library \"");
    let text = if is_syntax || has_library { example.to_owned() } else { format!("{LIBRARY}{example}") };
    let mut sources = Sources::default();
    sources.add("example.campaign", text);
    check::compile(sources).diagnostics.iter().map(|found| found.code.0).collect()
}

#[test]
fn what_a_page_calls_wrong_is_wrong_and_what_it_calls_right_is_right() {
    let mut failures = Vec::new();
    for (code, page) in PAGES {
        // A finding in a layout has an example in another language, which its own test reads.
        let Some(wrong) = example(page, "Wrong") else { continue };
        let found = codes(code, wrong);
        if !found.contains(code) {
            failures.push(format!("{code}: `Wrong` gives {found:?}"));
        }
        let Some(right) = example(page, "Right") else {
            failures.push(format!("{code}: no example that is right"));
            continue;
        };
        let found = codes(code, right);
        let errors: Vec<&&str> = found.iter().filter(|found| found.starts_with('E')).collect();
        if found.contains(code) || !errors.is_empty() {
            failures.push(format!("{code}: `Right` gives {found:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_page_begins_with_its_code_and_a_title() {
    for (code, page) in PAGES {
        assert!(page.starts_with(&format!("# {code}: ")), "the first line of {code}.md");
        assert!(title(page).len() > 8, "the title of {code}.md");
        assert!(page.contains("\nWrong"), "{code}.md has an example that is wrong");
    }
}

/// Every code in the source, from `Code("E0101")`.
fn codes_of_the_source() -> BTreeSet<String> {
    let code = Regex::new(r#"Code\("([EW]\d{4})"\)"#).expect("a regular expression");
    let files = walkdir::WalkDir::new("src").into_iter().map(|entry| entry.expect("src is readable"));
    let sources = files.filter(|entry| {
        let name = entry.file_name().to_string_lossy();
        name.ends_with(".rs") && name != "tests.rs"
    });
    let mut codes = BTreeSet::new();
    for source in sources {
        let text = std::fs::read_to_string(source.path()).expect("a source file");
        codes.extend(code.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    codes
}

/// Passes whose pages are still being written.
const LATER: &[&str] = &["E00", "E01", "E02", "E0301", "W00", "W01", "W02"];

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let pages: BTreeSet<String> = PAGES.iter().map(|(code, _)| (*code).to_owned()).collect();
    let codes = codes_of_the_source();
    let is_later = |code: &str| LATER.iter().any(|prefix| code.starts_with(prefix));
    let missing: Vec<&String> = codes.difference(&pages).filter(|code| !is_later(code)).collect();
    let idle: Vec<&String> = pages.difference(&codes).collect();
    assert!(missing.is_empty() && idle.is_empty(), "codes without a page: {missing:?}\npages without a code: {idle:?}");
}

#[test]
fn the_index_is_current() {
    let mut index =
        "# Findings\n\nWhat `bookmobile lint` may say, by code; `bookmobile lint --explain CODE` prints a page.\n\
                     Written by `UPDATE_INDEX=1 cargo test the_index_is_current`.\n"
            .to_owned();
    let groups = [
        ("E00", "Syntax"),
        ("E01", "Names"),
        ("E02", "Types"),
        ("E03", "Privacy"),
        ("E04", "Campaigns and steps"),
        ("E05", "Messages"),
        ("E06", "Tests"),
        ("E07", "Templates and layouts"),
        ("W", "Warnings"),
    ];
    for (prefix, name) in groups {
        index.push_str(&format!("\n## {name}\n"));
        for (code, page) in PAGES.iter().filter(|(code, _)| code.starts_with(prefix)) {
            index.push_str(&format!("- [{code}]({code}.md): {}\n", title(page)));
        }
    }
    let path = "docs/diagnostics/README.md";
    if std::env::var_os("UPDATE_INDEX").is_some() {
        std::fs::write(path, &index).expect("the index is writable");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == index, "{path} is not current; run `UPDATE_INDEX=1 cargo test the_index_is_current`");
}
