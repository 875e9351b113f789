//! A campaign's steps as a flat list of operations, each with a place that survives edits.
//!
//! A place names a step by its content: the blocks around it, what it says, and what the step before it says. An enrolment
//! remembers its place, not a number, so a program may change under it: it goes on where the new version keeps the place.
//! Of two equal waits each is so known by what it waits after, and where that is equal too by how many there are: an edit
//! of one never makes the other its heir. A message is remembered by another name, independent of the blocks around it, so
//! that nobody gets it twice because a line was moved.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use crate::catalogue::{Channel, ListId};
use crate::engine::fingerprint::{Fingerprints, digest};
use crate::engine::plan::Compiler;
use crate::eval::{RuleId, ValueId};
use crate::program::{Campaign, Program, Recipient, SplitNames, Step, StepKind, Together};
use crate::rule::Expr;
use crate::time::{Day, Duration, TimeOfDay, Unit, Weekday};

/// The compiled steps.
#[derive(Clone, Debug)]
pub struct Journey<'p> {
    pub ops: Vec<Op<'p>>,
    /// The place of each operation.
    places: Vec<String>,
    by_name: HashMap<String, usize>,
    /// Everything that the steps say, also what is no part of their places.
    said: String,
}

/// One operation. A `usize` is the index of the operation to go on with.
#[derive(Clone, Debug)]
pub enum Op<'p> {
    Send(Send<'p>),
    Wait(Duration),
    WaitTime {
        weekday: Option<Weekday>,
        at: TimeOfDay,
    },
    WaitDate {
        date: ValueId,
        offset: Lead,
    },
    /// Goes on with the next operation when `until` is true, with `otherwise` when the time has passed.
    WaitUpTo {
        at_most: Duration,
        until: RuleId,
        otherwise: usize,
    },
    /// Goes on with the next operation if it is true, else with `otherwise`.
    Test {
        condition: RuleId,
        otherwise: usize,
    },
    Jump(usize),
    /// Percents, each with where its arm begins; `ordinal`: which split of the campaign it is, in the order of the text.
    Split {
        ordinal: usize,
        name: String,
        arms: Vec<(i64, usize)>,
    },
    /// Before each round. `after`: where the journey goes on when there is no further round.
    Repeat {
        every: Duration,
        up_to: i64,
        until: Option<RuleId>,
        after: usize,
    },
    /// The end of a round: back to its `Repeat`.
    Round(usize),
    AddTo(ListId),
    RemoveFrom(ListId),
    Publish {
        message: usize,
        channels: &'p [Channel],
        until: Option<Day>,
        name: StepName,
    },
    Stop,
}

/// A message to a patron, a guardian or the staff.
#[derive(Clone, Debug)]
pub struct Send<'p> {
    /// Index of `Program::messages`.
    pub message: usize,
    pub to: To,
    pub channels: &'p [Channel],
    pub condition: Option<RuleId>,
    pub name: StepName,
}

/// Names a step that sends or publishes within the campaign, wherever it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepName {
    /// The message and the recipient.
    pub content: String,
    /// Which of those that are equal it is at most, on a way through the steps: 1 is the first.
    pub ordinal: usize,
    /// How many equal ones may come after it.
    pub ahead: usize,
}

impl StepName {
    /// As the outbox has it, if it were the `ordinal`-th.
    pub fn written(&self, ordinal: usize) -> String {
        let content = &self.content;
        if ordinal == 1 { content.clone() } else { format!("{content} ({ordinal})") }
    }
}

/// To whom a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    Patron,
    Guardian,
    /// At the e-mail address that is the value.
    Staff(ValueId),
}

/// How long before (negative) or after a date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lead {
    None,
    Fixed(Duration),
    /// As many of the unit as the value says, unless it is negative.
    Field {
        count: ValueId,
        unit: Unit,
        after: bool,
    },
}

