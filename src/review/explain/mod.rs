//! Why a patron is in a segment or not, why a campaign writes to them or not.

mod journal;
mod tree;

pub use journal::{Entry, Journal, journal};
pub use tree::{Asked, Part, explain};

use crate::catalogue::{Channel, ClassSet, PurposeId};
use crate::engine::{Ask, Plan, RecipientKind, consents_read};
use crate::eval::{Interpreter, World};
use crate::program::{Audience, Campaign, Program, Segment, StartKind};
use crate::review::consent;
use crate::rule::{Expr, Facts, Tables};
use crate::store::{Store, StoreError, SuppressionList};
use crate::time::Instant;

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'p> {
    Segment(&'p Segment),
    Campaign(&'p Campaign),
}

impl<'p> Subject<'p> {
    /// The campaign or segment called `name`: campaigns first.
    pub fn named(program: &'p Program, name: &str) -> Option<Subject<'p>> {
        let campaign = program.campaigns.iter().find(|campaign| campaign.name.as_str() == name);
        let segment = || program.segments.iter().find(|segment| segment.name.as_str() == name && segment.is_default);
        campaign.map(Subject::Campaign).or_else(|| segment().map(Subject::Segment))
    }
}

/// One question and its answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Answered {
    /// What is asked: "in the audience", "except", "start".
    pub question: String,
    pub answer: Part,
}

/// The answers about one patron.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    pub patron: String,
    pub at: Instant,
    pub answers: Vec<Answered>,
    /// The consents that count here: kind, source, date, and what ended them; addresses on the suppression list.
    pub consents: Vec<String>,
    /// Of a campaign: for each of its channels, why it reaches the patron or not.
    pub channels: Vec<(Channel, Result<(), String>)>,
    /// Of a campaign: what the engine decided.
    pub journal: Option<Journal>,
}

/// Explains `subject` for a patron of whom `facts` are known.
///
/// # Errors
/// If the store cannot be read.
pub fn explanation(
    store: &Store,
    program: &Program,
    facts: &Facts,
    subject: Subject<'_>,
    now: Instant,
) -> Result<Explanation, StoreError> {
    let tables = store.reader().tables()?;
    let world = World::of(program, &tables);
    let asked = |purpose: Option<PurposeId>, served: ClassSet| Asked { program, facts, now, purpose, served };
    let mut answers = Vec::new();
    let (mut channels, mut kept) = (Vec::new(), None);
    let suppressed = store.reader().suppression_list()?;
    let mut rules: Vec<&Expr> = Vec::new();
    match subject {
        Subject::Segment(segment) => {
            let answer = explain(&asked(None, ClassSet::EMPTY), &world, &segment.body);
            answers.push(Answered { question: format!("in {}", segment.name), answer });
            rules.push(&segment.body);
        }
        Subject::Campaign(campaign) => {
            let asked = asked(Some(campaign.purpose), campaign.served);
            let mut ask = |question: &str, rule| {
                rules.push(rule);
                answers.push(Answered { question: question.to_owned(), answer: explain(&asked, &world, rule) });
            };
            if let Audience::Rule(rule) = &campaign.audience {
                ask("in the audience", rule);
            }
            for except in &campaign.except {
                ask("excepted", except);
            }
            match &campaign.start.kind {
                // `on entering` alone means the audience, which has been explained.
                StartKind::Becomes { .. } if enters_audience(program, campaign) => {}
                StartKind::Becomes { condition, .. } => ask("the start is true", condition),
                StartKind::Leaves { condition } => ask("in what is left", condition),
                _ => {}
            }
            channels = reach(program, campaign, facts, &tables, &suppressed, now);
            kept = Some(journal(store, program, campaign, facts.patron)?);
        }
    }
    let mut purposes = consents_read(program, &rules, true);
    if let Subject::Campaign(campaign) = subject {
        purposes.extend(Some(campaign.purpose).filter(|id| program.catalogue.purpose(*id).needs_consent));
    }
    let consents = consent::told(store, program, facts, &purposes, now)?;
    Ok(Explanation { patron: facts.key.to_string(), at: now, answers, consents, channels, journal: kept })
}

fn enters_audience(program: &Program, campaign: &Campaign) -> bool {
    let written: Vec<&str> = program.sources.snippet(campaign.start.span).split_whitespace().collect();
    written.ends_with(&["on", "entering"]) || written.ends_with(&["entering", "including", "current", "members"])
}

/// For each channel of the campaign's messages to patrons, whether the patron can be reached by it.
fn reach(
    program: &Program,
    campaign: &Campaign,
    facts: &Facts,
    tables: &Tables,
    suppressed: &SuppressionList,
    now: Instant,
) -> Vec<(Channel, Result<(), String>)> {
    let plan = Plan::with(program, |other| other.name == campaign.name);
    let world = World::of(program, tables);
    let interpreter = std::cell::RefCell::new(Interpreter::new(&plan.rules, &world));
    let ask = Ask { interpreter: &interpreter, facts, suppressed, now };
    let mut found: Vec<(Channel, Result<(), String>)> = Vec::new();
    let sends = crate::review::dry_run::sends(campaign);
    for (message, to, channels) in sends.into_iter().filter(|(_, to, _)| *to == RecipientKind::Patron) {
        for &channel in channels {
            if found.iter().any(|(known, _)| *known == channel) {
                continue;
            }
            let way = crate::engine::choose(&plan, &ask, campaign, &program.messages[message], to, &[channel]);
            let why = |reason: String| reason.trim_start_matches("unreachable: ").to_owned();
            found.push((channel, way.map(|_| ()).map_err(why)));
        }
    }
    found
}
