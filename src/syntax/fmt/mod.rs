//! The formatter: one layout for all campaign files.
//!
//! It writes the tokens of the file anew and takes from the tree where lines begin, so that nothing can be lost:
//! every token and comment of the source stands in the output once and in the same order. A line break of the author
//! is kept where taste decides (behind `{`, before `and` and `or`, between fields), and added where a line would be
//! longer than [`WIDTH`].

mod layout;
mod marks;

use super::ast::File;
use super::token::{self, Token};
use crate::diagnostic::Sources;
use layout::Layout;
use marks::{Marker, Marks};

/// Columns of a line.
pub const WIDTH: usize = 100;

/// The text of a parsed file in the one layout. Only for a file without syntax errors.
pub fn format(sources: &Sources, file: &File) -> String {
    let source = sources.text(file.file);
    let tokens = tokens(source);
    let mut marker = Marker { tokens: &tokens, text: source, marks: Marks::default() };
    for item in &file.items {
        marker.item(item);
    }
    let marks = marker.marks;
    let text = Layout::new(source, &tokens, &file.comments, &marks).file();
    if source.contains("\r\n") { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text }
}

/// The tokens, with `<address>` as one.
fn tokens(source: &str) -> Vec<Token> {
    let mut joined: Vec<Token> = Vec::new();
    let mut rest = token::tokens(source, 0..source.len()).into_iter().peekable();
    while let Some(mut token) = rest.next() {
        if token.of(source) == "<" {
            let behind = &source[token.range.end..];
            let length = behind.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '{'));
            let address = length.filter(|&length| behind[length..].starts_with('>') && behind[..length].contains('@'));
            if let Some(length) = address {
                token.range.end += length + 1;
                while rest.next_if(|next| next.range.start < token.range.end).is_some() {}
            }
        }
        joined.push(token);
    }
    joined
}
