//! Conditions that are always or never true, by intervals (`fines > 5 and fines < 3`).
//!
//! Whoever writes one has meant another. In a segment it is a warning; where it is an audience or a start nobody, or
//! everybody, would be written to, and it is an error.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;

use crate::catalogue::{Type, Value};
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::map::Map;
use crate::rule::function::{ADD, AGE, EQUAL, Function, INCLUDES, LESS, LESS_OR_EQUAL, SUBTRACT};
use crate::rule::{CountTest, Expr, Kind, Selection, Window};
use crate::symbol::Symbol;
use crate::time::{Duration, Unit};

use super::Place;

const ALWAYS: Code = Code("W0105");
const NEVER: Code = Code("W0106");
const ALWAYS_AUDIENCE: Code = Code("E0150");
const NEVER_AUDIENCE: Code = Code("E0151");

/// What `expr` is wherever it is known: always true, always false, or (`None`) now this, now that.
pub fn always(expr: &Expr) -> Option<bool> {
    if is_impossible(expr, true) {
        Some(false)
    } else if is_impossible(expr, false) {
        Some(true)
    } else {
        None
    }
}

/// Reports the smallest parts of a condition that are decided.
pub(in crate::check) fn check(context: &mut Context<'_>, expr: &Expr, place: Place) {
    let mut found: Vec<(&Expr, bool)> = Vec::new();
    smallest(expr, &mut found);
    for (part, truth) in found {
        let is_whole = std::ptr::eq(part, expr) && place == Place::Audience;
        let written = shortened(context.sources.snippet(part.span));
        let (code, message, label) = match (truth, is_whole) {
            (true, false) => (ALWAYS, format!("`{written}` is always true"), "true of everybody of whom it is known"),
            (false, false) => (NEVER, format!("`{written}` is never true"), "true of nobody"),
            (true, true) => (ALWAYS_AUDIENCE, format!("`{written}` is always true"), "everybody would be chosen"),
            (false, true) => (NEVER_AUDIENCE, format!("`{written}` is never true"), "nobody would be chosen"),
        };
        let help = match truth {
            true if is_whole => "write `everyone` if everybody is meant, else another bound",
            true => "leave it out, or write the bound that was meant",
            false => "write the bounds that were meant: the lower one first, `or` for alternatives",
        };
        context.report(Diagnostic::new(code, part.span, message).label(label).help(help));
    }
}

fn shortened(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Of nested decided conditions the innermost.
fn smallest<'e>(expr: &'e Expr, found: &mut Vec<(&'e Expr, bool)>) {
    let before = found.len();
    match &expr.kind {
        // `between` and `includes all of` are one test for the author, and have one place.
        Kind::And(parts) | Kind::Or(parts) if parts.iter().all(|part| part.span != expr.span) => {
            parts.iter().for_each(|part| smallest(part, found));
        }
        Kind::Not(inner) if inner.span != expr.span => smallest(inner, found),
        _ => {}
    }
    for selection in expr.selections() {
        if let Some(condition) = &selection.condition {
            smallest(condition, found);
        }
    }
    if found.len() == before
        && !matches!(expr.kind, Kind::Literal(_))
        && let Some(truth) = always(expr)
    {
        found.push((expr, truth));
    }
}

/// Whether `expr` can never have the truth value `truth`, wherever its parts are known.
fn is_impossible(expr: &Expr, truth: bool) -> bool {
    let mut facts = Facts::default();
    facts.assume(expr, truth);
    facts.contradiction
}

/// The same for expressions that mean the same, whatever their places.
type Key = u64;

/// What a number is counted from: only numbers of one base are compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Base {
    Number,
    Money,
    Decimal,
    /// Days since 1970.
    Calendar,
    Instant,
    /// Days since today.
    Today,
}

/// What must hold for a conjunction to be true.
#[derive(Default)]
struct Facts {
    /// By what is measured: the values that are left.
    ranges: Map<(Key, Base), (i64, i64)>,
    /// By enumeration: the values that are allowed (`None`: any) and those that are not.
    values: Map<Key, (Option<Vec<Symbol>>, Vec<Symbol>)>,
    /// By any other test: what it must be.
    tests: Map<Key, bool>,
    contradiction: bool,
}

