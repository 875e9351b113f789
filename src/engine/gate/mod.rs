//! The delivery gate: everything that is tried at the last moment before a message leaves (section 8).
//!
//! The plan of a tick is no authority: exit, exceptions, the start's `where`, consent, address, hours, limits and age
//! are tried again here. Messages are claimed in one transaction, handed over, and recorded in the next, together
//! with the claim of the following ones: a crash in between leaves them `claimed`, which is reported and never sent
//! again by itself. How many at once is the caller's to say: one, unless whoever takes them knows what it took. The
//! engine names no channel's transport: the caller hands over.

use rusqlite::{Connection, OptionalExtension, params};
use std::cell::RefCell;
use std::collections::VecDeque;

use crate::catalogue::{Channel, EventId};
use crate::engine::ask::Ask;
use crate::engine::outbox::RecipientKind;
use crate::engine::plan::Plan;
use crate::engine::reach::{self, Way};
use crate::engine::state::{self, Enrolment};
use crate::engine::steps::fitting_rows;
use crate::engine::visit;
use crate::eval::{Interpreter, World};
use crate::message::link::Target;
use crate::program::{Campaign, Together};
use crate::rule::{EventRow, Facts, PatronId, Tables};
use crate::store::{Store, StoreError, SuppressionList, Transaction};
use crate::symbol::Symbol;
use crate::time::{Duration, Instant};

mod judge;
mod limit;
mod record;

use judge::Verdict;
pub use limit::{LimitOf, Limited};

/// How long a message of a campaign that is not in the program waits before it is looked at again.
const ABSENT: Duration = Duration { count: 1, unit: crate::time::Unit::Hour };

/// A message on its way out.
pub struct Handover<'a> {
    /// The row of the outbox; its key outside is [`Handover::key`].
    pub id: i64,
    pub campaign: &'a Campaign,
    /// Index of `Program::messages`.
    pub message: usize,
    pub channel: Channel,
    pub recipient: RecipientKind,
    /// Lines of the address; empty for what is published.
    pub address: &'a str,
    /// The reader's language, one of the library's.
    pub language: Symbol,
    /// Of a reader; of nobody for what is published.
    pub facts: &'a Facts,
    pub tables: &'a Tables,
    pub start: Instant,
    /// The event or record of the start.
    pub event: Option<EventId>,
    /// The rows that started it and still fit; with `together` all of them.
    pub rows: Vec<&'a EventRow>,
    pub is_together: bool,
    /// When it was due: what a reader is told as its date.
    pub due: Instant,
    pub now: Instant,
    /// Published until then.
    pub show_until: Option<Instant>,
}

impl Handover<'_> {
    /// The message's key, unique in the store and the same whenever it is made again.
    pub fn key(&self) -> String {
        key(self.campaign.name.as_str(), self.id)
    }
}

/// What came of a handover.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Handed {
    /// It is out, with these links.
    Over(Vec<Target>),
    /// Not now: again at this instant, unless it expires before.
    Later(Instant, String),
    /// Never: a permanent failure, or nothing to send.
    Not(String),
}

/// What a delivery did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct DeliveryReport {
    pub sent: usize,
    /// Held back by hours, limits or the transport.
    pub held: usize,
    /// Of these, those that a limit holds back.
    pub limited: Vec<Limited>,
    /// Dropped, with reasons in the outbox.
    pub dropped: usize,
    /// Claimed by a delivery that ended before it could say whether they went out.
    pub unknown: usize,
}

/// A row of the outbox.
struct Queued {
    id: i64,
    enrolment: i64,
    campaign: String,
    patron: Option<PatronId>,
    message: String,
    recipient: RecipientKind,
    channels: Vec<Channel>,
    language: String,
    show_until: Option<Instant>,
    address: Option<String>,
    due: Instant,
    /// Why an earlier delivery held it back.
    held: Option<String>,
}

