//! `subtract`.

use super::Function;

/// Numbers of one type, or a duration from a date or instant. Unknown on overflow.
pub static SUBTRACT: Function = Function {
    name: "subtract",
    summary: "Numbers of one type, or a duration from a date or instant. Unknown on overflow.",
    kernel: |_, _| None,
};
