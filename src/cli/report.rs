//! `bookmobile report`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value as Json, json};

use super::dry_run::{no_campaign, write_wrapped};
use super::program::compile;
use super::{Failure, Outcome, Terminal, terminal};
use crate::program::{Campaign, Program};
use crate::report::verdict::name;
use crate::report::{CampaignReport, Comparison, Count, Group, Line, Measure, Report, Verdict, report};
use crate::review::show;
use crate::store::{Store, StoreError};

/// Show whether a campaign worked: who was reached, by arm, and against those held out
///
/// For each campaign, how many people were enrolled, were sent something, had it delivered, followed a link and reached
/// the goal; for each arm of a `split` and for the `holdout`, and how they differ. Counts of fewer people than the
/// library's `suppress` limit are hidden, and so is whatever they could be worked out from. A report is given out anew
/// when at least as many people are counted otherwise, and is noted in the store's audit.
#[derive(Args)]
pub struct ReportCommand {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// Write one JSON object
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Write CSV: a row for each campaign and group
    #[arg(long)]
    csv: bool,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
    /// Only these campaigns; without one, all that are no draft
    #[arg(value_name = "CAMPAIGN")]
    campaigns: Vec<String>,
}

impl ReportCommand {
    /// Writes the reports to standard output.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let mut chosen: Vec<&Campaign> = Vec::new();
        for name in &self.campaigns {
            let found = program.campaigns.iter().find(|campaign| campaign.name.as_str() == name);
            chosen.push(found.ok_or_else(|| no_campaign(&program, name))?);
        }
        if chosen.is_empty() {
            chosen = program.campaigns.iter().filter(|campaign| !campaign.is_draft).collect();
        }
        let failed = |error: StoreError| Failure::new(error.to_string());
        if !self.store.exists() {
            return Err(failed(StoreError::Missing(self.store.clone())));
        }
        let mut store = Store::open(&self.store).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let bar = terminal::bar("{spinner} counting");
        let found = report(&mut store, &program, &chosen);
        bar.finish_and_clear();
        let found = found.map_err(failed)?;
        if self.json {
            writeln!(terminal, "{:#}", json_of(&found, &program))?;
        } else if self.csv {
            write_csv(&found, &program, terminal)?;
        } else {
            write_text(&found, &program, terminal)?;
        }
        Ok(Outcome::Fine)
    }
}

// ---- text --------------------------------------------------------------------------------------------------------

fn write_text(found: &Report, program: &Program, terminal: &mut Terminal) -> Result<(), Failure> {
    let zone = &program.library.zone;
    let Some(as_of) = found.as_of else {
        writeln!(terminal, "The store has not ticked yet: there is nothing to report.")?;
        return Ok(());
    };
    let library = &program.library.name;
    writeln!(terminal, "{library}, as of {} ({}).", show::instant(as_of, zone), zone.name())?;
    writeln!(terminal, "All counts are of people.")?;
    for one in &found.campaigns {
        writeln!(terminal)?;
        let (bold, off) = if terminal.color() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let title = one.title.as_deref().map(|title| format!("  {title}")).unwrap_or_default();
        writeln!(terminal, "{bold}{}{off}{title}", one.campaign)?;
        write_campaign(one, terminal)?;
        if one.as_of() < as_of {
            let then = show::instant(one.as_of(), zone);
            let text = format!("As of {then}; new figures when {} people are counted otherwise.", one.limit);
            write_wrapped(terminal, "  ", &text)?;
        }
    }
    let counts = || found.campaigns.iter().flat_map(|one| &one.lines).flat_map(Line::counts);
    if counts().any(|count| count == Count::Hidden) {
        let limit = found.campaigns.iter().map(|one| one.limit).max().unwrap_or(0);
        writeln!(terminal)?;
        let text = format!("{HIDDEN}  hidden: fewer than {limit} people, or a count from which such would follow");
        write_wrapped(terminal, "", &text)?;
    }
    if counts().any(|count| count != Count::None) {
        for (is_there, what) in [
            (found.campaigns.iter().flat_map(|one| &one.lines).any(|l| l.delivered != Count::None), "deliveries"),
            (found.campaigns.iter().flat_map(|one| &one.lines).any(|l| l.clicked != Count::None), "clicks"),
        ] {
            if !is_there {
                writeln!(terminal, "No {what}: none, or too few, were reported to this store.")?;
            }
        }
    }
    Ok(())
}

/// What stands in the place of a hidden count.
const HIDDEN: &str = "×";

