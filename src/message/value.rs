//! The values that a message's texts print and test.

use std::borrow::Cow;
use std::sync::Arc;

use crate::catalogue::{Catalogue, Channel, Element, Type, Value};
use crate::message::link::LinkKind;
use crate::message::render::{Making, Row};
use crate::message::template::{BuiltIn, Formula, Rows};
use crate::symbol::Symbol;

/// A value on its way into a text.
pub(super) enum Made<'v> {
    Text(Cow<'v, str>),
    Number(i64),
    Bool(bool),
    Value(Value, Type),
    Link { url: Arc<str>, label: Cow<'v, str> },
}

/// Where a slot is filled.
#[derive(Clone, Copy, Default)]
pub(super) struct Frame<'f> {
    pub row: Row<'f>,
    pub element: Option<&'f Value>,
    pub is_first: bool,
    pub is_last: bool,
}

impl Making<'_> {
    /// The value of a formula for this reader; `None` is unknown.
    pub fn make<'v>(&mut self, formula: &'v Formula, frame: Frame<'_>) -> Option<Made<'v>> {
        Some(match formula {
            Formula::Value(expr) if expr.ty == Type::Bool => Made::Bool(self.reader.is_true(expr, frame.row)),
            Formula::Value(expr) => Made::Value(self.reader.value(expr, frame.row)?, expr.ty),
            Formula::Element(ty) => Made::Value(frame.element?.clone(), *ty),
            Formula::Text(text) => Made::Text(Cow::Borrowed(text)),
            Formula::Number(number) => Made::Number(*number),
            Formula::Bool(value) => Made::Bool(*value),
            Formula::Name(name) => self.built_in(*name),
            Formula::Default(value, fallback) => match self.make(value, frame) {
                Some(made) => made,
                None => self.make(fallback, frame)?,
            },
            Formula::Length(rows @ Rows::Set(expr)) => {
                self.reader.value(expr, frame.row)?;
                Made::Number(self.count(rows, frame) as i64)
            }
            Formula::Length(rows) => Made::Number(self.count(rows, frame) as i64),
            Formula::Link(target) => {
                let target = self.make(target, frame)?;
                let target = self.text_of(target);
                // On paper nobody clicks.
                let url = match self.occasion.channel {
                    Channel::Print => target.as_ref().into(),
                    _ => self.links.url(LinkKind::Click, &target),
                };
                Made::Link { url, label: target }
            }
            Formula::Survey(id) => {
                let survey = &self.renderer.program.catalogue.surveys[id.index()];
                let url = self.links.url(LinkKind::Survey, survey.name.as_str());
                let label = survey.label.as_ref().map(|label| label.in_language(self.language.code()));
                Made::Link { label: Cow::Owned(label.unwrap_or(&url).to_owned()), url }
            }
            Formula::Date(value, pattern) => match self.make(value, frame)? {
                Made::Value(Value::Date(day), _) => Made::Text(self.language.date_as(day, pattern)?.into()),
                Made::Value(Value::Instant(instant), _) => {
                    Made::Text(self.language.instant_as(instant, &self.renderer.program.library.zone, pattern)?.into())
                }
                other => other,
            },
            Formula::Money(value) => {
                let hundredths = match self.make(value, frame)? {
                    Made::Value(Value::Money(hundredths), _) => hundredths,
                    Made::Value(Value::Decimal(ten_thousandths), _) => ten_thousandths.div_euclid(100),
                    Made::Value(Value::Int(whole), _) | Made::Number(whole) => whole.saturating_mul(100),
                    other => return Some(other),
                };
                Made::Text(self.language.money(hundredths, self.renderer.program.library.currency).into())
            }
            Formula::Upper(value) => {
                let made = self.make(value, frame)?;
                Made::Text(self.language.upper(&self.text_of(made)).into())
            }
            Formula::Lower(value) => {
                let made = self.make(value, frame)?;
                Made::Text(self.language.lower(&self.text_of(made)).into())
            }
            Formula::Plural(value, one, many) => {
                let number = match self.make(value, frame)? {
                    Made::Number(number) | Made::Value(Value::Int(number), _) => number,
                    _ => return None,
                };
                let form = if self.language.is_one(number) { one } else { many };
                Made::Text(form.replace("{n}", &self.language.integer(number)).into())
            }
            Formula::Member(condition) => Made::Bool(self.reader.is_true(condition, frame.row)),
            Formula::First => Made::Bool(frame.is_first),
            Formula::Last => Made::Bool(frame.is_last),
        })
    }

    fn built_in(&mut self, name: BuiltIn) -> Made<'static> {
        let kind = match name {
            BuiltIn::Campaign => return Made::Text(self.surround.title.clone().into()),
            BuiltIn::Library => return Made::Text(self.renderer.program.library.name.to_string().into()),
            BuiltIn::Why => return Made::Text(self.surround.why.clone().into()),
            BuiltIn::Unsubscribe => LinkKind::Unsubscribe,
            BuiltIn::Preferences => LinkKind::Preferences,
            BuiltIn::Confirm => LinkKind::Confirm,
        };
        let url = self.links.url(kind, "");
        Made::Link { label: Cow::Owned(url.to_string()), url }
    }

    /// A value as its reader reads it.
    pub fn text_of<'v>(&self, made: Made<'v>) -> Cow<'v, str> {
        match made {
            Made::Text(text) => text,
            Made::Number(number) => self.language.integer(number).into(),
            Made::Bool(value) => value.to_string().into(),
            Made::Link { url, .. } => url.to_string().into(),
            Made::Value(value, ty) => self.value_text(&value, ty).into(),
        }
    }

    fn value_text(&self, value: &Value, ty: Type) -> String {
        let program = self.renderer.program;
        match value {
            Value::Bool(value) => value.to_string(),
            Value::Int(number) => self.language.integer(*number),
            Value::Decimal(number) => self.language.ten_thousandths(*number),
            Value::Money(number) => self.language.money(*number, program.library.currency),
            Value::Text(text) => clean(Cow::Borrowed(text)),
            Value::Date(day) => self.language.date(*day),
            Value::Instant(instant) => self.language.instant(*instant, &program.library.zone),
            Value::Duration(duration) => duration.to_string(),
            Value::Symbol(symbol) => enum_text(&program.catalogue, *symbol, ty, self.language.code()),
            Value::Set(elements) => {
                let inner = match ty {
                    Type::Set(Element::Enum(id)) => Type::Enum(id),
                    _ => Type::Text,
                };
                elements.iter().map(|element| self.value_text(element, inner)).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// Whether `{{#if}}` takes a value for true.
pub(super) fn is_something(made: &Made<'_>) -> bool {
    match made {
        Made::Bool(value) => *value,
        Made::Number(number) => *number != 0,
        Made::Text(text) => !text.is_empty(),
        Made::Link { .. } => true,
        Made::Value(value, _) => match value {
            Value::Bool(value) => *value,
            Value::Int(number) | Value::Decimal(number) | Value::Money(number) => *number != 0,
            Value::Text(text) => !text.is_empty(),
            Value::Set(elements) => !elements.is_empty(),
            _ => true,
        },
    }
}

/// A value's label in the language; its name where it has none.
fn enum_text(catalogue: &Catalogue, symbol: Symbol, ty: Type, language: Symbol) -> String {
    let Type::Enum(id) = ty else { return symbol.to_string() };
    let values = &catalogue.enumeration(id).values;
    let label = values.iter().find(|(value, _)| *value == symbol).and_then(|(_, label)| label.as_ref());
    label.map_or_else(|| symbol.to_string(), |label| label.in_language(language).to_owned())
}

/// Whether a character ends lines or steers a terminal.
fn is_bad(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Without characters that end lines or steer a terminal: no value spans lines (TPL-12).
pub(super) fn clean(text: Cow<'_, str>) -> String {
    // Most texts are ASCII, and bytes are looked at more quickly than characters.
    let has_bad =
        if text.is_ascii() { text.bytes().any(|byte| byte.is_ascii_control()) } else { text.contains(is_bad) };
    if has_bad {
        let text: String = text.chars().map(|c| if is_bad(c) { ' ' } else { c }).collect();
        return text.trim().to_owned();
    }
    if text.trim().len() == text.len() { text.into_owned() } else { text.trim().to_owned() }
}

/// The same, with one blank between words.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || is_bad(c)).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}
