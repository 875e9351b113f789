//! `bookmobile simulate`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, value_parser};
use indicatif::{ProgressBar, ProgressStyle};

use super::dry_run::no_campaign;
use super::program::compile;
use super::tick::{clock, instant};
use super::{Failure, Outcome, Terminal};
use crate::engine;
use crate::program::Program;
use crate::review::simulate::{Look, Options, Responses, Shares, Simulation, json, page, simulate, text};
use crate::store::{Store, StoreError};
use crate::symbol::Symbol;
use crate::time::Day;

/// Show what the months ahead would look like: messages a day, collisions, the busiest days
///
/// Ticks a copy of the store forward from its last tick to the end of a date, at every instant at which something is due,
/// and takes each message as sent and delivered. The store is not written, and nothing is sent. Nobody joins, borrows or
/// comes in the copy: it shows what follows from the data of today, and is no forecast.
#[derive(Args)]
pub struct Simulate {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The last date
    #[arg(long, value_name = "DATE")]
    until: String,
    /// The instant to go on from ("2026-06-15 09:00"); without it, the store's last tick, or now if there was none
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    /// Also run this draft; may be given several times
    #[arg(long, value_name = "CAMPAIGN")]
    draft: Vec<String>,
    /// Invent readers who click, unsubscribe and answer; another seed, other readers
    #[arg(long, value_name = "SEED")]
    responses: Option<u64>,
    /// Messages of which a link is followed, in percent of those with one
    #[arg(long, value_name = "PERCENT", requires = "responses", value_parser = share)]
    clicks: Option<i64>,
    /// Messages after which the reader unsubscribes, in percent of those with the link
    #[arg(long, value_name = "PERCENT", requires = "responses", value_parser = share)]
    unsubscribes: Option<i64>,
    /// Surveys that are answered, in percent of those sent
    #[arg(long, value_name = "PERCENT", requires = "responses", value_parser = share)]
    answers: Option<i64>,
    /// Also write a page with a chart to this file; counts under the library's `suppress` limit are not in it
    #[arg(long, value_name = "FILE", value_parser = value_parser!(PathBuf))]
    html: Option<PathBuf>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(value_name = "PROGRAM")]
    program: PathBuf,
}

impl Simulate {
    /// Writes what was counted to standard output.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let until = date(&self.until)?;
        let program = compile(&self.program, terminal)?;
        let zone = &program.library.zone;
        let failed = |error: StoreError| Failure::new(error.to_string());
        let mut store = Store::open_read_only(&self.store).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let from = match &self.from {
            Some(text) => instant(text, zone)?,
            None => engine::last_tick(&store).map_err(failed)?.unwrap_or_else(clock),
        };
        let options = Options { from, until, drafts: self.drafts(&program)?, responses: self.responses() };
        let bar = Bar::new(zone.day(from), until);
        let found = simulate(&store, &program, &options, &mut |day| bar.show(day));
        bar.0.finish_and_clear();
        let found = found.map_err(|error| Failure::new(error.to_string()))?;
        self.write_page(&found)?;
        if self.json {
            writeln!(terminal, "{:#}", json(&found, zone))?;
        } else {
            let look = Look { width: terminal.width(), color: terminal.color() };
            write!(terminal, "{}", text(&found, zone, look))?;
            if let Some(file) = &self.html {
                writeln!(terminal, "\nThe page is {}.", file.display())?;
            }
        }
        Ok(Outcome::Fine)
    }

    fn drafts(&self, program: &Program) -> Result<Vec<Symbol>, Failure> {
        let mut drafts = Vec::new();
        for name in &self.draft {
            let known = program.campaigns.iter().find(|campaign| campaign.name.as_str() == name);
            let campaign = known.ok_or_else(|| no_campaign(program, name))?;
            if !campaign.is_draft {
                return Err(Failure::new(format!("`{name}` is no draft: it runs without --draft; leave that out")));
            }
            drafts.push(campaign.name);
        }
        Ok(drafts)
    }

    fn responses(&self) -> Option<Responses> {
        let usual = Shares::default();
        let shares = Shares {
            clicks: self.clicks.unwrap_or(usual.clicks),
            unsubscribes: self.unsubscribes.unwrap_or(usual.unsubscribes),
            answers: self.answers.unwrap_or(usual.answers),
        };
        self.responses.map(|seed| Responses { seed, shares })
    }

    fn write_page(&self, found: &Simulation) -> Result<(), Failure> {
        let Some(file) = &self.html else { return Ok(()) };
        std::fs::write(file, page(found))
            .map_err(|error| Failure::new(format!("{} cannot be written: {error}", file.display())))
    }
}

fn date(text: &str) -> Result<Day, Failure> {
    let read = text.trim().parse::<jiff::civil::Date>();
    read.map(Day::from_civil).map_err(|_| Failure::new(format!("`{text}` is no date; write one like 2027-03-31")))
}

/// A share as `3`, `0.2` or `0.2%`, in hundredths of a percent.
fn share(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no share; write one like 3% or 0.25%");
    let number = text.trim_end_matches('%');
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let is_written = |digits: &str| digits.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !is_written(whole) || !is_written(rest) || rest.len() > 2 {
        return Err(wrong());
    }
    let share: i64 = format!("{whole}{rest:0<2}").parse().map_err(|_| wrong())?;
    if share > 10_000 { Err(format!("`{text}` is more than all of them")) } else { Ok(share) }
}

/// A bar on standard error, if that is a terminal.
struct Bar(ProgressBar, Day);

impl Bar {
    fn new(first: Day, last: Day) -> Bar {
        if !std::io::stderr().is_terminal() {
            return Bar(ProgressBar::hidden(), first);
        }
        let days = u64::try_from(i64::from(last.0) - i64::from(first.0) + 1).unwrap_or(0);
        let style = ProgressStyle::with_template("{msg:10} {bar:40} day {human_pos} of {human_len}, {eta} left");
        Bar(ProgressBar::new(days).with_style(style.expect("a valid template")), first)
    }

    fn show(&self, day: Day) {
        self.0.set_message(day.to_string());
        self.0.set_position(u64::try_from(i64::from(day.0) - i64::from(self.1.0)).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_hundredths_of_a_percent() {
        assert_eq!(
            [share("3"), share("3%"), share("0.2"), share("0.25%"), share("100")],
            [300, 300, 20, 25, 10_000].map(Ok)
        );
        for wrong in ["", "%", "-1", "101", "0.123", "1e2", "a"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
