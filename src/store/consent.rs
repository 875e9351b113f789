//! Consents: the word that counts of a patron for a purpose and a channel. Every word is kept in the audit.
//!
//! What somebody said outranks what the law implies: implied consent never takes the place of an express one in force,
//! nor of a withdrawal, whichever the store learns first. Of words of one rank the latest counts, of two implied
//! consents the one that lasts longer.

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::{Kinds, Reader, StoreError, Writer};
use crate::catalogue::{Catalogue, Channel, PurposeId};
use crate::rule::{ConsentKind, ConsentState, EndRule, PatronId};
use crate::symbol::Symbol;
use crate::time::{Day, Instant};

impl ConsentState {
    /// As the store writes it.
    pub fn word(self) -> &'static str {
        match self {
            ConsentState::Given => "given",
            ConsentState::Asked => "asked",
            ConsentState::Withdrawn => "withdrawn",
        }
    }

    /// What the store's word means.
    pub fn from_word(word: &str) -> Option<ConsentState> {
        [ConsentState::Given, ConsentState::Asked, ConsentState::Withdrawn]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// A word about a consent, as it comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Said<'s> {
    pub purpose: PurposeId,
    pub channel: Channel,
    pub state: ConsentState,
    /// When it was said.
    pub at: Instant,
    /// Its last date, where the source names one.
    pub until: Option<Day>,
    pub kind: ConsentKind,
    /// Who or what said it: `import consents.csv`, `desk`, `link of ...`.
    pub source: &'s str,
}

/// The word that counts, as the store keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    pub purpose: Symbol,
    pub channel: Channel,
    pub state: ConsentState,
    pub at: Instant,
    /// The local date of `at`.
    pub on: Day,
    /// The last date that the source names.
    pub until: Option<Day>,
    pub kind: ConsentKind,
    pub source: String,
}

impl Word {
    /// The last date of a consent that was given, and why it is that; `None`: it has no end, or was not given.
    pub fn end(&self, catalogue: &Catalogue) -> Option<(Day, EndRule)> {
        let purpose = catalogue.purpose_named(self.purpose).map(|id| catalogue.purpose(id));
        let expires = purpose.and_then(|purpose| purpose.expires_after);
        let given = self.state == ConsentState::Given;
        given.then(|| self.kind.end(self.on, self.until, expires)).flatten()
    }

    fn is_in_force(&self, day: Day, catalogue: &Catalogue) -> bool {
        self.state == ConsentState::Given && self.end(catalogue).is_none_or(|(last, _)| last >= day)
    }

    /// Whether this word stands though `new` comes in.
    fn outranks(&self, new: &Word, catalogue: &Catalogue) -> bool {
        let (old_is_implied, new_is_implied) = (self.is_implied(), new.is_implied());
        match (old_is_implied, new_is_implied) {
            (false, true) => match self.state {
                ConsentState::Withdrawn => true,
                ConsentState::Given => new.on < self.on || self.is_in_force(new.on, catalogue),
                ConsentState::Asked => new.at < self.at,
            },
            (true, false) => match new.state {
                ConsentState::Withdrawn => false,
                ConsentState::Given => new.at < self.at && !new.is_in_force(self.on, catalogue),
                ConsentState::Asked => new.at < self.at || self.is_in_force(new.on, catalogue),
            },
            (true, true) => {
                let last = |word: &Word| word.end(catalogue).map_or(Day(i32::MAX), |(last, _)| last);
                last(new) <= last(self)
            }
            // A word older than the one that is known changes nothing, so that an old export undoes no unsubscription;
            // nor does a question while a consent is in force.
            (false, false) => {
                new.at < self.at || (new.state == ConsentState::Asked && self.is_in_force(new.on, catalogue))
            }
        }
    }

    fn is_implied(&self) -> bool {
        self.state == ConsentState::Given && self.kind.is_implied()
    }
}

