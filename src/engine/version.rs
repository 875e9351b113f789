//! Programs that changed under running enrolments.
//!
//! An enrolment goes on in the program that ticks wherever that keeps the place of its next step (places are contents,
//! see `journey`). Where it does not, the enrolment goes on in the version that its place is of, in which it started or of
//! which it took the last step: the store keeps the texts of every version that still has a running enrolment, and the
//! caller compiles those that are asked for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, params};
use serde::Serialize;

use crate::engine::journey::Journey;
use crate::engine::lately;
use crate::engine::plan::Plan;
use crate::engine::state::{self, Enrolment, PatronState};
use crate::engine::tick::Tick;
use crate::engine::visit::Visit;
use crate::eval::{Interpreter, NEVER, World};
use crate::program::{Program, Together};
use crate::rule::{Facts, PatronId};
use crate::store::{Needs, Reader, Store, StoreError};
use crate::time::Instant;

/// An earlier version of the program: all its sources, as paths and texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    pub revision: String,
    pub files: Vec<(PathBuf, Arc<str>)>,
    /// Campaigns that were given another name since: the old one and the new one, in order.
    pub renamed: Vec<(String, String)>,
}

/// The versions that running enrolments need because `plan` has not their next step, to be given to
/// [`Plan::with_older`].
///
/// # Errors
/// If the store cannot be read.
pub fn versions_needed(store: &Store, plan: &Plan<'_>) -> Result<Vec<Version>, StoreError> {
    let running = running(store.connection())?;
    let is_missing = |of: &Running| {
        plan.find(&of.campaign).is_some_and(|index| plan.campaigns[index].journey.find(&of.place).is_none())
    };
    kept(store.connection(), plan, |revision| running.iter().any(|of| of.revision == revision && is_missing(of)))
}

/// All versions other than that of `plan` in which an enrolment that runs began: with them as its older ones
/// ([`Plan::with_older`]), a plan can tell what an edit means for each ([`affected`]).
///
/// # Errors
/// If the store cannot be read.
pub fn versions_running(store: &Store, plan: &Plan<'_>) -> Result<Vec<Version>, StoreError> {
    kept(store.connection(), plan, |_| true)
}

/// What an edit means for the enrolments of one campaign that run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Affected {
    /// All that run, in whatever version they are.
    pub running: u64,
    /// Were under other steps, and go on under the present ones.
    pub go_on_here: u64,
    /// Go on in the version in which they are, until they come to a step that this one has.
    pub go_on_before: u64,
    /// End at the next tick: this version has not their next step, and the one in which they are no longer compiles.
    pub end: u64,
    /// Stand still: the campaign is not in the program, or is a draft.
    pub stand_still: u64,
    /// For how many of those that go on here, now or later, a step that sends (`send hello`) may still have come, and now
    /// stands where they do not come by.
    pub passed_by: BTreeMap<String, u64>,
    /// Gathered several rows, and what is to be sent now tells of one alone, as the campaign no longer gathers.
    pub cut_short: u64,
}

impl Affected {
    /// Whether the edit changes anything for one of them.
    pub fn is_any(&self) -> bool {
        self.go_on_here + self.go_on_before + self.end + self.stand_still + self.cut_short > 0
    }

    /// So many do not come by steps any more: by all that one of the ways passes by.
    fn pass_by(&mut self, ways: impl IntoIterator<Item = BTreeSet<String>>, count: u64) {
        let steps: BTreeSet<String> = ways.into_iter().flatten().collect();
        steps.into_iter().for_each(|step| *self.passed_by.entry(step).or_default() += count);
    }
}

