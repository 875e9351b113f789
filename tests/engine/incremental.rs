//! A tick that looks at what changed decides what a tick that looks at everybody decides.

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Handed, Handover, Plan};
use bookmobile::eval::{Way, local_dates};
use bookmobile::program::Program;
use bookmobile::rule::columns::Wanted;
use bookmobile::store::Store;
use bookmobile::store::snapshot::{Dates, Opening, Origin};
use bookmobile::symbol::Symbol;

use super::town;

/// Ticks of one history, an hour or five apart.
const TICKS: i64 = 60;

fn empty(program: &Program) -> Store {
    let mut store = Store::in_memory().expect("memory");
    store.align(&program.catalogue).expect("columns");
    store
}

/// Puts everybody into the change log, so that the next tick looks at all.
fn touch_everybody(store: &Store) {
    store.connection().execute("INSERT OR REPLACE INTO change_log (patron) VALUES (0)", ()).expect("written");
}

/// Puts a snapshot beside the store, of everything.
fn make_snapshot(store: &Store, program: &Program) {
    let dates = Dates { zone: &program.library.zone, day: |zone| Box::new(local_dates(zone)) };
    let wanted = Wanted::everything(&program.catalogue);
    let made = Opening { from_patrons: 0, ..Opening::new(dates) }.open(store, &wanted).expect("a snapshot");
    assert_ne!(made.origin, Origin::Memory);
}

/// By the interpreter over what changed, by native code over the same, and by the interpreter over everybody.
fn compare(program: &Program, begin: i64) {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Plan::new(program).screening(None);
    let screened = Plan::new(program).screening(Some(Way::Native));
    let mut file = Store::open(folder.path().join("town.db")).expect("a store");
    file.align(&program.catalogue).expect("columns");
    // The power does not fail here.
    file.connection().pragma_update(None, "synchronous", "OFF").expect("a setting");
    let mut stores = [(empty(program), &plan), (file, &screened), (empty(program), &plan)];
    let mut looked_at = [0; 3];
    for tick in begin..begin + TICKS {
        for hour in 0..5 {
            let now = town::instant(tick).plus_seconds(hour * 3600);
            for (nth, (store, plan)) in stores.iter_mut().enumerate() {
                let is_full = nth == 2;
                if hour == 0 {
                    town::import(store, program, tick);
                }
                if is_full {
                    touch_everybody(store);
                }
                // In the first days there is none.
                if nth == 1 && hour == 1 && (tick - begin) % 7 == 4 {
                    make_snapshot(store, program);
                }
                let report = engine::tick(store, plan, now, None).expect("a tick");
                looked_at[nth] += report.patrons as i64;
                if tick == begin && hour == 0 {
                    town::fix_shares(store);
                }
                engine::deliver(store, plan, now, &mut |_: &Handover<'_>| Handed::Over(Vec::new())).expect("delivered");
            }
            if hour == 4 {
                let [quick, screened, full] = stores.each_ref().map(|(store, _)| town::decisions(store));
                for (name, found) in [("quick", quick), ("screened", screened)] {
                    let different = found.lines().zip(full.lines()).find(|(one, other)| one != other);
                    assert!(found == full, "{name}, begin {begin}, tick {tick}: {different:?}");
                }
            }
        }
    }
    for looked_at in &looked_at[..2] {
        assert!(*looked_at < TICKS * 5 * town::PEOPLE / 2, "looked at {looked_at:?}");
    }
}

#[test]
fn looking_at_what_changed_is_enough() {
    let program = town::program();
    // In autumn, over a change of the clock, over a leap day.
    for begin in [0, 500, 2_200] {
        compare(&program, begin);
    }
}

/// JIT-09: what was compiled belongs to the plan of one program. Two versions that tick one store in turn each decide by
/// their own text.
#[test]
fn jit_09_what_was_compiled_of_another_text_never_runs() {
    let version = |least: i64| {
        let mut sources = Sources::default();
        sources.add(
            "program.campaign",
            format!(
                r#"
library "Test Library" {{ timezone "America/Toronto"  languages en  sender "T" <news@library.example>  quiet none }}
purpose essential "Notices" without consent
patron {{ points int  email email optional }}
message note {{ email {{ subject "A note" body "Hello." }} }}
segment regulars {{ points > {least} }}
campaign many {{ purpose essential  audience everyone  start on entering regulars including current members  send note }}
"#
            ),
        );
        check::compile(sources).program.expect("no errors")
    };
    let versions = [version(10), version(20)];
    let plans = versions.each_ref().map(|program| Plan::new(program).screening(Some(Way::Native)));
    let mut store = Store::in_memory().expect("memory");
    store.align(&versions[0].catalogue).expect("columns");
    let points = versions[0].catalogue.field_named(Symbol::new("points")).expect("declared");
    for (tick, which) in [0, 1, 0, 1, 1, 0].into_iter().enumerate() {
        let now = town::instant(tick as i64);
        // At each tick somebody comes in with 15 points, and somebody with 25.
        let transaction = store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&versions[0].library.zone, now);
        for value in [15, 25] {
            let key = format!("{value} at {tick}");
            writer.patron(&key, Some(now), &[(points, Some(Value::Int(value)))]).expect("written");
        }
        drop(writer);
        transaction.commit().expect("written");
        engine::tick(&mut store, &plans[which], now, None).expect("a tick");
        let started = |value: i64| -> bool {
            let sql = "SELECT EXISTS (SELECT 1 FROM enrolment JOIN patron ON patron.id = enrolment.patron WHERE patron.key = ?1)";
            let key = format!("{value} at {tick}");
            store.connection().query_row(sql, [key], |row| row.get(0)).expect("readable")
        };
        assert_eq!((started(15), started(25)), (which == 0, true), "tick {tick} by version {which}");
    }
}
