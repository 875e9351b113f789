//! Source texts and places in them.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::symbol::Symbol;

/// One file of a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FileId(pub u32);

/// A range of bytes of one file; the end is exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span of `range` in `file`.
    pub fn new(file: FileId, range: Range<usize>) -> Span {
        let narrow = |n| u32::try_from(n).expect("limits::FILE_BYTES keeps offsets below 2^32");
        Span { file, start: narrow(range.start), end: narrow(range.end) }
    }

    /// From the start of `self` to the end of `other`, which lies in the same file.
    pub fn to(self, other: Span) -> Span {
        debug_assert_eq!(self.file, other.file);
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The bytes.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A line and column, both from 1; columns count Unicode characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A text with its name and the starts of its lines.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// As the user wrote the path.
    pub path: PathBuf,
    /// The content.
    pub text: Arc<str>,
    line_starts: Arc<[u32]>,
}

impl SourceFile {
    /// The position of byte `offset`.
    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|&start| start as usize <= offset) - 1;
        let start = self.line_starts[line] as usize;
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        Position { line: line + 1, column: self.text[start..end].chars().count() + 1 }
    }

    /// The text of a line (from 1) without its end; empty where there is no such line.
    pub fn line(&self, number: usize) -> &str {
        let Some(&start) = number.checked_sub(1).and_then(|index| self.line_starts.get(index)) else { return "" };
        let end = self.line_starts.get(number).map_or(self.text.len(), |&next| next as usize);
        self.text[start as usize..end].trim_end_matches(['\r', '\n'])
    }
}

/// All files of a program, and the template files that its messages name.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    /// Campaigns that got another name after the texts were written, and that name; the earlier first.
    renamed: Vec<(Symbol, Symbol)>,
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> FileId {
        let text = text.into();
        let starts = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at as u32 + 1);
        let line_starts = std::iter::once(0).chain(starts).collect();
        self.files.push(SourceFile { path: path.into(), text, line_starts });
        FileId(self.files.len() as u32 - 1)
    }

    /// The file with this id.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The file with this id, if there is one: a program without any file has findings too.
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// The text of a file.
    pub fn text(&self, id: FileId) -> &str {
        &self.file(id).text
    }

    /// The text of a span.
    pub fn snippet(&self, span: Span) -> &str {
        &self.text(span.file)[span.range()]
    }

    /// The path of a file.
    pub fn path(&self, id: FileId) -> &Path {
        &self.file(id).path
    }

    /// The campaign that these texts call `before` is called `after` now.
    pub fn rename_campaign(&mut self, before: Symbol, after: Symbol) {
        self.renamed.push((before, after));
    }

    /// What a campaign is called now that the texts call so.
    pub fn present_name(&self, written: Symbol) -> Symbol {
        self.renamed.iter().fold(written, |name, &(before, after)| if name == before { after } else { name })
    }

    /// What the texts call a campaign that is called so now.
    pub fn written_name(&self, present: Symbol) -> Symbol {
        self.renamed.iter().rev().fold(present, |name, &(before, after)| if name == after { before } else { name })
    }

    /// All files in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(at, file)| (FileId(at as u32), file))
    }
}
