//! Windows (section 7): which instants and dates lie in one, and when that changes.

use std::cmp::Ordering;

use super::answer::NEVER;
use super::calendar::{Calendar, Cut};
use super::rules::WindowNode;
use crate::catalogue::Value;
use crate::rule::function::Moment;
use crate::time::{Day, Duration, Instant, Weekday, Which};

/// What a window means at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Inside from this cut on.
    pub from: Edge,
    /// Up to this cut.
    pub to: Edge,
    /// Whether events of the future are seen.
    pub ahead: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Edge {
    Open,
    Cut(Cut),
    Unknown,
}

/// Where something lies with regard to a window; `Maybe` if a bound is unknown and the other does not decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    In,
    Out,
    Maybe,
}

impl Bounds {
    pub(super) const EVERYTHING: Bounds = Bounds { from: Edge::Open, to: Edge::Open, ahead: false };

    /// Where an instant lies.
    pub(super) fn place(&self, at: Instant, calendar: &Calendar<'_>) -> Place {
        self.place_by(|cut| calendar.before(at, cut))
    }

    /// Where a date lies: by itself against dates, by its first instant against instants.
    pub(super) fn place_day(&self, day: Day, calendar: &Calendar<'_>) -> Place {
        self.place_by(|cut| before_cut(day, cut, calendar))
    }

    /// On which side of the window an instant lies; `None` if a bound is unknown.
    pub(super) fn side(&self, at: Instant, calendar: &Calendar<'_>) -> Option<Ordering> {
        self.side_by(|cut| calendar.before(at, cut))
    }

    /// As [`Bounds::side`], of a date.
    pub(super) fn side_of_day(&self, day: Day, calendar: &Calendar<'_>) -> Option<Ordering> {
        self.side_by(|cut| before_cut(day, cut, calendar))
    }

    fn side_by(&self, before: impl Fn(Cut) -> bool) -> Option<Ordering> {
        match (self.from, self.to) {
            (Edge::Unknown, _) | (_, Edge::Unknown) => None,
            (Edge::Cut(cut), _) if before(cut) => Some(Ordering::Less),
            (_, Edge::Cut(cut)) if !before(cut) => Some(Ordering::Greater),
            _ => Some(Ordering::Equal),
        }
    }

    fn place_by(&self, before: impl Fn(Cut) -> bool) -> Place {
        let from = match self.from {
            Edge::Open => Place::In,
            Edge::Unknown => Place::Maybe,
            Edge::Cut(cut) if before(cut) => return Place::Out,
            Edge::Cut(_) => Place::In,
        };
        match self.to {
            Edge::Open => from,
            Edge::Unknown => Place::Maybe,
            Edge::Cut(cut) if before(cut) => from,
            Edge::Cut(_) => Place::Out,
        }
    }
}

/// Whether a date comes before a cut: by itself against dates, by its first instant against instants.
fn before_cut(day: Day, cut: Cut, calendar: &Calendar<'_>) -> bool {
    match cut {
        Cut::Day(bound, _) => day < bound,
        Cut::At(bound) => calendar.start_of(day) < bound,
    }
}

impl WindowNode {
    /// Whether the bounds follow from the clock alone.
    pub(super) fn is_of_the_clock(&self) -> bool {
        matches!(self, WindowNode::Last(_) | WindowNode::Next(_) | WindowNode::Period { .. })
    }

    /// The bounds of a window that follows from the clock.
    pub(super) fn clock_bounds(&self, moment: &Moment<'_>, week_starts: Weekday, calendar: &Calendar<'_>) -> Bounds {
        let (now, today) = (moment.now, moment.today);
        let days = |first: Day, last: Day, ahead| Bounds {
            from: Edge::Cut(calendar.cut(first)),
            to: Edge::Cut(calendar.cut(last.plus_days(1))),
            ahead,
        };
        // Instants are whole microseconds: an end that is included is one later, excluded.
        let instants = |from: Instant, to: Instant, ahead| Bounds {
            from: Edge::Cut(Cut::At(from)),
            to: Edge::Cut(Cut::At(Instant(to.0.saturating_add(1)))),
            ahead,
        };
        match *self {
            WindowNode::Last(duration) => match duration.elapsed_seconds() {
                Some(seconds) => instants(now.plus_seconds(seconds.saturating_neg()), now, false),
                None => days(today.plus(duration.negated()), today, false),
            },
            WindowNode::Next(duration) => match duration.elapsed_seconds() {
                Some(seconds) => instants(now, now.plus_seconds(seconds), true),
                None => days(today, today.plus(duration), true),
            },
            WindowNode::Period { which, unit } => {
                let (first, last) = today.period(which, unit, week_starts);
                days(first, last, which == Which::Coming)
            }
            WindowNode::Since { .. } | WindowNode::Before(_) | WindowNode::Between { .. } => Bounds::EVERYTHING,
        }
    }

