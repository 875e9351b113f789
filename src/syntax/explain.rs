//! What is said about a text that does not parse: what was expected in the words of the language, and which of the
//! usual slips it looks like.
//!
//! pest tells the farthest place it reached and the rules that could have gone on there. Of these only the group
//! that fits the found token is worth a word.

use std::ops::Range;

use super::grammar::Rule;
use super::literal;
use super::scan::Scan;
use super::suggest::closest;
use super::token::{
    CLAUSE_WORDS, DECLARATION_WORDS, LIBRARY_WORDS, RESERVED_WORDS, STATEMENT_WORDS, STEP_WORDS, Shape, Token,
};
use crate::diagnostic::{Code, Diagnostic, FileId, Span};
use crate::time::{Unit, Weekday};

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
        matches!(before, Some("last" | "next" | "within" | "after" | "per" | "wait" | "every" | "for" | "keep" | "to"))
            .then(|| {
                Diagnostic::new(super::build::DURATION, self.span(&number.range), "a duration needs a unit")
                    .label(format!("{digits} of what?"))
                    .help(format!("write a duration such as `{digits} days`"))
            })
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
        let candidates = self.candidates();
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

    /// The words that could have stood here.
    fn candidates(&self) -> Vec<&'static str> {
        let mut words: Vec<&'static str> = Vec::new();
        for rule in self.failure.expected {
            match rule {
                Rule::item | Rule::declaration_word => words.extend(DECLARATION_WORDS),
                Rule::clause => words.extend(CLAUSE_WORDS),
                Rule::step => words.extend(STEP_WORDS),
                Rule::library_clause => words.extend(LIBRARY_WORDS),
                Rule::statement => words.extend(STATEMENT_WORDS),
                Rule::privacy_clause => words.extend(["requires", "open", "only"]),
                Rule::prelude => words.extend(["let", "pick", "needs"]),
                Rule::question => words.push("question"),
                Rule::test_tail => words
                    .extend(["is", "in", "between", "contains", "starts", "matches", "includes", "before", "after"]),
                Rule::negation | Rule::conjunction | Rule::expr => words.extend(["not", "has", "in", "agrees"]),
                Rule::window => words.extend(["in", "since", "before", "between"]),
                Rule::where_clause => words.push("where"),
                Rule::followed => words.push("followed"),
                Rule::within => words.push("within"),
                Rule::unit => words.extend(Unit::ALL.map(Unit::word)),
                Rule::weekday => words.extend(Weekday::ALL.map(Weekday::word)),
                Rule::ordinal => words.extend(["first", "second", "third", "fourth", "last"]),
                Rule::month => words.extend(literal::MONTH_WORDS),
                Rule::otherwise | Rule::else_if => words.push("else"),
                Rule::except => words.push("except"),
                Rule::together => words.push("together"),
                Rule::only_if => words.push("only"),
                Rule::unless => words.push("unless"),
                Rule::by_channels | Rule::publish_by | Rule::gets_by => words.push("by"),
                Rule::is_optional => words.push("optional"),
                Rule::is_private => words.push("private"),
                Rule::including_current => words.push("including"),
                Rule::expires => words.push("expires"),
                Rule::never_to => words.push("never"),
                Rule::without_consent => words.push("without"),
                Rule::with_consent => words.push("consent"),
                Rule::when_true | Rule::on_date | Rule::every | Rule::once => {
                    words.extend(["on", "when", "every", "once"])
                }
                Rule::saying => words.push("saying"),
                Rule::scale => words.push("scale"),
                rule => words.extend(word_of(*rule)),
            }
        }
        words
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
            let phrase = phrase(rule);
            if !phrase.is_empty() && !phrases.contains(&phrase) {
                phrases.push(phrase);
            }
        }
        if !has_other && phrases.len() > 3 {
            phrases = vec!["`and`".into(), "`or`".into(), "the end of the condition".into()];
        }
        let phrases: Vec<&str> = phrases.iter().map(String::as_str).collect();
        let expected = if phrases.is_empty() { "something else".to_owned() } else { list(&phrases, "or") };
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
            Some(before) => diagnostic
                .label(format!("not expected behind `{before}`"))
                .help(format!("behind `{before}` stands {expected}")),
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

/// The word that a rule of one word is.
fn word_of(rule: Rule) -> Option<&'static str> {
    RULE_WORDS.iter().find(|(word, _)| *word == rule).map(|(_, text)| *text)
}