impl Facts {
    fn assume(&mut self, expr: &Expr, truth: bool) {
        if self.contradiction {
            return;
        }
        match (&expr.kind, truth) {
            (Kind::Literal(Value::Bool(value)), _) => self.contradiction |= *value != truth,
            (Kind::Not(inner), _) => self.assume(inner, !truth),
            (Kind::And(parts), true) | (Kind::Or(parts), false) => {
                parts.iter().for_each(|part| self.assume(part, truth));
            }
            (Kind::And(parts), false) | (Kind::Or(parts), true) => self.one_of(parts, truth),
            (Kind::Call { function, arguments }, _) => self.call(function, arguments, truth, expr),
            (Kind::Has { test, selection }, _) => self.count(count_key(selection), *test, truth),
            (Kind::InWindow { value, window }, true) => self.window(value, window),
            _ => self.test(expr, truth),
        }
    }

    /// One of `parts` has the value: impossible if none can, and a choice of values if all are of one enumeration.
    fn one_of(&mut self, parts: &[Expr], truth: bool) {
        if parts.iter().all(|part| is_impossible(part, truth)) {
            self.contradiction = true;
            return;
        }
        if !truth {
            return;
        }
        let choices: Option<Vec<(Key, Symbol)>> = parts.iter().map(equality).collect();
        let Some(choices) = choices else { return };
        let Some(&(first, _)) = choices.first() else { return };
        if choices.iter().all(|(key, _)| *key == first) {
            self.allow(first, choices.iter().map(|(_, value)| *value).collect());
        }
    }

    fn call(&mut self, function: &'static Function, arguments: &[Expr], truth: bool, expr: &Expr) {
        if let Some((key, value)) = equality(expr) {
            if truth {
                self.allow(key, vec![value]);
            } else {
                self.forbid(key, value);
            }
            return;
        }
        let [left, right] = arguments else { return self.test(expr, truth) };
        let is_order = function == &LESS || function == &LESS_OR_EQUAL;
        if !is_order && function != &EQUAL {
            return self.test(expr, truth);
        }
        let (left_side, right_side) = (measure(left), measure(right));
        let (key, low, high) = match (left_side, right_side) {
            (Side::Constant(base, constant), Side::Term(key, offset, natural)) => {
                let constant = constant.saturating_sub(offset);
                self.bound(key, base, natural);
                let (low, high) = if function == &EQUAL {
                    (constant, constant)
                } else {
                    (if function == &LESS { constant.saturating_add(1) } else { constant }, i64::MAX)
                };
                ((key, base), low, high)
            }
            (Side::Term(key, offset, natural), Side::Constant(base, constant)) => {
                let constant = constant.saturating_sub(offset);
                self.bound(key, base, natural);
                let (low, high) = if function == &EQUAL {
                    (constant, constant)
                } else {
                    (i64::MIN, if function == &LESS { constant.saturating_sub(1) } else { constant })
                };
                ((key, base), low, high)
            }
            (Side::Constant(base, left), Side::Constant(other, right)) if base == other => {
                let holds = match () {
                    () if function == &LESS => left < right,
                    () if function == &LESS_OR_EQUAL => left <= right,
                    () => left == right,
                };
                self.contradiction |= holds != truth;
                return;
            }
            _ => return self.test(expr, truth),
        };
        if truth {
            self.narrow(key, low, high);
        } else if function == &EQUAL {
            let range = self.ranges.get(&key).copied().unwrap_or((i64::MIN, i64::MAX));
            self.contradiction |= range == (low, low);
        } else if low == i64::MIN {
            self.narrow(key, high.saturating_add(1), i64::MAX);
        } else {
            self.narrow(key, i64::MIN, low.saturating_sub(1));
        }
    }

    fn count(&mut self, key: Key, test: CountTest, truth: bool) {
        let key = (key, Base::Number);
        self.narrow(key, 0, i64::MAX);
        match (test, truth) {
            (CountTest::AtLeast(n), true) => self.narrow(key, n, i64::MAX),
            (CountTest::AtLeast(n), false) => self.narrow(key, i64::MIN, n.saturating_sub(1)),
            (CountTest::AtMost(n), true) => self.narrow(key, i64::MIN, n),
            (CountTest::AtMost(n), false) => self.narrow(key, n.saturating_add(1), i64::MAX),
            (CountTest::Exactly(n), true) => self.narrow(key, n, n),
            (CountTest::Exactly(_), false) => {}
        }
    }