impl Op<'_> {
    /// Whether an enrolment that comes to it may go on in another version: it is no joint between steps, and not the end.
    pub fn is_step(&self) -> bool {
        !matches!(self, Op::Jump(_) | Op::Round(_) | Op::Stop)
    }

    fn name(&self) -> Option<&StepName> {
        match self {
            Op::Send(Send { name, .. }) | Op::Publish { name, .. } => Some(name),
            _ => None,
        }
    }

    fn name_mut(&mut self) -> Option<&mut StepName> {
        match self {
            Op::Send(Send { name, .. }) | Op::Publish { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The operations that may come after it, which is the one at `index`. All are further on: a `repeat` is left when
    /// its round ends.
    fn next<'o>(&'o self, index: usize, ops: &'o [Op<'_>]) -> impl Iterator<Item = usize> + 'o {
        let (one, other, arms): (_, _, &[(i64, usize)]) = match self {
            Op::Stop => (None, None, &[]),
            Op::WaitUpTo { otherwise, .. } | Op::Test { otherwise, .. } => (Some(index + 1), Some(*otherwise), &[]),
            Op::Repeat { after, .. } => (Some(index + 1), Some(*after), &[]),
            Op::Jump(to) => (Some(*to), None, &[]),
            Op::Round(head) => match ops[*head] {
                Op::Repeat { after, .. } => (Some(after), None, &[]),
                _ => unreachable!("a round goes back to its repeat"),
            },
            Op::Split { arms, .. } => (None, None, arms),
            _ => (Some(index + 1), None, &[]),
        };
        one.into_iter().chain(other).chain(arms.iter().map(|(_, to)| *to))
    }
}

impl<'p> Journey<'p> {
    /// The journey of a campaign. `former`: the fingerprints that older stores have.
    pub fn new(
        program: &'p Program,
        [fingerprints, former]: [&Fingerprints<'p>; 2],
        compiler: &mut Compiler<'p>,
        campaign: &'p Campaign,
    ) -> Journey<'p> {
        let (ops, places, said) = (Vec::new(), Vec::new(), String::new());
        let by = Said { program, fingerprints };
        let former = Former { by: Said { program, fingerprints: former }, names: Vec::new() };
        let mut lowering =
            Lowering { by, former, compiler, ops, places, said, splits: 0, split_names: SplitNames::default() };
        // Messages of rows that are gathered say `events`, others `event`.
        let is_together = campaign.start.kind.together() != Together::No;
        let block = if is_together { "together" } else { "" }.to_owned();
        lowering.block(&campaign.steps, Around { block, ..Around::default() });
        lowering.push(Op::Stop, "end".into());
        count_equal(&mut lowering.ops);
        let names = lowering.places.iter().cloned().enumerate().rev().map(|(index, place)| (place, index));
        let by_name = lowering.former.names.into_iter().rev().chain(names).collect();
        Journey { by_name, ops: lowering.ops, places: lowering.places, said: digest(&lowering.said) }
    }

    /// The place of an operation.
    pub fn place(&self, op: usize) -> &str {
        &self.places[op]
    }

    /// Whether both have the same steps in the same order.
    pub fn is_like(&self, other: &Journey<'_>) -> bool {
        self.places == other.places && self.said == other.said
    }

    /// What the steps send that may come at or after an operation (`send hello`).
    pub fn sends(&self, from: usize) -> BTreeSet<&str> {
        let mut comes = vec![false; self.ops.len()];
        let mut found = BTreeSet::new();
        let mut ahead = vec![from];
        while let Some(index) = ahead.pop() {
            if !std::mem::replace(&mut comes[index], true) {
                found.extend(self.ops[index].name().map(|name| name.content.as_str()));
                ahead.extend(self.following(index));
            }
        }
        found
    }

    /// The first operations behind `from` that `newer` has as well, and where it has them: from there on an enrolment goes
    /// on in that.
    pub fn leads_to(&self, from: usize, newer: &Journey<'_>) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut seen = vec![false; self.ops.len()];
        let mut ahead: Vec<usize> = self.following(from).collect();
        while let Some(index) = ahead.pop() {
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            match newer.find(&self.places[index]).filter(|_| self.ops[index].is_step()) {
                Some(at) => found.push((index, at)),
                None => ahead.extend(self.following(index)),
            }
        }
        found
    }

