//! What is said about a text that does not parse: what was expected in the words of the language, and which of the
//! usual slips it looks like.
//!
//! pest tells the farthest place it reached and the rules that could have gone on there. Of these only the group
//! that fits the found token is worth a word.

mod words;

use std::ops::Range;

use super::grammar::Rule;
use super::literal;
use super::scan::Scan;
use super::suggest::closest;
use super::token::{
    CLAUSE_WORDS, DECLARATION_WORDS, LIBRARY_WORDS, RESERVED_WORDS, STATEMENT_WORDS, STEP_WORDS, Shape, Token,
};
use crate::diagnostic::{Code, Diagnostic, FileId, Span};
use crate::time::Weekday;

/// Something stands where something else was expected.
pub const UNEXPECTED: Code = Code("E0001");
/// An unknown kind of declaration.
pub const DECLARATION: Code = Code("E0002");
/// An unknown word where only certain words can stand.
pub const WORD: Code = Code("E0003");
/// A reserved word where a name belongs.
pub const RESERVED: Code = Code("E0011");

/// A piece of a file that did not parse.
pub(super) struct Failure<'f> {
    pub scan: &'f Scan<'f>,
    /// The piece, perhaps with parts blanked.
    pub text: &'f str,
    /// Where it stands in the file.
    pub range: &'f Range<usize>,
    /// Where in `text` parsing failed.
    pub at: usize,
    /// The rules that could have gone on there.
    pub expected: &'f [Rule],
    pub tokens: &'f [Token],
}

/// Says why.
pub(super) fn explain(file: FileId, failure: &Failure<'_>) -> Diagnostic {
    let index = failure.tokens.partition_point(|token| token.range.start < failure.at);
    let found = failure.tokens.get(index).filter(|token| token.range.start == failure.at);
    let before = index.checked_sub(1).map(|last| &failure.tokens[last]);
    let place = Place { file, failure, index, found, before };
    place
        .missing_operand()
        .or_else(|| place.unclosed())
        .or_else(|| place.unit())
        .or_else(|| place.number())
        .or_else(|| place.sign())
        .or_else(|| place.misplaced())
        .or_else(|| place.word_before())
        .or_else(|| place.word())
        .unwrap_or_else(|| place.unexpected())
}

struct Place<'f> {
    file: FileId,
    failure: &'f Failure<'f>,
    index: usize,
    found: Option<&'f Token>,
    before: Option<&'f Token>,
}

impl<'f> Place<'f> {
    fn span(&self, range: &Range<usize>) -> Span {
        let base = self.failure.range.start;
        Span::new(self.file, base + range.start..base + range.end)
    }

    /// The found token, or nothing at the end of the piece.
    fn here(&self) -> Span {
        match self.found {
            Some(token) => self.span(&token.range),
            None => {
                // The last token says more than the end of the file.
                let end = self.before.map_or(self.failure.at, |token| token.range.end);
                self.span(&(end..end))
            }
        }
    }

