//! A program made ready to tick: its running campaigns, their rules, journeys, hours and fingerprints. Built once.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::catalogue::{Channel, ClassSet, EventId, FieldId, PurposeId, Type, Value};
use crate::engine::fingerprint::Fingerprints;
use crate::engine::hours::Hours;
use crate::engine::journey::{Journey, Lead, Op};
use crate::engine::reading::Reading;
use crate::engine::schedule::Timetable;
use crate::engine::screen::Kept;
use crate::engine::state::Reads;
use crate::eval::{RuleId, Rules, ValueId, Way};
use crate::limits;
use crate::map::Map;
use crate::program::{Audience, Campaign, Offset, Program, StartKind, Together};
use crate::rule::{Expr, Kind, Read};
use crate::store::{Change, Needs};
use crate::symbol::Symbol;
use crate::time::Duration;

/// The campaigns of a program that run.
pub struct Plan<'p> {
    pub program: &'p Program,
    pub rules: Rules,
    /// In order of name.
    pub campaigns: Vec<Running<'p>>,
    /// What a tick reads of a patron.
    pub needs: Needs,
    /// What of that is in no screen: all but the events of rules and starts.
    pub(super) needs_beside: Needs,
    /// What a delivery reads: that, what the limits count, and what the messages say.
    pub needs_of_delivery: Needs,
    /// What of a patron bears on a decision.
    pub(super) reading: Reading,
    /// What a tick reads of what it remembers.
    pub(super) reads: Reads,
    by_name: Map<Symbol, usize>,
    /// Earlier versions, in which enrolments go on whose next step this one no longer has.
    pub older: Vec<Plan<'p>>,
    /// Days since the last tick after which the clock is not believed; `None` believes it always.
    pub largest_gap: Option<i64>,
    /// Campaigns that are new although they start like one that has left the program; `None` believes it of all.
    pub as_new: Option<BTreeSet<String>>,
    /// An edited start fires for what it would have started, and takes no baseline.
    pub(super) rehearses_edits: bool,
    /// Whether a consent is in force.
    agrees: Map<(PurposeId, Channel), RuleId>,
    /// How a tick finds out whom it need not look at closely, if that was said.
    pub(super) screens: Option<Option<Way>>,
    /// How many patrons it looks at together so.
    pub(super) screened_at_once: usize,
    kept: Mutex<Kept>,
}

/// A campaign that runs.
pub struct Running<'p> {
    name: &'static str,
    pub campaign: &'p Campaign,
    pub start: Start,
    /// Fingerprint of the start's meaning, and those that older stores have of it.
    pub fingerprints: [String; 3],
    /// `None`: everyone (or public).
    pub audience: Option<RuleId>,
    pub except: Vec<RuleId>,
    pub exit: Option<RuleId>,
    pub goal: Option<(RuleId, Duration)>,
    pub journey: Journey<'p>,
    /// Hours for what goes to the patron.
    pub hours: Hours<'p>,
    /// Hours that the campaign itself sets: for staff and for what is published, and for what counts as delay.
    pub own_hours: Hours<'p>,
    pub timetable: Option<Timetable<'p>>,
}

/// What starts a campaign.
#[derive(Clone, Debug)]
pub enum Start {
    Becomes {
        condition: RuleId,
        including_current: bool,
    },
    Leaves {
        condition: RuleId,
    },
    Change {
        field: FieldId,
        value: ValueId,
        from: Option<Value>,
        to: Option<Value>,
    },
    /// An event; `admits` is its `where`, and whether the patron's row may be seen at all.
    Event {
        event: EventId,
        admits: RuleId,
        together: Together,
    },
    /// As `Event`, of a record: once each.
    Record {
        event: EventId,
        admits: RuleId,
        together: Together,
    },
    EventDate {
        event: EventId,
        field: u16,
        offset: Lead,
        admits: RuleId,
        together: Together,
    },
    /// A date of the patron's; `field`: it is one, as it stands.
    Date {
        date: ValueId,
        field: Option<FieldId>,
        offset: Lead,
    },
    Anniversary {
        date: ValueId,
        field: Option<FieldId>,
        offset: Lead,
    },
    Schedule,
}

