//! Data that is corrected after a tick.

use bookmobile::catalogue::Value;
use bookmobile::engine::{self, Handed, Handover, Plan};
use bookmobile::program::Program;
use bookmobile::symbol::Symbol;

use super::ana::{HEAD, Town, at, compiled, program};

/// The store learns on a day that one and the same visit was somebody's, on another day.
fn the_visit(
    town: &mut Town,
    program: &Program,
    whose: &str,
    day: i64,
    happened: i64,
    fields: &[(u16, Option<Value>)],
) {
    let visit = program.catalogue.event_named(Symbol::new("visit")).expect("declared");
    let email = program.catalogue.field_named(Symbol::new("email")).expect("declared");
    let transaction = town.store.begin().expect("nobody else writes");
    let mut writer = transaction.writer(&program.library.zone, at(day));
    let address = Value::text(&format!("{whose}@library.example"));
    let patron = writer.patron(whose, None, &[(email, Some(address))]).expect("written");
    writer.event(patron, visit, Some("the visit"), at(happened), fields).expect("written");
    drop(writer);
    transaction.commit().expect("written");
}

/// No edit of the program but of the data: a visit that came with a wrong date starts what it would have started, once; and
/// so it does for another patron to whom it passes.
#[test]
fn an_event_that_is_corrected_starts_what_it_would_have_started() {
    let visits = program("campaign c { purpose essential  audience everyone  start on visit  send note_a }");
    let mut town = Town::new(&visits);
    town.tick(&visits, 1);
    let days: [(&str, i64, i64, usize); 4] =
        [("ana", 2, -300, 0), ("ana", 3, 2, 1), ("ana", 4, 3, 1), ("bea", 5, 3, 2)];
    for (whose, day, happened, sent) in days {
        the_visit(&mut town, &visits, whose, day, happened, &[]);
        town.tick(&visits, day);
        assert_eq!(town.sent.len(), sent, "on day {day}");
    }
}

/// What it started for the one before is about nothing of theirs.
#[test]
fn what_passes_to_another_patron_is_told_to_that_one_alone() {
    for start in ["on visit", "1 day after day of visit"] {
        let text = format!(
            "campaign c {{ purpose essential  audience everyone  start {start}  expires after 9 days  wait 2 days  send note_a }}"
        );
        let visits = compiled(&format!("{}{text}", HEAD.replace("place text", "place text  day date")));
        let mut town = Town::new(&visits);
        town.tick(&visits, 0);
        let mut told = Vec::new();
        for (whose, day) in [("ana", 1), ("bea", 5)] {
            let fields = [(1, Some(Value::Date(visits.library.zone.day(at(1)))))];
            the_visit(&mut town, &visits, whose, day, 1, &fields);
            let plan = Plan::new(&visits);
            for hour in 0..24 * if whose == "ana" { 4 } else { 9 } {
                let now = at(day).plus_seconds(hour * 3600);
                engine::tick(&mut town.store, &plan, now, None).expect("a tick");
                let mut take = |message: &Handover<'_>| {
                    told.push(message.address.to_owned());
                    Handed::Over(Vec::new())
                };
                if whose == "bea" {
                    engine::deliver(&mut town.store, &plan, now, &mut take).expect("a delivery");
                }
            }
        }
        assert_eq!(told, ["bea@library.example"], "{start}");
    }
}
