//! A campaign for those who have yet to confirm a consent, that needs this consent itself.

use crate::catalogue::{Channel, PurposeId};
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::program::{Audience, Campaign, Recipient, StartKind, StepKind};
use crate::rule::{Expr, Kind};

const NEVER_AGREED: Code = Code("W0404");

/// Points at an `asked for P by C` without which the campaign does not start, where it sends for P, by C alone, at once.
pub(in crate::check) fn check(context: &mut Context<'_>, campaign: &Campaign) {
    let mut conditions: Vec<&Expr> = Vec::new();
    if let Audience::Rule(rule) = &campaign.audience {
        conditions.push(rule);
    }
    if let StartKind::Becomes { condition, .. } = &campaign.start.kind {
        conditions.push(condition);
    }
    let asked = conditions.into_iter().find_map(|condition| asked_for(condition, campaign.purpose));
    let Some((asked, channel)) = asked.filter(|(_, channel)| sends_at_once_by(campaign, *channel)) else { return };
    let purpose = context.catalogue.purpose(campaign.purpose).name;
    context.report(
        Diagnostic::new(NEVER_AGREED, asked.span, format!("`{}` can send nothing", campaign.name))
            .label("who is in here has not agreed yet")
            .also(campaign.name_span, format!("and its purpose, `{purpose}`, is written for those who have"))
            .note(format!("nothing of it goes out by {} before the consent is confirmed", channel.word()))
            .help("give the campaign a purpose without consent: the question itself may be asked"),
    );
}

/// What `condition` requires of this form.
fn asked_for(condition: &Expr, of: PurposeId) -> Option<(&Expr, Channel)> {
    match &condition.kind {
        Kind::AskedFor { purpose, channel } if *purpose == of => Some((condition, *channel)),
        Kind::And(parts) => parts.iter().find_map(|part| asked_for(part, of)),
        _ => None,
    }
}

fn sends_at_once_by(campaign: &Campaign, channel: Channel) -> bool {
    let (mut waits, mut others) = (false, false);
    campaign.each_step(&mut |step| match &step.kind {
        StepKind::Send { to: Recipient::Patron, channels, .. } => others |= channels.iter().any(|of| *of != channel),
        StepKind::Send { .. } | StepKind::Publish { .. } => others = true,
        StepKind::Wait(_)
        | StepKind::WaitTime { .. }
        | StepKind::WaitDate { .. }
        | StepKind::WaitUpTo { .. }
        | StepKind::Repeat { .. } => waits = true,
        _ => {}
    });
    !waits && !others
}
