//! A file as a table: its encoding, its format, and the columns that the mapping uses.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Chain, Cursor, Read};
use std::path::Path;

use encoding_rs::WINDOWS_1252;
use serde::Deserialize;

use super::ImportError;
use super::calendar::{self, Calendar};
use super::copy::Copy;
use super::delimited::{self, Delimited};
use super::json::{self, Json};
use super::record::{Record, Step};
use super::syndication::{self, Syndication};
use crate::time::{Instant, Zone};

/// What to say of a row that is not UTF-8.
pub const NOT_UTF8: &str = "if the file is Windows-1252, say `encoding = \"windows-1252\"` in the mapping";
/// How much of a file is looked at to find out what it is.
const HEAD: usize = 64 * 1024;

/// How a file spells characters.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
pub enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Also for Latin-1, which is a part of it.
    #[serde(rename = "windows-1252", alias = "latin-1", alias = "iso-8859-1")]
    Windows1252,
}

impl Encoding {
    /// The text; `None` if it is none in this encoding.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Encoding::Windows1252 => Some(WINDOWS_1252.decode_without_bom_handling(bytes).0),
        }
    }
}

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    Csv,
    Tsv,
    Copy,
    Json,
    #[serde(alias = "jsonl")]
    JsonLines,
    /// RFC 5545.
    #[serde(rename = "icalendar", alias = "ics")]
    Calendar,
    /// RFC 4287, and RSS 2.0.
    #[serde(rename = "atom", alias = "rss")]
    Syndication,
}

/// What a file needs to know besides the mapping to be read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// If the source names none.
    pub encoding: Encoding,
    /// When it is read: series of a calendar are followed from there.
    pub at: Instant,
    /// Of times without zone.
    pub zone: Zone,
}

/// `[source.NAME]` of a mapping.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Which files: names, in which `*` stands for anything; with a `/` the end of a path.
    #[serde(default)]
    pub file: Patterns,
    pub format: Option<Format>,
    /// The table of COPY text.
    pub block: Option<String>,
    /// Where the rows of a JSON document are.
    pub path: Option<String>,
    /// The columns of a file without header.
    pub header: Option<Vec<String>>,
    pub delimiter: Option<char>,
    /// `false`: quotation marks are part of the text.
    pub quote: Option<bool>,
    pub encoding: Option<Encoding>,
    /// Rows that count.
    #[serde(rename = "where", default)]
    pub filter: Vec<String>,
    /// The column by which others look rows of this source up.
    pub key: Option<String>,
    /// May have no file.
    #[serde(default)]
    pub optional: bool,
}

/// One pattern, or several.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged)]
pub enum Patterns {
    #[default]
    Any,
    One(String),
    Several(Vec<String>),
}

impl Patterns {
    /// Whether the file is meant; `None` if nothing is said.
    pub fn match_file(&self, path: &Path) -> Option<bool> {
        let is = |pattern: &String| match pattern.contains('/') {
            true => matches(&format!("*/{pattern}"), &format!("/{}", path.to_string_lossy().replace('\\', "/"))),
            false => path.file_name().is_some_and(|name| matches(pattern, &name.to_string_lossy())),
        };
        match self {
            Patterns::Any => None,
            Patterns::One(pattern) => Some(is(pattern)),
            Patterns::Several(patterns) => Some(patterns.iter().any(is)),
        }
    }

    /// For messages.
    pub fn describe(&self) -> String {
        match self {
            Patterns::Any => "its file".to_owned(),
            Patterns::One(pattern) => pattern.clone(),
            Patterns::Several(patterns) => patterns.join(", "),
        }
    }
}

/// An open file.
pub struct Table {
    rows: Rows,
}

enum Rows {
    Delimited(Box<Delimited>),
    Copy(Box<Copy>),
    Json(Json),
    Calendar(Calendar),
    Syndication(Syndication),
}

impl Table {
    /// Opens a file to read the cells of `columns`, in this order.
    pub fn open(path: &Path, source: &Source, reading: &Reading, columns: &[String]) -> Result<Table, ImportError> {
        let failed = |why: String| ImportError::file(path, why);
        let (head, input) = open(path).map_err(failed)?;
        let encoding = source.encoding.unwrap_or(reading.encoding);
        let rows = match source.format.unwrap_or_else(|| guess(path, &head)) {
            Format::Copy => {
                let columns = columns.to_vec();
                let bind = move |header: &[String]| bind(header, &columns);
                Rows::Copy(Box::new(Copy::new(input, source.block.clone(), encoding, bind)))
            }
            Format::Json => Rows::Json(Json::document(input, source.path.as_deref(), paths(columns)).map_err(failed)?),
            Format::JsonLines => Rows::Json(Json::lines(input, paths(columns))),
            Format::Calendar => {
                let reading = Reading { encoding, ..reading.clone() };
                Rows::Calendar(Calendar::open(input, &reading, columns).map_err(failed)?)
            }
            Format::Syndication => {
                let reading = Reading { encoding, ..reading.clone() };
                Rows::Syndication(Syndication::open(input, &reading, columns).map_err(failed)?)
            }
            format => {
                let delimiter = match source.delimiter {
                    Some(delimiter) => u8::try_from(delimiter)
                        .map_err(|_| failed(format!("a delimiter is one ASCII character, not {delimiter:?}")))?,
                    None if format == Format::Tsv => b'\t',
                    None => delimited::detect(&String::from_utf8_lossy(&head)),
                };
                let quote = source.quote.unwrap_or(true);
                let header = source.header.as_deref();
                let bind = |header: &[String]| bind(header, columns);
                let opened = Delimited::open(input, delimiter, quote, header, encoding, bind);
                Rows::Delimited(Box::new(opened.map_err(failed)?))
            }
        };
        Ok(Table { rows })
    }

