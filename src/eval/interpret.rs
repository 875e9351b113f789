//! The reference interpreter: conditions of the normal form, one patron at a time.
//!
//! The same code answers with and without validity: `V` says whether `until` is wanted, and where it is not every
//! `until` is [`NEVER`]. Nodes that do not read the event at hand are remembered for as long as a question is asked.

use super::answer::{Answer, Held, NEVER, Truth};
use super::calendar::Calendar;
use super::question::{Question, World};
use super::rules::{Bound, Node, NodeId, Operand, RuleId, Rules, ValueId};
use super::window::{Bounds, Place};
use crate::catalogue::{Channel, FieldId, PurposeId, Value};
use crate::rule::facts::Consent;
use crate::rule::function::Moment;
use crate::rule::{ConsentState, EventRow};
use crate::time::{Day, Instant};

/// Answers questions about the rules of a program. One a thread: it remembers the node values of the last question.
pub struct Interpreter<'a> {
    pub(super) rules: &'a Rules,
    pub(super) world: &'a World<'a>,
    pub(super) calendar: Calendar<'a>,
    pub(super) moment: Moment<'a>,
    /// The bounds of windows that follow from the clock, at `moment`.
    pub(super) windows: Vec<Option<Bounds>>,
    generation: u32,
    truths: Vec<(u32, bool)>,
    held: Vec<(u32, Held)>,
    pub(super) values: Vec<(u32, Option<Value>)>,
    pub(super) values_until: Vec<(u32, Option<Value>, Instant)>,
}

/// What an interpreter remembers within one question, worth keeping for its room alone.
#[derive(Default)]
pub struct Memory {
    generation: u32,
    truths: Vec<(u32, bool)>,
    held: Vec<(u32, Held)>,
    values: Vec<(u32, Option<Value>)>,
    values_until: Vec<(u32, Option<Value>, Instant)>,
}

impl<'a> Interpreter<'a> {
    /// An interpreter of `rules`, to which nothing is added as long as it lives.
    pub fn new(rules: &'a Rules, world: &'a World<'a>) -> Interpreter<'a> {
        Interpreter::with(rules, world, Memory::default())
    }

    /// The same with the memory of another one, of whatever rules: many that live shortly need not ask for theirs.
    pub fn with(rules: &'a Rules, world: &'a World<'a>, mut memory: Memory) -> Interpreter<'a> {
        memory.truths.resize(rules.conditions.nodes.len(), (0, false));
        memory.held.resize(rules.conditions.nodes.len(), (0, Held::always(false)));
        memory.values.resize(rules.values.nodes.len(), (0, None));
        memory.values_until.resize(rules.values.nodes.len(), (0, None, NEVER));
        let Memory { generation, truths, held, values, values_until } = memory;
        Interpreter {
            rules,
            world,
            calendar: Calendar::new(world.zone),
            moment: Moment::new(Instant(0), world.zone),
            windows: vec![None; rules.windows.nodes.len()],
            generation,
            truths,
            held,
            values,
            values_until,
        }
    }

    /// Its memory, for another one.
    pub fn into_memory(self) -> Memory {
        let Interpreter { generation, truths, held, values, values_until, .. } = self;
        Memory { generation, truths, held, values, values_until }
    }

    /// Begins a question; rules asked of the result share their work.
    pub fn ask<'i, 'q>(&'i mut self, question: &'q Question<'q>) -> Asked<'i, 'a, 'q> {
        if self.moment.now != question.now {
            self.moment = Moment::new(question.now, self.world.zone);
            self.windows.fill(None);
        }
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.generation = 1;
            self.truths.fill((0, false));
            self.held.fill((0, Held::always(false)));
            self.values.fill((0, None));
            self.values_until.fill((0, None, NEVER));
        }
        Asked { interpreter: self, question }
    }

    /// Whether a rule is true, without its validity.
    pub fn truth(&mut self, rule: RuleId, question: &Question<'_>) -> Truth {
        self.ask(question).truth(rule)
    }

    /// Whether a rule is true, and until when.
    pub fn answer(&mut self, rule: RuleId, question: &Question<'_>) -> Answer {
        self.ask(question).answer(rule)
    }

    /// A value, if it is known.
    pub fn value(&mut self, value: ValueId, question: &Question<'_>) -> Option<Value> {
        self.ask(question).value(value)
    }
}

/// A question that is being answered.
pub struct Asked<'i, 'a, 'q> {
    pub(super) interpreter: &'i mut Interpreter<'a>,
    pub(super) question: &'q Question<'q>,
}

impl<'a, 'q> Asked<'_, 'a, 'q> {
    /// Whether the rule is true: the only truth that selects. Quicker than [`Asked::truth`], which also asks whether
    /// it is false.
    pub fn holds(&mut self, rule: RuleId) -> bool {
        let pair = self.interpreter.rules.pair(rule);
        self.node::<false>(pair.holds, self.question.row).holds
    }

