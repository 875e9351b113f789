//! A campaign that got another name (DEL-13).
//!
//! A campaign is its name: under another one it is new, takes the baseline, and with `including current members` would
//! start everybody again whom it started under the old one. What looks like that is found here, and what the store knows
//! under the old name can be taken to the new one.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use crate::engine::fingerprint::Fingerprints;
use crate::engine::plan::{Plan, Start};
use crate::engine::state;
use crate::program::Program;
use crate::store::{Store, StoreError};
use crate::symbol::Symbol;

/// A campaign that is new to the store, and starts like one that has left the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Newcomer {
    /// The campaign that it starts like.
    pub before: String,
    /// Patrons whom that one has started.
    pub started: u64,
    /// Its first tick starts those who are in its start already.
    pub starts_current: bool,
}

/// The newcomers among the campaigns of `plan`, by name.
///
/// # Errors
/// If the store cannot be read.
pub fn newcomers(store: &Store, plan: &Plan<'_>) -> Result<BTreeMap<String, Newcomer>, StoreError> {
    Ok(found(store.connection(), plan)?)
}

pub(super) fn found(db: &Connection, plan: &Plan<'_>) -> rusqlite::Result<BTreeMap<String, Newcomer>> {
    let Some(clock) = state::clock(db)? else { return Ok(BTreeMap::new()) };
    let mut gone = BTreeMap::new();
    for name in clock.campaigns.iter().filter(|name| plan.find(name).is_none()) {
        gone.extend(state::campaign(db, name)?.map(|known| (known.start, name.clone())));
    }
    let mut newcomers = BTreeMap::new();
    for running in &plan.campaigns {
        let Some(before) = running.fingerprints.iter().find_map(|start| gone.get(start)) else { continue };
        if state::campaign(db, running.name())?.is_some() {
            continue;
        }
        let started: i64 = db
            .prepare_cached("SELECT count(DISTINCT patron) FROM enrolment WHERE campaign = ?1")?
            .query_row([before], |row| row.get(0))?;
        let newcomer = Newcomer {
            before: before.clone(),
            started: started as u64,
            starts_current: matches!(running.start, Start::Becomes { including_current: true, .. }),
        };
        newcomers.insert(running.name().to_owned(), newcomer);
    }
    Ok(newcomers)
}

/// Why a campaign cannot take another name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotRenamed {
    /// No campaign of the old name has ticked.
    Unknown,
    /// One of the new name has ticked already, or was published: it has a history of its own.
    Taken,
}

/// What the store knows of the campaign `before` is known of `after` from now on: who was started, where their journeys
/// are, what they got, and for whom its start is true. Patrons' shares are drawn under the new name from then on; those
/// who were started keep theirs.
///
/// # Errors
/// If the store cannot be read or written; then nothing was renamed.
pub fn rename(
    store: &mut Store,
    program: &Program,
    before: &str,
    after: &str,
) -> Result<Result<(), NotRenamed>, StoreError> {
    store.align(&program.catalogue)?;
    let transaction = store.begin()?;
    let db = transaction.connection();
    if state::campaign(db, after)?.is_some() {
        return Ok(Err(NotRenamed::Taken));
    }
    if state::campaign(db, before)?.is_none() {
        return Ok(Err(NotRenamed::Unknown));
    }
    for table in ["campaign_state", "watched", "enrolment", "occurrence", "outbox"] {
        db.execute(&format!("UPDATE {table} SET campaign = ?2 WHERE campaign = ?1"), params![before, after])?;
    }
    // A start that names it means what it meant.
    let [now, ..] = Fingerprints::forms(program);
    let then = Fingerprints::forms(program).map(|by| by.before_renaming(Symbol::new(before), Symbol::new(after)));
    for campaign in &program.campaigns {
        let sql = "UPDATE campaign_state SET start = ?5 WHERE campaign = ?1 AND start IN (?2, ?3, ?4)";
        let [meaning, text, numbers] = then.each_ref().map(|by| by.start(&campaign.start));
        let now = now.start(&campaign.start);
        db.prepare_cached(sql)?.execute(params![campaign.name.as_str(), meaning, text, numbers, now])?;
    }
    // The texts in which its journeys go on have the old name.
    let sql = "UPDATE program_version SET renamed = json_insert(renamed, '$[#]', json_array(?1, ?2))";
    db.execute(sql, params![before, after])?;
    // Who reads a report under the new name knows the one that was given out under the old.
    db.execute(
        "INSERT INTO audit (at, what, patron, detail)
         SELECT at, what, patron, json_set(detail, '$.campaign', ?2) FROM audit
         WHERE what = 'report' AND detail ->> '$.campaign' = ?1 ORDER BY id DESC LIMIT 1",
        params![before, after],
    )?;
    if let Some(mut clock) = state::clock(db)? {
        if clock.campaigns.remove(before) {
            clock.campaigns.insert(after.to_owned());
            state::set_campaigns(db, &clock.campaigns)?;
        }
        let mut writer = transaction.writer(&program.library.zone, clock.ticked_at);
        writer.rename_campaign(Symbol::new(before), Symbol::new(after))?;
    }
    transaction.commit()?;
    Ok(Ok(()))
}
