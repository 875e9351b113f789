//! The fifty segments written by hand over the same columns: what the native code is measured against.
//!
//! [`obvious`] is what one writes first: patron by patron, segment by segment, each count a loop over the patron's
//! events. [`tuned`] is what one writes when it has to be fast: 64 patrons at a time, sets of codes as tables, each kind
//! of events walked once for all counts, the newest first; a count without a condition is one look at the n-th last.

mod obvious;
mod tuned;

pub use obvious::obvious;
pub use tuned::tuned;

use bookmobile::catalogue::{Catalogue, Value};
use bookmobile::rule::columns::{Cells, Column, Columns, EVENT_EPOCH, Events};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Duration, Instant, Unit, Weekday, Which};

use crate::workload::TODAY;

/// Which codes of a column are meant; code 0 is the unknown.
pub type Set = [bool; 256];

/// A kind's events, and the conditions that the segments have on them.
pub struct Kind<'c> {
    pub events: &'c Events,
    pub sets: Vec<(&'c [u8], Set)>,
}

/// What is asked of the n-th field of an event.
type Condition<'h> = (usize, &'h dyn Fn(&Value) -> bool);

/// The columns by name, with what the segments ask of their codes.
pub struct Town<'c> {
    pub rows: usize,
    pub now: i64,
    pub birth: &'c [i32],
    pub registered: &'c [i32],
    pub expires: &'c [i32],
    pub seen: &'c [i32],
    pub fines: &'c [i64],
    pub email: &'c [u32],
    pub branch: &'c [u8],
    pub kind: &'c [u8],
    pub language: &'c [u8],
    pub household: &'c [u8],
    pub postal: &'c [u8],
    pub interests: &'c [u8],
    pub opt_in: &'c [u8],
    pub remote: &'c [u8],
    pub sets: Sets,
    pub checkout: Kind<'c>,
    pub ebook: Kind<'c>,
    pub visit: Kind<'c>,
    pub survey: Kind<'c>,
    pub mailing: Kind<'c>,
    pub link: Kind<'c>,
}

pub struct Sets {
    pub not_staff: Set,
    pub adult: Set,
    pub inner_branch: Set,
    pub mobile: Set,
    pub french: Set,
    pub english: Set,
    pub likes: Set,
    pub zone: Set,
    pub large: Set,
    pub yes: Set,
    pub no: Set,
}

pub fn codes(column: &Column) -> &[u8] {
    let Cells::Codes8(codes) = &column.cells else { panic!("the column has few values") };
    codes
}

fn days(column: &Column) -> &[i32] {
    let Cells::Days(days) = &column.cells else { panic!("the column holds dates") };
    days
}

fn set(column: &Column, holds: impl Fn(&Value) -> bool) -> Set {
    let mut set = [false; 256];
    for (index, value) in column.dictionary.iter().enumerate() {
        set[index + 1] = holds(value);
    }
    set
}

fn is(value: &Value, names: &[&str]) -> bool {
    matches!(value, Value::Symbol(name) if names.contains(&name.as_str()))
}