    /// The operations that may come after the one at `index`, also in another round.
    fn following(&self, index: usize) -> impl Iterator<Item = usize> {
        let op = &self.ops[index];
        let again = if let Op::Round(head) = op { Some(*head) } else { None };
        op.next(index, &self.ops).chain(again)
    }

    /// The operation at a place, if this version has it. Older stores have places of two names, with a blank between them.
    pub fn find(&self, place: &str) -> Option<usize> {
        place.split(' ').find_map(|name| self.by_name.get(name).copied())
    }
}

struct Lowering<'a, 'p> {
    by: Said<'a, 'p>,
    former: Former<'a, 'p>,
    compiler: &'a mut Compiler<'p>,
    ops: Vec<Op<'p>>,
    places: Vec<String>,
    said: String,
    splits: usize,
    split_names: SplitNames,
}

/// Says what a step says.
#[derive(Clone, Copy)]
struct Said<'a, 'p> {
    program: &'p Program,
    fingerprints: &'a Fingerprints<'p>,
}

impl Said<'_, '_> {
    /// What a step says beside its content.
    fn rest(&self, step: &StepKind) -> String {
        let said = |expr: &Option<Expr>| expr.as_ref().map_or_else(String::new, |expr| self.fingerprints.expr(expr));
        match step {
            StepKind::Send { to, channels, condition, .. } => {
                let staff = match to {
                    Recipient::Staff(address) => self.fingerprints.expr(address),
                    Recipient::Patron | Recipient::Guardian => String::new(),
                };
                format!("{channels:?} {} {staff}", said(condition))
            }
            StepKind::Publish { channels, until, .. } => format!("{channels:?} {until:?}"),
            StepKind::Split(arms) => format!("{:?}", arms.iter().map(|(percent, _)| percent).collect::<Vec<_>>()),
            StepKind::Repeat { up_to, .. } => up_to.to_string(),
            _ => String::new(),
        }
    }

    /// What a step says by itself, without the blocks inside it.
    fn content(&self, step: &StepKind) -> String {
        let fingerprints = self.fingerprints;
        match step {
            StepKind::Send { message, to, .. } => self.send_content(*message, to),
            StepKind::Wait(duration) => format!("wait {duration}"),
            StepKind::WaitTime { weekday, at } => format!("wait until {weekday:?} {at}"),
            StepKind::WaitDate { date, offset } => {
                format!("wait until {} {}", fingerprints.offset(offset), fingerprints.expr(date))
            }
            StepKind::WaitUpTo { at_most, until, .. } => {
                format!("wait up to {at_most} until {}", fingerprints.expr(until))
            }
            StepKind::If { branches, .. } => {
                let conditions: Vec<String> =
                    branches.iter().map(|(condition, _)| fingerprints.expr(condition)).collect();
                format!("if {}", conditions.join(" else if "))
            }
            StepKind::Split(arms) => format!("split {}", arms.len()),
            StepKind::Repeat { every, until, .. } => {
                format!("repeat {every} {}", until.as_ref().map_or_else(String::new, |until| fingerprints.expr(until)))
            }
            StepKind::AddTo(list) => format!("add to {}", fingerprints.list(*list)),
            StepKind::RemoveFrom(list) => format!("remove from {}", fingerprints.list(*list)),
            StepKind::Stop => "stop".into(),
            StepKind::Publish { message, .. } => format!("publish {}", self.program.messages[*message].name),
        }
    }

    fn send_content(&self, message: usize, to: &Recipient) -> String {
        let name = self.program.messages[message].name;
        match to {
            Recipient::Patron => format!("send {name}"),
            Recipient::Guardian => format!("send {name} to guardian"),
            Recipient::Staff(_) => format!("send {name} to staff"),
        }
    }
}

/// The places that steps have in older stores.
struct Former<'a, 'p> {
    by: Said<'a, 'p>,
    names: Vec<(String, usize)>,
}

