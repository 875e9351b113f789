//! `until`.

use super::since::units_since;
use super::{Direction, Example, Function, Validity, date};
use crate::catalogue::Value;
use crate::time::{Duration, Unit};

/// `days until v`: whole units (second argument: one of the unit, a duration) from today to a date, towards zero.
pub static UNTIL: Function = Function {
    name: "until",
    summary: "`days until v`: whole units (second argument: one of the unit, a duration) from today to a date, towards zero.",
    kernel: |arguments, moment| units_since(arguments, moment).map(|units| Value::Int(-units)),
    validity: Validity::Monotone {
        arguments: &[Direction::Up, Direction::Still],
        today: Direction::Down,
        unknown_below: false,
    },
    examples: || {
        let day = Value::Duration(Duration { count: 1, unit: Unit::Day });
        vec![
            Example::new("days until 2026-12-01, on 2026-11-23", [date(2026, 12, 1), day.clone()], Some(Value::Int(8))),
            Example::new("days until 2026-11-01, on 2026-11-23", [date(2026, 11, 1), day], Some(Value::Int(-22))),
        ]
    },
};
