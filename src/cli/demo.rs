//! `bookmobile demo`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Failure, Outcome, Terminal};
use crate::check;
use crate::program::Program;
use crate::review::demo::{Imported, Plan, Schema, Town};
use crate::review::{show, starter};
use crate::store::{Store, StoreError};
use crate::time::Day;

/// Make a town of invented readers and run the starter campaigns over it
///
/// Nothing else is needed: no data, no configuration, no network. The same seed makes the same town.
#[derive(Args)]
pub struct Demo {
    /// How many readers
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    patrons: u64,
    /// Which town
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Only make the store, in this new file
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Write the summary as JSON
    #[arg(long)]
    json: bool,
}

/// The Monday on which every demo begins: the week brings a first Tuesday, a second, and a fifteenth.
const TODAY: (i16, i8, i8) = (2026, 11, 30);

impl Demo {
    /// Writes the summary to standard output.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let compiled = check::compile(starter::sources());
        let program = compiled.program.expect("a test compiles the starter program");
        let today = Day::new(TODAY.0, TODAY.1, TODAY.2).expect("a date");
        match &self.store {
            Some(path) => {
                let plan = Plan { patrons: self.patrons, seed: self.seed, today, days: 0 };
                self.only_store(&program, plan, path, terminal)
            }
            None => Err(Failure::new("name a file for the store: bookmobile demo --store demo.db")),
        }
    }

    fn only_store(
        &self,
        program: &Program,
        plan: Plan,
        path: &Path,
        terminal: &mut Terminal,
    ) -> Result<Outcome, Failure> {
        if path.exists() {
            return Err(Failure::new(format!("{} is there already; name a new file", path.display())));
        }
        let mut store = Store::open(path)?;
        store.align(&program.catalogue)?;
        let mut town = Town::new(Schema::new(&program.catalogue, &program.library.zone), plan);
        let bar = progress(plan.patrons);
        let imported = town.found(&mut store, |done| bar.set_position(done))?;
        bar.finish_and_clear();
        let at = show::instant(town.import_at(0), &program.library.zone);
        if self.json {
            let summary = json!({ "store": path, "at": at, "seed": plan.seed, "imported": counts(&imported) });
            writeln!(terminal, "{summary:#}")?;
            return Ok(Outcome::Fine);
        }
        writeln!(terminal, "{}: {}, as of {at}", path.display(), sentence(&imported))?;
        Ok(Outcome::Fine)
    }
}

/// A bar on standard error, if that is a terminal.
fn progress(length: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} readers").expect("a valid template");
    ProgressBar::new(length).with_style(style)
}

fn counts(imported: &Imported) -> serde_json::Value {
    json!({
        "patrons": imported.patrons,
        "events": imported.events,
        "records": imported.records,
        "consents": imported.consents,
    })
}

fn sentence(imported: &Imported) -> String {
    format!(
        "{} readers, {} events, {} loans, requests and registrations, {} consents",
        show::count(imported.patrons),
        show::count(imported.events),
        show::count(imported.records),
        show::count(imported.consents),
    )
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::new(error.to_string())
    }
}
