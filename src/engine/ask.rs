//! How the engine asks rules about one patron at one tick.

use std::cell::RefCell;

use crate::catalogue::{EventId, Value};
use crate::engine::journey::Lead;
use crate::eval::{Answer, Interpreter, NEVER, Question, RuleId, ValueId};
use crate::rule::{EventRow, Facts};
use crate::store::SuppressionList;
use crate::time::{Duration, Instant};

/// The interpreter, one patron, one instant.
pub struct Ask<'f, 'a> {
    pub interpreter: &'f RefCell<Interpreter<'a>>,
    pub facts: &'f Facts,
    /// Addresses that are not written to.
    pub suppressed: &'f SuppressionList,
    pub now: Instant,
}

/// What a rule may see besides the patron.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The instant of the start.
    pub start: Option<Instant>,
    /// The row of the start as it now is; `None`: deleted.
    pub event: Option<(EventId, Option<&'a EventRow>)>,
    /// The row that a start's `where` is about.
    pub row: Option<&'a EventRow>,
    /// `today`, `now` and windows of another instant (section 8: a start's `where` is tried again).
    pub as_of: Option<Instant>,
}

impl Scope<'_> {
    /// Outside any enrolment.
    pub const NONE: Scope<'static> = Scope { start: None, event: None, row: None, as_of: None };
}

impl Ask<'_, '_> {
    fn question<'q>(&'q self, scope: &Scope<'q>) -> Question<'q> {
        Question {
            facts: self.facts,
            now: scope.as_of.unwrap_or(self.now),
            open_at: self.now,
            start: scope.start,
            event: scope.event,
            row: scope.row,
            feed_row: None,
        }
    }

    /// A rule's truth and validity.
    pub fn answer(&self, rule: RuleId, scope: &Scope<'_>) -> Answer {
        self.interpreter.borrow_mut().ask(&self.question(scope)).witnessed(rule).answer(rule)
    }

    /// Whether a rule is true.
    pub fn holds(&self, rule: RuleId, scope: &Scope<'_>) -> bool {
        self.interpreter.borrow_mut().ask(&self.question(scope)).witnessed(rule).holds(rule)
    }

    /// A value, and until when it holds.
    pub fn value(&self, value: ValueId, scope: &Scope<'_>) -> (Option<Value>, Instant) {
        self.interpreter.borrow_mut().ask(&self.question(scope)).value_until(value)
    }

    /// An offset: `Some(None)` is none, `None` is unknown or negative where a field says how long.
    pub fn lead(&self, lead: Lead, scope: &Scope<'_>) -> (Option<Option<Duration>>, Instant) {
        match lead {
            Lead::None => (Some(None), NEVER),
            Lead::Fixed(duration) => (Some(Some(duration)), NEVER),
            Lead::Field { count, unit, after } => {
                let (count, until) = self.value(count, scope);
                let known = match count {
                    Some(Value::Int(count)) if count >= 0 => {
                        Some(Some(Duration { count: if after { count } else { -count }, unit }))
                    }
                    _ => None,
                };
                (known, until)
            }
        }
    }
}
