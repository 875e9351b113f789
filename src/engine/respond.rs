//! What a reader's link does: `{{unsubscribe}}` withdraws, `{{confirm}}` turns a question into a consent, `{{link}}` is
//! counted and leads on.
//!
//! The link is the only credential: it says which message it came with, and speaks for whoever reads the address to
//! which that message went. A link that is not ours, was changed, is of another library or of a message that is no
//! longer known is refused in one way and stores nothing (UNS-01). Both operations may be repeated: what a link did once
//! it has done. An unsubscription has no last day (UNS-07); a confirmation has, since it gives.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, params};

use crate::catalogue::{Channel, PurposeId, Value};
use crate::engine::outbox::{About, RecipientKind};
use crate::limits;
use crate::message::link::{LinkKind, Links, Token};
use crate::program::{Audience, Campaign, Program, StartKind};
use crate::rule::{ConsentKind, ConsentState, Expr, Facts, Kind, PatronId, SegmentId};
use crate::store::{
    KeyedHash, Needs, Reader, Said, Store, StoreError, Suppressed, Suppression, Transaction, Word, Writer,
};
use crate::symbol::Symbol;
use crate::time::{Duration, Instant};

/// What a link of ours did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Response {
    /// The purpose is withdrawn for the channel, and the address is on the suppression list for it.
    Unsubscribed { purpose: Symbol, channel: Channel },
    /// The message came without consent (a notice about the reader's own account), so there is none to withdraw.
    NeedsNoConsent { purpose: Symbol },
    /// These purposes are agreed to by the channel.
    Confirmed { purposes: Vec<Symbol>, channel: Channel },
    /// Nothing waits for this confirmation: it was withdrawn, or never asked.
    NothingAsked,
    /// The message is too old for a confirmation.
    TooLate,
    /// The message went to an address that is no longer the reader's.
    AnotherAddress,
    /// A tracked link: it is counted, once, and leads here.
    Clicked { target: String },
    /// A link that asks, and is answered by a page.
    NotHere(LinkKind),
}

/// The link is not ours. It says no more, so that nobody learns from it which links exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotOurs;

/// The message that a link came with.
struct Sent {
    outbox: i64,
    patron: PatronId,
    campaign: Symbol,
    message: Symbol,
    channel: Channel,
    recipient: RecipientKind,
    sent_at: Instant,
    address: Option<KeyedHash>,
    /// Which of its links it is, and where that leads.
    link: u16,
    target: String,
}

/// Does what a link says, at `now`.
///
/// # Errors
/// If the store cannot be read or written; then nothing was done.
pub fn respond(
    store: &mut Store,
    program: &Program,
    links: &Links,
    link: &str,
    now: Instant,
) -> Result<Result<Response, NotOurs>, StoreError> {
    of_ours(store, program, links, link, now, |answer, transaction, kind| match kind {
        LinkKind::Unsubscribe => answer.unsubscribe(transaction),
        LinkKind::Confirm => answer.confirm(transaction),
        LinkKind::Click => answer.click(transaction),
        other => Ok(Response::NotHere(other)),
    })
}

/// What somebody else says of a message, whoever it is that reports it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Return {
    /// The transport says that it arrived.
    Delivered,
    /// It came back for good: the address does not exist.
    Bounced,
    /// Its reader called it spam.
    Complained,
}

/// Notes what became of the message that has this link: the event `delivered`, `bounced` or `complained`, once. After the
/// latter two the address counts as none for its patron; one that complained is besides on the suppression list for all
/// that needs consent.
///
/// # Errors
/// If the store cannot be read or written; then nothing was done.
pub fn returned(
    store: &mut Store,
    program: &Program,
    links: &Links,
    link: &str,
    what: Return,
    now: Instant,
) -> Result<Result<(), NotOurs>, StoreError> {
    let event = match what {
        Return::Delivered => "delivered",
        Return::Bounced => "bounced",
        Return::Complained => "complained",
    };
    of_ours(store, program, links, link, now, |answer, transaction, _| {
        let sent = answer.sent;
        let purpose = answer.purpose(&transaction.reader())?;
        let present = answer.present_address(&transaction.reader())?;
        let key = format!("outbox {}", sent.outbox);
        let is_noted = answer.is_noted(&transaction.reader(), event, &key)?;
        let mut writer = answer.writer(transaction);
        if let Some(purpose) = purpose.filter(|_| !is_noted).map(|purpose| program.catalogue.purpose(purpose).name) {
            answer.write_event(&mut writer, event, purpose, &key)?;
        }
        if let (Return::Complained, Some(hash)) = (what, sent.address.or(present)) {
            let note = String::new();
            writer.suppress(&hash, &Suppressed { purpose: None, reason: Suppression::Complained, at: now, note })?;
        }
        Ok(())
    })
}

