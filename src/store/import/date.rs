//! Dates and instants as exports write them. A date that is not whole, or could be two, is none.

use crate::time::{Day, Instant, TimeOfDay, Zone};

/// In which order a date with signs between its parts is written. One that begins with four digits is year first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum Order {
    #[serde(rename = "YMD")]
    YearMonthDay,
    #[serde(rename = "MDY")]
    MonthDayYear,
    #[serde(rename = "DMY")]
    DayMonthYear,
}

/// A date, and the time of day and offset from UTC in seconds that stand after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    pub day: Day,
    /// Time of day, and microseconds.
    pub time: Option<(TimeOfDay, i64)>,
    pub offset: Option<i64>,
}

impl Written {
    /// The instant. Without an offset it is local in `zone`; without a time of day it is at `time`.
    pub fn instant(self, zone: &Zone, time: TimeOfDay) -> Instant {
        let (time, micros) = self.time.unwrap_or((time, 0));
        match self.offset {
            Some(offset) => {
                let seconds = i64::from(self.day.0) * 86_400 + i64::from(time.0) - offset;
                Instant(seconds * 1_000_000 + micros)
            }
            None => Instant(zone.at(self.day, time).0 + micros),
        }
    }

    /// The local date in `zone`: of a date alone the one that is written.
    pub fn local_day(self, zone: &Zone) -> Day {
        if self.offset.is_some() && self.time.is_some() { zone.day(self.instant(zone, TimeOfDay(0))) } else { self.day }
    }
}

/// Reads a date, or a date and a time.
pub fn parse(text: &str, order: Order) -> Result<Written, String> {
    let trimmed = text.trim();
    let end = trimmed.find(['T', ' ']).unwrap_or(trimmed.len());
    // `4/5/2022,23:59`
    let end = trimmed.find(',').map_or(end, |comma| comma.min(end));
    let (date, rest) = trimmed.split_at(end);
    let day = parse_day(date, order).map_err(|why| format!("{text:?} {why}"))?;
    let rest = rest.trim_start_matches(['T', ' ', ',']).trim();
    if rest.is_empty() {
        return Ok(Written { day, time: None, offset: None });
    }
    let (time, offset) = parse_time(rest).ok_or_else(|| format!("{text:?} does not end with a time of day"))?;
    Ok(Written { day, time: Some(time), offset })
}

fn parse_day(text: &str, order: Order) -> Result<Day, String> {
    let no_date = || "is no date".to_owned();
    let number = |part: &str| part.parse::<i16>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    let parts: Vec<&str> = match text.len() {
        8 if text.bytes().all(|byte| byte.is_ascii_digit()) => vec![&text[..4], &text[4..6], &text[6..]],
        _ => text.split(['-', '/', '.']).collect(),
    };
    let &[first, second, third] = parts.as_slice() else {
        let is_part = !parts.is_empty() && parts.iter().any(|part| number(part).is_some());
        return Err(if is_part { "is not a whole date".to_owned() } else { no_date() });
    };
    let order = if first.len() == 4 { Order::YearMonthDay } else { order };
    let (year, month, day) = match order {
        Order::YearMonthDay => (first, second, third),
        Order::MonthDayYear => (third, first, second),
        Order::DayMonthYear => (third, second, first),
    };
    if year.len() != 4 {
        let hint = if order == Order::YearMonthDay && third.len() == 4 {
            "could be two dates; say `dates = \"MDY\"` or `\"DMY\"` in the mapping"
        } else {
            "has no year of four digits"
        };
        return Err(if number(first).is_some() || first.is_empty() { hint.to_owned() } else { no_date() });
    }
    let (year, month, day) = (number(year), number(month), number(day));
    let (Some(year), Some(month), Some(day)) = (year, month, day) else { return Err(no_date()) };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else { return Err(no_date()) };
    // Year 0 and the last day of 9999 stand for "none" in every system that writes them.
    Day::new(year, month, day).filter(|_| year > 0).ok_or_else(|| "is no day of the calendar".to_owned())
}

