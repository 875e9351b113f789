//! A tick that looks at what changed decides what a tick that looks at everybody decides.

use bookmobile::engine::{self, Handed, Handover, Plan};
use bookmobile::program::Program;
use bookmobile::store::Store;

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

fn compare(program: &Program, begin: i64) {
    let plan = Plan::new(program);
    let (mut quick, mut full) = (empty(program), empty(program));
    let mut looked_at = 0;
    for tick in begin..begin + TICKS {
        for hour in 0..5 {
            let now = town::instant(tick).plus_seconds(hour * 3600);
            for (store, is_full) in [(&mut quick, false), (&mut full, true)] {
                if hour == 0 {
                    town::import(store, program, tick);
                }
                if is_full {
                    touch_everybody(store);
                }
                let report = engine::tick(store, &plan, now, None).expect("a tick");
                looked_at += if is_full { 0 } else { report.patrons as i64 };
                if tick == begin && hour == 0 {
                    town::fix_shares(store);
                }
                engine::deliver(store, &plan, now, &mut |_: &Handover<'_>| Handed::Over(Vec::new()))
                    .expect("delivered");
            }
            if hour == 4 {
                let (quick, full) = (town::decisions(&quick), town::decisions(&full));
                let different = quick.lines().zip(full.lines()).find(|(one, other)| one != other);
                assert!(quick == full, "begin {begin}, tick {tick}: {different:?}");
            }
        }
    }
    assert!(looked_at < TICKS * 5 * town::PEOPLE / 2, "the quick way looked at {looked_at}");
}

#[test]
fn looking_at_what_changed_is_enough() {
    let program = town::program();
    // In autumn, over a change of the clock, over a leap day.
    for begin in [0, 500, 2_200] {
        compare(&program, begin);
    }
}
