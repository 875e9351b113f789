//! What readers are taken to do with what they get, by shares that somebody assumes.
//!
//! Whether a reader clicks, unsubscribes or answers is drawn for the seed, the patron and the message, and for nothing
//! else: two programs that send the same message to the same patron see the same response.

use std::collections::BTreeMap;
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::catalogue::{Catalogue, EventId, QuestionKind, Survey, Value};
use crate::engine::{self, About, Handover};
use crate::message::link::{LinkKind, Links, Target, Token};
use crate::program::Program;
use crate::review::demo::random::Random;
use crate::review::pace;
use crate::rule::PatronId;
use crate::store::{Store, StoreError};
use crate::symbol::Symbol;
use crate::time::Instant;

use super::Responded;

/// Shares are counted in hundredths of a percent.
const WHOLE: i64 = 10_000;

/// How readers respond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Responses {
    pub seed: u64,
    pub shares: Shares,
}

/// Of the messages with such a link, in hundredths of a percent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shares {
    /// Messages of which a link is followed.
    pub clicks: i64,
    /// Messages after which the reader unsubscribes from their purpose.
    pub unsubscribes: i64,
    /// Surveys that are answered.
    pub answers: i64,
}

impl Default for Shares {
    /// Assumptions, in the range that senders of newsletters publish: 3 %, 0.2 % and 10 %.
    fn default() -> Shares {
        Shares { clicks: 300, unsubscribes: 20, answers: 1_000 }
    }
}

/// The readers, and what they are about to do.
pub(super) struct Crowd<'p> {
    program: &'p Program,
    responses: Responses,
    /// By the full hour at which the library learns of it, in the order in which it was drawn.
    pending: BTreeMap<(Instant, u64), Response>,
    drawn: u64,
    pub responded: Responded,
}

struct Response {
    patron: PatronId,
    at: Instant,
    what: What,
}

enum What {
    Clicks(About),
    /// With this link.
    Unsubscribes(String),
    /// The fields of the answer.
    Answers(EventId, Vec<(u16, Option<Value>)>),
}

impl<'p> Crowd<'p> {
    pub fn new(program: &'p Program, responses: Responses) -> Crowd<'p> {
        Crowd { program, responses, pending: BTreeMap::new(), drawn: 0, responded: Responded::default() }
    }

    /// When the library learns of something next.
    pub fn next(&self) -> Option<Instant> {
        self.pending.first_key_value().map(|((at, _), _)| *at)
    }

    /// A message is out, with these links.
    pub fn receive(&mut self, handover: &Handover<'_>, about: About, targets: &[Target], links: &Links) {
        let patron = handover.facts.patron;
        let mut random = self.random(patron, about, handover.due);
        let shares = self.responses.shares;
        // All is drawn, needed or not: another share of one kind leaves the others as they are.
        let mut draw = |share: i64| (random.below(WHOLE) < share, random.heavy(8));
        let (clicks, unsubscribes, answers) = (draw(shares.clicks), draw(shares.unsubscribes), draw(shares.answers));
        let link = |kind: LinkKind| targets.iter().find(|target| target.kind == kind);
        // Half of those who respond do so within twenty minutes, one in a hundred after a day.
        let at = |tens_of_minutes: i64| handover.now.plus_seconds(600 * tens_of_minutes);
        if let ((true, later), Some(_)) = (clicks, link(LinkKind::Click)) {
            self.plan(patron, at(later), What::Clicks(about));
        }
        if let ((true, later), Some(target)) = (unsubscribes, link(LinkKind::Unsubscribe)) {
            let token = Token { kind: target.kind, message: target.message, number: target.number };
            self.plan(patron, at(later), What::Unsubscribes(links.url(token)));
        }
        if let ((true, later), Some(target)) = (answers, link(LinkKind::Survey)) {
            let catalogue = &self.program.catalogue;
            let survey = catalogue.surveys.iter().find(|survey| survey.name.as_str() == &*target.target);
            let event = catalogue.event_named(Symbol::new("answered"));
            if let (Some(survey), Some(event)) = (survey, event) {
                let fields = answer(catalogue, event, survey, &mut random);
                self.plan(patron, at(later), What::Answers(event, fields));
            }
        }
    }

    fn plan(&mut self, patron: PatronId, at: Instant, what: What) {
        let learned = pace::next_full_hour(&self.program.library.zone, at);
        self.pending.insert((learned, self.drawn), Response { patron, at, what });
        self.drawn += 1;
    }

    /// What the library learns up to `now`.
    pub fn arrive(&mut self, store: &mut Store, links: &Links, now: Instant) -> Result<(), StoreError> {
        let (catalogue, zone) = (&self.program.catalogue, &self.program.library.zone);
        while let Some(entry) = self.pending.first_entry().filter(|entry| entry.key().0 <= now) {
            let Response { patron, at, what } = entry.remove();
            let (event, fields) = match what {
                What::Unsubscribes(link) => {
                    let said = engine::respond(store, self.program, links, &link, at)?;
                    self.responded.unsubscribed += u64::from(said.is_ok());
                    continue;
                }
                What::Clicks(about) => {
                    let Some(event) = catalogue.event_named(Symbol::new("clicked")) else { continue };
                    self.responded.clicked += 1;
                    (event, about.fields(catalogue, event))
                }
                What::Answers(event, fields) => {
                    self.responded.answered += 1;
                    (event, fields)
                }
            };
            let transaction = store.begin()?;
            transaction.writer(zone, now).event(patron, event, None, at, &fields)?;
            transaction.commit()?;
        }
        Ok(())
    }

    fn random(&self, patron: PatronId, about: About, due: Instant) -> Random {
        let mut hasher = SipHasher13::new_with_keys(self.responses.seed, 0);
        for name in [about.campaign, about.message] {
            hasher.write(name.as_str().as_bytes());
            hasher.write_u8(0);
        }
        hasher.write_i64(patron.0);
        hasher.write_i64(due.0);
        Random::new(hasher.finish(), 0)
    }
}

/// An answer to a survey: every value is as likely, and nobody writes a text.
fn answer(catalogue: &Catalogue, event: EventId, survey: &Survey, random: &mut Random) -> Vec<(u16, Option<Value>)> {
    let mut value = |name: Symbol| {
        if name.as_str() == "survey" {
            return Some(Value::Symbol(survey.name));
        }
        let question = survey.questions.iter().find(|question| question.name == name)?;
        match question.kind {
            QuestionKind::Scale { from, to } => Some(Value::Int(random.between(from, to))),
            QuestionKind::OneOf(id) => {
                let values = &catalogue.enumeration(id).values;
                Some(Value::Symbol(random.pick(values).0))
            }
            QuestionKind::Text => None,
        }
    };
    (0..).zip(&catalogue.event(event).fields).map(|(index, field)| (index, value(field.name))).collect()
}
