//! From pest's pairs to the syntax tree: decodes literals, and reports the slips that the grammar lets pass.

mod campaign;
mod catalogue;
mod expression;
mod history;
mod message;
mod predicate;
mod test;

use std::sync::Arc;

use pest::iterators::Pair;

use super::ast::*;
use super::grammar::{Parts, Rule};
use super::literal;
use super::scan::{DEEP, Scan};
use crate::diagnostic::{Code, Diagnostic, FileId, Span};
use crate::limits;
use crate::symbol::Symbol;
use crate::time::{Day, TimeOfDay, Unit, Weekday};

pub use campaign::{CLAUSE_AFTER_STEP, WEEKDAY};
pub use history::WHERE;
pub use predicate::OPERATOR;

/// A name with a capital or a letter outside a to z.
pub const NAME: Code = Code("E0010");
/// A name like the first word of a clause, step or statement.
pub const NAME_LIKE_A_WORD: Code = Code("E0012");
/// A share that is no whole percentage from 0 to 100.
pub const SHARE: Code = Code("E0029");
/// A duration without a unit.
pub const DURATION: Code = Code("E0028");
/// An address that is none.
pub const ADDRESS: Code = Code("E0027");

/// Builds the tree of one piece of a file.
pub(super) struct Builder<'a> {
    file: FileId,
    /// Where the piece begins in the file.
    base: usize,
    scan: &'a Scan<'a>,
    source: &'a str,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The parameters of the segment that is being built.
    parameters: Vec<Symbol>,
    /// Inside the parentheses of a `where`.
    in_where: bool,
    /// Signs and words that chain (`not not`, `1 + 1 + 1`) around what is being built: each is a level of the tree.
    chained: usize,
}

