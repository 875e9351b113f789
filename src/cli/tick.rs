//! `bookmobile tick`.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::dry_run::write_wrapped;
use super::program::compile;
use super::{Failure, Outcome, Terminal, terminal};
use crate::engine::{self, Counts, Plan, TickError, TickReport};
use crate::limits;
use crate::program::{Campaign, Program, StartKind};
use crate::review::{show, versions};
use crate::store::{HeldBy, Store, StoreError, Turn, Work};
use crate::time::{Day, Instant, TimeOfDay, Zone};

/// Decide what is due now: who gets what, exactly once
///
/// Looks at whoever changed since the last tick and at whatever has come due, and puts messages into the outbox, all
/// in one transaction. Nothing leaves the house: `bookmobile deliver` sends. The first tick of a campaign takes its
/// baseline: what is true or due already starts nothing. While another tick of the store runs, it says so and does nothing.
#[derive(Args)]
pub struct Tick {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The instant to decide for, in the library's zone ("2026-06-15 09:00") or with an offset
    /// ("2026-06-15 09:00 -04:00"); without it, now
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// The clock is right although the last tick was more than 60 days ago: catch up
    #[arg(long)]
    after_outage: bool,
    /// This campaign starts all its current members, although it starts like one that has left the program; may be given
    /// several times. If it only has a new name, say `bookmobile rename` instead
    #[arg(long, value_name = "CAMPAIGN")]
    as_new: Vec<String>,
    /// Write the decisions as one JSON object
    #[arg(long)]
    json: bool,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(value_name = "PROGRAM", default_value = ".")]
    program: PathBuf,
}

impl Tick {
    /// Writes what was decided.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let zone = &program.library.zone;
        let now = match &self.at {
            Some(text) => instant(text, zone)?,
            None => clock(),
        };
        let failed = |error: StoreError| Failure::new(named(&self.store, &error));
        let _turn = match turn(&self.store, Work::Tick, self.json, terminal)? {
            ControlFlow::Continue(turn) => turn,
            ControlFlow::Break(outcome) => return Ok(outcome),
        };
        let mut store = Store::open(&self.store).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let plan = Plan::new(&program);
        let older = versions::compiled(engine::versions_needed(&store, &plan).map_err(failed)?);
        let plan = plan.with_older(&older);
        let plan = plan.with_renames_doubted(self.as_new.into_iter().collect());
        let plan = if self.after_outage { plan } else { plan.with_largest_gap(limits::TICK_GAP_DAYS) };
        let last = engine::last_tick(&store).map_err(failed)?;
        let bar = terminal::bar("{spinner} deciding");
        let report = engine::tick(&mut store, &plan, now, None);
        bar.finish_and_clear();
        let report = report.map_err(|error| match error {
            TickError::Store(error) => failed(error),
            error => Failure::new(format!("{}: {error}", self.store.display())),
        })?;
        let too_late = last.map_or_else(Vec::new, |last| too_late(&program, &report, last, now));
        if self.json {
            write_json(&report, &too_late, now, terminal)?
        } else {
            write_text(&report, now, zone, terminal)?;
            write_too_late(&too_late, last, zone, terminal)?
        }
        Ok(Outcome::Fine)
    }
}

/// The turn of this process at a store; else it is said who has it, and there is nothing to do. An error: no file can be
/// made beside the store, and opening it says why better.
pub(super) fn turn(
    store: &Path,
    work: Work,
    json: bool,
    terminal: &mut Terminal,
) -> Result<ControlFlow<Outcome, io::Result<Turn>>, Failure> {
    let owner = match Turn::take(store, work, clock()) {
        Ok(Err(HeldBy(owner))) => owner,
        Ok(Ok(turn)) => return Ok(ControlFlow::Continue(Ok(turn))),
        Err(error) => return Ok(ControlFlow::Continue(Err(error))),
    };
    let what = match work {
        Work::Tick => "Tick",
        Work::Delivery => "Delivery",
    };
    match json {
        true => writeln!(terminal, "{}", json!({ "held_by": owner }))?,
        false => writeln!(terminal, "{what} held by {owner}: nothing was done here.")?,
    }
    Ok(ControlFlow::Break(Outcome::Fine))
}

/// The campaigns of which something may have come due since the last tick that is older than their `expires after`. What
/// is true of a patron, or of a record, waits for the tick that finds it.
fn too_late<'p>(program: &'p Program, report: &TickReport, last: Instant, now: Instant) -> Vec<&'p str> {
    let is_dated = |campaign: &&Campaign| match campaign.start.kind {
        StartKind::Becomes { .. } | StartKind::Leaves { .. } | StartKind::Change { .. } => false,
        StartKind::Event { event, .. } => !program.catalogue.event(event).is_record(),
        _ => true,
    };
    let takes_baseline = |name: &str| report.campaigns.get(name).is_some_and(|counts| counts.is_baseline);
    (program.campaigns.iter())
        .filter(|campaign| !campaign.is_draft && !takes_baseline(campaign.name.as_str()))
        .filter(|campaign| now > program.library.zone.plus(last, campaign.expires_after))
        .filter(is_dated)
        .map(|campaign| campaign.name.as_str())
        .collect()
}