/// What steps are called by that stand inside a block.
#[derive(Clone, Default)]
struct Around {
    block: String,
    /// The same in older stores: without a mark, and before that without how many are equal.
    former: [String; 2],
}

impl Around {
    /// One of the blocks of a step.
    fn inside(&self, block: &str) -> Around {
        let inside = |of: &String| format!("{of}/{block}");
        Around { block: inside(&self.block), former: self.former.each_ref().map(inside) }
    }
}

/// What a step is called.
struct Name {
    place: String,
    around: Around,
}

/// Counts the equal ones before and after each step that sends, on the way through the steps that has the most of them.
/// The rounds of a `repeat` count as one.
fn count_equal(ops: &mut [Op<'_>]) {
    let mut alike: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, op) in ops.iter().enumerate() {
        if let Some(name) = op.name() {
            alike.entry(name.content.clone()).or_default().push(index);
        }
    }
    for those in alike.into_values().filter(|those| those.len() > 1) {
        let (mut before, mut after) = (vec![0; ops.len()], vec![0; ops.len()]);
        for index in 0..ops.len() {
            let passed = before[index] + usize::from(those.binary_search(&index).is_ok());
            ops[index].next(index, ops).for_each(|next| before[next] = passed.max(before[next]));
        }
        for index in (0..ops.len()).rev() {
            let follows = |next: usize| after[next] + usize::from(those.binary_search(&next).is_ok());
            after[index] = ops[index].next(index, ops).map(follows).max().unwrap_or(0);
        }
        for index in those {
            let name = ops[index].name_mut().expect("it is among those that have one");
            (name.ordinal, name.ahead) = (before[index] + 1, after[index]);
        }
    }
}

