//! Handlebars text to a tree with places: what the author wrote, before any name is resolved.
//!
//! Handlebars' own parser knows no spans and accepts much that a message must not do, so the tags are read here; the
//! text around them, blanks and line ends included, stays Handlebars' business (it renders the prepared text).
//! Invariant: the prepared text has the same tags in the same order, each holding only its number.

use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic};
use crate::limits;
use crate::syntax::ast::Text;

const UNCLOSED: Code = Code("E0701");
const UNBALANCED: Code = Code("E0702");
const RAW: Code = Code("E0706");
const PARTIAL: Code = Code("E0707");
const MALFORMED: Code = Code("E0708");
const TOO_DEEP: Code = Code("E0712");

/// A template read.
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    /// Every tag, braces included, in order.
    pub tags: Vec<Range<usize>>,
    /// What Handlebars renders: `{{s1}}`, `{{#if c2}}`, `{{#each e3}}`.
    pub prepared: String,
}

/// What stands in a template besides text.
pub(super) enum Node {
    /// `{{expression}}`.
    Print {
        number: u32,
        tag: Range<usize>,
        expression: Expression,
    },
    Block(Block),
}

/// `{{#helper arguments}} … {{else}} … {{/helper}}`.
pub(super) struct Block {
    /// `#if`, without the braces.
    pub open: Range<usize>,
    pub branches: Vec<Branch>,
    pub otherwise: Vec<Node>,
    has_else: bool,
}

/// The first part of a block, or an `{{else if …}}`.
pub(super) struct Branch {
    pub number: u32,
    pub helper: Word,
    pub arguments: Vec<Expression>,
    pub body: Vec<Node>,
}

/// A word where it stands.
#[derive(Clone)]
pub(super) struct Word {
    pub text: String,
    pub range: Range<usize>,
}

/// A value in a tag.
pub(super) struct Expression {
    pub kind: ExpressionKind,
    pub range: Range<usize>,
}

pub(super) enum ExpressionKind {
    Path(Path),
    Text(String),
    Number(i64),
    Bool(bool),
    Call { helper: Word, arguments: Vec<Expression> },
}

/// `../branch_info.hours`, `@first`, `this`.
pub(super) struct Path {
    /// How many `../`.
    pub up: usize,
    /// Written with `@`.
    pub is_data: bool,
    /// Empty for `this`.
    pub words: Vec<Word>,
}

/// Reads `text`. The tree is missing where the tags do not fit together.
pub(super) fn parse(text: &Text) -> (Option<Tree>, Vec<Diagnostic>) {
    let mut parser = Parser {
        source: text,
        text: &text.value,
        number: 0,
        edits: Vec::new(),
        tags: Vec::new(),
        open: Vec::new(),
        top: Vec::new(),
        is_broken: false,
        diagnostics: Vec::new(),
    };
    parser.run();
    let prepared = parser.prepared();
    let tree = (!parser.is_broken).then_some(Tree { nodes: parser.top, tags: parser.tags, prepared });
    (tree, parser.diagnostics)
}

struct Parser<'t> {
    source: &'t Text,
    text: &'t str,
    number: u32,
    /// Replacements that make the prepared text, ascending.
    edits: Vec<(Range<usize>, String)>,
    tags: Vec<Range<usize>>,
    open: Vec<Block>,
    top: Vec<Node>,
    is_broken: bool,
    diagnostics: Vec<Diagnostic>,
}

