//! Who would get what now: the tick itself and the gate of a delivery after it, on a copy in memory that is thrown
//! away. Of a store with many patrons only those are copied whom the tick would look at and for whom it could decide
//! something.
//!
//! Invariant: the store is not written.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::engine::{self, Handed, LooksAt, Plan, TickError};
use crate::rule::PatronId;
use crate::store::{Store, StoreError};
use crate::time::Instant;

/// Patrons that are named for each message.
const KEYS: usize = 5;

/// If one part in so many of the patrons is concerned, the whole store is copied, page by page.
const MOST: i64 = 3;

/// What a tick and a delivery would decide now.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Due {
    /// The store has ticked before. If not, a first tick only takes note.
    pub has_ticked: bool,
    pub last_tick: Option<Instant>,
    /// By campaign.
    pub campaigns: BTreeMap<String, Starts>,
    /// Messages that would go into the outbox, by campaign and message.
    pub messages: BTreeMap<(String, String), Queue>,
    /// Why occurrences of this tick would enrol nobody, by campaign, the commonest first.
    pub skipped: BTreeMap<String, Vec<(String, u64)>>,
}

/// What would become of a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Starts {
    /// It is new to the store, or its start was edited: it would take the baseline.
    pub is_baseline: bool,
    /// Its start was edited: how many it would start if that took no baseline.
    pub rehearsed: Option<u64>,
    pub started: u64,
    pub skipped: u64,
    pub ended: u64,
}

/// Messages of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Queue {
    pub count: u64,
    /// Of these, those that nobody would get.
    pub dropped: u64,
    /// Why nobody would, the commonest first.
    pub reasons: Vec<(String, u64)>,
    /// Those that a delivery at the same instant would hold back, the commonest reason first.
    pub held: Vec<Held>,
    /// The keys of some of the patrons who would get it.
    pub keys: Vec<String>,
}

impl Queue {
    /// How many would leave at once.
    pub fn sent(&self) -> u64 {
        self.count - self.dropped - self.held.iter().map(|held| held.count).sum::<u64>()
    }
}

/// Messages that hours or a limit hold back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    pub reason: String,
    /// When they are looked at again.
    pub until: Instant,
    pub count: u64,
}

/// Those whom the campaign of this name admits; with `true` only those of them for whom its start is true.
pub(super) type Admitted<'a> = dyn Fn(&str, bool) -> Vec<PatronId> + 'a;

/// Ticks a copy of `store` at `now`, of everything or of those whom a tick would look at, and delivers there to nobody.
/// `gate` also knows the campaigns that `plan` leaves out: what they have in the outbox counts for the library's limit.
///
/// # Errors
/// If the store cannot be read, or if `now` lies before the last tick.
pub(super) fn preview(
    store: &Store,
    plan: &Plan<'_>,
    gate: &Plan<'_>,
    now: Instant,
    admitted: Option<&Admitted<'_>>,
) -> Result<Due, TickError> {
    let last_tick = store
        .connection()
        .query_row("SELECT max(ticked_at) FROM engine_clock", [], |row| row.get::<_, Option<i64>>(0))?
        .map(Instant);
    let mut due = Due { has_ticked: last_tick.is_some(), last_tick, ..Due::default() };
    if !due.has_ticked {
        return Ok(due);
    }
    let mut copy = copied(store, plan, now, admitted)?;
    let newest: i64 = copy.connection().query_row("SELECT coalesce(max(id), 0) FROM outbox", [], |row| row.get(0))?;
    let report = engine::tick(&mut copy, plan, now, None)?;
    for (name, counts) in report.campaigns {
        let starts = Starts {
            is_baseline: counts.is_baseline,
            rehearsed: counts.is_edited.then_some(0),
            started: counts.enrolled as u64,
            skipped: counts.skipped as u64,
            ended: counts.ended as u64,
        };
        due.campaigns.insert(name, starts);
    }
    let is_edited = |name: &str| due.campaigns.get(name).is_some_and(|starts| starts.rehearsed.is_some());
    if due.campaigns.keys().any(|name| is_edited(name)) {
        let edited = Plan::with(plan.program, |campaign| is_edited(campaign.name.as_str())).rehearsing_edits();
        let mut copy = copied(store, &edited, now, admitted)?;
        let report = engine::tick(&mut copy, &edited, now, None)?;
        for (name, starts) in due.campaigns.iter_mut().filter(|(_, starts)| starts.rehearsed.is_some()) {
            starts.rehearsed = report.campaigns.get(name).map(|counts| counts.enrolled as u64);
        }
    }
    engine::deliver(&mut copy, gate, now, &mut |_| Handed::Over(Vec::new()))?;
    due.messages = queued(copy.connection(), newest)?;
    due.skipped = skipped(copy.connection(), now)?;
    Ok(due)
}

