//! How long a dry-run of the starter campaigns takes over a demo store.
//!
//! `cargo bench --bench dry_run [-- PATRONS]` (default 100,000, with about two million events). Makes the store in a
//! temporary file, then previews all campaigns in a few rounds; the figures are the minimum and the median.

use bookmobile::check;
use bookmobile::review::demo::{Plan, Schema, Town};
use bookmobile::review::dry_run::{Means, dry_run};
use bookmobile::review::starter;
use bookmobile::store::Store;
use bookmobile::time::{Day, TimeOfDay};
use timing::{Rounds, clock};

mod timing;

const ROUNDS: usize = 5;

fn main() {
    let patrons = timing::number(100_000);
    let program = check::compile(starter::sources()).program.expect("the starter compiles");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("demo.db");
    let today = Day::new(2026, 11, 30).expect("a date");
    let plan = Plan { patrons, seed: 1, today, days: 0 };
    let (making, made) = clock(|| {
        let mut store = Store::open(&path).expect("a new store");
        store.align(&program.catalogue).expect("an empty store fits");
        let mut town = Town::new(Schema::new(&program.catalogue, &program.library.zone), plan);
        town.found(&mut store, |_| ()).expect("the store takes it")
    });
    println!("{} patrons, {} events, {} records: made in {making:.1?}", made.patrons, made.events, made.records);

    let at = program.library.zone.at(today, TimeOfDay(10 * 3600 + 1800));
    let times = (0..ROUNDS)
        .map(|_| {
            let (time, found) = clock(|| {
                let mut store = Store::open_read_only(&path).expect("the store");
                store.align(&program.catalogue).expect("its catalogue");
                dry_run(&store, &program, None, at, &Means::default()).expect("a preview")
            });
            assert_eq!(found.patrons, patrons);
            time
        })
        .collect();
    let times = Rounds(times);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "dry-run of {} campaigns, {threads} threads: minimum {:.2?}, median {:.2?} of {ROUNDS}",
        program.campaigns.len(),
        times.min(),
        times.median()
    );
}
