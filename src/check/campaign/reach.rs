//! Steps that no journey reaches.

use crate::diagnostic::{Code, Diagnostic, Span};
use crate::syntax::ast::{Step, StepKind};

use super::super::Context;
use super::first_word;

const UNREACHABLE: Code = Code("W0401");

/// Points at the first step behind a `stop`, in each block.
pub fn check(context: &mut Context<'_>, steps: &[Step]) {
    block(context, steps);
}

/// The `stop` with which every way through the steps ends, if there is one.
fn block(context: &mut Context<'_>, steps: &[Step]) -> Option<Span> {
    let mut ended: Option<Span> = None;
    let mut reported = false;
    for step in steps {
        if let (Some(stop), false) = (ended, reported) {
            let place = first_word(context, step.span);
            context.report(
                Diagnostic::new(UNREACHABLE, place, "no journey reaches this step")
                    .label("never happens")
                    .also(stop, "every journey has ended with this `stop`")
                    .help("put it before the `stop`, or take one of the two away"),
            );
            reported = true;
        }
        let stop = ends(context, step);
        ended = ended.or(stop);
    }
    ended
}

fn ends(context: &mut Context<'_>, step: &Step) -> Option<Span> {
    let mut all = |blocks: Vec<&[Step]>| {
        let ends: Vec<Option<Span>> = blocks.into_iter().map(|steps| block(context, steps)).collect();
        ends.into_iter().collect::<Option<Vec<Span>>>().and_then(|ends| ends.last().copied())
    };
    match &step.kind {
        StepKind::Stop => Some(step.span),
        StepKind::If { branches, otherwise } => {
            let mut blocks: Vec<&[Step]> = branches.iter().map(|(_, steps)| steps.as_slice()).collect();
            blocks.push(otherwise.as_deref().unwrap_or_default());
            all(blocks)
        }
        StepKind::Split(arms) => all(arms.iter().map(|(_, steps)| steps.as_slice()).collect()),
        StepKind::WaitUpTo { then, otherwise, .. } => {
            all(vec![then.as_deref().unwrap_or_default(), otherwise.as_deref().unwrap_or_default()])
        }
        StepKind::Repeat { body, .. } => block(context, body),
        _ => None,
    }
}
