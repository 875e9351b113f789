//! A Markdown body to HTML.
//!
//! The values of a reader are not in the Markdown: marks stand for them (two private-use characters around a number),
//! and each value is put in where its mark is found, escaped for that place. So no value can form markup. HTML that an
//! author wrote is printed as text.

use std::borrow::Cow;
use std::sync::Arc;

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

use crate::message::destination::Destination;

pub(super) const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// What a mark stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Insert {
    Text(String),
    /// A link: where it leads, and what is read where it stands in running text.
    Link {
        url: Arc<str>,
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
                events.push(Event::Start(link_tag(url.to_string())));
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

/// Where a link leads.
fn destination(written: &str, inserts: &[Insert]) -> Option<String> {
    Destination::read(written, inserts.len()).fill(inserts).map(Cow::into_owned)
}

/// Text without markup, its marks filled in.
fn plain(text: &str, inserts: &[Insert]) -> String {
    let mut filled = String::new();
    for piece in pieces(text, inserts) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Insert(Insert::Text(text)) => filled.push_str(text),
            Piece::Insert(Insert::Link { url, .. }) => filled.push_str(url),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::text::tests::to_text;

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
}
