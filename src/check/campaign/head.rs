//! The head of a campaign: what its messages have to know of it before they are checked.

use crate::catalogue::{ClassSet, PurposeId};
use crate::message::template::{Sender, StartScope};
use crate::symbol::Symbol;
use crate::syntax::ast::{self, StartKind, StepKind};

use super::super::context::Declaration;
use super::super::{Context, StartEvent};
use super::clause::Clauses;

/// A campaign's clauses, its purpose, and the event that starts it.
pub struct Head<'a> {
    pub declaration: Declaration<'a, ast::Campaign>,
    pub clauses: Clauses<'a>,
    pub purpose: Option<PurposeId>,
    /// The classes whose open records are known to it.
    pub served: ClassSet,
    pub start_event: Option<StartEvent>,
    /// The start could not be read: nothing is to be said about `event`.
    pub start_unknown: bool,
}

/// Reads the head of a campaign.
pub fn read<'a>(context: &mut Context<'_>, declaration: Declaration<'a, ast::Campaign>) -> Head<'a> {
    let clauses = Clauses::read(context, declaration);
    let purpose = clauses.purpose().and_then(|(name, _)| context.purpose_named(name));
    let served = purpose.map_or(ClassSet::EMPTY, |purpose| context.catalogue.served_by(purpose));
    let (start_event, start_unknown) = match clauses.start().map(|start| &start.kind) {
        Some(StartKind::Event { event, together, .. } | StartKind::EventDate { event, together, .. }) => {
            match context.catalogue.event_named(event.symbol) {
                Some(event) => (Some(StartEvent { event, together: together.is_some() }), false),
                // `on FIELD` reads like `on EVENT`.
                None => (None, context.catalogue.field_named(event.symbol).is_none()),
            }
        }
        Some(_) => (None, false),
        None => (None, true),
    };
    Head { declaration, clauses, purpose, served, start_event, start_unknown }
}

impl<'a> Head<'a> {
    /// What `event` and `events` mean in its messages.
    pub fn start_scope(&self) -> StartScope {
        match self.start_event {
            None => StartScope::None,
            Some(StartEvent { event, together: false }) => StartScope::Event(event),
            Some(StartEvent { event, together: true }) => StartScope::Events(event),
        }
    }

    /// The messages that its steps send or publish.
    pub fn senders(&self, context: &mut Context<'_>) -> Vec<(Symbol, Sender)> {
        if self.start_unknown {
            return Vec::new();
        }
        let mut senders = Vec::new();
        let campaign = self.declaration.what;
        each_step(&campaign.steps, &mut |step| {
            if let StepKind::Send { message, .. } | StepKind::Publish { message, .. } = &step.kind {
                context.used.insert(message.symbol);
                let (start, served) = (self.start_scope(), self.served);
                let sender = Sender { campaign: campaign.name.symbol, span: message.span, start, served };
                senders.push((message.symbol, sender));
            }
        });
        senders
    }
}

/// Calls `visit` for each step, those inside blocks included.
fn each_step<'a>(steps: &'a [ast::Step], visit: &mut dyn FnMut(&'a ast::Step)) {
    for step in steps {
        visit(step);
        match &step.kind {
            StepKind::WaitUpTo { then, otherwise, .. } => {
                for steps in [then, otherwise].into_iter().flatten() {
                    each_step(steps, visit);
                }
            }
            StepKind::If { branches, otherwise } => {
                branches.iter().for_each(|(_, steps)| each_step(steps, visit));
                otherwise.iter().for_each(|steps| each_step(steps, visit));
            }
            StepKind::Split(arms) => arms.iter().for_each(|(_, steps)| each_step(steps, visit)),
            StepKind::Repeat { body, .. } => each_step(body, visit),
            _ => {}
        }
    }
}