/// Does something about the message that a link of ours came with, in one transaction.
fn of_ours<T>(
    store: &mut Store,
    program: &Program,
    links: &Links,
    link: &str,
    now: Instant,
    act: impl FnOnce(&Answer<'_>, &Transaction<'_>, LinkKind) -> Result<T, StoreError>,
) -> Result<Result<T, NotOurs>, StoreError> {
    let Some(token) = links.parse(link) else { return Ok(Err(NotOurs)) };
    let transaction = store.begin()?;
    let Some(sent) = sent(&transaction, token)? else { return Ok(Err(NotOurs)) };
    let facts = transaction.reader().facts(sent.patron, &Needs::everything(&program.catalogue))?;
    let Some(facts) = facts else { return Ok(Err(NotOurs)) };
    let done = act(&Answer { program, now, sent: &sent, facts: &facts }, &transaction, token.kind)?;
    transaction.commit()?;
    Ok(Ok(done))
}

fn sent(transaction: &Transaction<'_>, token: Token) -> Result<Option<Sent>, StoreError> {
    let sql = "SELECT o.id, o.patron, o.campaign, o.message, o.channel, o.sent_to, coalesce(o.sent_at, o.claimed_at), \
                      a.hash, l.target \
               FROM message_link AS l JOIN outbox AS o ON o.id = l.outbox LEFT JOIN outbox_address AS a ON a.outbox = o.id \
               WHERE l.name = ?1 AND l.number = ?2 AND l.kind = ?3 AND o.patron IS NOT NULL";
    let mut statement = transaction.connection().prepare_cached(sql)?;
    let found = statement.query_row(params![token.message.hex(), token.number, token.kind.word()], |row| {
        let Some(channel) = Channel::from_word(row.get_ref(4)?.as_str()?) else { return Ok(None) };
        Ok(Some(Sent {
            outbox: row.get(0)?,
            patron: PatronId(row.get(1)?),
            campaign: Symbol::new(row.get_ref(2)?.as_str()?),
            message: Symbol::new(row.get_ref(3)?.as_str()?),
            channel,
            recipient: RecipientKind::from_word(row.get_ref(5)?.as_str()?),
            sent_at: Instant(row.get(6)?),
            address: row.get(7)?,
            link: token.number,
            target: row.get(8)?,
        }))
    });
    Ok(found.optional()?.flatten())
}

struct Answer<'a> {
    program: &'a Program,
    now: Instant,
    sent: &'a Sent,
    facts: &'a Facts,
}

