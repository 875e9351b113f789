//! What the engine has decided for one patron and one campaign, and what became of it.

use rusqlite::params;

use crate::engine::RecipientKind;
use crate::program::{Campaign, Program};
use crate::review::show;
use crate::rule::PatronId;
use crate::store::{Store, StoreError};
use crate::time::Instant;

/// Rows of each kind that are told, the newest.
const TOLD: i64 = 20;

/// The engine's memory of a patron and a campaign.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Journal {
    pub occurrences: Vec<Entry>,
    pub enrolments: Vec<Entry>,
    pub messages: Vec<Entry>,
}

/// Something that was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When, in the library's zone.
    pub at: String,
    pub what: String,
    /// Why, where something did not happen.
    pub reason: Option<String>,
}

/// Reads the engine's tables.
///
/// # Errors
/// If the store cannot be read.
pub fn journal(store: &Store, program: &Program, campaign: &Campaign, patron: PatronId) -> Result<Journal, StoreError> {
    let zone = &program.library.zone;
    let at = |micros: i64| show::instant(Instant(micros), zone);
    let entries = |sql: &str, of: &dyn Fn(&rusqlite::Row<'_>) -> rusqlite::Result<Entry>| {
        let mut statement = store.connection().prepare(sql)?;
        let rows = statement.query_map(params![patron.0, campaign.name.as_str(), TOLD], |row| of(row))?;
        rows.collect::<rusqlite::Result<Vec<Entry>>>()
    };
    let occurrences = entries(
        "SELECT at, outcome, reason FROM occurrence WHERE patron = ?1 AND campaign = ?2 ORDER BY at DESC LIMIT ?3",
        &|row| {
            let outcome: String = row.get(1)?;
            let what = match outcome.as_str() {
                "enrolled" => "started the campaign",
                "skipped" => "did not start it",
                _ => "was so at the first tick, and does not count",
            };
            Ok(Entry { at: at(row.get(0)?), what: what.to_owned(), reason: row.get(2)? })
        },
    )?;
    let enrolments = entries(
        "SELECT enrolled_at, state, reason, ended_at, held_out, wake FROM enrolment \
         WHERE patron = ?1 AND campaign = ?2 ORDER BY enrolled_at DESC LIMIT ?3",
        &|row| {
            let state: String = row.get(1)?;
            let mut what = match (state.as_str(), row.get::<_, Option<i64>>(3)?, row.get::<_, Option<i64>>(5)?) {
                ("gathering", ..) => "began; waits for more of the same".to_owned(),
                ("withdrawn", ..) => "began; was withdrawn".to_owned(),
                ("ended", Some(ended), _) => format!("began; ended {}", at(ended)),
                (_, _, Some(wake)) => format!("began; goes on {}", at(wake)),
                _ => "began; under way".to_owned(),
            };
            if row.get::<_, i64>(4)? == 1 {
                what.push_str("; held out, so it sends nothing");
            }
            Ok(Entry { at: at(row.get(0)?), what, reason: row.get(2)? })
        },
    )?;
    let messages = entries(
        "SELECT decided_at, message, state, reason, sent_at, channel, sent_to, recipient, due FROM outbox \
         WHERE patron = ?1 AND campaign = ?2 ORDER BY id DESC LIMIT ?3",
        &|row| {
            let (message, state): (String, String) = (row.get(1)?, row.get(2)?);
            let (decided, due) = (at(row.get(0)?), at(row.get(8)?));
            let sent: Option<i64> = row.get(4)?;
            let channel: Option<String> = row.get(5)?;
            let recipient: String = row.get::<_, Option<String>>(6)?.map_or_else(|| row.get(7), Ok)?;
            let to = match RecipientKind::from_word(&recipient) {
                RecipientKind::Patron | RecipientKind::Public => "",
                RecipientKind::Guardian => " to the guardian",
                RecipientKind::Staff => " to the staff",
            };
            let reason = row.get(3)?;
            let entry = |at: String, what: String| Entry { at, what: format!("{message}{to}: {what}"), reason };
            Ok(match (state.as_str(), sent, channel) {
                ("sent", Some(sent), Some(channel)) => entry(decided, format!("sent by {channel} {}", at(sent))),
                ("dropped", ..) if due == decided => entry(due, "not sent".to_owned()),
                ("dropped", ..) => entry(due, format!("not sent, dropped {decided}")),
                ("queued", ..) => entry(decided, "waits to be delivered".to_owned()),
                _ => entry(decided, state),
            })
        },
    )?;
    Ok(Journal { occurrences, enrolments, messages })
}
