//! From what the gate lets through to a rendered message.

use std::cell::RefCell;

use crate::catalogue::{Channel, FeedId, Library, Value};
use crate::deliver::reader::{EvalReader, Readings, Situation};
use crate::engine::{Handover, RecipientKind};
use crate::eval::{Memory, Question, World};
use crate::message::link::Links;
use crate::message::{NotRendered, Occasion, Rendered, Renderer};
use crate::program::Program;
use crate::store::{Store, StoreError};

/// The rows of each feed, by `FeedId`.
pub type Feeds = Vec<Vec<Vec<Option<Value>>>>;

/// All feeds of a store that messages of the program pick from.
///
/// # Errors
/// If the store cannot be read.
pub fn feeds(store: &Store, program: &Program) -> Result<Feeds, StoreError> {
    let mut feeds = vec![Vec::new(); program.catalogue.feeds.len()];
    for pick in program.messages.iter().flat_map(|message| &message.picks) {
        let rows = &mut feeds[pick.feed.index()];
        if rows.is_empty() {
            *rows = store.reader().feed(pick.feed)?;
        }
    }
    Ok(feeds)
}

/// Where the links of a library's messages begin, if nobody says otherwise: the host of its privacy policy, else of its
/// sender.
pub fn link_base(library: &Library) -> String {
    let policy = library.policy.as_deref().and_then(|policy| {
        let (scheme, rest) = policy.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
        Some(format!("{scheme}://{host}/m"))
    });
    let sender = || {
        let address = &library.sender.as_ref()?.address;
        Some(format!("https://{}/m", address.rsplit_once('@')?.1))
    };
    policy.or_else(sender).unwrap_or_else(|| "https://library.invalid/m".to_owned())
}

/// Renders the messages of one program. Made once a run.
pub struct Composer<'p> {
    program: &'p Program,
    readings: Readings<'p>,
    renderer: Renderer<'p>,
    memory: RefCell<Memory>,
}

impl<'p> Composer<'p> {
    /// For the messages of `program`.
    pub fn new(program: &'p Program, links: Links) -> Composer<'p> {
        let (readings, renderer) = (Readings::new(program), Renderer::new(program, links));
        Composer { program, readings, renderer, memory: RefCell::default() }
    }

    /// For messages that nobody gets. Their links lead nowhere: they are made with a key that no store has.
    pub fn of_preview(program: &'p Program) -> Composer<'p> {
        Composer::new(program, Links::new(&link_base(&program.library), b"preview"))
    }

    /// The links of its messages.
    pub fn links(&self) -> &Links {
        self.renderer.links()
    }

    /// The message as it leaves.
    ///
    /// # Errors
    /// If there is nothing that could be sent.
    pub fn compose(&self, handover: &Handover<'_>, feeds: &Feeds) -> Result<Rendered, NotRendered> {
        let world = World::of(self.program, handover.tables);
        let (one, several) = match handover.event {
            Some(event) if handover.is_together => (None, handover.rows.iter().map(|row| (event, *row)).collect()),
            Some(event) => (Some((event, handover.rows.first().copied())), Vec::new()),
            None => (None, Vec::new()),
        };
        let question =
            Question { start: Some(handover.start), event: one, ..Question::of(handover.facts, handover.now) };
        let feed = |feed: FeedId| feeds.get(feed.index()).cloned().unwrap_or_default();
        let served = handover.campaign.served;
        let situation = Situation { question, served, events: &several, feed: &feed };
        let reader = EvalReader::with(&self.readings, &world, situation, self.memory.take());
        let address = if handover.channel == Channel::Print { self.address(handover) } else { Vec::new() };
        let occasion = Occasion {
            campaign: handover.campaign,
            message: &self.program.messages[handover.message],
            channel: handover.channel,
            language: handover.language,
            key: &handover.key(),
            address: &address,
        };
        let rendered = self.renderer.render(&occasion, &reader);
        self.memory.replace(reader.into_memory());
        rendered
    }

    /// The lines of a letter's address: the name, where the patron has fields of these names that are not private, and
    /// the street.
    fn address(&self, handover: &Handover<'_>) -> Vec<String> {
        let catalogue = &self.program.catalogue;
        let name = |field: &str| {
            let id = catalogue.field_named(field.into()).filter(|id| catalogue.field(*id).private.is_none())?;
            match handover.facts.field(id) {
                Some(Value::Text(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
                _ => None,
            }
        };
        if handover.recipient != RecipientKind::Patron {
            return Vec::new();
        }
        let names: Vec<String> = ["first_name", "last_name"].into_iter().filter_map(name).collect();
        let lines = handover.address.lines().map(str::to_owned);
        Some(names.join(" ")).filter(|names| !names.is_empty()).into_iter().chain(lines).collect()
    }
}
