//! The file: what is refused, and what a damaged or foreign one does.

use super::super::migrate;
use super::*;

fn made(path: &std::path::Path) {
    let mut store = Store::open(path).expect("a new store");
    store.align(&catalogue()).expect("a catalogue");
    write(&mut store, 1, |writer| writer.patron("1", None, &[]));
}

/// STO-07: another program's database and a text file are refused, and stay as they are.
#[test]
fn sto_07_a_foreign_file_is_refused_and_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("letter.txt");
    std::fs::write(&text, "Dear reader,\n".repeat(100)).expect("written");
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other)
        .and_then(|connection| connection.execute_batch("CREATE TABLE t (a); PRAGMA application_id = 7"))
        .expect("a database");
    for path in [text, other] {
        let before = std::fs::read(&path).expect("read");
        for opened in [Store::open(&path), Store::open_read_only(&path)] {
            assert!(matches!(opened, Err(StoreError::Foreign { .. })), "{}", path.display());
        }
        assert_eq!(std::fs::read(&path).expect("read"), before);
    }
}

#[test]
fn a_newer_store_is_refused_and_a_missing_one_is_not_made_by_a_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("library.db");
    assert!(matches!(Store::open_read_only(&path), Err(StoreError::Missing(_))));
    made(&path);
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection.pragma_update(None, "user_version", 999).expect("written");
    drop(connection);
    let error = Store::open(&path).err().expect("refused");
    assert!(error.to_string().contains("newer Bookmobile (version 999"), "{error}");
}

/// STO-13: triggers and views that somebody added would run inside our statements.
#[test]
fn sto_13_a_schema_with_a_trigger_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, sql) in [
        ("trigger", "CREATE TRIGGER spy AFTER INSERT ON patron BEGIN DELETE FROM consent; END"),
        ("view", "CREATE VIEW v AS SELECT * FROM patron"),
        ("change", "DROP INDEX audit_patron"),
    ] {
        let path = folder.path().join(name);
        made(&path);
        rusqlite::Connection::open(&path).and_then(|other| other.execute_batch(sql)).expect("written");
        assert!(matches!(Store::open(&path), Err(StoreError::Tampered { .. })), "{name}");
        assert!(matches!(Store::open_read_only(&path), Err(StoreError::Tampered { .. })), "{name}");
    }
}

/// STO-08: killed before any statement of any migration, the store has the old version, and the next start completes it.
#[test]
fn sto_08_a_migration_happens_or_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("library.db");
    for (before, sql) in migrate::MIGRATIONS.iter().enumerate() {
        let statements: Vec<&str> = sql.split_inclusive(";\n").collect();
        for killed_at in 0..=statements.len() {
            for file in ["library.db", "library.db-wal", "library.db-shm"] {
                let _ = std::fs::remove_file(folder.path().join(file));
            }
            let mut connection = rusqlite::Connection::open(&path).expect("a database");
            for sql in &migrate::MIGRATIONS[..before] {
                connection.execute_batch(sql).expect("an earlier migration");
            }
            connection.pragma_update(None, "user_version", before as i64).expect("written");
            if before > 0 {
                connection.pragma_update(None, "application_id", 0x426B_4D62).expect("written");
            }
            let transaction = connection.transaction().expect("begun");
            for statement in &statements[..killed_at] {
                transaction.execute_batch(statement).expect("the migration runs");
            }
            // The process dies here: nothing is committed.
            drop(transaction);
            assert_eq!(migrate::version(&connection).expect("a version"), before as i64);
            drop(connection);
            made(&path);
            let store = Store::open(&path).expect("a store");
            assert_eq!(migrate::version(store.connection()).expect("a version"), migrate::newest());
            assert_eq!(store.reader().counts().expect("read").patrons, 1, "migration {before}, killed at {killed_at}");
        }
    }
}

/// SQLite makes a table for `x IN (…)` with three words or more, at each row that is written.
#[test]
fn no_check_makes_a_table() {
    let store = Store::in_memory().expect("memory");
    for (table, columns) in [("enrolment", 21), ("occurrence", 11), ("outbox", 25), ("consent", 9)] {
        let marks = vec!["?"; columns].join(", ");
        let mut query =
            store.connection().prepare(&format!("EXPLAIN INSERT INTO {table} VALUES ({marks})")).expect("right");
        let unknown = rusqlite::params_from_iter(vec![None::<i64>; columns]);
        let operations = query.query_map(unknown, |row| row.get::<_, String>("opcode")).expect("explained");
        let found: Vec<String> = operations.collect::<Result<_, _>>().expect("explained");
        assert!(found.iter().all(|operation| operation != "OpenEphemeral"), "{table}: {found:?}");
        assert!(found.contains(&"Eq".to_owned()), "{table} has checks: {found:?}");
    }
}

