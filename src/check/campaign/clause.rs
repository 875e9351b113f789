//! The clauses of a campaign: each at most once, the required ones there.

use crate::diagnostic::{Code, Diagnostic, Span};
use crate::syntax::ast::{self, ClauseKind};

use super::super::Context;
use super::super::context::Declaration;

const TWICE: Code = Code("E0401");
const MISSING: Code = Code("E0402");

/// The clauses by kind; of two of one kind the first.
pub struct Clauses<'a> {
    all: Vec<&'a ast::Clause>,
}

/// Finds a clause of one kind and what stands in it.
macro_rules! clause {
    ($clauses:expr, $pattern:pat => $value:expr) => {
        $clauses.iter().find_map(|clause| match &clause.kind {
            $pattern => Some(($value, clause.span)),
            _ => None,
        })
    };
}
pub(super) use clause;

impl<'a> Clauses<'a> {
    /// Reports what is there twice and what is missing.
    pub fn read(context: &mut Context<'_>, campaign: Declaration<'a, ast::Campaign>) -> Clauses<'a> {
        let mut all: Vec<&'a ast::Clause> = Vec::new();
        for clause in &campaign.what.clauses {
            match all.iter().find(|first| same(&first.kind, &clause.kind)) {
                Some(first) => twice(context, first.span, clause),
                None => all.push(clause),
            }
        }
        let clauses = Clauses { all };
        if !campaign.item.broken {
            clauses.require(context, campaign.what);
        }
        clauses
    }

    /// The clauses in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a ast::Clause> {
        self.all.iter().copied()
    }

    /// The clause `purpose`.
    pub fn purpose(&self) -> Option<(ast::Name, Span)> {
        clause!(self, ClauseKind::Purpose(name) => *name)
    }

    /// The clause `start`.
    pub fn start(&self) -> Option<&'a ast::Start> {
        clause!(self, ClauseKind::Start(start) => start).map(|(start, _)| start)
    }

    /// `audience public`.
    pub fn public(&self) -> Option<Span> {
        clause!(self, ClauseKind::Audience { who: ast::Audience::Public(span), .. } => *span).map(|(span, _)| span)
    }

    fn require(&self, context: &mut Context<'_>, campaign: &ast::Campaign) {
        let has_audience = self.iter().any(|clause| matches!(clause.kind, ClauseKind::Audience { .. }));
        let required = [
            (self.purpose().is_some(), "purpose", "the purpose decides whose consent is needed", "purpose essential"),
            (has_audience, "audience", "it says whom the campaign is for", "audience everyone"),
            (
                self.start().is_some(),
                "start",
                "without it the campaign never begins",
                "start every month on day 1 at 09:00",
            ),
        ];
        for (is_there, word, why, example) in required {
            if !is_there {
                context.report(
                    Diagnostic::new(MISSING, campaign.name.span, format!("the campaign does not say its {word}"))
                        .label(format!("has no `{word}`"))
                        .note(why)
                        .help(format!("add a line such as `{example}`")),
                );
                // One mistake, one error: a campaign that has just been begun lacks everything.
                return;
            }
        }
    }
}

fn same(one: &ClauseKind, other: &ClauseKind) -> bool {
    match (one, other) {
        // One for each class.
        (ClauseKind::Reveal { class: one, .. }, ClauseKind::Reveal { class: other, .. }) => one.symbol == other.symbol,
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

fn twice(context: &mut Context<'_>, first: Span, clause: &ast::Clause) {
    let word = context.sources.snippet(super::first_word(context, clause.span)).to_owned();
    let mut diagnostic = Diagnostic::new(TWICE, clause.span, format!("`{word}` stands here a second time"))
        .label("again")
        .also(first, "the first time")
        .help(match clause.kind {
            ClauseKind::Audience { .. } => {
                "a campaign has each clause at most once: join the two with `and` or `or` after one `audience`"
                    .to_owned()
            }
            _ => format!("a campaign has each clause at most once: keep one `{word}`"),
        });
    if let ClauseKind::Start(_) = clause.kind {
        diagnostic = diagnostic.note("a campaign that may begin in two ways is two campaigns");
    }
    context.report(diagnostic);
}
