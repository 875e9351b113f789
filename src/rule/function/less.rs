//! `less`.

use super::Function;

/// Whether the first of two ordered values comes before the second.
pub static LESS: Function = Function {
    name: "less",
    summary: "Whether the first of two ordered values comes before the second.",
    kernel: |_, _| None,
};
