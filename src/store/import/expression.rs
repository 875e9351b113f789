//! How a mapping makes a text from a row: columns, lookups in other files, code tables, first of several, parts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use regex::Regex;

use super::record::{ELEMENTS, Record};

/// A text, or none, from a row.
#[derive(Clone, Debug)]
pub enum Expression {
    /// A column by its slot.
    Column(usize),
    Constant(String),
    /// The first that is there.
    First(Vec<Expression>),
    /// Those that are there, with a text between.
    Concat(Vec<Expression>, String),
    /// The row of another source that has this key, and there the column with this slot.
    Lookup {
        key: Box<Expression>,
        source: usize,
        slot: usize,
    },
    Codes {
        of: Box<Expression>,
        codes: Arc<HashMap<String, String>>,
        otherwise: Option<String>,
    },
    /// The first group of a regular expression, or all that it matches.
    Matches {
        of: Box<Expression>,
        pattern: Regex,
    },
    /// The n-th part (from 1), or all as elements of a set.
    Split {
        of: Box<Expression>,
        separator: String,
        take: Option<usize>,
    },
    /// The text that a JSON text spells.
    Json(Box<Expression>),
    /// Texts that stand for nothing.
    Missing {
        of: Box<Expression>,
        texts: Vec<String>,
    },
    /// `true` if there is a text, else `false`.
    Present(Box<Expression>),
}

/// A row of another source: by slot.
pub type Joined = Box<[Option<Box<str>>]>;

/// What expressions read besides the row.
#[derive(Default)]
pub struct Context {
    /// By source: its rows by key.
    pub joined: Vec<HashMap<Box<str>, Joined>>,
    /// Texts that stand for nothing in every column.
    pub missing: Vec<String>,
}

impl Expression {
    /// The text of a row.
    pub fn text<'r>(&'r self, record: &'r Record, context: &'r Context) -> Result<Option<Cow<'r, str>>, String> {
        Ok(match self {
            Expression::Column(slot) => context.known(record.cell(*slot)),
            Expression::Constant(text) => Some(Cow::Borrowed(text.as_str())),
            Expression::First(all) => {
                for one in all {
                    if let Some(text) = one.text(record, context)? {
                        return Ok(Some(text));
                    }
                }
                None
            }
            Expression::Concat(all, between) => {
                let texts: Result<Vec<_>, String> =
                    all.iter().filter_map(|one| one.text(record, context).transpose()).collect();
                let texts = texts?;
                (!texts.is_empty()).then(|| Cow::Owned(texts.join(between)))
            }
            Expression::Lookup { key, source, slot } => {
                let Some(key) = key.text(record, context)? else { return Ok(None) };
                let row = context.joined[*source].get(&*key);
                context.known(row.and_then(|row| row[*slot].as_deref()))
            }
            Expression::Codes { of, codes, otherwise } => {
                let Some(text) = of.text(record, context)? else { return Ok(otherwise.as_deref().map(Cow::Borrowed)) };
                match (codes.get(text.trim()), otherwise) {
                    (Some(meaning), _) => Some(Cow::Borrowed(meaning.as_str())).filter(|text| !text.is_empty()),
                    (None, Some(otherwise)) => Some(Cow::Borrowed(otherwise.as_str())),
                    (None, None) => return Err(format!("the code {text:?} is not in the table of codes")),
                }
            }
            Expression::Matches { of, pattern } => {
                let Some(text) = of.text(record, context)? else { return Ok(None) };
                let found = pattern.captures(&text).and_then(|found| found.get(1).or_else(|| found.get(0)));
                match found {
                    Some(found) => Some(Cow::Owned(found.as_str().to_owned())),
                    None => return Err(format!("{text:?} does not match {pattern}")),
                }
            }
            Expression::Split { of, separator, take } => {
                let Some(text) = of.text(record, context)? else { return Ok(None) };
                match take {
                    Some(n) => {
                        let part = text.split(separator.as_str()).nth(n - 1).map(str::trim);
                        part.filter(|part| !part.is_empty()).map(|part| Cow::Owned(part.to_owned()))
                    }
                    None => Some(Cow::Owned(text.replace(separator.as_str(), &ELEMENTS.to_string()))),
                }
            }
            Expression::Json(of) => {
                let Some(text) = of.text(record, context)? else { return Ok(None) };
                match serde_json::from_str(&text) {
                    Ok(serde_json::Value::Null) => None,
                    Ok(serde_json::Value::String(inner)) => Some(inner).filter(|text| !text.is_empty()).map(Cow::Owned),
                    Ok(other) => Some(Cow::Owned(other.to_string())),
                    Err(_) => return Err(format!("{text:?} is no JSON")),
                }
            }
            Expression::Missing { of, texts } => {
                of.text(record, context)?.filter(|text| !texts.iter().any(|missing| missing == text.trim()))
            }
            Expression::Present(of) => {
                Some(Cow::Borrowed(if of.text(record, context)?.is_some() { "true" } else { "false" }))
            }
        })
    }
}

