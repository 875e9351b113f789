//! A text of which everything stands but some values.
//!
//! Handlebars renders a template once for each form that it can take (which conditions are true, how many rows there
//! are), with marks in place of the values; the text at its marks is then filled for each reader.

use crate::message::markdown::{Part, mark, parts};

/// A text with numbered holes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Skeleton {
    pieces: Vec<Piece>,
    length: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(String),
    Hole(usize),
}

/// What stands for the hole with this number.
pub(super) fn hole(number: usize) -> String {
    mark(number)
}

impl Skeleton {
    /// Of a text with holes below `count`.
    pub fn of(text: &str, count: usize) -> Skeleton {
        let pieces = parts(text, count).map(|part| match part {
            Part::Text(text) => Piece::Text(text.to_owned()),
            Part::Mark(number) => Piece::Hole(number),
        });
        Skeleton { pieces: pieces.collect(), length: text.len() }
    }

    /// The text with its holes filled, which takes about `length` bytes more.
    pub fn fill(&self, length: usize, mut value: impl FnMut(usize, &mut String)) -> String {
        let mut filled = String::with_capacity(self.length + length + length / 8);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Hole(number) => value(*number, &mut filled),
            }
        }
        filled
    }
}
