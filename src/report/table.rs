//! Counts of people and the sums that tie them together: what an attacker works with.
//!
//! Everything that relates two counts is written as "the whole is the sum of its parts": a campaign's people and those of
//! its arms, those who were enrolled and those who were sent something *and those who were not*. The last are printed
//! nowhere, and are cells all the same: whoever subtracts has them. An inequality (sent <= enrolled) is such a sum with a
//! cell that nobody prints, since no count is negative.
//!
//! Three tools read a table: [`Table::narrow`] finds what follows from known cells by propagating bounds, quickly and
//! roughly; [`Table::other`] finds a whole other table that agrees with the known cells, which no attacker of whatever
//! skill can tell from the true one; [`Table::solved`] finds one for certain, and slowly.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, Problem, SolveOptions, Variable};

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
            Role::Known => return false,
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

/// Another table than the true one: the cells that are otherwise in it, in order, and what they are there.
pub type Other = Vec<(CellId, i64)>;

/// More than there are people: a cell of which nothing is known.
pub const ANY: Bounds = (0, i32::MAX as i64);

/// Tightenings a cell after which propagation stops. Where bounds creep towards each other in a circle, each round tells
/// little.
const TIGHTENINGS: usize = 40;
/// Orders in which cells are decided before no other table counts as found.
const ATTEMPTS: usize = 30;
/// Branches after which the solver gives up. Nearly all are found in the first.
const BRANCHES: u64 = 100;

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
        self.tighten(bounds, (0..self.sums.len()).collect(), &mut Vec::new())
    }

    /// The same by the sums `waiting`, and by those of what changes; `before` gets what each bound was.
    fn tighten(&self, bounds: &mut [Bounds], mut waiting: VecDeque<usize>, before: &mut Vec<(CellId, Bounds)>) -> bool {
        let mut is_waiting = vec![false; self.sums.len()];
        waiting.iter().for_each(|&sum| is_waiting[sum] = true);
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
                before.push((cell, old));
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

    /// A table that agrees with `bounds` and in which `cell` has this value: nobody who knows no more can exclude it. The
    /// others are what is wished of them, as far as that comes of itself. `None` also where none is found in reasonable
    /// time.
    pub fn other(&self, bounds: &[Bounds], cell: CellId, value: i64, wishes: &[i64]) -> Option<Other> {
        let truth: Vec<i64> = self.cells.iter().map(|cell| cell.value).collect();
        let mut decided = bounds.to_vec();
        if !self.decide(&mut decided, cell, value) {
            return None;
        }
        // Those in most sums first.
        let mut order: Vec<CellId> = (0..decided.len()).filter(|&id| decided[id].0 < decided[id].1).collect();
        order.sort_by_key(|&id| Reverse(self.of[id].len()));
        let mut found = self.found_near(decided.clone(), &order, wishes);
        for _ in 0..ATTEMPTS {
            // One that does not fit after the others is decided before them.
            if let Err(stuck) = found {
                order.retain(|&id| id != stuck);
                order.insert(0, stuck);
                found = self.found_near(decided.clone(), &order, &truth);
            }
        }
        found.ok().map(|found| self.otherwise(&found))
    }

    fn otherwise(&self, values: &[i64]) -> Other {
        let is_other = |(id, &value): (CellId, &i64)| (value != self.cells[id].value).then_some((id, value));
        values.iter().enumerate().filter_map(is_other).collect()
    }

    /// A table within `bounds`, mostly found and soon: cells are decided one after the other, each as near to what is
    /// wished of it as what was decided before allows; else a cell for which no value was left.
    fn found_near(&self, mut bounds: Vec<Bounds>, order: &[CellId], wishes: &[i64]) -> Result<Vec<i64>, CellId> {
        for &cell in order {
            let (low, high) = bounds[cell];
            let near = |value: i64| value.clamp(low, high);
            let mut values = [near(wishes[cell]), near(self.cells[cell].value), low, high];
            values[1..].sort_by_key(|value| value.abs_diff(near(self.cells[cell].value)));
            if low < high && !values.into_iter().any(|value| self.decide(&mut bounds, cell, value)) {
                return Err(cell);
            }
        }
        let found: Vec<i64> = bounds.into_iter().map(|(value, _)| value).collect();
        // Where bounds creep they may have been left before they met.
        let amiss = self.sums.iter().find(|sum| sum.missing(&found) != 0);
        amiss.map_or(Ok(found), |sum| Err(sum.whole))
    }

    /// Decides a cell, and what follows from it. `false`: it does not fit, and the bounds are as before.
    fn decide(&self, bounds: &mut [Bounds], cell: CellId, value: i64) -> bool {
        if value < bounds[cell].0 || value > bounds[cell].1 {
            return false;
        }
        let mut before = vec![(cell, bounds[cell])];
        bounds[cell] = (value, value);
        let fits = self.tighten(bounds, self.of[cell].iter().copied().collect(), &mut before);
        if !fits {
            before.into_iter().rev().for_each(|(id, old)| bounds[id] = old);
        }
        fits
    }

    /// The same for certain and slowly, as an integer program: every open cell that hangs together with this one is a
    /// variable, every sum between them a constraint. All others keep their true values.
    pub fn solved(&self, bounds: &[Bounds], cell: CellId, value: i64) -> Option<Other> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let mut variables: BTreeMap<CellId, Variable> = BTreeMap::new();
        let mut values: Vec<i64> = self.cells.iter().map(|cell| cell.value).collect();
        values[cell] = value;
        let mut waiting: Vec<usize> = self.of[cell].clone();
        let mut seen: BTreeSet<usize> = waiting.iter().copied().collect();
        while let Some(index) = waiting.pop() {
            let Sum { whole, parts } = &self.sums[index];
            let mut terms = LinearExpr::empty();
            let mut known = 0;
            for (id, sign) in parts.iter().map(|&part| (part, 1)).chain([(*whole, -1)]) {
                let (low, high) = bounds[id];
                if id == cell || low == high {
                    known += sign * values[id];
                    continue;
                }
                let variable = *variables.entry(id).or_insert_with(|| {
                    waiting.extend(self.of[id].iter().filter(|&&sum| seen.insert(sum)));
                    problem.add_integer_var(0.0, (low as i32, high as i32))
                });
                terms.add(variable, f64::from(sign as i32));
            }
            problem.add_constraint(terms, ComparisonOp::Eq, -known as f64);
        }
        let mut options = SolveOptions::default();
        options.node_limit = Some(BRANCHES);
        let outcome = problem.solve_with(options).ok()?;
        let found = outcome.solution()?;
        for (id, variable) in variables {
            values[id] = found.var_value(variable).round() as i64;
        }
        // What the solver says in floating point is not believed before it adds up.
        let fits = |(value, (low, high)): (&i64, &Bounds)| low <= value && value <= high;
        let adds_up = self.sums.iter().all(|sum| sum.missing(&values) == 0) && values.iter().zip(bounds).all(fits);
        adds_up.then(|| self.otherwise(&values))
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
        let truth = [143, 40, 100, 3];
        let other = |bounds: &[Bounds], value: i64| table.other(bounds, parts[2], value, &truth);
        assert_eq!(other(&bounds, 4), None);
        let bounds = table.known(|cell| cell != parts[2] && cell != parts[0]);
        assert_eq!(other(&bounds, 0), Some(Vec::from([(parts[0], 43), (parts[2], 0)])));
        assert_eq!(other(&bounds, 43), Some(Vec::from([(parts[0], 0), (parts[2], 43)])));
        assert_eq!(other(&bounds, 44), None);
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
        let other = |value: i64| table.other(&bounds, cells[0], value, &[1, 1, 1, 2, 2, 2]);
        assert!(other(1).is_some() && other(0).is_none() && other(2).is_none());
        let solved = |value: i64| table.solved(&bounds, cells[0], value);
        assert!(solved(1).is_some() && solved(0).is_none() && solved(2).is_none());
    }
}
