//! A rough division into tokens, for what is said about a text that does not parse; and the words of the language.

use std::ops::Range;

/// The first words of declarations.
pub(super) const DECLARATION_WORDS: [&str; 16] = [
    "library", "purpose", "privacy", "enum", "patron", "contact", "event", "record", "table", "list", "feed", "survey",
    "segment", "message", "campaign", "test",
];

/// The first words of the clauses of a campaign.
pub(super) const CLAUSE_WORDS: [&str; 17] = [
    "purpose", "audience", "start", "runs", "exit", "again", "holdout", "sample", "goal", "priority", "limit",
    "deliver", "sender", "layout", "expires", "reveal", "status",
];

/// The first words of steps.
pub(super) const STEP_WORDS: [&str; 9] = ["send", "wait", "if", "split", "repeat", "add", "remove", "stop", "publish"];

/// The first words of the clauses of the library block.
pub(super) const LIBRARY_WORDS: [&str; 12] = [
    "timezone",
    "languages",
    "sender",
    "reply",
    "address",
    "policy",
    "week",
    "adult",
    "quiet",
    "limit",
    "suppress",
    "currency",
];

/// The first words of the statements of a test.
pub(super) const STATEMENT_WORDS: [&str; 14] = [
    "now", "patron", "consent", "withdraw", "event", "record", "remove", "change", "member", "row", "run", "skip",
    "only", "expect",
];

/// Words that are no names (section 12).
pub(super) const RESERVED_WORDS: [&str; 34] = [
    "after",
    "and",
    "before",
    "between",
    "entering",
    "except",
    "false",
    "followed",
    "from",
    "has",
    "if",
    "in",
    "including",
    "is",
    "known",
    "leaving",
    "no",
    "not",
    "nothing",
    "now",
    "optional",
    "or",
    "private",
    "since",
    "start",
    "the",
    "today",
    "true",
    "unknown",
    "unless",
    "until",
    "when",
    "where",
    "within",
];

pub(super) fn is_declaration_word(word: &str) -> bool {
    DECLARATION_WORDS.contains(&word)
}

/// What a token looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Word,
    /// Begins with a digit.
    Number,
    Text,
    /// One sign, or one of `== != <> <= >= =< => && || ->`.
    Sign,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub range: Range<usize>,
    pub shape: Shape,
    /// The first token of its line.
    pub is_first: bool,
}

impl Token {
    pub(super) fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.range.clone()]
    }
}

/// Whether `word` at the beginning of a line begins a part of a declaration of this kind.
pub(super) fn begins_part(kind: &str, word: &str) -> bool {
    match kind {
        "campaign" => CLAUSE_WORDS.contains(&word) || STEP_WORDS.contains(&word),
        "library" => LIBRARY_WORDS.contains(&word),
        "test" => STATEMENT_WORDS.contains(&word),
        "segment" => false,
        _ => true,
    }
}

/// The tokens of `source` in `range`; comments are skipped.
pub(super) fn tokens(source: &str, range: Range<usize>) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut is_first = true;
    let mut at = range.start;
    while let Some(character) = source[at..range.end].chars().next() {
        let rest = &source[at..range.end];
        if character.is_whitespace() || character == '\u{feff}' {
            is_first |= character == '\n';
            at += character.len_utf8();
            continue;
        }
        if character == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let is_raw = tokens.last().is_some_and(|last| &source[last.range.clone()] == "matches");
        let (shape, length) = if is_word_char(character) && !character.is_ascii_digit() {
            (Shape::Word, rest.find(|c| !is_word_char(c)).unwrap_or(rest.len()))
        } else if character.is_ascii_digit() {
            (Shape::Number, number_length(rest))
        } else if character == '"' {
            (Shape::Text, text_length(rest, is_raw))
        } else {
            let two = ["==", "!=", "<>", "<=", ">=", "=<", "=>", "&&", "||", "->"];
            let length = if two.iter().any(|sign| rest.starts_with(sign)) { 2 } else { character.len_utf8() };
            (Shape::Sign, length)
        };
        tokens.push(Token { range: at..at + length, shape, is_first });
        is_first = false;
        at += length;
    }
    tokens
}

pub(super) fn is_word_char(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Digits with what is glued to them.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(character) = text[end..].chars().next() {
        let joins = matches!(character, '.' | ':' | '-' | '/') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !(is_word_char(character) || joins) {
            break;
        }
        end += character.len_utf8();
    }
    if bytes.get(end) == Some(&b'%') { end + 1 } else { end }
}

fn text_length(text: &str, is_raw: bool) -> usize {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        return block.find("\"\"\"").map_or(text.len(), |length| length + 6);
    }
    let bytes = text.as_bytes();
    let mut end = 1;
    while end < bytes.len() {
        match bytes[end] {
            b'"' => return end + 1,
            b'\n' => return end,
            b'\\' if !is_raw && bytes.get(end + 1).is_some_and(|&byte| byte != b'\n') => end += 2,
            _ => end += 1,
        }
    }
    text.len()
}
