//! `bookmobile list`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::program::compile;
use super::tick::clock;
use super::{Failure, Outcome, Terminal};
use crate::catalogue::ListId;
use crate::program::Program;
use crate::store::{Store, StoreError};
use crate::symbol::Symbol;

/// Keep a list by hand: who is on it, add, remove, or read from a file
///
/// A patron is named by the key of the library system, as in `import`. A key that the store does not know is reported and
/// changes nothing; the others are done, and the command exits 1.
#[derive(Args)]
pub struct List {
    /// The list, as the program declares it
    #[arg(value_name = "LIST")]
    list: String,
    /// The patron store
    #[arg(long, value_name = "FILE", global = true)]
    store: Option<PathBuf>,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(long, value_name = "PATH", default_value = ".", global = true)]
    program: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print the keys of those on the list, one a line
    Show,
    /// Put patrons on the list
    Add {
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
    },
    /// Take patrons off the list
    Remove {
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
    },
    /// Make the list what a file says: one key a line, `-` reads standard input
    Import {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl List {
    /// Writes who is on the list, or what changed.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let list = named(&program, &self.list)?;
        let path = self.store.ok_or_else(|| Failure::new("--store FILE is needed: the patron store"))?;
        match self.action {
            Action::Show => show(&path, &program, list, terminal),
            Action::Add { keys } => change(&path, &program, list, &Change::of(keys, true), terminal),
            Action::Remove { keys } => change(&path, &program, list, &Change::of(keys, false), terminal),
            Action::Import { file } => {
                let text = read(&file)?;
                let keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                let all = Change { others_leave: true, ..Change::of(keys.map(str::to_owned).collect(), true) };
                change(&path, &program, list, &all, terminal)
            }
        }
    }
}

/// Who joins or leaves.
struct Change {
    keys: BTreeSet<String>,
    is_member: bool,
    /// Whoever is not named leaves.
    others_leave: bool,
}

impl Change {
    fn of(keys: Vec<String>, is_member: bool) -> Change {
        Change { keys: keys.into_iter().collect(), is_member, others_leave: false }
    }
}

fn named(program: &Program, name: &str) -> Result<ListId, Failure> {
    program.catalogue.list_named(Symbol::new(name)).ok_or_else(|| {
        let known: Vec<&str> = program.catalogue.lists.iter().map(|list| list.name.as_str()).collect();
        Failure::new(match known.as_slice() {
            [] => format!("the program declares no list; `list {name} \"...\"` would"),
            known => format!("the program declares no list `{name}`; it has {}", known.join(", ")),
        })
    })
}

fn read(file: &Path) -> Result<String, Failure> {
    let text =
        if file == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    text.map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))
}

fn failed(error: StoreError) -> Failure {
    Failure::new(error.to_string())
}

fn show(path: &Path, program: &Program, list: ListId, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let mut store = Store::open_read_only(path).map_err(failed)?;
    store.align(&program.catalogue).map_err(failed)?;
    let reader = store.reader();
    for patron in reader.members(list).map_err(failed)? {
        if let Some(key) = reader.key(patron).map_err(failed)? {
            writeln!(terminal, "{key}")?;
        }
    }
    Ok(Outcome::Fine)
}

fn change(
    path: &Path,
    program: &Program,
    list: ListId,
    change: &Change,
    terminal: &mut Terminal,
) -> Result<Outcome, Failure> {
    let mut store = Store::open(path).map_err(failed)?;
    store.align(&program.catalogue).map_err(failed)?;
    let (mut joined, mut left, mut unknown) = (0, 0, Vec::new());
    let transaction = store.begin().map_err(failed)?;
    {
        let reader = transaction.reader();
        let mut writer = transaction.writer(&program.library.zone, clock());
        let mut named = BTreeSet::new();
        for key in &change.keys {
            let Some(patron) = reader.patron_by_key(key).map_err(failed)? else {
                unknown.push(key);
                continue;
            };
            named.insert(patron);
            let changed = writer.member(patron, list, change.is_member).map_err(failed)?;
            *(if change.is_member { &mut joined } else { &mut left }) += u64::from(changed);
        }
        if change.others_leave {
            for patron in reader.members(list).map_err(failed)?.into_iter().filter(|patron| !named.contains(patron)) {
                left += u64::from(writer.member(patron, list, false).map_err(failed)?);
            }
        }
    }
    transaction.commit().map_err(failed)?;
    writeln!(terminal, "{joined} joined, {left} left.")?;
    for key in &unknown {
        terminal.note(&format!("the store knows no patron {key}"))?;
    }
    Ok(if unknown.is_empty() { Outcome::Fine } else { Outcome::Findings })
}
