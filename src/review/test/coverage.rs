//! Which parts of which rules the tests decided: a part that was never seen both true and false could as well be
//! missing.
//!
//! Whatever the engine asks at a tick or a delivery is seen as it stands then ([`Witness`]). Rules about a patron alone
//! are besides tried where a test expects something, as a segment need not be used by a campaign.

use std::sync::Arc;

use crate::catalogue::{ClassSet, EventId, Type};
use crate::diagnostic::Span;
use crate::engine::Plan;
use crate::eval::{Interpreter, Question, RuleId, Rules, Truth, Witness, World};
use crate::map::{Map, Set};
use crate::program::{Audience, Campaign, Program, StartKind, StepKind};
use crate::rule::{Expr, Kind, SegmentId};
use crate::store::StoreError;
use crate::symbol::Symbol;

use super::expect::source;
use super::stage::Stage;

/// A part of a rule that no test decided.
#[derive(Clone, PartialEq, Debug)]
pub struct Undecided {
    pub span: Span,
    /// `segment lapsed`, `campaign welcome: the exit`.
    pub rule: String,
    /// The part, as the author wrote it.
    pub part: String,
    /// How it stood in the tests, of the part as it is written: `always true`, `never false`, `never asked`.
    pub stood: &'static str,
}

/// What the tests have seen so far.
pub(super) struct Coverage<'p> {
    program: &'p Program,
    conditions: Vec<Condition<'p>>,
    parts: Vec<Part>,
    by_span: Map<Span, Place>,
    /// Of the rules about a patron alone.
    rules: Rules,
    alone: Vec<(RuleId, usize)>,
}

/// A rule of the program.
struct Condition<'p> {
    /// Within its campaign, if it has one.
    name: String,
    campaign: Option<Symbol>,
    expr: &'p Expr,
    served: ClassSet,
    /// The event that the `where` of a start is about.
    event: Option<EventId>,
    /// It asks neither for the start nor for its event.
    is_alone: bool,
}

struct Part {
    rule: String,
    span: Span,
    /// The list in which it stands, if it is a value of one.
    list: Option<Span>,
    /// By [`Truth`].
    seen: [bool; 3],
}

/// Where a part stands: `not X` beside `X` in one rule is the same part.
#[derive(Clone, Copy)]
struct Place {
    number: usize,
    negated: bool,
}

