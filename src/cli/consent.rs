//! `bookmobile consent`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::dry_run::write_wrapped;
use super::program::compile;
use super::tick::{clock, instant};
use super::{Failure, Outcome, Terminal};
use crate::catalogue::{Channel, PurposeId};
use crate::program::Program;
use crate::review::{consent, show};
use crate::rule::{ConsentKind, ConsentState, Facts};
use crate::store::{Needs, Said, Store, StoreError, Word};
use crate::symbol::Symbol;
use crate::time::{Day, Instant};

/// Columns of a line.
const WIDTH: usize = 80;

/// Record what somebody said at the desk: yes, perhaps, no; show what is known of a patron's consents
///
/// A patron is named by the key of the library system, as in `import`. What is recorded here holds at once, also for
/// messages that are queued. `show --json` prints receipts with the fields of ISO/IEC TS 27560.
#[derive(Args)]
pub struct ConsentCommand {
    /// The patron's key in the library system, such as the number on the card
    #[arg(value_name = "PATRON")]
    patron: String,
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
    /// Show the consents, who said what when, and what ends them
    Show {
        /// Write the receipts as a JSON array
        #[arg(long)]
        json: bool,
    },
    /// The patron agrees
    Give {
        #[command(flatten)]
        about: About,
        /// The last date on which it holds; without it as long as the purpose says
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
        /// Nobody said it: it follows from a relationship (24 months) or an inquiry (6 months)
        #[arg(long, value_name = "BY")]
        implied: Option<Implied>,
    },
    /// The patron is to be asked to confirm (double opt-in): a campaign sends `{{confirm}}`
    Ask {
        #[command(flatten)]
        about: About,
    },
    /// The patron withdraws
    Withdraw {
        #[command(flatten)]
        about: About,
    },
}

#[derive(Args)]
struct About {
    /// The purpose, as the program declares it
    #[arg(value_name = "PURPOSE")]
    purpose: String,
    /// By which channel: email, sms or print
    #[arg(long, value_name = "CHANNEL")]
    by: String,
    /// When it was said: a date, or an instant ("2026-06-15 09:00"); without it, now
    #[arg(long, value_name = "DATE")]
    on: Option<String>,
    /// Who or what said it, for the receipt
    #[arg(long, value_name = "TEXT", default_value = "desk")]
    source: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Implied {
    Relationship,
    Inquiry,
}

impl ConsentCommand {
    /// Writes what is known, or what changed.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let path = self.store.ok_or_else(|| Failure::new("--store FILE is needed: the patron store"))?;
        let (about, state, until, kind) = match self.action {
            Action::Show { json } => {
                let mut store = Store::open_read_only(&path).map_err(failed)?;
                store.align(&program.catalogue).map_err(failed)?;
                let facts = facts(&store, &program, &self.patron)?;
                return show_all(&store, &program, &facts, json, terminal);
            }
            Action::Give { about, until, implied } => {
                let kind = match implied {
                    None => ConsentKind::Express,
                    Some(Implied::Relationship) => ConsentKind::Relationship,
                    Some(Implied::Inquiry) => ConsentKind::Inquiry,
                };
                (about, ConsentState::Given, until, kind)
            }
            Action::Ask { about } => (about, ConsentState::Asked, None, ConsentKind::Express),
            Action::Withdraw { about } => (about, ConsentState::Withdrawn, None, ConsentKind::Express),
        };
        let now = clock();
        let at = match &about.on {
            Some(text) => instant(text, &program.library.zone)?,
            None => now,
        };
        if at > now {
            return Err(Failure::new("`--on` lies ahead: record it when it has been said"));
        }
        let until = until.as_deref().map(day).transpose()?;
        let said_on = program.library.zone.day(at);
        if let Some(until) = until.filter(|until| *until < said_on) {
            return Err(Failure::new(format!(
                "`--until {until}` lies before {said_on}, the day of the consent: it would have ended before it was given"
            )));
        }
        let said = Said {
            purpose: purpose(&program, &about.purpose)?,
            channel: channel(&about.by)?,
            state,
            at,
            until,
            kind,
            source: &about.source,
        };
        let mut store = Store::open(&path).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let facts = facts(&store, &program, &self.patron)?;
        record(&mut store, &program, &facts, &said, now, terminal)
    }
}

