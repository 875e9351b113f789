//! Expressions: from the syntax tree to the typed [`rule::Expr`](crate::rule::Expr).
//!
//! [`name`] resolves what a word means, [`literal`] what is written out, [`compare`] the tests of values,
//! [`arithmetic`] sums and ages, [`history`] everything about events, [`consent`] the rest. Each method gives `None`
//! when it has reported why, so that nothing that follows from a mistake is reported.

mod arithmetic;
mod compare;
mod consent;
mod history;
mod literal;
mod name;

pub(super) use name::unknown;

use crate::catalogue::{Type, Value};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::rule::function::{Function, TO_DATE};
use crate::rule::{Expr, Kind};
use crate::syntax::ast::{self, ExprKind};

use super::{Context, Scope, suggest};

const MISMATCH: Code = Code("E0201");
const NO_CONDITION: Code = Code("E0202");
const NO_START: Code = Code("E0120");

impl Context<'_> {
    /// A condition: an expression of type `bool`.
    pub fn condition(&mut self, ast: &ast::Expr, scope: &Scope<'_>) -> Option<Expr> {
        let condition = self.checked_condition(ast, scope);
        self.check_pending_segments();
        condition
    }

    /// A value; with `expected`, of that type (literals become it where section 2 says so).
    pub fn value(&mut self, ast: &ast::Expr, expected: Option<Type>, scope: &Scope<'_>) -> Option<Expr> {
        let value = self.checked_value(ast, expected, scope);
        self.check_pending_segments();
        value
    }

    /// A date or an instant: what `wait until`, `D before DATE` and anniversaries take.
    pub fn date_or_instant(&mut self, ast: &ast::Expr, scope: &Scope<'_>) -> Option<Expr> {
        let value = self.infer(ast, Some(Type::Date), scope)?;
        self.check_pending_segments();
        if matches!(value.ty, Type::Date | Type::Instant) {
            return Some(value);
        }
        let found = self.found(ast, &value);
        let help = if value.ty == Type::Duration {
            "say before or after which date, such as `3 days before expires_on`; a step that only waits is `wait 3 days`"
        } else {
            "name a field of type date or instant, or write a date such as 2026-06-15"
        };
        self.fail(
            Diagnostic::new(MISMATCH, ast.span, format!("a date is wanted here, and this is {found}"))
                .label(format!("{found}, not a date"))
                .help(help),
        )
    }

    pub(super) fn checked_condition(&mut self, ast: &ast::Expr, scope: &Scope<'_>) -> Option<Expr> {
        let condition = self.infer(ast, Some(Type::Bool), scope)?;
        if condition.ty == Type::Bool {
            return Some(condition);
        }
        let found = self.found(ast, &condition);
        let help = self.as_a_condition(ast, &condition);
        self.fail(
            Diagnostic::new(NO_CONDITION, ast.span, format!("a condition is wanted here, and this is {found}"))
                .label(format!("{found}, neither true nor false"))
                .help(help),
        )
    }

    /// How a value of this type could become a condition.
    fn as_a_condition(&self, ast: &ast::Expr, value: &Expr) -> String {
        let written = self.sources.snippet(ast.span);
        match value.ty {
            Type::Money | Type::Int | Type::Decimal => format!("compare it: `{written} > 0`"),
            Type::Date | Type::Instant => {
                format!("compare it: `{written} in the last 30 days`, or `{written} is known`")
            }
            Type::Enum(id) => match self.catalogue.enumeration(id).values.first() {
                Some((first, _)) => format!("compare it: `{written} is {first}`"),
                None => format!("compare it: `{written} is known`"),
            },
            Type::Set(_) => format!("ask what is in it: `{written} is not empty`"),
            _ => format!("compare it, or ask whether it is recorded: `{written} is known`"),
        }
    }

    pub(super) fn checked_value(&mut self, ast: &ast::Expr, expected: Option<Type>, scope: &Scope<'_>) -> Option<Expr> {
        let value = self.infer(ast, expected, scope)?;
        match expected {
            Some(expected) if !self.same_type(value.ty, expected) => self.mismatch(ast, &value, expected, None),
            _ => Some(value),
        }
    }

    /// The expression with the type that it has; `hint` decides only what a literal or a bare name means.
    pub(super) fn infer(&mut self, ast: &ast::Expr, hint: Option<Type>, scope: &Scope<'_>) -> Option<Expr> {
        let span = ast.span;
        match &ast.kind {
            ExprKind::Invalid => None,
            ExprKind::Or(parts) => self.joined(parts, scope, Kind::Or, span),
            ExprKind::And(parts) => self.joined(parts, scope, Kind::And, span),
            ExprKind::Not(inner) => {
                let inner = self.checked_condition(inner, scope)?;
                Some(truth(Kind::Not(Box::new(inner)), span))
            }
            ExprKind::Paren(inner) => self.infer(inner, hint, scope),
            ExprKind::Compare { op, op_span, left, right } => self.compare((*op, *op_span), left, right, span, scope),
            ExprKind::OneOf { negated, left, values } => self.one_of(*negated, left, values, span, scope),
            ExprKind::Between { left, low, high } => self.between(left, low, high, span, scope),
            ExprKind::Known { known, left } => self.known(*known, left, span, scope),
            ExprKind::TextTest { op, left, right } => self.text_test(*op, left, right, span, scope),
            ExprKind::Includes { quantifier, left, values } => self.includes(*quantifier, left, values, span, scope),
            ExprKind::Empty { empty, left } => self.empty(*empty, left, span, scope),
            ExprKind::InWindow { left, window } => self.in_window(left, window, span, scope),
            ExprKind::In { negated, segment } => self.in_group(*negated, segment, span, scope),
            ExprKind::Has { count, selection, periods } => self.has(count, selection, periods.as_ref(), span, scope),
            ExprKind::Followed { first, second, within, window } => {
                self.followed(first, second, (within, window.as_ref()), span, scope)
            }
            ExprKind::Agrees { purpose, channel } => self.agrees(*purpose, *channel, span),
            ExprKind::AskedFor { purpose, channel } => self.asked_for(*purpose, *channel, span),
            ExprKind::EndOfConsent { purpose, channel } => self.end_of_consent(*purpose, *channel, span),
            ExprKind::Path(path) => self.named(path, hint, scope),
            ExprKind::Start => {
                if scope.has_start {
                    return Some(Expr { kind: Kind::Start, ty: Type::Instant, span });
                }
                self.fail(no_start(span, scope))
            }
            ExprKind::Today => Some(Expr { kind: Kind::Today, ty: Type::Date, span }),
            ExprKind::Now => Some(Expr { kind: Kind::Now, ty: Type::Instant, span }),
            ExprKind::Age(date) => self.age(date, span, scope),
            ExprKind::Elapsed { unit, until, value } => self.elapsed(*unit, *until, value, span, scope),
            ExprKind::Add(left, right) => self.add(left, right, hint, span, scope),
            ExprKind::Subtract(left, right) => self.subtract(left, right, hint, span, scope),
            ExprKind::Multiply(left, right) => self.multiply(left, right, hint, span, scope),
            ExprKind::Aggregate { kind, of, selection, field } => {
                self.aggregate((*kind, *of, *field), selection, span, scope)
            }
            ExprKind::Changed(field) => {
                let field = self.field_named(*field)?;
                Some(Expr { kind: Kind::Changed(field), ty: Type::Instant, span })
            }
            ExprKind::Set(elements) => self.set(elements, hint, span, scope),
            ExprKind::Duration(quantity) => {
                let duration = self.duration(quantity, scope)?;
                Some(literal(Value::Duration(duration), Type::Duration, span))
            }
            ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Decimal { .. }
            | ExprKind::Share(_)
            | ExprKind::Text(_)
            | ExprKind::Date(_)
            | ExprKind::Time(_)
            | ExprKind::Instant(_) => self.written(ast, hint),
        }
    }

    /// `and` and `or`: every part is checked, also when one is wrong.
    fn joined(
        &mut self,
        parts: &[ast::Expr],
        scope: &Scope<'_>,
        make: fn(Vec<Expr>) -> Kind,
        span: Span,
    ) -> Option<Expr> {
        let mut whole = true;
        let mut checked = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| &parts[before]);
            if before.is_some_and(|before| self.continues_an_enumeration(before, part, scope)) {
                whole = false;
                continue;
            }
            match self.checked_condition(part, scope) {
                Some(part) => checked.push(part),
                None => whole = false,
            }
        }
        whole.then(|| truth(make(checked), span))
    }

    /// Whether two types are the same. Two `one of` types are if their values are.
    pub fn same_type(&self, one: Type, other: Type) -> bool {
        use crate::catalogue::Element;
        let same_enum = |one, other| {
            if one == other {
                return true;
            }
            let (one, other) = (self.catalogue.enumeration(one), self.catalogue.enumeration(other));
            one.name.is_none()
                && other.name.is_none()
                && one.values.len() == other.values.len()
                && one.values.iter().all(|(value, _)| other.values.iter().any(|(found, _)| found == value))
        };
        match (one, other) {
            (Type::Enum(one), Type::Enum(other)) => same_enum(one, other),
            (Type::Set(Element::Enum(one)), Type::Set(Element::Enum(other))) => same_enum(one, other),
            _ => one == other,
        }
    }

    /// Reports that `value` has another type than the one wanted; `because` is what it is compared with.
    fn mismatch<T>(&mut self, ast: &ast::Expr, value: &Expr, wanted: Type, because: Option<Span>) -> Option<T> {
        let found = self.found(ast, value);
        let wanted_words = self.describe(wanted);
        let mut diagnostic = Diagnostic::new(
            MISMATCH,
            ast.span,
            format!("{} is wanted here, and this is {found}", capital(&wanted_words)),
        )
        .label(found);
        if let Some(span) = because {
            diagnostic = diagnostic.also(span, format!("this is {wanted_words}"));
        }
        if let Some(help) = self.how_to_write(wanted, value.ty) {
            diagnostic = diagnostic.help(help);
        }
        self.fail(diagnostic)
    }

    /// What an expression is, with its article: "a text", "an enumeration (branch)".
    fn found(&self, ast: &ast::Expr, value: &Expr) -> String {
        match peeled(ast).kind {
            ExprKind::Decimal { places, .. } if places <= 2 => "money or a decimal number".into(),
            ExprKind::Duration(_) => "a duration".into(),
            _ => self.describe(value.ty),
        }
    }

    /// A type with its article, in the words of the language.
    pub fn describe(&self, ty: Type) -> String {
        match ty {
            Type::Bool => "true or false (bool)".into(),
            Type::Int => "a whole number (int)".into(),
            Type::Decimal => "a decimal number".into(),
            Type::Money => "money".into(),
            Type::Text => "a text".into(),
            Type::Date => "a date".into(),
            Type::Instant => "an instant".into(),
            Type::Duration => "a duration".into(),
            Type::Email => "an e-mail address (email)".into(),
            Type::Phone => "a phone number (phone)".into(),
            Type::Url => "a web address (url)".into(),
            Type::Enum(id) => match self.catalogue.enumeration(id).name {
                Some(name) => format!("a value of `{name}`"),
                None => format!("a value of `{}`", ty.describe(&self.catalogue)),
            },
            Type::Set(_) => format!("a {}", ty.describe(&self.catalogue)),
            Type::Name(kind) => format!("the name of a {}", kind.word()),
        }
    }

    fn how_to_write(&self, wanted: Type, found: Type) -> Option<String> {
        Some(match (wanted, found) {
            (Type::Date, Type::Duration) => "count from today: `today - 30 days`, `today + 30 days`".into(),
            (Type::Instant, Type::Duration) => "count from now: `now - 7 days`, or test `in the last 7 days`".into(),
            (Type::Duration, _) => "write a number and a unit, such as `30 days` or `6 months`".into(),
            (Type::Date, _) => "write a date such as 2026-06-15, or `today - 30 days`".into(),
            (Type::Instant, _) => "write an instant such as 2026-06-15 09:00, or `now - 2 hours`".into(),
            (Type::Int, Type::Decimal | Type::Money) => "write a whole number, without a point".into(),
            (Type::Text | Type::Email | Type::Phone | Type::Url, _) => "write a text in quotes".into(),
            (Type::Money, _) => "write an amount such as `5.00`".into(),
            (Type::Int | Type::Decimal, _) => "write a number".into(),
            (Type::Enum(id), _) => {
                let values = self.catalogue.enumeration(id).values.iter().map(|(value, _)| *value);
                format!("it is one of {}", suggest::listed(values))
            }
            _ => return None,
        })
    }
}

