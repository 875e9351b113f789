//! A `patron` block and a mapping guessed from the columns of an export: a beginning for a person to correct.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::ImportError;
use super::address;
use super::date::{self, Order};
use super::number;
use super::record::{Record, Step};
use super::table::{self, Encoding, Reading, Source, Table};
use crate::time::{Instant, Zone};

/// Rows that are looked at.
const ROWS: usize = 5_000;
/// Up to so many different texts may be an enumeration.
const FEW: usize = 12;
/// Words of the language that no field may be named (section 12).
const RESERVED: &[&str] = &[
    "after",
    "and",
    "before",
    "between",
    "entering",
    "except",
    "false",
    "followed",
    "from",
    "has",
    "if",
    "in",
    "including",
    "is",
    "known",
    "leaving",
    "no",
    "not",
    "nothing",
    "now",
    "optional",
    "or",
    "private",
    "since",
    "start",
    "the",
    "today",
    "true",
    "unknown",
    "unless",
    "until",
    "when",
    "where",
    "within",
    "at",
    "open",
];

/// For each file a `patron` block, and the mapping for it as comments.
///
/// # Errors
/// If a file cannot be read.
pub fn suggest(files: &[PathBuf]) -> Result<String, ImportError> {
    let mut out = String::new();
    for path in files {
        let columns = table::columns(path)?;
        let guesses = guess(path, &columns)?;
        write(&mut out, path, &guesses);
    }
    Ok(out)
}

/// What a column looks like.
struct Guess {
    column: String,
    field: String,
    ty: String,
    is_optional: bool,
    is_unique: bool,
}

#[derive(Default)]
struct Seen {
    rows: usize,
    empty: usize,
    texts: BTreeSet<String>,
    kinds: Option<Vec<&'static str>>,
}

/// The name of a type, and whether a text could be of it.
type TypeTest = (&'static str, fn(&str) -> bool);

/// From the narrowest to the widest; the first that fits every text of a column is taken.
const KINDS: &[TypeTest] = &[
    ("bool", |text| matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "t" | "f" | "yes" | "no")),
    ("date", |text| orders().any(|order| date::parse(text, order).is_ok_and(|found| found.time.is_none()))),
    ("instant", |text| orders().any(|order| date::parse(text, order).is_ok())),
    ("int", |text| number::fixed(text, 0, '.').is_ok() && !text.starts_with('0') && text.len() < 10),
    ("money", |text| number::fixed(text, 2, '.').is_ok() && text.contains('.')),
    ("email", |text| address::email(text).is_ok()),
    ("url", |text| address::url(text).is_ok()),
    ("text", |_| true),
];

fn orders() -> impl Iterator<Item = Order> {
    [Order::YearMonthDay, Order::MonthDayYear, Order::DayMonthYear].into_iter()
}

fn guess(path: &Path, columns: &[String]) -> Result<Vec<Guess>, ImportError> {
    let reading = Reading { encoding: Encoding::Utf8, at: Instant(0), zone: Zone::utc() };
    let mut table = Table::open(path, &Source::default(), &reading, columns)?;
    let mut seen: Vec<Seen> = columns.iter().map(|_| Seen::default()).collect();
    let mut record = Record::default();
    for _ in 0..ROWS {
        match table.read(&mut record).map_err(|why| ImportError::file(path, why))? {
            Step::End => break,
            Step::Bad { .. } => continue,
            Step::Row => {}
        }
        for (slot, column) in seen.iter_mut().enumerate() {
            column.see(record.cell(slot).map(str::trim).filter(|text| !text.is_empty()));
        }
    }
    let mut names = BTreeSet::new();
    let guesses = columns.iter().zip(&seen).map(|(column, seen)| {
        let mut field = field_name(column);
        while !names.insert(field.clone()) {
            field.push_str("_2");
        }
        Guess {
            column: column.clone(),
            ty: seen.ty(&field),
            field,
            is_optional: seen.empty > 0 || seen.rows == 0,
            is_unique: seen.empty == 0 && seen.rows > 1 && seen.texts.len() == seen.rows,
        }
    });
    Ok(guesses.collect())
}

impl Seen {
    fn see(&mut self, text: Option<&str>) {
        self.rows += 1;
        let Some(text) = text else {
            self.empty += 1;
            return;
        };
        self.texts.insert(text.to_owned());
        let kinds = self.kinds.get_or_insert_with(|| KINDS.iter().map(|(name, _)| *name).collect());
        kinds.retain(|kind| KINDS.iter().any(|(name, fits)| name == kind && fits(text)));
    }

    fn ty(&self, field: &str) -> String {
        let kind = self.kinds.as_ref().and_then(|kinds| kinds.first()).copied().unwrap_or("text");
        let is_code = |text: &String| text.len() <= 30 && !text.contains(['\n', '\u{1f}']);
        let repeats = self.texts.len() * 4 <= self.rows - self.empty;
        let is_number_word = ["is", "has", "active", "deleted", "barred"].iter().any(|word| field.starts_with(word));
        match kind {
            "int" if is_number_word && self.texts.iter().all(|text| text == "0" || text == "1") => "bool".to_owned(),
            "text" if self.texts.len() <= FEW && repeats && self.texts.iter().all(is_code) => {
                let values: Vec<String> = self.texts.iter().map(|text| enum_value(text)).collect();
                format!("one of {}", values.join(", "))
            }
            kind => kind.to_owned(),
        }
    }
}

fn enum_value(text: &str) -> String {
    let is_name = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&text);
    if is_name { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// `personal.firstName` gives `first_name`.
fn field_name(column: &str) -> String {
    let last = column.rsplit('.').next().unwrap_or(column);
    let mut name = String::new();
    let mut was_lower = false;
    for c in last.chars() {
        if c.is_ascii_uppercase() && was_lower {
            name.push('_');
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    while name.contains("__") {
        name = name.replace("__", "_");
    }
    let mut name = name.trim_matches('_').to_owned();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || RESERVED.contains(&name.as_str()) {
        name.insert_str(0, "field_");
    }
    name
}

fn write(out: &mut String, path: &Path, guesses: &[Guess]) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let key = guesses.iter().find(|guess| guess.is_unique && guess.field.contains("barcode"));
    let key = key.or_else(|| guesses.iter().find(|guess| guess.is_unique));
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("writing to a string cannot fail");
    line(format_args!(
        "## Guessed from {name}. Take out what no campaign needs; passwords and notes never belong here."
    ));
    line(format_args!("patron {{"));
    let fields = || guesses.iter().filter(|guess| key.is_none_or(|key| key.column != guess.column));
    let width = fields().map(|guess| guess.field.len()).max().unwrap_or(0);
    for guess in fields() {
        let optional = if guess.is_optional { " optional" } else { "" };
        line(format_args!("  {:width$}  {}{optional}", guess.field, guess.ty));
    }
    line(format_args!("}}\n"));
    line(format_args!("# The mapping for it (map.toml):"));
    line(format_args!("#   [[patron]]"));
    match key {
        Some(key) => line(format_args!("#   key = {:?}", key.column)),
        None => line(format_args!("#   key = \"\"  # no column has a different text in each row")),
    }
    line(format_args!("#   [patron.fields]"));
    for guess in fields() {
        line(format_args!("#   {} = {:?}", guess.field, guess.column));
    }
    line(format_args!(""));
}
