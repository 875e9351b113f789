//! A program's conditions, lowered for the laws: apart from the engine, and once for all histories.

use bookmobile::catalogue::EventId;
use bookmobile::eval::{Interpreter, Question, RuleId, Rules, Truth, World};
use bookmobile::program::{Audience, Campaign, Program, StartKind};
use bookmobile::rule::{Facts, Tables};
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

pub struct Lowered<'p> {
    pub program: &'p Program,
    pub rules: Rules,
    pub campaigns: Vec<OfCampaign<'p>>,
}

/// The conditions of a campaign.
pub struct OfCampaign<'p> {
    pub campaign: &'p Campaign,
    /// `None`: everyone, or the public.
    pub audience: Option<RuleId>,
    pub except: Vec<RuleId>,
    pub exit: Option<RuleId>,
    pub goal: Option<RuleId>,
    /// Of `when`, `on entering`, `on leaving`.
    pub condition: Option<RuleId>,
    /// Of a start on an event, a record or its date: the `where`, and whether the row may be seen.
    pub row: Option<(EventId, RuleId)>,
}

impl<'p> Lowered<'p> {
    pub fn new(program: &'p Program) -> Lowered<'p> {
        let mut rules = Rules::new();
        let mut campaigns = Vec::new();
        for campaign in program.campaigns.iter().filter(|campaign| !campaign.is_draft) {
            let mut rule = |expr| rules.add(&program.segments, &program.catalogue, expr, campaign.served);
            let audience = match &campaign.audience {
                Audience::Rule(audience) => Some(rule(audience)),
                Audience::Everyone | Audience::Public => None,
            };
            let except = campaign.except.iter().map(&mut rule).collect();
            let exit = campaign.exit.as_ref().map(&mut rule);
            let goal = campaign.goal.as_ref().map(|(goal, _)| rule(goal));
            let condition = match &campaign.start.kind {
                StartKind::Becomes { condition, .. } | StartKind::Leaves { condition } => Some(rule(condition)),
                _ => None,
            };
            let row = match &campaign.start.kind {
                StartKind::Event { event, condition, .. } | StartKind::EventDate { event, condition, .. } => {
                    let (segments, catalogue) = (&program.segments, &program.catalogue);
                    let admits = rules.add_for_event(segments, catalogue, *event, condition.as_ref(), campaign.served);
                    Some((*event, admits))
                }
                _ => None,
            };
            campaigns.push(OfCampaign { campaign, audience, except, exit, goal, condition, row });
        }
        Lowered { program, rules, campaigns }
    }

    pub fn of(&self, name: Symbol) -> Option<&OfCampaign<'p>> {
        self.campaigns.iter().find(|of| of.campaign.name == name)
    }

    pub fn world<'w>(&'w self, tables: &'w Tables) -> World<'w> {
        let library = &self.program.library;
        World { catalogue: &self.program.catalogue, tables, zone: &library.zone, week_starts: library.week_starts }
    }
}

impl OfCampaign<'_> {
    /// Whether a patron is in the audience, and known to be in no exception.
    pub fn admits(&self, facts: &Facts, now: Instant, interpreter: &mut Interpreter<'_>) -> bool {
        let question = Question::of(facts, now);
        self.audience.is_none_or(|rule| interpreter.truth(rule, &question) == Truth::True)
            && self.except.iter().all(|&rule| interpreter.truth(rule, &question) == Truth::False)
    }
}
