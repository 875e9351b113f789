//! What could not be read, for the person who can mend it: a CSV file with line, column and reason.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::ImportError;
use super::convert::is_formula;

/// Findings that are kept for the screen.
const SHOWN: usize = 20;
/// Of a value that could not be read, this much is repeated.
const LONGEST_VALUE: usize = 200;

/// Something that could not be read.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Finding {
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: u64,
    /// Of the file; empty if it is about the whole row.
    pub column: String,
    pub reason: String,
    pub value: String,
    /// The row did not land; otherwise it did, and the field is unknown.
    pub rejected: bool,
}

/// Where findings go.
pub struct Rejects {
    target: Target,
    /// The first ones.
    pub shown: Vec<Finding>,
    /// The files that were written.
    pub written: Vec<PathBuf>,
}

enum Target {
    Nowhere,
    /// One file for all.
    One(PathBuf, Option<csv::Writer<File>>),
    /// `FILE.rejects.csv` beside each input.
    Beside(Option<(PathBuf, csv::Writer<File>)>),
}

impl Rejects {
    /// Counts only.
    pub fn nowhere() -> Rejects {
        Rejects::new(Target::Nowhere)
    }

    /// Into one file.
    pub fn into_file(path: &Path) -> Rejects {
        Rejects::new(Target::One(path.to_owned(), None))
    }

    /// Into a file beside each input.
    pub fn beside_inputs() -> Rejects {
        Rejects::new(Target::Beside(None))
    }

    fn new(target: Target) -> Rejects {
        Rejects { target, shown: Vec::new(), written: Vec::new() }
    }

    /// Writes a finding about `input`.
    pub fn add(&mut self, input: &Path, finding: Finding) -> Result<(), ImportError> {
        let row = [
            guarded(&finding.file).into_owned(),
            finding.line.to_string(),
            guarded(&finding.column).into_owned(),
            guarded(&finding.reason).into_owned(),
            guarded(shortened(&finding.value)).into_owned(),
            if finding.rejected { "row rejected" } else { "field left unknown" }.to_owned(),
        ];
        let written = &mut self.written;
        match &mut self.target {
            Target::Nowhere => {}
            Target::One(path, writer) => {
                if writer.is_none() {
                    *writer = Some(create(path, written)?);
                }
                let writer = writer.as_mut().expect("it was just made");
                writer.write_record(&row).map_err(|error| ImportError::file(path, error))?;
            }
            Target::Beside(open) => {
                let path = beside(input);
                if open.as_ref().is_none_or(|(known, _)| *known != path) {
                    finish(open.take())?;
                    let writer = if written.contains(&path) { append(&path)? } else { create(&path, written)? };
                    *open = Some((path.clone(), writer));
                }
                let (_, writer) = open.as_mut().expect("it was just made");
                writer.write_record(&row).map_err(|error| ImportError::file(&path, error))?;
            }
        }
        if self.shown.len() < SHOWN {
            self.shown.push(finding);
        }
        Ok(())
    }

    /// Closes the files.
    pub fn finish(&mut self) -> Result<(), ImportError> {
        match &mut self.target {
            Target::Nowhere => Ok(()),
            Target::One(path, writer) => finish(writer.take().map(|writer| (path.clone(), writer))),
            Target::Beside(open) => finish(open.take()),
        }
    }
}

/// The rejects file of an input.
pub fn beside(input: &Path) -> PathBuf {
    let mut name = input.as_os_str().to_owned();
    name.push(".rejects.csv");
    PathBuf::from(name)
}

fn create(path: &Path, written: &mut Vec<PathBuf>) -> Result<csv::Writer<File>, ImportError> {
    let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
    let mut writer = csv::Writer::from_writer(file);
    let header = ["file", "line", "column", "reason", "value", "effect"];
    writer.write_record(header).map_err(|error| ImportError::file(path, error))?;
    written.push(path.to_owned());
    Ok(writer)
}

fn append(path: &Path) -> Result<csv::Writer<File>, ImportError> {
    let file = File::options().append(true).open(path).map_err(|error| cannot_write(path, &error))?;
    Ok(csv::Writer::from_writer(file))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> ImportError {
    ImportError::file(path, format!("the rejects cannot be written there ({error}); say where with --rejects FILE"))
}

fn finish(open: Option<(PathBuf, csv::Writer<File>)>) -> Result<(), ImportError> {
    match open {
        Some((path, mut writer)) => writer.flush().map_err(|error| ImportError::file(&path, error)),
        None => Ok(()),
    }
}

/// A cell that a spreadsheet does not run.
fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

fn shortened(text: &str) -> &str {
    let end = text.char_indices().nth(LONGEST_VALUE).map_or(text.len(), |(at, _)| at);
    &text[..end]
}
