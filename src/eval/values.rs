//! The interpreter's values.

use super::answer::NEVER;
use super::interpret::Asked;
use super::lower::zero;
use super::rules::{Bound, Clock, ValueId, ValueNode};
use crate::catalogue::{EventId, EventKind, Type, Value};
use crate::rule::function::ADD;
use crate::rule::{ConsentState, EventRead, EventRow, text};
use crate::time::{Day, Instant};

impl<'a, 'q> Asked<'_, 'a, 'q> {
    /// With its validity if that is wanted.
    pub(super) fn known_for<const V: bool>(
        &mut self,
        id: ValueId,
        row: Option<&'q EventRow>,
    ) -> (Option<Value>, Instant) {
        if V { self.known_until(id, row) } else { (self.known(id, row), NEVER) }
    }

    /// The value, if it is known.
    pub(super) fn known(&mut self, id: ValueId, row: Option<&'q EventRow>) -> Option<Value> {
        let rules = self.interpreter.rules;
        let node = rules.value_node(id);
        if !is_remembered(node) || rules.value_depends[id.0 as usize].row {
            return self.find::<false>(node, row).0;
        }
        let generation = self.generation();
        if let (stamp, known) = &self.interpreter.values[id.0 as usize]
            && *stamp == generation
        {
            return known.clone();
        }
        let known = self.find::<false>(node, row).0;
        self.interpreter.values[id.0 as usize] = (generation, known.clone());
        known
    }

    /// The value, and until when it is that.
    pub(super) fn known_until(&mut self, id: ValueId, row: Option<&'q EventRow>) -> (Option<Value>, Instant) {
        let rules = self.interpreter.rules;
        let (node, depends) = (rules.value_node(id), rules.value_depends[id.0 as usize]);
        let remembered = is_remembered(node) && !depends.row;
        let generation = self.generation();
        if let (stamp, known, until) = &self.interpreter.values_until[id.0 as usize]
            && remembered
            && *stamp == generation
        {
            return (known.clone(), *until);
        }
        let (known, until) = match depends.clock {
            Clock::Still => self.find::<true>(node, row),
            Clock::Today | Clock::Now => (self.known(id, row), self.reach_until(id, row)),
        };
        if remembered {
            self.interpreter.values_until[id.0 as usize] = (generation, known.clone(), until);
        }
        (known, until)
    }

    fn find<const V: bool>(&mut self, node: &'a ValueNode, row: Option<&'q EventRow>) -> (Option<Value>, Instant) {
        let facts = self.question.facts;
        let found = match node {
            ValueNode::Literal(value) => Some(value.clone()),
            ValueNode::Today => Some(Value::Date(self.moment().today)),
            ValueNode::Now => Some(Value::Instant(self.moment().now)),
            ValueNode::Start => self.question.start.map(Value::Instant),
            ValueNode::Patron(field) => facts.field(*field).cloned(),
            ValueNode::PatronAgreement(field) => Some(Value::Bool(self.agreed(*field))),
            ValueNode::Row { event, read } => match row {
                Some(row) => return self.read(*event, *read, row),
                None => None,
            },
            ValueNode::StartEvent { event, read } => match self.question.event {
                Some((started_by, Some(row))) if started_by == *event => return self.read(*event, *read, row),
                // The record is gone: it is closed, and the rest is unknown.
                Some(_) if *read == EventRead::Open => Some(Value::Bool(false)),
                _ => None,
            },
            ValueNode::FeedRow(field) => {
                self.question.feed_row.and_then(|row| row.get(usize::from(*field)).cloned().flatten())
            }
            ValueNode::Table { table, key, column } => {
                let (key, until) = self.known_for::<V>(*key, row);
                let tables = self.interpreter.world.tables;
                let columns = key.as_ref().and_then(text::key).and_then(|key| tables.row(*table, &key));
                return (columns.and_then(|columns| columns.get(usize::from(*column)).cloned().flatten()), until);
            }
            ValueNode::Gated { requires, value } => match self.agreed(*requires) {
                true => return self.known_for::<V>(*value, row),
                false => None,
            },
            ValueNode::Call { function, arguments } => {
                let moment = self.moment();
                return match &**arguments {
                    [only] => {
                        let (only, until) = self.known_for::<V>(*only, row);
                        (only.and_then(|only| (function.kernel)(&[only], &moment)), until)
                    }
                    [left, right] => {
                        let (left, left_until) = self.known_for::<V>(*left, row);
                        let (right, right_until) = self.known_for::<V>(*right, row);
                        let both = left.zip(right);
                        let result = both.and_then(|(left, right)| (function.kernel)(&[left, right], &moment));
                        (result, left_until.min(right_until))
                    }
                    more => {
                        let mut until = NEVER;
                        let mut next = |id: &ValueId| {
                            let (known, its_until) = self.known_for::<V>(*id, row);
                            until = until.min(its_until);
                            known
                        };
                        // Every argument is looked at, so that the validity is the least of all.
                        let known: Vec<Option<Value>> = more.iter().map(&mut next).collect();
                        let known: Option<Vec<Value>> = known.into_iter().collect();
                        (known.and_then(|known| (function.kernel)(&known, &moment)), until)
                    }
                };
            }
            ValueNode::Truth(pair) => {
                let holds = self.node::<V>(pair.holds, row);
                if holds.holds {
                    return (Some(Value::Bool(true)), holds.until);
                }
                let fails = self.node::<V>(pair.fails, row);
                return match fails.holds {
                    true => (Some(Value::Bool(false)), fails.until),
                    false => (None, holds.until.min(fails.until)),
                };
            }
            ValueNode::Count { selection, counted } => {
                let (least, until) = self.count::<V>(*selection, *counted, Bound::Certain);
                let (most, later) = self.count::<V>(*selection, *counted, Bound::Possible);
                return ((least == most).then_some(Value::Int(least)), until.min(later));
            }
            ValueNode::Sum { selection, field, ty } => return self.sum::<V>(*selection, *field, *ty),
            ValueNode::First { selection, read } => return self.first_of::<V, false>(*selection, *read),
            ValueNode::Latest { selection, read } => return self.first_of::<V, true>(*selection, *read),
            ValueNode::EndOfConsent { purpose, channel } => {
                let today = self.moment().today;
                let given = self.consents(*purpose, *channel).filter(|consent| consent.state == ConsentState::Given);
                let (begun, ahead): (Vec<_>, Vec<_>) = given.partition(|consent| consent.on <= today);
                let ends: Option<Vec<Day>> = begun.into_iter().map(|consent| self.last_date(consent)).collect();
                let end = ends.and_then(|ends| ends.into_iter().max());
                let next = ahead.into_iter().map(|consent| consent.on).min();
                let until = next.map_or(NEVER, |day| self.interpreter.calendar.starts(day));
                return (end.map(Value::Date), until);
            }
            ValueNode::Changed(field) => match facts.field(*field) {
                Some(_) => {
                    let noted = facts.changed.iter().find(|(changed, _)| changed == field).map(|(_, at)| *at);
                    noted.or(facts.since).map(Value::Instant)
                }
                None => None,
            },
        };
        (found, NEVER)
    }

    /// What is read of an event or a record. It changes by itself only where the record closes.
    fn read(&self, event: EventId, read: EventRead, row: &EventRow) -> (Option<Value>, Instant) {
        match read {
            EventRead::At => (Some(Value::Instant(row.at)), NEVER),
            EventRead::Field(field) => (row.fields.get(usize::from(field)).cloned().flatten(), NEVER),
            EventRead::Open => {
                let (open, until) = self.is_open(event, row);
                (Some(Value::Bool(open)), until)
            }
        }
    }

    fn is_open(&self, event: EventId, row: &EventRow) -> (bool, Instant) {
        let EventKind::Record { open_until: Some(field), .. } = self.interpreter.world.catalogue.event(event).kind
        else {
            return (false, NEVER);
        };
        let closes = match row.fields.get(usize::from(field)).and_then(Option::as_ref) {
            _ if row.removed => return (false, NEVER),
            Some(Value::Instant(at)) => *at,
            Some(Value::Date(day)) => self.interpreter.calendar.start_of(*day),
            _ => return (true, NEVER),
        };
        match closes > self.question.open_at {
            // `open_at` moves with `now`.
            true => {
                let left = closes.0.saturating_sub(self.question.open_at.0);
                (true, Instant(self.question.now.0.saturating_add(left)))
            }
            false => (false, NEVER),
        }
    }

    fn sum<const V: bool>(
        &mut self,
        selection: super::rules::SelectionId,
        field: ValueId,
        ty: Type,
    ) -> (Option<Value>, Instant) {
        let moment = self.moment();
        let (mut sum, mut until) = (Some(zero(ty)), NEVER);
        let rows = self.rows(selection);
        let bounds = self.selection_bounds::<V>(selection);
        for row in rows {
            let certain = self.counts::<V>(selection, &bounds, row, Bound::Certain);
            until = until.min(certain.until);
            if certain.holds {
                let value = self.known(field, Some(row));
                sum = sum.zip(value).and_then(|(sum, value)| (ADD.kernel)(&[sum, value], &moment));
                continue;
            }
            let possible = self.counts::<V>(selection, &bounds, row, Bound::Possible);
            until = until.min(possible.until);
            if possible.holds {
                sum = None;
            }
            if !V && sum.is_none() {
                break;
            }
        }
        (sum, until)
    }

    /// Of the earliest event, or the latest. Unknown if one that only may count lies before it (behind it).
    fn first_of<const V: bool, const LATEST: bool>(
        &mut self,
        selection: super::rules::SelectionId,
        read: ValueId,
    ) -> (Option<Value>, Instant) {
        let rows = self.rows(selection);
        let bounds = self.selection_bounds::<V>(selection);
        let mut until = NEVER;
        for index in 0..rows.len() {
            let row = &rows[if LATEST { rows.len() - 1 - index } else { index }];
            let certain = self.counts::<V>(selection, &bounds, row, Bound::Certain);
            until = until.min(certain.until);
            if certain.holds {
                let (value, its_until) = self.known_for::<V>(read, Some(row));
                return (value, until.min(its_until));
            }
            let possible = self.counts::<V>(selection, &bounds, row, Bound::Possible);
            until = until.min(possible.until);
            if possible.holds {
                return (None, until);
            }
        }
        (None, until)
    }
}

/// Whether the value is worth remembering for the question.
fn is_remembered(node: &ValueNode) -> bool {
    matches!(
        node,
        ValueNode::Table { .. }
            | ValueNode::Call { .. }
            | ValueNode::Count { .. }
            | ValueNode::Sum { .. }
            | ValueNode::First { .. }
            | ValueNode::Latest { .. }
            | ValueNode::EndOfConsent { .. }
    )
}
