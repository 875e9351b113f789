//! Segments and expressions (section 5).

use pest::iterators::Pair;

use super::Builder;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::syntax::ast::*;
use crate::syntax::grammar::{Parts, Rule};
use crate::syntax::literal;
use crate::syntax::token::{CLAUSE_WORDS, STEP_WORDS};
use crate::time::{Unit, Which};

/// An operator of another language.
pub const OPERATOR: Code = Code("E0030");
/// Tests that chain.
pub const CHAIN: Code = Code("E0031");
/// `where` without parentheses.
pub const WHERE: Code = Code("E0032");
/// A window that is not written as one.
pub const WINDOW: Code = Code("E0033");
/// `is not known`, `is in`, `is not in`.
pub const IS: Code = Code("E0034");
/// Values without parentheses.
pub const VALUES: Code = Code("E0035");
/// No values at all.
pub const NO_VALUES: Code = Code("E0036");
/// `at least` without a number.
pub const COUNT: Code = Code("E0037");
/// `has` or an aggregate inside `where`.
pub const NESTED: Code = Code("E0038");
/// An unknown function, or a segment without `in`.
pub const CALL: Code = Code("E0042");
/// `hours since`.
pub const ELAPSED: Code = Code("E0046");

/// What can be called with parentheses.
pub(in crate::syntax) const FUNCTIONS: [&str; 7] = ["age", "count", "days", "sum", "first", "latest", "changed"];

