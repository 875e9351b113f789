//! `bookmobile diff`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::dry_run::{sentence, write_wrapped};
use super::program::compile;
use super::tick::{clock, instant};
use super::{Failure, Outcome, Terminal, terminal};
use crate::engine::TickError;
use crate::program::Program;
use crate::review::diff::{Change, Concerned, Reach, diff, diff_over};
use crate::review::dry_run::Means;
use crate::review::show;
use crate::store::Store;

/// Compare two versions of a program: which campaigns an edit concerns, and whom
///
/// Names the campaigns that are new, gone or edited and those that use a segment or a message that was edited, with the
/// privacy classes that they read now and did not read before. With a store also whom they are for before and after, who
/// enters and who leaves, what would be due, how many an edited start would have started (its first tick takes the
/// baseline), and what becomes of journeys that run. Another version is for instance what `git worktree add` lays beside
/// this one. Nothing is written.
#[derive(Args)]
pub struct DiffCommand {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// The instant to look from, in the library's zone ("2026-06-15 09:00") or with an offset; without it, now
    #[arg(long, value_name = "INSTANT", requires = "store")]
    at: Option<String>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// The program as it was: a folder of *.campaign files, or one such file
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The program as it is now
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

impl DiffCommand {
    /// Writes the comparison to standard output.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let (old, new) = (compile(&self.old, terminal)?, compile(&self.new, terminal)?);
        let zone = &new.library.zone;
        let at = match &self.at {
            Some(text) => instant(text, zone)?,
            None => clock(),
        };
        let found = match &self.store {
            None => diff(&old, &new),
            Some(path) => {
                let bar = terminal::bar("{spinner} comparing");
                let found = diff_over(&mut |program| opened(path, program), &old, &new, at, &Means::default());
                bar.finish_and_clear();
                found.map_err(|error| Failure::new(error.to_string()))?
            }
        };
        if self.json {
            let at = self.store.is_some().then(|| show::instant(at, zone));
            writeln!(terminal, "{:#}", json!({ "at": at, "zone": zone.name(), "campaigns": found }))?;
            return Ok(Outcome::Fine);
        }
        if found.is_empty() {
            writeln!(terminal, "No campaign is concerned: both versions mean the same.")?;
            return Ok(Outcome::Fine);
        }
        if self.store.is_some() {
            writeln!(terminal, "Compared at {} ({}). Nothing is written.\n", show::instant(at, zone), zone.name())?;
        }
        writeln!(terminal, "{}", table(&found))?;
        let told: Vec<(&Concerned, Vec<String>)> =
            found.iter().map(|one| (one, sentences(one))).filter(|(_, sentences)| !sentences.is_empty()).collect();
        if !told.is_empty() {
            writeln!(terminal, "\nWorth a look:")?;
        }
        for (one, sentences) in told {
            for sentence in sentences {
                write_wrapped(terminal, "  ", &format!("{}: {sentence}", one.campaign))?;
            }
        }
        Ok(Outcome::Fine)
    }
}

fn opened(path: &Path, program: &Program) -> Result<Store, TickError> {
    let mut store = Store::open_read_only(path)?;
    store.align(&program.catalogue)?;
    Ok(store)
}

fn table(found: &[Concerned]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let is_over_store = found.iter().any(|one| one.reach.is_some());
    let figures = ["audience", "enter", "leave", "reachable", "due now"];
    table.set_header(["campaign", ""].into_iter().chain(figures.into_iter().filter(|_| is_over_store)));
    for one in found {
        let change = match one.change {
            Change::New => "new",
            Change::Gone => "gone",
            Change::Edited => "edited",
            Change::Uses => "uses edits",
        };
        let cells = one.reach.as_ref().map_or_else(Vec::new, |reach| {
            let Reach { before, after, reachable_before, reachable_after, due_before, due_after, .. } = reach;
            vec![
                pair(*before, *after),
                some(reach.enter, "+"),
                some(reach.leave, "-"),
                pair(*reachable_before, *reachable_after),
                pair(*due_before, *due_after),
            ]
        });
        table.add_row([one.campaign.clone(), change.to_owned()].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A count before and after, once where it is the same.
fn pair(before: Option<u64>, after: Option<u64>) -> String {
    let word = |count: Option<u64>| count.map_or_else(|| "none".to_owned(), show::count);
    match (before, after) {
        (None, None) => String::new(),
        _ if before == after => word(before),
        _ => format!("{} > {}", word(before), word(after)),
    }
}

fn some(count: u64, sign: &str) -> String {
    if count == 0 { String::new() } else { format!("{sign}{}", show::count(count)) }
}

fn sentences(one: &Concerned) -> Vec<String> {
    let mut found = Vec::new();
    let mut list = |what: &str, names: &[String]| {
        if !names.is_empty() {
            found.push(format!("{what} {}", names.join(", ")));
        }
    };
    list("uses what was edited:", &one.uses);
    list("reads now and did not before, or may tell:", &one.gains);
    list("no longer reads, or may no longer tell:", &one.loses);
    let Some(reach) = &one.reach else { return found };
    if let Some(count) = reach.edited_start_would_start {
        found.push(format!(
            "its start means something else than at the last tick, so that its first tick takes the baseline; it would have \
             started {}",
            show::count(count)
        ));
    }
    found.extend(reach.running.as_ref().map(sentence));
    found
}
