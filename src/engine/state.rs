//! What the engine remembers of a patron, read from and written to the store's engine tables.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::engine::share::ShareKey;
use crate::rule::{PatronId, RowId};
use crate::time::Instant;

/// The last tick.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    pub ticked_at: Instant,
    /// The change log up to here has been seen.
    pub change: i64,
    /// Events with a larger row are new.
    pub event_row: RowId,
    /// The campaigns that took part.
    pub campaigns: BTreeSet<String>,
    pub key: ShareKey,
}

/// Where a patron stands towards a start condition.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Membership {
    /// As the last tick found it; `None` is unknown.
    pub value: Option<bool>,
    /// The last known value.
    pub known: bool,
    pub entries: i64,
    pub exits: i64,
}

/// How an occurrence was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Enrolled,
    /// Not enrolled; kept with the reason.
    Skipped,
    /// True or due at the first tick.
    Baseline,
}

/// A decided occurrence.
#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    pub at: Instant,
    /// The row it is about, by the event's name.
    pub row: Option<(String, RowId)>,
    /// The date or instant that made it.
    pub date: Option<String>,
    pub outcome: Outcome,
    pub enrolment: Option<i64>,
}

/// Where an enrolment stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Waits for further occurrences (`together for D`).
    Gathering,
    Running,
    Ended,
    /// The date of its start moved before anything was sent.
    Withdrawn,
}

/// Where a goal stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    None,
    Open,
    Reached,
    Missed,
}

/// A journey of a patron, or of nobody (published).
#[derive(Clone, PartialEq, Debug)]
pub struct Enrolment {
    pub id: i64,
    pub campaign: String,
    pub patron: Option<PatronId>,
    /// The version of the program in which it started.
    pub revision: String,
    pub start: Instant,
    pub stage: Stage,
    pub reason: Option<String>,
    pub ended_at: Option<Instant>,
    pub held_out: bool,
    /// The step to be decided next.
    pub place: String,
    /// Its wait has begun, at `since`.
    pub arrived: bool,
    pub since: Instant,
    pub wake: Option<Instant>,
    pub round: i64,
    pub round_began: Instant,
    pub arms: Vec<(usize, usize)>,
    pub goal: Goal,
    pub goal_known: bool,
    pub goal_at: Option<Instant>,
    /// The rows that started it, by event name.
    pub rows: Vec<(String, RowId)>,
}

/// Everything of one patron.
#[derive(Clone, Default, Debug)]
pub struct PatronState {
    pub memberships: BTreeMap<String, Membership>,
    pub watched: BTreeMap<String, String>,
    /// By campaign and key.
    pub occurrences: BTreeMap<(String, String), Decided>,
    /// Gathering, running, or with an open goal.
    pub enrolments: Vec<Enrolment>,
    pub until: Option<Instant>,
    /// Occurrences that this tick took into the baseline: campaign and key. Not yet written.
    pub new_baseline: Vec<(String, String)>,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* }) => {
        impl $type {
            /// As the store writes it.
            pub fn word(self) -> &'static str {
                match self { $($type::$variant => $word),* }
            }

            fn from_word(word: &str) -> $type {
                match word {
                    $($word => $type::$variant,)*
                    other => panic!("the schema's CHECK keeps {other:?} out"),
                }
            }
        }
    };
}

words!(Outcome { Enrolled = "enrolled", Skipped = "skipped", Baseline = "baseline" });
words!(Stage { Gathering = "gathering", Running = "running", Ended = "ended", Withdrawn = "withdrawn" });
words!(Goal { None = "none", Open = "open", Reached = "reached", Missed = "missed" });

