//! Small cells, and what else must be hidden so that nobody works them out.
//!
//! Hiding the small counts alone hides little: of 7,784 small cells of random tables with printed totals, nine in ten were
//! recovered by subtraction. So more is hidden (complementary suppression; L. Willenborg and T. de Waal, "Elements of
//! Statistical Disclosure Control", Springer 2001, chapter 4) until this holds:
//!
//! > For every small count, printed or implied, there is a table of counts that agrees with everything printed and in
//! > which it is nobody, and another one in which it is one below the limit, or more.
//!
//! That is more than an attacker who solves bounds or linear programs finds: each of the two tables is as possible as the
//! true one. A count that is not small may be known.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::table::{Bounds, CellId, Other, Role, Table};

/// Cells that must not be printed.
#[derive(Default)]
pub struct Hidden {
    pub cells: BTreeSet<CellId>,
    /// Other tables that agreed with what was printed when they were found, and may still.
    others: Vec<Other>,
    /// Which of them have a small cell otherwise, and so.
    with: HashMap<(CellId, Extreme), Vec<usize>>,
}

/// Which cells must not be printed besides those `before`, which are hidden from another reader: small ones, and those that
/// would give them away.
pub fn hidden(table: &Table, limit: i64, before: Hidden) -> Hidden {
    let small: Vec<CellId> = (0..table.cells().len()).filter(|&id| table.cells()[id].is_small(limit)).collect();
    let stays: BTreeSet<CellId> = small.iter().chain(&before.cells).copied().collect();
    let mut hiding = Hiding { table, limit, hidden: before };
    let printed: Vec<CellId> = small.iter().copied().filter(|&id| hiding.is_printed(id)).collect();
    hiding.hidden.cells.extend(printed);
    let mut bounds = hiding.known();
    let (mut protected, mut wide) = (Vec::new(), Vec::new());
    for &cell in &small {
        let is_protected = loop {
            if hiding.protects(&bounds, cell, Search::Quick) {
                break true;
            }
            // Nothing is left to hide: perhaps what was told before tells of it.
            let Some(more) = hiding.next(cell) else { break hiding.protects(&bounds, cell, Search::Thorough) };
            hiding.hidden.cells.insert(more);
            bounds = hiding.known();
        };
        // It stays so: hiding more only leaves more tables.
        if is_protected { protected.push(cell) } else { wide.push(cell) }
    }
    wide.retain(|&cell| hiding.is_wide(&bounds, cell));
    // What turned out not to be needed is printed, the worthiest first.
    let mut spare: Vec<CellId> = hiding.hidden.cells.difference(&stays).copied().collect();
    spare.sort_by_key(|&id| Reverse((table.cells()[id].worth, table.cells()[id].value)));
    for cell in spare {
        hiding.hidden.cells.remove(&cell);
        let bounds = hiding.known();
        let stays_wide = wide.iter().chain(&protected).all(|&cell| hiding.is_wide(&bounds, cell));
        let told = protected.iter().position(|&cell| stays_wide && !hiding.protects(&bounds, cell, Search::Quick));
        if !stays_wide || told.is_some() {
            hiding.hidden.cells.insert(cell);
        }
        // What one cell tells of it, the next one is likely to tell as well.
        if let Some(told) = told {
            protected[..=told].rotate_right(1);
        }
    }
    hiding.hidden
}

/// What a small count must possibly be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Extreme {
    Nobody,
    /// One below the limit, or more.
    Many,
}

impl Extreme {
    fn is(self, value: i64, limit: i64) -> bool {
        match self {
            Extreme::Nobody => value <= 0,
            Extreme::Many => value >= limit - 1,
        }
    }

    fn value(self, limit: i64) -> i64 {
        match self {
            Extreme::Nobody => 0,
            Extreme::Many => limit - 1,
        }
    }
}

const EXTREMES: [Extreme; 2] = [Extreme::Nobody, Extreme::Many];

/// How another table is searched for.
#[derive(Clone, Copy)]
enum Search {
    /// [`Table::other`]: one in a hundred is missed, and more is hidden for it.
    Quick,
    /// [`Table::solved`].
    Thorough,
}

struct Hiding<'t> {
    table: &'t Table,
    limit: i64,
    hidden: Hidden,
}

