//! Tests in the language (section 11): every name means something, every value has the type of its field.
//!
//! What a fixture leaves out is the runner's business; what it names is checked here.

mod expect;
mod fixture;

use std::collections::HashMap;

use crate::catalogue::EventId;
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::program::{Statement, Test};
use crate::symbol::Symbol;
use crate::syntax::ast::{self, StatementKind, WhenKind};
use crate::time::{Day, Instant};

use super::Context;
use super::context::Declaration;
use super::expr::unknown;

const NO_NOW: Code = Code("E0601");
const UNKNOWN_PERSON: Code = Code("E0602");
const UNKNOWN_CAMPAIGN: Code = Code("E0604");
const TWICE: Code = Code("E0605");
const NO_SUCH_DRAW: Code = Code("E0606");
const NO_TIME: Code = Code("E0607");
const EXPECTS_NOTHING: Code = Code("W0601");

/// The tests of a program.
pub(super) fn check_all(context: &mut Context<'_>) -> Vec<Test> {
    let tests = context.declared.tests.clone();
    tests.into_iter().filter_map(|test| Checker::new(context).test(test)).collect()
}

struct Checker<'c, 'a> {
    context: &'c mut Context<'a>,
    people: HashMap<Symbol, Span>,
    /// Keys of records.
    keys: HashMap<Symbol, (EventId, Span)>,
    /// Names whose fixture is wrong: what refers to them is not reported.
    wrong: Vec<Symbol>,
    /// Names that stand further below.
    later: HashMap<Symbol, Span>,
}

impl<'c, 'a> Checker<'c, 'a> {
    fn new(context: &'c mut Context<'a>) -> Self {
        Checker { context, people: HashMap::new(), keys: HashMap::new(), wrong: Vec::new(), later: HashMap::new() }
    }

