//! From the text of a file to its tree.
//!
//! A file is divided into its declarations, each of which is parsed alone; where one fails, the clause, step,
//! statement or field that holds the place is reported and blanked, and the declaration is tried again. So one mistake
//! hides no other, and an edit parses again only the declarations that it touches (`edit`).

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};

use super::ast::{Comment, File, Item};
use super::build::Builder;
use super::explain::{self, Failure};
use super::grammar::{Grammar, Parts, Rule};
use super::scan::{CommentPlace, Scan, comment_text};
use super::token::{self, Shape, Token};
use crate::diagnostic::{Code, Diagnostic, FileId, Sources, Span};
use crate::limits;

/// A file that is too large.
pub const TOO_LARGE: Code = Code("E0004");
/// Bytes that are not UTF-8.
pub const ENCODING: Code = Code("E0006");

/// A file as a tree, and what is wrong with its syntax.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What could be read.
    pub file: File,
    /// Errors of syntax; without any, `file` is complete.
    pub diagnostics: Vec<Diagnostic>,
    pub(super) source: Arc<str>,
    pub(super) pieces: Vec<Piece>,
    /// Trying again what could not be read ended before it was done.
    pub(super) is_cut_short: bool,
}

/// One declaration, as a rule: what stands from the first word of one to the first word of the next.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub range: Range<usize>,
    /// Up to where the file was looked at for it: further than `range` if it ends too soon, its end included.
    pub seen: usize,
    /// How many items were read of it.
    pub items: usize,
    /// What is wrong with it, without what the scanner found.
    pub diagnostics: Vec<Diagnostic>,
    /// Bytes that were read again.
    pub spent: usize,
}

/// Where the bytes of a file stop being UTF-8.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotUtf8 {
    /// The first wrong byte.
    pub offset: usize,
    /// The text with U+FFFD for what is wrong, so that the place can be shown.
    pub lossy: String,
    /// Where the first U+FFFD for it stands in `lossy`.
    pub place: Range<usize>,
}

impl NotUtf8 {
    /// As a finding in `file`, whose text is `lossy`.
    pub fn diagnostic(&self, file: FileId) -> Diagnostic {
        Diagnostic::new(ENCODING, Span::new(file, self.place.clone()), "the file is not UTF-8")
            .label(format!("byte {} is no part of a character", self.offset + 1))
            .help("save the file as UTF-8; an old Windows-1252 file can be converted by any editor")
    }
}

/// The text of a file from its bytes.
///
/// # Errors
/// If they are not UTF-8.
pub fn decode(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let lossy = String::from_utf8_lossy(error.as_bytes()).into_owned();
        NotUtf8 { offset, lossy, place: offset..offset + '\u{fffd}'.len_utf8() }
    })
}

/// Whether pest reads the text: what parsing costs at least. For benchmarks.
pub fn is_read(text: &str) -> bool {
    Grammar::parse(Rule::file, text).is_ok()
}

/// Parses the file `file` of `sources`.
pub fn parse(sources: &Sources, file: FileId) -> Parsed {
    let source = sources.file(file).text.clone();
    if source.len() > limits::FILE_BYTES {
        let mebibytes = limits::FILE_BYTES >> 20;
        let diagnostic =
            Diagnostic::new(TOO_LARGE, Span::new(file, 0..0), format!("the file is larger than {mebibytes} MiB"))
                .label(format!("{} bytes", source.len()))
                .help("divide it: all files of a folder are one program");
        let nothing = File { file, items: Vec::new(), comments: Vec::new() };
        let (pieces, is_cut_short) = (Vec::new(), true);
        return Parsed { file: nothing, diagnostics: vec![diagnostic], source, pieces, is_cut_short };
    }
    let scan = Scan::new(file, &source);
    let bounds = bounds(&scan);
    let mut parser = FileParser::new(file, &scan);
    let mut pieces = Vec::with_capacity(bounds.len());
    let mut index = 0;
    while index + 1 < bounds.len() {
        let (piece, next) = parser.next(&bounds, index);
        pieces.push(piece);
        index = next;
    }
    let is_cut_short = !parser.may_try_again();
    let items = parser.items;
    let (comments, diagnostics) = (comments(&scan), findings(&pieces, &scan));
    Parsed { file: File { file, items, comments }, diagnostics, source, pieces, is_cut_short }
}

/// Where the pieces of a file begin, and its end.
pub(super) fn bounds(scan: &Scan<'_>) -> Vec<usize> {
    let mut bounds = Vec::with_capacity(scan.starts.len() + 2);
    if scan.starts.first() != Some(&0) {
        bounds.push(0);
    }
    bounds.extend(&scan.starts);
    bounds.push(scan.source.len());
    bounds
}

