//! What can go wrong with a store.

use std::fmt;
use std::path::PathBuf;

/// The store could not do what was asked. The file is as it was.
#[derive(Debug)]
pub enum StoreError {
    /// SQLite's own word: disk full, locked for too long, damaged.
    Sqlite(rusqlite::Error),
    /// The file is something else than a store of Bookmobile.
    Foreign { path: PathBuf, why: String },
    /// Made by a newer program.
    Newer { path: PathBuf, version: i64, known: i64 },
    /// Made by an older program, and opened for reading only, so that it cannot be brought up to date.
    Older { path: PathBuf, version: i64, known: i64 },
    /// There is no such file, and a reader makes none.
    Missing(PathBuf),
    /// The file or its folder cannot be written.
    ReadOnly(PathBuf),
    /// Somebody added to the schema, or changed it.
    Tampered { object: String },
    /// The catalogue gives a field another type than the store has kept it with.
    TypeChanged { owner: String, field: String, stored: String, declared: String },
    /// A record is to be changed that is not there.
    NoSuchRecord { record: String, key: String },
    /// SQLite is one of those that can lose commits.
    OldSqlite { version: &'static str },
    /// A patron is named that is not there.
    NoSuchPatron(String),
    /// The snapshot beside the store cannot be written, or deleted with what is to be deleted.
    Snapshot { path: PathBuf, why: String },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Sqlite(error) if is_busy(error) => {
                f.write_str("another command is writing to the store; try again when it has ended")
            }
            StoreError::Sqlite(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
                f.write_str("there is no room left for the store; nothing was written. Make room, and run it again")
            }
            StoreError::Sqlite(error) => write!(f, "the store answered: {error}"),
            StoreError::OldSqlite { version } => write!(
                f,
                "this program was built with SQLite {version}, whose write-ahead log can lose what was committed; build \
                 it with SQLite 3.51.3 or newer (the one that comes with it is)"
            ),
            StoreError::Foreign { path, why } => {
                write!(f, "{} is not a store of Bookmobile ({why}); it was left as it is", path.display())
            }
            StoreError::Newer { path, version, known } => write!(
                f,
                "{} was made by a newer Bookmobile (version {version} of the store, this program knows {known}); \
                 update the program",
                path.display()
            ),
            StoreError::Older { path, version, known } => write!(
                f,
                "{} was made by an older Bookmobile (version {version} of the store, this program needs {known}); \
                 run a command that writes, such as `import` or `tick`, to bring it up to date",
                path.display()
            ),
            StoreError::Missing(path) => {
                write!(f, "there is no store at {}; `bookmobile import` or `bookmobile demo` makes one", path.display())
            }
            StoreError::ReadOnly(path) => write!(
                f,
                "{} cannot be written, or its folder, where SQLite keeps its log; nothing was done. Give this user the \
                 right to write there; `dry-run` and `explain` read a store that cannot be written",
                path.display()
            ),
            StoreError::Tampered { object } => write!(
                f,
                "the store's schema is not the one that Bookmobile made ({object}); restore a backup, or remove what \
                 was added"
            ),
            StoreError::TypeChanged { owner, field, stored, declared } => write!(
                f,
                "the store keeps {owner}.{field} as {stored}, and the program now declares it as {declared}; give the \
                 field a new name, or import into a new store"
            ),
            StoreError::NoSuchRecord { record, key } => write!(f, "there is no {record} with the key {key:?}"),
            StoreError::NoSuchPatron(key) => write!(f, "there is no patron with the key {key:?}"),
            StoreError::Snapshot { path, why } => {
                write!(
                    f,
                    "{}: {why}; it holds nothing that the store does not: delete it, and try again",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let StoreError::Sqlite(error) = self { Some(error) } else { None }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError::Sqlite(error)
    }
}

impl StoreError {
    /// Whether another process held the store's write lock for too long.
    pub fn is_busy(&self) -> bool {
        matches!(self, StoreError::Sqlite(error) if is_busy(error))
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}
