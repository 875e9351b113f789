//! Values, dates and instants as staff read them: short, the same in every report.

use crate::catalogue::Value;
use crate::program::Program;
use crate::review::dates::Dates;
use crate::time::{Instant, Zone};

/// A value as a campaign file would write it.
pub fn value(value: &Value, program: &Program) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(number) => fixed(*number, 4),
        Value::Money(number) => fixed(*number, 2),
        Value::Text(text) => format!("\"{text}\""),
        Value::Date(day) => day.to_string(),
        Value::Instant(at) => instant(*at, &program.library.zone),
        Value::Duration(duration) => duration.to_string(),
        Value::Symbol(symbol) => symbol.to_string(),
        Value::Set(values) => {
            let values: Vec<String> = values.iter().map(|element| self::value(element, program)).collect();
            format!("({})", values.join(", "))
        }
    }
}

fn fixed(number: i64, places: u32) -> String {
    let unit = 10_i64.pow(places).unsigned_abs();
    let sign = if number < 0 { "-" } else { "" };
    let (whole, rest) = (number.unsigned_abs() / unit, number.unsigned_abs() % unit);
    format!("{sign}{whole}.{rest:0width$}", width = places as usize)
}

/// Local date and time, to the minute.
pub fn instant(at: Instant, zone: &Zone) -> String {
    let civil = zone.civil(at);
    format!("{} {:02}:{:02}", civil.date(), civil.hour(), civil.minute())
}

/// `2026-10-24 to 2026-11-23`.
pub fn dates(dates: Dates, zone: &Zone) -> String {
    match dates {
        Dates::Between(first, last) => format!("{first} to {last}"),
        Dates::Hours(from, to) => format!("{} to {}", instant(from, zone), instant(to, zone)),
        Dates::From(day) => format!("{day} and later"),
        Dates::Before(day) => format!("before {day}"),
        Dates::On(day) => day.to_string(),
    }
}

/// `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The lines of a paragraph of at most `width` columns, the first indented by `indent`, the others by two more.
pub fn wrapped(text: &str, indent: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = indent.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, format!("{indent}  ")));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    if !is_empty {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_stays_within_its_width() {
        assert_eq!(wrapped("one two three", "  ", 9), ["  one two", "    three"]);
        assert_eq!(wrapped("", "  ", 9), [""; 0]);
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!(fixed(-5, 2), "-0.05");
        assert_eq!(fixed(1_250, 2), "12.50");
        assert_eq!(fixed(10_001, 4), "1.0001");
    }
}
