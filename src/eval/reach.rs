//! How far a value that moves with the clock stays what it is.
//!
//! Over the stretch from now to t such a value has a *reach*: the values that it may take, exactly one or a range. The
//! reach of a call follows from those of its arguments and from what the function says of itself ([`Validity`]), so
//! that the end of the validity is found by bisection, for every expression alike.

use std::cmp::Ordering;

use super::answer::NEVER;
use super::interpret::Asked;
use super::rules::{Clock, ValueId, ValueNode};
use crate::catalogue::Value;
use crate::rule::EventRow;
use crate::rule::function::{Direction, EQUAL, Function, LESS, LESS_OR_EQUAL, Moment, TO_DATE, Validity, equal, order};
use crate::time::{Day, Instant};

/// The values that an expression may take over a stretch of time.
#[derive(Clone, PartialEq, Debug)]
enum Reach {
    Exactly(Option<Value>),
    /// Known, and from the first to the second.
    Between(Value, Value),
    Any,
}

/// How a comparison of two ranges is decided, if all their values decide it alike.
pub(super) fn decide(
    function: &Function,
    (left_least, left_most): (&Value, &Value),
    (right_least, right_most): (&Value, &Value),
) -> Option<bool> {
    if *function == EQUAL {
        let single = equal(left_least, left_most) && equal(right_least, right_most);
        let apart = order(left_most, right_least) == Some(Ordering::Less)
            || order(right_most, left_least) == Some(Ordering::Less);
        return if single { Some(equal(left_least, right_least)) } else { apart.then_some(false) };
    }
    if *function == LESS {
        return match (order(left_most, right_least)?, order(left_least, right_most)?) {
            (Ordering::Less, _) => Some(true),
            (_, Ordering::Equal | Ordering::Greater) => Some(false),
            _ => None,
        };
    }
    if *function == LESS_OR_EQUAL {
        return match (order(left_most, right_least)?, order(left_least, right_most)?) {
            (Ordering::Less | Ordering::Equal, _) => Some(true),
            (_, Ordering::Greater) => Some(false),
            _ => None,
        };
    }
    None
}

/// The last day that is looked at: far beyond every date of a library.
const HORIZON: i32 = 2_900_000;

const DAY_MICROS: i64 = 86_400_000_000;

