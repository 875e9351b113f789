//! The import against `sqlite3 .import`, in the same run.
//!
//! ```text
//! cargo bench --bench import -- [PATRONS]          # 100,000 without it; ten events for each
//! ```
//! The import reads two files as a library's system exports them, checks every value and finds the patron of each
//! event. `sqlite3` is given the rows ready: the same tables and indexes as the store's, numbers of patrons instead of
//! their keys, instants and dates as numbers, and no check of foreign keys; once as it comes, and once with as much
//! memory for pages. Below it stands what many do at first: the files as they are in tables of texts with an index. Rounds take turns; the figures are the least of each. Needs the
//! command `sqlite3`. Ends with 1 if the import takes longer than `sqlite3` with the same tables.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::store::import::{Mapping, Options, Rejects, import};
use bookmobile::store::{Needs, Store};
use bookmobile::time::Instant;
use timing::{Rounds, clock};

mod timing;

const ROUNDS: usize = 3;

const PROGRAM: &str = r#"
library "Bench" { timezone "America/Toronto"  languages en }
patron {
  first_name  text
  last_name   text
  branch      one of central, eastside, westside
  expires_on  date
  email       email
}
event visit { program text  branch one of central, eastside, westside }
"#;

const MAPPING: &str = r#"
[source.patrons]
file = "patrons.csv"
[source.visits]
file = "visits.csv"
[[patron]]
from = "patrons"
key  = "barcode"
[patron.fields]
first_name     = "first_name"
last_name      = "last_name"
branch         = "branch"
expires_on     = "expires_on"
email          = "email"
[[event]]
event  = "visit"
from   = "visits"
patron = "barcode"
at     = "at"
[event.fields]
program = "program"
branch  = "branch"
"#;

/// The tables of the store that the import writes, without the columns that stay empty.
const SAME: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE patron (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,
    first_name TEXT, last_name TEXT, branch TEXT, expires_on INTEGER, email TEXT
) STRICT;
CREATE TABLE event_visit (
    patron INTEGER NOT NULL REFERENCES patron (id) ON DELETE CASCADE, at INTEGER NOT NULL, id INTEGER NOT NULL,
    mark INTEGER, program TEXT, branch TEXT,
    PRIMARY KEY (patron, at, id)
) STRICT, WITHOUT ROWID;
";

/// As much memory for pages as the store takes; by itself `sqlite3` takes 2 MB.
const MEMORY: &str = "PRAGMA cache_size = -65536;";

const TEXTS: &str = "
CREATE TABLE patron (barcode TEXT PRIMARY KEY, first_name, last_name, branch, expires_on, email);
CREATE TABLE event_visit (barcode TEXT, at TEXT, program, branch);
CREATE INDEX visit_patron ON event_visit (barcode, at);
";

fn main() -> ExitCode {
    let patrons: u64 = timing::number(100_000);
    let folder = tempfile::tempdir().expect("a folder");
    let (files, ready) = generate(folder.path(), patrons);
    println!("{patrons} patrons, {} events, {ROUNDS} rounds", patrons * 10);
    let mut rows = [
        "bookmobile import",
        "sqlite3 .import, same tables",
        "  with 64 MB for pages",
        "sqlite3 .import, texts",
        "bookmobile scan",
    ]
    .map(|name| (name, Rounds::default()));
    for _ in 0..ROUNDS {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.path().join(format!("library.db{ending}")));
        }
        rows[0].1.0.push(clock(|| run_import(folder.path(), &files)).0);
        for (row, schema, files) in
            [(1, SAME.to_owned(), &ready), (2, MEMORY.to_owned() + SAME, &ready), (3, TEXTS.to_owned(), &files)]
        {
            let (took, done) = clock(|| run_sqlite(folder.path(), &schema, files));
            let Some(()) = done else {
                println!("sqlite3 is not installed: nothing to compare with");
                return ExitCode::SUCCESS;
            };
            rows[row].1.0.push(took);
        }
        rows[4].1.0.push(clock(|| scan(folder.path(), patrons)).0);
    }
    println!("{:<32}{:>9}{:>9}{:>8}", "", "min s", "median", "ratio");
    let alternative = rows[1].1.min().as_secs_f64();
    for (name, times) in &rows {
        let (min, median) = (times.min().as_secs_f64(), times.median().as_secs_f64());
        println!("{name:<32}{min:>9.2}{median:>9.2}{:>8.2}", min / alternative);
    }
    if rows[0].1.min() > rows[1].1.min() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Events in the order of time, as systems export them: the patrons come in no order. Then the same rows as the tables
