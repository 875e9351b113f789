//! Writes tokens and comments into lines.

use std::collections::HashSet;
use std::ops::Range;

use super::WIDTH;
use super::marks::{Marks, Part};
use crate::syntax::ast::Comment;
use crate::syntax::token::{Shape, Token};

pub(super) struct Layout<'t> {
    source: &'t str,
    tokens: &'t [Token],
    comments: &'t [Comment],
    marks: &'t Marks,
    /// For each `{` the token that closes it.
    partners: Vec<usize>,
    out: String,
    /// Comments written so far.
    written: usize,
}

/// A part of a block: its tokens, and what the tree says about it.
struct Entry {
    tokens: Range<usize>,
    part: Part,
    /// It begins a line.
    breaks: bool,
    /// Its head is aligned with its neighbours'.
    is_aligned: bool,
}

impl<'t> Layout<'t> {
    pub(super) fn new(source: &'t str, tokens: &'t [Token], comments: &'t [Comment], marks: &'t Marks) -> Layout<'t> {
        let mut partners = vec![tokens.len(); tokens.len()];
        let mut open = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            match token.of(source) {
                "{" => open.push(index),
                "}" => {
                    if let Some(start) = open.pop() {
                        partners[start] = index;
                    }
                }
                _ => {}
            }
        }
        Layout { source, tokens, comments, marks, partners, out: String::new(), written: 0 }
    }

    pub(super) fn file(mut self) -> String {
        let starts: Vec<usize> =
            (0..self.tokens.len()).filter(|&index| self.marks.items.contains(&self.offset(index))).collect();
        for (number, &start) in starts.iter().enumerate() {
            let end = starts.get(number + 1).copied().unwrap_or(self.tokens.len());
            self.comments_before(start, 0);
            self.run(start..end, 0, 2, None);
            self.trailing(end);
            self.newline();
        }
        self.comments_before(self.tokens.len(), 0);
        self.out
    }

    fn offset(&self, index: usize) -> u32 {
        self.tokens[index].range.start as u32
    }

    fn text(&self, index: usize) -> &'t str {
        self.tokens[index].of(self.source)
    }

    /// The source between token `index` and the one before it.
    fn gap(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.tokens[before].range.end);
        let end = self.tokens.get(index).map_or(self.source.len(), |token| token.range.start);
        start..end
    }

    fn is_broken_before(&self, index: usize) -> bool {
        self.source[self.gap(index)].contains('\n')
    }

    fn has_comment(&self, gap: &Range<usize>) -> bool {
        let first = self.comments.partition_point(|comment| (comment.span.start as usize) < gap.start);
        self.comments.get(first).is_some_and(|comment| (comment.span.start as usize) < gap.end)
    }

    // ---- comments ----

    /// A comment that stands behind the token before `index` on its line.
    fn trailing(&mut self, index: usize) {
        let gap = self.gap(index);
        let Some(comment) = self.comments.get(self.written) else { return };
        let range = comment.span.range();
        if range.start < gap.end
            && range.start >= gap.start
            && !self.source[gap.start..range.start].contains('\n')
            && index > 0
        {
            let text = self.source[range].trim_end();
            self.out.push_str("  ");
            self.out.push_str(text);
            self.written += 1;
        }
    }

    /// The comments before token `index` on lines of their own, and an empty line where the source has one.
    fn comments_before(&mut self, index: usize, indent: usize) {
        let gap = self.gap(index);
        let mut from = gap.start;
        while let Some(comment) = self.comments.get(self.written) {
            let range = comment.span.range();
            if range.start >= gap.end {
                break;
            }
            self.blank_line(from..range.start);
            self.indent(indent);
            self.out.push_str(self.source[range.clone()].trim_end());
            self.newline();
            from = range.end;
            self.written += 1;
        }
        // What trails the token before has been written.
        let written = self.written.checked_sub(1).map_or(0, |last| self.comments[last].span.end as usize);
        if index < self.tokens.len() {
            self.blank_line(from.max(written.min(gap.end))..gap.end);
        }
    }

    /// Keeps one empty line where `gap` holds some; none at the start of a file or block.
    fn blank_line(&mut self, gap: Range<usize>) {
        let is_wanted = self.source[gap].bytes().filter(|&byte| byte == b'\n').count() > 1;
        if is_wanted && !self.out.is_empty() && !self.out.ends_with("{\n") && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn newline(&mut self) {
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        if !self.out.ends_with('\n') && !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn column(&self) -> usize {
        let line = self.out.rfind('\n').map_or(0, |newline| newline + 1);
        self.out[line..].chars().count()
    }

    // ---- lines ----

    /// The tokens of one part, blocks included, from the start of a line that is not yet indented (`column` of
    /// `None`) or behind what stands there. Further lines are indented by `further` more than `indent`.
    fn run(&mut self, range: Range<usize>, indent: usize, further: usize, aligned: Option<(usize, usize)>) {
        if self.out.is_empty() || self.out.ends_with('\n') {
            self.indent(indent);
        }
        let start_column = self.column();
        let breaks = self.breaks(range.clone(), start_column, indent + further);
        let mut parens = 0_usize;
        let mut index = range.start;
        while index < range.end {
            let is_first = index == range.start;
            let gap = self.gap(index);
            if !is_first && (self.has_comment(&gap) || breaks.contains(&index)) {
                let depth = if self.text(index) == ")" { parens.saturating_sub(1) } else { parens };
                let indent = indent + further + 2 * depth;
                self.trailing(index);
                self.newline();
                self.comments_in(index, indent);
                self.indent(indent);
            } else if !is_first {
                let aligned = aligned.filter(|(head, _)| index == range.start + head);
                if let Some((_, column)) = aligned {
                    self.indent((start_column + column).saturating_sub(self.column()).max(1));
                } else if self.is_spaced(index) {
                    self.out.push(' ');
                }
            }
            match self.text(index) {
                "(" => parens += 1,
                ")" => parens = parens.saturating_sub(1),
                _ => {}
            }
            let close = self.partners[index];
            if close < range.end {
                self.block(index, close, indent);
                index = close + 1;
                continue;
            }
            self.out.push_str(self.text(index));
            index += 1;
        }
    }

    /// The comments before token `index` inside a part, without empty lines.
    fn comments_in(&mut self, index: usize, indent: usize) {
        let end = self.gap(index).end;
        while let Some(comment) = self.comments.get(self.written).filter(|comment| (comment.span.start as usize) < end)
        {
            self.indent(indent);
            self.out.push_str(self.source[comment.span.range()].trim_end());
            self.newline();
            self.written += 1;
        }
    }

    /// Before which `and` and `or` of a part a line begins: where the author broke it, and where it is too long.
    fn breaks(&self, range: Range<usize>, column: usize, further: usize) -> HashSet<usize> {
        // Up to the first block: what stands behind it begins with `}`.
        let mut connectors: Vec<(usize, usize)> = Vec::new();
        let mut index = range.start;
        while index < range.end {
            if self.partners[index] < range.end {
                index = self.partners[index];
            } else if let Some(&depth) = self.marks.connectors.get(&self.offset(index)) {
                connectors.push((index, depth));
            }
            index += 1;
        }
        let mut breaks: HashSet<usize> =
            connectors.iter().map(|&(index, _)| index).filter(|&index| self.is_broken_before(index)).collect();
        // The outermost of a line that is too long, until none is.
        loop {
            let mut bounds: Vec<usize> = breaks.iter().copied().chain([range.start, range.end]).collect();
            bounds.sort_unstable();
            let mut added = false;
            for line in bounds.windows(2) {
                let start = if line[0] == range.start { column } else { further };
                if start + self.width(line[0]..line[1]) <= WIDTH {
                    continue;
                }
                let inner = connectors.iter().filter(|&&(index, _)| index > line[0] && index < line[1]);
                let Some(depth) = inner.clone().map(|&(_, depth)| depth).min() else { continue };
                breaks.extend(inner.filter(|&&(_, inner)| inner == depth).map(|&(index, _)| index));
                added = true;
            }
            if !added {
                return breaks;
            }
        }
    }

    /// Columns of these tokens on one line, up to the first block.
    fn width(&self, range: Range<usize>) -> usize {
        let mut width = 0;
        for index in range.clone() {
            if index > range.start && self.is_spaced(index) {
                width += 1;
            }
            if self.partners[index] < self.tokens.len() {
                return width + 1;
            }
            width += self.text(index).lines().next().unwrap_or("").chars().count();
        }
        width
    }

    /// Whether a blank stands between token `index` and the one before it.
    fn is_spaced(&self, index: usize) -> bool {
        let (before, text) = (self.text(index - 1), self.text(index));
        if matches!(text, "," | ")" | "." | ":") || matches!(before, "(" | ".") {
            return false;
        }
        if text == "(" {
            return !self.marks.tight.contains(&self.offset(index));
        }
        let is_number = self.tokens[index].shape == Shape::Number;
        let is_sign = matches!(before, "-" | "+") && !self.marks.binary.contains(&self.offset(index - 1));
        !(is_number && is_sign)
    }

    // ---- blocks ----

    fn block(&mut self, open: usize, close: usize, indent: usize) {
        let is_empty = close == open + 1 && !self.has_comment(&self.gap(close));
        if is_empty {
            self.out.push_str("{}");
            return;
        }
        if let Some(line) = self.inline(open, close)
            && self.column() + line.chars().count() <= WIDTH
        {
            self.out.push_str(&line);
            return;
        }
        self.out.push('{');
        self.trailing(open + 1);
        self.newline();
        let mut entries = self.entries(open, close);
        let inner = indent + 2;
        self.group(&mut entries, inner);
        let align = self.alignment(&entries);
        for entry in entries {
            let start = entry.tokens.start;
            if entry.breaks {
                self.newline();
                self.comments_before(start, inner);
            } else {
                self.out.push_str("  ");
            }
            let further = if self.marks.bodies.contains(&self.offset(start)) { 0 } else { 2 };
            let aligned = entry.is_aligned.then_some((entry.part.head, align));
            let end = entry.tokens.end;
            self.run(entry.tokens, inner, further, aligned);
            self.trailing(end);
        }
        self.newline();
        self.comments_before(close, inner);
        // No empty line before the end.
        while self.out.ends_with("\n\n") {
            self.out.pop();
        }
        self.indent(indent);
        self.out.push('}');
    }

    /// The parts of a block; a comma ends the part before it.
    fn entries(&self, open: usize, close: usize) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut index = open + 1;
        while index < close {
            let part = self.marks.parts.get(&self.offset(index)).copied();
            match (part, entries.last_mut()) {
                (Some(part), _) => {
                    entries.push(Entry { tokens: index..index, part, breaks: true, is_aligned: false });
                }
                (None, None) => {
                    let part = Part { head: 0, shares_line: false };
                    entries.push(Entry { tokens: index..index, part, breaks: true, is_aligned: false });
                }
                _ => {}
            }
            index = if self.partners[index] < close { self.partners[index] + 1 } else { index + 1 };
            if let Some(last) = entries.last_mut() {
                last.tokens.end = index;
            }
        }
        entries
    }

    /// Decides which parts share a line: those that do in the source, as long as they fit.
    fn group(&self, entries: &mut [Entry], indent: usize) {
        let mut column = 0;
        for index in 0..entries.len() {
            let entry = &entries[index];
            let start = entry.tokens.start;
            let width = self.width(entry.tokens.clone());
            let shares = index > 0
                && entry.part.shares_line
                && entries[index - 1].part.shares_line
                && !self.is_broken_before(start)
                && column + 2 + width <= WIDTH;
            column = if shares { column + 2 + width } else { indent + width };
            entries[index].breaks = !shares;
        }
        for index in 0..entries.len() {
            let is_last_of_line = entries.get(index + 1).is_none_or(|next| next.breaks);
            let entry = &entries[index];
            entries[index].is_aligned = entry.part.head > 0 && entry.breaks && is_last_of_line;
        }
    }

    /// The column behind the widest head of the parts that are aligned.
    fn alignment(&self, entries: &[Entry]) -> usize {
        let heads = entries.iter().filter(|entry| entry.is_aligned);
        heads.map(|entry| self.width(entry.tokens.start..entry.tokens.start + entry.part.head) + 1).max().unwrap_or(0)
    }

    /// The block on one line, if the author has it so and nothing in it needs more.
    fn inline(&self, open: usize, close: usize) -> Option<String> {
        if self.marks.expanded.contains(&self.offset(open)) || self.is_broken_before(open + 1) {
            return None;
        }
        let mut line = String::from("{");
        for entry in self.entries(open, close) {
            line.push_str(if line.len() == 1 { " " } else { "  " });
            let mut index = entry.tokens.start;
            while index < entry.tokens.end {
                if self.has_comment(&self.gap(index)) {
                    return None;
                }
                if index > entry.tokens.start && self.is_spaced(index) {
                    line.push(' ');
                }
                let end = self.partners[index];
                if end < close {
                    line.push_str(&if end == index + 1 { "{}".to_owned() } else { self.inline(index, end)? });
                    index = end;
                } else {
                    let text = self.text(index);
                    if text.contains('\n') {
                        return None;
                    }
                    line.push_str(text);
                }
                index += 1;
            }
        }
        if self.has_comment(&self.gap(close)) {
            return None;
        }
        line.push_str(" }");
        Some(line)
    }
}
