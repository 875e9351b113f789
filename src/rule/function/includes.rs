//! `includes`.

use super::Function;

/// Whether a set has an element.
pub static INCLUDES: Function =
    Function { name: "includes", summary: "Whether a set has an element.", kernel: |_, _| None };
