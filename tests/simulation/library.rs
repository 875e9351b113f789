//! One library: a store, a program that ticks, a transport with its moods, and what the transport was given.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bookmobile::engine::{self, Draws, Handed, Handover, Plan, ShareKey, TickError, TickReport};
use bookmobile::limits;
use bookmobile::rule::{PatronId, RowId};
use bookmobile::store::Store;
use bookmobile::time::Instant;
use rusqlite::types::ValueRef;

use super::history::{Change, Round};
use super::laws::{self, Given, Laws};
use super::owed::Since;
use super::random::Random;
use super::rules::Lowered;
use super::turned::{self, Before};
use super::waits;

/// Puts everybody into the change log.
const EVERYBODY: &str = "INSERT OR REPLACE INTO change_log (patron) VALUES (0)";

/// All libraries draw alike, so that they can be compared.
const DRAWS: Draws = Draws::Keyed(ShareKey(*b"a key of 16 byte"));

/// Where a transport dies, and with it the process.
struct Death;

pub struct Library<'p> {
    pub store: Store,
    /// By version; each knows all others as earlier ones.
    plans: &'p [Plan<'p>],
    lowered: &'p [Lowered<'p>],
    /// The last tick, and what had been imported by then.
    pub since: Since,
    /// What the transport took, by the key of the message.
    taken: HashSet<String>,
    pub laws: Laws,
    pub before: Before,
    merged: HashSet<PatronId>,
    /// The version that ticked last, and since when.
    edited_at: (usize, Instant),
}

