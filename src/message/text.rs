//! The plain text of a body: paragraphs, lists, links as `text (URL)`, wrapped.
//!
//! The Markdown is read once; what remains for each reader is to put the values in and to wrap the lines.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::message::destination::Destination;
use crate::message::markdown::{Insert, Part, parts};

/// Columns of a line.
const WIDTH: usize = 72;

/// A plain text with holes.
pub(super) struct Text {
    steps: Vec<Step>,
}

/// What is done for each reader, in order.
enum Step {
    /// Into the paragraph at hand; `\n` is a hard break.
    Words(String),
    /// A value in running text: a link with its label.
    Running(usize),
    /// A value inside a link: of a link its label.
    Label(usize),
    /// A value in code: of a link its URL.
    Code(usize),
    /// Ends the paragraph at hand, if there is one.
    Paragraph,
    /// Whether no blank line stands before the next paragraph.
    Tight(bool),
    /// A list item or a quotation begins: what stands before its first line, and before the others.
    Begin(String, String),
    End,
    /// Text is kept as it is from here on, or no longer: a code block.
    Verbatim(bool),
    Link(Destination),
    EndLink,
}

impl Text {
    /// Of Markdown with marks below `count`.
    pub fn read<'e>(events: impl Iterator<Item = Event<'e>>, count: usize) -> Text {
        let mut reading = Reading { count, steps: Vec::new(), lists: Vec::new(), links: 0 };
        events.for_each(|event| reading.event(event));
        reading.steps.push(Step::Paragraph);
        Text { steps: reading.steps }
    }

    /// The text for a reader, which takes about `length` bytes.
    pub fn fill(&self, inserts: &[Insert], length: usize) -> String {
        let mut writer = Writer::new(length);
        for step in &self.steps {
            writer.step(step, inserts);
        }
        let mut text = writer.done;
        text.truncate(text.trim_end_matches('\n').len());
        let blank = text.len() - text.trim_start_matches('\n').len();
        text.drain(..blank);
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// Markdown on its way to steps.
struct Reading {
    count: usize,
    steps: Vec<Step>,
    /// The next number of each open list; `None` of one with points.
    lists: Vec<Option<u64>>,
    /// Links that are open.
    links: usize,
}

impl Reading {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                let hole = if self.links == 0 { Step::Running } else { Step::Label };
                self.text(&text, hole);
            }
            Event::Code(text) => self.text(&text, Step::Code),
            Event::SoftBreak => self.words(" "),
            Event::HardBreak => self.words("\n"),
            Event::Rule => {
                self.steps.push(Step::Paragraph);
                self.words(&"-".repeat(20));
                self.steps.push(Step::Paragraph);
            }
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, hole: fn(usize) -> Step) {
        for part in parts(text, self.count) {
            match part {
                Part::Text(text) => self.words(text),
                Part::Mark(number) => self.steps.push(hole(number)),
            }
        }
    }

    fn words(&mut self, text: &str) {
        match self.steps.last_mut() {
            Some(Step::Words(words)) => words.push_str(text),
            _ => self.steps.push(Step::Words(text.to_owned())),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::HtmlBlock => self.steps.push(Step::Paragraph),
            Tag::List(first) => {
                self.steps.push(Step::Paragraph);
                self.lists.push(first);
            }
            Tag::Item => {
                let marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
                let rest = " ".repeat(marker.len());
                self.steps.extend([Step::Paragraph, Step::Begin(marker, rest)]);
            }
            Tag::BlockQuote(_) => self.steps.extend([Step::Paragraph, Step::Begin("> ".into(), "> ".into())]),
            Tag::CodeBlock(_) => self.steps.extend([Step::Paragraph, Step::Verbatim(true)]),
            Tag::Link { dest_url, .. } => {
                self.links += 1;
                self.steps.push(Step::Link(Destination::read(&dest_url, self.count)));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::HtmlBlock => {
                self.steps.extend([Step::Paragraph, Step::Tight(false)]);
            }
            TagEnd::Item | TagEnd::BlockQuote(_) => self.steps.extend([Step::Paragraph, Step::End]),
            TagEnd::List(_) => {
                self.lists.pop();
                self.steps.push(Step::Tight(!self.lists.is_empty()));
            }
            TagEnd::CodeBlock => {
                self.steps.extend([Step::Paragraph, Step::Verbatim(false), Step::Tight(false)]);
            }
            TagEnd::Link => {
                self.links = self.links.saturating_sub(1);
                self.steps.push(Step::EndLink);
            }
            _ => {}
        }
    }
}

/// The text of one reader in the making.
struct Writer<'t> {
    done: String,
    /// The paragraph at hand, not yet wrapped.
    line: String,
    /// What begins the lines of each open list item or quotation.
    prefixes: Vec<Prefix<'t>>,
    /// URL and where the text of each open link begins in `line`.
    links: Vec<(Option<Cow<'t, str>>, usize)>,
    is_verbatim: bool,
    is_tight: bool,
}

struct Prefix<'t> {
    /// Of the next line: at first a list item's marker.
    next: &'t str,
    rest: &'t str,
    is_begun: bool,
}

