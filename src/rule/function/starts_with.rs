//! `starts_with`.

use super::Function;

/// Whether the first text starts with the second, both folded.
pub static STARTS_WITH: Function = Function {
    name: "starts_with",
    summary: "Whether the first text starts with the second, both folded.",
    kernel: |_, _| None,
};