/// Without its parentheses.
fn peeled(mut ast: &ast::Expr) -> &ast::Expr {
    while let ExprKind::Paren(inner) = &ast.kind {
        ast = inner;
    }
    ast
}

/// A condition.
fn truth(kind: Kind, span: Span) -> Expr {
    Expr { kind, ty: Type::Bool, span }
}

fn literal(value: Value, ty: Type, span: Span) -> Expr {
    Expr { kind: Kind::Literal(value), ty, span }
}

fn call(function: &'static Function, arguments: Vec<Expr>, ty: Type, span: Span) -> Expr {
    Expr { kind: Kind::Call { function, arguments }, ty, span }
}

/// A date; of an instant its local date.
fn to_date(value: Expr) -> Expr {
    if value.ty != Type::Instant {
        return value;
    }
    let span = value.span;
    call(&TO_DATE, vec![value], Type::Date, span)
}

fn no_start(span: Span, scope: &Scope<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::new(NO_START, span, "`start` means nothing here").label("no start to speak of");
    if scope.in_campaign {
        diagnostic.note("a campaign's audience and its `start` are tried before anything has started")
    } else {
        diagnostic
            .note("`start` is the instant at which a campaign started for the patron; a segment knows no campaign")
    }
    .help("use `start` in the steps, `exit` and `goal` of a campaign")
}

/// With a capital first letter.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}