pub(super) fn comments(scan: &Scan<'_>) -> Vec<Comment> {
    let comment = |place: &CommentPlace| Comment {
        span: Span::new(scan.file, place.range.clone()),
        is_doc: place.is_doc,
        text: comment_text(&scan.source[place.range.clone()]).into(),
    };
    scan.comments.iter().map(comment).collect()
}

/// Everything that is wrong, in order.
pub(super) fn findings(pieces: &[Piece], scan: &Scan<'_>) -> Vec<Diagnostic> {
    let of_pieces = pieces.iter().flat_map(|piece| &piece.diagnostics);
    let mut findings: Vec<Diagnostic> = of_pieces.chain(&scan.diagnostics).cloned().collect();
    findings.sort_by_key(|diagnostic| diagnostic.span.start);
    findings
}

/// Pieces that may be read as one where the first ends too soon, so that every layout of a declaration is possible.
const JOINED: usize = 4;

pub(super) struct FileParser<'s> {
    file: FileId,
    scan: &'s Scan<'s>,
    pub items: Vec<Item>,
    diagnostics: Vec<Diagnostic>,
    /// Bytes that were read again, and how many may be.
    pub spent: usize,
    budget: usize,
}

impl<'s> FileParser<'s> {
    pub fn new(file: FileId, scan: &'s Scan<'s>) -> FileParser<'s> {
        let budget = 4 * scan.source.len() + (1 << 20);
        FileParser { file, scan, items: Vec::new(), diagnostics: Vec::new(), spent: 0, budget }
    }

    /// Whether something may still be read again.
    pub fn may_try_again(&self) -> bool {
        self.spent < self.budget
    }

    /// Reads the piece that begins at `bounds[index]`; with where the next one begins.
    pub fn next(&mut self, bounds: &[usize], index: usize) -> (Piece, usize) {
        let (items, spent) = (self.items.len(), self.spent);
        let (next, seen) = self.piece(bounds, index);
        let piece = Piece {
            range: bounds[index]..bounds[next],
            seen,
            items: self.items.len() - items,
            diagnostics: std::mem::take(&mut self.diagnostics),
            spent: self.spent - spent,
        };
        (piece, next)
    }

    /// The index of its end, and up to where the file was looked at.
    fn piece(&mut self, bounds: &[usize], index: usize) -> (usize, usize) {
        let start = bounds[index];
        let alone = start..bounds[index + 1];
        if self.scan.is_too_deep(&alone) {
            let end = alone.end;
            self.skeleton(alone);
            return (index + 1, end);
        }
        let mut next = index + 1;
        let seen = loop {
            let text = &self.scan.source[start..bounds[next]];
            match Grammar::parse(Rule::file, text) {
                Ok(pairs) => {
                    self.build(pairs, start);
                    return (next, bounds[next]);
                }
                Err(error) => {
                    let rest = &text[failure(&error).0..];
                    let ends_too_soon = leading(rest) == rest.len();
                    if !ends_too_soon || next == index + JOINED {
                        break bounds[next];
                    }
                    if next + 1 == bounds.len() {
                        break bounds[next] + 1;
                    }
                    next += 1;
                }
            }
        };
        self.mistaken(alone);
        (index + 1, seen)
    }

    fn build(&mut self, mut pairs: pest::iterators::Pairs<'_, Rule>, base: usize) -> usize {
        let first = self.items.len();
        let mut builder = Builder::new(self.file, self.scan, base);
        let root = pairs.next().expect("a rule yields itself");
        let items = Parts::of(root).filter(|part| part.as_rule() == Rule::item);
        self.items.extend(items.map(|part| builder.item(part)));
        self.diagnostics.append(&mut builder.diagnostics);
        first
    }

    /// A piece that cannot be read as it stands.
    fn mistaken(&mut self, range: Range<usize>) {
        // A block that is not closed swallows the declarations behind it.
        let unclosed = self.scan.unclosed.partition_point(|&place| place < range.start);
        if let Some(&open) = self.scan.unclosed.get(unclosed).filter(|&&open| open < range.end) {
            let first = self.scan.possible_starts.partition_point(|&start| start <= open);
            let last = self.scan.possible_starts.partition_point(|&start| start < range.end);
            if first < last {
                let mut start = range.start;
                for &next in self.scan.possible_starts[first..last].iter().chain([&range.end]) {
                    self.declaration(start..next);
                    start = next;
                }
                return;
            }
        }
        self.declaration(range);
    }

    fn declaration(&mut self, range: Range<usize>) {
        let source: &str = &self.scan.source;
        let mut text = Cow::Borrowed(&source[range.clone()]);
        let mut blanked: Vec<Range<usize>> = Vec::new();
        let mut reached = 0;
        loop {
            let error = match Grammar::parse(Rule::file, &text) {
                Ok(pairs) => {
                    let first = self.build(pairs, range.start);
                    let places = blanked.iter().map(|part| range.start + part.start);
                    let places: Vec<usize> = places.chain(self.tainted_in(&range)).collect();
                    for item in &mut self.items[first..] {
                        item.broken = places.iter().any(|&place| item.span.range().contains(&place));
                    }
                    return;
                }
                Err(error) => error,
            };
            let (mut at, mut expected) = failure(&error);
            if let ErrorVariant::CustomError { .. } = error.variant {
                // pest's own guard of the stack, which the limit of brackets should never let it reach.
                let place = Span::new(self.file, range.start..range.start);
                self.diagnostics.push(Diagnostic::new(super::scan::DEEP, place, "nested too deep to be read"));
                break;
            }
            let tokens = token::tokens(&text, 0..text.len());
            let mut index = tokens.partition_point(|token| token.range.start < at);
            if let Some(line) = first_bad_line(&text, &tokens, at) {
                (at, expected, index) = line;
            } else if let (Some(token), Some(first)) = (tokens.get(index), tokens.first())
                && token.is_first
                && index > 0
                && token::begins_part(first.of(&text), token.of(&text))
                && !expects_new(&expected)
            {
                // The part before is not complete.
                index -= 1;
            }
            if at >= reached && !self.scan.is_tainted(&range, range.start + at) {
                let failure =
                    Failure { scan: self.scan, text: &text, range: &range, at, expected: &expected, tokens: &tokens };
                let diagnostic = explain::explain(self.file, &failure);
                let is_open_block = diagnostic.code == super::scan::BRACKET && at >= text.trim_end().len();
                self.diagnostics.push(diagnostic);
                let place = text.trim_end().len();
                if is_open_block && place > 0 {
                    // What the block holds can be read all the same.
                    let blank = text[place..].find([' ', '\n']).map(|offset| place + offset);
                    if let Some(blank) = blank.filter(|_| !self.is_in_comment(range.start + place - 1)) {
                        text.to_mut().replace_range(blank..blank + 1, "}");
                        blanked.push(place - 1..place);
                        reached = at;
                        continue;
                    }
                }
            }
            self.spent += text.len();
            let part = broken_part(&text, &tokens, index).filter(|_| self.may_try_again() && at >= reached);
            let Some(part) = part else { break };
            reached = part.end;
            let copy = text.to_mut();
            let blank: String = copy[part.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
            copy.replace_range(part.clone(), &blank);
            blanked.push(part);
        }
        self.skeleton(range);
    }

    fn is_in_comment(&self, at: usize) -> bool {
        let last = self.scan.comments.partition_point(|comment| comment.range.start <= at);
        last.checked_sub(1).is_some_and(|last| self.scan.comments[last].range.end > at)
    }

    fn tainted_in(&self, range: &Range<usize>) -> impl Iterator<Item = usize> {
        let first = self.scan.tainted.partition_point(|&place| place < range.start);
        let last = self.scan.tainted.partition_point(|&place| place < range.end);
        self.scan.tainted[first..last].iter().copied()
    }

    /// What is left of a declaration that cannot be read: its kind and name.
    fn skeleton(&mut self, range: Range<usize>) {
        let source: &str = &self.scan.source;
        let start = range.start + leading(&source[range.clone()]);
        if source[start..range.end].trim().is_empty() {
            return;
        }
        let mut builder = Builder::new(self.file, self.scan, start);
        let end = start + source[start..range.end].trim_end().len();
        if let Some(kind) = Grammar::parse(Rule::head, &source[start..end])
            .ok()
            .and_then(|mut pairs| builder.skeleton(pairs.next().expect("a rule yields itself")))
        {
            let span = Span::new(self.file, start..end);
            let doc = builder.doc(span);
            self.items.push(Item { doc, span, broken: true, kind });
        }
    }
}

