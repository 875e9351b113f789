//! The names of a layout: a template without a reader.

use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::message::template::name::{list, nearest};
use crate::message::template::syntax::{self, Expression, ExpressionKind, Node};
use crate::syntax::ast::Text;

use super::resolve::{UNKNOWN_HELPER, UNKNOWN_NAME};

/// What a layout names.
pub(in crate::message) struct Names {
    pub named: Vec<&'static str>,
    /// Where comments stand.
    pub comments: Vec<Range<usize>>,
}

/// Reads a layout whose names are `known`: bare names, `if` and `unless`, nothing else.
pub(in crate::message) fn check_names(text: &Text, known: &[&'static str]) -> (Option<Names>, Vec<Diagnostic>) {
    let (tree, findings) = syntax::parse(text);
    let Some(tree) = tree else { return (None, findings) };
    let mut checker = Checker { text, known, named: Vec::new(), findings };
    checker.nodes(&tree.nodes);
    let is_comment = |tag: &Range<usize>| text.value[tag.clone()].starts_with("{{!");
    let comments = tree.tags.into_iter().filter(is_comment).collect();
    (Some(Names { named: checker.named, comments }), checker.findings)
}

struct Checker<'a> {
    text: &'a Text,
    known: &'a [&'static str],
    named: Vec<&'static str>,
    findings: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Print { expression, .. } => self.name(expression),
                Node::Block(block) => {
                    for branch in &block.branches {
                        let place = self.text.place(branch.helper.range.clone());
                        match branch.arguments.as_slice() {
                            [argument] if matches!(branch.helper.text.as_str(), "if" | "unless") => self.name(argument),
                            _ => {
                                let text = format!("a layout has no block `{}` like this", branch.helper.text);
                                let finding = Diagnostic::new(UNKNOWN_HELPER, place, text);
                                self.findings.push(finding.help("its blocks are `if NAME` and `unless NAME`"));
                            }
                        }
                        self.nodes(&branch.body);
                    }
                    self.nodes(&block.otherwise);
                }
            }
        }
    }

    fn name(&mut self, expression: &Expression) {
        if let ExpressionKind::Path(path) = &expression.kind
            && let [word] = path.words.as_slice()
            && path.up == 0
            && !path.is_data
            && let Some(name) = self.known.iter().find(|name| **name == word.text)
        {
            self.named.push(name);
            return;
        }
        let place = self.text.place(expression.range.clone());
        let written = &self.text.value[expression.range.clone()];
        let finding = Diagnostic::new(UNKNOWN_NAME, place, format!("a layout has no value `{written}`"));
        self.findings.push(match nearest(written, self.known.iter().copied()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")).fix(place, near),
            None => finding
                .note("A layout is the same for every reader; what differs stands in the message.")
                .help(format!("there are {}", list(self.known))),
        });
    }
}
