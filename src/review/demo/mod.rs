//! A store to try things on: a town of readers, invented, the same for the same seed.

mod activity;
mod import;
mod names;
pub(in crate::review) mod random;
mod reader;
mod run;
mod schema;
mod town;

pub use import::{Imported, Town};
pub use reader::{Plan, Reader, Rows, reader};
pub use run::{DemoError, Progress, Sample, Summary, Totals, run};
pub use schema::Schema;
pub use town::{BRANCHES, Programme, calendar};
