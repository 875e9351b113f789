//! `bookmobile rename`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::dry_run::no_campaign;
use super::program::compile;
use super::{Failure, Outcome, Terminal};
use crate::engine::{self, NotRenamed};
use crate::store::{Store, StoreError};

/// Tell the store that a campaign has another name, so that it starts nobody again
///
/// A campaign is known by its name. Under another one it would be new: its journeys would stand still, `again` would not
/// know whom it wrote to, and `including current members` would write to them again. After this, what was known under the
/// old name is known under the new one. Say it once, with the new program, before its first tick.
#[derive(Args)]
pub struct Rename {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The program, in which the campaign has its new name: a folder of *.campaign files, or one such file
    #[arg(long, value_name = "PATH", default_value = ".")]
    program: PathBuf,
    /// The name that the campaign had
    #[arg(value_name = "OLD")]
    old: String,
    /// The name that it has now
    #[arg(value_name = "NEW")]
    new: String,
}

impl Rename {
    /// Writes what was done.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let has = |name: &str| program.campaigns.iter().any(|campaign| campaign.name.as_str() == name);
        if !has(&self.new) {
            return Err(no_campaign(&program, &self.new));
        }
        let (old, new) = (&self.old, &self.new);
        if has(old) {
            return Err(Failure::new(format!("the program still has a campaign `{old}`; it keeps what is its own")));
        }
        let failed = |error: StoreError| Failure::new(error.to_string());
        let mut store = Store::open(&self.store).map_err(failed)?;
        match engine::rename(&mut store, &program, old, new).map_err(failed)? {
            Ok(()) => writeln!(terminal, "`{new}` goes on where `{old}` was.")?,
            Err(NotRenamed::Unknown) => {
                return Err(Failure::new(format!("no campaign `{old}` has ticked in this store")));
            }
            Err(NotRenamed::Taken) => {
                return Err(Failure::new(format!(
                    "`{new}` has ticked already and has a history of its own; it cannot be another campaign as well"
                )));
            }
        }
        Ok(Outcome::Fine)
    }
}
