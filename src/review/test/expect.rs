//! Expectations, and for those that fail the values that decided it.

use std::sync::Arc;

use rusqlite::params;

use crate::catalogue::{ClassSet, PurposeId};
use crate::diagnostic::Span;
use crate::engine::RecipientKind;
use crate::eval::{Interpreter, Question, Rules, Truth, World};
use crate::program::{Audience, Campaign, Group, Program, StartKind, Statement};
use crate::review::explain::{Asked, Part, explain};
use crate::rule::{Expr, Facts, PatronId};
use crate::store::StoreError;
use crate::symbol::Symbol;
use crate::time::Day;

use super::stage::{Delivery, Stage};
use super::{Finding, TestResult};

/// Whether a statement expects something.
pub(super) fn is_expectation(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::ExpectIn { .. }
            | Statement::ExpectGets { .. }
            | Statement::ExpectNothing { .. }
            | Statement::ExpectPublishes { .. }
            | Statement::ExpectCount { .. }
    )
}

/// Checks one expectation.
pub(super) fn check(
    stage: &mut Stage<'_>,
    span: Span,
    statement: &Statement,
    result: &mut TestResult,
) -> Result<(), StoreError> {
    let failure = match statement {
        Statement::ExpectIn { person, negated, group, purpose } => is_in(stage, *person, *negated, *group, *purpose)?,
        Statement::ExpectGets { person, message, channel, language, on, times, saying } => {
            let wanted = Wanted {
                person: person.map(|person| (person, stage.people.get(&person).copied())),
                message: *message,
                channel: *channel,
                language: *language,
                on: *on,
                saying: saying.clone(),
            };
            gets(stage, &wanted, *times)?
        }
        Statement::ExpectNothing { person, after } => {
            let nothing = gets_nothing(stage, *person, *after);
            if nothing.is_none() && after.is_none() {
                let because = unknowns(stage, *person)?;
                if !because.is_empty() {
                    let message = format!("`{person} gets nothing` holds only because something is unknown");
                    result.notes.push(Finding { span, message, because });
                }
            }
            nothing
        }
        Statement::ExpectPublishes { message, channel, on } => publishes(stage, *message, *channel, *on),
        Statement::ExpectCount { group, is } => {
            let count = count(stage, *group)?;
            let name = group_name(stage.program, *group);
            (count != *is).then(|| (format!("{name} has {count} members, not {is}"), Vec::new()))
        }
        _ => None,
    };
    if let Some((message, because)) = failure {
        result.failures.push(Finding { span, message, because });
    }
    Ok(())
}

type Failure = Option<(String, Vec<String>)>;

// ---- segments and lists ------------------------------------------------------------------------------------------

fn is_in(
    stage: &Stage<'_>,
    person: Symbol,
    negated: bool,
    group: Group,
    purpose: Option<PurposeId>,
) -> Result<Failure, StoreError> {
    let name = group_name(stage.program, group);
    let Some(facts) = facts_of(stage, person)? else {
        return Ok((!negated).then(|| (format!("{person} is not yet in the store"), Vec::new())));
    };
    let truth = truth(stage, group, stage.served(purpose), &facts)?;
    if (truth == Truth::True) != negated {
        return Ok(None);
    }
    let what = match truth {
        Truth::True => format!("{person} is in {name}"),
        Truth::False => format!("{person} is not in {name}"),
        Truth::Unknown => format!("whether {person} is in {name} is unknown, so they are not"),
    };
    let because = match group {
        Group::Segment(id) => {
            let served = stage.served(purpose);
            parts(stage, &stage.program.segment(id).body, purpose, served, &facts)?
        }
        Group::List(_) => Vec::new(),
    };
    Ok(Some((format!("{what} at {}", local(stage)), because)))
}

fn facts_of(stage: &Stage<'_>, person: Symbol) -> Result<Option<Facts>, StoreError> {
    match stage.people.get(&person) {
        Some(id) => stage.facts(*id),
        None => Ok(None),
    }
}

