//! The steps of a campaign, and the conditions that are tried while a journey runs.

use crate::catalogue::{ListId, Type};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::program::{Offset, Step, StepKind};
use crate::rule::Expr;
use crate::syntax::ast;
use crate::time::Duration;

use super::super::expr::unknown;
use super::super::{Context, Scope, lint};
use super::head::Head;
use super::{Messages, first_word, reach, step};

const SHARES: Code = Code("E0411");
const REPEAT_IN_REPEAT: Code = Code("E0414");
const UNKNOWN_LIST: Code = Code("E0413");
const TOO_FINE: Code = Code("E0416");
const NO_TIME_PASSES: Code = Code("E0412");

/// Checks the steps of one campaign.
pub struct Journey<'c, 'a, 's> {
    pub context: &'c mut Context<'a>,
    pub head: &'s Head<'a>,
    pub messages: &'s Messages,
    pub scope: Scope<'s>,
    /// The `repeat` around the step at hand.
    repeat: Option<Span>,
}

impl<'c, 'a, 's> Journey<'c, 'a, 's> {
    pub fn new(context: &'c mut Context<'a>, head: &'s Head<'a>, messages: &'s Messages) -> Self {
        let start_event = head.start_event;
        let scope = Scope { start_event, has_start: true, in_campaign: true, ..Scope::default() };
        Journey { context, head, messages, scope, repeat: None }
    }

    /// A condition of `exit`, `if`, `until` and the like.
    pub fn condition(&mut self, condition: &ast::Expr) -> Option<Expr> {
        // What `event` means is not known: nothing is to be said about it.
        if self.speaks_of_an_unknown_event(condition) {
            return None;
        }
        let condition = self.context.condition(condition, &self.scope)?;
        lint::condition(self.context, &condition, lint::Place::Segment);
        Some(condition)
    }

    fn speaks_of_an_unknown_event(&self, expr: &ast::Expr) -> bool {
        self.head.start_unknown && self.context.sources.snippet(expr.span).contains("event.")
    }

    /// `goal E within D`.
    pub fn goal(&mut self, condition: &ast::Expr, within: &ast::Quantity) -> Option<(Expr, Duration)> {
        let condition = self.condition(condition);
        let within = self.context.duration(within, &self.scope);
        Some((condition?, within?))
    }

    /// The steps; all are checked, and those that are wrong left out.
    pub fn steps(&mut self, steps: &[ast::Step]) -> Vec<Step> {
        steps.iter().filter_map(|step| self.step(step)).collect()
    }

    /// What can be said only of all steps together.
    pub fn finish(self) {
        let campaign = self.head.declaration;
        reach::check(self.context, &campaign.what.steps);
        if campaign.what.steps.is_empty() && !campaign.item.broken {
            lint::no_steps::check(self.context, campaign.what.name);
        }
    }

    fn step(&mut self, step: &ast::Step) -> Option<Step> {
        super::public::check_step(self.context, self.head, step);
        let kind = match &step.kind {
            ast::StepKind::Send { message, to, by, condition } => {
                step::send(self, step.span, *message, to.as_ref(), by, condition.as_ref())
            }
            ast::StepKind::Publish { message, by, until } => step::publish(self, step.span, *message, by, *until),
            ast::StepKind::Wait(duration) => self.duration(duration).map(StepKind::Wait),
            ast::StepKind::WaitTime { weekday, at } => {
                Some(StepKind::WaitTime { weekday: weekday.map(|(day, _)| day), at: at.time })
            }
            ast::StepKind::WaitDate { offset, date } => self.wait_date(offset.as_ref(), date),
            ast::StepKind::WaitUpTo { at_most, until, then, otherwise } => {
                let at_most = self.duration(at_most);
                let until = self.condition(until);
                if let Some(until) = &until {
                    lint::goal::check(self.context, until, "until");
                }
                let then = self.steps(then.as_deref().unwrap_or_default());
                let otherwise = self.steps(otherwise.as_deref().unwrap_or_default());
                (|| Some(StepKind::WaitUpTo { at_most: at_most?, until: until?, then, otherwise }))()
            }
            ast::StepKind::If { branches, otherwise } => self.branches(branches, otherwise.as_deref()),
            ast::StepKind::Split(arms) => self.split(step.span, arms),
            ast::StepKind::Repeat { every, up_to, until, body } => {
                self.repeat(step.span, every, *up_to, until.as_ref(), body)
            }
            ast::StepKind::AddTo(list) => self.list(*list).map(StepKind::AddTo),
            ast::StepKind::RemoveFrom(list) => self.list(*list).map(StepKind::RemoveFrom),
            ast::StepKind::Stop => Some(StepKind::Stop),
        };
        Some(Step { kind: kind?, span: step.span })
    }

    /// How long; a time that does not pass is a slip.
    fn duration(&mut self, quantity: &ast::Quantity) -> Option<Duration> {
        let duration = self.context.duration(quantity, &self.scope)?;
        if duration.count > 0 {
            return Some(duration);
        }
        self.context.report(
            Diagnostic::new(NO_TIME_PASSES, quantity.span, format!("no time passes in {duration}"))
                .label("nothing to wait for")
                .help("write how long, such as `7 days`, or take the step away"),
        );
        None
    }

