//! What the engine remembers of a patron, read from and written to the store's engine tables.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::engine::share::ShareKey;
use crate::engine::standing::{self, CampaignNumber, Memberships};
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
    /// The version of the program.
    pub revision: String,
    pub key: ShareKey,
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

/// What of an enrolment the store does not have yet.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum Unwritten {
    #[default]
    Nothing,
    Changes,
    /// All of it, and the occurrences with these keys; the first is its own.
    All(Vec<String>),
}

impl Unwritten {
    /// It is another now.
    pub fn change(&mut self) {
        if *self == Unwritten::Nothing {
            *self = Unwritten::Changes;
        }
    }
}

/// A journey of a patron, or of nobody (published).
#[derive(Clone, PartialEq, Debug)]
pub struct Enrolment {
    pub id: i64,
    pub campaign: String,
    pub patron: Option<PatronId>,
    /// The version of the program that its place is of.
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
    /// The splits that it has come to and the arms that it took.
    pub arms: Vec<Taken>,
    pub goal: Goal,
    pub goal_known: bool,
    pub goal_at: Option<Instant>,
    /// The rows that started it, by event name.
    pub rows: Vec<(String, RowId)>,
    pub unwritten: Unwritten,
}

impl Enrolment {
    /// Whether all that it is about is another patron's now.
    pub fn has_passed(&self) -> bool {
        self.rows.iter().all(|(_, row)| *row == RowId::GONE)
    }

    /// Ends it, before its last step for a reason, if it goes on.
    pub fn end(&mut self, reason: Option<&str>, now: Instant) {
        if matches!(self.stage, Stage::Running | Stage::Gathering) {
            self.stage = Stage::Ended;
            self.reason = reason.map(str::to_owned);
            self.ended_at = Some(now);
        }
    }
}

/// An arm that was taken of a split.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// By name (`SplitNames`); in older stores by its number in the text: `0`.
    pub split: String,
    /// Counted from 0.
    pub arm: usize,
    /// When it was taken first; `None` in older stores.
    pub at: Option<Instant>,
}

impl Taken {
    /// As the store has them: `["colour", 1, 1700000000000000]`, in older ones without the instant.
    pub fn read(json: &str) -> Vec<Taken> {
        let all: Vec<Vec<serde_json::Value>> = serde_json::from_str(json).unwrap_or_default();
        let taken = |of: Vec<serde_json::Value>| {
            let split = of.first()?;
            Some(Taken {
                split: split.as_str().map_or_else(|| split.to_string(), str::to_owned),
                arm: usize::try_from(of.get(1)?.as_u64()?).ok()?,
                at: of.get(2).and_then(serde_json::Value::as_i64).map(Instant),
            })
        };
        all.into_iter().filter_map(taken).collect()
    }

    fn written(all: &[Taken]) -> String {
        let all: Vec<_> = all.iter().map(|of| (&of.split, of.arm, of.at.map(|at| at.0))).collect();
        serde_json::to_string(&all).expect("words and numbers are JSON")
    }
}

/// Everything of one patron.
#[derive(Clone, Default, Debug)]
pub struct PatronState {
    pub memberships: Memberships,
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
    let mut query =
        db.prepare_cached("SELECT ticked_at, change, event_row, share_key, campaigns, revision FROM engine_clock")?;
    query
        .query_row([], |row| {
            Ok(Clock {
                ticked_at: Instant(row.get(0)?),
                change: row.get(1)?,
                event_row: RowId(row.get(2)?),
                campaigns: row.get_ref(4)?.as_str()?.split_whitespace().map(str::to_owned).collect(),
                revision: row.get(5)?,
                key: ShareKey(row.get(3)?),
            })
        })
        .optional()
}

/// Writes the last tick.
pub fn set_clock(db: &Connection, clock: &Clock) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO engine_clock VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        clock.ticked_at.0,
        clock.change,
        clock.event_row.0,
        written(&clock.campaigns),
        clock.revision,
        clock.key.0
    ])?;
    Ok(())
}

