//! An excerpt of a store: a store in memory that knows everything of a few patrons and nothing of the others.

use rusqlite::{Connection, OpenFlags};

use super::{Store, StoreError, open};
use crate::catalogue::Catalogue;
use crate::rule::PatronId;

impl Store {
    /// A store in memory with these patrons, in which whatever is decided about them is decided as in this one: the
    /// rows of theirs, and all rows that are nobody's. For trying something that the store is not to know of, at the
    /// price of the patrons that it is about. `None` if this store has no file.
    ///
    /// # Errors
    /// If the store cannot be read, or there is not enough memory.
    pub fn excerpt(&self, catalogue: &Catalogue, patrons: &[PatronId]) -> Result<Option<Store>, StoreError> {
        let Some(path) = self.path() else { return Ok(None) };
        let mut excerpt = Store::in_memory()?;
        excerpt.align(catalogue)?;
        let db = excerpt.connection();
        if attach(db, path).is_err() {
            return Ok(None);
        }
        // Rows may stand for a moment without those that they refer to.
        db.pragma_update(None, "foreign_keys", false)?;
        let copying = db.unchecked_transaction()?;
        fill(&copying, patrons)?;
        copying.commit()?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.execute_batch("DETACH whole")?;
        Ok(Some(excerpt))
    }
}

/// Opens the store beside the excerpt, as `whole`, for reading; also from a file system that cannot be written.
fn attach(db: &Connection, path: &std::path::Path) -> Result<(), StoreError> {
    let mut last = Ok(());
    for uri in [open::uri(path, "mode=ro"), open::uri(path, "immutable=1")] {
        last = db
            .execute("ATTACH ?1 AS whole", [uri])
            .and_then(|_| db.query_row("SELECT count(*) FROM whole.sqlite_schema", (), |row| row.get::<_, i64>(0)))
            .map(|_| ());
        if last.is_ok() {
            break;
        }
        let _ = db.execute_batch("DETACH whole");
    }
    Ok(last?)
}

fn fill(db: &Connection, patrons: &[PatronId]) -> Result<(), StoreError> {
    db.execute_batch("CREATE TEMP TABLE chosen (id INTEGER PRIMARY KEY)")?;
    {
        let mut insert = db.prepare("INSERT INTO temp.chosen (id) VALUES (?1)")?;
        for PatronId(patron) in patrons {
            insert.execute([patron])?;
        }
    }
    let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let tables: Vec<String> = db.prepare(sql)?.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
    // What was said and done once decides nothing.
    for table in tables.iter().filter(|table| *table != "audit") {
        copy(db, table)?;
    }
    // Numbers go on where they would.
    db.execute_batch(
        "DELETE FROM main.sqlite_sequence;
         INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM whole.sqlite_sequence;
         DROP TABLE temp.chosen;",
    )?;
    Ok(())
}

/// Copies the rows of a table that belong to a chosen patron or to nobody.
fn copy(db: &Connection, table: &str) -> Result<(), StoreError> {
    // Each column's name, and whether it may be empty.
    let columns_of = |schema: &str| -> Result<Vec<(String, bool)>, rusqlite::Error> {
        let mut statement = db.prepare_cached("SELECT name, \"notnull\" = 0 FROM pragma_table_info(?1, ?2)")?;
        statement.query_map([table, schema], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let there = columns_of("whole")?;
    let mut columns = columns_of("main")?;
    columns.retain(|(name, _)| there.iter().any(|(other, _)| other == name));
    if columns.is_empty() {
        return Ok(());
    }
    let list = |of: &str| columns.iter().map(|(name, _)| format!("{of}{name}")).collect::<Vec<_>>().join(", ");
    let insert = format!("INSERT OR REPLACE INTO main.{table} ({}) SELECT {} FROM", list(""), list("of."));
    // Patron by patron: the tables' order, and that of their indexes.
    let by = |column: &str| {
        db.execute(&format!("{insert} temp.chosen CROSS JOIN whole.{table} AS of ON of.{column} = chosen.id"), ())
    };
    let patron = columns.iter().find(|(name, _)| name == "patron");
    match (table, patron) {
        ("patron", _) => by("id")?,
        // Whose data changed is asked of all.
        ("change_log", _) | (_, None) => db.execute(&format!("{insert} whole.{table} AS of"), ())?,
        (_, Some((_, false))) => by("patron")?,
        (_, Some((_, true))) => {
            by("patron")?;
            db.execute(&format!("{insert} whole.{table} AS of WHERE of.patron IS NULL"), ())?
        }
    };
    Ok(())
}

/// An in-memory database that may open others by their URI.
pub(super) fn memory() -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_in_memory_with_flags(flags)?)
}