impl Parser<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while let Some(found) = self.text[at..].find("{{") {
            let start = at + found;
            let backslashes = self.text[at..start].bytes().rev().take_while(|&byte| byte == b'\\').count();
            if backslashes == 1 {
                // `\{{` prints the braces.
                at = start + 2;
                continue;
            }
            match self.tag(start) {
                Some(end) => {
                    self.tags.push(start..end);
                    at = end;
                }
                None => {
                    self.is_broken = true;
                    return;
                }
            }
        }
        for block in std::mem::take(&mut self.open) {
            let name = &block.branches[0].helper.text;
            let text = format!("this `{{{{#{name}}}}}` has no end");
            let finding = Diagnostic::new(UNBALANCED, self.source.place(block.open), text)
                .label("begins here")
                .help(format!("write `{{{{/{name}}}}}` where it ends"));
            self.diagnostics.push(finding);
            self.is_broken = true;
        }
    }

    /// Reads the tag at `start` and returns its end.
    fn tag(&mut self, start: usize) -> Option<usize> {
        let rest = &self.text[start..];
        if rest.starts_with("{{!--") {
            return self.close(start, rest.find("--}}").map(|at| at + 4), "--}}");
        }
        if rest.starts_with("{{!") {
            return self.close(start, rest.find("}}").map(|at| at + 2), "}}");
        }
        if rest.starts_with("{{{{") {
            let end = self.close(start, rest.find("}}}}").map(|at| at + 4), "}}}}")?;
            self.error(RAW, start..end, "a raw block prints its text as it stands", |d| {
                d.note("Values are always escaped for the place where they stand; there is no raw form.")
                    .help("write the braces as `\\{{` where you mean them as text")
            });
            self.is_broken = true;
            return None;
        }
        let content = start + if rest.starts_with("{{{") { 3 } else { 2 };
        let inner_end = self.find_end(start, content)?;
        let mut end = inner_end + 2;
        if content == start + 3 && self.text[end..].starts_with('}') {
            end += 1;
        }
        let mut inner = trim(self.text, content..inner_end);
        if self.text[inner.clone()].starts_with('~') {
            inner = trim(self.text, inner.start + 1..inner.end);
        }
        if self.text[inner.clone()].ends_with('~') {
            inner = trim(self.text, inner.start..inner.end - 1);
        }
        let written = &self.text[inner.clone()];
        if content == start + 3 || written.starts_with(['&', '{']) {
            self.raw(start..end, inner.clone());
            return Some(end);
        }
        match written.as_bytes().first() {
            None => self.error(MALFORMED, start..end, "there is nothing between the braces", |d| {
                d.help("name a value, such as `{{branch}}`")
            }),
            Some(b'>' | b'*') => self.partial(start..end),
            Some(b'#') => self.begin(start..end, inner)?,
            Some(b'/') => self.end(inner)?,
            Some(b'^') if written.len() == 1 => self.otherwise(inner)?,
            Some(b'^') => self.error(UNBALANCED, inner, "an inverted section is written with `unless`", |d| {
                d.help("write `{{#unless VALUE}} … {{/unless}}`")
            }),
            _ if written == "else" => self.otherwise(inner)?,
            _ if written.strip_prefix("else").is_some_and(|rest| rest.starts_with(char::is_whitespace)) => {
                self.chain(inner)?
            }
            _ => self.print(start..end, inner),
        }
        Some(end)
    }

    /// The end of a comment or raw block, relative to `start`.
    fn close(&mut self, start: usize, length: Option<usize>, with: &str) -> Option<usize> {
        if length.is_none() {
            self.unclosed(start, with);
        }
        length.map(|length| start + length)
    }

    /// Where `}}` stands. Quoted texts may hold braces.
    fn find_end(&mut self, start: usize, from: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut quote: Option<(u8, usize)> = None;
        let mut at = from;
        while at < bytes.len() {
            match quote {
                Some(_) if bytes[at] == b'\\' => at += 1,
                Some((open, _)) if bytes[at] == open => quote = None,
                Some(_) => {}
                None if matches!(bytes[at], b'\'' | b'"') => quote = Some((bytes[at], at)),
                None if bytes[at..].starts_with(b"}}") => return Some(at),
                None if bytes[at..].starts_with(b"{{") => break,
                None => {}
            }
            at += 1;
        }
        match (quote, self.text[start..].find("}}")) {
            (Some((mark, open)), Some(end)) if open < start + end => {
                let text = format!("the text that begins with {} is not closed", char::from(mark));
                self.error(MALFORMED, open..start + end, &text, |d| {
                    d.help("close it, or put a text that holds an apostrophe in double quotes, or write it as `\\'`")
                });
            }
            _ => self.unclosed(start, "}}"),
        }
        None
    }

    fn unclosed(&mut self, start: usize, with: &str) {
        let rest = &self.text[start + 2..];
        let end = rest.find('\n').unwrap_or(rest.len()).min(rest.find("{{").unwrap_or(rest.len()));
        let length = 2 + rest[..end].trim_end().len();
        let text = format!("this placeholder is not closed with `{with}`");
        self.error(UNCLOSED, start..start + length, &text, |d| {
            d.label("begins here").help(format!("write `{with}` after the name"))
        });
    }

    fn raw(&mut self, tag: Range<usize>, inner: Range<usize>) {
        let name =
            trim(self.text, inner.start + usize::from(self.text[inner.clone()].starts_with(['&', '{']))..inner.end);
        let name = self.text[name].trim_end_matches('}').trim_end().to_owned();
        let place = self.source.place(tag.clone());
        self.error(RAW, tag, "a value is never printed without escaping", |d| {
            d.note("A patron's name may hold `<script>`; in a message it must stay a name.")
                .help(format!("write `{{{{{name}}}}}`"))
                .fix(place, format!("{{{{{name}}}}}"))
        });
    }

    fn partial(&mut self, tag: Range<usize>) {
        self.error(PARTIAL, tag, "a message includes no other template", |d| {
            d.note("Partials may include each other without end, and hide what a message prints.")
                .help("write the text here, or move what surrounds every message into a layout (`layouts/NAME.hbs`)")
        });
    }

    fn begin(&mut self, tag: Range<usize>, inner: Range<usize>) -> Option<()> {
        if matches!(self.text.as_bytes().get(inner.start + 1), Some(b'>' | b'*')) {
            self.partial(tag);
            self.is_broken = true;
            return None;
        }
        if self.open.len() >= limits::TEMPLATE_NESTING {
            let text = format!("blocks nest deeper than {}", limits::TEMPLATE_NESTING);
            self.error(TOO_DEEP, inner, &text, |d| {
                d.help("compute the condition in a `let`, or write another message")
            });
            return None;
        }
        let call = trim(self.text, inner.start + 1..inner.end);
        let open = inner.start..call.start + word_length(&self.text[call.clone()]);
        let branch = self.branch(call);
        self.open.push(Block { open, branches: vec![branch], otherwise: Vec::new(), has_else: false });
        Some(())
    }

    fn chain(&mut self, inner: Range<usize>) -> Option<()> {
        let call = trim(self.text, inner.start + 4..inner.end);
        let branch = self.branch(call);
        match self.open.last_mut() {
            Some(block) if !block.has_else => {
                block.branches.push(branch);
                Some(())
            }
            _ => {
                self.stray(inner, "else");
                None
            }
        }
    }

    fn branch(&mut self, call: Range<usize>) -> Branch {
        let text = self.text[call.clone()].to_owned();
        let length = word_length(&text);
        let helper = Word { text: text[..length].to_owned(), range: call.start..call.start + length };
        let arguments = self.arguments(call.start + length..call.end);
        self.number += 1;
        let letter = if helper.text == "each" { 'e' } else { 'c' };
        self.edits.push((call, format!("{} {letter}{}", helper.text, self.number)));
        Branch { number: self.number, helper, arguments, body: Vec::new() }
    }

    fn otherwise(&mut self, inner: Range<usize>) -> Option<()> {
        match self.open.last_mut() {
            Some(block) if !block.has_else => {
                block.has_else = true;
                Some(())
            }
            _ => {
                self.stray(inner, "else");
                None
            }
        }
    }

    fn stray(&mut self, inner: Range<usize>, what: &str) {
        let text = format!("this `{{{{{what}}}}}` belongs to no block");
        self.error(UNBALANCED, inner, &text, |d| d.help("an `else` stands once inside `if`, `unless` or `each`"));
    }

    fn end(&mut self, inner: Range<usize>) -> Option<()> {
        let name = self.text[inner.start + 1..inner.end].trim().to_owned();
        let Some(block) = self.open.pop() else {
            let text = format!("this `{{{{/{name}}}}}` ends a block that never began");
            self.error(UNBALANCED, inner, &text, |d| d.help(format!("remove it, or write `{{{{#{name} …}}}}` before")));
            return None;
        };
        let opened = block.branches[0].helper.text.clone();
        if opened != name {
            let began = self.source.place(block.open);
            let place = self.source.place(inner.start + 1..inner.end);
            let text = format!("`{{{{/{name}}}}}` cannot end `{{{{#{opened}}}}}`");
            self.error(UNBALANCED, inner, &text, |d| {
                d.also(began, "the block begins here").help(format!("write `{{{{/{opened}}}}}`")).fix(place, opened)
            });
            return None;
        }
        self.add(Node::Block(block));
        Some(())
    }

    fn print(&mut self, tag: Range<usize>, inner: Range<usize>) {
        let Some(expression) = self.expression(inner.clone(), 0) else { return };
        self.number += 1;
        self.edits.push((inner, format!("s{}", self.number)));
        self.add(Node::Print { number: self.number, tag, expression });
    }

    fn add(&mut self, node: Node) {
        let list = match self.open.last_mut() {
            Some(block) if block.has_else => &mut block.otherwise,
            Some(block) => &mut block.branches.last_mut().expect("a block has its first branch").body,
            None => &mut self.top,
        };
        list.push(node);
    }

    /// One value, or a helper with its arguments.
    fn expression(&mut self, range: Range<usize>, depth: usize) -> Option<Expression> {
        let mut parts = self.values(range.clone(), depth)?;
        let range = trim(self.text, range);
        if parts.len() == 1 {
            return parts.pop();
        }
        let first = parts.remove(0);
        match first.kind {
            ExpressionKind::Path(Path { up: 0, is_data: false, mut words }) if words.len() == 1 => {
                let helper = words.remove(0);
                Some(Expression { kind: ExpressionKind::Call { helper, arguments: parts }, range })
            }
            _ => {
                self.error(MALFORMED, first.range, "a helper's name stands first", |d| {
                    d.help("write one value, or a helper and its values: `{{default first_name 'reader'}}`")
                });
                None
            }
        }
    }

    fn arguments(&mut self, range: Range<usize>) -> Vec<Expression> {
        if self.text[range.clone()].trim().is_empty() {
            return Vec::new();
        }
        self.values(range, 0).unwrap_or_default()
    }

    fn values(&mut self, range: Range<usize>, depth: usize) -> Option<Vec<Expression>> {
        if depth > limits::TEMPLATE_NESTING {
            let text = format!("helpers nest deeper than {}", limits::TEMPLATE_NESTING);
            self.error(TOO_DEEP, range, &text, |d| d.help("compute the value in a `let`"));
            return None;
        }
        let mut values = Vec::new();
        let mut at = range.start;
        loop {
            at += self.text[at..range.end].len() - self.text[at..range.end].trim_start().len();
            if at >= range.end {
                break;
            }
            let value = match self.text.as_bytes()[at] {
                b'(' => {
                    let Some(end) = closing(self.text, at..range.end) else {
                        self.error(MALFORMED, at..range.end, "this parenthesis is not closed", |d| d.help("write `)`"));
                        return None;
                    };
                    let inner = self.expression(at + 1..end, depth + 1)?;
                    Expression { range: at..end + 1, ..inner }
                }
                mark @ (b'\'' | b'"') => {
                    let end = at + quoted_length(&self.text[at..range.end]);
                    let inner = &self.text[at + 1..end - 1];
                    let text = unescape(inner, char::from(mark));
                    Expression { kind: ExpressionKind::Text(text), range: at..end }
                }
                _ => self.bare(at..range.end)?,
            };
            at = value.range.end;
            values.push(value);
        }
        if values.is_empty() {
            self.error(MALFORMED, range, "a value is missing here", |d| d.help("name a value, such as `branch`"));
            return None;
        }
        Some(values)
    }

    /// A number, a truth value or a path.
    fn bare(&mut self, range: Range<usize>) -> Option<Expression> {
        let rest = &self.text[range.clone()];
        let length = rest.find(|c: char| c.is_whitespace() || "()'\"|=".contains(c)).unwrap_or(rest.len());
        let written = &rest[..length];
        let range = range.start..range.start + length;
        if length == 0 || rest[length..].starts_with(['=', '|']) || written == "as" {
            let end = range.end.max(range.start + 1);
            self.error(MALFORMED, range.start..end, "this is not the name of a value", |d| {
                d.help("a helper takes values alone, without `name=value` or `as |name|`; inside `each` a field is its bare name")
            });
            return None;
        }
        let kind = match written {
            "true" => ExpressionKind::Bool(true),
            "false" => ExpressionKind::Bool(false),
            _ => match written.parse() {
                Ok(number) => ExpressionKind::Number(number),
                Err(_) => ExpressionKind::Path(self.path(range.clone())?),
            },
        };
        Some(Expression { kind, range })
    }

    fn path(&mut self, range: Range<usize>) -> Option<Path> {
        let mut at = range.start;
        let mut up = 0;
        loop {
            let rest = &self.text[at..range.end];
            if rest.starts_with("../") {
                up += 1;
                at += 3;
            } else if rest == ".." {
                up += 1;
                at += 2;
            } else if let Some(rest) = rest.strip_prefix("./") {
                at = range.end - rest.len();
            } else {
                break;
            }
        }
        let is_data = self.text[at..range.end].starts_with('@');
        at += usize::from(is_data);
        let mut words = Vec::new();
        let rest = &self.text[at..range.end];
        if rest == "this" || rest.is_empty() || rest == "." {
            return Some(Path { up, is_data, words });
        }
        if let Some(rest) = rest.strip_prefix("this.") {
            at = range.end - rest.len();
        }
        for word in self.text[at..range.end].split('.') {
            let place = at..at + word.len();
            at = place.end + 1;
            let is_name = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !is_name {
                self.error(MALFORMED, range, "this is not the name of a value", |d| {
                    d.help("names are joined by points: `branch`, `event.title`, `branch_info.hours`")
                });
                return None;
            }
            words.push(Word { text: word.to_owned(), range: place });
        }
        Some(Path { up, is_data, words })
    }

    fn error(&mut self, code: Code, range: Range<usize>, text: &str, more: impl FnOnce(Diagnostic) -> Diagnostic) {
        let finding = Diagnostic::new(code, self.source.place(range), text);
        self.diagnostics.push(more(finding));
    }

    fn prepared(&self) -> String {
        let mut prepared = String::with_capacity(self.text.len());
        let mut at = 0;
        for (range, replacement) in &self.edits {
            prepared.push_str(&self.text[at..range.start]);
            prepared.push_str(replacement);
            at = range.end;
        }
        prepared.push_str(&self.text[at..]);
        prepared
    }
}

