//! Draining the outbox through the gate into a transport.

use crate::deliver::composer::{Composer, feeds};
use crate::deliver::{Outgoing, Transport, TransportError};
use crate::engine::{self, DeliveryReport, Handed, Handover, Plan};
use crate::message::NotRendered;
use crate::message::link::Links;
use crate::program::Program;
use crate::store::{Store, StoreError};
use crate::time::{Duration, Instant, Unit};

/// How long a message waits that the transport did not take this time.
const RETRY: Duration = Duration { count: 15, unit: Unit::Minute };

/// What a delivery did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Drained {
    pub report: DeliveryReport,
    /// Recorded now though an earlier delivery handed them over: it ended before it could say so.
    pub settled: usize,
    /// What should have left and could not, with the reason: campaign, message, reason. No reader is named.
    pub refused: Vec<(String, String, String)>,
}

/// Delivers what may be delivered at `now`.
///
/// # Errors
/// If the store cannot be read or written. What was handed over before stays recorded.
pub fn drain(
    store: &mut Store,
    program: &Program,
    now: Instant,
    links: Links,
    transport: &mut dyn Transport,
) -> Result<Drained, StoreError> {
    let plan = Plan::new(program);
    let composer = Composer::new(program, links);
    let feeds = feeds(store, program)?;
    let mut drained = Drained::default();
    if let Some(taken) = transport.taken() {
        let was_taken = |key: &str| taken.contains(&composer.links().message(key).hex());
        let mut refused = Vec::new();
        let mut again =
            |handover: &Handover<'_>| hand_over(program, &composer, &feeds, transport, &mut refused, handover);
        drained.settled = engine::settle(store, &plan, &was_taken, &mut again)?;
        drained.refused.append(&mut refused);
    }
    let at_once = transport.at_once();
    let mut refused = Vec::new();
    let mut first = |handover: &Handover<'_>| hand_over(program, &composer, &feeds, transport, &mut refused, handover);
    drained.report = engine::deliver_at_once(store, &plan, now, at_once, &mut first)?;
    drained.refused.append(&mut refused);
    Ok(drained)
}

fn hand_over(
    program: &Program,
    composer: &Composer<'_>,
    feeds: &super::Feeds,
    transport: &mut dyn Transport,
    refused: &mut Vec<(String, String, String)>,
    handover: &Handover<'_>,
) -> Handed {
    let library = &program.library;
    let message = program.messages[handover.message].name;
    let mut tell = |reason: &str| {
        refused.push((handover.campaign.name.to_string(), message.to_string(), reason.to_owned()));
    };
    let rendered = match composer.compose(handover, feeds) {
        Ok(rendered) => rendered,
        // The author wants it so: `needs`.
        Err(reason @ NotRendered::NoRows(_)) => return Handed::Not(reason.to_string()),
        Err(reason) => {
            tell(&reason.to_string());
            return Handed::Not(reason.to_string());
        }
    };
    let outgoing = Outgoing {
        rendered: &rendered,
        campaign: handover.campaign.name,
        message,
        to: handover.address,
        from: handover.campaign.sender.as_ref().or(library.sender.as_ref()),
        reply_to: library.reply_to.as_ref(),
        at: handover.now,
        day: library.zone.day(handover.now),
        // It is shown until the first instant of the date after.
        until: handover.show_until.map(|end| library.zone.day(end).plus_days(-1)),
    };
    match transport.hand_over(&outgoing) {
        Ok(_) => Handed::Over(rendered.links),
        Err(TransportError::Refused(reason)) => {
            tell(&reason);
            Handed::Not(reason)
        }
        Err(TransportError::Failed(reason)) => {
            tell(&reason);
            Handed::Later(library.zone.plus(handover.now, RETRY), reason)
        }
    }
}
