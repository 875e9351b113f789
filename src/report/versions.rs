//! Reports of one campaign that were given out one after the other: by whom two of them differ.
//!
//! Invariant: who has both has no count of few people by subtraction, neither of those who are counted since nor of those
//! who no longer are. A count that moved by fewer people than the limit is hidden like a small one, with what would tell
//! it; one that did not move may be known to have stood still.

use std::collections::BTreeSet;

use super::lines::{Cells, Group};
use super::measure::{INSIDE, KINDS, MEASURES, is_counted};
use super::parts::Part;
use super::table::{CellId, Role, Table};
use crate::rule::PatronId;

/// The cells of a report, by part.
type Counted<'p> = [(Part<'p>, Cells)];

/// Says by whom the counts of a report and those of a later one differ.
pub fn tie(table: &mut Table, before: &Counted<'_>, now: &Counted<'_>) {
    for at in 0..before.len() {
        let Some((part, cells)) = same(before, at, now) else { continue };
        let moved: Vec<Option<Moved>> = (0..KINDS)
            .map(|kind| {
                let (old, new) = (before[at].1.of_kind(kind)?, cells.of_kind(kind)?);
                Some(Moved::of(table, [old, new], [&before[at].0, part].map(|part| who(kind, part)), kind))
            })
            .collect();
        for (inside, (whole, part, _)) in INSIDE.into_iter().enumerate() {
            if let (Some(whole), Some(part), Some(not)) = (&moved[whole], &moved[part], &moved[MEASURES + inside]) {
                Moved::tie_inside(table, whole, part, not);
            }
        }
    }
}

/// The same group in another report. What is left of one is known by the group beside it.
fn same<'n, 'p>(before: &Counted<'_>, at: usize, now: &'n Counted<'p>) -> Option<&'n (Part<'p>, Cells)> {
    let group = |parts: &'_ Counted<'_>, at: usize| -> Option<Group> { parts.get(at)?.0.group.clone() };
    let is_same = |&other: &usize| match (group(before, at), group(now, other)) {
        (Some(one), Some(other)) => one.is_same(&other),
        (None, None) => group(before, at - 1).zip(group(now, other - 1)).is_some_and(|(a, b)| a.is_beside(&b)),
        _ => false,
    };
    (0..now.len()).find(is_same).map(|found| &now[found])
}

fn who(kind: usize, part: &Part<'_>) -> BTreeSet<PatronId> {
    part.people.iter().filter(|person| is_counted(kind, person)).map(|person| person.patron).collect()
}

/// How the count of one group moved between two reports.
struct Moved {
    /// Who is counted since, and their cell unless it follows from the program that there is nobody.
    more: (BTreeSet<PatronId>, Option<CellId>),
    /// Who is no longer counted; without a cell where a reader may know that there is nobody.
    gone: (BTreeSet<PatronId>, Option<CellId>),
}

impl Moved {
    fn of(table: &mut Table, [old, new]: [CellId; 2], [then, since]: [BTreeSet<PatronId>; 2], kind: usize) -> Moved {
        let mut count = |people: usize| table.cell(people as u64, Role::Implied { nobody_tells: false }, 0);
        let more: BTreeSet<PatronId> = since.difference(&then).copied().collect();
        let gone: BTreeSet<PatronId> = then.difference(&since).copied().collect();
        // That nobody can have been enrolled since follows from the program; what people did does not.
        let of_more = (!more.is_empty() || kind > 0).then(|| count(more.len()));
        if gone.is_empty() {
            table.sum(new, [old].into_iter().chain(of_more).collect());
            return Moved { more: (more, of_more), gone: (gone, None) };
        }
        let (both, of_gone) = (count(then.len() - gone.len()), count(gone.len()));
        table.sum(old, vec![both, of_gone]);
        table.sum(new, [both].into_iter().chain(of_more).collect());
        Moved { more: (more, of_more), gone: (gone, Some(of_gone)) }
    }

    /// Who does more than before is new, or was there and did not: of the new ones those who did are a count as well.
    fn tie_inside(table: &mut Table, whole: &Moved, part: &Moved, not: &Moved) {
        let (Some(of_whole), Some(of_part)) = (whole.more.1, part.more.1) else { return };
        let new = whole.more.0.intersection(&part.more.0).count();
        // Where somebody is gone, or undid it, there are more ways to come about.
        let fits = whole.gone.0.is_empty() && part.gone.0.is_empty();
        if !fits || new + not.more.0.len() != whole.more.0.len() || new + not.gone.0.len() != part.more.0.len() {
            return;
        }
        let new = table.cell(new as u64, Role::Implied { nobody_tells: false }, 0);
        table.sum(of_whole, [new].into_iter().chain(not.more.1).collect());
        table.sum(of_part, [new].into_iter().chain(not.gone.1).collect());
    }
}
