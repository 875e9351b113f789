//! What the names of an expression may mean where it stands.

use crate::catalogue::{EventId, FeedId, Type, Value};
use crate::symbol::Symbol;

/// A parameter of a segment with the value that it has in one instance.
#[derive(Clone, Debug)]
pub struct Argument {
    pub name: Symbol,
    pub ty: Type,
    pub value: Value,
}

/// The event or record that started a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartEvent {
    pub event: EventId,
    /// With `together` there are several, and `event` means none of them.
    pub together: bool,
}

/// Where an expression stands. The default is a segment without parameters.
#[derive(Clone, Copy, Default, Debug)]
pub struct Scope<'a> {
    /// Parameters of the segment, substituted.
    pub parameters: &'a [Argument],
    /// Inside `where`: the event or record whose fields come before the patron's.
    pub row: Option<EventId>,
    /// `event` is this one's row.
    pub start_event: Option<StartEvent>,
    /// Inside the condition of a `pick`: the feed whose fields come before the patron's.
    pub feed_row: Option<FeedId>,
    /// `start` and `since start` have a meaning: steps, `exit`, `goal`.
    pub has_start: bool,
    /// It stands in a campaign (or in a message that one sends), so that the errors speak of it.
    pub in_campaign: bool,
}

impl<'a> Scope<'a> {
    /// The same place inside `where` of `event`.
    pub fn with_row(self, event: EventId) -> Scope<'a> {
        Scope { row: Some(event), ..self }
    }

    /// The parameter called `name`.
    pub fn parameter(&self, name: Symbol) -> Option<&'a Argument> {
        self.parameters.iter().find(|argument| argument.name == name)
    }
}
