//! The syntax tree: what the author wrote, in the order in which they wrote it, with spans.
//!
//! It keeps what the formatter needs (parentheses, the order of clauses, spelling of numbers and units) and
//! resolves no name. Comments stand beside the tree, sorted by place.

// Nodes are built once and dropped once; a box a node would cost more than the room it saves.
#![allow(clippy::large_enum_variant)]

use std::sync::Arc;

use crate::diagnostic::{FileId, Span};
use crate::symbol::Symbol;
use crate::time::{Day, TimeOfDay, Unit, Weekday, Which};

/// One parsed file.
#[derive(Clone, Debug)]
pub struct File {
    pub file: FileId,
    pub items: Vec<Item>,
    /// Every comment of the file, in order, `##` documentation included.
    pub comments: Vec<Comment>,
}

/// A `#` or `##` comment, without its line end.
#[derive(Clone, Debug)]
pub struct Comment {
    pub span: Span,
    /// `##`.
    pub is_doc: bool,
    /// The text after `#` or `##` and one blank.
    pub text: Arc<str>,
}

/// An identifier where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    pub symbol: Symbol,
    pub span: Span,
}

/// A text literal: its value after escapes and indentation, and where each part of it stands in the source.
#[derive(Clone, Debug)]
pub struct Text {
    pub value: Arc<str>,
    /// Quotes included.
    pub span: Span,
    /// Written with `"""`.
    pub is_block: bool,
    /// `(offset in value, offset in the file)`, ascending; between two entries both advance alike.
    pub offsets: Vec<(u32, u32)>,
}

impl Text {
    /// The place in the source of a range of bytes of `value`.
    pub fn place(&self, range: std::ops::Range<usize>) -> Span {
        Span::new(self.span.file, self.offset(range.start)..self.offset(range.end).max(self.offset(range.start)))
    }

    fn offset(&self, at: usize) -> usize {
        let next = self.offsets.partition_point(|&(value, _)| value as usize <= at);
        match next.checked_sub(1).map(|index| self.offsets[index]) {
            Some((value, source)) => source as usize + (at - value as usize),
            None => self.span.start as usize + 1,
        }
    }
}

/// A label with its translations: `"Central Library" (fr "Bibliothèque centrale")`.
#[derive(Clone, Debug)]
pub struct Label {
    pub text: Text,
    pub translations: Vec<(Name, Text)>,
}

/// A declaration with the documentation directly above it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Lines of `##` comments, joined with `\n`.
    pub doc: Option<Arc<str>>,
    pub span: Span,
    /// A part of it could not be read and has been reported. What stands here was written; what is missing
    /// may have been, so nothing is to be said about it.
    pub broken: bool,
    pub kind: ItemKind,
}

#[derive(Clone, Debug)]
pub enum ItemKind {
    Library(Library),
    Purpose(Purpose),
    Privacy(Privacy),
    Enum(EnumDecl),
    Patron(PatronDecl),
    Contact(Contact),
    Event(EventDecl),
    Record(RecordDecl),
    Table(TableDecl),
    List(ListDecl),
    Feed(FeedDecl),
    Survey(SurveyDecl),
    Segment(Segment),
    Message(Message),
    Campaign(Campaign),
    Test(Test),
}

// ---- library block ------------------------------------------------------------------------------------------

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

// ---- catalogue ----------------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
pub struct Purpose {
    pub name: Name,
    pub label: Option<Label>,
    /// `without consent`.
    pub without_consent: Option<Span>,
    /// The word `consent` is written (it may be left out).
    pub consent_word: bool,
    pub expires_after: Option<Quantity>,
    /// `never to S, T`: each a bare segment or list, or an expression.
    pub never_to: Vec<Expr>,
}

#[derive(Clone, Debug)]
pub struct Privacy {
    pub name: Name,
    pub label: Option<Label>,
    pub clauses: Vec<PrivacyClause>,
}

#[derive(Clone, Debug)]
pub struct PrivacyClause {
    pub span: Span,
    pub kind: PrivacyClauseKind,
}

