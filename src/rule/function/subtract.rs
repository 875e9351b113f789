//! `subtract`.

use super::add::later;
use super::{Direction, Example, Function, Validity, date};
use crate::catalogue::Value;
use crate::time::{Duration, Unit};

/// Numbers of one type, or a duration from a date or instant. Unknown on overflow.
pub static SUBTRACT: Function = Function {
    name: "subtract",
    summary: "Numbers of one type, or a duration from a date or instant. Unknown on overflow.",
    kernel: |arguments, moment| match arguments {
        [Value::Int(left), Value::Int(right)] => left.checked_sub(*right).map(Value::Int),
        [Value::Decimal(left), Value::Decimal(right)] => left.checked_sub(*right).map(Value::Decimal),
        [Value::Money(left), Value::Money(right)] => left.checked_sub(*right).map(Value::Money),
        [time, Value::Duration(duration)] => later(time, duration.negated(), moment),
        _ => None,
    },
    validity: Validity::Monotone {
        arguments: &[Direction::Up, Direction::Down],
        today: Direction::Still,
        unknown_below: false,
    },
    examples: || {
        let months = Value::Duration(Duration { count: 6, unit: Unit::Month });
        vec![
            Example::new("12 - 15", [Value::Int(12), Value::Int(15)], Some(Value::Int(-3))),
            Example::new("2026-08-31 - 6 months", [date(2026, 8, 31), months], Some(date(2026, 2, 28))),
        ]
    },
};
