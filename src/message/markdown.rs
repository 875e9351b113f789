//! A Markdown body to HTML and to plain text.
//!
//! The values of a reader are not in the Markdown: marks stand for them (two private-use characters around a number),
//! and each value is put in where its mark is found, escaped for that place. So no value can form markup. HTML that an
//! author wrote is printed as text.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

pub(super) const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// What a mark stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Insert {
    Text(String),
    /// A link: where it leads, and what is read where it stands in running text.
    Link {
        url: String,
        label: String,
    },
}

impl Insert {
    /// Bytes that it adds.
    pub fn len(&self) -> usize {
        match self {
            Insert::Text(text) => text.len(),
            Insert::Link { url, label } => url.len() + label.len(),
        }
    }
}

/// The mark of the insert with this number.
pub(super) fn mark(number: usize) -> String {
    format!("{OPEN}{number}{CLOSE}")
}

/// How links are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    Screen,
    /// Where a link leads stands behind it.
    Paper,
}

/// HTML of a body.
pub(super) fn to_html(markdown: &str, inserts: &[Insert], style: Style) -> String {
    let mut events = Vec::new();
    let mut links: Vec<Option<String>> = Vec::new();
    for event in Parser::new_ext(markdown, Options::empty()) {
        match event {
            Event::Text(text) => push_text(&mut events, &text, inserts, links.is_empty()),
            Event::Code(text) => events.push(Event::Code(plain(&text, inserts).into())),
            Event::Html(text) | Event::InlineHtml(text) => push_text(&mut events, &text, inserts, links.is_empty()),
            Event::Start(Tag::HtmlBlock) => events.push(Event::Start(Tag::Paragraph)),
            Event::End(TagEnd::HtmlBlock) => events.push(Event::End(TagEnd::Paragraph)),
            Event::Start(Tag::Link { dest_url, link_type, .. }) => {
                let url = destination(&dest_url, inserts);
                if let Some(url) = &url {
                    events.push(Event::Start(link_tag(url.clone())));
                }
                let is_told = link_type == LinkType::Autolink || link_type == LinkType::Email;
                links.push(url.map(|url| if is_told { String::new() } else { url }));
            }
            Event::End(TagEnd::Link) => {
                if let Some(Some(url)) = links.pop() {
                    events.push(Event::End(TagEnd::Link));
                    if style == Style::Paper && !url.is_empty() {
                        events.push(Event::Text(format!(" ({url})").into()));
                    }
                }
            }
            Event::Start(Tag::Image { dest_url, link_type, .. }) => {
                let url = destination(&dest_url, inserts).filter(|url| url.starts_with("http")).unwrap_or_default();
                let (title, id) = (CowStr::from(""), CowStr::from(""));
                events.push(Event::Start(Tag::Image { link_type, dest_url: url.into(), title, id }));
            }
            other => events.push(other),
        }
    }
    let mut written = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut written, events.into_iter());
    written
}

pub(super) fn link_tag(url: String) -> Tag<'static> {
    Tag::Link { link_type: LinkType::Inline, dest_url: url.into(), title: "".into(), id: "".into() }
}

/// Text with its marks filled in; a link that stands in running text becomes one.
fn push_text<'a>(events: &mut Vec<Event<'a>>, text: &str, inserts: &[Insert], may_link: bool) {
    for piece in pieces(text, inserts) {
        match piece {
            Piece::Text(text) => events.push(Event::Text(text.to_owned().into())),
            Piece::Insert(Insert::Link { url, label }) if may_link => {
                events.push(Event::Start(link_tag(url.clone())));
                events.push(Event::Text(label.clone().into()));
                events.push(Event::End(TagEnd::Link));
            }
            Piece::Insert(Insert::Link { label, .. }) => events.push(Event::Text(label.clone().into())),
            Piece::Insert(Insert::Text(text)) => events.push(Event::Text(text.clone().into())),
        }
    }
}

enum Piece<'t> {
    Text(&'t str),
    Insert(&'t Insert),
}

fn pieces<'t>(text: &'t str, inserts: &'t [Insert]) -> impl Iterator<Item = Piece<'t>> {
    parts(text, inserts.len()).map(|part| match part {
        Part::Text(text) => Piece::Text(text),
        Part::Mark(number) => Piece::Insert(&inserts[number]),
    })
}

/// A part of a text with marks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part<'t> {
    Text(&'t str),
    Mark(usize),
}

/// A text at its marks below `count`; whatever else looks like one loses its first character.
pub(super) fn parts(text: &str, count: usize) -> impl Iterator<Item = Part<'_>> {
    let (mut rest, mut marked) = (text, None);
    std::iter::from_fn(move || {
        if let Some(number) = marked.take() {
            return Some(Part::Mark(number));
        }
        while !rest.is_empty() {
            let Some(open) = rest.find(OPEN) else { return Some(Part::Text(std::mem::take(&mut rest))) };
            let (before, after) = (&rest[..open], &rest[open + OPEN.len_utf8()..]);
            let mark = after.find(CLOSE).and_then(|close| Some((close, after[..close].parse::<usize>().ok()?)));
            rest = after;
            if let Some((close, number)) = mark.filter(|(_, number)| *number < count) {
                rest = &after[close + CLOSE.len_utf8()..];
                marked = Some(number);
            }
            if !before.is_empty() {
                return Some(Part::Text(before));
            }
            if let Some(number) = marked.take() {
                return Some(Part::Mark(number));
            }
        }
        None
    })
}