#[derive(Clone, Debug)]
pub enum PrivacyClauseKind {
    Requires(Name),
    OpenRecordsServe(Vec<Name>),
    OnlyFor(Vec<Name>),
}

#[derive(Clone, Debug)]
pub struct EnumDecl {
    pub name: Name,
    pub values: Vec<EnumValue>,
}

/// A value of an enumeration: an identifier, or a text that spells it.
#[derive(Clone, Debug)]
pub struct EnumValue {
    pub value: Symbol,
    pub span: Span,
    pub is_text: bool,
    pub label: Option<Label>,
}

#[derive(Clone, Debug)]
pub struct PatronDecl {
    /// The word `patron`.
    pub head: Span,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub doc: Option<Arc<str>>,
    pub name: Name,
    pub ty: TypeExpr,
    pub optional: Option<Span>,
    pub private: Option<Name>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct TypeExpr {
    pub span: Span,
    pub kind: TypeKind,
}

#[derive(Clone, Debug)]
pub enum TypeKind {
    /// `int`, `text`, an enum by name.
    Named(Name),
    OneOf(Vec<EnumValue>),
    SetOf(Box<TypeExpr>),
}

#[derive(Clone, Debug)]
pub struct Contact {
    pub head: Span,
    /// `email FIELD`, `print A, B`.
    pub entries: Vec<ContactEntry>,
}

#[derive(Clone, Debug)]
pub struct ContactEntry {
    /// `email`, `sms`, `print`, `language`, `birth`, `guardian`.
    pub what: Name,
    pub fields: Vec<Name>,
}

#[derive(Clone, Debug)]
pub struct EventDecl {
    pub name: Name,
    pub private: Option<Name>,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct RecordDecl {
    pub name: Name,
    pub private: Option<Name>,
    pub fields: Vec<Field>,
    pub open_until: Vec<Name>,
    pub keep: Vec<Quantity>,
}

#[derive(Clone, Debug)]
pub struct TableDecl {
    pub name: Name,
    pub by: Name,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct ListDecl {
    pub name: Name,
    pub label: Option<Label>,
}

#[derive(Clone, Debug)]
pub struct FeedDecl {
    pub name: Name,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct SurveyDecl {
    pub name: Name,
    pub label: Option<Label>,
    pub questions: Vec<Question>,
}

#[derive(Clone, Debug)]
pub struct Question {
    pub name: Name,
    pub label: Option<Label>,
    pub kind: QuestionKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum QuestionKind {
    Scale { from: Number, to: Number },
    Text,
    OneOf(Vec<EnumValue>),
}

// ---- segments and expressions -------------------------------------------------------------------------------

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

// ---- messages -----------------------------------------------------------------------------------------------

#[derive(Clone, Debug)]
pub struct Message {
    pub name: Name,
    pub label: Option<Label>,
    /// `let`, `pick`, `needs`, in order.
    pub preludes: Vec<Prelude>,
    pub blocks: Vec<ChannelBlock>,
}

#[derive(Clone, Debug)]
pub struct Prelude {
    pub span: Span,
    pub kind: PreludeKind,
}

#[derive(Clone, Debug)]
pub enum PreludeKind {
    Let { name: Name, value: Expr },
    Pick { name: Name, feed: Name, condition: Option<Box<Expr>>, first: Number, by: Name, descending: bool },
    Needs(Name),
}

#[derive(Clone, Debug)]
pub struct ChannelBlock {
    /// `email`, `sms`, `print`, `web`, `feed`, `social`, `hook`.
    pub channel: Name,
    /// `if E`.
    pub condition: Option<Expr>,
    pub parts: Vec<Part>,
    pub span: Span,
}

/// `subject fr "…"`, `body from "file.md"`.
#[derive(Clone, Debug)]
pub struct Part {
    /// `subject`, `body`, `text`, `title`, `link`.
    pub what: Name,
    pub language: Option<Name>,
    pub source: PartSource,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum PartSource {
    Text(Text),
    /// `from "path"`.
    File(Text),
}

// ---- campaigns ----------------------------------------------------------------------------------------------

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

// ---- tests --------------------------------------------------------------------------------------------------

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
