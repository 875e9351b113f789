//! `multiply`.

use super::{Direction, Example, Function, Validity};
use crate::catalogue::Value;
use crate::time::{Duration, Unit};

/// A whole number times a number or a duration. Unknown on overflow.
pub static MULTIPLY: Function = Function {
    name: "multiply",
    summary: "A whole number times a number or a duration. Unknown on overflow.",
    kernel: |arguments, _| {
        let [Value::Int(times), value] = arguments else { return None };
        match value {
            Value::Int(number) => times.checked_mul(*number).map(Value::Int),
            Value::Decimal(number) => times.checked_mul(*number).map(Value::Decimal),
            Value::Money(number) => times.checked_mul(*number).map(Value::Money),
            Value::Duration(duration) => {
                let count = duration.count.checked_mul(*times)?;
                Some(Value::Duration(Duration { count, unit: duration.unit }))
            }
            _ => None,
        }
    },
    validity: Validity::Monotone {
        arguments: &[Direction::Either, Direction::Either],
        today: Direction::Still,
        unknown_below: false,
    },
    examples: || {
        let weeks = |count| Value::Duration(Duration { count, unit: Unit::Week });
        vec![
            Example::new("3 * 0.25", [Value::Int(3), Value::Money(25)], Some(Value::Money(75))),
            Example::new("2 * 3 weeks", [Value::Int(2), weeks(3)], Some(weeks(6))),
        ]
    },
};
