//! One reader: who they are, and the life of their card up to the last day of the demo.
//!
//! A pure function of (seed, number of the reader): readers can be made in any order and in parallel. What happens
//! after the first day is kept apart, a day at a time, as a night's export of the library system would bring it.

use super::activity;
use super::names::{STREETS, TONGUES, ZONES};
use super::random::Random;
use super::schema::{Fields, Schema, symbol};
use super::town::{BRANCHES, Programme};
use crate::catalogue::{Channel, EventId, ListId, PurposeId, Value};
use crate::rule::{Consent, ConsentState};
use crate::time::{Day, Instant};

/// What the demo store is to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Readers, newcomers of the days to come included.
    pub patrons: u64,
    pub seed: u64,
    /// The day of the first import.
    pub today: Day,
    /// How many days follow, each with an import of its own.
    pub days: i64,
}

/// Rows of one import.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rows {
    /// The reader as the library system now has them; `None`: unchanged.
    pub fields: Option<Fields>,
    pub events: Vec<(EventId, Instant, Fields)>,
    /// With their keys.
    pub records: Vec<(EventId, String, Instant, Fields)>,
    pub consents: Vec<Consent>,
    pub lists: Vec<ListId>,
}

/// A reader with all that the demo tells of them.
#[derive(Clone, PartialEq, Debug)]
pub struct Reader {
    /// The number on the card.
    pub key: String,
    /// By day: 0 is the first import. Ascending, at most one entry a day.
    pub imports: Vec<(i64, Rows)>,
}

/// What decides the rest of a reader's life.
pub(super) struct Life {
    pub random: Random,
    pub fields: Fields,
    pub branch: &'static str,
    pub joined: Day,
    /// Day of the demo on which the reader registers; 0: is there already.
    pub arrives: i64,
    pub is_young: bool,
    pub opted_in: bool,
    /// Heavy-tailed: most are 1 to 3.
    pub appetite: i64,
    pub last_active: Option<Day>,
    pub imports: Vec<(i64, Rows)>,
}

impl Life {
    /// The rows of a day's import.
    pub fn rows(&mut self, day: i64) -> &mut Rows {
        let at = self.imports.partition_point(|(imported, _)| *imported < day);
        if self.imports.get(at).is_none_or(|(imported, _)| *imported != day) {
            self.imports.insert(at, (day, Rows::default()));
        }
        &mut self.imports[at].1
    }
}

/// The reader `number` of the plan.
pub fn reader(schema: &Schema<'_>, plan: &Plan, calendar: &[Programme], number: u64) -> Reader {
    let mut random = Random::new(plan.seed, number);
    let mut life = person(schema, plan, &mut random, number);
    let first = life.fields.clone();
    let arrives = life.arrives;
    life.rows(arrives).fields = Some(first);
    agreements(schema, plan, &mut life);
    activity::fill(schema, plan, calendar, &mut life, number);
    Reader { key: barcode(number), imports: life.imports }
}

/// A fourteen-digit library barcode: patron, institution, number, check digit (Luhn).
fn barcode(number: u64) -> String {
    let digits = format!("2{:04}{number:08}", 1_407);
    let weighted = digits.bytes().enumerate().map(|(index, byte)| {
        let digit = u32::from(byte - b'0') * if index % 2 == 0 { 2 } else { 1 };
        digit / 10 + digit % 10
    });
    let check = (10 - weighted.sum::<u32>() % 10) % 10;
    format!("{digits}{check}")
}

