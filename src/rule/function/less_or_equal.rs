//! `less_or_equal`.

use std::cmp::Ordering;

use super::{Example, Function, Validity, date, order};
use crate::catalogue::Value;

/// Whether the first of two ordered values comes before the second or is the same.
pub static LESS_OR_EQUAL: Function = Function {
    name: "less_or_equal",
    summary: "Whether the first of two ordered values comes before the second or is the same.",
    kernel: |arguments, _| order(&arguments[0], &arguments[1]).map(|order| Value::Bool(order != Ordering::Greater)),
    validity: Validity::Comparison,
    examples: || {
        vec![
            Example::truth("5.00 <= 5.00", [Value::Money(500), Value::Money(500)], true),
            Example::truth("2026-06-16 <= 2026-06-15", [date(2026, 6, 16), date(2026, 6, 15)], false),
        ]
    },
};