    /// Reads the next row into `record`.
    pub fn read(&mut self, record: &mut Record) -> Result<Step, String> {
        match &mut self.rows {
            Rows::Delimited(rows) => rows.read(record),
            Rows::Copy(rows) => rows.read(record),
            Rows::Json(rows) => rows.read(record),
            Rows::Calendar(rows) => Ok(rows.read(record)),
            Rows::Syndication(rows) => Ok(rows.read(record)),
        }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        match &self.rows {
            Rows::Delimited(rows) => rows.bytes(),
            Rows::Copy(rows) => rows.bytes(),
            Rows::Json(rows) => rows.bytes(),
            Rows::Calendar(rows) => rows.bytes(),
            Rows::Syndication(rows) => rows.bytes(),
        }
    }
}

/// The columns of a file: its header, or of JSON the paths to everything in the first row.
pub fn columns(path: &Path) -> Result<Vec<String>, ImportError> {
    let failed = |why: String| ImportError::file(path, why);
    let (head, mut input) = open(path).map_err(failed)?;
    let found = std::cell::RefCell::new(Vec::new());
    match guess(path, &head) {
        Format::Copy => {
            let text = String::from_utf8_lossy(&head).into_owned();
            let first = text.lines().find(|line| line.starts_with("COPY ")).unwrap_or_default();
            let names = first.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(names, _)| names);
            found.replace(names.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect());
        }
        format @ (Format::Json | Format::JsonLines) => {
            let mut text = String::new();
            input.read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
            let text = if format == Format::JsonLines { text.lines().next().unwrap_or_default() } else { &text };
            let row: serde_json::Value = serde_json::from_str(text).map_err(|error| failed(error.to_string()))?;
            found.replace(json::leaves(row.as_array().and_then(|rows| rows.first()).unwrap_or(&row)));
        }
        Format::Calendar => {
            let mut bytes = Vec::new();
            input.read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
            found.replace(calendar::properties(&bytes));
        }
        Format::Syndication => {
            let mut text = String::new();
            input.read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
            found.replace(syndication::elements(&text).map_err(failed)?);
        }
        format => {
            let delimiter =
                if format == Format::Tsv { b'\t' } else { delimited::detect(&String::from_utf8_lossy(&head)) };
            let bind = |header: &[String]| {
                found.replace(header.to_vec());
                Ok(Vec::new())
            };
            Delimited::open(input, delimiter, true, None, Encoding::Utf8, bind).map_err(failed)?;
        }
    }
    Ok(found.into_inner())
}

type Whole = Chain<Cursor<Vec<u8>>, File>;

/// The head of a file, without byte order mark, and the whole of it. What is no text we read is refused here.
fn open(path: &Path) -> Result<(Vec<u8>, Box<dyn Read>), String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let mut head = Vec::with_capacity(HEAD);
    file.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(|error| error.to_string())?;
    if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) || looks_like_utf16(&head) {
        return Err("it is UTF-16; save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\")".to_owned());
    }
    if head.starts_with(b"PK\x03\x04") {
        return Err("it is a ZIP archive or a spreadsheet; unpack it, or save the sheet as CSV".to_owned());
    }
    if head.starts_with(&[0x1F, 0x8B]) {
        return Err("it is compressed; unpack it with gunzip".to_owned());
    }
    if head.starts_with(&[0xEF, 0xBB, 0xBF]) {
        head.drain(..3);
    }
    let whole: Whole = Cursor::new(head.clone()).chain(file);
    Ok((head, Box::new(whole)))
}

/// Without a mark: every other byte is zero.
fn looks_like_utf16(head: &[u8]) -> bool {
    let sample = &head[..head.len().min(256) & !1];
    let zeros = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|&&byte| byte == 0).count();
    sample.len() >= 16 && (zeros(0) * 4 > sample.len() || zeros(1) * 4 > sample.len())
}

fn guess(path: &Path, head: &[u8]) -> Format {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension.as_str() {
        "tsv" | "tab" => Format::Tsv,
        "sql" | "dump" | "copy" => Format::Copy,
        "jsonl" | "ndjson" => Format::JsonLines,
        "json" => Format::Json,
        "ics" | "ical" => Format::Calendar,
        "atom" | "rss" | "xml" => Format::Syndication,
        _ if head.starts_with(b"BEGIN:VCALENDAR") => Format::Calendar,
        _ if head.starts_with(b"COPY ") => Format::Copy,
        _ => Format::Csv,
    }
}

fn paths(columns: &[String]) -> Vec<json::Path> {
    columns.iter().map(|column| json::Path::parse(column)).collect()
}

/// Where the columns are in the header.
fn bind(header: &[String], columns: &[String]) -> Result<Vec<usize>, String> {
    columns
        .iter()
        .map(|column| {
            let mut places = header.iter().enumerate().filter(|(_, name)| *name == column).map(|(place, _)| place);
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (Some(_), Some(_)) => Err(format!("the header has the column {column} twice")),
                (None, _) => Err(format!("there is no column {column}; there are {}", header.join(", "))),
            }
        })
        .collect()
}

/// Whether `*` in `pattern` can stand for something so that it is `name`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|tail| {
            (0..=tail.len()).filter(|&at| tail.is_char_boundary(at)).any(|at| matches(rest, &tail[at..]))
        }),
    }
}