    fn of(&self, token: Option<&Token>) -> &'f str {
        token.map_or("", |token| &self.failure.text[token.range.clone()])
    }

    fn expects(&self, rules: &[Rule]) -> bool {
        self.failure.expected.iter().any(|rule| rules.contains(rule))
    }

    fn expects_value(&self) -> bool {
        self.expects(&[
            Rule::negation,
            Rule::conjunction,
            Rule::expr,
            Rule::test_expr,
            Rule::operand,
            Rule::sum,
            Rule::product,
            Rule::primary,
            Rule::argument,
        ])
    }

    /// `a and }`.
    fn missing_operand(&self) -> Option<Diagnostic> {
        let before = self.before?;
        let word = self.of(Some(before));
        let found = self.of(self.found);
        let ends = self.found.is_none() || matches!(found, "}" | ")" | "{" | "," | "and" | "or");
        if !(ends && self.expects_value()) {
            return None;
        }
        let what = match word {
            "and" | "or" | "not" | "when" | "if" | "unless" | "until" => "a condition",
            "is" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "between" | "contains" | "with"
            | "matches" | "includes" | "since" | "before" | "after" | "," => "a value",
            "{" | "(" => {
                let diagnostic =
                    Diagnostic::new(UNEXPECTED, self.here(), format!("a condition is missing before `{found}`"));
                return Some(
                    diagnostic.label("expected a condition").help("write a condition, such as `branch is central`"),
                );
            }
            _ => return None,
        };
        let help = match word {
            "and" | "or" => format!("write {what} behind `{word}`, or take `{word}` away"),
            _ => format!("write {what} behind `{word}`"),
        };
        let diagnostic =
            Diagnostic::new(UNEXPECTED, self.span(&before.range), format!("{what} is missing behind `{word}`"));
        Some(diagnostic.label(format!("expected {what} behind this")).help(help))
    }

    /// A bracket that is not closed before a block or a part ends.
    fn unclosed(&self) -> Option<Diagnostic> {
        let range = self.failure.range;
        let last = self.failure.scan.unclosed.partition_point(|&open| open < range.start + self.failure.at);
        let open = *self.failure.scan.unclosed[..last].last().filter(|&&open| open >= range.start)?;
        let sign = self.failure.text.get(open - range.start..open - range.start + 1)?;
        let found = self.of(self.found);
        let partner = match sign {
            "(" => ")",
            "{" => "}",
            _ => return None,
        };
        let ends = match self.found {
            None => true,
            Some(_) if sign == "(" => found == "}" || is_part_word(found),
            Some(_) => DECLARATION_WORDS.contains(&found),
        };
        let diagnostic = Diagnostic::new(
            super::scan::BRACKET,
            Span::new(self.file, open..open + 1),
            format!("this `{sign}` is not closed: a `{partner}` is missing"),
        );
        let diagnostic = diagnostic.label("opened here").help(format!("write the closing `{partner}`"));
        ends.then(|| {
            if self.found.is_some() {
                diagnostic.also(self.here(), format!("`{partner}` is missing before this"))
            } else {
                diagnostic
            }
        })
    }

    /// `30 dyas`, `30`.
    fn unit(&self) -> Option<Diagnostic> {
        let number = self.before.filter(|token| token.shape == Shape::Number)?;
        let digits = self.of(Some(number));
        let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        if !(is_whole && self.expects(&[Rule::unit, Rule::quantity, Rule::duration])) {
            return None;
        }
        let found = self.of(self.found);
        let is_word = self.found.is_some_and(|token| token.shape == Shape::Word);
        let units =
            ["minutes", "hours", "days", "weeks", "months", "years", "minute", "hour", "day", "week", "month", "year"];
        if is_word && let Some(unit) = closest(&found.to_lowercase(), units) {
            let diagnostic =
                Diagnostic::new(super::build::DURATION, self.here(), format!("there is no unit `{found}`"));
            return Some(
                diagnostic.label("unknown unit").help(format!("did you mean `{unit}`?")).fix(self.here(), unit),
            );
        }
        // Only a duration makes the number wrong: elsewhere a number may stand alone.
        let before = self.index.checked_sub(2).map(|index| self.of(Some(&self.failure.tokens[index])));
        let is_duration = matches!(
            before,
            Some("last" | "next" | "within" | "after" | "per" | "wait" | "every" | "for" | "keep" | "to")
        );
        if !is_duration {
            return None;
        }
        if is_word && !is_part_word(found) && !RESERVED_WORDS.contains(&found) {
            let diagnostic =
                Diagnostic::new(super::build::DURATION, self.here(), format!("there is no unit `{found}`"));
            return Some(
                diagnostic.label("unknown unit").help("the units are minutes, hours, days, weeks, months and years"),
            );
        }
        Some(
            Diagnostic::new(super::build::DURATION, self.span(&number.range), "a duration needs a unit")
                .label(format!("{digits} of what?"))
                .help(format!("write a duration such as `{digits} days`")),
        )
    }

    fn number(&self) -> Option<Diagnostic> {
        let token = self.found.filter(|token| token.shape == Shape::Number)?;
        let text = self.of(Some(token));
        let here = self.here();
        let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
        if is_whole && self.expects(&[Rule::share]) {
            let diagnostic = Diagnostic::new(super::build::SHARE, here, "a share needs its `%`");
            return Some(
                diagnostic
                    .label("expected a share such as `10%`")
                    .help(format!("write `{text}%`"))
                    .fix(here, format!("{text}%")),
            );
        }
        if is_whole && self.expects(&[Rule::time, Rule::at_time]) && !self.expects_value() {
            let diagnostic = Diagnostic::new(literal::TIME, here, format!("{text} is no time of day"));
            let written = format!("{text:0>2}:00");
            let diagnostic = diagnostic.label("expected a time such as `09:00`").help(format!("write `{written}`"));
            return Some(if text.len() <= 2 { diagnostic.fix(here, written) } else { diagnostic });
        }
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'%'));
        let is_date = text.len() == 10 && text.bytes().filter(|&byte| byte == b'-').count() == 2;
        let is_time = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
        if is_plain || is_time {
            return None;
        }
        if is_date && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return literal::date(text, here).err();
        }
        Some(literal::glued(text, here))
    }

    /// Signs of other languages.
    fn sign(&self) -> Option<Diagnostic> {
        let token = self.found.filter(|token| token.shape == Shape::Sign)?;
        let sign = self.of(Some(token));
        let here = self.here();
        let operator = |right: &str| {
            Diagnostic::new(super::build::OPERATOR, here, format!("`{sign}` is no sign of this language"))
                .label(format!("written `{right}` here"))
                .help(format!("write `{right}`"))
                .fix(here, right)
        };
        match sign {
            "&&" | "&" => Some(operator("and")),
            "||" | "|" => Some(operator("or")),
            "!" => Some(operator("not")),
            ";" => Some(
                Diagnostic::new(super::build::OPERATOR, here, "nothing needs a `;`")
                    .label("clauses, steps and declarations stand side by side")
                    .help("take it away")
                    .fix(here, ""),
            ),
            ":" => Some(
                Diagnostic::new(super::build::OPERATOR, here, "no `:` stands between a word and its value")
                    .label("not needed")
                    .help("take it away: write `branch central`")
                    .fix(here, ""),
            ),
            "'" | "`" => {
                let rest = &self.failure.text[token.range.end..];
                let line = rest.lines().next().unwrap_or("");
                let length = line.find(sign).map_or(0, |length| length + 1);
                let whole = self.span(&(token.range.start..token.range.end + length));
                let diagnostic =
                    Diagnostic::new(super::scan::QUOTES, whole, "texts stand between straight double quotation marks");
                let written = format!("\"{}\"", &line[..length.saturating_sub(1)]);
                Some(if length > 0 {
                    diagnostic.label("written with other ones").help(format!("write {written}")).fix(whole, written)
                } else {
                    diagnostic.label("unexpected sign").help("write texts as \"text\"")
                })
            }
            "[" => Some(
                Diagnostic::new(UNEXPECTED, here, "a list of values stands in parentheses")
                    .label("expected `(`")
                    .help("write `(central, eastside)`"),
            ),
            "-" if !self.expects(&[Rule::minus]) => self.hyphen(token),
            _ => None,
        }
    }

    /// `due-soon`.
    fn hyphen(&self, sign: &Token) -> Option<Diagnostic> {
        let first = self.before.filter(|token| token.shape == Shape::Word && token.range.end == sign.range.start)?;
        let mut end = first.range.end;
        for token in &self.failure.tokens[self.index..] {
            let joins = token.range.start == end
                && (token.shape == Shape::Word || self.of(Some(token)) == "-" || token.shape == Shape::Number);
            if !joins {
                break;
            }
            end = token.range.end;
        }
        let range = first.range.start..end;
        let written = self.failure.text[range.clone()].replace('-', "_").to_lowercase();
        let name = &self.failure.text[range.clone()];
        Some(
            Diagnostic::new(super::build::NAME, self.span(&range), format!("`{name}` is not how a name is written"))
                .label("names have `_` where words are joined")
                .help(format!("write `{written}`"))
                .fix(self.span(&range), written),
        )
    }

    /// Words that stand where another word should come first.
    fn misplaced(&self) -> Option<Diagnostic> {
        let found = self.of(self.found);
        let here = self.here();
        if found == "where" {
            return Some(
                Diagnostic::new(super::build::WHERE, here, "`where (…)` stands directly behind the event")
                    .label("not behind a window of time")
                    .help("write `has EVENT where (…) in the last 30 days`"),
            );
        }
        if self.expects(&[Rule::at_time, Rule::at_word])
            && let Some(day) = self.before.and_then(|token| Weekday::from_word(self.of(Some(token))))
            && let Some(before) = self.before
        {
            let place = self.span(&before.range);
            return Some(
                Diagnostic::new(super::build::WEEKDAY, place, "a weekday needs a time of day")
                    .label("at what time?")
                    .help(format!("write `{} at 09:00`", day.word()))
                    .fix(Span { start: place.end, ..place }, " at 09:00"),
            );
        }
        if self.expects(&[Rule::step]) && !self.expects(&[Rule::clause]) && CLAUSE_WORDS.contains(&found) {
            return Some(
                Diagnostic::new(
                    super::build::CLAUSE_AFTER_STEP,
                    here,
                    format!("the clause `{found}` stands inside a block of steps"),
                )
                .label("clauses come before the first step")
                .help(format!("move `{found}` up, directly into the campaign, before its first step")),
            );
        }
        let tests = ["is", "=", "!=", "<", "<=", ">", ">=", "between", "contains", "starts", "matches", "includes"];
        if self.expects_value() && tests.contains(&found) {
            return Some(
                Diagnostic::new(UNEXPECTED, here, format!("a value is missing before `{found}`"))
                    .label("expected a field or another value before this")
                    .help(format!("write what is to be tested, such as `patron_type {found} …`")),
            );
        }
        None
    }

    /// A misspelt word that was taken for a name, so that only what stands behind it does not fit.
    fn word_before(&self) -> Option<Diagnostic> {
        let before = self.before.filter(|token| token.shape == Shape::Word)?;
        let word = self.of(Some(before));
        let kind = self.of(self.failure.tokens.first());
        let words: &[&str] = match self.index.checked_sub(2).map(|index| self.of(Some(&self.failure.tokens[index]))) {
            Some("wait") => &["until", "up"],
            Some("start") => &["when", "on", "every", "once"],
            _ if before.is_first && kind == "test" => &STATEMENT_WORDS,
            _ => return None,
        };
        let right = closest(word, words.iter().copied()).filter(|right| *right != word)?;
        let place = self.span(&before.range);
        let diagnostic = Diagnostic::new(WORD, place, format!("`{word}` means nothing here"));
        Some(diagnostic.label("unknown word").help(format!("did you mean `{right}`?")).fix(place, right))
    }

    /// A word that cannot stand here: another one was meant, or a name is wanted.
    fn word(&self) -> Option<Diagnostic> {
        let token = self.found.filter(|token| token.shape == Shape::Word)?;
        let found = self.of(Some(token));
        let here = self.here();
        let candidates = words::candidates(self.failure.expected);
        let small = found.to_lowercase();
        if small != found && candidates.contains(&small.as_str()) {
            let diagnostic = Diagnostic::new(WORD, here, format!("`{found}` is written in lower case"));
            return Some(diagnostic.label("a word of the language").help(format!("write `{small}`")).fix(here, small));
        }
        let is_declaration = self.expects(&[Rule::item, Rule::declaration_word]);
        let names = [
            Rule::name,
            Rule::field,
            Rule::enum_value,
            Rule::channel_block,
            Rule::part,
            Rule::assignment,
            Rule::contact_entry,
            Rule::path,
            Rule::type_expr,
            Rule::event_ref,
            Rule::segment_ref,
        ];
        if RESERVED_WORDS.contains(&found) && self.expects(&names) {
            let help = match self.before.map(|before| self.of(Some(before))) {
                _ if self.expects(&[Rule::enum_value]) => {
                    format!("a value of that name is written as a text: `\"{found}\"`")
                }
                _ => "choose another name".to_owned(),
            };
            return Some(
                Diagnostic::new(RESERVED, here, format!("`{found}` is no name: it is a word of the language"))
                    .label("expected a name")
                    .help(help),
            );
        }
        if matches!(found, "elseif" | "elsif" | "elif") && candidates.contains(&"else") {
            let diagnostic = Diagnostic::new(WORD, here, format!("`{found}` means nothing here"));
            return Some(diagnostic.label("two words").help("write `else if`").fix(here, "else if"));
        }
        let suggestion = closest(&small, candidates.iter().copied());
        if is_declaration {
            let diagnostic =
                Diagnostic::new(DECLARATION, here, format!("there is no declaration `{found}`")).label("unknown");
            return Some(match suggestion {
                Some(right) => diagnostic.help(format!("did you mean `{right}`?")).fix(here, right),
                None => diagnostic.help(format!("a file is made of {}", list(&DECLARATION_WORDS, "and"))),
            });
        }
        if let Some(right) = suggestion.filter(|right| *right != found) {
            let diagnostic = Diagnostic::new(WORD, here, format!("`{found}` means nothing here"));
            return Some(diagnostic.label("unknown word").help(format!("did you mean `{right}`?")).fix(here, right));
        }
        let (what, words): (&str, &[&str]) = if !token.is_first {
            return None;
        } else if self.expects(&[Rule::library_clause]) {
            ("clause of the library block", &LIBRARY_WORDS)
        } else if self.expects(&[Rule::statement]) {
            ("statement of a test", &STATEMENT_WORDS)
        } else if self.expects(&[Rule::clause]) {
            ("clause or step", &CLAUSE_WORDS)
        } else if self.expects(&[Rule::step]) {
            ("step", &STEP_WORDS)
        } else {
            return None;
        };
        let mut words = words.to_vec();
        if what == "clause or step" {
            words.extend(STEP_WORDS);
        }
        let diagnostic = Diagnostic::new(WORD, here, format!("there is no {what} `{found}`"));
        Some(diagnostic.label("unknown").help(format!("there are {}", list(&words, "and"))))
    }

    fn unexpected(&self) -> Diagnostic {
        let found = self.found.map(|token| {
            let text = self.of(Some(token));
            if token.shape == Shape::Text { "a text".to_owned() } else { format!("`{text}`") }
        });
        let continues = [
            Rule::test_tail,
            Rule::plus,
            Rule::minus,
            Rule::times_op,
            Rule::and_word,
            Rule::or_word,
            Rule::window,
            Rule::where_clause,
            Rule::followed,
            Rule::periods,
            Rule::member,
            Rule::unit,
        ];
        let has_other = self.failure.expected.iter().any(|rule| !continues.contains(rule) && *rule != Rule::lparen);
        let mut phrases: Vec<String> = Vec::new();
        for &rule in self.failure.expected {
            let is_continuation =
                continues.contains(&rule) || (rule == Rule::lparen && self.failure.expected.len() > 2);
            if has_other && is_continuation {
                continue;
            }
            let phrase = words::phrase(rule);
            if !phrase.is_empty() && !phrases.contains(&phrase) {
                phrases.push(phrase);
            }
        }
        if !has_other && phrases.len() > 3 {
            phrases = vec!["`and`".into(), "`or`".into(), "the end of the condition".into()];
        }
        let phrases: Vec<&str> = phrases.iter().map(String::as_str).collect();
        if phrases.is_empty() {
            // Only rules without words of their own would fit: the token is one too many.
            let what = found.unwrap_or_else(|| "the end".to_owned());
            return Diagnostic::new(UNEXPECTED, self.here(), format!("{what} does not belong here"))
                .label("not expected here")
                .help("take it away, or look for what is missing before it");
        }
        let expected = list(&phrases, "or");
        let message = match &found {
            Some(found) => format!("expected {expected}, found {found}"),
            None => format!("expected {expected} before the end"),
        };
        let behind = self
            .before
            .map(|before| self.of(Some(before)))
            .filter(|before| before.len() < 40 && !before.starts_with('"'));
        let diagnostic = Diagnostic::new(UNEXPECTED, self.here(), message);
        match behind {
            Some(before) => {
                let help = match expected.as_str() {
                    "`within`" => "say how long it may take, such as `within 60 days`".to_owned(),
                    "`messages`" => "a limit is written `limit 3 messages per 7 days`".to_owned(),
                    "`from`" => "say from which date it counts, such as `from 2026-06-15`".to_owned(),
                    _ => format!("behind `{before}` stands {expected}"),
                };
                diagnostic.label(format!("not expected behind `{before}`")).help(help)
            }
            None => diagnostic.label("not expected here").help(format!("here stands {expected}")),
        }
    }
}

fn is_part_word(word: &str) -> bool {
    CLAUSE_WORDS.contains(&word) || STEP_WORDS.contains(&word) || DECLARATION_WORDS.contains(&word)
}

fn list(words: &[&str], join: &str) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} {join} {last}", first.join(", ")),
    }
}
