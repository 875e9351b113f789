//! Literals: what a number, a text or a date means where a type is expected (section 2).

use crate::catalogue::{Element, NameKind, Type, Value};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::rule::text::fold;
use crate::rule::{Expr, Kind};
use crate::syntax::ast::{self, CountValue, ExprKind, QuantityKind};
use crate::time::{Duration, Instant, TimeOfDay};

use super::{Context, Scope, literal, peeled};
use crate::check::{lint, suggest};

const NOT_WRITTEN_OUT: Code = Code("E0210");
const MISPLACED: Code = Code("E0211");
const TOO_LARGE: Code = Code("E0212");
const NEGATIVE: Code = Code("E0213");
const UNKNOWN_PARAMETER: Code = Code("E0111");
const NO_DURATION: Code = Code("E0214");

/// Hundredths of a unit of money, ten-thousandths of a decimal.
const CENTS: i64 = 100;
const PLACES: i64 = 10_000;

impl Context<'_> {
    /// A literal of type `ty`: arguments, defaults, fixtures, `on change of F from V`. A date stands for its first
    /// instant where an instant is expected.
    pub fn constant(&mut self, ast: &ast::Expr, ty: Type) -> Option<Value> {
        let written = peeled(ast);
        match &written.kind {
            ExprKind::Date(day) if ty == Type::Instant => {
                return Some(Value::Instant(self.library.zone.start_of(*day)));
            }
            // Written out, it can only be the value: no field is read here, also if one has the name.
            ExprKind::Path(path) if path.len() == 1 && self.is_value(path[0], ty) => {
                return self.enum_value(path[0], ty);
            }
            ExprKind::Path(path) if !matches!(ty, Type::Enum(_) | Type::Name(_)) => {
                let wanted = self.describe(ty);
                let bare = path.len() == 1 && ty.is_textual();
                let mut diagnostic =
                    Diagnostic::new(NOT_WRITTEN_OUT, ast.span, "a value written out is wanted here, not a name")
                        .label(format!("{wanted} is wanted"));
                if bare {
                    let text = format!("\"{}\"", path[0].symbol);
                    diagnostic = diagnostic.help(format!("a text stands in quotes: {text}")).fix(ast.span, text);
                } else if let Some(help) = self.how_to_write(ty, Type::Bool) {
                    diagnostic = diagnostic.help(help);
                }
                return self.fail(diagnostic);
            }
            _ => {}
        }
        let value = self.checked_value(written, Some(ty), &Scope::default())?;
        match value.kind {
            Kind::Literal(value) => Some(value),
            _ => self.fail(
                Diagnostic::new(NOT_WRITTEN_OUT, ast.span, "a value written out is wanted here")
                    .label("this is computed")
                    .help("write the value itself, such as 5, \"a text\" or 2026-06-15"),
            ),
        }
    }

    /// A literal that is not a name.
    pub(super) fn written(&mut self, ast: &ast::Expr, hint: Option<Type>) -> Option<Expr> {
        let span = ast.span;
        let (value, ty) = match &ast.kind {
            ExprKind::Bool(value) => (Value::Bool(*value), Type::Bool),
            ExprKind::Int(n) => {
                let scaled = match hint {
                    Some(Type::Money) => n.checked_mul(CENTS).map(|n| (Value::Money(n), Type::Money)),
                    Some(Type::Decimal) => n.checked_mul(PLACES).map(|n| (Value::Decimal(n), Type::Decimal)),
                    _ => Some((Value::Int(*n), Type::Int)),
                };
                match scaled {
                    Some(scaled) => scaled,
                    None => {
                        return self
                            .fail(Diagnostic::new(TOO_LARGE, span, "this number is too large").label("too large"));
                    }
                }
            }
            ExprKind::Decimal { ten_thousandths, places } => match hint {
                Some(Type::Money) if *places <= 2 => (Value::Money(ten_thousandths / (PLACES / CENTS)), Type::Money),
                Some(Type::Money) => {
                    return self.fail(
                        Diagnostic::new(TOO_LARGE, span, "money has at most two places after the point")
                            .label(format!("{places} places"))
                            .help("write an amount such as `5.00`"),
                    );
                }
                _ => (Value::Decimal(*ten_thousandths), Type::Decimal),
            },
            ExprKind::Text(text) => match hint {
                Some(Type::Enum(_)) => {
                    let name = ast::Name { symbol: crate::symbol::Symbol::new(&text.value), span };
                    return self.enum_value(name, hint?).map(|value| literal(value, hint.unwrap_or(Type::Text), span));
                }
                Some(ty) if ty.is_textual() => (Value::Text(text.value.clone()), ty),
                _ => (Value::Text(text.value.clone()), Type::Text),
            },
            ExprKind::Date(day) => (Value::Date(*day), Type::Date),
            ExprKind::Instant(instant) => (Value::Instant(self.instant(instant)), Type::Instant),
            ExprKind::Share(percent) => {
                return self.fail(
                    Diagnostic::new(MISPLACED, span, format!("a share such as {percent}% means nothing here"))
                        .label("shares belong to `split`, `holdout` and `sample`")
                        .help("write a number"),
                );
            }
            ExprKind::Time(time) => {
                return self.fail(
                    Diagnostic::new(MISPLACED, span, format!("{time} is a time of day, not an instant"))
                        .label("of which day?")
                        .help(format!("write the date too: 2026-06-15 {time}")),
                );
            }
            _ => return None,
        };
        Some(literal(value, ty, span))
    }

    /// `(gardening, history)`, `()`.
    pub(super) fn set(
        &mut self,
        elements: &[ast::Expr],
        hint: Option<Type>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Expr> {
        let Some(ty @ Type::Set(element)) = hint else {
            let help = match elements {
                [_] => "for one value leave the parentheses out",
                _ => "to compare with several values write `is one of (a, b)`",
            };
            return self.fail(
                Diagnostic::new(MISPLACED, span, "several values in parentheses mean nothing here")
                    .label("a set of values")
                    .help(help),
            );
        };
        let wanted = of_element(element);
        let mut values = Some(Vec::new());
        for element in elements {
            let value = self.checked_value(element, Some(wanted), scope);
            let value = value.and_then(|value| match value.kind {
                Kind::Literal(value) => Some(value),
                _ => self.fail(
                    Diagnostic::new(NOT_WRITTEN_OUT, element.span, "a set is made of values written out")
                        .label("this is read from the patron"),
                ),
            });
            values = values.zip(value).map(|(mut values, value)| {
                values.push(value);
                values
            });
        }
        Some(literal(set_of(values?), ty, span))
    }

    /// A value of an enumeration, or a name that an event of the engine holds (`campaign is welcome`).
    pub(super) fn enum_value(&mut self, name: ast::Name, ty: Type) -> Option<Value> {
        match ty {
            Type::Enum(id) => {
                let found = self.catalogue.enumeration(id);
                if found.values.iter().any(|(value, _)| *value == name.symbol) {
                    return Some(Value::Symbol(name.symbol));
                }
                if found.name.is_some_and(|name| self.is_incomplete(name.as_str())) {
                    return None;
                }
                let values: Vec<_> = found.values.iter().map(|(value, _)| *value).collect();
                let owner = found.name.map_or("this field".to_owned(), |name| format!("`{name}`"));
                self.fail(crate::check::expr::name::unknown(
                    crate::check::expr::name::UNKNOWN_VALUE,
                    name,
                    &format!("{owner} has no value `{}`", name.symbol),
                    values,
                    "it is",
                ))
            }
            Type::Name(kind) => self.declared_name(name, kind).then(|| match kind {
                NameKind::Campaign => Value::Symbol(self.sources.present_name(name.symbol)),
                _ => Value::Symbol(name.symbol),
            }),
            _ => None,
        }
    }

    /// Whether `name` is a campaign, message, … of the program; reported if not.
    fn declared_name(&mut self, name: ast::Name, kind: NameKind) -> bool {
        if self.names_of(kind).any(|known| known == name.symbol) || self.declared.broken.contains(&name.symbol) {
            self.used.insert(name.symbol);
            return true;
        }
        let known: Vec<_> = self.names_of(kind).collect();
        let message = format!("no {} is called `{}`", kind.word(), name.symbol);
        self.report(super::name::unknown(super::name::UNKNOWN_NAME, name, &message, known, "it is"));
        false
    }

    /// All names of a kind.
    pub fn names_of(&self, kind: NameKind) -> Box<dyn Iterator<Item = crate::symbol::Symbol> + '_> {
        match kind {
            NameKind::Campaign => Box::new(self.declared.campaigns.keys().copied()),
            NameKind::Message => Box::new(self.declared.messages.keys().copied()),
            NameKind::Purpose => Box::new(self.catalogue.purposes.iter().map(|purpose| purpose.name)),
            NameKind::Survey => Box::new(self.catalogue.surveys.iter().map(|survey| survey.name)),
            NameKind::Channel => Box::new(
                crate::catalogue::Channel::ALL.into_iter().map(|channel| crate::symbol::Symbol::new(channel.word())),
            ),
        }
    }

    /// A duration: a literal or a parameter. Counted by a field it is an error but in `start`, where
    /// `QuantityKind::Counted` is looked at first.
    pub fn duration(&mut self, quantity: &ast::Quantity, scope: &Scope<'_>) -> Option<Duration> {
        let duration = match quantity.kind {
            QuantityKind::Literal { count, unit, unit_span } => {
                lint::plural::check(self, quantity.span, count, unit, unit_span);
                Duration { count, unit }
            }
            QuantityKind::Parameter(name) => match scope.parameter(name.symbol) {
                Some(argument) => match argument.value {
                    Value::Duration(duration) => duration,
                    _ => {
                        let found = self.describe(argument.ty);
                        return self.fail(
                            Diagnostic::new(
                                NO_DURATION,
                                name.span,
                                format!("`{}` is {found}, and a duration is wanted", name.symbol),
                            )
                            .label("not a duration")
                            .help(format!(
                                "give the parameter the type duration, or write a unit: `{} days`",
                                name.symbol
                            )),
                        );
                    }
                },
                None => return self.unknown_parameter(name, scope, "a duration"),
            },
            QuantityKind::Counted { count, unit, .. } => match scope.parameter(count.symbol) {
                Some(Argument { value: Value::Int(count), .. }) => Duration { count: *count, unit },
                Some(_) => {
                    return self.fail(
                        Diagnostic::new(NO_DURATION, count.span, format!("`{}` is no whole number", count.symbol))
                            .label("an int is wanted before a unit"),
                    );
                }
                None => return self.unknown_parameter(count, scope, "a number"),
            },
        };
        if duration.count < 0 {
            return self.fail(
                Diagnostic::new(NEGATIVE, quantity.span, "a duration is not negative here")
                    .label(format!("{duration}"))
                    .help("to look the other way write `in the next` for `in the last`, `before` for `after`"),
            );
        }
        Some(duration)
    }

    /// A duration where there are no parameters: in a clause or a declaration.
    pub fn written_duration(&mut self, quantity: &ast::Quantity) -> Option<Duration> {
        let name = match quantity.kind {
            QuantityKind::Literal { .. } => return self.duration(quantity, &Scope::default()),
            QuantityKind::Parameter(name) | QuantityKind::Counted { count: name, .. } => name,
        };
        let help = match name.symbol.as_str() {
            "never" | "always" => "after `again` it stands without `after`; what has no `expires after` never ends",
            _ => "write it out, such as `30 days`: only segments have parameters",
        };
        self.fail(
            Diagnostic::new(UNKNOWN_PARAMETER, name.span, format!("`{}` is no duration", name.symbol))
                .label("a duration is wanted")
                .help(help),
        )
    }

    /// A count `N`: a number or a parameter of type int.
    pub fn count_value(&mut self, count: &CountValue, scope: &Scope<'_>) -> Option<i64> {
        match count {
            CountValue::Number(number) => Some(number.value),
            CountValue::Parameter(name) => match scope.parameter(name.symbol) {
                Some(Argument { value: Value::Int(count), .. }) => Some(*count),
                Some(argument) => {
                    let found = self.describe(argument.ty);
                    self.fail(
                        Diagnostic::new(
                            NO_DURATION,
                            name.span,
                            format!("`{}` is {found}, and a whole number is wanted", name.symbol),
                        )
                        .label("not a whole number (int)"),
                    )
                }
                None => self.unknown_parameter(*name, scope, "a number"),
            },
        }
    }

    fn unknown_parameter<T>(&mut self, name: ast::Name, scope: &Scope<'_>, wanted: &str) -> Option<T> {
        let is_field = self.catalogue.field_named(name.symbol).is_some();
        let mut diagnostic =
            Diagnostic::new(UNKNOWN_PARAMETER, name.span, format!("no parameter is called `{}`", name.symbol))
                .label(format!("{wanted} or a parameter is wanted"));
        if is_field {
            diagnostic = diagnostic.note("a patron's field cannot stand here: every patron would have another window");
        }
        let parameters = scope.parameters.iter().map(|argument| argument.name);
        diagnostic = match suggest::nearest(name.symbol.as_str(), parameters) {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")).fix(name.span, meant.to_string()),
            None => diagnostic.help("write it out, such as `30 days`, or declare a parameter of the segment"),
        };
        self.fail(diagnostic)
    }

    /// An instant as it is written, in the library's zone or with its offset.
    pub fn instant(&self, literal: &ast::InstantLiteral) -> Instant {
        match literal.offset {
            None => self.library.zone.at(literal.date, literal.time),
            Some(offset) => {
                let midnight = crate::time::Zone::utc().at(literal.date, TimeOfDay(0));
                midnight.plus_seconds(i64::from(literal.time.0) - i64::from(offset))
            }
        }
    }
}

use crate::check::Argument;

/// The type of what a set holds.
pub(super) fn of_element(element: Element) -> Type {
    match element {
        Element::Enum(id) => Type::Enum(id),
        Element::Text => Type::Text,
    }
}

/// A set: sorted and without repetition.
fn set_of(mut values: Vec<Value>) -> Value {
    values.sort_by_cached_key(sort_key);
    values.dedup_by_key(|value| sort_key(value));
    Value::Set(values.into())
}

fn sort_key(value: &Value) -> String {
    match value {
        Value::Symbol(symbol) => symbol.to_string(),
        Value::Text(text) => fold(text).into_owned(),
        other => format!("{other:?}"),
    }
}
