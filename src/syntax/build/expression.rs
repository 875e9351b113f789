//! Segments and the levels of expressions, from `or` down to values (section 5).

use pest::iterators::Pair;

use super::Builder;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::syntax::ast::*;
use crate::syntax::grammar::{Parts, Rule};
use crate::syntax::literal;
use crate::syntax::token::{CLAUSE_WORDS, STEP_WORDS};
use crate::time::Unit;

/// An unknown function, or a segment without `in`.
pub const CALL: Code = Code("E0042");
/// `hours since`.
pub const ELAPSED: Code = Code("E0046");

/// What can be called with parentheses.
const FUNCTIONS: [&str; 7] = ["age", "count", "days", "sum", "first", "latest", "changed"];

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

    pub(super) fn joined(&mut self, pair: Pair<'_, Rule>, join: impl Fn(Vec<Expr>) -> ExprKind) -> Expr {
        let all: Vec<Expr> = Parts::of(pair).map(|part| self.expr(part)).collect();
        let span = all[0].span.to(all[all.len() - 1].span);
        Expr { span, kind: join(all) }
    }

    pub(super) fn negation(&mut self, pair: Pair<'_, Rule>) -> Expr {
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

    pub(super) fn in_segment(&mut self, pair: Pair<'_, Rule>, negation: Option<Span>) -> Expr {
        let span = self.span(&pair);
        let span = negation.map_or(span, |negation| negation.to(span));
        let segment = self.segment_ref(Parts::of(pair).one());
        Expr { span, kind: ExprKind::In { negated: negation.is_some(), segment } }
    }

    pub(super) fn consent(&mut self, pair: Pair<'_, Rule>) -> Expr {
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

    pub(super) fn paren(&mut self, pair: Pair<'_, Rule>) -> Expr {
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

    pub(super) fn operand(&mut self, pair: Pair<'_, Rule>) -> Expr {
        self.expr(pair)
    }

    /// `days since` and the like, several perhaps.
    pub(super) fn elapsed(&mut self, pair: Pair<'_, Rule>) -> Expr {
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

    pub(super) fn elapsed_head(&mut self, pair: Pair<'_, Rule>) -> (Span, Unit, bool) {
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

    pub(super) fn sum(&mut self, pair: Pair<'_, Rule>) -> Expr {
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

    pub(super) fn product(&mut self, pair: Pair<'_, Rule>) -> Expr {
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

    pub(super) fn value(&mut self, inner: Pair<'_, Rule>) -> Expr {
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
    pub(super) fn literal(&mut self, inner: Pair<'_, Rule>) -> Expr {
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

    /// `name(…)` where a value or condition stands: a function that there is not, or a segment without `in`.
    pub(super) fn call(&mut self, pair: Pair<'_, Rule>) -> ExprKind {
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
