//! Who would get what now: the tick itself and the gate of a delivery after it, on a copy in memory that is thrown
//! away. Of a store with many patrons only those are copied whom the tick would look at and for whom it could decide
//! something.
//!
//! Invariant: the store is not written.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, ToSql};

use crate::deliver::{self, Composer};
use crate::engine::{self, Handed, Handover, LooksAt, Plan, TickError};
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
    pub messages: Queues,
    /// Those that wait there already.
    pub waiting: Queues,
    /// Why occurrences of this tick would enrol nobody, by campaign, and of how many patrons; the commonest first.
    pub skipped: BTreeMap<String, Vec<(String, u64)>>,
}

/// By campaign and message.
pub type Queues = BTreeMap<(String, String), Queue>;

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

/// Messages of one kind, and what a delivery at the same instant would do with them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Queue {
    pub count: u64,
    /// Patrons to whom at least one would go.
    pub patrons: u64,
    /// Of these, the keys of some.
    pub keys: Vec<String>,
    /// Those that it would hold back, the commonest reason first.
    pub held: Vec<Unsent>,
    /// Those that nobody would get, the commonest reason first.
    pub dropped: Vec<Unsent>,
}

impl Queue {
    /// How many would leave at once.
    pub fn sent(&self) -> u64 {
        self.left() - self.held()
    }

    /// How many would be held back.
    pub fn held(&self) -> u64 {
        self.held.iter().map(|unsent| unsent.count).sum()
    }

    /// How many would leave at once or later.
    pub fn left(&self) -> u64 {
        self.count - self.dropped.iter().map(|unsent| unsent.count).sum::<u64>()
    }
}

/// Messages that would not leave, for one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsent {
    pub reason: String,
    /// When they are looked at again; `None`: never.
    pub until: Option<Instant>,
    pub count: u64,
    /// Whose they are; what is published is nobody's.
    pub patrons: u64,
}

/// Those whom the campaign of this name admits; with `true` only those of them for whom its start is true.
pub(super) type Admitted<'a> = dyn Fn(&str, bool) -> Vec<PatronId> + 'a;

/// Ticks a copy of `store` at `now`, of everything or of those whom a tick would look at and for whom something waits,
/// and delivers there to nobody. `gate` also knows the campaigns that `plan` leaves out: what they have in the outbox
/// counts for the library's limit. Only what waits of the campaign `only` is told, if that is one.
///
/// # Errors
/// If the store cannot be read, or if `now` lies before the last tick.
pub(super) fn preview(
    store: &Store,
    plan: &Plan<'_>,
    gate: &Plan<'_>,
    only: Option<&str>,
    now: Instant,
    admitted: Option<&Admitted<'_>>,
) -> Result<Due, TickError> {
    let last_tick = store
        .connection()
        .query_row("SELECT max(ticked_at) FROM engine_clock", [], |row| row.get::<_, Option<i64>>(0))?
        .map(Instant);
    let mut due = Due { has_ticked: last_tick.is_some(), last_tick, ..Due::default() };
    // A first tick takes note of what is there, and starts nobody else.
    if !due.has_ticked && !plan.takes_current_members() {
        return Ok(due);
    }
    let waiting = waiting(store.connection(), only)?;
    let mut copy = copied(store, plan, &waiting, now, admitted)?;
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
        let mut copy = copied(store, &edited, &waiting, now, admitted)?;
        let report = engine::tick(&mut copy, &edited, now, None)?;
        for (name, starts) in due.campaigns.iter_mut().filter(|(_, starts)| starts.rehearsed.is_some()) {
            starts.rehearsed = report.campaigns.get(name).map(|counts| counts.enrolled as u64);
        }
    }
    let (composer, feeds) = (Composer::of_preview(gate.program), deliver::feeds(&copy, gate.program)?);
    let mut take = |handover: &Handover<'_>| match composer.compose(handover, &feeds) {
        Ok(_) => Handed::Over(Vec::new()),
        Err(reason) => Handed::Not(reason.to_string()),
    };
    engine::deliver(&mut copy, gate, now, &mut take)?;
    due.messages = queues(copy.connection(), "id > ?1", &newest)?;
    due.waiting = queues(copy.connection(), "id IN (SELECT value FROM json_each(?1))", &waiting.ids())?;
    due.skipped = skipped(copy.connection(), now)?;
    Ok(due)
}

/// What waits in the outbox: the messages, and whose they are.
struct Waiting(Vec<(i64, Option<PatronId>)>);

impl Waiting {
    /// The messages, as a JSON array.
    fn ids(&self) -> String {
        let ids: Vec<i64> = self.0.iter().map(|(id, _)| *id).collect();
        serde_json::to_string(&ids).expect("numbers are JSON")
    }
}

/// What waits of all campaigns, or of `only`.
fn waiting(db: &Connection, only: Option<&str>) -> rusqlite::Result<Waiting> {
    let sql = "SELECT id, patron FROM outbox WHERE state = 'queued' AND (?1 IS NULL OR campaign = ?1)";
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map([only], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(PatronId))))?;
    rows.collect::<Result<_, _>>().map(Waiting)
}