impl<'a, 'q> Asked<'_, 'a, 'q> {
    /// The end of the validity of a value that moves with the clock.
    pub(super) fn reach_until(&mut self, id: ValueId, row: Option<&'q EventRow>) -> Instant {
        let now = self.moment();
        let still = self.still_until(id, row);
        let far = self.distance(id, row);
        match self.interpreter.rules.value_depends[id.0 as usize].clock {
            Clock::Still => still,
            Clock::Today => {
                let today = i64::from(now.today.0);
                let near = far.map(|micros| today + micros / DAY_MICROS);
                let near = near.into_iter().flat_map(|day| [day - 4, day - 1, day, day + 4]);
                let stays = |day: i64| {
                    let then = Moment { today: Day(day as i32), ..now };
                    matches!(self.reach(id, row, &then), Reach::Exactly(_))
                };
                let last = last_good(today, i64::from(HORIZON), near, stays);
                last.map_or(still, |day| still.min(self.interpreter.calendar.starts(Day(day as i32 + 1))))
            }
            Clock::Now => {
                let horizon = now.zone.start_of(Day(HORIZON)).0;
                let near = far.map(|micros| now.now.0.saturating_add(micros).min(horizon));
                let around = [-7 * DAY_MICROS, -DAY_MICROS, -1, 0, 1, DAY_MICROS, 7 * DAY_MICROS];
                let near = near.into_iter().flat_map(|at| around.map(|offset| at.saturating_add(offset)));
                let stays = |at: i64| {
                    let then = Moment { now: Instant(at), today: now.zone.day(Instant(at)), zone: now.zone };
                    matches!(self.reach(id, row, &then), Reach::Exactly(_))
                };
                last_good(now.now.0, horizon, near, stays).map_or(still, |at| still.min(Instant(at + 1)))
            }
        }
    }

    /// Until when everything stays that does not move with the clock by itself.
    fn still_until(&mut self, id: ValueId, row: Option<&'q EventRow>) -> Instant {
        let rules = self.interpreter.rules;
        if rules.value_depends[id.0 as usize].clock == Clock::Still {
            return self.known_until(id, row).1;
        }
        match rules.value_node(id) {
            ValueNode::Call { arguments, .. } => {
                arguments.iter().map(|argument| self.still_until(*argument, row)).fold(NEVER, Instant::min)
            }
            ValueNode::Gated { value, .. } => self.still_until(*value, row),
            _ => NEVER,
        }
    }

    /// How far in microseconds the two sides of a comparison of dates or instants are apart: about when it turns.
    fn distance(&mut self, id: ValueId, row: Option<&'q EventRow>) -> Option<i64> {
        let ValueNode::Call { function, arguments } = self.interpreter.rules.value_node(id) else { return None };
        let [left, right] = **arguments else { return None };
        if function.validity != Validity::Comparison {
            return None;
        }
        match (self.known(left, row)?, self.known(right, row)?) {
            (Value::Date(left), Value::Date(right)) => {
                Some((i64::from(left.0) - i64::from(right.0)).abs() * DAY_MICROS)
            }
            (Value::Instant(left), Value::Instant(right)) => Some(left.0.saturating_sub(right.0).saturating_abs()),
            _ => None,
        }
    }

    /// The values of a node from now to `then`, as long as what does not move with the clock by itself stays.
    fn reach(&mut self, id: ValueId, row: Option<&'q EventRow>, then: &Moment<'_>) -> Reach {
        let rules = self.interpreter.rules;
        let now = self.moment();
        if rules.value_depends[id.0 as usize].clock == Clock::Still {
            return Reach::Exactly(self.known(id, row));
        }
        match rules.value_node(id) {
            ValueNode::Today => between(Value::Date(now.today), Value::Date(then.today)),
            ValueNode::Now => between(Value::Instant(now.now), Value::Instant(then.now)),
            ValueNode::Gated { requires, value } => match self.agreed(*requires) {
                true => self.reach(*value, row, then),
                false => Reach::Exactly(None),
            },
            ValueNode::Call { function, arguments } => match **arguments {
                [only] => match self.reach(only, row, then) {
                    Reach::Exactly(Some(value)) => {
                        let value = [value];
                        self.reach_of_call(function, &value, &value, false, then)
                    }
                    Reach::Between(least, most) => self.reach_of_call(function, &[least], &[most], true, then),
                    nothing => nothing,
                },
                [left, right] => {
                    let (left_moves, left_least, left_most) = match self.reach(left, row, then) {
                        Reach::Exactly(Some(value)) => (false, value.clone(), value),
                        Reach::Between(least, most) => (true, least, most),
                        nothing => return nothing,
                    };
                    let (right_moves, right_least, right_most) = match self.reach(right, row, then) {
                        Reach::Exactly(Some(value)) => (false, value.clone(), value),
                        Reach::Between(least, most) => (true, least, most),
                        nothing => return nothing,
                    };
                    let (least, most) = ([left_least, right_least], [left_most, right_most]);
                    self.reach_of_call(function, &least, &most, left_moves || right_moves, then)
                }
                _ => Reach::Any,
            },
            // Tables are looked up by a value that may move; what they then say has no order.
            _ => Reach::Any,
        }
    }

    fn reach_of_call(
        &self,
        function: &'static Function,
        least: &[Value],
        most: &[Value],
        moves: bool,
        then: &Moment<'_>,
    ) -> Reach {
        let now = self.moment();
        match function.validity {
            Validity::OfArguments if moves => Reach::Any,
            Validity::OfArguments => Reach::Exactly((function.kernel)(least, &now)),
            Validity::Comparison => match decide(function, (&least[0], &most[0]), (&least[1], &most[1])) {
                Some(truth) => Reach::Exactly(Some(Value::Bool(truth))),
                None => Reach::Any,
            },
            Validity::Monotone { arguments, today, unknown_below } => {
                let still = today == Direction::Still || then.today == now.today;
                if !moves && still {
                    return Reach::Exactly((function.kernel)(least, &now));
                }
                let (early, late) = if today == Direction::Down { (then, &now) } else { (&now, then) };
                if arguments.contains(&Direction::Either) {
                    return corners(function, least, most, &now);
                }
                let pick = |index: usize, low: bool| match (arguments[index], low) {
                    (Direction::Down, true) | (Direction::Up, false) => most[index].clone(),
                    _ => least[index].clone(),
                };
                let end = |low: bool, moment: &Moment<'_>| match least.len() {
                    1 => (function.kernel)(&[pick(0, low)], moment),
                    _ => (function.kernel)(&[pick(0, low), pick(1, low)], moment),
                };
                let (lowest, highest) = (end(true, early), end(false, late));
                match (lowest, highest) {
                    (Some(lowest), Some(highest)) => self.widened(function, least, most, lowest, highest),
                    (_, None) if unknown_below => Reach::Exactly(None),
                    _ => Reach::Any,
                }
            }
        }
    }

    /// Local times are not quite monotone: where clocks change, they jump. A stretch of instants that meets such a
    /// change is widened by more than it can amount to, months that clamp included.
    fn widened(&self, function: &Function, least: &[Value], most: &[Value], lowest: Value, highest: Value) -> Reach {
        const DAY: i64 = 86_400;
        let (Value::Instant(from), Value::Instant(to)) = (&least[0], &most[0]) else {
            return between(lowest, highest);
        };
        let calendar = &self.interpreter.calendar;
        match (&lowest, &highest) {
            (Value::Date(first), Value::Date(last)) if *function == TO_DATE => {
                match calendar.repeats_within(*from, *to) {
                    true => between(Value::Date(first.plus_days(-2)), Value::Date(last.plus_days(2))),
                    false => between(lowest, highest),
                }
            }
            (Value::Instant(first), Value::Instant(last)) => {
                let elapsed = matches!(&least[1], Value::Duration(duration) if duration.unit.is_elapsed());
                let changes = |from: Instant, to: Instant| {
                    let next = calendar.zone.next_transition(from.plus_seconds(-2 * DAY));
                    next.is_some_and(|next| next <= to.plus_seconds(2 * DAY))
                };
                let smooth = elapsed || from == to || !(changes(*from, *to) || changes(*first, *last));
                match smooth {
                    true => between(lowest, highest),
                    false => between(
                        Value::Instant(first.plus_seconds(-6 * DAY)),
                        Value::Instant(last.plus_seconds(6 * DAY)),
                    ),
                }
            }
            _ => between(lowest, highest),
        }
    }
}

