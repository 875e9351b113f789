//! JSON: one document (an array, one object, or an array somewhere inside), or one a line.

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;

use super::record::{ELEMENTS, Record, Step};

/// Rows of JSON.
pub enum Json {
    Document { rows: std::vec::IntoIter<Value>, paths: Vec<Path>, number: u64, bytes: u64 },
    Lines { input: BufReader<Box<dyn Read>>, paths: Vec<Path>, line: u64, bytes: u64, buffer: String },
}

/// `personal.addresses[0].postalCode`
pub struct Path(Vec<Part>);

enum Part {
    Name(String),
    Index(usize),
}

impl Path {
    /// Reads a path.
    pub fn parse(text: &str) -> Path {
        let mut parts = Vec::new();
        for piece in text.split('.') {
            let (name, indices) = piece.split_once('[').map_or((piece, ""), |(name, rest)| (name, rest));
            if !name.is_empty() {
                parts.push(Part::Name(name.to_owned()));
            }
            for index in indices.split('[') {
                parts.extend(index.trim_end_matches(']').parse().ok().map(Part::Index));
            }
        }
        Path(parts)
    }

    fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, part| match part {
            Part::Name(name) => value.get(name),
            Part::Index(index) => value.get(index),
        })
    }
}

impl Json {
    /// One document; `inside` says where its rows are.
    pub fn document(mut input: Box<dyn Read>, inside: Option<&str>, paths: Vec<Path>) -> Result<Json, String> {
        let mut text = String::new();
        input.read_to_string(&mut text).map_err(|error| error.to_string())?;
        let bytes = text.len() as u64;
        let document: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let found = match inside {
            Some(path) => Path::parse(path).find(&document).cloned().ok_or_else(|| format!("it has no {path}"))?,
            None => document,
        };
        let rows = match found {
            Value::Array(rows) => rows,
            row @ Value::Object(_) => vec![row],
            _ => return Err("it is neither an object nor an array of objects".to_owned()),
        };
        Ok(Json::Document { rows: rows.into_iter(), paths, number: 0, bytes })
    }

    /// One object a line.
    pub fn lines(input: Box<dyn Read>, paths: Vec<Path>) -> Json {
        let input = BufReader::with_capacity(1 << 17, input);
        Json::Lines { input, paths, line: 0, bytes: 0, buffer: String::new() }
    }

    /// Reads the next row into `record`. Its line is that of JSON Lines, else the number of the row.
    pub fn read(&mut self, record: &mut Record) -> Result<Step, String> {
        match self {
            Json::Document { rows, paths, number, .. } => {
                let Some(row) = rows.next() else { return Ok(Step::End) };
                *number += 1;
                Ok(fill(record, *number, paths, &row))
            }
            Json::Lines { input, paths, line, bytes, buffer } => loop {
                buffer.clear();
                let read = input.read_line(buffer);
                *line += 1;
                match read {
                    Ok(0) => return Ok(Step::End),
                    Ok(read) => *bytes += read as u64,
                    // The line was read to its end, and is no text.
                    Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                        return Ok(Step::Bad { line: *line, reason: "not UTF-8, which JSON has to be".to_owned() });
                    }
                    Err(error) => return Err(error.to_string()),
                }
                if buffer.trim().is_empty() {
                    continue;
                }
                return Ok(match serde_json::from_str(buffer) {
                    Ok(row) => fill(record, *line, paths, &row),
                    Err(error) => Step::Bad { line: *line, reason: format!("not JSON: {error}") },
                });
            },
        }
    }

    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        match self {
            Json::Document { bytes, .. } | Json::Lines { bytes, .. } => *bytes,
        }
    }
}

fn fill(record: &mut Record, line: u64, paths: &[Path], row: &Value) -> Step {
    if !row.is_object() {
        return Step::Bad { line, reason: "not an object".to_owned() };
    }
    record.start(line);
    for path in paths {
        match path.find(row) {
            None | Some(Value::Null) => record.push(None),
            Some(Value::String(text)) => record.push(Some(text)),
            Some(Value::Array(elements)) => {
                let texts: Vec<String> = elements.iter().map(scalar).collect();
                record.push(Some(&texts.join(&ELEMENTS.to_string())));
            }
            Some(other) => record.push(Some(&scalar(other))),
        }
    }
    Step::Row
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The paths to every value in an object that is no object itself.
pub fn leaves(row: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(row, "", &mut found);
    found
}

fn collect(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                collect(field, &path, found);
            }
        }
        Value::Array(elements) if elements.first().is_some_and(Value::is_object) => {
            collect(&elements[0], &format!("{at}[0]"), found);
        }
        _ => found.push(at.to_owned()),
    }
}
