//! The constants of one instant: what each test's set and each window's bounds are at it.

use std::collections::HashMap;

use super::super::calendar::Cut;
use super::super::rules::WindowId;
use super::super::tabulate::{Interval, NOTHING, Ordered, Tabulator};
use super::super::window::Edge;
use super::plan::{Limit, Plan, Source, Test, Turn};
use crate::catalogue::{Type, Value};
use crate::rule::columns::{Cells, Column, Columns, EVENT_EPOCH, UNKNOWN_DAY, UNKNOWN_NUMBER};
use crate::time::{Day, Instant};

/// The sets and bounds at one instant.
#[derive(Debug)]
pub(super) struct Bound {
    /// By `TestId`.
    pub sets: Vec<Set>,
    /// By `CountId`: the window's ends, both excluded: days since the epoch of events, or instants.
    pub spans: Vec<(i64, i64)>,
    /// For each window that moves by periods: days until the next one begins.
    pub boundaries: HashMap<WindowId, i64>,
    /// The instant.
    pub now: i64,
    /// Its local date, in days since the epoch of events.
    pub today: i64,
}

/// The values for which a test holds.
#[derive(Clone, Debug)]
pub(super) enum Set {
    /// More than the first and less than the second.
    Between(i64, i64),
    /// By code, 0 or 0xff: as many as the cells can name, at least 128.
    Codes(Vec<u8>),
}

/// What a source's cells are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'c> {
    Column(&'c Column),
    /// Of consents.
    Days,
    States,
    /// Of events.
    Instants,
}

impl Shape<'_> {
    /// Whether each value can be told from the unknown.
    pub(super) fn fits(self) -> bool {
        !matches!(self, Shape::Column(Column { fits: false, .. }))
    }
}

impl Source {
    /// The cells, in columns that the plan was made for or that have the same shape.
    pub(super) fn shape(self, columns: &Columns) -> Shape<'_> {
        let there = "a plan reads columns that are there";
        match self {
            Source::Field(field) => Shape::Column(columns.field(field).expect(there)),
            Source::Changed(field) => Shape::Column(columns.changed[field.index()].as_ref().expect(there)),
            Source::ConsentState(_) => Shape::States,
            Source::ConsentOn(_) | Source::ConsentUntil(_) => Shape::Days,
            Source::Row(event, field) => {
                Shape::Column(columns.events(event).expect(there).fields[usize::from(field)].as_ref().expect(there))
            }
            Source::At(_) => Shape::Instants,
            Source::Removed(event) => Shape::Column(&columns.events(event).expect(there).removed),
        }
    }
}

/// The constants at the tabulator's instant; `None` if a set could not be found: then nothing is native.
pub(super) fn bind(
    plan: &Plan,
    columns: &Columns,
    tabulator: &mut Tabulator<'_, '_>,
    steady: Instant,
) -> Option<Bound> {
    let now = tabulator.now();
    let sets = plan
        .tests
        .iter()
        .map(|(source, test)| set(*source, *test, columns, tabulator, steady))
        .collect::<Option<Vec<_>>>()?;
    let spans: Vec<(i64, i64)> = plan.counts.iter().map(|count| span(count.span, tabulator)).collect();
    let periods = plan.turns.iter().chain(plan.span_turns.iter().flatten()).filter_map(|turn| match turn {
        Turn::Period(window) => Some(*window),
        _ => None,
    });
    let boundaries = periods.map(|window| (window, tabulator.next_period(window))).collect();
    Some(Bound { boundaries, sets, spans, now: now.0, today: event_day(tabulator.today()) })
}

/// Events that are looked at side by side.
const LANES: usize = 8;

/// For 0 to 8 events at hand: the greatest date in their lanes, the least in the others.
pub(super) static HELD: [[i16; LANES]; LANES + 1] = {
    let mut held = [[i16::MIN; LANES]; LANES + 1];
    let mut row = 0;
    while row <= LANES {
        let mut lane = 0;
        while lane < row {
            held[row][lane] = i16::MAX;
            lane += 1;
        }
        row += 1;
    }
    held
};

/// In days since the epoch of events, as far as 16 bits go.
fn event_day(day: Day) -> i64 {
    (i64::from(day.0) - i64::from(EVENT_EPOCH)).clamp(i64::from(i16::MIN), i64::from(i16::MAX))
}

