//! `age`.

use super::since::whole_units;
use super::{Direction, Example, Function, Validity, date};
use crate::catalogue::Value;
use crate::time::Unit;

/// Whole years since a date of birth, clamped; unknown for a date in the future.
pub static AGE: Function = Function {
    name: "age",
    summary: "Whole years since a date of birth, clamped; unknown for a date in the future.",
    kernel: |arguments, moment| {
        let born = moment.day(&arguments[0])?;
        (born <= moment.today).then(|| Value::Int(whole_units(born, moment.today, Unit::Year)))
    },
    validity: Validity::Monotone { arguments: &[Direction::Down], today: Direction::Up, unknown_below: true },
    examples: || {
        vec![
            Example::new("age(2008-11-23), on 2026-11-23", [date(2008, 11, 23)], Some(Value::Int(18))),
            Example::new("age(2008-11-24), on 2026-11-23", [date(2008, 11, 24)], Some(Value::Int(17))),
            Example::new("age(2026-11-24), on 2026-11-23", [date(2026, 11, 24)], None),
        ]
    },
};
