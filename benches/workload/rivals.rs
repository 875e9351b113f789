//! The fifty segments written by hand over the same columns: what the native code is measured against.
//!
//! [`obvious`] is what one writes first: patron by patron, segment by segment, each count a loop over the patron's
//! events. [`tuned`] is what one writes when it has to be fast: 64 patrons at a time, sets of codes as tables, each kind
//! of events walked once for all counts, the newest first; a count without a condition is one look at the n-th last.

use bookmobile::catalogue::{Catalogue, Value};
use bookmobile::rule::columns::{BLOCK, Cells, Column, Columns, EVENT_EPOCH, Events};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Duration, Instant, Unit, Weekday, Which};
use rayon::prelude::*;

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
        let Cells::Codes32(email) = &field("email").cells else { panic!("everybody's address is another") };
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

/// What the segments want to know of a patron's events.
#[derive(Clone, Copy, Default)]
struct Seen {
    checkout_30: bool,
    checkout_30_2: bool,
    checkout_90_5: bool,
    checkout_6m: bool,
    checkout_1y_3: bool,
    checkout_since: bool,
    dvd_120: bool,
    magazine_1y: bool,
    book_1y_10: bool,
    this_month: bool,
    last_month: bool,
    ebook: bool,
    ebook_30_2: bool,
    ebook_90: bool,
    ebook_since: bool,
    sound_90_3: bool,
    visit_30: bool,
    visit_3m: bool,
    visit_90: bool,
    visit_1y_2: bool,
    visit_2y: bool,
    visit_2y_2: bool,
    visit_since: bool,
    visit_next: bool,
    visit_days: bool,
    storytime_60: bool,
    club_6m: bool,
    harbour_1y_2: bool,
    survey_30: bool,
    survey_1y: bool,
    survey_since: bool,
    low_1y: bool,
    high_6m: bool,
    mailing_14: bool,
    mailing_30_4: bool,
    mailing_60_3: bool,
    mailing_since_5: bool,
    asked_30: bool,
    link_30: bool,
    link_6m: bool,
    link_since: bool,
    invited_90: bool,
}

/// The fifty segments of one patron from the answers about their events: a bit each.
fn segments(town: &Town<'_>, row: usize, seen: &Seen) -> u64 {
    let sets = &town.sets;
    let today = TODAY.0;
    let between = |day: i32, first: i32, last: i32| first <= day && day <= last;
    let (birth, registered, expires) = (town.birth[row], town.registered[row], town.expires[row]);
    let born_known = birth != i32::MIN && birth <= today;
    let opted = sets.yes[usize::from(town.opt_in[row])];
    let email = town.email[row] != 0;
    let adult = sets.adult[usize::from(town.kind[row])];
    let english = sets.english[usize::from(town.language[row])];
    let seen_on = town.seen[row];
    let under = |years: i64| born_known && birth > born(years);
    let s01 = expires >= today && sets.not_staff[usize::from(town.kind[row])];
    let s02 = born_known && birth <= born(13) && birth > born(18);
    let s05 = town.fines[row] > 1_000;
    let s13 = opted && email && english;
    let s16 = opted && seen.checkout_30;
    let s21 = seen.visit_1y_2 && !seen.visit_3m;
    let s25 = seen.mailing_30_4 && !seen.link_6m;
    let s26 = opted && seen.dvd_120 && !seen.ebook;
    let s33 = seen.club_6m && under(20);
    let s38 = opted && (seen.ebook_30_2 || seen.checkout_30_2);
    let s41 = opted && !seen.checkout_since && between(registered, ago(2, Unit::Year), today);
    let s42 = !seen.visit_since && email;
    let s45 = !seen.survey_since && registered < ago(1, Unit::Year);
    let not_s43 = !opted || (born_known && birth <= born(40)) || seen.ebook_since;
    let (first, last) = month(Which::Previous);
    let all = [
        s01,
        s02,
        sets.inner_branch[usize::from(town.branch[row])] && sets.french[usize::from(town.language[row])],
        between(registered, ago(90, Unit::Day), today),
        s05,
        between(expires, today, today + 30),
        sets.likes[usize::from(town.interests[row])] && email,
        born_known && birth <= born(65) && !sets.mobile[usize::from(town.branch[row])],
        sets.zone[usize::from(town.postal[row])],
        sets.large[usize::from(town.household[row])] && adult,
        seen_on == i32::MIN || seen_on < ago(1, Unit::Year),
        between(registered, first.0, last.0),
        s13,
        sets.no[usize::from(town.remote[row])] && expires < today,
        between(registered, today - 400, today - 300) && town.fines[row] == 0,
        s16,
        opted && seen.checkout_90_5,
        opted && !seen.checkout_6m,
        opted && seen.sound_90_3,
        seen.storytime_60 && adult,
        s21,
        seen.low_1y,
        !seen.survey_1y && seen.mailing_60_3,
        seen.link_30,
        s25,
        s26,
        seen.visit_next,
        seen.visit_days,
        opted && seen.magazine_1y,
        opted && !seen.checkout_1y_3 && seen.ebook_90,
        seen.asked_30 && !seen.survey_30,
        opted && seen.book_1y_10,
        s33,
        seen.visit_2y && !seen.visit_2y_2,
        seen.invited_90 && seen.visit_90,
        opted && seen.high_6m && seen.checkout_6m && email,
        !seen.mailing_14 && seen.visit_30,
        s38,
        opted && seen.this_month && !seen.last_month,
        seen.harbour_1y_2,
        s41,
        s42,
        opted && !seen.ebook_since && under(40),
        !seen.link_since && seen.mailing_since_5,
        s45,
        s01 && s16 && !s05,
        s01 && (s21 || s26 || s25),
        s13 && !s16 && !s38,
        s02 || s33 && not_s43,
        s41 && s42 && s45 && email,
    ];
    all.iter().enumerate().fold(0, |bits, (index, holds)| bits | u64::from(*holds) << index)
}

