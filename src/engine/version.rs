//! Programs that changed under running enrolments.
//!
//! An enrolment goes on in the program that ticks wherever that keeps the place of its next step (places are contents,
//! see `journey`). Where it does not, the enrolment goes on in the version in which it started: the store keeps the
//! texts of every version that still has a running enrolment, and the caller compiles those that are asked for.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::engine::plan::Plan;
use crate::engine::state::{self, PatronState};
use crate::engine::tick::Tick;
use crate::engine::visit::Visit;
use crate::eval::{Interpreter, NEVER, World};
use crate::program::Program;
use crate::rule::PatronId;
use crate::store::{Needs, Store, StoreError};
use crate::time::Instant;

/// An earlier version of the program: all its sources, as paths and texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    pub revision: String,
    pub files: Vec<(PathBuf, Arc<str>)>,
}

/// The versions that running enrolments need because `plan` has not their next step, to be given to
/// [`Plan::with_older`].
///
/// # Errors
/// If the store cannot be read.
pub fn versions_needed(store: &Store, plan: &Plan<'_>) -> Result<Vec<Version>, StoreError> {
    let db = store.connection();
    let current = &*plan.program.revision;
    let mut kept = db.prepare_cached("SELECT revision, files FROM program_version WHERE revision <> ?1")?;
    let kept: Vec<(String, String)> =
        kept.query_map([current], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    let mut needed = Vec::new();
    let mut places = db.prepare_cached(
        "SELECT DISTINCT campaign, place FROM enrolment WHERE state IN ('gathering', 'running') AND revision = ?1",
    )?;
    for (revision, files) in kept {
        let rows = places.query_map([&revision], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let rows: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
        let is_missing = |(campaign, place): &(String, String)| {
            plan.find(campaign).is_some_and(|index| plan.campaigns[index].journey.find(place).is_none())
        };
        if rows.iter().any(is_missing) {
            let files: Vec<(PathBuf, Arc<str>)> = serde_json::from_str::<Vec<(PathBuf, String)>>(&files)
                .map(|files| files.into_iter().map(|(path, text)| (path, text.into())).collect())
                .unwrap_or_default();
            needed.push(Version { revision, files });
        }
    }
    Ok(needed)
}

/// Keeps the texts of a program in which an enrolment started.
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

/// Enrolments that go on in an earlier version: index of `Plan::older`, patron, enrolment.
pub(super) type Elsewhere = Vec<(usize, PatronId, i64)>;

/// Takes the due steps of the enrolments that go on in earlier versions.
pub(super) fn drive(tick: &mut Tick<'_>) -> Result<(), StoreError> {
    let mut elsewhere = std::mem::take(&mut tick.elsewhere);
    elsewhere.sort_unstable();
    let newer = tick.plan;
    for (index, older) in newer.older.iter().enumerate() {
        let those: Vec<(PatronId, i64)> =
            elsewhere.iter().filter(|(of, ..)| *of == index).map(|(_, patron, id)| (*patron, *id)).collect();
        if those.is_empty() {
            continue;
        }
        let reader = tick.transaction.reader_of(&older.program.catalogue)?;
        let tables = reader.tables()?;
        let world = World {
            catalogue: &older.program.catalogue,
            tables: &tables,
            zone: &older.program.library.zone,
            week_starts: older.program.library.week_starts,
        };
        let interpreter = RefCell::new(Interpreter::new(&older.rules, &world));
        let mut inner = Tick {
            transaction: tick.transaction,
            plan: older,
            lists: tick.lists,
            interpreter: &interpreter,
            suppressed: tick.suppressed,
            draws: tick.draws,
            now: tick.now,
            watches: Vec::new(),
            elsewhere: Vec::new(),
            report: std::mem::take(&mut tick.report),
        };
        let needs = Needs::everything(&older.program.catalogue);
        for (patron, id) in those {
            let Some(facts) = reader.facts(patron, &needs)? else { continue };
            let enrolments = vec![state::load_enrolment(inner.db(), id)?];
            let state = PatronState { enrolments, ..PatronState::default() };
            let mut visit = Visit { tick: &mut inner, facts, state, until: NEVER };
            visit.journeys()?;
            let until = visit.until;
            lower_due(inner.db(), patron, until)?;
        }
        tick.report = inner.report;
    }
    Ok(())
}

fn lower_due(db: &Connection, patron: PatronId, until: Instant) -> rusqlite::Result<()> {
    if until == NEVER {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO due VALUES (?1, ?2) ON CONFLICT (patron) DO UPDATE SET until = min(until, excluded.until)",
    )?
    .execute([patron.0, until.0])?;
    Ok(())
}
