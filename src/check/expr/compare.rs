//! The tests of values: comparisons, `is one of`, `between`, texts, sets, `is known`.

use regex::RegexBuilder;

use crate::catalogue::{Type, Value};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::limits;
use crate::rule::function::{CONTAINS, EQUAL, INCLUDES, IS_EMPTY, LESS, LESS_OR_EQUAL, MATCHES, STARTS_WITH};
use crate::rule::{Expr, Kind};
use crate::syntax::ast::{self, CompareOp, ExprKind, Includes, TextOp};
use crate::time::{Duration, Unit};

use super::literal::of_element;
use super::{Context, Scope, call, literal, peeled, to_date, truth};

const NO_ORDER: Code = Code("E0203");
const NO_TEXT: Code = Code("E0206");
const BAD_REGEX: Code = Code("E0207");
const NO_SET: Code = Code("E0208");

/// A number, a text or a set as written: it takes the type of what it is compared with.
pub(super) fn is_plain_literal(ast: &ast::Expr) -> bool {
    matches!(
        peeled(ast).kind,
        ExprKind::Int(_) | ExprKind::Decimal { .. } | ExprKind::Text(_) | ExprKind::Set(_) | ExprKind::Bool(_)
    )
}

impl Context<'_> {
    pub(super) fn compare(
        &mut self,
        (op, op_span): (CompareOp, Span),
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let (first, second) = self.pair(left, right, scope)?;
        let equality = matches!(op, CompareOp::Is | CompareOp::IsNot | CompareOp::Equal | CompareOp::NotEqual);
        if !equality {
            self.ordered(&first, left, op_span, span)?;
        }
        let (first, second) = self.same(left, first, right, second)?;
        if let (Kind::Literal(Value::Duration(one)), Kind::Literal(Value::Duration(other))) =
            (&first.kind, &second.kind)
        {
            return Some(literal(Value::Bool(duration_test(op, *one, *other)), Type::Bool, span));
        }
        Some(match op {
            CompareOp::Is | CompareOp::Equal => call(&EQUAL, vec![first, second], Type::Bool, span),
            CompareOp::IsNot | CompareOp::NotEqual => {
                truth(Kind::Not(Box::new(call(&EQUAL, vec![first, second], Type::Bool, span))), span)
            }
            CompareOp::Less | CompareOp::Before => call(&LESS, vec![first, second], Type::Bool, span),
            CompareOp::LessOrEqual => call(&LESS_OR_EQUAL, vec![first, second], Type::Bool, span),
            CompareOp::Greater | CompareOp::After => call(&LESS, vec![second, first], Type::Bool, span),
            CompareOp::GreaterOrEqual => call(&LESS_OR_EQUAL, vec![second, first], Type::Bool, span),
        })
    }

    /// Both sides, each a hint for the other: the left decides, unless it is a literal and the right is not.
    fn pair(&mut self, left: &ast::Expr, right: &ast::Expr, scope: &Scope<'_>) -> Option<(Expr, Expr)> {
        if is_plain_literal(left) && !is_plain_literal(right) {
            let second = self.infer(right, None, scope)?;
            let first = self.infer(left, Some(second.ty), scope)?;
            return Some((first, second));
        }
        let first = self.infer(left, None, scope);
        // Of a wrong left side the type is not known: only what is wrong whatever it is would be reported.
        let first = match first {
            Some(first) => first,
            None => {
                if !matches!(peeled(right).kind, ExprKind::Path(_)) {
                    self.infer(right, None, scope);
                }
                return None;
            }
        };
        let second = self.infer(right, Some(first.ty), scope)?;
        Some((first, second))
    }

    /// Both sides with one type: a date against an instant compares the instant's local date.
    fn same(&mut self, left: &ast::Expr, first: Expr, right: &ast::Expr, second: Expr) -> Option<(Expr, Expr)> {
        if self.same_type(first.ty, second.ty) {
            return Some((first, second));
        }
        match (first.ty, second.ty) {
            (Type::Date, Type::Instant) | (Type::Instant, Type::Date) => Some((to_date(first), to_date(second))),
            _ if is_plain_literal(left) && !is_plain_literal(right) => {
                self.mismatch(left, &first, second.ty, Some(right.span))
            }
            _ => self.mismatch(right, &second, first.ty, Some(left.span)),
        }
    }

    fn ordered(&mut self, value: &Expr, ast: &ast::Expr, op: Span, span: Span) -> Option<()> {
        if value.ty.is_ordered() || value.ty == Type::Duration {
            return Some(());
        }
        let (found, op) = (self.found(ast, value), self.sources.snippet(op).to_owned());
        let diagnostic = Diagnostic::new(NO_ORDER, span, format!("`{op}` needs an order, and {found} has none"))
            .label("cannot be compared so")
            .note("numbers, money, dates, instants and durations have an order; nothing else has");
        self.fail(match value.ty {
            Type::Enum(_) => diagnostic.help("name the values: `is one of (…)`"),
            ty if ty.is_textual() => diagnostic.help("test a text with `is`, `contains`, `starts with` or `matches`"),
            _ => diagnostic.help("test it with `is` or `is not`"),
        })
    }

    pub(super) fn one_of(
        &mut self,
        negated: bool,
        left: &ast::Expr,
        values: &[ast::Expr],
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let first = self.infer(left, None, scope)?;
        let mut tests = Some(Vec::with_capacity(values.len()));
        for value in values {
            let second = self.infer(value, Some(first.ty), scope);
            let both = second.and_then(|second| self.same(left, first.clone(), value, second));
            tests = tests.zip(both).map(|(mut tests, (first, second))| {
                tests.push(call(&EQUAL, vec![first, second], Type::Bool, value.span));
                tests
            });
        }
        let any = truth(Kind::Or(tests?), span);
        Some(if negated { truth(Kind::Not(Box::new(any)), span) } else { any })
    }

    pub(super) fn between(
        &mut self,
        left: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let value = self.infer(left, None, scope)?;
        let word = Span { start: left.span.end, end: low.span.start, ..span };
        let word = self.trimmed(word, "between");
        self.ordered(&value, left, word, span)?;
        let from = self.infer(low, Some(value.ty), scope);
        let to = self.infer(high, Some(value.ty), scope);
        let from = from.and_then(|from| self.same(left, value.clone(), low, from));
        let to = to.and_then(|to| self.same(left, value, high, to));
        let ((value, from), (again, to)) = (from?, to?);
        if let (
            Kind::Literal(Value::Duration(value)),
            Kind::Literal(Value::Duration(from)),
            Kind::Literal(Value::Duration(to)),
        ) = (&value.kind, &from.kind, &to.kind)
        {
            let within = approximate(*from) <= approximate(*value) && approximate(*value) <= approximate(*to);
            return Some(literal(Value::Bool(within), Type::Bool, span));
        }
        let not_below = call(&LESS_OR_EQUAL, vec![from, value], Type::Bool, span);
        let not_above = call(&LESS_OR_EQUAL, vec![again, to], Type::Bool, span);
        Some(truth(Kind::And(vec![not_below, not_above]), span))
    }

    /// The place of `word` inside `span`.
    fn trimmed(&self, span: Span, word: &str) -> Span {
        match self.sources.snippet(span).find(word) {
            Some(at) => Span { start: span.start + at as u32, end: span.start + (at + word.len()) as u32, ..span },
            None => span,
        }
    }

    pub(super) fn known(&mut self, known: bool, left: &ast::Expr, span: Span, scope: &Scope<'_>) -> Option<Expr> {
        let value = self.infer(left, None, scope)?;
        let test = truth(Kind::Known(Box::new(value)), span);
        Some(if known { test } else { truth(Kind::Not(Box::new(test)), span) })
    }

    pub(super) fn text_test(
        &mut self,
        op: TextOp,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let (function, word) = match op {
            TextOp::Contains => (&CONTAINS, "contains"),
            TextOp::StartsWith => (&STARTS_WITH, "starts with"),
            TextOp::Matches => (&MATCHES, "matches"),
        };
        let first = self.infer(left, None, scope);
        let second = self.infer(right, Some(Type::Text), scope);
        let (first, second) = (first?, second?);
        if !first.ty.is_textual() {
            let found = self.found(left, &first);
            let diagnostic = Diagnostic::new(NO_TEXT, left.span, format!("`{word}` tests a text, and this is {found}"))
                .label(format!("{found}, not a text"));
            let written = self.sources.snippet(left.span);
            return self.fail(match first.ty {
                Type::Set(_) => diagnostic.help(format!("ask what is in a set with `{written} includes …`")),
                Type::Enum(_) => diagnostic.help(format!("name the values: `{written} is one of (…)`")),
                _ => diagnostic,
            });
        }
        if !second.ty.is_textual() {
            return self.mismatch(right, &second, Type::Text, None);
        }
        if op == TextOp::Matches {
            self.regular_expression(right, &second)?;
        }
        Some(call(function, vec![first, second], Type::Bool, span))
    }

    fn regular_expression(&mut self, ast: &ast::Expr, pattern: &Expr) -> Option<()> {
        let Kind::Literal(Value::Text(text)) = &pattern.kind else {
            return self.fail(
                Diagnostic::new(BAD_REGEX, ast.span, "a regular expression is written out, not read from a field")
                    .label("a text in quotes is wanted")
                    .help("to compare two fields use `contains` or `starts with`"),
            );
        };
        let error = match RegexBuilder::new(text).case_insensitive(true).size_limit(limits::REGEX_BYTES).build() {
            Ok(_) => return Some(()),
            Err(regex::Error::CompiledTooBig(_)) => "it is too large: its counted repetitions multiply".to_owned(),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default().trim();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        };
        self.fail(
            Diagnostic::new(BAD_REGEX, ast.span, format!("this regular expression cannot be read: {error}"))
                .label(error)
                .help("a plain text is found with `contains`; a sign of the notation itself is written with a backslash: `\\(`"),
        )
    }

    pub(super) fn includes(
        &mut self,
        quantifier: Includes,
        left: &ast::Expr,
        values: &[ast::Expr],
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let set = self.infer(left, None, scope)?;
        let Type::Set(element) = set.ty else {
            let written = self.sources.snippet(left.span).to_owned();
            let found = self.found(left, &set);
            let diagnostic =
                Diagnostic::new(NO_SET, left.span, format!("`includes` looks into a set, and this is {found}"))
                    .label(format!("{found}, not a set"));
            return self.fail(if set.ty.is_textual() {
                diagnostic.help(format!("a part of a text is found with `{written} contains \"…\"`"))
            } else {
                diagnostic.help(format!("for one value write `{written} is …`, for several `{written} is one of (…)`"))
            });
        };
        let mut tests = Some(Vec::with_capacity(values.len()));
        for value in values {
            let test = self.checked_value(value, Some(of_element(element)), scope);
            tests = tests.zip(test).map(|(mut tests, element)| {
                tests.push(call(&INCLUDES, vec![set.clone(), element], Type::Bool, span));
                tests
            });
        }
        let mut tests = tests?;
        Some(match quantifier {
            Includes::One => tests.pop()?,
            Includes::Any => truth(Kind::Or(tests), span),
            Includes::All => truth(Kind::And(tests), span),
        })
    }

    pub(super) fn empty(&mut self, empty: bool, left: &ast::Expr, span: Span, scope: &Scope<'_>) -> Option<Expr> {
        let set = self.infer(left, None, scope)?;
        if !matches!(set.ty, Type::Set(_)) {
            let (found, written) = (self.found(left, &set), self.sources.snippet(left.span));
            let word = if empty { "is unknown" } else { "is known" };
            let help = format!("whether something is recorded at all is `{written} {word}`");
            return self.fail(
                Diagnostic::new(NO_SET, left.span, format!("only a set can be empty, and this is {found}"))
                    .label(format!("{found}, not a set"))
                    .help(help),
            );
        }
        let test = call(&IS_EMPTY, vec![set], Type::Bool, span);
        Some(if empty { test } else { truth(Kind::Not(Box::new(test)), span) })
    }
}

/// Durations are compared when the program is checked: both are literals or arguments. A month counts as the mean
/// month, so that `1 month` lies between `28 days` and `31 days`.
fn duration_test(op: CompareOp, one: Duration, other: Duration) -> bool {
    let order = approximate(one).cmp(&approximate(other));
    match op {
        CompareOp::Is | CompareOp::Equal => order.is_eq(),
        CompareOp::IsNot | CompareOp::NotEqual => order.is_ne(),
        CompareOp::Less | CompareOp::Before => order.is_lt(),
        CompareOp::LessOrEqual => order.is_le(),
        CompareOp::Greater | CompareOp::After => order.is_gt(),
        CompareOp::GreaterOrEqual => order.is_ge(),
    }
}

/// Minutes; a year has 365.2425 days.
fn approximate(duration: Duration) -> i64 {
    let minutes = match duration.unit {
        Unit::Minute => 1,
        Unit::Hour => 60,
        Unit::Day => 1_440,
        Unit::Week => 10_080,
        Unit::Month => 43_829,
        Unit::Year => 525_948,
    };
    duration.count.saturating_mul(minutes)
}
