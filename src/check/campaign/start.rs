//! What starts a campaign: the table of section 8.

use crate::catalogue::{EventId, Type, Value};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::program::{Audience, Offset, Start, StartKind, Together};
use crate::rule::{Expr, Kind};
use crate::syntax::ast::{self, ExprKind, QuantityKind};
use crate::time::Duration;

use super::super::expr::unknown;
use super::super::{Context, Scope, lint};
use super::schedule;

const NO_DATE: Code = Code("E0407");
const TOO_FINE: Code = Code("E0416");
const NO_INT: Code = Code("E0408");
const UNKNOWN: Code = Code("E0409");
const OF_WHOM: Code = Code("E0410");

/// Checks the clause `start`. `None`: reported.
pub fn check(context: &mut Context<'_>, start: &ast::Start, audience: Option<&(Audience, Vec<Expr>)>) -> Option<Start> {
    let mut checker = Starts { context, scope: Scope { in_campaign: true, ..Scope::default() } };
    let kind = checker.kind(start, audience)?;
    Some(Start { kind, span: start.span })
}

struct Starts<'c, 'a> {
    context: &'c mut Context<'a>,
    scope: Scope<'static>,
}

impl Starts<'_, '_> {
    fn kind(&mut self, start: &ast::Start, audience: Option<&(Audience, Vec<Expr>)>) -> Option<StartKind> {
        match &start.kind {
            ast::StartKind::Entering { segment, including_current } => {
                let condition = match segment {
                    Some(segment) => self.context.group_only(segment, &self.scope)?,
                    None => self.whole_audience(start.span, audience)?,
                };
                Some(StartKind::Becomes { condition, including_current: *including_current })
            }
            ast::StartKind::Leaving(segment) => {
                let condition = self.context.group_only(segment, &self.scope)?;
                Some(StartKind::Leaves { condition })
            }
            ast::StartKind::When(condition) => {
                let condition = self.context.condition(condition, &self.scope)?;
                lint::condition(self.context, &condition, lint::Place::Audience);
                Some(StartKind::Becomes { condition, including_current: false })
            }
            ast::StartKind::Change { field, from, to } => self.change(*field, from.as_ref(), to.as_ref()),
            ast::StartKind::Event { event, condition, together } => {
                self.event(*event, condition.as_ref(), together.as_ref())
            }
            ast::StartKind::EventDate { offset, field, event, condition, together } => {
                self.event_date(offset.as_ref(), *field, *event, condition.as_ref(), together.as_ref())
            }
            ast::StartKind::Date { offset, date } => {
                let date = self.date(date);
                let offset = self.offset(offset.as_ref(), true);
                Some(StartKind::Date { date: date?, offset: offset? })
            }
            ast::StartKind::Anniversary { offset, date } => {
                let date = self.date(date);
                let offset = self.offset(offset.as_ref(), true);
                Some(StartKind::Anniversary { date: date?, offset: offset? })
            }
            ast::StartKind::Every(every) => {
                let schedule = schedule::every(&every.kind);
                Some(StartKind::Schedule { schedule, at: every.at.time })
            }
            ast::StartKind::Once { date, at } => {
                Some(StartKind::Schedule { schedule: crate::program::Schedule::Once(date.0), at: at.time })
            }
        }
    }

    /// `on entering` alone: the audience with its `except`s.
    fn whole_audience(&mut self, span: Span, audience: Option<&(Audience, Vec<Expr>)>) -> Option<Expr> {
        let (audience, except) = audience?;
        let truth = |kind| Expr { kind, ty: Type::Bool, span };
        let mut parts: Vec<Expr> = except.iter().map(|except| truth(Kind::Not(Box::new(except.clone())))).collect();
        match audience {
            Audience::Rule(rule) => parts.insert(0, rule.clone()),
            // Everybody enters the store once: when they are new.
            Audience::Everyone if parts.is_empty() => return Some(truth(Kind::Literal(Value::Bool(true)))),
            Audience::Everyone => {}
            Audience::Public => return None,
        }
        if parts.len() == 1 { parts.pop() } else { Some(truth(Kind::And(parts))) }
    }

    fn change(&mut self, name: ast::Name, from: Option<&ast::Expr>, to: Option<&ast::Expr>) -> Option<StartKind> {
        let field = self.context.field_named(name)?;
        let ty = self.context.catalogue.field(field).ty;
        let mut value = |value: Option<&ast::Expr>| match value {
            Some(value) => self.context.constant(value, ty).map(Some),
            None => Some(None),
        };
        let (from, to) = (value(from), value(to));
        Some(StartKind::Change { field, from: from?, to: to? })
    }

    fn event(
        &mut self,
        name: ast::Name,
        condition: Option<&ast::Expr>,
        together: Option<&ast::Together>,
    ) -> Option<StartKind> {
        if let Some(event) = self.context.catalogue.event_named(name.symbol) {
            self.context.event_named(name);
            let condition = self.row_condition(event, condition);
            let together = self.together(together);
            return Some(StartKind::Event { event, condition: condition?, together: together? });
        }
        if self.context.catalogue.field_named(name.symbol).is_some() && condition.is_none() && together.is_none() {
            let date = self.date(&ast::Expr { span: name.span, kind: ExprKind::Path(vec![name]) })?;
            return Some(StartKind::Date { date, offset: Offset::None });
        }
        if self.context.declared.broken.contains(&name.symbol) {
            return None;
        }
        let catalogue = &self.context.catalogue;
        let dates = catalogue.fields.iter().filter(|field| matches!(field.ty, Type::Date | Type::Instant));
        let known: Vec<_> =
            catalogue.events.iter().map(|event| event.name).chain(dates.map(|field| field.name)).collect();
        let message = format!("`{}` is neither an event or record nor a date of the patron", name.symbol);
        let mut diagnostic = unknown(UNKNOWN, name, &message, known, "there are");
        if self.context.declared.segments.contains_key(&name.symbol) {
            diagnostic.help = Some(format!("a segment is entered or left: write `on entering {}`", name.symbol));
            diagnostic.fix = None;
        }
        self.context.report(diagnostic);
        None
    }

