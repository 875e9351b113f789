//! A Markdown body read once and filled for each reader.
//!
//! [`markdown::to_html`] says what a filled body is; here the same is made without reading the Markdown again: its
//! HTML stands ready with holes where the marks were. A test holds the two to each other. What is too unusual for
//! holes (a mark in the text of an image) is made by `to_html` itself.

use std::borrow::Cow;

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};
use pulldown_cmark_escape::{escape_href, escape_html_body_text};

use crate::message::destination::Destination;
use crate::message::markdown::{self, Insert, OPEN, Part, Style, parts};
use crate::message::text::Text;

/// Stand around the number of a hole in HTML under way.
const HOLE: char = '\u{e002}';
const END: char = '\u{e003}';

/// A body with marks.
pub(super) struct Body {
    source: String,
    style: Style,
    text: Text,
    html: Option<Vec<Piece>>,
    /// Bytes of the HTML without the values.
    length: usize,
}

enum Piece {
    Text(String),
    Hole(Hole),
}

/// What a reader's values fill.
#[derive(Clone)]
enum Hole {
    /// Running text: a link becomes one.
    Running(usize),
    /// Text inside a link: of a link its label.
    Label(usize),
    /// Code: of a link its URL.
    Plain(usize),
    /// The beginning of a link, whose destination has marks.
    Start(Destination),
    /// Its end; `true` where paper need not tell the destination.
    End(bool),
}

impl Body {
    /// Reads Markdown with marks below `count`.
    pub fn read(source: String, count: usize, style: Style) -> Body {
        let text = Text::read(Parser::new_ext(&source, Options::empty()), count);
        let html = Making { count, style, events: Vec::new(), holes: Vec::new(), links: Vec::new() }.html(&source);
        let length =
            html.iter().flatten().map(|piece| if let Piece::Text(text) = piece { text.len() } else { 0 }).sum();
        Body { source, style, text, html, length }
    }

    /// Bytes of the Markdown.
    pub fn len(&self) -> usize {
        self.source.len()
    }

    /// The plain text for a reader.
    pub fn text(&self, inserts: &[Insert]) -> String {
        self.text.fill(inserts, self.source.len() + inserts.iter().map(Insert::len).sum::<usize>())
    }

    /// The HTML for a reader.
    pub fn html(&self, inserts: &[Insert]) -> String {
        let Some(pieces) = &self.html else { return markdown::to_html(&self.source, inserts, self.style) };
        let length = self.length + inserts.iter().map(Insert::len).sum::<usize>();
        let mut written = String::with_capacity(length + length / 4);
        let mut open: Option<Cow<'_, str>> = None;
        for piece in pieces {
            let hole = match piece {
                Piece::Text(text) => {
                    written.push_str(text);
                    continue;
                }
                Piece::Hole(hole) => hole,
            };
            match hole {
                Hole::Running(number) => match &inserts[*number] {
                    Insert::Text(text) => escaped(text, &mut written),
                    Insert::Link { url, label } => {
                        start_link(url, &mut written);
                        escaped(label, &mut written);
                        written.push_str("</a>");
                    }
                },
                Hole::Label(number) => {
                    let (Insert::Text(text) | Insert::Link { label: text, .. }) = &inserts[*number];
                    escaped(text, &mut written);
                }
                Hole::Plain(number) => match &inserts[*number] {
                    Insert::Text(text) => escaped(text, &mut written),
                    Insert::Link { url, .. } => escaped(url, &mut written),
                },
                Hole::Start(to) => {
                    open = to.fill(inserts);
                    open.iter().for_each(|url| start_link(url, &mut written));
                }
                Hole::End(is_told) => {
                    if let Some(url) = open.take() {
                        written.push_str("</a>");
                        if self.style == Style::Paper && !is_told {
                            written.push_str(" (");
                            escaped(&url, &mut written);
                            written.push(')');
                        }
                    }
                }
            }
        }
        written
    }
}

fn escaped(text: &str, to: &mut String) {
    escape_html_body_text(to, text).expect("writing to a string cannot fail");
}

fn start_link(url: &str, to: &mut String) {
    to.push_str("<a href=\"");
    escape_href(&mut *to, url).expect("writing to a string cannot fail");
    to.push_str("\">");
}

/// A link that is open.
enum Open {
    /// Without destination: its text alone is printed.
    None,
    /// With what paper tells of it.
    Known(String),
    Hole(bool),
}

/// HTML with holes in the making.
struct Making<'s> {
    count: usize,
    style: Style,
    events: Vec<Event<'s>>,
    holes: Vec<Hole>,
    links: Vec<Open>,
}

