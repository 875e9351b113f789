//! What an import did, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Finding;

/// Of a whole run.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Summary {
    /// In the order in which they ran.
    pub targets: Vec<TargetSummary>,
    /// The first findings.
    pub findings: Vec<Finding>,
    /// The files that hold all of them.
    pub rejects: Vec<String>,
    /// Keys of patrons who had been erased, and came (back) with this import.
    pub erased: Vec<String>,
    /// Keys of patrons whom others had absorbed, and who came back with this import.
    pub merged: Vec<String>,
    /// Nothing was written to the store.
    pub dry_run: bool,
}

/// Of one `[[patron]]`, `[[event]]`, ... of the mapping.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct TargetSummary {
    /// `patron`, `loan`, `list friends`.
    pub target: String,
    pub rows: u64,
    /// Left out by `where`.
    pub left_out: u64,
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    /// No longer in the export (`complete = true`).
    pub removed: u64,
    /// By privacy class: history of patrons who have not agreed.
    pub not_stored: BTreeMap<String, u64>,
    pub rejected: u64,
    /// Fields left unknown because they could not be read.
    pub unknown: u64,
}

impl Summary {
    /// Rows that did not land.
    pub fn rejected(&self) -> u64 {
        self.targets.iter().map(|target| target.rejected).sum()
    }

    /// Rows that changed the store.
    pub fn effective(&self) -> u64 {
        self.targets.iter().map(|target| target.new + target.changed + target.removed).sum()
    }

    /// The numbers of a target by its name.
    pub fn target(&self, name: &str) -> Option<&TargetSummary> {
        self.targets.iter().find(|target| target.target == name)
    }
}
