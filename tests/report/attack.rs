//! Whoever reads a report and wants to know what it hides.
//!
//! Written apart from what hides: it knows lines and printed counts, sets up every equation and inequality that the meaning
//! of the counts allows, and attacks them in two ways. Bounds are propagated over all of them until nothing moves, and the
//! equations are solved exactly (Gauss over fractions), since a cell may be fixed by a circle of sums that bounds do not see.

use std::collections::BTreeMap;

/// A linear equation over variables: the sum of coefficient times variable is nought. All variables are counts.
type Equation = Vec<(usize, i64)>;

#[derive(Default, Debug)]
pub struct Attack {
    names: BTreeMap<String, usize>,
    /// Of each variable what is printed.
    printed: Vec<Option<i64>>,
    equations: Vec<Equation>,
}

/// Larger than any count.
const FAR: i64 = 1 << 40;

impl Attack {
    /// The variable of this name.
    pub fn variable(&mut self, name: &str) -> usize {
        if let Some(&known) = self.names.get(name) {
            return known;
        }
        self.printed.push(None);
        self.names.insert(name.to_owned(), self.printed.len() - 1);
        self.printed.len() - 1
    }

    pub fn reads(&mut self, name: &str, value: u64) {
        let variable = self.variable(name);
        self.printed[variable] = Some(value as i64);
    }

    /// `whole` is the sum of `parts`.
    pub fn adds_up(&mut self, whole: &str, parts: &[String]) {
        let mut equation = vec![(self.variable(whole), -1)];
        for part in parts {
            equation.push((self.variable(part), 1));
        }
        self.equations.push(equation);
    }

    /// Least and largest value of each variable, by name.
    pub fn bounds(&self) -> BTreeMap<&str, (i64, i64)> {
        let mut bounds: Vec<(i64, i64)> =
            self.printed.iter().map(|printed| printed.map_or((0, FAR), |value| (value, value))).collect();
        self.solve_exactly(&mut bounds);
        for _ in 0..10_000 {
            let before = bounds.clone();
            for equation in &self.equations {
                for &(variable, coefficient) in equation {
                    // coefficient * variable = - the sum of the others.
                    let others = || equation.iter().filter(|(other, _)| *other != variable);
                    let least: i64 =
                        others().map(|&(of, c)| if c > 0 { c * bounds[of].0 } else { c * bounds[of].1 }).sum();
                    let most: i64 =
                        others().map(|&(of, c)| if c > 0 { c * bounds[of].1 } else { c * bounds[of].0 }).sum();
                    let (low, high) = if coefficient > 0 { (-most, -least) } else { (least, most) };
                    bounds[variable] = (bounds[variable].0.max(low), bounds[variable].1.min(high));
                    assert!(bounds[variable].0 <= bounds[variable].1, "what is printed fits together");
                }
            }
            if bounds == before {
                break;
            }
        }
        self.names.iter().map(|(name, &variable)| (name.as_str(), bounds[variable])).collect()
    }

    /// Fixes whatever the equations alone fix.
    fn solve_exactly(&self, bounds: &mut [(i64, i64)]) {
        // A row: by variable its coefficient, and what they come to.
        let mut rows: Vec<(BTreeMap<usize, Fraction>, Fraction)> = Vec::new();
        for equation in &self.equations {
            let (mut row, mut right) = (BTreeMap::new(), Fraction::ZERO);
            for &(variable, coefficient) in equation {
                match self.printed[variable] {
                    Some(value) => right = right.minus(Fraction(i128::from(coefficient * value), 1)),
                    None => add(&mut row, variable, Fraction(i128::from(coefficient), 1)),
                }
            }
            rows.push((row, right));
        }
        let mut solved: Vec<(BTreeMap<usize, Fraction>, Fraction)> = Vec::new();
        for pivot in 0..self.printed.len() {
            let of_pivot = (0..rows.len()).filter(|&row| rows[row].0.contains_key(&pivot));
            let Some(found) = of_pivot.min_by_key(|&row| rows[row].0.len()) else { continue };
            let (mut row, mut right) = rows.swap_remove(found);
            let lead = row[&pivot];
            row.values_mut().for_each(|cell| *cell = cell.over(lead));
            right = right.over(lead);
            for (other, of_other) in rows.iter_mut().chain(&mut solved) {
                let Some(&factor) = other.get(&pivot) else { continue };
                let less = Fraction::ZERO.minus(factor);
                row.iter().for_each(|(&variable, cell)| add(other, variable, cell.times(less)));
                *of_other = of_other.minus(right.times(factor));
            }
            solved.push((row, right));
        }
        for (row, right) in solved.iter().filter(|(row, _)| row.len() == 1) {
            let (&variable, lead) = row.first_key_value().expect("one");
            let value = right.over(*lead);
            assert_eq!(value.1, 1, "counts are whole");
            let value = i64::try_from(value.0).expect("a count");
            bounds[variable] = (value, value);
        }
    }
}

