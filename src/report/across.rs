//! What the reports of several campaigns tell together.
//!
//! A program is no secret, so a reader may know that the people of one campaign are among those of another, or that those
//! of three make up a fourth's: `everybody` less `those of a branch` is the others. Whatever holds between the people who
//! are counted is taken for known:
//!
//! - of two campaigns, those who are in one and not in the other, where these are few;
//! - sums and differences of up to [`TOGETHER`] campaigns that count nobody twice and nobody less than once, where these
//!   are few: the whole less its parts, two campaigns less the one that is either;
//! - a campaign less all the campaigns inside it that have nobody in common, however many.

use std::collections::{BTreeMap, HashMap};

use super::table::{CellId, Role, Table};
use crate::rule::PatronId;

/// Campaigns whose sums and differences are looked at.
const TOGETHER: usize = 4;

/// The people whom a cell counts.
pub struct Set {
    pub cell: CellId,
    pub people: Vec<PatronId>,
}

/// What nobody prints; that it is nobody tells nothing.
const UNPRINTED: Role = Role::Implied { nobody_tells: false };

/// How many people are in which of the sets, of those that are in any.
type Patterns = Vec<(Vec<bool>, i64)>;

/// Adds to the table what follows from the counts of `sets`, of people under `limit`.
pub fn tie(table: &mut Table, sets: &[Set], limit: i64) {
    // The smaller ones are hidden, and tell nothing.
    let large: Vec<&Set> = sets.iter().filter(|set| set.people.len() as i64 >= limit).collect();
    if large.len() < 2 || limit <= 1 {
        return;
    }
    let patterns = patterns(&large);
    let is_few = |count: i64| 0 < count && count < limit;
    pairs(table, &large, &patterns, &is_few);
    combinations(&mut vec![0; large.len()], 0, TOGETHER, &mut |signs| add(table, &large, &patterns, signs, &is_few));
    for whole in 0..large.len() {
        add(table, &large, &patterns, &parts_of(whole, &large, &patterns), &is_few);
    }
}

/// Of each two sets those who are in one alone, if they are few.
fn pairs(table: &mut Table, sets: &[&Set], patterns: &Patterns, is_few: &dyn Fn(i64) -> bool) {
    for one in 0..sets.len() {
        for other in one + 1..sets.len() {
            let count = |of: [bool; 2]| -> i64 {
                patterns.iter().filter(|(among, _)| [among[one], among[other]] == of).map(|(_, count)| count).sum()
            };
            let (both, left, right) = (count([true, true]), count([true, false]), count([false, true]));
            if is_few(left) || is_few(right) {
                let both = table.cell(both.unsigned_abs(), UNPRINTED, 0);
                for (set, rest) in [(one, left), (other, right)] {
                    let rest = (rest > 0).then(|| table.cell(rest.unsigned_abs(), UNPRINTED, 0));
                    table.sum(sets[set].cell, [both].into_iter().chain(rest).collect());
                }
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

/// How many people are in just these sets.
fn patterns(sets: &[&Set]) -> Patterns {
    let mut among: HashMap<PatronId, Vec<bool>> = HashMap::new();
    for (index, set) in sets.iter().enumerate() {
        for patron in &set.people {
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

/// All ways to add and take away at least three and at most `left` of the sets from `from` on.
fn combinations(signs: &mut Vec<i64>, from: usize, left: usize, each: &mut dyn FnMut(&[i64])) {
    if signs.iter().filter(|sign| **sign != 0).count() > 2 {
        each(signs);
    }
    if left == 0 {
        return;
    }
    for set in from..signs.len() {
        for sign in [1, -1] {
            signs[set] = sign;
            combinations(signs, set + 1, left - 1, each);
        }
        signs[set] = 0;
    }
}

/// Says how many are left when sets are added and taken away, if nobody is counted twice and these are few.
fn add(table: &mut Table, sets: &[&Set], patterns: &Patterns, signs: &[i64], is_few: &dyn Fn(i64) -> bool) {
    let Some(few) = counted_once(patterns, signs).filter(|&count| is_few(count)) else { return };
    let of = |sign: i64| (0..sets.len()).filter(move |&set| signs[set] == sign).map(|set| sets[set].cell);
    let (added, mut taken): (Vec<CellId>, Vec<CellId>) = (of(1).collect(), of(-1).collect());
    taken.push(table.cell(few.unsigned_abs(), UNPRINTED, 0));
    match added.as_slice() {
        [whole] => table.sum(*whole, taken),
        _ => {
            let value: i64 = added.iter().map(|&cell| table.cells()[cell].value).sum();
            let whole = table.cell(value.unsigned_abs(), UNPRINTED, 0);
            table.sum(whole, added);
            table.sum(whole, taken);
        }
    }
}
