//! The limits of messages: how many a reader gets, of a campaign or of the library.

use super::Gate;
use crate::catalogue::{MessageLimit, Value};
use crate::engine::plan::Running;
use crate::rule::{EventRow, Facts, PatronId};
use crate::symbol::Symbol;

/// A message that a limit holds back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limited {
    /// The row of the outbox.
    pub id: i64,
    pub patron: PatronId,
    pub campaign: Symbol,
    pub limit: LimitOf,
    /// The campaigns whose messages have used the limit up, in order of name.
    pub used_by: Vec<Symbol>,
}

/// Whose limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LimitOf {
    Library,
    Campaign,
}

impl LimitOf {
    /// `library`, `campaign`.
    pub fn word(self) -> &'static str {
        match self {
            LimitOf::Library => "library",
            LimitOf::Campaign => "campaign",
        }
    }

    fn reason(self, limit: MessageLimit) -> String {
        format!("the {}'s limit of {limit}", self.word())
    }
}

impl Gate<'_, '_> {
    /// Which limit the patron has reached.
    pub(super) fn limited(&self, id: i64, running: &Running<'_>, facts: &Facts) -> Option<(String, Limited)> {
        let program = self.plan.program;
        let campaign = running.campaign;
        let sent = program.catalogue.event_named(Symbol::new("sent"))?;
        let field = |name: &str| program.catalogue.event(sent).field(Symbol::new(name)).map(usize::from);
        let (of_campaign, of_purpose) = (field("campaign")?, field("purpose")?);
        let today = program.library.zone.day(self.now);
        let named = |row: &EventRow, field: usize| row.fields[field].as_ref().and_then(Value::as_name);
        let reached = |which: LimitOf, limit: MessageLimit, counts: &dyn Fn(&EventRow) -> bool| {
            let first = today.plus(limit.per.negated()).plus_days(1);
            let on = |row: &EventRow| program.library.zone.day(row.at);
            // What a clock that was ahead has sent counts until its own time has passed.
            let within = |row: &&EventRow| on(row) >= first && counts(row);
            let counted: Vec<&EventRow> = facts.events(sent).iter().filter(within).collect();
            if (counted.len() as i64) < limit.messages {
                return None;
            }
            let mut used_by: Vec<Symbol> = counted.iter().filter_map(|row| named(row, of_campaign)).collect();
            used_by.sort_unstable();
            used_by.dedup();
            let limited = Limited { id, patron: facts.patron, campaign: campaign.name, limit: which, used_by };
            Some((which.reason(limit), limited))
        };
        let needs_consent = |purpose: Symbol| {
            program.catalogue.purpose_named(purpose).is_some_and(|id| program.catalogue.purpose(id).needs_consent)
        };
        let own = campaign
            .limit
            .and_then(|limit| reached(LimitOf::Campaign, limit, &|row| named(row, of_campaign) == Some(campaign.name)));
        let library = program.library.limit.filter(|_| program.catalogue.purpose(campaign.purpose).needs_consent);
        own.or_else(|| reached(LimitOf::Library, library?, &|row| named(row, of_purpose).is_some_and(needs_consent)))
    }
}
