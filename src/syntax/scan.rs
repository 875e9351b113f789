//! One pass over the bytes of a file before it is parsed.
//!
//! It finds the comments, refuses what no parser should see (control characters, invisible ones, brackets nested
//! too deep, texts that do not end), and finds where declarations begin. It knows texts, text blocks and comments,
//! so that nothing inside them is taken for anything else. What it refuses it replaces in a copy of equal length,
//! so that the rest can be parsed with its spans unchanged.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::token::is_declaration_word;
use crate::diagnostic::{Code, Diagnostic, FileId, Span};
use crate::limits;

/// Brackets nested too deep.
pub const DEEP: Code = Code("E0005");
/// A control character.
pub const CONTROL: Code = Code("E0007");
/// An invisible character outside of texts.
pub const INVISIBLE: Code = Code("E0008");
/// An invisible character in a text.
pub const INVISIBLE_IN_TEXT: Code = Code("W0001");
/// A bracket that closes nothing.
pub const BRACKET: Code = Code("E0009");
/// A text that does not end.
pub const OPEN_TEXT: Code = Code("E0024");
/// Typographic quotation marks around a text.
pub const QUOTES: Code = Code("E0026");

/// A comment of the file.
#[derive(Clone, Debug)]
pub(super) struct CommentPlace {
    /// From `#` to the end of the line, without the line end.
    pub range: Range<usize>,
    pub is_doc: bool,
}

/// What the scanner found.
#[derive(Debug)]
pub(super) struct Scan<'s> {
    pub file: FileId,
    pub comments: Vec<CommentPlace>,
    pub diagnostics: Vec<Diagnostic>,
    /// The file with what was refused replaced; as long as the file, or one quote longer.
    pub source: Cow<'s, str>,
    /// Where a declaration begins at the outermost level.
    pub starts: Vec<usize>,
    /// Where a declaration seems to begin inside a bracket that may not be closed.
    pub possible_starts: Vec<usize>,
    /// Brackets without a partner that opens or closes the same, in order.
    pub unclosed: Vec<usize>,
    /// Places behind which a failure to parse follows from what the scanner has reported.
    pub tainted: Vec<usize>,
    /// Places of brackets that lie too deep.
    pub too_deep: Vec<usize>,
}

struct Scanner<'s> {
    file: FileId,
    source: &'s str,
    at: usize,
    open: Vec<(u8, usize)>,
    /// Whether only white space stands before `at` on its line.
    is_line_start: bool,
    after_matches: bool,
    after_brace: bool,
    is_too_deep: bool,
    copy: Option<Vec<u8>>,
    scan: Scan<'s>,
}

impl<'s> Scan<'s> {
    pub(super) fn new(file: FileId, source: &'s str) -> Scan<'s> {
        let scan = Scan {
            file,
            comments: Vec::new(),
            diagnostics: Vec::new(),
            source: Cow::Borrowed(source),
            starts: Vec::new(),
            possible_starts: Vec::new(),
            unclosed: Vec::new(),
            tainted: Vec::new(),
            too_deep: Vec::new(),
        };
        let mut scanner = Scanner {
            file,
            source,
            at: if source.starts_with('\u{feff}') { 3 } else { 0 },
            open: Vec::new(),
            is_line_start: true,
            after_matches: false,
            after_brace: false,
            is_too_deep: false,
            copy: None,
            scan,
        };
        scanner.run();
        scanner.finish()
    }

    /// The `##` comments that stand alone on the lines directly above the line on which `at` is the first token.
    pub(super) fn doc_above(&self, at: usize) -> Option<Arc<str>> {
        let source: &str = &self.source;
        let last = self.comments.partition_point(|comment| comment.range.start < at);
        let mut below = at;
        let mut lines = Vec::new();
        for comment in self.comments[..last].iter().rev() {
            let gap = &source[comment.range.end..below];
            let is_directly_above = gap.trim().is_empty() && gap.bytes().filter(|&byte| byte == b'\n').count() == 1;
            let line_start = source[..comment.range.start].rfind('\n').map_or(0, |newline| newline + 1);
            let is_alone = source[line_start..comment.range.start].trim_matches('\u{feff}').trim().is_empty();
            if !(comment.is_doc && is_directly_above && is_alone) {
                break;
            }
            lines.push(comment_text(&source[comment.range.clone()]));
            below = comment.range.start;
        }
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join("\n").into())
    }

    /// Whether a failure at `at` of the piece `range` follows from what has been reported already.
    pub(super) fn is_tainted(&self, range: &Range<usize>, at: usize) -> bool {
        let first = self.tainted.partition_point(|&place| place < range.start);
        self.tainted.get(first).is_some_and(|&place| place <= at && place < range.end)
    }

