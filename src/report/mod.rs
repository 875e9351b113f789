//! Whether a campaign worked: who was enrolled, sent something, clicked and reached the goal, by arm and against those held
//! out, with the uncertainty of each difference.
//!
//! What leaves here may be read by anybody. Invariant: no count of fewer people than the library's `suppress` limit is in
//! it, nor follows from it ([`hide`]), and no two reports of a campaign differ by fewer people than that, neither as a
//! whole ([`release`]) nor in a count (`versions`).

mod across;
pub mod count;
pub mod difference;
pub mod hide;
pub mod lines;
mod measure;
mod parts;
pub mod past;
pub mod release;
pub mod table;
pub mod verdict;
mod versions;

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
use lines::{Asked, Measured};

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
/// otherwise since; until then the one that is known already is given again. The reports that stand, also those of campaigns
/// that are not asked for, are known to whoever reads a new one: more of that is hidden where they would tell of a few.
///
/// # Errors
/// If the store cannot be read or written; then nothing was given out.
pub fn report(store: &mut Store, program: &Program, campaigns: &[&Campaign]) -> Result<Report, StoreError> {
    let transaction = store.begin()?;
    let is_asked = |campaign: &Campaign| campaigns.iter().any(|asked| asked.name == campaign.name);
    let given: BTreeMap<String, Vec<CampaignReport>> = release::known(transaction.connection())?;
    let concerned: Vec<&Campaign> = (program.campaigns.iter())
        .filter(|campaign| is_asked(campaign) || given.contains_key(campaign.name.as_str()))
        .collect();
    let names: Vec<Symbol> = concerned.iter().map(|campaign| campaign.name).collect();
    let counted = count::people(&transaction, program, &names)?;
    let Some(as_of) = counted.as_of else { return Ok(Report { as_of: None, campaigns: Vec::new() }) };
    let limit = program.library.suppress_under;
    let enough = |people: usize| people > 0 && people as i64 >= limit;
    let given_of = |campaign: &Campaign| given.get(campaign.name.as_str()).map_or(&[][..], Vec::as_slice);
    let then: Vec<Vec<Vec<Person>>> = (concerned.iter().zip(&counted.people))
        .map(|(campaign, people)| {
            let then =
                |given: &CampaignReport| past::counted_then(program, campaign, &given.lines, given.as_of(), people);
            given_of(campaign).iter().map(then).collect()
        })
        .collect();
    let mut asked = Vec::new();
    for ((&campaign, people), then) in concerned.iter().zip(&counted.people).zip(&then) {
        let measured = Measured {
            delivery: enough(counted.with_delivery),
            clicks: enough(counted.with_click),
            goal: campaign.goal.is_some(),
        };
        if is_public(campaign) {
            continue;
        }
        let known = given_of(campaign);
        let told = known.iter().zip(then);
        asked.extend(told.map(|(given, people)| Asked { campaign, people, measured, told: Some(&given.lines) }));
        let stands = known.last().is_some_and(|given| release::stands(given, limit, people));
        if is_asked(campaign) && !stands {
            asked.push(Asked { campaign, people, measured, told: None });
        }
    }
    let lines: BTreeMap<Symbol, Vec<Line>> = (asked.iter().zip(lines::lines(program, &asked, limit)))
        .filter(|(asked, _)| asked.told.is_none())
        .map(|(asked, lines)| (asked.campaign.name, lines))
        .collect();
    let mut reports = Vec::new();
    for campaign in campaigns {
        let known = given_of(campaign).last();
        let people = concerned
            .iter()
            .position(|other| other.name == campaign.name)
            .map_or(&[][..], |index| &counted.people[index]);
        let report = match known.filter(|given| release::stands(given, limit, people)) {
            Some(given) => release::again(given, limit),
            None => {
                let fresh =
                    fresh(program, campaign, people, lines.get(&campaign.name).cloned().unwrap_or_default(), as_of);
                // To a library that hides nothing it may be the same.
                if known.is_none_or(|given| limit > 1 || given.lines != fresh.lines) {
                    release::note(&transaction, &program.library.zone, &fresh)?;
                }
                fresh
            }
        };
        reports.push(report);
    }
    transaction.commit()?;
    Ok(Report { as_of: Some(as_of), campaigns: reports })
}

fn is_public(campaign: &Campaign) -> bool {
    matches!(campaign.audience, Audience::Public)
}

fn fresh(
    program: &Program,
    campaign: &Campaign,
    people: &[Person],
    lines: Vec<Line>,
    as_of: Instant,
) -> CampaignReport {
    let limit = program.library.suppress_under;
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
        lines,
    }
}
