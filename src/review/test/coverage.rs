//! Which parts of which rules the tests decided: a part that was never seen both true and false could as well be
//! missing.

use std::collections::HashMap;

use crate::catalogue::ClassSet;
use crate::diagnostic::Span;
use crate::eval::{Interpreter, Question, RuleId, Rules, Truth, World};
use crate::program::{Audience, Program, StartKind};
use crate::rule::Expr;
use crate::store::StoreError;

use super::expect::{collect, source};
use super::stage::Stage;

/// A part of a rule that no test decided.
#[derive(Clone, PartialEq, Debug)]
pub struct Undecided {
    pub span: Span,
    /// `segment lapsed`, `campaign welcome: the exit`.
    pub rule: String,
    /// The part, as the author wrote it.
    pub part: String,
    /// What it was in every test; `None`: it was never asked about anybody.
    pub always: Option<&'static str>,
}

/// What the tests have seen so far.
pub(super) struct Coverage<'p> {
    program: &'p Program,
    rules: Rules,
    parts: Vec<Part<'p>>,
}

struct Part<'p> {
    rule: String,
    expr: &'p Expr,
    id: RuleId,
    seen: [bool; 3],
}

impl<'p> Coverage<'p> {
    /// The parts of the segments and of the campaigns' audiences, exceptions and start conditions.
    pub fn new(program: &'p Program) -> Coverage<'p> {
        let mut coverage = Coverage { program, rules: Rules::new(), parts: Vec::new() };
        for segment in &program.segments {
            coverage.add(&format!("segment {}", segment.name), &segment.body, ClassSet::EMPTY);
        }
        for campaign in &program.campaigns {
            let name = |what: &str| format!("campaign {}: the {what}", campaign.name);
            if let Audience::Rule(rule) = &campaign.audience {
                coverage.add(&name("audience"), rule, campaign.served);
            }
            for rule in &campaign.except {
                coverage.add(&name("exception"), rule, campaign.served);
            }
            match &campaign.start.kind {
                StartKind::Becomes { condition, .. } | StartKind::Leaves { condition } => {
                    coverage.add(&name("start"), condition, campaign.served);
                }
                _ => {}
            }
        }
        // A part that two rules share is one part.
        let mut first: HashMap<(Span, RuleId), ()> = HashMap::new();
        coverage.parts.retain(|part| first.insert((part.expr.span, part.id), ()).is_none());
        coverage
    }

    fn add(&mut self, rule: &str, condition: &'p Expr, served: ClassSet) {
        let mut leaves = Vec::new();
        collect(condition, &mut leaves);
        for expr in leaves {
            // A segment's own parts are told where it is declared.
            if matches!(expr.kind, crate::rule::Kind::Segment(_) | crate::rule::Kind::Literal(_)) {
                continue;
            }
            let id = self.rules.add(&self.program.segments, &self.program.catalogue, expr, served);
            self.parts.push(Part { rule: rule.to_owned(), expr, id, seen: [false; 3] });
        }
    }

    /// Notes how every part now stands for everybody on the stage.
    pub fn look(&mut self, stage: &mut Stage<'_>) -> Result<(), StoreError> {
        if self.parts.iter().all(|part| part.seen[0] && part.seen[1]) {
            return Ok(());
        }
        let tables = stage.tables()?;
        let world = World::of(self.program, &tables);
        for patron in stage.store.reader().patrons()? {
            let Some(facts) = stage.facts(patron)? else { continue };
            let question = Question::of(&facts, stage.now);
            let mut interpreter = Interpreter::new(&self.rules, &world);
            let mut asked = interpreter.ask(&question);
            for part in &mut self.parts {
                let truth = asked.truth(part.id);
                part.seen[truth as usize] = true;
            }
        }
        Ok(())
    }

    /// What remains.
    pub fn undecided(&self) -> Vec<Undecided> {
        let open =
            self.parts.iter().filter(|part| !(part.seen[Truth::True as usize] && part.seen[Truth::False as usize]));
        open.map(|part| Undecided {
            span: part.expr.span,
            rule: part.rule.clone(),
            part: source(self.program, part.expr.span),
            always: match part.seen {
                [false, false, false] => None,
                [true, ..] => Some("true"),
                [_, true, _] => Some("false"),
                _ => Some("unknown"),
            },
        })
        .collect()
    }
}
