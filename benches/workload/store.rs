//! The town in a store, and what happens there in a day.

use std::collections::BTreeSet;
use std::path::Path;

use bookmobile::catalogue::{Field, Value};
use bookmobile::engine::{self, Plan};
use bookmobile::program::Program;
use bookmobile::rule::PatronId;
use bookmobile::store::{Store, Writer};
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;
use rusqlite::Connection;
use rusqlite::types::Value as Cell;

use crate::workload::{self, KINDS, Random, TODAY, Town};

/// Writes the town straight into the tables (the import is measured elsewhere) and ticks once, without campaigns.
/// Gives the number of its events.
pub fn make(path: &Path, patrons: i64) -> usize {
    let program = workload::program();
    let mut store = open(path, &program);
    let db = store.connection();
    let mut town = Town::new(&program);
    let columns = |fields: &[Field]| -> (String, String) {
        let names: Vec<String> = fields.iter().map(|field| format!(", f_{}", field.name)).collect();
        (names.concat(), ", ?".repeat(fields.len()))
    };
    let transaction = db.unchecked_transaction().expect("a transaction");
    let (names, places) = columns(&program.catalogue.fields);
    let patron = format!("INSERT INTO patron (id, key{names}) VALUES (?, ?{places})");
    let inserts: Vec<String> = (program.catalogue.events.iter())
        .map(|event| {
            let (names, places) = columns(&event.fields);
            format!("INSERT INTO event_{} (patron, at, id, mark{names}) VALUES (?, ?, ?, ?{places})", event.name)
        })
        .collect();
    let (mut written, mut last) = (0, 0);
    for number in 1..=patrons {
        let facts = town.patron(number);
        insert(db, &patron, vec![number.into(), facts.key.to_string().into()], &facts.fields);
        for (rows, sql) in facts.events.iter().zip(&inserts) {
            for row in rows {
                insert(db, sql, vec![number.into(), row.at.0.into(), row.row.0.into(), row.row.0.into()], &row.fields);
                (written, last) = (written + 1, last.max(row.row.0));
            }
        }
    }
    db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('next_row', ?1)", [last + 1]).expect("written");
    transaction.commit().expect("written");
    let before = workload::now(&program).plus_seconds(-3_600);
    engine::tick(&mut store, &Plan::new(&program), before, None).expect("ticked");
    written
}

/// The store for this program.
pub fn open(path: &Path, program: &Program) -> Store {
    let mut store = Store::open(path).expect("the store");
    store.align(&program.catalogue).expect("its catalogue");
    store
}

fn insert(db: &Connection, sql: &str, mut row: Vec<Cell>, fields: &[Option<Value>]) {
    row.extend(fields.iter().map(|value| value.as_ref().map_or(Cell::Null, cell)));
    let mut statement = db.prepare_cached(sql).expect("a statement");
    statement.execute(rusqlite::params_from_iter(row)).expect("written");
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Bool(truth) => i64::from(*truth).into(),
        Value::Int(n) | Value::Money(n) | Value::Decimal(n) => (*n).into(),
        Value::Date(day) => i64::from(day.0).into(),
        Value::Text(text) => text.to_string().into(),
        Value::Symbol(name) => name.as_str().to_owned().into(),
        Value::Set(elements) => {
            let name = |element: &Value| match element {
                Value::Symbol(name) => name.as_str(),
                other => panic!("the workload has no set with {other:?}"),
            };
            serde_json::to_string(&elements.iter().map(name).collect::<Vec<_>>()).expect("names").into()
        }
        other => panic!("the workload has no {other:?}"),
    }
}

/// What happens to patrons.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Half do again what they did within a week, of half a field is corrected: some thirty of a hundred enter a
    /// segment.
    Busy,
    /// Who has an e-mail address has another one: nobody enters a segment by it.
    Quiet,
    /// One of four as busy ones, the others as quiet ones.
    Mixed,
}

/// Tells the store of so many patrons, spread over all, one thing each, in the minute before `now`.
pub fn change(store: &mut Store, program: &Program, count: usize, news: News, now: Instant, seed: u64) {
    let newest = store.reader().newest_patron().expect("read").0;
    let mut random = Random(seed);
    let transaction = store.begin().expect("the lock");
    let mut writer = transaction.writer(&program.library.zone, now);
    let mut changed = BTreeSet::new();
    while changed.len() < count {
        let patron = 1 + random.below(newest as u64) as i64;
        if changed.contains(&patron) {
            continue;
        }
        let is_busy = match news {
            News::Busy => true,
            News::Quiet => false,
            News::Mixed => random.below(4) == 0,
        };
        let is_done = if !is_busy {
            has_email(transaction.connection(), patron) && correct(&mut writer, program, patron, 0, &mut random)
        } else if random.below(2) == 0 {
            act(&mut writer, transaction.connection(), program, patron, now, &mut random)
        } else {
            correct(&mut writer, program, patron, random.below(5), &mut random)
        };
        if is_done {
            changed.insert(patron);
        }
    }
    drop(writer);
    transaction.commit().expect("written");
}

/// Does it again, if the patron did something of a kind within a week.
fn act(
    writer: &mut Writer<'_>,
    db: &Connection,
    program: &Program,
    patron: i64,
    now: Instant,
    random: &mut Random,
) -> bool {
    let (kind, ..) = KINDS[random.below(KINDS.len() as u64) as usize];
    let sql = format!("SELECT EXISTS (SELECT 1 FROM event_{kind} WHERE patron = ?1 AND at BETWEEN ?2 AND ?3)");
    let mut lately = db.prepare_cached(&sql).expect("a statement");
    let since = now.plus_seconds(-7 * 86_400);
    if !lately.query_row([patron, since.0, now.0], |row| row.get::<_, bool>(0)).expect("an answer") {
        return false;
    }
    let event = program.catalogue.event_named(kind.into()).expect("declared");
    let fields: Vec<(u16, Option<Value>)> = (0..).zip(Town::new(program).event(event, random).fields).collect();
    let at = now.plus_seconds(-1 - random.below(60) as i64);
    writer.event(PatronId(patron), event, None, at, &fields).expect("written").row.is_some()
}

fn has_email(db: &Connection, patron: i64) -> bool {
    let mut statement = db.prepare_cached("SELECT f_email IS NOT NULL FROM patron WHERE id = ?1").expect("a statement");
    statement.query_row([patron], |row| row.get(0)).expect("the patron is there")
}

/// Corrects the n-th of some fields.
fn correct(writer: &mut Writer<'_>, program: &Program, patron: i64, which: u64, random: &mut Random) -> bool {
    let (field, value) = match which {
        0 => ("email", Value::text(&format!("p{patron}.{}@town.example", random.below(1_000_000)))),
        1 => ("postal_zone", Value::text(["K1A0", "M5V3", "N2L9"][random.below(3) as usize])),
        2 => ("household", Value::Int(1 + random.below(7) as i64)),
        3 => ("fines", Value::Money(random.below(4_000) as i64)),
        _ => ("seen_on", Value::Date(TODAY)),
    };
    let field = program.catalogue.field_named(Symbol::new(field)).expect("declared");
    writer.patron(&format!("{patron:08}"), None, &[(field, Some(value))]).expect("written");
    true
}
