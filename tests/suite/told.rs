//! Everything that section 8 allows in a campaign occurs in a campaign that a test of `tests/programs` runs.
//!
//! The names below are those of the tree, and the `match`es know every variant: a new clause or step does not compile
//! until it has a name here, and does not pass until a program tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bookmobile::check;
use bookmobile::syntax::ast::*;
use bookmobile::syntax::parse;

/// Each kind of start, clause and step, with the parts that each may have.
const SECTION_8: &str = "
    purpose  audience  audience-everyone  audience-public  audience-except  exit  holdout  sample  goal  priority
    limit  sender  layout  expires-after  reveal  reveal-to-guardian  status-draft
    runs-from  runs-to  again-always  again-after  again-never  deliver-at-any-hour  deliver-on  deliver-between
    entering  entering-segment  entering-current-members  leaving  when  change  change-from  change-to
    event  event-where  event-together  event-together-for
    event-date  event-date-before  event-date-after  event-date-where  event-date-together  event-date-field-days
    date  date-before  date-after  anniversary  anniversary-before  anniversary-after  once
    every-day  every-weekday  every-weeks  every-month-day  every-month-weekday  every-month-last-weekday
    every-month-last-day  every-year
    send  send-to-guardian  send-to-staff  send-by  send-by-or  send-only-if  send-unless
    wait  wait-until-time  wait-until-weekday  wait-until-date  wait-until-before  wait-until-after
    wait-up-to  wait-up-to-then  wait-up-to-else  if  if-else-if  if-else  split
    repeat  repeat-until  add-to  remove-from  stop  publish  publish-until
    nested-if  nested-wait-up-to  nested-split  nested-repeat
";

#[derive(Default)]
struct Found(BTreeMap<String, BTreeSet<String>>);

/// A campaign whose parts are being named.
struct Telling<'f> {
    found: &'f mut Found,
    campaign: String,
}