fn write_campaign(one: &CampaignReport, terminal: &mut Terminal) -> Result<(), Failure> {
    if one.lines.is_empty() {
        writeln!(terminal, "  published: it addresses nobody, and nobody is counted")?;
        return Ok(());
    }
    if one.lines.iter().flat_map(Line::counts).all(|count| count.known().is_none()) {
        let text =
            format!("Too few to say: everything is hidden of fewer than {} people, or would tell of them.", one.limit);
        write_wrapped(terminal, "  ", &text)?;
        return Ok(());
    }
    for row in table(one).lines() {
        writeln!(terminal, " {}", row.trim_end())?;
    }
    for line in &one.lines {
        if let Group::Arm { percent, first, .. } = &line.group {
            let share = percent.map_or("no longer in the program".to_owned(), |percent| format!("{percent}%"));
            let first = first.as_ref().map_or("sends nothing".to_owned(), |first| format!("sends {first}"));
            write_wrapped(terminal, "  ", &format!("{}: {share}, {first}", name(&line.group)))?;
        }
    }
    if let Some(goal) = &one.goal {
        write_wrapped(terminal, "  ", &format!("goal: {goal}"))?;
    }
    if one.is_open {
        write_wrapped(terminal, "  ", "For some the time of the goal is not over: the figures may still grow.")?;
    }
    let comparisons = one.comparisons();
    if let Some(first) = comparisons.first() {
        write_bars(one, first.measure, terminal)?;
    }
    let mut said = Vec::new();
    for comparison in comparisons {
        // Two comparisons that are both hidden say the same.
        let sentence = (comparison.line, comparison.sentence(&one.lines, one.limit));
        if !said.contains(&sentence) {
            write_comparison(one, &comparison, &sentence.1, terminal)?;
            said.push(sentence);
        }
    }
    Ok(())
}