/// What the step from earlier versions to that of `plan` means for the enrolments that run, by campaign. The older
/// versions of `plan` are those of [`versions_running`] that still compile.
///
/// # Errors
/// If the store cannot be read.
pub fn affected(store: &Store, plan: &Plan<'_>) -> Result<BTreeMap<String, Affected>, StoreError> {
    let mut found: BTreeMap<String, Affected> = BTreeMap::new();
    for of in running(store.connection())? {
        let affected = found.entry(of.campaign.clone()).or_default();
        affected.running += of.count;
        let Some(index) = plan.find(&of.campaign) else {
            affected.stand_still += of.count;
            continue;
        };
        let journey = &plan.campaigns[index].journey;
        let began_in = (plan.older.iter())
            .filter(|older| *older.program.revision == *of.revision)
            .find_map(|older| Some(&older.campaigns[older.find(&of.campaign)?].journey));
        let is_edited = *plan.program.revision != *of.revision && began_in.is_none_or(|older| !older.is_like(journey));
        if let Some(at) = journey.find(&of.place) {
            if !is_edited {
                continue;
            }
            affected.go_on_here += of.count;
            let was = began_in.and_then(|older| Some((older, older.find(&of.place)?)));
            affected.pass_by(was.map(|(older, was)| passed_by(older, was, journey, at)), of.count);
        } else if let Some((older, was)) = began_in.and_then(|older| Some((older, older.find(&of.place)?))) {
            affected.go_on_before += of.count;
            let steps = older.leads_to(was, journey).into_iter();
            affected.pass_by(steps.map(|(was, at)| passed_by(older, was, journey, at)), of.count);
        } else {
            affected.end += of.count;
        }
    }
    for (campaign, count) in gathered(store.connection())? {
        let starts_alone = |index: usize| plan.campaigns[index].start.together() == Together::No;
        if plan.find(&campaign).is_some_and(starts_alone) {
            found.entry(campaign).or_default().cut_short = count;
        }
    }
    Ok(found)
}

/// The steps that send which are still to come in `older` from `was` on, and stand in `newer`, but not from `at` on.
fn passed_by(older: &Journey<'_>, was: usize, newer: &Journey<'_>, at: usize) -> BTreeSet<String> {
    let (everywhere, ahead) = (newer.sends(0), newer.sends(at));
    let sends = older.sends(was).into_iter();
    sends.filter(|step| everywhere.contains(step) && !ahead.contains(step)).map(str::to_owned).collect()
}

/// By campaign how many enrolments gathered several rows and have something to send still.
fn gathered(db: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut query = db.prepare_cached(
        "SELECT campaign, count(*) FROM enrolment AS e WHERE (state IN ('gathering', 'running') \
         OR EXISTS (SELECT 1 FROM outbox WHERE enrolment = e.id AND state = 'queued')) \
         AND (SELECT count(*) FROM occurrence WHERE enrolment = e.id) > 1 GROUP BY campaign",
    )?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
    rows.collect()
}

/// Enrolments that run, of one campaign, at one place, begun in one version.
struct Running {
    campaign: String,
    place: String,
    revision: String,
    count: u64,
}

fn running(db: &Connection) -> rusqlite::Result<Vec<Running>> {
    let mut query = db.prepare_cached(
        "SELECT campaign, place, revision, count(*) FROM enrolment WHERE state IN ('gathering', 'running') \
         GROUP BY campaign, place, revision",
    )?;
    let rows = query.query_map([], |row| {
        let count: i64 = row.get(3)?;
        Ok(Running { campaign: row.get(0)?, place: row.get(1)?, revision: row.get(2)?, count: count as u64 })
    })?;
    rows.collect()
}

/// The versions other than that of `plan` whose texts are kept and that are `wanted`.
fn kept(db: &Connection, plan: &Plan<'_>, wanted: impl Fn(&str) -> bool) -> Result<Vec<Version>, StoreError> {
    let current = &*plan.program.revision;
    let mut query = db.prepare_cached("SELECT revision, files, renamed FROM program_version WHERE revision <> ?1")?;
    let mut rows = query.query([current])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        let revision: String = row.get(0)?;
        if wanted(&revision) {
            let (files, renamed): (String, String) = (row.get(1)?, row.get(2)?);
            let files: Vec<(PathBuf, String)> = serde_json::from_str(&files).unwrap_or_default();
            let files = files.into_iter().map(|(path, text)| (path, text.into())).collect();
            let renamed = serde_json::from_str(&renamed).unwrap_or_default();
            versions.push(Version { revision, files, renamed });
        }
    }
    Ok(versions)
}