impl Telling<'_> {
    fn name(&mut self, name: &str) {
        self.found.0.entry(name.to_owned()).or_default().insert(self.campaign.clone());
    }

    fn part(&mut self, is_there: bool, name: &str) {
        if is_there {
            self.name(name);
        }
    }

    fn clause(&mut self, clause: &ClauseKind) {
        match clause {
            ClauseKind::Purpose(_) => self.name("purpose"),
            ClauseKind::Audience { who, except } => {
                self.name(match who {
                    Audience::Everyone(_) => "audience-everyone",
                    Audience::Public(_) => "audience-public",
                    Audience::Who(_) => "audience",
                });
                self.part(except.is_some(), "audience-except");
            }
            ClauseKind::Start(start) => self.start(&start.kind),
            ClauseKind::Runs { from, to } => {
                self.part(from.is_some(), "runs-from");
                self.part(to.is_some(), "runs-to");
            }
            ClauseKind::Exit(_) => self.name("exit"),
            ClauseKind::Again(again) => self.name(match again {
                Again::Always => "again-always",
                Again::After(_) => "again-after",
                Again::Never => "again-never",
            }),
            ClauseKind::Holdout(_) => self.name("holdout"),
            ClauseKind::Sample(_) => self.name("sample"),
            ClauseKind::Goal { .. } => self.name("goal"),
            ClauseKind::Priority(_) => self.name("priority"),
            ClauseKind::Limit(_) => self.name("limit"),
            ClauseKind::Deliver(Deliver::AnyHour) => self.name("deliver-at-any-hour"),
            ClauseKind::Deliver(Deliver::Narrow { on, between }) => {
                self.part(!on.is_empty(), "deliver-on");
                self.part(between.is_some(), "deliver-between");
            }
            ClauseKind::Sender(_) => self.name("sender"),
            ClauseKind::Layout(_) => self.name("layout"),
            ClauseKind::ExpiresAfter(_) => self.name("expires-after"),
            ClauseKind::Reveal { to_guardian, .. } => {
                self.name(if *to_guardian { "reveal-to-guardian" } else { "reveal" });
            }
            ClauseKind::StatusDraft => self.name("status-draft"),
        }
    }

    fn start(&mut self, start: &StartKind) {
        match start {
            StartKind::Entering { segment, including_current } => {
                self.name(if segment.is_some() { "entering-segment" } else { "entering" });
                self.part(*including_current, "entering-current-members");
            }
            StartKind::Leaving(_) => self.name("leaving"),
            StartKind::When(_) => self.name("when"),
            StartKind::Change { from, to, .. } => {
                self.name("change");
                self.part(from.is_some(), "change-from");
                self.part(to.is_some(), "change-to");
            }
            StartKind::Event { condition, together, .. } => {
                self.name("event");
                self.part(condition.is_some(), "event-where");
                if let Some(together) = together {
                    self.name(if together.wait.is_some() { "event-together-for" } else { "event-together" });
                }
            }
            StartKind::EventDate { offset, condition, together, .. } => {
                self.offset("event-date", offset.as_ref());
                let days = offset.as_ref().map(|offset| &offset.quantity.kind);
                self.part(matches!(days, Some(QuantityKind::Counted { .. })), "event-date-field-days");
                self.part(condition.is_some(), "event-date-where");
                self.part(together.is_some(), "event-date-together");
            }
            StartKind::Date { offset, .. } => self.offset("date", offset.as_ref()),
            StartKind::Anniversary { offset, .. } => self.offset("anniversary", offset.as_ref()),
            StartKind::Every(schedule) => self.name(match &schedule.kind {
                ScheduleKind::Day => "every-day",
                ScheduleKind::Weekdays(_) => "every-weekday",
                ScheduleKind::Weeks { .. } => "every-weeks",
                ScheduleKind::MonthDay(_) => "every-month-day",
                ScheduleKind::MonthWeekday { nth: -1, .. } => "every-month-last-weekday",
                ScheduleKind::MonthWeekday { .. } => "every-month-weekday",
                ScheduleKind::MonthLastDay => "every-month-last-day",
                ScheduleKind::Year { .. } => "every-year",
            }),
            StartKind::Once { .. } => self.name("once"),
        }
    }

    fn offset(&mut self, on: &str, offset: Option<&Offset>) {
        match offset {
            None => self.name(on),
            Some(offset) => self.name(&format!("{on}-{}", if offset.after { "after" } else { "before" })),
        }
    }

    fn steps(&mut self, steps: &[Step], depth: usize) {
        for step in steps {
            self.step(&step.kind, depth);
        }
    }

    /// A step that holds others; `depth` of them stand around it.
    fn block(&mut self, name: &str, depth: usize) {
        self.name(name);
        self.part(depth > 0, &format!("nested-{name}"));
    }

    fn step(&mut self, step: &StepKind, depth: usize) {
        match step {
            StepKind::Send { to, by, condition, .. } => {
                self.name(match to {
                    None => "send",
                    Some(Recipient::Guardian(_)) => "send-to-guardian",
                    Some(Recipient::Staff(_)) => "send-to-staff",
                });
                self.part(by.len() == 1, "send-by");
                self.part(by.len() > 1, "send-by-or");
                if let Some((negated, _)) = condition {
                    self.name(if *negated { "send-unless" } else { "send-only-if" });
                }
            }
            StepKind::Wait(_) => self.name("wait"),
            StepKind::WaitTime { weekday, .. } => {
                self.name(if weekday.is_some() { "wait-until-weekday" } else { "wait-until-time" });
            }
            StepKind::WaitDate { offset, .. } => self.name(match offset {
                None => "wait-until-date",
                Some(offset) if offset.after => "wait-until-after",
                Some(_) => "wait-until-before",
            }),
            StepKind::WaitUpTo { then, otherwise, .. } => {
                self.block("wait-up-to", depth);
                for (block, name) in [(then, "wait-up-to-then"), (otherwise, "wait-up-to-else")] {
                    self.part(block.is_some(), name);
                    self.steps(block.as_deref().unwrap_or_default(), depth + 1);
                }
            }
            StepKind::If { branches, otherwise } => {
                self.block("if", depth);
                self.part(branches.len() > 1, "if-else-if");
                self.part(otherwise.is_some(), "if-else");
                branches.iter().for_each(|(_, body)| self.steps(body, depth + 1));
                self.steps(otherwise.as_deref().unwrap_or_default(), depth + 1);
            }
            StepKind::Split(arms) => {
                self.block("split", depth);
                arms.iter().for_each(|(_, body)| self.steps(body, depth + 1));
            }
            StepKind::Repeat { until, body, .. } => {
                self.block("repeat", depth);
                self.part(until.is_some(), "repeat-until");
                self.steps(body, depth + 1);
            }
            StepKind::AddTo(_) => self.name("add-to"),
            StepKind::RemoveFrom(_) => self.name("remove-from"),
            StepKind::Stop => self.name("stop"),
            StepKind::Publish { until, .. } => {
                self.name("publish");
                self.part(until.is_some(), "publish-until");
            }
        }
    }
}

