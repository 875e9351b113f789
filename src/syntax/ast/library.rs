//! The library block.

use std::sync::Arc;

use super::{Name, Text};
use crate::diagnostic::Span;
use crate::time::{TimeOfDay, Unit, Weekday};

#[derive(Clone, Debug)]
pub struct Library {
    /// `library "Name"`: the head, without the block.
    pub head: Span,
    pub name: Text,
    pub clauses: Vec<LibraryClause>,
}

#[derive(Clone, Debug)]
pub struct LibraryClause {
    pub span: Span,
    pub kind: LibraryClauseKind,
}

#[derive(Clone, Debug)]
pub enum LibraryClauseKind {
    Timezone(Text),
    Languages(Vec<Name>),
    Sender(Address),
    ReplyTo(Address),
    Address(Text),
    Policy(Text),
    WeekStarts(Weekday),
    AdultAt(Number),
    Quiet(Option<TimeRange>),
    Limit(Limit),
    SuppressUnder(Number),
    Currency(Name),
}

/// `"Name" <address>` or `<address>`.
#[derive(Clone, Debug)]
pub struct Address {
    pub name: Option<Text>,
    /// Without the angle brackets.
    pub address: Arc<str>,
    /// With them.
    pub address_span: Span,
}

/// `21:00 to 08:00` or `between 10:00 and 18:00`.
#[derive(Clone, Copy, Debug)]
pub struct TimeRange {
    pub from: Time,
    pub to: Time,
}

#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub time: TimeOfDay,
    pub span: Span,
}

/// `limit 3 messages per 7 days`.
#[derive(Clone, Debug)]
pub struct Limit {
    pub messages: Number,
    pub per: Quantity,
}

/// A whole number where it stands; underscores are in the source only.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    pub value: i64,
    pub span: Span,
}

/// A duration literal, or the name of a parameter (or, after `start`, of a patron field with a unit).
#[derive(Clone, Debug)]
pub struct Quantity {
    pub span: Span,
    pub kind: QuantityKind,
}

#[derive(Clone, Debug)]
pub enum QuantityKind {
    /// `30 days`. `unit_span` is the unit's word, kept for the style lint and for `fmt`.
    Literal { count: i64, unit: Unit, unit_span: Span },
    /// A parameter of type duration.
    Parameter(Name),
    /// `notice_days days`: an `int` field or parameter and a unit.
    Counted { count: Name, unit: Unit, unit_span: Span },
}

/// A count `N`, which may be a parameter.
#[derive(Clone, Copy, Debug)]
pub enum CountValue {
    Number(Number),
    Parameter(Name),
}
