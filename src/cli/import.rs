//! `bookmobile import`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};

use super::{Failure, Outcome, Terminal, program, terminal, tick};
use crate::store::Store;
use crate::store::import::{self, Mapping, Options, Rejects, Summary, TargetSummary};

/// Read the exports of a library system into the store
///
/// A mapping says which columns make which fields (docs/reference/import.md). All of a run lands together or not at
/// all, but for the rows that cannot be read: they go to a rejects file with their line, column and reason. The same
/// files twice change nothing.
///
/// Exit codes: 0 fine; 1 rows were rejected (the others are in); 2 nothing was imported.
#[derive(Args)]
pub struct Import {
    /// The patron store; it is made if there is none
    #[arg(long, value_name = "FILE", required_unless_present = "suggest")]
    store: Option<PathBuf>,
    /// The mapping (TOML)
    #[arg(long, value_name = "FILE", required_unless_present = "suggest")]
    map: Option<PathBuf>,
    /// The program whose catalogue the store keeps: a folder of *.campaign files, or one such file
    #[arg(long, value_name = "PATH", default_value = ".")]
    program: PathBuf,
    /// Where rejected rows go; without it FILE.rejects.csv beside each input
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Read and check everything, and leave the store as it is
    #[arg(long)]
    dry_run: bool,
    /// Remove however many records a `complete` export no longer has
    #[arg(long)]
    confirm_removals: bool,
    /// Write the numbers as one JSON object
    #[arg(long)]
    json: bool,
    /// Print a `patron` block and a mapping guessed from the columns, and import nothing
    #[arg(long, conflicts_with_all = ["store", "map", "dry_run", "json", "rejects"])]
    suggest: bool,
    /// Exports: CSV, TSV, PostgreSQL COPY text, JSON, JSON Lines, calendars (iCalendar), feeds (Atom, RSS); of a folder all
    /// files in it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

impl Import {
    /// Writes what landed.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let files = expand(&self.files)?;
        if self.suggest {
            let text = import::suggest(&files).map_err(|error| Failure::new(error.to_string()))?;
            write!(terminal, "{text}")?;
            return Ok(Outcome::Fine);
        }
        let (Some(store), Some(map)) = (&self.store, &self.map) else {
            return Err(Failure::new("--store and --map are needed"));
        };
        let text = std::fs::read_to_string(map).map_err(|error| unreadable(map, &error))?;
        let mapping = Mapping::parse(&text).map_err(|error| Failure::new(format!("{}: {error}", map.display())))?;
        let program = program::compile(&self.program, terminal)?;
        let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
        let is_new = !store.exists();
        let mut opened = match (self.dry_run, is_new) {
            // Nothing is made, not even an empty store.
            (true, true) => Store::in_memory(),
            _ => Store::open(store),
        }
        .map_err(|error| failed(&error))?;
        opened.align(&program.catalogue).map_err(|error| failed(&error))?;
        let mut rejects = match (&self.rejects, self.dry_run) {
            (Some(path), _) => Rejects::into_file(path),
            (None, true) => Rejects::nowhere(),
            (None, false) => Rejects::beside_inputs(),
        };
        let bar = terminal::bar("{bar:30} {bytes} of {total_bytes}, {eta} left");
        let progress = |done: u64, total: u64| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let options = Options {
            at: tick::clock(),
            dry_run: self.dry_run,
            confirm_removals: self.confirm_removals,
            progress: Some(&progress),
        };
        let zone = &program.library.zone;
        let summary = import::import(&mut opened, &mapping, zone, &files, &options, &mut rejects);
        bar.finish_and_clear();
        let summary = summary.map_err(|error| failed(&error))?;
        if self.json {
            let json = serde_json::to_string(&summary).map_err(|error| failed(&error))?;
            writeln!(terminal, "{json}")?;
        } else {
            write_text(&summary, terminal)?;
        }
        Ok(if summary.rejected() > 0 { Outcome::Findings } else { Outcome::Fine })
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

/// Of a folder the files in it, in order of name; rejects of earlier runs are no input.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in path.read_dir().map_err(|error| unreadable(path, &error))? {
            found.push(entry.map_err(|error| unreadable(path, &error))?.path());
        }
        found.retain(|path| path.is_file() && !path.to_string_lossy().ends_with(".rejects.csv"));
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

fn write_text(summary: &Summary, terminal: &mut Terminal) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("rows", |target| target.rows),
        ("new", |target| target.new),
        ("changed", |target| target.changed),
        ("unchanged", |target| target.unchanged),
        ("removed", |target| target.removed),
        ("left out", |target| target.left_out),
        ("private", |target| target.not_stored.values().sum()),
        ("rejected", |target| target.rejected),
    ];
    // Columns in which nothing happened say nothing.
    let shown: Vec<&Column> = columns
        .iter()
        .filter(|(name, number)| matches!(*name, "rows" | "new") || summary.targets.iter().any(|t| number(t) > 0))
        .collect();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(std::iter::once("").chain(shown.iter().map(|(name, _)| *name)));
    for target in &summary.targets {
        let numbers = shown.iter().map(|(_, number)| number(target).to_string());
        table.add_row(std::iter::once(target.target.clone()).chain(numbers));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(terminal, "{}", table.trim_fmt())?;
    for target in &summary.targets {
        for (class, count) in &target.not_stored {
            writeln!(terminal, "{count} rows of {} not stored: {class} needs an agreement.", target.target)?;
        }
        if target.unknown > 0 {
            writeln!(terminal, "{} fields of {} could not be read and are unknown.", target.unknown, target.target)?;
        }
    }
    for finding in &summary.findings {
        let column = if finding.column.is_empty() { String::new() } else { format!(", {}", finding.column) };
        let effect = if finding.rejected { "" } else { " (left unknown)" };
        writeln!(terminal, "  {}:{}{column}: {}{effect}", finding.file, finding.line, finding.reason)?;
    }
    let findings: u64 = summary.targets.iter().map(|target| target.rejected + target.unknown).sum();
    let more = findings - summary.findings.len() as u64;
    if more > 0 {
        writeln!(terminal, "  ... and {more} more")?;
    }
    for path in &summary.rejects {
        writeln!(terminal, "All of them are in {path}")?;
    }
    let back = |keys: &[String], one: &str, many: &str| {
        let first = keys.first()?;
        Some(if keys.len() == 1 {
            format!("{one}: {first}")
        } else {
            format!("{} {many}, the first is {first}", keys.len())
        })
    };
    if let Some(who) =
        back(&summary.erased, "a patron who had been erased came back", "patrons who had been erased came back")
    {
        let what = "if it is no new registration, take them out of the export and run `bookmobile erase --again`";
        terminal.note(&format!("{who}; {what}"))?;
    }
    if let Some(who) = back(
        &summary.merged,
        "a card that had been merged into another came back as a new patron",
        "cards that had been merged into others came back as new patrons",
    ) {
        let what = "merge them again with `bookmobile merge`, and before the next import in the library's system";
        terminal.note(&format!("{who}; {what}"))?;
    }
    if summary.dry_run {
        writeln!(terminal, "Dry run: the store is as it was.")?;
    }
    Ok(())
}

type Column = (&'static str, fn(&TargetSummary) -> u64);
