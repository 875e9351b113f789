//! The transport of tests: renders every message as a delivery would, and keeps it.

use crate::catalogue::{FeedId, Value};
use crate::deliver::{EvalReader, Readings, Situation};
use crate::engine::{Handover, RecipientKind};
use crate::eval::{Question, World};
use crate::message::link::Links;
use crate::message::{Content, Occasion, Renderer};
use crate::program::Program;
use crate::rule::EventRow;
use crate::symbol::Symbol;

/// Renders the messages of one program.
pub(super) struct Post<'p> {
    program: &'p Program,
    readings: Readings<'p>,
    renderer: Renderer<'p>,
}

/// The rows of each feed, by `FeedId`.
pub(super) type Feeds = Vec<Vec<Vec<Option<Value>>>>;

/// A rendered message.
pub(super) struct Letter {
    pub language: Symbol,
    pub content: Content,
}

impl<'p> Post<'p> {
    /// For the messages of `program`.
    pub fn new(program: &'p Program) -> Post<'p> {
        let links = Links::new("https://library.example", b"tests");
        Post { program, readings: Readings::new(program), renderer: Renderer::new(program, links) }
    }

    /// The message as it leaves, or why there is none.
    pub fn render(&self, handover: &Handover<'_>, feeds: &Feeds) -> Result<Letter, String> {
        let world = World {
            catalogue: &self.program.catalogue,
            tables: handover.tables,
            zone: &self.program.library.zone,
            week_starts: self.program.library.week_starts,
        };
        let single: Option<&EventRow> = handover.rows.first().copied().filter(|_| !handover.is_together);
        let question = Question {
            start: Some(handover.start),
            event: handover.event.filter(|_| !handover.is_together).map(|event| (event, single)),
            ..Question::of(handover.facts, handover.now)
        };
        let events: Vec<_> = match handover.event.filter(|_| handover.is_together) {
            Some(event) => handover.rows.iter().map(|row| (event, *row)).collect(),
            None => Vec::new(),
        };
        let feed = |feed: FeedId| feeds.get(feed.index()).cloned().unwrap_or_default();
        let served = handover.campaign.served;
        let reader =
            EvalReader::new(&self.readings, &world, Situation { question, served, events: &events, feed: &feed });
        let address: Vec<String> = handover.address.lines().map(str::to_owned).collect();
        let occasion = Occasion {
            campaign: handover.campaign,
            message: &self.program.messages[handover.message],
            channel: handover.channel,
            language: handover.language,
            key: &handover.key(),
            address: if handover.recipient == RecipientKind::Patron { &address } else { &[] },
        };
        match self.renderer.render(&occasion, &reader) {
            Ok(rendered) => Ok(Letter { language: rendered.language, content: rendered.content }),
            Err(reason) => Err(reason.to_string()),
        }
    }
}
