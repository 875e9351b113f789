//! The dates that windows and date arithmetic mean at an instant: `in the last 30 days` is 24 October to 23 November.
//!
//! Pure; knows rules and the program's sources. What depends on the reader (`since registered_on`) has no dates.

use crate::catalogue::Value;
use crate::diagnostic::Span;
use crate::program::{Campaign, Program, StartKind, Step, StepKind};
use crate::rule::function::Moment;
use crate::rule::{Expr, Kind, Selection, Window};
use crate::time::{Day, Duration, Instant, Zone};

/// A piece of the source and the dates it means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meaning {
    /// As the author wrote it, on one line.
    pub text: String,
    pub span: Span,
    /// The dates that count.
    pub dates: Dates,
}

/// What a piece of the source means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dates {
    /// Both included.
    Between(Day, Day),
    /// Elapsed time: from the first to the second instant.
    Hours(Instant, Instant),
    /// This day and later ones.
    From(Day),
    /// Days earlier than this.
    Before(Day),
    /// One day: `today - 9 months`.
    On(Day),
}

/// The meanings of everything that `campaign` decides by, in the order of the source.
pub fn of_campaign(program: &Program, campaign: &Campaign, now: Instant) -> Vec<Meaning> {
    let mut found = Finder::new(program, now);
    if let crate::program::Audience::Rule(rule) = &campaign.audience {
        found.expr(rule);
    }
    campaign.except.iter().chain(&campaign.exit).for_each(|rule| found.expr(rule));
    if let Some((goal, _)) = &campaign.goal {
        found.expr(goal);
    }
    match &campaign.start.kind {
        StartKind::Becomes { condition, .. } | StartKind::Leaves { condition } => found.expr(condition),
        StartKind::Event { condition: Some(condition), .. }
        | StartKind::EventDate { condition: Some(condition), .. } => found.expr(condition),
        _ => {}
    }
    found.steps(&campaign.steps);
    found.finish()
}

/// The meanings of one rule.
pub fn of_rule(program: &Program, rule: &Expr, now: Instant) -> Vec<Meaning> {
    let mut found = Finder::new(program, now);
    found.expr(rule);
    found.finish()
}

/// The dates of a window at `now`, where they are the same for everybody.
pub fn of_window(window: &Window, moment: &Moment<'_>, week_starts: crate::time::Weekday) -> Option<Dates> {
    let today = moment.today;
    Some(match window {
        Window::Last(duration) => match duration.elapsed_seconds() {
            Some(seconds) => Dates::Hours(moment.now.plus_seconds(-seconds), moment.now),
            None => Dates::Between(today.plus(duration.negated()), today),
        },
        Window::Next(duration) => match duration.elapsed_seconds() {
            Some(seconds) => Dates::Hours(moment.now, moment.now.plus_seconds(seconds)),
            None => Dates::Between(today, today.plus(*duration)),
        },
        Window::Period { which, unit } => {
            let (first, last) = today.period(*which, *unit, week_starts);
            Dates::Between(first, last)
        }
        Window::Since(from) => Dates::From(moment.day(&constant(from, moment)?)?),
        Window::Before(end) => Dates::Before(moment.day(&constant(end, moment)?)?),
        Window::Between(from, to) => {
            Dates::Between(moment.day(&constant(from, moment)?)?, moment.day(&constant(to, moment)?)?)
        }
    })
}

/// The value of an expression that no reader's data can change.
fn constant(expr: &Expr, moment: &Moment<'_>) -> Option<Value> {
    match &expr.kind {
        Kind::Literal(value) => Some(value.clone()),
        Kind::Today => Some(Value::Date(moment.today)),
        Kind::Now => Some(Value::Instant(moment.now)),
        Kind::Call { function, arguments } => {
            let arguments: Option<Vec<Value>> = arguments.iter().map(|argument| constant(argument, moment)).collect();
            (function.kernel)(&arguments?, moment)
        }
        _ => None,
    }
}

struct Finder<'p> {
    program: &'p Program,
    zone: &'p Zone,
    now: Instant,
    /// Segments that have been read.
    seen: Vec<bool>,
    found: Vec<Meaning>,
}

