//! `since`.

use super::{Direction, Example, Function, Moment, Validity, date};
use crate::catalogue::Value;
use crate::time::{Day, Duration, Unit};

/// `days since v`: whole units (second argument: one of the unit, a duration) from a date to today, towards zero.
pub static SINCE: Function = Function {
    name: "since",
    summary: "`days since v`: whole units (second argument: one of the unit, a duration) from a date to today, towards zero.",
    kernel: |arguments, moment| units_since(arguments, moment).map(Value::Int),
    validity: Validity::Monotone {
        arguments: &[Direction::Down, Direction::Still],
        today: Direction::Up,
        unknown_below: false,
    },
    examples: || {
        let unit = |unit| Value::Duration(Duration { count: 1, unit });
        vec![
            Example::new(
                "days since 2026-11-01, on 2026-11-23",
                [date(2026, 11, 1), unit(Unit::Day)],
                Some(Value::Int(22)),
            ),
            Example::new(
                "weeks since 2026-11-30, on 2026-11-23",
                [date(2026, 11, 30), unit(Unit::Week)],
                Some(Value::Int(-1)),
            ),
            Example::new(
                "months since 2026-09-24, on 2026-11-23",
                [date(2026, 9, 24), unit(Unit::Month)],
                Some(Value::Int(1)),
            ),
            Example::new(
                "years since 2027-11-22, on 2026-11-23",
                [date(2027, 11, 22), unit(Unit::Year)],
                Some(Value::Int(0)),
            ),
        ]
    },
};

/// Whole units from the first argument to today, negative if it is ahead.
pub(super) fn units_since(arguments: &[Value], moment: &Moment<'_>) -> Option<i64> {
    let [value, Value::Duration(Duration { unit, .. })] = arguments else { return None };
    let (day, today) = (moment.day(value)?, moment.today);
    Some(if day <= today { whole_units(day, today, *unit) } else { -whole_units(today, day, *unit) })
}

/// The largest n with `from + n units <= to`, for `from <= to`, under the clamping of months.
pub(super) fn whole_units(from: Day, to: Day, unit: Unit) -> i64 {
    let days = i64::from(to.0) - i64::from(from.0);
    let months_per = match unit {
        Unit::Month => 1,
        Unit::Year => 12,
        Unit::Week => return days / 7,
        Unit::Day | Unit::Hour | Unit::Minute => return days,
    };
    let (first, last) = (from.civil(), to.civil());
    let months =
        (i64::from(last.year()) - i64::from(first.year())) * 12 + i64::from(last.month()) - i64::from(first.month());
    let units = months / months_per;
    if from.plus_months(units * months_per) <= to { units } else { units - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_months_and_years_clamp() {
        let day = |text: &str| Day::from_civil(text.parse().expect("a date"));
        assert_eq!(whole_units(day("2026-01-31"), day("2026-02-28"), Unit::Month), 1);
        assert_eq!(whole_units(day("2026-01-31"), day("2026-02-27"), Unit::Month), 0);
        assert_eq!(whole_units(day("2008-02-29"), day("2026-02-28"), Unit::Year), 18);
        assert_eq!(whole_units(day("2008-02-29"), day("2028-02-28"), Unit::Year), 19);
        assert_eq!(whole_units(day("2026-03-15"), day("2026-03-15"), Unit::Year), 0);
    }

    #[test]
    fn whole_units_are_the_largest_that_fit() {
        let start = Day::new(2023, 11, 15).expect("a date");
        for unit in [Unit::Month, Unit::Year] {
            for from in 0..200 {
                for length in (0..900).step_by(7) {
                    let (from, to) = (start.plus_days(from), start.plus_days(from + length));
                    let n = whole_units(from, to, unit);
                    assert!(from.plus(Duration { count: n, unit }) <= to, "{from} {to}");
                    assert!(from.plus(Duration { count: n + 1, unit }) > to, "{from} {to}");
                }
            }
        }
    }
}