impl<'t> Writer<'t> {
    fn new(length: usize) -> Writer<'t> {
        Writer {
            done: String::with_capacity(length + length / 4),
            line: String::with_capacity(256),
            prefixes: Vec::new(),
            links: Vec::new(),
            is_verbatim: false,
            is_tight: true,
        }
    }

    fn step(&mut self, step: &'t Step, inserts: &'t [Insert]) {
        match step {
            Step::Words(text) => self.line.push_str(text),
            Step::Running(number) => match &inserts[*number] {
                Insert::Text(text) => self.line.push_str(text),
                Insert::Link { url, label } => {
                    let at = self.line.len();
                    self.line.push_str(label);
                    self.end_link(at, url);
                }
            },
            Step::Label(number) => {
                let (Insert::Text(text) | Insert::Link { label: text, .. }) = &inserts[*number];
                self.line.push_str(text);
            }
            Step::Code(number) => self.line.push_str(match &inserts[*number] {
                Insert::Text(text) => text,
                Insert::Link { url, .. } => url,
            }),
            Step::Paragraph => self.paragraph(),
            Step::Tight(is_tight) => self.is_tight = *is_tight,
            Step::Begin(next, rest) => self.prefixes.push(Prefix { next, rest, is_begun: false }),
            Step::End => drop(self.prefixes.pop()),
            Step::Verbatim(is_verbatim) => self.is_verbatim = *is_verbatim,
            Step::Link(to) => self.links.push((to.fill(inserts), self.line.len())),
            Step::EndLink => {
                if let Some((Some(url), at)) = self.links.pop() {
                    self.end_link(at, &url);
                }
            }
        }
    }

    /// Tells where the link leads whose label begins at `at`, unless the label tells it.
    fn end_link(&mut self, at: usize, url: &str) {
        let label = &self.line[at..];
        let is_same = label == url || url.strip_prefix("mailto:").is_some_and(|address| address == label);
        if is_same || label.is_empty() {
            self.line.truncate(at);
            self.line.push_str(url);
        } else {
            self.line.push_str(" (");
            self.line.push_str(url);
            self.line.push(')');
        }
    }

    fn paragraph(&mut self) {
        let mut text = std::mem::take(&mut self.line);
        if !text.trim_start().is_empty() {
            if !self.done.is_empty() && !self.is_tight {
                let start = self.done.len();
                for prefix in self.prefixes.iter().take_while(|prefix| prefix.is_begun) {
                    self.done.push_str(prefix.rest);
                }
                self.end_line(start);
            }
            self.is_tight = true;
            for line in text.trim_end_matches('\n').split('\n') {
                self.wrap(line);
            }
        }
        text.clear();
        self.line = text;
    }

    fn wrap(&mut self, line: &str) {
        let (mut start, mut width) = self.begin_line();
        if self.is_verbatim {
            self.done.push_str(line);
            self.done.push('\n');
            return;
        }
        // The words of the line at hand, as they stand in `line`: blanks are bytes, which are no part of a character.
        let mut words: Range<usize> = 0..0;
        let (bytes, mut at) = (line.as_bytes(), 0);
        while at < bytes.len() {
            let (word, mut length) = (at, 0);
            while at < bytes.len() && bytes[at] != b' ' {
                length += usize::from(bytes[at] & 0xc0 != 0x80);
                at += 1;
            }
            if length > 0 && words.is_empty() {
                words = word..at;
                width += length;
            } else if length > 0 && width + length + 1 > WIDTH {
                self.done.push_str(&line[words]);
                self.done.push('\n');
                (start, width) = self.begin_line();
                words = word..at;
                width += length;
            } else if length > 0 {
                if word != words.end + 1 {
                    self.done.push_str(&line[words.clone()]);
                    self.done.push(' ');
                    words.start = word;
                }
                words.end = at;
                width += length + 1;
            }
            at += 1;
        }
        self.done.push_str(&line[words]);
        self.end_line(start);
    }

    /// Writes the beginning of the next line; a list item's marker stands on its first line only. Where the line
    /// begins, and its columns so far.
    fn begin_line(&mut self) -> (usize, usize) {
        let start = self.done.len();
        for prefix in &mut self.prefixes {
            self.done.push_str(prefix.next);
            prefix.next = prefix.rest;
            prefix.is_begun = true;
        }
        // Prefixes are ASCII.
        (start, self.done.len() - start)
    }

    /// Ends the line that began at `start`, without blanks at its end.
    fn end_line(&mut self, start: usize) {
        self.done.truncate(start + self.done[start..].trim_end().len());
        self.done.push('\n');
    }
}

#[cfg(test)]
pub(super) mod tests {
    use pulldown_cmark::{Options, Parser};

    use super::*;

    pub fn to_text(markdown: &str, inserts: &[Insert]) -> String {
        Text::read(Parser::new_ext(markdown, Options::empty()), inserts.len()).fill(inserts, 0)
    }

    #[test]
    fn text_has_paragraphs_lists_and_breaks() {
        let source = "# News\n\nOne **two**\nthree  \nfour\n\n- a\n- b\n  1. c\n  2. d\n\n> said\n\n    code  x\n\n---\n<https://l.example>";
        let expected = "News\n\nOne two three\nfour\n\n- a\n- b\n  1. c\n  2. d\n\n> said\n\ncode  x\n\n--------------------\nhttps://l.example\n";
        assert_eq!(to_text(source, &[]), expected);
    }

    #[test]
    fn text_is_wrapped_and_a_url_is_not_broken() {
        let url = format!("https://l.example/{}", "x".repeat(90));
        let source = format!("- {} <{url}>", "word ".repeat(20));
        let text = to_text(&source, &[]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH || line.trim() == url), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("  ")), "{text}");
    }
}
