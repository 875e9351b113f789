//! What the reports of several campaigns tell together.
//!
//! A program is no secret, so a reader may know that the people of one campaign are among those of another, or that those
//! of three make up a fourth's: `everybody` less `those of a branch` is the others. Whatever holds between the people who
//! are counted is taken for known:
//!
//! - of two campaigns, those who are in one and not in the other, where these are few, or nobody of them did something: also
//!   where different things are measured of the two, such as who reached the goal of one and was enrolled in the other;
//! - sums and differences of up to [`TOGETHER`] campaigns that count nobody twice and nobody less than once, where these
//!   are few: the whole less its parts, two campaigns less the one that is either;
//! - a campaign less all the campaigns inside it that have nobody in common, however many;
//! - that campaigns are for the same people, or that two or three are as many as another one or two: then the count of one
//!   is that of the other, and tells what is hidden of the groups of it.
//!
//! That many are in one campaign and not in the other need not be said: a bound that is wrong by so many tells of nobody.

use std::collections::{BTreeMap, HashMap};

use super::table::{CellId, Role, Table};
use crate::rule::PatronId;

/// Campaigns whose sums and differences are looked at.
const TOGETHER: usize = 4;

/// The people whom a cell counts.
pub struct Set {
    pub cell: CellId,
    /// The campaign's number.
    pub campaign: usize,
    /// What is measured.
    pub kind: usize,
    /// In order of id, as below.
    pub people: Vec<PatronId>,
    /// Of whom they are those who did something, where it tells of each of these that nobody did; else nobody.
    pub among: Vec<PatronId>,
    /// Who they are hangs on who is held out: that they are the same as others is not known.
    pub is_drawn: bool,
}

/// How many people are in which of the sets, of those that are in any.
type Patterns = Vec<(Vec<bool>, i64)>;

/// Adds to the table what follows from the counts of `sets`, of people under `limit`. How many counts of few, and ways to
/// make the same people of several sets, those are; after more than `most` it stops.
pub fn tie(table: &mut Table, sets: &[Set], limit: i64, most: usize) -> usize {
    // The smaller ones are hidden, and tell nothing.
    let large: Vec<&Set> = sets.iter().filter(|set| set.people.len() as i64 >= limit).collect();
    if limit <= 1 {
        return 0;
    }
    let of_kinds = large.chunk_by(|one, other| one.kind == other.kind);
    let distinct: Vec<Vec<&Set>> = of_kinds.map(|sets| distinct(table, sets)).collect();
    let mut found = 0;
    for of_kind in &distinct {
        let counted = [patterns(of_kind, |set| &set.people), patterns(of_kind, |set| &set.among)];
        let mut tie = Tie { table: &mut *table, sets: of_kind, counted, limit, found, most };
        tie.pairs();
        tie.combinations(&mut vec![0; of_kind.len()], 0, TOGETHER);
        for whole in 0..of_kind.len() {
            let signs = parts_of(whole, of_kind, &tie.counted[0]);
            tie.add(&signs);
        }
        found = tie.found;
    }
    let large: Vec<&Set> = distinct.into_iter().flatten().collect();
    for (nth, one) in large.iter().enumerate() {
        let others = large[nth + 1..].iter().filter(|other| other.kind != one.kind && other.campaign != one.campaign);
        for other in others {
            if found > most {
                return found;
            }
            found += usize::from(tie_pair(table, one, other, limit));
        }
    }
    found
}

/// One set for each that are of the same people; the others count as many as it.
fn distinct<'s>(table: &mut Table, sets: &[&'s Set]) -> Vec<&'s Set> {
    let mut found: Vec<&Set> = Vec::new();
    for &set in sets {
        let is_same =
            |other: &&&Set| !set.is_drawn && !other.is_drawn && other.people == set.people && other.among == set.among;
        match found.iter().find(is_same) {
            Some(same) => table.sum(same.cell, vec![set.cell]),
            None => found.push(set),
        }
    }
    found
}

