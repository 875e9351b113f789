//! The parser and the formatter: what they accept, refuse and print.

use std::path::{Path, PathBuf};

use bookmobile::diagnostic::Sources;
use bookmobile::syntax::{Parsed, parse};

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
        let (sources, parsed) = parse_text(&text);
        for diagnostic in &parsed.diagnostics {
            let position = sources.file(diagnostic.span.file).position(diagnostic.span.start as usize);
            panic!("{}:{}: {}", path.display(), position.line, diagnostic.message);
        }
        assert!(!parsed.file.items.is_empty());
    }
}
