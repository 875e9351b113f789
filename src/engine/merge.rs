//! Two cards of one person become one, also between a tick and its delivery (DEL-14).
//!
//! What was decided for the double passes to the patron that is kept: its occurrences stay decided, its journeys go on,
//! its messages count for limits. Of an occurrence that both had one journey is left, the one that has handed over a
//! message, so that nobody is told twice: entering is one occurrence if both cards are in since, leaving if both are out.
//! One is left, too, of a campaign that starts nobody again, or not beside a journey. What both gather is gathered as one.

use rusqlite::{Connection, params};

use crate::engine::lately::{self, Table};
use crate::engine::standing::Membership;
use crate::engine::state::{self, Stage};
use crate::engine::{outbox, visit};
use crate::program::{Again, Campaign, Program, StartKind};
use crate::rule::PatronId;
use crate::store::{Store, StoreError};
use crate::symbol::Symbol;
use crate::time::Instant;

const REASON: &str = "two cards became one, and the other one has the same occurrence";
const STARTED: &str = "two cards became one, and the other one was started as well";
const GATHERED: &str = "two cards became one, and the other one gathers what this one did";

/// Moves everything of `double` to `kept`, and removes `double`. How many journeys send nothing more since both had them.
///
/// # Errors
/// If the store cannot be read or written; then nothing was moved.
pub fn merge(
    store: &mut Store,
    program: &Program,
    kept: PatronId,
    double: PatronId,
    now: Instant,
) -> Result<usize, StoreError> {
    assert_ne!(kept, double, "a patron is not merged with itself");
    let transaction = store.begin()?;
    let db = transaction.connection();
    absorb_standing(db, program, kept, double)?;
    let sql = "SELECT d.campaign, d.key, d.enrolment, k.enrolment FROM occurrence AS d JOIN occurrence AS k \
               ON k.campaign = d.campaign AND k.key = d.key WHERE d.patron = ?1 AND k.patron = ?2";
    let both: Vec<(String, String, Option<i64>, Option<i64>)> = db
        .prepare_cached(sql)?
        .query_map([double.0, kept.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<Result<_, _>>()?;
    let handed_over = |enrolment: Option<i64>| enrolment.map_or(Ok(false), |id| outbox::handed_over(db, id));
    let mut ended = 0;
    for (campaign, key, of_double, of_kept) in both {
        let double_stays =
            (of_double.is_some() && of_kept.is_none()) || (handed_over(of_double)? && !handed_over(of_kept)?);
        let (patron, enrolment) = if double_stays { (kept, of_kept) } else { (double, of_double) };
        state::delete_occurrence(db, patron, &campaign, &key)?;
        if let Some(id) = enrolment {
            let mut enrolment = state::load_enrolment(db, id)?;
            let ran = matches!(enrolment.stage, Stage::Running | Stage::Gathering);
            ended += usize::from(outbox::drop_queued(db, id, REASON, now)? > 0 || ran);
            visit::cancel(db, &mut enrolment, REASON, now)?;
        }
    }
    for campaign in &program.campaigns {
        for id in too_many(db, campaign, kept, double)? {
            visit::cancel(db, &mut state::load_enrolment(db, id)?, STARTED, now)?;
            ended += 1;
        }
        ended += gather_as_one(db, campaign.name.as_str(), [kept, double], now)?;
    }
    for sql in [
        "UPDATE occurrence SET patron = ?2 WHERE patron = ?1",
        "UPDATE enrolment SET patron = ?2 WHERE patron = ?1",
        "UPDATE outbox SET patron = ?2 WHERE patron = ?1",
        "UPDATE OR IGNORE watched SET patron = ?2 WHERE patron = ?1",
    ] {
        db.execute(sql, params![double.0, kept.0])?;
    }
    transaction.writer(&program.library.zone, now).absorb(double, kept)?;
    transaction.commit()?;
    Ok(ended)
}

/// Where `double` stands passes to `kept`. Who is in a start by either card is in it, so that nobody enters for a second time;
/// who leaves is who leaves by `kept`.
fn absorb_standing(db: &Connection, program: &Program, kept: PatronId, double: PatronId) -> rusqlite::Result<()> {
    let Some((until, of_double)) = lately::read(db, double)? else { return Ok(()) };
    let (also, mut memberships) = lately::read(db, kept)?.unwrap_or_default();
    for (number, theirs) in of_double.iter() {
        let name = state::campaign_name(db, *number)?;
        let own = memberships.get(*number).unwrap_or_default();
        let both_are = |value: bool| [own, *theirs].iter().all(|of| of.value == Some(value));
        let entries = renumber(db, double, &name, "entry", [own.entries, theirs.entries], both_are(true))?;
        let exits = renumber(db, double, &name, "exit", [own.exits, theirs.exits], both_are(false))?;
        let campaign = program.campaign(Symbol::new(&name));
        let leaves = campaign.is_some_and(|campaign| matches!(campaign.start.kind, StartKind::Leaves { .. }));
        let is_in = !leaves && theirs.value == Some(true);
        let (value, known) = if is_in { (theirs.value, true) } else { (own.value, own.known) };
        memberships.set(*number, Membership { value, known, entries, exits });
    }
    lately::write(db, Table::Lately, kept, until.into_iter().chain(also).min(), &memberships)?;
    lately::remove(db, double)
}

/// The entries or exits of `double` come after those of the other card, but for the last one, which is the same if both cards
/// are in since then, or out. How many there are of both.
fn renumber(
    db: &Connection,
    double: PatronId,
    campaign: &str,
    what: &str,
    [own, theirs]: [i64; 2],
    last_is_same: bool,
) -> rusqlite::Result<i64> {
    let is_same = last_is_same && own > 0 && theirs > 0;
    let sql = "UPDATE occurrence SET key = ?4 WHERE patron = ?1 AND campaign = ?2 AND key = ?3";
    let mut rename = db.prepare_cached(sql)?;
    let mut name = |before: String, after: String| rename.execute(params![double.0, campaign, before, after]);
    for number in 1..=theirs {
        name(format!("{what} {number}"), format!("double's {what} {number}"))?;
    }
    for number in 1..=theirs {
        let among_all = if is_same && number == theirs { own } else { own + number };
        name(format!("double's {what} {number}"), format!("{what} {among_all}"))?;
    }
    Ok(own + theirs - i64::from(is_same))
}

/// The journeys of both cards that run and that one patron would not have beside each other, but the one that goes on: the
/// first that has handed over a message, or else the first of `kept`.
fn too_many(db: &Connection, campaign: &Campaign, kept: PatronId, double: PatronId) -> rusqlite::Result<Vec<i64>> {
    let never_again = campaign.again == Again::Never;
    if !never_again && matches!(campaign.start.kind, StartKind::Event { .. } | StartKind::EventDate { .. }) {
        return Ok(Vec::new());
    }
    let sql = "SELECT id, patron, state <> 'ended' FROM enrolment WHERE campaign = ?1 AND patron IN (?2, ?3) \
               AND state <> 'withdrawn' ORDER BY patron <> ?2, id";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, PatronId(row.get(1)?), row.get(2)?));
    let mut query = db.prepare_cached(sql)?;
    let all = query.query_map(params![campaign.name.as_str(), kept.0, double.0], read)?;
    let mut of_both: Vec<(i64, PatronId, bool)> = all.collect::<Result<_, _>>()?;
    of_both.retain(|(_, _, runs)| never_again || *runs);
    if [kept, double].iter().any(|card| !of_both.iter().any(|(_, patron, _)| patron == card)) {
        return Ok(Vec::new());
    }
    let mut goes_on = of_both[0].0;
    for (id, ..) in &of_both {
        if outbox::handed_over(db, *id)? {
            goes_on = *id;
            break;
        }
    }
    Ok(of_both.into_iter().filter(|(id, _, runs)| *runs && *id != goes_on).map(|(id, ..)| id).collect())
}

/// `together for D`: what the cards gather becomes one gathering, up to when D has passed since the first of all. None of it
/// is later: a tick after that instant would have closed the gathering.
fn gather_as_one(db: &Connection, name: &str, cards: [PatronId; 2], now: Instant) -> Result<usize, StoreError> {
    let sql = "SELECT id FROM enrolment WHERE campaign = ?1 AND patron IN (?2, ?3) AND state = 'gathering' \
               ORDER BY start, id";
    let mut query = db.prepare_cached(sql)?;
    let ids = query.query_map(params![name, cards[0].0, cards[1].0], |row| row.get(0))?;
    let gathering: Vec<i64> = ids.collect::<Result<_, _>>()?;
    let Some((first, others)) = gathering.split_first() else { return Ok(0) };
    for id in others {
        db.execute("UPDATE occurrence SET enrolment = ?1 WHERE enrolment = ?2", [first, id])?;
        visit::cancel(db, &mut state::load_enrolment(db, *id)?, GATHERED, now)?;
    }
    Ok(others.len())
}
