//! `bookmobile erase`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::program::compile;
use super::tick::clock;
use super::{Failure, Outcome, Terminal};
use crate::program::Program;
use crate::rule::PatronId;
use crate::store::{Cleaned, Erased, Store, StoreError, ledger_line, read_ledger_line};

/// Erase patrons: everything that the store knows of them, so that no byte of it stays in the file
///
/// What remains names nobody: the suppression of addresses that had withdrawn, and a keyed hash of the patron's key in
/// the ledger of erasures. Messages that were written to a folder and the files of imports are yours to delete. Keep the
/// ledger (`--ledger`) beside your backups: after an older one was restored, `--replay` erases again.
#[derive(Args)]
pub struct Erase {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(long, value_name = "PATH", default_value = ".")]
    program: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Also put all their addresses on the suppression list
    #[arg(long)]
    never_again: bool,
    /// Print the ledger: one line an erasure, a hash and an instant
    #[arg(long, conflicts_with_all = ["patrons", "again", "replay"])]
    ledger: bool,
    /// Erase whoever is in this ledger and in the store
    #[arg(long, value_name = "FILE", conflicts_with_all = ["patrons", "again"])]
    replay: Option<PathBuf>,
    /// Erase whoever was erased before and came back with an import
    #[arg(long, conflicts_with = "patrons")]
    again: bool,
    /// Keys of the library system, such as the number on the card
    #[arg(value_name = "PATRON", required_unless_present_any = ["ledger", "replay", "again"])]
    patrons: Vec<String>,
}

impl Erase {
    /// Writes what was erased.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        if self.ledger {
            let store = Store::open_read_only(&self.store).map_err(failed)?;
            for entry in store.reader().erasures().map_err(failed)? {
                writeln!(terminal, "{}", ledger_line(&entry))?;
            }
            return Ok(Outcome::Fine);
        }
        let program = compile(&self.program, terminal)?;
        let mut store = Store::open(&self.store).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let replayed = self.replay.as_deref().map(read).transpose()?;
        let (patrons, unknown) = self.whom(&store, replayed.as_deref())?;
        for key in &unknown {
            terminal.note(&format!("the store knows no patron {key}"))?;
        }
        if !patrons.is_empty() && !self.yes && !agreed(&patrons, terminal)? {
            return Err(Failure::new("nothing was erased"));
        }
        let cleaned = erase(&mut store, &program, &patrons, replayed.as_deref(), self.never_again)?;
        let people = if patrons.len() == 1 { "1 patron".to_owned() } else { format!("{} patrons", patrons.len()) };
        writeln!(terminal, "Erased {people}.")?;
        if cleaned == Cleaned::Busy {
            terminal.note(
                "another command is reading the store, so that its log still holds earlier pages; when it has ended, run \
                 `bookmobile erase --again` to empty it",
            )?;
        }
        Ok(if unknown.is_empty() && cleaned == Cleaned::Clean { Outcome::Fine } else { Outcome::Findings })
    }

    /// Who is to be erased, and the keys that nobody has.
    fn whom(&self, store: &Store, replayed: Option<&[Erased]>) -> Result<(Patrons, Vec<String>), Failure> {
        let reader = store.reader();
        if let Some(ledger) = replayed {
            return Ok((reader.erased_among(ledger, PatronId(0)).map_err(failed)?, Vec::new()));
        }
        if self.again {
            let ledger = reader.erasures().map_err(failed)?;
            return Ok((reader.erased_among(&ledger, PatronId(0)).map_err(failed)?, Vec::new()));
        }
        let (mut patrons, mut unknown) = (Vec::new(), Vec::new());
        for key in &self.patrons {
            match reader.patron_by_key(key).map_err(failed)? {
                Some(id) => patrons.push((id, key.clone())),
                None => unknown.push(key.clone()),
            }
        }
        patrons.sort();
        patrons.dedup();
        Ok((patrons, unknown))
    }
}

type Patrons = Vec<(PatronId, String)>;

fn erase(
    store: &mut Store,
    program: &Program,
    patrons: &[(PatronId, String)],
    replayed: Option<&[Erased]>,
    never_again: bool,
) -> Result<Cleaned, Failure> {
    let transaction = store.begin().map_err(failed)?;
    let mut writer = transaction.writer(&program.library.zone, clock());
    for (id, _) in patrons {
        writer.erase_patron(*id, never_again).map_err(failed)?;
    }
    for entry in replayed.unwrap_or_default() {
        writer.note_erasure(entry).map_err(failed)?;
    }
    drop(writer);
    transaction.commit().map_err(failed)?;
    store.wipe().map_err(failed)
}

/// Whether whoever sits at the terminal means it.
fn agreed(patrons: &[(PatronId, String)], terminal: &mut Terminal) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("say --yes to erase without being asked; there is no way back"));
    }
    let whom = match patrons {
        [(_, key)] => format!("the patron {key}"),
        all => format!("{} patrons", all.len()),
    };
    terminal.note(&format!("This erases {whom} and everything of them. There is no way back. Type yes to go on:"))?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim() == "yes")
}

fn read(file: &Path) -> Result<Vec<Erased>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let wrong = || Failure::new(format!("{}:{}: it is no line of a ledger", file.display(), index + 1));
            read_ledger_line(line).ok_or_else(wrong)
        })
        .collect()
}

fn failed(error: StoreError) -> Failure {
    Failure::new(error.to_string())
}
