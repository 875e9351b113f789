//! The typed program: what the checker proves and everything after it reads.
//!
//! Every name is an id or the symbol of something that exists, every expression has its type, every literal
//! instant is one in the library's zone. Spans are kept: explanations point back into the source.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalogue::FeedId;
use crate::catalogue::{
    Catalogue, Channel, ClassId, ClassSet, EventId, FieldId, Label, Library, ListId, MailAddress, MessageLimit,
    PurposeId, TableId, TimeWindow, Value,
};
use crate::diagnostic::{Sources, Span};
use crate::message::Message;
use crate::rule::{Expr, Kind, SegmentId};
use crate::symbol::Symbol;
use crate::time::{Day, Duration, Instant, TimeOfDay, Weekday};

/// A program that passed the checker.
#[derive(Clone, Debug)]
pub struct Program {
    pub sources: Sources,
    pub library: Library,
    pub catalogue: Catalogue,
    /// Each used (segment, arguments), and each segment without parameters or with defaults for all.
    pub segments: Vec<Segment>,
    pub messages: Vec<Message>,
    /// In order of name.
    pub campaigns: Vec<Campaign>,
    pub tests: Vec<Test>,
    /// Layouts by name: the Handlebars text of `layouts/NAME.hbs` beside the program.
    pub layouts: Vec<(Symbol, Arc<str>)>,
    /// SHA-256 of the paths and texts of all sources, in hexadecimal.
    pub revision: Arc<str>,
}

impl Program {
    /// The campaign called `name`.
    pub fn campaign(&self, name: Symbol) -> Option<&Campaign> {
        self.campaigns.iter().find(|campaign| campaign.name == name)
    }

    /// The message called `name`.
    pub fn message(&self, name: Symbol) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }

    /// The name of the first message that some steps send.
    pub fn first_message(&self, steps: &[Step]) -> Option<Symbol> {
        let first = |steps: &[Step]| self.first_message(steps);
        steps.iter().find_map(|step| match &step.kind {
            StepKind::Send { message, .. } => Some(self.messages[*message].name),
            StepKind::WaitUpTo { then, otherwise, .. } => first(then).or_else(|| first(otherwise)),
            StepKind::If { branches, otherwise } => {
                branches.iter().find_map(|(_, steps)| first(steps)).or_else(|| first(otherwise))
            }
            StepKind::Split(arms) => arms.iter().find_map(|(_, steps)| first(steps)),
            StepKind::Repeat { body, .. } => first(body),
            _ => None,
        })
    }

    /// The segment with this id.
    pub fn segment(&self, id: SegmentId) -> &Segment {
        &self.segments[id.0 as usize]
    }

    /// The kinds of events that rules read, through the segments that they use.
    pub fn events_read(&self, rules: &[&Expr]) -> BTreeSet<EventId> {
        let (mut events, mut segments) = (BTreeSet::new(), BTreeSet::new());
        let mut waiting: Vec<&Expr> = rules.to_vec();
        while let Some(rule) = waiting.pop() {
            rule.walk(&mut |part: &Expr| {
                events.extend(part.selections().iter().map(|selection| selection.event));
                if let Kind::Segment(id) = part.kind
                    && segments.insert(id)
                {
                    waiting.push(&self.segment(id).body);
                }
            });
        }
        events
    }

    /// The segment called `name` with all its defaults.
    pub fn segment_named(&self, name: Symbol) -> Option<SegmentId> {
        let found = self.segments.iter().position(|segment| segment.name == name && segment.is_default);
        found.map(|index| SegmentId(index as u32))
    }
}

/// A segment with its arguments.
#[derive(Clone, Debug)]
pub struct Segment {
    pub name: Symbol,
    /// In the order of the parameters.
    pub arguments: Vec<(Symbol, Value)>,
    /// Every argument is the parameter's default (or there is none).
    pub is_default: bool,
    pub label: Option<Label>,
    pub doc: Option<Arc<str>>,
    pub body: Expr,
    /// Every privacy class that flows into it.
    pub classes: ClassSet,
    pub span: Span,
}

/// A campaign.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub name: Symbol,
    pub label: Option<Label>,
    pub doc: Option<Arc<str>>,
    pub purpose: PurposeId,
    pub audience: Audience,
    /// `except` of the audience, then each `never to` of the purpose.
    pub except: Vec<Expr>,
    pub start: Start,
    pub runs_from: Option<Day>,
    pub runs_to: Option<Day>,
    pub exit: Option<Expr>,
    pub again: Again,
    /// Percent.
    pub holdout: Option<i64>,
    /// Percent.
    pub sample: Option<i64>,
    pub goal: Option<(Expr, Duration)>,
    /// Default 50; higher first.
    pub priority: i64,
    pub limit: Option<MessageLimit>,
    pub deliver: Deliver,
    pub sender: Option<MailAddress>,
    pub layout: Option<Symbol>,
    /// Default 3 days.
    pub expires_after: Duration,
    /// Revealed classes; `true`: to the guardian too.
    pub reveal: Vec<(ClassId, bool)>,
    pub is_draft: bool,
    pub steps: Vec<Step>,
    /// The classes whose open records are known to its rules (`open records serve`).
    pub served: ClassSet,
    pub span: Span,
    /// The name alone.
    pub name_span: Span,
}