/// A bitmap for each segment from the bits of each patron.
fn transposed(rows: usize, patron: impl Fn(usize) -> u64 + Sync) -> Vec<Vec<u64>> {
    let blocks = rows.div_ceil(BLOCK);
    let found: Vec<[u64; 50]> = (0..blocks)
        .into_par_iter()
        .map(|block| {
            let mut words = [0_u64; 50];
            for row in block * BLOCK..((block + 1) * BLOCK).min(rows) {
                let bits = patron(row);
                for (index, word) in words.iter_mut().enumerate() {
                    *word |= (bits >> index & 1) << (row % BLOCK);
                }
            }
            words
        })
        .collect();
    (0..50).map(|segment| found.iter().map(|words| words[segment]).collect()).collect()
}

/// One loop over the events for each question.
pub fn obvious(town: &Town<'_>) -> Vec<Vec<u64>> {
    transposed(town.rows, |row| {
        let count = |kind: &Kind<'_>, from: i16, conditions: &[usize]| {
            let events = kind.events;
            (events.offsets[row] as usize..events.offsets[row + 1] as usize)
                .filter(|event| events.at[*event] <= town.now && events.day[*event] >= from)
                .filter(|event| conditions.iter().all(|at| kind.sets[*at].1[usize::from(kind.sets[*at].0[*event])]))
                .count()
        };
        let always = i16::MIN;
        let registered = event_day(town.registered[row]);
        let (checkout, ebook, visit) = (&town.checkout, &town.ebook, &town.visit);
        let (survey, mailing, link) = (&town.survey, &town.mailing, &town.link);
        let [this_month, month_before] = [Which::This, Which::Previous].map(|which| event_day(month(which).0.0));
        let ahead = {
            let events = visit.events;
            let (first, last) = (event_day(TODAY.0), event_day(TODAY.0 + 14));
            (events.offsets[row] as usize..events.offsets[row + 1] as usize)
                .any(|event| first <= events.day[event] && events.day[event] <= last)
        };
        let dates = {
            let events = visit.events;
            let from = since(90, Unit::Day);
            let mut dates: Vec<i16> = (events.offsets[row] as usize..events.offsets[row + 1] as usize)
                .filter(|event| events.at[*event] <= town.now && events.day[*event] >= from)
                .map(|event| events.day[event])
                .collect();
            dates.dedup();
            dates.len()
        };
        let seen = Seen {
            checkout_30: count(checkout, since(30, Unit::Day), &[]) >= 1,
            checkout_30_2: count(checkout, since(30, Unit::Day), &[]) >= 2,
            checkout_90_5: count(checkout, since(90, Unit::Day), &[]) >= 5,
            checkout_6m: count(checkout, since(6, Unit::Month), &[]) >= 1,
            checkout_1y_3: count(checkout, since(1, Unit::Year), &[]) >= 3,
            checkout_since: count(checkout, registered, &[]) >= 1,
            dvd_120: count(checkout, since(120, Unit::Day), &[0]) >= 1,
            magazine_1y: count(checkout, since(1, Unit::Year), &[1, 2]) >= 1,
            book_1y_10: count(checkout, since(1, Unit::Year), &[3]) >= 10,
            this_month: count(checkout, this_month, &[]) >= 1,
            last_month: count(checkout, month_before, &[]) > count(checkout, this_month, &[]),
            ebook: count(ebook, always, &[]) >= 1,
            ebook_30_2: count(ebook, since(30, Unit::Day), &[]) >= 2,
            ebook_90: count(ebook, since(90, Unit::Day), &[]) >= 1,
            ebook_since: count(ebook, registered, &[]) >= 1,
            sound_90_3: count(ebook, since(90, Unit::Day), &[0]) >= 3,
            visit_30: count(visit, since(30, Unit::Day), &[]) >= 1,
            visit_3m: count(visit, since(3, Unit::Month), &[]) >= 1,
            visit_90: count(visit, since(90, Unit::Day), &[]) >= 1,
            visit_1y_2: count(visit, since(1, Unit::Year), &[]) >= 2,
            visit_2y: count(visit, since(2, Unit::Year), &[]) >= 1,
            visit_2y_2: count(visit, since(2, Unit::Year), &[]) >= 2,
            visit_since: count(visit, registered, &[]) >= 1,
            visit_next: ahead,
            visit_days: dates >= 3,
            storytime_60: count(visit, since(60, Unit::Day), &[0]) >= 1,
            club_6m: count(visit, since(6, Unit::Month), &[1]) >= 1,
            harbour_1y_2: count(visit, since(1, Unit::Year), &[2]) >= 2,
            survey_30: count(survey, since(30, Unit::Day), &[]) >= 1,
            survey_1y: count(survey, since(1, Unit::Year), &[]) >= 1,
            survey_since: count(survey, registered, &[]) >= 1,
            low_1y: count(survey, since(1, Unit::Year), &[0]) >= 1,
            high_6m: count(survey, since(6, Unit::Month), &[1]) >= 1,
            mailing_14: count(mailing, since(14, Unit::Day), &[]) >= 1,
            mailing_30_4: count(mailing, since(30, Unit::Day), &[]) >= 4,
            mailing_60_3: count(mailing, since(60, Unit::Day), &[]) >= 3,
            mailing_since_5: count(mailing, registered, &[]) >= 5,
            asked_30: count(mailing, since(30, Unit::Day), &[0]) >= 1,
            link_30: count(link, since(30, Unit::Day), &[]) >= 1,
            link_6m: count(link, since(6, Unit::Month), &[]) >= 1,
            link_since: count(link, registered, &[]) >= 1,
            invited_90: count(link, since(90, Unit::Day), &[0]) >= 1,
        };
        segments(town, row, &seen)
    })
}

