//! Where a link in Markdown leads.

use std::borrow::Cow;

use crate::message::markdown::{Insert, Part, parts};

/// A destination as it was written, with holes.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Hole(usize),
}

impl Destination {
    /// Of a destination with marks below `count`.
    pub fn read(written: &str, count: usize) -> Destination {
        let pieces = parts(written, count).map(|part| match part {
            Part::Text(text) => Piece::Text(text.to_owned()),
            Part::Mark(number) => Piece::Hole(number),
        });
        Destination { pieces: pieces.collect() }
    }

    /// The URL for a reader: a value at its beginning is a URL, one further on a part of one. `None` where the scheme
    /// is not one that a message may have.
    pub fn fill<'t>(&'t self, inserts: &'t [Insert]) -> Option<Cow<'t, str>> {
        let url = match &self.pieces[..] {
            [Piece::Text(text)] => Cow::Borrowed(text.as_str()),
            [Piece::Hole(number)] => Cow::Borrowed(match &inserts[*number] {
                Insert::Text(text) => text.trim(),
                Insert::Link { url, .. } => url,
            }),
            pieces => Cow::Owned(joined(pieces, inserts)),
        };
        is_allowed(&url).then_some(url)
    }
}

fn joined(pieces: &[Piece], inserts: &[Insert]) -> String {
    let mut url = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => url.push_str(text),
            Piece::Hole(number) => match &inserts[*number] {
                Insert::Link { url: link, .. } => url.push_str(link),
                Insert::Text(text) if url.is_empty() => url.push_str(text.trim()),
                Insert::Text(text) => percent_encode(text, &mut url),
            },
        }
    }
    url
}

fn is_allowed(url: &str) -> bool {
    let has_scheme = |scheme: &str| {
        let (start, colon) = (url.as_bytes().get(..scheme.len()), url.as_bytes().get(scheme.len()));
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes())) && colon == Some(&b':')
    };
    ["https", "http", "mailto", "tel"].into_iter().any(has_scheme) && !has_control(url)
}

/// Whether a text has a character that steers.
pub(super) fn has_control(text: &str) -> bool {
    // A character of ASCII is looked at as its byte: the others, which are few, one by one.
    if text.is_ascii() { text.bytes().any(|byte| byte.is_ascii_control()) } else { text.chars().any(char::is_control) }
}

/// For a part of a path or a value of a query (RFC 3986: everything that is not unreserved).
fn percent_encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => into.push(char::from(byte)),
            _ => into.push_str(&format!("%{byte:02X}")),
        }
    }
}