/// `range` without the white space at its ends.
fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let written = &text[range.clone()];
    let start = range.start + (written.len() - written.trim_start().len());
    start..start + written.trim().len()
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || "('\"".contains(c)).unwrap_or(text.len())
}

/// Length of the quoted text at the start of `text`, marks included (`find_end` saw that it is closed).
fn quoted_length(text: &str) -> usize {
    let mark = text.as_bytes()[0];
    let mut at = 1;
    while at < text.len() && text.as_bytes()[at] != mark {
        at += 1 + usize::from(text.as_bytes()[at] == b'\\');
    }
    (at + 1).min(text.len())
}

/// Where the parenthesis at the start of `range` closes.
fn closing(text: &str, range: Range<usize>) -> Option<usize> {
    let mut depth = 0;
    let mut at = range.start;
    while at < range.end {
        match text.as_bytes()[at] {
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(at),
            b')' => depth -= 1,
            b'\'' | b'"' => at += quoted_length(&text[at..range.end]) - 1,
            _ => {}
        }
        at += 1;
    }
    None
}

fn unescape(text: &str, mark: char) -> String {
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&next)) if next == mark || next == '\\' => {
                result.push(next);
                chars.next();
            }
            ('\\', Some('n')) => {
                result.push('\n');
                chars.next();
            }
            _ => result.push(c),
        }
    }
    result
}
