//! The lines of a campaign's report: its groups of people, their counts, and which of them are hidden.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::across::{self, Set};
use super::count::Person;
use super::hide::{self, Hidden};
use super::measure::{DOES, INSIDE, KINDS, MEASURES, is_counted, is_of_sending, whole_of};
use super::parts::{Part, Whole, parts, splits};
use super::table::{CellId, Role, Table};
use super::versions;
use crate::program::{Campaign, Program};
use crate::rule::PatronId;

/// A group of people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Group {
    /// Everybody who was enrolled: there is no holdout.
    Everybody,
    /// Everybody who was enrolled and not held out.
    Written,
    HeldOut,
    /// Of those held out, who came to a split: whom its arms are compared with.
    HeldOutAt {
        /// The split's number in the text, and what it is known by; older reports do not have that.
        split: usize,
        #[serde(default)]
        name: String,
    },
    Arm {
        split: usize,
        #[serde(default)]
        name: String,
        arm: usize,
        percent: Option<i64>,
        first: Option<String>,
    },
}

impl Group {
    /// Whether it is the same group, whatever its share was edited to and wherever its split stands.
    pub(super) fn is_same(&self, other: &Group) -> bool {
        match (self.at_split(), other.at_split()) {
            (Some((.., arm)), Some((.., other_arm))) => arm == other_arm && self.is_beside(other),
            _ => self == other,
        }
    }

    /// Whether both are arms of one split, or who of those held out came to it.
    pub(super) fn is_beside(&self, other: &Group) -> bool {
        let (Some((split, name, arm)), Some((other_split, other_name, other_arm))) =
            (self.at_split(), other.at_split())
        else {
            return false;
        };
        let is_named = !name.is_empty() && !other_name.is_empty();
        arm.is_some() == other_arm.is_some() && if is_named { name == other_name } else { split == other_split }
    }

    /// The number and the name of its split, and the arm of it.
    pub(super) fn at_split(&self) -> Option<(usize, &str, Option<usize>)> {
        match self {
            Group::HeldOutAt { split, name } => Some((*split, name, None)),
            Group::Arm { split, name, arm, .. } => Some((*split, name, Some(*arm))),
            Group::Everybody | Group::Written | Group::HeldOut => None,
        }
    }
}

/// A count of people in a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Count {
    Known(u64),
    /// Under the limit, or so that a count under the limit would follow from it.
    Hidden,
    /// There is nothing to count.
    None,
}

impl Count {
    /// The number, if it may be printed.
    pub fn known(self) -> Option<u64> {
        match self {
            Count::Known(count) => Some(count),
            Count::Hidden | Count::None => None,
        }
    }
}

/// One group and what became of it. All counts are of people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    pub group: Group,
    pub enrolled: Count,
    /// To whom at least one message was handed over.
    pub sent: Count,
    /// Of these, for whom a transport reported that one arrived.
    pub delivered: Count,
    /// Of those to whom something was sent, who followed a link.
    pub clicked: Count,
    /// Of those enrolled, for whom it is known whether they reached the goal.
    pub goal_known: Count,
    /// Of these, who reached it.
    pub goal_reached: Count,
}

impl Line {
    /// The six counts, in the order of the fields.
    pub fn counts(&self) -> [Count; 6] {
        [self.enrolled, self.sent, self.delivered, self.clicked, self.goal_known, self.goal_reached]
    }

    /// The same group with everything hidden that is counted.
    #[must_use]
    pub fn all_hidden(mut self) -> Line {
        let counts = [
            &mut self.enrolled,
            &mut self.sent,
            &mut self.delivered,
            &mut self.clicked,
            &mut self.goal_known,
            &mut self.goal_reached,
        ];
        counts.into_iter().filter(|count| **count != Count::None).for_each(|count| *count = Count::Hidden);
        self
    }
}

/// Which things are counted at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measured {
    pub delivery: bool,
    pub clicks: bool,
    pub goal: bool,
}

