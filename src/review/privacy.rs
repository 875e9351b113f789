//! The record of processing (section 10): which campaign reads which class of data, why it may, and where.
//!
//! Made from the program alone: it needs no store and shows no patron.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::catalogue::{Catalogue, ClassId};
use crate::diagnostic::Span;
use crate::message::Message;
use crate::message::template::Used;
use crate::program::{Audience, Campaign, Program, Recipient, StartKind, Step, StepKind};
use crate::rule::visit::private_reads;
use crate::rule::{Expr, Kind, Read, SegmentId};

/// What one campaign processes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Processing {
    pub campaign: String,
    pub title: Option<String>,
    /// Linted and dry-run, never ticked.
    pub draft: bool,
    pub purpose: String,
    pub purpose_title: Option<String>,
    pub needs_consent: bool,
    /// How long a consent holds, as the program writes it.
    pub consent_expires_after: Option<String>,
    pub channels: Vec<String>,
    /// Privacy classes, in the order of their declaration.
    pub classes: Vec<ClassProcessing>,
    /// Fields of the patron, events, records and lists without a class that it reads, by name.
    pub other_data: Vec<String>,
    /// The segments that it uses, through others too, and the messages that it sends: `segment NAME`, `message NAME`.
    #[serde(skip)]
    pub uses: BTreeSet<String>,
}

/// A privacy class that a campaign reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ClassProcessing {
    pub class: String,
    pub title: Option<String>,
    /// The bool field that must be true for the data to be known.
    pub requires: Option<String>,
    /// Open records are known without it, since the class serves the campaign's purpose.
    pub open_records_served: bool,
    /// The campaign's messages may tell it: `reveal`.
    pub revealed: bool,
    pub revealed_to_guardian: bool,
    pub reads: Vec<ClassRead>,
}

/// One place at which a class is read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct ClassRead {
    /// `audience`, `except`, `start`, `exit`, `goal`, `step`, or `message NAME`.
    pub used_by: String,
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// The source text.
    pub text: String,
    /// The segments by which it comes in, from the campaign inwards.
    pub through: Vec<String>,
}

/// What each campaign of the program processes, in order of name.
pub fn record(program: &Program) -> Vec<Processing> {
    program.campaigns.iter().map(|campaign| Recorder::new(program, campaign).processing()).collect()
}

struct Recorder<'p> {
    program: &'p Program,
    campaign: &'p Campaign,
    reads: Vec<(ClassId, ClassRead)>,
    other: BTreeSet<String>,
    channels: BTreeSet<&'static str>,
    uses: BTreeSet<String>,
}

impl<'p> Recorder<'p> {
    fn new(program: &'p Program, campaign: &'p Campaign) -> Self {
        let (other, channels, uses) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Recorder { program, campaign, reads: Vec::new(), other, channels, uses }
    }

    fn processing(mut self) -> Processing {
        let campaign = self.campaign;
        self.rules();
        campaign.each_step(&mut |step| self.step(step));
        let catalogue = &self.program.catalogue;
        let purpose = catalogue.purpose(campaign.purpose);
        let classes = (0..catalogue.classes.len()).filter_map(|index| self.class(ClassId(index as u16))).collect();
        Processing {
            campaign: campaign.name.to_string(),
            title: campaign.label.as_ref().map(|label| label.text.to_string()),
            draft: campaign.is_draft,
            purpose: purpose.name.to_string(),
            purpose_title: purpose.label.as_ref().map(|label| label.text.to_string()),
            needs_consent: purpose.needs_consent,
            consent_expires_after: purpose.expires_after.map(|after| after.to_string()),
            channels: self.channels.iter().map(|channel| (*channel).to_owned()).collect(),
            classes,
            other_data: self.other.into_iter().collect(),
            uses: self.uses,
        }
    }

    fn class(&self, id: ClassId) -> Option<ClassProcessing> {
        let catalogue = &self.program.catalogue;
        let class = catalogue.class(id);
        let mut reads: Vec<ClassRead> =
            self.reads.iter().filter(|(class, _)| *class == id).map(|(_, read)| read.clone()).collect();
        reads.sort();
        reads.dedup();
        let revealed = self.campaign.reveal.iter().find(|(class, _)| *class == id);
        (!reads.is_empty()).then(|| ClassProcessing {
            class: class.name.to_string(),
            title: class.label.as_ref().map(|label| label.text.to_string()),
            requires: class.requires.map(|field| catalogue.field(field).name.to_string()),
            open_records_served: self.campaign.served.contains(id),
            revealed: revealed.is_some(),
            revealed_to_guardian: revealed.is_some_and(|(_, guardian)| *guardian),
            reads,
        })
    }

    fn rules(&mut self) {
        let campaign = self.campaign;
        if let Audience::Rule(rule) = &campaign.audience {
            self.expr(rule, "audience");
        }
        campaign.except.iter().for_each(|except| self.expr(except, "except"));
        campaign.exit.iter().for_each(|exit| self.expr(exit, "exit"));
        campaign.goal.iter().for_each(|(goal, _)| self.expr(goal, "goal"));
        let span = campaign.start.span;
        match &campaign.start.kind {
            StartKind::Becomes { condition, .. } | StartKind::Leaves { condition } => self.expr(condition, "start"),
            StartKind::Date { date, .. } | StartKind::Anniversary { date, .. } => self.expr(date, "start"),
            StartKind::Change { field, .. } => {
                let field = self.program.catalogue.field(*field);
                self.named(field.private, field.name.as_str(), span, "start");
            }
            StartKind::Event { event, condition, .. } | StartKind::EventDate { event, condition, .. } => {
                let event = self.program.catalogue.event(*event);
                self.named(event.private, event.name.as_str(), span, "start");
                condition.iter().for_each(|condition| self.expr(condition, "start"));
            }
            StartKind::Schedule { .. } => {}
        }
    }