fn set(
    source: Source,
    test: Test,
    columns: &Columns,
    tabulator: &mut Tabulator<'_, '_>,
    steady: Instant,
) -> Option<Set> {
    let (now, today) = (tabulator.now(), tabulator.today());
    let shape = source.shape(columns);
    let codes = |holds: &mut dyn FnMut(Option<&Value>) -> bool| match shape {
        Shape::Column(column) => Some(Set::Codes(by_code(column, holds))),
        _ => None,
    };
    Some(match (test, shape) {
        (Test::State(state), _) => {
            let mut codes = vec![0; 256];
            codes[usize::from(state)] = 0xff;
            Set::Codes(codes)
        }
        (Test::IsTrue, _) => codes(&mut |value| value == Some(&Value::Bool(true)))?,
        // Of many codes those that are not 0.
        (Test::IsKnown, Shape::Column(column)) if is_codes(column) => match column.cells {
            Cells::Codes32(_) => Set::Codes(Vec::new()),
            _ => codes(&mut |value| value.is_some())?,
        },
        (Test::IsKnown, Shape::Days) => Set::Between(i64::from(UNKNOWN_DAY), i64::from(i32::MAX)),
        (Test::IsKnown, shape) => {
            let (least, most) = range(shape, steady);
            Set::Between(least - 1, most + 1)
        }
        (Test::Ahead(_), Shape::Column(column)) => match column.cells {
            Cells::Days(_) => Set::Between(i64::from(today.0), i64::from(i32::MAX)),
            _ => Set::Between(now.0, i64::MAX),
        },
        (Test::Begun, _) => Set::Between(i64::from(UNKNOWN_DAY), i64::from(today.0) + 1),
        (Test::NotPast, _) => Set::Between(i64::from(today.0) - 1, i64::from(i32::MAX)),
        (Test::NotRunOut(purpose), _) => match tabulator.expires_after(purpose) {
            None => Set::Between(i64::from(UNKNOWN_DAY), i64::from(i32::MAX)),
            Some(after) => {
                // The first date whose consent has not run out; later ones have not either.
                let mut first = today.plus(after.negated()).plus_days(-4);
                while first.plus(after).plus_days(-1) < today {
                    first = first.plus_days(1);
                }
                Set::Between(i64::from(first.0) - 1, i64::from(i32::MAX))
            }
        },
        (Test::Asked(predicate, cell), Shape::Column(column)) if is_codes(column) => {
            codes(&mut |value| tabulator.holds(predicate, cell, value.cloned()))?
        }
        (Test::Asked(predicate, cell), shape) => {
            let ordered = Ordered { ty: type_of(shape)?, range: range(shape, steady) };
            let (from, to) = tabulator.interval(predicate, cell, ordered)?;
            exclusive((from, to), range(shape, steady), shape)
        }
        (Test::Ahead(_), _) => return None,
    })
}

/// The interval with its ends excluded. An end of the range is no end.
fn exclusive((from, to): Interval, (least, most): (i64, i64), shape: Shape<'_>) -> Set {
    let (bottom, top) =
        if is_days(shape) { (i64::from(UNKNOWN_DAY), i64::from(i32::MAX)) } else { (UNKNOWN_NUMBER, i64::MAX) };
    if (from, to) == NOTHING || from > to {
        return Set::Between(top, bottom);
    }
    Set::Between(if from == least { bottom } else { from - 1 }, if to == most { top } else { to + 1 })
}

fn is_days(shape: Shape<'_>) -> bool {
    matches!(shape, Shape::Days | Shape::Column(Column { cells: Cells::Days(_), .. }))
}

fn type_of(shape: Shape<'_>) -> Option<Type> {
    match shape {
        Shape::Column(column) => Some(column.ty),
        Shape::Instants => Some(Type::Instant),
        Shape::Days | Shape::States => None,
    }
}

/// What an ordered column may hold.
fn range(shape: Shape<'_>, steady: Instant) -> (i64, i64) {
    match shape {
        Shape::Column(Column { cells: Cells::Days(_), .. }) => (i64::from(Day::MIN.0), i64::from(Day::MAX.0)),
        Shape::Column(Column { ty: Type::Instant, .. }) | Shape::Instants => (steady.0.max(i64::MIN + 1), i64::MAX - 1),
        _ => (i64::MIN + 1, i64::MAX - 1),
    }
}

fn is_codes(column: &Column) -> bool {
    !matches!(column.cells, Cells::Days(_) | Cells::Numbers(_))
}

fn by_code(column: &Column, holds: &mut dyn FnMut(Option<&Value>) -> bool) -> Vec<u8> {
    let size = match column.cells {
        Cells::Codes8(_) => 1 << 8,
        Cells::Codes16(_) => 1 << 16,
        _ => column.dictionary.len() + 1,
    };
    let values = std::iter::once(None).chain(column.dictionary.iter().map(Some));
    let mut codes: Vec<u8> = values.map(|value| if holds(value) { 0xff } else { 0 }).collect();
    codes.resize(size.max(128), 0);
    codes
}

/// The ends of a window, both excluded; those that a patron's own date gives are left open.
fn span(span: super::plan::Span, tabulator: &mut Tabulator<'_, '_>) -> (i64, i64) {
    let (from, to) = span.window.map_or((Edge::Open, Edge::Open), |window| tabulator.edges(window));
    // Dates and instants alike: an open end is behind everything.
    let ends = |limit: Limit| match limit {
        Limit::Instant => (i64::MIN, i64::MAX),
        _ => (i64::from(i16::MIN), i64::from(i16::MAX)),
    };
    // What comes before the cut is outside at the start, inside at the end.
    let cut = |limit: Limit, edge: Edge| match (limit, edge) {
        (Limit::Day, Edge::Cut(Cut::Day(day, _))) => Some(event_day(day)),
        (Limit::Instant, Edge::Cut(Cut::At(at))) => Some(at.0),
        _ => None,
    };
    let (least, most) = (ends(span.from).0, ends(span.to).1);
    (cut(span.from, from).map_or(least, |cut| cut.saturating_sub(1).max(least)), cut(span.to, to).unwrap_or(most))
}