    fn wait_date(&mut self, offset: Option<&ast::Offset>, date: &ast::Expr) -> Option<StepKind> {
        let date = match self.speaks_of_an_unknown_event(date) {
            true => None,
            false => self.context.date_or_instant(date, &self.scope),
        };
        if let Some(date) = &date {
            super::public::check_wait(self.context, self.head, date);
        }
        let offset = match offset {
            None => Some(Offset::None),
            Some(offset) => {
                let found = self.context.duration(&offset.quantity, &self.scope);
                if let (Some(duration), Some(date)) = (found, &date)
                    && duration.unit.is_elapsed()
                    && date.ty == Type::Date
                {
                    self.context.report(
                        Diagnostic::new(
                            TOO_FINE,
                            offset.quantity.span,
                            format!("{}s do not go with a date", duration.unit.word()),
                        )
                        .label("finer than a date")
                        .also(date.span, "this is a date")
                        .help(
                            "write days, weeks, months or years; then wait for a time of day with `wait until 09:00`",
                        ),
                    );
                    return None;
                }
                found.map(|found| Offset::Fixed(if offset.after { found } else { found.negated() }))
            }
        };
        Some(StepKind::WaitDate { date: date?, offset: offset? })
    }

    fn branches(
        &mut self,
        branches: &[(ast::Expr, Vec<ast::Step>)],
        otherwise: Option<&[ast::Step]>,
    ) -> Option<StepKind> {
        let mut checked = Vec::new();
        for (condition, steps) in branches {
            let condition = self.condition(condition);
            let steps = self.steps(steps);
            checked.extend(condition.map(|condition| (condition, steps)));
        }
        let otherwise = self.steps(otherwise.unwrap_or_default());
        Some(StepKind::If { branches: checked, otherwise })
    }

    fn split(&mut self, span: Span, arms: &[(ast::Share, Vec<ast::Step>)]) -> Option<StepKind> {
        let sum: i64 = arms.iter().map(|(share, _)| share.percent).sum();
        let keyword = first_word(self.context, span);
        if sum != 100 && !self.head.declaration.item.broken {
            let shares: Vec<String> = arms.iter().map(|(share, _)| format!("{}%", share.percent)).collect();
            let said = if shares.is_empty() { "no arms".to_owned() } else { shares.join(" + ") };
            let mut diagnostic =
                Diagnostic::new(SHARES, keyword, format!("the arms of a split add up to 100%, and these to {sum}%"))
                    .label(format!("{said} = {sum}%"))
                    .help(if sum < 100 {
                        format!("give the missing {}% to an arm; an arm with `{{ }}` does nothing", 100 - sum)
                    } else {
                        format!("take {}% away", sum - 100)
                    });
            for (share, _) in arms {
                diagnostic = diagnostic.also(share.span, "");
            }
            self.context.report(diagnostic);
        }
        Some(StepKind::Split(arms.iter().map(|(share, steps)| (share.percent, self.steps(steps))).collect()))
    }

    fn repeat(
        &mut self,
        span: Span,
        every: &ast::Quantity,
        up_to: ast::Number,
        until: Option<&ast::Expr>,
        body: &[ast::Step],
    ) -> Option<StepKind> {
        let keyword = first_word(self.context, span);
        if let Some(outer) = self.repeat {
            self.context.report(
                Diagnostic::new(REPEAT_IN_REPEAT, keyword, "a `repeat` stands inside another `repeat`")
                    .label("inside")
                    .also(outer, "the outer one")
                    .help("write one `repeat`, with the number of rounds of both"),
            );
        }
        let every = self.duration(every);
        let until = until.map_or(Some(None), |until| self.condition(until).map(Some));
        if let Some(Some(until)) = &until {
            lint::goal::check(self.context, until, "until");
        }
        let before = self.repeat.replace(keyword);
        let body = self.steps(body);
        self.repeat = before;
        Some(StepKind::Repeat { every: every?, up_to: up_to.value, until: until?, body })
    }

    fn list(&mut self, name: ast::Name) -> Option<ListId> {
        let found = self.context.catalogue.list_named(name.symbol);
        if found.is_some() {
            self.context.used.insert(name.symbol);
            return found;
        }
        if self.context.declared.broken.contains(&name.symbol) {
            return None;
        }
        let known: Vec<_> = self.context.catalogue.lists.iter().map(|list| list.name).collect();
        let mut diagnostic =
            unknown(UNKNOWN_LIST, name, &format!("there is no list `{}`", name.symbol), known, "lists are");
        if self.context.declared.segments.contains_key(&name.symbol) {
            diagnostic.message = format!("`{}` is a segment: who is in it follows from its rule", name.symbol);
            diagnostic.fix = None;
            diagnostic.help = Some(format!("declare a list, `list NAME \"…\"`, and use it beside `{}`", name.symbol));
        } else if diagnostic.help.is_none() {
            diagnostic.help = Some(format!("declare it: `list {} \"…\"`", name.symbol));
        }
        self.context.report(diagnostic);
        None
    }
}
