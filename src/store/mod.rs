//! SQLite: schema, migrations, change log, facts, import. Knows no campaign.
//!
//! A [`Store`] is one file. [`Store::align`] makes its columns from the catalogue; a [`Writer`] over a
//! [`Transaction`] is the only way in, for the import, for fixtures, for the engine; a [`Reader`] the only way out.
//! Invariants: whatever changes what a rule may see puts the patron into the change log, in the same transaction;
//! writing what is there already changes nothing; history of a patron without what its privacy class requires is
//! never stored.

mod bulk;
mod change;
mod column;
mod consent;
mod erasure;
mod error;
mod excerpt;
pub mod import;
mod layout;
mod merge;
mod migrate;
mod open;
mod privacy;
mod read;
mod scan;
mod secret;
pub mod snapshot;
mod suppression;
mod turn;
mod write;

pub use change::{Change, Changes, Kinds};
pub use consent::{Kept, Said, Word};
pub use erasure::{Cleaned, Erased, ledger_line, read_ledger_line};
pub use error::StoreError;
pub use layout::Layout;
pub use open::{Store, Transaction};
pub use privacy::Purged;
pub use read::{Columns, Counts, Needs, Reader};
pub use scan::Scanner;
pub use suppression::{HashKey, KeyedHash, Suppressed, Suppression, SuppressionList};
pub use turn::{HeldBy, Turn, Work};
pub use write::{Outcome, Writer, Written};

#[cfg(test)]
mod tests;
