//! What may be kept no longer is deleted before a tick decides, so that nothing hangs on it afterwards.

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
privacy borrowing "What a patron borrows" { requires history_opt_in  open records serve essential }
patron { email email optional  history_opt_in bool }
record loan private borrowing { due_on date  returned_at instant optional  open until returned_at  keep 7 days }
message note { email { subject "A note" body "Hello." } }
campaign due { purpose essential  audience everyone  start on due_on of loan  wait until 2 days after event.due_on  send note }
"#;

/// Found by random history 712: the record that a wait reads went with the purge behind a tick, and the patron was looked
/// at again only when the wait had ended.
#[test]
fn a_journey_whose_record_is_deleted_ends_at_that_tick() {
    let mut sources = Sources::default();
    sources.add("program.campaign", PROGRAM);
    let program = check::compile(sources).program.expect("no errors");
    let (catalogue, zone) = (&program.catalogue, &program.library.zone);
    let day = |day: i8| Day::new(2026, 11, day).expect("a date");
    let at = |date: i8, hour: u32| zone.at(day(date), TimeOfDay(hour * 3_600));
    let mut store = Store::in_memory().expect("memory");
    store.align(catalogue).expect("columns");
    let loan = catalogue.event_named(Symbol::new("loan")).expect("declared");
    let write = |store: &mut Store, now: Instant, returned: Option<Instant>| {
        let transaction = store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(zone, now);
        let patron = writer.patron("ana", None, &[]).expect("written");
        let fields = [(0, Some(Value::Date(day(10)))), (1, returned.map(Value::Instant))];
        writer.event(patron, loan, Some("l"), at(1, 9), &fields).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    };
    let plan = Plan::new(&program);
    let tick = |store: &mut Store, now| engine::tick(store, &plan, now, None).expect("a tick");
    let state = |store: &Store| -> (String, Option<String>) {
        let sql = "SELECT state, reason FROM enrolment";
        store.connection().query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).expect("one enrolment")
    };
    write(&mut store, at(8, 9), None);
    tick(&mut store, at(8, 10));
    // Brought back a week ago: it is kept until noon.
    write(&mut store, at(9, 9), Some(at(3, 12)));
    tick(&mut store, at(10, 10));
    assert_eq!(state(&store), ("running".into(), None));
    assert_eq!(engine::next_due(&store, &plan).expect("readable"), Some(at(11, 0)), "then it is deleted");
    tick(&mut store, at(11, 10));
    assert_eq!(state(&store), ("ended".into(), Some("the date it waited for is unknown".into())));
}
