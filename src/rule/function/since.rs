//! `since`.

use super::Function;

/// `days since v`: whole units (second argument: one of the unit, a duration) from a date to today, towards zero.
pub static SINCE: Function = Function {
    name: "since",
    summary: "`days since v`: whole units (second argument: one of the unit, a duration) from a date to today, towards zero.",
    kernel: |_, _| None,
};