    /// The truth of the rule.
    pub fn truth(&mut self, rule: RuleId) -> Truth {
        if self.holds(rule) {
            return Truth::True;
        }
        let pair = self.interpreter.rules.pair(rule);
        if self.node::<false>(pair.fails, self.question.row).holds { Truth::False } else { Truth::Unknown }
    }

    /// The truth of the rule and its validity.
    pub fn answer(&mut self, rule: RuleId) -> Answer {
        let pair = self.interpreter.rules.pair(rule);
        let holds = self.node::<true>(pair.holds, self.question.row);
        if holds.holds {
            return Answer { truth: Truth::True, until: self.limited(holds.until) };
        }
        let fails = self.node::<true>(pair.fails, self.question.row);
        match fails.holds {
            true => Answer { truth: Truth::False, until: self.limited(fails.until) },
            false => Answer { truth: Truth::Unknown, until: self.limited(holds.until.min(fails.until)) },
        }
    }

    /// Shows a witness, if there is one, how the parts of a rule stand that is about to be asked.
    pub fn witnessed(mut self, rule: RuleId) -> Self {
        if let Some(witness) = &self.interpreter.rules.witness {
            for (part, number) in witness.parts(rule) {
                witness.note(*number, self.truth(*part));
            }
        }
        self
    }

    /// A validity that rests on dates ends where a zone's dates are repeated. While they are, the date that comes next
    /// has begun before, and the validity is the shortest there is.
    fn limited(&self, until: Instant) -> Instant {
        let now = self.question.now;
        until.min(self.interpreter.calendar.next_break(now)).max(Instant(now.0 + 1))
    }

    /// The value, if it is known.
    pub fn value(&mut self, value: ValueId) -> Option<Value> {
        self.known(value, self.question.row)
    }

    /// The value and its validity.
    pub fn value_until(&mut self, value: ValueId) -> (Option<Value>, Instant) {
        let (known, until) = self.known_until(value, self.question.row);
        (known, self.limited(until))
    }