/// Whether a test of the program ticks with the campaign.
fn is_run(campaign: &Campaign, tests: &[&Test]) -> bool {
    let is_draft = campaign.clauses.iter().any(|clause| matches!(clause.kind, ClauseKind::StatusDraft));
    tests.iter().any(|test| {
        let only = test.statements.iter().find_map(|statement| match &statement.kind {
            StatementKind::Only(names) => Some(names),
            _ => None,
        });
        let takes_part = match only {
            Some(names) => names.iter().any(|name| name.symbol == campaign.name.symbol),
            None => !is_draft,
        };
        takes_part && test.statements.iter().any(|statement| matches!(statement.kind, StatementKind::Run(_)))
    })
}

#[test]
fn every_start_clause_and_step_is_told_by_a_program() {
    let mut found = Found::default();
    let mut idle = Vec::new();
    let programs = std::fs::read_dir("tests/programs").expect("a folder");
    let programs: Vec<PathBuf> = programs.map(|entry| entry.expect("an entry").path()).collect();
    assert!(programs.len() > 15, "{} programs", programs.len());
    for program in programs {
        let sources = check::load(&program).expect("a program");
        let files = sources.iter().filter(|(_, file)| file.path.extension().is_some_and(|it| it == "campaign"));
        let items: Vec<Item> = files.flat_map(|(id, _)| parse(&sources, id).file.items).collect();
        let tests: Vec<&Test> = (items.iter())
            .filter_map(|item| if let ItemKind::Test(test) = &item.kind { Some(test) } else { None })
            .collect();
        for item in &items {
            let ItemKind::Campaign(campaign) = &item.kind else { continue };
            let name = format!("{}: {}", program.display(), campaign.name.symbol);
            if !is_run(campaign, &tests) {
                idle.push(name);
                continue;
            }
            let mut telling = Telling { found: &mut found, campaign: name };
            campaign.clauses.iter().for_each(|clause| telling.clause(&clause.kind));
            telling.steps(&campaign.steps, 0);
        }
    }
    assert!(idle.is_empty(), "no test runs these campaigns:\n{}", idle.join("\n"));
    let wanted: BTreeSet<&str> = SECTION_8.split_whitespace().collect();
    let told: BTreeSet<&str> = found.0.keys().map(String::as_str).collect();
    let missing: Vec<&&str> = wanted.difference(&told).collect();
    assert!(missing.is_empty(), "no program tells {missing:?}");
    let unlisted: Vec<&&str> = told.difference(&wanted).collect();
    assert!(unlisted.is_empty(), "not in the list of section 8: {unlisted:?}");
}
