//! `matches`.

use super::Function;

/// Whether a regular expression (crate `regex`, unanchored, simple case folding) is found in the text after NFC.
pub static MATCHES: Function = Function {
    name: "matches",
    summary: "Whether a regular expression (crate `regex`, unanchored, simple case folding) is found in the text after NFC.",
    kernel: |_, _| None,
};
