//! Consents: the latest word of a patron for a purpose and a channel. Every word is kept in the audit.

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::{StoreError, Writer};
use crate::catalogue::{Channel, PurposeId};
use crate::rule::{ConsentState, PatronId};
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

struct Word {
    state: ConsentState,
    at: i64,
    until: Option<i32>,
    on: i32,
}

impl Writer<'_> {
    /// A consent, or the question for one (`ConsentState::Asked`), said at `at`; `until` is its last date, where the
    /// source names one. A word older than the one that is known changes nothing, so that an old export undoes no
    /// unsubscription; nor does a question while a consent is in force. Whether it changed something.
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
        let on = self.zone.day(at);
        let name = self.layout.catalogue.purpose(purpose).name;
        if let Some(known) = self.known_word(patron, name.as_str(), channel)? {
            let same = known.state == state && known.until == until.map(|day| day.0) && known.on == on.0;
            let older = at.0 < known.at;
            let asked_again = state == ConsentState::Asked
                && known.state == ConsentState::Given
                && self.last_day(purpose, &known).is_none_or(|last| last >= on);
            if same || older || asked_again {
                return Ok(false);
            }
        }
        let sql = "INSERT OR REPLACE INTO consent (patron, purpose, channel, state, at, on_day, until_day)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let word = state.word();
        statement.execute(params![
            patron.0,
            name.as_str(),
            channel.word(),
            word,
            at.0,
            on.0,
            until.map(|day| day.0)
        ])?;
        drop(statement);
        let detail = json!({
            "purpose": name.as_str(), "channel": channel.word(), "state": word, "on": on.to_string(),
            "until": until.map(|day| day.to_string()),
        });
        self.audit("consent", Some(patron), &detail)?;
        self.touch(patron)?;
        Ok(true)
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

    fn known_word(&self, patron: PatronId, purpose: &str, channel: Channel) -> Result<Option<Word>, StoreError> {
        let sql = "SELECT state, at, on_day, until_day FROM consent
                   WHERE patron = ?1 AND purpose = ?2 AND channel = ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement
            .query_row(params![patron.0, purpose, channel.word()], |row| {
                let word: String = row.get(0)?;
                let state = ConsentState::from_word(&word).unwrap_or(ConsentState::Withdrawn);
                Ok(Word { state, at: row.get(1)?, on: row.get(2)?, until: row.get(3)? })
            })
            .optional()?;
        Ok(found)
    }

    /// The last date of a consent that was given.
    fn last_day(&self, purpose: PurposeId, word: &Word) -> Option<Day> {
        let expires = self.layout.catalogue.purpose(purpose).expires_after;
        word.until.map(Day).or_else(|| expires.map(|after| Day(word.on).plus(after).plus_days(-1)))
    }
}