impl Expression {
    /// Why a lookup found nothing: the key that the other source does not have.
    pub fn lost_key(&self, record: &Record, context: &Context) -> Option<String> {
        match self {
            Expression::Lookup { key, source, .. } => match key.text(record, context) {
                Ok(Some(key)) => (!context.joined[*source].contains_key(&*key)).then(|| key.into_owned()),
                _ => key.lost_key(record, context),
            },
            Expression::First(all) | Expression::Concat(all, _) => {
                all.iter().find_map(|one| one.lost_key(record, context))
            }
            Expression::Codes { of, .. }
            | Expression::Matches { of, .. }
            | Expression::Split { of, .. }
            | Expression::Missing { of, .. }
            | Expression::Json(of) => of.lost_key(record, context),
            Expression::Column(_) | Expression::Constant(_) | Expression::Present(_) => None,
        }
    }
}

impl Context {
    /// A cell; nothing if it is blank or stands for nothing.
    fn known<'r>(&self, cell: Option<&'r str>) -> Option<Cow<'r, str>> {
        let text = cell?;
        let trimmed = text.trim();
        let stands_for_nothing =
            trimmed.is_empty() || (!self.missing.is_empty() && self.missing.iter().any(|missing| missing == trimmed));
        (!stands_for_nothing).then_some(Cow::Borrowed(text))
    }
}

/// A condition on rows.
#[derive(Clone, Debug)]
pub struct Filter {
    pub of: Expression,
    pub test: Test,
}

/// `where`
#[derive(Clone, Debug)]
pub enum Test {
    Empty,
    NotEmpty,
    OneOf(Vec<String>),
    NotOneOf(Vec<String>),
    Matches(Regex),
}

impl Filter {
    /// Whether the row counts.
    pub fn holds(&self, record: &Record, context: &Context) -> Result<bool, String> {
        let text = self.of.text(record, context)?;
        let is_one = |texts: &[String]| {
            let text = text.as_deref().unwrap_or_default().trim();
            texts.iter().any(|one| one == text)
        };
        Ok(match &self.test {
            Test::Empty => text.is_none(),
            Test::NotEmpty => text.is_some(),
            Test::OneOf(texts) => is_one(texts),
            Test::NotOneOf(texts) => !is_one(texts),
            Test::Matches(pattern) => text.is_some_and(|text| pattern.is_match(&text)),
        })
    }
}

/// Divides `COLUMN is empty`, `COLUMN = x`, `COLUMN in (x, y)` and so on into the column and the test.
pub fn parse_filter(text: &str) -> Result<(&str, Test), String> {
    let values = |list: &str| -> Option<Vec<String>> {
        let inner = list.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inner.split(',').map(|value| unquoted(value).to_owned()).collect())
    };
    let text = text.trim();
    if let Some(column) = text.strip_suffix(" is not empty") {
        return Ok((column.trim(), Test::NotEmpty));
    }
    if let Some(column) = text.strip_suffix(" is empty") {
        return Ok((column.trim(), Test::Empty));
    }
    let wrong = || {
        format!(
            "{text:?} is no condition; write `COLUMN = x`, `!= x`, `in (x, y)`, `not in (x, y)`, `is empty`, \
             `is not empty` or `matches REGEX`"
        )
    };
    if let Some((column, pattern)) = text.split_once(" matches ") {
        let pattern = Regex::new(unquoted(pattern)).map_err(|error| error.to_string())?;
        return Ok((column.trim(), Test::Matches(pattern)));
    }
    if let Some((column, list)) = text.split_once(" not in ") {
        return Ok((column.trim(), Test::NotOneOf(values(list).ok_or_else(wrong)?)));
    }
    if let Some((column, list)) = text.split_once(" in ") {
        return Ok((column.trim(), Test::OneOf(values(list).ok_or_else(wrong)?)));
    }
    if let Some((column, value)) = text.split_once(" != ") {
        return Ok((column.trim(), Test::NotOneOf(vec![unquoted(value).to_owned()])));
    }
    let (column, value) = text.split_once(" = ").ok_or_else(wrong)?;
    Ok((column.trim(), Test::OneOf(vec![unquoted(value).to_owned()])))
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner.unwrap_or(text)
}
