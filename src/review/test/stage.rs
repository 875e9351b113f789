//! Where a test plays: the store in memory, the people, what is still to arrive, and what was delivered.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::catalogue::{Channel, ClassSet, EventId, FeedId, PurposeId};
use crate::engine::{self, Draws, Handed, Handover, Plan, RecipientKind, TickError};
use crate::message::Content;
use crate::program::{Program, Statement};
use crate::review::pace;
use crate::rule::{Facts, PatronId, Tables};
use crate::store::{Needs, Store, StoreError};
use crate::symbol::Symbol;
use crate::time::{Day, Instant};

use super::post::{Feeds, Post};

/// The world of one test.
pub(super) struct Stage<'p> {
    pub program: &'p Program,
    post: &'p Post<'p>,
    pub plan: Plan<'p>,
    pub store: Store,
    pub now: Instant,
    /// Whether time has passed: what stands below a `run` or `skip` arrives at that moment.
    pub has_run: bool,
    pub people: HashMap<Symbol, PatronId>,
    /// When who is new to the store arrives.
    pub arrivals: HashMap<Symbol, Instant>,
    /// Records by key: what they are.
    pub records: HashMap<Symbol, EventId>,
    /// Rows dated ahead, by instant and place in the test.
    pub pending: BTreeMap<(Instant, usize), &'p Statement>,
    pub draws: Draws,
    pub deliveries: Vec<Delivery>,
}

/// A message that went out.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// `None`: published.
    pub person: Option<PatronId>,
    pub recipient: RecipientKind,
    pub campaign: Symbol,
    pub message: Symbol,
    pub channel: Channel,
    pub language: Symbol,
    pub day: Day,
    pub at: Instant,
    pub content: Content,
}

impl<'p> Stage<'p> {
    /// An empty library at `now`, in which the campaigns `only` run, or all that are no drafts.
    pub fn new(
        program: &'p Program,
        post: &'p Post<'p>,
        now: Instant,
        only: Option<&[Symbol]>,
    ) -> Result<Stage<'p>, StoreError> {
        let mut store = Store::in_memory()?;
        store.align(&program.catalogue)?;
        let plan = match only {
            Some(names) => Plan::with(program, |campaign| names.contains(&campaign.name)),
            None => Plan::new(program),
        };
        // Whatever is decided is asked of the interpreter, or no witness would see it.
        let plan = plan.screening(None);
        Ok(Stage {
            program,
            post,
            plan,
            store,
            now,
            has_run: false,
            people: HashMap::new(),
            arrivals: HashMap::new(),
            records: HashMap::new(),
            pending: BTreeMap::new(),
            draws: Draws::Fixed { held_out: HashSet::new(), arms: HashMap::new() },
            deliveries: Vec::new(),
        })
    }

    /// Time passes without a tick; data arrives all the same.
    pub fn skip(&mut self, until: Instant) -> Result<(), StoreError> {
        self.has_run = true;
        self.arrive(until)?;
        self.now = self.now.max(until);
        Ok(())
    }

    /// A tick at `now`, then at every instant at which something is due, up to `until`; delivery after each.
    pub fn run(&mut self, until: Instant) -> Result<(), StoreError> {
        self.has_run = true;
        loop {
            self.arrive(self.now)?;
            self.tick()?;
            if self.now >= until {
                return Ok(());
            }
            let arriving = self.pending.first_key_value().map(|((at, _), _)| *at);
            self.now = pace::next(&self.store, &self.plan, self.now, until, arriving)?;
        }
    }

    fn tick(&mut self) -> Result<(), StoreError> {
        match engine::tick(&mut self.store, &self.plan, self.now, Some(&self.draws)) {
            Ok(_) => {}
            Err(TickError::Store(error)) => return Err(error),
            Err(TickError::ClockWentBack { .. }) => unreachable!("time passes in one direction only (checked)"),
            Err(TickError::ClockJumped { .. } | TickError::Renamed { .. }) => {
                unreachable!("a test's plan doubts no clock and no name")
            }
        }
        let (program, now, post) = (self.program, self.now, self.post);
        let feeds = self.feeds()?;
        let deliveries = &mut self.deliveries;
        let mut record = |handover: &Handover<'_>| match post.render(handover, &feeds) {
            // What cannot be rendered is not sent: a `needs` without a row, a channel block that fits nobody.
            Err(reason) => Handed::Not(reason),
            Ok(letter) => {
                deliveries.push(Delivery {
                    person: Some(handover.facts.patron).filter(|patron| patron.0 != 0),
                    recipient: handover.recipient,
                    campaign: handover.campaign.name,
                    message: program.messages[handover.message].name,
                    channel: handover.channel,
                    language: letter.language,
                    day: program.library.zone.day(now),
                    at: now,
                    content: letter.content,
                });
                Handed::Over(Vec::new())
            }
        };
        engine::deliver(&mut self.store, &self.plan, now, &mut record)?;
        Ok(())
    }

    /// What is dated up to `until` arrives, each at its instant.
    fn arrive(&mut self, until: Instant) -> Result<(), StoreError> {
        while let Some((&(at, number), &statement)) = self.pending.first_key_value() {
            if at > until {
                break;
            }
            self.pending.remove(&(at, number));
            self.import(number, statement, at)?;
        }
        Ok(())
    }

    /// Everything that the store knows of a person now.
    pub fn facts(&self, person: PatronId) -> Result<Option<Facts>, StoreError> {
        self.store.reader().facts(person, &Needs::everything(&self.program.catalogue))
    }

    /// The reference tables now.
    pub fn tables(&self) -> Result<Tables, StoreError> {
        self.store.reader().tables()
    }

    fn feeds(&self) -> Result<Feeds, StoreError> {
        let reader = self.store.reader();
        (0..self.program.catalogue.feeds.len()).map(|index| reader.feed(FeedId(index as u16))).collect()
    }

    /// The classes that are served for `purpose`.
    pub fn served(&self, purpose: Option<PurposeId>) -> ClassSet {
        purpose.map_or(ClassSet::EMPTY, |purpose| self.program.catalogue.served_by(purpose))
    }
}
