//! The registry of functions: every operator that is not a special form is one static in one file.
//!
//! A function is pure over known values: an unknown argument makes the result unknown before a kernel is called.
//! What it says of time ([`Validity`]) is all that the evaluators know of how its result changes while the clock runs.

mod add;
mod age;
mod contains;
mod equal;
mod includes;
mod is_empty;
mod less;
mod less_or_equal;
mod matches;
mod multiply;
mod since;
mod starts_with;
mod subtract;
mod to_date;
mod until;

pub use add::ADD;
pub use age::AGE;
pub use contains::CONTAINS;
pub use equal::{EQUAL, equal};
pub use includes::INCLUDES;
pub use is_empty::IS_EMPTY;
pub use less::{LESS, order};
pub use less_or_equal::LESS_OR_EQUAL;
pub use matches::{MATCHES, compile_pattern};
pub use multiply::MULTIPLY;
pub use since::SINCE;
pub use starts_with::STARTS_WITH;
pub use subtract::SUBTRACT;
pub use to_date::TO_DATE;
pub use until::UNTIL;

use std::fmt;

use crate::catalogue::Value;
use crate::time::{Day, Instant, Zone};

/// What a kernel may know besides its arguments: constants of the tick.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    pub now: Instant,
    /// The local date of `now`.
    pub today: Day,
    pub zone: &'a Zone,
}

impl<'a> Moment<'a> {
    /// The moment of `now` in `zone`.
    pub fn new(now: Instant, zone: &'a Zone) -> Moment<'a> {
        Moment { now, today: zone.day(now), zone }
    }

    /// The local date that a date or an instant means.
    pub fn day(&self, value: &Value) -> Option<Day> {
        match value {
            Value::Date(day) => Some(*day),
            Value::Instant(instant) => Some(self.zone.day(*instant)),
            _ => None,
        }
    }
}

/// A pure function over known values. Unknown arguments never reach the kernel: the result is unknown then.
pub struct Function {
    /// Unique; `snake_case`.
    pub name: &'static str,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// `None`: the result is unknown (an overflow, the age at a future date).
    pub kernel: fn(&[Value], &Moment<'_>) -> Option<Value>,
    /// How the result changes while time passes.
    pub validity: Validity,
    /// Run as tests by every evaluator, at the moment of [`with_example_moment`]; printed in the reference.
    pub examples: fn() -> Vec<Example>,
}

/// How the result of a function follows its arguments and the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Validity {
    /// Changes only if an argument does.
    OfArguments,
    /// A comparison of two values: it is decided as long as their ranges decide it.
    Comparison,
    /// Moves with each argument and with today in one direction, or not at all.
    Monotone {
        arguments: &'static [Direction],
        today: Direction,
        /// Where the result is unknown, every lower one would be too (there is no age before birth).
        unknown_below: bool,
    },
}

/// The way a result moves when an argument (or today) grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Does not follow it.
    Still,
    /// Does not fall.
    Up,
    /// Does not rise.
    Down,
    /// Either, as the other argument's sign says.
    Either,
}

/// What a function gives for some arguments.
#[derive(Clone, PartialEq, Debug)]
pub struct Example {
    /// As an author would write it.
    pub text: &'static str,
    pub arguments: Vec<Value>,
    pub result: Option<Value>,
}

impl Example {
    fn new<const N: usize>(text: &'static str, arguments: [Value; N], result: Option<Value>) -> Example {
        Example { text, arguments: arguments.into(), result }
    }

    fn truth<const N: usize>(text: &'static str, arguments: [Value; N], result: bool) -> Example {
        Example::new(text, arguments, Some(Value::Bool(result)))
    }
}

/// Calls `with` with the moment of all examples: 2026-11-23 10:00 in Toronto.
pub fn with_example_moment<T>(with: impl FnOnce(&Moment<'_>) -> T) -> T {
    let zone = Zone::named("America/Toronto").expect("a zone of the bundled database");
    let now = zone.at(example_day(2026, 11, 23), crate::time::TimeOfDay(10 * 3600));
    with(&Moment::new(now, &zone))
}

fn example_day(year: i16, month: i8, day: i8) -> Day {
    Day::new(year, month, day).expect("examples name days that exist")
}

fn date(year: i16, month: i8, day: i8) -> Value {
    Value::Date(example_day(year, month, day))
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Function {}

impl std::hash::Hash for Function {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// Every function.
pub static ALL: &[&Function] = &[
    &EQUAL,
    &LESS,
    &LESS_OR_EQUAL,
    &CONTAINS,
    &STARTS_WITH,
    &MATCHES,
    &INCLUDES,
    &IS_EMPTY,
    &AGE,
    &SINCE,
    &UNTIL,
    &ADD,
    &SUBTRACT,
    &MULTIPLY,
    &TO_DATE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_examples_that_hold() {
        with_example_moment(|moment| {
            for function in ALL {
                let examples = (function.examples)();
                assert!(!examples.is_empty(), "{} has no example", function.name);
                for example in examples {
                    let result = (function.kernel)(&example.arguments, moment);
                    assert_eq!(result, example.result, "{}: {}", function.name, example.text);
                }
            }
        });
    }

    #[test]
    fn names_are_unique() {
        for (index, function) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != function.name), "{}", function.name);
        }
    }
}
