//! A patron's consents for people and for machines: what was said, by whom, when, and what ended it.
//!
//! [`receipts`] follows ISO/IEC TS 27560:2023 (consent record information structure) as far as the store knows its
//! fields: record, principal and controller, purpose and basis, and the events of the consent in order.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::catalogue::{Channel, PurposeId};
use crate::program::Program;
use crate::review::show;
use crate::rule::{ConsentState, Facts};
use crate::store::{Kept, Store, StoreError, Word};
use crate::time::{Day, Instant};

/// Sentences about the consents to these purposes, and about addresses on the suppression list.
///
/// # Errors
/// If the store cannot be read.
pub fn told(
    store: &Store,
    program: &Program,
    facts: &Facts,
    purposes: &BTreeSet<PurposeId>,
    now: Instant,
) -> Result<Vec<String>, StoreError> {
    let catalogue = &program.catalogue;
    let is_meant = |word: &&Word| catalogue.purpose_named(word.purpose).is_some_and(|id| purposes.contains(&id));
    let reader = store.reader();
    let mut lines: Vec<String> =
        reader.words(facts.patron)?.iter().filter(is_meant).map(|word| sentence(word, program, now)).collect();
    if !purposes.is_empty() {
        lines.extend(suppressed(store, program, facts)?);
    }
    Ok(lines)
}

/// What is on the suppression list of a patron's addresses, and the guardian's.
///
/// # Errors
/// If the store cannot be read.
pub fn suppressed(store: &Store, program: &Program, facts: &Facts) -> Result<Vec<String>, StoreError> {
    let reader = store.reader();
    let contact = &program.catalogue.contact;
    let key = reader.hash_key()?;
    let own = [Channel::Email, Channel::Sms, Channel::Print]
        .into_iter()
        .filter_map(|channel| Some((channel, "", facts.address(contact, channel)?)));
    let guardian = contact.guardian.and_then(|id| facts.text(id)).map(|text| (Channel::Email, "the guardian's ", text));
    let mut lines = Vec::new();
    for (channel, whose, address) in own.chain(guardian) {
        for entry in reader.suppressions(&key.address(channel, &address))? {
            let on = program.library.zone.day(entry.at);
            let note = if entry.note.is_empty() { String::new() } else { format!(" ({})", entry.note) };
            lines.push(format!("suppressed: {whose}{}: {entry}, {on}{note}", channel.word()));
        }
    }
    Ok(lines)
}

/// One word in one sentence: what it is now, kind, source, instant, and the rule and date that end it.
pub fn sentence(word: &Word, program: &Program, now: Instant) -> String {
    let zone = &program.library.zone;
    let today = zone.day(now);
    let source = if word.source.is_empty() { "no source kept".to_owned() } else { word.source.clone() };
    let said = format!("{} ({source})", show::instant(word.at, zone));
    let what = format!("{} by {}", word.purpose, word.channel.word());
    match word.state {
        ConsentState::Withdrawn => format!("{what}: withdrawn {said}"),
        ConsentState::Asked => format!("{what}: asked {said}, not yet confirmed"),
        ConsentState::Given => {
            let kind = word.kind.described();
            let end = match word.end(&program.catalogue) {
                None => "; it has no end".to_owned(),
                Some((last, rule)) if last < today => format!("; ended after {last}: {rule}"),
                Some((last, rule)) => format!("; its last date is {last}: {rule}"),
            };
            let state = match Force::of(word, program, today) {
                Force::Ahead => format!("not yet in force, from {} on", word.on),
                Force::Now => "in force".to_owned(),
                Force::Over => "no longer in force".to_owned(),
            };
            format!("{what}: {state}, {kind}, given {said}{end}")
        }
    }
}

/// Whether the word is a consent that is in force.
pub fn is_in_force(word: &Word, program: &Program, now: Instant) -> bool {
    let today = program.library.zone.day(now);
    word.state == ConsentState::Given && matches!(Force::of(word, program, today), Force::Now)
}

/// Whether a consent that was given holds.
enum Force {
    /// It is dated ahead.
    Ahead,
    Now,
    Over,
}

impl Force {
    fn of(word: &Word, program: &Program, today: Day) -> Force {
        match word.end(&program.catalogue) {
            Some((last, _)) if last < today => Force::Over,
            _ if word.on > today => Force::Ahead,
            _ => Force::Now,
        }
    }
}

