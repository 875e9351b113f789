//! `add`.

use super::{Direction, Example, Function, Moment, Validity, date};
use crate::catalogue::Value;
use crate::time::{Day, Duration, Instant, Unit};

/// Numbers of one type, or a date or instant and a duration. Unknown on overflow.
pub static ADD: Function = Function {
    name: "add",
    summary: "Numbers of one type, or a date or instant and a duration. Unknown on overflow.",
    kernel: |arguments, moment| match arguments {
        [Value::Int(left), Value::Int(right)] => left.checked_add(*right).map(Value::Int),
        [Value::Decimal(left), Value::Decimal(right)] => left.checked_add(*right).map(Value::Decimal),
        [Value::Money(left), Value::Money(right)] => left.checked_add(*right).map(Value::Money),
        [time, Value::Duration(duration)] => later(time, *duration, moment),
        _ => None,
    },
    validity: Validity::Monotone {
        arguments: &[Direction::Up, Direction::Up],
        today: Direction::Still,
        unknown_below: false,
    },
    examples: || {
        let month = Value::Duration(Duration { count: 1, unit: Unit::Month });
        vec![
            Example::new("5.00 + 0.50", [Value::Money(500), Value::Money(50)], Some(Value::Money(550))),
            Example::new("2026-01-31 + 1 month", [date(2026, 1, 31), month], Some(date(2026, 2, 28))),
            Example::new("an overflow", [Value::Int(i64::MAX), Value::Int(1)], None),
        ]
    },
};

/// A date or an instant `duration` later; unknown outside the range of days.
pub(super) fn later(time: &Value, duration: Duration, moment: &Moment<'_>) -> Option<Value> {
    let in_range = |day: Day| Day::MIN < day && day < Day::MAX;
    match time {
        Value::Date(day) => Some(day.plus(duration)).filter(|day| in_range(*day)).map(Value::Date),
        Value::Instant(instant) => {
            let last = moment.zone.start_of(Day::MAX);
            let first = moment.zone.start_of(Day::MIN.plus_days(2));
            let fits = duration.unit.is_elapsed() || in_range(moment.zone.day(*instant).plus(duration));
            let result: Instant = moment.zone.plus(*instant, duration);
            (fits && first <= result && result < last).then_some(Value::Instant(result))
        }
        _ => None,
    }
}