/// Writes which campaigns took part in the last tick.
pub fn set_campaigns(db: &Connection, campaigns: &BTreeSet<String>) -> rusqlite::Result<()> {
    db.execute("UPDATE engine_clock SET campaigns = ?1", [written(campaigns)])?;
    Ok(())
}

fn written(campaigns: &BTreeSet<String>) -> String {
    campaigns.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// What the store knows of a campaign's first tick.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CampaignState {
    pub number: CampaignNumber,
    pub start: String,
    pub baseline_at: Instant,
}

/// The campaign's state, if it ever ticked.
pub fn campaign(db: &Connection, name: &str) -> rusqlite::Result<Option<CampaignState>> {
    db.prepare_cached("SELECT number, start, baseline_at FROM campaign_state WHERE campaign = ?1")?
        .query_row([name], |row| {
            let number = CampaignNumber(row.get(0)?);
            Ok(CampaignState { number, start: row.get(1)?, baseline_at: Instant(row.get(2)?) })
        })
        .optional()
}

/// The name of a campaign that ticked.
pub fn campaign_name(db: &Connection, number: CampaignNumber) -> rusqlite::Result<String> {
    db.prepare_cached("SELECT campaign FROM campaign_state WHERE number = ?1")?.query_row([number.0], |row| row.get(0))
}

/// Writes the baseline of a campaign whose start means what this fingerprint says. Gives its number.
pub fn set_baseline(db: &Connection, name: &str, start: &str, at: Instant) -> rusqlite::Result<CampaignNumber> {
    let sql = "INSERT INTO campaign_state (campaign, start, baseline_at) VALUES (?1, ?2, ?3)
               ON CONFLICT (campaign) DO UPDATE SET start = excluded.start, baseline_at = excluded.baseline_at
               RETURNING number";
    db.prepare_cached(sql)?.query_row(params![name, start, at.0], |row| row.get(0).map(CampaignNumber))
}

/// What of a patron's state is read, besides memberships, open enrolments and the next look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reads {
    pub watched: bool,
    pub occurrences: bool,
}

/// Reads one row into a patron's state.
type Reading<'r> = dyn FnMut(&mut PatronState, &Row<'_>) -> rusqlite::Result<()> + 'r;

