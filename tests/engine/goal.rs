//! A goal is reached when its condition is true at an instant within its time, whether or not a tick falls there.

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Plan};
use bookmobile::program::Program;
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

const PROGRAM: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example> }
purpose essential "Notices" without consent
patron { email email optional  joined_on date }
event visit { }
message note { email { subject "A note" body "Hello." } }
campaign welcome { purpose essential  audience everyone  start on joined_on  GOAL  send note }
"#;

/// Somebody joins on 2 December and comes in at `visit` (day, hour), which is told before the tick after it, or at the
/// tick with that number. What has become of the goal after ticks at `ticks`, and on which day of December.
fn goal(goal: &str, visit: Option<(u32, u32)>, told: usize, ticks: &[(u32, u32)]) -> (String, Option<i32>) {
    let mut sources = Sources::default();
    sources.add("program.campaign", PROGRAM.replace("GOAL", goal));
    let program = check::compile(sources).program.expect("no errors");
    let mut store = Store::in_memory().expect("memory");
    store.align(&program.catalogue).expect("columns");
    let plan = Plan::new(&program);
    let field = program.catalogue.field_named(Symbol::new("joined_on")).expect("declared");
    let kind = program.catalogue.event_named(Symbol::new("visit")).expect("declared");
    let joined = Value::Date(Day::new(2026, 12, 2).expect("a date"));
    for (nth, tick) in [(1, 4)].iter().chain(ticks).enumerate() {
        let now = at(&program, *tick);
        let transaction = store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&program.library.zone, now);
        let ana = writer.patron("ana", None, &[(field, Some(joined.clone()))]).expect("written");
        if let Some(visit) = visit.filter(|_| nth == told) {
            writer.event(ana, kind, None, at(&program, visit), &[]).expect("written");
        }
        drop(writer);
        transaction.commit().expect("written");
        engine::tick(&mut store, &plan, now, None).expect("a tick");
    }
    let sql = "SELECT goal, goal_at FROM enrolment";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(Instant)));
    let (word, when) = store
        .connection()
        .query_row(sql, (), read)
        .unwrap_or_else(|error| panic!("{goal}, {visit:?}, {ticks:?}: {error}"));
    let first = program.library.zone.day(at(&program, (1, 0)));
    (word, when.map(|when| program.library.zone.day(when).0 - first.0 + 1))
}

/// In December 2026.
fn at(program: &Program, (day, hour): (u32, u32)) -> Instant {
    program.library.zone.at(Day::new(2026, 12, day as _).expect("a date"), TimeOfDay(hour * 3_600))
}

#[test]
fn what_was_reached_in_time_counts_at_a_later_tick() {
    const VISIT: &str = "goal has visit since start within 20 days";
    let reached = |goal: (String, _)| goal.0 == "reached";
    // The tick after an outage, long after the time is over.
    assert!(reached(goal(VISIT, Some((5, 11)), 2, &[(2, 4), (27, 4)])));
    // The last hours of the last day.
    assert!(reached(goal(VISIT, Some((22, 15)), 3, &[(2, 4), (22, 4), (23, 4)])));
    // Elapsed time: thirty hours from midnight, and the tick that comes two days later.
    let short = "goal has visit since start within 30 hours";
    assert!(reached(goal(short, Some((3, 5)), 2, &[(2, 4), (5, 4)])));
    // The news of it came late.
    assert!(reached(goal(VISIT, Some((21, 9)), 3, &[(2, 4), (22, 4), (23, 4)])));
}

#[test]
fn what_came_true_between_two_ticks_and_passed_counts() {
    let found = goal("goal has visit in the last 1 day within 20 days", Some((6, 9)), 1, &[(2, 4), (12, 4)]);
    assert_eq!(found, ("reached".to_owned(), Some(6)), "on the day on which it was true");
}

#[test]
fn what_came_too_late_does_not_count() {
    const VISIT: &str = "goal has visit since start within 20 days";
    assert_eq!(goal(VISIT, Some((23, 1)), 2, &[(2, 4), (27, 4)]).0, "missed");
    assert_eq!(goal(VISIT, None, 0, &[(2, 4), (27, 4)]).0, "missed");
    assert_eq!(goal("goal has visit since start within 30 hours", Some((3, 7)), 2, &[(2, 4), (5, 4)]).0, "missed");
    assert_eq!(goal(VISIT, None, 0, &[(2, 4), (21, 4)]).0, "open");
}
