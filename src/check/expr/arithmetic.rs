//! Sums, products, ages and elapsed time.

use crate::catalogue::{Type, Value};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::rule::function::{ADD, AGE, Function, MULTIPLY, SINCE, SUBTRACT, UNTIL};
use crate::rule::{Expr, Kind};
use crate::syntax::ast;
use crate::time::{Duration, Unit};

use super::{Context, MISMATCH, Scope, call, literal, to_date};

const HOURS_ON_A_DATE: Code = Code("E0204");
const NO_SUM: Code = Code("E0205");

impl Context<'_> {
    pub(super) fn add(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        hint: Option<Type>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        self.sum(&ADD, left, right, hint, span, scope)
    }

    pub(super) fn subtract(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        hint: Option<Type>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        self.sum(&SUBTRACT, left, right, hint, span, scope)
    }

    fn sum(
        &mut self,
        function: &'static Function,
        left: &ast::Expr,
        right: &ast::Expr,
        hint: Option<Type>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        // A literal takes the type of the other side: `5 + fines` as `fines + 5`.
        let (first, second) = match super::compare::is_plain_literal(left) {
            true if !super::compare::is_plain_literal(right) => {
                let second = self.infer(right, hint, scope);
                let first_hint = second.as_ref().map(|second| second.ty).filter(|ty| ty.is_number());
                (self.infer(left, first_hint.or(hint), scope), second)
            }
            _ => {
                let first = self.infer(left, hint, scope);
                let second_hint = first.as_ref().map(|first| first.ty).filter(|ty| ty.is_number());
                (first, self.infer(right, second_hint, scope))
            }
        };
        let (first, second) = (first?, second?);
        if first.ty.is_number() && first.ty == second.ty {
            let ty = first.ty;
            return Some(call(function, vec![first, second], ty, span));
        }
        let is_moment = |ty| matches!(ty, Type::Date | Type::Instant);
        if first.ty == Type::Duration && is_moment(second.ty) && function == &ADD {
            return self.moved(function, (right, second), (left, first), span);
        }
        if is_moment(first.ty) {
            return self.moved(function, (left, first), (right, second), span);
        }
        let (one, other) = (self.found(left, &first), self.found(right, &second));
        let word = if function == &ADD { "added to" } else { "subtracted from" };
        let message = if function == &ADD {
            format!("{other} cannot be {word} {one}")
        } else {
            format!("{other} cannot be {word} {one}: only numbers of one type, and a duration from a date, can")
        };
        let place = if first.ty.is_number() { right.span } else { left.span };
        self.fail(Diagnostic::new(NO_SUM, place, message).label(if first.ty.is_number() { other } else { one }))
    }

    /// A date or instant and a duration.
    fn moved(
        &mut self,
        function: &'static Function,
        (moment_ast, moment): (&ast::Expr, Expr),
        (by_ast, by): (&ast::Expr, Expr),
        span: Span,
    ) -> Option<Expr> {
        if by.ty != Type::Duration {
            let found = self.found(by_ast, &by);
            let wanted = self.describe(moment.ty);
            let mut diagnostic = Diagnostic::new(
                NO_SUM,
                by_ast.span,
                format!("a duration is added to {wanted} or taken from it, not {found}"),
            )
            .label(format!("{found}, not a duration"))
            .also(moment_ast.span, format!("this is {wanted}"));
            diagnostic = if matches!(by.ty, Type::Date | Type::Instant) {
                let (a, b) = (self.sources.snippet(moment_ast.span), self.sources.snippet(by_ast.span));
                diagnostic.help(format!("how long ago a date is: `days since {b}`; which of two is later: `{a} > {b}`"))
            } else {
                diagnostic.help("write a number and a unit, such as `30 days`")
            };
            return self.fail(diagnostic);
        }
        if moment.ty == Type::Date {
            self.no_hours_on_a_date(&by, by_ast.span, moment_ast.span)?;
        }
        let ty = moment.ty;
        Some(call(function, vec![moment, by], ty, span))
    }

    fn no_hours_on_a_date(&mut self, by: &Expr, span: Span, date: Span) -> Option<()> {
        match by.kind {
            Kind::Literal(Value::Duration(duration)) => self.whole_days(duration, span, date),
            _ => Some(()),
        }
    }

    /// Reports hours or minutes that meet a date.
    pub(super) fn whole_days(&mut self, duration: Duration, span: Span, date: Span) -> Option<()> {
        if !duration.unit.is_elapsed() {
            return Some(());
        }
        self.fail(
            Diagnostic::new(HOURS_ON_A_DATE, span, "hours and minutes do not go with a date, which has no time of day")
                .label(format!("{duration}"))
                .also(date, "this is a date")
                .help("count in days, such as `2 days`"),
        )
    }

    /// `n * v`.
    pub(super) fn multiply(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        hint: Option<Type>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let times = self.infer(left, Some(Type::Int), scope);
        let value = self.infer(right, hint, scope);
        let (times, value) = (times?, value?);
        let Kind::Literal(Value::Int(n)) = times.kind else {
            let diagnostic =
                Diagnostic::new(NO_SUM, left.span, "the left side of `*` is a whole number or an int parameter")
                    .label(self.found(left, &times));
            let swapped = matches!(value.kind, Kind::Literal(Value::Int(_)));
            let (a, b) = (self.sources.snippet(left.span), self.sources.snippet(right.span));
            return self.fail(if swapped { diagnostic.help(format!("write `{b} * {a}`")) } else { diagnostic });
        };
        match (&value.kind, value.ty) {
            (Kind::Literal(Value::Duration(duration)), _) => {
                Some(literal(Value::Duration(duration.times(n)), Type::Duration, span))
            }
            (_, ty) if ty.is_number() => Some(call(&MULTIPLY, vec![times, value], ty, span)),
            _ => {
                let found = self.found(right, &value);
                self.fail(
                    Diagnostic::new(
                        NO_SUM,
                        right.span,
                        format!("a number or a duration can be multiplied, not {found}"),
                    )
                    .label(found),
                )
            }
        }
    }

    /// `age(date)`.
    pub(super) fn age(&mut self, ast: &ast::Expr, span: Span, scope: &Scope<'_>) -> Option<Expr> {
        let date = self.moment(ast, scope, "`age` is taken of a date")?;
        Some(call(&AGE, vec![to_date(date)], Type::Int, span))
    }

    /// `days since v`, `weeks until v`; the parser lets no hours and minutes through.
    pub(super) fn elapsed(
        &mut self,
        unit: Unit,
        until: bool,
        ast: &ast::Expr,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let word = if until { "until" } else { "since" };
        let date = self.moment(ast, scope, &format!("`{}s {word}` counts between dates", unit.word()))?;
        let unit = literal(Value::Duration(Duration { count: 1, unit }), Type::Duration, span);
        let function = if until { &UNTIL } else { &SINCE };
        Some(call(function, vec![to_date(date), unit], Type::Int, span))
    }

    /// A date or an instant, which `rule` says is wanted.
    pub(super) fn moment(&mut self, ast: &ast::Expr, scope: &Scope<'_>, rule: &str) -> Option<Expr> {
        let value = self.infer(ast, Some(Type::Date), scope)?;
        if matches!(value.ty, Type::Date | Type::Instant) {
            return Some(value);
        }
        let found = self.found(ast, &value);
        self.fail(
            Diagnostic::new(MISMATCH, ast.span, format!("{rule}, and this is {found}"))
                .label(format!("{found}, not a date")),
        )
    }
}
