//! Where a placeholder stands: running text, the destination of a link, a header, an SMS; and where none may stand.
//!
//! Rendering never pastes a value into Markdown or HTML: a body is read as Markdown with marks in place of the values,
//! and each value is escaped where its mark is found. Refused here is what no escaping makes right: HTML tags, scripts,
//! styles, and images, whose address would tell who looks at them.

use std::collections::HashMap;
use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic};
use crate::message::PartKind;
use crate::message::template::Scope;
use crate::syntax::ast::Text;

const DANGEROUS: Code = Code("E0711");
const RAW_HTML: Code = Code("W0702");

/// What kind of text a value becomes part of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// Running text of a Markdown body.
    Body,
    /// The beginning of a link's destination in a body: a URL.
    Destination,
    /// Further on in a destination: percent-encoded.
    DestinationPart,
    /// A subject or title: one line.
    Line,
    /// An SMS.
    Sms,
    /// The `link` of a published item: a URL, or a part of one.
    Address,
}

/// The place of each tag by its first byte, where it is not the part's usual one.
pub(super) struct Places {
    usual: Place,
    special: HashMap<usize, Place>,
}

impl Places {
    /// The place of the tag at `start`.
    pub fn of(&self, start: usize) -> Place {
        self.special.get(&start).copied().unwrap_or(self.usual)
    }
}

/// Reads the text between the tags.
pub(super) fn scan(text: &Text, tags: &[Range<usize>], scope: &Scope<'_>, findings: &mut Vec<Diagnostic>) -> Places {
    let usual = match scope.part {
        PartKind::Body => Place::Body,
        PartKind::Subject | PartKind::Title => Place::Line,
        PartKind::Text => Place::Sms,
        PartKind::Link => Place::Address,
    };
    let mut places = Places { usual, special: HashMap::new() };
    if usual != Place::Body {
        return places;
    }
    let mut scanner = Scanner { state: State::Text, brackets: Vec::new(), is_raw_told: false };
    let mut at = 0;
    for tag in tags {
        scanner.text(text, at..tag.start, findings);
        at = tag.end;
        // A comment prints nothing.
        if text.value[tag.clone()].starts_with("{{!") {
            continue;
        }
        match scanner.state {
            State::Text => {}
            State::Destination { is_image: false, is_start, .. } => {
                let place = if is_start { Place::Destination } else { Place::DestinationPart };
                places.special.insert(tag.start, place);
                if let State::Destination { is_start, .. } = &mut scanner.state {
                    // `{{#if}}` prints nothing itself.
                    *is_start = *is_start && text.value[tag.start + 2..].trim_start().starts_with(['#', '/', 'e']);
                }
            }
            State::Destination { .. } => findings.push(
                Diagnostic::new(DANGEROUS, text.place(tag.clone()), "no value may stand in the address of an image")
                    .note(
                        "Whoever opens the message would tell the image's server who they are; opens are not tracked.",
                    )
                    .help("use the same image for everybody"),
            ),
            State::Tag(_) => findings.push(
                Diagnostic::new(DANGEROUS, text.place(tag.clone()), "no value may stand in an HTML tag")
                    .note("Bodies are Markdown; HTML in them is printed as text.")
                    .help("write a link as `[text]({{link 'https://…'}})`, bold as `**text**`"),
            ),
            State::Code(name) => findings.push(
                Diagnostic::new(DANGEROUS, text.place(tag.clone()), format!("no value may stand inside `<{name}>`"))
                    .note("A value in a script or style could not be escaped so that it stays a value.")
                    .help("remove the script or style; a layout decides how a message looks"),
            ),
        }
    }
    scanner.text(text, at..text.value.len(), findings);
    places
}

#[derive(Clone, Copy)]
enum State {
    Text,
    /// Inside `<name …`.
    Tag(Option<&'static str>),
    /// Between `<script>` and `</script>`.
    Code(&'static str),
    Destination {
        is_image: bool,
        is_start: bool,
        depth: u32,
    },
}

struct Scanner {
    state: State,
    /// Open `[`: whether each belongs to an image.
    brackets: Vec<bool>,
    is_raw_told: bool,
}

impl Scanner {
    fn text(&mut self, text: &Text, range: Range<usize>, findings: &mut Vec<Diagnostic>) {
        let bytes = text.value.as_bytes();
        let mut at = range.start;
        while at < range.end {
            let byte = bytes[at];
            let mut step = 1;
            match &mut self.state {
                _ if byte == b'\\' => step = 2,
                State::Text => match byte {
                    b'<' => {
                        if let Some(name) = tag_name(&text.value[at..range.end]) {
                            self.state = State::Tag(name);
                            self.tell_raw(text, at, findings);
                        }
                    }
                    b'[' => self.brackets.push(at > 0 && bytes[at - 1] == b'!'),
                    b']' => {
                        let is_image = self.brackets.pop().unwrap_or(false);
                        if bytes.get(at + 1) == Some(&b'(') {
                            self.state = State::Destination { is_image, is_start: true, depth: 0 };
                            step = 2;
                        }
                    }
                    _ => {}
                },
                State::Destination { is_start, depth, .. } => match byte {
                    b')' if *depth == 0 => self.state = State::Text,
                    b')' => *depth -= 1,
                    b'(' => *depth += 1,
                    b'\n' if bytes.get(at + 1) == Some(&b'\n') => self.state = State::Text,
                    b'<' | b' ' => {}
                    _ => *is_start = false,
                },
                State::Tag(name) => {
                    if byte == b'>' {
                        self.state = name.map_or(State::Text, State::Code);
                    }
                }
                State::Code(name) => {
                    let end = format!("</{name}");
                    if text.value[at..range.end].get(..end.len()).is_some_and(|t| t.eq_ignore_ascii_case(&end)) {
                        self.state = State::Tag(None);
                    }
                }
            }
            at += step;
        }
    }

    fn tell_raw(&mut self, text: &Text, at: usize, findings: &mut Vec<Diagnostic>) {
        if std::mem::replace(&mut self.is_raw_told, true) {
            return;
        }
        let rest = &text.value[at..];
        let length = rest.find('>').map_or_else(|| rest.find('\n').unwrap_or(rest.len()), |end| end + 1);
        let length = length.min(rest.find("{{").unwrap_or(rest.len()));
        let finding = Diagnostic::new(RAW_HTML, text.place(at..at + length), "HTML in a body is printed as text")
            .note("Bodies are Markdown, so that the plain-text part can be made from the same source.")
            .help("write it in Markdown, or put it into a layout");
        findings.push(finding);
    }
}

/// Whether an HTML tag begins here, and if it is one of a script or style its name. `<https://…>` is no tag.
fn tag_name(rest: &str) -> Option<Option<&'static str>> {
    let inner = rest[1..].strip_prefix('/').unwrap_or(&rest[1..]);
    if inner.starts_with(['!', '?']) {
        return Some(None);
    }
    if !inner.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(inner.len());
    let ends = inner[length..].chars().next().is_none_or(|c| c.is_whitespace() || c == '/' || c == '>');
    let name = inner[..length].to_ascii_lowercase();
    let code = ["script", "style"].into_iter().find(|&code| code == name && !rest.starts_with("</"));
    ends.then_some(code)
}
