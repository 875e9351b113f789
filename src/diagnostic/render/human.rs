//! A finding drawn over its source by ariadne.
//!
//! ariadne gets an excerpt in place of the file: only the lines around the labels (the others empty, so that line
//! numbers hold), long lines clipped, every character one that a terminal shows in its own place. A file of one line
//! of ten megabytes and a bidi control in a text are drawn like any other.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::ops::Range;

use ariadne::{Cache, Color, Config, IndexType, Label, Report, ReportKind, Source};

use super::path;
use crate::diagnostic::{Diagnostic, FileId, Severity, SourceFile, Sources, Span};

/// Characters of a longer line that are shown on each side of what is marked.
const AROUND: usize = 60;

pub fn write(
    diagnostic: &Diagnostic,
    sources: &Sources,
    color: bool,
    width: usize,
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    let kind = match diagnostic.severity {
        Severity::Error => ReportKind::Error,
        Severity::Warning => ReportKind::Warning,
    };
    let mut excerpts = Excerpts::new(diagnostic, sources);
    let Some(primary) = excerpts.locate(diagnostic.span) else {
        let text = format!("[{}] {kind}: {}", diagnostic.code.0, diagnostic.message);
        return writeln!(out, "{}\n", wrap(&text, width, 0, "    "));
    };
    let head = format!("[{}] {kind}: ", diagnostic.code.0).chars().count();
    let mut report = Report::build(kind, primary.clone())
        .with_config(Config::default().with_color(color).with_index_type(IndexType::Char))
        .with_code(diagnostic.code.0)
        .with_message(wrap(&diagnostic.message, width, head, "    "));
    let main = if diagnostic.severity == Severity::Error { Color::Red } else { Color::Yellow };
    // ariadne draws no marks for a label without a text.
    let text = if diagnostic.label.is_empty() { "here" } else { &diagnostic.label };
    let mut labels =
        vec![(primary.clone(), Label::new(primary.clone()).with_message(text).with_color(main).with_priority(1))];
    for (span, text) in &diagnostic.secondary {
        if let Some(place) = excerpts.locate(*span) {
            let label = Label::new(place.clone()).with_color(Color::Blue);
            labels.push((place, if text.is_empty() { label } else { label.with_message(text) }));
        }
    }
    // A file is drawn once if its labels come in the order of the text.
    labels.sort_by_key(|((file, range), _)| (*file != primary.0, *file, range.start));
    report.add_labels(labels.into_iter().map(|(_, label)| label));
    let margin = excerpts.margin() + " │ Note 1: ".chars().count() + 2;
    for note in &diagnostic.notes {
        report.add_note(wrap(note, width.saturating_sub(margin), 0, ""));
    }
    if let Some(help) = &diagnostic.help {
        report.add_help(wrap(help, width.saturating_sub(margin), 0, ""));
    }
    let mut drawn = Vec::new();
    report.finish().write(&mut excerpts, &mut drawn)?;
    let drawn = String::from_utf8_lossy(&drawn);
    for line in excerpts.name_places(&drawn).lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)
}

/// The excerpts of the files that one finding marks.
struct Excerpts {
    files: BTreeMap<FileId, Excerpt>,
}

struct Excerpt {
    path: String,
    source: Source<String>,
    /// By line: first character shown, and where the line stands in the excerpt (both in characters).
    lines: BTreeMap<usize, Clipped>,
    /// Byte ranges of the marks and where they stand in the excerpt.
    marks: Vec<(Span, Range<usize>)>,
}

#[derive(Clone, Copy)]
struct Clipped {
    skipped: usize,
    /// Where the line starts in the excerpt. What is skipped takes one place, that of the first character shown.
    start: usize,
    shown: usize,
}

impl Excerpts {
    fn new(diagnostic: &Diagnostic, sources: &Sources) -> Excerpts {
        let secondary = diagnostic.secondary.iter().map(|(span, _)| *span);
        let mut spans: BTreeMap<FileId, Vec<Span>> = BTreeMap::new();
        for span in std::iter::once(diagnostic.span).chain(secondary) {
            spans.entry(span.file).or_default().push(span);
        }
        let files = spans.into_iter().filter_map(|(id, spans)| Some((id, Excerpt::new(sources.get(id)?, &spans))));
        Excerpts { files: files.collect() }
    }

    fn locate(&self, span: Span) -> Option<(FileId, Range<usize>)> {
        let marks = &self.files.get(&span.file)?.marks;
        marks.iter().find(|(mark, _)| *mark == span).map(|(_, place)| (span.file, place.clone()))
    }

    /// Width of the line numbers.
    fn margin(&self) -> usize {
        let last = self.files.values().filter_map(|excerpt| excerpt.lines.keys().last()).max();
        last.map_or(1, |line| line.to_string().len())
    }

