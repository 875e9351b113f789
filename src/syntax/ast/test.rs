//! Tests.

use super::{Expr, InstantLiteral, Name, Number, SegmentRef, Text};
use crate::diagnostic::Span;
use crate::time::Day;

#[derive(Clone, Debug)]
pub struct Test {
    pub name: Text,
    pub statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub struct Statement {
    pub span: Span,
    pub kind: StatementKind,
}

/// An instant in a test: a date (its first instant, or after `run until` its last) or a date and time.
#[derive(Clone, Copy, Debug)]
pub struct When {
    pub span: Span,
    pub kind: WhenKind,
}

#[derive(Clone, Copy, Debug)]
pub enum WhenKind {
    Date(Day),
    Instant(InstantLiteral),
}

/// `FIELD VALUE`; `unknown` is `None`.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub field: Name,
    pub value: Option<Expr>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum StatementKind {
    Now(When),
    Patron {
        person: Name,
        like: Option<Name>,
        from: Option<When>,
        fields: Vec<Assignment>,
    },
    Consent {
        person: Name,
        purpose: Name,
        channel: Name,
        on: When,
        until: Option<When>,
        asked: bool,
    },
    Withdraw {
        person: Name,
        purpose: Name,
        channel: Name,
        on: When,
    },
    Event {
        event: Name,
        person: Name,
        on: When,
        fields: Vec<Assignment>,
    },
    Record {
        record: Name,
        key: Name,
        person: Name,
        on: When,
        fields: Vec<Assignment>,
    },
    Remove {
        key: Name,
        on: When,
    },
    /// `change P|KEY on T {…}`.
    Change {
        what: Name,
        on: When,
        fields: Vec<Assignment>,
    },
    Member {
        person: Name,
        list: Name,
    },
    /// `row TABLE KEY {…}`.
    TableRow {
        table: Name,
        key: Expr,
        fields: Vec<Assignment>,
    },
    /// `row FEED {…}`.
    FeedRow {
        feed: Name,
        fields: Vec<Assignment>,
    },
    HeldOut {
        person: Name,
        campaign: Name,
    },
    Arm {
        person: Name,
        arm: Number,
        campaign: Name,
    },
    Run(When),
    Skip(When),
    Only(Vec<Name>),
    Expect(Expectation),
}

#[derive(Clone, Debug)]
pub enum Expectation {
    In {
        person: Name,
        negated: bool,
        segment: SegmentRef,
        purpose: Option<Name>,
    },
    Gets {
        who: Who,
        message: Name,
        channel: Option<Name>,
        language: Option<Name>,
        on: Option<When>,
        times: Option<Number>,
        saying: Option<Text>,
    },
    GetsNothing {
        person: Name,
        after: Option<When>,
    },
    Publishes {
        message: Name,
        channel: Option<Name>,
        on: Option<When>,
    },
    Count {
        segment: SegmentRef,
        is: Number,
    },
}

#[derive(Clone, Copy, Debug)]
pub enum Who {
    Person(Name),
    Staff(Span),
}
