//! The tick: everything that is to be decided at one instant, in one transaction.
//!
//! It costs what changed: the patrons whom the change log names since the last tick, for something that a rule or a start
//! reads, and those whose `until` has come; all of them only for a campaign's first tick and when a schedule falls due. A crash leaves the store as if the tick had
//! not begun, and a second tick at the same instant finds nothing to do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use rusqlite::Connection;

use crate::catalogue::{Catalogue, ListId};
use crate::engine::draws::Draws;
use crate::engine::lately::{self, Table};
use crate::engine::occurrence::Watch;
use crate::engine::plan::Plan;
use crate::engine::rename::{self, Newcomer};
use crate::engine::screen::{self, Look, Screen};
use crate::engine::state::{self, Clock, Enrolment, PatronState, Stage};
use crate::engine::version::{self, Elsewhere};
use crate::engine::visit::{Seen, Visit};
use crate::engine::{public, share::ShareKey};
use crate::eval::{Interpreter, World};
use crate::limits;
use crate::rule::{PatronId, RowId, Tables};
use crate::store::snapshot::Chosen;
use crate::store::{Reader, Store, StoreError, SuppressionList, Transaction};
use crate::time::{Instant, Zone};

/// Patrons whose state is read at once.
const BATCH: usize = 256;

/// What a tick decided.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TickReport {
    /// Patrons that were looked at.
    pub patrons: usize,
    /// By campaign, those for which something was decided.
    pub campaigns: BTreeMap<String, Counts>,
}

/// What a tick decided for one campaign.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// It took the baseline: what was true or due already does not fire.
    pub is_baseline: bool,
    /// What its start means was edited since the last tick.
    pub is_edited: bool,
    pub enrolled: usize,
    /// Occurrences that did not enrol because of `again` or a running enrolment.
    pub skipped: usize,
    /// Enrolments whose date moved before anything was sent.
    pub withdrawn: usize,
    /// Enrolments that ended.
    pub ended: usize,
    /// Messages and published items put into the outbox.
    pub queued: usize,
    /// Messages that reach nobody: held out, unreachable, or about something that is no longer so.
    pub dropped: usize,
}

/// Why a tick did not happen. The store is as it was.
#[derive(Debug)]
pub enum TickError {
    /// The clock went back.
    ClockWentBack {
        last: Instant,
        now: Instant,
        zone: Zone,
    },
    /// The clock is so far ahead that it is probably wrong.
    ClockJumped {
        last: Instant,
        now: Instant,
        zone: Zone,
        /// Days that are believed.
        largest_gap: i64,
    },
    /// A campaign would start again whom it started under another name.
    Renamed {
        name: String,
        newcomer: Newcomer,
    },
    Store(StoreError),
}

impl fmt::Display for TickError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = |at: &Instant, zone: &Zone| zone.civil(*at).strftime("%Y-%m-%d %H:%M:%S").to_string();
        match self {
            TickError::ClockWentBack { last, now, zone } => write!(
                f,
                "the clock went back: the last tick was at {}, it is now {} ({}); nothing was done",
                local(last, zone),
                local(now, zone),
                zone.name()
            ),
            TickError::ClockJumped { last, now, zone, largest_gap } => write!(
                f,
                "the clock says {} ({}), and the last tick was at {}, more than {largest_gap} days before; nothing was \
                 done. If the clock is right and Bookmobile was not run for so long, say --after-outage",
                local(now, zone),
                zone.name(),
                local(last, zone)
            ),
            TickError::Renamed { name, newcomer: Newcomer { before, started, .. } } => write!(
                f,
                "the campaign `{name}` is new, takes current members, and starts like `{before}`, which has left the \
                 program and has started {started} patrons: those of them who are still in would get everything again; \
                 nothing was done. If `{name}` is its new name, say `bookmobile rename {before} {name}`; if it is to \
                 begin anew with everybody, tick with --as-new {name}"
            ),
            TickError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TickError {}

impl From<StoreError> for TickError {
    fn from(error: StoreError) -> TickError {
        TickError::Store(error)
    }
}

impl From<rusqlite::Error> for TickError {
    fn from(error: rusqlite::Error) -> TickError {
        TickError::Store(error.into())
    }
}

/// A tick under way.
pub struct Tick<'a> {
    pub transaction: &'a Transaction<'a>,
    pub plan: &'a Plan<'a>,
    /// The version that ticks, if `plan` is an earlier one.
    pub newest: Option<&'a Plan<'a>>,
    /// The catalogue that the store is aligned to; `plan` may be an earlier version.
    pub lists: &'a Catalogue,
    pub world: World<'a>,
    pub interpreter: &'a RefCell<Interpreter<'a>>,
    pub suppressed: &'a SuppressionList,
    pub draws: &'a Draws,
    pub now: Instant,
    /// Where it writes where patrons stand.
    pub table: Table,
    /// By index of the plan's campaigns.
    pub watches: Vec<Watch>,
    /// Enrolments that go on in an earlier version.
    pub elsewhere: Elsewhere,
    /// An enrolment waits at a place of this version.
    pub has_gone_on: bool,
    pub report: TickReport,
}

