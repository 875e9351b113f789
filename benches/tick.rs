//! The tick over large stores: the first of all, after some patrons changed, and at midnight.
//!
//! `cargo bench --bench tick [-- [--engines] [--kept FOLDER] [PATRONS ...]]` (default 100,000, with some 30 events
//! each). Fifty campaigns start on entering a segment each. After quiet news next to nothing is to be decided, after
//! busy ones something for every third patron, and mixed ones are one busy in four. The clock moves on between ticks so
//! far that it brings up about the same number of patrons in a store of any size; how long five minutes without news take
//! is measured apart. Seven rounds with the engines, thirty-one without them. A tick is measured from its begin to the
//! end of its commit, in a process that keeps its plan; one more is measured as a command. `--engines` lets DuckDB answer
//! the fifty segments for everybody in the same rounds (`pip install duckdb numpy`). Stores are made once and kept in the
//! folder, if one is named; the run works on copies. After each midnight whom the store holds to be in a segment is
//! compared with an evaluation of everybody.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bookmobile::catalogue::ClassSet;
use bookmobile::check;
use bookmobile::engine::{self, Plan, TickReport};
use bookmobile::eval::{Bitmap, Bulk, RuleId, Rules, Way, World, local_dates};
use bookmobile::program::Program;
use bookmobile::rule::Tables;
use bookmobile::rule::columns::{Builder, Columns, Wanted};
use bookmobile::store::Store;
use bookmobile::store::snapshot::{Dates, Opening};
use bookmobile::time::Instant;
use duckdb::DuckDb;
use store::News;
use timing::{Rounds, clock, ms};

#[allow(dead_code, unused_imports, reason = "the benchmark of evaluation needs all of it")]
#[path = "workload/duckdb.rs"]
mod duckdb;
#[allow(dead_code, unused_imports, reason = "the benchmark of evaluation needs all of it")]
#[path = "workload/rivals/mod.rs"]
mod rivals;
#[allow(dead_code, unused_imports, reason = "the benchmark of evaluation needs all of it")]
#[path = "workload/sql.rs"]
mod sql;
#[path = "workload/store.rs"]
mod store;
mod timing;
mod workload;

const ROUNDS: usize = 7;
/// Without the engines, whose rounds take seconds: so that the median is no chance.
const ROUNDS_ALONE: usize = 31;

/// Seconds between ticks times patrons: five minutes for 100,000.
const STEP_OF_A_PATRON: i64 = 30_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut engines, mut kept, mut sizes) = (false, None, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--engines" => engines = true,
            "--kept" => kept = arguments.next().map(PathBuf::from),
            number => sizes.extend(number.parse::<i64>()),
        }
    }
    if sizes.is_empty() {
        sizes.push(100_000);
    }
    for patrons in sizes {
        run(patrons, engines, kept.as_deref());
    }
}

