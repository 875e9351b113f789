//! Data that is corrected after a tick.

use bookmobile::engine::{self, Handed, Handover, Plan};
use bookmobile::symbol::Symbol;

use super::ana::{HEAD, Town, at, compiled, program};

/// No edit of the program but of the data: a visit that came with a wrong date starts what it would have started, once; and
/// so it does for another patron to whom it passes.
#[test]
fn an_event_that_is_corrected_starts_what_it_would_have_started() {
    let visits = program("campaign c { purpose essential  audience everyone  start on visit  send note_a }");
    let visit = visits.catalogue.event_named(Symbol::new("visit")).expect("declared");
    let email = visits.catalogue.field_named(Symbol::new("email")).expect("declared");
    let mut town = Town::new(&visits);
    town.tick(&visits, 1);
    let days: [(&str, i64, i64, usize); 4] =
        [("ana", 2, -300, 0), ("ana", 3, 2, 1), ("ana", 4, 3, 1), ("bea", 5, 3, 2)];
    for (whose, day, happened, sent) in days {
        let transaction = town.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&visits.library.zone, at(day));
        let fields = [(email, Some(bookmobile::catalogue::Value::text("reader@library.example")))];
        let patron = writer.patron(whose, None, &fields).expect("written");
        writer.event(patron, visit, Some("the visit"), at(happened), &[]).expect("written");
        drop(writer);
        transaction.commit().expect("written");
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
        let visit = visits.catalogue.event_named(Symbol::new("visit")).expect("declared");
        let email = visits.catalogue.field_named(Symbol::new("email")).expect("declared");
        let mut town = Town::new(&visits);
        town.tick(&visits, 0);
        let mut told = Vec::new();
        for (whose, day) in [("ana", 1), ("bea", 5)] {
            let transaction = town.store.begin().expect("nobody else writes");
            let mut writer = transaction.writer(&visits.library.zone, at(day));
            let address = bookmobile::catalogue::Value::text(&format!("{whose}@library.example"));
            let patron = writer.patron(whose, None, &[(email, Some(address))]).expect("written");
            let fields = [(1, Some(bookmobile::catalogue::Value::Date(visits.library.zone.day(at(1)))))];
            writer.event(patron, visit, Some("the visit"), at(1), &fields).expect("written");
            drop(writer);
            transaction.commit().expect("written");
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
