//! Random cases from a sequence of numbers: well-typed rules, patrons, events, records, instants.
//!
//! Every choice takes the next number; an exhausted sequence gives zeros, which choose the simplest. So shrinking the
//! sequence shrinks the case.

use bookmobile::catalogue::*;
use bookmobile::diagnostic::{FileId, Span};
use bookmobile::program::Segment;
use bookmobile::rule::function::{self, Function};
use bookmobile::rule::*;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Duration, Instant, TimeOfDay, Unit, Weekday, Which, Zone};

use super::world::*;

pub struct Choices<'a> {
    numbers: &'a [u32],
    at: usize,
}

impl Choices<'_> {
    pub fn new(numbers: &[u32]) -> Choices<'_> {
        Choices { numbers, at: 0 }
    }

    pub fn below(&mut self, n: usize) -> usize {
        let number = self.numbers.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        number as usize % n
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == one_in - 1
    }
}

/// One case of a property.
#[derive(Debug)]
pub struct Case {
    pub zone: Zone,
    pub week_starts: Weekday,
    pub segments: Vec<Segment>,
    pub rule: Expr,
    pub facts: Facts,
    pub now: Instant,
    pub start: Option<Instant>,
    pub started_by: Option<(EventId, Option<EventRow>)>,
    pub served: ClassSet,
}

const ZONES: [&str; 8] = [
    "America/Toronto",
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "America/St_Johns",
    "Pacific/Apia",
];

/// The case that the numbers choose.
pub fn case(numbers: &[u32]) -> Case {
    let mut choices = Choices::new(numbers);
    let zone = Zone::named(choices.one(&ZONES)).expect("a zone");
    let now = an_instant(&mut choices, &zone);
    let week_starts = choices.one(&Weekday::ALL);
    let served = if choices.chance(3) { ClassSet::EMPTY.with(BORROWING) } else { ClassSet::EMPTY };
    let mut maker = Maker { choices, zone: &zone, now, row: None, segments: 0, start: false };
    let mut segments = Vec::new();
    for _ in 0..maker.choices.below(3) {
        let body = maker.condition(2);
        segments.push(segment(body));
        maker.segments += 1;
    }
    maker.start = true;
    let rule = maker.condition(4);
    let facts = maker.facts();
    let start = if maker.choices.chance(3) { None } else { Some(maker.near()) };
    let started_by = match maker.choices.below(4) {
        0 => None,
        1 => Some((LOAN, None)),
        2 => Some((LOAN, Some(maker.row_of(LOAN, 0)))),
        _ => Some((REGISTRATION, Some(maker.row_of(REGISTRATION, 0)))),
    };
    Case { week_starts, segments, rule, facts, now, start, started_by, served, zone }
}

/// Several rules and patrons at one instant.
#[derive(Debug)]
pub struct Crowd {
    pub zone: Zone,
    pub week_starts: Weekday,
    pub segments: Vec<Segment>,
    pub rules: Vec<Expr>,
    pub patrons: Vec<Facts>,
    pub now: Instant,
    pub served: ClassSet,
}

/// The crowd that the numbers choose.
pub fn crowd(numbers: &[u32]) -> Crowd {
    let mut choices = Choices::new(numbers);
    let zone = Zone::named(choices.one(&ZONES)).expect("a zone");
    let now = an_instant(&mut choices, &zone);
    let week_starts = choices.one(&Weekday::ALL);
    let served = if choices.chance(3) { ClassSet::EMPTY.with(BORROWING) } else { ClassSet::EMPTY };
    let patrons = match choices.below(8) {
        7 => 60 + choices.below(10),
        _ => 1 + choices.below(8),
    };
    let mut maker = Maker { choices, zone: &zone, now, row: None, segments: 0, start: false };
    let body = maker.condition(2);
    let segments = vec![segment(body)];
    maker.segments = 1;
    let rules = (0..4).map(|depth| maker.condition(depth)).collect();
    let patrons = (0..patrons).map(|id| Facts { patron: PatronId(id as i64), ..maker.facts() }).collect();
    Crowd { week_starts, segments, rules, patrons, now, served, zone }
}

