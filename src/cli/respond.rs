//! `bookmobile respond`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::program::compile;
use super::tick::{clock, instant};
use super::{Failure, Outcome, Terminal};
use crate::catalogue::Channel;
use crate::deliver::international_number;
use crate::engine::{Response, Return, Texted, respond, returned, texted};
use crate::limits;
use crate::message::link::Links;
use crate::store::Store;
use crate::symbol::Symbol;

/// Do what a link of a message does: confirm a consent, unsubscribe, count a click; or what a text message says: STOP; or
/// note that a message arrived or came back
///
/// For a reader who sends the link by mail, or reads it out, and for whatever else takes the library's links. The link
/// alone says what it is about; who has it may use it. Doing it again changes nothing. A link that this store did not make is refused, and nothing is stored.
#[derive(Args)]
pub struct Respond {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The instant, in the library's zone ("2026-06-15 09:00") or with an offset; without it, now
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// What came is no link, but a text message from this number: STOP withdraws everything that needs consent
    #[arg(long, value_name = "NUMBER")]
    sms: Option<String>,
    /// A reader called the message that has this link spam: it is no click. Nothing more that needs consent goes to the
    /// address
    #[arg(long, conflicts_with_all = ["sms", "bounced", "delivered"])]
    complaint: bool,
    /// The message that has this link came back for good: it is no click. The address counts as none
    #[arg(long, conflicts_with_all = ["sms", "delivered"])]
    bounced: bool,
    /// A receipt says that the message that has this link arrived: it is no click
    #[arg(long, conflicts_with = "sms")]
    delivered: bool,
    /// The link, as it stands in the message; with `--sms` the text that came
    #[arg(value_name = "LINK|TEXT")]
    link: String,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(value_name = "PROGRAM", default_value = ".")]
    program: PathBuf,
}

impl Respond {
    /// Writes what the link did.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let now = match &self.at {
            Some(text) => instant(text, &program.library.zone)?,
            None => clock(),
        };
        let failed = |error: crate::store::StoreError| Failure::new(error.to_string());
        let mut store = Store::open(&self.store).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let came_back = match (self.complaint, self.bounced, self.delivered) {
            (true, ..) => Some(Return::Complained),
            (_, true, _) => Some(Return::Bounced),
            (.., true) => Some(Return::Delivered),
            _ => None,
        };
        let (done, word, sentence) = match &self.sms {
            Some(from) => {
                let from =
                    international_number(from).map_err(|error| Failure::new(format!("--sms {from:?}: {error}")))?;
                let is_known = !store.reader().patrons_at(Channel::Sms, &from).map_err(failed)?.is_empty();
                let (done, word, mut sentence) =
                    told_of_sms(texted(&mut store, &program, &from, &self.link, now).map_err(failed)?);
                if !is_known {
                    sentence += " No patron has this number.";
                }
                (done, word, sentence)
            }
            None => {
                let links = Links::new("", &store.link_secret().map_err(failed)?);
                let not_ours = || (false, "refused", "This link is not valid.".to_owned());
                if let Some(what) = came_back {
                    let noted = returned(&mut store, &program, &links, &self.link, what, now).map_err(failed)?;
                    noted.map_or_else(|_| not_ours(), |()| told_of_return(what))
                } else {
                    let response = respond(&mut store, &program, &links, &self.link, now).map_err(failed)?;
                    response.map_or_else(|_| not_ours(), |response| told(&response))
                }
            }
        };
        if self.json {
            writeln!(terminal, "{}", json!({ "done": done, "response": word, "says": sentence }))?;
        } else {
            writeln!(terminal, "{sentence}")?;
        }
        Ok(if done { Outcome::Fine } else { Outcome::Findings })
    }
}

fn told_of_sms(texted: Texted) -> (bool, &'static str, String) {
    match texted {
        Texted::Stopped { again: false } => {
            (true, "stopped", "Stopped: nothing more by sms that needs consent. Confirm it once.".to_owned())
        }
        Texted::Stopped { again: true } => (true, "stopped_before", "It was stopped before.".to_owned()),
        Texted::Help => {
            (true, "help", "The reader asks who writes: answer with the library's name and STOP.".to_owned())
        }
        Texted::Word => (true, "word", "Noted as an event; it stops nothing.".to_owned()),
    }
}

fn told_of_return(what: Return) -> (bool, &'static str, String) {
    match what {
        Return::Delivered => (true, "delivered", "Noted: the message arrived.".into()),
        Return::Bounced => (true, "bounced", "Noted: the address counts as none until the patron has another.".into()),
        Return::Complained => {
            (true, "complained", "Noted: nothing more that needs consent goes to that address.".into())
        }
    }
}

fn told(response: &Response) -> (bool, &'static str, String) {
    let names = |names: &[Symbol]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    match response {
        Response::Unsubscribed { purpose, channel } => {
            (true, "unsubscribed", format!("Unsubscribed: no more {purpose} by {}.", channel.word()))
        }
        Response::NeedsNoConsent { purpose } => {
            let what = "cannot be unsubscribed from: they come without consent";
            (false, "needs_no_consent", format!("Messages of the purpose {purpose} {what}."))
        }
        Response::Confirmed { purposes, channel } => {
            (true, "confirmed", format!("Confirmed: {} by {}.", names(purposes), channel.word()))
        }
        Response::NothingAsked => (false, "nothing_asked", "Nothing waits for this link.".to_owned()),
        Response::TooLate => {
            let days = limits::CONFIRMATION_DAYS;
            (false, "too_late", format!("The message is older than {days} days; the consent has to be asked again."))
        }
        Response::AnotherAddress => {
            let what = "The message went to an address that is no longer the patron's; nothing was confirmed.";
            (false, "another_address", what.to_owned())
        }
        Response::Clicked { target } => (true, "clicked", format!("Counted: the link leads to {target}")),
        Response::NotHere(kind) => {
            (false, "not_here", format!("This is a {} link; it opens a page and changes nothing.", kind.word()))
        }
    }
}