    /// Whether `range` holds brackets that lie too deep.
    pub(super) fn is_too_deep(&self, range: &Range<usize>) -> bool {
        let first = self.too_deep.partition_point(|&place| place < range.start);
        self.too_deep.get(first).is_some_and(|&place| place < range.end)
    }
}

impl<'s> Scanner<'s> {
    fn run(&mut self) {
        let bytes = self.source.as_bytes();
        while self.at < bytes.len() {
            let byte = bytes[self.at];
            match byte {
                b'\n' => {
                    self.is_line_start = true;
                    self.at += 1;
                    continue;
                }
                b' ' | b'\t' => {
                    self.at += 1;
                    continue;
                }
                b'\r' if bytes.get(self.at + 1) == Some(&b'\n') => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    self.comment();
                    continue;
                }
                b'"' => self.text(),
                b'{' | b'(' => self.open_bracket(byte),
                b'}' | b')' => self.close_bracket(byte),
                _ if byte.is_ascii_alphabetic() || byte == b'_' => {
                    self.word();
                    continue;
                }
                _ => self.other(),
            }
            self.is_line_start = false;
            self.after_brace = byte == b'}';
            self.after_matches = false;
        }
    }

    fn comment(&mut self) {
        let bytes = self.source.as_bytes();
        let start = self.at;
        let line = bytes[start..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| start + length);
        let end = if bytes[line - 1] == b'\r' { line - 1 } else { line };
        let is_doc = bytes.get(start + 1) == Some(&b'#');
        self.scan.comments.push(CommentPlace { range: start..end, is_doc });
        self.inside(start..end, false);
        self.at = line;
    }

    /// Refuses what is invisible inside a comment or a text.
    fn inside(&mut self, range: Range<usize>, is_text: bool) {
        let is_plain = |&byte: &u8| (0x20..0x7f).contains(&byte) || matches!(byte, b'\n' | b'\t');
        if self.source.as_bytes()[range.clone()].iter().all(is_plain) {
            return;
        }
        let source = self.source;
        for (offset, character) in source[range.clone()].char_indices() {
            let at = range.start + offset;
            if character == '\r' && source.as_bytes().get(at + 1) == Some(&b'\n') {
                continue;
            }
            if character.is_control() && !matches!(character, '\n' | '\t') {
                self.control(at, character);
            } else if is_text && is_deceptive(character) {
                let code = format!("U+{:04X}", u32::from(character));
                let place = self.span(at..at + character.len_utf8());
                self.scan.diagnostics.push(
                    Diagnostic::new(
                        INVISIBLE_IN_TEXT,
                        place,
                        format!("{code} ({}) in a text", invisible_name(character)),
                    )
                    .label("an invisible character")
                    .note("it can make the text read differently from what is sent")
                    .help(format!("take it away, or write \\u{{{:x}}} so that it can be seen", u32::from(character)))
                    .fix(place, ""),
                );
            } else if !is_text && is_invisible(character) {
                self.invisible(at, character);
            }
        }
    }

    fn text(&mut self) {
        let bytes = self.source.as_bytes();
        let start = self.at;
        if bytes[start..].starts_with(b"\"\"\"") {
            let inside = &bytes[start + 3..];
            if let Some(length) = inside.windows(3).position(|three| three == b"\"\"\"") {
                self.at = start + length + 6;
            } else {
                let place = self.span(start..start + 3);
                self.scan.diagnostics.push(
                    Diagnostic::new(OPEN_TEXT, place, "this text block is not closed")
                        .label("a second `\"\"\"` is missing")
                        .help("end the text with `\"\"\"` on a line of its own"),
                );
                self.scan.tainted.push(start);
                // What follows is text only up to the next declaration, as far as anybody can tell.
                self.at = next_declaration(self.source, start).unwrap_or(bytes.len());
                self.open.clear();
            }
            self.inside(start..self.at, true);
            return;
        }
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => {
                    self.at = end + 1;
                    self.inside(start..self.at, true);
                    return;
                }
                None | Some(b'\n') => break,
                Some(b'\\') if !self.after_matches && bytes.get(end + 1).is_some_and(|&byte| byte != b'\n') => end += 2,
                Some(_) => end += 1,
            }
        }
        self.open_text(start, end);
    }

    /// A text that begins at `start` and does not end on its line, which ends at `end`.
    fn open_text(&mut self, start: usize, end: usize) {
        let end = end.min(self.source.len());
        let written = self.source[start..end].trim_end();
        let place = self.span(start..start + written.len());
        self.scan.diagnostics.push(
            Diagnostic::new(OPEN_TEXT, place, "this text is not closed: a `\"` is missing")
                .label("a text ends on its line")
                .help("write the closing `\"`; a text of several lines stands between `\"\"\"` and `\"\"\"`"),
        );
        self.scan.tainted.push(start);
        self.inside(start..end, true);
        let copy = self.copy.get_or_insert_with(|| self.source.as_bytes().to_vec());
        // The quote takes the place of the line end, or of the blank before it.
        let mut quote = start + written.len();
        if quote > start + 1 && copy[quote - 1] == b'\\' {
            quote -= 1;
        }
        match copy.get_mut(quote) {
            Some(byte) => *byte = b'"',
            None => copy.push(b'"'),
        }
        self.at = end.max(quote);
    }

    fn open_bracket(&mut self, byte: u8) {
        self.open.push((byte, self.at));
        if self.open.len() > limits::NESTING && !self.is_too_deep {
            self.is_too_deep = true;
            self.scan.too_deep.push(self.at);
            let place = self.span(self.at..self.at + 1);
            self.scan.diagnostics.push(
                Diagnostic::new(DEEP, place, format!("nested deeper than {} brackets", limits::NESTING))
                    .label("too deep")
                    .help("give the inner part a name: a segment of its own, used with `in`"),
            );
        }
        self.at += 1;
    }

    fn close_bracket(&mut self, byte: u8) {
        let partner = if byte == b'}' { b'{' } else { b'(' };
        // A `}` ends what is left open inside its block; a `)` closes only a `(` of the same block.
        let innermost = if byte == b'}' {
            self.open.iter().rposition(|&(open, _)| open == partner)
        } else {
            self.open.len().checked_sub(1).filter(|&last| self.open[last].0 == partner)
        };
        match innermost {
            Some(index) => {
                self.scan.unclosed.extend(self.open.drain(index + 1..).map(|(_, at)| at));
                self.open.pop();
            }
            None => {
                let place = self.span(self.at..self.at + 1);
                let sign = byte as char;
                self.scan.diagnostics.push(
                    Diagnostic::new(BRACKET, place, format!("this `{sign}` closes nothing"))
                        .label(format!("no `{}` before it is open", partner as char))
                        .help("take it away, or look for the one that is missing before it")
                        .fix(place, ""),
                );
                self.blank(self.at..self.at + 1);
            }
        }
        if self.open.len() <= limits::NESTING / 2 {
            self.is_too_deep = false;
        }
        self.at += 1;
    }

    fn word(&mut self) {
        let bytes = self.source.as_bytes();
        let start = self.at;
        while self.at < bytes.len() && (bytes[self.at].is_ascii_alphanumeric() || bytes[self.at] == b'_') {
            self.at += 1;
        }
        let word = &self.source[start..self.at];
        if is_declaration_word(word) {
            let is_first = start == 0 || matches!(bytes[start - 1], b'\n' | 0xbf);
            if self.open.is_empty() && (self.is_line_start || self.after_brace) {
                self.scan.starts.push(start);
                self.is_too_deep = false;
            } else if is_first && begins_declaration(&self.source[start..]) {
                self.scan.possible_starts.push(start);
            }
        }
        self.after_matches = word == "matches";
        self.is_line_start = false;
        self.after_brace = false;
    }

    /// Anything that is neither a word, a text, a bracket nor white space.
    fn other(&mut self) {
        let source = self.source;
        let Some(character) = source[self.at..].chars().next() else { return };
        let start = self.at;
        let end = start + character.len_utf8();
        self.at = end;
        if character.is_control() {
            self.control(start, character);
        } else if is_invisible(character) {
            self.invisible(start, character);
        } else if is_quotation_mark(character) {
            self.curly_text(start, end);
        }
    }

    /// `“text”`.
    fn curly_text(&mut self, start: usize, inner: usize) {
        let source = self.source;
        let line_end = source[inner..].find('\n').map_or(source.len(), |length| inner + length);
        let close = source[inner..line_end]
            .char_indices()
            .find(|&(_, character)| is_quotation_mark(character) || character == '"')
            .map(|(offset, character)| (inner + offset, inner + offset + character.len_utf8()));
        let (text, end) = close.unwrap_or((line_end, line_end));
        let content = source[inner..text].trim_end_matches('\r');
        let place = self.span(start..end);
        let written = format!("\"{}\"", content.replace('\\', "\\\\"));
        self.scan.diagnostics.push(
            Diagnostic::new(QUOTES, place, "texts stand between straight quotation marks")
                .label("written with typographic ones")
                .help(format!("write {written}"))
                .fix(place, written),
        );
        if close.is_none() {
            self.scan.tainted.push(start);
        }
        self.blank(start..inner);
        self.blank(text..end);
        if let Some(copy) = &mut self.copy {
            copy[inner - 1] = b'"';
            if close.is_some() {
                copy[text] = b'"';
            }
        }
        self.at = end;
    }

    fn control(&mut self, at: usize, character: char) {
        let code = u32::from(character);
        let name = match character {
            '\0' => "NUL".to_owned(),
            '\r' => "a carriage return without a line feed".to_owned(),
            _ => format!("U+{code:04X}"),
        };
        let place = self.span(at..at + character.len_utf8());
        self.scan.diagnostics.push(
            Diagnostic::new(CONTROL, place, format!("a control character stands here: {name}"))
                .label(format!("U+{code:04X}"))
                .help("take it away; files are plain text with LF or CRLF line ends")
                .fix(place, ""),
        );
        self.blank(at..at + character.len_utf8());
    }

    fn invisible(&mut self, at: usize, character: char) {
        let code = u32::from(character);
        let place = self.span(at..at + character.len_utf8());
        self.scan.diagnostics.push(
            Diagnostic::new(
                INVISIBLE,
                place,
                format!("an invisible character stands here: U+{code:04X} ({})", invisible_name(character)),
            )
            .label("invisible")
            .note("it can make a file read differently from what it means")
            .help("take it away")
            .fix(place, ""),
        );
        self.blank(at..at + character.len_utf8());
    }

    fn blank(&mut self, range: Range<usize>) {
        let is_word = |byte: Option<&u8>| byte.is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let bytes = self.source.as_bytes();
        if is_word(range.start.checked_sub(1).and_then(|before| bytes.get(before))) && is_word(bytes.get(range.end)) {
            // It divides a word.
            self.scan.tainted.push(range.start);
        }
        let copy = self.copy.get_or_insert_with(|| self.source.as_bytes().to_vec());
        copy[range].fill(b' ');
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range)
    }

    fn finish(mut self) -> Scan<'s> {
        self.scan.unclosed.extend(self.open.iter().map(|&(_, at)| at));
        self.scan.unclosed.sort_unstable();
        if let Some(copy) = self.copy {
            let copy = String::from_utf8(copy).expect("whole characters are replaced by ASCII");
            self.scan.source = Cow::Owned(copy);
        }
        self.scan
    }
}