impl<'p> Coverage<'p> {
    /// The parts of all segments and of all conditions of campaigns.
    pub fn new(program: &'p Program) -> Coverage<'p> {
        let (conditions, rules) = (conditions(program), Rules::new());
        let mut coverage =
            Coverage { program, conditions, parts: Vec::new(), by_span: Map::default(), rules, alone: Vec::new() };
        for index in 0..coverage.conditions.len() {
            coverage.add(index);
        }
        coverage
    }

    fn add(&mut self, index: usize) {
        let Condition { name, expr, served, event, is_alone, .. } = &self.conditions[index];
        let mut within: Map<RuleId, Place> = Map::default();
        for (part, list) in parts(expr) {
            // A segment's own parts are told where it is declared.
            if matches!(part.kind, Kind::Segment(_)) {
                continue;
            }
            let id = lowered(&mut self.rules, self.program, part, *served, *event);
            let opposite = lowered(&mut self.rules, self.program, &not(part), *served, *event);
            let known = self.by_span.get(&part.span).or_else(|| within.get(&id)).copied();
            let place = known.unwrap_or_else(|| {
                self.parts.push(Part { rule: name.clone(), span: part.span, list, seen: [false; 3] });
                Place { number: self.parts.len() - 1, negated: false }
            });
            self.by_span.insert(part.span, place);
            within.insert(id, place);
            within.insert(opposite, Place { negated: !place.negated, ..place });
            if *is_alone {
                self.alone.push((if place.negated { opposite } else { id }, place.number));
            }
        }
    }

    /// Lets a plan show what its engine asks.
    pub fn witness(&self, plan: &mut Plan<'p>) -> Arc<Witness> {
        let mut witness = Witness::new(self.parts.len());
        for condition in &self.conditions {
            let Condition { campaign, expr, served, event, .. } = condition;
            if campaign.is_none_or(|name| plan.find(name.as_str()).is_none()) {
                continue;
            }
            let rule = lowered(&mut plan.rules, self.program, expr, *served, *event);
            for (part, event) in self.parts_with_segments(expr, *event) {
                let Some(place) = self.by_span.get(&part.span) else { continue };
                let negated = place.negated.then(|| not(part));
                let part = lowered(&mut plan.rules, self.program, negated.as_ref().unwrap_or(part), *served, event);
                witness.watch(rule, part, place.number);
            }
        }
        let witness = Arc::new(witness);
        plan.rules.shown_to(witness.clone());
        witness
    }

    /// The parts of a rule and of the segments that it uses, with the event that they are about.
    fn parts_with_segments(&self, expr: &'p Expr, event: Option<EventId>) -> Vec<(&'p Expr, Option<EventId>)> {
        let mut found = Vec::new();
        let mut entered: Set<SegmentId> = Set::default();
        let mut waiting = vec![(expr, event)];
        while let Some((expr, event)) = waiting.pop() {
            for (part, _) in parts(expr) {
                match part.kind {
                    Kind::Segment(id) if entered.insert(id) => waiting.push((&self.program.segment(id).body, None)),
                    Kind::Segment(_) => {}
                    _ => found.push((part, event)),
                }
            }
        }
        found
    }

    /// Takes over what a witness saw.
    pub fn hear(&mut self, witness: &Witness) {
        for (number, part) in self.parts.iter_mut().enumerate() {
            for truth in [Truth::True, Truth::False, Truth::Unknown] {
                part.seen[truth as usize] |= witness.saw(number, truth);
            }
        }
    }

    /// Notes how every part about a patron alone now stands for everybody on the stage.
    pub fn look(&mut self, stage: &mut Stage<'_>) -> Result<(), StoreError> {
        if self.alone.iter().all(|(_, number)| self.parts[*number].is_decided()) {
            return Ok(());
        }
        let tables = stage.tables()?;
        let world = World::of(self.program, &tables);
        for patron in stage.store.reader().patrons()? {
            let Some(facts) = stage.facts(patron)? else { continue };
            let question = Question::of(&facts, stage.now);
            let mut interpreter = Interpreter::new(&self.rules, &world);
            let mut asked = interpreter.ask(&question);
            for (rule, number) in &self.alone {
                self.parts[*number].seen[asked.truth(*rule) as usize] = true;
            }
        }
        Ok(())
    }

    /// What remains.
    pub fn undecided(&self) -> Vec<Undecided> {
        let open = self.parts.iter().filter(|part| !part.is_decided());
        open.map(|part| Undecided {
            span: part.span,
            rule: part.rule.clone(),
            part: match part.list {
                Some(list) => format!("{} of {}", source(self.program, part.span), source(self.program, list)),
                None => source(self.program, part.span),
            },
            stood: match part.seen {
                [false, false, false] => "never asked",
                [true, false, false] => "always true",
                [false, true, false] => "always false",
                [false, false, true] => "always unknown",
                [true, false, true] => "never false",
                _ => "never true",
            },
        })
        .collect()
    }
}

impl Part {
    fn is_decided(&self) -> bool {
        self.seen[Truth::True as usize] && self.seen[Truth::False as usize]
    }
}

/// What an author reads as one test each: the operands of `and`, `or` and `not`, but no further than what is written
/// there: `is not` and `between` are made of several and have one place. The values of a list (`is one of (a, b)`) are
/// tests each, with the place of the list.
fn parts(condition: &Expr) -> Vec<(&Expr, Option<Span>)> {
    let mut found = Vec::new();
    collect(condition, &mut found);
    found
}

fn collect<'e>(condition: &'e Expr, found: &mut Vec<(&'e Expr, Option<Span>)>) {
    // The exceptions in the condition of `on entering` have the place of the start, and parts of their own.
    let is_apart = |inner: &Expr| matches!(&inner.kind, Kind::Not(of) if of.span != inner.span);
    let is_one = |inner: &Expr| inner.span == condition.span && !is_apart(inner);
    match &condition.kind {
        Kind::Literal(_) => {}
        Kind::And(inner) | Kind::Or(inner) if inner.iter().all(is_value) => {
            found.extend(inner.iter().map(|value| (value, Some(condition.span))));
        }
        Kind::And(inner) | Kind::Or(inner) if !inner.iter().any(is_one) => {
            inner.iter().for_each(|part| collect(part, found));
        }
        Kind::Not(inner) => match &inner.kind {
            _ if !is_one(inner) => collect(inner, found),
            // `not in SEGMENT` is one place, and its parts are the segment's; so is `is not one of (a, b)`.
            Kind::Segment(_) | Kind::Or(_) => collect(inner, found),
            _ => found.push((condition, None)),
        },
        _ => found.push((condition, None)),
    }
}

/// A test that has the place of the value to which something is compared.
fn is_value(test: &Expr) -> bool {
    matches!(&test.kind, Kind::Call { arguments, .. } if arguments.iter().any(|argument| argument.span == test.span))
}

fn not(part: &Expr) -> Expr {
    Expr { kind: Kind::Not(Box::new(part.clone())), ty: Type::Bool, span: part.span }
}

fn lowered(rules: &mut Rules, program: &Program, expr: &Expr, served: ClassSet, event: Option<EventId>) -> RuleId {
    match event {
        Some(event) => rules.add_for_event(&program.segments, &program.catalogue, event, Some(expr), served),
        None => rules.add(&program.segments, &program.catalogue, expr, served),
    }
}

/// Every condition of a program, in the order in which what is undecided is told.
fn conditions(program: &Program) -> Vec<Condition<'_>> {
    let mut found: Vec<Condition<'_>> = Vec::new();
    for segment in &program.segments {
        let name = format!("segment {}", segment.name);
        let (expr, served) = (&segment.body, ClassSet::EMPTY);
        found.push(Condition { name, campaign: None, expr, served, event: None, is_alone: true });
    }
    for campaign in &program.campaigns {
        let mut add = |what: &str, expr, event, is_alone| {
            let (name, served) = (format!("campaign {}: the {what}", campaign.name), campaign.served);
            found.push(Condition { name, campaign: Some(campaign.name), expr, served, event, is_alone });
        };
        if let Audience::Rule(rule) = &campaign.audience {
            add("audience", rule, None, true);
        }
        campaign.except.iter().for_each(|rule| add("exception", rule, None, true));
        match &campaign.start.kind {
            StartKind::Becomes { condition, .. } | StartKind::Leaves { condition } => {
                add("start", condition, None, true);
            }
            StartKind::Event { event, condition: Some(condition), .. }
            | StartKind::EventDate { event, condition: Some(condition), .. } => {
                add("start", condition, Some(*event), false);
            }
            _ => {}
        }
        campaign.exit.iter().for_each(|rule| add("exit", rule, None, false));
        campaign.goal.iter().for_each(|(rule, _)| add("goal", rule, None, false));
        steps(campaign, &mut |what, expr| add(what, expr, None, false));
    }
    found
}

/// The conditions of a campaign's steps.
fn steps<'p>(campaign: &'p Campaign, add: &mut dyn FnMut(&str, &'p Expr)) {
    campaign.each_step(&mut |step| match &step.kind {
        StepKind::Send { condition: Some(condition), .. } => add("condition of a `send`", condition),
        StepKind::WaitUpTo { until, .. } => add("`until` of a `wait`", until),
        StepKind::Repeat { until: Some(until), .. } => add("`until` of a `repeat`", until),
        StepKind::If { branches, .. } => branches.iter().for_each(|(condition, _)| add("`if`", condition)),
        _ => {}
    });
}