/// The answers about events, each a bit of a patron's word.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Bit {
    Checkout30,
    Checkout30x2,
    Checkout90x5,
    Checkout6m,
    Checkout1yx3,
    CheckoutSince,
    Dvd,
    Magazine,
    Book,
    ThisMonth,
    LastMonth,
    Ebook,
    Ebook30x2,
    Ebook90,
    EbookSince,
    Sound,
    Visit30,
    Visit3m,
    Visit90,
    Visit1yx2,
    Visit2y,
    Visit2yx2,
    VisitSince,
    VisitNext,
    VisitDays,
    Storytime,
    Club,
    Harbour,
    Survey30,
    Survey1y,
    SurveySince,
    Low,
    High,
    Mailing14,
    Mailing30x4,
    Mailing60x3,
    MailingSince5,
    Asked,
    Link30,
    Link6m,
    LinkSince,
    Invited,
}

/// A patron's events of a kind, those that have happened last.
struct List<'c> {
    day: &'c [i16],
    low: usize,
    seen: usize,
    high: usize,
}

impl<'c> List<'c> {
    fn of(kind: &Kind<'c>, row: usize, now: i64, today: i16) -> List<'c> {
        let events = kind.events;
        let (low, high) = (events.offsets[row] as usize, events.offsets[row + 1] as usize);
        let mut seen = high;
        while seen > low && events.day[seen - 1] >= today && events.at[seen - 1] > now {
            seen -= 1;
        }
        List { day: &events.day, low, seen, high }
    }

    /// Whether there are `n` since a day: a matter of the n-th last.
    fn has(&self, n: usize, from: i16, bit: Bit) -> u64 {
        let enough = self.seen - self.low >= n;
        let place = if enough { self.seen - n } else { self.low };
        u64::from(enough & (self.day[place] >= from)) << bit as u32
    }

    /// Calls for the events since a day, the newest first.
    fn since(&self, from: i16, mut each: impl FnMut(usize, i16)) {
        let mut at = self.seen;
        while at > self.low {
            at -= 1;
            let day = self.day[at];
            if day < from {
                break;
            }
            each(at, day);
        }
    }
}

/// 64 truths of a column's rows.
fn word(holds: impl Fn(usize) -> bool) -> u64 {
    let mut bytes = [0_u8; BLOCK];
    for (row, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from(holds(row));
    }
    bytes.chunks_exact(8).enumerate().fold(0, |word, (part, eight)| {
        let eight = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
        word | eight.wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * part)
    })
}