impl Campaign {
    /// Calls `visit` for each step, those inside blocks included, in the order of the text.
    pub fn each_step<'a>(&'a self, visit: &mut dyn FnMut(&'a Step)) {
        each_step(&self.steps, visit);
    }
}

fn each_step<'a>(steps: &'a [Step], visit: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        match &step.kind {
            StepKind::WaitUpTo { then, otherwise, .. } => {
                each_step(then, visit);
                each_step(otherwise, visit);
            }
            StepKind::If { branches, otherwise } => {
                branches.iter().for_each(|(_, steps)| each_step(steps, visit));
                each_step(otherwise, visit);
            }
            StepKind::Split(arms) => arms.iter().for_each(|(_, steps)| each_step(steps, visit)),
            StepKind::Repeat { body, .. } => each_step(body, visit),
            _ => {}
        }
    }
}

/// Whom a campaign is for, before `except`.
#[derive(Clone, Debug)]
pub enum Audience {
    /// Every patron of the store.
    Everyone,
    /// Nobody in particular: published.
    Public,
    /// Those for whom it is true.
    Rule(Expr),
}

/// Which further occurrences enrol.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Again {
    Always,
    After(Duration),
    Never,
}

/// When queued messages may be delivered.
#[derive(Clone, PartialEq, Debug)]
pub enum Deliver {
    /// The library's hours.
    Default,
    /// Quiet hours do not count.
    AnyHour,
    /// Besides the library's hours only then. `on` empty: every day.
    Narrow { on: Vec<Weekday>, between: Option<TimeWindow> },
}

/// What starts a campaign (the table of section 8).
#[derive(Clone, Debug)]
pub struct Start {
    pub kind: StartKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum StartKind {
    /// `on entering S`, `when E`; for `on entering` alone the expression is the audience's (with its `except`s).
    Becomes { condition: Expr, including_current: bool },
    /// `on leaving S`.
    Leaves { condition: Expr },
    /// `on change of F`.
    Change { field: FieldId, from: Option<Value>, to: Option<Value> },
    /// `on EVENT`.
    Event { event: EventId, condition: Option<Expr>, together: Together },
    /// `D before F of EVENT`, `on F of EVENT` (`offset: Fixed(0 days)` and `exact`).
    EventDate {
        event: EventId,
        /// Index of F in the event's fields.
        field: u16,
        offset: Offset,
        condition: Option<Expr>,
        together: Together,
    },
    /// `D before DATE`, `on DATE`: a date or an instant over the patron.
    Date { date: Expr, offset: Offset },
    /// `on each anniversary of DATE`.
    Anniversary { date: Expr, offset: Offset },
    /// `every …`, `once …`.
    Schedule { schedule: Schedule, at: TimeOfDay },
}

impl StartKind {
    /// Whether its occurrences are gathered.
    pub fn together(&self) -> Together {
        match self {
            StartKind::Event { together, .. } | StartKind::EventDate { together, .. } => *together,
            _ => Together::No,
        }
    }
}

/// Names the splits of a campaign, in the order of its text, by what their arms send first: a split keeps its name when
/// another one is put before it, and is another one when it compares other messages.
#[derive(Default)]
pub struct SplitNames(Vec<String>);

impl SplitNames {
    /// The name of the next split: `hello / welcome`; of a second one that is equal `hello / welcome (2)`.
    pub fn next(&mut self, program: &Program, arms: &[(i64, Vec<Step>)]) -> String {
        let first = |(_, steps): &(i64, Vec<Step>)| program.first_message(steps).map_or("-", Symbol::as_str);
        let name = arms.iter().map(first).collect::<Vec<_>>().join(" / ");
        let equal = self.0.iter().filter(|other| **other == name).count();
        self.0.push(name.clone());
        if equal == 0 { name } else { format!("{name} ({})", equal + 1) }
    }
}

/// Whether occurrences of one patron are gathered.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Together {
    /// Each by itself.
    No,
    /// Those of one tick.
    Tick,
    /// Those from the first until this has passed.
    For(Duration),
}

/// How long before (negative) or after a date.
#[derive(Clone, Debug)]
pub enum Offset {
    /// On the date itself, an instant from itself on.
    None,
    /// Negative: before.
    Fixed(Duration),
    /// `notice_days days before`: as many of the unit as the patron's field says. Negative or unknown: never.
    Field { field: FieldId, unit: crate::time::Unit, after: bool },
}

