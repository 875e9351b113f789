//! How long a dry-run of the starter campaigns takes over a demo store.
//!
//! `cargo bench --bench dry_run [-- PATRONS]` (default 100,000, with about two million events). Makes the store in a
//! temporary file, then previews all campaigns in a few rounds; the figures are the minimum and the median.

use std::time::{Duration, Instant};

use bookmobile::check;
use bookmobile::review::demo::{Plan, Schema, Town};
use bookmobile::review::dry_run::{Means, dry_run};
use bookmobile::review::starter;
use bookmobile::store::Store;
use bookmobile::time::{Day, TimeOfDay};

const ROUNDS: usize = 5;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let patrons = arguments.next_back().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let program = check::compile(starter::sources()).program.expect("the starter compiles");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("demo.db");
    let today = Day::new(2026, 11, 30).expect("a date");
    let plan = Plan { patrons, seed: 1, today, days: 0 };
    let (made, making) = clock(|| {
        let mut store = Store::open(&path).expect("a new store");
        store.align(&program.catalogue).expect("an empty store fits");
        let mut town = Town::new(Schema::new(&program.catalogue, &program.library.zone), plan);
        town.found(&mut store, |_| ()).expect("the store takes it")
    });
    println!("{} patrons, {} events, {} records: made in {making:.1?}", made.patrons, made.events, made.records);

    let at = program.library.zone.at(today, TimeOfDay(10 * 3600 + 1800));
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let (found, time) = clock(|| {
                let mut store = Store::open_read_only(&path).expect("the store");
                store.align(&program.catalogue).expect("its catalogue");
                dry_run(&store, &program, None, at, &Means::default()).expect("a preview")
            });
            assert_eq!(found.patrons, patrons);
            time
        })
        .collect();
    times.sort();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "dry-run of {} campaigns, {threads} threads: minimum {:.2?}, median {:.2?} of {ROUNDS}",
        program.campaigns.len(),
        times[0],
        times[ROUNDS / 2]
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