/// Rows become columns (Hacker's Delight, 7-3).
fn transpose(bits: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, 0xffff_ffff_u64);
    while width != 0 {
        let mut at = 0;
        while at < 64 {
            let swapped = (bits[at] >> width ^ bits[at + width]) & mask;
            bits[at] ^= swapped << width;
            bits[at + width] ^= swapped;
            at = (at + width + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

/// 64 patrons at a time; see the module.
pub fn tuned(town: &Town<'_>) -> Vec<Vec<u64>> {
    let blocks = town.rows.div_ceil(BLOCK);
    let mut all = vec![[0_u64; 50]; blocks];
    all.par_chunks_mut(256).enumerate().for_each(|(chunk, words)| {
        for (index, words) in words.iter_mut().enumerate() {
            *words = tuned_block(town, (chunk * 256 + index) * BLOCK);
        }
    });
    let spare = blocks * BLOCK - town.rows;
    let mut found: Vec<Vec<u64>> = (0..50).map(|segment| all.iter().map(|words| words[segment]).collect()).collect();
    found.iter_mut().for_each(|words| words[blocks - 1] &= u64::MAX >> spare);
    found
}

fn tuned_block(town: &Town<'_>, first: usize) -> [u64; 50] {
    let today = event_day(TODAY.0);
    let [d14, d30, d60, d90, d120] = [14, 30, 60, 90, 120].map(|days| since(days, Unit::Day));
    let [m3, m6] = [3, 6].map(|months| since(months, Unit::Month));
    let [y1, y2] = [1, 2].map(|years| since(years, Unit::Year));
    let [this_month, month_before] = [Which::This, Which::Previous].map(|which| event_day(month(which).0.0));
    let next = event_day(TODAY.0 + 14);
    let mut bits = [0_u64; 64];
    let rows = first..(first + BLOCK).min(town.rows);
    let holds = |kind: &Kind<'_>, at: usize, event: usize| kind.sets[at].1[usize::from(kind.sets[at].0[event])];
    for (row, bits) in rows.clone().zip(&mut bits) {
        let list = List::of(&town.checkout, row, town.now, today);
        if list.low == list.high {
            continue;
        }
        let mut found = list.has(1, d30, Bit::Checkout30)
            | list.has(2, d30, Bit::Checkout30x2)
            | list.has(5, d90, Bit::Checkout90x5)
            | list.has(1, m6, Bit::Checkout6m)
            | list.has(3, y1, Bit::Checkout1yx3)
            | list.has(1, event_day(town.registered[row]), Bit::CheckoutSince);
        let mut books = 0;
        list.since(y1, |event, day| {
            books += u32::from(holds(&town.checkout, 3, event));
            let magazine = holds(&town.checkout, 1, event) & holds(&town.checkout, 2, event);
            found |= u64::from(magazine) << Bit::Magazine as u32;
            found |= u64::from(holds(&town.checkout, 0, event) & (day >= d120)) << Bit::Dvd as u32;
            found |= u64::from(day >= this_month) << Bit::ThisMonth as u32;
            found |= u64::from((day >= month_before) & (day < this_month)) << Bit::LastMonth as u32;
        });
        *bits |= found | u64::from(books >= 10) << Bit::Book as u32;
    }
    for (row, bits) in rows.clone().zip(&mut bits) {
        let list = List::of(&town.ebook, row, town.now, today);
        if list.low == list.high {
            continue;
        }
        let mut sound = 0;
        list.since(d90, |event, _| sound += u32::from(holds(&town.ebook, 0, event)));
        *bits |= list.has(1, i16::MIN, Bit::Ebook)
            | list.has(2, d30, Bit::Ebook30x2)
            | list.has(1, d90, Bit::Ebook90)
            | list.has(1, event_day(town.registered[row]), Bit::EbookSince)
            | u64::from(sound >= 3) << Bit::Sound as u32;
    }
    for (row, bits) in rows.clone().zip(&mut bits) {
        let list = List::of(&town.visit, row, town.now, today);
        if list.low == list.high {
            continue;
        }
        let mut found = list.has(1, d30, Bit::Visit30)
            | list.has(1, m3, Bit::Visit3m)
            | list.has(1, d90, Bit::Visit90)
            | list.has(2, y1, Bit::Visit1yx2)
            | list.has(1, y2, Bit::Visit2y)
            | list.has(2, y2, Bit::Visit2yx2)
            | list.has(1, event_day(town.registered[row]), Bit::VisitSince);
        let (mut dates, mut last, mut harbour) = (0, i16::MIN, 0);
        list.since(y1, |event, day| {
            dates += u32::from((day >= d90) & (day != last));
            last = day;
            found |= u64::from(holds(&town.visit, 0, event) & (day >= d60)) << Bit::Storytime as u32;
            found |= u64::from(holds(&town.visit, 1, event) & (day >= m6)) << Bit::Club as u32;
            harbour += u32::from(holds(&town.visit, 2, event));
        });
        let mut ahead = list.high;
        while ahead > list.low && list.day[ahead - 1] >= today {
            ahead -= 1;
            found |= u64::from(list.day[ahead] <= next) << Bit::VisitNext as u32;
        }
        *bits |=
            found | u64::from(dates >= 3) << Bit::VisitDays as u32 | u64::from(harbour >= 2) << Bit::Harbour as u32;
    }
    for (row, bits) in rows.clone().zip(&mut bits) {
        let list = List::of(&town.survey, row, town.now, today);
        if list.low == list.high {
            continue;
        }
        let mut found = list.has(1, d30, Bit::Survey30)
            | list.has(1, y1, Bit::Survey1y)
            | list.has(1, event_day(town.registered[row]), Bit::SurveySince);
        list.since(y1, |event, day| {
            found |= u64::from(holds(&town.survey, 0, event)) << Bit::Low as u32;
            found |= u64::from(holds(&town.survey, 1, event) & (day >= m6)) << Bit::High as u32;
        });
        *bits |= found;
    }
    for (row, bits) in rows.clone().zip(&mut bits) {
        let list = List::of(&town.mailing, row, town.now, today);
        let mut found = list.has(1, d14, Bit::Mailing14)
            | list.has(4, d30, Bit::Mailing30x4)
            | list.has(3, d60, Bit::Mailing60x3)
            | list.has(5, event_day(town.registered[row]), Bit::MailingSince5);
        list.since(d30, |event, _| found |= u64::from(holds(&town.mailing, 0, event)) << Bit::Asked as u32);
        *bits |= found;
    }
    for (row, bits) in rows.zip(&mut bits) {
        let list = List::of(&town.link, row, town.now, today);
        let mut found = list.has(1, d30, Bit::Link30)
            | list.has(1, m6, Bit::Link6m)
            | list.has(1, event_day(town.registered[row]), Bit::LinkSince);
        list.since(d90, |event, _| found |= u64::from(holds(&town.link, 0, event)) << Bit::Invited as u32);
        *bits |= found;
    }
    transpose(&mut bits);
    algebra(town, first, &bits)
}

/// The fifty words of a block from those of the answers about events.
fn algebra(town: &Town<'_>, first: usize, seen: &[u64; 64]) -> [u64; 50] {
    let is = |bit: Bit| seen[bit as usize];
    let sets = &town.sets;
    let in_set = |codes: &[u8], set: &Set| word(|row| set[usize::from(codes[first + row])]);
    let after = |days: &[i32], from: i32| {
        let days: &[i32; BLOCK] = days[first..first + BLOCK].try_into().expect("columns are padded");
        word(|row| days[row] >= from)
    };
    let today = TODAY.0;
    let (birth, registered, expires) = (town.birth, town.registered, town.expires);
    let born_known = after(birth, i32::MIN + 1) & !after(birth, today + 1);
    let older = |years: i64| born_known & !after(birth, born(years) + 1);
    let between = |days: &[i32], least: i32, most: i32| after(days, least) & !after(days, most + 1);
    let opted = in_set(town.opt_in, &sets.yes);
    let email = word(|row| town.email[first + row] != 0);
    let adult = in_set(town.kind, &sets.adult);
    let s01 = after(expires, today) & in_set(town.kind, &sets.not_staff);
    let s02 = older(13) & !older(18);
    let s05 = word(|row| town.fines[first + row] > 1_000);
    let s13 = opted & email & in_set(town.language, &sets.english);
    let s16 = opted & is(Bit::Checkout30);
    let s21 = is(Bit::Visit1yx2) & !is(Bit::Visit3m);
    let s25 = is(Bit::Mailing30x4) & !is(Bit::Link6m);
    let s26 = opted & is(Bit::Dvd) & !is(Bit::Ebook);
    let s33 = is(Bit::Club) & born_known & !older(20);
    let s38 = opted & (is(Bit::Ebook30x2) | is(Bit::Checkout30x2));
    let s41 = opted & !is(Bit::CheckoutSince) & between(registered, ago(2, Unit::Year), today);
    let s42 = !is(Bit::VisitSince) & email;
    let s45 = !is(Bit::SurveySince) & !after(registered, ago(1, Unit::Year));
    let not_s43 = !opted | older(40) | is(Bit::EbookSince);
    let (first_day, last_day) = month(Which::Previous);
    [
        s01,
        s02,
        in_set(town.branch, &sets.inner_branch) & in_set(town.language, &sets.french),
        between(registered, ago(90, Unit::Day), today),
        s05,
        between(expires, today, today + 30),
        in_set(town.interests, &sets.likes) & email,
        older(65) & !in_set(town.branch, &sets.mobile),
        in_set(town.postal, &sets.zone),
        in_set(town.household, &sets.large) & adult,
        !after(town.seen, ago(1, Unit::Year)),
        between(registered, first_day.0, last_day.0),
        s13,
        in_set(town.remote, &sets.no) & !after(expires, today),
        between(registered, today - 400, today - 300) & word(|row| town.fines[first + row] == 0),
        s16,
        opted & is(Bit::Checkout90x5),
        opted & !is(Bit::Checkout6m),
        opted & is(Bit::Sound),
        is(Bit::Storytime) & adult,
        s21,
        is(Bit::Low),
        !is(Bit::Survey1y) & is(Bit::Mailing60x3),
        is(Bit::Link30),
        s25,
        s26,
        is(Bit::VisitNext),
        is(Bit::VisitDays),
        opted & is(Bit::Magazine),
        opted & !is(Bit::Checkout1yx3) & is(Bit::Ebook90),
        is(Bit::Asked) & !is(Bit::Survey30),
        opted & is(Bit::Book),
        s33,
        is(Bit::Visit2y) & !is(Bit::Visit2yx2),
        is(Bit::Invited) & is(Bit::Visit90),
        opted & is(Bit::High) & is(Bit::Checkout6m) & email,
        !is(Bit::Mailing14) & is(Bit::Visit30),
        s38,
        opted & is(Bit::ThisMonth) & !is(Bit::LastMonth),
        is(Bit::Harbour),
        s41,
        s42,
        opted & !is(Bit::EbookSince) & born_known & !older(40),
        !is(Bit::LinkSince) & is(Bit::MailingSince5),
        s45,
        s01 & s16 & !s05,
        s01 & (s21 | s26 | s25),
        s13 & !s16 & !s38,
        s02 | s33 & not_s43,
        s41 & s42 & s45 & email,
    ]
}
