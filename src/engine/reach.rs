//! How a message can reach somebody: the channel, the address, the consent (sections 8 and 10).

use crate::catalogue::{Channel, ClassSet, Event, FieldId, PurposeId, Value};
use crate::engine::ask::{Ask, Scope};
use crate::engine::outbox::RecipientKind;
use crate::engine::plan::Plan;
use crate::message::Message;
use crate::program::{Campaign, Recipient, StepKind};
use crate::rule::function::{AGE, Moment};
use crate::rule::{ConsentState, EventRow, Facts};
use crate::symbol::Symbol;
use crate::time::Instant;

/// The way that a message takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    pub channel: Channel,
    /// A patron below the library's age of adults is reached through the guardian.
    pub recipient: RecipientKind,
    pub address: String,
}

/// The first of `channels` that the message has and that the patron has an address and consent for, or why there is
/// none.
pub fn choose(
    plan: &Plan<'_>,
    ask: &Ask<'_, '_>,
    campaign: &Campaign,
    message: &Message,
    to: RecipientKind,
    channels: &[Channel],
) -> Result<Way, String> {
    let purpose = plan.program.catalogue.purpose(campaign.purpose);
    let recipient = match to {
        RecipientKind::Patron if purpose.needs_consent && is_minor(plan, ask.facts, ask.now) => RecipientKind::Guardian,
        other => other,
    };
    let mut missing = Vec::new();
    for &channel in channels {
        if !message.blocks.iter().any(|block| block.channel == channel) {
            continue;
        }
        if recipient == RecipientKind::Guardian && tells_a_guardian(campaign, message, channel) {
            missing.push(format!("the {} tells what `reveal` keeps from a guardian", channel.word()));
            continue;
        }
        let address = match address(plan, ask.facts, recipient, channel) {
            Ok(address) => address,
            Err(why) => {
                // The patron's age chose the reader.
                let minor = if recipient == to { "" } else { "a minor, so the guardian is written to: " };
                missing.push(format!("{minor}{why}"));
                continue;
            }
        };
        if purpose.needs_consent {
            if !ask.holds(plan.agrees(campaign.purpose, channel), &Scope::NONE) {
                missing.push(no_consent(plan, ask, campaign.purpose, channel));
                continue;
            }
            if let Some(entry) = ask.suppressed.find(channel, &address, purpose.name.as_str()) {
                missing.push(format!("suppressed for {}: {entry}", channel.word()));
                continue;
            }
        }
        return Ok(Way { channel, recipient, address });
    }
    let why = if missing.is_empty() { "no channel of the message reaches patrons".into() } else { missing.join(", ") };
    Err(format!("unreachable: {why}"))
}

/// That there is no consent in force, and what became of the one that there was.
fn no_consent(plan: &Plan<'_>, ask: &Ask<'_, '_>, purpose: PurposeId, channel: Channel) -> String {
    let declared = plan.program.catalogue.purpose(purpose);
    let consents = ask.facts.consents.iter();
    let known = consents.clone().find(|consent| consent.purpose == purpose && consent.channel == channel);
    let why = known.map(|consent| match consent.state {
        ConsentState::Withdrawn => format!(" (withdrawn on {})", consent.on),
        ConsentState::Asked => format!(" (asked on {}, not confirmed)", consent.on),
        ConsentState::Given => {
            let expires = declared.expires_after.map(|after| consent.on.plus(after).plus_days(-1));
            let today = plan.program.library.zone.day(ask.now);
            match consent.until.or(expires) {
                Some(last) if last < today => format!(" (ended on {last})"),
                _ => format!(" (it begins on {})", consent.on),
            }
        }
    });
    format!("no consent to {} by {}{}", declared.name, channel.word(), why.unwrap_or_default())
}

/// A reason without the days that are one patron's own (`withdrawn on 2026-11-03`), as many patrons share it.
pub fn undated(reason: &str) -> String {
    let is_day = |text: &str| text.get(..10).is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok());
    let mut parts = reason.split(" on ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match is_day(part) {
            true => text += &part[10..],
            false => text = text + " on " + part,
        }
    }
    text
}

/// Whether a text of the channel tells a privacy class that the campaign does not reveal to guardians (section 10).
/// Where the author wrote `to guardian` the checker has refused it; here the patron's age chose the reader.
fn tells_a_guardian(campaign: &Campaign, message: &Message, channel: Channel) -> bool {
    let parts = message.blocks.iter().filter(|block| block.channel == channel).flat_map(|block| &block.parts);
    let told = parts.fold(ClassSet::EMPTY, |told, part| told.union(part.template.classes()));
    told.iter().any(|class| !campaign.reveal.contains(&(class, true)))
}

/// Below the library's age of adults. A patron of unknown age is not.
fn is_minor(plan: &Plan<'_>, facts: &Facts, now: Instant) -> bool {
    let (Some(adult_at), Some(birth)) = (plan.program.library.adult_at, plan.program.catalogue.contact.birth) else {
        return false;
    };
    let Some(birth) = facts.field(birth) else { return false };
    let zone = &plan.program.library.zone;
    let moment = Moment { now, today: zone.day(now), zone };
    matches!((AGE.kernel)(std::slice::from_ref(birth), &moment), Some(Value::Int(age)) if age < adult_at)
}

