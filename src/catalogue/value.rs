//! Known values. The unknown is `None`, never a value.

use std::sync::Arc;

use crate::symbol::Symbol;
use crate::time::{Day, Duration, Instant};

/// A known value of some type.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Value {
    Bool(bool),
    Int(i64),
    /// Ten-thousandths.
    Decimal(i64),
    /// Hundredths.
    Money(i64),
    /// Also e-mail addresses, phones, URLs. As stored; comparisons fold it (section 2).
    Text(Arc<str>),
    Date(Day),
    Instant(Instant),
    Duration(Duration),
    /// A value of an enumeration, or a name.
    Symbol(Symbol),
    /// Symbols or texts, sorted and without repetition (texts by their folded form).
    Set(Arc<[Value]>),
}

impl Value {
    /// From a text.
    pub fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    /// The name that it is: a value of an enumeration, or a text that is a name of the program.
    pub fn as_name(&self) -> Option<Symbol> {
        match self {
            Value::Symbol(symbol) => Some(*symbol),
            Value::Text(text) => Symbol::find(text),
            _ => None,
        }
    }

    /// The truth of a bool.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self { Some(*value) } else { None }
    }
}
