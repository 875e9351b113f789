//! The import against `sqlite3 .import` of the same files into indexed tables, in the same run.
//!
//! ```text
//! cargo bench --bench import -- [PATRONS]          # 100,000 without it; ten events for each
//! ```
//! Needs the command `sqlite3` for the comparison. Ends with 1 if the import takes more than three times as long.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::store::import::{Mapping, Options, Rejects, import};
use bookmobile::store::{Needs, Store};
use bookmobile::time::Instant;

/// More than this many times as long is too long.
const BOUND: f64 = 3.0;

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

fn main() -> ExitCode {
    let patrons: u64 = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(100_000);
    let folder = tempfile::tempdir().expect("a folder");
    let files = generate(folder.path(), patrons);
    println!("{patrons} patrons, {} events", patrons * 10);
    let ours = timed("bookmobile import", || run_import(folder.path(), &files));
    timed("bookmobile scan of everything", || scan(folder.path(), patrons));
    let Some(theirs) = run_sqlite(folder.path(), &files) else {
        println!("sqlite3 is not installed: nothing to compare with");
        return ExitCode::SUCCESS;
    };
    let ratio = ours / theirs;
    println!("ratio {ratio:.2} (at most {BOUND})");
    if ratio > BOUND { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed(what: &str, work: impl FnOnce()) -> f64 {
    let start = std::time::Instant::now();
    work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{what:32} {seconds:8.2} s");
    seconds
}

/// Events in the order of time, as systems export them: the patrons come in no order.
fn generate(folder: &Path, patrons: u64) -> Vec<PathBuf> {
    let files = vec![folder.join("patrons.csv"), folder.join("visits.csv")];
    let create = |path: &Path| std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let branches = ["central", "eastside", "westside"];
    let mut line = String::new();
    let mut write = |out: &mut dyn Write, arguments: std::fmt::Arguments<'_>| {
        line.clear();
        line.write_fmt(arguments).expect("writing to a string cannot fail");
        out.write_all(line.as_bytes()).expect("written");
    };
    let mut out = create(&files[0]);
    write(&mut out, format_args!("barcode,first_name,last_name,branch,expires_on,email\n"));
    for n in 0..patrons {
        let branch = branches[(n % 3) as usize];
        let (month, day) = (n % 12 + 1, n % 28 + 1);
        let row = format_args!("2{n:013},Ana{n},Reader{n},{branch},2027-{month:02}-{day:02},ana{n}@example.org\n");
        write(&mut out, row);
    }
    out.flush().expect("written");
    let mut out = create(&files[1]);
    write(&mut out, format_args!("barcode,at,program,branch\n"));
    let mut state = 1_u64;
    for n in 0..patrons * 10 {
        // Knuth's generator: the same numbers in every run.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let patron = (state >> 33) % patrons;
        let minute = n * 1_400_000 / (patrons * 10);
        let (days, hour, minute) = (minute / 1440, minute / 60 % 24, minute % 60);
        let (year, month, day) = (2024 + days / 336, days / 28 % 12 + 1, days % 28 + 1);
        let branch = branches[(state >> 40) as usize % 3];
        let at = format_args!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}");
        write(&mut out, format_args!("2{patron:013},{at},Chess night {},{branch}\n", state >> 60));
    }
    out.flush().expect("written");
    files
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
    println!("{:?}", summary.targets.iter().map(|target| target.new).collect::<Vec<_>>());
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
    println!("{events} events");
}

fn run_sqlite(folder: &Path, files: &[PathBuf]) -> Option<f64> {
    let script = format!(
        "CREATE TABLE patron (barcode TEXT PRIMARY KEY, first_name, last_name, branch, expires_on, email);\n\
         CREATE TABLE visit (barcode TEXT, at TEXT, program, branch);\n\
         CREATE INDEX visit_patron ON visit (barcode, at);\n\
         .mode csv\n.import --skip 1 {} patron\n.import --skip 1 {} visit\n",
        files[0].display(),
        files[1].display()
    );
    let mut found = None;
    Command::new("sqlite3").arg("--version").stdout(Stdio::null()).status().ok()?;
    let seconds = timed("sqlite3 .import", || {
        let mut child =
            Command::new("sqlite3").arg(folder.join("plain.db")).stdin(Stdio::piped()).spawn().expect("sqlite3 starts");
        child.stdin.take().expect("it is piped").write_all(script.as_bytes()).expect("sqlite3 reads");
        found = child.wait().ok().filter(std::process::ExitStatus::success);
    });
    found.map(|_| seconds)
}