/// `10:26:51.426709-04`, `23:59`, `00:00:00.000+00:00`, `18:24Z`, `182447`
fn parse_time(text: &str) -> Option<((TimeOfDay, i64), Option<i64>)> {
    let end = text.find(['Z', '+', '-', ' ']).unwrap_or(text.len());
    let (time, rest) = text.split_at(end);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let digits = |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    let parts: Vec<u32> = match time.split(':').collect::<Vec<_>>().as_slice() {
        [one] if one.len() == 6 => [&one[..2], &one[2..4], &one[4..]].into_iter().map(digits).collect::<Option<_>>()?,
        parts if parts.len() == 2 || parts.len() == 3 => {
            parts.iter().map(|part| digits(part)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    // A leap second counts as the last second before it.
    let second = parts.get(2).copied().unwrap_or(0).min(if parts.get(2) == Some(&60) { 59 } else { u32::MAX });
    let time = TimeOfDay::new(parts[0], parts[1], second)?;
    let micros = if fraction.is_empty() {
        0
    } else {
        digits(&format!("{:0<6.6}", fraction)).filter(|_| fraction.bytes().all(|byte| byte.is_ascii_digit()))?
    };
    let offset = match rest.trim() {
        "" => None,
        "Z" => Some(0),
        rest => Some(parse_offset(rest)?),
    };
    Some(((time, i64::from(micros)), offset))
}

fn parse_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|&c| c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i64>().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, order: Order) -> String {
        match parse(text, order) {
            Ok(written) => written.instant(&Zone::utc(), TimeOfDay(0)).timestamp().to_string(),
            Err(why) => why,
        }
    }

    #[test]
    fn the_forms_of_real_exports() {
        for (text, order, expected) in [
            ("2020-10-27 10:26:51.426709-04", Order::YearMonthDay, "2020-10-27T14:26:51.426709Z"),
            ("2008-01-01 03:00:00-05", Order::MonthDayYear, "2008-01-01T08:00:00Z"),
            ("2019-11-27T00:00:00.000+00:00", Order::YearMonthDay, "2019-11-27T00:00:00Z"),
            ("20200131", Order::YearMonthDay, "2020-01-31T00:00:00Z"),
            ("20200131    182447", Order::YearMonthDay, "2020-01-31T18:24:47Z"),
            ("07/14/2022", Order::MonthDayYear, "2022-07-14T00:00:00Z"),
            ("4/5/2022,23:59", Order::MonthDayYear, "2022-04-05T23:59:00Z"),
            ("31.12.1999 24:00", Order::DayMonthYear, "2000-01-01T00:00:00Z"),
            ("2021-08-22T15:06:30Z", Order::YearMonthDay, "2021-08-22T15:06:30Z"),
        ] {
            assert_eq!(read(text, order), expected, "{text}");
        }
    }

    /// IMP-09: never a guessed date.
    #[test]
    fn imp_09_no_date_is_guessed() {
        for (text, order, why) in [
            ("0000-00-00", Order::YearMonthDay, "\"0000-00-00\" is no day of the calendar"),
            ("9999-12-31", Order::YearMonthDay, "\"9999-12-31\" is no day of the calendar"),
            ("2023-02-31", Order::YearMonthDay, "\"2023-02-31\" is no day of the calendar"),
            ("0000-05-05", Order::YearMonthDay, "\"0000-05-05\" is no day of the calendar"),
            ("12/31/99", Order::MonthDayYear, "\"12/31/99\" has no year of four digits"),
            ("1923", Order::YearMonthDay, "\"1923\" is not a whole date"),
            ("1923-05", Order::YearMonthDay, "\"1923-05\" is not a whole date"),
            ("--10-18", Order::YearMonthDay, "\"--10-18\" is not a whole date"),
            ("yesterday", Order::YearMonthDay, "\"yesterday\" is no date"),
            ("99", Order::MonthDayYear, "\"99\" is not a whole date"),
            (
                "07/14/2022",
                Order::YearMonthDay,
                "\"07/14/2022\" could be two dates; say `dates = \"MDY\"` or `\"DMY\"` in \
                                             the mapping",
            ),
            ("2022-01-01 soon", Order::YearMonthDay, "\"2022-01-01 soon\" does not end with a time of day"),
            ("2022-01-01 25:00", Order::YearMonthDay, "\"2022-01-01 25:00\" does not end with a time of day"),
        ] {
            assert_eq!(read(text, order), why);
        }
    }

    #[test]
    fn a_date_is_taken_where_the_library_is() {
        let zone = Zone::named("America/Toronto").expect("a zone");
        let late = parse("2022-06-16 02:59:59+00", Order::YearMonthDay).expect("an instant");
        assert_eq!(late.local_day(&zone).to_string(), "2022-06-15");
        assert_eq!(late.day.to_string(), "2022-06-16");
    }
}