fn add(row: &mut BTreeMap<usize, Fraction>, variable: usize, more: Fraction) {
    let cell = row.entry(variable).or_insert(Fraction::ZERO);
    *cell = cell.minus(Fraction::ZERO.minus(more));
    if cell.0 == 0 {
        row.remove(&variable);
    }
}

/// Numerator and denominator, lowest terms, the latter positive.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Fraction(i128, i128);

impl Fraction {
    const ZERO: Fraction = Fraction(0, 1);

    fn of(numerator: i128, denominator: i128) -> Fraction {
        let (mut a, mut b) = (numerator.abs(), denominator.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let sign = if denominator < 0 { -1 } else { 1 };
        Fraction(sign * numerator / a.max(1), sign * denominator / a.max(1))
    }

    fn minus(self, other: Fraction) -> Fraction {
        Fraction::of(self.0 * other.1 - other.0 * self.1, self.1 * other.1)
    }

    fn times(self, other: Fraction) -> Fraction {
        Fraction::of(self.0 * other.0, self.1 * other.1)
    }

    fn over(self, other: Fraction) -> Fraction {
        Fraction::of(self.0 * other.1, self.1 * other.0)
    }
}

/// The measures of a line, and which is part of which.
pub const MEASURES: [&str; 6] = ["enrolled", "sent", "delivered", "clicked", "goal_known", "goal_reached"];
pub const INSIDE: [(usize, usize); 5] = [(0, 1), (1, 2), (1, 3), (0, 4), (4, 5)];

/// One line of a report as it is read: what it is called, which line it is part of, and its counts: `Some(None)` is hidden,
/// `None` nothing counted.
#[derive(Clone)]
pub struct Row {
    pub name: String,
    pub of: Option<String>,
    pub counts: [Option<Option<u64>>; 6],
}

/// Everything that the meaning of the lines tells.
pub fn of_report(rows: &[Row]) -> Attack {
    let mut attack = Attack::default();
    for row in rows {
        for (measure, count) in MEASURES.iter().zip(row.counts) {
            if let Some(Some(count)) = count {
                attack.reads(&format!("{} {measure}", row.name), count);
            }
        }
        parts(&mut attack, &row.name, &row.counts.map(|count| count.is_some()));
    }
    // Lines that are parts of the same line and of one kind (the arms of one split) make it up, with a rest.
    let mut families: BTreeMap<(String, String), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(of) = &row.of {
            let kind = row.name.split(" arm ").next().expect("a part").to_owned();
            families.entry((of.clone(), kind)).or_default().push(row);
        }
    }
    for ((of, kind), rows) in &families {
        let rest = format!("rest of {of} in {kind}");
        let counted = rows[0].counts.map(|count| count.is_some());
        for (measure, _) in MEASURES.iter().zip(counted).filter(|(_, counted)| *counted) {
            let mut all: Vec<String> = rows.iter().map(|row| format!("{} {measure}", row.name)).collect();
            all.push(format!("{rest} {measure}"));
            attack.adds_up(&format!("{of} {measure}"), &all);
        }
        parts(&mut attack, &rest, &counted);
        // Also those who did not: the arms' make up the line's.
        for (whole, part) in INSIDE.iter().filter(|(whole, part)| counted[*whole] && counted[*part]) {
            let not = |name: &str| format!("{name} {} not {}", MEASURES[*whole], MEASURES[*part]);
            let mut all: Vec<String> = rows.iter().map(|row| not(&row.name)).collect();
            all.push(not(&rest));
            attack.adds_up(&not(of), &all);
        }
    }
    attack
}

fn parts(attack: &mut Attack, name: &str, counted: &[bool; 6]) {
    for (whole, part) in INSIDE.iter().filter(|(whole, part)| counted[*whole] && counted[*part]) {
        let (whole, part) = (MEASURES[*whole], MEASURES[*part]);
        let all = [format!("{name} {part}"), format!("{name} {whole} not {part}")];
        attack.adds_up(&format!("{name} {whole}"), &all);
    }
}

/// The least that is true of a hidden count which is none of an attacker's business.
pub fn is_protected(bounds: (i64, i64), limit: i64) -> bool {
    bounds.0 <= 0 && bounds.1 >= limit - 1
}

#[test]
fn the_attacker_subtracts_and_sees_through_a_circle() {
    let mut attack = Attack::default();
    attack.adds_up("all", &["a".into(), "b".into(), "c".into()]);
    attack.reads("all", 143);
    attack.reads("a", 40);
    attack.reads("b", 100);
    assert_eq!(attack.bounds()["c"], (3, 3));
    let mut attack = Attack::default();
    for (whole, one, other) in [("xy", "x", "y"), ("yz", "y", "z"), ("xz", "x", "z")] {
        attack.adds_up(whole, &[one.into(), other.into()]);
        attack.reads(whole, 2);
    }
    assert_eq!(attack.bounds()["x"], (1, 1));
}
