//! Durations as the language writes them: a number of one unit.

use std::fmt;

/// A unit of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A number of one unit, such as `6 months`. Months and years have no fixed length, so two durations have no order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Duration {
    /// How many; negative reaches into the past.
    pub count: i64,
    /// Of what.
    pub unit: Unit,
}

impl Unit {
    /// From the shortest to the longest.
    pub const ALL: [Unit; 6] = [Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year];

    /// Hours and minutes are elapsed time; days and longer are local calendar time.
    pub fn is_elapsed(self) -> bool {
        matches!(self, Unit::Minute | Unit::Hour)
    }

    /// The singular.
    pub fn word(self) -> &'static str {
        ["minute", "hour", "day", "week", "month", "year"][self as usize]
    }

    /// The unit that a singular or plural word names.
    pub fn from_word(word: &str) -> Option<Unit> {
        let singular = word.strip_suffix('s').unwrap_or(word);
        Unit::ALL.into_iter().find(|unit| unit.word() == singular)
    }
}

impl Duration {
    /// A number of days.
    pub fn days(count: i64) -> Duration {
        Duration { count, unit: Unit::Day }
    }

    /// The same into the other direction.
    pub fn negated(self) -> Duration {
        Duration { count: self.count.saturating_neg(), ..self }
    }

    /// `n` times as long.
    pub fn times(self, n: i64) -> Duration {
        Duration { count: self.count.saturating_mul(n), ..self }
    }

    /// Seconds of elapsed time of a duration in hours or minutes.
    pub fn elapsed_seconds(self) -> Option<i64> {
        match self.unit {
            Unit::Minute => Some(self.count.saturating_mul(60)),
            Unit::Hour => Some(self.count.saturating_mul(3600)),
            _ => None,
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.count.abs() == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.count, self.unit.word())
    }
}