impl Hiding<'_> {
    /// Whether it may still be hidden.
    fn is_printed(&self, cell: CellId) -> bool {
        self.table.cells()[cell].role == Role::Printed && !self.hidden.cells.contains(&cell)
    }

    fn is_known(&self, cell: CellId) -> bool {
        self.is_printed(cell) || self.table.cells()[cell].role == Role::Known
    }

    /// What a reader knows: the printed cells, and what follows.
    fn known(&self) -> Vec<Bounds> {
        let mut bounds = self.table.known(|id| self.is_known(id));
        let fits = self.table.narrow(&mut bounds);
        assert!(fits, "the true table is one");
        bounds
    }

    /// Whether a reader can exclude neither that the cell is nobody nor that it is one below the limit.
    fn protects(&mut self, bounds: &[Bounds], cell: CellId, search: Search) -> bool {
        self.is_wide(bounds, cell) && EXTREMES.into_iter().all(|extreme| self.admits(bounds, cell, extreme, search))
    }

    /// The same as far as bounds see it.
    fn is_wide(&self, bounds: &[Bounds], cell: CellId) -> bool {
        bounds[cell].0 <= 0 && bounds[cell].1 >= self.limit - 1
    }

    /// Whether some table has the cell so; those of before are looked at first.
    fn admits(&mut self, bounds: &[Bounds], cell: CellId, extreme: Extreme, search: Search) -> bool {
        let within = |(id, value): &(CellId, i64)| (bounds[*id].0..=bounds[*id].1).contains(value);
        let mut others = self.with(cell, extreme).iter().map(|&nth| &self.hidden.others[nth]);
        if extreme.is(self.table.cells()[cell].value, self.limit) || others.any(|other| other.iter().all(within)) {
            return true;
        }
        let wishes: Vec<i64> = (0..self.table.cells().len()).map(|id| self.wish(id)).collect();
        let (limit, value) = (self.limit, extreme.value(self.limit));
        let found = match search {
            Search::Quick => self.table.other(bounds, cell, value, &wishes),
            Search::Thorough => self.table.solved(bounds, cell, value),
        };
        let Some(found) = found else { return false };
        for &(id, value) in found.iter().filter(|(id, _)| self.table.cells()[*id].is_small(limit)) {
            for extreme in EXTREMES.into_iter().filter(|extreme| extreme.is(value, limit)) {
                self.hidden.with.entry((id, extreme)).or_default().push(self.hidden.others.len());
            }
        }
        self.hidden.others.push(found);
        true
    }

    /// What a cell may be in the table that is looked for next, so that it serves many: what it is in none of before.
    fn wish(&self, id: CellId) -> i64 {
        let cell = &self.table.cells()[id];
        let lacks = |extreme: &Extreme| !extreme.is(cell.value, self.limit) && self.with(id, *extreme).is_empty();
        let lacking = EXTREMES.into_iter().find(lacks).filter(|_| cell.is_small(self.limit));
        lacking.map_or(cell.value, |extreme| extreme.value(self.limit))
    }

    /// The tables of before that have the cell otherwise, and so.
    fn with(&self, cell: CellId, extreme: Extreme) -> &[usize] {
        self.hidden.with.get(&(cell, extreme)).map_or(&[], Vec::as_slice)
    }

    /// The next cell to be hidden for the sake of `cell`: one that suffices as far as bounds see it, the least worthy first,
    /// else the nearest. `None` if nothing is printed any more that has to do with it.
    fn next(&self, cell: CellId) -> Option<CellId> {
        let rank = |id: &CellId| (self.table.cells()[*id].worth, self.table.cells()[*id].value);
        let was_wide = self.is_wide(&self.known(), cell);
        let mut nearest = None;
        for ring in by_distance(self.table, cell) {
            let mut ring: Vec<CellId> = ring.into_iter().filter(|&id| self.is_printed(id)).collect();
            ring.sort_by_key(rank);
            nearest = nearest.or(ring.first().copied());
            // Where bounds alone see nothing amiss they do not tell which to take.
            let suffices = |id: &CellId| {
                let mut bounds = self.table.known(|other| other != *id && self.is_known(other));
                self.table.narrow(&mut bounds) && self.is_wide(&bounds, cell)
            };
            if let Some(found) = ring.into_iter().find(|id| !was_wide && suffices(id)) {
                return Some(found);
            }
        }
        nearest
    }
}

/// Cells by how many sums lie between them and `cell`.
fn by_distance(table: &Table, cell: CellId) -> Vec<Vec<CellId>> {
    let mut seen = BTreeSet::from([cell]);
    let mut rings: Vec<Vec<CellId>> = Vec::new();
    let mut last = vec![cell];
    while !last.is_empty() {
        let mut ring = Vec::new();
        for near in last.iter().flat_map(|&id| table.neighbours(id)) {
            if seen.insert(near) {
                ring.push(near);
            }
        }
        rings.push(ring.clone());
        last = ring;
    }
    rings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_ten(table: &Table) -> BTreeSet<CellId> {
        hidden(table, 10, Hidden::default()).cells
    }

    /// A row of arms with their total.
    fn arms(values: &[u64]) -> (Table, Vec<CellId>, CellId) {
        let mut table = Table::default();
        let cells: Vec<CellId> = values.iter().map(|&value| table.cell(value, Role::Printed, 1)).collect();
        let whole = table.cell(values.iter().sum(), Role::Printed, 2);
        table.sum(whole, cells.clone());
        (table, cells, whole)
    }

    #[test]
    fn a_small_arm_takes_another_with_it() {
        let (table, cells, _) = arms(&[3, 40, 100]);
        assert_eq!(of_ten(&table), BTreeSet::from([cells[0], cells[1]]));
    }

    #[test]
    fn two_small_arms_of_a_small_sum_need_a_third() {
        let (table, cells, _) = arms(&[3, 4, 100, 200]);
        assert_eq!(of_ten(&table), BTreeSet::from([cells[0], cells[1], cells[2]]));
        let (table, cells, _) = arms(&[6, 4, 100, 200]);
        assert_eq!(of_ten(&table), BTreeSet::from([cells[0], cells[1]]), "ten together say nothing of either");
    }

    #[test]
    fn nothing_small_hides_nothing() {
        let (table, ..) = arms(&[10, 40, 100]);
        assert!(of_ten(&table).is_empty());
    }

    #[test]
    fn whoever_is_missing_from_a_part_is_protected_too() {
        let mut table = Table::default();
        let enrolled = table.cell(500, Role::Printed, 3);
        let sent = table.cell(497, Role::Printed, 2);
        table.rest(enrolled, vec![sent], false);
        assert_eq!(of_ten(&table), BTreeSet::from([sent]));
        let mut table = Table::default();
        let known = table.cell(500, Role::Printed, 3);
        let reached = table.cell(500, Role::Printed, 2);
        table.rest(known, vec![reached], true);
        assert_eq!(of_ten(&table), BTreeSet::from([reached]), "everybody did it");
    }
}
