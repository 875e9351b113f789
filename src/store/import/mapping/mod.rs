//! The mapping as it is written (TOML) and as it runs: [`compile`] checks it against the catalogue, so that a run
//! fails for its data only.

mod compile;

pub use compile::{Compiled, FieldPlan, Kind, Part, SourcePlan, Target, compile};

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ImportError;
use super::date::Order;
use super::table::{Encoding, Source};

/// A mapping file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Of times without offset; the library's, if it says nothing.
    pub(super) zone: Option<String>,
    #[serde(default)]
    pub(super) encoding: Encoding,
    /// How dates are written that do not begin with the year.
    dates: Option<Order>,
    decimal: Option<char>,
    /// The calling code of phones without one.
    phones: Option<String>,
    /// Texts that stand for nothing.
    #[serde(default)]
    missing: Vec<String>,
    #[serde(default)]
    codes: BTreeMap<String, BTreeMap<String, Constant>>,
    #[serde(default)]
    source: BTreeMap<String, Source>,
    #[serde(default)]
    patron: Vec<PatronTarget>,
    #[serde(default)]
    event: Vec<EventTarget>,
    #[serde(default)]
    table: Vec<RowTarget>,
    #[serde(default)]
    feed: Vec<FeedTarget>,
    #[serde(default)]
    list: Vec<ListTarget>,
    #[serde(default)]
    consent: Vec<ConsentTarget>,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// If it is no TOML, or has a name in it that mappings do not have; the message says where.
    pub fn parse(text: &str) -> Result<Mapping, ImportError> {
        toml::from_str(text).map_err(|error| ImportError::Mapping(error.to_string()))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatronTarget {
    from: Option<String>,
    #[serde(rename = "where", default)]
    filter: Vec<String>,
    key: Text,
    /// Only patrons that the store knows already.
    #[serde(default)]
    update: bool,
    #[serde(default)]
    fields: BTreeMap<String, Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventTarget {
    /// The event or record.
    event: String,
    from: Option<String>,
    #[serde(rename = "where", default)]
    filter: Vec<String>,
    patron: Text,
    key: Option<Text>,
    at: Option<Text>,
    /// The files hold every record: what is not in them is removed.
    #[serde(default)]
    complete: bool,
    #[serde(default)]
    fields: BTreeMap<String, Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowTarget {
    /// The table.
    name: String,
    from: Option<String>,
    #[serde(rename = "where", default)]
    filter: Vec<String>,
    key: Option<Text>,
    #[serde(default)]
    fields: BTreeMap<String, Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedTarget {
    name: String,
    from: Option<String>,
    #[serde(rename = "where", default)]
    filter: Vec<String>,
    key: Option<Text>,
    /// The files hold the whole feed: what is not in them is removed.
    #[serde(default)]
    complete: bool,
    #[serde(default)]
    fields: BTreeMap<String, Text>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListTarget {
    list: String,
    from: Option<String>,
    #[serde(rename = "where", default)]
    filter: Vec<String>,
    patron: Text,
    /// The files hold every member: who is not in them is taken off the list.
    #[serde(default)]
    complete: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentTarget {
    from: Option<String>,
    #[serde(rename = "where", default)]
    filter: Vec<String>,
    patron: Text,
    purpose: Text,
    channel: Text,
    on: Text,
    until: Option<Text>,
    /// `given`, `asked` or `withdrawn`; given, if the mapping says nothing.
    state: Option<Text>,
    /// `express`, `implied by relationship` or `implied by inquiry`; express, if the mapping says nothing.
    kind: Option<Text>,
    /// Who said it, as the receipt tells; the file, if the mapping says nothing.
    source: Option<Text>,
}

/// Where a text comes from: a column (or a path through sources), a number or truth as such, or a table that says more.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Column(String),
    Constant(Constant),
    Rule(Box<Rule>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    column: Option<String>,
    constant: Option<Constant>,
    first: Option<Vec<Text>>,
    concat: Option<Vec<Text>>,
    /// Between the texts of `concat`; a blank, if it says nothing.
    with: Option<String>,
    codes: Option<Codes>,
    /// What a code means that is not in the table, and no code at all.
    otherwise: Option<Constant>,
    matches: Option<String>,
    split: Option<String>,
    take: Option<usize>,
    #[serde(default)]
    json: bool,
    #[serde(default)]
    missing: Vec<String>,
    #[serde(default)]
    present: bool,
    dates: Option<Order>,
    zone: Option<String>,
    #[serde(default)]
    as_written: bool,
    time: Option<String>,
    decimal: Option<char>,
    phones: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Codes {
    Named(String),
    Here(BTreeMap<String, Constant>),
}

/// A text, number or truth of the mapping itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Constant {
    Text(String),
    Whole(i64),
    Number(f64),
    Truth(bool),
}

impl Constant {
    fn text(&self) -> String {
        match self {
            Constant::Text(text) => text.clone(),
            Constant::Whole(number) => number.to_string(),
            Constant::Number(number) => number.to_string(),
            Constant::Truth(truth) => truth.to_string(),
        }
    }
}
