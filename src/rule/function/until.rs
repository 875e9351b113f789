//! `until`.

use super::Function;

/// `days until v`: whole units (second argument: one of the unit, a duration) from today to a date, towards zero.
pub static UNTIL: Function = Function {
    name: "until",
    summary: "`days until v`: whole units (second argument: one of the unit, a duration) from today to a date, towards zero.",
    kernel: |_, _| None,
};