    fn event_date(
        &mut self,
        offset: Option<&ast::Offset>,
        field: ast::Name,
        event: ast::Name,
        condition: Option<&ast::Expr>,
        together: Option<&ast::Together>,
    ) -> Option<StartKind> {
        let event_id = self.context.event_named(event)?;
        let condition = self.row_condition(event_id, condition);
        let together = self.together(together);
        if field.symbol.as_str() == "at" {
            self.context.report(
                Diagnostic::new(NO_DATE, field.span, "`at` is when the event happened, and known only then")
                    .label("not a date that is known ahead")
                    .help(format!("write `start on {}`, and begin the steps with `wait`", event.symbol)),
            );
            return None;
        }
        let index = self.context.event_field(event_id, field)?;
        let declared = &self.context.catalogue.event(event_id).fields[usize::from(index)];
        let ty = declared.ty;
        if !matches!(ty, Type::Date | Type::Instant) {
            let found = self.context.describe(ty);
            self.context.report(
                Diagnostic::new(NO_DATE, field.span, format!("`{}` is {found}, not a date", field.symbol))
                    .label("no date to count from")
                    .help(format!("name a field of `{}` of type date or instant", event.symbol)),
            );
            return None;
        }
        let offset = self.offset(offset, ty == Type::Date);
        Some(StartKind::EventDate {
            event: event_id,
            field: index,
            offset: offset?,
            condition: condition?,
            together: together?,
        })
    }

    fn row_condition(&mut self, event: EventId, condition: Option<&ast::Expr>) -> Option<Option<Expr>> {
        let Some(condition) = condition else { return Some(None) };
        let condition = self.context.condition(condition, &self.scope.with_row(event))?;
        lint::condition(self.context, &condition, lint::Place::Audience);
        Some(Some(condition))
    }

    fn together(&mut self, together: Option<&ast::Together>) -> Option<Together> {
        Some(match together {
            None => Together::No,
            Some(ast::Together { wait: None, .. }) => Together::Tick,
            Some(ast::Together { wait: Some(wait), .. }) => Together::For(self.context.written_duration(wait)?),
        })
    }

    fn date(&mut self, date: &ast::Expr) -> Option<Expr> {
        if let Some(event) = of_an_event(date) {
            self.context.report(
                Diagnostic::new(OF_WHOM, date.span, "a start names the event or record after `of`")
                    .label("`event` is not there before the campaign has started")
                    .help(match event {
                        Some(field) => format!("write `{field} of EVENT`, such as `due_on of loan`"),
                        None => "write `FIELD of EVENT`, such as `due_on of loan`".to_owned(),
                    }),
            );
            return None;
        }
        self.context.date_or_instant(date, &self.scope)
    }

    /// `in_days`: of dates and anniversaries, which hours and minutes do not go with.
    fn offset(&mut self, offset: Option<&ast::Offset>, in_days: bool) -> Option<Offset> {
        let Some(offset) = offset else { return Some(Offset::None) };
        let found = match &offset.quantity.kind {
            QuantityKind::Counted { count, unit, .. } => {
                let field = self.context.field_named(*count)?;
                let ty = self.context.catalogue.field(field).ty;
                if ty != Type::Int {
                    let found = self.context.describe(ty);
                    self.context.report(
                        Diagnostic::new(
                            NO_INT,
                            count.span,
                            format!("`{}` is {found}, not a whole number", count.symbol),
                        )
                        .label(format!("how many {}s?", unit.word()))
                        .help("name a patron field of type int, or write a number"),
                    );
                    return None;
                }
                Offset::Field { field, unit: *unit, after: offset.after }
            }
            _ => {
                let duration = self.context.duration(&offset.quantity, &self.scope)?;
                Offset::Fixed(if offset.after { duration } else { duration.negated() })
            }
        };
        let unit = match found {
            Offset::None => return Some(found),
            Offset::Fixed(Duration { unit, .. }) | Offset::Field { unit, .. } => unit,
        };
        if in_days && unit.is_elapsed() {
            self.context.report(
                Diagnostic::new(TOO_FINE, offset.quantity.span, format!("{}s do not go with a date", unit.word()))
                    .label("finer than a date")
                    .note(
                        "this start falls due with a local date; the library's hours decide when its message goes out",
                    )
                    .help("write days, weeks, months or years"),
            );
            return None;
        }
        Some(found)
    }
}

/// `event.FIELD` where nothing has started yet: the field.
fn of_an_event(date: &ast::Expr) -> Option<Option<crate::symbol::Symbol>> {
    let ExprKind::Path(path) = &date.kind else { return None };
    let is_event = path.first().is_some_and(|first| first.symbol.as_str() == "event");
    is_event.then(|| path.get(1).map(|field| field.symbol))
}
