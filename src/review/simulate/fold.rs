//! Days put together, so that a chart of them fits into a terminal's width.

use crate::time::{Day, Unit, Weekday, Which};

/// Columns that a chart may have: the weeks of a year.
const COLUMNS: usize = 53;

/// What one column of a chart holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fold {
    Day,
    Week,
    Month,
}

impl Fold {
    /// The finest that fits, and the first days of its columns.
    pub(super) fn of(first: Day, last: Day, week_starts: Weekday) -> (Fold, Vec<Day>) {
        for fold in [Fold::Day, Fold::Week] {
            let columns = fold.columns(first, last, week_starts);
            if columns.len() <= COLUMNS {
                return (fold, columns);
            }
        }
        (Fold::Month, Fold::Month.columns(first, last, week_starts))
    }

    /// The first day of the column that holds a day.
    pub(super) fn start(self, day: Day, week_starts: Weekday) -> Day {
        match self {
            Fold::Day => day,
            Fold::Week => day.period(Which::This, Unit::Week, week_starts).0,
            Fold::Month => day.period(Which::This, Unit::Month, week_starts).0,
        }
    }

    fn columns(self, first: Day, last: Day, week_starts: Weekday) -> Vec<Day> {
        let mut columns: Vec<Day> = (first.0..=last.0).map(Day).map(|day| self.start(day, week_starts)).collect();
        columns.dedup();
        columns
    }

    /// `day`, `week`, `month`.
    pub fn word(self) -> &'static str {
        match self {
            Fold::Day => "day",
            Fold::Week => "week",
            Fold::Month => "month",
        }
    }

    /// Where months begin among columns, and what stands there under a chart: a month's name, or for January the year. A
    /// first month of one column has no name, for the sake of the second's.
    pub(super) fn months(columns: &[Day]) -> Vec<(usize, String)> {
        let month = |day: &Day| day.civil().first_of_month();
        let mut found = Vec::new();
        let mut begin = 0;
        for columns in columns.chunk_by(|a, b| month(a) == month(b)) {
            let first = month(&columns[0]);
            found.push((begin, first.strftime(if first.month() == 1 { "%Y" } else { "%b" }).to_string()));
            begin += columns.len();
        }
        if found.get(1).is_some_and(|(column, _)| *column == 1) {
            found.remove(0);
        }
        found
    }

    /// A column as a reader is told it: `2026-12-01`, `the week of 2026-11-30`, `December 2026`.
    pub(super) fn name(self, column: Day) -> String {
        match self {
            Fold::Day => column.to_string(),
            Fold::Week => format!("the week of {column}"),
            Fold::Month => column.civil().strftime("%B %Y").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(first: (i16, i8, i8), days: i64) -> (Fold, usize) {
        let first = Day::new(first.0, first.1, first.2).expect("a date");
        let (fold, columns) = Fold::of(first, first.plus_days(days - 1), Weekday::Monday);
        (fold, columns.len())
    }

    #[test]
    fn a_year_is_a_column_a_week_wherever_it_begins() {
        assert_eq!(fold((2026, 11, 30), 1), (Fold::Day, 1));
        assert_eq!(fold((2026, 11, 30), 53), (Fold::Day, 53));
        assert_eq!(fold((2026, 11, 30), 54), (Fold::Week, 8));
        for day in 0..7 {
            assert_eq!(fold((2026, 11, 23 + day), 365), (Fold::Week, 53), "from the {}th", 23 + day);
        }
        assert_eq!(fold((2026, 11, 30), 800), (Fold::Month, 28));
    }

    #[test]
    fn months_are_named_where_they_begin() {
        let first = Day::new(2026, 11, 30).expect("a date");
        let (_, weeks) = Fold::of(first, first.plus_days(80), Weekday::Monday);
        let names = [(1, "Dec"), (5, "2027"), (9, "Feb")].map(|(column, name)| (column, name.to_owned()));
        assert_eq!(Fold::months(&weeks), names);
        assert_eq!(Fold::months(&weeks[..1]), [(0, "Nov".to_owned())]);
    }
}
