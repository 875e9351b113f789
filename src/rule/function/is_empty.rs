//! `is_empty`.

use super::{Example, Function, Validity};
use crate::catalogue::Value;

/// Whether a set has no element.
pub static IS_EMPTY: Function = Function {
    name: "is_empty",
    summary: "Whether a set has no element.",
    kernel: |arguments, _| match arguments {
        [Value::Set(set)] => Some(Value::Bool(set.is_empty())),
        _ => None,
    },
    validity: Validity::OfArguments,
    examples: || {
        vec![
            Example::truth("() is empty", [Value::Set([].into())], true),
            Example::truth("(\"a\") is empty", [Value::Set([Value::text("a")].into())], false),
        ]
    },
};