/// The last tick, if there was one.
pub fn clock(db: &Connection) -> rusqlite::Result<Option<Clock>> {
    let mut query = db.prepare_cached("SELECT ticked_at, change, event_row, share_key, campaigns FROM engine_clock")?;
    query
        .query_row([], |row| {
            Ok(Clock {
                ticked_at: Instant(row.get(0)?),
                change: row.get(1)?,
                event_row: RowId(row.get(2)?),
                campaigns: row.get_ref(4)?.as_str()?.split_whitespace().map(str::to_owned).collect(),
                key: ShareKey(row.get(3)?),
            })
        })
        .optional()
}

/// Writes the last tick.
pub fn set_clock(db: &Connection, clock: &Clock, revision: &str) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO engine_clock VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        clock.ticked_at.0,
        clock.change,
        clock.event_row.0,
        clock.campaigns.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
        revision,
        clock.key.0
    ])?;
    Ok(())
}

/// What the store knows of a campaign's first tick.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CampaignState {
    pub start: String,
    pub baseline_at: Instant,
}

/// The campaign's state, if it ever ticked.
pub fn campaign(db: &Connection, name: &str) -> rusqlite::Result<Option<CampaignState>> {
    db.prepare_cached("SELECT start, baseline_at FROM campaign_state WHERE campaign = ?1")?
        .query_row([name], |row| Ok(CampaignState { start: row.get(0)?, baseline_at: Instant(row.get(1)?) }))
        .optional()
}

/// Writes a campaign's state.
pub fn set_campaign(db: &Connection, name: &str, state: &CampaignState) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO campaign_state VALUES (?1, ?2, ?3)")?.execute(params![
        name,
        state.start,
        state.baseline_at.0
    ])?;
    Ok(())
}

/// Reads one row into a patron's state.
type Reads<'r> = dyn FnMut(&mut PatronState, &Row<'_>) -> rusqlite::Result<()> + 'r;

/// The state of each patron, in the order of `patrons`.
pub fn load(db: &Connection, patrons: &[PatronId]) -> rusqlite::Result<Vec<PatronState>> {
    let mut found: BTreeMap<i64, PatronState> = patrons.iter().map(|id| (id.0, PatronState::default())).collect();
    let list = patrons.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",");
    let list = format!("[{list}]");
    let mut each = |columns: &str, table: &str, more: &str, read: &mut Reads<'_>| -> rusqlite::Result<()> {
        let sql =
            format!("SELECT patron, {columns} FROM {table} WHERE patron IN (SELECT value FROM json_each(?1)) {more}");
        let mut query = db.prepare_cached(&sql)?;
        let mut rows = query.query([&list])?;
        while let Some(row) = rows.next()? {
            let patron: i64 = row.get(0)?;
            let state = found.get_mut(&patron).expect("only chosen patrons are selected");
            read(state, row)?;
        }
        Ok(())
    };
    each("campaign, value, known, entries, exits", "membership", "", &mut |state, row| {
        let value: i64 = row.get(2)?;
        let membership = Membership {
            value: [Some(false), Some(true), None][value as usize],
            known: row.get(3)?,
            entries: row.get(4)?,
            exits: row.get(5)?,
        };
        state.memberships.insert(row.get(1)?, membership);
        Ok(())
    })?;
    each("campaign, value", "watched", "", &mut |state, row| {
        state.watched.insert(row.get(1)?, row.get(2)?);
        Ok(())
    })?;
    each("campaign, key, at, event, event_row, date, outcome, enrolment", "occurrence", "", &mut |state, row| {
        let event: Option<String> = row.get(4)?;
        let event_row: Option<i64> = row.get(5)?;
        let decided = Decided {
            at: Instant(row.get(3)?),
            row: event.zip(event_row.map(RowId)),
            date: row.get(6)?,
            outcome: Outcome::from_word(row.get_ref(7)?.as_str()?),
            enrolment: row.get(8)?,
        };
        state.occurrences.insert((row.get(1)?, row.get(2)?), decided);
        Ok(())
    })?;
    let open = "AND (state IN ('gathering', 'running') OR goal = 'open') ORDER BY id";
    each(ENROLMENT, "enrolment", open, &mut |state, row| {
        state.enrolments.push(enrolment(row)?);
        Ok(())
    })?;
    each("until", "due", "", &mut |state, row| {
        state.until = Some(Instant(row.get(1)?));
        Ok(())
    })?;
    for state in found.values_mut() {
        let rows = &state.occurrences;
        for enrolment in &mut state.enrolments {
            enrolment.rows =
                rows.values().filter(|o| o.enrolment == Some(enrolment.id)).filter_map(|o| o.row.clone()).collect();
        }
    }
    Ok(patrons.iter().map(|id| found.remove(&id.0).expect("one entry a patron")).collect())
}