/// Keeps the texts of a program at a place of which an enrolment waits.
pub(super) fn keep(db: &Connection, program: &Program) -> rusqlite::Result<()> {
    let known: bool = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM program_version WHERE revision = ?1)")?
        .query_row([&*program.revision], |row| row.get(0))?;
    if known {
        return Ok(());
    }
    let files: Vec<(String, &str)> =
        (program.sources.iter()).map(|(_, file)| (file.path.to_string_lossy().into_owned(), &*file.text)).collect();
    let files = serde_json::to_string(&files).expect("pairs of texts are JSON");
    db.execute("INSERT INTO program_version (revision, files) VALUES (?1, ?2)", params![&*program.revision, files])?;
    Ok(())
}

/// Forgets the versions in which nothing runs any more.
pub(super) fn forget(db: &Connection) -> rusqlite::Result<()> {
    db.execute(
        "DELETE FROM program_version WHERE revision NOT IN \
         (SELECT revision FROM enrolment WHERE state IN ('gathering', 'running'))",
        (),
    )?;
    Ok(())
}

/// Enrolments that go on in an earlier version: index of `Plan::older`, patron (nobody of what is published), enrolment.
pub(super) type Elsewhere = Vec<(usize, Option<PatronId>, i64)>;

/// Takes the due steps of the enrolments that go on in earlier versions, and in this one those that such an enrolment
/// comes to.
pub(super) fn drive(tick: &mut Tick<'_>) -> Result<(), StoreError> {
    while !tick.elsewhere.is_empty() {
        let mut elsewhere = std::mem::take(&mut tick.elsewhere);
        elsewhere.sort_unstable();
        let mut came_here = Vec::new();
        for (index, older) in tick.plan.older.iter().enumerate() {
            let those: Vec<(Option<PatronId>, i64)> =
                elsewhere.iter().filter(|(of, ..)| *of == index).map(|(_, patron, id)| (*patron, *id)).collect();
            if those.is_empty() {
                continue;
            }
            let reader = tick.transaction.reader_of(&older.program.catalogue)?;
            let tables = reader.tables()?;
            let world = World::of(older.program, &tables);
            let interpreter = RefCell::new(Interpreter::new(&older.rules, &world));
            let mut inner = Tick {
                transaction: tick.transaction,
                plan: older,
                newest: Some(tick.plan),
                world,
                lists: tick.lists,
                interpreter: &interpreter,
                suppressed: tick.suppressed,
                draws: tick.draws,
                now: tick.now,
                table: tick.table,
                watches: Vec::new(),
                elsewhere: Vec::new(),
                has_gone_on: false,
                report: std::mem::take(&mut tick.report),
            };
            for (patron, id) in those {
                let left = go_on(&mut inner, &reader, patron, id)?;
                came_here.extend(left.filter(|enrolment| inner.is_left(enrolment)).map(|_| (patron, id)));
            }
            tick.report = inner.report;
        }
        let reader = tick.transaction.reader();
        for (patron, id) in came_here {
            go_on(tick, &reader, patron, id)?;
        }
    }
    Ok(())
}

/// Takes the due steps of one enrolment. How it then stands; `None`: its patron is no longer there.
fn go_on(
    tick: &mut Tick<'_>,
    reader: &Reader<'_>,
    patron: Option<PatronId>,
    id: i64,
) -> Result<Option<Enrolment>, StoreError> {
    let catalogue = &tick.plan.program.catalogue;
    let facts = match patron {
        Some(patron) => reader.facts(patron, &Needs::everything(catalogue))?,
        None => Some(Facts::empty(catalogue, PatronId(0))),
    };
    let Some(facts) = facts else { return Ok(None) };
    let enrolments = vec![state::load_enrolment(tick.db(), id)?];
    let state = PatronState { enrolments, ..PatronState::default() };
    let mut visit = Visit::new(tick, facts, state, NEVER);
    visit.journeys()?;
    visit.flush()?;
    if let Some(patron) = patron {
        lower_due(visit.tick, patron, visit.until)?;
    }
    Ok(visit.state.enrolments.pop())
}

fn lower_due(tick: &Tick<'_>, patron: PatronId, until: Instant) -> rusqlite::Result<()> {
    if until == NEVER {
        return Ok(());
    }
    let (known, memberships) = lately::read(tick.db(), patron)?.unwrap_or_default();
    lately::write(tick.db(), tick.table, patron, known.into_iter().chain([until]).min(), &memberships)
}
