//! A record of an input file: the texts of the columns that the mapping uses, in one buffer that is used again.

/// One row.
#[derive(Debug, Default)]
pub struct Record {
    /// Where it begins, from 1.
    pub line: u64,
    /// It says that what has its key is no more.
    pub is_removed: bool,
    text: String,
    cells: Vec<Option<(usize, usize)>>,
}

/// What reading the next row gave.
#[derive(Debug)]
pub enum Step {
    Row,
    /// It cannot be read as a row at all.
    Bad {
        line: u64,
        reason: String,
    },
    End,
}

impl Record {
    /// Empties it for the row at `line`.
    pub fn start(&mut self, line: u64) {
        self.line = line;
        self.is_removed = false;
        self.text.clear();
        self.cells.clear();
    }

    /// Adds a cell.
    pub fn push(&mut self, cell: Option<&str>) {
        let range = cell.map(|text| {
            let from = self.text.len();
            self.text.push_str(text);
            (from, self.text.len())
        });
        self.cells.push(range);
    }

    /// The text of a column by its slot; `None` if it is missing or empty.
    pub fn cell(&self, slot: usize) -> Option<&str> {
        let (from, to) = self.cells[slot]?;
        (from < to).then(|| &self.text[from..to])
    }
}

/// Between the elements of a JSON array: the unit separator of ASCII.
pub const ELEMENTS: char = '\u{1f}';
