//! The pest grammar of the language, `grammar/campaign.pest`.

use pest::iterators::{Pair, Pairs};
use pest_derive::Parser;

#[derive(Parser)]
#[grammar = "../grammar/campaign.pest"]
pub(super) struct Grammar;

impl Rule {
    /// Words and punctuation: they stand last in the grammar and carry no meaning of their own.
    pub(super) fn is_word(self) -> bool {
        self >= Rule::and_word
    }
}

/// The parts of a node without its words and punctuation.
pub(super) struct Parts<'i> {
    pairs: Pairs<'i, Rule>,
    /// The next part, if somebody looked.
    peeked: Option<Pair<'i, Rule>>,
}

impl<'i> Parts<'i> {
    pub(super) fn of(pair: Pair<'i, Rule>) -> Parts<'i> {
        Parts { pairs: pair.into_inner(), peeked: None }
    }

    pub(super) fn peek(&mut self) -> Option<Rule> {
        self.peek_pair().map(|pair| pair.as_rule())
    }

    pub(super) fn peek_pair(&mut self) -> Option<&Pair<'i, Rule>> {
        if self.peeked.is_none() {
            self.peeked = self.next();
        }
        self.peeked.as_ref()
    }

    /// The next part, which the grammar requires.
    pub(super) fn one(&mut self) -> Pair<'i, Rule> {
        self.next().expect("the grammar requires this part")
    }

    /// The next part if it is a `rule`.
    pub(super) fn next_if(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        if self.peek() == Some(rule) { self.next() } else { None }
    }
}

impl<'i> Iterator for Parts<'i> {
    type Item = Pair<'i, Rule>;

    fn next(&mut self) -> Option<Pair<'i, Rule>> {
        self.peeked.take().or_else(|| self.pairs.find(|pair| !pair.as_rule().is_word()))
    }
}