impl<'a> Tick<'a> {
    /// The connection inside the transaction.
    pub(super) fn db(&self) -> &'a Connection {
        self.transaction.connection()
    }

    /// Whether an enrolment has come to a step from which it goes on in the version that ticks, as this one is earlier.
    pub(super) fn is_left(&self, enrolment: &Enrolment) -> bool {
        let is_between = enrolment.stage == Stage::Running && !enrolment.arrived;
        is_between && self.newest.is_some_and(|newest| newest.has(&enrolment.campaign, &enrolment.place))
    }

    /// Counts something for a campaign.
    pub(super) fn count(&mut self, index: usize, add: impl FnOnce(&mut Counts)) {
        add(self.report.campaigns.entry(self.plan.campaigns[index].name().to_owned()).or_default());
    }

    /// Puts a patron on a list or takes them off.
    pub(super) fn set_member(&mut self, list: ListId, patron: PatronId, add: bool) -> Result<(), StoreError> {
        let name = self.plan.program.catalogue.lists[list.index()].name;
        if let Some(list) = self.lists.list_named(name) {
            self.transaction.writer(&self.plan.program.library.zone, self.now).member(patron, list, add)?;
        }
        Ok(())
    }
}

/// Decides everything that is due at `now`. `draws`: the store's key, or what a test says.
///
/// # Errors
/// If the clock went back, or the store cannot be read or written; then nothing happened.
pub fn tick(store: &mut Store, plan: &Plan<'_>, now: Instant, draws: Option<&Draws>) -> Result<TickReport, TickError> {
    let transaction = store.begin()?;
    let report = decide(&transaction, plan, now, draws)?;
    transaction.commit()?;
    Ok(report)
}

