//! A store, a mapping and files written by a test.

use std::path::{Path, PathBuf};

use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::program::Program;
use bookmobile::store::Store;
use bookmobile::store::import::{Finding, ImportError, Mapping, Options, Rejects, Summary, import};
use bookmobile::time::{Day, Instant};

/// A library with one of each.
pub const LIBRARY: &str = r#"
library "Riverside" {
  timezone "America/Toronto"  languages en, fr  sender "Riverside" <news@riverside.example>  address "1 Main Street"
}
purpose promotion "News" consent
privacy borrowing "What a patron borrows" { requires history_opt_in  open records serve essential }
purpose essential "Your account" without consent
patron {
  first_name      text optional
  branch          one of central, "J-FIC" optional
  fines           money optional
  birth_date      date optional
  email           email optional
  phone           phone optional
  interests       set of one of games, history optional
  history_opt_in  bool
}
event visit { program text  people int optional }
event checkout private borrowing { title text }
record loan private borrowing { title text  due_on date  returned_at instant optional  open until returned_at }
table zone by postal_zone { households int }
list friends "Friends"
feed programs { title text  starts_at instant }
"#;

/// What a run did.
pub struct Run {
    pub store: Store,
    pub summary: Summary,
    pub findings: Vec<Finding>,
}

/// A checked program.
pub fn program(text: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("library.campaign", text);
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("the program has errors: {:#?}", compiled.diagnostics))
}

/// Noon in UTC on a day of 2026.
pub fn noon(month: i8, day: i8) -> Instant {
    Instant(i64::from(Day::new(2026, month, day).expect("a date").0) * 86_400_000_000 + 43_200_000_000)
}

/// Imports files into a new store.
pub fn run(program: &Program, mapping: &str, files: &[PathBuf]) -> Run {
    let mut store = Store::in_memory().expect("memory");
    store.align(&program.catalogue).expect("a new store takes any catalogue");
    let (summary, findings) = attempt(&mut store, program, mapping, files, noon(6, 1))
        .unwrap_or_else(|error| panic!("nothing was imported: {error}"));
    Run { store, summary, findings }
}

/// Imports files into a store that is there.
pub fn attempt(
    store: &mut Store,
    program: &Program,
    mapping: &str,
    files: &[PathBuf],
    at: Instant,
) -> Result<(Summary, Vec<Finding>), ImportError> {
    let options = Options { at, dry_run: false, confirm_removals: false, progress: None };
    let mut rejects = Rejects::nowhere();
    let mapping = Mapping::parse(mapping)?;
    let summary = import(store, &mapping, &program.library.zone, files, &options, &mut rejects)?;
    Ok((summary, rejects.shown))
}

/// A folder with files, which are gone with it.
pub struct Files {
    folder: tempfile::TempDir,
    pub paths: Vec<PathBuf>,
}

impl Files {
    /// Writes files.
    pub fn of(files: &[(&str, &[u8])]) -> Files {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |(name, bytes): &(&str, &[u8])| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            path
        };
        let paths = files.iter().map(write).collect();
        Files { folder, paths }
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// One file into a new store by a mapping for [`LIBRARY`].
pub fn one(name: &str, bytes: &[u8], mapping: &str) -> Run {
    run(&program(LIBRARY), mapping, &Files::of(&[(name, bytes)]).paths)
}

/// One column of all patrons, by key.
pub fn column(store: &Store, column: &str) -> Vec<Option<String>> {
    let sql = format!("SELECT CAST({column} AS TEXT) FROM patron ORDER BY key");
    let mut statement = store.connection().prepare(&sql).expect("a statement");
    let rows = statement.query_map((), |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// The lines and reasons of findings.
pub fn reasons(run: &Run) -> Vec<(u64, &str)> {
    run.findings.iter().map(|found| (found.line, found.reason.as_str())).collect()
}
