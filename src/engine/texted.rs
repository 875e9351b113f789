//! An SMS that comes in: a word that stops messages is a withdrawal by whoever has the number (CON-11).
//!
//! The words are those that carriers require (CTIA, Messaging Principles and Best Practices) and French ones, alone in
//! the message, in any case, with or without accents and punctuation.

use crate::catalogue::{Channel, Value};
use crate::program::Program;
use crate::rule::{ConsentKind, ConsentState, PatronId, text};
use crate::store::{Said, Store, StoreError, Suppressed, Suppression, Writer};
use crate::symbol::Symbol;
use crate::time::Instant;

/// What an incoming SMS was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Texted {
    /// Everything that needs consent is withdrawn by SMS. `again`: it was before, and needs no second confirmation.
    Stopped { again: bool },
    /// Somebody asks who writes.
    Help,
    /// Something else: it is an event of whoever has the number.
    Word,
}

const STOP: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "arret",
    "arrêt",
    "desabonner",
    "désabonner",
];
const HELP: &[&str] = &["help", "info", "aide"];

/// Takes an SMS with this text from this number, at `now`: a `texted` event of each patron who has the number, and for a
/// word that stops a withdrawal of each purpose and an entry of the suppression list, also if nobody has it.
///
/// # Errors
/// If the store cannot be read or written; then nothing was done.
pub fn texted(
    store: &mut Store,
    program: &Program,
    from: &str,
    said: &str,
    now: Instant,
) -> Result<Texted, StoreError> {
    let folded = text::fold(said);
    let word = folded.trim_matches(|c: char| !c.is_alphanumeric());
    let stops = STOP.contains(&word);
    let transaction = store.begin()?;
    let patrons = transaction.reader().patrons_at(Channel::Sms, from)?;
    let mut writer = transaction.writer(&program.library.zone, now);
    let mut again = true;
    if stops {
        for &patron in &patrons {
            again &= !withdraw(&mut writer, program, patron, &transaction.reader().words(patron)?, now)?;
        }
        let hash = transaction.reader().hash_key()?.address(Channel::Sms, from);
        let note = String::new();
        let entry = Suppressed { purpose: None, reason: Suppression::Unsubscribed, at: now, note };
        again &= !writer.suppress(&hash, &entry)?;
    }
    if let Some(event) = program.catalogue.event_named(Symbol::new("texted")) {
        let field = program.catalogue.event(event).field(Symbol::new("word"));
        for &patron in &patrons {
            let fields: Vec<(u16, Option<Value>)> =
                field.map(|index| (index, Some(Value::text(word)))).into_iter().collect();
            writer.event(patron, event, None, now, &fields)?;
        }
    }
    drop(writer);
    transaction.commit()?;
    Ok(match () {
        () if stops => Texted::Stopped { again },
        () if HELP.contains(&word) => Texted::Help,
        () => Texted::Word,
    })
}

/// Withdraws what a patron agreed to by SMS, or was asked. Whether there was anything.
fn withdraw(
    writer: &mut Writer<'_>,
    program: &Program,
    patron: PatronId,
    words: &[crate::store::Word],
    at: Instant,
) -> Result<bool, StoreError> {
    let mut any = false;
    for word in words.iter().filter(|word| word.channel == Channel::Sms && word.state != ConsentState::Withdrawn) {
        let Some(purpose) = program.catalogue.purpose_named(word.purpose) else { continue };
        let (state, kind) = (ConsentState::Withdrawn, ConsentKind::Express);
        let said = Said { purpose, channel: Channel::Sms, state, at, until: None, kind, source: "SMS of the reader" };
        any |= writer.say(patron, &said)?;
    }
    Ok(any)
}