/// What a rule is called in the language's words; empty for what is not worth a word.
fn phrase(rule: Rule) -> String {
    if let Some(word) = word_of(rule) {
        return format!("`{word}`");
    }
    let text = match rule {
        Rule::item => "a declaration",
        Rule::EOI => "the end of the file",
        Rule::negation | Rule::conjunction | Rule::expr | Rule::test_expr => "a condition",
        Rule::operand | Rule::sum | Rule::product | Rule::primary | Rule::argument | Rule::fixture_value => "a value",
        Rule::quantity | Rule::duration => "a duration such as `30 days`",
        Rule::unit => "a unit such as `days`",
        Rule::moment | Rule::date => "a date such as `2026-06-15`",
        Rule::time => "a time such as `09:00`",
        Rule::at_time => "`at` and a time such as `09:00`",
        Rule::on_moment | Rule::gets_on => "`on` and a date",
        Rule::share => "a share such as `10%`",
        Rule::integer | Rule::count_value => "a number",
        Rule::text => "a text in quotes",
        Rule::label => "a label in quotes",
        Rule::translation => "a language and its text",
        Rule::address | Rule::angle => "an address such as `<news@riverside.example>`",
        Rule::name | Rule::word | Rule::path => "a name",
        Rule::event_ref => "an event or record",
        Rule::segment_ref => "a segment or list",
        Rule::type_expr => "a type such as `text`, `date` or `one of a, b`",
        Rule::field => "a field",
        Rule::enum_value => "a value of the enumeration",
        Rule::clause => "a clause",
        Rule::step => "a step",
        Rule::steps => "a block `{ … }`",
        Rule::arm => "a share and its block, such as `50% { … }`",
        Rule::library_clause => "a clause of the library block",
        Rule::privacy_clause => "`requires`, `open records serve` or `only for`",
        Rule::statement => "a statement",
        Rule::fixture => "a block of fields `{ … }`",
        Rule::assignment => "a field and its value",
        Rule::prelude => "`let`, `pick`, `needs`",
        Rule::channel_block => "a channel block such as `email { … }`",
        Rule::part => "a part such as `subject \"…\"`",
        Rule::question => "a question",
        Rule::weekday => "a day of the week",
        Rule::month => "a month",
        Rule::ordinal => "`first`, `second`, `third`, `fourth`, `last`",
        Rule::parameters => "parameters in parentheses",
        Rule::arguments => "arguments in parentheses",
        Rule::values => "values in parentheses",
        Rule::where_clause => "`where (…)`",
        Rule::window => "a window such as `in the last 30 days`",
        Rule::within => "`within` and a duration",
        Rule::test_tail => "a test such as `is …`",
        Rule::including_current => "`including current members`",
        Rule::is_optional => "`optional`",
        Rule::is_private => "`private`",
        Rule::except => "`except`",
        Rule::together => "`together`",
        Rule::otherwise | Rule::else_if => "`else`",
        Rule::only_if => "`only if`",
        Rule::unless => "`unless`",
        Rule::by_channels | Rule::publish_by => "`by` and a channel",
        Rule::when_true => "`when` and a condition",
        Rule::every => "`every`",
        Rule::once => "`once on`",
        Rule::on_date | Rule::on_event | Rule::entering | Rule::leaving | Rule::change_of => "`on`",
        Rule::start_offset => "a duration such as `30 days`",
        Rule::expires => "`expires after`",
        Rule::never_to => "`never to`",
        Rule::without_consent => "`without consent`",
        Rule::with_consent => "`consent`",
        Rule::lbrace => "`{`",
        Rule::rbrace => "`}`",
        Rule::lparen => "`(`",
        Rule::rparen => "`)`",
        Rule::comma => "`,`",
        Rule::colon => "`:`",
        Rule::equals => "`=`",
        _ => "",
    };
    text.to_owned()
}

