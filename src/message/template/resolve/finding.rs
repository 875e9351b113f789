//! What is wrong with a template, said.

use std::ops::Range;

use super::Resolver;
use crate::diagnostic::{Code, Diagnostic};
use crate::message::template::helper;
use crate::message::template::name::{list, nearest};
use crate::message::template::syntax::Word;

pub(in crate::message::template) const UNKNOWN_NAME: Code = Code("E0703");
pub(in crate::message::template) const UNKNOWN_HELPER: Code = Code("E0704");

impl Resolver<'_> {
    pub(in crate::message::template) fn error(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    pub(in crate::message::template) fn unknown_name(&mut self, range: &Range<usize>, text: &str, help: Option<&str>) {
        let mut finding = Diagnostic::new(UNKNOWN_NAME, self.text.place(range.clone()), text);
        if let Some(help) = help {
            finding = finding.help(help);
        }
        self.findings.push(finding);
    }

    /// A word that is nobody's name.
    pub(in crate::message::template) fn misspelt(&mut self, word: &Word, known: &[&str], text: &str) {
        let place = self.text.place(word.range.clone());
        let mut finding = Diagnostic::new(UNKNOWN_NAME, place, format!("{text} `{}`", word.text));
        match nearest(&word.text, known.iter().copied()) {
            Some(near) => finding = finding.help(format!("did you mean `{near}`?")).fix(place, near),
            None if known.len() <= 12 && !known.is_empty() => {
                finding = finding.help(format!("there are {}", list(known)))
            }
            None => {}
        }
        self.findings.push(finding);
    }

    pub(in crate::message::template) fn wrong_helper(&mut self, word: &Word, help: &str) {
        let place = self.text.place(word.range.clone());
        let known = helper::NAMES.iter().copied().chain(["if", "unless", "each"]);
        let mut finding = Diagnostic::new(UNKNOWN_HELPER, place, format!("`{}` is no helper of a message", word.text));
        finding = match nearest(&word.text, known) {
            Some(near) if near != word.text => finding.help(format!("did you mean `{near}`?")).fix(place, near),
            _ => finding.help(help.to_owned()),
        };
        if matches!(word.text.as_str(), "lookup" | "log" | "raw" | "with") {
            finding = finding.note("A message prints only the values that it names.");
        }
        self.findings.push(finding);
    }

    pub(in crate::message::template) fn wrong_count(&mut self, word: &Word, takes: &str) {
        let place = self.text.place(word.range.clone());
        let text = format!("`{}` takes {takes}", word.text);
        self.findings.push(Diagnostic::new(helper::WRONG_ARGUMENT, place, text));
    }
}
