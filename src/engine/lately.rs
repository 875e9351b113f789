//! Where patrons stand is kept in two tables: a small one for what ticks wrote lately, and one of everybody.
//!
//! What a tick changes lies all over the town. In the table of everybody each change is a page of its own to be written,
//! and another one of its index; in the small one they lie side by side. Before it grows large it goes into the other at
//! once, in order.
//!
//! Invariants: a patron's row of `standing_lately` counts, and that of `standing` does not; no row of `standing` that counts
//! is due at or before the last tick.

use rusqlite::{Connection, OptionalExtension, params};

use crate::engine::standing::{self, Memberships};
use crate::limits;
use crate::rule::PatronId;
use crate::time::Instant;

/// Where everybody stands, as a table of SQL: `patron`, `until` (when to look at them again), `campaigns`.
pub const STANDING: &str = "(SELECT patron, until, campaigns FROM standing_lately \
     UNION ALL SELECT patron, until, campaigns FROM standing AS whole \
     WHERE NOT EXISTS (SELECT 1 FROM standing_lately WHERE patron = whole.patron))";

/// The table into which a tick writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    Lately,
    Whole,
}

impl Table {
    fn upsert(self) -> &'static str {
        match self {
            Table::Lately => {
                "INSERT INTO standing_lately VALUES (?1, ?2, ?3)
                 ON CONFLICT (patron) DO UPDATE SET until = excluded.until, campaigns = excluded.campaigns"
            }
            Table::Whole => {
                "INSERT INTO standing VALUES (?1, ?2, ?3)
                 ON CONFLICT (patron) DO UPDATE SET until = excluded.until, campaigns = excluded.campaigns"
            }
        }
    }
}

/// The table for a tick that looks at so many patrons, of `all`. Takes what was written lately into that of everybody if
/// this tick writes there, if there is much of it, or if a day begins.
pub fn prepare(db: &Connection, looked_at: usize, all: PatronId, begins_a_day: bool) -> rusqlite::Result<Table> {
    let most = limits::STANDING_LATELY.max(all.0 / limits::STANDING_LATELY_SHARE);
    let is_wide = looked_at as i64 > most;
    let count = || -> rusqlite::Result<i64> {
        db.prepare_cached("SELECT count(*) FROM standing_lately")?.query_row((), |row| row.get(0))
    };
    if is_wide || begins_a_day || count()? > most {
        db.execute(
            "INSERT INTO standing SELECT patron, until, campaigns FROM standing_lately WHERE true ORDER BY patron
             ON CONFLICT (patron) DO UPDATE SET until = excluded.until, campaigns = excluded.campaigns",
            (),
        )?;
        db.execute("DELETE FROM standing_lately", ())?;
    }
    Ok(if is_wide { Table::Whole } else { Table::Lately })
}

/// The patrons who are due at `now`; `last`: the tick before.
pub fn due(db: &Connection, last: Option<Instant>, now: Instant) -> rusqlite::Result<Vec<PatronId>> {
    let mut query = db.prepare_cached(
        "SELECT patron FROM standing_lately WHERE until <= ?1 UNION ALL \
         SELECT patron FROM standing AS whole WHERE until > ?2 AND until <= ?1 \
         AND NOT EXISTS (SELECT 1 FROM standing_lately WHERE patron = whole.patron)",
    )?;
    let last = last.map_or(i64::MIN, |last| last.0);
    query.query_map([now.0, last], |row| row.get(0).map(PatronId))?.collect()
}

/// When the first patron is due after `last`, the last tick.
pub fn next_due(db: &Connection, last: Instant) -> rusqlite::Result<Option<Instant>> {
    let mut query = db.prepare_cached(
        "SELECT min(until) FROM (SELECT min(until) AS until FROM standing_lately WHERE until IS NOT NULL UNION ALL \
         SELECT * FROM (SELECT until FROM standing AS whole WHERE until > ?1 \
         AND NOT EXISTS (SELECT 1 FROM standing_lately WHERE patron = whole.patron) ORDER BY until LIMIT 1))",
    )?;
    query.query_row([last.0], |row| Ok(row.get::<_, Option<i64>>(0)?.map(Instant)))
}