fn decide(
    transaction: &Transaction<'_>,
    plan: &Plan<'_>,
    now: Instant,
    draws: Option<&Draws>,
) -> Result<TickReport, TickError> {
    let db = transaction.connection();
    let reader = transaction.reader();
    let before = state::clock(db)?;
    let zone = &plan.program.library.zone;
    let now = before.as_ref().map_or(Ok(now), |clock| believe(clock.ticked_at, now, zone, plan.largest_gap))?;
    if let Some(as_new) = &plan.as_new {
        let doubted = |(name, newcomer): &(String, Newcomer)| {
            newcomer.starts_current && newcomer.started > 0 && !as_new.contains(name)
        };
        if let Some((name, newcomer)) = rename::found(db, plan)?.into_iter().find(doubted) {
            return Err(TickError::Renamed { name, newcomer });
        }
    }
    let begins_a_day = before.as_ref().is_none_or(|clock| zone.day(clock.ticked_at) != zone.day(now));
    if begins_a_day {
        // Before anything is decided, so that nothing hangs on what is gone afterwards.
        transaction.writer(zone, now).purge()?;
    }
    let key = match &before {
        Some(clock) => clock.key,
        None => ShareKey(db.query_row("SELECT randomblob(16)", [], |row| row.get(0))?),
    };
    let mut watches = watches(db, plan, before.as_ref(), now)?;
    for (watch, running) in watches.iter_mut().zip(&plan.campaigns).filter(|(watch, _)| watch.is_baseline) {
        watch.number = state::set_baseline(db, running.name(), &running.fingerprints[0], watch.baseline_at)?;
    }
    let work = work(transaction, plan, &watches, before.as_ref(), now)?;
    let table = lately::prepare(db, work.len(), reader.newest_patron()?, begins_a_day)?;
    let keyed = Draws::Keyed(key);
    let tables = if work.is_empty() { Tables::default() } else { reader.tables()? };
    let world = World::of(plan.program, &tables);
    let interpreter = RefCell::new(Interpreter::new(&plan.rules, &world));
    let suppressed = reader.suppression_list()?;
    let draws = draws.unwrap_or(&keyed);
    let report = TickReport::default();
    let mut tick = Tick {
        transaction,
        plan,
        newest: None,
        lists: &plan.program.catalogue,
        world,
        interpreter: &interpreter,
        suppressed: &suppressed,
        draws,
        now,
        table,
        watches,
        elsewhere: Vec::new(),
        has_gone_on: false,
        report,
    };
    for index in 0..plan.campaigns.len() {
        let Watch { is_baseline, is_edited, .. } = tick.watches[index];
        if is_baseline || is_edited {
            tick.count(index, |counts| (counts.is_baseline, counts.is_edited) = (is_baseline, is_edited));
        }
    }
    public::run(&mut tick)?;
    visit(&mut tick, &work, before.as_ref().map_or(0, |clock| clock.change))?;
    version::drive(&mut tick)?;
    if tick.has_gone_on {
        version::keep(db, plan.program)?;
    }
    if begins_a_day {
        version::forget(db)?;
    }
    let after = Clock {
        ticked_at: now,
        // What the tick itself changed (lists) is followed up by `due`, at a later instant.
        change: reader.newest_change()?,
        event_row: reader.newest_row()?,
        campaigns: plan.campaigns.iter().map(|running| running.name().to_owned()).collect(),
        revision: plan.program.revision.to_string(),
        key,
    };
    state::set_clock(db, &after)?;
    Ok(tick.report)
}

/// A patron whom a tick looks at.
pub(super) struct Looked {
    pub chosen: Chosen,
    /// Their data changed, or their `until` has come.
    pub is_touched: bool,
}

/// Whom a tick looks at, in order of id.
fn work(
    transaction: &Transaction<'_>,
    plan: &Plan<'_>,
    watches: &[Watch],
    before: Option<&Clock>,
    now: Instant,
) -> Result<Vec<Looked>, TickError> {
    let reader = transaction.reader();
    let concerns_all =
        watches.iter().zip(&plan.campaigns).any(|(watch, running)| !running.is_public() && watch.looks_at_all());
    let touched = touched(&reader, transaction.connection(), before, plan, now)?;
    let everybody = touched.everybody;
    let looked = |chosen: Chosen, is_touched: bool| Looked { chosen, is_touched: is_touched || everybody };
    let mut patrons = touched.patrons.into_iter().peekable();
    if !concerns_all && !everybody {
        return Ok(patrons.map(|chosen| looked(chosen, true)).collect());
    }
    let all = reader.patrons()?.into_iter();
    let all = all.map(|patron| match patrons.next_if(|chosen| chosen.patron == patron) {
        Some(chosen) => looked(chosen, true),
        None => looked(Chosen { patron, change: None }, false),
    });
    Ok(all.collect())
}

/// Who changed since the last tick in something that bears on a decision, whose `until` has come, or who are enrolled and
/// the program was edited.
pub(super) struct Touched {
    /// In order of id.
    pub patrons: Vec<Chosen>,
    /// Everybody, as a reference table changed.
    pub everybody: bool,
}

