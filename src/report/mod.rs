//! Whether a campaign worked: who was enrolled, sent something, clicked and reached the goal, by arm and against those held
//! out, with the uncertainty of each difference.
//!
//! What leaves here may be read by anybody. Invariant: no count of fewer people than the library's `suppress` limit is in
//! it, nor follows from it ([`hide`]), and no two reports of a campaign differ by fewer people than that ([`release`]).

pub mod count;
pub mod difference;
pub mod hide;
pub mod lines;
mod release;
pub mod table;
pub mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use difference::{Difference, Share};
pub use lines::{Count, Group, Line};
pub use verdict::{Comparison, Measure, Verdict, comparisons};

use crate::program::{Audience, Campaign, Program};
use crate::store::{Store, StoreError};
use crate::symbol::Symbol;
use crate::time::Instant;
use count::Person;
use lines::Measured;

/// The report of a campaign, as it may be printed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CampaignReport {
    pub campaign: String,
    /// Its title in the library's default language.
    pub title: Option<String>,
    /// The goal as the program has it.
    pub goal: Option<String>,
    /// People for whom the goal may still be reached: there are at least as many as the limit.
    pub is_open: bool,
    /// Counts of fewer people are hidden.
    pub limit: u64,
    /// What is counted was so at this instant: microseconds since 1970.
    as_of: i64,
    /// Empty of a campaign that is published and addresses nobody.
    pub lines: Vec<Line>,
}

impl CampaignReport {
    /// The engine's last word when it was counted.
    pub fn as_of(&self) -> Instant {
        Instant(self.as_of)
    }

    /// Every comparison that its lines allow.
    pub fn comparisons(&self) -> Vec<Comparison> {
        comparisons(&self.lines, self.goal.is_some())
    }
}

/// The reports of some campaigns.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// The engine's last word: a tick or a delivery. `None` if it never ticked: then there is no report.
    pub as_of: Option<Instant>,
    pub campaigns: Vec<CampaignReport>,
}

/// Counts, and notes in the store what it gives out.
///
/// A campaign of which a report was given out gets a new one when at least as many people as the limit are counted
/// otherwise since; until then the one that is known already is given again.
///
/// # Errors
/// If the store cannot be read or written; then nothing was given out.
pub fn report(store: &mut Store, program: &Program, campaigns: &[&Campaign]) -> Result<Report, StoreError> {
    let transaction = store.begin()?;
    let names: Vec<Symbol> = campaigns.iter().map(|campaign| campaign.name).collect();
    let counted = count::people(&transaction, &program.catalogue, &names)?;
    let Some(as_of) = counted.as_of else { return Ok(Report { as_of: None, campaigns: Vec::new() }) };
    let limit = program.library.suppress_under;
    let given: BTreeMap<String, CampaignReport> = release::last(transaction.connection())?;
    let enough = |people: usize| people > 0 && people as i64 >= limit;
    let mut reports = Vec::new();
    for (campaign, people) in campaigns.iter().zip(&counted.people) {
        let measured = Measured {
            delivery: enough(counted.with_delivery),
            clicks: enough(counted.with_click),
            goal: campaign.goal.is_some(),
        };
        let fresh = fresh(program, campaign, people, measured, as_of);
        let (given, is_new) = release::choose(given.get(campaign.name.as_str()), fresh, people);
        if is_new {
            release::note(&transaction, &program.library.zone, &given)?;
        }
        reports.push(given);
    }
    transaction.commit()?;
    Ok(Report { as_of: Some(as_of), campaigns: reports })
}

fn fresh(
    program: &Program,
    campaign: &Campaign,
    people: &[Person],
    measured: Measured,
    as_of: Instant,
) -> CampaignReport {
    let limit = program.library.suppress_under;
    let is_public = matches!(campaign.audience, Audience::Public);
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let goal = campaign
        .goal
        .as_ref()
        .map(|(rule, within)| format!("{} within {within}", one_line(program.sources.snippet(rule.span))));
    let open = people.iter().filter(|person| person.goal_open).count();
    CampaignReport {
        campaign: campaign.name.to_string(),
        title: campaign.label.as_ref().map(|label| label.text.to_string()),
        is_open: goal.is_some() && open > 0 && open as i64 >= limit,
        goal,
        limit: u64::try_from(limit).unwrap_or(0),
        as_of: as_of.0,
        lines: if is_public { Vec::new() } else { lines::lines(program, campaign, people, measured, limit) },
    }
}