/// A copy of the store to tick, or of that part of it which decides what the tick and a delivery would do.
fn copied(
    store: &Store,
    plan: &Plan<'_>,
    waiting: &Waiting,
    now: Instant,
    admitted: Option<&Admitted<'_>>,
) -> Result<Store, StoreError> {
    let excerpt = match admitted {
        Some(admitted) => excerpt(store, plan, waiting, now, admitted)?,
        None => None,
    };
    let mut copy = match excerpt {
        Some(excerpt) => excerpt,
        None => store.copy_in_memory()?,
    };
    copy.align(&plan.program.catalogue)?;
    Ok(copy)
}

/// The part of the store that decides what a tick and a delivery would do; `None` if that is most of it.
fn excerpt(
    store: &Store,
    plan: &Plan<'_>,
    waiting: &Waiting,
    now: Instant,
    admitted: &Admitted<'_>,
) -> Result<Option<Store>, StoreError> {
    let prospect = engine::prospect(store, plan, now)?;
    let Some(mut patrons) = prospect.patrons else { return Ok(None) };
    patrons.extend(waiting.0.iter().filter_map(|(_, patron)| *patron));
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

/// What became of the rows of the outbox for which a condition of a parameter is true.
fn queues(db: &Connection, which: &str, parameter: &dyn ToSql) -> rusqlite::Result<Queues> {
    let mut found = Queues::new();
    let mut sent_to: BTreeMap<(String, String), BTreeSet<i64>> = BTreeMap::new();
    let mut statement = db.prepare(&format!(
        "SELECT campaign, message, patron, (SELECT key FROM patron WHERE patron.id = outbox.patron) \
         FROM outbox WHERE state NOT IN ('queued', 'dropped') AND {which} ORDER BY id"
    ))?;
    let mut rows = statement.query([parameter])?;
    while let Some(row) = rows.next()? {
        let kind: (String, String) = (row.get(0)?, row.get(1)?);
        let queue = found.entry(kind.clone()).or_default();
        queue.count += 1;
        let Some(patron) = row.get(2)? else { continue };
        if sent_to.entry(kind).or_default().insert(patron) {
            queue.patrons += 1;
            if queue.keys.len() < KEYS {
                queue.keys.push(row.get(3)?);
            }
        }
    }
    let mut statement = db.prepare(&format!(
        "SELECT campaign, message, coalesce(reason, ''), iif(state = 'queued', try_at, NULL) AS until, count(*) AS count, \
         count(DISTINCT patron) FROM outbox WHERE state IN ('queued', 'dropped') AND {which} \
         GROUP BY 1, 2, 3, 4 ORDER BY count DESC, 3, 4"
    ))?;
    let mut rows = statement.query([parameter])?;
    while let Some(row) = rows.next()? {
        let until = row.get::<_, Option<i64>>(3)?.map(Instant);
        let (count, patrons) = (row.get::<_, i64>(4)? as u64, row.get::<_, i64>(5)? as u64);
        let queue = found.entry((row.get(0)?, row.get(1)?)).or_default();
        queue.count += count;
        let unsent = if until.is_some() { &mut queue.held } else { &mut queue.dropped };
        let reason = engine::undated(row.get_ref(2)?.as_str()?);
        // A patron's reason has one day, so that nobody is counted twice.
        match unsent.iter_mut().find(|of| of.reason == reason && of.until == until) {
            Some(of) => (of.count, of.patrons) = (of.count + count, of.patrons + patrons),
            None => unsent.push(Unsent { reason, until, count, patrons }),
        }
    }
    for queue in found.values_mut() {
        queue.held.sort_by_key(|of| std::cmp::Reverse(of.count));
        queue.dropped.sort_by_key(|of| std::cmp::Reverse(of.count));
    }
    Ok(found)
}

/// Why the occurrences that were decided at `now` enrolled nobody.
fn skipped(db: &Connection, now: Instant) -> rusqlite::Result<BTreeMap<String, Vec<(String, u64)>>> {
    let mut found: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let mut statement = db.prepare(
        "SELECT campaign, reason, count(DISTINCT patron) FROM occurrence \
         WHERE outcome = 'skipped' AND decided_at = ?1 AND reason IS NOT NULL GROUP BY campaign, reason",
    )?;
    let mut rows = statement.query([now.0])?;
    while let Some(row) = rows.next()? {
        found.entry(row.get(0)?).or_default().insert(row.get(1)?, row.get::<_, i64>(2)? as u64);
    }
    Ok(found.into_iter().map(|(campaign, counts)| (campaign, commonest_first(counts))).collect())
}

fn commonest_first<K: Ord>(counts: BTreeMap<K, u64>) -> Vec<(K, u64)> {
    let mut counts: Vec<(K, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
