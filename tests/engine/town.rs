//! A store with people to whom something happens every few hours.

use std::path::Path;

use bookmobile::catalogue::{Channel, Value};
use bookmobile::check;
use bookmobile::engine::{self, Handed, Handover, Plan};
use bookmobile::program::Program;
use bookmobile::rule::{ConsentState, PatronId};
use bookmobile::store::{Store, Writer};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant};

/// 2026-11-20 15:00 in Toronto.
pub const BEGIN: Instant = Instant(1_795_204_800_000_000);
/// People in the town.
pub const PEOPLE: i64 = 24;

pub fn program() -> Program {
    let compiled = check::compile(check::load(Path::new("tests/engine/town.campaign")).expect("the program is there"));
    compiled.program.unwrap_or_else(|| panic!("the program is right: {:?}", compiled.diagnostics))
}

/// The instant of the n-th tick: five hours apart.
pub fn instant(tick: i64) -> Instant {
    BEGIN.plus_seconds(tick * 5 * 3600)
}

/// What arrives before the n-th tick; the same for every store.
pub fn import(store: &mut Store, program: &Program, tick: i64) {
    let now = instant(tick);
    let zone = &program.library.zone;
    let transaction = store.begin().expect("nobody else writes");
    let mut writer = transaction.writer(zone, now);
    let today = zone.day(now);
    let nobody: i64 =
        transaction.connection().query_row("SELECT count(*) FROM patron", (), |row| row.get(0)).expect("readable");
    if nobody == 0 {
        for person in 0..PEOPLE {
            patron(&mut writer, program, person, None, today);
        }
    }
    if tick % 3 == 1 {
        patron(&mut writer, program, PEOPLE + tick, Some(now), today);
    }
    let someone = PatronId(1 + (tick * 7) % PEOPLE);
    let visit = program.catalogue.event_named(Symbol::new("visit")).expect("declared");
    let loan = program.catalogue.event_named(Symbol::new("loan")).expect("declared");
    let place = vec![(0, Some(Value::text(&format!("place {tick}"))))];
    writer.event(someone, visit, Some(&format!("visit {tick}")), now.plus_seconds(-600), &place).expect("written");
    let fields = vec![(0, Some(Value::text("Emma"))), (1, Some(Value::Date(today.plus_days(3 + tick % 4)))), (2, None)];
    writer.event(someone, loan, Some(&format!("loan {tick}")), now, &fields).expect("written");
    let change = match tick % 3 {
        0 => (1, Some(Value::Date(today.plus_days(10)))),
        _ => (2, Some(Value::Instant(now))),
    };
    // In the first days there is no such loan yet.
    let _ = writer.change_record(loan, &format!("loan {}", tick - 8), &[change]);
    if tick % 4 == 2 {
        let house = program.catalogue.field_named(Symbol::new("house")).expect("declared");
        let key = format!("p{}", (tick * 5) % PEOPLE);
        let name = if tick % 8 == 2 { "eastside" } else { "central" };
        writer.patron(&key, None, &[(house, Some(Value::Symbol(Symbol::new(name))))]).expect("written");
    }
    drop(writer);
    transaction.commit().expect("written");
}

fn patron(writer: &mut Writer<'_>, program: &Program, person: i64, since: Option<Instant>, today: Day) {
    let symbol = |text: &str| Some(Value::Symbol(Symbol::new(text)));
    let fields: Vec<_> = (program.catalogue.fields.iter())
        .map(|field| field.name)
        .filter_map(|name| {
            let value = match name.as_str() {
                "kind" => symbol(if person % 4 == 0 { "teen" } else { "adult" }),
                "house" => symbol("central"),
                "born" => Some(Value::Date(today.plus_days(person - 20).plus_months(-12 * (20 + person)))),
                "joined" => Some(Value::Date(today)),
                "ends" => Some(Value::Date(today.plus_days(8 + person))),
                "email" => Some(Value::text(&format!("p{person}@library.example"))),
                _ => return None,
            };
            Some((program.catalogue.field_named(name).expect("declared"), value))
        })
        .collect();
    let id = writer.patron(&format!("p{person}"), since, &fields).expect("written");
    let promotion = program.catalogue.purpose_named(Symbol::new("promotion")).expect("declared");
    if person % 3 != 0 {
        let at = writer.at();
        writer.consent(id, promotion, Channel::Email, ConsentState::Given, at, None).expect("written");
    }
}

/// A tick, and delivery to a transport that takes everything.
pub fn tick_and_deliver(store: &mut Store, plan: &Plan<'_>, now: Instant) {
    engine::tick(store, plan, now, None).expect("a tick");
    engine::deliver(store, plan, now, &mut |_: &Handover<'_>| Handed::Over(Vec::new())).expect("a delivery");
}

/// Everything that the engine wrote, and what follows from it, but for the key of the shares.
pub fn dump(store: &Store) -> String {
    let until = format!("(SELECT patron, until FROM {})", engine::STANDING);
    dump_tables(store, &["engine_clock", &until]) + &decisions(store)
}

/// What was decided, without what the engine notes for itself.
pub fn decisions(store: &Store) -> String {
    let standing = &format!("(SELECT patron, campaigns FROM {} WHERE campaigns <> '')", engine::STANDING);
    let tables =
        ["campaign_state", standing, "watched", "enrolment", "occurrence", "outbox", "list_member", "event_sent"];
    dump_tables(store, &tables)
}

fn dump_tables(store: &Store, tables: &[&str]) -> String {
    let db = store.connection();
    let mut text = String::new();
    for table in tables {
        let mut query = db.prepare(&format!("SELECT * FROM {table}")).expect("the table is there");
        let names: Vec<String> = query.column_names().map(str::to_owned).collect();
        let mut lines = Vec::new();
        let mut rows = query.query(()).expect("readable");
        while let Some(row) = rows.next().expect("readable") {
            let mut line = format!("{table}:");
            for (index, name) in names.iter().enumerate().filter(|(_, name)| *name != "share_key") {
                let value: rusqlite::types::Value = row.get(index).expect("a value");
                line.push_str(&format!(" {name}={value:?}"));
            }
            lines.push(line);
        }
        lines.sort();
        text.push_str(&lines.join("\n"));
        text.push('\n');
    }
    text
}

/// All stores draw alike, so that they can be compared.
pub fn fix_shares(store: &Store) {
    let db = store.connection();
    db.execute("UPDATE engine_clock SET share_key = x'000102030405060708090a0b0c0d0e0f'", ()).expect("written");
}
