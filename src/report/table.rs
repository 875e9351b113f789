//! Counts of people and the sums that tie them together: what an attacker works with.
//!
//! Everything that relates two counts is written as "the whole is the sum of its parts": a campaign's people and those of
//! its arms, those who were enrolled and those who were sent something *and those who were not*. The last are printed
//! nowhere, and are cells all the same: whoever subtracts has them. An inequality (sent <= enrolled) is such a sum with a
//! cell that nobody prints, since no count is negative.
//!
//! Two tools read a table: [`Table::narrow`] finds what follows from known cells by propagating bounds, quickly and
//! roughly; [`Table::other`] finds a whole other table that agrees with the known cells, which no attacker of whatever
//! skill can tell from the true one.

use std::collections::VecDeque;

/// A cell's number in its [`Table`].
pub type CellId = usize;

/// Whether a count is printed, and which values of it tell too much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Printed unless it is hidden. Too small below the limit, nobody included.
    Printed,
    /// Only follows from others. Too small below the limit; nobody at all is too few only where `nobody_tells`: that no
    /// one of forty did *not* come tells of each of the forty, that nobody was left without a letter tells nothing.
    Implied { nobody_tells: bool },
    /// Only follows from others, and may be known whatever it is.
    Open,
    /// Known whatever is hidden: it was printed before, or follows from the program.
    Known,
}

/// A count of people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    pub value: i64,
    pub role: Role,
    /// How much a reader would miss it: of two cells that protect equally the lesser one is hidden.
    pub worth: u32,
}

impl Cell {
    /// Whether the count is of so few that it is not to be known.
    pub fn is_small(&self, limit: i64) -> bool {
        let nobody_tells = match self.role {
            Role::Printed => true,
            Role::Implied { nobody_tells } => nobody_tells,
            Role::Open | Role::Known => return false,
        };
        self.value < limit && (self.value > 0 || nobody_tells)
    }
}

/// `whole` is the sum of `parts`.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sum {
    whole: CellId,
    parts: Vec<CellId>,
}

impl Sum {
    /// By how much the parts fall short of the whole.
    fn missing(&self, values: &[i64]) -> i64 {
        values[self.whole] - self.parts.iter().map(|&part| values[part]).sum::<i64>()
    }
}

/// Counts and their sums.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Table {
    cells: Vec<Cell>,
    sums: Vec<Sum>,
    /// By cell: the sums that it stands in.
    of: Vec<Vec<usize>>,
}

/// What is known of a cell: its least and its largest value.
pub type Bounds = (i64, i64);

/// More than there are people: a cell of which nothing is known.
pub const ANY: Bounds = (0, 1 << 40);

/// Tightenings a cell after which propagation stops. Where bounds creep towards each other in a circle, each round tells
/// little.
const TIGHTENINGS: usize = 40;
/// Changes after which the search for another table gives up: the cell then counts as not protected.
const CHANGES: usize = 1_000;

impl Table {
    /// Adds a cell.
    pub fn cell(&mut self, value: u64, role: Role, worth: u32) -> CellId {
        let value = i64::try_from(value).expect("no library has so many people");
        self.cells.push(Cell { value, role, worth });
        self.of.push(Vec::new());
        self.cells.len() - 1
    }

    /// Says that `whole` is the sum of `parts`.
    ///
    /// # Panics
    /// If it is not: a report that does not add up must not be printed.
    pub fn sum(&mut self, whole: CellId, parts: Vec<CellId>) {
        let total: i64 = parts.iter().map(|&part| self.cells[part].value).sum();
        assert_eq!(self.cells[whole].value, total, "the parts add up to the whole");
        for &cell in parts.iter().chain([&whole]) {
            self.of[cell].push(self.sums.len());
        }
        self.sums.push(Sum { whole, parts });
    }

