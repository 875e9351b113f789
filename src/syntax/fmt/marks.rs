//! What the tree tells the formatter about the tokens: where the parts of a block begin, which parentheses belong to
//! a name, where an expression may be broken.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Span;
use crate::syntax::ast::*;
use crate::syntax::token::Token;
use crate::syntax::visit;

/// A part of a block: a clause, a field, a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Tokens of its head, behind which the rest is aligned with its neighbours; 0: not aligned.
    pub head: usize,
    /// It may share its line with others, as fields do.
    pub shares_line: bool,
}

/// Keyed by the offset of a token.
#[derive(Default)]
pub(super) struct Marks {
    pub items: HashSet<u32>,
    pub parts: HashMap<u32, Part>,
    /// `{` of blocks that are never written on one line.
    pub expanded: HashSet<u32>,
    /// `(` without a blank before it.
    pub tight: HashSet<u32>,
    /// `-` and `+` between two values.
    pub binary: HashSet<u32>,
    /// `and` and `or` between conditions, with how deep they are nested.
    pub connectors: HashMap<u32, usize>,
    /// Where the body of a segment begins: its further lines are not indented.
    pub bodies: HashSet<u32>,
}

const ALONE: Part = Part { head: 0, shares_line: false };
const SHARED: Part = Part { head: 0, shares_line: true };

pub(super) struct Marker<'t> {
    pub tokens: &'t [Token],
    pub text: &'t str,
    pub marks: Marks,
}

