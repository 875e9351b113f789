//! Campaigns: clauses, starts and steps (section 8).

use pest::iterators::Pair;

use super::Builder;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::syntax::ast::*;
use crate::syntax::grammar::{Parts, Rule};
use crate::syntax::literal;
use crate::time::{Unit, Weekday};

/// `send m if e`.
pub const SEND_IF: Code = Code("E0039");
/// A clause after the first step.
pub const CLAUSE_AFTER_STEP: Code = Code("E0040");
/// A part that is given twice.
pub const TWICE: Code = Code("E0043");
/// Channels joined by the wrong word.
pub const CHANNELS: Code = Code("E0044");
/// A weekday without a time.
pub const WEEKDAY: Code = Code("E0041");

impl Builder<'_> {
    pub(super) fn campaign(&mut self, pair: Pair<'_, Rule>) -> Campaign {
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        let label = self.label_if(&mut parts);
        let (mut clauses, mut steps) = (Vec::new(), Vec::<Step>::new());
        for part in parts {
            match part.as_rule() {
                Rule::clause => {
                    let clause = self.clause(part);
                    if let Some(first) = steps.first() {
                        let word = self.first_word(clause.span);
                        self.report(
                            Diagnostic::new(
                                CLAUSE_AFTER_STEP,
                                clause.span,
                                format!("the clause `{word}` stands after a step"),
                            )
                            .label("clauses come before the first step")
                            .also(first.span, "the first step")
                            .help(format!("move `{word}` up, before the first step")),
                        );
                    }
                    clauses.push(clause);
                }
                _ => steps.push(self.step(part)),
            }
        }
        Campaign { name, label, clauses, steps }
    }

    /// The first word of what stands at `span`.
    pub(super) fn first_word(&self, span: Span) -> String {
        self.source[span.range()].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    }

    pub(super) fn twice(&mut self, span: Span) {
        let word = self.first_word(span);
        self.report(
            Diagnostic::new(TWICE, span, format!("`{word}` is given twice"))
                .label("the second time")
                .help("take one of them away"),
        );
    }

    fn clause(&mut self, pair: Pair<'_, Rule>) -> Clause {
        let span = self.span(&pair);
        let inner = Parts::of(pair).one();
        let kind = match inner.as_rule() {
            Rule::purpose_clause => ClauseKind::Purpose(self.name_in(inner)),
            Rule::audience => {
                let mut parts = Parts::of(inner);
                let who = parts.one();
                let who = match who.as_rule() {
                    Rule::everyone => Audience::Everyone(self.span(&who)),
                    Rule::public => Audience::Public(self.span(&who)),
                    _ => Audience::Who(self.bare_expr(who)),
                };
                let except = parts.next().map(|except| self.bare_expr(Parts::of(except).one()));
                ClauseKind::Audience { who, except }
            }
            Rule::start => ClauseKind::Start(self.start(inner)),
            Rule::runs => {
                let (mut from, mut to) = (None, None);
                for part in Parts::of(inner) {
                    let is_from = part.as_rule() == Rule::runs_from;
                    let date = self.date(Parts::of(part).one());
                    *(if is_from { &mut from } else { &mut to }) = Some(date);
                }
                ClauseKind::Runs { from, to }
            }
            Rule::exit => ClauseKind::Exit(self.expr(Parts::of(inner).one())),
            Rule::again => {
                let part = Parts::of(inner).one();
                ClauseKind::Again(match part.as_rule() {
                    Rule::again_always => Again::Always,
                    Rule::again_never => Again::Never,
                    _ => Again::After(self.quantity(Parts::of(part).one())),
                })
            }
            Rule::holdout => ClauseKind::Holdout(self.share(Parts::of(inner).one())),
            Rule::sample => ClauseKind::Sample(self.share(Parts::of(inner).one())),
            Rule::goal => {
                let mut parts = Parts::of(inner);
                let condition = self.expr(parts.one());
                ClauseKind::Goal { condition, within: self.quantity(Parts::of(parts.one()).one()) }
            }
            Rule::priority => ClauseKind::Priority(self.number_within(Parts::of(inner).one(), 0, 1000, "priority")),
            Rule::limit => ClauseKind::Limit(self.limit(inner)),
            Rule::deliver => ClauseKind::Deliver(self.deliver(inner)),
            Rule::sender => ClauseKind::Sender(self.address(Parts::of(inner).one())),
            Rule::layout => ClauseKind::Layout(self.name_in(inner)),
            Rule::expires => ClauseKind::ExpiresAfter(self.quantity(Parts::of(inner).one())),
            Rule::reveal => {
                let mut parts = Parts::of(inner);
                let class = self.name(parts.one());
                ClauseKind::Reveal { class, to_guardian: parts.next().is_some() }
            }
            _ => ClauseKind::StatusDraft,
        };
        Clause { span, kind }
    }

    fn deliver(&mut self, pair: Pair<'_, Rule>) -> Deliver {
        let (mut on, mut between) = (Vec::new(), None);
        for part in Parts::of(pair) {
            match part.as_rule() {
                Rule::any_hour => return Deliver::AnyHour,
                Rule::deliver_on => on = Parts::of(part).map(|day| self.weekday(&day)).collect(),
                _ => {
                    let mut parts = Parts::of(part);
                    let from = self.time(parts.one());
                    between = Some(TimeRange { from, to: self.time(parts.one()) });
                }
            }
        }
        Deliver::Narrow { on, between }
    }

    fn start(&mut self, pair: Pair<'_, Rule>) -> Start {
        let span = self.span(&pair);
        let inner = Parts::of(pair).one();
        let rule = inner.as_rule();
        let mut parts = Parts::of(inner);
        let offset = parts.next_if(Rule::start_offset).map(|offset| self.start_offset(offset));
        let kind = match rule {
            Rule::when_true => StartKind::When(self.expr(parts.one())),
            Rule::entering => {
                let segment = parts.next_if(Rule::expr).map(|segment| self.bare_expr(segment));
                StartKind::Entering { segment, including_current: parts.next().is_some() }
            }
            Rule::leaving => StartKind::Leaving(self.bare_expr(parts.one())),
            Rule::change_of => {
                let field = self.name(parts.one());
                let (mut from, mut to) = (None, None);
                for part in parts {
                    let is_from = part.as_rule() == Rule::change_from;
                    let value = self.operand(Parts::of(part).one());
                    *(if is_from { &mut from } else { &mut to }) = Some(value);
                }
                StartKind::Change { field, from, to }
            }
            Rule::once => {
                let date = self.date(parts.one());
                StartKind::Once { date, at: self.time(parts.one()) }
            }
            Rule::every => StartKind::Every(self.schedule(parts.one())),
            Rule::anniversary => StartKind::Anniversary { offset, date: self.operand(parts.one()) },
            Rule::event_date => {
                let field = self.name(parts.one());
                let selection = self.event_ref(parts.one());
                let together = parts.next().map(|together| self.together(together));
                let condition = selection.condition.map(|condition| *condition);
                StartKind::EventDate { offset, field, event: selection.event, condition, together }
            }
            Rule::on_event => {
                let selection = self.event_ref(parts.one());
                let together = parts.next().map(|together| self.together(together));
                let condition = selection.condition.map(|condition| *condition);
                StartKind::Event { event: selection.event, condition, together }
            }
            _ => StartKind::Date { offset, date: self.operand(parts.one()) },
        };
        Start { span, kind }
    }

    fn start_offset(&mut self, pair: Pair<'_, Rule>) -> Offset {
        let mut parts = Parts::of(pair);
        let quantity = self.quantity(parts.one());
        Offset { quantity, after: parts.next().is_some() }
    }

    fn together(&mut self, pair: Pair<'_, Rule>) -> Together {
        let span = self.span(&pair);
        Together { span, wait: Parts::of(pair).next().map(|wait| self.quantity(wait)) }
    }

    fn schedule(&mut self, pair: Pair<'_, Rule>) -> Schedule {
        let rule = pair.as_rule();
        let mut parts = Parts::of(pair);
        let kind = match rule {
            Rule::every_day => ScheduleKind::Day,
            Rule::every_weekdays => {
                let mut days = Vec::new();
                while let Some(day) = parts.next_if(Rule::weekday) {
                    days.push(self.weekday(&day));
                }
                ScheduleKind::Weekdays(days)
            }
            Rule::every_weeks => {
                let every = self.number_within(parts.one(), 1, 520, "number of weeks");
                let on = self.weekday(&parts.one());
                let at = self.at_time(parts.one());
                let from = self.date(parts.one());
                return Schedule { kind: ScheduleKind::Weeks { every, on, from }, at };
            }
            Rule::every_month_day => ScheduleKind::MonthDay(self.number_within(parts.one(), 1, 31, "day of a month")),
            Rule::every_month_last => ScheduleKind::MonthLastDay,
            Rule::every_month_weekday => {
                let nth = match parts.one().as_str() {
                    "first" => 1,
                    "second" => 2,
                    "third" => 3,
                    "fourth" => 4,
                    _ => -1,
                };
                ScheduleKind::MonthWeekday { nth, weekday: self.weekday(&parts.one()) }
            }
            _ => {
                let day = self.number_within(parts.one(), 1, 31, "day of a month");
                let month = parts.one();
                let span = self.span(&month);
                let index = literal::MONTH_WORDS.iter().position(|name| *name == month.as_str());
                let index = index.expect("the grammar lists the months");
                let days = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][index];
                if (days + 1..=31).contains(&day.value) {
                    let name = literal::MONTHS[index];
                    self.report(
                        Diagnostic::new(literal::DATE, day.span, format!("{name} has no day {}", day.value))
                            .label(format!("{name} has {days} days"))
                            .help(format!("write a day from 1 to {days}")),
                    );
                }
                ScheduleKind::Year { day, month: (index as u8 + 1, span) }
            }
        };
        Schedule { kind, at: self.at_time(parts.one()) }
    }

    fn at_time(&mut self, pair: Pair<'_, Rule>) -> Time {
        self.time(Parts::of(pair).one())
    }

    fn steps(&mut self, pair: Pair<'_, Rule>) -> Vec<Step> {
        Parts::of(pair).map(|step| self.step(step)).collect()
    }

    fn step(&mut self, pair: Pair<'_, Rule>) -> Step {
        let span = self.span(&pair);
        let inner = Parts::of(pair).one();
        let kind = match inner.as_rule() {
            Rule::send => self.send(inner),
            Rule::wait => self.wait(inner),
            Rule::if_step => {
                let mut parts = Parts::of(inner);
                let condition = self.expr(parts.one());
                let mut branches = vec![(condition, self.steps(parts.one()))];
                while let Some(branch) = parts.next_if(Rule::else_if) {
                    let mut parts = Parts::of(branch);
                    let condition = self.expr(parts.one());
                    branches.push((condition, self.steps(parts.one())));
                }
                StepKind::If { branches, otherwise: parts.next().map(|part| self.otherwise(part)) }
            }
            Rule::split => {
                let arms = Parts::of(inner).map(|arm| {
                    let mut parts = Parts::of(arm);
                    (self.share(parts.one()), self.steps(parts.one()))
                });
                StepKind::Split(arms.collect())
            }
            Rule::repeat => {
                let mut parts = Parts::of(inner);
                let every = self.quantity(parts.one());
                let up_to = self.number_within(parts.one(), 1, 1000, "number of times");
                let until = parts.next_if(Rule::repeat_until).map(|until| self.expr(Parts::of(until).one()));
                StepKind::Repeat { every, up_to, until, body: self.steps(parts.one()) }
            }
            Rule::add_to => StepKind::AddTo(self.name_in(inner)),
            Rule::remove_from => StepKind::RemoveFrom(self.name_in(inner)),
            Rule::publish => {
                let mut parts = Parts::of(inner);
                let message = self.name(parts.one());
                let by = self.channels(parts.one(), ",");
                let until = parts.next().map(|until| self.date(Parts::of(until).one()));
                StepKind::Publish { message, by, until }
            }
            _ => StepKind::Stop,
        };
        Step { span, kind }
    }

    fn otherwise(&mut self, pair: Pair<'_, Rule>) -> Vec<Step> {
        let steps = Parts::of(pair).one();
        self.steps(steps)
    }

    fn send(&mut self, pair: Pair<'_, Rule>) -> StepKind {
        let mut parts = Parts::of(pair);
        let message = self.name(parts.one());
        let (mut to, mut by, mut condition) = (None, Vec::new(), None);
        for part in parts {
            match part.as_rule() {
                Rule::to_guardian => to = Some(Recipient::Guardian(self.span(&part))),
                Rule::to_staff => to = Some(Recipient::Staff(self.operand(Parts::of(part).one()))),
                Rule::by_channels => by = self.channels(part, "or"),
                Rule::only_if => condition = Some((false, self.expr(Parts::of(part).one()))),
                Rule::unless => condition = Some((true, self.expr(Parts::of(part).one()))),
                _ => {
                    let place = self.first_token(&part);
                    self.report(
                        Diagnostic::new(SEND_IF, place, "a condition after `send` begins with `only if` or `unless`")
                            .label("`if` alone begins a step with a block `{ … }`")
                            .help("write `only if`")
                            .fix(place, "only if"),
                    );
                    condition = Some((false, self.expr(Parts::of(part).one())));
                }
            }
        }
        StepKind::Send { message, to, by, condition }
    }

    /// Channels joined by `right`, which is `or` or a comma.
    fn channels(&mut self, pair: Pair<'_, Rule>, right: &str) -> Vec<Name> {
        let mut before: Option<Name> = None;
        let mut names = Vec::new();
        for part in Parts::of(pair) {
            let name = self.name(part);
            if let Some(before) = before {
                let gap = Span { start: before.span.end, end: name.span.start, ..name.span };
                let found = self.source[gap.range()].trim();
                if found != right && matches!(found, "or" | ",") {
                    let start = gap.start + self.source[gap.range()].find(found).unwrap_or(0) as u32;
                    let place = Span { start, end: start + found.len() as u32, ..gap };
                    let (help, fix) = if right == "or" {
                        ("write `or`: the first channel by which the patron can be reached is taken", " or")
                    } else {
                        ("write a comma: it is published by each of them", ",")
                    };
                    self.report(
                        Diagnostic::new(CHANNELS, place, format!("channels are joined by `{right}` here"))
                            .label(format!("expected `{right}`"))
                            .help(help)
                            .fix(place, fix),
                    );
                }
            }
            before = Some(name);
            names.push(name);
        }
        names
    }

    fn wait(&mut self, pair: Pair<'_, Rule>) -> StepKind {
        let inner = Parts::of(pair).one();
        match inner.as_rule() {
            Rule::wait_up_to => {
                let mut parts = Parts::of(inner);
                let at_most = self.quantity(parts.one());
                let until = self.expr(parts.one());
                let then = parts.next_if(Rule::steps).map(|steps| self.steps(steps));
                let otherwise = parts.next().map(|part| self.otherwise(part));
                StepKind::WaitUpTo { at_most, until, then, otherwise }
            }
            Rule::wait_until => {
                let part = Parts::of(inner).one();
                match part.as_rule() {
                    Rule::wait_time => {
                        let mut parts = Parts::of(part);
                        let weekday = parts.next_if(Rule::weekday).map(|day| self.weekday(&day));
                        StepKind::WaitTime { weekday, at: self.time(parts.one()) }
                    }
                    Rule::wait_offset => {
                        let mut parts = Parts::of(part);
                        let offset = self.start_offset(parts.one());
                        StepKind::WaitDate { offset: Some(offset), date: self.operand(parts.one()) }
                    }
                    _ => {
                        let word = part.as_str().trim_end();
                        let place = self.first_token(&part);
                        if let Some(day) = Weekday::from_word(word) {
                            self.report(
                                Diagnostic::new(WEEKDAY, place, "a weekday needs a time of day")
                                    .label("at what time?")
                                    .help(format!("write `{} at 09:00`", day.word()))
                                    .fix(Span { start: place.end, ..place }, " at 09:00"),
                            );
                            return StepKind::WaitTime {
                                weekday: Some((day, place)),
                                at: Time { time: crate::time::TimeOfDay(0), span: place },
                            };
                        }
                        StepKind::WaitDate { offset: None, date: self.operand(part) }
                    }
                }
            }
            _ => {
                let quantity = self.quantity(inner);
                if let QuantityKind::Parameter(name) = quantity.kind {
                    self.report(
                        Diagnostic::new(super::DURATION, quantity.span, format!("`{}` is no duration", name.symbol))
                            .label("expected a duration such as `7 days`")
                            .help("write `wait 7 days`, or `wait until` for an instant"),
                    );
                    let kind = QuantityKind::Literal { count: 1, unit: Unit::Day, unit_span: quantity.span };
                    return StepKind::Wait(Quantity { kind, ..quantity });
                }
                StepKind::Wait(quantity)
            }
        }
    }
}
