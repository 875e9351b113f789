//! `contains`.

use super::Function;

/// Whether the first text contains the second, both folded.
pub static CONTAINS: Function = Function {
    name: "contains",
    summary: "Whether the first text contains the second, both folded.",
    kernel: |_, _| None,
};
