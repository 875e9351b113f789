//! What one writes first: patron by patron, segment by segment, each count a loop over the patron's events.

use bookmobile::rule::columns::BLOCK;
use bookmobile::time::{Unit, Which};
use rayon::prelude::*;

use super::{Kind, Town, ago, born, event_day, month, since};
use crate::workload::TODAY;

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
