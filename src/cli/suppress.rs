//! `bookmobile suppress`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::consent::{channel, purpose};
use super::program::compile;
use super::tick::clock;
use super::{Failure, Outcome, Terminal};
use crate::catalogue::Channel;
use crate::deliver::{email_address, international_number};
use crate::store::{KeyedHash, Store, StoreError, Suppressed, Suppression};

/// The suppression list: addresses that get nothing that needs consent, whoever has them
///
/// An address is kept as a keyed hash: it can be looked up, not read. It stays on the list when its patron is erased,
/// and holds for the same address under another card. Links of messages put it there for a purpose; `add` does for
/// whoever complained or asked, `lift` takes it off again.
#[derive(Args)]
pub struct Suppress {
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
    /// Whether an address is on the list, since when and why; exits 1 if it is
    Show {
        #[command(flatten)]
        address: AddressOf,
    },
    /// Put an address on the list
    Add {
        #[command(flatten)]
        address: AddressOf,
        /// For this purpose; without it, for all that need consent
        #[arg(long, value_name = "PURPOSE")]
        purpose: Option<String>,
        /// The reader called a message spam
        #[arg(long)]
        complained: bool,
        /// Why, for whoever looks it up
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Take an address off the list
    Lift {
        #[command(flatten)]
        address: AddressOf,
        /// For this purpose; without it, all that stands there
        #[arg(long, value_name = "PURPOSE")]
        purpose: Option<String>,
        /// Why: kept in the audit
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Args)]
struct AddressOf {
    /// An e-mail address, a phone number with its country code, or (with `--by print`) a postal address
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// By which channel; without it an e-mail address or a phone number, as it looks
    #[arg(long, value_name = "CHANNEL")]
    by: Option<String>,
}

impl Suppress {
    /// Writes what is on the list, or what changed.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let path = self.store.ok_or_else(|| Failure::new("--store FILE is needed: the patron store"))?;
        let zone = &program.library.zone;
        let named = |name: &str| purpose(&program, name).map(|id| program.catalogue.purpose(id).name.to_string());
        match self.action {
            Action::Show { address } => {
                let store = Store::open_read_only(&path).map_err(failed)?;
                let entries = store.reader().suppressions(&hash(&store, &address)?).map_err(failed)?;
                for entry in &entries {
                    let note = if entry.note.is_empty() { String::new() } else { format!(" ({})", entry.note) };
                    writeln!(terminal, "{}: {entry}{note}", zone.day(entry.at))?;
                }
                if entries.is_empty() {
                    writeln!(terminal, "Not on the list.")?;
                }
                Ok(if entries.is_empty() { Outcome::Fine } else { Outcome::Findings })
            }
            Action::Add { address, purpose, complained, reason } => {
                let purpose = purpose.as_deref().map(named).transpose()?;
                let why = if complained { Suppression::Complained } else { Suppression::Asked };
                let mut store = Store::open(&path).map_err(failed)?;
                let hash = hash(&store, &address)?;
                let entry = Suppressed { purpose, reason: why, at: clock(), note: reason };
                let transaction = store.begin().map_err(failed)?;
                let is_new = transaction.writer(zone, clock()).suppress(&hash, &entry).map_err(failed)?;
                transaction.commit().map_err(failed)?;
                let what = if is_new { "On the list from now on." } else { "It was on the list already." };
                writeln!(terminal, "{what}")?;
                Ok(Outcome::Fine)
            }
            Action::Lift { address, purpose, reason } => {
                if reason.trim().is_empty() {
                    return Err(Failure::new("--reason is empty; say why the address may be written to again"));
                }
                let purpose = purpose.as_deref().map(named).transpose()?;
                let mut store = Store::open(&path).map_err(failed)?;
                let hash = hash(&store, &address)?;
                let transaction = store.begin().map_err(failed)?;
                let mut writer = transaction.writer(zone, clock());
                let lifted = writer.lift(&hash, purpose.as_deref(), None, &reason).map_err(failed)?;
                drop(writer);
                transaction.commit().map_err(failed)?;
                let what = match lifted {
                    0 => "It was not on the list.".to_owned(),
                    1 => "1 entry lifted; a consent is needed all the same.".to_owned(),
                    count => format!("{count} entries lifted; a consent is needed all the same."),
                };
                writeln!(terminal, "{what}")?;
                Ok(if lifted > 0 { Outcome::Fine } else { Outcome::Findings })
            }
        }
    }
}

fn hash(store: &Store, address: &AddressOf) -> Result<KeyedHash, Failure> {
    let text = address.address.trim();
    let channel = match &address.by {
        Some(word) => channel(word)?,
        None if text.contains('@') => Channel::Email,
        None => Channel::Sms,
    };
    let bad = |why: &dyn std::fmt::Display| Failure::new(format!("{text:?}: {why}"));
    match channel {
        Channel::Email => drop(email_address(text).map_err(|error| bad(&error))?),
        Channel::Sms => drop(international_number(text).map_err(|error| bad(&error))?),
        _ => {}
    }
    Ok(store.reader().hash_key().map_err(failed)?.address(channel, text))
}

fn failed(error: StoreError) -> Failure {
    Failure::new(error.to_string())
}