impl Builder<'_> {
    pub(super) fn segment(&mut self, pair: Pair<'_, Rule>) -> Segment {
        let mut parts = Parts::of(pair);
        let name = self.group_name(parts.one());
        let mut parameters = Vec::new();
        if let Some(list) = parts.next_if(Rule::parameters) {
            for part in Parts::of(list) {
                parameters.push(self.parameter(part));
            }
        }
        let label = self.label_if(&mut parts);
        self.parameters = parameters.iter().map(|parameter| parameter.name.symbol).collect();
        let body = self.expr(parts.one());
        self.parameters.clear();
        Segment { name, parameters, label, body }
    }

    pub(super) fn parameter(&mut self, pair: Pair<'_, Rule>) -> Parameter {
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        let ty = self.type_expr(parts.one());
        let default = parts.next_if(Rule::argument).map(|value| self.argument(value));
        Parameter { name, ty, default }
    }

    /// The name of a segment or list, which may stand where a clause or step could begin.
    pub(super) fn group_name(&mut self, pair: Pair<'_, Rule>) -> Name {
        let name = self.name(pair);
        let word = name.symbol.as_str();
        let taken = CLAUSE_WORDS.contains(&word)
            || STEP_WORDS.contains(&word)
            || matches!(word, "including" | "everyone" | "public");
        if taken {
            self.report(
                Diagnostic::new(super::NAME_LIKE_A_WORD, name.span, format!("a segment or list is not named `{word}`"))
                    .label("a word of the campaign block")
                    .note(format!("in a campaign, `{word}` would be read as the beginning of a clause or step"))
                    .help(format!("choose another name, such as `{word}_group`")),
            );
        }
        name
    }

    /// An expression in a place that takes a segment by its bare name too, with arguments or without.
    pub(super) fn bare_expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let mut inner = pair.clone();
        loop {
            if inner.as_rule() == Rule::call {
                let span = self.span(&inner);
                let segment = self.segment_ref(inner);
                return Expr { span, kind: ExprKind::In { negated: false, segment } };
            }
            let mut parts = Parts::of(inner);
            match (parts.next(), parts.next()) {
                (Some(only), None) => inner = only,
                _ => return self.expr(pair),
            }
        }
    }

    /// An expression of any level. Levels that hold one part alone are stepped over, so that a parenthesis costs
    /// few frames of the stack.
    pub(super) fn expr(&mut self, mut pair: Pair<'_, Rule>) -> Expr {
        loop {
            let is_level = matches!(
                pair.as_rule(),
                Rule::expr
                    | Rule::conjunction
                    | Rule::negation
                    | Rule::test_expr
                    | Rule::operand
                    | Rule::sum
                    | Rule::product
                    | Rule::primary
            );
            let mut parts = Parts::of(pair.clone());
            match (parts.next(), parts.next()) {
                (Some(only), None) if is_level => pair = only,
                _ => break,
            }
        }
        match pair.as_rule() {
            Rule::expr => self.joined(pair, ExprKind::Or),
            Rule::conjunction => self.joined(pair, ExprKind::And),
            Rule::negation => self.negation(pair),
            Rule::test_expr => self.test_expr(pair),
            Rule::operand => self.elapsed(pair),
            Rule::sum => self.sum(pair),
            Rule::product => self.product(pair),
            Rule::has => self.has(pair),
            Rule::in_segment => self.in_segment(pair, None),
            Rule::agrees | Rule::asked_for => self.consent(pair),
            Rule::paren => self.paren(pair),
            _ => self.value(pair),
        }
    }

    fn joined(&mut self, pair: Pair<'_, Rule>, join: impl Fn(Vec<Expr>) -> ExprKind) -> Expr {
        let all: Vec<Expr> = Parts::of(pair).map(|part| self.expr(part)).collect();
        let span = all[0].span.to(all[all.len() - 1].span);
        Expr { span, kind: join(all) }
    }

    fn negation(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let mut negations = Vec::new();
        while let Some(negate) = parts.next_if(Rule::negate) {
            negations.push(self.span(&negate));
        }
        let test = parts.one();
        if !self.enter_chain(negations.len(), span) {
            return Expr { span, kind: ExprKind::Invalid };
        }
        let links = negations.len();
        let mut expr = match test.as_rule() {
            Rule::in_segment => self.in_segment(test, negations.pop()),
            _ => self.expr(test),
        };
        self.chained -= links;
        for negation in negations.into_iter().rev() {
            expr = Expr { span: negation.to(expr.span), kind: ExprKind::Not(Box::new(expr)) };
        }
        expr
    }

    fn in_segment(&mut self, pair: Pair<'_, Rule>, negation: Option<Span>) -> Expr {
        let span = self.span(&pair);
        let span = negation.map_or(span, |negation| negation.to(span));
        let segment = self.segment_ref(Parts::of(pair).one());
        Expr { span, kind: ExprKind::In { negated: negation.is_some(), segment } }
    }

    fn consent(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let rule = pair.as_rule();
        let mut names = self.names(pair).into_iter();
        let purpose = names.next().expect("the grammar requires a purpose");
        let kind = match (rule, names.next()) {
            (Rule::asked_for, Some(channel)) => ExprKind::AskedFor { purpose, channel },
            (_, channel) => ExprKind::Agrees { purpose, channel },
        };
        Expr { span, kind }
    }

    fn paren(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let mut all: Vec<Expr> = Parts::of(pair).map(|value| self.expr(value)).collect();
        let kind = match all.pop() {
            Some(only) if all.is_empty() => ExprKind::Paren(Box::new(only)),
            last => {
                all.extend(last);
                ExprKind::Set(all)
            }
        };
        Expr { span, kind }
    }

    fn test_expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let mut parts = Parts::of(pair);
        let mut expr = self.operand(parts.one());
        let Some(tail) = parts.next() else { return expr };
        let low = expr.span;
        expr = self.test_tail(expr, tail.clone());
        if let Some(second) = parts.next() {
            self.chain(low, &tail, &second);
        }
        expr
    }

    /// `1 < a < 3`.
    fn chain(&mut self, low: Span, first: &Pair<'_, Rule>, second: &Pair<'_, Rule>) {
        let place = self.first_token(second);
        let diagnostic = Diagnostic::new(CHAIN, place, "tests do not chain").label("a second test of the same value");
        fn sides<'i>(tail: &Pair<'i, Rule>) -> Option<(&'i str, &'i str)> {
            let comparison = Parts::of(tail.clone()).one();
            let mut parts = Parts::of(comparison.clone());
            let op = (comparison.as_rule() == Rule::comparison).then(|| parts.one().as_str())?;
            Some((op, parts.one().as_str().trim_end()))
        }
        let low = &self.source[low.range()];
        self.report(match (sides(first), sides(second)) {
            (Some(("<=", value)), Some(("<=", high))) => {
                diagnostic.help(format!("write `{value} between {low} and {high}`"))
            }
            (Some((op @ ("<" | "<="), value)), Some((other @ ("<" | "<="), high))) => diagnostic.help(format!(
                "write `{low} {op} {value} and {value} {other} {high}`; `{value} between {low} and {high}` holds for both ends too"
            )),
            _ => diagnostic.help("join two tests by `and`, or write `VALUE between LOW and HIGH`"),
        });
    }

    fn test_tail(&mut self, left: Expr, tail: Pair<'_, Rule>) -> Expr {
        let span = left.span.to(self.span(&tail));
        let left = Box::new(left);
        let inner = Parts::of(tail).one();
        let kind = match inner.as_rule() {
            Rule::is_test => self.is_test(left, inner),
            Rule::comparison => self.comparison(left, inner),
            Rule::between => {
                let mut parts = Parts::of(inner);
                let low = Box::new(self.operand(parts.one()));
                ExprKind::Between { left, low, high: Box::new(self.operand(parts.one())) }
            }
            Rule::text_test => {
                let word = inner.as_str();
                let part = Parts::of(inner).one();
                if part.as_rule() == Rule::matches {
                    let value = Parts::of(part).one();
                    let right = if value.as_rule() == Rule::raw_text {
                        let text = self.text(value);
                        Expr { span: text.span, kind: ExprKind::Text(text) }
                    } else {
                        self.operand(value)
                    };
                    ExprKind::TextTest { op: TextOp::Matches, left, right: Box::new(right) }
                } else {
                    let op = if word.starts_with('c') { TextOp::Contains } else { TextOp::StartsWith };
                    ExprKind::TextTest { op, left, right: Box::new(self.operand(part)) }
                }
            }
            Rule::includes => {
                let part = Parts::of(inner).one();
                let (quantifier, values) = match part.as_rule() {
                    Rule::any_of => (Includes::Any, self.values(Parts::of(part).one())),
                    Rule::all_of => (Includes::All, self.values(Parts::of(part).one())),
                    _ => (Includes::One, vec![self.operand(part)]),
                };
                ExprKind::Includes { quantifier, left, values }
            }
            Rule::in_window => self.in_window(left, inner),
            Rule::not_in_window => {
                let place = self.span(&inner);
                let (not, left_span) = (self.first_token(&inner), left.span);
                let left_text = self.source[left_span.range()].to_owned();
                let rest = self.source[not.end as usize..place.end as usize].trim_start().to_owned();
                let kind = self.in_window(left, inner);
                if let ExprKind::OneOf { left, values, .. } = kind {
                    ExprKind::OneOf { negated: true, left, values }
                } else {
                    self.report(
                        Diagnostic::new(IS, place, "`not` stands before the whole test")
                            .label("`not in` is for segments")
                            .help(format!("write `not {left_text} {rest}`"))
                            .fix(left_span.to(place), format!("not {left_text} {rest}")),
                    );
                    ExprKind::Not(Box::new(Expr { span, kind }))
                }
            }
            Rule::before | Rule::after => {
                let op = if inner.as_rule() == Rule::before { CompareOp::Before } else { CompareOp::After };
                let op_span = self.first_token(&inner);
                ExprKind::Compare { op, op_span, left, right: Box::new(self.operand(Parts::of(inner).one())) }
            }
            rule => unreachable!("no test: {rule:?}"),
        };
        Expr { span, kind }
    }

    fn is_test(&mut self, left: Box<Expr>, pair: Pair<'_, Rule>) -> ExprKind {
        let whole = self.span(&pair);
        let is = self.first_token(&pair);
        let inner = Parts::of(pair).one();
        match inner.as_rule() {
            Rule::known => ExprKind::Known { known: inner.as_str().starts_with('k'), left },
            Rule::empty => ExprKind::Empty { empty: true, left },
            Rule::not_empty => ExprKind::Empty { empty: false, left },
            Rule::one_of => ExprKind::OneOf { negated: false, left, values: self.values(Parts::of(inner).one()) },
            Rule::not_one_of => ExprKind::OneOf { negated: true, left, values: self.values(Parts::of(inner).one()) },
            Rule::is_not_known => {
                let known = inner.as_str().trim_end().ends_with("unknown");
                let written = if known { "is known" } else { "is unknown" };
                let found = if known { "is not unknown" } else { "is not known" };
                self.report(
                    Diagnostic::new(IS, whole, format!("there is no `{found}`"))
                        .label("one word says it")
                        .help(format!("write `{written}`"))
                        .fix(whole, written),
                );
                ExprKind::Known { known, left }
            }
            Rule::is_in | Rule::is_not_in => {
                let negated = inner.as_rule() == Rule::is_not_in;
                let found = if negated { "is not in" } else { "is in" };
                let what = Parts::of(inner).one();
                let diagnostic = Diagnostic::new(IS, whole, format!("there is no `{found}`"));
                let not = if negated { "not " } else { "" };
                match what.as_rule() {
                    Rule::values => {
                        let place = Span { end: self.span(&what).start, ..is };
                        let place =
                            Span { end: place.start + self.source[place.range()].trim_end().len() as u32, ..place };
                        let written = if negated { "is not one of" } else { "is one of" };
                        self.report(
                            Diagnostic { span: place, ..diagnostic }
                                .label("values in parentheses are tried with `one of`")
                                .help(format!("write `{written} (…)`"))
                                .fix(place, written),
                        );
                        ExprKind::OneOf { negated, left, values: self.values(what) }
                    }
                    Rule::segment_ref => {
                        let segment = self.source[self.span(&what).range()].to_owned();
                        self.report(diagnostic.label("a patron is in a segment, a value is not").help(format!(
                            "write `{not}in {segment}` alone for a segment or list, `is {not}one of (…)` for values"
                        )));
                        ExprKind::Invalid
                    }
                    _ => {
                        let window = self.source[self.span(&what).range()].to_owned();
                        let value = self.source[left.span.range()].to_owned();
                        let written = format!("{not}{value} in {window}");
                        self.report(
                            diagnostic
                                .label("a date lies `in` a window, without `is`")
                                .help(format!("write `{written}`"))
                                .fix(left.span.to(whole), written),
                        );
                        ExprKind::Invalid
                    }
                }
            }
            rule => {
                let op = if rule == Rule::is_not { CompareOp::IsNot } else { CompareOp::Is };
                let mut op_span = is;
                let value = Parts::of(inner.clone()).one();
                if op == CompareOp::IsNot {
                    op_span = is.to(self.first_token(&inner));
                }
                ExprKind::Compare { op, op_span, left, right: Box::new(self.operand(value)) }
            }
        }
    }

    fn comparison(&mut self, left: Box<Expr>, pair: Pair<'_, Rule>) -> ExprKind {
        let mut parts = Parts::of(pair);
        let sign = parts.one();
        let op_span = self.span(&sign);
        let (op, right_sign) = match sign.as_str() {
            "=" => (CompareOp::Equal, None),
            "==" => (CompareOp::Equal, Some("=")),
            "!=" => (CompareOp::NotEqual, None),
            "<>" => (CompareOp::NotEqual, Some("!=")),
            "<" => (CompareOp::Less, None),
            "<=" => (CompareOp::LessOrEqual, None),
            "=<" => (CompareOp::LessOrEqual, Some("<=")),
            ">" => (CompareOp::Greater, None),
            ">=" => (CompareOp::GreaterOrEqual, None),
            _ => (CompareOp::GreaterOrEqual, Some(">=")),
        };
        if let Some(right_sign) = right_sign {
            let found = sign.as_str();
            self.report(
                Diagnostic::new(OPERATOR, op_span, format!("`{found}` is no sign of this language"))
                    .label(format!("written `{right_sign}` here"))
                    .help(format!("write `{right_sign}`"))
                    .fix(op_span, right_sign),
            );
        }
        ExprKind::Compare { op, op_span, left, right: Box::new(self.operand(parts.one())) }
    }

    fn values(&mut self, pair: Pair<'_, Rule>) -> Vec<Expr> {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        if let Some(bare) = parts.next_if(Rule::bare_values) {
            let written = format!("({})", &self.source[span.range()]);
            self.report(
                Diagnostic::new(VALUES, span, "the values stand in parentheses")
                    .label("without parentheses")
                    .help(format!("write `{written}`"))
                    .fix(span, written),
            );
            return Parts::of(bare).map(|value| self.operand(value)).collect();
        }
        let values: Vec<Expr> = parts.map(|value| self.operand(value)).collect();
        if values.is_empty() {
            let place = Span { start: span.end - 1, ..span };
            self.report(
                Diagnostic::new(NO_VALUES, place, "a value is missing between the parentheses")
                    .label("expected a value")
                    .note("no value is one of none: the test could never be true")
                    .help("write at least one value, such as `(central, eastside)`"),
            );
        }
        values
    }

    /// `in` a window, or (a slip) `in (a, b)`.
    fn in_window(&mut self, left: Box<Expr>, pair: Pair<'_, Rule>) -> ExprKind {
        let whole = self.span(&pair);
        let inner = Parts::of(pair).one();
        let values = match inner.as_rule() {
            Rule::values_slip => Some(Parts::of(inner.clone()).one()),
            Rule::values => Some(inner.clone()),
            _ => None,
        };
        let Some(values) = values else {
            let span = whole;
            let kind = self.period(inner);
            return ExprKind::InWindow { left, window: Window { span, kind } };
        };
        let is_negated = self.source[whole.range()].starts_with("not");
        let written = if is_negated { "is not one of" } else { "is one of" };
        let found = Span { end: self.span(&values).start, ..whole };
        let found = Span { end: found.start + self.source[found.range()].trim_end().len() as u32, ..found };
        self.report(
            Diagnostic::new(IS, found, "values in parentheses are tried with `one of`")
                .label("`in` is for segments and windows of time")
                .help(format!("write `{written} (…)`"))
                .fix(found, written),
        );
        ExprKind::OneOf { negated: is_negated, left, values: self.values(values) }
    }

    fn period(&mut self, pair: Pair<'_, Rule>) -> WindowKind {
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

    fn window(&mut self, pair: Pair<'_, Rule>) -> Window {
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

    pub(super) fn segment_ref(&mut self, pair: Pair<'_, Rule>) -> SegmentRef {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        let arguments = parts.next_if(Rule::arguments);
        let arguments = arguments.map(|list| Parts::of(list).map(|argument| self.argument(argument)).collect());
        SegmentRef { name, arguments, span }
    }

    pub(super) fn argument(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let inner = Parts::of(pair).one();
        if inner.as_rule() == Rule::set { self.set(inner) } else { self.operand(inner) }
    }

    pub(super) fn set(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        Expr { span, kind: ExprKind::Set(Parts::of(pair).map(|value| self.operand(value)).collect()) }
    }

    fn nested(&mut self, span: Span, what: &str) {
        if self.in_where {
            self.report(
                Diagnostic::new(NESTED, span, format!("inside `where` there is no {what}"))
                    .label("the parentheses of `where` test one event and its patron")
                    .help("put it outside, joined by `and`; or make it a segment and write `in SEGMENT` here"),
            );
        }
    }

    fn has(&mut self, pair: Pair<'_, Rule>) -> Expr {
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
                let event = parts.peek_pair().map(|event| self.first_token(&event)).unwrap_or(span);
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

    fn count_value(&mut self, pair: Pair<'_, Rule>) -> CountValue {
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

    fn selection(&mut self, pair: Pair<'_, Rule>) -> Selection {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let mut selection = self.event_ref(parts.one());
        selection.window = parts.next_if(Rule::window).map(|window| self.window(window));
        selection.span = span;
        selection
    }

    pub(super) fn operand(&mut self, pair: Pair<'_, Rule>) -> Expr {
        self.expr(pair)
    }

    /// `days since` and the like, several perhaps.
    fn elapsed(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let mut heads = Vec::new();
        while let Some(head) = parts.next_if(Rule::elapsed) {
            heads.push(self.elapsed_head(head));
        }
        if !self.enter_chain(heads.len(), span) {
            return Expr { span, kind: ExprKind::Invalid };
        }
        let links = heads.len();
        let mut expr = self.expr(parts.one());
        self.chained -= links;
        for (span, unit, until) in heads.into_iter().rev() {
            expr = Expr { span: span.to(expr.span), kind: ExprKind::Elapsed { unit, until, value: Box::new(expr) } };
        }
        expr
    }

    fn elapsed_head(&mut self, pair: Pair<'_, Rule>) -> (Span, Unit, bool) {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let unit_pair = parts.one();
        let mut unit = Self::unit(&unit_pair);
        let until = parts.next().is_some();
        if unit.is_elapsed() {
            let place = self.span(&unit_pair);
            self.report(
                Diagnostic::new(ELAPSED, place, format!("there is no `{}`", &self.source[span.range()]))
                    .label("only days, weeks, months and years are counted between dates")
                    .help("compare the instant itself: `latest(visit) > now - 48 hours`"),
            );
            unit = Unit::Day;
        }
        (span, unit, until)
    }

    fn sum(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let links = Parts::of(pair.clone()).count() / 2;
        if !self.enter_chain(links, span) {
            return Expr { span, kind: ExprKind::Invalid };
        }
        let mut parts = Parts::of(pair);
        let mut expr = self.expr(parts.one());
        while let Some(sign) = parts.next() {
            let right = self.expr(parts.one());
            let span = expr.span.to(right.span);
            let join = if sign.as_rule() == Rule::plus { ExprKind::Add } else { ExprKind::Subtract };
            expr = Expr { span, kind: join(Box::new(expr), Box::new(right)) };
        }
        self.chained -= links;
        expr
    }

    fn product(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let span = self.span(&pair);
        let links = Parts::of(pair.clone()).count() - 1;
        if !self.enter_chain(links, span) {
            return Expr { span, kind: ExprKind::Invalid };
        }
        let mut parts = Parts::of(pair);
        let mut expr = self.expr(parts.one());
        for factor in parts {
            let right = self.expr(factor);
            let span = expr.span.to(right.span);
            expr = Expr { span, kind: ExprKind::Multiply(Box::new(expr), Box::new(right)) };
        }
        self.chained -= links;
        expr
    }

    /// A primary, or the value of a fixture.
    pub(super) fn primary(&mut self, pair: Pair<'_, Rule>) -> Expr {
        self.value(Parts::of(pair).one())
    }

    fn value(&mut self, inner: Pair<'_, Rule>) -> Expr {
        match inner.as_rule() {
            Rule::age => {
                let span = self.span(&inner);
                let date = self.expr(Parts::of(inner).one());
                Expr { span, kind: ExprKind::Age(Box::new(date)) }
            }
            Rule::aggregate => {
                let span = self.span(&inner);
                Expr { span, kind: self.aggregate(inner) }
            }
            Rule::set => self.set(inner),
            _ => self.literal(inner),
        }
    }

    /// A value that holds no other.
    fn literal(&mut self, inner: Pair<'_, Rule>) -> Expr {
        let span = self.span(&inner);
        let kind = match inner.as_rule() {
            Rule::moment => match self.when(inner).kind {
                WhenKind::Date(day) => ExprKind::Date(day),
                WhenKind::Instant(instant) => ExprKind::Instant(instant),
            },
            Rule::time => ExprKind::Time(self.time(inner).time),
            Rule::share => ExprKind::Share(self.share(inner).percent),
            Rule::decimal => {
                let value = literal::decimal(inner.as_str(), span);
                let (ten_thousandths, places) = self.or_report(value, (0, 1));
                ExprKind::Decimal { ten_thousandths, places }
            }
            Rule::duration => {
                let mut parts = Parts::of(inner);
                let number = self.number_within(parts.one(), i64::from(i32::MIN), i64::from(i32::MAX), "duration");
                let unit = parts.one();
                let kind =
                    QuantityKind::Literal { count: number.value, unit: Self::unit(&unit), unit_span: self.span(&unit) };
                ExprKind::Duration(Quantity { span, kind })
            }
            Rule::integer => ExprKind::Int(self.number(inner).value),
            Rule::glued => {
                self.report(literal::glued(inner.as_str(), span));
                ExprKind::Invalid
            }
            Rule::text => ExprKind::Text(self.text(inner)),
            Rule::truth => ExprKind::Bool(inner.as_str().starts_with('t')),
            Rule::start_value => ExprKind::Start,
            Rule::today => ExprKind::Today,
            Rule::present => ExprKind::Now,
            Rule::changed => ExprKind::Changed(self.name_in(inner)),
            Rule::end_of_consent => {
                let mut names = self.names(inner).into_iter();
                let purpose = names.next().expect("the grammar requires a purpose");
                ExprKind::EndOfConsent { purpose, channel: names.next() }
            }
            Rule::call => self.call(inner),
            Rule::path => ExprKind::Path(self.names(inner)),
            rule => unreachable!("no value: {rule:?}"),
        };
        Expr { span, kind }
    }

    fn aggregate(&mut self, pair: Pair<'_, Rule>) -> ExprKind {
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

    /// `name(…)` where a value or condition stands: a function that there is not, or a segment without `in`.
    fn call(&mut self, pair: Pair<'_, Rule>) -> ExprKind {
        let name = Parts::of(pair.clone()).one();
        let place = self.span(&name);
        let word = name.as_str();
        let closest = FUNCTIONS.into_iter().find(|function| strsim::damerau_levenshtein(function, word) <= 2);
        let diagnostic = Diagnostic::new(CALL, place, format!("there is no function `{word}`"));
        self.report(match closest {
            Some(function) => diagnostic
                .label("unknown function")
                .help(format!("did you mean `{function}`?"))
                .fix(place, function),
            None => diagnostic
                .label("neither a function nor a segment that is asked for with `in`")
                .help(format!("a segment or list is written with `in`: `in {word}(…)`; the functions are age, count, days, sum, first, latest, changed"))
                .fix(Span { end: place.start, ..place }, "in "),
        });
        ExprKind::Invalid
    }
}
