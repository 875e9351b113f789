//! How time passes for what is only tried: from one instant at which something is due to the next, as a library that
//! ticks often enough would see it.

use crate::engine::{self, Plan};
use crate::store::{Store, StoreError};
use crate::time::{Instant, Zone};

/// The next instant to tick after a tick at `now`, `until` at the latest: when something falls due, when data arrives
/// (`arriving`), and at the full hour after data that is there already.
///
/// # Errors
/// If the store cannot be read.
pub(super) fn next(
    store: &Store,
    plan: &Plan<'_>,
    now: Instant,
    until: Instant,
    arriving: Option<Instant>,
) -> Result<Instant, StoreError> {
    let hour = next_full_hour(&plan.program.library.zone, now);
    let mut next = until;
    if let Some(due) = engine::next_due(store, plan)? {
        // What follows from this very tick is for the next full hour, or two lists could chase each other.
        next = next.min(if due <= now.plus_seconds(1) { hour } else { due });
    }
    if engine::has_news(store)? {
        next = next.min(hour);
    }
    if let Some(at) = arriving {
        next = next.min(at);
    }
    Ok(next.max(Instant(now.0 + 1)).min(until))
}

/// The first full hour after an instant, on the library's clocks.
pub(super) fn next_full_hour(zone: &Zone, at: Instant) -> Instant {
    let second = i64::from(zone.time_of_day(at).0 % 3600);
    Instant(at.seconds() * 1_000_000).plus_seconds(3600 - second)
}
