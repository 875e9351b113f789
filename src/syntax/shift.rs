//! Moving a tree within its file: every span of a declaration whose text is now further on, or further back.
//!
//! Each type names all its parts, so that the compiler refuses a new one that nobody moves.

use std::sync::Arc;

use super::ast::*;
use crate::diagnostic::{Diagnostic, Fix, Span};
use crate::symbol::Symbol;
use crate::time::{Day, TimeOfDay, Unit, Weekday, Which};

/// How far, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distance(pub i64);

impl Distance {
    fn moved<T: TryInto<i64> + TryFrom<i64>>(self, at: T) -> T {
        let moved = at.try_into().ok().and_then(|at: i64| T::try_from(at + self.0).ok());
        moved.expect("what is moved stays within its file")
    }
}

pub(super) trait Shift {
    fn shift(&mut self, by: Distance);
}

impl Shift for Span {
    fn shift(&mut self, by: Distance) {
        (self.start, self.end) = (by.moved(self.start), by.moved(self.end));
    }
}

impl Shift for usize {
    fn shift(&mut self, by: Distance) {
        *self = by.moved(*self);
    }
}

impl Shift for Text {
    fn shift(&mut self, by: Distance) {
        let Text { value: _, span, is_block: _, offsets } = self;
        span.shift(by);
        offsets.iter_mut().for_each(|(_, at)| *at = by.moved(*at));
    }
}

impl<T: Shift> Shift for Vec<T> {
    fn shift(&mut self, by: Distance) {
        self.iter_mut().for_each(|part| part.shift(by));
    }
}

impl<T: Shift> Shift for Option<T> {
    fn shift(&mut self, by: Distance) {
        self.iter_mut().for_each(|part| part.shift(by));
    }
}

impl<T: Shift> Shift for Box<T> {
    fn shift(&mut self, by: Distance) {
        (**self).shift(by);
    }
}

impl<A: Shift, B: Shift> Shift for (A, B) {
    fn shift(&mut self, by: Distance) {
        self.0.shift(by);
        self.1.shift(by);
    }
}

/// What stands nowhere.
macro_rules! placeless {
    ($($ty:ty),* $(,)?) => { $(impl Shift for $ty { fn shift(&mut self, _: Distance) {} })* };
}

macro_rules! structs {
    ($($ty:ident { $($field:ident),* })*) => { $(
        impl Shift for $ty {
            fn shift(&mut self, by: Distance) {
                let $ty { $($field),* } = self;
                $($field.shift(by);)*
            }
        }
    )* };
}

macro_rules! enums {
    ($($ty:ident { $($variant:ident $(($($part:ident),*))? $({ $($field:ident),* })?),* })*) => { $(
        impl Shift for $ty {
            fn shift(&mut self, by: Distance) {
                match self {
                    $($ty::$variant $(($($part),*))? $({ $($field),* })? => {
                        $($($part.shift(by);)*)?
                        $($($field.shift(by);)*)?
                    })*
                }
            }
        }
    )* };
}

placeless! {
    bool, u8, i8, i32, i64, &'static str, String, Arc<str>, Symbol, Day, TimeOfDay, Unit, Weekday, Which,
    CompareOp, TextOp, Includes, Aggregate,
}

impl Shift for Diagnostic {
    fn shift(&mut self, by: Distance) {
        let Diagnostic { code: _, severity: _, span, message: _, label: _, secondary, notes: _, help: _, fix } = self;
        span.shift(by);
        secondary.shift(by);
        if let Some(Fix { span, text: _ }) = fix {
            span.shift(by);
        }
    }
}

structs! {
    Item { doc, span, broken, kind }
    Name { symbol, span }
    Label { text, translations }
    Number { value, span }
    Quantity { span, kind }
    Share { percent, span }
    Time { time, span }
    TimeRange { from, to }
    Limit { messages, per }
    Address { name, address, address_span }
    InstantLiteral { date, time, seconds_written, offset }
    When { span, kind }

    Library { head, name, clauses }
    LibraryClause { span, kind }
    Purpose { name, label, without_consent, consent_word, expires_after, never_to }
    Privacy { name, label, clauses }
    PrivacyClause { span, kind }
    EnumDecl { name, values }
    EnumValue { value, span, is_text, label }
    PatronDecl { head, fields }
    Field { doc, name, ty, optional, private, span }
    TypeExpr { span, kind }
    Contact { head, entries }
    ContactEntry { what, fields }
    EventDecl { name, private, fields }
    RecordDecl { name, private, fields, open_until, keep }
    TableDecl { name, by, fields }
    ListDecl { name, label }
    FeedDecl { name, fields }
    SurveyDecl { name, label, questions }
    Question { name, label, kind, span }

    Segment { name, parameters, label, body }
    Parameter { name, ty, default }
    Expr { span, kind }
    Selection { event, condition, window, span }
    Window { span, kind }
    Periods { at_least, of, unit, unit_span, span }
    SegmentRef { name, arguments, span }

    Message { name, label, preludes, blocks }
    Prelude { span, kind }
    ChannelBlock { channel, condition, parts, span }
    Part { what, language, source, span }

    Campaign { name, label, clauses, steps }
    Clause { span, kind }
    Start { span, kind }
    Together { span, wait }
    Offset { quantity, after }
    Schedule { kind, at }
    Step { span, kind }

    Test { name, statements }
    Statement { span, kind }
    Assignment { field, value, span }
}

