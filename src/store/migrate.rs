//! The schema's versions: each file of `migrations/` leads from one to the next, in its own transaction.
//!
//! `user_version` says where a store stands. Invariant: a migration that was released never changes.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001-data.sql"),
    include_str!("migrations/0002-engine.sql"),
    include_str!("migrations/0003-links.sql"),
    include_str!("migrations/0004-consent.sql"),
    include_str!("migrations/0005-tick.sql"),
    include_str!("migrations/0006-quick-tick.sql"),
    include_str!("migrations/0007-steps-ahead.sql"),
    include_str!("migrations/0008-renamed.sql"),
    include_str!("migrations/0009-standing-lately.sql"),
    include_str!("migrations/0010-checks.sql"),
];

/// The newest version.
pub fn newest() -> i64 {
    MIGRATIONS.len() as i64
}

/// Where the store stands.
pub fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Runs what is missing. A store that is killed on the way has the old version or the new one.
pub fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    if version(connection)? < newest() {
        // A migration may write the text of a table's checks.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
        let result = run(connection);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        result?;
    }
    Ok(())
}

fn run(connection: &mut Connection) -> Result<(), StoreError> {
    while version(connection)? < newest() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have come first.
        let from = version(&transaction)?;
        if let Some(sql) = MIGRATIONS.get(from as usize) {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", from + 1)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Refuses a schema that holds what no migration makes: triggers, views, virtual tables, or one of our tables with
/// another text. (`patron` grows by columns and is compared by name alone.)
pub fn verify(connection: &Connection) -> Result<(), StoreError> {
    let mut expected = Connection::open_in_memory()?;
    migrate(&mut expected)?;
    let tampered = |object: String| Err(StoreError::Tampered { object });
    let active: Option<String> = objects(connection)?
        .into_iter()
        .find(|(kind, _, sql)| {
            let is_virtual = sql.get(..14).is_some_and(|head| head.eq_ignore_ascii_case("create virtual"));
            kind == "trigger" || kind == "view" || is_virtual
        })
        .map(|(kind, name, _)| format!("{kind} {name}"));
    if let Some(object) = active {
        return tampered(object);
    }
    let present = objects(connection)?;
    for (kind, name, sql) in objects(&expected)? {
        let found = present.iter().find(|(_, other, _)| *other == name);
        match found {
            None => return tampered(format!("{kind} {name} is missing")),
            Some((_, _, other)) if *other != sql && name != "patron" => {
                return tampered(format!("{kind} {name} was changed"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn objects(connection: &Connection) -> Result<Vec<(String, String, String)>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")?;
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}
