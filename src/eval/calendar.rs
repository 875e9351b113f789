//! Local dates of instants, quickly: a date's first instant is found once, events are compared with it.
//!
//! That is exact wherever the local date never falls. Where a zone repeated a date ([`Zone::repeated_dates`]), an
//! instant up to the end of the last such stretch is compared by its date itself.

use std::cell::RefCell;

use super::answer::NEVER;
use crate::time::{Day, Instant, Zone};

#[derive(Clone, Debug)]
pub(super) struct Calendar<'a> {
    pub zone: &'a Zone,
    /// Ascending.
    repeated: &'a [(Instant, Instant)],
    /// From here on the local date never falls.
    steady: Instant,
    /// The first instants of the days of [`REMEMBERED`], as far as they were asked for: a zone takes a hundred times
    /// as long to find one. In pages, since most questions are about a few years.
    starts: RefCell<Vec<Option<Box<Page>>>>,
}

/// About a year.
const PAGE: usize = 256;

type Page = [Option<Instant>; PAGE];

/// 1970 to 2105.
const REMEMBERED: std::ops::Range<i32> = 0..50_000;

/// A place in time that parts what comes before it from the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cut {
    At(Instant),
    /// The beginning of a local date, and its first instant.
    Day(Day, Instant),
}

impl<'a> Calendar<'a> {
    pub(super) fn new(zone: &'a Zone) -> Calendar<'a> {
        let repeated = zone.repeated_dates();
        let steady = repeated.last().map_or(Instant(i64::MIN), |(_, end)| *end);
        Calendar { zone, repeated, steady, starts: RefCell::new(vec![None; REMEMBERED.len().div_ceil(PAGE)]) }
    }

    /// From here on the local date never falls.
    pub(super) fn steady(&self) -> Instant {
        self.steady
    }

    /// The first instant of a date.
    pub(super) fn start_of(&self, day: Day) -> Instant {
        if !REMEMBERED.contains(&day.0) {
            return self.zone.start_of(day);
        }
        let index = (day.0 - REMEMBERED.start) as usize;
        let mut pages = self.starts.borrow_mut();
        let page = pages[index / PAGE].get_or_insert_with(|| Box::new([None; PAGE]));
        *page[index % PAGE].get_or_insert_with(|| self.zone.start_of(day))
    }

    /// The local date of an instant.
    pub(super) fn day(&self, at: Instant) -> Day {
        const DAY: i64 = 86_400;
        let Ok(utc) = i32::try_from(at.seconds().div_euclid(DAY)) else { return self.zone.day(at) };
        if at < self.steady || !REMEMBERED.contains(&(utc - 1)) || !REMEMBERED.contains(&(utc + 2)) {
            return self.zone.day(at);
        }
        // The local date is that of UTC, or a neighbour. Of a date that a zone skipped the first instant is that of
        // the next one, so the latest date that has begun is meant.
        let begun = [utc + 1, utc].into_iter().find(|day| self.start_of(Day(*day)) <= at);
        Day(begun.unwrap_or(utc - 1))
    }

    /// The beginning of a date.
    pub(super) fn cut(&self, day: Day) -> Cut {
        Cut::Day(day, self.start_of(day))
    }

    /// Whether `at` comes before the cut.
    pub(super) fn before(&self, at: Instant, cut: Cut) -> bool {
        match cut {
            Cut::Day(day, _) if at < self.steady => self.zone.day(at) < day,
            Cut::At(instant) | Cut::Day(_, instant) => at < instant,
        }
    }

    /// The first instant after `now` at which the local date falls, or stops to be a repeated one: no validity that
    /// rests on dates reaches beyond it.
    pub(super) fn next_break(&self, now: Instant) -> Instant {
        if now >= self.steady {
            return NEVER;
        }
        let edges = self.repeated.iter().flat_map(|(from, to)| [*from, *to]);
        edges.filter(|edge| *edge > now).min().unwrap_or(NEVER)
    }

    /// Whether some instant of the stretch has a repeated date.
    pub(super) fn repeats_within(&self, from: Instant, to: Instant) -> bool {
        from < self.steady && self.repeated.iter().any(|(start, end)| *start <= to && from <= *end)
    }

    /// When today becomes `day`, for a day that is not past: its first instant.
    pub(super) fn starts(&self, day: Day) -> Instant {
        if day >= Day::MAX { NEVER } else { self.start_of(day) }
    }
}