    /// Adds the cell of those in `whole` that are in none of `parts`.
    pub fn rest(&mut self, whole: CellId, mut parts: Vec<CellId>, nobody_tells: bool) -> CellId {
        let inside: i64 = parts.iter().map(|&part| self.cells[part].value).sum();
        let value = u64::try_from(self.cells[whole].value - inside).expect("parts are no more than their whole");
        let rest = self.cell(value, Role::Implied { nobody_tells }, 0);
        parts.push(rest);
        self.sum(whole, parts);
        rest
    }

    /// A reader may know the cell without a report.
    pub fn tell(&mut self, cell: CellId) {
        self.cells[cell].role = Role::Known;
    }

    /// All cells.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The bounds of somebody who knows the cells for which `is_known`.
    pub fn known(&self, is_known: impl Fn(CellId) -> bool) -> Vec<Bounds> {
        let bounds = |(id, cell): (CellId, &Cell)| if is_known(id) { (cell.value, cell.value) } else { ANY };
        self.cells.iter().enumerate().map(bounds).collect()
    }

    /// The cells that stand in a sum with `cell`.
    pub fn neighbours(&self, cell: CellId) -> impl Iterator<Item = CellId> + '_ {
        let sums = self.of[cell].iter().map(|&index| &self.sums[index]);
        sums.flat_map(|sum| sum.parts.iter().copied().chain([sum.whole]))
    }

    /// Tightens bounds by all sums until nothing more follows. `false`: no table fits them.
    pub fn narrow(&self, bounds: &mut [Bounds]) -> bool {
        let mut waiting: VecDeque<usize> = (0..self.sums.len()).collect();
        let mut is_waiting = vec![true; self.sums.len()];
        let mut left = TIGHTENINGS * self.cells.len();
        while let Some(index) = waiting.pop_front() {
            is_waiting[index] = false;
            let Sum { whole, parts } = &self.sums[index];
            let least: i64 = parts.iter().map(|&part| bounds[part].0).sum();
            let most: i64 = parts.iter().map(|&part| bounds[part].1).sum();
            let (whole_least, whole_most) = bounds[*whole];
            let of_part = |(low, high): Bounds| (whole_least - (most - high), whole_most - (least - low));
            let tighter = parts.iter().map(|&part| (part, of_part(bounds[part]))).chain([(*whole, (least, most))]);
            let tighter: Vec<(CellId, Bounds)> = tighter.collect();
            for (cell, (low, high)) in tighter {
                let old = bounds[cell];
                let new = (old.0.max(low), old.1.min(high));
                if new == old {
                    continue;
                }
                if new.0 > new.1 {
                    return false;
                }
                bounds[cell] = new;
                if left == 0 {
                    return true;
                }
                left -= 1;
                for &sum in &self.of[cell] {
                    if !is_waiting[sum] {
                        is_waiting[sum] = true;
                        waiting.push_back(sum);
                    }
                }
            }
        }
        true
    }

    /// A table that agrees with `bounds` and in which `cell` has this value: nobody who knows no more can exclude it. `None`
    /// also where none is found in reasonable time.
    ///
    /// The true table is repaired: the cell gets the value, and each sum that no longer adds up is put right by other cells
    /// of it, whose other sums then are, until all do. Each cell is changed once.
    pub fn other(&self, bounds: &[Bounds], cell: CellId, value: i64) -> Option<Vec<i64>> {
        if value < bounds[cell].0 || value > bounds[cell].1 {
            return None;
        }
        let values = self.cells.iter().map(|cell| cell.value).collect();
        let is_fixed = bounds.iter().map(|(low, high)| low == high).collect();
        let mut repair = Repair { table: self, bounds, values, is_fixed, left: CHANGES };
        repair.values[cell] = value;
        repair.is_fixed[cell] = true;
        let is_found = repair.put_right(self.of[cell].clone());
        assert!(!is_found || self.sums.iter().all(|sum| sum.missing(&repair.values) == 0), "the other table adds up");
        is_found.then_some(repair.values)
    }
}

/// A table on its way from the true one to another.
struct Repair<'t> {
    table: &'t Table,
    bounds: &'t [Bounds],
    values: Vec<i64>,
    /// Known to the reader, or changed already.
    is_fixed: Vec<bool>,
    left: usize,
}