/// The next line after `at` that looks like the beginning of a declaration in column 0.
fn next_declaration(source: &str, at: usize) -> Option<usize> {
    source[at..]
        .match_indices('\n')
        .map(|(offset, _)| at + offset + 1)
        .find(|&line| begins_declaration(&source[line..]))
}

/// Whether `text` looks like the head of a declaration, and not like a field, clause or statement of the same word.
fn begins_declaration(text: &str) -> bool {
    let line = text.lines().next().unwrap_or("");
    let word_end = line.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(line.len());
    let (word, rest) = line.split_at(word_end);
    if !is_declaration_word(word) {
        return false;
    }
    let rest = rest.trim_start();
    let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, behind) = rest.split_at(name_end);
    let behind = behind.trim_start();
    match word {
        "library" | "test" => rest.starts_with('"'),
        "patron" | "contact" => rest.starts_with('{'),
        _ if name.is_empty() => false,
        "purpose" | "list" => behind.starts_with('"'),
        "table" => behind.starts_with("by "),
        _ => behind.starts_with(['{', '"', '(']) || behind.starts_with("private "),
    }
}

/// The text of a comment after its `#` or `##` and one blank.
pub(super) fn comment_text(comment: &str) -> &str {
    let text = comment.strip_prefix("##").unwrap_or(&comment[1..]);
    text.strip_prefix(' ').unwrap_or(text).trim_end()
}

/// Marks that steer the direction of a text or take no room.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}')
}

/// Of those, the ones that no language needs inside a text: embeddings, overrides, isolates, and blanks of no width.
fn is_deceptive(character: char) -> bool {
    is_invisible(character) && !matches!(character, '\u{61c}' | '\u{200c}'..='\u{200f}')
}

fn invisible_name(character: char) -> &'static str {
    match character {
        '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}' => "of no width",
        '\u{202e}' => "right-to-left override, a bidirectional control",
        _ => "a bidirectional control",
    }
}

fn is_quotation_mark(character: char) -> bool {
    matches!(character, '\u{201c}'..='\u{201f}' | '\u{2018}'..='\u{201b}' | '«' | '»')
}