/// A campaign whose people are counted.
pub struct Asked<'a> {
    pub campaign: &'a Campaign,
    pub people: &'a [Person],
    pub measured: Measured,
    /// This report of it was given out: these lines are known. `people` are those whom it counted
    /// ([`counted_then`](super::past::counted_then)). Of several of one campaign the earlier come first, and last of all,
    /// if none of them stands, the campaign as it is asked for.
    pub told: Option<&'a [Line]>,
}

/// The lines of campaigns whose reports may be read side by side, with what must be hidden under `limit` hidden. They are
/// counted in one table: what one report prints may tell what another hides.
///
/// Where many campaigns are for nearly the same people, so that this takes long or shows nothing, those are shown of which
/// no two differ by a few, the largest first, and nothing of the others. The lines of what was told are those of before.
pub fn lines(program: &Program, asked: &[Asked<'_>], limit: i64) -> Vec<Vec<Line>> {
    let (all, is_fresh): (Vec<usize>, _) = ((0..asked.len()).collect(), |at: &usize| asked[*at].told.is_none());
    let tells = |lines: &[Line]| lines.iter().flat_map(Line::counts).any(|count| count.known().is_some());
    let counted = |those: &[usize], most: usize| {
        counted(program, &those.iter().map(|&at| &asked[at]).collect::<Vec<_>>(), limit, most)
    };
    let mut found: Vec<Vec<Line>> = Vec::new();
    for (at, asked) in asked.iter().enumerate() {
        let hidden = || Some(counted(&[at], usize::MAX)?.remove(0).into_iter().map(Line::all_hidden).collect());
        found.push(asked.told.map(<[Line]>::to_vec).or_else(hidden).expect("there is no end to one"));
    }
    if !all.iter().any(is_fresh) {
        return found;
    }
    if let Some(together) = counted(&all, ENTANGLED)
        && (all.iter().filter(|at| is_fresh(at))).any(|&at| tells(&together[at]))
    {
        return together;
    }
    let sets: Vec<[Vec<PatronId>; KINDS]> =
        asked.iter().map(|asked| std::array::from_fn(|kind| people_of(asked, kind))).collect();
    let known: Vec<bool> = asked.iter().map(|asked| asked.told.is_some_and(tells)).collect();
    let everybody: Vec<&Asked<'_>> = asked.iter().collect();
    let campaign: Vec<usize> = asked.iter().map(|one| numbered(&everybody, one)).collect();
    let fresh: Vec<usize> = all.into_iter().filter(is_fresh).collect();
    let mut shown = across::apart(&sets, &campaign, &known, &fresh, limit);
    // What is known already may be tied together as well.
    while let Some(smallest) = shown.last().copied().filter(is_fresh) {
        if let Some(lines) = counted(&shown, ENTANGLED) {
            shown.iter().zip(lines).for_each(|(&at, lines)| found[at] = lines);
            break;
        }
        shown.retain(|&at| at != smallest);
    }
    found
}

/// The lines of campaigns in one table; `None` if more than `most` counts of few tie them together.
fn counted(program: &Program, asked: &[&Asked<'_>], limit: i64, most: usize) -> Option<Vec<Vec<Line>>> {
    let mut table = Table::default();
    let mut totals: Vec<Vec<Option<CellId>>> = Vec::new();
    let mut all: Vec<Vec<(Part<'_>, Cells)>> = Vec::new();
    for Asked { campaign, people, measured, told } in asked {
        let (parts, wholes) = parts(&splits(program, campaign), campaign.holdout.is_some(), people, limit);
        let cells: Vec<Cells> = parts.iter().map(|part| Cells::of(&mut table, part, *measured, *told)).collect();
        for Whole { whole, parts } in &wholes {
            for measure in 0..MEASURES {
                let Some(total) = cells[*whole].0[measure] else { continue };
                table.sum(total, parts.iter().filter_map(|&part| cells[part].0[measure]).collect());
            }
        }
        tie_rests(&mut table, &wholes, &parts, &cells);
        totals.push(total(&mut table, &parts, &cells));
        all.push(parts.into_iter().zip(cells).collect());
    }
    let campaign: Vec<usize> = asked.iter().map(|one| numbered(asked, one)).collect();
    for later in 0..all.len() {
        let of_before = (0..later).filter(|&before| campaign[before] == campaign[later]);
        of_before.for_each(|before| versions::tie(&mut table, &all[before], &all[later]));
    }
    let mut sets: Vec<Set> = Vec::new();
    for kind in 0..KINDS {
        let of_kind = asked.iter().zip(&totals).zip(&campaign).filter_map(|((asked, totals), &campaign)| {
            let among = match whole_of(kind) {
                Some((whole, true)) => people_of(asked, whole),
                _ => Vec::new(),
            };
            let has_holdout = asked.campaign.holdout.is_some() || asked.people.iter().any(|person| person.held_out);
            let is_drawn = has_holdout && is_of_sending(kind);
            Some(Set { cell: totals[kind]?, campaign, kind, people: people_of(asked, kind), among, is_drawn })
        });
        sets.extend(of_kind);
    }
    if across::tie(&mut table, &sets, limit, most) > most {
        return None;
    }
    // From whoever sees the counts alone, from whoever also knows what follows from the program, and from whoever knows that
    // nothing was sent in an arm of nobody, which tells that it is one where something was sent to all: who hides more hides
    // no less from any.
    let mut hidden = hide::hidden(&table, limit, Hidden::default());
    all.iter().flatten().flat_map(|(_, cells)| &cells.2).for_each(|&cell| table.tell(cell));
    hidden = hide::hidden(&table, limit, hidden);
    let of_nobody = all.iter().flatten().filter(|(part, _)| part.people.is_empty());
    of_nobody.filter_map(|(_, cells)| cells.0[1]).for_each(|cell| table.tell(cell));
    hidden = hide::hidden(&table, limit, hidden);
    let count = |cell: Option<CellId>| match cell {
        None => Count::None,
        Some(cell) if hidden.cells.contains(&cell) => Count::Hidden,
        Some(cell) => Count::Known(table.cells()[cell].value.unsigned_abs()),
    };
    let line = |(part, cells): (Part<'_>, Cells)| {
        let [enrolled, sent, delivered, clicked, goal_known, goal_reached] = cells.0.map(count);
        Some(Line { group: part.group?, enrolled, sent, delivered, clicked, goal_known, goal_reached })
    };
    let of_campaign = |(asked, parts): (&&Asked<'_>, Vec<_>)| match asked.told {
        Some(told) => told.to_vec(),
        None => parts.into_iter().filter_map(line).collect(),
    };
    Some(asked.iter().zip(all).map(of_campaign).collect())
}

/// The number of a campaign: that of its first report among these.
fn numbered(asked: &[&Asked<'_>], one: &Asked<'_>) -> usize {
    asked.iter().position(|other| other.campaign.name == one.campaign.name).unwrap_or(asked.len())
}

/// Who is counted of a campaign, in order of id.
fn people_of(asked: &Asked<'_>, kind: usize) -> Vec<PatronId> {
    let those = asked.people.iter().filter(|person| is_counted(kind, person));
    let mut people: Vec<PatronId> = those.map(|person| person.patron).collect();
    people.sort_unstable();
    people
}

/// Who has not come to one split has not come to those behind it.
fn tie_rests(table: &mut Table, wholes: &[Whole], parts: &[Part<'_>], cells: &[Cells]) {
    let rests = || wholes.iter().filter_map(|whole| Some((whole.whole, *whole.parts.last()?)));
    for (of, rest) in rests() {
        for (_, other) in rests().filter(|(whole, other)| *whole == of && *other > rest) {
            let behind: BTreeSet<PatronId> = parts[other].people.iter().map(|person| person.patron).collect();
            if parts[rest].people.iter().all(|person| behind.contains(&person.patron)) {
                for measure in 0..MEASURES {
                    if let (Some(part), Some(whole)) = (cells[rest].0[measure], cells[other].0[measure]) {
                        table.rest(whole, vec![part], false);
                    }
                }
            }
        }
    }
}

/// The cells of all people of a campaign, held out or not: those who did, and those who did not.
fn total(table: &mut Table, parts: &[Part<'_>], cells: &[Cells]) -> Vec<Option<CellId>> {
    let held_out = parts.iter().position(|part| part.group == Some(Group::HeldOut));
    let of = |part: usize| cells[part].0.into_iter().chain(cells[part].1);
    let Some(held_out) = held_out else { return of(0).collect() };
    let pairs = of(0).zip(of(held_out)).map(|pair| match pair {
        (Some(written), Some(held)) => {
            let value = [written, held].map(|cell| table.cells()[cell].value).iter().sum::<i64>();
            let whole = table.cell(value.unsigned_abs(), Role::Implied { nobody_tells: false }, 0);
            table.sum(whole, vec![written, held]);
            Some(whole)
        }
        (written, _) => written,
    });
    pairs.collect()
}

/// Counts of few between campaigns up to which all are looked at together: some seconds.
const ENTANGLED: usize = 60;

/// The cells of one part, by measure, and of those who did not, as of [`INSIDE`]; and those of them, of nobody, that may follow
/// from the program.
pub(super) struct Cells([Option<CellId>; MEASURES], [Option<CellId>; INSIDE.len()], Vec<CellId>);

impl Cells {
    /// The cell of a kind that [`is_counted`].
    pub(super) fn of_kind(&self, kind: usize) -> Option<CellId> {
        self.0.get(kind).or_else(|| self.1.get(kind - MEASURES)).copied().flatten()
    }

    fn of(table: &mut Table, part: &Part<'_>, measured: Measured, told: Option<&[Line]>) -> Cells {
        let people = &part.people;
        let told = told.map(|lines| {
            let same = |line: &&Line| part.group.as_ref().is_some_and(|group| group.is_same(&line.group));
            lines.iter().find(same).map_or([Count::None; MEASURES], Line::counts)
        });
        let is_held_out = matches!(part.group, Some(Group::HeldOut | Group::HeldOutAt { .. }))
            || part.group.is_none() && people.first().is_some_and(|person| person.held_out);
        let line = match part.group {
            Some(Group::Everybody | Group::Written) => 30,
            Some(Group::HeldOut) => 20,
            Some(Group::Arm { .. }) => 10,
            Some(Group::HeldOutAt { .. }) | None => 0,
        };
        // Nobody in a group of nobody did anything: that tells of nobody.
        let tells = !people.is_empty();
        let mut follows = Vec::new();
        let mut cell = |measure: usize, is_counted: bool, tells: bool, worth: u32| {
            let role = match told.map(|told| told[measure]) {
                Some(Count::Known(_)) => Role::Known,
                // A cross may stand for nobody, as it may in a new report.
                Some(Count::Hidden) => Role::Implied { nobody_tells: true },
                None if part.group.is_some() => Role::Printed,
                _ => Role::Implied { nobody_tells: tells },
            };
            let value = people.iter().filter(|person| DOES[measure](person)).count() as u64;
            let cell = is_counted.then(|| table.cell(value, role, line + worth));
            // That all have come to a split, or that nothing was sent in an arm yet.
            let may_follow = if people.is_empty() { part.group.is_none() } else { measure == 1 };
            if value == 0 && may_follow {
                follows.extend(cell);
            }
            cell
        };
        // Nothing goes to those held out.
        let (sends, goal) = (!is_held_out, measured.goal);
        let enrolled = cell(0, true, false, 5);
        let sent = cell(1, sends, false, 4);
        let delivered = cell(2, sends && measured.delivery, false, 1);
        let clicked = cell(3, sends && measured.clicks, tells, 2);
        let known = cell(4, goal, false, 6);
        let reached = cell(5, goal, tells, 7);
        let did = [enrolled, sent, delivered, clicked, known, reached];
        // Who did not is a count as well.
        let did_not = INSIDE.map(|(whole, part, nobody_tells)| {
            let (whole, part) = (did[whole]?, did[part]?);
            let tells = nobody_tells && tells && table.cells()[whole].value > 0;
            let rest = table.rest(whole, vec![part], tells);
            // That something was sent to all, or that the goal is known of all.
            if !nobody_tells && table.cells()[rest].value == 0 {
                follows.push(rest);
            }
            Some(rest)
        });
        Cells(did, did_not, follows)
    }
}