impl Start {
    /// Whether occurrences are gathered.
    pub fn together(&self) -> Together {
        match self {
            Start::Event { together, .. } | Start::Record { together, .. } | Start::EventDate { together, .. } => {
                *together
            }
            _ => Together::No,
        }
    }

    /// Starts on an event or record run beside each other.
    pub fn is_on_rows(&self) -> bool {
        self.row_rule().is_some()
    }

    /// Whether a date makes its occurrences, which may move.
    pub(super) fn is_dated(&self) -> bool {
        matches!(self, Start::EventDate { .. } | Start::Date { .. } | Start::Anniversary { .. })
    }

    /// Whether what was decided is found again by its key, by its date, or by its row.
    fn is_by_key(&self) -> bool {
        !matches!(self, Start::Becomes { .. } | Start::Leaves { .. } | Start::Change { .. })
    }

    /// The event and the rule that tries its `where`.
    pub fn row_rule(&self) -> Option<(EventId, RuleId)> {
        match self {
            Start::Event { event, admits, .. }
            | Start::Record { event, admits, .. }
            | Start::EventDate { event, admits, .. } => Some((*event, *admits)),
            _ => None,
        }
    }
}

/// Lowers the expressions of one campaign.
pub struct Compiler<'p> {
    program: &'p Program,
    rules: Rules,
    served: ClassSet,
}

impl<'p> Compiler<'p> {
    /// A condition.
    pub fn rule(&mut self, expr: &Expr) -> RuleId {
        self.rules.add(&self.program.segments, &self.program.catalogue, expr, self.served)
    }

    /// A value.
    pub fn value(&mut self, expr: &Expr) -> ValueId {
        self.rules.add_value(&self.program.segments, &self.program.catalogue, expr, self.served)
    }

    /// An offset.
    pub fn lead(&mut self, offset: &Offset) -> Lead {
        match offset {
            Offset::None => Lead::None,
            Offset::Fixed(duration) => Lead::Fixed(*duration),
            Offset::Field { field, unit, after } => {
                Lead::Field { count: self.field(*field), unit: *unit, after: *after }
            }
        }
    }

    fn field(&mut self, field: FieldId) -> ValueId {
        let ty = self.program.catalogue.field(field).ty;
        let span = self.program.library.span;
        self.value(&Expr { kind: Kind::Read(Read::Patron(field)), ty, span })
    }

    fn agreements(&mut self) -> Map<(PurposeId, Channel), RuleId> {
        let mut found = Map::default();
        let span = self.program.library.span;
        for index in 0..self.program.catalogue.purposes.len() {
            let purpose = PurposeId(index as u16);
            for channel in Channel::ALL {
                let kind = Kind::Agrees { purpose, channel: Some(channel) };
                found.insert((purpose, channel), self.rule(&Expr { kind, ty: Type::Bool, span }));
            }
        }
        found
    }

    fn admits(&mut self, event: EventId, condition: Option<&Expr>) -> RuleId {
        self.rules.add_for_event(&self.program.segments, &self.program.catalogue, event, condition, self.served)
    }

    fn start(&mut self, kind: &StartKind) -> Start {
        match kind {
            StartKind::Becomes { condition, including_current } => {
                Start::Becomes { condition: self.rule(condition), including_current: *including_current }
            }
            StartKind::Leaves { condition } => Start::Leaves { condition: self.rule(condition) },
            StartKind::Change { field, from, to } => {
                Start::Change { field: *field, value: self.field(*field), from: from.clone(), to: to.clone() }
            }
            StartKind::Event { event, condition, together } => {
                let (event, admits, together) = (*event, self.admits(*event, condition.as_ref()), *together);
                match self.program.catalogue.event(event).is_record() {
                    true => Start::Record { event, admits, together },
                    false => Start::Event { event, admits, together },
                }
            }
            StartKind::EventDate { event, field, offset, condition, together } => Start::EventDate {
                event: *event,
                field: *field,
                offset: self.lead(offset),
                admits: self.admits(*event, condition.as_ref()),
                together: *together,
            },
            StartKind::Date { date, offset } => {
                Start::Date { date: self.value(date), field: plain_field(date), offset: self.lead(offset) }
            }
            StartKind::Anniversary { date, offset } => {
                Start::Anniversary { date: self.value(date), field: plain_field(date), offset: self.lead(offset) }
            }
            StartKind::Schedule { .. } => Start::Schedule,
        }
    }
}

