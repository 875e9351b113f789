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
    days: &'p [Weekday],
    /// Open only then.
    between: Option<TimeWindow>,
}

impl<'p> Hours<'p> {
    /// The library's hours narrowed (or, with `at any hour`, lifted) by the campaign's clause.
    pub fn new(zone: &'p Zone, quiet: Option<TimeWindow>, deliver: &'p Deliver) -> Hours<'p> {
        let (days, between): (&[Weekday], _) = match deliver {
            Deliver::Default | Deliver::AnyHour => (&[], None),
            Deliver::Narrow { on, between } => (on, *between),
        };
        Hours { zone, quiet: quiet.filter(|_| *deliver != Deliver::AnyHour), days, between }
    }

    /// Whether `instant` is inside.
    pub fn open(&self, instant: Instant) -> bool {
        let (time, day) = (self.zone.time_of_day(instant), self.zone.day(instant));
        // Quiet is what either the clock on the wall or the skipped time calls so.
        let is_quiet = self.quiet.is_some_and(|quiet| quiet.contains(time) || self.on(day, quiet).contains(time));
        let narrowed_out = self.between.is_some_and(|between| !self.on(day, between).contains(time));
        let other_day = !self.days.is_empty() && !self.days.contains(&day.weekday());
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
        let (quiet, between) = (self.quiet.map(|quiet| self.on(day, quiet)), self.between);
        let times = [Some(TimeOfDay(0)), quiet.map(|quiet| quiet.to), between.map(|between| between.from)];
        times.into_iter().flatten().flat_map(move |time| [self.zone.at(day, time), self.zone.at_last(day, time)])
    }

    /// A window on a date: a time of day that a change of the clock skips is as much later as the gap is long (section 7),
    /// and a window that would then be over before it begins is later as a whole.
    fn on(&self, day: Day, window: TimeWindow) -> TimeWindow {
        let later = |time: TimeOfDay| {
            let at = self.zone.at(day, time);
            if self.zone.day(at) == day { self.zone.time_of_day(at) } else { time }
        };
        let moved = TimeWindow { from: later(window.from), to: later(window.to) };
        let is_over = window.from < window.to && moved.from >= moved.to;
        let gap = if is_over { moved.from.0 - window.from.0 } else { 0 };
        TimeWindow { to: TimeOfDay(moved.to.0 + gap), ..moved }
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

    /// A window of hours and minutes.
    fn window(from: (u32, u32), to: (u32, u32)) -> Option<TimeWindow> {
        let time = |(hour, minute)| TimeOfDay::new(hour, minute, 0).expect("a time");
        Some(TimeWindow { from: time(from), to: time(to) })
    }

    fn at(text: &str) -> Instant {
        Instant::from_timestamp(text.parse().expect("a timestamp"))
    }

    #[test]
    fn where_the_clock_is_put_back_a_time_is_quiet_both_times_or_neither() {
        let zone = Zone::named("America/Toronto").expect("a zone");
        // 01:45 is quiet, and 01:00 comes again a quarter of an hour later.
        let autumn = Hours::new(&zone, window((1, 30), (3, 0)), &Deliver::Default);
        assert_eq!(autumn.next_open(at("2026-11-01T05:45:00Z")), Some(at("2026-11-01T06:00:00Z")));
        assert!(!autumn.open(at("2026-11-01T06:45:00Z")));
        let early = Hours::new(&zone, window((21, 0), (1, 15)), &Deliver::Default);
        assert_eq!(early.next_open(at("2026-11-01T05:01:00Z")), Some(at("2026-11-01T05:15:00Z")));
        assert_eq!(early.next_open(at("2026-11-01T06:01:00Z")), Some(at("2026-11-01T06:15:00Z")));
        let evening = Deliver::Narrow { on: vec![], between: window((1, 0), (1, 30)) };
        let twice = Hours::new(&zone, None, &evening);
        for (instant, is_open) in [("05:15", true), ("05:45", false), ("06:15", true), ("06:45", false)] {
            assert_eq!(twice.open(at(&format!("2026-11-01T{instant}:00Z"))), is_open, "{instant}");
        }
    }

    #[test]
    fn a_skipped_time_is_as_much_later_as_the_gap_is_long() {
        // The date, what is skipped of it (02:00 to 03:00, 02:00 to 02:30), and an instant before that.
        let toronto = ("America/Toronto", "2027-03-14T05:30:00Z");
        let lord_howe = ("Australia/Lord_Howe", "2026-10-03T14:00:00Z");
        for ((name, before), between, opens, closes) in [
            (toronto, window((2, 0), (2, 30)), "03:00", "03:30"),
            (toronto, window((2, 30), (3, 0)), "03:30", "04:00"),
            (toronto, window((2, 30), (6, 0)), "03:30", "06:00"),
            (toronto, window((20, 0), (2, 30)), "00:30", "03:30"),
            (lord_howe, window((2, 0), (2, 15)), "02:30", "02:45"),
            (lord_howe, window((2, 15), (2, 45)), "02:45", "03:15"),
        ] {
            let zone = Zone::named(name).expect("a zone");
            let deliver = Deliver::Narrow { on: vec![], between };
            let hours = Hours::new(&zone, None, &deliver);
            let local = |instant| zone.civil(instant).strftime("%H:%M").to_string();
            let opening = hours.next_open(at(before)).expect("an opening");
            let close = (0..).map(|minute| opening.plus_seconds(minute * 60)).find(|&at| !hours.open(at));
            assert_eq!(
                (local(opening), local(close.expect("an end"))),
                (opens.into(), closes.into()),
                "{name} {between:?}"
            );
        }
    }

    #[test]
    fn nothing_is_sent_in_quiet_hours_that_begin_or_end_in_a_gap() {
        let zone = Zone::named("America/Toronto").expect("a zone");
        for (quiet, opens) in [
            (window((1, 30), (2, 30)), "2027-03-14T07:30:00Z"),
            (window((2, 30), (6, 0)), "2027-03-14T10:00:00Z"),
            (window((21, 0), (2, 30)), "2027-03-14T07:30:00Z"),
        ] {
            let hours = Hours::new(&zone, quiet, &Deliver::Default);
            let from = if opens.contains("T10") { "2027-03-14T07:00:00Z" } else { "2027-03-14T06:45:00Z" };
            assert_eq!(hours.next_open(at(from)), Some(at(opens)), "{quiet:?}");
        }
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
