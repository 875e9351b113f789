//! `less_or_equal`.

use super::Function;

/// Whether the first of two ordered values comes before the second or is the same.
pub static LESS_OR_EQUAL: Function = Function {
    name: "less_or_equal",
    summary: "Whether the first of two ordered values comes before the second or is the same.",
    kernel: |_, _| None,
};