    fn test(mut self, test: Declaration<'_, ast::Test>) -> Option<Test> {
        let declared = test.what;
        self.check_now(test);
        for statement in &declared.statements {
            if let StatementKind::Patron { person: name, .. } | StatementKind::Record { key: name, .. } =
                &statement.kind
            {
                self.later.entry(name.symbol).or_insert(name.span);
            }
        }
        let statements: Vec<Option<(Span, Statement)>> =
            declared.statements.iter().map(|statement| Some((statement.span, self.statement(statement)?))).collect();
        let expects = declared.statements.iter().any(|statement| matches!(statement.kind, StatementKind::Expect(_)));
        if !expects && !test.item.broken {
            self.context.report(
                Diagnostic::new(EXPECTS_NOTHING, declared.name.span, "this test expects nothing, so it cannot fail")
                    .label("no `expect`")
                    .help("add what should hold, such as `expect ana gets welcome 1 time`"),
            );
        }
        let statements = statements.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Test { name: declared.name.value.clone(), span: test.item.span, statements })
    }

    /// `now` is there, first, and once.
    fn check_now(&mut self, test: Declaration<'_, ast::Test>) {
        let statements = &test.what.statements;
        let is_now = |statement: &&ast::Statement| matches!(statement.kind, StatementKind::Now(_));
        let Some(now) = statements.iter().find(is_now) else {
            if test.item.broken {
                return;
            }
            // From `test` to the word in whose place `now` is missed.
            let first = statements.first().map(|first| super::campaign::first_word(self.context, first.span));
            let place = Span { end: first.unwrap_or(test.what.name.span).end, ..test.item.span };
            self.context.report(
                Diagnostic::new(NO_NOW, place, "the test does not say when it begins")
                    .label("has no `now`")
                    .note("nothing in a test reads the clock: the same test gives the same result on every day")
                    .help("begin it with a line such as `now 2026-11-23 10:00`"),
            );
            return;
        };
        if !std::ptr::eq(now, &statements[0]) {
            self.context.report(
                Diagnostic::new(NO_NOW, now.span, "`now` is the first statement of a test")
                    .label("stands after others")
                    .also(super::campaign::first_word(self.context, statements[0].span), "the first statement")
                    .help("move it up; later the time goes on with `run until` and `skip until`"),
            );
        }
        for second in statements.iter().filter(is_now).skip(1) {
            self.context.report(
                Diagnostic::new(TWICE, second.span, "`now` stands here a second time")
                    .label("again")
                    .also(now.span, "the first time")
                    .help("let the time go on with `run until` or `skip until`"),
            );
        }
    }

    fn statement(&mut self, statement: &ast::Statement) -> Option<Statement> {
        match &statement.kind {
            StatementKind::Now(when) => Some(Statement::Now(self.instant(when))),
            StatementKind::Patron { person, like, from, fields } => self.patron(*person, *like, from.as_ref(), fields),
            StatementKind::Consent { person, purpose, channel, on, until, asked } => {
                let person = self.person(*person);
                let (purpose, channel) = self.consent(*purpose, *channel);
                Some(Statement::Consent {
                    person: person?,
                    purpose: purpose?,
                    channel: channel?,
                    on: self.instant(on),
                    on_day: self.day_of(on),
                    until: until.as_ref().map(|until| self.day_of(until)),
                    asked: *asked,
                })
            }
            StatementKind::Withdraw { person, purpose, channel, on } => {
                let person = self.person(*person);
                let (purpose, channel) = self.consent(*purpose, *channel);
                let on = self.instant(on);
                Some(Statement::Withdraw { person: person?, purpose: purpose?, channel: channel?, on })
            }
            StatementKind::Event { event, person, on, fields } => self.event(*event, *person, on, fields),
            StatementKind::Record { record, key, person, on, fields } => {
                self.record(*record, *key, *person, on, fields)
            }
            StatementKind::Remove { key, on } => {
                let (_, key) = self.key(*key)?;
                Some(Statement::Remove { key, on: self.instant(on) })
            }
            StatementKind::Change { what, on, fields } => self.change(*what, on, fields),
            StatementKind::Member { person, list } => {
                let person = self.person(*person);
                let list = self.list(*list);
                Some(Statement::Member { person: person?, list: list? })
            }
            StatementKind::TableRow { table, key, fields } => self.table_row(*table, key, fields),
            StatementKind::FeedRow { feed, fields } => self.feed_row(*feed, fields),
            StatementKind::HeldOut { person, campaign } => {
                let person = self.person(*person);
                let campaign = self.drawn(*campaign, None);
                Some(Statement::HeldOut { person: person?, campaign: campaign? })
            }
            StatementKind::Arm { person, arm, campaign } => {
                let person = self.person(*person);
                let campaign = self.drawn(*campaign, Some(*arm));
                Some(Statement::Arm { person: person?, arm: arm.value, campaign: campaign? })
            }
            StatementKind::Run(when) => {
                // A bare date means its last instant: `today` stays that date.
                let until = match when.kind {
                    WhenKind::Date(day) => Instant(self.context.library.zone.start_of(day.plus_days(1)).0 - 1),
                    WhenKind::Instant(_) => self.instant(when),
                };
                Some(Statement::Run { until })
            }
            StatementKind::Skip(when) => Some(Statement::Skip { until: self.instant(when) }),
            StatementKind::Only(campaigns) => {
                let campaigns: Vec<Option<Symbol>> = campaigns.iter().map(|name| self.campaign(*name)).collect();
                Some(Statement::Only(campaigns.into_iter().collect::<Option<Vec<_>>>()?))
            }
            StatementKind::Expect(expectation) => self.expectation(expectation),
        }
    }

    /// A date without a time of day is its first instant.
    fn instant(&self, when: &ast::When) -> Instant {
        match &when.kind {
            WhenKind::Date(day) => self.context.library.zone.start_of(*day),
            WhenKind::Instant(literal) => self.context.instant(literal),
        }
    }

    fn day_of(&self, when: &ast::When) -> Day {
        match &when.kind {
            WhenKind::Date(day) => *day,
            WhenKind::Instant(literal) => self.context.library.zone.day(self.context.instant(literal)),
        }
    }

    /// A date where a time of day means nothing.
    fn day(&mut self, when: &ast::When) -> Option<Day> {
        match &when.kind {
            WhenKind::Date(day) => Some(*day),
            WhenKind::Instant(literal) => {
                self.context.report(
                    Diagnostic::new(NO_TIME, when.span, "what is expected on a day has no time of day")
                        .label("a date is wanted here")
                        .help(format!("write `{}`", literal.date))
                        .fix(when.span, literal.date.to_string()),
                );
                None
            }
        }
    }

    fn person(&mut self, name: ast::Name) -> Option<Symbol> {
        if self.people.contains_key(&name.symbol) {
            return Some(name.symbol);
        }
        if self.wrong.contains(&name.symbol) {
            return None;
        }
        if let Some((_, span)) = self.keys.get(&name.symbol) {
            self.context.report(
                Diagnostic::new(UNKNOWN_PERSON, name.span, format!("`{}` is a record, not a patron", name.symbol))
                    .label("a patron is wanted here")
                    .also(*span, "the record"),
            );
            return None;
        }
        if let Some(span) = self.later.get(&name.symbol) {
            self.context.report(
                Diagnostic::new(UNKNOWN_PERSON, name.span, format!("`{}` is not there yet", name.symbol))
                    .label("used before it is introduced")
                    .also(*span, "introduced here")
                    .help("the statements of a test hold in order: move this one down"),
            );
            return None;
        }
        let message = format!("the test has no patron `{}`", name.symbol);
        let mut diagnostic = unknown(UNKNOWN_PERSON, name, &message, self.people.keys().copied(), "its patrons are");
        diagnostic.help.get_or_insert_with(|| format!("introduce them: `patron {} {{ … }}`", name.symbol));
        self.context.report(diagnostic);
        None
    }

    fn key(&mut self, name: ast::Name) -> Option<(EventId, Symbol)> {
        if let Some((record, _)) = self.keys.get(&name.symbol) {
            return Some((*record, name.symbol));
        }
        if !self.wrong.contains(&name.symbol) {
            let message = format!("the test has no record `{}`", name.symbol);
            let known: Vec<Symbol> = self.keys.keys().copied().collect();
            let mut diagnostic = unknown(UNKNOWN_PERSON, name, &message, known, "its records are");
            if let Some(span) = self.later.get(&name.symbol) {
                diagnostic = diagnostic.also(*span, "it is introduced only here");
            }
            self.context.report(diagnostic);
        }
        None
    }

    /// A new person or key has a name of its own.
    fn introduce(&mut self, name: ast::Name) {
        let first = self.people.get(&name.symbol).copied().or(self.keys.get(&name.symbol).map(|(_, span)| *span));
        if let Some(first) = first {
            self.context.report(
                Diagnostic::new(TWICE, name.span, format!("`{}` is introduced a second time", name.symbol))
                    .label("again")
                    .also(first, "the first time")
                    .help(format!("choose another name, or `change {} on … {{ … }}`", name.symbol)),
            );
        }
    }

    fn campaign(&mut self, name: ast::Name) -> Option<Symbol> {
        if self.context.declared.campaigns.contains_key(&name.symbol) {
            return Some(name.symbol);
        }
        if !self.context.declared.broken.contains(&name.symbol) {
            let known: Vec<Symbol> = self.context.declared.campaigns.keys().copied().collect();
            let message = format!("there is no campaign `{}`", name.symbol);
            self.context.report(unknown(UNKNOWN_CAMPAIGN, name, &message, known, "campaigns are"));
        }
        None
    }

    /// A campaign in which somebody is held out, or put into an arm.
    fn drawn(&mut self, name: ast::Name, arm: Option<ast::Number>) -> Option<Symbol> {
        let campaign = self.campaign(name)?;
        let declared = self.context.declared.campaigns[&campaign];
        if declared.item.broken {
            return Some(campaign);
        }
        let declared = declared.what;
        let (place, message, help) = match arm {
            None => {
                if declared.clauses.iter().any(|clause| matches!(clause.kind, ast::ClauseKind::Holdout(_))) {
                    return Some(campaign);
                }
                (
                    name.span,
                    format!("`{campaign}` holds nobody out"),
                    "give the campaign a clause such as `holdout 10%`".to_owned(),
                )
            }
            Some(arm) => {
                let arms = most_arms(&declared.steps) as i64;
                if (1..=arms).contains(&arm.value) {
                    return Some(campaign);
                }
                let help = match arms {
                    0 => "the campaign has no `split`".to_owned(),
                    _ => format!("write an arm from 1 to {arms}"),
                };
                (arm.span, format!("`{campaign}` has no arm {}", arm.value), help)
            }
        };
        self.context.report(
            Diagnostic::new(NO_SUCH_DRAW, place, message)
                .label("nothing to draw")
                .also(declared.name.span, "the campaign")
                .help(help),
        );
        None
    }
}

/// The arms of the widest split.
fn most_arms(steps: &[ast::Step]) -> usize {
    let inside = |steps: &Option<Vec<ast::Step>>| steps.as_deref().map_or(0, most_arms);
    let widest = steps.iter().map(|step| match &step.kind {
        ast::StepKind::Split(arms) => {
            arms.len().max(arms.iter().map(|(_, steps)| most_arms(steps)).max().unwrap_or_default())
        }
        ast::StepKind::If { branches, otherwise } => {
            branches.iter().map(|(_, steps)| most_arms(steps)).max().unwrap_or_default().max(inside(otherwise))
        }
        ast::StepKind::WaitUpTo { then, otherwise, .. } => inside(then).max(inside(otherwise)),
        ast::StepKind::Repeat { body, .. } => most_arms(body),
        _ => 0,
    });
    widest.max().unwrap_or_default()
}
