//! Campaigns (section 8) with the messages that they send (section 9): from the tree to the typed program.
//!
//! What a template may read depends on who sends it, and whether a step is right depends on the message. So it goes
//! in three rounds: [`heads`](head) find each campaign's purpose and start, [`message`](super::message) checks the
//! messages against all that send them, and then each campaign is checked as a whole.

mod body;
mod clause;
mod delivery;
mod head;
mod journey;
mod privacy;
mod public;
mod reach;
mod schedule;
mod start;
mod step;

use std::collections::HashMap;

use crate::catalogue::Channel;
use crate::diagnostic::Span;
use crate::message::Message;
use crate::message::template::Sender;
use crate::program::Campaign;
use crate::symbol::Symbol;
use crate::syntax::ast;

use super::Context;

/// The checked messages, in the order of their declaration. What has errors, which are reported, is missing from them:
/// what is left is still judged.
pub(super) type Messages = Vec<Message>;

/// The messages and campaigns of a program; complete if nothing was reported. Campaigns are in order of name.
pub(super) fn check(context: &mut Context<'_>) -> (Vec<Message>, Vec<Campaign>) {
    let declared = context.declared.all_campaigns.clone();
    let heads: Vec<head::Head<'_>> = declared.into_iter().map(|campaign| head::read(context, campaign)).collect();
    let mut senders: HashMap<Symbol, Vec<Sender>> = HashMap::new();
    for head in &heads {
        for (message, sender) in head.senders(context) {
            senders.entry(message).or_default().push(sender);
        }
    }
    let (messages, defaults) = super::message::check_all(context, &senders);
    let layouts = delivery::layouts(context);
    let mut campaigns: Vec<Campaign> = Vec::new();
    for head in &heads {
        campaigns.extend(body::check(context, head, &messages, &layouts));
    }
    for finding in defaults {
        if !context.has_finding_at(finding.span) {
            context.report(finding);
        }
    }
    campaigns.sort_by_key(|campaign| campaign.name);
    (messages, campaigns)
}

/// The channels that a message has, as its declaration says: also when its texts have errors.
pub(super) fn channels_of(message: &ast::Message) -> Vec<Channel> {
    let mut channels = Vec::new();
    for channel in message.blocks.iter().filter_map(|block| Channel::from_word(block.channel.symbol.as_str())) {
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    channels
}

/// A campaign's steps name messages, and so do tests.
pub(super) use step::UNKNOWN_MESSAGE;

/// The first word of what stands at `span`: where a finding about a whole clause or step points.
pub(super) fn first_word(context: &Context<'_>, span: Span) -> Span {
    let length = context.sources.snippet(span).bytes().take_while(u8::is_ascii_alphabetic).count();
    Span { end: span.start + length as u32, ..span }
}
