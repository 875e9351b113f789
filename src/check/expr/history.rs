//! Everything about events and records: `has`, aggregates, windows, sequences, periods.

use crate::catalogue::{Type, Value};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::rule::{CountTest, EventRead, Expr, Kind, Read, Selection, Window};
use crate::syntax::ast::{self, Aggregate, ExprKind, HasCount, WindowKind};

use super::{Context, MISMATCH, Scope, peeled, truth};
use crate::check::lint;

const NO_NUMBER: Code = Code("E0218");
const NO_DATE: Code = Code("E0209");

/// What a window is about.
#[derive(Clone, Copy)]
enum Subject {
    /// The instant of an event, or an instant.
    Instant,
    /// A date that stands here.
    Date(Span),
}

impl Context<'_> {
    pub(super) fn has(
        &mut self,
        count: &HasCount,
        selection: &ast::Selection,
        periods: Option<&ast::Periods>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        Self::outside_where(scope)?;
        let test = match count {
            HasCount::Some => Some(CountTest::AtLeast(1)),
            HasCount::No => Some(CountTest::AtMost(0)),
            HasCount::AtLeast(count) => self.count_value(count, scope).map(CountTest::AtLeast),
            HasCount::AtMost(count) => self.count_value(count, scope).map(CountTest::AtMost),
            HasCount::Exactly(count) => self.count_value(count, scope).map(CountTest::Exactly),
        };
        let selection = self.selection(selection, selection.window.as_ref(), scope);
        let Some(periods) = periods else {
            return Some(truth(Kind::Has { test: test?, selection: selection? }, span));
        };
        lint::plural::check_word(self, periods, scope);
        let at_least = self.count_value(&periods.at_least, scope);
        let of = self.count_value(&periods.of, scope);
        let kind =
            Kind::Periods { count: test?, selection: selection?, at_least: at_least?, of: of?, unit: periods.unit };
        Some(truth(kind, span))
    }

    pub(super) fn followed(
        &mut self,
        first: &ast::Selection,
        second: &ast::Selection,
        (within, window): (&ast::Quantity, Option<&ast::Window>),
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        Self::outside_where(scope)?;
        let first = self.selection(first, window.or(first.window.as_ref()), scope);
        let second = self.selection(second, None, scope);
        let within = self.duration(within, scope);
        Some(truth(Kind::Followed { first: first?, second: second?, within: within? }, span))
    }

    pub(super) fn aggregate(
        &mut self,
        (kind, of, field): (Aggregate, Option<ast::Name>, Option<ast::Name>),
        selection: &ast::Selection,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        Self::outside_where(scope)?;
        let event = selection.event;
        let selection = self.selection(selection, selection.window.as_ref(), scope)?;
        let of_event = selection.event;
        let (kind, ty) = match kind {
            Aggregate::Count => (Kind::Count(selection), Type::Int),
            Aggregate::Days => (Kind::Days(selection), Type::Int),
            Aggregate::Sum => {
                let of = of?;
                let (read, ty) = self.event_read(of_event, of)?;
                match read {
                    EventRead::Field(field) if ty.is_number() => (Kind::Sum { field, selection }, ty),
                    _ => {
                        let found = self.describe(ty);
                        return self.fail(
                            Diagnostic::new(
                                NO_NUMBER,
                                of.span,
                                format!("only numbers can be summed, and `{}` is {found}", of.symbol),
                            )
                            .label(format!("{found}, not a number"))
                            .help(format!("how many there are is `count({})`", event.symbol)),
                        );
                    }
                }
            }
            Aggregate::First | Aggregate::Latest => {
                let (read, ty) = match field {
                    None => (None, Type::Instant),
                    Some(field) => {
                        let (read, ty) = self.event_read(of_event, field)?;
                        (Some(read), ty)
                    }
                };
                match kind {
                    Aggregate::First => (Kind::First { selection, read }, ty),
                    _ => (Kind::Latest { selection, read }, ty),
                }
            }
        };
        Some(Expr { kind, ty, span })
    }

    /// Inside `where` one event is looked at; a question about others there has been reported by the parser.
    fn outside_where(scope: &Scope<'_>) -> Option<()> {
        (scope.row.is_none() && scope.feed_row.is_none()).then_some(())
    }

    fn selection(
        &mut self,
        selection: &ast::Selection,
        window: Option<&ast::Window>,
        scope: &Scope<'_>,
    ) -> Option<Selection> {
        let event = self.event_named(selection.event);
        let window = match window {
            Some(window) => self.window(window, Subject::Instant, scope).map(Some),
            None => Some(None),
        };
        let event = event?;
        let condition = match &selection.condition {
            Some(condition) => Some(Box::new(self.checked_condition(condition, &scope.with_row(event))?)),
            None => None,
        };
        let requires_open = condition.as_deref().is_some_and(requires_open);
        Some(Selection { event, condition, window: window?, requires_open, span: selection.span })
    }

    pub(super) fn in_window(
        &mut self,
        left: &ast::Expr,
        window: &ast::Window,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let value = self.infer(left, None, scope)?;
        let subject = match value.ty {
            Type::Date => Subject::Date(left.span),
            Type::Instant => Subject::Instant,
            _ => {
                let found = self.found(left, &value);
                let words = self.sources.snippet(window.span).to_owned();
                return self.fail(
                    Diagnostic::new(
                        NO_DATE,
                        left.span,
                        format!("`{words}` tests a date or an instant, and this is {found}"),
                    )
                    .label(format!("{found}, not a date")),
                );
            }
        };
        let window = self.window(window, subject, scope)?;
        Some(truth(Kind::InWindow { value: Box::new(value), window }, span))
    }

    fn window(&mut self, window: &ast::Window, subject: Subject, scope: &Scope<'_>) -> Option<Window> {
        Some(match &window.kind {
            WindowKind::Last(quantity) => Window::Last(self.window_length(quantity, subject, scope)?),
            WindowKind::Next(quantity) => Window::Next(self.window_length(quantity, subject, scope)?),
            WindowKind::Period { which, unit, .. } => Window::Period { which: *which, unit: *unit },
            WindowKind::Since(bound) => Window::Since(Box::new(self.bound(bound, "since", scope)?)),
            WindowKind::Before(bound) => Window::Before(Box::new(self.bound(bound, "before", scope)?)),
            WindowKind::Between(from, to) => {
                let from = self.bound(from, "between", scope);
                let to = self.bound(to, "between", scope);
                Window::Between(Box::new(from?), Box::new(to?))
            }
        })
    }

    fn window_length(
        &mut self,
        quantity: &ast::Quantity,
        subject: Subject,
        scope: &Scope<'_>,
    ) -> Option<crate::time::Duration> {
        let duration = self.duration(quantity, scope)?;
        if let Subject::Date(date) = subject {
            self.whole_days(duration, quantity.span, date)?;
        }
        Some(duration)
    }

    fn bound(&mut self, ast: &ast::Expr, word: &str, scope: &Scope<'_>) -> Option<Expr> {
        let value = self.infer(ast, Some(Type::Date), scope)?;
        if matches!(value.ty, Type::Date | Type::Instant) {
            return Some(value);
        }
        let found = self.found(ast, &value);
        let diagnostic =
            Diagnostic::new(MISMATCH, ast.span, format!("`{word}` takes a date or an instant, and this is {found}"))
                .label(format!("{found}, not a date"));
        self.fail(match (&value.kind, &peeled(ast).kind) {
            (Kind::Literal(Value::Duration(duration)), ExprKind::Duration(_)) => {
                diagnostic.help(format!("write `in the last {duration}`"))
            }
            _ => diagnostic.help("write a date such as 2026-06-15, or `today - 30 days`"),
        })
    }
}

/// Whether `open` is one of the parts that `and` joins.
fn requires_open(condition: &Expr) -> bool {
    match &condition.kind {
        Kind::Read(Read::Row(EventRead::Open)) => true,
        Kind::And(parts) => parts.iter().any(requires_open),
        _ => false,
    }
}