    /// Whole days around today.
    fn window(&mut self, value: &Expr, window: &Window) {
        let (low, high) = match window {
            Window::Last(length) => (days(*length).map(|days| -days), Some(0)),
            Window::Next(length) => (Some(0), days(*length)),
            _ => return,
        };
        if let (Type::Date, Side::Term(key, offset, _), Some(low), Some(high)) = (value.ty, measure(value), low, high) {
            self.narrow((key, Base::Today), low - offset, high - offset);
        }
    }

    fn test(&mut self, expr: &Expr, truth: bool) {
        self.contradiction |= self.tests.insert(key_of(expr), truth).is_some_and(|before| before != truth);
    }

    /// The least that a term can be: a count is never below 0.
    fn bound(&mut self, key: Key, base: Base, natural: Option<i64>) {
        if let Some(least) = natural {
            self.narrow((key, base), least, i64::MAX);
        }
    }

    fn narrow(&mut self, key: (Key, Base), low: i64, high: i64) {
        let range = self.ranges.entry(key).or_insert((i64::MIN, i64::MAX));
        *range = (range.0.max(low), range.1.min(high));
        self.contradiction |= range.0 > range.1;
    }

    fn allow(&mut self, key: Key, values: Vec<Symbol>) {
        let (allowed, forbidden) = self.values.entry(key).or_default();
        let left: Vec<Symbol> = match allowed {
            Some(allowed) => allowed.iter().copied().filter(|value| values.contains(value)).collect(),
            None => values,
        };
        self.contradiction |= left.iter().all(|value| forbidden.contains(value));
        *allowed = Some(left);
    }

    fn forbid(&mut self, key: Key, value: Symbol) {
        let (allowed, forbidden) = self.values.entry(key).or_default();
        forbidden.push(value);
        if let Some(allowed) = allowed {
            self.contradiction |= allowed.iter().all(|value| forbidden.contains(value));
        }
    }
}

/// `FIELD is VALUE` of an enumeration.
fn equality(expr: &Expr) -> Option<(Key, Symbol)> {
    let Kind::Call { function, arguments } = &expr.kind else { return None };
    let [left, right] = arguments.as_slice() else { return None };
    if *function != &EQUAL || *function == &INCLUDES {
        return None;
    }
    match (&left.kind, &right.kind) {
        (Kind::Literal(Value::Symbol(_)), Kind::Literal(_)) => None,
        (_, Kind::Literal(Value::Symbol(value))) => Some((key_of(left), *value)),
        (Kind::Literal(Value::Symbol(value)), _) => Some((key_of(right), *value)),
        _ => None,
    }
}

/// One side of a comparison.
enum Side {
    Constant(Base, i64),
    /// Something that varies, plus so many, and the least that it can be.
    Term(Key, i64, Option<i64>),
    Other,
}

fn measure(expr: &Expr) -> Side {
    match &expr.kind {
        Kind::Literal(Value::Int(n)) => Side::Constant(Base::Number, *n),
        Kind::Literal(Value::Money(n)) => Side::Constant(Base::Money, *n),
        Kind::Literal(Value::Decimal(n)) => Side::Constant(Base::Decimal, *n),
        Kind::Literal(Value::Date(day)) => Side::Constant(Base::Calendar, i64::from(day.0)),
        Kind::Literal(Value::Instant(instant)) => Side::Constant(Base::Instant, instant.0),
        Kind::Literal(_) => Side::Other,
        Kind::Today => Side::Constant(Base::Today, 0),
        Kind::Call { function, arguments } if *function == &ADD || *function == &SUBTRACT => {
            let [value, by] = arguments.as_slice() else { return Side::Other };
            let Kind::Literal(Value::Duration(length)) = by.kind else { return term(expr, None) };
            let Some(length) = days(length) else { return term(expr, None) };
            let length = if *function == &ADD { length } else { -length };
            match (value.ty, measure(value)) {
                (Type::Date, Side::Constant(base, n)) => Side::Constant(base, n.saturating_add(length)),
                (Type::Date, Side::Term(key, offset, least)) => Side::Term(key, offset.saturating_add(length), least),
                _ => term(expr, None),
            }
        }
        Kind::Count(selection) => Side::Term(count_key(selection), 0, Some(0)),
        Kind::Days(_) => term(expr, Some(0)),
        Kind::Call { function, .. } if *function == &AGE => term(expr, Some(0)),
        _ => term(expr, None),
    }
}

