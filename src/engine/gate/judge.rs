//! What the gate says of a message that waits.

use rusqlite::Connection;

use super::{Gate, Limited, Queued};
use crate::catalogue::Channel;
use crate::engine::ask::Ask;
use crate::engine::moved;
use crate::engine::outbox::RecipientKind;
use crate::engine::reach::{self, Way};
use crate::engine::state::Enrolment;
use crate::engine::steps::is_about_nothing;
use crate::engine::visit;
use crate::rule::Facts;
use crate::time::Instant;

const CLOSED: &str = "outside the hours of delivery";

/// What the gate says.
pub(super) enum Verdict {
    Go(Way),
    Hold(Instant, String),
    /// The same, because of a limit.
    Limit(Instant, String, Limited),
    Drop(String),
    /// The enrolment ends and what it has queued is dropped.
    End(&'static str),
}

impl Gate<'_, '_> {
    /// Tries everything again as of now.
    pub(super) fn judge(
        &self,
        db: &Connection,
        queued: &Queued,
        index: usize,
        message: usize,
        facts: &Facts,
        enrolment: &Enrolment,
    ) -> rusqlite::Result<Verdict> {
        let running = &self.plan.campaigns[index];
        let campaign = running.campaign;
        let zone = &self.plan.program.library.zone;
        let ask = Ask { interpreter: self.interpreter, facts, suppressed: &self.suppressed, now: self.now };
        let is_public = queued.recipient == RecipientKind::Public;
        if !is_public && let Some(reason) = visit::way_out(self.plan, &ask, index, enrolment) {
            return Ok(Verdict::End(reason));
        }
        // Waiting for what the campaign's own `deliver` allows is no delay.
        let from = running.own_hours.next_open(queued.due).unwrap_or(queued.due);
        if self.now > zone.plus(from, campaign.expires_after) {
            let held = queued.held.as_ref().map_or_else(String::new, |reason| format!("; until then: {reason}"));
            return Ok(Verdict::Drop(format!("expired: more than {} late{held}", campaign.expires_after)));
        }
        if queued.show_until.is_some_and(|until| self.now >= until) {
            return Ok(Verdict::Drop("its last day has passed".into()));
        }
        if let Some(reason) = is_about_nothing(&running.start, &ask, facts, enrolment, self.plan) {
            return Ok(Verdict::Drop(reason.into()));
        }
        if moved::is_withdrawn_next(db, &running.start, &ask, enrolment.id)? {
            let reason = "the date of its start changed, and the next tick decides";
            return Ok(Verdict::Hold(Instant(self.now.0 + 1), reason.into()));
        }
        let is_personal = queued.recipient.is_personal();
        let hours = if is_personal { &running.hours } else { &running.own_hours };
        if !hours.open(self.now) {
            let opening = hours.next_open(self.now).unwrap_or_else(|| zone.next_midnight(self.now));
            // What held it before, such as a limit, is why these hours were not the first.
            let reason = match &queued.held {
                Some(held) if held.ends_with(CLOSED) => held.clone(),
                Some(held) => format!("{held}, then {CLOSED}"),
                None => CLOSED.to_owned(),
            };
            return Ok(Verdict::Hold(opening, reason));
        }
        Ok(match queued.recipient {
            RecipientKind::Public => {
                let channel = queued.channels.first().copied().unwrap_or(Channel::Web);
                Verdict::Go(Way { channel, recipient: RecipientKind::Public, address: String::new() })
            }
            RecipientKind::Staff => match &queued.address {
                Some(address) => Verdict::Go(Way {
                    channel: Channel::Email,
                    recipient: RecipientKind::Staff,
                    address: address.clone(),
                }),
                None => Verdict::Drop("unreachable: no address of the staff".into()),
            },
            RecipientKind::Patron | RecipientKind::Guardian => {
                let message = &self.plan.program.messages[message];
                match reach::choose(self.plan, &ask, campaign, message, queued.recipient, &queued.channels) {
                    Err(reason) => Verdict::Drop(reason),
                    Ok(way) => match self.limited(queued.id, running, facts) {
                        Some((reason, limited)) => Verdict::Limit(zone.next_midnight(self.now), reason, limited),
                        None => Verdict::Go(way),
                    },
                }
            }
        })
    }
}
