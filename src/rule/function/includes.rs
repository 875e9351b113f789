//! `includes`.

use super::{Example, Function, Validity, equal};
use crate::catalogue::Value;
use crate::symbol::Symbol;

/// Whether a set has an element.
pub static INCLUDES: Function = Function {
    name: "includes",
    summary: "Whether a set has an element.",
    kernel: |arguments, _| match arguments {
        [Value::Set(set), element] => Some(Value::Bool(set.iter().any(|member| equal(member, element)))),
        _ => None,
    },
    validity: Validity::OfArguments,
    examples: || {
        let games = Value::Symbol(Symbol::new("games"));
        let set = Value::Set([games.clone(), Value::Symbol(Symbol::new("history"))].into());
        let texts = Value::Set([Value::text("Été")].into());
        vec![
            Example::truth("interests includes games", [set.clone(), games], true),
            Example::truth("interests includes cooking", [set, Value::Symbol(Symbol::new("cooking"))], false),
            Example::truth("tags includes \"ÉTÉ\"", [texts, Value::text("ÉTÉ")], true),
        ]
    },
};