    /// Puts in the paths, with the columns of the file where the excerpt's differ.
    fn name_places(&self, drawn: &str) -> String {
        let mut text = drawn.to_owned();
        for (id, excerpt) in &self.files {
            let stand_in = format!("{}:", StandIn(*id));
            while let Some(at) = text.find(&stand_in) {
                let rest = &text[at + stand_in.len()..];
                let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(str::parse::<usize>);
                let (Some(Ok(line)), Some(Ok(column))) = (numbers.next(), numbers.next()) else {
                    return text.replace(&stand_in, &excerpt.path);
                };
                let skipped = excerpt.lines.get(&line).map_or(0, |clipped| clipped.skipped);
                let end = at + stand_in.len() + format!("{line}:{column}").len();
                text.replace_range(at..end, &format!("{}:{line}:{}", excerpt.path, column + skipped));
            }
        }
        text
    }
}

impl Excerpt {
    fn new(file: &SourceFile, spans: &[Span]) -> Excerpt {
        let place = |offset: usize| {
            let position = file.position(offset);
            (position.line, position.column - 1)
        };
        let mut ends = Vec::new();
        let mut marked: BTreeMap<usize, Range<usize>> = BTreeMap::new();
        for &span in spans {
            let range = shown_range(span, &file.text);
            let (start, end) = (place(range.start), place(range.end));
            for (line, column) in [start, end] {
                let marked = marked.entry(line).or_insert(column..column);
                *marked = marked.start.min(column)..marked.end.max(column);
            }
            ends.push((span, start, end));
        }
        let mut text = String::new();
        let (mut at, mut lines, mut next) = (0, BTreeMap::new(), 1);
        for (&line, marked) in &marked {
            let content = file.line(line);
            text.extend(std::iter::repeat_n('\n', line - next));
            at += line - next;
            let length = content.chars().count();
            let (from, to) = clip(length, marked.clone());
            let start = at;
            let shown_chars = content.chars().skip(from).take(to - from).map(visible);
            text.extend(shown_chars.enumerate().map(|(at, c)| if at == 0 && from > 0 { '…' } else { c }));
            let mut shown = to - from;
            if to < length {
                text.push('…');
                shown += 1;
            }
            // Room for a mark behind the last character.
            if marked.end >= to {
                text.push(' ');
                shown += 1;
            }
            text.push('\n');
            lines.insert(line, Clipped { skipped: from, start, shown });
            at += shown + 1;
            next = line + 1;
        }
        let offset = |(line, column): (usize, usize)| {
            let clipped: &Clipped = &lines[&line];
            clipped.start + column.saturating_sub(clipped.skipped).min(clipped.shown)
        };
        let marks = ends.into_iter().map(|(span, start, end)| {
            let (start, end) = (offset(start), offset(end));
            (span, start..end.max(start + 1))
        });
        let marks = marks.collect();
        Excerpt { path: path(file), source: Source::from(text), lines, marks }
    }
}

/// Which characters of a line are shown: all of a line that fits, else those around what is marked.
fn clip(length: usize, marked: Range<usize>) -> (usize, usize) {
    if length <= 2 * AROUND + 40 {
        return (0, length);
    }
    let from = marked.start.saturating_sub(AROUND);
    // Of a long mark the beginning is enough.
    let to = (marked.end + AROUND).min(from + 4 * AROUND).min(length);
    (from.min(length), to)
}

/// Without white space at its end, so that a span up to the end of a line does not reach into the next one.
fn shown_range(span: Span, text: &str) -> Range<usize> {
    let mut range = span.range();
    range.end = range.end.clamp(range.start, text.len().max(range.start));
    if let Some(marked) = text.get(range.clone()) {
        let trimmed = marked.trim_end().len();
        if trimmed > 0 {
            range.end = range.start + trimmed;
        }
    }
    range
}

/// What stands for a character so that it takes one place and does nothing to the terminal.
fn visible(c: char) -> char {
    match c {
        '\t' => '\t',
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}'..='\u{9f}' => '\u{fffd}',
        // Bidi controls, separators, zero width.
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '\u{fffd}',
        c => c,
    }
}

impl Cache<FileId> for Excerpts {
    type Storage = String;

    fn fetch(&mut self, id: &FileId) -> Result<&Source<String>, impl fmt::Debug> {
        self.files.get(id).map(|excerpt| &excerpt.source).ok_or("a file without marks")
    }

    fn display<'a>(&self, id: &'a FileId) -> Option<impl Display + 'a> {
        Some(StandIn(*id))
    }
}

/// Stands for a path until the drawing is done; holds characters that no source shows (see `visible`).
struct StandIn(FileId);

impl Display for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\u{1}{}\u{2}", self.0.0)
    }
}

/// Breaks `text` at blanks; `used` columns of the first line are taken, further lines are indented.
fn wrap(text: &str, width: usize, used: usize, indent: &str) -> String {
    let width = width.max(40);
    let mut lines = Vec::new();
    let mut column = used;
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let length = word.chars().count();
            if !line.is_empty() && column + 1 + length > width {
                lines.push(std::mem::take(&mut line));
                column = indent.len();
            }
            if !line.is_empty() {
                line.push(' ');
                column += 1;
            }
            line.push_str(word);
            column += length;
        }
        lines.push(line);
        column = indent.len();
    }
    lines.join(&format!("\n{indent}"))
}