/// Text without markup, its marks filled in.
fn plain(text: &str, inserts: &[Insert]) -> String {
    let mut filled = String::new();
    for piece in pieces(text, inserts) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Insert(Insert::Text(text) | Insert::Link { url: text, .. }) => filled.push_str(text),
        }
    }
    filled
}

/// Where a link leads: a mark at its beginning is a URL, one further on a part of one. `None` where the scheme is not
/// one that a message may have.
pub(super) fn destination(written: &str, inserts: &[Insert]) -> Option<String> {
    let mut url = String::new();
    for piece in pieces(written, inserts) {
        match piece {
            Piece::Text(text) => url.push_str(text),
            Piece::Insert(Insert::Link { url: link, .. }) => url.push_str(link),
            Piece::Insert(Insert::Text(text)) if url.is_empty() => url.push_str(text.trim()),
            Piece::Insert(Insert::Text(text)) => percent_encode(text, &mut url),
        }
    }
    let scheme = url.split([':', '/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let is_allowed =
        url[scheme.len()..].starts_with(':') && matches!(scheme.as_str(), "http" | "https" | "mailto" | "tel");
    (is_allowed && !url.chars().any(char::is_control)).then_some(url)
}

/// For a part of a path or a value of a query (RFC 3986: everything that is not unreserved).
pub(super) fn percent_encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => into.push(char::from(byte)),
            _ => into.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// Columns of the plain-text part.
const WIDTH: usize = 72;

/// Plain text of a body.
#[cfg(test)]
pub(super) fn to_text(markdown: &str, inserts: &[Insert]) -> String {
    text_of(&Parser::new_ext(markdown, Options::empty()).collect::<Vec<_>>(), inserts)
}

/// Plain text of a body that was read: paragraphs, lists, links as `text (URL)`, wrapped.
pub(super) fn text_of(events: &[Event<'_>], inserts: &[Insert]) -> String {
    let mut writer = Writer::new(inserts);
    for event in events {
        writer.event(event);
    }
    writer.paragraph();
    let text = writer.done.trim_matches('\n').to_owned();
    if text.is_empty() { text } else { text + "\n" }
}

struct Writer<'i> {
    inserts: &'i [Insert],
    done: String,
    /// The paragraph at hand, not yet wrapped; `\n` is a hard break.
    line: String,
    /// What begins the lines of each open list item or quotation.
    prefixes: Vec<Prefix>,
    /// The next number of each open list; `None` of one with points.
    lists: Vec<Option<u64>>,
    /// URL and where the text of each open link begins in `line`.
    links: Vec<(Option<String>, usize)>,
    /// Text is kept as it is: a code block.
    is_verbatim: bool,
    /// No blank line before the next paragraph.
    is_tight: bool,
}

struct Prefix {
    /// Of the next line: at first a list item's marker.
    next: String,
    rest: String,
    is_begun: bool,
}

impl<'i> Writer<'i> {
    fn new(inserts: &'i [Insert]) -> Writer<'i> {
        Writer {
            inserts,
            done: String::new(),
            line: String::new(),
            prefixes: Vec::new(),
            lists: Vec::new(),
            links: Vec::new(),
            is_verbatim: false,
            is_tight: true,
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(text),
            Event::Code(text) => self.line.push_str(&plain(text, self.inserts)),
            Event::SoftBreak => self.line.push(' '),
            Event::HardBreak => self.line.push('\n'),
            Event::Rule => {
                self.paragraph();
                self.line.push_str(&"-".repeat(20));
                self.paragraph();
            }
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(*tag),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        for piece in pieces(text, self.inserts) {
            match piece {
                Piece::Text(text) => self.line.push_str(text),
                Piece::Insert(Insert::Text(text)) => self.line.push_str(text),
                Piece::Insert(Insert::Link { url, label }) if self.links.is_empty() => {
                    self.line.push_str(&labelled(label, url));
                }
                Piece::Insert(Insert::Link { label, .. }) => self.line.push_str(label),
            }
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::HtmlBlock => self.paragraph(),
            Tag::List(first) => {
                self.paragraph();
                self.lists.push(*first);
            }
            Tag::Item => {
                self.paragraph();
                let marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
                let rest = " ".repeat(marker.len());
                self.prefixes.push(Prefix { next: marker, rest, is_begun: false });
            }
            Tag::BlockQuote(_) => {
                self.paragraph();
                self.prefixes.push(Prefix { next: "> ".into(), rest: "> ".into(), is_begun: false });
            }
            Tag::CodeBlock(_) => {
                self.paragraph();
                self.is_verbatim = true;
            }
            Tag::Link { dest_url, .. } => self.links.push((destination(dest_url, self.inserts), self.line.len())),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::HtmlBlock => {
                self.paragraph();
                self.is_tight = false;
            }
            TagEnd::Item | TagEnd::BlockQuote(_) => {
                self.paragraph();
                self.prefixes.pop();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.is_tight = !self.lists.is_empty();
            }
            TagEnd::CodeBlock => {
                self.paragraph();
                self.is_verbatim = false;
                self.is_tight = false;
            }
            TagEnd::Link => {
                if let Some((Some(url), at)) = self.links.pop() {
                    let label = self.line.split_off(at);
                    self.line.push_str(&labelled(&label, &url));
                }
            }
            _ => {}
        }
    }

    /// Ends the paragraph at hand, if there is one.
    fn paragraph(&mut self) {
        let text = std::mem::take(&mut self.line);
        if text.trim().is_empty() {
            return;
        }
        if !self.done.is_empty() && !self.is_tight {
            let begun = self.prefixes.iter().take_while(|prefix| prefix.is_begun);
            let prefix: String = begun.map(|prefix| prefix.rest.as_str()).collect();
            self.done.push_str(prefix.trim_end());
            self.done.push('\n');
        }
        self.is_tight = true;
        for line in text.trim_end_matches('\n').split('\n') {
            self.wrap(line);
        }
    }

    fn wrap(&mut self, line: &str) {
        let (mut start, mut width) = self.begin_line();
        if self.is_verbatim {
            self.done.push_str(line);
            self.done.push('\n');
            return;
        }
        let mut has_word = false;
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            let length = word.chars().count();
            if has_word && width + length + 1 > WIDTH {
                self.done.push('\n');
                (start, width) = self.begin_line();
                has_word = false;
            }
            if has_word {
                self.done.push(' ');
                width += 1;
            }
            self.done.push_str(word);
            width += length;
            has_word = true;
        }
        self.done.truncate(start + self.done[start..].trim_end().len());
        self.done.push('\n');
    }

    /// Writes the beginning of the next line; a list item's marker stands on its first line only. Where the line
    /// begins, and its columns so far.
    fn begin_line(&mut self) -> (usize, usize) {
        let start = self.done.len();
        for prefix in &mut self.prefixes {
            self.done.push_str(&prefix.next);
            prefix.next.clone_from(&prefix.rest);
            prefix.is_begun = true;
        }
        (start, self.done[start..].chars().count())
    }
}

/// A link in plain text.
fn labelled(label: &str, url: &str) -> String {
    let is_same = label == url || url.strip_prefix("mailto:").is_some_and(|address| address == label);
    if is_same || label.is_empty() { url.to_owned() } else { format!("{label} ({url})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inserts(values: &[&str]) -> Vec<Insert> {
        values.iter().map(|&value| Insert::Text(value.to_owned())).collect()
    }

    #[test]
    fn tpl_01_a_name_is_escaped_in_html_and_verbatim_in_text() {
        let name = inserts(&["<script>alert(1)</script> **x** [a](javascript:b)"]);
        let source = format!("Hello {}!", mark(0));
        assert_eq!(
            to_html(&source, &name, Style::Screen),
            "<p>Hello &lt;script&gt;alert(1)&lt;/script&gt; **x** [a](javascript:b)!</p>\n"
        );
        assert_eq!(to_text(&source, &name), "Hello <script>alert(1)</script> **x** [a](javascript:b)!\n");
    }

    #[test]
    fn a_value_forms_no_block_and_no_link() {
        let values = inserts(&["# 1. > - <b>", "javascript:alert(1)", "a&b=c d"]);
        let source = format!("{}\n\n[x]({}) [y](https://a.example/?q={})", mark(0), mark(1), mark(2));
        let html = to_html(&source, &values, Style::Screen);
        assert_eq!(
            html,
            "<p># 1. &gt; - &lt;b&gt;</p>\n<p>x <a href=\"https://a.example/?q=a%26b%3Dc%20d\">y</a></p>\n"
        );
    }

    #[test]
    fn authors_html_is_text() {
        let html = to_html("<div onclick=x>\nhi\n</div>\n\na <b>c</b>", &[], Style::Screen);
        assert!(html.contains("&lt;div onclick=x&gt;") && html.contains("&lt;b&gt;c&lt;/b&gt;"), "{html}");
    }

    #[test]
    fn links_stand_in_running_text_in_destinations_and_on_paper() {
        let link = [Insert::Link { url: "https://l.example/c/T".into(), label: "https://chess.example".into() }];
        let source = format!("See {0} or [chess]({0}).", mark(0));
        assert_eq!(
            to_html(&source, &link, Style::Screen),
            "<p>See <a href=\"https://l.example/c/T\">https://chess.example</a> or <a href=\"https://l.example/c/T\">chess</a>.</p>\n"
        );
        assert!(to_html(&source, &link, Style::Paper).contains("chess</a> (https://l.example/c/T)"));
        let text = to_text(&source, &link);
        assert_eq!(text, "See https://chess.example (https://l.example/c/T) or chess\n(https://l.example/c/T).\n");
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
