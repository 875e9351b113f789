//! One message as a reader would get it now.

use std::cell::RefCell;

use super::funnel;
use crate::catalogue::Channel;
use crate::deliver::{self, Composer};
use crate::engine::{self, Ask, Handover, Plan, Scope, Start};
use crate::eval::{Interpreter, World};
use crate::message::Content;
use crate::program::Together;
use crate::rule::{EventRow, PatronId};
use crate::store::{Store, StoreError};
use crate::time::Instant;

/// A rendered message.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    pub patron: String,
    pub message: String,
    pub channel: Channel,
    pub language: String,
    /// Of an e-mail.
    pub subject: Option<String>,
    pub text: String,
}

/// The first message of the campaign at `index` for the first of `patrons` for whom it can be rendered.
///
/// # Errors
/// If the store cannot be read.
pub fn sample(
    store: &Store,
    plan: &Plan<'_>,
    index: usize,
    patrons: &[PatronId],
    now: Instant,
) -> Result<Option<Sample>, StoreError> {
    let program = plan.program;
    let running = &plan.campaigns[index];
    let Some(&(message, to, channels)) = super::sends(running.campaign).first() else { return Ok(None) };
    let tables = store.reader().tables()?;
    let feeds = deliver::feeds(store, program)?;
    let composer = Composer::of_preview(program);
    let world = World::of(program, &tables);
    let interpreter = RefCell::new(Interpreter::new(&plan.rules, &world));
    let suppressed = store.reader().suppression_list()?;
    for &patron in patrons {
        let Some(facts) = funnel::facts(store, program, patron)? else { continue };
        let ask = Ask { interpreter: &interpreter, facts: &facts, suppressed: &suppressed, now };
        let Ok(way) = engine::choose(plan, &ask, running.campaign, &program.messages[message], to, channels) else {
            continue;
        };
        let (event, rows) = start_rows(&running.start, &ask);
        if event.is_some() && rows.is_empty() {
            continue;
        }
        let handover = Handover {
            id: 0,
            campaign: running.campaign,
            message,
            channel: way.channel,
            recipient: way.recipient,
            address: &way.address,
            language: engine::language(plan, &facts),
            facts: &facts,
            tables: &tables,
            start: now,
            event,
            rows,
            is_together: running.start.together() != Together::No,
            due: now,
            now,
            show_until: None,
        };
        let Ok(rendered) = composer.compose(&handover, &feeds) else { continue };
        let (subject, text) = match rendered.content {
            Content::Email { subject, text, .. } => (Some(subject), text),
            Content::Sms { text, .. } | Content::Print { text, .. } => (None, text),
            Content::Published { title, text, .. } => (Some(title), text),
        };
        return Ok(Some(Sample {
            patron: facts.key.to_string(),
            message: program.messages[message].name.to_string(),
            channel: rendered.channel,
            language: rendered.language.to_string(),
            subject,
            text,
        }));
    }
    Ok(None)
}

/// The rows of the patron that could start the campaign: those that fit its `where`.
fn start_rows<'f>(start: &Start, ask: &Ask<'f, '_>) -> (Option<crate::catalogue::EventId>, Vec<&'f EventRow>) {
    let Some((event, admits)) = start.row_rule() else { return (None, Vec::new()) };
    let fits = |row: &&EventRow| ask.holds(admits, &Scope { row: Some(row), ..Scope::NONE });
    let mut rows: Vec<&EventRow> = ask.facts.events(event).iter().filter(fits).collect();
    if start.together() == Together::No {
        rows.truncate(1);
    }
    (Some(event), rows)
}