impl<'p> Plan<'p> {
    /// All campaigns that are no draft.
    pub fn new(program: &'p Program) -> Plan<'p> {
        Plan::with(program, |campaign| !campaign.is_draft)
    }

    /// Whether a campaign starts at its first tick with whom it finds in its segment.
    pub fn takes_current_members(&self) -> bool {
        self.campaigns.iter().any(|running| matches!(running.start, Start::Becomes { including_current: true, .. }))
    }

    /// The campaigns that `runs` picks, drafts too.
    pub fn with(program: &'p Program, runs: impl Fn(&Campaign) -> bool) -> Plan<'p> {
        let by = Fingerprints::forms(program);
        let mut compiler = Compiler { program, rules: Rules::new(), served: ClassSet::EMPTY };
        let mut campaigns: Vec<Running<'p>> = Vec::new();
        for campaign in program.campaigns.iter().filter(|campaign| runs(campaign)) {
            campaigns.push(Running::new(program, by.each_ref(), &mut compiler, campaign));
        }
        campaigns.sort_by_key(|running| running.campaign.name);
        let by_name = campaigns.iter().enumerate().map(|(index, c)| (c.campaign.name, index)).collect();
        let agrees = compiler.agreements();
        let reads = Reads {
            watched: campaigns.iter().any(|running| matches!(running.start, Start::Change { .. })),
            occurrences: campaigns.iter().any(|running| running.start.is_by_key()),
        };
        let reading = Reading::of(program, &compiler.rules, &campaigns);
        let needs_beside = Needs::patron().with_events(failures(program));
        let needs = needs(&compiler.rules, &campaigns, needs_beside.clone());
        Plan {
            program,
            rules: compiler.rules,
            campaigns,
            needs_of_delivery: needs_of_delivery(program, needs.clone()),
            needs,
            needs_beside,
            reading,
            reads,
            by_name,
            older: Vec::new(),
            largest_gap: None,
            as_new: None,
            rehearses_edits: false,
            agrees,
            screens: None,
            screened_at_once: limits::SCREENED_AT_ONCE,
            kept: Mutex::default(),
        }
    }

    /// With the earlier versions that [`super::versions_needed`] named, compiled.
    pub fn with_older(mut self, versions: &'p [Program]) -> Plan<'p> {
        self.older = versions.iter().map(|version| Plan::with(version, |_| true)).collect();
        self
    }

    /// Doubting a clock that is more than so many days ahead of the last tick.
    pub fn with_largest_gap(mut self, days: i64) -> Plan<'p> {
        self.largest_gap = Some(days);
        self
    }

    /// Refusing to tick if a campaign that is not among `as_new` would start again whom it started under another name.
    pub fn with_renames_doubted(mut self, as_new: BTreeSet<String>) -> Plan<'p> {
        self.as_new = Some(as_new);
        self
    }

    /// Ticking a copy to see what the edits of starts would have started, had they taken no baseline.
    pub fn rehearsing_edits(mut self) -> Plan<'p> {
        self.rehearses_edits = true;
        self.screening(None)
    }

