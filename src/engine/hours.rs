//! When a message may be delivered: the library's quiet hours and the campaign's `deliver` clause.

use crate::catalogue::TimeWindow;
use crate::program::Deliver;
use crate::time::{Day, Instant, TimeOfDay, Weekday, Zone};

/// The hours that hold for one message.
#[derive(Clone, Debug)]
pub struct Hours<'p> {
    zone: &'p Zone,
    /// Closed then.
    quiet: Option<TimeWindow>,
    /// Open only on these days; empty: all.
    on: &'p [Weekday],
    /// Open only then.
    between: Option<TimeWindow>,
}

impl<'p> Hours<'p> {
    /// The library's hours narrowed (or, with `at any hour`, lifted) by the campaign's clause.
    pub fn new(zone: &'p Zone, quiet: Option<TimeWindow>, deliver: &'p Deliver) -> Hours<'p> {
        let (on, between): (&[Weekday], _) = match deliver {
            Deliver::Default | Deliver::AnyHour => (&[], None),
            Deliver::Narrow { on, between } => (on, *between),
        };
        Hours { zone, quiet: quiet.filter(|_| *deliver != Deliver::AnyHour), on, between }
    }

    /// Whether `instant` is inside.
    pub fn open(&self, instant: Instant) -> bool {
        let time = self.zone.time_of_day(instant);
        let is_quiet = self.quiet.is_some_and(|quiet| quiet.contains(time));
        let narrowed_out = self.between.is_some_and(|between| !between.contains(time));
        let other_day = !self.on.is_empty() && !self.on.contains(&self.zone.day(instant).weekday());
        !is_quiet && !narrowed_out && !other_day
    }

    /// The first instant at or after `from` that is inside; `None` if none is within the next weeks.
    pub fn next_open(&self, from: Instant) -> Option<Instant> {
        if self.open(from) {
            return Some(from);
        }
        let today = self.zone.day(from);
        let opening = (0..=15)
            .find_map(|ahead| self.openings(today.plus_days(ahead)).filter(|&at| at >= from && self.open(at)).min())?;
        // A clock that is put forward skips over their beginning; one that is put back comes to an open hour again.
        let change = self.zone.next_transition(from).filter(|&at| self.open(at));
        Some(change.map_or(opening, |change| opening.min(change)))
    }

    /// The instants of a date at which the hours may begin.
    fn openings(&self, day: Day) -> impl Iterator<Item = Instant> {
        let times = [Some(TimeOfDay(0)), self.quiet.map(|quiet| quiet.to), self.between.map(|between| between.from)];
        times.into_iter().flatten().map(move |time| self.zone.at(day, time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(hour: u32) -> TimeOfDay {
        TimeOfDay::new(hour, 0, 0).expect("a time")
    }

    fn next(deliver: &Deliver, from: &str) -> String {
        let zone = Zone::named("America/Toronto").expect("a zone");
        let hours = Hours::new(&zone, Some(TimeWindow { from: time(21), to: time(8) }), deliver);
        let day = Day::from_civil(from[..10].parse().expect("a date"));
        let at = TimeOfDay::new(from[11..13].parse().expect("an hour"), from[14..].parse().expect("a minute"), 0);
        let opening = hours.next_open(zone.at(day, at.expect("a time"))).expect("an opening");
        zone.civil(opening).strftime("%Y-%m-%d %H:%M").to_string()
    }

    #[test]
    fn quiet_hours_are_closed_at_the_start_and_open_at_the_end() {
        assert_eq!(next(&Deliver::Default, "2026-11-25 20:59"), "2026-11-25 20:59");
        assert_eq!(next(&Deliver::Default, "2026-11-25 21:00"), "2026-11-26 08:00");
        assert_eq!(next(&Deliver::Default, "2026-11-26 08:00"), "2026-11-26 08:00");
        assert_eq!(next(&Deliver::AnyHour, "2026-11-25 22:00"), "2026-11-25 22:00");
    }

    #[test]
    fn a_change_of_the_clock_may_open_them() {
        let zone = Zone::named("America/Toronto").expect("a zone");
        let at = |text: &str| Instant::from_timestamp(text.parse().expect("a timestamp"));
        let window = |from: (u32, u32), to: (u32, u32)| {
            let time = |(hour, minute)| TimeOfDay::new(hour, minute, 0).expect("a time");
            Some(TimeWindow { from: time(from), to: time(to) })
        };
        // 01:45 is quiet and 01:00 comes again a quarter of an hour later; 02:30 is skipped, and 03:00 is not quiet.
        let autumn = Hours::new(&zone, window((1, 30), (3, 0)), &Deliver::Default);
        assert_eq!(autumn.next_open(at("2026-11-01T05:45:00Z")), Some(at("2026-11-01T06:00:00Z")));
        let spring = Hours::new(&zone, window((1, 30), (2, 30)), &Deliver::Default);
        assert_eq!(spring.next_open(at("2027-03-14T06:45:00Z")), Some(at("2027-03-14T07:00:00Z")));
    }

    #[test]
    fn windows_narrow_the_library_s_hours() {
        let evening = Deliver::Narrow { on: vec![], between: Some(TimeWindow { from: time(20), to: time(2) }) };
        assert_eq!(next(&evening, "2026-11-25 22:00"), "2026-11-26 20:00");
        let mondays = Deliver::Narrow { on: vec![Weekday::Monday], between: None };
        assert_eq!(next(&mondays, "2026-11-24 11:00"), "2026-11-30 08:00");
        let never = Deliver::Narrow { on: vec![], between: Some(TimeWindow { from: time(22), to: time(23) }) };
        let zone = Zone::utc();
        assert_eq!(
            Hours::new(&zone, Some(TimeWindow { from: time(21), to: time(8) }), &never).next_open(Instant(0)),
            None
        );
    }
}
