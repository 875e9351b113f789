//! The suppression list: addresses that are not written to, whoever has them.
//!
//! An address is kept as a keyed hash (HMAC-SHA-256 under a key of the store) of its normal form, so that the list can
//! outlive the patron without naming anybody, and so that the same address is found again under another card, in
//! another case (ADR-04) or way of writing. It holds for one purpose or for all that need consent; notices about the
//! patron's own account are not promotion and still arrive.

use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::params;
use serde_json::json;
use sha2::Sha256;

use super::{Reader, StoreError, Writer};
use crate::catalogue::Channel;
use crate::rule::{PatronId, text};
use crate::time::Instant;

/// A keyed hash of an address, or of a patron's key.
pub type KeyedHash = [u8; 32];

/// Why an address is on the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suppression {
    /// Through a link of a message.
    Unsubscribed,
    /// The reader called a message spam.
    Complained,
    /// Consent was withdrawn before the patron was erased.
    Withdrawn,
    /// Somebody asked the staff not to be written to.
    Asked,
}

impl Suppression {
    /// All.
    pub const ALL: [Suppression; 4] =
        [Suppression::Unsubscribed, Suppression::Complained, Suppression::Withdrawn, Suppression::Asked];

    /// As the store writes it.
    pub fn word(self) -> &'static str {
        match self {
            Suppression::Unsubscribed => "unsubscribed",
            Suppression::Complained => "complained",
            Suppression::Withdrawn => "withdrawn",
            Suppression::Asked => "asked",
        }
    }

    fn from_word(word: &str) -> Suppression {
        let found = Suppression::ALL.into_iter().find(|reason| reason.word() == word);
        found.unwrap_or_else(|| panic!("the schema's CHECK keeps {word:?} out"))
    }
}

/// An entry of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suppressed {
    /// `None`: every purpose that needs consent.
    pub purpose: Option<String>,
    pub reason: Suppression,
    pub at: Instant,
    pub note: String,
}

impl std::fmt::Display for Suppressed {
    /// Without date, for a reason that is stored: `the address unsubscribed from promotion`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = self.purpose.as_deref().unwrap_or("all that needs consent");
        match self.reason {
            Suppression::Unsubscribed => write!(f, "the address unsubscribed from {of}"),
            Suppression::Complained => write!(f, "the address complained ({of})"),
            Suppression::Withdrawn => write!(f, "an earlier patron of the address withdrew ({of})"),
            Suppression::Asked => write!(f, "the address is not to be written to ({of})"),
        }
    }
}

/// The key of the store's hashes.
#[derive(Clone)]
pub struct HashKey(Vec<u8>);

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

impl HashKey {
    /// The hash of an address of a channel.
    pub fn address(&self, channel: Channel, address: &str) -> KeyedHash {
        let kind = match channel {
            Channel::Email => "email",
            Channel::Sms => "phone",
            _ => "post",
        };
        self.hash(kind, &normal(channel, address))
    }

    /// The hash of a patron's key in the library system.
    pub fn patron(&self, key: &str) -> KeyedHash {
        self.hash("patron", key)
    }

    fn hash(&self, kind: &str, text: &str) -> KeyedHash {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(kind.as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// What all ways of writing an address have in common: an e-mail address folded as texts compare, the digits of a phone
/// number, the lines of a postal address with single blanks.
fn normal(channel: Channel, address: &str) -> String {
    match channel {
        Channel::Email => text::fold(address.trim()).into_owned(),
        Channel::Sms => {
            let digits: String = address.chars().filter(char::is_ascii_digit).collect();
            digits.strip_prefix("00").map_or(digits.clone(), str::to_owned)
        }
        _ => text::fold(&address.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned(),
    }
}

/// The list as it stood when it was read.
#[derive(Clone, Debug, Default)]
pub struct SuppressionList {
    key: Option<HashKey>,
    entries: HashMap<KeyedHash, Vec<Suppressed>>,
}

impl SuppressionList {
    /// Why nothing of `purpose`, which needs consent, goes to this address.
    pub fn find(&self, channel: Channel, address: &str, purpose: &str) -> Option<&Suppressed> {
        // Nothing is hashed while nobody is on the list.
        let key = self.key.as_ref().filter(|_| !self.entries.is_empty())?;
        let entries = self.entries.get(&key.address(channel, address))?;
        entries.iter().find(|entry| entry.purpose.as_deref().is_none_or(|of| of == purpose))
    }

    /// The key of its hashes.
    pub fn key(&self) -> Option<&HashKey> {
        self.key.as_ref()
    }
}

impl Reader<'_> {
    /// The key of the store's hashes.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn hash_key(&self) -> Result<HashKey, StoreError> {
        let sql = "SELECT value FROM meta WHERE name = 'hash secret'";
        Ok(HashKey(self.connection.prepare_cached(sql)?.query_row((), |row| row.get(0))?))
    }

    /// The whole list.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn suppression_list(&self) -> Result<SuppressionList, StoreError> {
        let mut list = SuppressionList { key: Some(self.hash_key()?), entries: HashMap::new() };
        let sql = "SELECT purpose, reason, at, note, hash FROM suppression";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            list.entries.entry(row.get(4)?).or_default().push(entry(row)?);
        }
        Ok(list)
    }

