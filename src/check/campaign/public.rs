//! Campaigns for nobody in particular: `audience public` starts by schedule, and only publishes.

use crate::diagnostic::{Code, Diagnostic};
use crate::rule::{Expr, Kind};
use crate::syntax::ast::{self, ClauseKind, StartKind, StepKind};

use super::super::Context;
use super::first_word;
use super::head::Head;

const NO_PATRON: Code = Code("E0428");
const PUBLISHES: Code = Code("E0429");

/// Clauses that mean nothing where there is no patron.
pub fn check_clauses(context: &mut Context<'_>, head: &Head<'_>) {
    let Some(public) = head.clauses.public() else { return };
    for clause in head.clauses.iter() {
        let (span, why) = match &clause.kind {
            ClauseKind::Start(start) if !matches!(start.kind, StartKind::Every(_) | StartKind::Once { .. }) => {
                (start.span, "it starts by schedule only: `every …` or `once on …`")
            }
            ClauseKind::Audience { except: Some(except), .. } => {
                (except.span, "nobody is in it, so nobody can be excepted")
            }
            ClauseKind::Exit(_) => (clause.span, "nobody is on a journey that could end"),
            ClauseKind::Goal { .. } => (clause.span, "nobody is in it who could reach the goal"),
            ClauseKind::Holdout(_) | ClauseKind::Sample(_) => (clause.span, "there is nobody to draw"),
            ClauseKind::Limit(_) | ClauseKind::Deliver(_) | ClauseKind::Sender(_) | ClauseKind::Layout(_) => {
                (clause.span, "nothing is sent to anybody")
            }
            ClauseKind::Reveal { .. } => (clause.span, "what is published holds nobody's data"),
            ClauseKind::Again(_) => (clause.span, "each date of its schedule comes once"),
            _ => continue,
        };
        let word = context.sources.snippet(first_word(context, clause.span)).to_owned();
        let is_start = matches!(clause.kind, ClauseKind::Start(_));
        context.report(
            Diagnostic::new(NO_PATRON, span, format!("`{word}` does not go with `audience public`"))
                .label(why)
                .also(public, "for nobody in particular")
                .help(match is_start {
                    true => "write `start every monday at 09:00` or `start once on 2027-01-02 at 10:00`",
                    false => "take it away, or name an audience and `send`",
                }),
        );
    }
}

/// A date that a step waits for is nobody's.
pub fn check_wait(context: &mut Context<'_>, head: &Head<'_>, date: &Expr) {
    let Some(public) = head.clauses.public() else { return };
    let mut of_patron = None;
    date.walk(&mut |part| {
        let is_nobodys =
            matches!(part.kind, Kind::Literal(_) | Kind::Today | Kind::Now | Kind::Start | Kind::Call { .. });
        of_patron = of_patron.or((!is_nobodys).then_some(part.span));
    });
    if let Some(span) = of_patron {
        context.report(
            Diagnostic::new(PUBLISHES, span, "this date is a patron's, and the audience is public")
                .label("whose?")
                .also(public, "for nobody in particular")
                .help("wait for a date that is written out: `wait until 2027-01-02`, or for a time: `wait 3 days`"),
        );
    }
}

/// Steps that need a patron, and `publish` where there are patrons.
pub fn check_step(context: &mut Context<'_>, head: &Head<'_>, step: &ast::Step) {
    let public = head.clauses.public();
    let is_publish = matches!(step.kind, StepKind::Publish { .. });
    let is_wait = matches!(step.kind, StepKind::Wait(_) | StepKind::WaitTime { .. } | StepKind::WaitDate { .. });
    let has_audience = head.clauses.iter().any(|clause| matches!(clause.kind, ClauseKind::Audience { .. }));
    let word = first_word(context, step.span);
    let written = context.sources.snippet(word).to_owned();
    match public {
        Some(public) if !is_publish && !is_wait => context.report(
            Diagnostic::new(PUBLISHES, word, format!("`{written}` needs a patron, and the audience is public"))
                .label("for whom?")
                .also(public, "for nobody in particular")
                .help("`publish` and `wait` are the steps of such a campaign; to write to patrons, name an audience"),
        ),
        None if is_publish && has_audience => context.report(
            Diagnostic::new(PUBLISHES, word, "`publish` goes to everybody, and this campaign has an audience")
                .label("would be published once for each patron")
                .help("write a campaign of its own with `audience public`"),
        ),
        _ => {}
    }
}
