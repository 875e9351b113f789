//! How tests and windows move with the clock, as far as native code knows: the ground of validity.

use super::super::super::rules::{Clock, ValueId, ValueNode, WindowId, WindowNode};
use super::super::super::tabulate::Predicate;
use super::{Planner, Test, Turn};
use crate::catalogue::{Type, Value};
use crate::rule::columns::Cells;
use crate::rule::function::{ADD, AGE, SINCE, SUBTRACT, UNTIL};
use crate::time::{Duration, Unit};

/// Months differ by up to three days: no stretch of days moves a date that is months away by more than as many days
/// and these.
const SLACK: i64 = 3;

impl Planner<'_> {
    /// How a test's set moves; `None`: not in a way that native code knows.
    pub(super) fn turn(&self, test: Test) -> Option<Turn> {
        let days = |slack| Some(Turn::Days { slack });
        let (predicate, cell) = match test {
            Test::IsTrue | Test::IsKnown | Test::State(_) => return Some(Turn::Never),
            Test::Begun | Test::NotPast => return days(0),
            Test::NotRunOut(purpose) => {
                let after = self.world.catalogue.purpose(purpose).expires_after;
                return after.map_or(Some(Turn::Never), |after| days(slack_of(after)?));
            }
            Test::Ahead(is_date) => return if is_date { days(0) } else { Some(Turn::Instants) },
            Test::Asked(predicate, cell) => (predicate, cell),
        };
        let clock = |value: ValueId| self.rules.value_depends[value.0 as usize].clock;
        let is_codes =
            self.column(cell).is_some_and(|column| !matches!(column.cells, Cells::Days(_) | Cells::Numbers(_)));
        let is_date = self.type_of(cell) == Type::Date;
        match predicate {
            Predicate::Is(value, _) | Predicate::Known(value) if clock(value) == Clock::Still => Some(Turn::Never),
            _ if is_codes => None,
            Predicate::Is(value, _) if is_date && clock(value) == Clock::Today => days(self.slack(value)?),
            Predicate::In(value, window) if clock(value) == Clock::Still => match self.rules.window(window) {
                WindowNode::Last(duration) | WindowNode::Next(duration) => match slack_of(*duration) {
                    Some(slack) if is_date => days(slack + self.date_slack(value)?),
                    None if matches!(self.rules.value_node(value), ValueNode::Row { .. } | ValueNode::Changed(_)) => {
                        Some(Turn::Instants)
                    }
                    _ => None,
                },
                WindowNode::Period { .. } if is_date => (self.date_slack(value)? == 0).then_some(Turn::Period(window)),
                WindowNode::Since { from: bound, .. } | WindowNode::Before(bound) => {
                    (clock(*bound) == Clock::Still).then_some(Turn::Never)
                }
                WindowNode::Between { from, to, .. } => {
                    (clock(*from).max(clock(*to)) == Clock::Still).then_some(Turn::Never)
                }
                WindowNode::Period { .. } => None,
            },
            _ => None,
        }
    }

    /// How a count's window moves.
    pub(super) fn span_turns(&self, window: Option<WindowId>) -> Option<[Turn; 2]> {
        let Some(id) = window else { return Some([Turn::Never; 2]) };
        let bound = |value: &ValueId| match self.rules.value_depends[value.0 as usize].clock {
            Clock::Still => Some(Turn::Never),
            Clock::Today => Some(Turn::Days { slack: self.date_slack(*value)? }),
            Clock::Now => matches!(self.rules.value_node(*value), ValueNode::Now).then_some(Turn::Instants),
        };
        let by_duration = |duration: Duration| slack_of(duration).map_or(Turn::Instants, |slack| Turn::Days { slack });
        Some(match self.rules.window(id) {
            WindowNode::Last(duration) => [by_duration(*duration), Turn::Never],
            WindowNode::Next(duration) => [
                if duration.unit.is_elapsed() { Turn::Instants } else { Turn::Days { slack: 0 } },
                by_duration(*duration),
            ],
            WindowNode::Period { .. } => [Turn::Period(id); 2],
            WindowNode::Since { from, .. } => [bound(from)?, Turn::Never],
            WindowNode::Before(to) => [Turn::Never, bound(to)?],
            WindowNode::Between { from, to, .. } => [bound(from)?, bound(to)?],
        })
    }

    /// By how many days more or less than the clock the bound of a comparison moves; `None`: nothing is known.
    pub(super) fn slack(&self, comparison: ValueId) -> Option<i64> {
        let still = |value: ValueId| self.rules.value_depends[value.0 as usize].clock == Clock::Still;
        let [left, right] = self.operands(comparison)?;
        let dates = || Some(self.date_slack(left)? + self.date_slack(right)?);
        match (still(left), still(right)) {
            // A date against one that moves with today, or how long it is since a date against a number.
            (true, false) => self.age_slack(right).or_else(dates),
            (false, true) => self.age_slack(left).or_else(dates),
            _ => None,
        }
    }

    /// Of a date with durations: as many days later, it is as many days later itself, give or take these.
    pub(super) fn date_slack(&self, value: ValueId) -> Option<i64> {
        match self.rules.value_node(value) {
            ValueNode::Literal(Value::Date(_)) | ValueNode::Today | ValueNode::Patron(_) | ValueNode::Row { .. } => {
                Some(0)
            }
            ValueNode::Gated { value, .. } => self.date_slack(*value),
            ValueNode::Call { function, arguments } if [&ADD, &SUBTRACT].contains(function) => {
                let ValueNode::Literal(Value::Duration(by)) = self.rules.value_node(*arguments.get(1)?) else {
                    return None;
                };
                Some(slack_of(*by)? + self.date_slack(arguments[0])?)
            }
            _ => None,
        }
    }

    /// Of how long it is since a date, or until it, in whole units.
    pub(super) fn age_slack(&self, value: ValueId) -> Option<i64> {
        match self.rules.value_node(value) {
            ValueNode::Gated { value, .. } => self.age_slack(*value),
            ValueNode::Call { function, arguments } if **function == AGE => {
                Some(SLACK + self.still_slack(arguments[0])?)
            }
            ValueNode::Call { function, arguments } if [&SINCE, &UNTIL].contains(function) => {
                let ValueNode::Literal(Value::Duration(unit)) = self.rules.value_node(*arguments.get(1)?) else {
                    return None;
                };
                Some(slack_of(*unit)? + self.still_slack(arguments[0])?)
            }
            _ => None,
        }
    }

    pub(super) fn still_slack(&self, value: ValueId) -> Option<i64> {
        let is_still = self.rules.value_depends[value.0 as usize].clock == Clock::Still;
        self.date_slack(value).filter(|_| is_still)
    }
}

/// Of a duration in dates; `None`: it is one of the clock.
fn slack_of(duration: Duration) -> Option<i64> {
    match duration.unit {
        Unit::Minute | Unit::Hour => None,
        Unit::Day | Unit::Week => Some(0),
        Unit::Month | Unit::Year => Some(SLACK),
    }
}
