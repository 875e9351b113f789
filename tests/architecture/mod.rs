//! The map of `docs/architecture.md`, as a test: which module may name which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each module and what it may name besides itself and everything in `FOUNDATION`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("diagnostic", &[]),
    ("limits", &[]),
    ("map", &[]),
    ("symbol", &[]),
    ("time", &[]),
    ("syntax", &[]),
    ("catalogue", &[]),
    ("rule", &["catalogue"]),
    ("message", &["catalogue", "rule", "eval", "syntax", "program"]),
    ("program", &["catalogue", "rule", "message"]),
    ("check", &["syntax", "catalogue", "rule", "message", "program"]),
    ("eval", &["catalogue", "rule", "program"]),
    ("store", &["catalogue", "rule"]),
    ("engine", &["catalogue", "rule", "eval", "message", "program", "store"]),
    ("report", &["catalogue", "rule", "program", "store"]),
    ("deliver", &["catalogue", "rule", "eval", "message", "program", "store", "engine"]),
    ("review", &["syntax", "check", "catalogue", "rule", "eval", "message", "program", "store", "engine", "deliver"]),
];

/// What everything may name.
const FOUNDATION: &[&str] = &["diagnostic", "limits", "map", "symbol", "time"];

#[test]
fn modules_name_only_what_lies_below_them() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(module, below)| (*module, below.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for entry in walkdir::WalkDir::new("src").into_iter().map(|entry| entry.expect("src is readable")) {
        if entry.path().extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let module = module_of(entry.path());
        let Some(allowed) = allowed.get(module.as_str()) else { continue };
        let text = std::fs::read_to_string(entry.path()).expect("a source file");
        for named in named_modules(&text) {
            if named != module && !FOUNDATION.contains(&named.as_str()) && !allowed.contains(named.as_str()) {
                wrong.push(format!("{} names crate::{named}", entry.path().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that docs/architecture.md forbids:\n{}", wrong.join("\n"));
}

/// `src/check/campaign/step.rs` and `src/check.rs` are of module `check`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix("src").expect("a path below src");
    let first = below.components().next().expect("a file").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a file names as `crate::MODULE` outside comments; `use crate::{a::B, c}` included.
fn named_modules(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(top_level_names(group)),
            None => found.extend(first_name(rest)),
        }
    }
    found
}

fn first_name(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

fn top_level_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut start) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            _ if start && c.is_ascii_lowercase() => {
                names.extend(first_name(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

#[test]
fn every_file_is_one_idea() {
    let long: Vec<String> = walkdir::WalkDir::new("src")
        .into_iter()
        .map(|entry| entry.expect("src is readable"))
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|entry| {
            let lines = std::fs::read_to_string(entry.path()).expect("a source file").lines().count();
            (lines > LONGEST_FILE).then(|| format!("{}: {lines} lines", entry.path().display()))
        })
        .collect();
    assert!(long.is_empty(), "files of more than {LONGEST_FILE} lines; split them by idea:\n{}", long.join("\n"));
}

/// The longest file that is still one idea.
const LONGEST_FILE: usize = 1000;