/// Where parsing failed, and what could have stood there.
fn failure(error: &pest::error::Error<Rule>) -> (usize, Vec<Rule>) {
    let at = match error.location {
        InputLocation::Pos(at) => at,
        InputLocation::Span((start, _)) => start,
    };
    match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => {
            // Where a whole begins, pest names the whole.
            let part = |rule: &Rule| match rule {
                Rule::file => Rule::item,
                Rule::field_line => Rule::field,
                Rule::contact_line => Rule::contact_entry,
                rule => *rule,
            };
            (at, positives.iter().map(part).collect())
        }
        ErrorVariant::CustomError { .. } => (at, Vec::new()),
    }
}

/// The length of white space and comments at the start of `text`.
fn leading(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
        at += blank;
        if !text[at..].starts_with('#') {
            return at;
        }
        at += text[at..].find('\n').unwrap_or(text.len() - at);
    }
}

/// In a block of fields every two words are a field, so that a mistake is noticed lines later: the first line that
/// cannot be read alone is where it stands.
fn first_bad_line(text: &str, tokens: &[Token], at: usize) -> Option<(usize, Vec<Rule>, usize)> {
    let word = tokens.first()?.of(text);
    if !matches!(word, "patron" | "event" | "record" | "table" | "feed" | "contact" | "survey") {
        return None;
    }
    let open = tokens.iter().position(|token| token.of(text) == "{")?;
    let close = tokens.iter().rposition(|token| token.of(text) == "}").unwrap_or(tokens.len());
    let mut start = open + 1;
    while start < close && tokens[start].range.start <= at {
        let joins = |index: usize| {
            matches!(tokens[index - 1].of(text), "," | "of" | "(") || matches!(tokens[index].of(text), "," | ")" | "of")
        };
        let end = (start + 1..close).find(|&index| tokens[index].is_first && !joins(index)).unwrap_or(close);
        let line = tokens[start].range.start..tokens[end - 1].range.end;
        let rule = if word == "contact" { Rule::contact_line } else { Rule::field_line };
        if let Err(error) = Grammar::parse(rule, &text[line.clone()]) {
            let (offset, expected) = failure(&error);
            return Some((line.start + offset, expected, start));
        }
        start = end;
    }
    None
}

