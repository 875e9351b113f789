//! Tests in the language (section 11).

use pest::iterators::Pair;

use super::Builder;
use crate::diagnostic::Diagnostic;
use crate::syntax::ast::*;
use crate::syntax::grammar::{Parts, Rule};
use crate::syntax::token::STATEMENT_WORDS;

impl Builder<'_> {
    pub(super) fn test(&mut self, pair: Pair<'_, Rule>) -> Test {
        let mut parts = Parts::of(pair);
        let name = self.text(parts.one());
        Test { name, statements: parts.map(|statement| self.statement(statement)).collect() }
    }

    fn person(&mut self, pair: Pair<'_, Rule>) -> Name {
        let name = self.name(pair);
        let word = name.symbol.as_str();
        if STATEMENT_WORDS.contains(&word) || matches!(word, "count" | "publishes" | "staff") {
            self.report(
                Diagnostic::new(
                    super::NAME_LIKE_A_WORD,
                    name.span,
                    format!("a person of a test is not named `{word}`"),
                )
                .label("a word of the test block")
                .note(format!("in a test, `{word}` would be read as the beginning of a statement or expectation"))
                .help("choose another name, such as `ana`"),
            );
        }
        name
    }

    fn moment_in(&mut self, pair: Pair<'_, Rule>) -> When {
        self.when(Parts::of(pair).one())
    }

    fn fixture(&mut self, pair: Pair<'_, Rule>) -> Vec<Assignment> {
        Parts::of(pair)
            .map(|assignment| {
                let span = self.span(&assignment);
                let mut parts = Parts::of(assignment);
                let field = self.name(parts.one());
                let value = parts.one();
                let value = (value.as_rule() != Rule::no_value).then(|| self.primary(value));
                Assignment { field, value, span }
            })
            .collect()
    }

    fn statement(&mut self, pair: Pair<'_, Rule>) -> Statement {
        let span = self.span(&pair);
        let inner = Parts::of(pair).one();
        let rule = inner.as_rule();
        let mut parts = Parts::of(inner);
        let kind = match rule {
            Rule::now_statement => StatementKind::Now(self.when(parts.one())),
            Rule::patron_statement => {
                let person = self.person(parts.one());
                let like = parts.next_if(Rule::like).map(|like| self.name_in(like));
                let from = parts.next_if(Rule::since_when).map(|from| self.moment_in(from));
                StatementKind::Patron { person, like, from, fields: self.fixture(parts.one()) }
            }
            Rule::consent_statement | Rule::withdraw => {
                let person = self.name(parts.one());
                let purpose = self.name(parts.one());
                let channel = self.name(parts.one());
                let on = self.moment_in(parts.one());
                if rule == Rule::withdraw {
                    StatementKind::Withdraw { person, purpose, channel, on }
                } else {
                    let until = parts.next_if(Rule::until_moment).map(|until| self.moment_in(until));
                    StatementKind::Consent { person, purpose, channel, on, until, asked: parts.next().is_some() }
                }
            }
            Rule::event_statement => {
                let event = self.name(parts.one());
                let person = self.name(parts.one());
                let on = self.moment_in(parts.one());
                StatementKind::Event { event, person, on, fields: self.fixture_if(parts) }
            }
            Rule::record_statement => {
                let record = self.name(parts.one());
                let key = self.name(parts.one());
                let person = self.name(parts.one());
                let on = self.moment_in(parts.one());
                StatementKind::Record { record, key, person, on, fields: self.fixture_if(parts) }
            }
            Rule::remove => {
                let key = self.name(parts.one());
                StatementKind::Remove { key, on: self.moment_in(parts.one()) }
            }
            Rule::change => {
                let what = self.name(parts.one());
                let on = self.moment_in(parts.one());
                StatementKind::Change { what, on, fields: self.fixture(parts.one()) }
            }
            Rule::list_member => {
                let person = self.name(parts.one());
                StatementKind::Member { person, list: self.name(parts.one()) }
            }
            Rule::row => {
                let name = self.name(parts.one());
                let key = parts.next_if(Rule::fixture_value).map(|key| self.primary(key));
                let fields = self.fixture(parts.one());
                match key {
                    Some(key) => StatementKind::TableRow { table: name, key, fields },
                    None => StatementKind::FeedRow { feed: name, fields },
                }
            }
            Rule::held_out => {
                let person = self.name(parts.one());
                StatementKind::HeldOut { person, campaign: self.name(parts.one()) }
            }
            Rule::in_arm => {
                let person = self.name(parts.one());
                let arm = self.number_within(parts.one(), 1, 100, "arm of a split");
                StatementKind::Arm { person, arm, campaign: self.name(parts.one()) }
            }
            Rule::run => StatementKind::Run(self.when(parts.one())),
            Rule::skip => StatementKind::Skip(self.when(parts.one())),
            Rule::only => StatementKind::Only(parts.map(|name| self.name(name)).collect()),
            _ => StatementKind::Expect(self.expectation(parts.one())),
        };
        Statement { span, kind }
    }

    fn fixture_if(&mut self, mut parts: Parts<'_>) -> Vec<Assignment> {
        parts.next().map(|fixture| self.fixture(fixture)).unwrap_or_default()
    }

    fn expectation(&mut self, pair: Pair<'_, Rule>) -> Expectation {
        let rule = pair.as_rule();
        let mut parts = Parts::of(pair);
        match rule {
            Rule::expect_count => {
                let segment = self.segment_ref(parts.one());
                Expectation::Count { segment, is: self.number_within(parts.one(), 0, i64::MAX, "count") }
            }
            Rule::expect_publishes => {
                let message = self.name(parts.one());
                let (mut channel, mut on) = (None, None);
                for part in parts {
                    let span = self.span(&part);
                    let is_second = match part.as_rule() {
                        Rule::gets_by => channel.replace(self.name_in(part)).is_some(),
                        _ => on.replace(self.moment_in(part)).is_some(),
                    };
                    if is_second {
                        self.twice(span);
                    }
                }
                Expectation::Publishes { message, channel, on }
            }
            Rule::expect_in => {
                let person = self.name(parts.one());
                let negated = parts.next_if(Rule::expect_not).is_some();
                let segment = self.segment_ref(parts.one());
                let purpose = parts.next().map(|purpose| self.name_in(purpose));
                Expectation::In { person, negated, segment, purpose }
            }
            Rule::expect_nothing => {
                let person = self.name(parts.one());
                Expectation::GetsNothing { person, after: parts.next().map(|after| self.moment_in(after)) }
            }
            _ => self.gets(parts),
        }
    }

    fn gets(&mut self, mut parts: Parts<'_>) -> Expectation {
        let person = self.name(parts.one());
        let who = if person.symbol.as_str() == "staff" { Who::Staff(person.span) } else { Who::Person(person) };
        let message = self.name(parts.one());
        let (mut channel, mut language, mut on, mut times, mut saying) = (None, None, None, None, None);
        for part in parts {
            let span = self.span(&part);
            let is_second = match part.as_rule() {
                Rule::gets_by => channel.replace(self.name_in(part)).is_some(),
                Rule::gets_in => language.replace(self.name_in(part)).is_some(),
                Rule::gets_on => on.replace(self.moment_in(part)).is_some(),
                Rule::gets_times => {
                    let number = self.number_within(Parts::of(part).one(), 0, i64::from(i32::MAX), "number of times");
                    times.replace(number).is_some()
                }
                _ => saying.replace(self.text(Parts::of(part).one())).is_some(),
            };
            if is_second {
                self.twice(span);
            }
        }
        Expectation::Gets { who, message, channel, language, on, times, saying }
    }
}
