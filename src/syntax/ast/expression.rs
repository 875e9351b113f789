//! Segments and expressions.

use super::{CountValue, Label, Name, Quantity, Text, TypeExpr};
use crate::diagnostic::Span;
use crate::time::{Day, TimeOfDay, Unit, Which};

#[derive(Clone, Debug)]
pub struct Segment {
    pub name: Name,
    pub parameters: Vec<Parameter>,
    pub label: Option<Label>,
    pub body: Expr,
}

#[derive(Clone, Debug)]
pub struct Parameter {
    pub name: Name,
    pub ty: TypeExpr,
    pub default: Option<Expr>,
}

#[derive(Clone, Debug)]
pub struct Expr {
    pub span: Span,
    pub kind: ExprKind,
}

/// Conditions and values. One type: which is meant where is the checker's business, so that it can explain.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Could not be read and has been reported: fits everywhere, means nothing.
    Invalid,
    // conditions
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Not(Box<Expr>),
    /// Parentheses, kept for `fmt`.
    Paren(Box<Expr>),
    Compare {
        op: CompareOp,
        op_span: Span,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    OneOf {
        negated: bool,
        left: Box<Expr>,
        values: Vec<Expr>,
    },
    Between {
        left: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    /// `is known` (`known: true`) or `is unknown`.
    Known {
        known: bool,
        left: Box<Expr>,
    },
    TextTest {
        op: TextOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Includes {
        quantifier: Includes,
        left: Box<Expr>,
        values: Vec<Expr>,
    },
    /// `is empty` (`empty: true`) or `is not empty`.
    Empty {
        empty: bool,
        left: Box<Expr>,
    },
    /// `d in the last 30 days`, `d in this week`.
    InWindow {
        left: Box<Expr>,
        window: Window,
    },
    /// `in S`, `not in S(…)`: the negation is part of the test.
    In {
        negated: bool,
        segment: SegmentRef,
    },
    Has {
        count: HasCount,
        selection: Selection,
        /// `in at least N of the last M months`.
        periods: Option<Periods>,
    },
    Followed {
        first: Selection,
        second: Selection,
        within: Quantity,
        /// For `first`.
        window: Option<Window>,
    },
    Agrees {
        purpose: Name,
        channel: Option<Name>,
    },
    AskedFor {
        purpose: Name,
        channel: Name,
    },
    // values
    Bool(bool),
    Int(i64),
    /// Ten-thousandths, and how many places were written.
    Decimal {
        ten_thousandths: i64,
        places: u8,
    },
    /// `10%`, an error but where a share is meant.
    Share(i64),
    Text(Text),
    Date(Day),
    Time(TimeOfDay),
    Instant(InstantLiteral),
    Duration(Quantity),
    /// `(gardening, history)`, `()`.
    Set(Vec<Expr>),
    /// `FIELD`, `patron.FIELD`, `event.TABLE.FIELD`, an enum value, a parameter, a bare segment.
    Path(Vec<Name>),
    /// `start`.
    Start,
    Today,
    Now,
    Age(Box<Expr>),
    /// `days since v` (`until: false`), `weeks until v`.
    Elapsed {
        unit: Unit,
        until: bool,
        value: Box<Expr>,
    },
    Add(Box<Expr>, Box<Expr>),
    Subtract(Box<Expr>, Box<Expr>),
    /// `n * v`.
    Multiply(Box<Expr>, Box<Expr>),
    Aggregate {
        kind: Aggregate,
        /// FIELD of `sum(FIELD of EVENT …)`.
        of: Option<Name>,
        selection: Selection,
        /// `.FIELD` after `latest(…)` or `first(…)`.
        field: Option<Name>,
    },
    Changed(Name),
    EndOfConsent {
        purpose: Name,
        channel: Option<Name>,
    },
}

/// How a comparison was written; `Is` and `Equal` mean the same, as `Before` and `Less` do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CompareOp {
    Is,
    IsNot,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Before,
    After,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TextOp {
    Contains,
    StartsWith,
    Matches,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Includes {
    /// `includes x`.
    One,
    /// `includes any of (…)`.
    Any,
    /// `includes all of (…)`.
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Aggregate {
    Count,
    Days,
    Sum,
    First,
    Latest,
}

/// How many `has` asks for.
#[derive(Clone, Copy, Debug)]
pub enum HasCount {
    /// `has EVENT`.
    Some,
    /// `has no EVENT`.
    No,
    AtLeast(CountValue),
    AtMost(CountValue),
    Exactly(CountValue),
}

/// `EVENT [where (E)] [WINDOW]`.
#[derive(Clone, Debug)]
pub struct Selection {
    pub event: Name,
    pub condition: Option<Box<Expr>>,
    pub window: Option<Window>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Window {
    pub span: Span,
    pub kind: WindowKind,
}

#[derive(Clone, Debug)]
pub enum WindowKind {
    /// `in the last D`.
    Last(Quantity),
    /// `in the next D`.
    Next(Quantity),
    /// `in this week`, `in the previous month`, `in the coming year`.
    Period {
        which: Which,
        unit: Unit,
        unit_span: Span,
    },
    /// `since v`; `since start` is `Since` of `ExprKind::Start`.
    Since(Box<Expr>),
    Before(Box<Expr>),
    Between(Box<Expr>, Box<Expr>),
}

/// `in at least N of the last M months`.
#[derive(Clone, Debug)]
pub struct Periods {
    pub at_least: CountValue,
    pub of: CountValue,
    pub unit: Unit,
    pub unit_span: Span,
    pub span: Span,
}

/// A segment or list by name, with arguments.
#[derive(Clone, Debug)]
pub struct SegmentRef {
    pub name: Name,
    /// `None` without parentheses.
    pub arguments: Option<Vec<Expr>>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug)]
pub struct InstantLiteral {
    pub date: Day,
    pub time: TimeOfDay,
    /// Whether seconds were written, for `fmt`.
    pub seconds_written: bool,
    /// Seconds east of UTC, where one was written.
    pub offset: Option<i32>,
}