/// Everything about the message at hand that outlives its transaction.
struct Claimed {
    queued: Queued,
    index: usize,
    message: usize,
    facts: Facts,
    enrolment: Enrolment,
    way: Way,
    language: Symbol,
}

/// Delivers what may be delivered at `now`, in the order of section 8, one by one.
///
/// # Errors
/// If the store cannot be read or written.
pub fn deliver(
    store: &mut Store,
    plan: &Plan<'_>,
    now: Instant,
    hand_over: &mut dyn FnMut(&Handover<'_>) -> Handed,
) -> Result<DeliveryReport, StoreError> {
    deliver_at_once(store, plan, now, 1, hand_over)
}

/// The same with so many messages under way at once, never two of one patron or enrolment: each commit, which waits for
/// the disk, is for all of them. When the data changes meanwhile, those that were not handed over are tried again.
///
/// # Errors
/// If the store cannot be read or written.
pub fn deliver_at_once(
    store: &mut Store,
    plan: &Plan<'_>,
    now: Instant,
    at_once: usize,
    hand_over: &mut dyn FnMut(&Handover<'_>) -> Handed,
) -> Result<DeliveryReport, StoreError> {
    // The version first: what is written between the two is then read again.
    let seen = data_version(store.connection())?;
    let suppressed = store.reader().suppression_list()?;
    let mut waiting: VecDeque<i64> = waiting(store.connection(), now)?.into();
    let report = DeliveryReport { unknown: claimed(store.connection())?, ..DeliveryReport::default() };
    if waiting.is_empty() {
        return Ok(report);
    }
    let tables = store.reader().tables()?;
    let world = World::of(plan.program, &tables);
    let interpreter = RefCell::new(Interpreter::new(&plan.rules, &world));
    let mut gate = Gate { plan, now, tables: &tables, interpreter: &interpreter, suppressed, seen, report };
    let (mut done, mut released) = (Vec::new(), Vec::new());
    while !(waiting.is_empty() && done.is_empty()) {
        let transaction = store.begin()?;
        for (claimed, handed) in done.drain(..) {
            gate.record(&transaction, &claimed, &handed)?;
        }
        for id in released.drain(..).rev() {
            release(transaction.connection(), id)?;
            waiting.push_front(id);
        }
        let mut batch: Vec<Claimed> = Vec::new();
        for _ in 0..at_once {
            let Some(id) = waiting.pop_front() else { break };
            match gate.claim(&transaction, id, &batch)? {
                Claim::Made(claimed) => batch.push(*claimed),
                Claim::None => {}
                Claim::TooSoon => {
                    waiting.push_front(id);
                    break;
                }
            }
        }
        transaction.commit()?;
        for (index, claimed) in batch.into_iter().enumerate() {
            // Who unsubscribes while a delivery runs gets nothing more of it.
            if index > 0 && (!released.is_empty() || data_version(store.connection())? != gate.seen) {
                released.push(claimed.queued.id);
                continue;
            }
            let handed = gate.hand_over(&claimed, hand_over);
            done.push((claimed, handed));
        }
    }
    Ok(gate.report)
}

/// Undoes the claim of a message that was not handed over.
fn release(db: &Connection, id: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE outbox SET state = 'queued', claimed_at = NULL WHERE id = ?1")?.execute([id])?;
    db.prepare_cached("DELETE FROM outbox_address WHERE outbox = ?1")?.execute([id])?;
    Ok(())
}

/// Settles what an earlier delivery claimed and could not record, for a transport that knows what it took and for
/// which taking a message again is the same as taking it once: what it took is handed over again, without another
/// try of the gate, and recorded as of its claim; the rest waits as before.
///
/// # Errors
/// If the store cannot be read or written.
pub fn settle(
    store: &mut Store,
    plan: &Plan<'_>,
    was_taken: &dyn Fn(&str) -> bool,
    hand_over: &mut dyn FnMut(&Handover<'_>) -> Handed,
) -> Result<usize, StoreError> {
    let open: Vec<(i64, String, i64)> = store
        .connection()
        .prepare("SELECT id, campaign, coalesce(claimed_at, due) FROM outbox WHERE state = 'claimed' ORDER BY id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    if open.is_empty() {
        return Ok(0);
    }
    let tables = store.reader().tables()?;
    let seen = data_version(store.connection())?;
    let suppressed = store.reader().suppression_list()?;
    let world = World::of(plan.program, &tables);
    let interpreter = RefCell::new(Interpreter::new(&plan.rules, &world));
    let (now, report) = (Instant(0), DeliveryReport::default());
    let mut gate = Gate { plan, now, tables: &tables, interpreter: &interpreter, suppressed, seen, report };
    for (id, campaign, claimed_at) in open {
        gate.now = Instant(claimed_at);
        let transaction = store.begin()?;
        let taken = was_taken(&key(&campaign, id));
        let claimed = if taken { gate.claimed_before(&transaction, id)? } else { None };
        match claimed {
            Some(claimed) => {
                let handed = gate.hand_over(&claimed, hand_over);
                gate.record(&transaction, &claimed, &handed)?;
            }
            // Its campaign is not in the program: it stays claimed, and is reported.
            None if taken => {}
            None => {
                let release =
                    "UPDATE outbox SET state = 'queued', reason = 'an earlier delivery ended too soon' WHERE id = ?1";
                transaction.connection().execute(release, [id])?;
            }
        }
        transaction.commit()?;
    }
    Ok(gate.report.sent)
}

/// A message's key: its campaign and its number in the outbox.
fn key(campaign: &str, id: i64) -> String {
    format!("{campaign}-{id}")
}

/// What waits and may be tried, in order.
fn waiting(db: &Connection, now: Instant) -> rusqlite::Result<Vec<i64>> {
    let mut query = db.prepare_cached(
        "SELECT id FROM outbox WHERE state = 'queued' AND try_at <= ?1 ORDER BY priority DESC, due, campaign, patron, id",
    )?;
    query.query_map([now.0], |row| row.get(0))?.collect()
}

/// How many were claimed and never recorded.
fn claimed(db: &Connection) -> rusqlite::Result<usize> {
    db.prepare_cached("SELECT count(*) FROM outbox WHERE state = 'claimed'")?
        .query_row([], |row| row.get::<_, i64>(0))
        .map(|count| count as usize)
}

/// Changes when another process has written to the store.
fn data_version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "data_version", |row| row.get(0))
}

struct Gate<'a, 'p> {
    plan: &'a Plan<'p>,
    now: Instant,
    tables: &'a Tables,
    interpreter: &'a RefCell<Interpreter<'a>>,
    suppressed: SuppressionList,
    /// The version of the data of which `suppressed` is.
    seen: i64,
    report: DeliveryReport,
}

/// What became of a message that waited.
enum Claim {
    /// It is to be handed over.
    Made(Box<Claimed>),
    /// It is held or dropped.
    None,
    /// Another of the same patron is under way, and what becomes of that one counts for it.
    TooSoon,
}

impl Gate<'_, '_> {
    /// Judges the message, while those of `batch` are under way.
    fn claim(&mut self, transaction: &Transaction<'_>, id: i64, batch: &[Claimed]) -> Result<Claim, StoreError> {
        let db = transaction.connection();
        let Some(queued) = read(db, id, "queued")? else { return Ok(Claim::None) };
        let is_same = |other: &Queued| {
            other.enrolment == queued.enrolment || queued.patron.is_some() && other.patron == queued.patron
        };
        if batch.iter().any(|claimed| is_same(&claimed.queued)) {
            return Ok(Claim::TooSoon);
        }
        // Who unsubscribes while a delivery runs gets nothing more of it.
        let version = data_version(db)?;
        if version != self.seen {
            self.suppressed = transaction.reader().suppression_list()?;
            self.seen = version;
        }
        let (Some(index), Some(message)) = (self.plan.find(&queued.campaign), self.message(&queued)) else {
            return self.absent(db, &queued).map(|()| Claim::None);
        };
        let mut enrolment = state::load_enrolment(db, queued.enrolment)?;
        let facts = match queued.patron {
            Some(patron) => match transaction.reader().facts(patron, &self.plan.needs_of_delivery)? {
                Some(facts) => facts,
                None => return Ok(Claim::None),
            },
            None => Facts::empty(&self.plan.program.catalogue, PatronId(0)),
        };
        let verdict = self.judge(db, &queued, index, message, &facts, &enrolment)?;
        match verdict {
            Verdict::Go(way) => {
                let language = match queued.recipient {
                    RecipientKind::Patron | RecipientKind::Guardian => reach::language(self.plan, &facts),
                    // The staff reads the library's own language; a published item has its own.
                    RecipientKind::Staff | RecipientKind::Public => {
                        Symbol::find(&queued.language).unwrap_or(self.plan.program.library.default_language())
                    }
                };
                db.prepare_cached(
                    "UPDATE outbox SET state = 'claimed', claimed_at = ?2, reason = NULL, channel = ?3, sent_to = ?4, \
                     sent_language = ?5 WHERE id = ?1",
                )?
                .execute(params![
                    id,
                    self.now.0,
                    way.channel.word(),
                    way.recipient.word(),
                    language.as_str()
                ])?;
                let is_personal = way.recipient.is_personal();
                if let Some(key) = self.suppressed.key().filter(|_| is_personal) {
                    let hash = key.address(way.channel, &way.address);
                    db.prepare_cached("INSERT OR REPLACE INTO outbox_address (outbox, hash) VALUES (?1, ?2)")?
                        .execute(params![id, hash])?;
                }
                let claimed = Claimed { queued, index, message, facts, enrolment, way, language };
                return Ok(Claim::Made(Box::new(claimed)));
            }
            Verdict::Hold(until, reason) => self.hold(db, id, until, &reason)?,
            Verdict::Limit(until, reason, limited) => {
                self.report.limited.push(limited);
                self.hold(db, id, until, &reason)?;
            }
            Verdict::Drop(reason) => self.drop(db, id, &reason)?,
            Verdict::End(reason) => {
                self.report.dropped += 1;
                visit::cancel(db, &mut enrolment, reason, self.now)?;
            }
        }
        Ok(Claim::None)
    }

    /// The message of the program that is to be sent.
    fn message(&self, queued: &Queued) -> Option<usize> {
        let name = Symbol::find(&queued.message)?;
        self.plan.program.messages.iter().position(|message| message.name == name)
    }

    /// A message that an earlier delivery claimed, as it was claimed.
    fn claimed_before(&self, transaction: &Transaction<'_>, id: i64) -> Result<Option<Claimed>, StoreError> {
        let db = transaction.connection();
        let Some(queued) = read(db, id, "claimed")? else { return Ok(None) };
        let found = (self.plan.find(&queued.campaign), self.message(&queued));
        let (Some(index), Some(message)) = found else { return Ok(None) };
        let facts = match queued.patron {
            Some(patron) => transaction.reader().facts(patron, &self.plan.needs_of_delivery)?,
            None => Some(Facts::empty(&self.plan.program.catalogue, PatronId(0))),
        };
        let Some(facts) = facts else { return Ok(None) };
        let enrolment = state::load_enrolment(db, queued.enrolment)?;
        let chosen: (String, String, String) = db
            .prepare_cached("SELECT channel, sent_to, sent_language FROM outbox WHERE id = ?1")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let Some(channel) = Channel::from_word(&chosen.0) else { return Ok(None) };
        let way = Way { channel, recipient: RecipientKind::from_word(&chosen.1), address: String::new() };
        let default = self.plan.program.library.default_language();
        let language = Symbol::find(&chosen.2).unwrap_or(default);
        Ok(Some(Claimed { queued, index, message, facts, enrolment, way, language }))
    }

    /// The campaign or message is not in the program: perhaps it comes back before the message expires.
    fn absent(&mut self, db: &Connection, queued: &Queued) -> Result<(), StoreError> {
        let zone = &self.plan.program.library.zone;
        let reason = "the campaign or the message is not in the program";
        if self.now > zone.plus(queued.due, Duration::days(3)) {
            return self.drop(db, queued.id, reason);
        }
        self.hold(db, queued.id, zone.plus(self.now, ABSENT), reason)
    }

    fn hold(&mut self, db: &Connection, id: i64, until: Instant, reason: &str) -> Result<(), StoreError> {
        self.report.held += 1;
        db.prepare_cached("UPDATE outbox SET state = 'queued', try_at = ?2, reason = ?3 WHERE id = ?1")?
            .execute(params![id, until.0, reason])?;
        Ok(())
    }

    fn drop(&mut self, db: &Connection, id: i64, reason: &str) -> Result<(), StoreError> {
        self.report.dropped += 1;
        db.prepare_cached("UPDATE outbox SET state = 'dropped', reason = ?2, decided_at = ?3 WHERE id = ?1")?
            .execute(params![id, reason, self.now.0])?;
        Ok(())
    }

    fn hand_over(&self, claimed: &Claimed, hand_over: &mut dyn FnMut(&Handover<'_>) -> Handed) -> Handed {
        let running = &self.plan.campaigns[claimed.index];
        let event = running.start.row_rule().map(|(event, _)| event);
        let (interpreter, suppressed) = (self.interpreter, &self.suppressed);
        let ask = Ask { interpreter, facts: &claimed.facts, suppressed, now: self.now };
        let all = || {
            let started = |row: &&EventRow| claimed.enrolment.rows.iter().any(|(_, id)| *id == row.row);
            event.map_or_else(Vec::new, |event| claimed.facts.events(event).iter().filter(started).collect())
        };
        let rows =
            fitting_rows(&running.start, &ask, &claimed.facts, &claimed.enrolment, self.plan).unwrap_or_else(all);
        hand_over(&Handover {
            id: claimed.queued.id,
            campaign: running.campaign,
            message: claimed.message,
            channel: claimed.way.channel,
            recipient: claimed.way.recipient,
            address: &claimed.way.address,
            language: claimed.language,
            facts: &claimed.facts,
            tables: self.tables,
            start: claimed.enrolment.start,
            event,
            rows,
            is_together: running.start.together() != Together::No,
            due: claimed.queued.due,
            now: self.now,
            show_until: claimed.queued.show_until,
        })
    }
}

fn read(db: &Connection, id: i64, state: &str) -> rusqlite::Result<Option<Queued>> {
    let mut query = db.prepare_cached(
        "SELECT enrolment, campaign, patron, message, recipient, channels, language, show_until, address, due, reason \
         FROM outbox \
         WHERE id = ?1 AND state = ?2",
    )?;
    query
        .query_row(params![id, state], |row| {
            Ok(Queued {
                id,
                enrolment: row.get(0)?,
                campaign: row.get(1)?,
                patron: row.get::<_, Option<i64>>(2)?.map(PatronId),
                message: row.get(3)?,
                recipient: RecipientKind::from_word(row.get_ref(4)?.as_str()?),
                channels: row.get_ref(5)?.as_str()?.split(' ').filter_map(Channel::from_word).collect(),
                language: row.get(6)?,
                show_until: row.get::<_, Option<i64>>(7)?.map(Instant),
                address: row.get(8)?,
                due: Instant(row.get(9)?),
                held: row.get(10)?,
            })
        })
        .optional()
}
