//! The library block, resolved (section 3).

use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Span;
use crate::symbol::Symbol;
use crate::time::{Duration, TimeOfDay, Weekday, Zone};

/// The library that a program speaks for.
#[derive(Clone, Debug)]
pub struct Library {
    pub name: Arc<str>,
    pub zone: Zone,
    /// The first is the default.
    pub languages: Vec<Symbol>,
    pub sender: Option<MailAddress>,
    pub reply_to: Option<MailAddress>,
    /// Printed under every promotional message.
    pub address: Option<Arc<str>>,
    pub policy: Option<Arc<str>>,
    pub week_starts: Weekday,
    /// Below this age messages of purposes that need consent go to the guardian.
    pub adult_at: Option<i64>,
    /// Nothing is delivered then; `None` after `quiet none`. Default 21:00 to 08:00.
    pub quiet: Option<TimeWindow>,
    /// Over all campaigns whose purpose needs consent.
    pub limit: Option<MessageLimit>,
    /// Counts below this leave no report. Default 10.
    pub suppress_under: i64,
    /// ISO 4217.
    pub currency: Option<Symbol>,
    pub span: Span,
}

impl Library {
    /// The language of whoever has none of the library's.
    pub fn default_language(&self) -> Symbol {
        self.languages[0]
    }
}

/// A mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailAddress {
    pub name: Option<Arc<str>>,
    pub address: Arc<str>,
}

/// Closed at the start, open at the end; may pass midnight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeWindow {
    pub from: TimeOfDay,
    pub to: TimeOfDay,
}

impl TimeWindow {
    /// Whether `time` lies in it.
    pub fn contains(self, time: TimeOfDay) -> bool {
        if self.from <= self.to { self.from <= time && time < self.to } else { time >= self.from || time < self.to }
    }
}

/// At most `messages` on the local dates from `today - per + 1 day` to `today`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageLimit {
    pub messages: i64,
    pub per: Duration,
}

impl fmt::Display for MessageLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.messages == 1 { "" } else { "s" };
        write!(f, "{} message{plural} per {}", self.messages, self.per)
    }
}
