//! How values lie in columns: numbers, dates and instants as integers, texts and names as texts, sets as JSON.

use std::borrow::Cow;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::catalogue::{Catalogue, Element, EnumId, Type, Value};
use crate::map::Map;
use crate::symbol::Symbol;
use crate::time::{Day, Instant};

/// A value as a column holds it.
#[derive(Clone, PartialEq, Debug)]
pub enum Stored<'v> {
    Null,
    Integer(i64),
    Text(Cow<'v, str>),
}

impl<'v> Stored<'v> {
    /// What a column holds for a value.
    pub fn of(value: Option<&'v Value>) -> Stored<'v> {
        match value {
            None => Stored::Null,
            Some(Value::Bool(truth)) => Stored::Integer(i64::from(*truth)),
            Some(Value::Int(number) | Value::Decimal(number) | Value::Money(number)) => Stored::Integer(*number),
            Some(Value::Date(day)) => Stored::Integer(i64::from(day.0)),
            Some(Value::Instant(instant)) => Stored::Integer(instant.0),
            Some(Value::Text(text)) => Stored::Text(Cow::Borrowed(text)),
            Some(Value::Symbol(symbol)) => Stored::Text(Cow::Borrowed(symbol.as_str())),
            Some(Value::Set(elements)) => {
                let texts: Vec<&str> = elements.iter().map(element_text).collect();
                let json = serde_json::to_string(&texts).expect("a list of texts is JSON");
                Stored::Text(Cow::Owned(json))
            }
            Some(Value::Duration(_)) => unreachable!("no field has the type duration"),
        }
    }

    /// As the change log holds it.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Stored::Null => serde_json::Value::Null,
            Stored::Integer(number) => (*number).into(),
            Stored::Text(text) => text.as_ref().into(),
        }
    }

    /// Whether the column holds just this.
    pub fn is(&self, found: ValueRef<'_>) -> bool {
        match (self, found) {
            (Stored::Null, ValueRef::Null) => true,
            (Stored::Integer(left), ValueRef::Integer(right)) => *left == right,
            (Stored::Text(left), ValueRef::Text(right)) => left.as_bytes() == right,
            _ => false,
        }
    }
}

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Stored::Null => ValueRef::Null,
            Stored::Integer(number) => ValueRef::Integer(*number),
            Stored::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

fn element_text(element: &Value) -> &str {
    match element {
        Value::Text(text) => text,
        Value::Symbol(symbol) => symbol.as_str(),
        _ => unreachable!("a set holds texts or names"),
    }
}

/// Reads the columns of one type.
#[derive(Debug)]
pub enum Decoder {
    Bool,
    Int,
    Decimal,
    Money,
    Text,
    Date,
    Instant,
    /// By spelling. A value that the enumeration no longer has is unknown.
    Enum(Map<&'static str, Symbol>),
    /// The name of something that the program declares.
    Name,
    TextSet,
    EnumSet(Map<&'static str, Symbol>),
}

impl Decoder {
    /// For columns of `ty`.
    pub fn of(ty: Type, catalogue: &Catalogue) -> Decoder {
        let spellings = |id: EnumId| {
            let values = &catalogue.enumeration(id).values;
            values.iter().map(|(value, _)| (value.as_str(), *value)).collect()
        };
        match ty {
            Type::Bool => Decoder::Bool,
            Type::Int => Decoder::Int,
            Type::Decimal => Decoder::Decimal,
            Type::Money => Decoder::Money,
            Type::Text | Type::Email | Type::Phone | Type::Url => Decoder::Text,
            Type::Date => Decoder::Date,
            Type::Instant => Decoder::Instant,
            Type::Enum(id) => Decoder::Enum(spellings(id)),
            Type::Set(Element::Enum(id)) => Decoder::EnumSet(spellings(id)),
            Type::Set(Element::Text) => Decoder::TextSet,
            Type::Name(_) => Decoder::Name,
            Type::Duration => unreachable!("no field has the type duration"),
        }
    }

    /// The value of a column, from [`Stored::json`].
    pub fn decode_json(&self, found: &serde_json::Value) -> Option<Value> {
        match found {
            serde_json::Value::String(text) => self.decode(ValueRef::Text(text.as_bytes())),
            found => self.decode(ValueRef::Integer(found.as_i64()?)),
        }
    }

    /// The value of a column.
    pub fn decode(&self, found: ValueRef<'_>) -> Option<Value> {
        match found {
            ValueRef::Integer(number) => match self {
                Decoder::Bool => Some(Value::Bool(number != 0)),
                Decoder::Int => Some(Value::Int(number)),
                Decoder::Decimal => Some(Value::Decimal(number)),
                Decoder::Money => Some(Value::Money(number)),
                Decoder::Date => Some(Value::Date(Day(i32::try_from(number).ok()?))),
                Decoder::Instant => Some(Value::Instant(Instant(number))),
                _ => None,
            },
            ValueRef::Text(bytes) => {
                let text = std::str::from_utf8(bytes).ok()?;
                match self {
                    Decoder::Text => Some(Value::text(text)),
                    Decoder::Enum(values) => values.get(text).copied().map(Value::Symbol),
                    Decoder::Name => Some(Value::Symbol(Symbol::new(text))),
                    Decoder::TextSet => elements(text, |element| Some(Value::text(element))),
                    Decoder::EnumSet(values) => {
                        elements(text, |element| values.get(element).copied().map(Value::Symbol))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

fn elements(json: &str, read: impl Fn(&str) -> Option<Value>) -> Option<Value> {
    if json == "[]" {
        return Some(Value::Set([].into()));
    }
    let texts: Vec<Cow<'_, str>> = serde_json::from_str(json).ok()?;
    Some(Value::Set(texts.iter().filter_map(|text| read(text)).collect()))
}

/// How a type lies in the store, by name. Types of one name need no conversion.
pub fn storage(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Decimal => "decimal",
        Type::Money => "money",
        Type::Date => "date",
        Type::Instant => "instant",
        Type::Set(_) => "set",
        _ => "text",
    }
}

/// SQLite's type of a column.
pub fn sql_type(ty: Type) -> &'static str {
    match storage(ty) {
        "text" | "set" => "TEXT",
        _ => "INTEGER",
    }
}

/// What to multiply by when a column changes from one number to a finer one.
pub fn widening(from: &str, to: &str) -> Option<i64> {
    match (from, to) {
        ("int", "money") => Some(100),
        ("int", "decimal") => Some(10_000),
        ("money", "decimal") => Some(100),
        _ => None,
    }
}
