//! The outbox: every message that a journey decided, in the state in which it is. What was not sent keeps its reason.

use rusqlite::{Connection, params};

use crate::catalogue::{Catalogue, Channel, EventId, Value};
use crate::engine::journey::StepName;
use crate::rule::PatronId;
use crate::symbol::Symbol;
use crate::time::{Day, Instant, Zone};

/// To whom a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RecipientKind {
    Patron,
    Guardian,
    Staff,
    /// Published.
    Public,
}

impl RecipientKind {
    /// As the store writes it.
    pub fn word(self) -> &'static str {
        match self {
            RecipientKind::Patron => "patron",
            RecipientKind::Guardian => "guardian",
            RecipientKind::Staff => "staff",
            RecipientKind::Public => "public",
        }
    }

    /// Whether a reader gets it: the patron, or whoever reads for them.
    pub fn is_personal(self) -> bool {
        matches!(self, RecipientKind::Patron | RecipientKind::Guardian)
    }

    /// The kind that the store's word names.
    pub fn from_word(word: &str) -> RecipientKind {
        match word {
            "guardian" => RecipientKind::Guardian,
            "staff" => RecipientKind::Staff,
            "public" => RecipientKind::Public,
            _ => RecipientKind::Patron,
        }
    }
}

/// What an event says of the message that it is about: `sent`, `clicked`, `unsubscribed` and their like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About {
    pub campaign: Symbol,
    pub message: Symbol,
    pub purpose: Symbol,
    pub channel: Channel,
}

impl About {
    /// The fields of such an event, as the store is told them.
    pub fn fields(&self, catalogue: &Catalogue, event: EventId) -> Vec<(u16, Option<Value>)> {
        let value = |name: Symbol| match name.as_str() {
            "campaign" => Some(Value::Symbol(self.campaign)),
            "message" => Some(Value::Symbol(self.message)),
            "purpose" => Some(Value::Symbol(self.purpose)),
            "channel" => Some(Value::Symbol(Symbol::new(self.channel.word()))),
            _ => None,
        };
        (0..).zip(&catalogue.event(event).fields).map(|(index, field)| (index, value(field.name))).collect()
    }
}

/// A message as a step decides it.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub campaign: Symbol,
    pub patron: Option<PatronId>,
    /// With `round` never twice for one enrolment.
    pub step: &'a StepName,
    pub round: i64,
    pub message: Symbol,
    pub recipient: RecipientKind,
    pub channels: &'a [Channel],
    pub language: Option<Symbol>,
    pub show_until: Option<Day>,
    pub address: Option<String>,
    pub priority: i64,
    /// The instant at which the step was due.
    pub due: Instant,
    /// `Some`: not to be sent, and why.
    pub dropped: Option<String>,
}

/// Writes a message of an enrolment. `false`: it has had this step before. `is_new`: it has had none before this tick.
///
/// A step that an edit has moved out of a `repeat` was had in any of its rounds, one that was moved into it in the first; by
/// whatever channel it was to go.
/// Of several equal steps an edit may have removed one that was had: those that were still to come then come all the
/// same, as none of them has more equal ones after it than there were after the last that was had.
pub fn insert(
    db: &Connection,
    enrolment: i64,
    is_new: bool,
    entry: &Entry<'_>,
    now: Instant,
    revision: &str,
    zone: &Zone,
) -> rusqlite::Result<bool> {
    let insert_as = |ordinal| insert_as(db, enrolment, entry, &entry.step.written(ordinal), now, revision, zone);
    if is_new || !has_had(db, enrolment, entry, &entry.step.written(entry.step.ordinal))? {
        return insert_as(entry.step.ordinal);
    }
    let (published, language) = published(entry);
    let had: (i64, Option<i64>) = db
        .prepare_cached(
            "SELECT count(*), min(ahead) FROM outbox WHERE enrolment = ?1 AND (?2 IS NULL OR channels = ?2) \
             AND language = ?3 AND (step = ?4 OR substr(step, 1, length(?4) + 2) = ?4 || ' (') \
             AND (?5 = 0 OR round = ?5 OR (?5 = 1 AND round = 0))",
        )?
        .query_row(params![enrolment, published, language, entry.step.content, entry.round], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let (count, Some(ahead)) = had else { return Ok(false) };
    if entry.step.ahead as i64 >= ahead {
        return Ok(false);
    }
    // One of these names is free.
    for ordinal in 1..=count as usize + 1 {
        if !has_had(db, enrolment, entry, &entry.step.written(ordinal))? {
            return insert_as(ordinal);
        }
    }
    Ok(false)
}

/// Whether the outbox has a message of this name.
fn has_had(db: &Connection, enrolment: i64, entry: &Entry<'_>, step: &str) -> rusqlite::Result<bool> {
    let (published, language) = published(entry);
    db.prepare_cached(
        "SELECT 1 FROM outbox WHERE enrolment = ?1 AND step = ?2 AND (?4 IS NULL OR channels = ?4) AND language = ?5 \
         AND (?3 = 0 OR round = ?3 OR (?3 = 1 AND round = 0))",
    )?
    .exists(params![enrolment, step, entry.round, published, language])
}

/// The channel and the language of a published item, of which each is one of its own.
fn published(entry: &Entry<'_>) -> (Option<String>, &'static str) {
    let is_public = entry.recipient == RecipientKind::Public;
    (is_public.then(|| words(entry.channels)), entry.language.map_or("", Symbol::as_str))
}

fn insert_as(
    db: &Connection,
    enrolment: i64,
    entry: &Entry<'_>,
    step: &str,
    now: Instant,
    revision: &str,
    zone: &Zone,
) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached(
            "INSERT OR IGNORE INTO outbox (enrolment, campaign, patron, step, round, message, recipient, channels, language, \
             show_until, address, priority, due, try_at, state, reason, decided_at, revision, ahead) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?14, ?17, ?18)",
        )?
        .execute(params![
            enrolment,
            entry.campaign.as_str(),
            entry.patron.map(|id| id.0),
            step,
            entry.round,
            entry.message.as_str(),
            entry.recipient.word(),
            words(entry.channels),
            entry.language.map_or("", Symbol::as_str),
            entry.show_until.map(|day| zone.start_of(day.plus_days(1)).0),
            entry.address,
            entry.priority,
            entry.due.0,
            now.0,
            if entry.dropped.is_some() { "dropped" } else { "queued" },
            entry.dropped,
            revision,
            entry.step.ahead as i64,
        ])?;
    Ok(changed > 0)
}

/// Channels, in order, as the store writes them.
pub fn words(channels: &[Channel]) -> String {
    channels.iter().map(|channel| channel.word()).collect::<Vec<_>>().join(" ")
}

/// What an enrolment has queued is dropped.
pub fn drop_queued(db: &Connection, enrolment: i64, reason: &str, now: Instant) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "UPDATE outbox SET state = 'dropped', reason = ?2, decided_at = ?3 WHERE enrolment = ?1 AND state = 'queued'",
    )?
    .execute(params![enrolment, reason, now.0])
}

/// Whether a message of the enrolment was handed over, or may have been.
pub fn handed_over(db: &Connection, enrolment: i64) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE enrolment = ?1 AND state IN ('sent', 'claimed'))")?
        .query_row([enrolment], |row| row.get(0))
}
