//! Days, instants, durations and the library's zone. The arithmetic of section 7 of the language.
//!
//! Nothing here reads a clock. Months and years clamp to the last day of the month; a time of day that a
//! DST change skips is as much later as the gap is long, and one that occurs twice means the first (RFC 5545).

mod duration;
mod zone;

pub use duration::{Duration, Unit};
pub use zone::{UnknownZone, Zone};

use std::fmt;

use jiff::civil;

/// Microseconds in a second.
const MICROS: i64 = 1_000_000;

/// A calendar day, as days since 1970-01-01 (proleptic Gregorian).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(pub i32);

/// A point in time, as microseconds since 1970-01-01T00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Instant(pub i64);

/// A time of day in seconds since midnight; `24:00` (86,400) is the end of the day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TimeOfDay(pub u32);

/// A day of the week.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A calendar period relative to today: `this week`, `the previous month`, `the coming year`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Which {
    /// The one that holds today.
    This,
    /// The one before it.
    Previous,
    /// The one after it.
    Coming,
}

impl Day {
    /// The earliest day that arithmetic yields: -9999-01-01.
    pub const MIN: Day = Day(-4_371_587);
    /// The latest: 9999-12-30, so that its end is an instant too.
    pub const MAX: Day = Day(2_932_895);

    /// The day `year-month-day`, if there is one.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Day> {
        civil::Date::new(year, month, day).ok().map(Day::from_civil).filter(|day| *day <= Day::MAX)
    }

    /// From jiff's date.
    pub fn from_civil(date: civil::Date) -> Day {
        let epoch = civil::date(1970, 1, 1);
        let days = date.since((jiff::Unit::Day, epoch)).expect("both dates are in range").get_days();
        Day(days)
    }

    /// As jiff's date.
    pub fn civil(self) -> civil::Date {
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
        let z = i64::from(self.0) + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        civil::Date::new(year as i16, month as i8, day as i8).expect("Day::MIN..=Day::MAX is in jiff's range")
    }

    /// The day of the week.
    pub fn weekday(self) -> Weekday {
        // 1970-01-01 was a Thursday.
        Weekday::ALL[(self.0 + 3).rem_euclid(7) as usize]
    }

    /// `n` days later, clamped to the range of days.
    pub fn plus_days(self, n: i64) -> Day {
        Day((i64::from(self.0).saturating_add(n)).clamp(i64::from(Day::MIN.0), i64::from(Day::MAX.0)) as i32)
    }

    /// `n` months later; the day clamps to the last of the month.
    pub fn plus_months(self, n: i64) -> Day {
        let date = self.civil();
        let months = (i64::from(date.year()) * 12 + i64::from(date.month()) - 1).saturating_add(n);
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) as i8 + 1);
        if year > 9999 {
            return Day::MAX;
        }
        if year < -9999 {
            return Day::MIN;
        }
        let first = civil::date(year as i16, month, 1);
        let day = date.day().min(first.days_in_month());
        Day::from_civil(civil::date(year as i16, month, day)).min(Day::MAX)
    }

    /// The day this many calendar units later; hours and minutes count for nothing.
    pub fn plus(self, duration: Duration) -> Day {
        match duration.unit {
            Unit::Day => self.plus_days(duration.count),
            Unit::Week => self.plus_days(duration.count.saturating_mul(7)),
            Unit::Month => self.plus_months(duration.count),
            Unit::Year => self.plus_months(duration.count.saturating_mul(12)),
            Unit::Hour | Unit::Minute => self,
        }
    }

    /// First and last day of the calendar period of `unit` (week, month or year) that `which` names.
    pub fn period(self, which: Which, unit: Unit, week_starts: Weekday) -> (Day, Day) {
        let shift = match which {
            Which::This => 0,
            Which::Previous => -1,
            Which::Coming => 1,
        };
        let date = self.civil();
        let first = match unit {
            Unit::Month => Day::from_civil(date.first_of_month()),
            Unit::Year => Day::from_civil(date.first_of_year()),
            _ => self.plus_days(-i64::from((self.weekday() as i32 - week_starts as i32).rem_euclid(7))),
        };
        let one = Duration { count: 1, unit };
        let first = first.plus(Duration { count: shift, unit });
        (first, first.plus(one).plus_days(-1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.civil().fmt(f)
    }
}

impl Instant {
    /// `n` seconds later.
    pub fn plus_seconds(self, n: i64) -> Instant {
        Instant(self.0.saturating_add(n.saturating_mul(MICROS)))
    }

    /// Seconds since 1970-01-01T00:00Z, towards the past.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// As jiff's timestamp.
    pub fn timestamp(self) -> jiff::Timestamp {
        // Whole seconds: jiff's constructor refuses the fraction that its own maximum has.
        let (first, last) = (jiff::Timestamp::MIN.as_second() * MICROS, jiff::Timestamp::MAX.as_second() * MICROS);
        let clamped = self.0.clamp(first, last);
        jiff::Timestamp::from_microsecond(clamped).expect("clamped into range")
    }

    /// From jiff's timestamp.
    pub fn from_timestamp(timestamp: jiff::Timestamp) -> Instant {
        Instant(timestamp.as_microsecond())
    }
}

impl TimeOfDay {
    /// `hour:minute:second`; 24:00:00 is the end of the day.
    pub fn new(hour: u32, minute: u32, second: u32) -> Option<TimeOfDay> {
        let seconds = hour * 3600 + minute * 60 + second;
        (minute < 60 && second < 60 && seconds <= 86_400).then_some(TimeOfDay(seconds))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        write!(f, "{hour:02}:{minute:02}")?;
        if second > 0 { write!(f, ":{second:02}") } else { Ok(()) }
    }
}

impl Weekday {
    /// Monday to Sunday.
    pub const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    /// The word of the language.
    pub fn word(self) -> &'static str {
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"][self as usize]
    }

    /// The day that `word` names.
    pub fn from_word(word: &str) -> Option<Weekday> {
        Weekday::ALL.into_iter().find(|day| day.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::from_civil(text.parse().expect("a date"))
    }

    #[test]
    fn days_round_trip_through_civil_dates() {
        for n in (Day::MIN.0..=Day::MAX.0).step_by(997) {
            assert_eq!(Day::from_civil(Day(n).civil()), Day(n));
        }
        assert_eq!(Day::MIN.civil(), civil::date(-9999, 1, 1));
        assert_eq!(Day::MAX.civil(), civil::date(9999, 12, 30));
    }

    #[test]
    fn every_instant_is_a_timestamp() {
        for instant in [Instant(i64::MIN), Instant(0), Instant(i64::MAX)] {
            assert_eq!(Instant::from_timestamp(instant.timestamp()).timestamp(), instant.timestamp());
        }
    }

    #[test]
    fn months_clamp_to_the_last_day() {
        assert_eq!(day("2026-01-31").plus_months(1), day("2026-02-28"));
        assert_eq!(day("2024-02-29").plus_months(12), day("2025-02-28"));
        assert_eq!(day("2026-03-31").plus_months(-1), day("2026-02-28"));
        assert_eq!(day("9999-12-01").plus_months(5), Day::MAX);
    }

    #[test]
    fn periods_follow_the_first_day_of_the_week() {
        let monday = day("2026-11-23");
        assert_eq!(monday.weekday(), Weekday::Monday);
        assert_eq!(monday.period(Which::This, Unit::Week, Weekday::Monday), (monday, day("2026-11-29")));
        assert_eq!(monday.period(Which::This, Unit::Week, Weekday::Sunday), (day("2026-11-22"), day("2026-11-28")));
        assert_eq!(monday.period(Which::Coming, Unit::Month, Weekday::Monday), (day("2026-12-01"), day("2026-12-31")));
        assert_eq!(monday.period(Which::Previous, Unit::Year, Weekday::Monday), (day("2025-01-01"), day("2025-12-31")));
    }
}
