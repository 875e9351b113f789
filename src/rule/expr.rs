//! Typed expressions over a patron, the patron's events and records, and (where there is one) the row of the start.
//!
//! Names are resolved, parameters substituted, sugar removed (`between` is two comparisons, `is one of` an `or`),
//! every expression has its type. A condition is an expression of type `bool`; its truth is Kleene's (section 6).

use crate::catalogue::{Channel, EventId, FieldId, ListId, PurposeId, TableId, Type, Value};
use crate::diagnostic::Span;
use crate::rule::function::Function;
use crate::time::{Duration, Unit, Which};

/// A segment with its arguments: each pair is one segment. Indexes `Program::segments`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SegmentId(pub u32);

/// An expression with its type and its place.
#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: Kind,
    pub ty: Type,
    pub span: Span,
}

/// The special forms, and calls of functions.
#[derive(Clone, Debug)]
pub enum Kind {
    Literal(Value),
    Read(Read),
    /// The local date of `now`: a date.
    Today,
    /// The instant of the evaluation.
    Now,
    /// The instant of the campaign's start (section 8); unknown outside a campaign.
    Start,
    /// Any operator that is not a special form. Operands of other types are converted before (`ToDate` and so on).
    Call {
        function: &'static Function,
        arguments: Vec<Expr>,
    },
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    /// `d in the last 30 days`, of a date or an instant.
    InWindow {
        value: Box<Expr>,
        window: Window,
    },
    /// Whether the operand is known; never unknown itself. `is unknown` is `Not(Known)`.
    Known(Box<Expr>),
    /// The three-valued result of a segment.
    Segment(SegmentId),
    /// Always known.
    Member(ListId),
    /// `has at least N EVENT …`: true or false when the whole range of counts decides alike.
    Has {
        test: CountTest,
        selection: Selection,
    },
    Count(Selection),
    /// Distinct local dates.
    Days(Selection),
    /// Of a number field. Unknown when an event or a value in it is uncertain; 0 of none.
    Sum {
        field: u16,
        selection: Selection,
    },
    /// The instant, or with `read` a field, of the earliest event.
    First {
        selection: Selection,
        read: Option<EventRead>,
    },
    /// The same of the latest; ties by import order.
    Latest {
        selection: Selection,
        read: Option<EventRead>,
    },
    /// Some `first` with a `second` strictly after it, at most `within` later. The window of `first` is its own.
    Followed {
        first: Selection,
        second: Selection,
        within: Duration,
    },
    /// `has at least K EVENT in at least `at_least` of the last `of` units`.
    Periods {
        count: CountTest,
        selection: Selection,
        at_least: i64,
        of: i64,
        unit: Unit,
    },
    /// Whether a consent is in force, on `channel` or on any. Always known.
    Agrees {
        purpose: PurposeId,
        channel: Option<Channel>,
    },
    /// Whether a consent waits for its confirmation. Always known.
    AskedFor {
        purpose: PurposeId,
        channel: Channel,
    },
    /// The last date of the consent in force or run out.
    EndOfConsent {
        purpose: PurposeId,
        channel: Option<Channel>,
    },
    /// The instant since which the field has its present value.
    Changed(FieldId),
}

/// A value that stands in a row.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Read {
    /// A patron field.
    Patron(FieldId),
    /// Inside `where`: the event at hand.
    Row(EventRead),
    /// `event.FIELD`: the event or record that started the campaign.
    StartEvent(EventId, EventRead),
    /// A column of a table, by the value of another read.
    Table { table: TableId, key: Box<Read>, column: u16 },
    /// Inside a `pick`: a field of the feed's row.
    FeedRow(u16),
}

/// What is read of an event or record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EventRead {
    /// Its instant.
    At,
    /// Whether a record is open. Always known; false once it is removed.
    Open,
    /// A declared field, by index.
    Field(u16),
}

/// A comparison of a count with a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CountTest {
    AtLeast(i64),
    AtMost(i64),
    Exactly(i64),
}

impl CountTest {
    /// Whether `count` passes.
    pub fn passes(self, count: i64) -> bool {
        match self {
            CountTest::AtLeast(n) => count >= n,
            CountTest::AtMost(n) => count <= n,
            CountTest::Exactly(n) => count == n,
        }
    }
}

/// Which events or records of the patron.
#[derive(Clone, Debug)]
pub struct Selection {
    pub event: EventId,
    /// `where`.
    pub condition: Option<Box<Expr>>,
    pub window: Option<Window>,
    /// `open` is one of the parts that `and` joins in the condition: then records of a served class are known.
    pub requires_open: bool,
    pub span: Span,
}

/// The instants or dates that count (section 7).
#[derive(Clone, Debug)]
pub enum Window {
    /// `in the last D`, both ends included.
    Last(Duration),
    /// `in the next D`: the only window besides a coming period that sees the future.
    Next(Duration),
    /// `in the previous month`.
    Period { which: Which, unit: Unit },
    /// `since v`: a date from its first instant on, an instant from itself on; `since start` excludes it.
    Since(Box<Expr>),
    /// `before v`.
    Before(Box<Expr>),
    /// `between v and w`, both included.
    Between(Box<Expr>, Box<Expr>),
}
