//! Privacy of a campaign (section 10): which classes it may read at all, and which its messages may tell.
//!
//! A campaign may choose its audience and its steps by private data, unless the class is `only for` other purposes.
//! A message neither prints nor decides by anything private without `reveal`; a subject and an SMS never do, since
//! they are read over somebody's shoulder. The one exception are open records of a class that serves the campaign's
//! purpose: "your book is due on Friday" is what they are for.

use crate::catalogue::{Channel, ClassId, ClassSet, EventId};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::message::template::{Role, Use, Used};
use crate::message::{Block, Message, PartKind};
use crate::program::{Audience, Campaign, Recipient, StartKind, Step, StepKind};
use crate::rule::Expr;
use crate::rule::visit::{PrivateRead, private_reads};
use crate::symbol::Symbol;
use crate::syntax::ast;

use super::super::{Context, lint};
use super::Messages;
use super::head::Head;

const ONLY_FOR: Code = Code("E0351");
const UNREVEALED: Code = Code("E0352");
const IN_THE_OPEN: Code = Code("E0353");
const WHY: Code = Code("E0354");
const NOT_PUBLIC: Code = Code("E0355");

/// Checks the flow of private data in one campaign.
pub fn check<'a>(context: &mut Context<'a>, head: &Head<'a>, campaign: &Campaign, messages: &Messages) {
    let mut expressions: Vec<&Expr> = Vec::new();
    if let Audience::Rule(rule) = &campaign.audience {
        expressions.push(rule);
    }
    expressions.extend(&campaign.except);
    expressions.extend(start_expressions(&campaign.start.kind));
    expressions.extend(&campaign.exit);
    expressions.extend(campaign.goal.iter().map(|(goal, _)| goal));
    campaign.each_step(&mut |step| expressions.extend(step_expressions(step)));
    let reveals = head.clauses.iter().filter(|clause| matches!(clause.kind, ast::ClauseKind::Reveal { .. }));
    let reveals_unknown = reveals.count() > campaign.reveal.len();
    let mut flow = Flow { context, head, campaign, told: ClassSet::EMPTY, reveals_unknown };
    for expr in expressions {
        flow.may_read(expr);
    }
    flow.start_event();
    campaign.each_step(&mut |step| match &step.kind {
        StepKind::Send { message, to, channels, .. } => {
            if let Some(message) = messages.get(*message) {
                flow.message(message, to, channels, step.span);
            }
        }
        StepKind::Publish { message, channels, .. } => {
            if let Some(message) = messages.get(*message) {
                flow.published(message, channels, step.span);
            }
        }
        _ => {}
    });
    let told = flow.told;
    let sent = context.errors() == 0;
    for clause in head.clauses.iter().filter(|_| sent) {
        let ast::ClauseKind::Reveal { class, .. } = &clause.kind else { continue };
        let untold = |id: &&(ClassId, bool)| context.catalogue.class(id.0).name == class.symbol && !told.contains(id.0);
        if let Some((class, _)) = campaign.reveal.iter().find(untold) {
            lint::unused_reveal::check(context, *class, clause.span);
        }
    }
}

/// The expressions of a start.
pub(in crate::check) fn start_expressions(start: &StartKind) -> Vec<&Expr> {
    match start {
        StartKind::Becomes { condition, .. } | StartKind::Leaves { condition } => vec![condition],
        StartKind::Event { condition, .. } | StartKind::EventDate { condition, .. } => condition.iter().collect(),
        StartKind::Date { date, .. } | StartKind::Anniversary { date, .. } => vec![date],
        StartKind::Change { .. } | StartKind::Schedule { .. } => Vec::new(),
    }
}

/// The expressions of a step itself, not of the steps inside it.
pub(in crate::check) fn step_expressions(step: &Step) -> Vec<&Expr> {
    match &step.kind {
        StepKind::Send { to, condition, .. } => {
            let staff = match to {
                Recipient::Staff(address) => Some(address),
                Recipient::Patron | Recipient::Guardian => None,
            };
            condition.iter().chain(staff).collect()
        }
        StepKind::WaitDate { date, .. } => vec![date],
        StepKind::WaitUpTo { until, .. } => vec![until],
        StepKind::If { branches, .. } => branches.iter().map(|(condition, _)| condition).collect(),
        StepKind::Repeat { until, .. } => until.iter().collect(),
        _ => Vec::new(),
    }
}