impl<'p> Library<'p> {
    /// With a copy of an empty store: making the tables takes longer than a history.
    pub fn new(plans: &'p [Plan<'p>], lowered: &'p [Lowered<'p>], empty: &Store) -> Library<'p> {
        let mut store = empty.copy_in_memory().expect("memory");
        store.align(&plans[0].program.catalogue).expect("columns");
        let since = Since { at: Instant(0), row: RowId(0) };
        Library {
            store,
            plans,
            lowered,
            since,
            taken: HashSet::new(),
            laws: Laws::default(),
            before: Before::default(),
            merged: HashSet::new(),
            edited_at: (0, Instant(0)),
        }
    }

    /// After a tick.
    pub fn keeps_the_laws(&mut self, round: &Round) -> Result<(), String> {
        let lowered = &self.lowered[round.version];
        if self.edited_at.0 != round.version {
            self.edited_at = (round.version, round.now);
        }
        laws::after_tick(&self.store, lowered, round.now, self.since, &mut self.before)?;
        turned::enrolments(&self.store, lowered.program, &self.merged, self.edited_at.1)
    }

    /// What a tick after this one finds new.
    pub fn has_ticked(&mut self, at: Instant) {
        self.since = Since { at, row: self.store.reader().newest_row().expect("readable") };
    }

    /// What arrives, in this order.
    pub fn import(&mut self, round: &Round, changes: &[&Change]) {
        let program = self.plan(round.version).program;
        let transaction = self.store.begin().expect("nobody else writes");
        let hashes = transaction.reader().hash_key().expect("readable");
        let mut writer = transaction.writer(&program.library.zone, round.now);
        for change in changes {
            change.write(&mut writer, program, round.now, &hashes).expect("written");
        }
        drop(writer);
        transaction.commit().expect("written");
    }

    /// Cards that become one after the rows of a round have come; whoever is not there is left alone.
    pub fn merge(&mut self, round: &Round) {
        let program = self.plan(round.version).program;
        for change in &round.changes {
            let Change::Merge { kept, double } = change else { continue };
            let [kept, double] = [kept, double].map(|person| super::history::key(*person));
            let patron = |key: &str| self.store.reader().patron_by_key(key).expect("readable");
            if let (Some(of_kept), Some(of_double)) = (patron(&kept), patron(&double)) {
                engine::merge(&mut self.store, program, of_kept, of_double, round.now).expect("merged");
                self.laws.merge(program, &kept, &double);
                self.before.merge(program, of_kept, of_double);
                self.merged.insert(of_kept);
            }
        }
    }

    /// The plan of a version.
    fn plan(&self, version: usize) -> &'p Plan<'p> {
        &self.plans[version]
    }

    /// Puts everybody into the change log, so that the next tick looks at all.
    pub fn touch_everybody(&self) {
        self.store.connection().execute(EVERYBODY, ()).expect("written");
    }

    pub fn tick(&mut self, round: &Round) -> TickReport {
        let plan = self.plan(round.version);
        engine::tick(&mut self.store, plan, round.now, Some(&DRAWS)).expect("a tick")
    }

    /// Ticks that fail at some statement, at the commit, or because the clock went back behind the last tick; then
    /// one that succeeds.
    pub fn tick_with_trouble(&mut self, round: &Round, last: Instant, random: &mut Random) {
        let plan = self.plan(round.version);
        let store = &mut self.store;
        for _ in 0..random.below(3) {
            match random.below(3) {
                0 => {
                    store.connection_mut().commit_hook(Some(|| true)).expect("a hook");
                    engine::tick(store, plan, round.now, Some(&DRAWS)).expect_err("the commit is refused");
                    store.connection_mut().commit_hook(None::<fn() -> bool>).expect("no hook");
                }
                1 => {
                    let earlier = last.plus_seconds(-limits::CLOCK_BACK_SECONDS - 1 - random.below(90_000) as i64);
                    let refused = engine::tick(store, plan, earlier, Some(&DRAWS));
                    assert!(matches!(refused, Err(TickError::ClockWentBack { .. })), "{refused:?}");
                }
                _ => {
                    fail_after(store, random);
                    let failed = engine::tick(store, plan, round.now, Some(&DRAWS)).is_err();
                    store.connection_mut().progress_handler(0, None::<fn() -> bool>).expect("no handler");
                    if !failed {
                        return;
                    }
                }
            }
        }
        engine::tick(store, plan, round.now, Some(&DRAWS)).expect("a tick");
    }

    /// A delivery; in the disturbed run the process dies in the middle, is started again, and settles what it left.
    pub fn deliver(&mut self, round: &Round, mood: u64, trouble: Option<&mut Random>) -> Result<(), String> {
        let mut attempts: u32 = if trouble.is_some() { 3 } else { 0 };
        let mut random = trouble.map_or(Random(0), |random| random.clone());
        let (plan, lowered) = (self.plan(round.version), &self.lowered[round.version]);
        let Library { store, taken, laws, .. } = self;
        let tried = waits::waiting(store, round.delivered);
        loop {
            let dies_at = if attempts > 0 { 1 + random.below(4) } else { u64::MAX };
            let dies_after_taking = random.once_in(2);
            if attempts > 0 && random.once_in(3) {
                fail_after(store, &mut random);
            }
            attempts = attempts.saturating_sub(1);
            let mut count = 0;
            let ended = catch_unwind(AssertUnwindSafe(|| {
                engine::deliver(store, plan, round.delivered, &mut |message| {
                    count += 1;
                    if count == dies_at && !dies_after_taking {
                        resume_unwind(Box::new(Death));
                    }
                    let handed = mood_of(mood, message);
                    if let Handed::Over(_) = handed {
                        laws.handed_over(lowered, message, taken.insert(message.key()));
                    }
                    if count == dies_at {
                        resume_unwind(Box::new(Death));
                    }
                    handed
                })
            }));
            store.connection_mut().progress_handler(0, None::<fn() -> bool>).expect("no handler");
            match ended {
                Ok(Ok(_)) => {
                    laws.broken()?;
                    return waits::with_reason(store, lowered.program, laws, &tried, round.delivered);
                }
                Ok(Err(_)) => {}
                Err(death) if death.is::<Death>() => {}
                Err(panic) => resume_unwind(panic),
            }
            let mut again = |_: &Handover<'_>| Handed::Over(Vec::new());
            let settled = engine::settle(store, plan, &|key| taken.contains(key), &mut again);
            settled.map_err(|error| error.to_string())?;
        }
    }
}

/// SQLite asks every few instructions; after some times it is told to stop.
fn fail_after(store: &mut Store, random: &mut Random) {
    let left = Arc::new(AtomicI64::new(1 << random.below(9)));
    let stop = move || left.fetch_sub(1, Ordering::Relaxed) <= 0;
    store.connection_mut().progress_handler(30, Some(stop)).expect("a handler");
}