pub(super) fn touched(
    reader: &Reader<'_>,
    db: &Connection,
    before: Option<&Clock>,
    plan: &Plan<'_>,
    now: Instant,
) -> Result<Touched, StoreError> {
    let changes = reader.changes_since(before.map_or(0, |clock| clock.change))?;
    let due = lately::due(db, before.map(|clock| clock.ticked_at), now)?;
    let heeded = changes.patrons.into_iter().filter(|change| plan.heeds(change));
    let mut patrons: Vec<Chosen> =
        heeded.map(|change| Chosen { patron: change.patron, change: Some(change) }).collect();
    patrons.extend(due.into_iter().map(|patron| Chosen { patron, change: None }));
    if before.is_some_and(|clock| clock.revision != *plan.program.revision) {
        // When to look at them was said by another version: the time of a goal may be shorter now.
        patrons.extend(state::enrolled(db)?.into_iter().map(|patron| Chosen { patron, change: None }));
    }
    // Those with a change before those without, of whom one is enough.
    patrons.sort_by_key(|chosen| (chosen.patron, chosen.change.is_none()));
    patrons.dedup_by_key(|chosen| chosen.patron);
    Ok(Touched { patrons, everybody: changes.everybody })
}

/// Visits the patrons of the work list, in their order. Their changes are known from the entry `since` on.
fn visit<'a>(tick: &mut Tick<'a>, work: &[Looked], since: i64) -> Result<(), TickError> {
    let way = screen::way(tick.plan, work.len());
    if way.is_some() {
        screen::prepare(tick, work.len())?;
    }
    let mut screened: Option<(&[Looked], Screen<'a>, Vec<PatronState>)> = None;
    for together in work.chunks(if way.is_some() { tick.plan.screened_at_once } else { BATCH }) {
        let ids: Vec<PatronId> = together.iter().map(|looked| looked.chosen.patron).collect();
        let states = |tick: &Tick<'_>| state::load(tick.db(), &ids, tick.plan.reads);
        let Some(way) = way else {
            let states = states(tick)?;
            visit_all(tick, together, states, None)?;
            continue;
        };
        // No visit changes what is read of another patron.
        let visit_those_before = screened
            .take()
            .map(|(before, screen, states)| move |tick: &mut Tick<'a>| visit_all(tick, before, states, Some(&screen)));
        let (screen, states) = Screen::new(tick, together, since, way, |tick| {
            visit_those_before.map_or(Ok(()), |visit| visit(tick))?;
            Ok::<_, TickError>(states(tick)?)
        })?;
        screened = Some((together, screen, states?));
    }
    screened.map_or(Ok(()), |(last, screen, states)| visit_all(tick, last, states, Some(&screen)))
}

fn visit_all<'a>(
    tick: &mut Tick<'a>,
    patrons: &[Looked],
    states: Vec<PatronState>,
    screen: Option<&Screen<'a>>,
) -> Result<(), TickError> {
    let reader = tick.transaction.reader();
    let mut scanner = reader.scanner(if screen.is_some() { &tick.plan.needs_beside } else { &tick.plan.needs })?;
    for (looked, state) in patrons.iter().zip(states) {
        let patron = looked.chosen.patron;
        let seen = match screen {
            None => None,
            Some(screen) => {
                let Some(row) = screen.row(patron) else { continue };
                let (look, until) = screen.look(tick, row, looked, &state);
                if look != Look::Closely {
                    tick.report.patrons += 1;
                    Visit::leave(tick, patron, state, look, &Seen { screen, row, until })?;
                    continue;
                }
                Some(Seen { screen, row, until })
            }
        };
        let Some(mut facts) = scanner.facts(patron)? else { continue };
        if let Some(seen) = &seen {
            seen.screen.complete(seen.row, &mut facts);
        }
        tick.report.patrons += 1;
        Visit::run(tick, facts, state, looked.is_touched, seen.as_ref())?;
    }
    Ok(())
}

/// What each campaign looks for at this tick. Those that have no baseline, whose start changed its meaning, or that
/// were away at the last tick take one.
pub(super) fn watches(
    db: &Connection,
    plan: &Plan<'_>,
    before: Option<&Clock>,
    now: Instant,
) -> Result<Vec<Watch>, StoreError> {
    let mut found = Vec::with_capacity(plan.campaigns.len());
    let last = before.map(|clock| clock.ticked_at);
    for running in &plan.campaigns {
        let known = state::campaign(db, running.name())?;
        let was_there = before.is_some_and(|clock| clock.campaigns.contains(running.name()));
        let number = known.as_ref().map(|known| known.number).unwrap_or_default();
        let is_edited = was_there && known.as_ref().is_some_and(|known| !running.fingerprints.contains(&known.start));
        let baseline_at =
            known.filter(|_| was_there && (plan.rehearses_edits || !is_edited)).map(|known| known.baseline_at);
        let zone = &plan.program.library.zone;
        let is_fresh = |at: &Instant| {
            baseline_at.is_some_and(|baseline| *at > baseline)
                && last.is_some_and(|last| *at > last)
                && now <= zone.plus(*at, running.campaign.expires_after)
        };
        found.push(Watch {
            number,
            last,
            last_row: before.map_or(RowId(0), |clock| clock.event_row),
            baseline_at: baseline_at.unwrap_or(now),
            is_baseline: baseline_at.is_none(),
            is_edited,
            scheduled: running.timetable.and_then(|table| table.latest(now)).filter(is_fresh),
        });
    }
    Ok(found)
}

/// The instant of what is done by a clock that says `now`, when the last tick was at `last`: never before it.
fn believe(last: Instant, now: Instant, zone: &Zone, largest_gap: Option<i64>) -> Result<Instant, TickError> {
    match largest_gap {
        _ if now < last.plus_seconds(-limits::CLOCK_BACK_SECONDS) => {
            Err(TickError::ClockWentBack { last, now, zone: zone.clone() })
        }
        Some(largest_gap) if now.seconds() - last.seconds() > largest_gap * 86_400 => {
            Err(TickError::ClockJumped { last, now, zone: zone.clone(), largest_gap })
        }
        _ => Ok(now.max(last)),
    }
}

/// The instant of what is done to the store by a clock that says `now`: also a delivery drops what is too old and
/// counts what was sent by it. `largest_gap`: days since the last tick after which it is not believed.
///
/// # Errors
/// If it is not believed, or the store cannot be read.
pub fn believe_clock(store: &Store, now: Instant, zone: &Zone, largest_gap: Option<i64>) -> Result<Instant, TickError> {
    last_tick(store)?.map_or(Ok(now), |last| believe(last, now, zone, largest_gap))
}

/// When the store ticked last; `None`: never.
///
/// # Errors
/// If the store cannot be read.
pub fn last_tick(store: &Store) -> Result<Option<Instant>, StoreError> {
    Ok(state::clock(store.connection())?.map(|clock| clock.ticked_at))
}

/// The next instant after the last tick at which something is due though no data arrives; `None`: nothing is.
///
/// # Errors
/// If the store cannot be read.
pub fn next_due(store: &Store, plan: &Plan<'_>) -> Result<Option<Instant>, StoreError> {
    let db = store.connection();
    let Some(clock) = state::clock(db)? else { return Ok(None) };
    let waits: Option<i64> = db
        .prepare_cached(
            "SELECT min(at) FROM (SELECT min(try_at) AS at FROM outbox WHERE state = 'queued' UNION ALL \
             SELECT min(wake) FROM enrolment WHERE patron IS NULL AND state IN ('gathering', 'running'))",
        )?
        .query_row([], |row| row.get(0))?;
    let mut next = lately::next_due(db, clock.ticked_at)?.map(|at| at.0).into_iter().chain(waits).min();
    for running in &plan.campaigns {
        let scheduled = running.timetable.and_then(|table| table.next(clock.ticked_at)).map(|at| at.0);
        next = next.into_iter().chain(scheduled).min();
    }
    // The first tick of a date deletes.
    let zone = &plan.program.library.zone;
    let purge = store.reader().next_purge(zone)?.map(|at| at.max(zone.next_midnight(clock.ticked_at)));
    Ok(next.map(Instant).into_iter().chain(purge).min())
}

/// Whether data arrived since the last tick.
///
/// # Errors
/// If the store cannot be read.
pub fn has_news(store: &Store) -> Result<bool, StoreError> {
    let seen = state::clock(store.connection())?.map_or(0, |clock| clock.change);
    Ok(store.reader().newest_change()? > seen)
}