/// The rules that are one word.
const RULE_WORDS: [(Rule, &str); 174] = [
    (Rule::and_word, "and"),
    (Rule::add_word, "add"),
    (Rule::address_word, "address"),
    (Rule::adult_word, "adult"),
    (Rule::after_word, "after"),
    (Rule::again_word, "again"),
    (Rule::age_word, "age"),
    (Rule::agrees_word, "agrees"),
    (Rule::all_word, "all"),
    (Rule::always_word, "always"),
    (Rule::anniversary_word, "anniversary"),
    (Rule::any_word, "any"),
    (Rule::arm_word, "arm"),
    (Rule::asked_word, "asked"),
    (Rule::at_word, "at"),
    (Rule::audience_word, "audience"),
    (Rule::before_word, "before"),
    (Rule::between_word, "between"),
    (Rule::by_word, "by"),
    (Rule::campaign_word, "campaign"),
    (Rule::cells_word, "cells"),
    (Rule::change_word, "change"),
    (Rule::changed_word, "changed"),
    (Rule::coming_word, "coming"),
    (Rule::consent_word, "consent"),
    (Rule::contact_word, "contact"),
    (Rule::contains_word, "contains"),
    (Rule::count_word, "count"),
    (Rule::currency_word, "currency"),
    (Rule::current_word, "current"),
    (Rule::day_word, "day"),
    (Rule::days_word, "days"),
    (Rule::deliver_word, "deliver"),
    (Rule::descending_word, "descending"),
    (Rule::draft_word, "draft"),
    (Rule::each_word, "each"),
    (Rule::else_word, "else"),
    (Rule::empty_word, "empty"),
    (Rule::end_word, "end"),
    (Rule::entering_word, "entering"),
    (Rule::enum_word, "enum"),
    (Rule::event_word, "event"),
    (Rule::every_word, "every"),
    (Rule::everyone_word, "everyone"),
    (Rule::exactly_word, "exactly"),
    (Rule::except_word, "except"),
    (Rule::exit_word, "exit"),
    (Rule::expect_word, "expect"),
    (Rule::expires_word, "expires"),
    (Rule::false_word, "false"),
    (Rule::feed_word, "feed"),
    (Rule::first_word, "first"),
    (Rule::followed_word, "followed"),
    (Rule::for_word, "for"),
    (Rule::from_word, "from"),
    (Rule::gets_word, "gets"),
    (Rule::goal_word, "goal"),
    (Rule::guardian_word, "guardian"),
    (Rule::has_word, "has"),
    (Rule::held_word, "held"),
    (Rule::holdout_word, "holdout"),
    (Rule::hour_word, "hour"),
    (Rule::if_word, "if"),
    (Rule::in_word, "in"),
    (Rule::includes_word, "includes"),
    (Rule::including_word, "including"),
    (Rule::is_word, "is"),
    (Rule::keep_word, "keep"),
    (Rule::known_word, "known"),
    (Rule::languages_word, "languages"),
    (Rule::last_word, "last"),
    (Rule::latest_word, "latest"),
    (Rule::layout_word, "layout"),
    (Rule::least_word, "least"),
    (Rule::leaving_word, "leaving"),
    (Rule::let_word, "let"),
    (Rule::library_word, "library"),
    (Rule::like_word, "like"),
    (Rule::limit_word, "limit"),
    (Rule::list_word, "list"),
    (Rule::matches_word, "matches"),
    (Rule::member_word, "member"),
    (Rule::members_word, "members"),
    (Rule::message_word, "message"),
    (Rule::messages_word, "messages"),
    (Rule::month_word, "month"),
    (Rule::most_word, "most"),
    (Rule::needs_word, "needs"),
    (Rule::never_word, "never"),
    (Rule::next_word, "next"),
    (Rule::no_word, "no"),
    (Rule::none_word, "none"),
    (Rule::not_word, "not"),
    (Rule::nothing_word, "nothing"),
    (Rule::now_word, "now"),
    (Rule::of_word, "of"),
    (Rule::on_word, "on"),
    (Rule::once_word, "once"),
    (Rule::one_word, "one"),
    (Rule::only_word, "only"),
    (Rule::open_word, "open"),
    (Rule::optional_word, "optional"),
    (Rule::or_word, "or"),
    (Rule::out_word, "out"),
    (Rule::patron_word, "patron"),
    (Rule::per_word, "per"),
    (Rule::pick_word, "pick"),
    (Rule::policy_word, "policy"),
    (Rule::previous_word, "previous"),
    (Rule::priority_word, "priority"),
    (Rule::privacy_word, "privacy"),
    (Rule::private_word, "private"),
    (Rule::public_word, "public"),
    (Rule::publish_word, "publish"),
    (Rule::publishes_word, "publishes"),
    (Rule::purpose_word, "purpose"),
    (Rule::question_word, "question"),
    (Rule::quiet_word, "quiet"),
    (Rule::record_word, "record"),
    (Rule::records_word, "records"),
    (Rule::remove_word, "remove"),
    (Rule::repeat_word, "repeat"),
    (Rule::reply_word, "reply"),
    (Rule::requires_word, "requires"),
    (Rule::reveal_word, "reveal"),
    (Rule::row_word, "row"),
    (Rule::run_word, "run"),
    (Rule::runs_word, "runs"),
    (Rule::sample_word, "sample"),
    (Rule::saying_word, "saying"),
    (Rule::scale_word, "scale"),
    (Rule::segment_word, "segment"),
    (Rule::send_word, "send"),
    (Rule::sender_word, "sender"),
    (Rule::serve_word, "serve"),
    (Rule::set_word, "set"),
    (Rule::since_word, "since"),
    (Rule::skip_word, "skip"),
    (Rule::split_word, "split"),
    (Rule::staff_word, "staff"),
    (Rule::start_word, "start"),
    (Rule::starts_word, "starts"),
    (Rule::status_word, "status"),
    (Rule::stop_word, "stop"),
    (Rule::sum_word, "sum"),
    (Rule::suppress_word, "suppress"),
    (Rule::survey_word, "survey"),
    (Rule::table_word, "table"),
    (Rule::test_word, "test"),
    (Rule::text_word, "text"),
    (Rule::the_word, "the"),
    (Rule::this_word, "this"),
    (Rule::time_word, "time"),
    (Rule::times_word, "times"),
    (Rule::timezone_word, "timezone"),
    (Rule::to_word, "to"),
    (Rule::today_word, "today"),
    (Rule::together_word, "together"),
    (Rule::true_word, "true"),
    (Rule::under_word, "under"),
    (Rule::unknown_word, "unknown"),
    (Rule::unless_word, "unless"),
    (Rule::until_word, "until"),
    (Rule::up_word, "up"),
    (Rule::wait_word, "wait"),
    (Rule::week_word, "week"),
    (Rule::weeks_word, "weeks"),
    (Rule::when_word, "when"),
    (Rule::where_word, "where"),
    (Rule::with_word, "with"),
    (Rule::withdraw_word, "withdraw"),
    (Rule::within_word, "within"),
    (Rule::without_word, "without"),
    (Rule::year_word, "year"),
];
