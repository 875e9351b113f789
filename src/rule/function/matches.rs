//! `matches`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::{Example, Function, Validity};
use crate::catalogue::Value;
use crate::limits;
use crate::rule::text;

/// Whether a regular expression (crate `regex`, unanchored, simple case folding) is found in the text after NFC.
pub static MATCHES: Function = Function {
    name: "matches",
    summary: "Whether a regular expression (crate `regex`, unanchored, simple case folding) is found in the text after NFC.",
    kernel: |arguments, _| match arguments {
        [Value::Text(text), Value::Text(pattern)] => matches(text, pattern).map(Value::Bool),
        _ => None,
    },
    validity: Validity::OfArguments,
    examples: || {
        let pattern = Value::text(r"^k\d[a-z]\s*\d");
        vec![
            Example::truth(r#"postal_zone matches "^k\d[a-z]\s*\d""#, [Value::text("K1A 0B1"), pattern.clone()], true),
            Example::truth(r#"postal_zone matches "^k\d[a-z]\s*\d""#, [Value::text("H2X 1Y4"), pattern], false),
        ]
    },
};

/// The regular expression that `matches` means by `pattern`.
///
/// # Errors
/// If it is none, or one whose automaton is larger than [`limits::REGEX_BYTES`].
pub fn compile_pattern(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&text::compose(pattern)).case_insensitive(true).size_limit(limits::REGEX_BYTES).build()
}

thread_local! {
    /// Compiled once a thread. The keys are patterns of programs, so they are few.
    static PATTERNS: RefCell<HashMap<Arc<str>, Option<Regex>>> = RefCell::default();
}

fn matches(text: &str, pattern: &Arc<str>) -> Option<bool> {
    PATTERNS.with_borrow_mut(|patterns| {
        if !patterns.contains_key(pattern) {
            patterns.insert(pattern.clone(), compile_pattern(pattern).ok());
        }
        let regex = patterns.get(pattern)?.as_ref()?;
        Some(regex.is_match(&text::compose(text)))
    })
}