fn truth(stage: &Stage<'_>, group: Group, served: ClassSet, facts: &Facts) -> Result<Truth, StoreError> {
    match group {
        Group::List(list) => Ok(Truth::from(Some(facts.lists.contains(&list)))),
        Group::Segment(id) => truth_of(stage, &stage.program.segment(id).body, served, facts),
    }
}

fn truth_of(stage: &Stage<'_>, condition: &Expr, served: ClassSet, facts: &Facts) -> Result<Truth, StoreError> {
    let program = stage.program;
    let tables = stage.tables()?;
    let world = World::of(program, &tables);
    let mut rules = Rules::new();
    let rule = rules.add(&program.segments, &program.catalogue, condition, served);
    Ok(Interpreter::new(&rules, &world).truth(rule, &Question::of(facts, stage.now)))
}

/// The truth of each part of a condition, as the author wrote it, and the values that decided it.
fn parts(
    stage: &Stage<'_>,
    condition: &Expr,
    purpose: Option<PurposeId>,
    served: ClassSet,
    facts: &Facts,
) -> Result<Vec<String>, StoreError> {
    let program = stage.program;
    let tables = stage.tables()?;
    let world = World::of(program, &tables);
    let asked = Asked { program, facts, now: stage.now, purpose, served };
    let mut lines = Vec::new();
    write_part(&explain(&asked, &world, condition), 0, &mut lines);
    Ok(lines)
}

fn write_part(part: &Part, depth: usize, lines: &mut Vec<String>) {
    let truth = match part.truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    };
    let because = if part.because.is_empty() { String::new() } else { format!(" ({})", part.because.join("; ")) };
    lines.push(format!("{}{} is {truth}{because}", "  ".repeat(depth), part.text));
    part.parts.iter().for_each(|part| write_part(part, depth + 1, lines));
}

