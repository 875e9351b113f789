//! One pass over the bytes of a file before it is parsed: comments, brackets, and the places where a declaration
//! begins.
//!
//! It knows texts, text blocks and comments, so that nothing inside them is taken for anything else.

use std::ops::Range;
use std::sync::Arc;

/// A comment of the file.
#[derive(Clone, Debug)]
pub(super) struct CommentPlace {
    /// From `#` to the end of the line, without the line end.
    pub range: Range<usize>,
    pub is_doc: bool,
}

/// What the scanner found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub comments: Vec<CommentPlace>,
}

impl Scan {
    pub fn new(source: &str) -> Scan {
        let bytes = source.as_bytes();
        let mut scan = Scan::default();
        let mut at = 0;
        let mut after_matches = false;
        while at < bytes.len() {
            match bytes[at] {
                b'#' => {
                    let end = line_end(bytes, at);
                    let is_doc = bytes.get(at + 1) == Some(&b'#');
                    scan.comments.push(CommentPlace { range: at..end, is_doc });
                    at = end;
                }
                b'"' => {
                    at = text_end(bytes, at, after_matches);
                    after_matches = false;
                }
                byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                    let start = at;
                    while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                        at += 1;
                    }
                    after_matches = &bytes[start..at] == b"matches";
                }
                byte => {
                    after_matches &= byte.is_ascii_whitespace();
                    at += 1;
                }
            }
        }
        scan
    }

    /// The `##` comments that stand alone on the lines directly above the line on which `at` is the first token.
    pub fn doc_above(&self, source: &str, at: usize) -> Option<Arc<str>> {
        let last = self.comments.partition_point(|comment| comment.range.start < at);
        let mut below = at;
        let mut lines = Vec::new();
        for comment in self.comments[..last].iter().rev() {
            let gap = &source[comment.range.end..below];
            let is_directly_above = gap.bytes().filter(|&byte| byte == b'\n').count() == 1 && gap.trim().is_empty();
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
}

/// The text of a comment after its `#` or `##` and one blank.
pub(super) fn comment_text(comment: &str) -> &str {
    let text = comment.strip_prefix("##").unwrap_or(&comment[1..]);
    text.strip_prefix(' ').unwrap_or(text).trim_end()
}

/// The end of the line that holds `at`, without `\r\n` or `\n`.
fn line_end(bytes: &[u8], at: usize) -> usize {
    let end = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| at + length);
    if end > at && bytes[end - 1] == b'\r' { end - 1 } else { end }
}

/// One past the text or text block that begins at `at`; an open text ends with its line, an open block with the file.
fn text_end(bytes: &[u8], at: usize, raw: bool) -> usize {
    if bytes[at..].starts_with(b"\"\"\"") {
        let inside = &bytes[at + 3..];
        return inside.windows(3).position(|three| three == b"\"\"\"").map_or(bytes.len(), |length| at + length + 6);
    }
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'"' => return end + 1,
            b'\n' => return end,
            b'\\' if !raw && bytes.get(end + 1).is_some_and(|&byte| byte != b'\n') => end += 2,
            _ => end += 1,
        }
    }
    bytes.len()
}