fn segment(body: Expr) -> Segment {
    Segment {
        name: Symbol::new("s"),
        arguments: Vec::new(),
        is_default: true,
        label: None,
        doc: None,
        body,
        classes: ClassSet::EMPTY,
        span: no_span(),
    }
}

/// Often close to a change of the clock, the end of a month or a leap day.
fn an_instant(choices: &mut Choices<'_>, zone: &Zone) -> Instant {
    let year = 2006 + choices.below(22) as i16;
    let month = 1 + choices.below(12) as i8;
    let first = Day::new(year, month, 1).expect("a date");
    let day = match choices.below(5) {
        // Where the zone repeats a date, then; else an ordinary day.
        4 if let Some((from, _)) = zone.repeated_dates().last().filter(|(from, _)| from.seconds() > 0) => {
            return from.plus_seconds((choices.below(12) as i64 - 8) * 900);
        }
        0 | 4 => first.plus_days(choices.below(28) as i64),
        1 => first.plus_days(-1 + choices.below(3) as i64),
        2 => Day::new(year, 3, 1).expect("a date").plus_days(-3 + choices.below(4) as i64),
        _ => {
            let change = zone.next_transition(zone.start_of(first)).unwrap_or(zone.start_of(first));
            let near = choices.below(48) as i64 - 24;
            return change.plus_seconds(near * 1800);
        }
    };
    let hours = [0, 0, 10, 12, 23, 1, 2, 3];
    let minutes = [0, 0, 1, 30, 59];
    let time = TimeOfDay::new(choices.one(&hours), choices.one(&minutes), 0).expect("a time");
    zone.at(day, time)
}

struct Maker<'a> {
    choices: Choices<'a>,
    zone: &'a Zone,
    now: Instant,
    row: Option<EventId>,
    segments: u32,
    start: bool,
}

fn expr(kind: Kind, ty: Type) -> Expr {
    Expr { kind, ty, span: no_span() }
}

fn call(function: &'static Function, arguments: Vec<Expr>, ty: Type) -> Expr {
    expr(Kind::Call { function, arguments }, ty)
}

const BRANCH: Type = Type::Enum(EnumId(0));

