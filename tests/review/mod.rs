//! The starter campaigns, the demo store, dry-run and explain.

mod diff;
mod preview;
mod reasons;
mod simulate;
mod tutorial;
mod waiting;

use std::collections::BTreeSet;
use std::path::Path;

use bookmobile::catalogue::Value;
use bookmobile::review::{demo, starter};
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::syntax::parse;
use bookmobile::time::Day;

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

fn starter_program() -> bookmobile::program::Program {
    let compiled = bookmobile::check::compile(starter::sources());
    compiled.program.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics))
}

/// A demo store of the plan, after its first import.
fn town(program: &bookmobile::program::Program, plan: demo::Plan) -> Store {
    let mut store = Store::in_memory().expect("memory");
    store.align(&program.catalogue).expect("an empty store fits");
    let mut town = demo::Town::new(demo::Schema::new(&program.catalogue, &program.library.zone), plan);
    town.found(&mut store, |_| ()).expect("the store takes it");
    store
}

fn plan(patrons: u64) -> demo::Plan {
    demo::Plan { patrons, seed: 1, today: Day::new(2026, 11, 30).expect("a date"), days: 0 }
}

#[test]
fn a_demo_store_is_a_town() {
    let program = starter_program();
    let catalogue = &program.catalogue;
    let store = town(&program, plan(2_000));
    let reader = store.reader();
    let counts = reader.counts().expect("counts");
    assert_eq!(counts.patrons, 2_000);
    let event = |name: &str| catalogue.event_named(Symbol::new(name)).expect("declared");
    for (index, declared) in catalogue.events.iter().enumerate() {
        let is_engines = matches!(declared.kind, bookmobile::catalogue::EventKind::Engine);
        let happens = counts.events[index] > 0;
        let is_starters = declared.span.is_some_and(|span| !program.sources.snippet(span).is_empty());
        assert!(happens || is_engines || !is_starters, "no {} in the town", declared.name);
    }
    let total: i64 = counts.events.iter().sum();
    assert!(total > 20_000, "{total} events of 2,000 readers");

    let (mut french, mut opted_in, mut emails, mut busiest, mut quiet) = (0, 0, 0, 0, 0);
    let field = |name: &str| catalogue.field_named(Symbol::new(name)).expect("declared");
    let (language, opt_in, email) = (field("language"), field("history_opt_in"), field("email"));
    let checkout = event("checkout");
    let needs = bookmobile::store::Needs::everything(catalogue);
    reader
        .scan(&needs, |facts| {
            let agrees = facts.field(opt_in) == Some(&Value::Bool(true));
            french += usize::from(facts.field(language) == Some(&Value::Symbol(Symbol::new("fr"))));
            opted_in += usize::from(agrees);
            emails += usize::from(facts.field(email).is_some());
            let checkouts = facts.events(checkout).len();
            assert!(agrees || checkouts == 0, "no history without an agreement");
            busiest = busiest.max(checkouts);
            quiet += usize::from(agrees && checkouts < 10);
        })
        .expect("scanned");
    assert!((300..700).contains(&french), "{french} read French");
    assert!((600..1_000).contains(&opted_in), "{opted_in} keep a history");
    assert!((1_200..1_600).contains(&emails), "{emails} have an address");
    assert!(busiest > 200 && quiet > opted_in / 4, "a heavy tail: {busiest} at most, {quiet} of few");
}

#[test]
fn a_demo_store_is_the_same_for_the_same_seed() {
    let program = starter_program();
    let everything = |store: &Store| {
        let mut all = Vec::new();
        let needs = bookmobile::store::Needs::everything(&program.catalogue);
        store.reader().scan(&needs, |facts| all.push(format!("{facts:?}"))).expect("scanned");
        all
    };
    let first = everything(&town(&program, plan(300)));
    assert_eq!(first, everything(&town(&program, plan(300))));
    let other = demo::Plan { seed: 2, ..plan(300) };
    assert_ne!(first, everything(&town(&program, other)));
}
