//! `bookmobile dry-run`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value as Json, json};

use super::program::compile;
use super::tick::{clock, instant};
use super::{Failure, Outcome, Terminal, terminal};
use crate::engine::Affected;
use crate::program::Program;
use crate::review::dry_run::{DryRun, Means, Preview, Queue, Unsent, dry_run, sends};
use crate::review::show;
use crate::store::Store;
use crate::symbol::Symbol;
use crate::time::Zone;

/// Show whom each campaign would reach, and what a tick would do now
///
/// Reads the store and decides nothing in it. Beside a large store a file STORE.snapshot is kept, from which the next
/// dry-run reads quickly; it may be deleted. For each campaign: how many are in its audience, how many of them no exception
/// leaves out, how many of those have consent and an address, how many messages are due, and how many of them hours and
/// limits hold back. With the name of a campaign, also the reasons, the dates that its windows mean today, and a message
/// as one of its readers would get it.
#[derive(Args)]
pub struct DryRunCommand {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The instant to look from, in the library's zone ("2026-06-15 09:00") or with an offset; without it, now
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// Only this campaign, in detail
    #[arg(value_name = "CAMPAIGN")]
    campaign: Option<String>,
}

impl DryRunCommand {
    /// Writes the preview to standard output.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let at = match &self.at {
            Some(text) => instant(text, &program.library.zone)?,
            None => clock(),
        };
        if let Some(name) = &self.campaign
            && !program.campaigns.iter().any(|campaign| campaign.name.as_str() == name)
        {
            return Err(no_campaign(&program, name));
        }
        let failed = |error: crate::store::StoreError| Failure::new(error.to_string());
        let mut store = Store::open_read_only(&self.store).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let bar = terminal::bar("{msg}{wide_bar} {percent} %");
        let progress = |done: u64, total: u64| {
            bar.set_message("the store's snapshot is made ");
            bar.set_length(total);
            bar.set_position(done);
        };
        let means = Means { progress: Some(&progress), ..Means::default() };
        let found = dry_run(&store, &program, self.campaign.as_deref(), at, &means);
        bar.finish_and_clear();
        let found = found.map_err(|error| Failure::new(error.to_string()))?;
        if self.json {
            writeln!(terminal, "{:#}", json_of(&found, &program))?;
        } else {
            write_text(&found, &program, self.campaign.is_some(), terminal)?;
        }
        Ok(Outcome::Fine)
    }
}