/// The address of a channel if it is known and good, else why it is not.
fn address(plan: &Plan<'_>, facts: &Facts, recipient: RecipientKind, channel: Channel) -> Result<String, String> {
    let contact = &plan.program.catalogue.contact;
    let (address, fields, whose) = match (recipient, channel) {
        (RecipientKind::Guardian, Channel::Email) => {
            (contact.guardian.and_then(|id| facts.text(id)), contact.guardian.as_slice(), "the guardian's address")
        }
        (RecipientKind::Guardian, other) => return Err(format!("nothing goes to guardians by {}", other.word())),
        _ => (facts.address(contact, channel), contact.fields(channel), "the address"),
    };
    match (address, failure(plan, facts, recipient, channel, fields)) {
        (None, _) if recipient == RecipientKind::Guardian => Err("no e-mail address of a guardian".into()),
        (None, _) => Err(format!("no address for {}", channel.word())),
        (Some(_), Some(what)) => Err(format!("{whose} for {} {what}", channel.word())),
        (Some(address), None) => Ok(address),
    }
}

/// What is wrong with the present address of the patron or of the guardian: it bounced hard, or its owner complained.
fn failure(
    plan: &Plan<'_>,
    facts: &Facts,
    recipient: RecipientKind,
    channel: Channel,
    fields: &[FieldId],
) -> Option<&'static str> {
    let changed = |field: &FieldId| facts.changed.iter().find(|(changed, _)| changed == field).map(|(_, at)| *at);
    let since = fields.iter().filter_map(changed).max();
    let failed = |name: &str, needs_hard: bool| {
        let Some(id) = Symbol::find(name).and_then(|name| plan.program.catalogue.event_named(name)) else {
            return false;
        };
        let event = plan.program.catalogue.event(id);
        facts.events(id).iter().any(|row| {
            let same = name_in(event, row, "channel").is_none_or(|name| name.as_str() == channel.word());
            let is_hard = value_in(event, row, "hard") == Some(&Value::Bool(true));
            let told = same && (!needs_hard || is_hard) && since.is_none_or(|since| row.at >= since);
            told && (recipient == RecipientKind::Guardian) == went_to_guardian(plan, facts, event, row)
        })
    };
    if failed("bounced", true) {
        return Some("bounced");
    }
    failed("complained", false).then_some("is of somebody who complained")
}

/// Whether the message that came back was the guardian's. What does not say so (it was written by an older version, or by
/// hand) is taken by what the campaign sends: to guardians alone, or to a minor. What names no message of the program is
/// about the patron's own address.
fn went_to_guardian(plan: &Plan<'_>, facts: &Facts, event: &Event, row: &EventRow) -> bool {
    if let Some(Value::Bool(to_guardian)) = value_in(event, row, "to_guardian") {
        return *to_guardian;
    }
    let named = (name_in(event, row, "campaign"), name_in(event, row, "message"));
    let (Some(campaign), Some(name)) = named else { return false };
    let Some(campaign) = plan.program.campaign(campaign) else { return false };
    let (mut to_guardians, mut to_others) = (false, false);
    campaign.each_step(&mut |step| {
        if let StepKind::Send { message, to, .. } = &step.kind
            && plan.program.messages[*message].name == name
        {
            to_guardians |= matches!(to, Recipient::Guardian);
            to_others |= !matches!(to, Recipient::Guardian);
        }
    });
    let purpose = plan.program.catalogue.purpose(campaign.purpose);
    to_guardians && !to_others || purpose.needs_consent && is_minor(plan, facts, row.at)
}

fn value_in<'r>(event: &Event, row: &'r EventRow, field: &str) -> Option<&'r Value> {
    row.fields[usize::from(event.field(Symbol::find(field)?)?)].as_ref()
}

fn name_in(event: &Event, row: &EventRow, field: &str) -> Option<Symbol> {
    value_in(event, row, field)?.as_name()
}

/// The language of a patron's messages: theirs if it is one of the library's, else the default.
pub fn language(plan: &Plan<'_>, facts: &Facts) -> Symbol {
    let library = &plan.program.library;
    let field = plan.program.catalogue.contact.language;
    let own = field.and_then(|field| facts.field(field)?.as_name());
    own.filter(|language| library.languages.contains(language)).unwrap_or_else(|| library.default_language())
}

#[cfg(test)]
mod tests {
    use super::undated;

    #[test]
    fn a_reason_loses_its_days_and_nothing_else() {
        let told = "unreachable: no consent to news by email (withdrawn on 2026-11-03), no consent to news by sms";
        assert_eq!(undated(told), "unreachable: no consent to news by email (withdrawn), no consent to news by sms");
        assert_eq!(
            undated("no consent to a by sms (asked on 2026-11-03, not confirmed)"),
            "no consent to a by sms (asked, not confirmed)"
        );
        assert_eq!(undated("held on monday on 2026-13-03"), "held on monday on 2026-13-03");
    }
}
