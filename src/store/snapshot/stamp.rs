//! Which file belongs to which state of which store, and how it goes.
//!
//! The store notes a random token, and the file of the state in which it was noted bears the same. Every later state
//! of this store has the token too, and its change log names whoever changed since; an older backup has another token
//! or none. What is erased puts another token into its place, and deletes the file before that ([`super::forgotten`]):
//! if the power fails in between, a file is gone that can be made again. A file gets its name under the store's write
//! lock and only while the token stands, so that one whose making began before an erasure never appears after it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use crate::store::{StoreError, open};

/// How long the making of a snapshot waits for another writer: somebody is waiting for it, and it can go without.
const PATIENCE: Duration = Duration::from_millis(200);

/// A state of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    pub token: i64,
    /// The newest entry of the change log.
    pub change: i64,
    /// Events that come later have this row or a larger one.
    pub next_row: i64,
}

/// Readers that all see one state of the store, until they are dropped.
pub(super) struct Stamped {
    pub stamp: Stamp,
    pub readers: Vec<Connection>,
    writer: Connection,
}

/// Notes a new token in the store, and opens so many readers of just that state. `None`: the token is not the one that it
/// must have been before, and stays.
///
/// # Errors
/// If the store cannot be written, or somebody else is writing.
pub(super) fn stamp(store: &Path, readers: usize, before: Option<i64>) -> Result<Option<Stamped>, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut writer = Connection::open_with_flags(store, flags)?;
    open::configure(&writer)?;
    writer.busy_timeout(PATIENCE)?;
    // A restored backup may not be in write-ahead mode yet, and readers would hold up the commit.
    writer.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if before.is_some() && token(&transaction)? != before {
        return Ok(None);
    }
    let token = renew(&transaction)?;
    // Nobody else commits now: the readers see what is there with the token.
    let readers: Vec<Connection> = (0..readers)
        .map(|_| {
            let reader = open::open_for_reading(store)?;
            open::configure(&reader)?;
            reader.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")?;
            Ok(reader)
        })
        .collect::<Result<_, StoreError>>()?;
    let sql = "INSERT OR REPLACE INTO meta (name, value)
               SELECT 'snapshot_change', coalesce(max(seq), 0) FROM change_log RETURNING value";
    let change = transaction.query_row(sql, (), |row| row.get(0))?;
    let sql = "SELECT coalesce((SELECT value FROM meta WHERE name = 'next_row'), 1)";
    let next_row = transaction.query_row(sql, (), |row| row.get(0))?;
    transaction.commit()?;
    Ok(Some(Stamped { stamp: Stamp { token, change, next_row }, readers, writer }))
}

impl Stamped {
    /// Gives a finished file its name. `false`: the token is no longer the store's, and the file is deleted.
    ///
    /// # Errors
    /// If the store is locked or the file cannot be renamed.
    pub fn publish(&mut self, made: &Path, name: &Path) -> Result<bool, StoreError> {
        let lock = Transaction::new(&mut self.writer, TransactionBehavior::Immediate)?;
        let stands = token(&lock)? == Some(self.stamp.token);
        if stands {
            std::fs::rename(made, name).map_err(|error| failed(name, &error))?;
        } else {
            remove(made)?;
        }
        lock.rollback()?;
        Ok(stands)
    }
}

/// Puts a new token into the store: no file bears it.
pub(super) fn renew(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('snapshot', random()) RETURNING value";
    Ok(connection.query_row(sql, (), |row| row.get(0))?)
}

/// The token of the store.
pub(super) fn token(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = 'snapshot'")?;
    Ok(statement.query_row((), |row| row.get(0)).optional()?)
}

/// Where the store of a connection is; `None`: in memory.
pub(super) fn store_path(connection: &Connection) -> Option<PathBuf> {
    connection.path().filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The path of a store's snapshot.
pub(super) fn path(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".snapshot");
    name.into()
}

/// The file that is being made, before it has its name.
pub(super) fn unfinished(path: &Path, token: i64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{token:016x}"));
    name.into()
}

/// Deletes what was not finished: by a process that was killed, or that is still at it and then goes without.
pub(super) fn remove_unfinished(path: &Path) -> Result<(), StoreError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let start = format!("{}.", name.to_string_lossy());
    let found = folder.read_dir().map_err(|error| failed(path, &error))?;
    for entry in found.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(&start) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, &error)),
        _ => Ok(()),
    }
}

pub(super) fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Snapshot { path: path.to_owned(), why: error.to_string() }
}
