//! JSON Lines, for editors and scripts.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::place;
use crate::diagnostic::{Diagnostic, Sources, Span};

pub fn write(diagnostics: &[Diagnostic], sources: &Sources, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    for diagnostic in diagnostics {
        writeln!(out, "{}", object(diagnostic, sources))?;
    }
    Ok(())
}

fn object(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut object = json!({
        "code": diagnostic.code.0,
        "severity": diagnostic.severity.word(),
    });
    place_into(&mut object, diagnostic.span, sources);
    let secondary = diagnostic.secondary.iter().map(|(span, label)| {
        let mut object = json!({});
        place_into(&mut object, *span, sources);
        object["label"] = json!(label);
        object
    });
    object["message"] = json!(diagnostic.message);
    object["label"] = json!(diagnostic.label);
    object["secondary"] = secondary.collect();
    object["notes"] = json!(diagnostic.notes);
    object["help"] = json!(diagnostic.help);
    object["fix"] = match &diagnostic.fix {
        Some(fix) => {
            let mut object = json!({});
            place_into(&mut object, fix.span, sources);
            object["text"] = json!(fix.text);
            object
        }
        None => Value::Null,
    };
    object
}

fn place_into(object: &mut Value, span: Span, sources: &Sources) {
    let Some(place) = place(span, sources) else { return };
    object["file"] = json!(place.path);
    object["line"] = json!(place.start.line);
    object["column"] = json!(place.start.column);
    object["end_line"] = json!(place.end.line);
    object["end_column"] = json!(place.end.column);
}
