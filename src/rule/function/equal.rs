//! `equal`.

use super::{Example, Function, Validity};
use crate::catalogue::Value;
use crate::rule::text;
use crate::symbol::Symbol;

/// Equality of two values of one type; texts after NFC and full case folding.
pub static EQUAL: Function = Function {
    name: "equal",
    summary: "Equality of two values of one type; texts after NFC and full case folding.",
    kernel: |arguments, _| Some(Value::Bool(equal(&arguments[0], &arguments[1]))),
    validity: Validity::Comparison,
    examples: || {
        let central = Value::Symbol(Symbol::new("central"));
        let east = Value::Symbol(Symbol::new("eastside"));
        vec![
            Example::truth("12 = 12", [Value::Int(12), Value::Int(12)], true),
            Example::truth("\"Straße\" is \"STRASSE\"", [Value::text("Straße"), Value::text("STRASSE")], true),
            Example::truth("\"Emma\" is \"Emma \"", [Value::text("Emma"), Value::text("Emma ")], false),
            Example::truth("branch is eastside", [central, east], false),
        ]
    },
};

/// Whether two values of one type are equal.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => text::same(left, right),
        (Value::Set(left), Value::Set(right)) => {
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(left, right)| equal(left, right))
        }
        _ => left == right,
    }
}
