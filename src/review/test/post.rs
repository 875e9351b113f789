//! The transport of tests: renders every message as a delivery would, and keeps it.

use crate::deliver::Composer;
pub(super) use crate::deliver::Feeds;
use crate::engine::Handover;
use crate::message::Content;
use crate::message::link::Links;
use crate::program::Program;
use crate::symbol::Symbol;

/// Renders the messages of one program.
pub(super) struct Post<'p> {
    composer: Composer<'p>,
}

/// A rendered message.
pub(super) struct Letter {
    pub language: Symbol,
    pub content: Content,
}

impl<'p> Post<'p> {
    /// For the messages of `program`.
    pub fn new(program: &'p Program) -> Post<'p> {
        Post { composer: Composer::new(program, Links::new("https://library.example", b"tests")) }
    }

    /// The message as it leaves, or why there is none.
    pub fn render(&self, handover: &Handover<'_>, feeds: &Feeds) -> Result<Letter, String> {
        match self.composer.compose(handover, feeds) {
            Ok(rendered) => Ok(Letter { language: rendered.language, content: rendered.content }),
            Err(reason) => Err(reason.to_string()),
        }
    }
}
