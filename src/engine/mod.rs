//! The engine: the tick that decides who gets what, exactly once, and the gate before delivery.
//!
//! [`Plan`] makes a program ready; [`tick`] decides what is due at an instant, in one transaction, and fills the
//! outbox; [`deliver`] tries everything again at the last moment and hands over to the caller. The store's engine
//! tables (`store/migrations/0002-engine.sql`) are written here and nowhere else. Nothing here reads a clock.

mod ask;
mod conditions;
mod draws;
mod enrol;
mod fingerprint;
mod gate;
mod hours;
mod journey;
mod lately;
mod merge;
mod moved;
mod occurrence;
mod outbox;
mod plan;
mod prospect;
mod public;
mod reach;
mod reading;
mod rename;
mod respond;
mod schedule;
mod screen;
mod share;
mod standing;
mod state;
mod steps;
mod texted;
mod tick;
mod version;
mod visit;

pub use ask::{Ask, Scope};
pub use draws::Draws;
pub use gate::{DeliveryReport, Handed, Handover, LimitOf, Limited, deliver, deliver_at_once, settle};
pub use hours::Hours;
pub use lately::STANDING;
pub use merge::merge;
pub use outbox::{About, RecipientKind};
pub use plan::{Plan, Running, Start};
pub use prospect::{LooksAt, Prospect, prospect};
pub use reach::{Way, choose, language, undated};
pub use rename::{Newcomer, NotRenamed, newcomers, rename};
pub use respond::{NotOurs, Response, Return, consents_read, respond, returned};
pub use schedule::Timetable;
pub use share::{Draw, ShareKey};
pub use texted::{Texted, texted};
pub use tick::{Counts, TickError, TickReport, believe_clock, has_news, last_tick, next_due, tick};
pub use version::{Affected, Version, affected, versions_needed, versions_running};
