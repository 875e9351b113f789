//! `add`.

use super::Function;

/// Numbers of one type, or a date or instant and a duration. Unknown on overflow.
pub static ADD: Function = Function {
    name: "add",
    summary: "Numbers of one type, or a date or instant and a duration. Unknown on overflow.",
    kernel: |_, _| None,
};
