//! `bookmobile demo`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Stopwatch};

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Failure, Outcome, Terminal};
use crate::check;
use crate::program::Program;
use crate::review::demo::{self, Imported, Plan, Progress, Schema, Summary, Town};
use crate::review::{show, starter};
use crate::store::Store;
use crate::time::Day;

/// Make a town of invented readers and run the starter campaigns over it
///
/// Needs nothing else: no data, no configuration, no network. Compiles the campaigns that are inside the program, makes
/// a patron store, ticks it once a day for two weeks and writes the messages as files. The same seed makes the same
/// town. With `--store`, it only makes the store, to try other commands on.
#[derive(Args)]
pub struct Demo {
    /// How many readers
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    patrons: u64,
    /// Which town
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How many mornings after the first
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(i64).range(0..=60))]
    days: i64,
    /// Where to write; without it, a folder beside other temporary files
    #[arg(long, value_name = "DIR")]
    to_dir: Option<PathBuf>,
    /// Keep the store beside the messages
    #[arg(long)]
    keep: bool,
    /// Only make the store, as it is on the first morning, in this new file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["days", "to_dir", "keep"])]
    store: Option<PathBuf>,
    /// Write the summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// The Monday on which every demo begins: a first and a second Tuesday follow, and a fifteenth.
const TODAY: (i16, i8, i8) = (2026, 11, 30);

impl Demo {
    /// Writes the summary to standard output.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let watch = stopwatch();
        let compiled = check::compile(starter::sources());
        let program = compiled.program.expect("a test compiles the starter program");
        let compiling = watch.elapsed();
        let today = Day::new(TODAY.0, TODAY.1, TODAY.2).expect("a date");
        let plan = Plan { patrons: self.patrons, seed: self.seed, today, days: self.days };
        match &self.store {
            Some(path) => self.only_store(&program, Plan { days: 0, ..plan }, path, terminal),
            None => self.whole(&program, plan, compiling, watch, terminal),
        }
    }

    fn only_store(
        &self,
        program: &Program,
        plan: Plan,
        path: &Path,
        terminal: &mut Terminal,
    ) -> Result<Outcome, Failure> {
        let failed = |error: crate::store::StoreError| Failure::new(error.to_string());
        if path.exists() {
            return Err(Failure::new(format!("{} is there already; name a new file", path.display())));
        }
        let mut store = Store::open(path).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let mut town = Town::new(Schema::new(&program.catalogue, &program.library.zone), plan);
        let bar = Bar::new(&plan);
        let imported = town.found(&mut store, |done| bar.show(Progress::Readers(done))).map_err(failed)?;
        bar.clear();
        let at = show::instant(town.import_at(0), &program.library.zone);
        if self.json {
            let summary = json!({ "store": path, "at": at, "seed": plan.seed, "imported": counts(&imported) });
            writeln!(terminal, "{summary:#}")?;
            return Ok(Outcome::Fine);
        }
        let path = path.display();
        writeln!(terminal, "{path}, as of {at}:")?;
        writeln!(terminal, "{}", sentences(&imported).join("\n"))?;
        writeln!(terminal, "\nTry: bookmobile dry-run --store {path} --at \"{at}\" campaigns")?;
        Ok(Outcome::Fine)
    }

    fn whole(
        &self,
        program: &Program,
        plan: Plan,
        compiling: Duration,
        watch: Stopwatch,
        terminal: &mut Terminal,
    ) -> Result<Outcome, Failure> {
        let folder = match &self.to_dir {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join(format!("bookmobile-demo-{}", std::process::id())),
        };
        let messages = folder.join("messages");
        let kept = folder.join("demo.db");
        if messages.exists() || kept.exists() {
            return Err(Failure::new(format!("{} holds a demo already; name another folder", folder.display())));
        }
        let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
        std::fs::create_dir_all(&messages)?;
        let mut store = if self.keep { Store::open(&kept) } else { Store::in_memory() }.map_err(|e| failed(&e))?;
        let bar = Bar::new(&plan);
        let summary = demo::run(program, plan, &mut store, &messages, |progress| bar.show(progress));
        bar.clear();
        let summary = summary.map_err(|error| failed(&error))?;
        let story = Story { program, summary: &summary, messages: &messages, kept: self.keep.then_some(&kept) };
        if self.json {
            let mut object = story.json();
            object["seconds"] = json!(watch.elapsed().as_secs_f64());
            writeln!(terminal, "{object:#}")?;
        } else {
            story.write(compiling, watch.elapsed(), terminal)?;
        }
        Ok(Outcome::Fine)
    }
}

#[expect(clippy::disallowed_methods, reason = "the summary says how long the demo took")]
fn stopwatch() -> Stopwatch {
    Stopwatch::now()
}

