//! A random history: what arrives, and when a tick comes.

use bookmobile::catalogue::{Channel, Value};
use bookmobile::program::Program;
use bookmobile::rule::ConsentState;
use bookmobile::store::{HashKey, StoreError, Suppressed, Suppression, Writer};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant};

use super::random::Random;

/// 2026-10-29 15:00 UTC: the clocks change soon after, and months end.
pub const BEGIN: Instant = Instant(1_793_286_000_000_000);
/// People at the beginning.
const PEOPLE: u64 = 6;

/// What happens up to one tick and the delivery after it.
#[derive(Clone, Debug)]
pub struct Round {
    pub now: Instant,
    /// When the delivery after the tick runs, by a clock that may be hours ahead of the tick's.
    pub delivered: Instant,
    pub changes: Vec<Change>,
    /// Which version of the program ticks.
    pub version: usize,
    /// Where the disturbed run fails; drawn once, so that dropping a round leaves the others alone.
    pub trouble: u64,
}

/// A row that arrives.
#[derive(Clone, Debug)]
pub enum Change {
    Patron {
        person: u64,
        is_new: bool,
        fields: Vec<(&'static str, Option<Value>)>,
    },
    Event {
        person: u64,
        event: &'static str,
        key: String,
        at: Instant,
        fields: Vec<Option<Value>>,
    },
    Record {
        event: &'static str,
        key: String,
        field: u16,
        value: Option<Value>,
    },
    Remove {
        event: &'static str,
        key: String,
    },
    Consent {
        person: u64,
        purpose: &'static str,
        channel: Channel,
        state: ConsentState,
        at: Instant,
        until: Option<Day>,
    },
    Member {
        person: u64,
        list: &'static str,
        is_member: bool,
    },
    /// What a channel reports of a message: the event `bounced` or `complained`.
    Failed {
        person: u64,
        event: &'static str,
        channel: Channel,
        hard: bool,
        key: String,
        at: Instant,
    },
    /// An address goes to the suppression list, for a purpose or for all.
    Suppress {
        channel: Channel,
        address: String,
        purpose: Option<&'static str>,
    },
    /// The other way.
    Lift {
        channel: Channel,
        address: String,
    },
    Erase {
        person: u64,
        never_again: bool,
    },
    /// Two cards become one. Happens after the rows of the round.
    Merge {
        kept: u64,
        double: u64,
    },
}

/// A history for a program of so many versions.
pub fn rounds(random: &mut Random, versions: usize, zone: &bookmobile::time::Zone) -> Vec<Round> {
    let mut maker = Maker { random, people: PEOPLE, rows: 0, loans: Vec::new(), bookings: Vec::new() };
    let mut now = BEGIN;
    let mut version = 0;
    let count = 5 + maker.random.below(6);
    let mut rounds = Vec::new();
    for round in 0..count {
        let mut changes = Vec::new();
        let today = zone.day(now);
        if round == 0 {
            for person in 0..PEOPLE {
                changes.extend(maker.patron(person, false, now, today));
            }
        }
        for _ in 0..maker.random.below(7) {
            changes.extend(maker.change(now, today));
        }
        rounds.push(Round { now, delivered: now, changes, version, trouble: maker.random.next() });
        let seconds = match maker.random.below(10) {
            0 => 60 + maker.random.below(3_600) as i64,
            1..=3 => 3_600 * (1 + maker.random.below(12) as i64),
            4..=7 => 43_200 * (1 + maker.random.below(4) as i64) + 1_800,
            8 => 86_400 * (3 + maker.random.below(4) as i64),
            _ => 86_400 * (10 + maker.random.below(12) as i64) + 17,
        };
        if maker.random.once_in(3) {
            let delay = maker.random.below(seconds.min(20_000) as u64) as i64;
            rounds.last_mut().expect("pushed just now").delivered = now.plus_seconds(delay);
        }
        now = now.plus_seconds(seconds);
        if version + 1 < versions && maker.random.once_in(3) {
            version += 1;
        }
    }
    rounds
}

struct Maker<'r> {
    random: &'r mut Random,
    people: u64,
    rows: u64,
    loans: Vec<String>,
    bookings: Vec<String>,
}

