//! What an evaluator is asked: constants of the program ([`World`]) and one patron at one instant ([`Question`]).

use crate::catalogue::{Catalogue, EventId, Value};
use crate::program::Program;
use crate::rule::facts::Facts;
use crate::rule::{EventRow, Tables};
use crate::time::{Instant, Weekday, Zone};

/// What stays the same over all patrons.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    pub catalogue: &'a Catalogue,
    pub tables: &'a Tables,
    pub zone: &'a Zone,
    pub week_starts: Weekday,
}

impl<'a> World<'a> {
    /// The world of a program, with what its reference tables hold.
    pub fn of(program: &'a Program, tables: &'a Tables) -> World<'a> {
        let library = &program.library;
        World { catalogue: &program.catalogue, tables, zone: &library.zone, week_starts: library.week_starts }
    }
}

/// One patron at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub facts: &'a Facts,
    /// `today`, `now` and windows are those of this instant.
    pub now: Instant,
    /// Records are open as of this instant. It is `now` but where a start's `where` is tried again (section 8).
    pub open_at: Instant,
    /// The instant of the campaign's start.
    pub start: Option<Instant>,
    /// The event or record that started the campaign, and its row as it now is; `None`: it was deleted.
    pub event: Option<(EventId, Option<&'a EventRow>)>,
    /// The event or record that a rule of [`super::Rules::add_for_event`] is about.
    pub row: Option<&'a EventRow>,
    /// The row of a feed that a `pick` tries.
    pub feed_row: Option<&'a [Option<Value>]>,
}

impl<'a> Question<'a> {
    /// About a patron at `now`, outside any campaign.
    pub fn of(facts: &'a Facts, now: Instant) -> Question<'a> {
        Question { facts, now, open_at: now, start: None, event: None, row: None, feed_row: None }
    }
}