/// Scheduled local dates.
#[derive(Clone, PartialEq, Debug)]
pub enum Schedule {
    Daily,
    Weekdays(Vec<Weekday>),
    /// Every `every` weeks, counted from the first such weekday on or after `from`.
    Weeks {
        every: i64,
        on: Weekday,
        from: Day,
    },
    /// 1 to 31, clamped to the month.
    MonthDay(i64),
    /// 1 to 4, or -1 for the last.
    MonthWeekday {
        nth: i8,
        weekday: Weekday,
    },
    MonthLastDay,
    Year {
        month: u8,
        day: i64,
    },
    Once(Day),
}

/// A step of a journey.
#[derive(Clone, Debug)]
pub struct Step {
    pub kind: StepKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum StepKind {
    Send {
        /// Index of `Program::messages`.
        message: usize,
        to: Recipient,
        /// In order of preference; from `by`, else those of the message.
        channels: Vec<Channel>,
        /// `only if E`; `unless E` is `only if not E`.
        condition: Option<Expr>,
    },
    Wait(Duration),
    /// The next such time of day, strictly after.
    WaitTime {
        weekday: Option<Weekday>,
        at: TimeOfDay,
    },
    /// Until a date or instant, read anew at every tick.
    WaitDate {
        date: Expr,
        offset: Offset,
    },
    WaitUpTo {
        at_most: Duration,
        until: Expr,
        then: Vec<Step>,
        otherwise: Vec<Step>,
    },
    If {
        branches: Vec<(Expr, Vec<Step>)>,
        otherwise: Vec<Step>,
    },
    /// Percent and arm; the shares add up to 100.
    Split(Vec<(i64, Vec<Step>)>),
    Repeat {
        every: Duration,
        up_to: i64,
        until: Option<Expr>,
        body: Vec<Step>,
    },
    AddTo(ListId),
    RemoveFrom(ListId),
    Stop,
    Publish {
        message: usize,
        channels: Vec<Channel>,
        until: Option<Day>,
    },
}

/// To whom a message goes.
#[derive(Clone, Debug)]
pub enum Recipient {
    Patron,
    Guardian,
    /// The value is an e-mail address.
    Staff(Expr),
}

/// A test of section 11.
#[derive(Clone, Debug)]
pub struct Test {
    pub name: Arc<str>,
    pub span: Span,
    /// In order; the first is `Now`.
    pub statements: Vec<(Span, Statement)>,
}

/// A field of a fixture with its value; `None` is `unknown`.
#[derive(Clone, PartialEq, Debug)]
pub struct Assignment {
    /// Index of the fields of the patron, event, table or feed.
    pub field: u16,
    pub value: Option<Value>,
}

#[derive(Clone, Debug)]
pub enum Statement {
    Now(Instant),
    /// `from`: new to the store at that instant.
    Patron {
        person: Symbol,
        like: Option<Symbol>,
        from: Option<Instant>,
        fields: Vec<Assignment>,
    },
    Consent {
        person: Symbol,
        purpose: PurposeId,
        channel: Channel,
        on: Instant,
        on_day: Day,
        until: Option<Day>,
        asked: bool,
    },
    Withdraw {
        person: Symbol,
        purpose: PurposeId,
        channel: Channel,
        on: Instant,
    },
    Event {
        event: EventId,
        person: Symbol,
        on: Instant,
        fields: Vec<Assignment>,
    },
    Record {
        record: EventId,
        key: Symbol,
        person: Symbol,
        on: Instant,
        fields: Vec<Assignment>,
    },
    Remove {
        key: Symbol,
        on: Instant,
    },
    ChangePatron {
        person: Symbol,
        on: Instant,
        fields: Vec<Assignment>,
    },
    ChangeRecord {
        record: EventId,
        key: Symbol,
        on: Instant,
        fields: Vec<Assignment>,
    },
    Member {
        person: Symbol,
        list: ListId,
    },
    TableRow {
        table: TableId,
        key: Value,
        fields: Vec<Assignment>,
    },
    FeedRow {
        feed: FeedId,
        fields: Vec<Assignment>,
    },
    HeldOut {
        person: Symbol,
        campaign: Symbol,
    },
    /// From 1.
    Arm {
        person: Symbol,
        arm: i64,
        campaign: Symbol,
    },
    /// `today` is the date written; a bare date means its last instant.
    Run {
        until: Instant,
    },
    Skip {
        until: Instant,
    },
    Only(Vec<Symbol>),
    ExpectIn {
        person: Symbol,
        negated: bool,
        group: Group,
        purpose: Option<PurposeId>,
    },
    ExpectGets {
        /// `None`: staff.
        person: Option<Symbol>,
        message: Symbol,
        channel: Option<Channel>,
        language: Option<Symbol>,
        on: Option<Day>,
        times: Option<i64>,
        saying: Option<Arc<str>>,
    },
    ExpectNothing {
        person: Symbol,
        after: Option<Day>,
    },
    ExpectPublishes {
        message: Symbol,
        channel: Option<Channel>,
        on: Option<Day>,
    },
    ExpectCount {
        group: Group,
        is: i64,
    },
}

/// A segment or a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    Segment(SegmentId),
    List(ListId),
}
