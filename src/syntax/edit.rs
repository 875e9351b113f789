//! Parsing a file again after an edit: only the declarations that it touches.
//!
//! The scanner passes over the whole text, which costs little beside parsing it. Declarations in front of the edit
//! stay as they are, those behind it are moved. A piece that the scanner begins at the same place of the same text is
//! read as before, since the scanner begins each in the same state. So the result is that of [`parse`], the tree and
//! the findings.

use std::ops::Range;

use super::parse::{FileParser, Parsed, Piece, bounds, comments, findings, parse};
use super::scan::Scan;
use super::shift::{Distance, Shift};
use crate::diagnostic::Sources;
use crate::limits;

impl Parsed {
    /// Makes this the tree of what the file is now in `sources`, which may be anything. Returns how many declarations
    /// were parsed for it; what stands before the first counts as one.
    pub fn edit(&mut self, sources: &Sources) -> usize {
        let file = self.file.file;
        let source = sources.file(file).text.clone();
        if self.is_cut_short || source.len() > limits::FILE_BYTES {
            return self.parse_again(sources);
        }
        let scan = Scan::new(file, &source);
        let bounds = bounds(&scan);
        let distance = source.len() as i64 - self.source.len() as i64;
        let (front, mut back) = self.kept(&source, &bounds, distance);

        let mut parser = FileParser::new(file, &scan);
        parser.spent = self.pieces[..front].iter().map(|piece| piece.spent).sum();
        let mut made = Vec::new();
        let mut index = position(&bounds, end_of(&self.pieces[..front])).expect("what is kept ends at a bound");
        while bounds[index] < moved(&self.pieces, back, distance).unwrap_or(scan.source.len()) {
            let (piece, next) = parser.next(&bounds, index);
            made.push(piece);
            index = next;
            // One that ends too soon may have taken what stands behind it.
            while moved(&self.pieces, back, distance).is_some_and(|start| start < bounds[index]) {
                back += 1;
            }
        }
        parser.spent += self.pieces[back..].iter().map(|piece| piece.spent).sum::<usize>();
        if !parser.may_try_again() {
            return self.parse_again(sources);
        }

        let count = |pieces: &[Piece]| pieces.iter().map(|piece| piece.items).sum::<usize>();
        let mut behind = self.file.items.split_off(self.file.items.len() - count(&self.pieces[back..]));
        self.file.items.truncate(count(&self.pieces[..front]));
        behind.shift(Distance(distance));
        if let Some(first) = behind.first_mut() {
            first.doc = scan.doc_above(first.span.start as usize);
        }
        self.file.items.append(&mut parser.items);
        self.file.items.append(&mut behind);

        let mut pieces_behind = self.pieces.split_off(back);
        self.pieces.truncate(front);
        pieces_behind.shift(Distance(distance));
        let parsed = made.len();
        self.pieces.append(&mut made);
        self.pieces.append(&mut pieces_behind);
        self.file.comments = comments(&scan);
        self.diagnostics = findings(&self.pieces, &scan);
        self.source = source;
        parsed
    }

    fn parse_again(&mut self, sources: &Sources) -> usize {
        *self = parse(sources, self.file.file);
        self.pieces.len()
    }

    /// How many pieces in front stay, and the index of the first one behind that does.
    fn kept(&self, source: &str, bounds: &[usize], distance: i64) -> (usize, usize) {
        let (old, new) = (self.source.as_bytes(), source.as_bytes());
        let same_front = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let same_back = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        let stays = |piece: &&Piece| piece.seen <= same_front && position(bounds, piece.range.end).is_some();
        let front = self.pieces.iter().take_while(stays).count();
        let end = end_of(&self.pieces[..front]);
        let mut back = self.pieces.len();
        // The first piece of a file may begin with anything.
        while back > front.max(1) {
            let start = self.pieces[back - 1].range.start;
            let is_same = start >= old.len() - same_back;
            let is_piece = |start: usize| start >= end && position(bounds, start).is_some();
            if !is_same || !moved(&self.pieces, back - 1, distance).is_some_and(is_piece) {
                break;
            }
            back -= 1;
        }
        (front, back)
    }
}

/// Where the piece with this index begins now.
fn moved(pieces: &[Piece], index: usize, distance: i64) -> Option<usize> {
    usize::try_from(pieces.get(index)?.range.start as i64 + distance).ok()
}

fn end_of(pieces: &[Piece]) -> usize {
    pieces.last().map_or(0, |piece| piece.range.end)
}

fn position(bounds: &[usize], at: usize) -> Option<usize> {
    bounds.binary_search(&at).ok()
}

impl Shift for Piece {
    fn shift(&mut self, by: Distance) {
        let Piece { range: Range { start, end }, seen, items: _, diagnostics, spent: _ } = self;
        for at in [start, end, seen] {
            at.shift(by);
        }
        diagnostics.shift(by);
    }
}
