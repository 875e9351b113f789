//! `multiply`.

use super::Function;

/// A whole number times a number. Unknown on overflow.
pub static MULTIPLY: Function =
    Function { name: "multiply", summary: "A whole number times a number. Unknown on overflow.", kernel: |_, _| None };