const ENROLMENT: &str = "id, campaign, start, state, reason, ended_at, held_out, place, arrived, since, wake, round, \
     round_began, arms, goal, goal_known, goal_at, revision";

/// Reads `patron` and the columns of [`ENROLMENT`].
fn enrolment(row: &Row<'_>) -> rusqlite::Result<Enrolment> {
    let patron: Option<i64> = row.get(0)?;
    let arms: String = row.get(14)?;
    Ok(Enrolment {
        id: row.get(1)?,
        campaign: row.get(2)?,
        patron: patron.map(PatronId),
        start: Instant(row.get(3)?),
        stage: Stage::from_word(row.get_ref(4)?.as_str()?),
        reason: row.get(5)?,
        ended_at: row.get::<_, Option<i64>>(6)?.map(Instant),
        held_out: row.get(7)?,
        place: row.get(8)?,
        arrived: row.get(9)?,
        since: Instant(row.get(10)?),
        wake: row.get::<_, Option<i64>>(11)?.map(Instant),
        round: row.get(12)?,
        round_began: Instant(row.get(13)?),
        arms: serde_json::from_str(&arms).unwrap_or_default(),
        goal: Goal::from_word(row.get_ref(15)?.as_str()?),
        goal_known: row.get(16)?,
        goal_at: row.get::<_, Option<i64>>(17)?.map(Instant),
        revision: row.get(18)?,
        rows: Vec::new(),
    })
}

/// One enrolment with the rows that started it.
pub fn load_enrolment(db: &Connection, id: i64) -> rusqlite::Result<Enrolment> {
    let sql = format!("SELECT patron, {ENROLMENT} FROM enrolment WHERE id = ?1");
    let mut found = db.prepare_cached(&sql)?.query_row([id], enrolment)?;
    let mut query =
        db.prepare_cached("SELECT event, event_row FROM occurrence WHERE enrolment = ?1 AND event IS NOT NULL")?;
    let rows = query.query_map([id], |row| Ok((row.get(0)?, RowId(row.get(1)?))))?;
    found.rows = rows.collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

/// The published journeys that run.
pub fn load_public(db: &Connection) -> rusqlite::Result<Vec<Enrolment>> {
    let sql =
        format!("SELECT patron, {ENROLMENT} FROM enrolment WHERE patron IS NULL AND state = 'running' ORDER BY id");
    db.prepare_cached(&sql)?.query_map([], enrolment)?.collect()
}

/// Inserts a new enrolment and sets its id.
pub fn insert_enrolment(db: &Connection, new: &mut Enrolment, key: &str, at: Instant) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO enrolment (campaign, patron, key, start, enrolled_at, revision, state, held_out, place, arrived, since, \
         wake, round, round_began, arms, goal, goal_known) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11, 0, ?10, '[]', ?12, ?13)",
    )?
    .execute(params![
        new.campaign,
        new.patron.map(|id| id.0),
        key,
        new.start.0,
        at.0,
        new.revision,
        new.stage.word(),
        new.held_out,
        new.place,
        new.since.0,
        new.wake.map(|at| at.0),
        new.goal.word(),
        new.goal_known,
    ])?;
    new.id = db.last_insert_rowid();
    Ok(())
}