fn symbol(name: &str) -> Option<Value> {
    Some(Value::Symbol(Symbol::new(name)))
}

impl Maker<'_> {
    fn patron(&mut self, person: u64, is_new: bool, now: Instant, today: Day) -> Vec<Change> {
        let random = &mut *self.random;
        let mut fields = vec![
            ("house", symbol(random.one(&["central", "eastside"]))),
            ("kind", symbol(random.one(&["adult", "adult", "teen"]))),
            ("language", symbol(random.one(&["en", "fr"]))),
            ("joined", Some(Value::Date(today.plus_days(-(random.below(800) as i64))))),
            ("ends", Some(Value::Date(today.plus_days(random.below(40) as i64 - 3)))),
            ("history_opt_in", Some(Value::Bool(random.below(3) > 0))),
        ];
        let mut optional = |random: &mut Random, name, value: Value| {
            if random.below(4) > 0 {
                fields.push((name, Some(value)));
            }
        };
        let years = 10 + random.below(30) as i64;
        let days = random.below(30) as i64 - 5;
        optional(random, "born", Value::Date(today.plus_months(-12 * years).plus_days(days)));
        let level = random.below(5) as i64;
        optional(random, "level", Value::Int(level));
        optional(random, "email", Value::text(&format!("p{person}@town.example")));
        optional(random, "phone", Value::text(&phone(person)));
        optional(random, "guardian_email", Value::text(&format!("parent{person}@town.example")));
        let mut changes = vec![Change::Patron { person, is_new, fields }];
        for purpose in ["promotion", "survey"] {
            for channel in [Channel::Email, Channel::Sms] {
                if self.random.below(3) > 0 {
                    changes.push(self.consent(person, purpose, channel, now, today));
                }
            }
        }
        changes
    }

    fn consent(&mut self, person: u64, purpose: &'static str, channel: Channel, now: Instant, today: Day) -> Change {
        let states = [ConsentState::Given, ConsentState::Given, ConsentState::Withdrawn, ConsentState::Asked];
        let state = self.random.one(&states);
        let until = self.random.once_in(4).then(|| today.plus_days(self.random.below(20) as i64));
        Change::Consent { person, purpose, channel, state, at: now, until }
    }

    fn change(&mut self, now: Instant, today: Day) -> Vec<Change> {
        self.rows += 1;
        let (person, row) = (self.random.below(self.people), self.rows);
        // Each row has an instant of its own, so that the order of import decides nothing.
        let late = [0, 600, 7_200, 90_000, 500_000][self.random.below(5) as usize];
        let at = now.plus_seconds(-late - row as i64);
        let place = symbol(self.random.one(&["central", "eastside"]));
        match self.random.below(24) {
            0..=2 => {
                let score = (!self.random.once_in(3)).then(|| Value::Int(self.random.below(6) as i64));
                let ahead = if self.random.once_in(6) { 100_000 } else { 0 };
                let at = at.plus_seconds(ahead);
                vec![Change::Event { person, event: "visit", key: format!("v{row}"), at, fields: vec![place, score] }]
            }
            3 => {
                let pages = Some(Value::Int(self.random.below(9) as i64));
                vec![Change::Event { person, event: "checkout", key: format!("k{row}"), at, fields: vec![pages] }]
            }
            4..=6 => {
                let key = format!("l{row}");
                self.loans.push(key.clone());
                let due = Some(Value::Date(today.plus_days(self.random.below(9) as i64 - 1)));
                let fields = vec![Some(Value::text("Emma")), due, None];
                vec![Change::Event { person, event: "loan", key, at, fields }]
            }
            7 => {
                let key = format!("b{row}");
                self.bookings.push(key.clone());
                let starts = now.plus_seconds(1_800 * (1 + self.random.below(200) as i64));
                let seats = (!self.random.once_in(3)).then(|| Value::Int(self.random.below(4) as i64));
                let fields = vec![Some(Value::Instant(starts)), seats];
                vec![Change::Event { person, event: "booking", key, at, fields }]
            }
            8 | 9 if !self.loans.is_empty() => {
                let key = self.loans[self.random.below(self.loans.len() as u64) as usize].clone();
                vec![match self.random.below(5) {
                    0 | 1 => {
                        let due = Value::Date(today.plus_days(self.random.below(12) as i64));
                        Change::Record { event: "loan", key, field: 1, value: Some(due) }
                    }
                    2 => Change::Remove { event: "loan", key },
                    _ => Change::Record { event: "loan", key, field: 2, value: Some(Value::Instant(at)) },
                }]
            }
            10 if !self.bookings.is_empty() => {
                let key = self.bookings[self.random.below(self.bookings.len() as u64) as usize].clone();
                let starts = now.plus_seconds(3_600 * (1 + self.random.below(100) as i64));
                vec![Change::Record { event: "booking", key, field: 0, value: Some(Value::Instant(starts)) }]
            }
            11 => {
                let list = self.random.one(&["friends", "no_mail"]);
                vec![Change::Member { person, list, is_member: self.random.below(3) > 0 }]
            }
            12 => {
                let (purpose, channel) =
                    (self.random.one(&["promotion", "survey"]), self.random.one(&[Channel::Email, Channel::Sms]));
                vec![self.consent(person, purpose, channel, now, today)]
            }
            // Somebody has had enough, perhaps of what waits for them, or comes back.
            13 | 14 => {
                let state = self.random.one(&[ConsentState::Withdrawn, ConsentState::Withdrawn, ConsentState::Given]);
                let all = ["promotion", "survey"]
                    .into_iter()
                    .flat_map(|purpose| [Channel::Email, Channel::Sms].map(|channel| (purpose, channel)));
                let said =
                    |(purpose, channel)| Change::Consent { person, purpose, channel, state, at: now, until: None };
                all.map(said).collect()
            }
            17..=19 => vec![self.leaving(person, row, now)],
            15 => {
                self.people += 1;
                self.patron(self.people - 1, true, now, today)
            }
            // What is unknown of somebody may have been known, and may be again.
            20 => {
                let field = match self.random.below(2) {
                    0 => ("level", self.random.once_in(2).then(|| Value::Int(2 + self.random.below(2) as i64))),
                    _ => ("history_opt_in", Some(Value::Bool(self.random.once_in(2)))),
                };
                vec![Change::Patron { person, is_new: false, fields: vec![field] }]
            }
            _ => {
                let field = match self.random.below(5) {
                    0 => ("house", place),
                    1 => ("level", (!self.random.once_in(3)).then(|| Value::Int(self.random.below(5) as i64))),
                    2 => {
                        let days = [4, 40][self.random.below(2) as usize];
                        ("ends", Some(Value::Date(today.plus_days(self.random.below(days) as i64))))
                    }
                    3 => ("history_opt_in", Some(Value::Bool(self.random.once_in(2)))),
                    _ => ("email", self.random.once_in(2).then(|| Value::text(&format!("new{person}@town.example")))),
                };
                vec![Change::Patron { person, is_new: false, fields: vec![field] }]
            }
        }
    }

    /// Addresses that are no good, and people who are no longer there.
    fn leaving(&mut self, person: u64, row: u64, now: Instant) -> Change {
        let channel = self.random.one(&[Channel::Email, Channel::Email, Channel::Sms]);
        let address = match (channel, self.random.below(4)) {
            (Channel::Sms, _) => phone(person),
            (_, 0) => format!("parent{person}@town.example"),
            (_, 1) => format!("New{person}@town.example"),
            _ => format!("p{person}@Town.example"),
        };
        match self.random.below(10) {
            0..=2 => {
                let event = self.random.one(&["bounced", "bounced", "complained"]);
                let hard = self.random.once_in(2);
                Change::Failed { person, event, channel, hard, key: format!("f{row}"), at: now.plus_seconds(-30) }
            }
            3..=5 => {
                let purpose = self.random.one(&[None, None, Some("promotion"), Some("survey")]);
                Change::Suppress { channel, address, purpose }
            }
            6 => Change::Lift { channel, address },
            7 => Change::Erase { person, never_again: self.random.once_in(2) },
            _ => Change::Merge { kept: person, double: (person + 1 + self.random.below(3)) % self.people },
        }
    }
}

