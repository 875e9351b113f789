//! The registry of functions: every operator that is not a special form is one static in one file.

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
pub use equal::EQUAL;
pub use includes::INCLUDES;
pub use is_empty::IS_EMPTY;
pub use less::LESS;
pub use less_or_equal::LESS_OR_EQUAL;
pub use matches::MATCHES;
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

/// A pure function over known values. Unknown arguments never reach the kernel: the result is unknown then.
pub struct Function {
    /// Unique; `snake_case`.
    pub name: &'static str,
    /// One sentence for the reference.
    pub summary: &'static str,
    /// `None`: the result is unknown (an overflow, the age at a future date).
    pub kernel: fn(&[Value], &Moment<'_>) -> Option<Value>,
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