fn write_too_late(
    too_late: &[&str],
    last: Option<Instant>,
    zone: &Zone,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let Some(last) = last.filter(|_| !too_late.is_empty()) else { return Ok(()) };
    let text = format!(
        "The last tick was at {}. Of these campaigns, what came due since and is older than `expires after` says starts \
         nobody: {}.",
        show::instant(last, zone),
        too_late.join(", ")
    );
    write_wrapped(terminal, "", &text)
}

fn write_text(report: &TickReport, now: Instant, zone: &Zone, terminal: &mut Terminal) -> Result<(), Failure> {
    let at = zone.civil(now).strftime("%Y-%m-%d %H:%M:%S");
    writeln!(terminal, "Tick at {at} ({}): looked at {} patrons.", zone.name(), report.patrons)?;
    if report.campaigns.is_empty() {
        writeln!(terminal, "Nothing was due.")?;
    }
    let width = report.campaigns.keys().map(String::len).max().unwrap_or(0);
    for (name, counts) in &report.campaigns {
        writeln!(terminal, "  {name:width$}  {}", sentence(counts))?;
    }
    Ok(())
}

fn sentence(counts: &Counts) -> String {
    let words = [
        (counts.enrolled, "started"),
        (counts.queued, "queued"),
        (counts.dropped, "not sent"),
        (counts.skipped, "skipped"),
        (counts.withdrawn, "withdrawn"),
        (counts.ended, "ended"),
    ];
    let mut parts: Vec<String> = Vec::new();
    if counts.is_baseline {
        let why = if counts.is_edited {
            "its start was edited: took the baseline again"
        } else {
            "first tick: took the baseline"
        };
        parts.push(why.into());
    }
    parts.extend(words.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")));
    parts.join(", ")
}

fn write_json(report: &TickReport, too_late: &[&str], now: Instant, terminal: &mut Terminal) -> Result<(), Failure> {
    let campaigns: serde_json::Map<String, serde_json::Value> = (report.campaigns.iter())
        .map(|(name, counts)| {
            let object = json!({
                "baseline": counts.is_baseline,
                "edited_start": counts.is_edited,
                "started": counts.enrolled,
                "queued": counts.queued,
                "not_sent": counts.dropped,
                "skipped": counts.skipped,
                "withdrawn": counts.withdrawn,
                "ended": counts.ended,
            });
            (name.clone(), object)
        })
        .collect();
    let at = now.timestamp().to_string();
    let object = json!({ "at": at, "patrons": report.patrons, "campaigns": campaigns, "starts_too_late": too_late });
    writeln!(terminal, "{object}")?;
    Ok(())
}

/// What went wrong, with the file where SQLite does not name it.
fn named(path: &Path, error: &StoreError) -> String {
    match error {
        StoreError::Sqlite(_) => format!("{}: {error}", path.display()),
        error => error.to_string(),
    }
}

/// An instant as a user or a program writes it: local without an offset, a date alone is its first instant.
pub fn instant(text: &str, zone: &Zone) -> Result<Instant, Failure> {
    let text = text.trim();
    // In a program a blank stands before the offset.
    let joined = match text.rsplit_once(' ') {
        Some((local, offset)) if offset.starts_with(['+', '-']) => format!("{}{offset}", local.trim_end()),
        _ => text.to_owned(),
    };
    if let Ok(timestamp) = joined.parse::<jiff::Timestamp>() {
        return Ok(Instant::from_timestamp(timestamp));
    }
    if let Ok(civil) = text.parse::<jiff::civil::DateTime>() {
        let time = civil.time();
        let seconds = time.hour() as u32 * 3600 + time.minute() as u32 * 60 + time.second() as u32;
        return Ok(zone.at(Day::from_civil(civil.date()), TimeOfDay(seconds)));
    }
    let forms = "\"2026-06-15 09:00\" in the library's zone, or with an offset \"2026-06-15 09:00 -04:00\"";
    Err(Failure::new(format!("`{text}` is no instant; write one like {forms}")))
}

/// Now.
#[expect(clippy::disallowed_methods, reason = "a command line's default instant is the clock's")]
pub fn clock() -> Instant {
    Instant::from_timestamp(jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_local_unless_they_say_otherwise() {
        let zone = Zone::named("America/Toronto").expect("a zone");
        let read = |text: &str| instant(text, &zone).map(|at| at.timestamp().to_string()).ok();
        assert_eq!(read("2026-06-15 09:00").as_deref(), Some("2026-06-15T13:00:00Z"));
        assert_eq!(read("2026-06-15").as_deref(), Some("2026-06-15T04:00:00Z"));
        assert_eq!(read("2026-06-15 09:00 -04:00").as_deref(), Some("2026-06-15T13:00:00Z"));
        assert_eq!(read("2026-11-01 01:30 -05:00").as_deref(), Some("2026-11-01T06:30:00Z"));
        assert_eq!(read("2026-11-01 01:30:15 +05:30").as_deref(), Some("2026-10-31T20:00:15Z"));
        assert_eq!(read("2026-11-01 01:30").as_deref(), Some("2026-11-01T05:30:00Z"));
        let refused = instant("tomorrow", &zone).map_err(|failure| failure.to_string()).expect_err("no instant");
        assert!(refused.contains("2026-06-15 09:00\"") && refused.contains("2026-06-15 09:00 -04:00\""), "{refused}");
    }
}
