//! `starts_with`.

use super::{Example, Function, Validity};
use crate::catalogue::Value;
use crate::rule::text;

/// Whether the first text starts with the second, both folded.
pub static STARTS_WITH: Function = Function {
    name: "starts_with",
    summary: "Whether the first text starts with the second, both folded.",
    kernel: |arguments, _| match arguments {
        [Value::Text(text), Value::Text(start)] => Some(Value::Bool(text::starts_with(text, start))),
        _ => None,
    },
    validity: Validity::OfArguments,
    examples: || {
        vec![
            Example::truth("postal_zone starts with \"k1a\"", [Value::text("K1A 0B1"), Value::text("k1a")], true),
            Example::truth("postal_zone starts with \"0B1\"", [Value::text("K1A 0B1"), Value::text("0B1")], false),
        ]
    },
};