/// What a rule found about a purpose, by a channel or by any, from the facts that it saw.
pub(super) fn summed_up(
    program: &Program,
    facts: &Facts,
    now: Instant,
    purpose: PurposeId,
    channel: Option<Channel>,
) -> String {
    let declared = program.catalogue.purpose(purpose);
    let today = program.library.zone.day(now);
    let of = |by: &Channel| channel.is_none_or(|channel| channel == *by);
    let words: Vec<String> = (facts.consents.iter())
        .filter(|consent| consent.purpose == purpose && of(&consent.channel))
        .map(|consent| {
            let (by, on) = (consent.channel.word(), consent.on);
            let expires = declared.expires_after.map(|after| on.plus(after).plus_days(-1));
            match (consent.state, consent.until.or(expires)) {
                (ConsentState::Withdrawn, _) => format!("by {by} it was withdrawn on {on}"),
                (ConsentState::Asked, _) => format!("by {by} it was asked for on {on} and not confirmed"),
                (ConsentState::Given, Some(last)) if last < today => format!("by {by} it ended after {last}"),
                (ConsentState::Given, _) if on > today => format!("by {by} it was given, from {on} on"),
                (ConsentState::Given, Some(last)) => format!("by {by} it was given on {on}, until {last}"),
                (ConsentState::Given, None) => format!("by {by} it was given on {on}, without end"),
            }
        })
        .collect();
    let name = declared.name;
    if words.is_empty() { format!("nothing was said about {name}") } else { format!("{name}: {}", words.join("; ")) }
}

/// The receipts of a patron, one for each purpose and channel of which anything was ever said.
///
/// # Errors
/// If the store cannot be read.
pub fn receipts(store: &Store, program: &Program, facts: &Facts, now: Instant) -> Result<Vec<Json>, StoreError> {
    let reader = store.reader();
    let (words, kept) = (reader.words(facts.patron)?, reader.kept_words(facts.patron)?);
    Ok(words.iter().map(|word| receipt(program, facts, word, &kept, now)).collect())
}

fn receipt(program: &Program, facts: &Facts, word: &Word, kept: &[Kept], now: Instant) -> Json {
    let library = &program.library;
    let (purpose, channel) = (word.purpose.as_str(), word.channel.word());
    let title = program
        .catalogue
        .purpose_named(word.purpose)
        .and_then(|id| program.catalogue.purpose(id).label.as_ref())
        .map(|label| label.text.to_string());
    let end = word.end(&program.catalogue);
    let events: Vec<Json> = (kept.iter())
        .filter(|event| event.purpose == purpose && event.channel == channel)
        .map(|event| {
            json!({
                "event_time": event.said.map_or_else(|| event.on.clone(), iso),
                "recorded_at": iso(event.learned),
                "event_state": event.state,
                "consent_type": event.kind,
                "entity": event.source,
                "valid_until": event.until,
            })
        })
        .collect();
    let state = match word.state {
        ConsentState::Given => match Force::of(word, program, library.zone.day(now)) {
            Force::Ahead => "not_yet_in_force",
            Force::Now => ConsentState::Given.word(),
            Force::Over => "expired",
        },
        state => state.word(),
    };
    json!({
        "schema_version": "ISO/IEC TS 27560:2023",
        "record_id": format!("{}/{purpose}/{channel}", facts.key),
        "pii_principal_id": &*facts.key,
        "pii_controller": {
            "name": library.name.to_string(),
            "address": library.address.as_deref(),
            "contact": library.reply_to.as_ref().or(library.sender.as_ref()).map(|sender| sender.address.to_string()),
            "privacy_policy": library.policy.as_deref(),
        },
        "processing": {
            "purpose": purpose,
            "purpose_description": title,
            "lawful_basis": "consent",
            "collection_method": word.source,
            "channel": channel,
        },
        "state": state,
        "consent_type": word.kind.word(),
        "given_at": iso(word.at),
        "valid_until": end.map(|(last, _)| last.to_string()),
        "termination_rule": end.map(|(_, rule)| rule.to_string()),
        "events": events,
    })
}

/// RFC 3339.
fn iso(at: Instant) -> String {
    at.timestamp().to_string()
}
