//! Drains the outbox: what the engine's gate lets through is rendered and handed to a transport.
//!
//! The gate decides (consent, limits, hours, exits, channel); here nothing is decided. Everything written out has a
//! name or an identifier made from the message's key in the outbox, so that handing over the same message again after
//! a crash is seen as such.

mod address;
mod composer;
mod directory;
mod drain;
mod email;
mod reader;

pub use address::{BadAddress, email_address, international_number, phone_number};
pub use composer::{Composer, Feeds, feeds, link_base};
pub use directory::Directory;
pub use drain::{Drained, drain};
pub use email::compose;
pub use reader::{EvalReader, Readings, Situation};

use std::collections::HashSet;

use crate::catalogue::MailAddress;
use crate::message::Rendered;
use crate::symbol::Symbol;
use crate::time::{Day, Instant};

/// A message that leaves.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    pub rendered: &'a Rendered,
    pub campaign: Symbol,
    pub message: Symbol,
    /// An e-mail address, a phone number, or the lines of a postal address. Empty for what is published.
    pub to: &'a str,
    /// The campaign's sender, or the library's.
    pub from: Option<&'a MailAddress>,
    pub reply_to: Option<&'a MailAddress>,
    /// The instant of delivery and its local date.
    pub at: Instant,
    pub day: Day,
    /// The last date on which what is published is shown, if it has one.
    pub until: Option<Day>,
}

/// What a transport says of a message that it took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handed {
    /// What names it there: a path, a queue number.
    pub reference: String,
    /// It had been handed over before: a crash came between that and its record.
    pub is_repeat: bool,
}

/// Why a message was not taken.
#[derive(Debug)]
pub enum TransportError {
    /// This message can never be taken: its address is wrong.
    Refused(String),
    /// It was not taken this time.
    Failed(String),
}

impl std::fmt::Display for TransportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TransportError::Refused(reason) | TransportError::Failed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for TransportError {}

/// Takes messages.
pub trait Transport {
    /// Takes one message. Taking it again is the same as taking it once.
    ///
    /// # Errors
    /// If it was not taken.
    fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Handed, TransportError>;

    /// How many messages may be under way to it at once. More than one only where taking a message again is the same as
    /// taking it once and [`Transport::taken`] tells: whoever stops in between leaves so many of unknown fate.
    fn at_once(&self) -> usize {
        1
    }

    /// What it took before, by [`MessageId::hex`](crate::message::link::MessageId::hex), if it remembers everything.
    fn taken(&self) -> Option<HashSet<String>> {
        None
    }
}