struct Flow<'c, 'a, 's> {
    context: &'c mut Context<'a>,
    head: &'s Head<'a>,
    campaign: &'s Campaign,
    /// Classes of which a message tells something, or would.
    told: ClassSet,
    /// A `reveal` names no class, which is reported: nothing is said about what it may have meant.
    reveals_unknown: bool,
}

/// Where in a message something private stands.
#[derive(Clone, Copy)]
struct Place<'m> {
    message: &'m Message,
    /// A subject or a text message: read by whoever sees the screen.
    open: Option<&'static str>,
    to: &'m Recipient,
    /// The step that sends it.
    step: Span,
}

impl Flow<'_, '_, '_> {
    /// `only for`: whether a campaign of this purpose may read what the expression reads.
    fn may_read(&mut self, expr: &Expr) {
        let classes = self.context.classes_of(expr);
        if classes.iter().all(|class| self.context.catalogue.class(class).only_for.is_none()) {
            return;
        }
        let context = &*self.context;
        let reads = private_reads(expr, &context.catalogue, &|segment| context.segments.body(segment));
        for read in reads {
            self.class_is_for_us(read.class, read.entry, Some(&read));
        }
    }

    /// The event or record of the start, and the field whose change starts it.
    fn start_event(&mut self) {
        let start = &self.campaign.start;
        let class = match &start.kind {
            StartKind::Event { event, .. } | StartKind::EventDate { event, .. } => {
                self.context.catalogue.event(*event).private
            }
            StartKind::Change { field, .. } => self.context.catalogue.field(*field).private,
            _ => None,
        };
        if let Some(class) = class {
            self.class_is_for_us(class, start.span, None);
        }
    }

    fn class_is_for_us(&mut self, class: ClassId, place: Span, read: Option<&PrivateRead>) -> bool {
        let catalogue = &self.context.catalogue;
        let declared = catalogue.class(class);
        let Some(only) = declared.only_for.as_ref().filter(|only| !only.contains(&self.campaign.purpose)) else {
            return true;
        };
        let purposes: Vec<String> =
            only.iter().map(|purpose| format!("`{}`", catalogue.purpose(*purpose).name)).collect();
        let purposes = purposes.join(" or ");
        let ours = catalogue.purpose(self.campaign.purpose).name;
        let name = declared.name;
        let message =
            format!("data of the class `{name}` is only for {purposes}, and this campaign's purpose is `{ours}`");
        let mut diagnostic = Diagnostic::new(ONLY_FOR, place, message).label(format!("reads `{name}`"));
        if let Some(read) = read.filter(|read| !read.through.is_empty()) {
            let path: Vec<String> =
                read.through.iter().map(|id| format!("`{}`", self.context.segment_name(*id))).collect();
            diagnostic = diagnostic
                .also(read.span, format!("`{name}` is read here"))
                .note(format!("it flows through the segment {}", path.join(", which uses ")));
        }
        if let Some(span) = self.head.clauses.purpose().map(|(purpose, _)| purpose.span) {
            diagnostic = diagnostic.also(span, "the purpose");
        }
        self.context.report(
            diagnostic.help(format!("leave it out of this campaign, or give the campaign the purpose {purposes}")),
        );
        false
    }

    fn message(&mut self, message: &Message, to: &Recipient, channels: &[Channel], step: Span) {
        for block in message.blocks.iter().filter(|block| channels.contains(&block.channel)) {
            if let Some(condition) = &block.condition {
                self.block_condition(message, block, condition, to, step);
            }
            for part in &block.parts {
                let open = match (block.channel, part.what) {
                    (Channel::Sms, _) => Some("a text message"),
                    (_, PartKind::Subject) => Some("a subject"),
                    _ => None,
                };
                let place = Place { message, open, to, step };
                let uses = &part.template.variant(self.head.start_scope()).uses;
                for used in uses {
                    self.used(used, place);
                }
            }
        }
        let values = message.lets.iter().map(|one| &one.value);
        let picks = message.picks.iter().filter_map(|pick| pick.condition.as_ref());
        for expr in values.chain(picks) {
            self.may_read(expr);
        }
    }

    /// The condition of a block decides everything in it: an SMS, and a subject where the blocks' subjects differ.
    fn block_condition(&mut self, message: &Message, block: &Block, condition: &Expr, to: &Recipient, step: Span) {
        self.may_read(condition);
        let subjects_differ = || {
            let subjects = |block: &Block| -> Vec<(Symbol, std::sync::Arc<str>)> {
                let parts = block.parts.iter().filter(|part| part.what == PartKind::Subject);
                parts.map(|part| (part.language, part.template.source.clone())).collect()
            };
            let mine = subjects(block);
            message.blocks.iter().any(|other| other.channel == Channel::Email && subjects(other) != mine)
        };
        let open = match block.channel {
            Channel::Sms => Some("a text message"),
            Channel::Email if subjects_differ() => Some("a subject"),
            _ => None,
        };
        let context = &*self.context;
        let reads = private_reads(condition, &context.catalogue, &|segment| context.segments.body(segment));
        let place = Place { message, open, to, step };
        for read in reads {
            let written = self.context.sources.snippet(read.entry).to_owned();
            self.judge(read.class, read.entry, &written, Role::Decides, None, place);
        }
    }

    fn used(&mut self, used: &Use, place: Place<'_>) {
        let classes = match used.what {
            Used::Why => self.audience_classes(),
            _ => used.classes,
        };
        for class in classes.iter() {
            if !self.class_is_for_us(class, used.span, None) {
                continue;
            }
            if matches!(used.what, Used::Why) {
                self.why(class, used, place);
                continue;
            }
            // A text of an open record; what it counts, and its dates and values, may stand in a subject.
            let of_open_record = self.is_of_open_record(used, class, place.message);
            let textual = used.role == Role::Printed && used.ty.is_textual();
            let written = used.written.clone();
            self.judge(class, used.span, &written, used.role, of_open_record.then_some(textual), place);
        }
    }

    fn audience_classes(&self) -> ClassSet {
        let rules = match &self.campaign.audience {
            Audience::Rule(rule) => Some(rule),
            Audience::Everyone | Audience::Public => None,
        };
        rules.into_iter().fold(ClassSet::EMPTY, |set, rule| set.union(self.context.classes_of(rule)))
    }

    /// Whether what is used is of open records of a class that serves the campaign's purpose.
    fn is_of_open_record(&self, used: &Use, class: ClassId, message: &Message) -> bool {
        if !self.campaign.served.contains(class) {
            return false;
        }
        let of_record = |event: EventId| {
            let event = self.context.catalogue.event(event);
            event.is_record() && event.private == Some(class)
        };
        let open_only = |expr: &Expr| {
            let reads = private_reads(expr, &self.context.catalogue, &|segment| self.context.segments.body(segment));
            reads.iter().filter(|read| read.class == class).all(|read| read.open_only)
        };
        match used.what {
            Used::Start(event, _) | Used::StartCount(event) => of_record(event),
            // The key of the table is a field of the record: a patron field of this class would be private itself.
            Used::Table => {
                let own = self.context.catalogue.fields.iter().any(|field| field.private == Some(class));
                !own && self.head.start_event.is_some_and(|start| of_record(start.event))
            }
            Used::Let(name) => message.lets.iter().any(|one| one.name == name && open_only(&one.value)),
            Used::Pick(name) => {
                let pick = message.picks.iter().find(|pick| pick.name == name);
                pick.and_then(|pick| pick.condition.as_ref()).is_some_and(open_only)
            }
            Used::Field(_) | Used::Group(_) | Used::Why => false,
        }
    }

    /// `open_record`: it is of an open record that may be told; whether it is a text.
    fn judge(
        &mut self,
        class: ClassId,
        span: Span,
        written: &str,
        role: Role,
        open_record: Option<bool>,
        place: Place<'_>,
    ) {
        self.told = self.told.with(class);
        let name = self.context.catalogue.class(class).name;
        let verb = match role {
            Role::Printed => "tells",
            Role::Decides => "depends on",
        };
        if let Some(open) = place.open
            && open_record != Some(false)
        {
            let said = if open_record.is_some() { "the text of a record" } else { "something private" };
            let help = match open_record {
                Some(_) => "say it in the body; how many there are, and when they are due, may stand here",
                None => "say it in the body of an e-mail, and `reveal` it there",
            };
            self.context.report(
                Diagnostic::new(
                    IN_THE_OPEN,
                    span,
                    format!("{open} {verb} {said}: `{written}` is of the class `{name}`"),
                )
                .label(format!("of the class `{name}`"))
                .also(place.step, format!("sent by the campaign `{}`", self.campaign.name))
                .note("a subject or a text message is read by whoever sees the screen; `reveal` does not change that")
                .help(help),
            );
            return;
        }
        let revealed = self.campaign.reveal.iter().find(|(revealed, _)| *revealed == class);
        let (enough, wanted) = match place.to {
            Recipient::Patron => (revealed.is_some() || open_record.is_some(), format!("reveal {name}")),
            Recipient::Staff(_) => (revealed.is_some(), format!("reveal {name}")),
            Recipient::Guardian => {
                (revealed.is_some_and(|(_, guardian)| *guardian), format!("reveal {name} to guardian"))
            }
        };
        if enough || self.reveals_unknown {
            return;
        }
        let reader = match place.to {
            Recipient::Patron => "",
            Recipient::Guardian => " to a guardian",
            Recipient::Staff(_) => " to staff",
        };
        let message = format!("the message {verb} something private{reader}: `{written}` is of the class `{name}`");
        let mut diagnostic = Diagnostic::new(UNREVEALED, span, message)
            .label(format!("of the class `{name}`"))
            .also(place.step, format!("sent by the campaign `{}`", self.campaign.name));
        if let Some(declared) = self.context.catalogue.class(class).span {
            diagnostic = diagnostic.also(declared, "the class");
        }
        self.context.report(
            diagnostic.help(format!(
                "take it out of the message, or, if the reader may see it, add `{wanted}` to the campaign"
            )),
        );
    }

    /// `why` tells what the audience is.
    fn why(&mut self, class: ClassId, used: &Use, place: Place<'_>) {
        self.told = self.told.with(class);
        let revealed = self.campaign.reveal.iter().any(|(revealed, _)| *revealed == class);
        if (revealed || self.reveals_unknown) && place.open.is_none() {
            return;
        }
        let name = self.context.catalogue.class(class).name;
        self.context.report(
            Diagnostic::new(
                WHY,
                used.span,
                format!("`why` would tell of the class `{name}`, by which the audience is chosen"),
            )
            .label("says why the patron is in the audience")
            .also(place.step, format!("sent by the campaign `{}`", self.campaign.name))
            .help(match place.open {
                Some(_) => "take `why` out: a subject or a text message never tells anything private".to_owned(),
                None => format!("take `why` out, or add `reveal {name}` to the campaign"),
            }),
        );
    }

    /// What is published names no patron.
    fn published(&mut self, message: &Message, channels: &[Channel], step: Span) {
        for block in message.blocks.iter().filter(|block| channels.contains(&block.channel)) {
            if let Some(condition) = &block.condition
                && self.reads_a_patron(condition)
            {
                self.names_a_patron(condition.span, step);
            }
            for part in &block.parts {
                for used in &part.template.variant(self.head.start_scope()).uses {
                    let names = match used.what {
                        Used::Field(_) | Used::Start(..) | Used::StartCount(_) | Used::Table | Used::Group(_) => true,
                        Used::Why => true,
                        Used::Let(name) => {
                            message.lets.iter().any(|one| one.name == name && self.reads_a_patron(&one.value))
                        }
                        Used::Pick(name) => message.picks.iter().any(|pick| {
                            pick.name == name
                                && pick.condition.as_ref().is_some_and(|where_| self.reads_a_patron(where_))
                        }),
                    };
                    if names {
                        self.names_a_patron(used.span, step);
                    }
                }
            }
        }
    }

    fn names_a_patron(&mut self, span: Span, step: Span) {
        let written = self.context.sources.snippet(span).to_owned();
        self.context.report(
            Diagnostic::new(NOT_PUBLIC, span, format!("`{written}` is about a patron, and this message is published"))
                .label("whose?")
                .also(step, "published here, for everybody")
                .help("leave it out; a feed's rows and the library's name may be published"),
        );
    }

    fn reads_a_patron(&self, expr: &Expr) -> bool {
        use crate::rule::{Kind, Read};
        let mut found = false;
        expr.walk(&mut |part| {
            found |= !matches!(
                part.kind,
                Kind::Read(Read::FeedRow(_))
                    | Kind::Literal(_)
                    | Kind::Today
                    | Kind::Now
                    | Kind::Call { .. }
                    | Kind::Not(_)
                    | Kind::And(_)
                    | Kind::Or(_)
                    | Kind::InWindow { .. }
                    | Kind::Known(_)
            );
        });
        found
    }
}
