//! Whether the date that made an occurrence is still the present one (section 8: the date of a start that changes).

use rusqlite::{Connection, params};

use crate::engine::ask::{Ask, Scope};
use crate::engine::occurrence::written;
use crate::engine::outbox;
use crate::engine::plan::Start;
use crate::rule::RowId;

/// Why nothing is sent of what is another patron's now.
pub(super) const PASSED: &str = "what it is about is another patron's now";

/// Whether an occurrence of `row` and `date` would be found again by its date.
pub(super) fn stands(start: &Start, ask: &Ask<'_, '_>, row: Option<RowId>, date: &str) -> bool {
    if row == Some(RowId::GONE) {
        return false;
    }
    let present = match start {
        Start::Date { date, .. } | Start::Anniversary { date, .. } => ask.value(*date, &Scope::NONE).0,
        Start::EventDate { event, field, .. } => {
            // A deleted row is no moved date: its `where` no longer fits.
            let Some(row) = ask.facts.events(*event).iter().find(|of| Some(of.row) == row) else { return true };
            row.fields[usize::from(*field)].clone()
        }
        _ => return true,
    };
    // A date that is unknown was emptied.
    present.is_some_and(|present| written(&present) == date)
}

/// Whether the next tick takes something out of an enrolment because its date moved: nothing of it was handed over.
pub(super) fn is_withdrawn_next(
    db: &Connection,
    start: &Start,
    ask: &Ask<'_, '_>,
    enrolment: i64,
) -> rusqlite::Result<bool> {
    if !start.is_dated() {
        return Ok(false);
    }
    let mut query =
        db.prepare_cached("SELECT event_row, date FROM occurrence WHERE enrolment = ?1 AND date IS NOT NULL")?;
    let mut rows = query.query(params![enrolment])?;
    while let Some(row) = rows.next()? {
        let of: Option<i64> = row.get(0)?;
        if !stands(start, ask, of.map(RowId), row.get_ref(1)?.as_str()?) {
            return Ok(!outbox::handed_over(db, enrolment)?);
        }
    }
    Ok(false)
}
