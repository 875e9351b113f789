//! The groups of people that a report has, and those that follow from them.

use super::count::Person;
use super::lines::Group;
use crate::program::{Campaign, Program, SplitNames, Step, StepKind};

/// An arm of a split as the program has it.
struct Arm {
    percent: i64,
    /// The first message that it sends.
    first: Option<String>,
}

/// A split of the campaign.
pub struct Split {
    name: String,
    /// Its place in the text.
    number: usize,
    arms: Vec<Arm>,
    /// The arm of another split in which it stands: split and arm.
    inside: Option<(usize, usize)>,
}

impl Split {
    /// Whether it is the one that a store calls so: in older stores by its number.
    pub fn is_called(&self, name: &serde_json::Value) -> bool {
        *name == *self.name || *name == self.number
    }
}

/// The splits around a group, the outermost first, and the arm of each in which it stands; `None` for whoever came to it.
/// Nothing if it stands in a split that is not among these.
pub fn around(splits: &[Split], group: &Group) -> Option<Vec<(usize, Option<usize>)>> {
    let Some((number, name, arm)) = group.at_split() else { return Some(Vec::new()) };
    let is_it = |split: &Split| if name.is_empty() { split.number == number } else { split.name == name };
    let own = splits.iter().position(is_it)?;
    let mut found = vec![(own, arm)];
    let mut inside = arm.and(splits[own].inside);
    while let Some((split, arm)) = inside {
        found.insert(0, (split, Some(arm)));
        inside = splits[split].inside;
    }
    Some(found)
}

/// The splits of a campaign in the order in which the engine numbers them.
pub fn splits(program: &Program, campaign: &Campaign) -> Vec<Split> {
    let mut found = Vec::new();
    collect(program, &campaign.steps, None, &mut SplitNames::default(), &mut found);
    found
}

fn collect(
    program: &Program,
    steps: &[Step],
    inside: Option<(usize, usize)>,
    names: &mut SplitNames,
    found: &mut Vec<Split>,
) {
    for step in steps {
        match &step.kind {
            StepKind::Split(arms) => {
                let number = found.len();
                let first = |steps: &[Step]| program.first_message(steps).map(|name| name.to_string());
                let described = arms.iter().map(|(percent, steps)| Arm { percent: *percent, first: first(steps) });
                found.push(Split { name: names.next(program, arms), number, arms: described.collect(), inside });
                for (arm, (_, steps)) in arms.iter().enumerate() {
                    collect(program, steps, Some((number, arm)), names, found);
                }
            }
            StepKind::WaitUpTo { then, otherwise, .. } => {
                collect(program, then, inside, names, found);
                collect(program, otherwise, inside, names, found);
            }
            StepKind::If { branches, otherwise } => {
                branches.iter().for_each(|(_, steps)| collect(program, steps, inside, names, found));
                collect(program, otherwise, inside, names, found);
            }
            StepKind::Repeat { body, .. } => collect(program, body, inside, names, found),
            _ => {}
        }
    }
}

/// People that form a line, or those that are left of one when its parts are taken out: they are printed nowhere, and
/// whoever subtracts has them.
pub struct Part<'p> {
    pub group: Option<Group>,
    pub people: Vec<&'p Person>,
}

/// A part that is made of others and of a rest: all by their index.
pub struct Whole {
    pub whole: usize,
    pub parts: Vec<usize>,
}

/// The parts of a report and which are made of which.
pub fn parts<'p>(splits: &[Split], has_holdout: bool, people: &'p [Person], limit: i64) -> (Vec<Part<'p>>, Vec<Whole>) {
    let (held, written): (Vec<&Person>, Vec<&Person>) = people.iter().partition(|person| person.held_out);
    let has_holdout = has_holdout || !held.is_empty();
    let mut parts = Vec::new();
    let mut wholes = Vec::new();
    let group = if has_holdout { Group::Written } else { Group::Everybody };
    parts.push(Part { group: Some(group), people: written });
    let held_out = has_holdout.then(|| {
        parts.push(Part { group: Some(Group::HeldOut), people: held });
        parts.len() - 1
    });
    // The index of each arm's line, by split and arm.
    let mut arms: Vec<Vec<usize>> = Vec::new();
    for (split, described) in splits.iter().enumerate() {
        let whole = described.inside.map_or(0, |(outer, arm)| arms[outer][arm]);
        let in_arm = |person: &Person| person.arms.iter().find(|came| came.split == split).map(|came| came.arm);
        let around = parts[whole].people.clone();
        let seen = around.iter().filter_map(|person| in_arm(person)).map(|arm| arm + 1).max().unwrap_or(0);
        let mut own = Vec::new();
        for arm in 0..described.arms.len().max(seen) {
            let of_program = described.arms.get(arm);
            let group = Group::Arm {
                split,
                name: described.name.clone(),
                arm,
                percent: of_program.map(|arm| arm.percent),
                first: of_program.and_then(|arm| arm.first.clone()),
            };
            let people = around.iter().copied().filter(|person| in_arm(person) == Some(arm)).collect();
            parts.push(Part { group: Some(group), people });
            own.push(parts.len() - 1);
        }
        let rest = around.iter().copied().filter(|person| in_arm(person).is_none()).collect();
        parts.push(Part { group: None, people: rest });
        wholes.push(Whole { whole, parts: own.iter().copied().chain([parts.len() - 1]).collect() });
        arms.push(own);
        let Some(held_out) = held_out else { continue };
        let (came, rest): (Vec<&Person>, Vec<&Person>) =
            parts[held_out].people.iter().copied().partition(|person| in_arm(person).is_some());
        // So few less that the comparison would be the same: all who are held out stand for them.
        if (rest.len() as i64) < limit {
            continue;
        }
        parts.push(Part { group: Some(Group::HeldOutAt { split, name: described.name.clone() }), people: came });
        parts.push(Part { group: None, people: rest });
        wholes.push(Whole { whole: held_out, parts: vec![parts.len() - 2, parts.len() - 1] });
    }
    (parts, wholes)
}
