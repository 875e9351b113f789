//! The interpreter's selections: which events count, how many, in which order.
//!
//! Each event counts for certain, only possibly, or not (section 6). A condition over a selection reads one of the two
//! bounds; its validity is that of the events which decide it.

use super::answer::{Held, NEVER};
use super::calendar::Cut;
use super::interpret::Asked;
use super::rules::{Bound, Counted, SelectionId, WindowId, WindowNode};
use super::window::{Bounds, Place, cut_of};
use crate::catalogue::Value;
use crate::rule::{CountTest, EventRow};
use crate::time::{Day, Duration, Instant, Unit};

/// The bounds of a selection's window, and until when they are that (unless they follow from the clock: then each
/// event has its own turn).
pub(super) struct SelectionBounds {
    bounds: Bounds,
    until: Instant,
}

impl<'a, 'q> Asked<'_, 'a, 'q> {
    /// The events that a selection is about.
    pub(super) fn rows(&self, selection: SelectionId) -> &'q [EventRow] {
        self.question.facts.events(self.interpreter.rules.selection(selection).event)
    }

    pub(super) fn selection_bounds<const V: bool>(&mut self, selection: SelectionId) -> SelectionBounds {
        match self.interpreter.rules.selection(selection).window {
            Some(window) => {
                let (bounds, until) = self.bounds::<V>(window, None);
                SelectionBounds { bounds, until }
            }
            None => SelectionBounds { bounds: Bounds::EVERYTHING, until: NEVER },
        }
    }

    pub(super) fn bounds<const V: bool>(&mut self, id: WindowId, row: Option<&'q EventRow>) -> (Bounds, Instant) {
        let rules = self.interpreter.rules;
        let window = rules.window(id);
        if window.is_of_the_clock() {
            if let Some(bounds) = self.interpreter.windows[id.0 as usize] {
                return (bounds, NEVER);
            }
            let week_starts = self.interpreter.world.week_starts;
            let bounds = window.clock_bounds(&self.moment(), week_starts, &self.interpreter.calendar);
            self.interpreter.windows[id.0 as usize] = Some(bounds);
            return (bounds, NEVER);
        }
        let mut until = NEVER;
        let mut edge = |value, past| {
            let (known, its_until) = self.known_for::<V>(value, row);
            until = until.min(its_until);
            cut_of(known.as_ref(), past, &self.interpreter.calendar)
        };
        let bounds = match window {
            WindowNode::Since { from, after } => Bounds { from: edge(*from, *after), ..Bounds::EVERYTHING },
            WindowNode::Before(to) => Bounds { to: edge(*to, false), ..Bounds::EVERYTHING },
            WindowNode::Between { from, after, to } => {
                Bounds { from: edge(*from, *after), to: edge(*to, true), ahead: false }
            }
            WindowNode::Last(_) | WindowNode::Next(_) | WindowNode::Period { .. } => Bounds::EVERYTHING,
        };
        (bounds, until)
    }

    /// Where a date or an instant that is no event's lies, and until when.
    pub(super) fn value_place<const V: bool>(
        &mut self,
        value: &Value,
        window: WindowId,
        row: Option<&'q EventRow>,
    ) -> (Place, Instant) {
        let (bounds, until) = self.bounds::<V>(window, row);
        let calendar = &self.interpreter.calendar;
        let (place, at, day) = match value {
            Value::Date(day) => (bounds.place_day(*day, calendar), None, *day),
            Value::Instant(at) => (bounds.place(*at, calendar), Some(*at), Day::MIN),
            _ => return (Place::Maybe, until),
        };
        (place, if V { until.min(self.turn(window, at, day)) } else { NEVER })
    }

    /// On which side of a window with known bounds a date or an instant lies.
    pub(super) fn value_side(
        &mut self,
        value: &Value,
        window: WindowId,
        row: Option<&'q EventRow>,
    ) -> Option<std::cmp::Ordering> {
        let (bounds, _) = self.bounds::<false>(window, row);
        let calendar = &self.interpreter.calendar;
        match value {
            Value::Date(day) => bounds.side_of_day(*day, calendar),
            Value::Instant(at) => bounds.side(*at, calendar),
            _ => None,
        }
    }

    /// When something enters or leaves a window of the clock.
    fn turn(&self, window: WindowId, at: Option<Instant>, day: Day) -> Instant {
        let window = self.interpreter.rules.window(window);
        if !window.is_of_the_clock() {
            return NEVER;
        }
        let calendar = &self.interpreter.calendar;
        let day = at.map_or(day, |at| calendar.day(at));
        window.turn(at, day, &self.moment(), self.interpreter.world.week_starts, calendar)
    }

    /// Whether an event counts, for certain or possibly.
    pub(super) fn counts<const V: bool>(
        &mut self,
        selection: SelectionId,
        window: &SelectionBounds,
        row: &'q EventRow,
        bound: Bound,
    ) -> Held {
        let node = self.interpreter.rules.selection(selection);
        let seen = match window.bounds.ahead || row.at <= self.question.now {
            true => Held::always(true),
            false => Held { holds: false, until: row.at },
        };
        let place = window.bounds.place(row.at, &self.interpreter.calendar);
        let inside = match bound {
            Bound::Certain => place == Place::In,
            Bound::Possible => place != Place::Out,
        };
        let there = seen.holds && inside;
        if !V && !there {
            return Held::always(false);
        }
        let admitted = match bound {
            Bound::Certain => self.node::<V>(node.certain, Some(row)),
            Bound::Possible => self.node::<V>(node.excluded, Some(row)).negated(),
        };
        if !V {
            return admitted;
        }
        let turn = node.window.map_or(NEVER, |id| self.turn(id, Some(row.at), Day::MIN));
        seen.and(Held { holds: inside, until: window.until.min(turn) }).and(admitted)
    }

    /// How many events or distinct local dates count, and until when none enters or leaves.
    pub(super) fn count<const V: bool>(
        &mut self,
        selection: SelectionId,
        counted: Counted,
        bound: Bound,
    ) -> (i64, Instant) {
        let rows = self.rows(selection);
        let window = self.selection_bounds::<V>(selection);
        let (mut count, mut until) = (0, NEVER);
        let mut days = Vec::new();
        for row in rows {
            let held = self.counts::<V>(selection, &window, row, bound);
            until = until.min(held.until);
            if held.holds {
                count += 1;
                if counted == Counted::Days {
                    days.push(self.interpreter.calendar.day(row.at));
                }
            }
        }
        (if counted == Counted::Days { distinct(&mut days) } else { count }, until)
    }

    pub(super) fn at_least<const V: bool>(
        &mut self,
        selection: SelectionId,
        counted: Counted,
        bound: Bound,
        n: i64,
    ) -> Held {
        if n <= 0 {
            return Held::always(true);
        }
        if counted == Counted::Days {
            let (count, until) = self.count::<V>(selection, counted, bound);
            return Held { holds: count >= n, until };
        }
        let rows = self.rows(selection);
        let window = self.selection_bounds::<V>(selection);
        let (mut count, mut leave, mut enter) = (0, Vec::new(), Vec::new());
        for row in rows {
            let held = self.counts::<V>(selection, &window, row, bound);
            count += i64::from(held.holds);
            match (V, held.holds) {
                (true, true) => leave.push(held.until),
                (true, false) => enter.push(held.until),
                (false, _) if count >= n => return Held::always(true),
                (false, _) => {}
            }
        }
        if !V {
            return Held::always(false);
        }
        // Enough as long as n of those that count stay; too few until as many as are missing have entered.
        match count >= n {
            true => {
                leave.sort_unstable_by(|left, right| right.cmp(left));
                Held { holds: true, until: nth(&leave, n) }
            }
            false => {
                enter.sort_unstable();
                Held { holds: false, until: nth(&enter, n - count) }
            }
        }
    }

    pub(super) fn followed<const V: bool>(
        &mut self,
        first: SelectionId,
        second: SelectionId,
        within: Duration,
        bound: Bound,
    ) -> Held {
        let (firsts, seconds) = (self.rows(first), self.rows(second));
        let windows = (self.selection_bounds::<V>(first), self.selection_bounds::<V>(second));
        let mut changes = NEVER;
        let mut then: Vec<(Instant, Instant)> = Vec::new();
        if firsts.is_empty() || seconds.is_empty() {
            return Held::always(false);
        }
        for row in seconds {
            let held = self.counts::<V>(second, &windows.1, row, bound);
            match held.holds {
                true => then.push((row.at, held.until)),
                false => changes = changes.min(held.until),
            }
        }
        if !V && then.is_empty() {
            return Held::always(false);
        }
        // From the latest on: in a window that moves, it is the last to leave.
        for row in firsts.iter().rev() {
            let held = self.counts::<V>(first, &windows.0, row, bound);
            if !held.holds {
                changes = changes.min(held.until);
                continue;
            }
            let last = self.last_cut(row.at, within);
            let calendar = &self.interpreter.calendar;
            let after = &then[then.partition_point(|(at, _)| *at <= row.at)..];
            let found = after.iter().find(|(at, _)| calendar.before(*at, last));
            if let Some((_, until)) = found {
                return Held { holds: true, until: held.until.min(*until) };
            }
        }
        Held { holds: false, until: changes }
    }

    /// What comes before it is at most `within` later than `at`.
    fn last_cut(&self, at: Instant, within: Duration) -> Cut {
        match within.elapsed_seconds() {
            Some(seconds) => Cut::At(Instant(at.plus_seconds(seconds).0.saturating_add(1))),
            None => {
                let calendar = &self.interpreter.calendar;
                calendar.cut(calendar.day(at).plus(within).plus_days(1))
            }
        }
    }

    /// At least `at_least` of the last `of` periods pass the test of counts.
    pub(super) fn periods<const V: bool>(
        &mut self,
        selection: SelectionId,
        test: CountTest,
        at_least: i64,
        (of, unit): (i64, Unit),
        bound: Bound,
    ) -> Held {
        let calendar_day = |asked: &Self, at| asked.interpreter.calendar.day(at);
        let today = self.moment().today;
        let start = |k: i64| today.plus(Duration { count: k.saturating_neg(), unit });
        let (rows, window) = (self.rows(selection), self.selection_bounds::<V>(selection));
        let mut until = NEVER;
        let mut counts: Vec<(i64, i64, i64)> = Vec::new();
        for row in rows {
            let day = calendar_day(self, row.at);
            if day <= start(of) {
                continue;
            }
            let certain = self.counts::<V>(selection, &window, row, Bound::Certain);
            let possible = self.counts::<V>(selection, &window, row, Bound::Possible);
            // Those inside change their period at every midnight.
            until = until.min(certain.until).min(possible.until).min(self.next_midnight());
            if !possible.holds || day > today {
                continue;
            }
            let k = period_of(day, of, start);
            let entry = (k, i64::from(certain.holds), 1);
            match counts.iter_mut().find(|(period, ..)| *period == k) {
                Some((_, least, most)) => (*least, *most) = (*least + entry.1, *most + 1),
                None => counts.push(entry),
            }
        }
        let passes = |least: i64, most: i64| match (test, bound) {
            (CountTest::AtLeast(n), Bound::Certain) => least >= n,
            (CountTest::AtLeast(n), Bound::Possible) => most >= n,
            (CountTest::AtMost(n), Bound::Certain) => most <= n,
            (CountTest::AtMost(n), Bound::Possible) => least <= n,
            (CountTest::Exactly(n), Bound::Certain) => least == n && most == n,
            (CountTest::Exactly(n), Bound::Possible) => least <= n && n <= most,
        };
        let with_rows = counts.iter().filter(|(_, least, most)| passes(*least, *most)).count() as i64;
        let empty = if passes(0, 0) { of.max(0) - counts.len() as i64 } else { 0 };
        Held { holds: with_rows + empty >= at_least, until: if V { until } else { NEVER } }
    }

    fn next_midnight(&self) -> Instant {
        self.interpreter.calendar.starts(self.moment().today.plus_days(1))
    }
}

/// The k from 1 with `start(k) < day <= start(k - 1)`, for a day after `start(of)` and up to today.
fn period_of(day: Day, of: i64, start: impl Fn(i64) -> Day) -> i64 {
    let (mut outside, mut inside) = (0, of);
    while inside - outside > 1 {
        let middle = outside + (inside - outside) / 2;
        if start(middle) < day { inside = middle } else { outside = middle }
    }
    inside
}

/// How many different days there are.
fn distinct(days: &mut Vec<Day>) -> i64 {
    days.sort_unstable();
    days.dedup();
    days.len() as i64
}

/// The n-th from 1, or never.
fn nth(instants: &[Instant], n: i64) -> Instant {
    usize::try_from(n - 1).ok().and_then(|index| instants.get(index)).copied().unwrap_or(NEVER)
}
