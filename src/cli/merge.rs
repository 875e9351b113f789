//! `bookmobile merge`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::program::compile;
use super::tick::clock;
use super::{Failure, Outcome, Terminal};
use crate::engine::merge;
use crate::store::{Store, StoreError};

/// Make two cards of one person one: everything of the double passes to the card that is kept
///
/// Events, records, lists, consents, journeys and messages pass; fields stay as the kept card has them. What both were
/// started for goes on once, also what is queued. There is no way back. An export that still has the double brings it
/// back as a new patron: merge in the library system first.
#[derive(Args)]
pub struct Merge {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(long, value_name = "PATH", default_value = ".")]
    program: PathBuf,
    /// Key of the patron who is kept
    #[arg(value_name = "KEPT")]
    kept: String,
    /// Key of the one that passes into it
    #[arg(value_name = "DOUBLE")]
    double: String,
}

impl Merge {
    /// Writes what was done.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        if self.kept == self.double {
            return Err(Failure::new("KEPT and DOUBLE are the same patron"));
        }
        let program = compile(&self.program, terminal)?;
        let mut store = Store::open(&self.store).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let named = |key: &str| {
            let unknown = || Failure::new(format!("the store has no patron with the key `{key}`"));
            store.reader().patron_by_key(key).map_err(failed)?.ok_or_else(unknown)
        };
        let (kept, double) = (named(&self.kept)?, named(&self.double)?);
        let ended = merge(&mut store, &program, kept, double, clock()).map_err(failed)?;
        let journeys = match ended {
            0 => String::new(),
            1 => "; one journey that both had sends nothing more, so nobody gets it twice".to_owned(),
            count => format!("; {count} journeys that both had send nothing more, so nobody gets them twice"),
        };
        writeln!(terminal, "{} is {} now{journeys}.", self.double, self.kept)?;
        Ok(Outcome::Fine)
    }
}

fn failed(error: StoreError) -> Failure {
    Failure::new(error.to_string())
}