impl Writer<'_> {
    /// A word about a consent comes in. Whether it changed something.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn say(&mut self, patron: PatronId, said: &Said<'_>) -> Result<bool, StoreError> {
        let new = Word {
            purpose: self.layout.catalogue.purpose(said.purpose).name,
            channel: said.channel,
            state: said.state,
            at: said.at,
            on: self.zone.day(said.at),
            until: said.until,
            // Only what is given can be implied.
            kind: if said.state == ConsentState::Given { said.kind } else { ConsentKind::Express },
            source: said.source.to_owned(),
        };
        if let Some(known) = self.known_word(patron, new.purpose, new.channel)? {
            let same =
                known.state == new.state && known.until == new.until && known.on == new.on && known.kind == new.kind;
            if same || known.outranks(&new, &self.layout.catalogue) {
                return Ok(false);
            }
        }
        let sql =
            "INSERT OR REPLACE INTO consent (patron, purpose, channel, state, at, on_day, until_day, kind, source)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![
            patron.0,
            new.purpose.as_str(),
            new.channel.word(),
            new.state.word(),
            new.at.0,
            new.on.0,
            new.until.map(|day| day.0),
            new.kind.word(),
            new.source,
        ])?;
        drop(statement);
        let detail = json!({
            "purpose": new.purpose.as_str(), "channel": new.channel.word(), "state": new.state.word(),
            "on": new.on.to_string(), "until": new.until.map(|day| day.to_string()),
            "said_at": new.at.0, "kind": new.kind.word(), "source": new.source,
        });
        self.audit("consent", Some(patron), &detail)?;
        self.touch(patron, Kinds::CONSENTS)?;
        Ok(true)
    }

    /// An express consent, or the question for one (`ConsentState::Asked`), said at `at`; `until` is its last date,
    /// where the source names one. Whether it changed something.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn consent(
        &mut self,
        patron: PatronId,
        purpose: PurposeId,
        channel: Channel,
        state: ConsentState,
        at: Instant,
        until: Option<Day>,
    ) -> Result<bool, StoreError> {
        self.say(patron, &Said { purpose, channel, state, at, until, kind: ConsentKind::Express, source: "" })
    }

    /// A withdrawal said at `at`: an unsubscription, a letter to the desk. Whether it changed something.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn withdraw(
        &mut self,
        patron: PatronId,
        purpose: PurposeId,
        channel: Channel,
        at: Instant,
    ) -> Result<bool, StoreError> {
        self.consent(patron, purpose, channel, ConsentState::Withdrawn, at, None)
    }

    fn known_word(&self, patron: PatronId, purpose: Symbol, channel: Channel) -> Result<Option<Word>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM consent WHERE patron = ?1 AND purpose = ?2 AND channel = ?3");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_row(params![patron.0, purpose.as_str(), channel.word()], word).optional()?;
        Ok(found.flatten())
    }
}

/// A word that was said once: what the audit keeps of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// When the store learned it.
    pub learned: Instant,
    pub purpose: String,
    pub channel: String,
    pub state: String,
    pub kind: String,
    pub source: String,
    /// The local date on which it was said, and when, where that is known.
    pub on: String,
    pub said: Option<Instant>,
    pub until: Option<String>,
}

impl Reader<'_> {
    /// The words that count of a patron, by purpose and channel.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn words(&self, patron: PatronId) -> Result<Vec<Word>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM consent WHERE patron = ?1 ORDER BY purpose, channel");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let words: Vec<Option<Word>> = statement.query_map([patron.0], word)?.collect::<Result<_, _>>()?;
        Ok(words.into_iter().flatten().collect())
    }

    /// Every word of a patron that ever changed something, in the order in which the store learned them.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn kept_words(&self, patron: PatronId) -> Result<Vec<Kept>, StoreError> {
        let sql = "SELECT at, detail FROM audit WHERE patron = ?1 AND what = 'consent' ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([patron.0], |row| {
            let detail: serde_json::Value = serde_json::from_str(row.get_ref(1)?.as_str()?).unwrap_or_default();
            let text = |name: &str| detail[name].as_str().unwrap_or_default().to_owned();
            Ok(Kept {
                learned: Instant(row.get(0)?),
                purpose: text("purpose"),
                channel: text("channel"),
                state: text("state"),
                // Words of older stores were all express.
                kind: detail["kind"].as_str().unwrap_or("express").to_owned(),
                source: text("source"),
                on: text("on"),
                said: detail["said_at"].as_i64().map(Instant),
                until: detail["until"].as_str().map(str::to_owned),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

const COLUMNS: &str = "purpose, channel, state, at, on_day, until_day, kind, source";

/// Reads [`COLUMNS`]; `None` if a newer program wrote words that this one does not know.
fn word(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Word>> {
    let channel = Channel::from_word(row.get_ref(1)?.as_str()?);
    let state = ConsentState::from_word(row.get_ref(2)?.as_str()?);
    let kind = ConsentKind::from_word(row.get_ref(6)?.as_str()?);
    let (Some(channel), Some(state), Some(kind)) = (channel, state, kind) else { return Ok(None) };
    Ok(Some(Word {
        purpose: Symbol::new(row.get_ref(0)?.as_str()?),
        channel,
        state,
        at: Instant(row.get(3)?),
        on: Day(row.get(4)?),
        until: row.get::<_, Option<i32>>(5)?.map(Day),
        kind,
        source: row.get(7)?,
    }))
}