impl Answer<'_> {
    fn writer<'t>(&self, transaction: &'t Transaction<'_>) -> Writer<'t> {
        transaction.writer(&self.program.library.zone, self.now)
    }

    /// Who said it, for the receipt.
    fn source(&self) -> String {
        let by = if self.sent.recipient == RecipientKind::Guardian { ", by the guardian" } else { "" };
        format!("link of message {} of campaign {}{by}", self.sent.message, self.sent.campaign)
    }

    fn unsubscribe(&self, transaction: &Transaction<'_>) -> Result<Response, StoreError> {
        let catalogue = &self.program.catalogue;
        let Some(purpose) = self.purpose(&transaction.reader())? else { return Ok(Response::NothingAsked) };
        let name = catalogue.purpose(purpose).name;
        if !catalogue.purpose(purpose).needs_consent {
            return Ok(Response::NeedsNoConsent { purpose: name });
        }
        let (channel, at) = (self.sent.channel, self.now);
        let mut writer = self.writer(transaction);
        let said = Said {
            purpose,
            channel,
            state: ConsentState::Withdrawn,
            at,
            until: None,
            kind: ConsentKind::Express,
            source: &self.source(),
        };
        let is_withdrawn =
            match transaction.reader().words(self.sent.patron)?.iter().find(|word| is(word, name, channel)) {
                // A second click is no second withdrawal.
                Some(word) if word.state == ConsentState::Withdrawn => false,
                _ => writer.say(self.sent.patron, &said)?,
            };
        let present = self.present_address(&transaction.reader())?;
        let is_listed = match self.sent.address.or(present) {
            Some(hash) => {
                let purpose = Some(name.to_string());
                let entry = Suppressed { purpose, reason: Suppression::Unsubscribed, at, note: String::new() };
                writer.suppress(&hash, &entry)?
            }
            None => false,
        };
        if is_withdrawn || is_listed {
            let key = format!("outbox {} at {}", self.sent.outbox, self.now.0);
            self.write_event(&mut writer, "unsubscribed", name, &key)?;
        }
        Ok(Response::Unsubscribed { purpose: name, channel })
    }

    /// Whoever follows a link twice has followed it once. Where it leads stands in the store and not in the link (UNS-08).
    fn click(&self, transaction: &Transaction<'_>) -> Result<Response, StoreError> {
        if let Some(purpose) = self.purpose(&transaction.reader())? {
            let name = self.program.catalogue.purpose(purpose).name;
            let key = format!("outbox {} link {}", self.sent.outbox, self.sent.link);
            if !self.is_noted(&transaction.reader(), "clicked", &key)? {
                self.write_event(&mut self.writer(transaction), "clicked", name, &key)?;
            }
        }
        Ok(Response::Clicked { target: self.sent.target.clone() })
    }

    /// Whether an event about the message was noted before: its instant is the first one.
    fn is_noted(&self, reader: &Reader<'_>, event: &str, key: &str) -> Result<bool, StoreError> {
        let Some(event) = self.program.catalogue.event_named(Symbol::new(event)) else { return Ok(false) };
        Ok(reader.record(event, key)?.is_some())
    }

    /// An event of the engine's own about the message. The key makes it one however often it is written.
    fn write_event(&self, writer: &mut Writer<'_>, event: &str, purpose: Symbol, key: &str) -> Result<(), StoreError> {
        let catalogue = &self.program.catalogue;
        let Some(event) = catalogue.event_named(Symbol::new(event)) else { return Ok(()) };
        let about =
            About { campaign: self.sent.campaign, message: self.sent.message, purpose, channel: self.sent.channel };
        let mut fields = about.fields(catalogue, event);
        // What comes back and is reported is final.
        let to_guardian = self.sent.recipient == RecipientKind::Guardian;
        for (name, value) in [("hard", true), ("to_guardian", to_guardian)] {
            if let Some(field) = catalogue.event(event).field(Symbol::new(name)) {
                fields[usize::from(field)].1 = Some(Value::Bool(value));
            }
        }
        writer.event(self.sent.patron, event, Some(key), self.now, &fields)?;
        Ok(())
    }

    /// The purpose that the message served: its campaign's, or what was noted when it left, if the program no longer has
    /// the campaign.
    fn purpose(&self, reader: &Reader<'_>) -> Result<Option<PurposeId>, StoreError> {
        if let Some(campaign) = self.program.campaign(self.sent.campaign) {
            return Ok(Some(campaign.purpose));
        }
        let catalogue = &self.program.catalogue;
        let Some(event) = catalogue.event_named(Symbol::new("sent")) else { return Ok(None) };
        let Some((_, row)) = reader.record(event, &format!("outbox {}", self.sent.outbox))? else { return Ok(None) };
        let field = catalogue.event(event).field(Symbol::new("purpose"));
        let name = field.and_then(|index| row.fields[usize::from(index)].as_ref()?.as_name());
        Ok(name.and_then(|name| catalogue.purpose_named(name)))
    }

    fn confirm(&self, transaction: &Transaction<'_>) -> Result<Response, StoreError> {
        let zone = &self.program.library.zone;
        if self.now > zone.plus(self.sent.sent_at, Duration::days(limits::CONFIRMATION_DAYS)) {
            return Ok(Response::TooLate);
        }
        let reader = transaction.reader();
        let present = self.present_address(&reader)?;
        if self.sent.address.is_some() && self.sent.address != present {
            return Ok(Response::AnotherAddress);
        }
        let campaign = self.program.campaign(self.sent.campaign);
        let asks: BTreeSet<PurposeId> = campaign.map(|campaign| asked_by(self.program, campaign)).unwrap_or_default();
        let own = campaign.map(|campaign| campaign.purpose);
        let mut writer = self.writer(transaction);
        let mut purposes = Vec::new();
        for word in reader.words(self.sent.patron)?.iter().filter(|word| word.channel == self.sent.channel) {
            let Some(purpose) = self.program.catalogue.purpose_named(word.purpose) else { continue };
            let is_meant = match word.state {
                ConsentState::Withdrawn => false,
                // A question is about what the campaign asks, or, where it names nothing, whatever waits.
                ConsentState::Asked => asks.is_empty() || asks.contains(&purpose),
                ConsentState::Given => asks.contains(&purpose) || own == Some(purpose),
            };
            if !is_meant || word.at > self.now {
                continue;
            }
            purposes.push(word.purpose);
            // What has no end needs no renewal.
            if word.state == ConsentState::Given && word.end(&self.program.catalogue).is_none() {
                continue;
            }
            let said = Said {
                purpose,
                channel: self.sent.channel,
                state: ConsentState::Given,
                at: self.now,
                until: None,
                kind: ConsentKind::Express,
                source: &self.source(),
            };
            writer.say(self.sent.patron, &said)?;
            if let Some(hash) = present {
                writer.lift(&hash, Some(word.purpose.as_str()), None, "the address confirmed a consent")?;
            }
        }
        if purposes.is_empty() {
            return Ok(Response::NothingAsked);
        }
        Ok(Response::Confirmed { purposes, channel: self.sent.channel })
    }

    /// The hash of the address that whoever got the message has now.
    fn present_address(&self, reader: &Reader<'_>) -> Result<Option<KeyedHash>, StoreError> {
        let contact = &self.program.catalogue.contact;
        let address = match self.sent.recipient {
            RecipientKind::Guardian => contact.guardian.and_then(|id| self.facts.text(id)),
            _ => self.facts.address(contact, self.sent.channel),
        };
        let key = reader.hash_key()?;
        Ok(address.map(|address| key.address(self.sent.channel, &address)))
    }
}