impl<'p> Lowering<'_, 'p> {
    fn push(&mut self, op: Op<'p>, place: String) -> usize {
        self.ops.push(op);
        self.places.push(place);
        self.ops.len() - 1
    }

    fn block(&mut self, steps: &'p [Step], around: Around) {
        let contents: Vec<String> = steps.iter().map(|step| self.by.content(&step.kind)).collect();
        let former: Vec<String> = steps.iter().map(|step| self.former.by.content(&step.kind)).collect();
        let before = |of: &'_ [String], at: usize| if at == 0 { String::new() } else { of[at - 1].clone() };
        let is_like = |one: usize, other: usize| {
            contents[one] == contents[other] && before(&contents, one) == before(&contents, other)
        };
        for (at, (step, content)) in steps.iter().zip(&contents).enumerate() {
            let number = (0..at).filter(|other| is_like(*other, at)).count();
            let of = (0..contents.len()).filter(|other| is_like(*other, at)).count();
            let among = if of == 1 { String::new() } else { format!(" of {of}") };
            let numbered = |around: &str, of: &[String]| format!("{around}/{}>{}#{number}", before(of, at), of[at]);
            // The mark tells it from the places of older stores, of which one of several equal steps may have this name.
            let place = format!("={}", digest(&(numbered(&around.block, &contents) + &among)));
            let [unmarked, uncounted] = &around.former;
            let unmarked = digest(&(numbered(unmarked, &former) + &among));
            let mut uncounted = digest(&numbered(uncounted, &former));
            self.former.names.extend([&unmarked, &uncounted].map(|name| (name.clone(), self.ops.len())));
            if former.iter().filter(|other| **other == former[at]).count() == 1 {
                uncounted = digest(&format!("{}/{}#0", around.former[1], former[at]));
                self.former.names.push((uncounted.clone(), self.ops.len()));
            }
            let _ = writeln!(self.said, "{}/{content} {}", around.block, self.by.rest(&step.kind));
            let around = Around { block: place.clone(), former: [unmarked, uncounted] };
            self.step(&step.kind, Name { around, place });
        }
    }

    fn step(&mut self, step: &'p StepKind, Name { place, around }: Name) {
        match step {
            StepKind::Send { message, to, channels, condition } => {
                let name = StepName { content: self.by.send_content(*message, to), ordinal: 1, ahead: 0 };
                let to = match to {
                    Recipient::Patron => To::Patron,
                    Recipient::Guardian => To::Guardian,
                    Recipient::Staff(address) => To::Staff(self.compiler.value(address)),
                };
                let condition = condition.as_ref().map(|condition| self.compiler.rule(condition));
                let send = Send { message: *message, to, channels, condition, name };
                self.push(Op::Send(send), place);
            }
            StepKind::Publish { message, channels, until } => {
                let name = StepName { content: self.by.content(step), ordinal: 1, ahead: 0 };
                self.push(Op::Publish { message: *message, channels, until: *until, name }, place);
            }
            StepKind::Wait(duration) => drop(self.push(Op::Wait(*duration), place)),
            StepKind::WaitTime { weekday, at } => drop(self.push(Op::WaitTime { weekday: *weekday, at: *at }, place)),
            StepKind::WaitDate { date, offset } => {
                let op = Op::WaitDate { date: self.compiler.value(date), offset: self.compiler.lead(offset) };
                self.push(op, place);
            }
            StepKind::WaitUpTo { at_most, until, then, otherwise } => {
                let until = self.compiler.rule(until);
                let head = self.push(Op::WaitUpTo { at_most: *at_most, until, otherwise: 0 }, place);
                self.block(then, around.inside("then"));
                let jump = self.push(Op::Jump(0), around.inside("end").block);
                let start = self.ops.len();
                self.block(otherwise, around.inside("else"));
                let end = self.ops.len();
                self.ops[head] = Op::WaitUpTo { at_most: *at_most, until, otherwise: start };
                self.ops[jump] = Op::Jump(end);
            }
            StepKind::If { branches, otherwise } => self.branches(branches, otherwise, Name { place, around }),
            StepKind::Split(arms) => {
                let ordinal = self.splits;
                self.splits += 1;
                let name = self.split_names.next(self.by.program, arms);
                let head = self.push(Op::Split { ordinal, name: name.clone(), arms: Vec::new() }, place);
                let mut targets = Vec::new();
                let mut jumps = Vec::new();
                for (index, (share, steps)) in arms.iter().enumerate() {
                    targets.push((*share, self.ops.len()));
                    self.block(steps, around.inside(&format!("arm {index}")));
                    jumps.push(self.push(Op::Jump(0), around.inside(&format!("arm-{index}-end")).block));
                }
                let end = self.ops.len();
                self.ops[head] = Op::Split { ordinal, name, arms: targets };
                for jump in jumps {
                    self.ops[jump] = Op::Jump(end);
                }
            }
            StepKind::Repeat { every, up_to, until, body } => {
                let until = until.as_ref().map(|until| self.compiler.rule(until));
                let repeat = |after| Op::Repeat { every: *every, up_to: *up_to, until, after };
                let head = self.push(repeat(0), place);
                self.block(body, around.inside("round"));
                self.push(Op::Round(head), around.inside("end").block);
                self.ops[head] = repeat(self.ops.len());
            }
            StepKind::AddTo(list) => drop(self.push(Op::AddTo(*list), place)),
            StepKind::RemoveFrom(list) => drop(self.push(Op::RemoveFrom(*list), place)),
            StepKind::Stop => drop(self.push(Op::Stop, place)),
        }
    }

    fn branches(&mut self, branches: &'p [(Expr, Vec<Step>)], otherwise: &'p [Step], Name { place, around }: Name) {
        let mut jumps = Vec::new();
        for (index, (condition, steps)) in branches.iter().enumerate() {
            let name = if index == 0 { place.clone() } else { around.inside(&format!("test-{index}")).block };
            let condition = self.compiler.rule(condition);
            let test = self.push(Op::Test { condition, otherwise: 0 }, name);
            self.block(steps, around.inside(&format!("if {index}")));
            jumps.push(self.push(Op::Jump(0), around.inside(&format!("if-{index}-end")).block));
            self.ops[test] = Op::Test { condition, otherwise: self.ops.len() };
        }
        self.block(otherwise, around.inside("else"));
        let end = self.ops.len();
        for jump in jumps {
            self.ops[jump] = Op::Jump(end);
        }
    }
}
