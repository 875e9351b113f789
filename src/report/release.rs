//! What was given out before: no two reports of a campaign differ by a few people.
//!
//! Two reports, each harmless, tell of one person if only that person was counted otherwise in between (differencing). So a
//! report stands until at least as many people as the limit are counted otherwise, and is given again word for word until
//! then: also after somebody was erased, after two cards became one, and after the program was edited. Every report that
//! is new is noted in the audit, with what it showed. Giving the same again tells nothing and is not noted.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::json;

use super::CampaignReport;
use super::count::Person;
use crate::store::{StoreError, Transaction};
use crate::time::Zone;

/// As the audit calls it.
const WHAT: &str = "report";

/// The last report of each campaign that was given out.
pub(super) fn last(db: &Connection) -> rusqlite::Result<BTreeMap<String, CampaignReport>> {
    let mut query = db.prepare("SELECT detail FROM audit WHERE what = ?1 ORDER BY id")?;
    let mut rows = query.query([WHAT])?;
    let mut found = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let Ok(report) = serde_json::from_str::<CampaignReport>(row.get_ref(0)?.as_str()?) {
            found.insert(report.campaign.clone(), report);
        }
    }
    Ok(found)
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
        again.lines = again.lines.into_iter().map(super::Line::all_hidden).collect();
        again.is_open = false;
    }
    again
}

/// Notes in the audit what was given out.
pub(super) fn note(transaction: &Transaction<'_>, zone: &Zone, report: &CampaignReport) -> Result<(), StoreError> {
    transaction.writer(zone, report.as_of()).audit(WHAT, None, &json!(report))
}