/// The last point up to which something stays that stays at `start`; `None`: it stays up to the horizon. Tries `near`,
/// ascending, and then halves.
fn last_good(
    start: i64,
    horizon: i64,
    near: impl IntoIterator<Item = i64>,
    mut stays: impl FnMut(i64) -> bool,
) -> Option<i64> {
    if stays(horizon) {
        return None;
    }
    let (mut good, mut bad) = (start, horizon);
    for point in near {
        if good < point && point < bad {
            if !stays(point) {
                bad = point;
                break;
            }
            good = point;
        }
    }
    // Gallop where nothing said how far to look.
    let mut step = 1;
    while bad == horizon && good.saturating_add(step) < bad {
        if !stays(good + step) {
            bad = good + step;
            break;
        }
        good += step;
        step = step.saturating_mul(2);
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if stays(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

/// The range from `least` to `most`.
fn between(least: Value, most: Value) -> Reach {
    if equal(&least, &most) { Reach::Exactly(Some(least)) } else { Reach::Between(least, most) }
}

/// The range of a function that moves either way with each of two arguments: its extremes lie in the corners.
fn corners(function: &Function, least: &[Value], most: &[Value], moment: &Moment<'_>) -> Reach {
    let ([left, right], [left_most, right_most]) = (least, most) else { return Reach::Any };
    let mut range: Option<(Value, Value)> = None;
    for (left, right) in [(left, right), (left, right_most), (left_most, right), (left_most, right_most)] {
        let Some(value) = (function.kernel)(&[left.clone(), right.clone()], moment) else { return Reach::Any };
        range = match range {
            None => Some((value.clone(), value)),
            Some((least, most)) => match (order(&value, &least), order(&value, &most)) {
                (Some(Ordering::Less), _) => Some((value, most)),
                (_, Some(Ordering::Greater)) => Some((least, value)),
                (Some(_), Some(_)) => Some((least, most)),
                _ => return Reach::Any,
            },
        };
    }
    range.map_or(Reach::Any, |(least, most)| between(least, most))
}
