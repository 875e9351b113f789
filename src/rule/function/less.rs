//! `less`.

use std::cmp::Ordering;

use super::{Example, Function, Validity, date};
use crate::catalogue::Value;

/// Whether the first of two ordered values comes before the second.
pub static LESS: Function = Function {
    name: "less",
    summary: "Whether the first of two ordered values comes before the second.",
    kernel: |arguments, _| order(&arguments[0], &arguments[1]).map(|order| Value::Bool(order == Ordering::Less)),
    validity: Validity::Comparison,
    examples: || {
        vec![
            Example::truth("3 < 5", [Value::Int(3), Value::Int(5)], true),
            Example::truth("5.00 < 5.00", [Value::Money(500), Value::Money(500)], false),
            Example::truth("2026-06-15 before 2026-06-16", [date(2026, 6, 15), date(2026, 6, 16)], true),
        ]
    },
};

/// The order of two values of one ordered type.
pub fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right))
        | (Value::Decimal(left), Value::Decimal(right))
        | (Value::Money(left), Value::Money(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Instant(left), Value::Instant(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
