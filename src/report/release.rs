//! What was given out before: no two reports of a campaign differ by a few people.
//!
//! Two reports, each harmless, tell of one person if only that person was counted otherwise in between (differencing). So a
//! report stands until at least as many people as the limit are counted otherwise, and is given again word for word until
//! then: also after somebody was erased, after two cards became one, and after the program was edited. Every report that
//! is new is noted in the audit, with what it showed. Giving the same again tells nothing and is not noted.
//!
//! A single count may have moved by a few all the same: it is hidden until it moved by enough since it was shown last. So
//! besides the last report those count as known that show what none since does ([`that_count`]).

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::json;

use super::count::Person;
use super::measure::MEASURES;
use super::{CampaignReport, Count, Group, Line};
use crate::store::{StoreError, Transaction};
use crate::time::Zone;

/// As the audit calls it.
const WHAT: &str = "report";

/// The reports of each campaign that count as known ([`that_count`]), the earlier first.
pub(super) fn known(db: &Connection) -> rusqlite::Result<BTreeMap<String, Vec<CampaignReport>>> {
    let mut query = db.prepare("SELECT detail FROM audit WHERE what = ?1 ORDER BY id")?;
    let mut rows = query.query([WHAT])?;
    let mut found: BTreeMap<String, Vec<CampaignReport>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let Ok(report) = serde_json::from_str::<CampaignReport>(row.get_ref(0)?.as_str()?) {
            found.entry(report.campaign.clone()).or_default().push(report);
        }
    }
    for reports in found.values_mut() {
        let lines: Vec<&[Line]> = reports.iter().map(|report| report.lines.as_slice()).collect();
        let counts = that_count(&lines);
        let mut nth = 0..;
        reports.retain(|_| nth.next().is_some_and(|nth| counts.contains(&nth)));
    }
    Ok(found)
}

/// Reports of which it is looked at what they hid and no later one shows: those before have mostly been overtaken.
const RECENT: usize = 8;

/// Which of the reports of a campaign, the earlier first, count as known: the last, those that show a count of a group which
/// no later one shows, and of the [`RECENT`] ones those that hide such a count, so that it stays hidden.
pub fn that_count(reports: &[&[Line]]) -> Vec<usize> {
    let is_shown_after = |report: usize, group: &Group, measure: usize| {
        let lines =
            reports[report + 1..].iter().filter_map(|lines| lines.iter().find(|line| line.group.is_same(group)));
        lines.into_iter().any(|line| line.counts()[measure].known().is_some())
    };
    let counts = |&report: &usize| {
        let is_recent = report + RECENT >= reports.len();
        let tells = |line: &Line, measure: usize| match line.counts()[measure] {
            Count::Known(_) => !is_shown_after(report, &line.group, measure),
            Count::Hidden => is_recent && !is_shown_after(report, &line.group, measure),
            Count::None => false,
        };
        let mut lines = reports[report].iter();
        report + 1 == reports.len() || lines.any(|line| (0..MEASURES).any(|measure| tells(line, measure)))
    };
    (0..reports.len()).filter(counts).collect()
}

/// Whether a report that was given out stands: too few are counted otherwise since. Nothing is small to a library that
/// hides nothing.
pub(super) fn stands(given: &CampaignReport, limit: i64, people: &[Person]) -> bool {
    let changed = people.iter().filter(|person| person.changed_after(given.as_of())).count();
    limit > 1 && (changed as i64) < limit
}

/// A report that stands, as it is given again.
pub(super) fn again(given: &CampaignReport, limit: i64) -> CampaignReport {
    let mut again = given.clone();
    // What was small enough to be shown then is not now.
    if (given.limit as i64) < limit {
        again.lines = again.lines.into_iter().map(Line::all_hidden).collect();
        again.is_open = false;
    }
    again
}

/// Notes in the audit what was given out.
pub(super) fn note(transaction: &Transaction<'_>, zone: &Zone, report: &CampaignReport) -> Result<(), StoreError> {
    transaction.writer(zone, report.as_of()).audit(WHAT, None, &json!(report))
}
