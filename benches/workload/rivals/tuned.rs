//! What one writes when it has to be fast: 64 patrons at a time, each kind of events walked once, the newest first.

use bookmobile::rule::columns::BLOCK;
use bookmobile::time::{Unit, Which};
use rayon::prelude::*;

use super::{Kind, Set, Town, ago, born, event_day, month, since};
use crate::workload::TODAY;

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
