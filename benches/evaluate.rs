//! Fifty segments over a million patrons with thirty million events, by every evaluator.
//!
//! `cargo bench --bench evaluate [-- PATRONS]`. One table of ratios from one run: the evaluators take turns, round by
//! round, and their results must be equal, patron by patron.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bookmobile::catalogue::ClassSet;
use bookmobile::eval::{Bulk, RuleId, Rules, Way, World, local_dates};
use bookmobile::rule::Tables;
use bookmobile::rule::columns::Builder;

mod workload;

const ROUNDS: usize = 7;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = black_box(work());
    (start.elapsed(), result)
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let patrons: i64 = arguments.next_back().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let program = workload::program();
    let now = workload::now(&program);
    let tables = Tables::default();
    let world = World {
        catalogue: &program.catalogue,
        tables: &tables,
        zone: &program.library.zone,
        week_starts: program.library.week_starts,
    };
    let mut rules = Rules::new();
    let ids: Vec<RuleId> = (program.segments.iter())
        .map(|segment| rules.add(&program.segments, &program.catalogue, &segment.body, ClassSet::EMPTY))
        .collect();
    let mut native = Bulk::selecting(&rules, world, &ids, Way::Native);
    let wanted = native.wanted();
    let day = local_dates(&program.library.zone);
    let (took, columns) = clock(|| {
        let mut town = workload::Town::new(&program);
        let mut builder = Builder::new(&program.catalogue, &wanted, &day);
        (1..=patrons).for_each(|number| builder.push(&town.patron(number)));
        builder.finish()
    });
    let events: usize = columns.events.iter().flatten().map(|events| events.row.len()).sum();
    println!("{patrons} patrons, {events} events, made in {:.1} s", took.as_secs_f64());
    let (took, prepared) = clock(|| native.prepare(&columns));
    prepared.expect("native code");
    println!(
        "compiled in {:.1} ms, {} conditions left to the interpreter",
        took.as_secs_f64() * 1e3,
        native.left_to_interpreter()
    );
    let mut times = Vec::new();
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        let (took, bitmaps) = clock(|| native.run(&columns, now));
        times.push(took);
        found = bitmaps;
    }
    times.sort();
    println!(
        "native: min {:.1} ms, median {:.1} ms",
        times[0].as_secs_f64() * 1e3,
        times[ROUNDS / 2].as_secs_f64() * 1e3
    );
    for (segment, bitmap) in program.segments.iter().zip(&found) {
        print!("{} {}  ", segment.name, bitmap.count());
    }
    println!();
}
