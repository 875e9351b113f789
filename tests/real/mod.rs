//! Data of real systems, with figures that others computed (the READMEs beside the data). The data is not part of the
//! repository: `BOOKMOBILE_DATA` names its folder, or it lies in `../shared/data`. Without it these tests are skipped,
//! and say so.
mod evergreen;
mod folio;
mod shakespeare;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bookmobile::check;
use bookmobile::eval::{Interpreter, Question, Rules, World};
use bookmobile::program::Program;
use bookmobile::rule::Facts;
use bookmobile::store::import::{Mapping, Options, Rejects, Summary, import};
use bookmobile::store::{Needs, Store};
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

/// The folder of a system's data; `None`, with a word on standard error, where it is not.
pub fn data(folder: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let path = std::env::var_os("BOOKMOBILE_DATA").map_or_else(beside, PathBuf::from).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: there is no {}; set BOOKMOBILE_DATA to the folder of the test data", path.display());
    None
}

/// What an import made.
pub struct Imported {
    pub store: Store,
    pub program: Program,
    pub summary: Summary,
    /// The rows of the rejects file.
    pub rejects: Vec<Reject>,
}

/// A row of the rejects file.
pub struct Reject {
    pub file: String,
    pub line: u64,
    pub column: String,
    pub reason: String,
    pub effect: String,
}

/// The program `tests/data/NAME.campaign`, checked.
pub fn program(name: &str) -> Program {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("{name}.campaign"));
    let compiled = check::compile(check::load(&path).expect("the program is there"));
    compiled.program.unwrap_or_else(|| panic!("{name}.campaign has errors: {:#?}", compiled.diagnostics))
}

/// Imports `files` into a new store by `tests/data/NAME.toml`, at `at`.
pub fn imported(name: &str, files: &[PathBuf], at: &str) -> Imported {
    let program = program(name);
    let mut store = Store::in_memory().expect("memory");
    store.align(&program.catalogue).expect("a new store takes any catalogue");
    let (summary, rejects) = again(&mut store, &program, name, files, at);
    Imported { store, program, summary, rejects }
}

/// Imports `files` into a store that is there.
pub fn again(store: &mut Store, program: &Program, name: &str, files: &[PathBuf], at: &str) -> (Summary, Vec<Reject>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("{name}.toml"));
    let mapping = Mapping::parse(&std::fs::read_to_string(path).expect("the mapping is there")).expect("a mapping");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rejects.csv");
    let mut rejects = Rejects::into_file(&file);
    let options = Options { at: instant(at), dry_run: false, confirm_removals: false, progress: None };
    let summary = import(store, &mapping, &program.library.zone, files, &options, &mut rejects);
    let summary = summary.unwrap_or_else(|error| panic!("{name}: {error}"));
    let read = |row: csv::StringRecord| Reject {
        file: row[0].to_owned(),
        line: row[1].parse().expect("a line"),
        column: row[2].to_owned(),
        reason: row[3].to_owned(),
        effect: row[5].to_owned(),
    };
    let rows = match csv::Reader::from_path(&file) {
        Ok(mut reader) => reader.records().map(|row| read(row.expect("a row"))).collect(),
        Err(_) => Vec::new(),
    };
    (summary, rows)
}

pub fn instant(text: &str) -> Instant {
    Instant::from_timestamp(text.parse().unwrap_or_else(|_| panic!("{text} is no instant")))
}

impl Imported {
    /// Every patron, with everything.
    pub fn facts(&self) -> Vec<Facts> {
        let needs = Needs::everything(&self.program.catalogue);
        let mut all = Vec::new();
        self.store.reader().scan(&needs, |facts| all.push(facts.clone())).expect("the store is readable");
        all
    }

    /// How many patrons are in each segment at `now`.
    pub fn sizes(&self, now: &str) -> BTreeMap<&'static str, usize> {
        let program = &self.program;
        let tables = self.store.reader().tables().expect("the store is readable");
        let zone = &program.library.zone;
        let world =
            World { catalogue: &program.catalogue, tables: &tables, zone, week_starts: program.library.week_starts };
        let mut rules = Rules::new();
        let segments: Vec<_> = (program.segments.iter().filter(|segment| segment.arguments.is_empty()))
            .map(|segment| {
                let rule = rules.add(&program.segments, &program.catalogue, &segment.body, Default::default());
                (segment.name.as_str(), rule)
            })
            .collect();
        let mut interpreter = Interpreter::new(&rules, &world);
        let mut sizes: BTreeMap<&str, usize> = segments.iter().map(|(name, _)| (*name, 0)).collect();
        let now = instant(now);
        for facts in self.facts() {
            let question = Question::of(&facts, now);
            let mut asked = interpreter.ask(&question);
            for (name, rule) in &segments {
                *sizes.get_mut(name).expect("every segment has an entry") += usize::from(asked.holds(*rule));
            }
        }
        sizes
    }

    /// A number that SQL finds in the store.
    pub fn count(&self, sql: &str) -> i64 {
        self.store.connection().query_row(sql, (), |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Rows of two columns, a text and a number, in order.
    pub fn table(&self, sql: &str) -> Vec<(String, i64)> {
        let mut statement = self.store.connection().prepare(sql).expect("a statement");
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    }

    /// How many rows of an event or record there are, and of how many patrons.
    pub fn rows(&self, event: &str) -> (i64, i64) {
        let count = |what: &str| self.count(&format!("SELECT count({what}) FROM event_{event}"));
        (count("*"), count("DISTINCT patron"))
    }

    /// The numbers of what came from one part of the mapping.
    pub fn landed(&self, target: &str) -> (u64, u64, u64) {
        let found = self.summary.target(target).unwrap_or_else(|| panic!("the mapping has no {target}"));
        (found.rows, found.new, found.rejected)
    }

    /// Findings in a file with this reason.
    pub fn rejected(&self, file: &str, reason: &str) -> usize {
        let fits = |reject: &&Reject| reject.file == file && reject.reason.contains(reason);
        self.rejects.iter().filter(|reject| reject.effect == "row rejected").filter(fits).count()
    }

    /// The members of a list.
    pub fn members(&self, list: &str) -> usize {
        let id = self.program.catalogue.list_named(Symbol::new(list)).expect("the program has the list");
        self.store.reader().members(id).expect("the store is readable").len()
    }
}

/// A catalogue with one feed of one text.
pub fn one_feed(name: &str) -> bookmobile::catalogue::Catalogue {
    use bookmobile::catalogue::{Catalogue, Feed, Field, Type};
    let title =
        Field { name: Symbol::new("title"), ty: Type::Text, optional: true, private: None, doc: None, span: None };
    Catalogue { feeds: vec![Feed { name: Symbol::new(name), fields: vec![title], span: None }], ..Catalogue::default() }
}

/// Imports by the text of a mapping, without rejects file.
pub fn import_text(store: &mut Store, mapping: &str, files: &[PathBuf]) -> Summary {
    let mapping = Mapping::parse(mapping).expect("a mapping");
    let options =
        Options { at: instant("2026-01-01T12:00:00Z"), dry_run: false, confirm_removals: false, progress: None };
    let zone = bookmobile::time::Zone::utc();
    import(store, &mapping, &zone, files, &options, &mut Rejects::nowhere()).expect("an import")
}
