//! The tick: memberships, journeys, limits, the outbox.

pub mod fingerprint;
pub mod hours;
pub mod journey;
pub mod plan;
pub mod schedule;
pub mod share;
pub mod draws;
pub mod ask;
pub mod state;
pub mod occurrence;