fn person(schema: &Schema<'_>, plan: &Plan, random: &mut Random, number: u64) -> Life {
    let columns = &schema.patron;
    let mut fields: Fields = vec![None; schema.catalogue.fields.len()];
    let mut set = |column: usize, value: Value| fields[column] = Some(value);

    let tongues: Vec<(usize, i64)> = TONGUES.iter().map(|tongue| tongue.percent).enumerate().collect();
    let tongue = &TONGUES[random.weighted(&tongues)];
    let last = if random.chance(93) { tongue.last } else { random.pick(TONGUES).last };
    let (first_name, last_name) = (*random.pick(tongue.first), *random.pick(last));
    let arrives = if random.below(1_000) < plan.days { random.between(1, plan.days) } else { 0 };
    let branches: Vec<(&'static str, i64)> = BRANCHES.iter().map(|branch| (branch.name, branch.percent)).collect();
    let branch = random.weighted(&branches);
    let patron_type = random.weighted(&[("adult", 61), ("senior", 16), ("child", 14), ("teen", 8), ("staff", 1)]);
    let has_card = arrives > 0 || !random.chance(3);
    let years = match patron_type {
        "child" => random.between(4, 12),
        "teen" => random.between(13, 17),
        "senior" => random.between(65, 92),
        _ => random.between(18, 64),
    };
    let birth_date = plan.today.plus_months(-12 * years).plus_days(-random.below(365));
    let is_young = years < 18;

    let longest = if random.chance(12) { 90 } else { 4_000 };
    let joined = match arrives {
        0 => plan.today.plus_days(-random.between(1, longest)),
        day => plan.today.plus_days(day),
    };
    // Born after joining, or joining after the last day: neither happens.
    let joined = joined.max(birth_date.plus_days(60));
    // Most readers were here lately; some have drifted away; some never came.
    let since = match random.weighted(&[(0, 52), (1, 20), (2, 22), (3, 6)]) {
        0 => Some(random.between(0, 6) * random.between(0, 9)),
        1 => Some(random.between(60, 300)),
        2 => Some(random.between(300, 1_500)),
        _ => None,
    };
    let last_active = match arrives {
        0 => since.map(|days| plan.today.plus_days(-days).max(joined)).filter(|_| has_card),
        _ => None,
    };
    // A card is good for two years, and is renewed by who comes.
    let expires_on = match last_active {
        _ if arrives > 0 => joined.plus_months(24),
        Some(day) => joined.plus_days(730 * ((day.0 - joined.0) as i64 / 730 + 1)),
        None => joined.plus_months(24),
    };

    if random.chance(97) {
        set(columns.first_name, Value::text(first_name));
        set(columns.last_name, Value::text(last_name));
    }
    if random.chance(88) || is_young {
        set(columns.birth_date, Value::Date(birth_date));
    }
    set(columns.branch, symbol(branch));
    set(columns.patron_type, symbol(patron_type));
    let speaks_french = random.chance(if tongue.is_french { 78 } else { 3 });
    set(columns.language, symbol(if speaks_french { "fr" } else { "en" }));
    set(columns.registered_on, Value::Date(joined));
    set(columns.expires_on, Value::Date(expires_on));
    if let Some(day) = last_active {
        set(columns.last_active, Value::Date(day));
    }
    if random.chance(94) {
        set(columns.street, Value::text(&format!("{} {}", random.between(1, 240), random.pick(STREETS))));
        set(columns.city, Value::text("Pine River"));
        set(columns.postal_zone, Value::text(random.weighted(ZONES)));
    }
    let owes = random.chance(11);
    let fines = if owes { 25 * random.heavy(7) } else { 0 };
    set(columns.fines, Value::Money(fines));
    let mailbox = mailbox(first_name, last_name, number);
    if random.chance(if is_young { 55 } else { 74 }) {
        set(columns.email, Value::text(&mailbox));
    }
    if random.chance(58) {
        set(columns.phone, Value::text(&format!("+1 613 555 01{:02}", random.below(100))));
    }
    if is_young && random.chance(70) {
        set(columns.guardian_email, Value::text(&format!("parent.{mailbox}")));
    }
    let mut interests: Vec<&str> = ["cooking", "crafts", "games", "gardening", "history", "stories"].into();
    interests.retain(|_| random.chance(14));
    set(columns.interests, Value::Set(interests.into_iter().map(symbol).collect()));
    let opted_in = has_card && random.chance(42);
    set(columns.history_opt_in, Value::Bool(opted_in));
    set(columns.has_card, Value::Bool(has_card));
    let appetite = random.heavy(7);
    Life {
        random: random.clone(),
        fields,
        branch,
        joined,
        arrives,
        is_young,
        opted_in,
        appetite,
        last_active,
        imports: Vec::new(),
    }
}

/// `ada.obrien17@mail.example`: nobody's address, since nothing is delivered to `.example`.
fn mailbox(first: &str, last: &str, number: u64) -> String {
    let plain = |name: &str| name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    let (first, last) = (plain(first), plain(last));
    let dot = if first.is_empty() || last.is_empty() { "" } else { "." };
    format!("{first}{dot}{last}{number}@mail.example")
}

fn agreements(schema: &Schema<'_>, plan: &Plan, life: &mut Life) {
    let arrives = life.arrives;
    let mut consents = Vec::new();
    let mut agree = |random: &mut Random, percent: i64, purpose: PurposeId, channel: Channel| {
        if !random.chance(percent) {
            return;
        }
        let oldest = (plan.today.0 - life.joined.0).clamp(0, 900) as i64;
        let on = if arrives > 0 { life.joined } else { plan.today.plus_days(-random.between(0, oldest)) };
        let state =
            random.weighted(&[(ConsentState::Given, 91), (ConsentState::Withdrawn, 6), (ConsentState::Asked, 3)]);
        consents.push(Consent { purpose, channel, state, on, until: None });
    };
    let random = &mut life.random;
    if life.fields[schema.patron.email].is_some() || life.fields[schema.patron.guardian_email].is_some() {
        agree(random, 58, schema.promotion, Channel::Email);
        agree(random, 31, schema.feedback, Channel::Email);
        agree(random, 14, schema.fundraising, Channel::Email);
    }
    if life.fields[schema.patron.phone].is_some() {
        agree(random, 9, schema.promotion, Channel::Sms);
    }
    if life.fields[schema.patron.street].is_some() {
        agree(random, 5, schema.fundraising, Channel::Print);
    }
    let mut lists = Vec::new();
    if !life.is_young && life.random.chance(3) {
        lists.push(schema.friends);
    }
    if life.random.below(1_000) < 7 {
        lists.push(schema.do_not_disturb);
    }
    let rows = life.rows(arrives);
    rows.consents = consents;
    rows.lists = lists;
}

#[cfg(test)]
mod tests {
    use super::{barcode, mailbox};

    #[test]
    fn a_barcode_has_fourteen_digits_and_passes_luhn() {
        for number in [0, 1, 17, 99_999_999] {
            let code = barcode(number);
            assert_eq!(code.len(), 14);
            let sum: u32 = code
                .bytes()
                .rev()
                .enumerate()
                .map(|(index, byte)| u32::from(byte - b'0') * if index % 2 == 1 { 2 } else { 1 })
                .map(|digit| digit / 10 + digit % 10)
                .sum();
            assert_eq!(sum % 10, 0, "{code}");
        }
    }

    #[test]
    fn an_address_is_plain_whatever_the_name() {
        assert_eq!(mailbox("Zoë", "O'Brien", 3), "zo.obrien3@mail.example");
        assert_eq!(mailbox("李娜", "Wang", 4), "wang4@mail.example");
    }
}