impl<'p> Finder<'p> {
    fn new(program: &'p Program, now: Instant) -> Finder<'p> {
        let seen = vec![false; program.segments.len()];
        Finder { program, zone: &program.library.zone, now, seen, found: Vec::new() }
    }

    fn finish(mut self) -> Vec<Meaning> {
        let mut texts = std::collections::HashSet::new();
        self.found.retain(|meaning| texts.insert(meaning.text.clone()));
        self.found
    }

    fn moment(&self) -> Moment<'p> {
        Moment::new(self.now, self.zone)
    }

    fn note(&mut self, span: Span, dates: Option<Dates>) {
        let Some(dates) = dates else { return };
        let text = self.program.sources.snippet(span).split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            self.found.push(Meaning { text, span, dates });
        }
    }

    fn window(&mut self, span: Span, window: &Window) {
        let dates = of_window(window, &self.moment(), self.program.library.week_starts);
        self.note(span, dates);
    }

    fn selection(&mut self, selection: &Selection) {
        if let Some(condition) = &selection.condition {
            self.expr(condition);
        }
        if let Some(window) = &selection.window {
            self.window(selection.span, window);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            Kind::Segment(id) => {
                if !std::mem::replace(&mut self.seen[id.0 as usize], true) {
                    let program = self.program;
                    self.expr(&program.segment(*id).body);
                }
            }
            Kind::Call { arguments, .. } => {
                let is_date = matches!(expr.ty, crate::catalogue::Type::Date | crate::catalogue::Type::Instant);
                let moment = self.moment();
                let day = constant(expr, &moment).filter(|_| is_date).and_then(|value| moment.day(&value));
                match day {
                    Some(day) => self.note(expr.span, Some(Dates::On(day))),
                    None => arguments.iter().for_each(|argument| self.expr(argument)),
                }
            }
            Kind::Not(inner) | Kind::Known(inner) => self.expr(inner),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().for_each(|part| self.expr(part)),
            Kind::InWindow { value, window } => {
                self.expr(value);
                self.window(expr.span, window);
            }
            Kind::Has { selection, .. }
            | Kind::Count(selection)
            | Kind::Days(selection)
            | Kind::Sum { selection, .. }
            | Kind::First { selection, .. }
            | Kind::Latest { selection, .. } => self.selection(selection),
            Kind::Followed { first, second, .. } => {
                self.selection(first);
                self.selection(second);
            }
            Kind::Periods { selection, of, unit, .. } => {
                self.selection(selection);
                let today = self.moment().today;
                let back = Duration { count: -of, unit: *unit };
                self.note(expr.span, Some(Dates::Between(today.plus(back).plus_days(1), today)));
            }
            Kind::Literal(_)
            | Kind::Read(_)
            | Kind::Today
            | Kind::Now
            | Kind::Start
            | Kind::Member(_)
            | Kind::Agrees { .. }
            | Kind::AskedFor { .. }
            | Kind::EndOfConsent { .. }
            | Kind::Changed(_) => {}
        }
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.kind {
                StepKind::Send { condition, .. } => condition.iter().for_each(|condition| self.expr(condition)),
                StepKind::WaitUpTo { until, then, otherwise, .. } => {
                    self.expr(until);
                    self.steps(then);
                    self.steps(otherwise);
                }
                StepKind::If { branches, otherwise } => {
                    for (condition, body) in branches {
                        self.expr(condition);
                        self.steps(body);
                    }
                    self.steps(otherwise);
                }
                StepKind::Split(arms) => arms.iter().for_each(|(_, body)| self.steps(body)),
                StepKind::Repeat { until, body, .. } => {
                    until.iter().for_each(|until| self.expr(until));
                    self.steps(body);
                }
                StepKind::Wait(_)
                | StepKind::WaitTime { .. }
                | StepKind::WaitDate { .. }
                | StepKind::AddTo(_)
                | StepKind::RemoveFrom(_)
                | StepKind::Stop
                | StepKind::Publish { .. } => {}
            }
        }
    }
}