fn table(one: &CampaignReport) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let heads = ["enrolled", "sent", "delivered", "clicked", "known", "reached"];
    let is_used = |column: usize| one.lines.iter().any(|line| line.counts()[column] != Count::None);
    let used: Vec<usize> = (0..heads.len()).filter(|&column| is_used(column)).collect();
    table.set_header([""].into_iter().chain(used.iter().map(|&column| heads[column])));
    for line in &one.lines {
        let counts = line.counts();
        let cells = used.iter().map(|&column| match counts[column] {
            Count::Known(count) => show::count(count),
            Count::Hidden => HIDDEN.to_owned(),
            Count::None => String::new(),
        });
        table.add_row([name(&line.group)].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// Columns of a bar of 100 %.
const BAR: f64 = 40.0;

/// The share of each group that did what is compared.
fn write_bars(one: &CampaignReport, measure: Measure, terminal: &mut Terminal) -> Result<(), Failure> {
    let shares: Vec<(String, f64)> =
        (one.lines.iter()).filter_map(|line| Some((name(&line.group), measure.share(line)?.value()?))).collect();
    if shares.is_empty() {
        return Ok(());
    }
    let what = match measure {
        Measure::Goal => "Reached the goal, of those of whom it is known:",
        Measure::Clicks => "Followed a link, of those to whom something was sent:",
    };
    writeln!(terminal, "  {what}")?;
    let width = shares.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let (on, off) = if terminal.color() { ("\x1b[36m", "\x1b[0m") } else { ("", "") };
    for (name, share) in &shares {
        writeln!(terminal, "  {name:width$}  {:>5.1} of 100 {on}{}{off}", share * 100.0, bar(*share))?;
    }
    Ok(())
}

/// A bar in eighths of a column.
fn bar(share: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * BAR * 8.0).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

fn write_comparison(
    one: &CampaignReport,
    comparison: &Comparison,
    sentence: &str,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let (on, off) = match comparison.verdict() {
        _ if !terminal.color() => ("", ""),
        Verdict::More => ("\x1b[32m", "\x1b[0m"),
        Verdict::Fewer => ("\x1b[31m", "\x1b[0m"),
        Verdict::Hidden | Verdict::TooFew | Verdict::Alike => ("", ""),
    };
    for line in show::wrapped(&format!("{}: {sentence}", name(&one.lines[comparison.line].group)), "  ", 80) {
        writeln!(terminal, "{on}{line}{off}")?;
    }
    Ok(())
}

// ---- for scripts -------------------------------------------------------------------------------------------------

fn json_of(found: &Report, program: &Program) -> Json {
    let zone = &program.library.zone;
    let campaigns: Vec<Json> = (found.campaigns.iter())
        .map(|one| {
            let groups: Vec<Json> = one.lines.iter().map(json_of_line).collect();
            let comparisons: Vec<Json> =
                one.comparisons().iter().map(|comparison| json_of_comparison(one, comparison)).collect();
            json!({
                "campaign": one.campaign,
                "title": one.title,
                "as_of": show::instant(one.as_of(), zone),
                "suppress_under": one.limit,
                "goal": one.goal,
                "goal_open": one.is_open,
                "groups": groups,
                "comparisons": comparisons,
            })
        })
        .collect();
    json!({ "as_of": found.as_of.map(|at| show::instant(at, zone)), "zone": zone.name(), "campaigns": campaigns })
}

fn json_of_line(line: &Line) -> Json {
    let kind = match line.group {
        Group::Everybody => "everybody",
        Group::Written => "written to",
        Group::HeldOut => "held out",
        Group::HeldOutAt { .. } => "held out at split",
        Group::Arm { .. } => "arm",
    };
    let split = match line.group {
        Group::Arm { split, .. } | Group::HeldOutAt { split, .. } => Some(split + 1),
        _ => None,
    };
    let (arm, percent, first) = match &line.group {
        Group::Arm { arm, percent, first, .. } => (Some(arm + 1), *percent, first.clone()),
        _ => (None, None, None),
    };
    json!({
        "group": kind,
        "split": split,
        "arm": arm,
        "percent": percent,
        "first_message": first,
        "enrolled": json_of_count(line.enrolled),
        "sent": json_of_count(line.sent),
        "delivered": json_of_count(line.delivered),
        "clicked": json_of_count(line.clicked),
        "goal_known": json_of_count(line.goal_known),
        "goal_reached": json_of_count(line.goal_reached),
    })
}

/// A number; `"hidden"`; `null` where there is nothing to count.
fn json_of_count(count: Count) -> Json {
    match count {
        Count::Known(count) => json!(count),
        Count::Hidden => json!("hidden"),
        Count::None => Json::Null,
    }
}

fn json_of_comparison(one: &CampaignReport, comparison: &Comparison) -> Json {
    let measure = match comparison.measure {
        Measure::Goal => "goal",
        Measure::Clicks => "clicks",
    };
    json!({
        "group": name(&one.lines[comparison.line].group),
        "against": name(&one.lines[comparison.against].group),
        "measure": measure,
        "difference": comparison.difference.map(|difference| difference.value),
        "low": comparison.difference.map(|difference| difference.low),
        "high": comparison.difference.map(|difference| difference.high),
        "verdict": comparison.verdict().word(),
        "sentence": comparison.sentence(&one.lines, one.limit),
    })
}

fn write_csv(found: &Report, program: &Program, terminal: &mut Terminal) -> Result<(), Failure> {
    let zone = &program.library.zone;
    let failed = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => Failure::from(error),
        other => Failure::new(format!("the table cannot be written: {other:?}")),
    };
    let mut writer = csv::Writer::from_writer(terminal);
    let head = ["campaign", "as_of", "group", "enrolled", "sent", "delivered", "clicked", "goal_known", "goal_reached"];
    let more = ["against", "measure", "difference", "low", "high", "verdict"];
    writer.write_record(head.iter().chain(&more)).map_err(failed)?;
    for one in &found.campaigns {
        let comparisons = one.comparisons();
        for (index, line) in one.lines.iter().enumerate() {
            let of_line = [one.campaign.clone(), show::instant(one.as_of(), zone), name(&line.group)];
            let counts = line.counts().map(|count| match count {
                Count::Known(count) => count.to_string(),
                Count::Hidden => "hidden".to_owned(),
                Count::None => String::new(),
            });
            // What it is compared with first: the holdout, where there is one.
            let comparison = comparisons.iter().find(|comparison| comparison.line == index);
            let number = |of: fn(&crate::report::Difference) -> f64| {
                let difference = comparison.and_then(|comparison| comparison.difference.as_ref());
                difference.map(|difference| format!("{:.4}", of(difference))).unwrap_or_default()
            };
            let compared = comparison.map_or_else(Default::default, |comparison| {
                let measure = if comparison.measure == Measure::Goal { "goal" } else { "clicks" };
                [name(&one.lines[comparison.against].group), measure.to_owned()]
            });
            let figures = [number(|d| d.value), number(|d| d.low), number(|d| d.high)];
            let verdict = comparison.map(|comparison| comparison.verdict().word().to_owned()).unwrap_or_default();
            let record = of_line.into_iter().chain(counts).chain(compared).chain(figures).chain([verdict]);
            writer.write_record(record.collect::<Vec<String>>()).map_err(failed)?;
        }
    }
    writer.flush().map_err(Failure::from)
}
