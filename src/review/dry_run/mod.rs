//! What a program would do over a store at an instant. Writes nothing.

mod due;
mod funnel;
mod routes;
mod sample;

pub use due::{Due, Queue, Queues, Starts, Unsent};
pub(super) use funnel::Found;
pub use funnel::Funnel;
pub use routes::sends;
pub use sample::Sample;

use crate::engine::{self, Affected, Newcomer, Plan, TickError};
use crate::eval::Way;
use crate::limits;
use crate::program::{Audience, Campaign, Program};
use crate::review::dates::{self, Meaning};
use crate::review::{show, versions};
use crate::store::Store;
use crate::store::snapshot::Progress;
use crate::time::Instant;

/// What would happen.
#[derive(Clone, PartialEq, Debug)]
pub struct DryRun {
    pub at: Instant,
    /// Patrons in the store.
    pub patrons: u64,
    /// The last tick of the store.
    pub last_tick: Option<Instant>,
    /// In order of name.
    pub campaigns: Vec<Preview>,
    /// What waits in the outbox of campaigns that are not among these, by campaign and message.
    pub gone: Queues,
    /// What an edit of the program means for the enrolments that run; campaigns for which it means nothing are left
    /// out.
    pub affected: Vec<(String, Affected)>,
    /// Only for one campaign: its first message, for a patron whom it reaches.
    pub sample: Option<Sample>,
}

/// What one campaign would do.
#[derive(Clone, PartialEq, Debug)]
pub struct Preview {
    pub name: String,
    pub label: Option<String>,
    pub doc: Option<String>,
    pub purpose: String,
    pub is_draft: bool,
    pub is_public: bool,
    /// The start as it is written.
    pub start: String,
    /// The next instant of a schedule.
    pub next: Option<Instant>,
    pub funnel: Funnel,
    /// `None`: the store has not ticked.
    pub starts: Option<Starts>,
    /// Messages that a tick now would queue, and what a delivery would do with them.
    pub messages: Vec<(String, Queue)>,
    /// Why occurrences of such a tick would enrol nobody.
    pub skipped: Vec<(String, u64)>,
    /// Messages that wait in the outbox already, and what a delivery would do with them.
    pub waiting: Vec<(String, Queue)>,
    /// The dates that its windows mean today.
    pub dates: Vec<Meaning>,
    pub warnings: Vec<String>,
}

/// How it is worked out. Only the time that it takes depends on it.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// How rules are evaluated over all patrons.
    pub way: Way,
    /// Patrons from which on the store has a columnar snapshot beside it.
    pub from_patrons: i64,
    /// Hears of the making of a snapshot.
    pub progress: Option<&'a Progress<'a>>,
    /// The tick is tried over those patrons only that it would look at, and not over a copy of the whole store.
    pub excerpt: bool,
}

impl Default for Means<'_> {
    /// The quickest.
    fn default() -> Self {
        Means { way: Way::Native, from_patrons: limits::SNAPSHOT_FROM_PATRONS, progress: None, excerpt: true }
    }
}

/// Previews the campaigns of a program, or the one called `only`.
///
/// # Errors
/// If the store cannot be read, or if `at` lies before its last tick.
pub fn dry_run(
    store: &Store,
    program: &Program,
    only: Option<&str>,
    at: Instant,
    means: &Means<'_>,
) -> Result<DryRun, TickError> {
    Ok(looked(store, program, only, at, means)?.0)
}

/// The same, with whom each campaign admits, by index of [`DryRun::campaigns`].
pub(super) fn looked(
    store: &Store,
    program: &Program,
    only: Option<&str>,
    at: Instant,
    means: &Means<'_>,
) -> Result<(DryRun, Found), TickError> {
    let plan = Plan::with(program, |campaign| only.is_none_or(|name| campaign.name.as_str() == name));
    let found = funnel::count(store, &plan, at, means)?;
    // Drafts never tick, but who asks for one wants to know what it would do.
    let is_asked = |campaign: &Campaign| only == Some(campaign.name.as_str());
    let gate = Plan::with(program, |campaign| !campaign.is_draft || is_asked(campaign));
    let ticked = Plan::with(program, |campaign| match only {
        Some(_) => is_asked(campaign),
        None => !campaign.is_draft,
    });
    let older = versions::compiled(engine::versions_running(store, &ticked)?);
    let ticked = ticked.with_older(&older);
    let admitted = |name: &str, only_in_start: bool| {
        plan.find(name).map_or_else(Vec::new, |index| found.admitted(index, only_in_start))
    };
    let due = due::preview(store, &ticked, &gate, only, at, means.excerpt.then_some(&admitted))?;
    let mut affected: Vec<(String, Affected)> = engine::affected(store, &ticked)?.into_iter().collect();
    affected.retain(|(name, affected)| affected.is_any() && only.is_none_or(|only| only == name));
    let mut campaigns = Vec::new();
    for (index, running) in plan.campaigns.iter().enumerate() {
        campaigns.push(preview(program, running.campaign, found.funnels[index], &due, at, || {
            running.timetable.and_then(|table| table.next(at))
        }));
    }
    let mut gone = due.waiting.clone();
    gone.retain(|(campaign, _), _| plan.find(campaign).is_none());
    for preview in &mut campaigns {
        if let Some(starts) = preview.starts
            && let Some(rehearsed) = starts.rehearsed
        {
            preview.warnings.push(of_edit(rehearsed, starts.started));
        }
    }
    for (name, newcomer) in engine::newcomers(store, &gate)? {
        for preview in campaigns.iter_mut().filter(|preview| preview.name == name) {
            let started = preview.starts.map_or(0, |starts| starts.started);
            preview.warnings.push(of_newcomer(&name, &newcomer, started));
        }
    }
    let sample = match only.and_then(|name| plan.find(name)) {
        Some(index) => sample::sample(store, &plan, index, &found.reached[index], at)?,
        None => None,
    };
    let patrons = found.patrons as u64;
    Ok((DryRun { at, patrons, last_tick: due.last_tick, campaigns, gone, affected, sample }, found))
}

