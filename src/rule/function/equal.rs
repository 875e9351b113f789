//! `equal`.

use super::Function;

/// Equality of two values of one type; texts after NFC and full case folding.
pub static EQUAL: Function = Function {
    name: "equal",
    summary: "Equality of two values of one type; texts after NFC and full case folding.",
    kernel: |_, _| None,
};