    /// The next instant at which something of this date and instant enters or leaves a window of the clock.
    pub(super) fn turn(
        &self,
        at: Option<Instant>,
        day: Day,
        moment: &Moment<'_>,
        week_starts: Weekday,
        calendar: &Calendar<'_>,
    ) -> Instant {
        let (now, today) = (moment.now, moment.today);
        if let (WindowNode::Last(duration) | WindowNode::Next(duration), Some(at)) = (self, at)
            && let Some(seconds) = duration.elapsed_seconds()
        {
            let (enters, leaves) = match self {
                WindowNode::Last(_) => (at, Instant(at.plus_seconds(seconds).0.saturating_add(1))),
                _ => (at.plus_seconds(seconds.saturating_neg()), Instant(at.0.saturating_add(1))),
            };
            return [enters, leaves].into_iter().find(|turn| *turn > now).unwrap_or(NEVER);
        }
        // The days of which it is inside: from `enters` up to the one before `leaves`.
        let (enters, leaves) = match *self {
            WindowNode::Last(duration) => (day, first_day_past(day, duration)),
            WindowNode::Next(duration) => (first_day_before(day, duration), day.plus_days(1)),
            WindowNode::Period { which, unit } => {
                let mirrored = match which {
                    Which::This => Which::This,
                    Which::Previous => Which::Coming,
                    Which::Coming => Which::Previous,
                };
                let (first, last) = day.period(mirrored, unit, week_starts);
                (first, last.plus_days(1))
            }
            WindowNode::Since { .. } | WindowNode::Before(_) | WindowNode::Between { .. } => return NEVER,
        };
        [enters, leaves].into_iter().find(|turn| *turn > today).map_or(NEVER, |turn| calendar.starts(turn))
    }
}

/// The first `t` with `t - duration > day`. It is `day + duration + 1 day` or, where months clamp, up to 3 days later.
fn first_day_past(day: Day, duration: Duration) -> Day {
    let mut turn = day.plus(duration).plus_days(1);
    while turn < Day::MAX && turn.plus(duration.negated()) <= day {
        turn = turn.plus_days(1);
    }
    turn
}

/// The first `t` with `t + duration >= day`: `day - duration`, or up to 3 days later.
fn first_day_before(day: Day, duration: Duration) -> Day {
    let mut turn = day.plus(duration.negated());
    while turn < Day::MAX && turn.plus(duration) < day {
        turn = turn.plus_days(1);
    }
    turn
}

/// The cut that a bound means: `past` if what is equal to it lies before the cut.
pub(super) fn cut_of(value: Option<&Value>, past: bool, calendar: &Calendar<'_>) -> Edge {
    match value {
        Some(Value::Date(day)) => Edge::Cut(calendar.cut(day.plus_days(i64::from(past)))),
        Some(Value::Instant(at)) => Edge::Cut(Cut::At(Instant(at.0.saturating_add(i64::from(past))))),
        _ => Edge::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Unit;

    #[test]
    fn the_turning_days_are_the_first_ones() {
        let start = Day::new(2023, 12, 1).expect("a date");
        for unit in [Unit::Day, Unit::Week, Unit::Month, Unit::Year] {
            for count in 0..4 {
                let duration = Duration { count, unit };
                for day in (0..500).map(|n| start.plus_days(n)) {
                    let past = first_day_past(day, duration);
                    assert!(past.plus(duration.negated()) > day, "{day} {duration}");
                    assert!(past.plus_days(-1).plus(duration.negated()) <= day, "{day} {duration}");
                    let before = first_day_before(day, duration);
                    assert!(before.plus(duration) >= day, "{day} {duration}");
                    assert!(before.plus_days(-1).plus(duration) < day, "{day} {duration}");
                }
            }
        }
    }
}