pub fn key(person: u64) -> String {
    format!("p{person}")
}

fn phone(person: u64) -> String {
    format!("+1519555010{person}")
}

impl Change {
    /// Writes the row. What is about somebody or something that is not there changes nothing.
    pub fn write(
        &self,
        writer: &mut Writer<'_>,
        program: &Program,
        now: Instant,
        hashes: &HashKey,
    ) -> Result<(), StoreError> {
        let catalogue = &program.catalogue;
        let event = |name: &str| catalogue.event_named(Symbol::new(name)).expect("declared");
        match self {
            Change::Patron { person, is_new, fields } => {
                let field = |(name, value): &(&str, Option<Value>)| {
                    (catalogue.field_named(Symbol::new(name)).expect("declared"), value.clone())
                };
                let fields: Vec<_> = fields.iter().map(field).collect();
                writer.patron(&key(*person), is_new.then_some(now), &fields)?;
            }
            Change::Event { person, event: name, key: row, at, fields } => {
                let fields: Vec<_> = (0..).zip(fields.iter().cloned()).collect();
                if let Some(patron) = writer.patron_by_key(&key(*person))? {
                    writer.event(patron, event(name), Some(row), *at, &fields)?;
                }
            }
            Change::Record { event: name, key, field, value } => {
                let _ = writer.change_record(event(name), key, &[(*field, value.clone())]);
            }
            Change::Remove { event: name, key } => {
                writer.remove_record(event(name), key, now)?;
            }
            Change::Consent { person, purpose, channel, state, at, until } => {
                let purpose = catalogue.purpose_named(Symbol::new(purpose)).expect("declared");
                if let Some(patron) = writer.patron_by_key(&key(*person))? {
                    writer.consent(patron, purpose, *channel, *state, *at, *until)?;
                }
            }
            Change::Member { person, list, is_member } => {
                let list = catalogue.list_named(Symbol::new(list)).expect("declared");
                if let Some(patron) = writer.patron_by_key(&key(*person))? {
                    writer.member(patron, list, *is_member)?;
                }
            }
            Change::Failed { person, event: name, channel, hard, key: row, at } => {
                let id = event(name);
                let value = |field: &str| match field {
                    "channel" => symbol(channel.word()),
                    "hard" => Some(Value::Bool(*hard)),
                    _ => None,
                };
                let fields = &catalogue.event(id).fields;
                let fields: Vec<_> = (0..).zip(fields.iter().map(|field| value(field.name.as_str()))).collect();
                if let Some(patron) = writer.patron_by_key(&key(*person))? {
                    writer.event(patron, id, Some(row), *at, &fields)?;
                }
            }
            Change::Suppress { channel, address, purpose } => {
                let purpose = purpose.map(str::to_owned);
                let entry = Suppressed { purpose, reason: Suppression::Asked, at: now, note: String::new() };
                writer.suppress(&hashes.address(*channel, address), &entry)?;
            }
            Change::Lift { channel, address } => {
                writer.lift(&hashes.address(*channel, address), None, None, "a mistake")?;
            }
            Change::Erase { person, never_again } => {
                if let Some(patron) = writer.patron_by_key(&key(*person))? {
                    writer.erase_patron(patron, *never_again)?;
                }
            }
            // The engine's to do.
            Change::Merge { .. } => {}
        }
        Ok(())
    }
}