fn run(patrons: i64, engines: bool, kept: Option<&Path>) {
    let folder = tempfile::tempdir().expect("a folder");
    let made = kept.unwrap_or(folder.path()).join(format!("town-{patrons}.db"));
    if !made.exists() {
        let (took, events) = clock(|| store::make(&made, patrons));
        println!("{patrons} patrons, {events} events: made in {:.1} s", took.as_secs_f64());
    }
    let rounds = if engines { ROUNDS } else { ROUNDS_ALONE };
    let path = folder.path().join("town.db");
    std::fs::copy(&made, &path).expect("a copy");
    let text = campaigns();
    let program = program(&text);
    let plan = Plan::new(&program);
    let mut now = workload::now(&program);
    let mut town = store::open(&path, &program);

    println!("\n{:<32}{:>11}{:>11}", format!("{patrons} patrons"), "min, ms", "median, ms");
    let (took, report) = tick(&mut town, &plan, now);
    row(
        "the first tick",
        &Rounds(vec![took]),
        &format!("{}, peak {:.0} MB", told(&report), timing::peak("self").unwrap_or_default()),
    );
    let (took, ()) = clock(|| make_snapshot(&town, &program));
    row("making the snapshot", &Rounds(vec![took]), "");
    let mut duckdb = if engines { start_duckdb(&town, &program, now) } else { None };

    // Opens the snapshot and makes the code: once in the life of a process.
    store::change(&mut town, &program, patrons as usize / 50, News::Busy, now.plus_seconds(60), 0);
    now = now.plus_seconds(120);
    let (took, report) = tick(&mut town, &plan, now);
    row("2 % changed, opening, compiling", &Rounds(vec![took]), &told(&report));
    let all = [(News::Quiet, "quiet"), (News::Mixed, "mixed"), (News::Busy, "busy")];
    for (count, (news, what)) in [1_000, 10_000].into_iter().flat_map(|count| all.map(|news| (count, news))) {
        if count * 5 > patrons as usize {
            continue;
        }
        let (mut ticks, mut by_duckdb, mut last) = (Rounds::default(), Rounds::default(), TickReport::default());
        for round in 0..rounds {
            by_duckdb.0.extend(duckdb.as_mut().map(|(duckdb, _)| duckdb.run()));
            now = now.plus_seconds((STEP_OF_A_PATRON / patrons).max(1));
            store::change(&mut town, &program, count, news, now, (count + round) as u64);
            let (took, report) = tick(&mut town, &plan, now);
            ticks.0.push(took);
            last = report;
        }
        let share = count as f64 / patrons as f64 * 100.0;
        row(&format!("{count} changed ({share:.1} %), {what}"), &ticks, &told(&last));
        if !by_duckdb.0.is_empty() {
            let ratio = by_duckdb.median().as_secs_f64() / ticks.median().as_secs_f64();
            row("  DuckDB, all again", &by_duckdb, &format!("{ratio:.1} times the tick"));
        }
    }
    let (mut ticks, mut last) = (Rounds::default(), TickReport::default());
    for _ in 0..rounds {
        now = now.plus_seconds(300);
        let (took, report) = tick(&mut town, &plan, now);
        ticks.0.push(took);
        last = report;
    }
    row("five minutes without news", &ticks, &told(&last));
    if let Some((duckdb, expected)) = duckdb {
        let found = sql::bitmaps(&duckdb.masks());
        let same = |(one, other): (&Bitmap, &Vec<u64>)| one.words() == other;
        assert!(expected.iter().zip(&found).all(same), "DuckDB finds others");
    }
    now = now.plus_seconds(300);
    store::change(&mut town, &program, 1_000, News::Busy, now, 7);
    let took = as_command(&path, folder.path(), &text, now);
    row("1000 changed, as a command", &Rounds(vec![took]), "");
    now = program.library.zone.next_midnight(now);
    let (took, report) = tick(&mut town, &plan, now);
    row("midnight", &Rounds(vec![took]), &told(&report));
    compare(&town, &program, now);
}

fn row(what: &str, times: &Rounds, more: &str) {
    println!("{what:<32}{:>11.1}{:>11.1}  {more}", ms(times.min()), ms(times.median()));
}

fn tick(store: &mut Store, plan: &Plan<'_>, now: Instant) -> (std::time::Duration, TickReport) {
    clock(|| engine::tick(store, plan, now, None).expect("a tick"))
}

fn told(report: &TickReport) -> String {
    let sum = |count: fn(&engine::Counts) -> usize| report.campaigns.values().map(count).sum::<usize>();
    format!("{} looked at, {} enrolled, {} queued", report.patrons, sum(|c| c.enrolled), sum(|c| c.queued))
}

/// A campaign on entering each of the workload's segments.
fn campaigns() -> String {
    let message =
        r#"message hello { email { subject "Hello" subject fr "Bonjour" body "Hello." body fr "Bonjour." } }"#;
    let segments = workload::program().segments;
    let campaign = |name: &str| {
        format!("campaign enters_{name} {{ purpose essential audience {name} start on entering send hello }}\n")
    };
    segments
        .iter()
        .map(|segment| campaign(segment.name.as_str()))
        .fold(message.to_owned() + "\n", |all, one| all + &one)
}