/// of the store keep them.
fn generate(folder: &Path, patrons: u64) -> ([PathBuf; 2], [PathBuf; 2]) {
    let [files, ready] =
        ["", "-ready"].map(|ending| ["patrons", "visits"].map(|name| folder.join(format!("{name}{ending}.csv"))));
    let create = |path: &Path| std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let branches = ["central", "eastside", "westside"];
    let mut line = String::new();
    let mut write = |out: &mut dyn Write, arguments: std::fmt::Arguments<'_>| {
        line.clear();
        line.write_fmt(arguments).expect("writing to a string cannot fail");
        out.write_all(line.as_bytes()).expect("written");
    };
    let (mut out, mut rows) = (create(&files[0]), create(&ready[0]));
    write(&mut rows, format_args!("id,key,first_name,last_name,branch,expires_on,email\n"));
    write(&mut out, format_args!("barcode,first_name,last_name,branch,expires_on,email\n"));
    for n in 0..patrons {
        let branch = branches[(n % 3) as usize];
        let (month, day) = (n % 12 + 1, n % 28 + 1);
        let row = format_args!("2{n:013},Ana{n},Reader{n},{branch},2027-{month:02}-{day:02},ana{n}@example.org\n");
        write(&mut out, row);
        let (number, date) = (n + 1, 20_800 + month * 30 + day);
        let row = format_args!("{number},2{n:013},Ana{n},Reader{n},{branch},{date},ana{n}@example.org\n");
        write(&mut rows, row);
    }
    out.flush().and_then(|()| rows.flush()).expect("written");
    let (mut out, mut rows) = (create(&files[1]), create(&ready[1]));
    write(&mut rows, format_args!("patron,at,id,mark,program,branch\n"));
    write(&mut out, format_args!("barcode,at,program,branch\n"));
    let mut state = 1_u64;
    for n in 0..patrons * 10 {
        // Knuth's generator: the same numbers in every run.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let patron = (state >> 33) % patrons;
        let minute = n * 1_400_000 / (patrons * 10);
        let instant = 1_704_085_200_000_000 + minute * 60_000_000;
        let (days, hour, minute) = (minute / 1440, minute / 60 % 24, minute % 60);
        let (year, month, day) = (2024 + days / 336, days / 28 % 12 + 1, days % 28 + 1);
        let branch = branches[(state >> 40) as usize % 3];
        let at = format_args!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}");
        write(&mut out, format_args!("2{patron:013},{at},Chess night {},{branch}\n", state >> 60));
        let (number, id, mark) = (patron + 1, n + 1, state as i64);
        write(&mut rows, format_args!("{number},{instant},{id},{mark},Chess night {},{branch}\n", state >> 60));
    }
    out.flush().and_then(|()| rows.flush()).expect("written");
    (files, ready)
}

fn open(folder: &Path) -> (Store, bookmobile::program::Program) {
    let mut sources = Sources::default();
    sources.add("bench.campaign", PROGRAM);
    let program = check::compile(sources).program.expect("the program is right");
    let mut store = Store::open(folder.join("library.db")).expect("a store");
    store.align(&program.catalogue).expect("a catalogue");
    (store, program)
}

fn run_import(folder: &Path, files: &[PathBuf]) {
    let (mut store, program) = open(folder);
    let mapping = Mapping::parse(MAPPING).expect("a mapping");
    let options =
        Options { at: Instant(1_800_000_000_000_000), dry_run: false, confirm_removals: false, progress: None };
    let zone = &program.library.zone;
    let summary = import(&mut store, &mapping, zone, files, &options, &mut Rejects::nowhere()).expect("an import");
    assert_eq!(summary.rejected(), 0);
}

fn scan(folder: &Path, patrons: u64) {
    let (store, program) = open(folder);
    let (mut seen, mut events) = (0, 0);
    let needs = Needs::everything(&program.catalogue);
    let each = |facts: &bookmobile::rule::Facts| {
        seen += 1;
        events += facts.events.iter().map(Vec::len).sum::<usize>();
    };
    store.reader().scan(&needs, each).expect("readable");
    assert_eq!(seen, patrons);
    assert_eq!(events as u64, patrons * 10);
}

/// `None`: there is no `sqlite3`.
fn run_sqlite(folder: &Path, schema: &str, files: &[PathBuf]) -> Option<()> {
    let plain = folder.join("plain.db");
    let _ = std::fs::remove_file(&plain);
    let (patrons, visits) = (files[0].display(), files[1].display());
    let import = format!(".mode csv\n.import --skip 1 {patrons} patron\n.import --skip 1 {visits} event_visit\n");
    let mut child = Command::new("sqlite3").arg(plain).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().ok()?;
    child.stdin.take().expect("it is piped").write_all([schema, &import].concat().as_bytes()).expect("sqlite3 reads");
    assert!(child.wait().expect("it ends").success(), "sqlite3 imports");
    Some(())
}