    /// Finding out in this way, of two patrons at once, whom a tick need not look at closely; `None`: looking at everybody
    /// so. All decide alike.
    pub fn screening(mut self, way: Option<Way>) -> Plan<'p> {
        (self.screens, self.screened_at_once) = (Some(way), 2);
        self
    }

    /// Whether a change may bear on what a tick decides, in this version or in one in which enrolments go on.
    pub(super) fn heeds(&self, change: &Change) -> bool {
        let mut versions = std::iter::once(self).chain(&self.older);
        versions.any(|plan| plan.reading.heeds(&plan.program.catalogue, change))
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing in it is ever half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The earlier version with this revision that has the place in this campaign.
    pub(super) fn older_with(&self, revision: &str, campaign: &str, place: &str) -> Option<usize> {
        self.older.iter().position(|plan| *plan.program.revision == *revision && plan.has(campaign, place))
    }

    /// Whether the campaign runs and has the place.
    pub(super) fn has(&self, campaign: &str, place: &str) -> bool {
        self.find(campaign).is_some_and(|index| self.campaigns[index].journey.find(place).is_some())
    }

    /// The rule that a consent for (purpose, channel) is in force.
    pub fn agrees(&self, purpose: PurposeId, channel: Channel) -> RuleId {
        self.agrees[&(purpose, channel)]
    }

    /// The index of the campaign called `name`, if it runs.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(&Symbol::find(name)?).copied()
    }
}

impl<'p> Running<'p> {
    fn new(
        program: &'p Program,
        by: [&Fingerprints<'p>; 3],
        compiler: &mut Compiler<'p>,
        campaign: &'p Campaign,
    ) -> Running<'p> {
        let zone = &program.library.zone;
        compiler.served = campaign.served;
        let timetable = match &campaign.start.kind {
            StartKind::Schedule { schedule, at } => Some(Timetable { schedule, at: *at, zone }),
            _ => None,
        };
        let audience = match &campaign.audience {
            Audience::Rule(rule) => Some(compiler.rule(rule)),
            Audience::Everyone | Audience::Public => None,
        };
        Running {
            name: campaign.name.as_str(),
            campaign,
            start: compiler.start(&campaign.start.kind),
            fingerprints: by.map(|by| by.start(&campaign.start)),
            audience,
            except: campaign.except.iter().map(|rule| compiler.rule(rule)).collect(),
            exit: campaign.exit.as_ref().map(|rule| compiler.rule(rule)),
            goal: campaign.goal.as_ref().map(|(rule, within)| (compiler.rule(rule), *within)),
            journey: Journey::new(program, [by[1], by[2]], compiler, campaign),
            hours: Hours::new(zone, program.library.quiet, &campaign.deliver),
            own_hours: Hours::new(zone, None, &campaign.deliver),
            timetable,
        }
    }

    /// The name of the campaign.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether one of its steps sends this message (an index of `Program::messages`).
    pub fn sends(&self, message: usize) -> bool {
        self.journey.ops.iter().any(|op| match op {
            Op::Send(send) => send.message == message,
            Op::Publish { message: published, .. } => *published == message,
            _ => false,
        })
    }

    /// Published, for nobody in particular.
    pub fn is_public(&self) -> bool {
        matches!(self.campaign.audience, Audience::Public)
    }
}

/// The field of the patron that an expression is.
fn plain_field(expr: &Expr) -> Option<FieldId> {
    match expr.kind {
        Kind::Read(Read::Patron(field)) => Some(field),
        _ => None,
    }
}

/// The events after which an address is none.
fn failures(program: &Program) -> impl Iterator<Item = EventId> {
    ["bounced", "complained"].into_iter().filter_map(|name| program.catalogue.event_named(name.into()))
}

/// The events of rules and starts, and those needs.
fn needs(rules: &Rules, campaigns: &[Running<'_>], beside: Needs) -> Needs {
    let started = campaigns.iter().filter_map(|running| running.start.row_rule()).map(|(event, _)| event);
    beside.with_events(rules.events().into_iter().chain(started))
}

fn needs_of_delivery(program: &Program, needs: Needs) -> Needs {
    let mut read = BTreeSet::new();
    for message in &program.messages {
        message.each_expression(&mut |expr| read.extend(program.events_read(&[expr])));
    }
    needs.with_events(read.into_iter().chain(program.catalogue.event_named("sent".into())))
}
