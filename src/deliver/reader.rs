//! What is known of a reader at delivery, answered by the interpreter.
//!
//! [`Readings`] lowers every expression of a program's messages once, for each set of classes that campaigns serve; an
//! [`EvalReader`] answers for one patron.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::marker::PhantomData;

use crate::catalogue::{ClassSet, EventId, FeedId, Type, Value};
use crate::eval::{Interpreter, Memory, Question, RuleId, Rules, ValueId, World};
use crate::map::Map;
use crate::message::{Reader, Row};
use crate::program::Program;
use crate::rule::{EventRow, Expr};

/// The expressions of all messages, lowered.
pub struct Readings<'p> {
    rules: Rules,
    /// By the place of the expression in the program, and the classes that are served.
    lowered: Map<(usize, ClassSet), Lowered>,
    program: PhantomData<&'p Program>,
}

#[derive(Clone, Copy)]
enum Lowered {
    Condition(RuleId),
    Value(ValueId),
}

impl<'p> Readings<'p> {
    /// Of the messages of `program`, for the campaigns that it has.
    pub fn new(program: &'p Program) -> Readings<'p> {
        let served: BTreeSet<u64> = program.campaigns.iter().map(|campaign| campaign.served.0).collect();
        let mut readings = Readings { rules: Rules::new(), lowered: Map::default(), program: PhantomData };
        for served in served.into_iter().map(ClassSet) {
            for message in &program.messages {
                message.each_expression(&mut |expr| readings.add(program, expr, served));
            }
        }
        readings
    }

    fn add(&mut self, program: &Program, expr: &Expr, served: ClassSet) {
        let lowered = match expr.ty {
            Type::Bool => Lowered::Condition(self.rules.add(&program.segments, &program.catalogue, expr, served)),
            _ => Lowered::Value(self.rules.add_value(&program.segments, &program.catalogue, expr, served)),
        };
        self.lowered.insert((place(expr), served), lowered);
    }
}

/// Names an expression of a program as long as the program is borrowed.
fn place(expr: &Expr) -> usize {
    std::ptr::from_ref(expr).addr()
}

/// One reader at one instant.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// The patron, now, the start and (without `together`) the event of the start.
    pub question: Question<'a>,
    /// The classes that the campaign serves.
    pub served: ClassSet,
    /// The events that a start with `together` gathered, in order; those that the store deleted are left out.
    pub events: &'a [(EventId, &'a EventRow)],
    /// The rows of a feed.
    pub feed: &'a dyn Fn(FeedId) -> Vec<Vec<Option<Value>>>,
}

/// Answers for one reader.
pub struct EvalReader<'a> {
    readings: &'a Readings<'a>,
    situation: Situation<'a>,
    interpreter: RefCell<Interpreter<'a>>,
}

impl<'a> EvalReader<'a> {
    /// For a reader of a message of the program that `readings` was made of.
    pub fn new(readings: &'a Readings<'a>, world: &'a World<'a>, situation: Situation<'a>) -> EvalReader<'a> {
        EvalReader::with(readings, world, situation, Memory::default())
    }

    /// The same with the memory of the reader before.
    pub fn with(
        readings: &'a Readings<'a>,
        world: &'a World<'a>,
        situation: Situation<'a>,
        memory: Memory,
    ) -> EvalReader<'a> {
        let interpreter = Interpreter::with(&readings.rules, world, memory);
        EvalReader { readings, situation, interpreter: RefCell::new(interpreter) }
    }

    /// Its memory, for the next one.
    pub fn into_memory(self) -> Memory {
        self.interpreter.into_inner().into_memory()
    }

    fn lowered(&self, expr: &Expr) -> Lowered {
        let found = self.readings.lowered.get(&(place(expr), self.situation.served));
        *found.expect("every expression of the program's messages was lowered for every campaign")
    }

    fn question<'q>(&'q self, row: Row<'q>) -> Question<'q> {
        let event = row.event.and_then(|index| self.situation.events.get(index));
        Question {
            event: event.map_or(self.situation.question.event, |&(id, row)| Some((id, Some(row)))),
            feed_row: row.feed,
            ..self.situation.question
        }
    }
}

impl Reader for EvalReader<'_> {
    fn value(&self, expr: &Expr, row: Row<'_>) -> Option<Value> {
        match self.lowered(expr) {
            Lowered::Value(value) => self.interpreter.borrow_mut().value(value, &self.question(row)),
            Lowered::Condition(_) => Some(Value::Bool(self.is_true(expr, row))),
        }
    }

    fn is_true(&self, condition: &Expr, row: Row<'_>) -> bool {
        match self.lowered(condition) {
            Lowered::Condition(rule) => self.interpreter.borrow_mut().ask(&self.question(row)).holds(rule),
            Lowered::Value(value) => {
                let value = self.interpreter.borrow_mut().value(value, &self.question(row));
                value.is_some_and(|value| value.as_bool() == Some(true))
            }
        }
    }

    fn events(&self) -> usize {
        self.situation.events.len()
    }

    fn feed(&self, feed: FeedId) -> Vec<Vec<Option<Value>>> {
        (self.situation.feed)(feed)
    }
}