/// When to look at a patron again, and where they stand; `None`: nowhere.
pub fn read(db: &Connection, patron: PatronId) -> rusqlite::Result<Option<(Option<Instant>, Memberships)>> {
    db.prepare_cached(&format!("SELECT until, campaigns FROM {STANDING} WHERE patron = ?1"))?
        .query_row([patron.0], |row| {
            Ok((row.get::<_, Option<i64>>(0)?.map(Instant), standing::read(row.get_ref(1)?.as_str()?)))
        })
        .optional()
}

/// Writes where a patron stands: when to look at them again, and all start conditions.
pub fn write(
    db: &Connection,
    table: Table,
    patron: PatronId,
    until: Option<Instant>,
    memberships: &Memberships,
) -> rusqlite::Result<()> {
    let written = standing::written(memberships);
    db.prepare_cached(table.upsert())?.execute(params![patron.0, until.map(|until| until.0), written])?;
    Ok(())
}

/// A patron stands nowhere any more.
pub fn remove(db: &Connection, patron: PatronId) -> rusqlite::Result<()> {
    db.execute("DELETE FROM standing_lately WHERE patron = ?1", [patron.0])?;
    db.execute("DELETE FROM standing WHERE patron = ?1", [patron.0])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::Store;

    const PATRONS: i64 = 2_000;

    /// Ticks that look at few and at many, against one table of everybody.
    #[test]
    fn two_tables_say_what_one_would() {
        let store = Store::in_memory().expect("memory");
        let db = store.connection();
        for key in 1..=PATRONS {
            db.execute("INSERT INTO patron (key) VALUES (?1)", [key.to_string()]).expect("written");
        }
        let mut expected: BTreeMap<i64, (Option<Instant>, Memberships)> = BTreeMap::new();
        let mut seed = 7_u64;
        let mut below = |bound: i64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 33) % bound as u64) as i64
        };
        let (mut last, mut tables) = (None, Vec::new());
        for tick in 1..60 {
            let now = Instant(tick * 100);
            let is_due = |(_, (until, _)): &(&i64, &(Option<Instant>, Memberships))| until.is_some_and(|at| at <= now);
            let due_now: Vec<PatronId> = expected.iter().filter(is_due).map(|(patron, _)| PatronId(*patron)).collect();
            let mut found = due(db, last, now).expect("readable");
            found.sort();
            assert_eq!(found, due_now, "at tick {tick}");
            let others = if tick % 7 == 0 { 900 } else { 120 };
            let looked: Vec<PatronId> =
                due_now.into_iter().chain((0..others).map(|_| PatronId(1 + below(PATRONS)))).collect();
            let table = prepare(db, looked.len(), PatronId(PATRONS), tick % 11 == 0).expect("written");
            tables.push(table);
            for patron in looked {
                let until = (below(3) > 0).then(|| Instant(now.0 + 1 + below(2_000)));
                let memberships = standing::read(["", "1+", "1-/1 2+3"][below(3) as usize]);
                write(db, table, patron, until, &memberships).expect("written");
                expected.insert(patron.0, (until, memberships));
            }
            let first = expected.values().filter_map(|(until, _)| *until).min();
            assert_eq!(next_due(db, now).expect("readable"), first);
            last = Some(now);
        }
        assert!(tables.contains(&Table::Lately) && tables.contains(&Table::Whole));
        for patron in 1..=PATRONS {
            assert_eq!(read(db, PatronId(patron)).expect("readable"), expected.get(&patron).cloned());
        }
        let both = "SELECT count(*), (SELECT count(*) FROM standing_lately) > 0 FROM ";
        let (all, lately): (i64, bool) =
            db.query_row(&format!("{both}{STANDING}"), (), |row| Ok((row.get(0)?, row.get(1)?))).expect("readable");
        assert_eq!((all as usize, lately), (expected.len(), true));
        remove(db, PatronId(1)).expect("written");
        assert_eq!(read(db, PatronId(1)).expect("readable"), None);
    }
}
