//! The syntax tree: what the author wrote, in the order in which they wrote it, with spans.
//!
//! It keeps what the formatter needs (parentheses, the order of clauses, spelling of numbers and units) and
//! resolves no name. Comments stand beside the tree, sorted by place.

mod campaign;
mod catalogue;
mod expression;
mod library;
mod message;
mod test;

pub use campaign::*;
pub use catalogue::*;
pub use expression::*;
pub use library::*;
pub use message::*;
pub use test::*;

use std::sync::Arc;

use crate::diagnostic::{FileId, Span};
use crate::symbol::Symbol;

/// One parsed file.
#[derive(Clone, Debug)]
pub struct File {
    pub file: FileId,
    pub items: Vec<Item>,
    /// Every comment of the file, in order, `##` documentation included.
    pub comments: Vec<Comment>,
}

/// A `#` or `##` comment, without its line end.
#[derive(Clone, Debug)]
pub struct Comment {
    pub span: Span,
    /// `##`.
    pub is_doc: bool,
    /// The text after `#` or `##` and one blank.
    pub text: Arc<str>,
}

/// An identifier where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    pub symbol: Symbol,
    pub span: Span,
}

/// A text literal: its value after escapes and indentation, and where each part of it stands in the source.
#[derive(Clone, Debug)]
pub struct Text {
    pub value: Arc<str>,
    /// Quotes included.
    pub span: Span,
    /// Written with `"""`.
    pub is_block: bool,
    /// `(offset in value, offset in the file)`, ascending; between two entries both advance alike, and before the first
    /// from behind the quote.
    pub offsets: Vec<(u32, u32)>,
}

impl Text {
    /// The place in the source of a range of bytes of `value`.
    pub fn place(&self, range: std::ops::Range<usize>) -> Span {
        Span::new(self.span.file, self.offset(range.start)..self.offset(range.end).max(self.offset(range.start)))
    }

    fn offset(&self, at: usize) -> usize {
        let next = self.offsets.partition_point(|&(value, _)| value as usize <= at);
        match next.checked_sub(1).map(|index| self.offsets[index]) {
            Some((value, source)) => source as usize + (at - value as usize),
            None => self.span.start as usize + 1 + at,
        }
    }
}

/// A label with its translations: `"Central Library" (fr "Bibliothèque centrale")`.
#[derive(Clone, Debug)]
pub struct Label {
    pub text: Text,
    pub translations: Vec<(Name, Text)>,
}

/// A declaration with the documentation directly above it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Lines of `##` comments, joined with `\n`.
    pub doc: Option<Arc<str>>,
    pub span: Span,
    /// A part of it could not be read and has been reported. What stands here was written; what is missing
    /// may have been, so nothing is to be said about it.
    pub broken: bool,
    pub kind: ItemKind,
}

#[derive(Clone, Debug)]
pub enum ItemKind {
    Library(Library),
    Purpose(Purpose),
    Privacy(Privacy),
    Enum(EnumDecl),
    Patron(PatronDecl),
    Contact(Contact),
    Event(EventDecl),
    Record(RecordDecl),
    Table(TableDecl),
    List(ListDecl),
    Feed(FeedDecl),
    Survey(SurveyDecl),
    Segment(Segment),
    Message(Message),
    Campaign(Campaign),
    Test(Test),
}
