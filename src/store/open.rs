//! Opening a store: what SQLite promises, and what we refuse.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::snapshot::Forgotten;
use super::{Layout, Reader, StoreError, Writer, excerpt, layout, migrate};
use crate::catalogue::Catalogue;
use crate::time::{Instant, Zone};

/// Marks the file as ours ("BkMb").
const APPLICATION_ID: i64 = 0x426B_4D62;
/// How long a writer waits for another.
const PATIENCE: Duration = Duration::from_secs(10);
/// Before it, resetting the write-ahead log could lose what was committed (fixed in 3.51.3).
const OLDEST_SQLITE: i32 = 3_051_003;
/// Kibibytes of pages kept in memory.
const CACHE_KIB: i64 = 128 * 1024;
/// Pages of the log after which a commit writes them back, 64 MiB: a tick that writes some thousand pages does not.
const CHECKPOINT_PAGES: i64 = 16_384;
/// Pages that are copied at once.
const COPY_PAGES: i32 = 65_536;
/// Statements kept prepared.
const STATEMENTS: usize = 256;

/// A patron store: one SQLite file, or memory.
pub struct Store {
    connection: Connection,
    path: Option<PathBuf>,
    layout: Arc<Layout>,
    writable: bool,
    /// Inside [`Store::together`].
    is_together: bool,
}

impl Store {
    /// Opens the store at `path`, makes one where there is no file, and brings it to the newest version.
    ///
    /// # Errors
    /// If the file is no store, was made by a newer program, or its schema was tampered with. It is then unchanged.
    pub fn open(path: impl AsRef<Path>) -> Result<Store, StoreError> {
        let path = path.as_ref();
        check_sqlite(rusqlite::version_number())?;
        if path.metadata().is_ok_and(|file| file.len() > 0) {
            inspect(path)?;
        }
        let connection = open_for_writing(path).map_err(|error| match error {
            StoreError::Sqlite(error) if is_read_only(&error) => StoreError::ReadOnly(path.to_owned()),
            error => error,
        })?;
        Ok(Store {
            connection,
            path: Some(path.to_owned()),
            layout: Arc::default(),
            writable: true,
            is_together: false,
        })
    }

    /// Opens the store at `path` for reading; also from a file system that cannot be written.
    ///
    /// # Errors
    /// If there is no file, if it is no store, or of another version.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Store, StoreError> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        let version = inspect(path)?;
        if version < migrate::newest() {
            return Err(StoreError::Older { path: path.to_owned(), version, known: migrate::newest() });
        }
        let connection = open_for_reading(path)?;
        configure(&connection)?;
        migrate::verify(&connection)?;
        Ok(Store {
            connection,
            path: Some(path.to_owned()),
            layout: Arc::default(),
            writable: false,
            is_together: false,
        })
    }

    /// A store that is gone when it is dropped: tests, previews.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn in_memory() -> Result<Store, StoreError> {
        let mut connection = excerpt::memory()?;
        configure(&connection)?;
        prepare(&mut connection)?;
        Ok(Store { connection, path: None, layout: Arc::default(), writable: true, is_together: false })
    }

    /// A copy in memory of what is committed: to try something that the store is not to know of.
    ///
    /// # Errors
    /// If the store cannot be read, or there is not enough memory.
    pub fn copy_in_memory(&self) -> Result<Store, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        {
            let backup = rusqlite::backup::Backup::new(&self.connection, &mut connection)?;
            backup.run_to_completion(COPY_PAGES, Duration::ZERO, None)?;
        }
        configure(&connection)?;
        Ok(Store { connection, path: None, layout: self.layout.clone(), writable: true, is_together: false })
    }

    /// Adds the columns and tables of the catalogue that are not there yet, and reads and writes by it from now on.
    /// A store that is open for reading gets none: what it lacks is unknown.
    ///
    /// # Errors
    /// If a field has another type than the store has kept it with.
    pub fn align(&mut self, catalogue: &Catalogue) -> Result<(), StoreError> {
        if self.writable {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            layout::add_missing(&transaction, catalogue)?;
            transaction.commit()?;
        }
        self.layout = Arc::new(Layout::of(&self.connection, catalogue)?);
        Ok(())
    }

    /// The connection, for whoever has tables of their own in the store.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The same for whoever hangs something on it: a limit in time, a test that lets writes fail.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Where the file is; `None` in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The columns by which it reads and writes since [`Store::align`].
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Begins a transaction that holds the write lock at once, so that it never fails half-way for want of it.
    ///
    /// # Errors
    /// If another process keeps the lock ([`StoreError::is_busy`]).
    pub fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        let inner = if self.is_together {
            Inner::Part(&self.connection)
        } else {
            Inner::Own(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
        };
        Ok(Transaction { inner, layout: self.layout.clone(), forgotten: RefCell::default() })
    }

    /// Makes everything that `work` does one transaction: where many small ones cost time, and nobody minds that a crash
    /// loses them all, as on a copy. A transaction in it that is dropped without its commit is not undone; an error of
    /// `work` undoes everything.
    ///
    /// # Errors
    /// Those of `work`, and if SQLite does not begin or commit.
    pub fn together<T, E: From<StoreError>>(&mut self, work: impl FnOnce(&mut Store) -> Result<T, E>) -> Result<T, E> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::from)?;
        self.is_together = true;
        let done = work(self);
        self.is_together = false;
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        self.connection.execute_batch(end).map_err(StoreError::from)?;
        done
    }

    /// Reads what is committed.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.connection, self.layout.clone())
    }
}