    /// The patrons who have this address, in any way of writing it. Looks at all patrons.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn patrons_at(&self, channel: Channel, address: &str) -> Result<Vec<PatronId>, StoreError> {
        let columns: Vec<&str> = (self.layout.catalogue.contact.fields(channel).iter())
            .map(|id| self.layout.patron.columns[id.index()].sql.as_str())
            .collect();
        let wanted = normal(channel, address);
        if columns.is_empty() || wanted.is_empty() {
            return Ok(Vec::new());
        }
        let joined = columns.join(" || char(10) || ");
        let sql = format!("SELECT id, {joined} FROM patron WHERE {joined} IS NOT NULL ORDER BY id");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(())?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if row.get_ref(1)?.as_str().is_ok_and(|text| normal(channel, text) == wanted) {
                found.push(PatronId(row.get(0)?));
            }
        }
        Ok(found)
    }

    /// The entries of one address.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn suppressions(&self, hash: &KeyedHash) -> Result<Vec<Suppressed>, StoreError> {
        let sql = "SELECT purpose, reason, at, note FROM suppression WHERE hash = ?1 ORDER BY purpose";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map([hash], entry)?.collect::<Result<_, _>>()?)
    }
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Suppressed> {
    let purpose: String = row.get(0)?;
    Ok(Suppressed {
        purpose: Some(purpose).filter(|purpose| !purpose.is_empty()),
        reason: Suppression::from_word(row.get_ref(1)?.as_str()?),
        at: Instant(row.get(2)?),
        note: row.get(3)?,
    })
}

impl Writer<'_> {
    /// Puts an address on the list; an entry that is there stays as it is. Whether it was not.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn suppress(&mut self, hash: &KeyedHash, entry: &Suppressed) -> Result<bool, StoreError> {
        let purpose = entry.purpose.as_deref().unwrap_or_default();
        let sql = "INSERT OR IGNORE INTO suppression (hash, purpose, reason, at, note) VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![hash, purpose, entry.reason.word(), entry.at.0, entry.note];
        let is_new = self.connection.prepare_cached(sql)?.execute(values)? > 0;
        if !is_new {
            // It has been said again: no word of before lifts it.
            let sql = "UPDATE suppression SET at = ?3 WHERE hash = ?1 AND purpose = ?2 AND at < ?3";
            self.connection.prepare_cached(sql)?.execute(params![hash, purpose, entry.at.0])?;
        }
        if is_new {
            let detail = json!({ "hash": hex(hash), "purpose": purpose, "reason": entry.reason.word() });
            self.audit("suppressed", None, &detail)?;
        }
        Ok(is_new)
    }

    /// Takes an address off the list: for a purpose, or (`None`) all that stands there; of this only what stands there since
    /// `up_to` or before. The reason is kept in the audit. How many entries there were.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn lift(
        &mut self,
        hash: &KeyedHash,
        purpose: Option<&str>,
        up_to: Option<Instant>,
        why: &str,
    ) -> Result<usize, StoreError> {
        let sql =
            "DELETE FROM suppression WHERE hash = ?1 AND (?2 IS NULL OR purpose = ?2) AND (?3 IS NULL OR at <= ?3)";
        let lifted = self.connection.prepare_cached(sql)?.execute(params![hash, purpose, up_to.map(|at| at.0)])?;
        if lifted > 0 {
            self.audit("lifted", None, &json!({ "hash": hex(hash), "purpose": purpose, "why": why }))?;
        }
        Ok(lifted)
    }
}

/// A hash as it stands in the audit and in ledgers.
pub fn hex(hash: &KeyedHash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adr_04_ways_of_writing_an_address_are_one_address() {
        let key = HashKey(b"key".to_vec());
        let email = |text: &str| key.address(Channel::Email, text);
        assert_eq!(email("Foo@X.org"), email(" foo@x.ORG "));
        assert_eq!(email("STRASSE@x.org"), email("straße@x.org"));
        assert_ne!(email("foo@x.org"), email("foo@y.org"));
        let phone = |text: &str| key.address(Channel::Sms, text);
        assert_eq!(phone("+15195550100"), phone("+1 (519) 555-0100"));
        assert_eq!(phone("0033 6 12 34 56 78"), phone("+33612345678"));
        let post = |text: &str| key.address(Channel::Print, text);
        assert_eq!(post("1 Main Street\nRiverside"), post("1  MAIN street\n Riverside\n"));
        assert_ne!(key.address(Channel::Email, "1"), key.address(Channel::Sms, "1"));
        assert_ne!(HashKey(b"other".to_vec()).address(Channel::Email, "foo@x.org"), email("foo@x.org"));
    }
}
