//! Messages (section 9).

use pest::iterators::Pair;

use super::Builder;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::*;
use crate::syntax::grammar::{Parts, Rule};
use crate::syntax::suggest::closest;

/// An unknown channel or part of a message.
pub const PART: Code = Code("E0048");

/// The channels that a message may have a block for.
const CHANNELS: [&str; 7] = ["email", "sms", "print", "web", "feed", "social", "hook"];
/// The parts of a channel block.
const PARTS: [&str; 5] = ["subject", "body", "text", "title", "link"];

impl Builder<'_> {
    pub(super) fn message(&mut self, pair: Pair<'_, Rule>) -> Message {
        let mut parts = Parts::of(pair);
        let name = self.name(parts.one());
        let label = self.label_if(&mut parts);
        let (mut preludes, mut blocks) = (Vec::new(), Vec::new());
        for part in parts {
            match part.as_rule() {
                Rule::prelude => preludes.push(self.prelude(part)),
                _ => blocks.push(self.channel_block(part)),
            }
        }
        Message { name, label, preludes, blocks }
    }

    fn prelude(&mut self, pair: Pair<'_, Rule>) -> Prelude {
        let span = self.span(&pair);
        let inner = Parts::of(pair).one();
        let rule = inner.as_rule();
        let mut parts = Parts::of(inner);
        let name = self.name(parts.one());
        let kind = match rule {
            Rule::let_ => PreludeKind::Let { name, value: self.operand(parts.one()) },
            Rule::needs => PreludeKind::Needs(name),
            _ => {
                let feed = self.name(parts.one());
                let condition = parts.next_if(Rule::where_clause).map(|clause| Box::new(self.where_clause(clause)));
                let first = self.number_within(parts.one(), 1, 1000, "number of rows");
                let by = self.name(parts.one());
                let descending = parts.next_if(Rule::descending).is_some();
                PreludeKind::Pick { name, feed, condition, first, by, descending }
            }
        };
        Prelude { span, kind }
    }

    fn channel_block(&mut self, pair: Pair<'_, Rule>) -> ChannelBlock {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let channel = self.known(parts.one(), "a message has no part", &CHANNELS);
        let condition = parts.next_if(Rule::expr).map(|condition| self.expr(condition));
        ChannelBlock { channel, condition, parts: parts.map(|part| self.part(part)).collect(), span }
    }

    fn part(&mut self, pair: Pair<'_, Rule>) -> Part {
        let span = self.span(&pair);
        let mut parts = Parts::of(pair);
        let what = self.known(parts.one(), "a channel block has no part", &PARTS);
        let language = parts.next_if(Rule::name).map(|language| self.name(language));
        let inner = parts.one();
        let source = match inner.as_rule() {
            Rule::part_file => PartSource::File(self.text(Parts::of(inner).one())),
            _ => PartSource::Text(self.text(inner)),
        };
        Part { what, language, source, span }
    }

    /// A name that must be one of `words`.
    fn known(&mut self, pair: Pair<'_, Rule>, what: &str, words: &[&'static str]) -> Name {
        let name = self.name(pair);
        let word = name.symbol.as_str();
        if words.contains(&word) {
            return name;
        }
        let diagnostic = Diagnostic::new(PART, name.span, format!("{what} `{word}`")).label("unknown");
        self.report(match closest(word, words.iter().copied()) {
            Some(right) => diagnostic.help(format!("did you mean `{right}`?")).fix(name.span, right),
            None => diagnostic.help(format!("there are {}", words.join(", "))),
        });
        name
    }
}