fn program(campaigns: &str) -> Program {
    let mut sources = check::load(&workload()).expect("the workload can be read");
    sources.add("bench.campaign", campaigns);
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics))
}

fn workload() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/workload/workload.campaign")
}

/// A tick by `bookmobile tick`, which reads the program, compiles it and opens the store.
fn as_command(store: &Path, folder: &Path, campaigns: &str, now: Instant) -> std::time::Duration {
    let program = folder.join("program");
    std::fs::create_dir_all(&program).expect("a folder");
    std::fs::copy(workload(), program.join("workload.campaign")).expect("a copy");
    std::fs::write(program.join("bench.campaign"), campaigns).expect("written");
    let at = now.timestamp().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bookmobile"));
    command.args(["tick", "--at", &at, "--store"]).arg(store).arg(&program).stdout(Stdio::null());
    let (took, status) = clock(|| command.status().expect("the program runs"));
    assert!(status.success(), "the tick ends well");
    took
}

fn dates(program: &Program) -> Dates<'_> {
    Dates { zone: &program.library.zone, day: |zone| Box::new(local_dates(zone)) }
}

fn make_snapshot(store: &Store, program: &Program) {
    let wanted = Wanted::everything(&program.catalogue);
    Opening { from_patrons: 0, ..Opening::new(dates(program)) }.open(store, &wanted).expect("a snapshot");
}

/// The columns that the segments read, of all patrons, from SQLite.
fn everybody(store: &Store, program: &Program) -> Columns {
    let wanted = Wanted::everything(&program.catalogue);
    let day = local_dates(&program.library.zone);
    let mut builder = Builder::new(&program.catalogue, &wanted, &day);
    let needs = bookmobile::store::Needs::everything(&program.catalogue);
    store.reader().scan(&needs, |facts| builder.push(facts)).expect("everybody is read");
    builder.finish()
}

/// DuckDB with everybody as they now are, and whom it is to find.
fn start_duckdb(store: &Store, program: &Program, now: Instant) -> Option<(DuckDb, Vec<Bitmap>)> {
    let columns = everybody(store, program);
    let town = rivals::Town::new(&program.catalogue, &columns, now);
    let duckdb = DuckDb::start(&sql::tables(&town), &sql::query(&town))?;
    Some((duckdb, evaluated(program, &columns, now)))
}

/// Who is in each segment by an evaluation of everybody.
fn evaluated(program: &Program, columns: &Columns, now: Instant) -> Vec<Bitmap> {
    let tables = Tables::default();
    let world = World::of(program, &tables);
    let mut rules = Rules::new();
    let ids: Vec<RuleId> = (program.segments.iter())
        .map(|segment| rules.add(&program.segments, &program.catalogue, &segment.body, ClassSet::EMPTY))
        .collect();
    Bulk::selecting(&rules, world, &ids, Way::Native).run(columns, now)
}

/// Who is in a segment by what the ticks wrote is in it by an evaluation of everybody.
fn compare(store: &Store, program: &Program, now: Instant) {
    let columns = everybody(store, program);
    let found = evaluated(program, &columns, now);
    let sql = format!(
        "SELECT patron FROM {} JOIN campaign_state ON campaign = ?1
         WHERE ' ' || campaigns GLOB '* ' || number || '+*' ORDER BY patron",
        engine::STANDING
    );
    let mut query = store.connection().prepare(&sql).expect("a statement");
    for (segment, found) in program.segments.iter().zip(found) {
        let campaign = format!("enters_{}", segment.name);
        let held: Vec<i64> =
            query.query_map([&campaign], |row| row.get(0)).and_then(Iterator::collect).expect("the table is there");
        let evaluated: Vec<i64> =
            (0..columns.len()).filter(|row| found.contains(*row)).map(|row| columns.patrons[row]).collect();
        assert_eq!(held.len(), evaluated.len(), "{}", segment.name);
        assert!(held == evaluated, "others are in {}", segment.name);
    }
    println!("who is in which segment: as an evaluation of everybody says");
}
