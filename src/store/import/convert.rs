//! Texts of an export as values of a type.

use std::collections::HashMap;

use super::address;
use super::date::{self, Order};
use super::number;
use super::record::ELEMENTS;
use crate::catalogue::{Catalogue, Element, EnumId, NameKind, Type, Value};
use crate::rule::text::fold;
use crate::symbol::Symbol;
use crate::time::{TimeOfDay, Zone};

/// A longer text is no field of a patron: the row has lost its end.
const LONGEST_TEXT: usize = 1 << 20;

/// How to read one field.
#[derive(Clone, Debug)]
pub struct Converter {
    kind: Kind,
    style: Style,
}

/// How a system writes what can be written in several ways.
#[derive(Clone, Debug)]
pub struct Style {
    pub order: Order,
    pub zone: Zone,
    /// Take the date of an instant as it is written, whatever its offset.
    pub as_written: bool,
    /// When a date begins that is imported as an instant.
    pub time: TimeOfDay,
    pub decimal: char,
    pub country: Option<String>,
}

#[derive(Clone, Debug)]
enum Kind {
    Bool,
    Int,
    Decimal,
    Money,
    Text,
    Date,
    Instant,
    Email,
    Phone,
    Url,
    /// Folded spellings, and all of them for the message.
    Enum(HashMap<String, Symbol>, String),
    Set(Box<Kind>),
}

impl Converter {
    /// For a field of type `ty`; `None` if no field of this type is imported.
    pub fn new(ty: Type, style: Style, catalogue: &Catalogue) -> Option<Converter> {
        Some(Converter { kind: Kind::of(ty, catalogue)?, style })
    }

    /// The value of a text, or why it has none.
    pub fn value(&self, text: &str) -> Result<Value, String> {
        if text.len() > LONGEST_TEXT {
            return Err(format!("a text of {} bytes is too long", text.len()));
        }
        if text.contains('\0') {
            return Err("it holds a NUL character".to_owned());
        }
        self.kind.value(text, &self.style)
    }
}

impl Kind {
    fn of(ty: Type, catalogue: &Catalogue) -> Option<Kind> {
        let enumeration = |id: EnumId| {
            let values = &catalogue.enumeration(id).values;
            let spellings = values.iter().map(|(value, _)| (fold(value.as_str()).into_owned(), *value)).collect();
            let names: Vec<&str> = values.iter().map(|(value, _)| value.as_str()).collect();
            Kind::Enum(spellings, names.join(", "))
        };
        Some(match ty {
            Type::Bool => Kind::Bool,
            Type::Int => Kind::Int,
            Type::Decimal => Kind::Decimal,
            Type::Money => Kind::Money,
            Type::Text => Kind::Text,
            Type::Date => Kind::Date,
            Type::Instant => Kind::Instant,
            Type::Email => Kind::Email,
            Type::Phone => Kind::Phone,
            Type::Url => Kind::Url,
            Type::Enum(id) => enumeration(id),
            Type::Set(Element::Enum(id)) => Kind::Set(Box::new(enumeration(id))),
            Type::Set(Element::Text) => Kind::Set(Box::new(Kind::Text)),
            Type::Name(NameKind::Survey) => {
                let names: Vec<Symbol> = catalogue.surveys.iter().map(|survey| survey.name).collect();
                let all: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
                Kind::Enum(names.iter().map(|name| (fold(name.as_str()).into_owned(), *name)).collect(), all.join(", "))
            }
            Type::Duration | Type::Name(_) => return None,
        })
    }

    fn value(&self, text: &str, style: &Style) -> Result<Value, String> {
        match self {
            Kind::Bool => truth(text).map(Value::Bool),
            Kind::Int => number::fixed(text, 0, style.decimal).map(Value::Int),
            Kind::Decimal => number::fixed(text, 4, style.decimal).map(Value::Decimal),
            Kind::Money => number::fixed(text, 2, style.decimal).map(Value::Money),
            Kind::Text => Ok(Value::text(without_guard(text))),
            Kind::Date => {
                let written = date::parse(text, style.order)?;
                Ok(Value::Date(if style.as_written { written.day } else { written.local_day(&style.zone) }))
            }
            Kind::Instant => Ok(Value::Instant(date::parse(text, style.order)?.instant(&style.zone, style.time))),
            Kind::Email => address::email(text).map(Value::text),
            Kind::Phone => address::phone(text, style.country.as_deref()).map(|phone| Value::Text(phone.into())),
            Kind::Url => address::url(text).map(Value::text),
            Kind::Enum(values, names) => match values.get(&*fold(text.trim())) {
                Some(symbol) => Ok(Value::Symbol(*symbol)),
                None => Err(format!("{:?} is none of {names}", text.trim())),
            },
            Kind::Set(element) => {
                let parts = text.split(ELEMENTS).map(str::trim).filter(|part| !part.is_empty());
                let mut elements =
                    parts
                        .map(|part| Ok((key(part), element.value(part, style)?)))
                        .collect::<Result<Vec<_>, String>>()?;
                elements.sort_by(|(left, _), (right, _)| left.cmp(right));
                elements.dedup_by(|(left, _), (right, _)| left == right);
                Ok(Value::Set(elements.into_iter().map(|(_, value)| value).collect()))
            }
        }
    }
}

fn key(text: &str) -> String {
    fold(text).into_owned()
}

fn truth(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "on" => Ok(true),
        "false" | "f" | "no" | "n" | "0" | "off" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false; a table of codes can say what it means")),
    }
}

/// Spreadsheets run what begins so.
pub fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// Without the apostrophe that our own exports put before what a spreadsheet would run.
fn without_guard(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(text)
}
