//! `contains`.

use super::{Example, Function, Validity};
use crate::catalogue::Value;
use crate::rule::text;

/// Whether the first text contains the second, both folded.
pub static CONTAINS: Function = Function {
    name: "contains",
    summary: "Whether the first text contains the second, both folded.",
    kernel: |arguments, _| match arguments {
        [Value::Text(text), Value::Text(part)] => Some(Value::Bool(text::contains(text, part))),
        _ => None,
    },
    validity: Validity::OfArguments,
    examples: || {
        let church = Value::text("12 rue de l'Église");
        vec![
            Example::truth("street contains \"ÉGLISE\"", [church.clone(), Value::text("ÉGLISE")], true),
            Example::truth("street contains \"eglise\"", [church, Value::text("eglise")], false),
        ]
    },
};