impl Marker<'_> {
    pub(super) fn item(&mut self, item: &Item) {
        self.marks.items.insert(item.span.start);
        match &item.kind {
            ItemKind::Library(library) => {
                self.expanded(item.span);
                for clause in &library.clauses {
                    let head = match clause.kind {
                        LibraryClauseKind::ReplyTo(_)
                        | LibraryClauseKind::WeekStarts(_)
                        | LibraryClauseKind::AdultAt(_) => 2,
                        _ => 1,
                    };
                    self.part(clause.span, Part { head, shares_line: false });
                }
            }
            ItemKind::Privacy(privacy) => privacy.clauses.iter().for_each(|clause| self.part(clause.span, ALONE)),
            ItemKind::Enum(declaration) => declaration.values.iter().for_each(|value| self.part(value.span, SHARED)),
            ItemKind::Patron(patron) => self.fields(&patron.fields),
            ItemKind::Contact(contact) => contact.entries.iter().for_each(|entry| self.part(entry.what.span, SHARED)),
            ItemKind::Event(event) => self.fields(&event.fields),
            ItemKind::Record(record) => {
                self.fields(&record.fields);
                let keeps = record.keep.iter().map(|keep| keep.span);
                for name in record.open_until.iter().map(|name| name.span).chain(keeps) {
                    // `open until` and `keep` stand before what the tree has of them.
                    let words = if self.before(name, 1) == "until" { 2 } else { 1 };
                    let index = self.index(name.start) - words;
                    self.marks.parts.insert(self.tokens[index].range.start as u32, ALONE);
                }
            }
            ItemKind::Table(table) => self.fields(&table.fields),
            ItemKind::Feed(feed) => self.fields(&feed.fields),
            ItemKind::Survey(survey) => survey.questions.iter().for_each(|question| self.part(question.span, ALONE)),
            ItemKind::Segment(segment) => {
                self.tight_behind(segment.name.span.end);
                self.part(segment.body.span, ALONE);
                self.marks.bodies.insert(segment.body.span.start);
            }
            ItemKind::Message(message) => {
                message.preludes.iter().for_each(|prelude| self.part(prelude.span, ALONE));
                for block in &message.blocks {
                    self.part(block.span, ALONE);
                    for part in &block.parts {
                        let (PartSource::Text(text) | PartSource::File(text)) = &part.source;
                        let is_file = matches!(part.source, PartSource::File(_));
                        let head = if text.is_block || is_file { 0 } else { 1 + usize::from(part.language.is_some()) };
                        self.part(part.span, Part { head, shares_line: false });
                    }
                }
            }
            ItemKind::Campaign(campaign) => {
                self.expanded(item.span);
                for clause in &campaign.clauses {
                    self.part(clause.span, Part { head: 1, shares_line: false });
                }
                self.steps(&campaign.steps);
            }
            ItemKind::Test(test) => {
                self.expanded(item.span);
                for statement in &test.statements {
                    self.part(statement.span, ALONE);
                    self.statement(statement);
                }
            }
            ItemKind::Purpose(_) | ItemKind::List(_) => {}
        }
        for expr in visit::expressions(item) {
            self.expr(expr, 0);
        }
    }

    fn part(&mut self, span: Span, part: Part) {
        self.marks.parts.insert(span.start, part);
    }

    fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            self.part(field.span, Part { head: 1, shares_line: true });
        }
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            self.part(step.span, ALONE);
            match &step.kind {
                StepKind::WaitUpTo { then, otherwise, .. } => {
                    self.steps(then.as_deref().unwrap_or_default());
                    self.steps(otherwise.as_deref().unwrap_or_default());
                }
                StepKind::If { branches, otherwise } => {
                    branches.iter().for_each(|(_, steps)| self.steps(steps));
                    self.steps(otherwise.as_deref().unwrap_or_default());
                }
                StepKind::Split(arms) => {
                    for (share, steps) in arms {
                        self.part(share.span, ALONE);
                        self.steps(steps);
                    }
                }
                StepKind::Repeat { body, .. } => self.steps(body),
                _ => {}
            }
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Patron { fields, .. }
            | StatementKind::Event { fields, .. }
            | StatementKind::Record { fields, .. }
            | StatementKind::Change { fields, .. }
            | StatementKind::TableRow { fields, .. }
            | StatementKind::FeedRow { fields, .. } => {
                fields.iter().for_each(|field| self.part(field.span, SHARED));
            }
            StatementKind::Expect(Expectation::In { segment, .. } | Expectation::Count { segment, .. }) => {
                self.tight_behind(segment.name.span.end);
            }
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr, depth: usize) {
        match &expr.kind {
            ExprKind::Or(list) | ExprKind::And(list) => {
                for part in &list[1..] {
                    if let Some(before) = self.index(part.span.start).checked_sub(1) {
                        self.marks.connectors.insert(self.tokens[before].range.start as u32, depth);
                    }
                }
            }
            ExprKind::Add(left, _) | ExprKind::Subtract(left, _) => {
                let sign = self.index(left.span.end);
                self.marks.binary.extend(self.tokens.get(sign).map(|token| token.range.start as u32));
            }
            ExprKind::In { segment, .. } => self.tight_behind(segment.name.span.end),
            ExprKind::Age(_) | ExprKind::Changed(_) | ExprKind::Aggregate { .. } => {
                let function = self.index(expr.span.start);
                self.tight_behind(self.tokens[function].range.end as u32);
            }
            _ => {}
        }
        for child in visit::children(expr) {
            self.expr(child, depth + 1);
        }
    }

    /// The first token at or behind `offset`.
    fn index(&self, offset: u32) -> usize {
        self.tokens.partition_point(|token| token.range.start < offset as usize)
    }

    /// The text of the token `count` before the one at `span`.
    fn before(&self, span: Span, count: usize) -> &str {
        self.index(span.start).checked_sub(count).map_or("", |index| self.tokens[index].of(self.text))
    }

    /// A `(` behind `offset` belongs to what stands before it.
    fn tight_behind(&mut self, offset: u32) {
        let index = self.index(offset);
        if let Some(token) = self.tokens.get(index).filter(|token| token.of(self.text) == "(") {
            self.marks.tight.insert(token.range.start as u32);
        }
    }

    /// The block of the declaration at `span` has its parts on lines of their own.
    fn expanded(&mut self, span: Span) {
        let start = self.index(span.start);
        let open = self.tokens[start..].iter().find(|token| token.of(self.text) == "{");
        self.marks.expanded.extend(open.map(|token| token.range.start as u32));
    }
}
