//! `to_date`.

use super::{Direction, Example, Function, Validity, date};
use crate::catalogue::Value;
use crate::time::Instant;

/// The local date of an instant.
pub static TO_DATE: Function = Function {
    name: "to_date",
    summary: "The local date of an instant.",
    kernel: |arguments, moment| moment.day(&arguments[0]).map(Value::Date),
    validity: Validity::Monotone { arguments: &[Direction::Up], today: Direction::Still, unknown_below: false },
    examples: || {
        let night = Value::Instant(Instant(1_782_354_600_000_000));
        vec![Example::new("the date of 2026-06-25 02:30 UTC in Toronto", [night], Some(date(2026, 6, 24)))]
    },
};
