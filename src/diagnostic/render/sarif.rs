//! SARIF 2.1.0 (OASIS), which code scanning services and editors read.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::place;
use crate::diagnostic::{Diagnostic, Sources, Span};

pub fn write(diagnostics: &[Diagnostic], sources: &Sources, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut codes: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.code.0).collect();
    codes.sort_unstable();
    codes.dedup();
    let results: Vec<Value> = diagnostics.iter().map(|diagnostic| result(diagnostic, sources)).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "bookmobile",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| json!({ "id": code })).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn result(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut text = diagnostic.message.clone();
    for more in diagnostic.notes.iter().chain(&diagnostic.help) {
        text.push('\n');
        text.push_str(more);
    }
    let mut result = json!({
        "ruleId": diagnostic.code.0,
        "level": diagnostic.severity.word(),
        "message": { "text": text },
        "locations": location(diagnostic.span, sources).map(|place| json!({ "physicalLocation": place }))
            .into_iter().collect::<Vec<_>>(),
    });
    let related = diagnostic.secondary.iter().filter_map(|(span, label)| {
        Some(json!({ "physicalLocation": location(*span, sources)?, "message": { "text": label } }))
    });
    let related: Vec<Value> = related.collect();
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    let fix = diagnostic.fix.as_ref().and_then(|fix| Some((fix, location(fix.span, sources)?)));
    if let Some((fix, place)) = fix {
        result["fixes"] = json!([{ "artifactChanges": [{
            "artifactLocation": place["artifactLocation"],
            "replacements": [{ "deletedRegion": place["region"], "insertedContent": { "text": fix.text } }],
        }]}]);
    }
    result
}

fn location(span: Span, sources: &Sources) -> Option<Value> {
    let place = place(span, sources)?;
    Some(json!({
        "artifactLocation": { "uri": uri(&place.path) },
        "region": {
            "startLine": place.start.line,
            "startColumn": place.start.column,
            "endLine": place.end.line,
            "endColumn": place.end.column,
        },
    }))
}

/// A relative reference of RFC 3986: everything but unreserved characters and `/` as `%XX`.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