/// Whether one of these could have stood there: then what stands before is complete.
fn expects_new(expected: &[Rule]) -> bool {
    let parts = [Rule::clause, Rule::step, Rule::statement, Rule::library_clause, Rule::rbrace, Rule::item];
    expected.iter().any(|rule| parts.contains(rule))
}

/// The clause, step, statement or field that holds token `index`, if there is one that can be taken out.
fn broken_part(text: &str, tokens: &[Token], index: usize) -> Option<Range<usize>> {
    let kind = tokens.first()?.of(text);
    let place = |number: usize| tokens.get(number).map_or(text.len(), |token| token.range.start);
    let mut blocks: Vec<usize> = Vec::new();
    for (number, token) in tokens[..index].iter().enumerate() {
        match token.of(text) {
            "{" => blocks.push(number),
            "}" => {
                blocks.pop();
            }
            _ => {}
        }
    }
    for &open in blocks.iter().rev() {
        let (start, end) = part_of_block(text, tokens, kind, open, index);
        if let Some(start) = start
            && place(start) < place(end)
        {
            return Some(place(start)..place(end));
        }
    }
    // Behind a complete declaration, or before the first: up to the next line that begins with a word.
    let is_behind = index == 0 || tokens[..index].iter().any(|token| token.of(text) == "}");
    if !(blocks.is_empty() && is_behind) {
        return None;
    }
    let mut depth = 0_usize;
    let next = (index..tokens.len()).find(|&number| {
        match tokens[number].of(text) {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        number > index && depth == 0 && tokens[number].is_first && tokens[number].shape == Shape::Word
    });
    let end = next.map_or(text.len(), place);
    (place(index) < end).then_some(place(index)..end)
}

/// First token and end of the part that holds token `index` in the block that token `open` opens.
fn part_of_block(text: &str, tokens: &[Token], kind: &str, open: usize, index: usize) -> (Option<usize>, usize) {
    let mut depth = 0_usize;
    let mut start = None;
    let here = tokens.get(index).map_or("", |token| token.of(text));
    let is_unknown = kind != "segment" && !token::begins_part(kind, here);
    for (number, token) in tokens.iter().enumerate().skip(open + 1) {
        let word = token.of(text);
        let begins = token.is_first && token.shape == Shape::Word;
        // Behind an unknown word each line is a part, but for those that go on with an expression.
        let is_new = is_unknown && number > index && !token::RESERVED_WORDS.contains(&word);
        let is_here = number == index && kind != "segment";
        if depth == 0 && begins && (is_here || is_new || token::begins_part(kind, word)) {
            if number > index {
                return (start, number);
            }
            start = Some(number);
        }
        match token.of(text) {
            "{" | "(" => depth += 1,
            "}" if depth == 0 => return (start, number),
            "}" | ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    (start, tokens.len())
}
