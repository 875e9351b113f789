//! A campaign as a whole.

use std::sync::Arc;

use crate::catalogue::{MessageLimit, PurposeId};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::program::{Again, Audience, Campaign, Deliver, Schedule, Start, StartKind};
use crate::rule::Expr;
use crate::syntax::ast::{self, ClauseKind};
use crate::time::{Day, Duration, TimeOfDay, Unit};

use super::super::expr::unknown;
use super::super::{Context, Scope, lint};
use super::clause::clause;
use super::delivery::Layouts;
use super::head::Head;
use super::journey::Journey;
use super::{Messages, delivery, privacy, public, start};

const TOO_SHORT: Code = Code("E0403");
const NO_TIME: Code = Code("E0417");
const NO_SCHEDULE: Code = Code("E0406");
const UNKNOWN_CLASS: Code = Code("E0432");

/// Default of `expires after`.
const EXPIRES_AFTER: Duration = Duration { count: 3, unit: Unit::Day };

/// Stands for a start that is wrong or missing.
const NO_START: StartKind = StartKind::Schedule { schedule: Schedule::Daily, at: TimeOfDay(0) };

/// Default of `priority`.
const PRIORITY: i64 = 50;

/// Checks a campaign; `None` if it has no purpose.
///
/// In the place of a clause that is wrong stands its default, so that the rest is judged all the same: a program with an
/// error never runs.
pub fn check<'a>(
    context: &mut Context<'a>,
    head: &Head<'a>,
    messages: &Messages,
    layouts: &Layouts,
) -> Option<Campaign> {
    let declared = head.declaration.what;
    let clauses = &head.clauses;
    public::check_clauses(context, head);
    let audience = audience(context, head);
    let started = clauses.start().map(|start| start::check(context, start, audience.as_ref()));
    let (runs_from, runs_to) = runs(context, head);
    let again = clause!(clauses, ClauseKind::Again(again) => again);
    let again = again.map_or(Some(Again::Always), |(again, _)| self::again(context, again));
    let limit = clause!(clauses, ClauseKind::Limit(limit) => limit);
    let limit = limit.map_or(Some(None), |(limit, _)| self::limit(context, limit).map(Some));
    let deliver = delivery::hours(context, head);
    let layout = delivery::layout(context, head, layouts);
    let expires = clause!(clauses, ClauseKind::ExpiresAfter(after) => after);
    let expires = expires.map_or(Some(EXPIRES_AFTER), |(after, _)| context.written_duration(after));
    let reveal = reveal(context, head);
    let sample = clause!(clauses, ClauseKind::Sample(share) => share.percent);
    if let Some((_, span)) = sample {
        sample_needs_a_schedule(context, head, span);
    }

    let label = context.checked_label(declared.label.as_ref());
    let mut journey = Journey::new(context, head, messages);
    let exit = clause!(clauses, ClauseKind::Exit(exit) => exit).map(|(exit, _)| journey.condition(exit));
    let goal = clause!(clauses, ClauseKind::Goal { condition, within } => (condition, within));
    let goal = goal.map(|((condition, within), _)| journey.goal(condition, within));
    let steps = journey.steps(&declared.steps);
    journey.finish();

    let purpose = head.purpose?;
    let (audience, except) = audience.unwrap_or((Audience::Everyone, Vec::new()));
    let campaign = Campaign {
        name: declared.name.symbol,
        label,
        doc: head.declaration.item.doc.clone(),
        purpose,
        audience,
        except,
        start: started.flatten().unwrap_or(Start { kind: NO_START, span: declared.name.span }),
        runs_from,
        runs_to,
        exit: exit.flatten(),
        again: again.unwrap_or(Again::Always),
        holdout: clause!(clauses, ClauseKind::Holdout(share) => share.percent).map(|(percent, _)| percent),
        sample: sample.map(|(percent, _)| percent),
        goal: goal.flatten(),
        priority: clause!(clauses, ClauseKind::Priority(number) => number.value).map_or(PRIORITY, |(value, _)| value),
        limit: limit.flatten(),
        deliver: deliver.unwrap_or(Deliver::Default),
        sender: clause!(clauses, ClauseKind::Sender(address) => address).map(|(address, _)| mail_address(address)),
        layout: layout.flatten(),
        expires_after: expires.unwrap_or(EXPIRES_AFTER),
        reveal,
        is_draft: clause!(clauses, ClauseKind::StatusDraft => ()).is_some(),
        steps,
        served: head.served,
        span: head.declaration.item.span,
        name_span: declared.name.span,
    };
    privacy::check(context, head, &campaign, messages);
    delivery::requirements(context, head, &campaign);
    lint::never_agreed::check(context, &campaign);
    if let Some((goal, _)) = &campaign.goal {
        lint::goal::check(context, goal, "goal");
    }
    Some(campaign)
}

/// `None` inside is "has been reported".
fn transpose<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(inner) => inner.map(Some),
    }
}

fn mail_address(address: &ast::Address) -> crate::catalogue::MailAddress {
    let name: Option<Arc<str>> = address.name.as_ref().map(|name| name.value.clone());
    crate::catalogue::MailAddress { name, address: address.address.clone() }
}