impl<'s> Making<'s> {
    fn html(mut self, source: &'s str) -> Option<Vec<Piece>> {
        if source.contains([HOLE, END]) {
            return None;
        }
        let mut in_image = false;
        for event in Parser::new_ext(source, Options::empty()) {
            match event {
                Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text, in_image)?,
                Event::Code(text) if text.contains(OPEN) => self.code(&text, in_image)?,
                Event::Start(Tag::HtmlBlock) => self.events.push(Event::Start(Tag::Paragraph)),
                Event::End(TagEnd::HtmlBlock) => self.events.push(Event::End(TagEnd::Paragraph)),
                Event::Start(Tag::Link { dest_url, link_type, .. }) => {
                    let is_told = link_type == LinkType::Autolink || link_type == LinkType::Email;
                    self.start(&dest_url, is_told, in_image)?;
                }
                Event::End(TagEnd::Link) => self.end(),
                Event::Start(Tag::Image { dest_url, link_type, .. }) => {
                    if dest_url.contains(OPEN) {
                        return None;
                    }
                    in_image = true;
                    let url = fixed(&dest_url).filter(|url| url.starts_with("http")).unwrap_or_default();
                    let (title, id) = (CowStr::from(""), CowStr::from(""));
                    self.events.push(Event::Start(Tag::Image { link_type, dest_url: url.into(), title, id }));
                }
                Event::End(TagEnd::Image) => {
                    in_image = false;
                    self.events.push(Event::End(TagEnd::Image));
                }
                other => self.events.push(other),
            }
        }
        let mut written = String::with_capacity(source.len() * 3 / 2);
        html::push_html(&mut written, self.events.into_iter());
        Some(divided(&written, &self.holes))
    }

    fn hole(&mut self, hole: Hole) {
        self.events.push(Event::InlineHtml(format!("{HOLE}{}{END}", self.holes.len()).into()));
        self.holes.push(hole);
    }

    fn text(&mut self, text: &str, in_image: bool) -> Option<()> {
        for part in parts(text, self.count) {
            match part {
                Part::Text(text) => self.events.push(Event::Text(text.to_owned().into())),
                Part::Mark(_) if in_image => return None,
                Part::Mark(number) if self.links.is_empty() => self.hole(Hole::Running(number)),
                Part::Mark(number) => self.hole(Hole::Label(number)),
            }
        }
        Some(())
    }

    fn code(&mut self, text: &str, in_image: bool) -> Option<()> {
        if in_image {
            return None;
        }
        self.events.push(Event::InlineHtml("<code>".into()));
        for part in parts(text, self.count) {
            match part {
                Part::Text(text) => self.events.push(Event::Text(text.to_owned().into())),
                Part::Mark(number) => self.hole(Hole::Plain(number)),
            }
        }
        self.events.push(Event::InlineHtml("</code>".into()));
        Some(())
    }

    fn start(&mut self, to: &str, is_told: bool, in_image: bool) -> Option<()> {
        if to.contains(OPEN) {
            if in_image {
                return None;
            }
            self.hole(Hole::Start(Destination::read(to, self.count)));
            self.links.push(Open::Hole(is_told));
            return Some(());
        }
        let url = fixed(to);
        if let Some(url) = &url {
            self.events.push(Event::Start(markdown::link_tag(url.clone())));
        }
        self.links.push(url.map_or(Open::None, |url| Open::Known(if is_told { String::new() } else { url })));
        Some(())
    }

    fn end(&mut self) {
        match self.links.pop() {
            Some(Open::Known(url)) => {
                self.events.push(Event::End(TagEnd::Link));
                if self.style == Style::Paper && !url.is_empty() {
                    self.events.push(Event::Text(format!(" ({url})").into()));
                }
            }
            Some(Open::Hole(is_told)) => self.hole(Hole::End(is_told)),
            Some(Open::None) | None => {}
        }
    }
}

/// A destination without marks.
fn fixed(to: &str) -> Option<String> {
    Destination::read(to, 0).fill(&[]).map(Cow::into_owned)
}

/// HTML at its holes.
fn divided(html: &str, holes: &[Hole]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (index, part) in html.split(HOLE).enumerate() {
        let (number, text) = if index == 0 { ("", part) } else { part.split_once(END).unwrap_or(("", part)) };
        pieces.extend(number.parse().ok().and_then(|number: usize| holes.get(number).cloned()).map(Piece::Hole));
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::markdown::mark;

    /// Words, markup and marks in any order.
    fn source() -> impl Strategy<Value = String> {
        let marks = (0..4_usize).prop_map(mark);
        let words = proptest::sample::select(vec![
            "a",
            "b c",
            " ",
            "\n",
            "\n\n",
            "- ",
            "1. ",
            "> ",
            "# ",
            "**",
            "*",
            "`",
            "[",
            "](",
            ")",
            "![",
            "<",
            ">",
            "&",
            "\"",
            "https://l.example/",
            "mailto:",
            "javascript:",
            "<https://l.example/x>",
            "<div>",
            "\u{e000}",
            "    ",
            "?q=",
            "\\",
            "| a |\n",
            "---\n",
            "  \n",
            "\u{e002}",
        ]);
        let piece = prop_oneof![2 => marks.boxed(), 5 => words.prop_map(str::to_owned).boxed()];
        let link = (0..4_usize, 0..4_usize).prop_map(|(text, to)| format!("[x{}]({})", mark(text), mark(to)));
        prop::collection::vec(prop_oneof![6 => piece.boxed(), 1 => link.boxed()], 0..24)
            .prop_map(|parts| parts.concat())
    }

    fn insert() -> impl Strategy<Value = Insert> {
        let text = proptest::sample::select(vec![
            "Ana",
            "",
            "<b>",
            "a&b \"c\"",
            "**x**",
            "javascript:x",
            "https://v.example/é",
            "é è",
            "\u{e001}",
        ]);
        (text.clone(), text, any::<bool>()).prop_map(|(text, label, is_link)| match is_link {
            true => Insert::Link { url: format!("https://t.example/{text}").into(), label: label.to_owned() },
            false => Insert::Text(text.to_owned()),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_body_read_once_is_filled_like_one_that_is_read_each_time(
            source in source(),
            inserts in prop::collection::vec(insert(), 0..4),
            paper in any::<bool>(),
        ) {
            let style = if paper { Style::Paper } else { Style::Screen };
            let body = Body::read(source.clone(), inserts.len(), style);
            prop_assert_eq!(body.html(&inserts), markdown::to_html(&source, &inserts, style));
        }
    }
}
