//! The occurrences of `every …` and `once …`: which instants a schedule names.

use crate::program::Schedule;
use crate::time::{Day, Instant, TimeOfDay, Weekday, Zone};

/// A schedule with its time of day in the library's zone.
#[derive(Clone, Copy, Debug)]
pub struct Timetable<'p> {
    pub schedule: &'p Schedule,
    pub at: TimeOfDay,
    pub zone: &'p Zone,
}

impl Timetable<'_> {
    /// The latest occurrence at or before `now`, if one lies within the last four years (of `every N weeks` and
    /// `once`: at all).
    pub fn latest(&self, now: Instant) -> Option<Instant> {
        if let Schedule::Once(day) = self.schedule {
            return Some(self.zone.at(*day, self.at)).filter(|&instant| instant <= now);
        }
        let today = self.zone.day(now);
        (0..=self.span())
            .map(|back| today.plus_days(-back))
            .filter(|&day| self.holds(day))
            .map(|day| self.on(day))
            .find(|&instant| instant <= now)
    }

    /// The first occurrence after `after`.
    pub fn next(&self, after: Instant) -> Option<Instant> {
        if let Schedule::Once(day) = self.schedule {
            return Some(self.zone.at(*day, self.at)).filter(|&instant| instant > after);
        }
        // One day back: an occurrence at 24:00 belongs to the date before its instant.
        let mut first = self.zone.day(after).plus_days(-1);
        if let Schedule::Weeks { from, .. } = self.schedule {
            first = first.max(*from);
        }
        (0..=self.span())
            .map(|on| first.plus_days(on))
            .filter(|&day| self.holds(day))
            .map(|day| self.on(day))
            .find(|&instant| instant > after)
    }

    fn on(&self, day: Day) -> Instant {
        self.zone.at(day, self.at)
    }

    /// Days within which every schedule occurs at least once.
    fn span(&self) -> i64 {
        match self.schedule {
            Schedule::Weeks { every, .. } => every.saturating_mul(7).saturating_add(7).min(100_000),
            _ => 370,
        }
    }

    /// Whether the schedule names this local date.
    fn holds(&self, day: Day) -> bool {
        let date = day.civil();
        match self.schedule {
            Schedule::Daily => true,
            Schedule::Weekdays(weekdays) => weekdays.contains(&day.weekday()),
            Schedule::Weeks { every, on, from } => {
                let first = first_weekday(*from, *on);
                let days = i64::from(day.0) - i64::from(first.0);
                days >= 0 && days % every.saturating_mul(7).max(7) == 0
            }
            Schedule::MonthDay(number) => i64::from(date.day()) == (*number).min(i64::from(date.days_in_month())),
            Schedule::MonthWeekday { nth, weekday } => {
                let is_last = day.plus_days(7).civil().month() != date.month();
                day.weekday() == *weekday && if *nth < 0 { is_last } else { (date.day() - 1) / 7 + 1 == *nth }
            }
            Schedule::MonthLastDay => date.day() == date.days_in_month(),
            Schedule::Year { month, day: number } => {
                date.month() as u8 == *month && i64::from(date.day()) == (*number).min(i64::from(date.days_in_month()))
            }
            Schedule::Once(only) => day == *only,
        }
    }
}

/// The first such weekday on or after `day`.
pub fn first_weekday(day: Day, weekday: Weekday) -> Day {
    day.plus_days(i64::from((weekday as i32 - day.weekday() as i32).rem_euclid(7)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(schedule: &Schedule, at: (u32, u32), from: &str, count: usize) -> Vec<String> {
        let zone = Zone::named("America/Toronto").expect("a zone");
        let table = Timetable { schedule, at: TimeOfDay::new(at.0, at.1, 0).expect("a time"), zone: &zone };
        let mut after = Instant::from_timestamp(from.parse().expect("a timestamp"));
        let mut found = Vec::new();
        for _ in 0..count {
            let Some(next) = table.next(after) else { break };
            assert_eq!(table.latest(next), Some(next), "an occurrence is the latest at its own instant");
            assert!(table.latest(Instant(next.0 - 1)).is_none_or(|earlier| earlier <= after));
            found.push(zone.civil(next).strftime("%Y-%m-%d %H:%M").to_string());
            after = next;
        }
        found
    }

    #[test]
    fn every_month_on_the_31st_clamps() {
        assert_eq!(
            list(&Schedule::MonthDay(31), (9, 0), "2027-01-31T14:00:00Z", 3),
            ["2027-02-28 09:00", "2027-03-31 09:00", "2027-04-30 09:00"]
        );
    }

    #[test]
    fn every_other_tuesday_counts_from_the_first_on_or_after_the_date() {
        let from = Day::new(2026, 11, 25).expect("a day");
        let weeks = Schedule::Weeks { every: 2, on: Weekday::Tuesday, from };
        assert_eq!(list(&weeks, (9, 0), "2026-01-01T00:00:00Z", 2), ["2026-12-01 09:00", "2026-12-15 09:00"]);
    }

    #[test]
    fn the_29th_of_february_is_the_28th_in_common_years() {
        let leap = Schedule::Year { month: 2, day: 29 };
        assert_eq!(list(&leap, (9, 0), "2027-01-01T00:00:00Z", 2), ["2027-02-28 09:00", "2028-02-29 09:00"]);
    }

    #[test]
    fn weekdays_of_a_month_and_its_last_day() {
        let second = Schedule::MonthWeekday { nth: 2, weekday: Weekday::Tuesday };
        assert_eq!(list(&second, (9, 0), "2026-11-23T00:00:00Z", 2), ["2026-12-08 09:00", "2027-01-12 09:00"]);
        let last = Schedule::MonthWeekday { nth: -1, weekday: Weekday::Monday };
        assert_eq!(list(&last, (9, 0), "2026-11-23T00:00:00Z", 2), ["2026-11-30 09:00", "2026-12-28 09:00"]);
        assert_eq!(list(&Schedule::MonthLastDay, (24, 0), "2026-11-23T00:00:00Z", 1), ["2026-12-01 00:00"]);
    }

    #[test]
    fn a_skipped_time_of_day_is_later_by_the_gap() {
        let daily = list(&Schedule::Daily, (2, 30), "2027-03-13T00:00:00Z", 3);
        assert_eq!(daily, ["2027-03-13 02:30", "2027-03-14 03:30", "2027-03-15 02:30"]);
    }

    #[test]
    fn once_is_once() {
        let day = Day::new(2026, 12, 23).expect("a day");
        assert_eq!(list(&Schedule::Once(day), (10, 0), "2026-11-23T00:00:00Z", 3), ["2026-12-23 10:00"]);
    }
}