/// Whom it is for and who is excepted, each `never to` of the purpose included.
fn audience(context: &mut Context<'_>, head: &Head<'_>) -> Option<(Audience, Vec<Expr>)> {
    let scope = Scope { in_campaign: true, ..Scope::default() };
    let found = clause!(head.clauses, ClauseKind::Audience { who, except } => (who, except));
    let Some(((who, except), _)) = found else {
        never_to(context, head.purpose);
        return None;
    };
    let who = match who {
        ast::Audience::Everyone(_) => Some(Audience::Everyone),
        ast::Audience::Public(_) => Some(Audience::Public),
        ast::Audience::Who(rule) => context.group_or_condition(rule, &scope).map(Audience::Rule),
    };
    let own = except.as_ref().map(|except| context.group_or_condition(except, &scope));
    let own_except = own.clone().flatten();
    let mut all = transpose(own).map(|own| own.into_iter().collect::<Vec<Expr>>());
    let never = never_to(context, head.purpose);
    if let (Some(all), Some(never)) = (&mut all, &never) {
        all.extend(never.iter().cloned());
    }
    never?;
    let who = who?;
    if let Audience::Rule(rule) = &who {
        lint::condition(context, rule, lint::Place::Audience);
    }
    for except in own_except.iter() {
        lint::condition(context, except, lint::Place::Segment);
    }
    Some((who, all?))
}

/// `never to` of the purpose.
fn never_to(context: &mut Context<'_>, purpose: Option<PurposeId>) -> Option<Vec<Expr>> {
    let Some(purpose) = purpose else { return Some(Vec::new()) };
    context.never_to(purpose)
}

fn runs(context: &mut Context<'_>, head: &Head<'_>) -> (Option<Day>, Option<Day>) {
    let Some(((from, to), _)) = clause!(head.clauses, ClauseKind::Runs { from, to } => (from, to)) else {
        return (None, None);
    };
    if let (Some((from, from_span)), Some((to, to_span))) = (from, to)
        && from > to
    {
        context.report(
            Diagnostic::new(NO_TIME, *to_span, format!("the campaign would end on {to}, before it begins"))
                .label("earlier than the beginning")
                .also(*from_span, format!("it begins on {from}"))
                .help("write the earlier date after `from` and the later one after `to`; both are included"),
        );
    }
    if let Some(ast::StartKind::Once { date: (date, span), .. }) = head.clauses.start().map(|start| &start.kind) {
        let outside = from.is_some_and(|(from, _)| *date < from) || to.is_some_and(|(to, _)| *date > to);
        let runs_span = from.or(*to).map_or(*span, |(_, span)| span);
        if outside {
            context.report(
                Diagnostic::new(NO_TIME, *span, format!("the campaign starts once, on {date}, and does not run then"))
                    .label("outside `runs`")
                    .also(runs_span, "it runs from or to here")
                    .help("a campaign that starts once needs no `runs`: take the clause away"),
            );
        }
    }
    (from.map(|(from, _)| from), to.map(|(to, _)| to))
}

fn again(context: &mut Context<'_>, again: &ast::Again) -> Option<Again> {
    Some(match again {
        ast::Again::Always => Again::Always,
        ast::Again::Never => Again::Never,
        ast::Again::After(after) => Again::After(context.written_duration(after)?),
    })
}

fn limit(context: &mut Context<'_>, limit: &ast::Limit) -> Option<MessageLimit> {
    let per = context.written_duration(&limit.per)?;
    if per.unit.is_elapsed() {
        context.report(
            Diagnostic::new(TOO_SHORT, limit.per.span, format!("a limit counts whole days, and this is {per}"))
                .label("shorter than a day")
                .help(format!("write `limit {} messages per 1 day`", limit.messages.value)),
        );
        return None;
    }
    Some(MessageLimit { messages: limit.messages.value, per })
}

fn reveal(context: &mut Context<'_>, head: &Head<'_>) -> Vec<(crate::catalogue::ClassId, bool)> {
    let mut revealed = Vec::new();
    for clause in head.clauses.iter() {
        let ClauseKind::Reveal { class, to_guardian } = &clause.kind else { continue };
        let classes = &context.catalogue.classes;
        match classes.iter().position(|known| known.name == class.symbol) {
            Some(index) => revealed.push((crate::catalogue::ClassId(index as u16), *to_guardian)),
            None if context.declared.broken.contains(&class.symbol) => {}
            None => {
                let message = format!("there is no privacy class `{}`", class.symbol);
                let known: Vec<_> = classes.iter().map(|class| class.name).collect();
                context.report(unknown(UNKNOWN_CLASS, *class, &message, known, "privacy classes are"));
            }
        }
    }
    revealed
}

fn sample_needs_a_schedule(context: &mut Context<'_>, head: &Head<'_>, span: Span) {
    let Some(start) = head.clauses.start() else { return };
    if !matches!(start.kind, ast::StartKind::Every(_) | ast::StartKind::Once { .. }) {
        context.report(
            Diagnostic::new(NO_SCHEDULE, span, "`sample` draws anew at each date of a schedule, and there is none")
                .label("needs a start by schedule")
                .also(start.span, "each patron starts here at a time of their own")
                .help("to leave a part of the patrons out for good, write `holdout`; to draw, start with `every …` or `once …`"),
        );
    }
}
