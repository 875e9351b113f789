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
pub(super) fn decide(function: &Function, left: &(Value, Value), right: &(Value, Value)) -> Option<bool> {
    let (left_least, left_most) = left;
    let (right_least, right_most) = right;
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

impl<'a, 'q> Asked<'_, 'a, 'q> {
    /// The end of the validity of a value that moves with the clock.
    pub(super) fn reach_until(&mut self, id: ValueId, row: Option<&'q EventRow>) -> Instant {
        let moment = self.moment();
        let zone = moment.zone;
        let by_days = self.interpreter.rules.value_depends[id.0 as usize].clock == Clock::Today;
        let mut stays = |until: Instant| {
            let then = Moment { now: until, today: zone.day(until), zone };
            matches!(self.reach(id, row, &then), Reach::Exactly(_))
        };
        // Up to the last instant of a day.
        let end_of = |day: i32| Instant(zone.start_of(Day(day).plus_days(1)).0 - 1);
        let today = moment.today.0;
        // The last day that is known to be good, and the first that is known not to be: gallop, then halve.
        let (mut good, mut step) = (today - 1, 1);
        let mut bad = loop {
            let next = good.saturating_add(step).min(HORIZON);
            if !stays(end_of(next)) {
                break next;
            }
            if next == HORIZON {
                return NEVER;
            }
            good = next;
            step = step.saturating_mul(2);
        };
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            if stays(end_of(middle)) { good = middle } else { bad = middle }
        }
        let reached = if good < today { moment.now } else { end_of(good) };
        if good >= today && by_days {
            return Instant(reached.0 + 1);
        }
        // Within the day that follows.
        let (mut good, mut bad) = (reached.0, end_of(bad).0);
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            if stays(Instant(middle)) { good = middle } else { bad = middle }
        }
        Instant(good + 1)
    }

    /// The values of a node from now to `then`.
    fn reach(&mut self, id: ValueId, row: Option<&'q EventRow>, then: &Moment<'_>) -> Reach {
        let rules = self.interpreter.rules;
        let now = self.moment();
        if rules.value_depends[id.0 as usize].clock == Clock::Still {
            let (known, until) = self.known_until(id, row);
            return if then.now < until { Reach::Exactly(known) } else { Reach::Any };
        }
        match rules.value_node(id) {
            ValueNode::Today => between(Value::Date(now.today), Value::Date(then.today)),
            ValueNode::Now => between(Value::Instant(now.now), Value::Instant(then.now)),
            ValueNode::Gated { requires, value } => match self.agreed(*requires) {
                true => self.reach(*value, row, then),
                false => Reach::Exactly(None),
            },
            ValueNode::Call { function, arguments } => {
                let mut least = [None, None];
                let mut most = [None, None];
                let mut moves = false;
                for (index, argument) in arguments.iter().enumerate() {
                    let (from, to) = match self.reach(*argument, row, then) {
                        Reach::Exactly(None) => return Reach::Exactly(None),
                        Reach::Exactly(Some(value)) => (value.clone(), value),
                        Reach::Between(from, to) => {
                            moves = true;
                            (from, to)
                        }
                        Reach::Any => return Reach::Any,
                    };
                    let (Some(least), Some(most)) = (least.get_mut(index), most.get_mut(index)) else {
                        return Reach::Any;
                    };
                    (*least, *most) = (Some(from), Some(to));
                }
                let least: Vec<Value> = least.into_iter().flatten().collect();
                let most: Vec<Value> = most.into_iter().flatten().collect();
                self.reach_of_call(function, &least, &most, moves, then)
            }
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
            Validity::Comparison => {
                let (left, right) = ((least[0].clone(), most[0].clone()), (least[1].clone(), most[1].clone()));
                match decide(function, &left, &right) {
                    Some(truth) => Reach::Exactly(Some(Value::Bool(truth))),
                    None => Reach::Any,
                }
            }
            Validity::Monotone { arguments, today, unknown_below } => {
                let still = today == Direction::Still || then.today == now.today;
                if !moves && still {
                    return Reach::Exactly((function.kernel)(least, &now));
                }
                let (early, late) = if today == Direction::Down { (then, &now) } else { (&now, then) };
                if arguments.contains(&Direction::Either) {
                    return corners(function, least, most, &now);
                }
                let pick = |low: bool| -> Vec<Value> {
                    let sides = arguments.iter().zip(least.iter().zip(most));
                    let pick = sides.map(|(direction, (least, most))| match (direction, low) {
                        (Direction::Down, true) | (Direction::Up, false) => most.clone(),
                        _ => least.clone(),
                    });
                    pick.collect()
                };
                let lowest = (function.kernel)(&pick(true), early);
                let highest = (function.kernel)(&pick(false), late);
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
