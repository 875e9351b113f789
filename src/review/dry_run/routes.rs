//! The ways that the campaigns' first messages take to a patron.

use crate::catalogue::Channel;
use crate::engine::{self, Ask, Plan, RecipientKind};
use crate::eval::RuleId;
use crate::message::Message;
use crate::program::{Campaign, Recipient, StepKind};

/// The ways of the campaigns' first messages. Many campaigns share one: it is tried once for each patron.
pub(super) struct Routes<'p> {
    pub different: Vec<Route<'p>>,
    /// By index of the plan's campaigns; `None`: nothing is sent to readers.
    pub of: Vec<Option<usize>>,
}

/// A message on its way out.
pub(super) struct Route<'p> {
    campaign: &'p Campaign,
    message: &'p Message,
    to: RecipientKind,
    /// Those that the message has.
    channels: Vec<Channel>,
}

impl<'p> Routes<'p> {
    pub fn new(plan: &Plan<'p>) -> Routes<'p> {
        let mut routes = Routes { different: Vec::new(), of: Vec::new() };
        for running in &plan.campaigns {
            let campaign = running.campaign;
            let Some(&(message, to, channels)) = sends(campaign).first() else {
                routes.of.push(None);
                continue;
            };
            let message = &plan.program.messages[message];
            let has = |channel: &&Channel| message.blocks.iter().any(|block| block.channel == **channel);
            let channels: Vec<Channel> = channels.iter().filter(has).copied().collect();
            let same = |route: &Route<'_>| {
                route.campaign.purpose == campaign.purpose && route.to == to && route.channels == channels
            };
            let known = routes.different.iter().position(same);
            routes.of.push(Some(known.unwrap_or(routes.different.len())));
            if known.is_none() {
                routes.different.push(Route { campaign, message, to, channels });
            }
        }
        routes
    }
}

impl Route<'_> {
    /// Whether the message reaches the patron: an address, and consent where the purpose needs one.
    pub fn reaches(&self, plan: &Plan<'_>, ask: &Ask<'_, '_>) -> bool {
        engine::choose(plan, ask, self.campaign, self.message, self.to, &self.channels).is_ok()
    }

    /// The rules of which one is true for everybody whom the message reaches; empty: nothing is known beforehand.
    pub fn agreements(&self, plan: &Plan<'_>) -> Vec<RuleId> {
        let purpose = self.campaign.purpose;
        let needed = plan.program.catalogue.purpose(purpose).needs_consent;
        let channels = self.channels.iter().filter(|_| needed);
        channels.map(|channel| plan.agrees(purpose, *channel)).collect()
    }
}

/// Every `send` to a reader, the patron or whoever reads for them, in the order of the source: the message, to whom, and
/// its channels.
pub fn sends(campaign: &Campaign) -> Vec<(usize, RecipientKind, &[Channel])> {
    let mut found = Vec::new();
    campaign.each_step(&mut |step| {
        let StepKind::Send { message, to, channels, .. } = &step.kind else { return };
        let to = match to {
            Recipient::Patron => RecipientKind::Patron,
            Recipient::Guardian => RecipientKind::Guardian,
            Recipient::Staff(_) => return,
        };
        found.push((*message, to, &channels[..]));
    });
    found
}
