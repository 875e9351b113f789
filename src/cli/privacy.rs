//! `bookmobile privacy`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome, Terminal};
use crate::review::privacy::{ClassProcessing, ClassRead, Processing, record};

/// Print the record of processing: which campaign reads which data, for what purpose, and where
///
/// For each campaign: its purpose, the consent that it needs, the privacy classes that it reads, and each place at
/// which it reads them. Made from the program alone: no store is needed, and no patron is shown.
#[derive(Args)]
pub struct Privacy {
    /// A folder of campaign files, or one
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// One JSON array instead of text
    #[arg(long)]
    json: bool,
}

impl Privacy {
    /// Writes the record.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let mut all = Vec::new();
        for path in &self.paths {
            all.extend(record(&super::program::compile(path, terminal)?));
        }
        if self.json {
            serde_json::to_writer_pretty(&mut *terminal, &all).map_err(std::io::Error::from)?;
            writeln!(terminal)?;
            return Ok(Outcome::Fine);
        }
        let (bold, off) = if terminal.color() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        for processing in &all {
            let title = processing.title.as_ref().map(|title| format!("  \"{title}\"")).unwrap_or_default();
            let draft = if processing.draft { "  (draft)" } else { "" };
            writeln!(terminal, "{bold}{}{off}{title}{draft}", processing.campaign)?;
            campaign(processing, terminal)?;
            writeln!(terminal)?;
        }
        Ok(Outcome::Fine)
    }
}

fn campaign(processing: &Processing, out: &mut Terminal) -> Result<(), Failure> {
    let title = processing.purpose_title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
    writeln!(out, "  purpose   {}{title}", processing.purpose)?;
    let consent = match (processing.needs_consent, &processing.consent_expires_after) {
        (false, _) => "not needed".to_owned(),
        (true, None) => "needed, for each channel".to_owned(),
        (true, Some(after)) => format!("needed, for each channel; ends after {after}"),
    };
    writeln!(out, "  consent   {consent}")?;
    if !processing.channels.is_empty() {
        writeln!(out, "  channels  {}", processing.channels.join(", "))?;
    }
    for class in &processing.classes {
        self::class(class, out)?;
    }
    if processing.classes.is_empty() {
        writeln!(out, "  private   nothing")?;
    }
    if !processing.other_data.is_empty() {
        wrapped("  other     ", &processing.other_data.join(", "), out)?;
    }
    Ok(())
}

fn class(class: &ClassProcessing, out: &mut Terminal) -> Result<(), Failure> {
    let title = class.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
    writeln!(out, "  private   {}{title}", class.class)?;
    let mut facts = Vec::new();
    if let Some(field) = &class.requires {
        let open = if class.open_records_served { "; open records without it" } else { "" };
        facts.push(format!("known with {field}{open}"));
    }
    facts.push(match (class.revealed, class.revealed_to_guardian) {
        (false, _) => "not revealed in messages".to_owned(),
        (true, false) => "revealed to the reader".to_owned(),
        (true, true) => "revealed to the reader and the guardian".to_owned(),
    });
    wrapped("            ", &facts.join("; "), out)?;
    // The same name in several languages of a message is one thing that is read.
    let mut shown: Vec<(&ClassRead, usize)> = Vec::new();
    for read in &class.reads {
        let same =
            |one: &ClassRead| (&one.used_by, &one.text, &one.through) == (&read.used_by, &read.text, &read.through);
        match shown.iter_mut().find(|(one, _)| same(one)) {
            Some((_, more)) => *more += 1,
            None => shown.push((read, 0)),
        }
    }
    for (read, more) in shown {
        let through = match read.through.as_slice() {
            [] => String::new(),
            through => format!(" (through {})", through.join(", ")),
        };
        let text = format!("{}: {}{through}", read.used_by, read.text);
        wrapped("            ", &text, out)?;
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        writeln!(out, "              {}:{}:{}{more}", read.file, read.line, read.column)?;
    }
    Ok(())
}

/// Words in 80 columns, the lines after the first indented like it.
fn wrapped(head: &str, text: &str, out: &mut Terminal) -> Result<(), Failure> {
    let indent = head.chars().count();
    let mut line = head.to_owned();
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > indent && column + 1 + length > 80 {
            writeln!(out, "{line}")?;
            line = " ".repeat(indent);
            column = indent;
        }
        if column > indent {
            line.push(' ');
            column += 1;
        }
        line.push_str(word);
        column += length;
    }
    Ok(writeln!(out, "{line}")?)
}
