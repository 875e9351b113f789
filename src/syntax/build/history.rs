//! What is asked of events and records: `has`, aggregates, `where`, windows of time (section 5).

use pest::iterators::Pair;

use super::Builder;
use super::expression::CALL;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::syntax::ast::*;
use crate::syntax::grammar::{Parts, Rule};
use crate::syntax::literal;
use crate::time::{Unit, Which};

/// `where` without parentheses.
pub const WHERE: Code = Code("E0032");
/// A window that is not written as one.
pub const WINDOW: Code = Code("E0033");
/// `at least` without a number.
pub const COUNT: Code = Code("E0037");
/// `has` or an aggregate inside `where`.
pub const NESTED: Code = Code("E0038");

impl Builder<'_> {
    pub(super) fn period(&mut self, pair: Pair<'_, Rule>) -> WindowKind {
        let place = self.span(&pair);
        let rule = pair.as_rule();
        let part = Parts::of(pair).one();
        let slip = |builder: &mut Self, last_word: Span, right: &str| {
            let span = Span { end: last_word.end, ..place };
            let found = builder.source[span.range()].to_owned();
            builder.report(
                Diagnostic::new(WINDOW, span, format!("`in {found}` lacks a word"))
                    .label(format!("written `in {right}`"))
                    .help(format!("write `in {right}`"))
                    .fix(span, right),
            );
        };
        match rule {
            Rule::last | Rule::next | Rule::last_slip | Rule::next_slip => {
                if matches!(rule, Rule::last_slip | Rule::next_slip) {
                    let word = if rule == Rule::last_slip { "last" } else { "next" };
                    let word_span = Span { end: place.start + 4, ..place };
                    slip(self, word_span, &format!("the {word}"));
                }
                let quantity = self.quantity(part);
                if matches!(rule, Rule::last | Rule::last_slip) {
                    WindowKind::Last(quantity)
                } else {
                    WindowKind::Next(quantity)
                }
            }
            _ => {
                let unit_span = self.span(&part);
                let mut unit = Self::unit(&part);
                let text = &self.source[place.range()];
                let which = match rule {
                    Rule::this => Which::This,
                    Rule::previous => Which::Previous,
                    Rule::coming => Which::Coming,
                    _ if text.starts_with("the") => Which::This,
                    _ if text.starts_with('p') => Which::Previous,
                    _ => Which::Coming,
                };
                if rule == Rule::period_slip {
                    let right = match which {
                        Which::This => format!("this {}", unit.word()),
                        Which::Previous => format!("the previous {}", unit.word()),
                        Which::Coming => format!("the coming {}", unit.word()),
                    };
                    slip(self, unit_span, &right);
                }
                if !matches!(unit, Unit::Week | Unit::Month | Unit::Year) {
                    self.report(
                        Diagnostic::new(WINDOW, unit_span, format!("a {} is no calendar period", unit.word()))
                            .label("expected `week`, `month` or `year`")
                            .help("calendar periods are weeks, months and years; for a day write `= today` or a window such as `in the last 1 day`"),
                    );
                    unit = Unit::Week;
                }
                WindowKind::Period { which, unit, unit_span }
            }
        }
    }

    pub(super) fn window(&mut self, pair: Pair<'_, Rule>) -> Window {
        let span = self.span(&pair);
        let inner = Parts::of(pair).one();
        let kind = match inner.as_rule() {
            Rule::since => WindowKind::Since(Box::new(self.operand(Parts::of(inner).one()))),
            Rule::window_before => WindowKind::Before(Box::new(self.operand(Parts::of(inner).one()))),
            Rule::window_between => {
                let mut parts = Parts::of(inner);
                let from = Box::new(self.operand(parts.one()));
                WindowKind::Between(from, Box::new(self.operand(parts.one())))
            }
            _ => self.period(inner),
        };
        Window { span, kind }
    }

    pub(super) fn nested(&mut self, span: Span, what: &str) {
        if self.in_where {
            self.report(
                Diagnostic::new(NESTED, span, format!("inside `where` there is no {what}"))
                    .label("the parentheses of `where` test one event and its patron")
                    .help("put it outside, joined by `and`; or make it a segment and write `in SEGMENT` here"),
            );
        }
    }

    pub(super) fn has(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        self.nested(span, "`has`");
        let mut parts = Parts::of(pair);
        let count = match parts.peek() {
            Some(Rule::no) => {
                parts.next();
                HasCount::No
            }
            Some(rule @ (Rule::at_least | Rule::at_most | Rule::exactly)) => {
                let value = self.count_value(Parts::of(parts.one()).one());
                match rule {
                    Rule::at_least => HasCount::AtLeast(value),
                    Rule::at_most => HasCount::AtMost(value),
                    _ => HasCount::Exactly(value),
                }
            }
            Some(Rule::no_number) => {
                let words = parts.one();
                let words = self.source[self.span(&words).range()].to_owned();
                let event = parts.peek_pair().map(|event| self.first_token(event)).unwrap_or(span);
                let event_text = self.source[event.range()].to_owned();
                self.report(
                    Diagnostic::new(COUNT, event, format!("`{words}` needs a number"))
                        .label("expected a number")
                        .help(format!("write `{words} 1 {event_text}`; `has {event_text}` alone means one or more")),
                );
                HasCount::Some
            }
            _ => HasCount::Some,
        };
        let mut selection = self.event_ref(parts.one());
        let Some(tail) = parts.next() else {
            return Expr { span, kind: ExprKind::Has { count, selection, periods: None } };
        };
        let kind = match tail.as_rule() {
            Rule::followed => {
                if !matches!(count, HasCount::Some) {
                    let place = self.first_token(&tail);
                    self.report(
                        Diagnostic::new(COUNT, place, "`followed by` takes no number of events")
                            .label("asks whether there is one such pair")
                            .help("write `has A followed by B within D`; for none of them `not has A followed by B within D`"),
                    );
                }
                let mut parts = Parts::of(tail);
                let second = self.event_ref(parts.one());
                let within = self.quantity(Parts::of(parts.one()).one());
                let window = parts.next().map(|window| self.window(window));
                ExprKind::Followed { first: selection, second, within, window }
            }
            Rule::periods => {
                if !matches!(count, HasCount::Some | HasCount::AtLeast(_)) {
                    let place = self.first_token(&tail);
                    self.report(
                        Diagnostic::new(COUNT, place, "periods are counted of `has EVENT` or `has at least K EVENT` alone")
                            .label("with another number of events")
                            .help("write `has at least K EVENT in at least N of the last M months`, with `not` before it for the opposite"),
                    );
                }
                let span = self.span(&tail);
                let mut parts = Parts::of(tail);
                let at_least = self.count_value(parts.one());
                let of = self.count_value(parts.one());
                let unit = parts.one();
                let mut value = Self::unit(&unit);
                let unit_span = self.span(&unit);
                if value.is_elapsed() {
                    self.report(
                        Diagnostic::new(WINDOW, unit_span, "periods are days, weeks, months or years")
                            .label("too short for a period")
                            .help("write `in at least N of the last M weeks`"),
                    );
                    value = Unit::Day;
                }
                let periods = Periods { at_least, of, unit: value, unit_span, span };
                ExprKind::Has { count, selection, periods: Some(periods) }
            }
            _ => {
                let window = self.window(tail);
                selection.span = selection.span.to(window.span);
                selection.window = Some(window);
                ExprKind::Has { count, selection, periods: None }
            }
        };
        Expr { span, kind }
    }

    pub(super) fn count_value(&mut self, pair: Pair<'_, Rule>) -> CountValue {
        let inner = Parts::of(pair).one();
        match inner.as_rule() {
            Rule::integer => CountValue::Number(self.number_within(inner, 0, i64::from(i32::MAX), "count")),
            Rule::name => CountValue::Parameter(self.name(inner)),
            _ => {
                let span = self.span(&inner);
                self.report(literal::glued(inner.as_str(), span));
                CountValue::Number(Number { value: 1, span })
            }
        }
    }

    /// `EVENT [where (E)]`.
    pub(super) fn event_ref(&mut self, pair: Pair<'_, Rule>) -> Selection {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let event = self.name(parts.one());
        let condition = parts.next_if(Rule::where_clause).map(|clause| Box::new(self.where_clause(clause)));
        Selection { event, condition, window: None, span }
    }

    pub(super) fn where_clause(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let inner = Parts::of(pair).one();
        if inner.as_rule() == Rule::bare_where {
            let place = self.first_token(&inner);
            let span = self.span(&inner);
            self.report(
                Diagnostic::new(WHERE, place, "the condition after `where` stands in parentheses")
                    .label("expected `(`")
                    .help("write `where (…)`: the parentheses show what is asked of the event, and where the window of time begins"),
            );
            return Expr { span, kind: ExprKind::Invalid };
        }
        let was_in_where = std::mem::replace(&mut self.in_where, true);
        let condition = self.expr(inner);
        self.in_where = was_in_where;
        condition
    }

    pub(super) fn selection(&mut self, pair: Pair<'_, Rule>) -> Selection {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let mut selection = self.event_ref(parts.one());
        selection.window = parts.next_if(Rule::window).map(|window| self.window(window));
        selection.span = span;
        selection
    }

    pub(super) fn aggregate(&mut self, pair: Pair<'_, Rule>) -> ExprKind {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let inner = parts.one();
        let kind = match inner.as_rule() {
            Rule::count => Aggregate::Count,
            Rule::days => Aggregate::Days,
            Rule::sum_of => Aggregate::Sum,
            Rule::first => Aggregate::First,
            _ => Aggregate::Latest,
        };
        self.nested(span, "aggregate");
        let mut inner = Parts::of(inner);
        let of = inner.next_if(Rule::name).map(|name| self.name(name));
        let selection = self.selection(inner.one());
        let field = parts.next_if(Rule::member).map(|member| self.name_in(member));
        if let Some(field) = field.filter(|_| !matches!(kind, Aggregate::First | Aggregate::Latest)) {
            self.report(
                Diagnostic::new(CALL, field.span, "a number has no fields")
                    .label("only `latest(…)` and `first(…)` have the fields of their event")
                    .help(format!("write `latest({}).{}`", selection.event.symbol, field.symbol)),
            );
        }
        ExprKind::Aggregate { kind, of, selection, field }
    }
}
