//! When a tick looks at a patron again: never too late, and a remembered instant that is early costs a look, not a write.

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Plan};
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

const PROGRAM: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example> }
purpose essential "Notices" without consent
patron { email email optional  expires_on date }
message note { email { subject "A note" body "Hello." } }
campaign renew { purpose essential  audience everyone  start 30 days before expires_on  send note }
"#;

#[test]
fn an_early_instant_stands_until_it_comes_and_a_late_one_does_not() {
    let mut sources = Sources::default();
    sources.add("program.campaign", PROGRAM);
    let program = check::compile(sources).program.expect("no errors");
    let (catalogue, zone) = (&program.catalogue, &program.library.zone);
    let day = |month, day| Day::new(2026, month, day).expect("a date");
    let at = |date: Day, hour: u32| zone.at(date, TimeOfDay(hour * 3_600));
    let midnight = |date: Day| Some(at(date, 0));
    let mut store = Store::in_memory().expect("memory");
    store.align(catalogue).expect("columns");
    let expires = catalogue.field_named(Symbol::new("expires_on")).expect("declared");
    let plan = Plan::new(&program);
    let import_and_tick = |store: &mut Store, now: Instant, expires_on: Day| {
        let transaction = store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(zone, now);
        writer.patron("ana", None, &[(expires, Some(Value::Date(expires_on)))]).expect("written");
        drop(writer);
        transaction.commit().expect("written");
        engine::tick(store, &plan, now.plus_seconds(60), None).expect("a tick")
    };
    let due = |store: &Store| engine::next_due(store, &plan).expect("readable");

    import_and_tick(&mut store, at(day(11, 10), 9), day(12, 31));
    assert_eq!(due(&store), midnight(day(12, 1)));
    import_and_tick(&mut store, at(day(11, 11), 9), day(12, 31).plus_days(31));
    assert_eq!(due(&store), midnight(day(12, 1)), "the earlier one stands");

    let look = engine::tick(&mut store, &plan, at(day(12, 1), 0), None).expect("a tick");
    assert_eq!((look.patrons, look.campaigns.len()), (1, 0), "one look, and nothing is decided");
    assert_eq!(due(&store), midnight(day(12, 31).plus_days(1)));

    import_and_tick(&mut store, at(day(12, 2), 9), day(12, 31).plus_days(10));
    assert_eq!(due(&store), midnight(day(12, 11)), "a later one does not");
}