/// The state of each patron; they come in order of id.
pub fn load(db: &Connection, patrons: &[PatronId], reads: Reads) -> rusqlite::Result<Vec<PatronState>> {
    let mut states: Vec<PatronState> = patrons.iter().map(|_| PatronState::default()).collect();
    let ids: Vec<i64> = patrons.iter().map(|patron| patron.0).collect();
    let chosen = serde_json::to_string(&ids).expect("numbers are JSON");
    let mut query = db.prepare_cached(
        "SELECT chosen.value, coalesce(lately.campaigns, whole.campaigns), iif(lately.patron IS NULL, whole.until, lately.until) \
         FROM json_each(?1) AS chosen LEFT JOIN standing_lately AS lately ON lately.patron = chosen.value \
         LEFT JOIN standing AS whole ON whole.patron = chosen.value AND lately.patron IS NULL",
    )?;
    let mut rows = query.query([&chosen])?;
    while let Some(row) = rows.next()? {
        let state = &mut states[ids.binary_search(&row.get(0)?).expect("only chosen patrons are selected")];
        state.memberships = row.get_ref(1)?.as_str_or_null()?.map(standing::read).unwrap_or_default();
        state.until = row.get::<_, Option<i64>>(2)?.map(Instant);
    }
    let mut each = |columns: &str, table: &str, read: &mut Reading<'_>| -> rusqlite::Result<()> {
        let from = "FROM json_each(?1) AS chosen CROSS JOIN";
        let sql = format!("SELECT of.patron, {columns} {from} {table} AS of ON of.patron = chosen.value");
        let mut query = db.prepare_cached(&sql)?;
        let mut rows = query.query([&chosen])?;
        while let Some(row) = rows.next()? {
            let place = ids.binary_search(&row.get(0)?).expect("only chosen patrons are selected");
            read(&mut states[place], row)?;
        }
        Ok(())
    };
    if reads.watched {
        each("campaign, of.value", "watched", &mut |state, row| {
            state.watched.insert(row.get(1)?, row.get(2)?);
            Ok(())
        })?;
    }
    if reads.occurrences {
        let columns = "campaign, of.key, at, event, event_row, date, outcome, enrolment";
        each(columns, "occurrence", &mut |state, row| {
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
    }
    let sql = format!(
        "SELECT patron, {ENROLMENT} FROM (SELECT value FROM json_each(?1)) CROSS JOIN enrolment ON patron = value \
         AND (state IN ('gathering', 'running') OR goal = 'open') ORDER BY id"
    );
    let mut query = db.prepare_cached(&sql)?;
    let mut rows = query.query([&chosen])?;
    while let Some(row) = rows.next()? {
        let place = ids.binary_search(&row.get(0)?).expect("only chosen patrons are selected");
        states[place].enrolments.push(enrolment(row)?);
    }
    for state in &mut states {
        for enrolment in &mut state.enrolments {
            let rows = state.occurrences.values();
            enrolment.rows = rows.filter(|o| o.enrolment == Some(enrolment.id)).filter_map(|o| o.row.clone()).collect();
        }
    }
    Ok(states)
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
        arms: Taken::read(&arms),
        goal: Goal::from_word(row.get_ref(15)?.as_str()?),
        goal_known: row.get(16)?,
        goal_at: row.get::<_, Option<i64>>(17)?.map(Instant),
        revision: row.get(18)?,
        rows: Vec::new(),
        unwritten: Unwritten::Nothing,
    })
}

/// The patrons of enrolments that run, or whose goal is open.
pub fn enrolled(db: &Connection) -> rusqlite::Result<Vec<PatronId>> {
    let sql = "SELECT DISTINCT patron FROM enrolment \
               WHERE (state IN ('gathering', 'running') OR goal = 'open') AND patron IS NOT NULL";
    db.prepare_cached(sql)?.query_map((), |row| row.get(0).map(PatronId))?.collect()
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
        "INSERT INTO enrolment (campaign, patron, key, enrolled_at, held_out, state, reason, ended_at, place, arrived, since, \
         wake, round, round_began, arms, goal, goal_known, goal_at, start, revision) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
    )?
    .execute(params![
        new.campaign,
        new.patron.map(|id| id.0),
        key,
        at.0,
        new.held_out,
        new.stage.word(),
        new.reason,
        new.ended_at.map(|at| at.0),
        new.place,
        new.arrived,
        new.since.0,
        new.wake.map(|at| at.0),
        new.round,
        new.round_began.0,
        Taken::written(&new.arms),
        new.goal.word(),
        new.goal_known,
        new.goal_at.map(|at| at.0),
        new.start.0,
        new.revision,
    ])?;
    new.id = db.last_insert_rowid();
    Ok(())
}

/// Writes an enrolment back.
pub fn update_enrolment(db: &Connection, enrolment: &Enrolment) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE enrolment SET state = ?2, reason = ?3, ended_at = ?4, place = ?5, arrived = ?6, since = ?7, wake = ?8, \
         round = ?9, round_began = ?10, arms = ?11, goal = ?12, goal_known = ?13, goal_at = ?14, start = ?15, revision = ?16 WHERE id = ?1",
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
        Taken::written(&enrolment.arms),
        enrolment.goal.word(),
        enrolment.goal_known,
        enrolment.goal_at.map(|at| at.0),
        enrolment.start.0,
        enrolment.revision,
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