fn record(
    store: &mut Store,
    program: &Program,
    facts: &Facts,
    said: &Said<'_>,
    now: Instant,
    terminal: &mut Terminal,
) -> Result<Outcome, Failure> {
    let name = program.catalogue.purpose(said.purpose).name;
    let transaction = store.begin().map_err(failed)?;
    let mut writer = transaction.writer(&program.library.zone, now);
    let changed = writer.say(facts.patron, said).map_err(failed)?;
    drop(writer);
    let words = transaction.reader().words(facts.patron).map_err(failed)?;
    let is_said = |word: &&Word| word.purpose == name && word.channel == said.channel;
    let holds = words.iter().find(is_said).is_some_and(|word| consent::is_in_force(word, program, now));
    let mut lifted = 0;
    if changed
        && holds
        && !said.kind.is_implied()
        && let Some(address) = facts.address(&program.catalogue.contact, said.channel)
    {
        // What was said of the address later outranks it.
        let hash = transaction.reader().hash_key().map_err(failed)?.address(said.channel, &address);
        let mut writer = transaction.writer(&program.library.zone, now);
        let why = "an express consent was recorded";
        lifted = writer.lift(&hash, Some(name.as_str()), Some(said.at), why).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    if !changed {
        terminal.note("nothing changed: what is known is the same, is newer, or outranks it")?;
    }
    for word in words.iter().filter(is_said) {
        write_wrapped(terminal, "", &consent::sentence(word, program, now))?;
    }
    if lifted > 0 {
        terminal.note(&format!("the address is off the suppression list for {name}"))?;
    }
    if said.state == ConsentState::Given {
        for line in consent::suppressed(store, program, facts).map_err(failed)? {
            let line = format!("{line}; `bookmobile suppress lift` takes it off the list");
            terminal.note(&show::wrapped(&line, "", WIDTH).join("\n"))?;
        }
    }
    Ok(Outcome::Fine)
}

fn show_all(
    store: &Store,
    program: &Program,
    facts: &Facts,
    json: bool,
    terminal: &mut Terminal,
) -> Result<Outcome, Failure> {
    let now = clock();
    if json {
        let receipts = consent::receipts(store, program, facts, now).map_err(failed)?;
        writeln!(terminal, "{:#}", serde_json::Value::Array(receipts))?;
        return Ok(Outcome::Fine);
    }
    let reader = store.reader();
    let words = reader.words(facts.patron).map_err(failed)?;
    if words.is_empty() {
        writeln!(terminal, "Nothing was ever said about a consent.")?;
    }
    let sentences = words.iter().map(|word| consent::sentence(word, program, now));
    for line in sentences.chain(consent::suppressed(store, program, facts).map_err(failed)?) {
        write_wrapped(terminal, "", &line)?;
    }
    Ok(Outcome::Fine)
}

fn facts(store: &Store, program: &Program, key: &str) -> Result<Facts, Failure> {
    let unknown = || Failure::new(format!("the store has no patron with the key `{key}`"));
    let reader = store.reader();
    let id = reader.patron_by_key(key).map_err(failed)?.ok_or_else(unknown)?;
    reader.facts(id, &Needs::everything(&program.catalogue)).map_err(failed)?.ok_or_else(unknown)
}

/// A purpose that needs consent, by name.
pub(super) fn purpose(program: &Program, name: &str) -> Result<PurposeId, Failure> {
    let catalogue = &program.catalogue;
    let needing = || catalogue.purposes.iter().filter(|purpose| purpose.needs_consent).map(|p| p.name.as_str());
    let known = || needing().collect::<Vec<_>>().join(", ");
    match Symbol::find(name).and_then(|name| catalogue.purpose_named(name)) {
        Some(id) if catalogue.purpose(id).needs_consent => Ok(id),
        Some(_) => Err(Failure::new(format!("`{name}` is without consent; those that need one: {}", known()))),
        None => Err(Failure::new(format!("the program declares no purpose `{name}`; it has {}", known()))),
    }
}

/// A channel by which somebody is reached.
pub(super) fn channel(word: &str) -> Result<Channel, Failure> {
    let found = Channel::from_word(word).filter(|channel| channel.is_personal());
    found.ok_or_else(|| Failure::new(format!("`{word}` is no channel; say email, sms or print")))
}

fn day(text: &str) -> Result<Day, Failure> {
    let date =
        text.trim().parse().map_err(|_| Failure::new(format!("`{text}` is no date; write one like 2026-06-15")))?;
    Ok(Day::from_civil(date))
}

fn failed(error: StoreError) -> Failure {
    Failure::new(error.to_string())
}