    fn step(&mut self, step: &'p Step) {
        match &step.kind {
            StepKind::Send { message, to, channels, condition } => {
                condition.iter().for_each(|condition| self.expr(condition, "step"));
                if let Recipient::Staff(address) = to {
                    self.expr(address, "step");
                }
                self.message(*message, channels);
            }
            StepKind::Publish { message, channels, .. } => self.message(*message, channels),
            StepKind::WaitDate { date, .. } => self.expr(date, "step"),
            StepKind::WaitUpTo { until, .. } => self.expr(until, "step"),
            StepKind::If { branches, .. } => branches.iter().for_each(|(condition, _)| self.expr(condition, "step")),
            StepKind::Repeat { until, .. } => until.iter().for_each(|until| self.expr(until, "step")),
            StepKind::AddTo(list) | StepKind::RemoveFrom(list) => {
                self.other.insert(self.program.catalogue.lists[list.index()].name.to_string());
            }
            StepKind::Wait(_) | StepKind::WaitTime { .. } | StepKind::Split(_) | StepKind::Stop => {}
        }
    }

    fn message(&mut self, index: usize, channels: &[crate::catalogue::Channel]) {
        let message: &Message = &self.program.messages[index];
        self.channels.extend(channels.iter().map(|channel| channel.word()));
        let used_by = format!("message {}", message.name);
        self.uses.insert(used_by.clone());
        message.lets.iter().for_each(|one| self.expr(&one.value, &used_by));
        message.picks.iter().filter_map(|pick| pick.condition.as_ref()).for_each(|one| self.expr(one, &used_by));
        for block in message.blocks.iter().filter(|block| channels.contains(&block.channel)) {
            block.condition.iter().for_each(|condition| self.expr(condition, &used_by));
            for used in block.parts.iter().flat_map(|part| &part.template.variants).flat_map(|variant| &variant.uses) {
                // What a `let` and a `pick` read stands where they are computed.
                if matches!(used.what, Used::Let(_) | Used::Pick(_) | Used::Why) {
                    continue;
                }
                if let Used::Group(name) = &used.what
                    && let Some(segment) = self.program.segment_named(*name)
                {
                    self.uses.insert(format!("segment {name}"));
                    self.inside(&self.program.segment(segment).body, &mut |_| {});
                }
                for class in used.classes.iter() {
                    self.read(class, used.span, Vec::new(), &used_by);
                }
                if used.classes.is_empty() {
                    self.other.insert(used.written.trim_matches('\'').to_owned());
                }
            }
        }
    }

    fn named(&mut self, class: Option<ClassId>, name: &str, span: Span, used_by: &str) {
        match class {
            Some(class) => self.read(class, span, Vec::new(), used_by),
            None => {
                self.other.insert(name.to_owned());
            }
        }
    }

    fn expr(&mut self, expr: &'p Expr, used_by: &str) {
        let program = self.program;
        let body = |segment: SegmentId| Some(&program.segment(segment).body);
        for read in private_reads(expr, &program.catalogue, &body) {
            let through = read.through.iter().map(|segment| program.segment(*segment).name.to_string()).collect();
            self.read(read.class, read.span, through, used_by);
        }
        let mut other = Vec::new();
        self.inside(expr, &mut |part| other.extend(plain(part, &program.catalogue)));
        self.other.extend(other);
    }

    /// Calls `visit` for all parts of an expression, also of the segments that it uses, which are noted.
    fn inside(&mut self, expr: &'p Expr, visit: &mut dyn FnMut(&'p Expr)) {
        let program = self.program;
        let (mut waiting, mut seen) = (vec![expr], BTreeSet::new());
        while let Some(expr) = waiting.pop() {
            expr.walk(&mut |part| match &part.kind {
                Kind::Segment(segment) => {
                    if seen.insert(*segment) {
                        self.uses.insert(format!("segment {}", program.segment(*segment).name));
                        waiting.push(&program.segment(*segment).body);
                    }
                }
                _ => visit(part),
            });
        }
    }

    fn read(&mut self, class: ClassId, span: Span, through: Vec<String>, used_by: &str) {
        let Some(file) = self.program.sources.get(span.file) else { return };
        let position = file.position(span.start as usize);
        let text = self.program.sources.snippet(span).split_whitespace().collect::<Vec<_>>().join(" ");
        let file = file.path.to_string_lossy().replace('\\', "/");
        let (line, column) = (position.line, position.column);
        self.reads.push((class, ClassRead { used_by: used_by.to_owned(), file, line, column, text, through }));
    }
}

/// The names of data without a class that an expression itself reads.
fn plain(expr: &Expr, catalogue: &Catalogue) -> Vec<String> {
    let mut names = Vec::new();
    match &expr.kind {
        Kind::Read(Read::Patron(id)) | Kind::Changed(id) => {
            let field = catalogue.field(*id);
            names.extend(field.private.is_none().then(|| field.name.to_string()));
        }
        Kind::Read(Read::Table { table, .. }) => names.push(catalogue.tables[table.index()].name.to_string()),
        Kind::Member(list) => names.push(catalogue.lists[list.index()].name.to_string()),
        _ => {}
    }
    for selection in expr.selections() {
        let event = catalogue.event(selection.event);
        names.extend(event.private.is_none().then(|| event.name.to_string()));
    }
    names
}
