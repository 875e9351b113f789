//! What the documentation shows is what happens.

use std::path::{Path, PathBuf};

/// The specification's examples and the conformance suite's program are the same texts.
#[test]
fn the_language_reference_holds_the_complete_program() {
    let text = std::fs::read_to_string("docs/reference/language.md").expect("the reference");
    let sections = ["03", "04", "05", "08", "09", "11"];
    let blocks = fenced_blocks(&text, "");
    assert_eq!(blocks.len(), sections.len(), "a code block for each of the sections {sections:?}");
    for (section, block) in sections.into_iter().zip(blocks) {
        let path = format!("tests/conformance/complete/section-{section}.campaign");
        let program = std::fs::read_to_string(&path).expect("a section of the complete program");
        assert_eq!(program.trim(), block.trim(), "{path} and docs/reference/language.md differ");
    }
}

/// The texts between "```language" and "```".
pub fn fenced_blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    let (mut blocks, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find("```") {
        let inside = rest[at..].starts_with(&opening).then(|| &rest[at + opening.len()..]);
        let after = &rest[at + 3..];
        let Some(end) = after.find("\n```") else { break };
        if let Some(inside) = inside {
            let close = inside.find("\n```").map_or(0, |at| at + 1);
            blocks.push(&inside[..close]);
        }
        rest = &after[end + 4..];
    }
    blocks
}

/// Every relative link of the documentation points at a file.
#[test]
fn links_point_at_files() {
    let mut broken = Vec::new();
    for (page, text) in pages() {
        for (at, _) in text.match_indices("](") {
            let target: &str = text[at + 2..].split(')').next().expect("split yields at least one part");
            let target = target.split('#').next().expect("split yields at least one part");
            let is_local =
                !target.is_empty() && !target.contains("://") && !target.contains("{{") && !target.contains(' ');
            let folder = page.parent().expect("a file has a folder");
            if is_local && !target.starts_with("mailto:") && !folder.join(target).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to nowhere:\n{}", broken.join("\n"));
}

/// Every file of the repository that the documentation names (`docs/...`, `tests/...`) is there.
#[test]
fn files_that_are_named_are_there() {
    let mut missing = Vec::new();
    for (page, text) in pages() {
        for name in text.split('`').skip(1).step_by(2) {
            let is_path = ["docs/", "tests/", "src/", "benches/"].iter().any(|folder| name.starts_with(folder));
            let is_pattern = name.contains(['*', ' ', '\n']) || name.contains("NAME") || name.contains("CODE");
            if is_path && !is_pattern && !Path::new(name).exists() {
                missing.push(format!("{}: {name}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "files that are nowhere:\n{}", missing.join("\n"));
}

/// The pages of the documentation and their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let files = walkdir::WalkDir::new("docs").into_iter().filter_map(Result::ok).map(|entry| entry.into_path());
    let pages = files.chain([PathBuf::from("README.md")]).filter(|path| path.extension().is_some_and(|e| e == "md"));
    pages.filter_map(|page| Some((page.clone(), std::fs::read_to_string(page).ok()?))).collect()
}

/// The findings that the README shows are those that come out, in 80 columns.
#[test]
fn the_readme_shows_what_lint_says() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_bookmobile"))
        .args(["lint", "tests/docs/example.campaign"])
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let readme = std::fs::read_to_string("README.md").expect("the README");
    assert!(readme.contains(said.trim_end()), "the README shows something else than:\n{said}");
}