impl<'c> Town<'c> {
    pub fn new(catalogue: &Catalogue, columns: &'c Columns, now: Instant) -> Town<'c> {
        let field =
            |name: &str| columns.field(catalogue.field_named(Symbol::new(name)).expect("declared")).expect("wanted");
        let kind = |name: &str, conditions: &[Condition<'_>]| {
            let events = columns.events(catalogue.event_named(Symbol::new(name)).expect("declared")).expect("wanted");
            let condition = |(index, holds): &Condition<'_>| {
                let column = events.fields[*index].as_ref().expect("wanted");
                (codes(column), set(column, holds))
            };
            Kind { events, sets: conditions.iter().map(condition).collect() }
        };
        let Cells::Numbers(fines) = &field("fines").cells else { panic!("fines have many values") };
        let Cells::Codes32(email) = &field("email").cells else {
            panic!("the benchmark is for 100,000 patrons and more: of fewer the addresses fit into narrow codes")
        };
        let number = |value: &Value, holds: &dyn Fn(i64) -> bool| matches!(value, Value::Int(n) if holds(*n));
        let zone = |value: &Value| {
            let Value::Text(zone) = value else { return false };
            &**zone == "K1A" || zone.starts_with("M5")
        };
        let likes = |value: &Value| {
            let Value::Set(chosen) = value else { return false };
            chosen.iter().any(|value| is(value, &["gardening", "cooking"]))
        };
        let patron_type = field("patron_type");
        let (branch, language) = (field("branch"), field("language"));
        Town {
            rows: columns.len(),
            now: now.0,
            birth: days(field("birth_date")),
            registered: days(field("registered_on")),
            expires: days(field("expires_on")),
            seen: days(field("seen_on")),
            fines,
            email,
            branch: codes(branch),
            kind: codes(patron_type),
            language: codes(language),
            household: codes(field("household")),
            postal: codes(field("postal_zone")),
            interests: codes(field("interests")),
            opt_in: codes(field("history_opt_in")),
            remote: codes(field("remote")),
            sets: Sets {
                not_staff: set(patron_type, |value| !is(value, &["staff"])),
                adult: set(patron_type, |value| is(value, &["adult"])),
                inner_branch: set(branch, |value| is(value, &["central", "eastside", "harbour"])),
                mobile: set(branch, |value| is(value, &["mobile"])),
                french: set(language, |value| is(value, &["fr"])),
                english: set(language, |value| is(value, &["en"])),
                likes: set(field("interests"), likes),
                zone: set(field("postal_zone"), zone),
                large: set(field("household"), |value| number(value, &|n| n >= 4)),
                yes: set(field("history_opt_in"), |value| *value == Value::Bool(true)),
                no: set(field("remote"), |value| *value == Value::Bool(false)),
            },
            checkout: kind(
                "checkout",
                &[
                    (0, &|value| is(value, &["dvd"])),
                    (0, &|value| is(value, &["magazine"])),
                    (1, &|value| is(value, &["central"])),
                    (0, &|value| is(value, &["book"])),
                ],
            ),
            ebook: kind("ebook_loan", &[(0, &|value| is(value, &["ebook", "audiobook"]))]),
            visit: kind(
                "visit",
                &[
                    (0, &|value| is(value, &["storytime"])),
                    (0, &|value| is(value, &["chess", "makerspace"])),
                    (1, &|value| is(value, &["harbour", "lakeview", "online"])),
                ],
            ),
            survey: kind(
                "survey_answer",
                &[(0, &|value| number(value, &|n| n <= 5)), (0, &|value| number(value, &|n| n >= 9))],
            ),
            mailing: kind("mailing", &[(0, &|value| is(value, &["survey_ask"]))]),
            link: kind("followed_link", &[(0, &|value| is(value, &["invitation"]))]),
        }
    }
}

impl<'c> Town<'c> {
    /// In the order of the workload's kinds.
    pub fn kinds(&self) -> [&Kind<'c>; 6] {
        [&self.checkout, &self.ebook, &self.visit, &self.survey, &self.mailing, &self.link]
    }
}

/// The day so long before today.
pub fn ago(count: i64, unit: Unit) -> i32 {
    TODAY.plus(Duration { count: -count, unit }).0
}

pub fn month(which: Which) -> (Day, Day) {
    TODAY.period(which, Unit::Month, Weekday::Monday)
}

/// In days of events.
pub fn event_day(day: i32) -> i16 {
    (day - EVENT_EPOCH).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

pub fn since(count: i64, unit: Unit) -> i16 {
    event_day(ago(count, unit))
}

/// Before which birth date one is at least so old.
pub fn born(years: i64) -> i32 {
    ago(years, Unit::Year)
}
