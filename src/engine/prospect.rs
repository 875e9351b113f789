//! Whom a tick would look at, without ticking: so that a preview needs those patrons and no others.

use std::collections::BTreeSet;

use crate::engine::occurrence::Watch;
use crate::engine::plan::{Plan, Start};
use crate::engine::{state, tick};
use crate::rule::PatronId;
use crate::store::{Store, StoreError};
use crate::time::Instant;

/// Whom a tick would look at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prospect {
    /// Those whose data changed, who come due, or whose enrolments a tick that looks at everybody would drive; in
    /// order. `None`: everybody, as a reference table changed.
    pub patrons: Option<Vec<PatronId>>,
    /// By index of the plan's campaigns: whom else.
    pub looks_at: Vec<LooksAt>,
}

/// For which patrons who are not otherwise looked at a campaign may decide something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LooksAt {
    Nobody,
    /// Its schedule fires: those in its audience whom no exception leaves out.
    Admitted,
    /// It takes a baseline that includes current members, or one is rehearsed: of those the ones for whom its start is true.
    Current,
}

/// Whom a tick at `now` would look at.
///
/// # Errors
/// If the store cannot be read.
pub fn prospect(store: &Store, plan: &Plan<'_>, now: Instant) -> Result<Prospect, StoreError> {
    let db = store.connection();
    let before = state::clock(db)?;
    let watches = tick::watches(db, plan, before.as_ref(), now)?;
    let looks_at: Vec<LooksAt> = (watches.iter().zip(&plan.campaigns))
        .map(|(watch, running)| match running.start {
            _ if running.is_public() => LooksAt::Nobody,
            Start::Becomes { including_current: true, .. } if watch.is_baseline => LooksAt::Current,
            Start::Becomes { .. } if watch.is_edited && plan.rehearses_edits => LooksAt::Current,
            _ if watch.is_edited && plan.rehearses_edits => LooksAt::Admitted,
            _ if watch.scheduled.is_some() => LooksAt::Admitted,
            _ => LooksAt::Nobody,
        })
        .collect();
    let concerns_all = watches.iter().any(Watch::looks_at_all);
    let touched = tick::touched(&store.reader(), db, before.as_ref(), plan, now)?;
    if touched.everybody {
        return Ok(Prospect { patrons: None, looks_at });
    }
    let mut patrons: BTreeSet<PatronId> = touched.patrons.iter().map(|chosen| chosen.patron).collect();
    let zone = &plan.program.library.zone;
    if before.is_none_or(|clock| zone.day(clock.ticked_at) != zone.day(now)) {
        // It deletes first what is kept no longer.
        patrons.extend(store.reader().awaiting_purge()?);
    }
    if concerns_all {
        // A tick that looks at everybody drives them.
        patrons.extend(state::enrolled(db)?);
    }
    Ok(Prospect { patrons: Some(patrons.into_iter().collect()), looks_at })
}