/// What it means that a start was edited. `rehearsed`: whom the new start would have started; `started`: whom its first
/// tick starts, as it includes current members.
fn of_edit(rehearsed: u64, started: u64) -> String {
    let first = match started {
        0 => "starts nobody".to_owned(),
        _ => format!("starts {} who were not in before", show::count(started)),
    };
    format!(
        "its start means something else than at the last tick: the first tick takes the baseline again and {first}. Without \
         that it would start {} now",
        show::count(rehearsed)
    )
}

/// What it means that a campaign is new which starts like one that has left the program. `started`: those whom its
/// first tick would start.
fn of_newcomer(name: &str, newcomer: &Newcomer, started: u64) -> String {
    let Newcomer { before, started: were_started, .. } = newcomer;
    let starts = match started {
        0 => "starts nobody".to_owned(),
        _ => format!("starts {}, whomever `{before}` has started before", show::count(started)),
    };
    format!(
        "new, and it starts like `{before}`, which has left the program and has started {}. If that is its new name, say \
         `bookmobile rename {before} {name}` before the next tick. Otherwise what runs of `{before}` stands still, `again` \
         does not know whom it wrote to, and the first tick {starts}",
        show::count(*were_started)
    )
}

fn preview(
    program: &Program,
    campaign: &Campaign,
    funnel: Funnel,
    due: &Due,
    at: Instant,
    next: impl FnOnce() -> Option<Instant>,
) -> Preview {
    let name = campaign.name.to_string();
    let of_it = |queues: &Queues| -> Vec<(String, Queue)> {
        let own = queues.iter().filter(|((of, _), _)| *of == name);
        own.map(|((_, message), queue)| (message.clone(), queue.clone())).collect()
    };
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut preview = Preview {
        label: campaign.label.as_ref().map(|label| label.text.to_string()),
        doc: campaign.doc.as_ref().map(|doc| one_line(doc)),
        purpose: program.catalogue.purpose(campaign.purpose).name.to_string(),
        is_draft: campaign.is_draft,
        is_public: matches!(campaign.audience, Audience::Public),
        start: one_line(program.sources.snippet(campaign.start.span)),
        next: next(),
        funnel,
        starts: (due.has_ticked || !due.campaigns.is_empty())
            .then(|| due.campaigns.get(&name).copied().unwrap_or_default()),
        messages: of_it(&due.messages),
        skipped: due.skipped.get(&name).cloned().unwrap_or_default(),
        waiting: of_it(&due.waiting),
        dates: dates::of_campaign(program, campaign, at),
        warnings: Vec::new(),
        name,
    };
    preview.warnings = warnings(campaign, &preview);
    preview
}

/// What the author may not have meant.
fn warnings(campaign: &Campaign, preview: &Preview) -> Vec<String> {
    let funnel = &preview.funnel;
    let mut warnings = Vec::new();
    let mut warn = |text: String| warnings.push(text);
    let people =
        |count: u64| if count == 1 { "1 patron".to_owned() } else { format!("{} patrons", show::count(count)) };
    if preview.is_public || funnel.store == 0 {
        return warnings;
    }
    let is_rule = matches!(campaign.audience, Audience::Rule(_));
    if funnel.audience == 0 {
        warn("nobody is in the audience".to_owned());
    } else if is_rule && funnel.audience == funnel.store {
        warn("everybody in the store is in the audience".to_owned());
    } else if funnel.not_excepted == 0 {
        warn("`except` leaves nobody".to_owned());
    } else if funnel.reachable == 0 {
        warn("nobody has both consent and an address".to_owned());
    }
    if funnel.audience_unknown > 0 {
        warn(format!(
            "{}: not known whether they are in the audience; they get nothing",
            people(funnel.audience_unknown)
        ));
    }
    if funnel.except_unknown > 0 {
        warn(format!("{}: not known whether `except` is true; they get nothing", people(funnel.except_unknown)));
    }
    if funnel.start_unknown > 0 {
        warn(format!("{}: not known whether the start is true; they do not start", people(funnel.start_unknown)));
    }
    if preview.is_draft {
        warn("a draft: it never ticks".to_owned());
    }
    warnings
}