/// Before version 5 a row was a campaign of a patron, and the next look stood in another table; before version 6
/// campaigns stood there by name.
#[test]
fn where_patrons_stood_is_carried_into_one_row_each() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("library.db");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    for sql in &migrate::MIGRATIONS[..4] {
        connection.execute_batch(sql).expect("an earlier migration");
    }
    connection.pragma_update(None, "user_version", 4).expect("written");
    connection.pragma_update(None, "application_id", 0x426B_4D62).expect("written");
    connection
        .execute_batch(
            "INSERT INTO patron (id, key) VALUES (1, 'one'), (2, 'two'), (3, 'three');
             INSERT INTO membership VALUES (1, 'winback', 1, 1, 2, 1), (1, 'welcome', 2, 0, 1, 0), (3, 'welcome', 0, 0, 1, 1);
             INSERT INTO due VALUES (1, 77), (2, 88);
             INSERT INTO campaign_state VALUES ('welcome', 'as it was', 5);
             INSERT INTO change_log (patron) VALUES (2);",
        )
        .expect("written");
    drop(connection);
    let store = Store::open(&path).expect("a store");
    let mut query =
        store.connection().prepare("SELECT patron, until, campaigns FROM standing ORDER BY 1").expect("read");
    let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("read");
    let found: Vec<(i64, Option<i64>, String)> = rows.collect::<Result<_, _>>().expect("read");
    let expected = [(1, Some(77), "1!1 2+2/1"), (2, Some(88), ""), (3, None, "1-1/1")];
    assert_eq!(found, expected.map(|(patron, until, campaigns)| (patron, until, campaigns.to_owned())));
    let changes = store.reader().changes_since(0).expect("read");
    assert_eq!(changes.patrons.iter().map(|change| change.kinds).collect::<Vec<_>>(), [crate::store::Kinds::ALL]);
}

/// STO-09: a SQLite that can lose commits is refused with the reason, and ours is not one.
#[test]
fn sto_09_an_old_sqlite_is_refused() {
    let error = super::super::open::check_sqlite(3_051_002).expect_err("refused");
    assert!(error.to_string().contains("write-ahead log can lose what was committed"), "{error}");
    super::super::open::check_sqlite(rusqlite::version_number()).expect("the one that comes with us");
}

/// STO-11: a store on a medium that cannot be written is read.
#[test]
fn sto_11_a_reader_needs_no_write_access() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("library of ?#%.db");
    made(&path);
    let mut store = Store::open_read_only(&path).expect("a reader");
    store.align(&catalogue()).expect("nothing to add");
    assert!(store.reader().patron_by_key("1").expect("read").is_some());
    let transaction = store.begin();
    let refused = transaction.is_err()
        || transaction.is_ok_and(|open| open.writer(&Zone::utc(), at(1)).patron("2", None, &[]).is_err());
    assert!(refused, "a reader wrote");
}

#[test]
fn a_program_with_more_fields_reads_an_older_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("library.db");
    made(&path);
    let mut grown = catalogue();
    grown.fields.push(field("nickname", Type::Text));
    grown.events.push(event("donation", EventKind::Event, None, vec![field("amount", Type::Money)]));
    let mut store = Store::open_read_only(&path).expect("a reader");
    store.align(&grown).expect("nothing is added");
    let found = facts(&store, PatronId(1));
    assert_eq!((found.fields.len(), found.events.len()), (6, 4));
    assert!(found.fields[5].is_none() && found.events[3].is_empty());
}

/// STO-12: STRICT tables hold: no text in a number's column, and no value but the types of its column.
#[test]
fn sto_12_strict_tables_hold() {
    let mut store = store();
    write(&mut store, 1, |writer| writer.patron("1", None, &[]));
    let wrong = store.connection().execute("UPDATE patron SET f_fines = 'much'", ());
    assert!(wrong.is_err());
}
