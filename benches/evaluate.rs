//! Fifty segments over a million patrons with thirty million events, by every evaluator.
//!
//! `cargo bench --bench evaluate [-- --engines] [PATRONS]`. One table of ratios from one run: the evaluators take turns,
//! round by round, and their results must be equal, patron by patron. Memory is the most that an evaluator needs beside
//! the columns; of the engines with their own tables, of DuckDB all that its process has. `--engines` measures SQLite and
//! DuckDB too; for the latter `pip install duckdb numpy`.

use std::time::Duration;

use bookmobile::catalogue::ClassSet;
use bookmobile::eval::{Bitmap, Bulk, RuleId, Rules, Way, World, local_dates};
use bookmobile::program::Program;
use bookmobile::rule::Tables;
use bookmobile::rule::columns::{Builder, Cells, Column, Columns};
use duckdb::DuckDb;
use rayon::prelude::*;
use timing::{Rounds, clock, ms};

#[path = "workload/duckdb.rs"]
mod duckdb;
#[path = "workload/rivals/mod.rs"]
mod rivals;
#[path = "workload/sql.rs"]
mod sql;
mod timing;
mod workload;

const ROUNDS: usize = 7;

fn main() {
    let engines = std::env::args().any(|argument| argument == "--engines");
    let patrons: i64 = timing::number(1_000_000);
    let program = workload::program();
    let now = workload::now(&program);
    let tables = Tables::default();
    let world = World::of(&program, &tables);
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
    let mut lawful = Bulk::selecting(&rules, world, &ids, Way::Native).with_validity();
    for (name, bulk) in [("native", &mut native), ("native, with validity", &mut lawful)] {
        let (took, prepared) = clock(|| bulk.prepare(&columns));
        prepared.expect("native code");
        let left = bulk.left_to_interpreter();
        println!("{name}: compiled in {:.1} ms, {left} conditions left to the interpreter", ms(took));
    }
    let town = rivals::Town::new(&program.catalogue, &columns, now);
    let words = |bitmaps: Vec<Bitmap>| -> Vec<Vec<u64>> { bitmaps.into_iter().map(Bitmap::into_words).collect() };
    let query = sql::query(&town);
    let tables = if engines { sql::tables(&town) } else { Vec::new() };
    let mut duckdb = engines.then(|| DuckDb::start(&tables, &query)).flatten();
    let mut evaluators: Vec<Evaluator<'_>> = vec![
        ("hand-written, tuned", Box::new(|| rivals::tuned(&town))),
        ("native", Box::new(|| words(native.run(&columns, now)))),
        ("native, with validity", Box::new(|| words(lawful.run_until(&columns, now).0))),
        ("hand-written, obvious", Box::new(|| rivals::obvious(&town))),
    ];
    let mut times: Vec<Rounds> = evaluators.iter().map(|_| Rounds::default()).collect();
    let mut by_duckdb = Vec::new();
    let mut expected = None;
    for _ in 0..ROUNDS {
        by_duckdb.extend(duckdb.as_mut().map(DuckDb::run));
        for ((name, evaluate), times) in evaluators.iter_mut().zip(&mut times) {
            let (took, found) = clock(evaluate);
            times.0.push(took);
            check(name, &program, expected.get_or_insert_with(|| found.clone()), &found);
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for ((name, mut evaluate), times) in evaluators.into_iter().zip(times) {
        rows.push((name, times, timing::memory(&mut evaluate).0));
    }
    let mut interpreted = Bulk::selecting(&rules, world, &ids, Way::Interpreted);
    let (memory, (took, found)) = timing::memory(|| clock(|| words(interpreted.run(&columns, now))));
    rows.push(("interpreter, once", Rounds(vec![took]), memory));
    check("interpreter", &program, expected.as_ref().expect("there are rounds"), &found);
    drop(found);
    let expected = expected.expect("there are rounds");
    if let Some(duckdb) = duckdb {
        rows.push(("DuckDB, one query", Rounds(by_duckdb), timing::peak(&duckdb.process().to_string())));
        check("DuckDB", &program, &expected, &sql::bitmaps(&duckdb.masks()));
    }
    if engines {
        let (memory, (took, masks)) = timing::memory(|| {
            let database = sql::sqlite(&tables).expect("SQLite takes the tables");
            clock(|| sql::masks(&database, &query, columns.len()).expect("SQLite answers"))
        });
        rows.push(("SQLite, one query, once", Rounds(vec![took]), memory));
        check("SQLite", &program, &expected, &sql::bitmaps(&masks));
    }
    let touched = Touched::of(&columns);
    let bandwidth: Vec<Duration> = (0..ROUNDS).map(|_| clock(|| touched.read()).0).collect();
    rows.push(("reading the bytes", Rounds(bandwidth), None));
    println!("\n{:<24}{:>11}{:>11}{:>9}{:>11}", "", "min, ms", "median, ms", "ratio", "memory, MB");
    let least = rows[0].1.min();
    for (name, times, memory) in rows {
        let ratio = times.min().as_secs_f64() / least.as_secs_f64();
        let memory = memory.map_or_else(String::new, |memory| format!("{memory:.0}"));
        println!("{name:<24}{:>11.1}{:>11.1}{ratio:>9.2}{memory:>11}", ms(times.min()), ms(times.median()));
    }
    println!("{:.0} MB of columns, {} segments", touched.bytes() as f64 / 1e6, program.segments.len());
}

/// A row of the table: its name, times, and the most memory beside the columns.
type Row = (&'static str, Rounds, Option<f64>);

type Evaluator<'e> = (&'static str, Box<dyn FnMut() -> Vec<Vec<u64>> + 'e>);

/// All evaluators find the same patrons, or the benchmark fails.
fn check(name: &str, program: &Program, expected: &[Vec<u64>], found: &[Vec<u64>]) {
    for ((segment, expected), found) in program.segments.iter().zip(expected).zip(found) {
        let differs = expected.iter().zip(found).position(|(expected, found)| expected != found);
        assert_eq!(differs, None, "{name} finds other patrons for {}, in this word of 64", segment.name);
    }
}

/// The arrays that the segments need: reading them is what memory allows.
struct Touched<'c> {
    parts: Vec<&'c [u8]>,
}

impl<'c> Touched<'c> {
    fn of(columns: &'c Columns) -> Touched<'c> {
        let cells = |column: &'c Column| match &column.cells {
            Cells::Codes8(codes) => codes.as_bytes(),
            Cells::Codes16(codes) => codes.as_bytes(),
            Cells::Codes32(codes) => codes.as_bytes(),
            Cells::Days(days) => days.as_bytes(),
            Cells::Numbers(numbers) => numbers.as_bytes(),
        };
        let mut parts: Vec<&[u8]> = columns.fields.iter().flatten().map(cells).collect();
        for events in columns.events.iter().flatten() {
            parts.extend([events.offsets.as_bytes(), events.day.as_bytes()]);
            parts.extend(events.fields.iter().flatten().map(cells));
        }
        Touched { parts }
    }

    fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    fn read(&self) -> u64 {
        let sum = |part: &[u8]| {
            let words = part.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
            words.fold(0_u64, u64::wrapping_add)
        };
        self.parts.par_iter().flat_map(|part| part.par_chunks(1 << 20)).map(sum).reduce(|| 0, u64::wrapping_add)
    }
}