/// Of two sets of different measures those who are in one alone, if they are few; the same people are as many. Whether
/// there are few.
fn tie_pair(table: &mut Table, one: &Set, other: &Set, limit: i64) -> bool {
    let both = in_both(&one.people, &other.people);
    let alone = [one, other].map(|set| set.people.len() as i64 - both);
    if alone == [0, 0] && !one.is_drawn && !other.is_drawn {
        table.sum(one.cell, vec![other.cell]);
    }
    if !alone.iter().any(|&alone| 0 < alone && alone < limit) {
        return false;
    }
    let both = table.cell(both.unsigned_abs(), Role::Implied { nobody_tells: false }, 0);
    for (set, alone) in [one, other].into_iter().zip(alone) {
        let rest = table.cell(alone.unsigned_abs(), Role::Implied { nobody_tells: false }, 0);
        table.sum(set.cell, vec![both, rest]);
    }
    true
}

/// Campaigns that are `known`, and as many of the `fresh` ones as differ by no few people from those and from each other,
/// whatever is measured of the one and of the other; the largest first. `sets`: whom each counts, by measure; `campaign`:
/// of which it is a report.
pub fn apart<const KINDS: usize>(
    sets: &[[Vec<PatronId>; KINDS]],
    campaign: &[usize],
    known: &[bool],
    fresh: &[usize],
    limit: i64,
) -> Vec<usize> {
    let few = |alone: i64| 0 < alone && alone < limit;
    let is_large = |people: &&Vec<PatronId>| people.len() as i64 >= limit;
    let are_near = |one: usize, other: usize| {
        sets[one].iter().filter(is_large).any(|one| {
            sets[other].iter().filter(is_large).any(|other| {
                let (of_one, of_other) = (one.len() as i64, other.len() as i64);
                let both = in_both(one, other);
                few(of_one - both) || few(of_other - both)
            })
        })
    };
    let mut found: Vec<usize> = (0..sets.len()).filter(|&campaign| known[campaign]).collect();
    let mut fresh = fresh.to_vec();
    fresh.sort_by_key(|&campaign| std::cmp::Reverse(sets[campaign][0].len()));
    for one in fresh {
        if !found.iter().any(|&other| campaign[one] != campaign[other] && are_near(one, other)) {
            found.push(one);
        }
    }
    found
}

/// How many are in both, each in order.
fn in_both(one: &[PatronId], other: &[PatronId]) -> i64 {
    let (mut left, mut right, mut both) = (one.iter().peekable(), other.iter().peekable(), 0);
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let order = a.cmp(b);
        both += i64::from(order.is_eq());
        left.next_if(|_| order.is_le());
        right.next_if(|_| order.is_ge());
    }
    both
}

/// The sets of one measure.
struct Tie<'t> {
    table: &'t mut Table,
    sets: &'t [&'t Set],
    /// The people, and those among whom they are.
    counted: [Patterns; 2],
    limit: i64,
    /// Counts of few.
    found: usize,
    most: usize,
}