enums! {
    ItemKind {
        Library(what), Purpose(what), Privacy(what), Enum(what), Patron(what), Contact(what), Event(what), Record(what),
        Table(what), List(what), Feed(what), Survey(what), Segment(what), Message(what), Campaign(what), Test(what)
    }
    QuantityKind { Literal { count, unit, unit_span }, Parameter(name), Counted { count, unit, unit_span } }
    CountValue { Number(number), Parameter(name) }
    WhenKind { Date(day), Instant(instant) }
    LibraryClauseKind {
        Timezone(text), Languages(names), Sender(address), ReplyTo(address), Address(text), Policy(text),
        WeekStarts(day), AdultAt(number), Quiet(range), Limit(limit), SuppressUnder(number), Currency(name)
    }
    PrivacyClauseKind { Requires(name), OpenRecordsServe(names), OnlyFor(names) }
    TypeKind { Named(name), OneOf(values), SetOf(ty) }
    QuestionKind { Scale { from, to }, Text, OneOf(values) }
    ExprKind {
        Invalid, Or(parts), And(parts), Not(inner), Paren(inner),
        Compare { op, op_span, left, right },
        OneOf { negated, left, values },
        Between { left, low, high },
        Known { known, left },
        TextTest { op, left, right },
        Includes { quantifier, left, values },
        Empty { empty, left },
        InWindow { left, window },
        In { negated, segment },
        Has { count, selection, periods },
        Followed { first, second, within, window },
        Agrees { purpose, channel },
        AskedFor { purpose, channel },
        Bool(value), Int(value), Decimal { ten_thousandths, places }, Share(value), Text(text), Date(day), Time(time),
        Instant(instant), Duration(quantity), Set(parts), Path(names), Start, Today, Now, Age(inner),
        Elapsed { unit, until, value },
        Add(left, right), Subtract(left, right), Multiply(left, right),
        Aggregate { kind, of, selection, field },
        Changed(name),
        EndOfConsent { purpose, channel }
    }
    HasCount { Some, No, AtLeast(count), AtMost(count), Exactly(count) }
    WindowKind {
        Last(quantity), Next(quantity), Period { which, unit, unit_span }, Since(from), Before(to), Between(from, to)
    }
    PreludeKind { Let { name, value }, Pick { name, feed, condition, first, by, descending }, Needs(name) }
    PartSource { Text(text), File(path) }
    ClauseKind {
        Purpose(name), Audience { who, except }, Start(start), Runs { from, to }, Exit(condition), Again(again),
        Holdout(share), Sample(share), Goal { condition, within }, Priority(number), Limit(limit), Deliver(deliver),
        Sender(address), Layout(name), ExpiresAfter(quantity), Reveal { class, to_guardian }, StatusDraft
    }
    Audience { Everyone(span), Public(span), Who(who) }
    Again { Always, After(quantity), Never }
    Deliver { AnyHour, Narrow { on, between } }
    StartKind {
        Entering { segment, including_current }, Leaving(segment), When(condition), Change { field, from, to },
        Event { event, condition, together }, EventDate { offset, field, event, condition, together },
        Date { offset, date }, Anniversary { offset, date }, Every(schedule), Once { date, at }
    }
    ScheduleKind {
        Day, Weekdays(days), Weeks { every, on, from }, MonthDay(day), MonthWeekday { nth, weekday }, MonthLastDay,
        Year { day, month }
    }
    StepKind {
        Send { message, to, by, condition }, Wait(quantity), WaitTime { weekday, at }, WaitDate { offset, date },
        WaitUpTo { at_most, until, then, otherwise }, If { branches, otherwise }, Split(arms),
        Repeat { every, up_to, until, body }, AddTo(list), RemoveFrom(list), Stop, Publish { message, by, until }
    }
    Recipient { Guardian(span), Staff(address) }
    StatementKind {
        Now(when), Patron { person, like, from, fields }, Consent { person, purpose, channel, on, until, asked },
        Withdraw { person, purpose, channel, on }, Event { event, person, on, fields },
        Record { record, key, person, on, fields }, Remove { key, on }, Change { what, on, fields },
        Member { person, list }, TableRow { table, key, fields }, FeedRow { feed, fields },
        HeldOut { person, campaign }, Arm { person, arm, campaign }, Run(when), Skip(when), Only(names),
        Expect(expectation)
    }
    Expectation {
        In { person, negated, segment, purpose }, Gets { who, message, channel, language, on, times, saying },
        GetsNothing { person, after }, Publishes { message, channel, on }, Count { segment, is }
    }
    Who { Person(name), Staff(span) }
}
