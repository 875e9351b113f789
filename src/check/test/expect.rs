//! Expectations.

use crate::catalogue::Channel;
use crate::diagnostic::{Code, Diagnostic};
use crate::program::Statement;
use crate::symbol::Symbol;
use crate::syntax::ast::{self, Expectation, Who};

use super::Checker;
use crate::check::Scope;
use crate::check::campaign::{UNKNOWN_MESSAGE, channels_of};
use crate::check::expr::unknown;

const NOT_IN_THE_MESSAGE: Code = Code("E0612");

impl Checker<'_, '_> {
    pub(super) fn expectation(&mut self, expectation: &Expectation) -> Option<Statement> {
        match expectation {
            Expectation::In { person, negated, segment, purpose } => {
                let person = self.person(*person);
                let group = self.context.group(segment, &Scope::default());
                let purpose = purpose.map_or(Some(None), |purpose| self.context.purpose_named(purpose).map(Some));
                Some(Statement::ExpectIn { person: person?, negated: *negated, group: group?, purpose: purpose? })
            }
            Expectation::Gets { who, message, channel, language, on, times, saying } => {
                let person = match who {
                    Who::Staff(_) => Some(None),
                    Who::Person(person) => self.person(*person).map(Some),
                };
                let message = self.message(*message);
                let channel = self.channel(*channel, message);
                let language = language.map_or(Some(None), |language| self.language(language).map(Some));
                let on = on.as_ref().map_or(Some(None), |on| self.day(on).map(Some));
                Some(Statement::ExpectGets {
                    person: person?,
                    message: message?,
                    channel: channel?,
                    language: language?,
                    on: on?,
                    times: times.map(|times| times.value),
                    saying: saying.as_ref().map(|saying| saying.value.clone()),
                })
            }
            Expectation::GetsNothing { person, after } => {
                let person = self.person(*person);
                let after = after.as_ref().map_or(Some(None), |after| self.day(after).map(Some));
                Some(Statement::ExpectNothing { person: person?, after: after? })
            }
            Expectation::Publishes { message, channel, on } => {
                let message = self.message(*message);
                let channel = self.channel(*channel, message);
                let on = on.as_ref().map_or(Some(None), |on| self.day(on).map(Some));
                Some(Statement::ExpectPublishes { message: message?, channel: channel?, on: on? })
            }
            Expectation::Count { segment, is } => {
                let group = self.context.group(segment, &Scope::default());
                Some(Statement::ExpectCount { group: group?, is: is.value })
            }
        }
    }

    fn message(&mut self, name: ast::Name) -> Option<Symbol> {
        if self.context.declared.messages.contains_key(&name.symbol) {
            return Some(name.symbol);
        }
        if !self.context.declared.broken.contains(&name.symbol) {
            let known: Vec<Symbol> = self.context.declared.messages.keys().copied().collect();
            let message = format!("there is no message `{}`", name.symbol);
            self.context.report(unknown(UNKNOWN_MESSAGE, name, &message, known, "messages are"));
        }
        None
    }

    /// A channel that the message has.
    fn channel(&mut self, name: Option<ast::Name>, message: Option<Symbol>) -> Option<Option<Channel>> {
        let Some(name) = name else { return Some(None) };
        let channel = self.context.channel_named(name)?;
        let declared = message.and_then(|message| self.context.declared.messages.get(&message).copied());
        let lacks = declared.filter(|declared| !declared.item.broken && !channels_of(declared.what).contains(&channel));
        if let Some(declared) = lacks {
            self.context.report(
                Diagnostic::new(
                    NOT_IN_THE_MESSAGE,
                    name.span,
                    format!("`{}` has no block `{}`", declared.what.name.symbol, name.symbol),
                )
                .label("can never go by it")
                .also(declared.what.name.span, "the message")
                .help("name one of its channels, or leave `by` out"),
            );
            return None;
        }
        Some(Some(channel))
    }

    fn language(&mut self, name: ast::Name) -> Option<Symbol> {
        self.context.known_language(name).then_some(name.symbol)
    }
}
