//! `bookmobile explain`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value as Json, json};

use super::dry_run::no_campaign;
use super::program::compile;
use super::tick::{clock, instant};
use super::{Failure, Outcome, Terminal};
use crate::eval::Truth;
use crate::program::Program;
use crate::review::explain::{Entry, Explanation, Part, Subject, explanation};
use crate::review::show;
use crate::store::{Needs, Store};
use crate::time::Zone;

/// Why a patron is in a segment or not, why a campaign writes to them or not
///
/// Shows the rule as a tree: what each part is for this patron, what decided it, and when it may change by itself. Of a
/// campaign also by which channels it reaches the patron, and what was started, skipped and sent, with the reasons.
/// Private data is shown only where the patron agreed and the purpose may read it.
#[derive(Args)]
pub struct Explain {
    /// The patron store
    #[arg(long, value_name = "FILE")]
    store: PathBuf,
    /// The instant to explain, in the library's zone ("2026-06-15 09:00") or with an offset; without it, now
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// The patron's key in the library system, such as the number on the card
    #[arg(value_name = "PATRON")]
    patron: String,
    /// A segment or a campaign
    #[arg(value_name = "SEGMENT|CAMPAIGN")]
    subject: String,
    /// The program: a folder of *.campaign files, or one such file
    #[arg(value_name = "PROGRAM", default_value = ".")]
    program: PathBuf,
}

impl Explain {
    /// Writes the explanation to standard output.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = compile(&self.program, terminal)?;
        let at = match &self.at {
            Some(text) => instant(text, &program.library.zone)?,
            None => clock(),
        };
        let Some(subject) = Subject::named(&program, &self.subject) else {
            return Err(no_subject(&program, &self.subject));
        };
        let failed = |error: crate::store::StoreError| Failure::new(error.to_string());
        let mut store = Store::open_read_only(&self.store).map_err(failed)?;
        store.align(&program.catalogue).map_err(failed)?;
        let reader = store.reader();
        let Some(id) = reader.patron_by_key(&self.patron).map_err(failed)? else {
            return Err(Failure::new(format!("the store has no patron with the key `{}`", self.patron)));
        };
        let facts = reader.facts(id, &Needs::everything(&program.catalogue)).map_err(failed)?;
        let Some(facts) = facts else {
            return Err(Failure::new(format!("the store has no patron with the key `{}`", self.patron)));
        };
        let found = explanation(&store, &program, &facts, subject, at).map_err(failed)?;
        if self.json {
            writeln!(terminal, "{:#}", json_of(&found, &program))?;
        } else {
            write_text(&found, &self.subject, &program, terminal)?;
        }
        Ok(Outcome::Fine)
    }
}

fn no_subject(program: &Program, name: &str) -> Failure {
    let segments = program.segments.iter().filter(|segment| segment.is_default).map(|segment| segment.name.as_str());
    match crate::syntax::suggest::closest(name, segments) {
        Some(near) => Failure::new(format!("there is no segment or campaign `{name}`; did you mean `{near}`?")),
        None => no_campaign(program, name),
    }
}