impl Maker<'_> {
    fn condition(&mut self, depth: usize) -> Expr {
        let kind = match self.choices.below(if depth == 0 { 12 } else { 22 }) {
            0 => Kind::Literal(Value::Bool(self.choices.chance(2))),
            1 => Kind::Read(self.read(Type::Bool)),
            2 | 3 => return self.comparison(depth),
            4 => {
                let ty = self.choices.one(&[Type::Date, Type::Instant]);
                let value = Box::new(self.value(ty, depth));
                Kind::InWindow { value, window: self.clock_window(ty == Type::Instant) }
            }
            5 => Kind::Member(ListId(self.choices.below(2) as u16)),
            6 if self.segments > 0 => Kind::Segment(SegmentId(self.choices.below(self.segments as usize) as u32)),
            7 => Kind::Agrees { purpose: PurposeId(self.choices.below(3) as u16), channel: self.channel() },
            8 => Kind::AskedFor { purpose: PurposeId(1), channel: Channel::Email },
            9 => {
                let ty = self.choices.one(&[Type::Int, Type::Date, Type::Instant, BRANCH, Type::Text, Type::Bool]);
                Kind::Known(Box::new(self.value(ty, depth)))
            }
            10 => {
                let function: &'static Function =
                    self.choices.one(&[&function::CONTAINS, &function::STARTS_WITH, &function::MATCHES]);
                let text = self.value(Type::Text, 0);
                let pattern = if *function == function::MATCHES { "^e.*" } else { "em" };
                let pattern = expr(Kind::Literal(Value::text(pattern)), Type::Text);
                return call(function, vec![text, pattern], Type::Bool);
            }
            11 => {
                let set = expr(Kind::Read(Read::Patron(FieldId(8))), Type::Set(Element::Enum(EnumId(0))));
                return match self.choices.below(2) {
                    0 => call(&function::IS_EMPTY, vec![set], Type::Bool),
                    _ => {
                        let element = self.value(BRANCH, 0);
                        call(&function::INCLUDES, vec![set, element], Type::Bool)
                    }
                };
            }
            12 => Kind::Not(Box::new(self.condition(depth - 1))),
            13 | 14 => Kind::And((0..2 + self.choices.below(2)).map(|_| self.condition(depth - 1)).collect()),
            15 => Kind::Or((0..2 + self.choices.below(2)).map(|_| self.condition(depth - 1)).collect()),
            16 => Kind::Known(Box::new(self.condition(depth - 1))),
            17 | 18 if self.row.is_none() => Kind::Has { test: self.test(), selection: self.selection(depth) },
            19 if self.row.is_none() => Kind::Followed {
                first: self.selection(depth),
                second: Selection { window: None, ..self.selection(depth) },
                within: self.duration(true),
            },
            20 if self.row.is_none() => Kind::Periods {
                count: if self.choices.chance(4) { self.test() } else { CountTest::AtLeast(1) },
                selection: Selection { window: None, ..self.selection(depth) },
                at_least: 1 + self.choices.below(2) as i64,
                of: 1 + self.choices.below(4) as i64,
                unit: self.choices.one(&[Unit::Day, Unit::Week, Unit::Month, Unit::Year]),
            },
            _ => return self.comparison(depth),
        };
        expr(kind, Type::Bool)
    }

    fn comparison(&mut self, depth: usize) -> Expr {
        let ordered = [Type::Int, Type::Date, Type::Instant, Type::Money, Type::Decimal];
        let (function, ty): (&'static Function, Type) = match self.choices.below(3) {
            0 => (&function::LESS_OR_EQUAL, self.choices.one(&ordered)),
            1 => (&function::LESS, self.choices.one(&ordered)),
            _ => {
                let any = [Type::Int, Type::Date, Type::Text, BRANCH, Type::Money, Type::Bool, Type::Instant];
                (&function::EQUAL, self.choices.one(&any))
            }
        };
        let (left, right) = (self.value(ty, depth), self.value(ty, depth));
        call(function, vec![left, right], Type::Bool)
    }

    fn read(&mut self, ty: Type) -> Read {
        if let Some(event) = self.row
            && self.choices.chance(2)
            && let Some(read) = self.event_read(event, ty)
        {
            return Read::Row(read);
        }
        if self.start && self.choices.chance(6) {
            let event = self.choices.one(&[LOAN, REGISTRATION]);
            if let Some(read) = self.event_read(event, ty) {
                return Read::StartEvent(event, read);
            }
        }
        let table = |column| Read::Table { table: TableId(0), key: Box::new(Read::Patron(FieldId(11))), column };
        match ty {
            Type::Bool => Read::Patron(FieldId(self.choices.one(&[0, 10]))),
            Type::Int if self.choices.chance(3) => table(0),
            Type::Int => Read::Patron(FieldId(self.choices.one(&[1, 2]))),
            Type::Date if self.choices.chance(4) => table(1),
            Type::Date => Read::Patron(FieldId(self.choices.one(&[3, 4, 12]))),
            Type::Instant => Read::Patron(FieldId(5)),
            Type::Text => Read::Patron(FieldId(7)),
            Type::Money => Read::Patron(FieldId(9)),
            Type::Decimal => Read::Patron(FieldId(13)),
            _ => Read::Patron(FieldId(6)),
        }
    }

    fn event_read(&mut self, event: EventId, ty: Type) -> Option<EventRead> {
        let catalogue = catalogue();
        let declared = &catalogue.event(event).fields;
        let mut reads: Vec<EventRead> = declared
            .iter()
            .enumerate()
            .filter(|(_, field)| field.ty == ty)
            .map(|(index, _)| EventRead::Field(index as u16))
            .collect();
        if ty == Type::Instant {
            reads.push(EventRead::At);
        }
        if ty == Type::Bool && catalogue.event(event).is_record() {
            reads.push(EventRead::Open);
        }
        if reads.is_empty() { None } else { Some(self.choices.one(&reads)) }
    }

    fn value(&mut self, ty: Type, depth: usize) -> Expr {
        if ty == Type::Bool && depth > 0 && self.choices.chance(3) {
            return self.condition(depth - 1);
        }
        let aggregates = self.row.is_none() && depth > 0;
        let kind = match (ty, self.choices.below(if depth == 0 { 3 } else { 9 })) {
            (_, 0) => Kind::Read(self.read(ty)),
            (_, 1) => Kind::Literal(self.literal(ty)),
            (Type::Date, 2 | 3) => Kind::Today,
            (Type::Instant, 2 | 3) => {
                if self.start && self.choices.chance(3) {
                    Kind::Start
                } else {
                    Kind::Now
                }
            }
            (Type::Int, 2) => {
                let born = self.value(Type::Date, depth.saturating_sub(1));
                return call(&function::AGE, vec![born], Type::Int);
            }
            (Type::Int, 3 | 4) => {
                let function: &'static Function = self.choices.one(&[&function::SINCE, &function::UNTIL]);
                let value = self.value(Type::Date, depth - 1);
                let unit = self.choices.one(&[Unit::Day, Unit::Week, Unit::Month, Unit::Year]);
                let unit = expr(Kind::Literal(Value::Duration(Duration { count: 1, unit })), Type::Duration);
                return call(function, vec![value, unit], Type::Int);
            }
            (Type::Int, 5) if aggregates => Kind::Count(self.selection(depth)),
            (Type::Int, 6) if aggregates => Kind::Days(self.selection(depth)),
            (Type::Int | Type::Money, 7) if aggregates => {
                let selection = self.selection(depth);
                let catalogue = catalogue();
                let fields = &catalogue.event(selection.event).fields;
                match fields.iter().position(|field| field.ty == ty) {
                    Some(field) => Kind::Sum { field: field as u16, selection },
                    None => Kind::Read(self.read(ty)),
                }
            }
            (Type::Int | Type::Money | Type::Decimal, _) => {
                let function: &'static Function =
                    self.choices.one(&[&function::ADD, &function::SUBTRACT, &function::MULTIPLY]);
                let left = if *function == function::MULTIPLY { Type::Int } else { ty };
                let arguments = vec![self.value(left, depth.saturating_sub(1)), self.value(ty, 0)];
                return call(function, arguments, ty);
            }
            (Type::Instant, 4) if aggregates => Kind::First { selection: self.selection(depth), read: None },
            (Type::Instant, 5) if aggregates => Kind::Latest { selection: self.selection(depth), read: None },
            (Type::Instant, 6) => Kind::Changed(FieldId(self.choices.one(&[1, 2, 4]))),
            (Type::Date, 4) => Kind::EndOfConsent { purpose: PurposeId(1), channel: self.channel() },
            (Type::Date, 5) => {
                let instant = self.value(Type::Instant, depth - 1);
                return call(&function::TO_DATE, vec![instant], Type::Date);
            }
            (Type::Date | Type::Instant, _) if depth > 0 => {
                let function: &'static Function = self.choices.one(&[&function::ADD, &function::SUBTRACT]);
                let value = self.value(ty, depth - 1);
                let duration = Value::Duration(self.duration(ty == Type::Instant));
                return call(function, vec![value, expr(Kind::Literal(duration), Type::Duration)], ty);
            }
            (_, 6 | 7) if aggregates => {
                let selection = self.selection(depth);
                match self.event_read(selection.event, ty) {
                    Some(read) => match self.choices.chance(2) {
                        false => Kind::Latest { selection, read: Some(read) },
                        true => Kind::First { selection, read: Some(read) },
                    },
                    None => Kind::Read(self.read(ty)),
                }
            }
            _ => Kind::Read(self.read(ty)),
        };
        expr(kind, ty)
    }

    fn literal(&mut self, ty: Type) -> Value {
        match ty {
            Type::Bool => Value::Bool(self.choices.chance(2)),
            Type::Int => Value::Int(self.choices.below(6) as i64 - 1),
            Type::Money => Value::Money(self.choices.below(4) as i64 * 50),
            Type::Decimal => Value::Decimal(self.choices.below(4) as i64 * 5000),
            Type::Text => Value::text(self.choices.one(&TEXTS)),
            Type::Date => Value::Date(self.near_day()),
            Type::Instant => Value::Instant(self.near()),
            _ => symbol(self.choices.one(&BRANCHES)),
        }
    }

    fn channel(&mut self) -> Option<Channel> {
        self.choices.one(&[None, Some(Channel::Email), Some(Channel::Sms)])
    }

    fn test(&mut self) -> CountTest {
        let n = self.choices.below(4) as i64;
        match self.choices.below(3) {
            0 => CountTest::AtLeast(n.max(1)),
            1 => CountTest::AtMost(n),
            _ => CountTest::Exactly(n),
        }
    }

    fn selection(&mut self, depth: usize) -> Selection {
        let event = self.choices.one(&[VISIT, VISIT, CHECKOUT, LOAN, REGISTRATION, DONATION]);
        let (mut condition, mut requires_open) = (None, false);
        if self.choices.chance(2) {
            let outer = self.row.replace(event);
            let mut parts = self.condition(depth.saturating_sub(1).min(1));
            self.row = outer;
            if catalogue().event(event).is_record() && self.choices.chance(2) {
                let open = expr(Kind::Read(Read::Row(EventRead::Open)), Type::Bool);
                parts = expr(Kind::And(vec![open, parts]), Type::Bool);
                requires_open = true;
            }
            condition = Some(Box::new(parts));
        }
        let window = match self.choices.below(8) {
            0..3 => None,
            3..6 => Some(self.clock_window(true)),
            6 => {
                let from = Box::new(self.bound(depth));
                Some(if self.choices.chance(3) { Window::Before(from) } else { Window::Since(from) })
            }
            _ => Some(Window::Between(Box::new(self.bound(depth)), Box::new(self.bound(depth)))),
        };
        Selection { event, condition, window, requires_open, span: no_span() }
    }

    fn bound(&mut self, depth: usize) -> Expr {
        let ty = self.choices.one(&[Type::Date, Type::Instant]);
        let outer = self.row.take();
        let bound = self.value(ty, depth.min(1));
        self.row = outer;
        bound
    }

    fn clock_window(&mut self, elapsed: bool) -> Window {
        match self.choices.below(3) {
            0 => Window::Last(self.duration(elapsed)),
            1 => Window::Next(self.duration(elapsed)),
            _ => Window::Period {
                which: self.choices.one(&[Which::This, Which::Previous, Which::Coming]),
                unit: self.choices.one(&[Unit::Week, Unit::Month, Unit::Year]),
            },
        }
    }

    fn duration(&mut self, elapsed: bool) -> Duration {
        let units = if elapsed { &Unit::ALL[..] } else { &Unit::ALL[2..] };
        let unit = self.choices.one(units);
        let count = match unit {
            Unit::Minute => self.choices.one(&[30, 60, 0]),
            Unit::Hour => self.choices.one(&[1, 24, 48, 36]),
            Unit::Day => self.choices.one(&[1, 7, 30, 0]),
            Unit::Week | Unit::Month => self.choices.one(&[1, 2, 6]),
            Unit::Year => self.choices.one(&[1, 18]),
        };
        Duration { count, unit }
    }

    /// Close to now, or as far from it as some duration of the rules.
    fn near(&mut self) -> Instant {
        let base = match self.choices.below(3) {
            0 => self.now,
            1 => {
                let duration = self.duration(true);
                self.zone.plus(self.now, if self.choices.chance(4) { duration } else { duration.negated() })
            }
            _ => self.zone.start_of(self.near_day()),
        };
        let seconds = [0, -1, 1, -60, 1800, -3600, 3600, -5400, -43_200, 30_000];
        let micros = [0, 1, -1];
        Instant(base.plus_seconds(self.choices.one(&seconds)).0 + self.choices.one(&micros))
    }

    fn near_day(&mut self) -> Day {
        let today = self.zone.day(self.now);
        let base = match self.choices.below(3) {
            0 => today,
            1 => {
                let duration = self.duration(false);
                today.plus(if self.choices.chance(3) { duration } else { duration.negated() })
            }
            _ => today.plus_months(self.choices.below(40) as i64 - 30),
        };
        base.plus_days(self.choices.one(&[0, 0, 1, -1, 2, -2, 3]))
    }

    fn facts(&mut self) -> Facts {
        let catalogue = catalogue();
        let mut facts = Facts::empty(&catalogue, PatronId(1));
        for (index, field) in catalogue.fields.iter().enumerate() {
            facts.fields[index] = self.stored(field.ty);
        }
        facts.since = if self.choices.chance(2) { Some(self.near()) } else { None };
        let mut row = 0;
        for event in [VISIT, CHECKOUT, LOAN, REGISTRATION, DONATION] {
            for _ in 0..self.choices.below(6) {
                row += 1;
                let made = self.row_of(event, row);
                facts.events[event.index()].push(made);
            }
            facts.events[event.index()].sort_by_key(|row| (row.at, row.row));
        }
        facts.lists = (0..2).filter(|_| self.choices.chance(2)).map(ListId).collect();
        for purpose in 1..3 {
            for channel in [Channel::Email, Channel::Sms] {
                let state = match self.choices.below(5) {
                    0 => continue,
                    1 | 2 => ConsentState::Given,
                    3 => ConsentState::Asked,
                    _ => ConsentState::Withdrawn,
                };
                let on = match self.choices.below(2) {
                    0 => self.near_day(),
                    _ => self.zone.day(self.now).plus_months(-24).plus_days(self.choices.below(5) as i64 - 2),
                };
                let until = if self.choices.chance(4) { Some(self.near_day()) } else { None };
                facts.consents.push(Consent { purpose: PurposeId(purpose), channel, state, on, until });
            }
        }
        if self.choices.chance(2) {
            facts.changed.push((FieldId(1), self.near()));
        }
        facts
    }

    fn row_of(&mut self, event: EventId, row: i64) -> EventRow {
        let catalogue = catalogue();
        let declared = catalogue.event(event);
        let fields = declared.fields.iter().map(|field| self.stored(field.ty)).collect();
        let removed = declared.is_record() && self.choices.chance(6);
        EventRow { row: RowId(row), at: self.near(), removed, fields }
    }

    fn stored(&mut self, ty: Type) -> Option<Value> {
        if self.choices.chance(3) {
            return None;
        }
        Some(match ty {
            Type::Text if self.choices.chance(2) => Value::text(self.choices.one(&KEYS)),
            Type::Set(_) => set(match self.choices.below(3) {
                0 => &[],
                1 => &BRANCHES[..1],
                _ => &BRANCHES[1..],
            }),
            ty => self.literal(ty),
        })
    }
}

fn no_span() -> Span {
    Span::new(FileId(0), 0..0)
}
