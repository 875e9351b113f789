//! `bookmobile deliver`.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::program::compile;
use super::tick::{clock, instant, turn};
use super::{Failure, Outcome, Terminal};
use crate::deliver::{self, Directory, Drained};
use crate::engine;
use crate::limits;
use crate::message::link::Links;
use crate::store::{Store, Work};

/// Deliver what the outbox holds, as files
///
/// Tries everything again at the last moment: consent, address, limits, quiet hours, exits. Then writes each message as
/// DIR/YYYY-MM-DD/CAMPAIGN-MESSAGE-ID.eml (e-mail), .txt (SMS), .html (letter) or .json (what is published), and records it
/// as sent. Delivering again writes nothing twice, also after a crash. While another delivery of the store runs, it says so
/// and does nothing. Exits with 1 if a message should have left and could not: its address is wrong, its text too long, the
/// folder not to be written. What is held back or dropped as the program says is no such message.
#[derive(Args)]
pub struct Deliver {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// Where to write the messages
    #[arg(long, value_name = "DIR")]
    to_dir: PathBuf,
    /// The instant of the delivery, in the library's zone ("2026-06-15 09:00") or with an offset
    /// ("2026-06-15 09:00 -04:00"); without it, now
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// The clock is right although the last tick was more than 60 days ago
    #[arg(long)]
    after_outage: bool,
    /// Where the links of messages begin; without it, the host of the library's `policy` or sender, and `/m`
    #[arg(long, value_name = "URL")]
    links: Option<String>,
    /// Write what was done as one JSON object
    #[arg(long)]
    json: bool,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(value_name = "PROGRAM", default_value = ".")]
    program: PathBuf,
}

impl Deliver {
    /// Writes what was done.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let now = match &self.at {
            Some(text) => instant(text, &program.library.zone)?,
            None => clock(),
        };
        let failed = |error: crate::store::StoreError| Failure::new(error.to_string());
        let _turn = match turn(&self.store, Work::Delivery, self.json, terminal)? {
            ControlFlow::Continue(turn) => turn,
            ControlFlow::Break(outcome) => return Ok(outcome),
        };
        let mut store = Store::open(&self.store).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let largest_gap = (!self.after_outage).then_some(limits::TICK_GAP_DAYS);
        let now = engine::believe_clock(&store, now, &program.library.zone, largest_gap)
            .map_err(|error| Failure::new(format!("{}: {error}", self.store.display())))?;
        let base = self.links.unwrap_or_else(|| deliver::link_base(&program.library));
        let links = Links::new(&base, &store.link_secret().map_err(failed)?);
        let mut directory = Directory::open(&self.to_dir)
            .map_err(|error| Failure::new(format!("cannot use {}: {error}", self.to_dir.display())))?;
        let drained = deliver::drain(&mut store, &program, now, links, &mut directory).map_err(failed)?;
        if self.json {
            write_json(&drained, terminal)?;
        } else {
            write_text(&drained, &self.to_dir.display().to_string(), terminal)?;
        }
        Ok(if drained.refused.is_empty() { Outcome::Fine } else { Outcome::Findings })
    }
}

fn write_text(drained: &Drained, folder: &str, terminal: &mut Terminal) -> Result<(), Failure> {
    let report = &drained.report;
    let messages = |count: usize| if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
    writeln!(terminal, "{} written to {folder}.", messages(report.sent))?;
    let more = [
        (drained.settled, "had been written by a delivery that ended too soon, and are recorded now"),
        (report.held, "held back: hours, limits, or the transport"),
        (report.dropped, "dropped: the reasons stand in the store"),
        (report.unknown, "claimed by a delivery that ended too soon; their campaign is not in the program"),
    ];
    for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
        writeln!(terminal, "  {} {what}.", messages(count))?;
    }
    for (campaign, message, reason) in &drained.refused {
        writeln!(terminal, "  not sent: {message} of {campaign}: {reason}")?;
    }
    Ok(())
}

fn write_json(drained: &Drained, terminal: &mut Terminal) -> Result<(), Failure> {
    let refused: Vec<_> = (drained.refused.iter())
        .map(|(campaign, message, reason)| json!({ "campaign": campaign, "message": message, "reason": reason }))
        .collect();
    let report = &drained.report;
    let object = json!({
        "sent": report.sent,
        "settled": drained.settled,
        "held": report.held,
        "dropped": report.dropped,
        "unknown": report.unknown,
        "refused": refused,
    });
    writeln!(terminal, "{object}")?;
    Ok(())
}