fn write_text(found: &Explanation, subject: &str, program: &Program, terminal: &mut Terminal) -> Result<(), Failure> {
    let zone = &program.library.zone;
    let at = show::instant(found.at, zone);
    let rules = Zone::release();
    writeln!(terminal, "{} and {subject} at {at} ({}, tzdata {rules})", found.patron, zone.name())?;
    for answered in &found.answers {
        let answer = &answered.answer;
        writeln!(terminal, "\n{}: {}", answered.question, word(answer.truth).trim_end())?;
        write_part(answer, "", "", zone, terminal)?;
    }
    if !found.consents.is_empty() {
        writeln!(terminal, "\nconsents")?;
    }
    for consent in &found.consents {
        for line in show::wrapped(consent, "  ", 80) {
            writeln!(terminal, "{line}")?;
        }
    }
    if !found.channels.is_empty() {
        writeln!(terminal, "\nreached by")?;
    }
    for (channel, reached) in &found.channels {
        match reached {
            Ok(()) => writeln!(terminal, "  {:6} yes", channel.word())?,
            Err(why) => writeln!(terminal, "  {:6} no: {why}", channel.word())?,
        }
    }
    if let Some(journal) = &found.journal {
        let kinds = [
            ("what started it", &journal.occurrences),
            ("journeys", &journal.enrolments),
            ("messages", &journal.messages),
        ];
        if kinds.iter().all(|(_, entries)| entries.is_empty()) {
            writeln!(terminal, "\nNo tick has decided anything here for this patron.")?;
        }
        for (title, entries) in kinds.iter().filter(|(_, entries)| !entries.is_empty()) {
            writeln!(terminal, "\n{title}")?;
            for entry in *entries {
                let reason = entry.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
                for line in show::wrapped(&format!("{} {}{reason}", entry.at, entry.what), "  ", 80) {
                    writeln!(terminal, "{line}")?;
                }
            }
        }
    }
    Ok(())
}

fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "yes",
        Truth::False => "no ",
        Truth::Unknown => "not known",
    }
}

/// A part with what decided it and its parts below it. `first` begins its line, `rest` the lines below.
fn write_part(part: &Part, first: &str, rest: &str, zone: &Zone, terminal: &mut Terminal) -> Result<(), Failure> {
    writeln!(terminal, "{first}{} {}", word(part.truth), part.text)?;
    let below = if part.parts.is_empty() { "      " } else { "│     " };
    let mut notes: Vec<String> = part.doc.iter().cloned().collect();
    notes.extend(part.because.iter().cloned());
    if part.parts.is_empty()
        && let Some(until) = part.until
    {
        notes.push(format!("may change by itself on {}", show::instant(until, zone)));
    }
    for note in notes {
        for line in show::wrapped(&note, &format!("{rest}{below}"), 80) {
            writeln!(terminal, "{line}")?;
        }
    }
    for (index, inner) in part.parts.iter().enumerate() {
        let is_last = index + 1 == part.parts.len();
        let (branch, trunk) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        write_part(inner, &format!("{rest}{branch}"), &format!("{rest}{trunk}"), zone, terminal)?;
    }
    Ok(())
}

fn json_of(found: &Explanation, program: &Program) -> Json {
    let zone = &program.library.zone;
    let answers: Vec<Json> = (found.answers.iter())
        .map(|answered| json!({ "question": answered.question, "answer": json_of_part(&answered.answer, zone) }))
        .collect();
    let channels: Vec<Json> = (found.channels.iter())
        .map(|(channel, reached)| {
            json!({ "channel": channel.word(), "reached": reached.is_ok(), "reason": reached.as_ref().err() })
        })
        .collect();
    let entries = |entries: &[Entry]| -> Vec<Json> {
        entries.iter().map(|entry| json!({ "at": entry.at, "what": entry.what, "reason": entry.reason })).collect()
    };
    let journal = found.journal.as_ref().map(|journal| {
        json!({
            "occurrences": entries(&journal.occurrences),
            "journeys": entries(&journal.enrolments),
            "messages": entries(&journal.messages),
        })
    });
    json!({
        "patron": found.patron,
        "at": show::instant(found.at, zone),
        "zone": zone.name(),
        "tzdata": Zone::release(),
        "answers": answers,
        "consents": found.consents,
        "channels": channels,
        "journal": journal,
    })
}

fn json_of_part(part: &Part, zone: &Zone) -> Json {
    json!({
        "text": part.text,
        "truth": match part.truth {
            Truth::True => json!(true),
            Truth::False => json!(false),
            Truth::Unknown => Json::Null,
        },
        "until": part.until.map(|until| show::instant(until, zone)),
        "doc": part.doc,
        "because": part.because,
        "parts": part.parts.iter().map(|part| json_of_part(part, zone)).collect::<Vec<_>>(),
    })
}