/// Writes an enrolment back.
pub fn update_enrolment(db: &Connection, enrolment: &Enrolment) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE enrolment SET state = ?2, reason = ?3, ended_at = ?4, place = ?5, arrived = ?6, since = ?7, wake = ?8, \
         round = ?9, round_began = ?10, arms = ?11, goal = ?12, goal_known = ?13, goal_at = ?14, start = ?15 WHERE id = ?1",
    )?
    .execute(params![
        enrolment.id,
        enrolment.stage.word(),
        enrolment.reason,
        enrolment.ended_at.map(|at| at.0),
        enrolment.place,
        enrolment.arrived,
        enrolment.since.0,
        enrolment.wake.map(|at| at.0),
        enrolment.round,
        enrolment.round_began.0,
        serde_json::to_string(&enrolment.arms).expect("pairs of numbers are JSON"),
        enrolment.goal.word(),
        enrolment.goal_known,
        enrolment.goal_at.map(|at| at.0),
        enrolment.start.0,
    ])?;
    Ok(())
}

/// The start of the patron's last enrolment in a campaign that was not withdrawn.
pub fn last_start(db: &Connection, campaign: &str, patron: PatronId) -> rusqlite::Result<Option<Instant>> {
    let latest: Option<i64> = db
        .prepare_cached(
            "SELECT max(start) FROM enrolment WHERE patron = ?2 AND campaign = ?1 AND state <> 'withdrawn'",
        )?
        .query_row(params![campaign, patron.0], |row| row.get(0))?;
    Ok(latest.map(Instant))
}

/// Writes a membership.
pub fn set_membership(
    db: &Connection,
    patron: PatronId,
    campaign: &str,
    membership: &Membership,
) -> rusqlite::Result<()> {
    let value = match membership.value {
        Some(false) => 0,
        Some(true) => 1,
        None => 2,
    };
    db.prepare_cached("INSERT OR REPLACE INTO membership VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        patron.0,
        campaign,
        value,
        membership.known,
        membership.entries,
        membership.exits
    ])?;
    Ok(())
}

/// Writes the watched value of a field; unknown removes it.
pub fn set_watched(db: &Connection, patron: PatronId, campaign: &str, value: Option<&str>) -> rusqlite::Result<()> {
    match value {
        Some(value) => db
            .prepare_cached("INSERT OR REPLACE INTO watched VALUES (?1, ?2, ?3)")?
            .execute(params![patron.0, campaign, value])?,
        None => db
            .prepare_cached("DELETE FROM watched WHERE patron = ?1 AND campaign = ?2")?
            .execute(params![patron.0, campaign])?,
    };
    Ok(())
}

/// Writes a decided occurrence.
pub fn insert_occurrence(
    db: &Connection,
    patron: PatronId,
    campaign: &str,
    key: &str,
    decided: &Decided,
    now: Instant,
    reason: Option<&str>,
) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO occurrence VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?.execute(
        params![
            patron.0,
            campaign,
            key,
            decided.at.0,
            now.0,
            decided.row.as_ref().map(|(event, _)| event),
            decided.row.as_ref().map(|(_, row)| row.0),
            decided.date,
            decided.outcome.word(),
            reason,
            decided.enrolment,
        ],
    )?;
    Ok(())
}

/// Frees an occurrence key.
pub fn delete_occurrence(db: &Connection, patron: PatronId, campaign: &str, key: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM occurrence WHERE patron = ?1 AND campaign = ?2 AND key = ?3")?
        .execute(params![patron.0, campaign, key])?;
    Ok(())
}

/// Writes when the patron is to be looked at again.
pub fn set_due(db: &Connection, patron: PatronId, until: Option<Instant>) -> rusqlite::Result<()> {
    match until {
        Some(until) => db.prepare_cached("INSERT OR REPLACE INTO due VALUES (?1, ?2)")?.execute([patron.0, until.0])?,
        None => db.prepare_cached("DELETE FROM due WHERE patron = ?1")?.execute([patron.0])?,
    };
    Ok(())
}
