//! Events that repeat: the local times of their occurrences (RFC 5545, section 3.8.5).
//!
//! Rules count in local time, so that a story time at ten stays at ten when the clocks change. Crate `rrule` is
//! therefore given local times as if they were in UTC, where no time is skipped and none comes twice.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rrule::RRuleSet;

use crate::limits;

/// The occurrences of `start` by `rules`, in order, up to `end`.
///
/// `UNTIL` in UTC (as the RFC demands for zoned times) is turned to local time by `local`.
pub fn occurrences(
    start: DateTime,
    rules: &[&str],
    end: DateTime,
    local: impl Fn(DateTime) -> DateTime,
) -> Result<Vec<DateTime>, String> {
    let mut all = Vec::new();
    for rule in rules {
        let rule = with_local_until(rule, &local)?;
        let has_end = rule.contains("COUNT=") || rule.contains("UNTIL=");
        let text = format!("DTSTART:{}\nRRULE:{rule}", written(start));
        let set: RRuleSet = text.parse().map_err(|error| format!("the rule of its repetition: {error}"))?;
        let (mut count, mut is_past) = (0, false);
        for date in &set.limit() {
            let timestamp = jiff::Timestamp::from_second(date.timestamp()).map_err(|error| error.to_string())?;
            let occurrence = TimeZone::UTC.to_datetime(timestamp);
            is_past = occurrence > end;
            if is_past {
                break;
            }
            count += 1;
            if count > limits::CALENDAR_OCCURRENCES {
                return Err(format!("it repeats more than {} times", limits::CALENDAR_OCCURRENCES));
            }
            all.push(occurrence);
        }
        if !is_past && !has_end {
            return Err("the rule of its repetition names no time that ever comes".to_owned());
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn written(local: DateTime) -> String {
    local.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The rule with its `UNTIL` as a local time: of a date its last second.
fn with_local_until(rule: &str, local: impl Fn(DateTime) -> DateTime) -> Result<String, String> {
    let rule = rule.trim().to_ascii_uppercase();
    let part = |part: &str| -> Result<String, String> {
        let Some(until) = part.strip_prefix("UNTIL=") else { return Ok(part.to_owned()) };
        let (time, is_utc, is_date) = time_of(until).ok_or_else(|| format!("{until:?} is no time"))?;
        let until = match (is_utc, is_date) {
            (true, _) => local(time),
            (false, true) => time.date().at(23, 59, 59, 0),
            (false, false) => time,
        };
        Ok(format!("UNTIL={}", written(until)))
    };
    let parts = rule.split(';').filter(|part| !part.is_empty()).map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(parts.join(";"))
}

/// `20261201`, `20261201T190000`, `20261201T190000Z`: the time, whether it is in UTC, whether it is a date.
pub fn time_of(text: &str) -> Option<(DateTime, bool, bool)> {
    let (text, is_utc) = text.trim().strip_suffix('Z').map_or((text.trim(), false), |text| (text, true));
    let digits = |range: std::ops::Range<usize>| -> Option<i16> {
        text.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
    };
    let small = |range| digits(range).and_then(|number| i8::try_from(number).ok());
    let date = jiff::civil::Date::new(digits(0..4)?, small(4..6)?, small(6..8)?).ok()?;
    match text.len() {
        8 if !is_utc => Some((date.at(0, 0, 0, 0), false, true)),
        15 if text.as_bytes()[8] == b'T' => {
            // A leap second counts as the last second before it.
            let second = small(13..15)?.min(if text.ends_with("60") { 59 } else { i8::MAX });
            let time = jiff::civil::Time::new(small(9..11)?, small(11..13)?, second, 0).ok()?;
            Some((date.to_datetime(time), is_utc, false))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(start: &str, rule: &str, end: &str) -> Result<Vec<String>, String> {
        let at = |text: &str| time_of(text).expect("a time").0;
        let five_earlier = |utc: DateTime| utc - jiff::Span::new().hours(5);
        let found = occurrences(at(start), &[rule], at(end), five_earlier)?;
        Ok(found.iter().map(|time| time.strftime("%m-%d %H").to_string()).collect())
    }

    #[test]
    fn weekly_until_a_utc_instant_and_the_last_friday() {
        let weekly = dates("20261102T190000", "FREQ=WEEKLY;UNTIL=20261117T000000Z", "20270101").expect("a rule");
        assert_eq!(weekly, ["11-02 19", "11-09 19", "11-16 19"]);
        let last = dates("20261127T180000", "FREQ=MONTHLY;BYDAY=-1FR", "20270201").expect("a rule");
        assert_eq!(last, ["11-27 18", "12-25 18", "01-29 18"]);
    }

    #[test]
    fn rules_that_never_end_or_never_come_are_refused() {
        for (rule, why) in [
            ("FREQ=SECONDLY", "more than"),
            ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "ever comes"),
            ("FREQ=FORTNIGHTLY", "the rule of its repetition"),
            ("INTERVAL=2", "the rule of its repetition"),
            ("FREQ=DAILY;UNTIL=soon", "no time"),
        ] {
            let error = dates("20261102T190000", rule, "20280101").expect_err(rule);
            assert!(error.contains(why), "{rule}: {error}");
        }
    }
}
