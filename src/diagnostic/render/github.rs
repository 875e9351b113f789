//! Workflow commands of GitHub Actions
//! (<https://docs.github.com/actions/reference/workflow-commands-for-github-actions>).

use std::io::{self, Write};

use super::place;
use crate::diagnostic::{Diagnostic, Sources};

pub fn write(diagnostic: &Diagnostic, sources: &Sources, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    write!(out, "::{} ", diagnostic.severity.word())?;
    if let Some(place) = place(diagnostic.span, sources) {
        let (start, end) = (place.start, place.end);
        write!(out, "file={},line={},endLine={},", property(&place.path), start.line, end.line)?;
        if start.line == end.line {
            write!(out, "col={},endColumn={},", start.column, end.column)?;
        }
    }
    let more = diagnostic.notes.iter().chain(&diagnostic.help).map(String::as_str);
    let text: Vec<&str> = std::iter::once(diagnostic.message.as_str()).chain(more).collect();
    writeln!(out, "title={}::{}", diagnostic.code.0, data(&text.join("\n")))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
