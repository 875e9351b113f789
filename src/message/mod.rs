//! Messages: templates parsed, type-checked and rendered; Markdown, layouts, text parts.
//!
//! Knows the catalogue and rules, not campaigns: what a campaign reveals comes in as an argument.

use std::sync::Arc;

use crate::catalogue::{Channel, ClassSet, FeedId, Label};
use crate::diagnostic::Span;
use crate::rule::Expr;
use crate::symbol::Symbol;

mod body;
mod destination;
mod fill;
pub mod format;
pub mod layout;
mod letter;
pub mod link;
mod markdown;
pub mod render;
mod skeleton;
pub mod sms;
mod surround;
pub mod template;
mod text;
mod value;
mod words;

pub use layout::Layout;
pub use render::{Content, NotRendered, Occasion, Reader, Rendered, Renderer, Row};
pub use template::Template;
use template::{Formula, Rows, Slot, SlotKind};

/// A message in all its channels and languages (section 9).
#[derive(Clone, Debug)]
pub struct Message {
    pub name: Symbol,
    pub label: Option<Label>,
    pub doc: Option<Arc<str>>,
    /// `let`, in order; a value for this reader.
    pub lets: Vec<Let>,
    pub picks: Vec<Pick>,
    /// Picks without whose rows the message is not sent.
    pub needs: Vec<Symbol>,
    pub blocks: Vec<Block>,
    pub span: Span,
}

/// A computed value.
#[derive(Clone, Debug)]
pub struct Let {
    pub name: Symbol,
    pub value: Expr,
    /// What flows into it.
    pub classes: ClassSet,
}

/// Rows of a feed, taken at delivery.
#[derive(Clone, Debug)]
pub struct Pick {
    pub name: Symbol,
    pub feed: FeedId,
    /// Over `Read::FeedRow` and the patron.
    pub condition: Option<Expr>,
    pub first: i64,
    /// Index of the feed's field.
    pub by: u16,
    pub descending: bool,
    pub classes: ClassSet,
}

/// One channel of a message.
#[derive(Clone, Debug)]
pub struct Block {
    pub channel: Channel,
    /// The first block of a channel whose condition is true is used.
    pub condition: Option<Expr>,
    pub parts: Vec<Part>,
    pub span: Span,
}

/// A text of a block in one language.
#[derive(Clone, Debug)]
pub struct Part {
    pub what: PartKind,
    pub language: Symbol,
    pub template: Template,
}

/// Which text of a channel block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PartKind {
    Subject,
    Body,
    Text,
    Title,
    Link,
}

impl Block {
    /// The part in `language`; the block is written in the default language, alone or among others.
    pub fn part(&self, what: PartKind, language: Symbol) -> Option<&Part> {
        self.parts.iter().find(|part| part.what == what && part.language == language)
    }
}

impl Message {
    /// Calls `visit` for each expression that its texts, their conditions and its picks read; a `let` counts where it is
    /// used.
    pub fn each_expression(&self, visit: &mut dyn FnMut(&Expr)) {
        for pick in &self.picks {
            pick.condition.iter().for_each(&mut *visit);
        }
        for block in &self.blocks {
            block.condition.iter().for_each(&mut *visit);
            for variant in block.parts.iter().flat_map(|part| &part.template.variants) {
                in_slots(&variant.slots, visit);
            }
        }
    }
}

fn in_slots(slots: &[Slot], visit: &mut dyn FnMut(&Expr)) {
    for slot in slots {
        match &slot.kind {
            SlotKind::Print { value, .. } | SlotKind::Test(value) => in_formula(value, visit),
            SlotKind::Each { over, slots } => {
                in_rows(over, visit);
                in_slots(slots, visit);
            }
        }
    }
}

fn in_rows(rows: &Rows, visit: &mut dyn FnMut(&Expr)) {
    if let Rows::Set(expr) = rows {
        visit(expr);
    }
}

fn in_formula(formula: &Formula, visit: &mut dyn FnMut(&Expr)) {
    match formula {
        Formula::Value(expr) | Formula::Member(expr) => visit(expr),
        Formula::Length(rows) => in_rows(rows, visit),
        Formula::Default(value, fallback) => {
            in_formula(value, visit);
            in_formula(fallback, visit);
        }
        Formula::Link(inner)
        | Formula::Date(inner, _)
        | Formula::Money(inner)
        | Formula::Upper(inner)
        | Formula::Lower(inner)
        | Formula::Plural(inner, _, _) => in_formula(inner, visit),
        Formula::Element(_)
        | Formula::Text(_)
        | Formula::Number(_)
        | Formula::Bool(_)
        | Formula::Name(_)
        | Formula::Survey(_)
        | Formula::First
        | Formula::Last => {}
    }
}
