//! Campaigns: clauses and steps.

use super::{Address, Expr, Label, Limit, Name, Number, Quantity, Time, TimeRange};
use crate::diagnostic::Span;
use crate::time::{Day, Weekday};

#[derive(Clone, Debug)]
pub struct Campaign {
    pub name: Name,
    pub label: Option<Label>,
    pub clauses: Vec<Clause>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub struct Clause {
    pub span: Span,
    pub kind: ClauseKind,
}

#[derive(Clone, Debug)]
pub enum ClauseKind {
    Purpose(Name),
    Audience { who: Audience, except: Option<Expr> },
    Start(Start),
    Runs { from: Option<(Day, Span)>, to: Option<(Day, Span)> },
    Exit(Expr),
    Again(Again),
    Holdout(Share),
    Sample(Share),
    Goal { condition: Expr, within: Quantity },
    Priority(Number),
    Limit(Limit),
    Deliver(Deliver),
    Sender(Address),
    Layout(Name),
    ExpiresAfter(Quantity),
    Reveal { class: Name, to_guardian: bool },
    StatusDraft,
}

#[derive(Clone, Debug)]
pub enum Audience {
    Everyone(Span),
    Public(Span),
    /// A bare segment or list is a `Path` of one name, or `Path` plus arguments as `In` without `in`.
    Who(Expr),
}

#[derive(Clone, Debug)]
pub enum Again {
    Always,
    After(Quantity),
    Never,
}

/// `10%`.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub percent: i64,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Deliver {
    AnyHour,
    Narrow { on: Vec<(Weekday, Span)>, between: Option<TimeRange> },
}

#[derive(Clone, Debug)]
pub struct Start {
    pub span: Span,
    pub kind: StartKind,
}

#[derive(Clone, Debug)]
pub enum StartKind {
    Entering {
        /// `None`: the audience. A segment reference, or (an error with a good help) another expression.
        segment: Option<Expr>,
        including_current: bool,
    },
    Leaving(Expr),
    When(Expr),
    Change {
        field: Name,
        from: Option<Expr>,
        to: Option<Expr>,
    },
    /// `on EVENT [where (E)] [together [for D]]`.
    Event {
        event: Name,
        condition: Option<Expr>,
        together: Option<Together>,
    },
    /// `D before F of EVENT [where (E)] [together]`; `on F of EVENT` has no offset.
    EventDate {
        offset: Option<Offset>,
        field: Name,
        event: Name,
        condition: Option<Expr>,
        together: Option<Together>,
    },
    /// `D before DATE`, `on DATE`.
    Date {
        offset: Option<Offset>,
        date: Expr,
    },
    Anniversary {
        offset: Option<Offset>,
        date: Expr,
    },
    Every(Schedule),
    Once {
        date: (Day, Span),
        at: Time,
    },
}

#[derive(Clone, Debug)]
pub struct Together {
    pub span: Span,
    pub wait: Option<Quantity>,
}

#[derive(Clone, Debug)]
pub struct Offset {
    pub quantity: Quantity,
    pub after: bool,
}

#[derive(Clone, Debug)]
pub struct Schedule {
    pub kind: ScheduleKind,
    pub at: Time,
}

#[derive(Clone, Debug)]
pub enum ScheduleKind {
    /// `every day`.
    Day,
    /// `every monday, friday`.
    Weekdays(Vec<(Weekday, Span)>),
    /// `every 2 weeks on tuesday … from DATE`.
    Weeks { every: Number, on: (Weekday, Span), from: (Day, Span) },
    /// `every month on day N`.
    MonthDay(Number),
    /// `every month on the second tuesday`; `nth` 1 to 4, or -1 for `last`.
    MonthWeekday { nth: i8, weekday: (Weekday, Span) },
    /// `every month on the last day`.
    MonthLastDay,
    /// `every year on 15 january`.
    Year { day: Number, month: (u8, Span) },
}

#[derive(Clone, Debug)]
pub struct Step {
    pub span: Span,
    pub kind: StepKind,
}

#[derive(Clone, Debug)]
pub enum StepKind {
    Send {
        message: Name,
        to: Option<Recipient>,
        by: Vec<Name>,
        /// `unless E` (`negated: true`) or `only if E`.
        condition: Option<(bool, Expr)>,
    },
    Wait(Quantity),
    /// `wait until 09:00`, `wait until monday at 09:00`.
    WaitTime {
        weekday: Option<(Weekday, Span)>,
        at: Time,
    },
    /// `wait until [D before | D after] F`.
    WaitDate {
        offset: Option<Offset>,
        date: Expr,
    },
    /// `wait up to D until E [{..}] [else {..}]`.
    WaitUpTo {
        at_most: Quantity,
        until: Expr,
        then: Option<Vec<Step>>,
        otherwise: Option<Vec<Step>>,
    },
    If {
        branches: Vec<(Expr, Vec<Step>)>,
        otherwise: Option<Vec<Step>>,
    },
    Split(Vec<(Share, Vec<Step>)>),
    Repeat {
        every: Quantity,
        up_to: Number,
        until: Option<Expr>,
        body: Vec<Step>,
    },
    AddTo(Name),
    RemoveFrom(Name),
    Stop,
    Publish {
        message: Name,
        by: Vec<Name>,
        until: Option<(Day, Span)>,
    },
}

#[derive(Clone, Debug)]
pub enum Recipient {
    Guardian(Span),
    /// `to staff at V`.
    Staff(Expr),
}
