//! Each page of `docs/diagnostics` is a test: what stands under `Wrong:` gives exactly its finding, what stands under
//! `Right:` does not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bookmobile::check;
use bookmobile::diagnostic::{Severity, Sources, pages};

/// Put before an example that has no library block of its own.
const LIBRARY: &str = "library \"Test Library\" {
  timezone  \"America/Toronto\"
  languages en, fr
  sender    \"Test\" <t@library.example>
  address   \"1 Main Street\"
  quiet     none
}
";

/// The errors and warnings of a program, each with its message. With `of_syntax` the example is a piece of a program,
/// of which only the syntax counts.
fn findings(
    program: &str,
    with_library: bool,
    of_syntax: bool,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let mut sources = Sources::default();
    sources.add("example.campaign", if with_library { format!("{LIBRARY}{program}") } else { program.to_owned() });
    let compiled = check::compile(sources);
    let (mut errors, mut warnings) = (BTreeMap::new(), BTreeMap::new());
    for found in &compiled.diagnostics {
        if of_syntax && !found.code.0.starts_with("E00") && !found.code.0.starts_with("W00") {
            continue;
        }
        let list = if found.severity == Severity::Error { &mut errors } else { &mut warnings };
        list.insert(found.code.0.to_owned(), found.message.clone());
    }
    (errors, warnings)
}

/// The `campaign` block after a heading such as `Wrong:`.
fn example<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("{heading}\n"))?;
    let (_, block) = rest.split_once("```campaign\n")?;
    block.split_once("\n```").map(|(block, _)| block)
}

#[test]
fn wrong_examples_give_their_finding_and_right_ones_do_not() {
    let mut mistakes = Vec::new();
    for (code, page) in pages::PAGES {
        if !page.starts_with(&format!("# {code}: ")) {
            mistakes.push(format!("{code}: the page begins with `# {code}: title`"));
        }
        if !page.contains("```campaign") {
            continue;
        }
        let (Some(wrong), Some(right)) = (example(page, "Wrong:"), example(page, "Right:")) else {
            mistakes.push(format!("{code}: the page has a `Wrong:` and a `Right:` block"));
            continue;
        };
        let of_syntax = code[1..].starts_with("00");
        let is_bare = |example: &str| !example.contains("library \"");
        let (errors, warnings) = findings(wrong, is_bare(wrong) && *code != "E0140", of_syntax);
        let (fires, others) = match code.starts_with('E') {
            true => (errors.contains_key(*code), errors.len() > 1),
            false => (warnings.contains_key(*code), !errors.is_empty()),
        };
        if !fires || others {
            mistakes.push(format!("{code}: `Wrong:` gives {errors:?} {warnings:?}"));
        }
        let (errors, warnings) = findings(right, is_bare(right), of_syntax);
        if !errors.is_empty() || warnings.contains_key(*code) {
            mistakes.push(format!("{code}: `Right:` gives {errors:?} {warnings:?}"));
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

/// Every code of the source has its page, and every page its code.
#[test]
fn every_code_has_a_page() {
    let mut codes = BTreeSet::new();
    for entry in walkdir::WalkDir::new("src").into_iter().map(|entry| entry.expect("src is readable")) {
        if entry.path().extension().is_some_and(|extension| extension == "rs") {
            codes.extend(codes_in(entry.path()));
        }
    }
    let pages: BTreeSet<String> = pages::PAGES.iter().map(|(code, _)| (*code).to_owned()).collect();
    let without: Vec<&String> = codes.difference(&pages).collect();
    let idle: Vec<&String> = pages.difference(&codes).collect();
    assert!(without.is_empty(), "codes without a page in docs/diagnostics: {without:?}");
    assert!(idle.is_empty(), "pages of codes that nothing reports: {idle:?}");
}

fn codes_in(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("a source file");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let found = code.match_indices("Code(\"").map(|(at, opening)| &code[at + opening.len()..]);
    found.filter_map(|rest| rest.split('"').next()).filter(|code| !code.ends_with("9999")).map(str::to_owned).collect()
}