fn is(word: &Word, purpose: Symbol, channel: Channel) -> bool {
    word.purpose == purpose && word.channel == channel
}

/// The purposes whose question or end a campaign is about: `asked for P` and `end of consent to P` in its audience and
/// start.
fn asked_by(program: &Program, campaign: &Campaign) -> BTreeSet<PurposeId> {
    let mut rules: Vec<&Expr> = Vec::new();
    if let Audience::Rule(rule) = &campaign.audience {
        rules.push(rule);
    }
    match &campaign.start.kind {
        StartKind::Becomes { condition, .. } | StartKind::Leaves { condition } => rules.push(condition),
        StartKind::Date { date, .. } | StartKind::Anniversary { date, .. } => rules.push(date),
        _ => {}
    }
    consents_read(program, &rules, false)
}

/// The purposes whose consents rules read, through the segments that they use; with `agreed` also those of `agrees to`.
pub fn consents_read(program: &Program, rules: &[&Expr], agreed: bool) -> BTreeSet<PurposeId> {
    let mut found = BTreeSet::new();
    let mut seen: BTreeSet<SegmentId> = BTreeSet::new();
    let mut waiting: Vec<&Expr> = rules.to_vec();
    while let Some(rule) = waiting.pop() {
        rule.walk(&mut |expr| match &expr.kind {
            Kind::AskedFor { purpose, .. } | Kind::EndOfConsent { purpose, .. } => drop(found.insert(*purpose)),
            Kind::Agrees { purpose, .. } if agreed => drop(found.insert(*purpose)),
            Kind::Segment(id) if seen.insert(*id) => waiting.push(&program.segment(*id).body),
            _ => {}
        });
    }
    found
}
