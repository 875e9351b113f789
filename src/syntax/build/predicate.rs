//! Tests of a value: comparisons, `is one of`, `between`, `in the last 30 days` (section 5).

use pest::iterators::Pair;

use super::Builder;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::syntax::ast::*;
use crate::syntax::grammar::{Parts, Rule};

/// An operator of another language.
pub const OPERATOR: Code = Code("E0030");
/// Tests that chain.
pub const CHAIN: Code = Code("E0031");
/// `is not known`, `is in`, `is not in`.
pub const IS: Code = Code("E0034");
/// Values without parentheses.
pub const VALUES: Code = Code("E0035");
/// No values at all.
pub const NO_VALUES: Code = Code("E0036");

impl Builder<'_> {
    pub(super) fn test_expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
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
    pub(super) fn chain(&mut self, low: Span, first: &Pair<'_, Rule>, second: &Pair<'_, Rule>) {
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

    pub(super) fn test_tail(&mut self, left: Expr, tail: Pair<'_, Rule>) -> Expr {
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

    pub(super) fn is_test(&mut self, left: Box<Expr>, pair: Pair<'_, Rule>) -> ExprKind {
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

    pub(super) fn comparison(&mut self, left: Box<Expr>, pair: Pair<'_, Rule>) -> ExprKind {
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

    pub(super) fn values(&mut self, pair: Pair<'_, Rule>) -> Vec<Expr> {
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
    pub(super) fn in_window(&mut self, left: Box<Expr>, pair: Pair<'_, Rule>) -> ExprKind {
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
}