fn term(expr: &Expr, least: Option<i64>) -> Side {
    Side::Term(key_of(expr), 0, least)
}

/// Days of a duration whose length in days is fixed.
fn days(length: Duration) -> Option<i64> {
    match length.unit {
        Unit::Day => Some(length.count),
        Unit::Week => Some(length.count.saturating_mul(7)),
        _ => None,
    }
}

fn key_of(expr: &Expr) -> Key {
    key(|hasher| meaning(expr, hasher))
}

/// Of how many events there are: what `has` and `count` measure.
fn count_key(selection: &Selection) -> Key {
    key(|hasher| {
        "count".hash(hasher);
        of_selection(selection, hasher);
    })
}

fn key(write: impl FnOnce(&mut <FixedState as BuildHasher>::Hasher)) -> Key {
    let mut hasher = FixedState::default().build_hasher();
    write(&mut hasher);
    hasher.finish()
}

/// What an expression says, without its places.
fn meaning(expr: &Expr, to: &mut impl Hasher) {
    std::mem::discriminant(&expr.kind).hash(to);
    match &expr.kind {
        Kind::Call { function, arguments } => {
            function.hash(to);
            all(arguments, to);
        }
        Kind::Not(inner) | Kind::Known(inner) => meaning(inner, to),
        Kind::And(parts) | Kind::Or(parts) => all(parts, to),
        Kind::InWindow { value, window } => {
            meaning(value, to);
            of_window(window, to);
        }
        Kind::Has { test, selection } => {
            test.hash(to);
            of_selection(selection, to);
        }
        Kind::Count(selection) | Kind::Days(selection) => of_selection(selection, to),
        Kind::Sum { field, selection } => {
            field.hash(to);
            of_selection(selection, to);
        }
        Kind::First { selection, read } | Kind::Latest { selection, read } => {
            read.hash(to);
            of_selection(selection, to);
        }
        Kind::Followed { first, second, within } => {
            of_selection(first, to);
            of_selection(second, to);
            within.hash(to);
        }
        Kind::Periods { count, selection, at_least, of, unit } => {
            (count, at_least, of, unit).hash(to);
            of_selection(selection, to);
        }
        Kind::Literal(value) => value.hash(to),
        Kind::Read(read) => read.hash(to),
        Kind::Segment(segment) => segment.hash(to),
        Kind::Member(list) => list.hash(to),
        Kind::Agrees { purpose, channel } | Kind::EndOfConsent { purpose, channel } => (purpose, channel).hash(to),
        Kind::AskedFor { purpose, channel } => (purpose, channel).hash(to),
        Kind::Changed(field) => field.hash(to),
        Kind::Today | Kind::Now | Kind::Start => {}
    }
}

fn all(parts: &[Expr], to: &mut impl Hasher) {
    parts.len().hash(to);
    parts.iter().for_each(|part| meaning(part, to));
}

fn of_selection(selection: &Selection, to: &mut impl Hasher) {
    selection.event.hash(to);
    selection.condition.is_some().hash(to);
    selection.condition.iter().for_each(|condition| meaning(condition, to));
    selection.window.is_some().hash(to);
    selection.window.iter().for_each(|window| of_window(window, to));
}

fn of_window(window: &Window, to: &mut impl Hasher) {
    std::mem::discriminant(window).hash(to);
    match window {
        Window::Last(length) | Window::Next(length) => length.hash(to),
        Window::Period { which, unit } => (which, unit).hash(to),
        Window::Since(bound) | Window::Before(bound) => meaning(bound, to),
        Window::Between(low, high) => {
            meaning(low, to);
            meaning(high, to);
        }
    }
}