/// A copy of the store to tick, or of that part of it which decides what the tick would do.
fn copied(store: &Store, plan: &Plan<'_>, now: Instant, admitted: Option<&Admitted<'_>>) -> Result<Store, StoreError> {
    let excerpt = match admitted {
        Some(admitted) => excerpt(store, plan, now, admitted)?,
        None => None,
    };
    let mut copy = match excerpt {
        Some(excerpt) => excerpt,
        None => store.copy_in_memory()?,
    };
    copy.align(&plan.program.catalogue)?;
    Ok(copy)
}

/// The part of the store that decides what a tick would do; `None` if that is most of it.
fn excerpt(store: &Store, plan: &Plan<'_>, now: Instant, admitted: &Admitted<'_>) -> Result<Option<Store>, StoreError> {
    let prospect = engine::prospect(store, plan, now)?;
    let Some(mut patrons) = prospect.patrons else { return Ok(None) };
    for (looks_at, running) in prospect.looks_at.iter().zip(&plan.campaigns) {
        match looks_at {
            LooksAt::Nobody => {}
            LooksAt::Admitted => patrons.extend(admitted(running.name(), false)),
            LooksAt::Current => patrons.extend(admitted(running.name(), true)),
        }
    }
    patrons.sort_unstable();
    patrons.dedup();
    if patrons.len() as i64 > store.reader().newest_patron()?.0 / MOST {
        return Ok(None);
    }
    store.excerpt(&plan.program.catalogue, &patrons)
}

/// The messages that were decided after the row `newest`.
fn queued(db: &Connection, newest: i64) -> rusqlite::Result<BTreeMap<(String, String), Queue>> {
    let mut found: BTreeMap<(String, String), Queue> = BTreeMap::new();
    let mut reasons: BTreeMap<(String, String), BTreeMap<String, u64>> = BTreeMap::new();
    let mut held: BTreeMap<(String, String), BTreeMap<(String, Instant), u64>> = BTreeMap::new();
    let mut statement = db.prepare(
        "SELECT outbox.campaign, outbox.message, outbox.state, outbox.reason, patron.key, outbox.try_at \
         FROM outbox LEFT JOIN patron ON patron.id = outbox.patron WHERE outbox.id > ?1 ORDER BY outbox.id",
    )?;
    let mut rows = statement.query([newest])?;
    while let Some(row) = rows.next()? {
        let kind: (String, String) = (row.get(0)?, row.get(1)?);
        let queue = found.entry(kind.clone()).or_default();
        queue.count += 1;
        let reason: Option<String> = row.get(3)?;
        match row.get_ref(2)?.as_str()? {
            "dropped" => {
                queue.dropped += 1;
                if let Some(reason) = reason {
                    *reasons.entry(kind).or_default().entry(reason).or_default() += 1;
                }
            }
            "queued" => {
                let why = (reason.unwrap_or_default(), Instant(row.get(5)?));
                *held.entry(kind).or_default().entry(why).or_default() += 1;
            }
            _ if queue.keys.len() < KEYS => queue.keys.extend(row.get::<_, Option<String>>(4)?),
            _ => {}
        }
    }
    for (kind, counts) in reasons {
        found.entry(kind).or_default().reasons = commonest_first(counts);
    }
    for (kind, counts) in held {
        let held = commonest_first(counts).into_iter().map(|((reason, until), count)| Held { reason, until, count });
        found.entry(kind).or_default().held = held.collect();
    }
    Ok(found)
}

/// Why the occurrences that were decided at `now` enrolled nobody.
fn skipped(db: &Connection, now: Instant) -> rusqlite::Result<BTreeMap<String, Vec<(String, u64)>>> {
    let mut found: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let mut statement = db.prepare(
        "SELECT campaign, reason, count(*) FROM occurrence \
         WHERE outcome = 'skipped' AND decided_at = ?1 AND reason IS NOT NULL GROUP BY campaign, reason",
    )?;
    let mut rows = statement.query([now.0])?;
    while let Some(row) = rows.next()? {
        found.entry(row.get(0)?).or_default().insert(row.get(1)?, row.get::<_, i64>(2)? as u64);
    }
    Ok(found.into_iter().map(|(campaign, counts)| (campaign, commonest_first(counts))).collect())
}

/// What waits in the outbox after an earlier delivery held it back: campaign, message, why, how many.
///
/// # Errors
/// If the store cannot be read.
pub fn held(store: &Store) -> Result<Vec<(String, String, String, u64)>, StoreError> {
    let mut statement = store.connection().prepare(
        "SELECT campaign, message, reason, count(*) FROM outbox WHERE state = 'queued' AND reason IS NOT NULL \
         GROUP BY campaign, message, reason ORDER BY campaign, message, count(*) DESC, reason",
    )?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)? as u64)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

fn commonest_first<K: Ord>(counts: BTreeMap<K, u64>) -> Vec<(K, u64)> {
    let mut counts: Vec<(K, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
