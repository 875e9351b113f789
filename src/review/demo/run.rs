//! The demo from end to end: a town, two weeks of mornings, and the messages that the starter campaigns write.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::import::{Imported, Town};
use super::reader::Plan;
use super::schema::Schema;
use crate::catalogue::Channel;
use crate::deliver::{self, Directory, Handed, Outgoing, Transport, TransportError};
use crate::engine::{self, TickError};
use crate::message::Content;
use crate::message::link::Links;
use crate::program::Program;
use crate::store::{Store, StoreError};
use crate::time::Instant;

/// When the tick of a day runs: the import is there, the library is open, nothing is quiet.
const TICK: i64 = 10 * 60 + 30;
/// The campaign of which one message is shown.
const SHOWN: &str = "due_soon";

/// What the demo did.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    /// All imports together.
    pub imported: Imported,
    pub first_tick: Option<Instant>,
    pub last_tick: Option<Instant>,
    pub ticks: u64,
    /// By campaign.
    pub campaigns: BTreeMap<String, Totals>,
    pub messages: u64,
    pub sample: Option<Sample>,
}

/// What one campaign did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub started: u64,
    pub email: u64,
    pub sms: u64,
    pub print: u64,
    /// Reached nobody: no address, no consent, or no longer so.
    pub not_sent: u64,
}

/// One message as it went out.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Its file below the folder of messages.
    pub file: String,
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// Why the demo stopped.
#[derive(Debug)]
pub enum DemoError {
    Store(StoreError),
    Tick(TickError),
    Folder(io::Error),
    /// Messages that could not be written: campaign, message, reason.
    Refused(Vec<(String, String, String)>),
}

impl std::fmt::Display for DemoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DemoError::Store(error) => error.fmt(f),
            DemoError::Tick(error) => error.fmt(f),
            DemoError::Folder(error) => write!(f, "the messages cannot be written: {error}"),
            DemoError::Refused(refused) => {
                let (campaign, message, reason) = &refused[0];
                write!(f, "{} messages could not be written; {message} of {campaign}: {reason}", refused.len())
            }
        }
    }
}

impl std::error::Error for DemoError {}

impl From<StoreError> for DemoError {
    fn from(error: StoreError) -> DemoError {
        DemoError::Store(error)
    }
}

/// Fills `store`, an empty one, and runs `program`, the starter, over it; messages go into `folder`. `progress` is
/// told how many readers are written, then how many days are done.
///
/// # Errors
/// If the store or the folder refuses.
pub fn run(
    program: &Program,
    plan: Plan,
    store: &mut Store,
    folder: &Path,
    mut progress: impl FnMut(Progress),
) -> Result<Summary, DemoError> {
    store.align(&program.catalogue)?;
    let schema = Schema::new(&program.catalogue, &program.library.zone);
    let mut town = Town::new(schema, plan);
    let mut summary = Summary::default();
    let mut post =
        Post { directory: Directory::open(folder).map_err(DemoError::Folder)?, by: BTreeMap::new(), sample: None };
    let links = Links::new(&deliver::link_base(&program.library), &store.link_secret()?);
    let ticked = engine::Plan::new(program);
    for day in 0..=plan.days {
        let imported = match day {
            0 => town.found(store, |readers| progress(Progress::Readers(readers)))?,
            day => town.import_day(store, day)?,
        };
        summary.imported = summary.imported.and(imported);
        let zone = &program.library.zone;
        let today = plan.today.plus_days(day);
        let now = zone.at(today, crate::time::TimeOfDay(TICK as u32 * 60));
        let report = engine::tick(store, &ticked, now, None).map_err(DemoError::Tick)?;
        for (name, counts) in report.campaigns {
            let totals = summary.campaigns.entry(name).or_default();
            totals.started += counts.enrolled as u64;
            totals.not_sent += counts.dropped as u64;
        }
        let drained = deliver::drain(store, program, now, links.clone(), &mut post)?;
        if !drained.refused.is_empty() {
            return Err(DemoError::Refused(drained.refused));
        }
        summary.messages += drained.report.sent as u64;
        summary.first_tick = summary.first_tick.or(Some(now));
        summary.last_tick = Some(now);
        summary.ticks += 1;
        progress(Progress::Days(day));
    }
    for ((campaign, channel), count) in post.by {
        let totals = summary.campaigns.entry(campaign).or_default();
        match channel {
            Channel::Email => totals.email += count,
            Channel::Sms => totals.sms += count,
            _ => totals.print += count,
        }
    }
    summary.sample = post.sample;
    Ok(summary)
}

/// How far the demo is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Readers written by the first import.
    Readers(u64),
    /// The day that has been ticked and delivered.
    Days(i64),
}

/// The folder, counting what it takes and keeping one message to show.
struct Post {
    directory: Directory,
    by: BTreeMap<(String, Channel), u64>,
    sample: Option<Sample>,
}

impl Transport for Post {
    fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Handed, TransportError> {
        let handed = self.directory.hand_over(message)?;
        let campaign = message.campaign.to_string();
        let is_shown = self.sample.is_none() && campaign == SHOWN && message.rendered.language.as_str() == "en";
        if let (true, Content::Email { subject, text, .. }) = (is_shown, &message.rendered.content) {
            self.sample = Some(Sample {
                file: handed.reference.clone(),
                to: message.to.to_owned(),
                subject: subject.clone(),
                text: text.clone(),
            });
        }
        *self.by.entry((campaign, message.rendered.channel)).or_default() += 1;
        Ok(handed)
    }
}