/// What is told at the end.
struct Story<'a> {
    program: &'a Program,
    summary: &'a Summary,
    messages: &'a Path,
    kept: Option<&'a PathBuf>,
}

impl Story<'_> {
    fn write(&self, compiling: Duration, whole: Duration, terminal: &mut Terminal) -> Result<(), Failure> {
        let Story { program, summary, .. } = self;
        let zone = &program.library.zone;
        writeln!(
            terminal,
            "Compiled  {} campaigns, {} messages and {} tests of {}\n          in {} ms",
            program.campaigns.len(),
            program.messages.len(),
            program.tests.len(),
            program.library.name,
            compiling.as_millis(),
        )?;
        writeln!(terminal, "Made      {}", sentences(&summary.imported).join("\n          "))?;
        let span = |at: Option<crate::time::Instant>| at.map_or_else(String::new, |at| show::instant(at, zone));
        writeln!(
            terminal,
            "Ticked    {} times, once a morning from {} to {}",
            summary.ticks,
            span(summary.first_tick),
            span(summary.last_tick),
        )?;
        writeln!(
            terminal,
            "Wrote     {} messages to\n          {}",
            show::count(summary.messages),
            self.messages.display()
        )?;
        if let Some(kept) = self.kept {
            writeln!(terminal, "Kept      {}", kept.display())?;
        }
        writeln!(terminal, "\n{}", self.table())?;
        if let Some(sample) = &summary.sample {
            writeln!(terminal, "\nOne of them, {}:\n", self.short(&sample.file))?;
            writeln!(terminal, "    To: {}\n    Subject: {}\n", sample.to, sample.subject)?;
            for line in sample.text.lines() {
                let indent = if line.is_empty() { "" } else { "    " };
                writeln!(terminal, "{indent}{line}")?;
            }
        }
        writeln!(
            terminal,
            "\nDone in {:.1} s. The campaigns are in campaigns/; change one and lint it.",
            whole.as_secs_f64()
        )?;
        Ok(())
    }

    /// A file's path below the folder of messages.
    fn short(&self, file: &str) -> String {
        Path::new(file).strip_prefix(self.messages).map_or(file.to_owned(), |path| path.display().to_string())
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(["campaign", "started", "e-mail", "SMS", "letter", "not sent"]);
        for (name, totals) in &self.summary.campaigns {
            let counts = [totals.started, totals.email, totals.sms, totals.print, totals.not_sent];
            let counts = counts.map(|count| if count == 0 { "·".to_owned() } else { show::count(count) });
            table.add_row([name.clone()].into_iter().chain(counts));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn json(&self) -> serde_json::Value {
        let campaigns: serde_json::Map<String, serde_json::Value> = (self.summary.campaigns.iter())
            .map(|(name, totals)| {
                let object = json!({
                    "started": totals.started,
                    "email": totals.email,
                    "sms": totals.sms,
                    "print": totals.print,
                    "not_sent": totals.not_sent,
                });
                (name.clone(), object)
            })
            .collect();
        let sample = self.summary.sample.as_ref();
        json!({
            "compiled": {
                "campaigns": self.program.campaigns.len(),
                "messages": self.program.messages.len(),
                "tests": self.program.tests.len(),
            },
            "imported": counts(&self.summary.imported),
            "ticks": self.summary.ticks,
            "messages": self.summary.messages,
            "folder": self.messages,
            "store": self.kept,
            "campaigns": campaigns,
            "sample": sample.map(|sample| json!({ "file": sample.file, "subject": sample.subject, "text": sample.text })),
        })
    }
}

/// A bar on standard error, if that is a terminal.
struct Bar(ProgressBar, u64);

impl Bar {
    fn new(plan: &Plan) -> Bar {
        if !std::io::stderr().is_terminal() {
            return Bar(ProgressBar::hidden(), 0);
        }
        let style = ProgressStyle::with_template("{msg:10} {bar:40} {human_pos} of {human_len}");
        Bar(
            ProgressBar::new(plan.patrons).with_style(style.expect("a valid template")).with_message("readers"),
            plan.days as u64,
        )
    }

    fn show(&self, progress: Progress) {
        match progress {
            Progress::Readers(done) => self.0.set_position(done),
            Progress::Days(day) => {
                self.0.set_message("mornings");
                self.0.set_length(self.1);
                self.0.set_position(day as u64);
            }
        }
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}

fn counts(imported: &Imported) -> serde_json::Value {
    json!({
        "patrons": imported.patrons,
        "events": imported.events,
        "records": imported.records,
        "consents": imported.consents,
    })
}

fn sentences(imported: &Imported) -> [String; 2] {
    [
        format!("{} readers with {} events,", show::count(imported.patrons), show::count(imported.events)),
        format!(
            "{} states of loans, requests and registrations, {} consents",
            show::count(imported.records),
            show::count(imported.consents)
        ),
    ]
}