/// The same for the same message at the same time in every library.
fn mood_of(mood: u64, message: &Handover<'_>) -> Handed {
    let text = format!("{} {} {} {}", message.campaign.name, message.facts.key, message.message, message.now.0);
    let hash = text.bytes().fold(mood, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    match Random(hash).below(12) {
        0 => Handed::Later(message.now.plus_seconds(7_200), "the other side is busy".into()),
        1 => Handed::Not("the other side refuses".into()),
        _ => Handed::Over(Vec::new()),
    }
}

/// Everything that was decided, without the numbers that rows happen to have.
pub fn decisions(store: &Store) -> Vec<String> {
    const QUERIES: &[&str] = &[
        "SELECT 'outbox', o.campaign, p.key, e.start, o.step, o.round, o.message, o.recipient, o.channels, o.language, \
         o.show_until, o.due, o.try_at, o.state, o.reason, o.sent_at, o.channel, o.sent_to, o.sent_language \
         FROM outbox o JOIN enrolment e ON e.id = o.enrolment LEFT JOIN patron p ON p.id = o.patron",
        "SELECT 'enrolment', e.campaign, p.key, e.start, e.enrolled_at, e.revision, e.state, e.reason, e.ended_at, \
         e.held_out, e.place, e.arrived, e.since, e.wake, e.round, e.round_began, e.arms, e.goal, e.goal_known, e.goal_at \
         FROM enrolment e LEFT JOIN patron p ON p.id = e.patron",
        "SELECT 'occurrence', o.campaign, p.key, o.at, o.decided_at, o.event, o.date, o.outcome, o.reason \
         FROM occurrence o JOIN patron p ON p.id = o.patron",
        "SELECT 'membership', c.campaign, p.key, CASE WHEN ' ' || s.campaigns GLOB '* ' || c.number || '+*' THEN 1 \
         WHEN ' ' || s.campaigns GLOB '* ' || c.number || '-*' THEN 0 ELSE 2 END \
         FROM standing s JOIN patron p ON p.id = s.patron JOIN campaign_state c \
         ON ' ' || s.campaigns GLOB '* ' || c.number || '[-+?!]*'",
        "SELECT 'watched', w.campaign, p.key, w.value FROM watched w JOIN patron p ON p.id = w.patron",
        "SELECT 'list', l.list, p.key FROM list_member l JOIN patron p ON p.id = l.patron",
        "SELECT 'sent', p.key, s.at, s.f_campaign, s.f_message, s.f_channel \
         FROM event_sent s JOIN patron p ON p.id = s.patron",
        "SELECT 'campaign', campaign, start, baseline_at FROM campaign_state",
    ];
    let mut lines = Vec::new();
    for sql in QUERIES {
        let sql = sql.replace("FROM standing ", &format!("FROM {} ", engine::STANDING));
        let mut query = store.connection().prepare_cached(&sql).expect("the tables are there");
        let width = query.column_count();
        let mut rows = query.query(()).expect("readable");
        while let Some(row) = rows.next().expect("readable") {
            let value = |index| match row.get_ref(index).expect("a value") {
                ValueRef::Null => "-".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                other => other.as_str().expect("texts and numbers").to_owned(),
            };
            lines.push((0..width).map(value).collect::<Vec<_>>().join(" "));
        }
    }
    lines.sort();
    lines
}

/// How often each line stands in one and not in the other.
pub fn differences(one: &[String], other: &[String]) -> String {
    let mut counts: HashMap<&str, i32> = HashMap::new();
    one.iter().for_each(|line| *counts.entry(line).or_default() += 1);
    other.iter().for_each(|line| *counts.entry(line).or_default() -= 1);
    let mut lines: Vec<String> =
        counts.into_iter().filter(|(_, count)| *count != 0).map(|(line, count)| format!("{count:+} {line}")).collect();
    lines.sort_by(|a, b| a[2..].cmp(&b[2..]));
    lines.join("\n")
}

impl<'p> Library<'p> {
    /// What arrived that the laws are about, in the order in which it counts.
    pub fn note(&mut self, round: &Round) {
        let program = self.plan(round.version).program;
        let key = super::history::key;
        for change in super::patrons_first(&round.changes) {
            match change {
                Change::Consent { person, purpose, channel, state, at, until } => {
                    let on = program.library.zone.day(*at);
                    let given = Given { state: *state, at: *at, on, until: *until };
                    self.laws.consent(program, key(*person), purpose, *channel, given);
                }
                Change::Suppress { channel, address, purpose } => self.laws.suppress(*channel, address, *purpose),
                Change::Lift { channel, address } => self.laws.lift(*channel, address),
                // Whom an export still has comes back as somebody new.
                Change::Patron { person, .. } => self.laws.came(&key(*person)),
                Change::Erase { person, .. } => self.laws.erase(&key(*person)),
                _ => {}
            }
        }
    }

    /// What a tick at `then` would decide if it looked at everybody: the decisions before and after it.
    pub fn tried(&self, version: usize, then: Instant) -> (Vec<String>, Vec<String>) {
        let mut copy = self.store.copy_in_memory().expect("a copy");
        copy.align(&self.plan(version).program.catalogue).expect("columns");
        let before = decisions(&copy);
        copy.connection().execute(EVERYBODY, ()).expect("written");
        engine::tick(&mut copy, self.plan(version), then, Some(&DRAWS)).expect("a tick");
        (before, decisions(&copy))
    }

    /// The next instant at which something is due.
    pub fn next_due(&self, version: usize) -> Option<Instant> {
        engine::next_due(&self.store, self.plan(version)).expect("readable")
    }
}