impl Repair<'_> {
    /// Makes all sums add up, of which `waiting` may not. `false`: it did not succeed, and the values are as before.
    fn put_right(&mut self, mut waiting: Vec<usize>) -> bool {
        let (sum, missing) = loop {
            let Some(&index) = waiting.last() else { return true };
            let missing = self.table.sums[index].missing(&self.values);
            if missing != 0 {
                break (index, missing);
            }
            waiting.pop();
        };
        for (cell, value) in self.changes(sum, missing) {
            if self.left == 0 {
                return false;
            }
            self.left -= 1;
            let was = std::mem::replace(&mut self.values[cell], value);
            self.is_fixed[cell] = true;
            let mut next = waiting.clone();
            // The sum at hand stays the next one: what a cell cannot take, another one must.
            let others = self.table.of[cell].iter().copied().filter(|&other| other != sum);
            next.splice(next.len() - 1..next.len() - 1, others);
            if self.put_right(next) {
                return true;
            }
            self.values[cell] = was;
            self.is_fixed[cell] = false;
        }
        false
    }

    /// The changes of one cell that bring a sum nearer to what it should be: those that suffice first, and of these those of
    /// cells that stand in few other sums.
    fn changes(&self, sum: usize, missing: i64) -> Vec<(CellId, i64)> {
        let Sum { whole, parts } = &self.table.sums[sum];
        let all = parts.iter().map(|&part| (part, missing)).chain([(*whole, -missing)]);
        let mut found: Vec<(bool, usize, CellId, i64)> = all
            .filter(|(cell, _)| !self.is_fixed[*cell])
            .filter_map(|(cell, by)| {
                let (low, high) = self.bounds[cell];
                let (was, wanted) = (self.values[cell], self.values[cell] + by);
                let value = wanted.clamp(low, high);
                (value != was).then_some((value != wanted, self.table.of[cell].len(), cell, value))
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, _, cell, value)| (cell, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten of a hundred and forty, and the hundred: the rest follows to the person.
    #[test]
    fn what_is_left_of_a_whole_follows() {
        let mut table = Table::default();
        let whole = table.cell(143, Role::Printed, 1);
        let parts =
            [table.cell(40, Role::Printed, 1), table.cell(100, Role::Printed, 1), table.cell(3, Role::Printed, 1)];
        table.sum(whole, parts.to_vec());
        let mut bounds = table.known(|cell| cell != parts[2]);
        assert!(table.narrow(&mut bounds));
        assert_eq!(bounds[parts[2]], (3, 3));
        assert_eq!(table.other(&bounds, parts[2], 4), None);
        let bounds = table.known(|cell| cell != parts[2] && cell != parts[0]);
        assert_eq!(table.other(&bounds, parts[2], 0), Some(vec![143, 43, 100, 0]));
        assert_eq!(table.other(&bounds, parts[2], 43), Some(vec![143, 0, 100, 43]));
        assert_eq!(table.other(&bounds, parts[2], 44), None);
    }

    /// Bounds alone would leave two cells open of which no table has both: the search sees it.
    #[test]
    fn a_value_that_bounds_allow_and_no_table_has_is_not_admitted() {
        let mut table = Table::default();
        let cells: Vec<CellId> = [1, 1, 1].iter().map(|&value| table.cell(value, Role::Printed, 1)).collect();
        let wholes: Vec<CellId> = (0..3).map(|_| table.cell(2, Role::Printed, 1)).collect();
        for (whole, pair) in wholes.iter().zip([[0, 1], [1, 2], [0, 2]]) {
            table.sum(*whole, pair.iter().map(|&index| cells[index]).collect());
        }
        let mut bounds = table.known(|cell| wholes.contains(&cell));
        assert!(table.narrow(&mut bounds));
        assert_eq!(bounds[cells[0]], (0, 2));
        assert!(table.other(&bounds, cells[0], 1).is_some());
        assert!(table.other(&bounds, cells[0], 0).is_none() && table.other(&bounds, cells[0], 2).is_none());
    }
}