/// There is no such campaign; the nearest name is offered.
pub(super) fn no_campaign(program: &Program, name: &str) -> Failure {
    let names: Vec<&str> = program.campaigns.iter().map(|campaign| campaign.name.as_str()).collect();
    let near = crate::syntax::suggest::closest(name, names.iter().copied());
    let help = near.map_or_else(|| format!("there are {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
    Failure::new(format!("there is no campaign `{name}`; {help}"))
}

fn write_text(found: &DryRun, program: &Program, detailed: bool, terminal: &mut Terminal) -> Result<(), Failure> {
    let zone = &program.library.zone;
    writeln!(
        terminal,
        "Dry run at {} ({}): {} patrons.\nNothing is written, and nothing is sent.",
        show::instant(found.at, zone),
        zone.name(),
        show::count(found.patrons),
    )?;
    match found.last_tick {
        Some(at) => writeln!(terminal, "The last tick was at {}.", show::instant(at, zone))?,
        None => {
            let is_started = |preview: &Preview| preview.starts.is_some_and(|starts| starts.started > 0);
            let nothing = match found.campaigns.iter().any(is_started) {
                true => "nothing but for those whom a campaign takes as current members",
                false => "nothing",
            };
            let text = format!(
                "The store has not ticked yet: the first tick takes note of what is there and starts {nothing}; what \
                 comes after it does."
            );
            for line in show::wrapped(&text, "", 80) {
                writeln!(terminal, "{}", line.trim_start())?;
            }
        }
    }
    if let (true, [preview]) = (detailed, found.campaigns.as_slice()) {
        write_one(found, preview, program, terminal)?;
    } else {
        writeln!(terminal, "\n{}", table(found))?;
        write_waiting(found, &program.library.zone, terminal)?;
    }
    if !found.affected.is_empty() {
        writeln!(terminal, "\nRunning enrolments that this version of the program meets:")?;
    }
    for (name, affected) in &found.affected {
        write_wrapped(terminal, "  ", &format!("{name}: {}", sentence(affected)))?;
    }
    let warned: Vec<_> = found.campaigns.iter().filter(|preview| !preview.warnings.is_empty()).collect();
    if !warned.is_empty() {
        writeln!(terminal, "\nWorth a look:")?;
    }
    for preview in warned {
        for warning in &preview.warnings {
            write_wrapped(terminal, "  ", &format!("{}: {warning}", preview.name))?;
        }
    }
    Ok(())
}

/// What becomes of the enrolments of a campaign that was edited.
pub(super) fn sentence(affected: &Affected) -> String {
    let parts = [
        (affected.go_on_here, "go on with the new steps"),
        (affected.go_on_before, "go on in an earlier version, which has the step they are at"),
        (affected.end, "end: no version that still compiles has the step they are at"),
        (affected.stand_still, "stand still, as the campaign is a draft or no longer in the program"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<String> = parts.map(|(count, what)| format!("{} {what}", show::count(*count))).collect();
    parts.extend(affected.passed_by.iter().map(|(step, count)| {
        format!("{} do not come to `{step}` any more: it now stands where they no longer pass", show::count(*count))
    }));
    if affected.cut_short > 0 {
        let what = "gathered several rows, and what is to be sent now tells of one alone";
        parts.push(format!("{} {what}", show::count(affected.cut_short)));
    }
    let of =
        if affected.running > 0 { format!("of {} that run, ", show::count(affected.running)) } else { String::new() };
    format!("{of}{}", parts.join("; "))
}

fn table(found: &DryRun) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let mut header = vec!["campaign", "audience", "not excepted", "consent, address", "due now"];
    let holds = found.campaigns.iter().any(|preview| held(preview) > 0);
    header.extend(holds.then_some("held back"));
    table.set_header(header);
    for preview in &found.campaigns {
        let funnel = &preview.funnel;
        let stages = if preview.is_public {
            [String::new(), String::new(), "published".to_owned()]
        } else {
            [funnel.audience, funnel.not_excepted, funnel.reachable].map(show::count)
        };
        let held = holds.then(|| if preview.is_public { String::new() } else { show::count(held(preview)) });
        table.add_row([preview.name.clone()].into_iter().chain(stages).chain([due(preview)]).chain(held));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// How many messages would go into the outbox.
fn due(preview: &Preview) -> String {
    let Some(starts) = &preview.starts else { return "first tick".to_owned() };
    let queued: u64 = preview.messages.iter().map(|(_, queue)| queue.left()).sum();
    if starts.is_baseline && queued == 0 { "first tick".to_owned() } else { show::count(queued) }
}

/// How many of them a delivery would hold back.
fn held(preview: &Preview) -> u64 {
    preview.messages.iter().map(|(_, queue)| queue.held()).sum()
}

fn write_one(found: &DryRun, preview: &Preview, program: &Program, terminal: &mut Terminal) -> Result<(), Failure> {
    let zone = &program.library.zone;
    let title = preview.label.as_deref().unwrap_or("");
    writeln!(terminal, "\n{}  {title}", preview.name)?;
    if let Some(doc) = &preview.doc {
        for line in show::wrapped(doc, "", 76) {
            writeln!(terminal, "  {}", line.trim_start())?;
        }
    }
    writeln!(terminal, "  purpose   {}", preview.purpose)?;
    writeln!(terminal, "  {}", preview.start.replacen("start ", "start     ", 1))?;
    if let Some(next) = preview.next {
        writeln!(terminal, "  next      {}", show::instant(next, zone))?;
    }
    if !preview.is_public {
        let funnel = &preview.funnel;
        let stages = [
            (funnel.store, "in the store"),
            (funnel.audience, "in the audience"),
            (funnel.not_excepted, "not excepted"),
            (funnel.reachable, "with consent and an address for the first message"),
        ];
        writeln!(terminal)?;
        // Whom nothing is written to, nothing has to reach.
        let is_sent =
            Symbol::find(&preview.name).and_then(|name| program.campaign(name)).is_some_and(|c| !sends(c).is_empty());
        for (count, what) in &stages[..if is_sent { 4 } else { 3 }] {
            writeln!(terminal, "  {:>9}  {what}", show::count(*count))?;
        }
        if preview.start.contains("when ") || preview.start.contains("entering") {
            writeln!(terminal, "  {:>9}  of these, for whom the start is true now", show::count(funnel.in_start))?;
        }
        let waits = preview.starts.is_none_or(|starts| starts.is_baseline) && preview.messages.is_empty();
        let due = if waits { "0".to_owned() } else { due(preview) };
        let why = if waits { "; the first tick takes note of what is there" } else { "" };
        writeln!(terminal, "  {due:>9}  messages due now{why}")?;
    }
    for (message, queue) in &preview.messages {
        write_queue(message, queue, "    ", zone, terminal)?;
    }
    for (reason, count) in &preview.skipped {
        write_wrapped(terminal, "    ", &format!("{} do not start: {reason}", show::count(*count)))?;
    }
    write_waiting(found, zone, terminal)?;
    if !preview.dates.is_empty() {
        writeln!(terminal, "\nToday these mean:")?;
    }
    for meaning in &preview.dates {
        write_wrapped(terminal, "  ", &format!("{}: {}", meaning.text, show::dates(meaning.dates, zone)))?;
    }
    if let Some(sample) = &found.sample {
        let way = sample.channel.word();
        writeln!(terminal, "\n{} for {} by {way}, in {}:\n", sample.message, sample.patron, sample.language)?;
        if let Some(subject) = &sample.subject {
            writeln!(terminal, "    Subject: {subject}\n")?;
        }
        for line in sample.text.lines() {
            writeln!(terminal, "{}{line}", if line.is_empty() { "" } else { "    " })?;
        }
    }
    Ok(())
}

/// What waits in the outbox already.
fn write_waiting(found: &DryRun, zone: &Zone, terminal: &mut Terminal) -> Result<(), Failure> {
    let own = found
        .campaigns
        .iter()
        .flat_map(|preview| preview.waiting.iter().map(move |(message, queue)| (&preview.name, message, queue)));
    let gone = found.gone.iter().map(|((campaign, message), queue)| (campaign, message, queue));
    let waiting: Vec<_> = own.chain(gone).collect();
    if !waiting.is_empty() {
        writeln!(terminal, "\nWaiting in the outbox already:")?;
    }
    let is_alone = found.campaigns.len() == 1 && found.gone.is_empty();
    for (campaign, message, queue) in waiting {
        let name = if is_alone { message.clone() } else { format!("{campaign}: {message}") };
        write_queue(&name, queue, "  ", zone, terminal)?;
    }
    Ok(())
}

/// To whom messages would go, how many wait and for what, and why nobody gets the others.
fn write_queue(name: &str, queue: &Queue, indent: &str, zone: &Zone, terminal: &mut Terminal) -> Result<(), Failure> {
    let keys = if queue.keys.is_empty() { String::new() } else { format!(": {}", queue.keys.join(", ")) };
    let more = if queue.patrons > queue.keys.len() as u64 { ", …" } else { "" };
    write_wrapped(terminal, indent, &format!("{name} to {}{keys}{more}", people(queue.sent(), queue.patrons)))?;
    let indent = format!("{indent}  ");
    for unsent in &queue.dropped {
        let text = format!("{} do not get it: {}", people(unsent.count, unsent.patrons), unsent.reason);
        write_wrapped(terminal, &indent, &text)?;
    }
    for unsent in &queue.held {
        let until = unsent
            .until
            .map_or_else(String::new, |until| format!(", to be tried again {}", show::instant(until, zone)));
        let text = format!("{} wait{until}: {}", people(unsent.count, unsent.patrons), unsent.reason);
        write_wrapped(terminal, &indent, &text)?;
    }
    Ok(())
}

/// How many patrons, and how many messages of theirs if that is not the same. What is published is nobody's.
fn people(messages: u64, patrons: u64) -> String {
    match patrons {
        0 => show::count(messages),
        _ if patrons == messages => show::count(patrons),
        _ => format!("{} ({} messages)", show::count(patrons), show::count(messages)),
    }
}

/// A paragraph of at most 80 columns; what follows the first line is indented by two more.
pub(super) fn write_wrapped(terminal: &mut Terminal, indent: &str, text: &str) -> Result<(), Failure> {
    for line in show::wrapped(text, indent, 80) {
        writeln!(terminal, "{line}")?;
    }
    Ok(())
}

fn json_of(found: &DryRun, program: &Program) -> Json {
    let zone = &program.library.zone;
    let campaigns: Vec<Json> = found.campaigns.iter().map(|preview| json_of_one(preview, program)).collect();
    let sample = found.sample.as_ref().map(|sample| {
        json!({
            "patron": sample.patron,
            "message": sample.message,
            "channel": sample.channel.word(),
            "language": sample.language,
            "subject": sample.subject,
            "text": sample.text,
        })
    });
    let gone: Vec<Json> = (found.gone.iter())
        .map(|((campaign, message), queue)| {
            json!({ "campaign": campaign, "waiting": json_of_queue(message, queue, zone) })
        })
        .collect();
    let affected: Vec<Json> = (found.affected.iter())
        .map(|(name, affected)| {
            json!({
                "campaign": name,
                "running": affected.running,
                "go_on_here": affected.go_on_here,
                "go_on_before": affected.go_on_before,
                "end": affected.end,
                "stand_still": affected.stand_still,
                "passed_by": affected.passed_by,
                "cut_short": affected.cut_short,
            })
        })
        .collect();
    json!({
        "at": show::instant(found.at, zone),
        "zone": zone.name(),
        "patrons": found.patrons,
        "last_tick": found.last_tick.map(|at| show::instant(at, zone)),
        "campaigns": campaigns,
        "gone": gone,
        "affected": affected,
        "sample": sample,
    })
}

fn json_of_queues<'q>(queues: impl IntoIterator<Item = &'q (String, Queue)>, zone: &Zone) -> Vec<Json> {
    queues.into_iter().map(|(message, queue)| json_of_queue(message, queue, zone)).collect()
}

fn json_of_queue(message: &str, queue: &Queue, zone: &Zone) -> Json {
    let unsent = |unsent: &Unsent| {
        json!({
            "reason": unsent.reason,
            "until": unsent.until.map(|until| show::instant(until, zone)),
            "messages": unsent.count,
            "patrons": unsent.patrons,
        })
    };
    json!({
        "message": message,
        "queued": queue.left(),
        "to_nobody": queue.count - queue.left(),
        "sent": queue.sent(),
        "to": queue.patrons,
        "reasons": queue.dropped.iter().map(unsent).collect::<Vec<_>>(),
        "held": queue.held.iter().map(unsent).collect::<Vec<_>>(),
        "patrons": queue.keys,
    })
}

fn json_of_one(preview: &Preview, program: &Program) -> Json {
    let zone = &program.library.zone;
    let funnel = &preview.funnel;
    let dates: Vec<Json> = (preview.dates.iter())
        .map(|meaning| json!({ "text": meaning.text, "dates": show::dates(meaning.dates, zone) }))
        .collect();
    let skipped: Vec<Json> =
        (preview.skipped.iter()).map(|(reason, patrons)| json!({ "reason": reason, "patrons": patrons })).collect();
    json!({
        "name": preview.name,
        "title": preview.label,
        "purpose": preview.purpose,
        "draft": preview.is_draft,
        "public": preview.is_public,
        "start": preview.start,
        "next": preview.next.map(|at| show::instant(at, zone)),
        "funnel": {
            "store": funnel.store,
            "audience": funnel.audience,
            "audience_unknown": funnel.audience_unknown,
            "not_excepted": funnel.not_excepted,
            "except_unknown": funnel.except_unknown,
            "reachable": funnel.reachable,
        },
        "first_tick": preview.starts.is_none_or(|starts| starts.is_baseline),
        "started": preview.starts.map(|starts| starts.started),
        "edited_start_would_start": preview.starts.and_then(|starts| starts.rehearsed),
        "messages": json_of_queues(&preview.messages, zone),
        "skipped": skipped,
        "waiting": json_of_queues(&preview.waiting, zone),
        "dates": dates,
        "warnings": preview.warnings,
    })
}
