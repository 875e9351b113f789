//! What an edit of a program means: which campaigns it concerns, which data they read now, and over a store whom they are
//! for, whom they would start, and what becomes of the journeys that run. Writes nothing.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::diagnostic::Span;
use crate::engine::{Affected, TickError};
use crate::program::{Campaign, Program};
use crate::review::dry_run::{self, DryRun, Found, Means, Preview};
use crate::review::privacy::{self, Processing};
use crate::rule::PatronId;
use crate::store::Store;
use crate::time::Instant;

/// What became of a declaration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    New,
    Gone,
    /// Its own text says something else; where it was only laid out otherwise it is not edited.
    Edited,
    /// Only what it uses was edited: a segment or a message.
    Uses,
}

/// A campaign that an edit concerns.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Concerned {
    pub campaign: String,
    pub change: Change,
    /// Segments and messages that it uses and that were edited, new ones too.
    pub uses: Vec<String>,
    /// Privacy classes that it reads and did not read, and what it may tell now: `history`, `reveal history`.
    pub gains: Vec<String>,
    /// Those that it no longer reads or tells.
    pub loses: Vec<String>,
    /// Over a store.
    pub reach: Option<Reach>,
}

/// Whom a campaign is for, before and after. Counts of patrons.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Reach {
    /// In the audience and in no exception; `None`: there is no such campaign, or it is published.
    pub before: Option<u64>,
    pub after: Option<u64>,
    pub enter: u64,
    pub leave: u64,
    /// With consent and an address for the first message.
    pub reachable_before: Option<u64>,
    pub reachable_after: Option<u64>,
    /// Messages that a tick now would queue.
    pub due_before: Option<u64>,
    pub due_after: Option<u64>,
    /// Its start means something else than at the last tick: how many it would have started, had its first tick not taken
    /// the baseline (section 8).
    pub edited_start_would_start: Option<u64>,
    /// The journeys that run.
    pub running: Option<Affected>,
}

/// The campaigns that the step from `old` to `new` concerns, in order of name.
pub fn diff(old: &Program, new: &Program) -> Vec<Concerned> {
    let edited = edited(old, new);
    let (records_before, records_after) = (privacy::record(old), privacy::record(new));
    let names: BTreeSet<&str> = [old, new].iter().flat_map(|p| &p.campaigns).map(|c| c.name.as_str()).collect();
    let find = |program: &'_ Program, name: &str| program.campaigns.iter().position(|c| c.name.as_str() == name);
    let mut found = Vec::new();
    for name in names {
        let (before, after) = (find(old, name), find(new, name));
        let uses =
            after.map_or_else(Vec::new, |index| records_after[index].uses.intersection(&edited).cloned().collect());
        let change = match (before, after) {
            (None, _) => Change::New,
            (_, None) => Change::Gone,
            (Some(before), Some(after)) => {
                let text = |program: &Program, campaign: &Campaign| said(program, campaign.span);
                match text(old, &old.campaigns[before]) == text(new, &new.campaigns[after]) {
                    false => Change::Edited,
                    true if uses.is_empty() => continue,
                    true => Change::Uses,
                }
            }
        };
        let told =
            |records: &[Processing], index: Option<usize>| index.map_or_else(BTreeSet::new, |at| told(&records[at]));
        let (reads_before, reads_after) = (told(&records_before, before), told(&records_after, after));
        found.push(Concerned {
            campaign: name.to_owned(),
            change,
            uses,
            gains: reads_after.difference(&reads_before).cloned().collect(),
            loses: reads_before.difference(&reads_after).cloned().collect(),
            reach: None,
        });
    }
    found
}

/// The same, with whom they reach over a store at an instant. `store` opens it anew, as each program has a catalogue of its
/// own.
///
/// # Errors
/// If the store cannot be read, or if `at` lies before its last tick.
pub fn diff_over(
    store: &mut dyn FnMut(&Program) -> Result<Store, TickError>,
    old: &Program,
    new: &Program,
    at: Instant,
    means: &Means<'_>,
) -> Result<Vec<Concerned>, TickError> {
    let mut found = diff(old, new);
    if found.is_empty() {
        return Ok(found);
    }
    let before = dry_run::looked(&store(old)?, old, None, at, means)?;
    let after = dry_run::looked(&store(new)?, new, None, at, means)?;
    for concerned in &mut found {
        concerned.reach = Some(reach(&before, &after, &concerned.campaign));
    }
    Ok(found)
}

fn reach(before: &(DryRun, Found), after: &(DryRun, Found), campaign: &str) -> Reach {
    let side = |(run, found): &(DryRun, Found)| {
        let index = run.campaigns.iter().position(|preview| preview.name == campaign && !preview.is_public)?;
        Some((run.campaigns[index].clone(), found.admitted(index, false)))
    };
    let (old, new) = (side(before), side(after));
    let admitted =
        |side: &Option<(Preview, Vec<PatronId>)>| side.as_ref().map_or_else(Vec::new, |(_, those)| those.clone());
    let (those_before, those_after) = (admitted(&old), admitted(&new));
    let missing =
        |of: &[PatronId], from: &[PatronId]| of.iter().filter(|id| from.binary_search(id).is_err()).count() as u64;
    let preview = |run: &(DryRun, Found)| run.0.campaigns.iter().find(|preview| preview.name == campaign).cloned();
    let due = |run| {
        let of = preview(run)?;
        Some(of.messages.iter().map(|(_, queue)| queue.left()).sum())
    };
    let affected = after.0.affected.iter().find(|(name, _)| name == campaign);
    Reach {
        enter: missing(&those_after, &those_before),
        leave: missing(&those_before, &those_after),
        before: old.as_ref().map(|_| those_before.len() as u64),
        after: new.as_ref().map(|_| those_after.len() as u64),
        reachable_before: old.as_ref().map(|(preview, _)| preview.funnel.reachable),
        reachable_after: new.as_ref().map(|(preview, _)| preview.funnel.reachable),
        due_before: due(before),
        due_after: due(after),
        edited_start_would_start: preview(after).and_then(|of| of.starts).and_then(|starts| starts.rehearsed),
        running: affected.map(|(_, affected)| affected.clone()),
    }
}

/// The names of segments and messages that say something else, as `segment NAME` and `message NAME`.
fn edited(old: &Program, new: &Program) -> BTreeSet<String> {
    let texts = |program: &Program| -> BTreeSet<(String, String)> {
        let segments = program.segments.iter().map(|s| (format!("segment {}", s.name), said(program, s.span)));
        let messages = program.messages.iter().map(|m| (format!("message {}", m.name), said(program, m.span)));
        segments.chain(messages).collect()
    };
    let (before, after) = (texts(old), texts(new));
    after.difference(&before).map(|(name, _)| name.clone()).collect()
}

/// A declaration's text without comments of its own line, however it is laid out.
fn said(program: &Program, span: Span) -> String {
    let lines = program.sources.snippet(span).lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// What a campaign reads of private classes, and what it may tell.
fn told(record: &Processing) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for class in &record.classes {
        found.insert(class.class.clone());
        if class.revealed {
            found.insert(format!("reveal {}", class.class));
        }
        if class.revealed_to_guardian {
            found.insert(format!("reveal {} to guardian", class.class));
        }
    }
    found
}
