//! The import: from the files of a library system to the store, by a mapping (`docs/reference/import.md`).
//!
//! [`mapping`] says which columns make which fields; [`table`] and the readers below it turn files into records of
//! texts; [`convert`] makes values of them; [`run`] writes them through the one [`Writer`](super::Writer). Invariants:
//! everything of one run is one transaction; a row that cannot be read goes to the rejects with its line, column and
//! reason, and the others land; nothing is guessed: what is not clearly a date, an address or a value of an
//! enumeration is none.

mod address;
mod answers;
mod calendar;
mod convert;
mod copy;
mod date;
mod delimited;
mod expression;
mod json;
mod mapping;
mod number;
mod record;
mod reject;
mod run;
mod suggest;
mod summary;
mod syndication;
mod table;

pub use mapping::Mapping;
pub use reject::{Finding, Rejects};
pub use run::{Options, import};
pub use suggest::suggest;
pub use summary::{Summary, TargetSummary};

use std::fmt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// The import could not be done at all. The store is as it was.
#[derive(Debug)]
pub enum ImportError {
    /// The mapping makes no sense, by itself or for this catalogue.
    Mapping(String),
    /// A file cannot be read as what it should be.
    File {
        path: PathBuf,
        why: String,
    },
    Store(StoreError),
    /// So much would go that the export is probably cut off.
    Guard {
        what: String,
        removed: usize,
        of: usize,
    },
}

impl ImportError {
    fn file(path: &Path, why: impl fmt::Display) -> ImportError {
        ImportError::File { path: path.to_owned(), why: why.to_string() }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportError::Mapping(why) => write!(f, "the mapping: {why}"),
            ImportError::File { path, why } => write!(f, "{}: {why}", path.display()),
            ImportError::Store(error) => error.fmt(f),
            ImportError::Guard { what, removed, of } => write!(
                f,
                "this would remove {removed} of {of} {what}, as if the export were cut off; nothing was imported. If \
                 it is right, say --confirm-removals"
            ),
        }
    }
}

impl std::error::Error for ImportError {}

impl<E: Into<StoreError>> From<E> for ImportError {
    fn from(error: E) -> ImportError {
        ImportError::Store(error.into())
    }
}