/// A transaction: everything or nothing. Dropped without [`Transaction::commit`] it leaves the store as it was.
pub struct Transaction<'s> {
    inner: Inner<'s>,
    layout: Arc<Layout>,
    forgotten: RefCell<Forgotten>,
}

enum Inner<'s> {
    Own(rusqlite::Transaction<'s>),
    /// Of a larger one.
    Part(&'s Connection),
}

impl Transaction<'_> {
    /// A writer for data that the store learns at `at`. One at a time.
    pub fn writer(&self, zone: &Zone, at: Instant) -> Writer<'_> {
        Writer::new(self.connection(), self.layout.clone(), zone.clone(), at, &self.forgotten)
    }

    /// Reads what is committed and what this transaction wrote.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(self.connection(), self.layout.clone())
    }

    /// Reads by another catalogue: of an earlier version of the program.
    ///
    /// # Errors
    /// If SQLite does.
    pub fn reader_of(&self, catalogue: &Catalogue) -> Result<Reader<'_>, StoreError> {
        let connection = self.connection();
        Ok(Reader::new(connection, Arc::new(Layout::of(connection, catalogue)?)))
    }

    /// The connection inside the transaction.
    pub fn connection(&self) -> &Connection {
        match &self.inner {
            Inner::Own(transaction) => transaction,
            Inner::Part(connection) => connection,
        }
    }

    /// Makes it last. If it deleted the snapshot because something in it had to go, another one is written then.
    ///
    /// # Errors
    /// If the disk refuses; then nothing was written.
    pub fn commit(self) -> Result<(), StoreError> {
        if let Some(forgotten) = self.commit_only()? {
            forgotten.replace();
        }
        Ok(())
    }

    /// Makes it last. What it deleted of the snapshot comes back, if that is to be replaced.
    pub(super) fn commit_only(self) -> Result<Option<Forgotten>, StoreError> {
        match self.inner {
            Inner::Own(transaction) => transaction.commit()?,
            // The larger one may still be undone.
            Inner::Part(_) => return Ok(None),
        }
        Ok(Some(self.forgotten.into_inner()))
    }
}

/// Refuses the versions of SQLite to whose log nothing may be trusted: a package may be linked with any.
pub(super) fn check_sqlite(number: i32) -> Result<(), StoreError> {
    if number < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite { version: rusqlite::version() });
    }
    Ok(())
}

/// The version of a store that is there, without touching it.
fn inspect(path: &Path) -> Result<i64, StoreError> {
    let foreign = |why: &str| StoreError::Foreign { path: path.to_owned(), why: why.to_owned() };
    let connection = open_for_reading(path)?;
    let id: i64 = match connection.pragma_query_value(None, "application_id", |row| row.get(0)) {
        Ok(id) => id,
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(foreign("it is no SQLite database"));
        }
        Err(error) => return Err(error.into()),
    };
    if id != APPLICATION_ID {
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
        // A store that was created and never migrated is empty.
        return if id == 0 && tables == 0 { Ok(0) } else { Err(foreign("it belongs to another program")) };
    }
    let version = migrate::version(&connection)?;
    if version > migrate::newest() {
        return Err(StoreError::Newer { path: path.to_owned(), version, known: migrate::newest() });
    }
    Ok(version)
}

fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    // A tick that was reported as done is done, also after a power cut.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    prepare(&mut connection)?;
    Ok(connection)
}

fn is_read_only(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | PermissionDenied | ReadOnly))
}

pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let readable = |connection: &Connection| {
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get::<_, i64>(0)).map(|_| ())
    };
    let first = Connection::open_with_flags(path, flags);
    match first.and_then(|connection| readable(&connection).map(|()| connection)) {
        Ok(connection) => Ok(connection),
        // On a medium that cannot be written, the file beside the database that readers share cannot be made: then
        // nobody else writes it either, and it is read as it lies there, unless a log waits to be replayed.
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen) && log_is_empty(path) => {
            Ok(Connection::open_with_flags(uri(path, "immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI)?)
        }
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(StoreError::Foreign { path: path.to_owned(), why: "it is no SQLite database".to_owned() })
        }
        Err(error) => Err(error.into()),
    }
}

fn log_is_empty(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log).metadata().map_or(true, |file| file.len() == 0)
}

/// A file as SQLite names it with a parameter.
pub(super) fn uri(path: &Path, parameter: &str) -> String {
    let mut out = "file:".to_owned();
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out.push('?');
    out.push_str(parameter);
    out
}

/// For every connection: a file from elsewhere cannot run code, and deleted data is overwritten.
pub(super) fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate::migrate(connection)?;
    migrate::verify(connection)
}
