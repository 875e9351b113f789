//! The starter campaigns, the demo store, dry-run and explain.

use std::collections::BTreeSet;
use std::path::Path;

use bookmobile::review::starter;
use bookmobile::syntax::parse;

#[test]
fn the_starter_program_is_the_whole_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("campaigns");
    let on_disk: BTreeSet<String> = walkdir::WalkDir::new(&root)
        .into_iter()
        .map(|entry| entry.expect("readable"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/"))
        .collect();
    let embedded: BTreeSet<String> = starter::FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(on_disk, embedded);
}

#[test]
fn the_starter_program_parses() {
    let sources = starter::sources();
    for (file, source) in sources.iter() {
        if source.path.extension().is_some_and(|extension| extension == "campaign") {
            let parsed = parse(&sources, file);
            assert!(parsed.diagnostics.is_empty(), "{}: {:#?}", source.path.display(), parsed.diagnostics);
        }
    }
}

#[test]
fn the_cookbook_shows_what_stands_in_the_campaigns() {
    let text = std::fs::read_to_string("docs/cookbook.md").expect("the cookbook");
    let blocks = crate::docs::fenced_blocks(&text, "campaign");
    assert!(blocks.len() >= 16, "the cookbook shows {} recipes", blocks.len());
    for block in blocks {
        let stands = starter::FILES.iter().any(|(_, file)| file.contains(block));
        assert!(stands, "this stands in docs/cookbook.md and in no file of campaigns/:\n{block}");
    }
}

#[test]
fn the_starter_program_is_formatted() {
    let sources = starter::sources();
    let mut differing = Vec::new();
    for (file, source) in sources.iter().filter(|(_, source)| source.path.extension().is_some_and(|e| e == "campaign"))
    {
        let formatted = bookmobile::syntax::format(&sources, &parse(&sources, file).file);
        if *formatted != *source.text {
            differing.push(&source.path);
        }
    }
    assert!(differing.is_empty(), "`bookmobile fmt campaigns` would change {differing:?}");
}