impl Tie<'_> {
    /// Whether so many of so many are few.
    fn is_few(&self, [people, among]: [i64; 2]) -> bool {
        if people == 0 { among > 0 } else { people < self.limit }
    }

    /// A count that nobody prints.
    fn unprinted(&mut self, value: i64) -> CellId {
        self.table.cell(value.unsigned_abs(), Role::Implied { nobody_tells: value == 0 }, 0)
    }

    /// Of each two sets those who are in one alone, if they are few.
    fn pairs(&mut self) {
        let sets = self.sets;
        for one in 0..sets.len() {
            // By whom two reports of one campaign differ is said of each of its groups.
            for other in (one + 1..sets.len()).filter(|&other| sets[one].campaign != sets[other].campaign) {
                let count = |of: [bool; 2]| -> [i64; 2] {
                    let in_them = |(among, _): &&(Vec<bool>, i64)| [among[one], among[other]] == of;
                    [0, 1].map(|what| self.counted[what].iter().filter(in_them).map(|(_, count)| count).sum())
                };
                let (both, left, right) = (count([true, true])[0], count([true, false]), count([false, true]));
                if self.is_few(left) || self.is_few(right) {
                    self.found += 1;
                    let both = self.unprinted(both);
                    for (set, rest) in [(one, left), (other, right)] {
                        let rest = self.rest(rest);
                        self.table.sum(sets[set].cell, [both].into_iter().chain(rest).collect());
                    }
                }
            }
        }
    }

    /// The cell of those who are left; none where it is known that nobody is.
    fn rest(&mut self, rest: [i64; 2]) -> Option<CellId> {
        (rest[0] > 0 || self.is_few(rest)).then(|| self.unprinted(rest[0]))
    }

    /// All ways to add and take away at most `left` more of the sets from `from` on.
    fn combinations(&mut self, signs: &mut Vec<i64>, from: usize, left: usize) {
        self.add(signs);
        if left == 0 || self.found > self.most {
            return;
        }
        for set in from..signs.len() {
            for sign in [1, -1] {
                signs[set] = sign;
                self.combinations(signs, set + 1, left - 1);
            }
            signs[set] = 0;
        }
    }

    /// Says how many are left when at least three sets are added and taken away, if nobody is counted twice and these are
    /// few or nobody.
    fn add(&mut self, signs: &[i64]) {
        if signs.iter().filter(|sign| **sign != 0).count() < 3 {
            return;
        }
        let Some(people) = counted_once(&self.counted[0], signs) else { return };
        let among = counted_once(&self.counted[1], signs);
        let rest = [people, among.unwrap_or(0)];
        // That nobody is left is known where it hangs neither on who did what is measured nor on who is held out.
        let is_drawn = self.sets.iter().zip(signs).any(|(set, sign)| *sign != 0 && set.is_drawn);
        let is_exact = people == 0 && among == Some(0) && !is_drawn;
        if !is_exact && !self.is_few(rest) {
            return;
        }
        self.found += 1;
        let rest = self.rest(rest);
        let of = |sign: i64| (0..signs.len()).filter(move |&set| signs[set] == sign).map(|set| self.sets[set].cell);
        let (added, taken): (Vec<CellId>, Vec<CellId>) = (of(1).collect(), of(-1).chain(rest).collect());
        match added.as_slice() {
            [whole] => self.table.sum(*whole, taken),
            _ => {
                let value: i64 = added.iter().map(|&cell| self.table.cells()[cell].value).sum();
                let whole = self.table.cell(value.unsigned_abs(), Role::Implied { nobody_tells: false }, 0);
                self.table.sum(whole, added);
                self.table.sum(whole, taken);
            }
        }
    }
}

/// A set less as many sets inside it as have nobody in common, the larger ones first: a sign for each.
fn parts_of(whole: usize, sets: &[&Set], patterns: &Patterns) -> Vec<i64> {
    let mut signs = vec![0; sets.len()];
    signs[whole] = 1;
    let mut inside: Vec<usize> = (0..sets.len()).filter(|&set| set != whole).collect();
    inside.sort_by_key(|&set| std::cmp::Reverse(sets[set].people.len()));
    for set in inside {
        signs[set] = -1;
        if counted_once(patterns, &signs).is_none() {
            signs[set] = 0;
        }
    }
    signs
}

fn patterns(sets: &[&Set], people: impl Fn(&Set) -> &Vec<PatronId>) -> Patterns {
    let mut among: HashMap<PatronId, Vec<bool>> = HashMap::new();
    for (index, set) in sets.iter().enumerate() {
        for patron in people(set) {
            among.entry(*patron).or_insert_with(|| vec![false; sets.len()])[index] = true;
        }
    }
    let mut patterns: BTreeMap<Vec<bool>, i64> = BTreeMap::new();
    among.into_values().for_each(|pattern| *patterns.entry(pattern).or_default() += 1);
    patterns.into_iter().collect()
}

/// How many are counted when the sets are added and taken away, if nobody is counted more than once or less than nought
/// times.
fn counted_once(patterns: &Patterns, signs: &[i64]) -> Option<i64> {
    let mut sum = 0;
    for (pattern, count) in patterns {
        match pattern.iter().zip(signs).filter(|(is_in, _)| **is_in).map(|(_, sign)| sign).sum::<i64>() {
            0 => {}
            1 => sum += count,
            _ => return None,
        }
    }
    Some(sum)
}