/// What stands at a place, on one line.
pub(super) fn source(program: &Program, span: Span) -> String {
    let text = program.sources.snippet(span);
    format!("`{}`", text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn group_name(program: &Program, group: Group) -> String {
    match group {
        Group::List(list) => program.catalogue.lists[list.index()].name.to_string(),
        Group::Segment(id) => program.segment(id).name.to_string(),
    }
}

fn count(stage: &Stage<'_>, group: Group) -> Result<i64, StoreError> {
    let mut count = 0;
    for patron in stage.store.reader().patrons()? {
        if let Some(facts) = stage.facts(patron)?
            && truth(stage, group, ClassSet::EMPTY, &facts)? == Truth::True
        {
            count += 1;
        }
    }
    Ok(count)
}

fn local(stage: &Stage<'_>) -> String {
    stage.program.library.zone.civil(stage.now).strftime("%Y-%m-%d %H:%M").to_string()
}

// ---- messages ----------------------------------------------------------------------------------------------------

/// What is expected to go out.
struct Wanted {
    /// `None`: to the staff. A person who is not yet in the store gets nothing.
    person: Option<(Symbol, Option<PatronId>)>,
    message: Symbol,
    channel: Option<crate::catalogue::Channel>,
    language: Option<Symbol>,
    on: Option<Day>,
    saying: Option<Arc<str>>,
}

impl Wanted {
    fn is_for(&self, delivery: &Delivery) -> bool {
        let is_staff = delivery.recipient == RecipientKind::Staff;
        match self.person {
            None => is_staff,
            Some((_, person)) => !is_staff && delivery.person.is_some() && delivery.person == person,
        }
    }

    fn is(&self, delivery: &Delivery) -> bool {
        self.is_for(delivery)
            && delivery.message == self.message
            && self.channel.is_none_or(|channel| channel == delivery.channel)
            && self.language.is_none_or(|language| language == delivery.language)
            && self.on.is_none_or(|day| day == delivery.day)
            && self.saying.as_ref().is_none_or(|text| delivery.content.says(text))
    }
}

fn gets(stage: &Stage<'_>, wanted: &Wanted, times: Option<i64>) -> Result<Failure, StoreError> {
    let found = stage.deliveries.iter().filter(|delivery| wanted.is(delivery)).count() as i64;
    let holds = times.map_or(found > 0, |times| found == times);
    if holds {
        return Ok(None);
    }
    let who = wanted.person.map_or("the staff".to_owned(), |(person, _)| person.to_string());
    let message = match times {
        Some(times) => format!("{who} gets {} {found} times, not {times}", described(wanted)),
        None => format!("{who} does not get {}", described(wanted)),
    };
    let mut because: Vec<String> = (stage.deliveries.iter())
        .filter(|delivery| wanted.is_for(delivery))
        .map(|delivery| format!("{who} gets {}", told(stage, delivery)))
        .collect();
    if because.is_empty() {
        because.push(format!("{who} gets nothing at all"));
    }
    if let Some((_, Some(person))) = wanted.person {
        because.extend(decisions(stage, person, wanted.message)?);
        because.extend(not_started(stage, person, wanted.message)?);
    }
    if let Some(text) = &wanted.saying {
        let of_message = stage.deliveries.iter().filter(|d| wanted.is_for(d) && d.message == wanted.message);
        because.extend(of_message.map(|d| format!("the message says {:?}, not {text:?}", d.content.plain())));
    }
    Ok(Some((message, because)))
}

fn described(wanted: &Wanted) -> String {
    let mut text = wanted.message.to_string();
    if let Some(channel) = wanted.channel {
        text += &format!(" by {}", channel.word());
    }
    if let Some(language) = wanted.language {
        text += &format!(" in {language}");
    }
    if let Some(day) = wanted.on {
        text += &format!(" on {day}");
    }
    if let Some(saying) = &wanted.saying {
        text += &format!(" saying {saying:?}");
    }
    text
}

fn told(stage: &Stage<'_>, delivery: &Delivery) -> String {
    let at = stage.program.library.zone.civil(delivery.at).strftime("%Y-%m-%d %H:%M").to_string();
    let (message, channel) = (delivery.message, delivery.channel.word());
    format!("{message} by {channel} in {} at {at} (campaign {})", delivery.language, delivery.campaign)
}

/// What the engine decided about a message and a person that ended in no delivery.
fn decisions(stage: &Stage<'_>, person: PatronId, message: Symbol) -> Result<Vec<String>, StoreError> {
    let db = stage.store.connection();
    let mut lines = Vec::new();
    let mut query = db.prepare_cached(
        "SELECT campaign, state, coalesce(reason, ''), due FROM outbox \
         WHERE patron = ?1 AND message = ?2 AND state <> 'sent' ORDER BY id",
    )?;
    let mut rows = query.query(params![person.0, message.as_str()])?;
    while let Some(row) = rows.next()? {
        let (campaign, state, reason): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let due = stage.program.library.zone.civil(crate::time::Instant(row.get(3)?));
        let due = due.strftime("%Y-%m-%d %H:%M");
        lines.push(format!("campaign {campaign}: {message} was due at {due} and is {state}: {reason}"));
    }
    let mut query = db.prepare_cached(
        "SELECT campaign, at, coalesce(reason, '') FROM occurrence \
         WHERE patron = ?1 AND outcome = 'skipped' ORDER BY decided_at",
    )?;
    let mut rows = query.query([person.0])?;
    while let Some(row) = rows.next()? {
        let (campaign, reason): (String, String) = (row.get(0)?, row.get(2)?);
        let at = stage.program.library.zone.civil(crate::time::Instant(row.get(1)?)).strftime("%Y-%m-%d %H:%M");
        lines.push(format!("campaign {campaign}: the occurrence of {at} was skipped: {reason}"));
    }
    let mut query = db.prepare_cached(
        "SELECT campaign, reason FROM enrolment WHERE patron = ?1 AND reason IS NOT NULL ORDER BY id",
    )?;
    let mut rows = query.query([person.0])?;
    while let Some(row) = rows.next()? {
        let (campaign, reason): (String, String) = (row.get(0)?, row.get(1)?);
        lines.push(format!("campaign {campaign}: the enrolment ended: {reason}"));
    }
    Ok(lines)
}

/// Why the campaigns that send a message never started for a person: how their conditions now stand.
fn not_started(stage: &Stage<'_>, person: PatronId, message: Symbol) -> Result<Vec<String>, StoreError> {
    let Some(facts) = stage.facts(person)? else { return Ok(Vec::new()) };
    let Some(message) = stage.program.messages.iter().position(|known| known.name == message) else {
        return Ok(Vec::new());
    };
    let mut lines = Vec::new();
    for running in stage.plan.campaigns.iter().filter(|running| running.sends(message)) {
        let campaign = running.campaign;
        let mut query = stage
            .store
            .connection()
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM enrolment WHERE patron = ?1 AND campaign = ?2)")?;
        if query.query_row(params![person.0, running.name()], |row| row.get(0))? {
            continue;
        }
        lines.push(format!("campaign {} never started for them; at {}:", campaign.name, local(stage)));
        for (what, condition) in conditions(campaign) {
            let explained = parts(stage, condition, Some(campaign.purpose), campaign.served, &facts)?;
            let mut explained = explained.into_iter();
            lines.extend(explained.next().map(|first| format!("  its {what}: {first}")));
            lines.extend(explained.map(|line| format!("    {line}")));
        }
    }
    Ok(lines)
}

/// The conditions that decide whether a campaign starts.
fn conditions(campaign: &Campaign) -> Vec<(&'static str, &Expr)> {
    let mut found: Vec<(&str, &Expr)> = Vec::new();
    if let Audience::Rule(rule) = &campaign.audience {
        found.push(("audience", rule));
    }
    found.extend(campaign.except.iter().map(|rule| ("exception", rule)));
    if let StartKind::Becomes { condition, .. } | StartKind::Leaves { condition } = &campaign.start.kind {
        found.push(("start", condition));
    }
    found
}

fn gets_nothing(stage: &Stage<'_>, person: Symbol, after: Option<Day>) -> Failure {
    let id = stage.people.get(&person).copied();
    let theirs = |delivery: &&Delivery| {
        delivery.recipient != RecipientKind::Staff
            && delivery.person.is_some()
            && delivery.person == id
            && after.is_none_or(|after| delivery.day > after)
    };
    let got: Vec<String> =
        stage.deliveries.iter().filter(theirs).map(|d| format!("{person} gets {}", told(stage, d))).collect();
    if got.is_empty() {
        return None;
    }
    let when = after.map_or_else(String::new, |after| format!(" after {after}"));
    Some((format!("{person} gets {} messages{when}, not none", got.len()), got))
}

/// Conditions of campaigns that are unknown for a person: whoever gets nothing may get it only because of them.
fn unknowns(stage: &Stage<'_>, person: Symbol) -> Result<Vec<String>, StoreError> {
    let Some(facts) = facts_of(stage, person)? else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for running in &stage.plan.campaigns {
        let campaign = running.campaign;
        for (what, condition) in conditions(campaign) {
            if truth_of(stage, condition, campaign.served, &facts)? == Truth::Unknown {
                let text = source(stage.program, condition.span);
                lines.push(format!("campaign {}: its {what} {text} is unknown for {person}", campaign.name));
            }
        }
    }
    lines.dedup();
    Ok(lines)
}

fn publishes(
    stage: &Stage<'_>,
    message: Symbol,
    channel: Option<crate::catalogue::Channel>,
    on: Option<Day>,
) -> Failure {
    let is_published = |delivery: &&Delivery| delivery.recipient == RecipientKind::Public;
    let fits = |delivery: &&Delivery| {
        delivery.message == message
            && channel.is_none_or(|channel| channel == delivery.channel)
            && on.is_none_or(|day| day == delivery.day)
    };
    if stage.deliveries.iter().filter(is_published).any(|delivery| fits(&delivery)) {
        return None;
    }
    let published: Vec<String> =
        stage.deliveries.iter().filter(is_published).map(|d| format!("published: {}", told(stage, d))).collect();
    Some((format!("{message} is not published as expected"), published))
}
