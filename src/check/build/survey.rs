//! Surveys: each question is a field of `answered` and has one type in all surveys.

use std::collections::HashMap;

use crate::catalogue::{Question, QuestionKind, Survey, Type};
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::symbol::Symbol;
use crate::syntax::ast;

use super::Items;

const TWICE: Code = Code("E0130");
const TYPES_DIFFER: Code = Code("E0119");
const EMPTY_SCALE: Code = Code("E0136");
const RESERVED: Code = Code("E0131");

impl<'a> Context<'a> {
    pub(super) fn declare_surveys(&mut self, items: &Items<'a>) {
        let mut types: HashMap<Symbol, (Type, Span)> = HashMap::new();
        for declaration in &items.surveys {
            let ast = declaration.what;
            let label = self.checked_label(ast.label.as_ref());
            let mut questions: Vec<Question> = Vec::new();
            for (index, question) in ast.questions.iter().enumerate() {
                let before = &ast.questions[..index];
                if let Some(first) = before.iter().find(|first| first.name.symbol == question.name.symbol) {
                    self.report(
                        Diagnostic::new(
                            TWICE,
                            question.name.span,
                            format!("two questions are called `{}`", question.name.symbol),
                        )
                        .label("again here")
                        .also(first.name.span, "first here"),
                    );
                    continue;
                }
                if ["at", "survey"].contains(&question.name.symbol.as_str()) {
                    self.report(
                        Diagnostic::new(
                            RESERVED,
                            question.name.span,
                            format!("every answer has a field `{}` already", question.name.symbol),
                        )
                        .label("choose another name")
                        .note("a question's name is a field of `answered`"),
                    );
                    continue;
                }
                questions.push(self.question(question, &mut types));
            }
            let span = self.own(ast.name.span);
            self.catalogue.surveys.push(Survey { name: ast.name.symbol, label, questions, span });
        }
    }

    fn question(&mut self, ast: &ast::Question, types: &mut HashMap<Symbol, (Type, Span)>) -> Question {
        let label = self.checked_label(ast.label.as_ref());
        let (kind, ty) = match &ast.kind {
            ast::QuestionKind::Scale { from, to } => {
                if from.value >= to.value {
                    self.report(
                        Diagnostic::new(
                            EMPTY_SCALE,
                            from.span.to(to.span),
                            format!("a scale from {} to {} has no steps", from.value, to.value),
                        )
                        .label("the first number is the smaller one")
                        .help(format!(
                            "write `scale {} to {}`",
                            to.value.min(from.value),
                            to.value.max(from.value) + 1
                        )),
                    );
                }
                (QuestionKind::Scale { from: from.value, to: to.value }, Type::Int)
            }
            ast::QuestionKind::Text => (QuestionKind::Text, Type::Text),
            ast::QuestionKind::OneOf(values) => {
                let id = self.anonymous_enum(values);
                (QuestionKind::OneOf(id), Type::Enum(id))
            }
        };
        match types.get(&ast.name.symbol) {
            Some(&(first, place)) if !self.same_type(first, ty) => {
                let (here, there) = (self.describe(ty), self.describe(first));
                self.report(
                    Diagnostic::new(
                        TYPES_DIFFER,
                        ast.name.span,
                        format!("`{}` is {here} here and {there} in another survey", ast.name.symbol),
                    )
                    .label(here)
                    .also(place, there)
                    .note("a question's name is a field of `answered`, with one type in all surveys")
                    .help("give one of the questions another name"),
                );
            }
            Some(_) => {}
            None => {
                types.insert(ast.name.symbol, (ty, ast.name.span));
            }
        }
        Question { name: ast.name.symbol, label, kind }
    }
}