    pub(super) fn moment(&self) -> Moment<'a> {
        self.interpreter.moment
    }

    /// Whether a condition holds.
    pub(super) fn node<const V: bool>(&mut self, id: NodeId, row: Option<&'q EventRow>) -> Held {
        let rules = self.interpreter.rules;
        let index = id.0 as usize;
        let remembered = !rules.condition_depends[index].row;
        if remembered {
            let generation = self.interpreter.generation;
            let (stamp, held) = self.interpreter.held[index];
            if stamp == generation {
                return held;
            }
            if let ((stamp, holds), false) = (self.interpreter.truths[index], V)
                && stamp == generation
            {
                return Held::always(holds);
            }
        }
        let held = self.evaluate::<V>(&rules.conditions.nodes[index], row);
        if remembered {
            let generation = self.interpreter.generation;
            match V {
                true => self.interpreter.held[index] = (generation, held),
                false => self.interpreter.truths[index] = (generation, held.holds),
            }
        }
        held
    }

    pub(super) fn generation(&self) -> u32 {
        self.interpreter.generation
    }

    fn evaluate<const V: bool>(&mut self, node: &'a Node, row: Option<&'q EventRow>) -> Held {
        match node {
            Node::True => Held::always(true),
            Node::False => Held::always(false),
            Node::And(parts) => {
                let mut all = Held::always(true);
                for part in parts {
                    let held = self.node::<V>(*part, row);
                    if !V && !held.holds {
                        return held;
                    }
                    all = all.and(held);
                }
                all
            }
            Node::Or(parts) => {
                // Not all fail: the same law of validity as `and`, mirrored.
                let mut none = Held::always(true);
                for part in parts {
                    let held = self.node::<V>(*part, row);
                    if !V && held.holds {
                        return held;
                    }
                    none = none.and(held.negated());
                }
                none.negated()
            }
            Node::Not(inner) => self.node::<V>(*inner, row).negated(),
            Node::Is { value, truth } => {
                let (known, until) = self.known_for::<V>(*value, row);
                Held { holds: known == Some(Value::Bool(*truth)), until }
            }
            Node::Known(value) => {
                let (known, until) = self.known_for::<V>(*value, row);
                Held { holds: known.is_some(), until }
            }
            Node::Agreed(field) => Held::always(self.agreed(*field)),
            Node::CountCompare { function, left, right, truth } => {
                let (left, left_until) = self.operand::<V>(*left, row);
                let (right, right_until) = self.operand::<V>(*right, row);
                let decided = match (left, right) {
                    (Some((least, most)), Some((lower, upper))) => {
                        super::reach::decide(function, (&least, &most), (&lower, &upper))
                    }
                    _ => None,
                };
                Held { holds: decided == Some(*truth), until: left_until.min(right_until) }
            }
            Node::InWindow { value, window, truth } => {
                let (known, until) = self.known_for::<V>(*value, row);
                let Some(known) = known else { return Held { holds: false, until } };
                let (place, turn) = self.value_place::<V>(&known, *window, row);
                let holds = place == if *truth { Place::In } else { Place::Out };
                Held { holds, until: until.min(turn) }
            }
            Node::Member(list) => Held::always(self.question.facts.lists.contains(list)),
            Node::AtLeast { selection, counted, bound, n } => self.at_least::<V>(*selection, *counted, *bound, *n),
            Node::Followed { first, second, within, bound } => self.followed::<V>(*first, *second, *within, *bound),
            Node::Periods { selection, count, at_least, of, unit, bound } => {
                self.periods::<V>(*selection, *count, *at_least, (*of, *unit), *bound)
            }
            Node::Agrees { purpose, channel } => self.agrees(*purpose, *channel),
            Node::AskedFor { purpose, channel } => {
                let mut consents = self.consents(*purpose, Some(*channel));
                Held::always(consents.any(|consent| consent.state == ConsentState::Asked))
            }
        }
    }

    /// Whether the patron's field that a class requires is true.
    pub(super) fn agreed(&self, field: FieldId) -> bool {
        self.question.facts.field(field) == Some(&Value::Bool(true))
    }

    /// A number, or the range of a count, as its least and its greatest value.
    fn operand<const V: bool>(
        &mut self,
        operand: Operand,
        row: Option<&'q EventRow>,
    ) -> (Option<(Value, Value)>, Instant) {
        match operand {
            Operand::Value(value) => {
                let (known, until) = self.known_for::<V>(value, row);
                (known.map(|known| (known.clone(), known)), until)
            }
            Operand::Count(selection, counted) => {
                let (least, until) = self.count::<V>(selection, counted, Bound::Certain);
                let (most, later) = self.count::<V>(selection, counted, Bound::Possible);
                (Some((Value::Int(least), Value::Int(most))), until.min(later))
            }
        }
    }

    pub(super) fn consents(
        &self,
        purpose: PurposeId,
        channel: Option<Channel>,
    ) -> impl Iterator<Item = &'q Consent> + use<'q> {
        let of = move |consent: &&Consent| {
            consent.purpose == purpose && channel.is_none_or(|channel| consent.channel == channel)
        };
        self.question.facts.consents.iter().filter(of)
    }

    /// The last date of a consent that was given; `None`: it has no end.
    pub(super) fn last_date(&self, consent: &Consent) -> Option<Day> {
        let expires = self.interpreter.world.catalogue.purpose(consent.purpose).expires_after;
        consent.until.or_else(|| expires.map(|after| consent.on.plus(after).plus_days(-1)))
    }

    fn agrees(&self, purpose: PurposeId, channel: Option<Channel>) -> Held {
        if !self.interpreter.world.catalogue.purpose(purpose).needs_consent {
            return Held::always(true);
        }
        let (today, calendar) = (self.moment().today, &self.interpreter.calendar);
        let given = self.consents(purpose, channel).filter(|consent| consent.state == ConsentState::Given);
        let in_force = given.map(|consent| {
            let last = self.last_date(consent);
            let turns = [Some(consent.on), last.map(|last| last.plus_days(1))];
            let until = turns.into_iter().flatten().find(|turn| *turn > today);
            let holds = consent.on <= today && last.is_none_or(|last| today <= last);
            Held { holds, until: until.map_or(NEVER, |turn| calendar.starts(turn)) }
        });
        in_force.fold(Held::always(true), |none, held| none.and(held.negated())).negated()
    }
}