impl<'a> Builder<'a> {
    /// The piece begins at `base` of the scanned file.
    pub(super) fn new(file: FileId, scan: &'a Scan<'_>, base: usize) -> Builder<'a> {
        let source: &str = &scan.source;
        Builder {
            file,
            base,
            scan,
            source,
            diagnostics: Vec::new(),
            parameters: Vec::new(),
            in_where: false,
            chained: 0,
        }
    }

    pub(super) fn item(&mut self, pair: Pair<'_, Rule>) -> Item {
        let span = self.span(&pair);
        let inner = Parts::of(pair).one();
        let kind = match inner.as_rule() {
            Rule::library => ItemKind::Library(self.library(inner)),
            Rule::purpose => ItemKind::Purpose(self.purpose(inner)),
            Rule::privacy => ItemKind::Privacy(self.privacy(inner)),
            Rule::enum_decl => ItemKind::Enum(self.enum_decl(inner)),
            Rule::patron_decl => ItemKind::Patron(self.patron_decl(inner)),
            Rule::contact => ItemKind::Contact(self.contact(inner)),
            Rule::event_decl => ItemKind::Event(self.event_decl(inner)),
            Rule::record_decl => ItemKind::Record(self.record_decl(inner)),
            Rule::table_decl => ItemKind::Table(self.table_decl(inner)),
            Rule::list_decl => ItemKind::List(self.list_decl(inner)),
            Rule::feed_decl => ItemKind::Feed(self.feed_decl(inner)),
            Rule::survey_decl => ItemKind::Survey(self.survey_decl(inner)),
            Rule::segment => ItemKind::Segment(self.segment(inner)),
            Rule::message => ItemKind::Message(self.message(inner)),
            Rule::campaign => ItemKind::Campaign(self.campaign(inner)),
            Rule::test => ItemKind::Test(self.test(inner)),
            rule => unreachable!("no declaration: {rule:?}"),
        };
        Item { doc: self.doc(span), span, broken: false, kind }
    }

    /// What the head of a declaration tells of it.
    pub(super) fn skeleton(&mut self, pair: Pair<'_, Rule>) -> Option<ItemKind> {
        let head = self.span(&pair);
        let mut parts = Parts::of(pair);
        let word = parts.one();
        let word_span = self.span(&word);
        let before = self.diagnostics.len();
        let title = parts.next_if(Rule::text).map(|text| self.text(text));
        let name = parts.next_if(Rule::name).map(|name| self.name(name));
        let mut parameters = Vec::new();
        while let Some(parameter) = parts.next_if(Rule::parameter) {
            parameters.push(self.parameter(parameter));
        }
        let label = self.label_if(&mut parts);
        self.diagnostics.truncate(before);
        let private = None;
        Some(match (word.as_str(), name, title) {
            ("library", _, Some(name)) => ItemKind::Library(Library { head, name, clauses: Vec::new() }),
            ("test", _, Some(name)) => ItemKind::Test(Test { name, statements: Vec::new() }),
            ("patron", ..) => ItemKind::Patron(PatronDecl { head: word_span, fields: Vec::new() }),
            ("contact", ..) => ItemKind::Contact(Contact { head: word_span, entries: Vec::new() }),
            ("purpose", Some(name), _) => ItemKind::Purpose(Purpose {
                name,
                label,
                without_consent: None,
                consent_word: false,
                expires_after: None,
                never_to: Vec::new(),
            }),
            ("privacy", Some(name), _) => ItemKind::Privacy(Privacy { name, label, clauses: Vec::new() }),
            ("enum", Some(name), _) => ItemKind::Enum(EnumDecl { name, values: Vec::new() }),
            ("event", Some(name), _) => ItemKind::Event(EventDecl { name, private, fields: Vec::new() }),
            ("record", Some(name), _) => {
                let (open_until, keep) = (Vec::new(), Vec::new());
                ItemKind::Record(RecordDecl { name, private, fields: Vec::new(), open_until, keep })
            }
            ("table", Some(name), _) => ItemKind::Table(TableDecl { name, by: name, fields: Vec::new() }),
            ("list", Some(name), _) => ItemKind::List(ListDecl { name, label }),
            ("feed", Some(name), _) => ItemKind::Feed(FeedDecl { name, fields: Vec::new() }),
            ("survey", Some(name), _) => ItemKind::Survey(SurveyDecl { name, label, questions: Vec::new() }),
            ("segment", Some(name), _) => {
                let body = Expr { span: name.span, kind: ExprKind::Invalid };
                ItemKind::Segment(Segment { name, parameters, label, body })
            }
            ("message", Some(name), _) => {
                ItemKind::Message(Message { name, label, preludes: Vec::new(), blocks: Vec::new() })
            }
            ("campaign", Some(name), _) => {
                ItemKind::Campaign(Campaign { name, label, clauses: Vec::new(), steps: Vec::new() })
            }
            _ => return None,
        })
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The documentation directly above what begins at `span`.
    pub(super) fn doc(&self, span: Span) -> Option<Arc<str>> {
        self.scan.doc_above(span.start as usize)
    }

    /// From the first to the last token; pest counts the white space before an absent last part as part of it.
    pub(super) fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let start = self.base + pair.as_span().start();
        let text = pair.as_str().trim_end_matches([' ', '\n', '\t', '\r', '\u{feff}']);
        // Where the last line cannot end in a comment, its end is that of the last token.
        if text.bytes().rev().take_while(|&byte| byte != b'\n').all(|byte| byte != b'#') {
            debug_assert_eq!(start + text.len(), self.base + Self::last_token(pair).as_span().end());
            return Span::new(self.file, start..start + text.len());
        }
        Span::new(self.file, start..self.base + Self::last_token(pair).as_span().end())
    }

    fn last_token<'i>(pair: &Pair<'i, Rule>) -> Pair<'i, Rule> {
        let mut last = pair.clone();
        while let Some(inner) = last.clone().into_inner().next_back() {
            last = inner;
        }
        last
    }

    /// The span of the first token.
    pub(super) fn first_token(&self, pair: &Pair<'_, Rule>) -> Span {
        let mut first = pair.clone();
        while let Some(inner) = first.clone().into_inner().next() {
            first = inner;
        }
        self.span(&first)
    }

    pub(super) fn name(&mut self, pair: Pair<'_, Rule>) -> Name {
        let span = self.span(&pair);
        let text = pair.as_str();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && !text.starts_with('_');
        if is_plain {
            return Name { symbol: Symbol::new(text), span };
        }
        let mended = text.to_lowercase();
        let is_ascii = mended.is_ascii() && !mended.starts_with('_');
        let diagnostic = Diagnostic::new(NAME, span, format!("`{text}` is not how a name is written"));
        self.report(if is_ascii {
            diagnostic
                .label("names are written in lower case")
                .help(format!("write `{mended}`; how a thing is called for readers is its label, a text"))
                .fix(span, mended.clone())
        } else {
            let odd: String = text.chars().filter(|c| !c.is_ascii()).collect();
            let odd = if odd.is_empty() { "_".into() } else { odd };
            diagnostic
                .label(format!("`{odd}` is none of a to z, 0 to 9 and _ that names are made of"))
                .help("names are made of the lower-case letters a to z, digits and _, and begin with a letter")
        });
        Name { symbol: Symbol::new(&mended), span }
    }

    pub(super) fn names(&mut self, pair: Pair<'_, Rule>) -> Vec<Name> {
        Parts::of(pair).filter(|part| part.as_rule() == Rule::name).map(|part| self.name(part)).collect()
    }

    /// The only name in `pair`.
    pub(super) fn name_in(&mut self, pair: Pair<'_, Rule>) -> Name {
        let name = Parts::of(pair).one();
        self.name(name)
    }

    pub(super) fn text(&mut self, pair: Pair<'_, Rule>) -> Text {
        let span = self.span(&pair);
        let raw = pair.as_rule() == Rule::raw_text;
        let token = pair.as_str();
        let decoded = literal::decode(token, raw);
        let start = span.start;
        for range in decoded.bad_escapes {
            let place = Span::new(self.file, start as usize + range.start..start as usize + range.end);
            let written = &token[range];
            self.report(
                Diagnostic::new(literal::ESCAPE, place, format!("`{written}` means nothing in a text"))
                    .label("unknown escape")
                    .help("a text knows \\\" \\\\ \\n \\t and \\u{e9}; a backslash itself is written \\\\")
                    .fix(place, format!("\\{written}")),
            );
        }
        Text {
            value: decoded.value.into(),
            span,
            is_block: token.starts_with("\"\"\""),
            offsets: decoded.offsets.into_iter().map(|(value, at)| (value, at + start)).collect(),
        }
    }

    pub(super) fn label(&mut self, pair: Pair<'_, Rule>) -> Label {
        let mut parts = Parts::of(pair);
        let text = self.text(parts.one());
        let translations = parts
            .map(|part| {
                let mut parts = Parts::of(part);
                let language = self.name(parts.one());
                (language, self.text(parts.one()))
            })
            .collect();
        Label { text, translations }
    }

    pub(super) fn label_if(&mut self, parts: &mut Parts<'_>) -> Option<Label> {
        parts.next_if(Rule::label).map(|label| self.label(label))
    }

    pub(super) fn number(&mut self, pair: Pair<'_, Rule>) -> Number {
        let span = self.span(&pair);
        let value = literal::integer(pair.as_str(), span);
        Number { value: self.or_report(value, 1), span }
    }

    /// A number from `low` to `high`; `what` says of what.
    pub(super) fn number_within(&mut self, pair: Pair<'_, Rule>, low: i64, high: i64, what: &str) -> Number {
        let before = self.diagnostics.len();
        let number = self.number(pair);
        if before == self.diagnostics.len() && !(low..=high).contains(&number.value) {
            let range = if high == i64::MAX { format!("at least {low}") } else { format!("{low} to {high}") };
            self.report(
                Diagnostic::new(literal::NUMBER, number.span, format!("{} is no {what}", number.value))
                    .label(format!("{what}: {range}"))
                    .help(format!("write a number, {range}")),
            );
        }
        number
    }

    /// Notes that what is built next stands inside a chain of `links` operators; false (and reported) if the tree
    /// would grow too deep. Who enters takes `links` from `chained` again.
    fn enter_chain(&mut self, links: usize, span: Span) -> bool {
        let fits = self.chained + links <= limits::NESTING;
        if fits {
            self.chained += links;
        } else {
            self.report(
                Diagnostic::new(DEEP, span, format!("a chain of more than {} operators", limits::NESTING))
                    .label("too long")
                    .help("give a part of it a name: a segment of its own, or a `let`"),
            );
        }
        fits
    }

    pub(super) fn or_report<T>(&mut self, result: Result<T, Diagnostic>, otherwise: T) -> T {
        result.unwrap_or_else(|diagnostic| {
            self.report(diagnostic);
            otherwise
        })
    }

    pub(super) fn share(&mut self, pair: Pair<'_, Rule>) -> Share {
        let span = self.span(&pair);
        let digits = pair.as_str().trim_end_matches('%');
        let percent = digits.parse().ok().filter(|percent| (0..=100).contains(percent));
        let percent = percent.unwrap_or_else(|| {
            self.report(
                Diagnostic::new(SHARE, span, format!("{digits}% is no share"))
                    .label("shares are whole percentages from 0% to 100%")
                    .help("write a whole percentage of at most 100%, such as 10%"),
            );
            0
        });
        Share { percent, span }
    }

    pub(super) fn date(&mut self, pair: Pair<'_, Rule>) -> (Day, Span) {
        let span = self.span(&pair);
        let day = literal::date(pair.as_str(), span);
        (self.or_report(day, Day(20_000)), span)
    }

    pub(super) fn time(&mut self, pair: Pair<'_, Rule>) -> Time {
        let span = self.span(&pair);
        let token = pair.as_str();
        let time = literal::time(token, span).and_then(|time| {
            if token.matches(':').count() == 1 {
                return Ok(time);
            }
            Err(Diagnostic::new(literal::TIME, span, "a time of day has no seconds")
                .label("only an instant, such as 2026-06-15 09:00:30, may have seconds")
                .help(format!("write {}", &token[..5]))
                .fix(span, &token[..5]))
        });
        Time { time: self.or_report(time, TimeOfDay(0)), span }
    }

    pub(super) fn when(&mut self, pair: Pair<'_, Rule>) -> When {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let date_pair = parts.one();
        let Some(time_pair) = parts.next_if(Rule::time) else {
            let (day, _) = self.date(date_pair);
            return When { span, kind: WhenKind::Date(day) };
        };
        let (date, _) = self.date(date_pair);
        let token = time_pair.as_str();
        let time_span = self.span(&time_pair);
        let time = literal::time(token, time_span).map_err(|mut diagnostic| {
            // The whole instant is wrong, unless two digits mend it.
            if diagnostic.fix.is_none() {
                diagnostic.span = span;
            }
            diagnostic
        });
        let time = self.or_report(time, TimeOfDay(0));
        let offset = parts.next_if(Rule::offset).map(|offset| self.offset(&offset));
        let seconds_written = token.matches(':').count() == 2;
        When { span, kind: WhenKind::Instant(InstantLiteral { date, time, seconds_written, offset }) }
    }

    fn offset(&mut self, pair: &Pair<'_, Rule>) -> i32 {
        let span = self.span(pair);
        let token = pair.as_str();
        let hours: i32 = token[1..3].parse().unwrap_or(99);
        let minutes: i32 = token[4..6].parse().unwrap_or(99);
        if hours > 25 || minutes > 59 {
            self.report(
                Diagnostic::new(literal::TIME, span, format!("there is no offset {token} from UTC"))
                    .label("offsets reach from -25:59 to +25:59")
                    .help("write it as -05:00 or +05:30"),
            );
            return 0;
        }
        let seconds = (hours * 60 + minutes) * 60;
        if token.starts_with('-') { -seconds } else { seconds }
    }

    pub(super) fn unit(pair: &Pair<'_, Rule>) -> Unit {
        Unit::from_word(pair.as_str()).expect("the grammar lists the units")
    }

    pub(super) fn weekday(&self, pair: &Pair<'_, Rule>) -> (Weekday, Span) {
        let day = Weekday::from_word(pair.as_str()).expect("the grammar lists the weekdays");
        (day, self.span(pair))
    }

    pub(super) fn quantity(&mut self, pair: Pair<'_, Rule>) -> Quantity {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let first = parts.one();
        let kind = match first.as_rule() {
            Rule::integer => {
                let number = self.number_within(first, 0, i64::from(i32::MAX), "duration");
                let unit = parts.one();
                QuantityKind::Literal { count: number.value, unit: Self::unit(&unit), unit_span: self.span(&unit) }
            }
            Rule::glued => {
                let token = first.as_str();
                if token.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.report(
                        Diagnostic::new(DURATION, span, "a duration needs a unit")
                            .label(format!("{token} of what?"))
                            .help(format!("write a duration such as `{token} days`")),
                    );
                } else {
                    self.report(literal::glued(token, span));
                }
                QuantityKind::Literal { count: 1, unit: Unit::Day, unit_span: span }
            }
            _ => {
                let word = first.as_str();
                let next = parts.next_if(Rule::unit);
                let name = self.name(first.clone());
                match next {
                    Some(unit) => {
                        QuantityKind::Counted { count: name, unit: Self::unit(&unit), unit_span: self.span(&unit) }
                    }
                    None if Unit::from_word(word).is_some() && !self.parameters.contains(&name.symbol) => {
                        let unit = Unit::from_word(word).expect("just seen");
                        let written = format!("1 {}", unit.word());
                        self.report(
                            Diagnostic::new(DURATION, span, "a duration needs a number")
                                .label("how many?")
                                .help(format!(
                                    "write `{written}`; a calendar period is `in this {0}` or `in the previous {0}`",
                                    unit.word()
                                ))
                                .fix(span, written),
                        );
                        QuantityKind::Literal { count: 1, unit, unit_span: span }
                    }
                    None => QuantityKind::Parameter(name),
                }
            }
        };
        Quantity { span, kind }
    }

    pub(super) fn limit(&mut self, pair: Pair<'_, Rule>) -> Limit {
        let mut parts = Parts::of(pair);
        let messages = self.number_within(parts.one(), 0, i64::from(i32::MAX), "number of messages");
        Limit { messages, per: self.quantity(parts.one()) }
    }

    pub(super) fn address(&mut self, pair: Pair<'_, Rule>) -> Address {
        let mut parts = Parts::of(pair);
        let name = parts.next_if(Rule::text).map(|text| self.text(text));
        let angle = parts.one();
        let address_span = self.span(&angle);
        let inner = &angle.as_str()[1..angle.as_str().len() - 1];
        let is_address = inner.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && domain.split('.').all(|part| !part.is_empty())
                && !inner.contains([',', ';', '(', ')', '\\'])
        });
        if !is_address {
            self.report(
                Diagnostic::new(ADDRESS, address_span, format!("`{inner}` is no e-mail address"))
                    .label("an address is NAME@DOMAIN")
                    .help("write it as <news@riverside.example>"),
            );
        }
        Address { name, address: inner.into(), address_span }
    }
}
