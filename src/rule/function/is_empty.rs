//! `is_empty`.

use super::Function;

/// Whether a set has no element.
pub static IS_EMPTY: Function =
    Function { name: "is_empty", summary: "Whether a set has no element.", kernel: |_, _| None };
