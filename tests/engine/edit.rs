//! A program that changes under running enrolments.

use bookmobile::engine;
use bookmobile::program::Program;
use bookmobile::review::dry_run::{Means, dry_run};
use bookmobile::time::Day;

use super::ana::{HEAD, Town, at, compiled, program};

const MOVED: &str = "campaign moved { purpose essential  audience everyone  start on change of house  STEPS }";

fn steps(steps: &str) -> Program {
    program(&MOVED.replace("STEPS", steps))
}

/// Runs a journey that begins in `old` and meets `new` while it waits.
fn edited(old: &str, new: &str) -> Vec<&'static str> {
    let (old, new) = (steps(old), steps(new));
    let mut town = Town::moved(&old);
    town.store.align(&new.catalogue).expect("columns");
    for day in 2..12 {
        town.tick(&new, day);
    }
    town.sent
}

#[test]
fn a_step_that_keeps_its_place_goes_on_in_the_new_version() {
    let sent = edited("send note_a  wait 2 days  send note_b", "send note_a  wait 2 days  send note_c");
    assert_eq!(sent, ["note_a", "note_c"]);
}

#[test]
fn where_the_place_is_gone_the_old_version_goes_on() {
    let sent = edited("send note_a  wait 2 days  send note_b", "send note_a  wait 9 days  send note_c");
    assert_eq!(sent, ["note_a", "note_b"]);
}

#[test]
fn an_old_wait_for_a_condition_goes_on_too() {
    let old = "send note_a  wait up to 3 days until house is central { send note_b } else { send note_c }";
    assert_eq!(edited(old, "send note_a"), ["note_a", "note_c"]);
}

#[test]
fn nobody_gets_a_step_twice_because_a_line_was_moved() {
    let sent = edited("send note_a  wait 2 days  send note_b", "wait 2 days  send note_a  send note_b");
    assert_eq!(sent, ["note_a", "note_b"]);
    let sent = edited(
        "send note_a  wait 2 days  send note_b",
        "wait 2 days  if house is eastside { send note_a }  send note_b  send note_c",
    );
    assert_eq!(sent, ["note_a", "note_b"]);
    // Behind the place where they wait, in the new version.
    let sent = edited(
        "send note_a  send note_c  wait 2 days  send note_b",
        "send note_c  wait 2 days  if house is eastside { send note_a }  send note_b",
    );
    assert_eq!(sent, ["note_a", "note_c", "note_b"]);
}

/// Of two equal waits each is known by what it waits after: an edit of one never makes the other its heir.
#[test]
fn an_edit_of_one_of_two_equal_waits_passes_over_no_message() {
    let begun = "send note_a  wait 3 days  send note_b  wait 3 days  send note_c";
    for new in [
        "send note_a  wait 2 days  send note_b  wait 3 days  send note_c",
        "if house is eastside { send note_a  wait 3 days }  send note_b  wait 3 days  send note_c",
        "wait 3 days  send note_a  wait 3 days  send note_b  wait 3 days  send note_c",
        "send note_a  wait 3 days  send note_b  send note_c",
        "send note_a  wait 3 days  send note_b  wait 2 days  send note_c",
    ] {
        assert_eq!(edited(begun, new), ["note_a", "note_b", "note_c"], "{new}");
    }
    // Both wait after the same message.
    let begun = "send note_a  wait 2 days  send note_b  wait 2 days  send note_a  wait 2 days  send note_c";
    for new in [
        "send note_a  wait 3 days  send note_b  wait 2 days  send note_a  wait 2 days  send note_c",
        "wait 2 days  send note_b  wait 2 days  send note_a  wait 2 days  send note_c",
        "send note_b  wait 2 days  send note_a  wait 2 days  send note_c",
        "send note_a  wait 2 days  send note_b  wait 2 days  send note_a  wait 3 days  send note_c",
    ] {
        assert_eq!(edited(begun, new), ["note_a", "note_b", "note_a", "note_c"], "{new}");
    }
    let begun = "send note_a  wait 2 days  send note_a  wait 2 days  send note_a";
    let sent = edited(begun, "send note_a  wait 3 days  send note_a  wait 2 days  send note_a");
    assert_eq!(sent, ["note_a", "note_a", "note_a"]);
    // Two at once.
    let begun = "wait 2 days  send note_a  wait 1 day  send note_b";
    assert_eq!(edited(begun, "wait 4 days  send note_a  wait 2 days  send note_b"), ["note_a", "note_b"]);
    // One that was alone goes on where another one was put behind it.
    let begun = "send note_a  wait 3 days  send note_b";
    let sent = edited(begun, "send note_a  wait 3 days  send note_b  wait 3 days  send note_c");
    assert_eq!(sent, ["note_a", "note_b", "note_c"]);
}

/// One place becomes two: the enrolment is in neither.
#[test]
fn of_a_step_that_is_put_there_twice_nobody_becomes_the_heir() {
    let begun = "send note_a  wait 1 day  send note_b";
    let sent = edited(begun, "send note_a  wait 1 day  send note_c  wait 3 days  send note_a  wait 1 day  send note_b");
    assert_eq!(sent, ["note_a", "note_b"]);
}

/// Also between two waits the new version is asked.
#[test]
fn an_earlier_version_goes_on_up_to_a_step_that_the_new_one_has() {
    let begun = "wait 1 day  send note_a  send note_b  wait 1 day  send note_c";
    let new = "wait 2 days  send note_a  send note_b only if house is central  wait 1 day  send note_c";
    assert_eq!(edited(begun, new), ["note_a", "note_c"]);
    let inside = "wait 1 day  if house is eastside { send note_a }  send note_b  wait 1 day  send note_c";
    let new = "wait 2 days  if house is eastside { send note_a }  send note_b only if house is central  send note_c";
    assert_eq!(edited(inside, new), ["note_a", "note_c"]);
}

#[test]
fn a_message_that_goes_by_another_channel_now_is_the_same_message() {
    let by = |channels: &str, order: &str| {
        let both = "message both { email { subject \"S\" body \"B\" } sms { text \"B\" } }";
        let steps = order.replace("both", &format!("both by {channels}"));
        program(&format!("{both} {}", MOVED.replace("STEPS", &steps)))
    };
    let old = by("email", "send both  send note_a  wait 2 days  send note_b");
    let new = by("email or sms", "send note_a  wait 2 days  send both  send note_b");
    let mut town = Town::moved(&old);
    for day in 2..6 {
        town.tick(&new, day);
    }
    assert_eq!(town.sent, ["both", "note_a", "note_b"]);
}

/// Fields of rows count by name: their order in the catalogue says nothing.
#[test]
fn another_order_of_fields_is_no_edit() {
    let of = |fields: &str| {
        let head = HEAD.replace("place text", fields);
        let campaign = "campaign c { purpose essential  audience everyone  start on visit where (place is \"Hall\")
            send note_a  wait up to 3 days until has visit where (place is \"Attic\") { send note_b } else { send note_c } }";
        compiled(&format!("{head}{campaign}"))
    };
    let (one, other) = (of("place text  room text"), of("room text  place text"));
    let mut town = Town::new(&one);
    town.tick(&one, 0);
    town.visit(&one, 1, "Hall");
    town.tick(&one, 1);
    town.store.align(&other.catalogue).expect("columns");
    town.visit(&other, 2, "Hall");
    let found = dry_run(&town.store, &other, None, at(2), &Means::default()).expect("a preview");
    assert_eq!((found.affected, found.campaigns[0].starts.expect("it has ticked").started), (Vec::new(), 1));
    town.tick(&other, 2);
    town.visit(&other, 3, "Attic");
    town.tick(&other, 3);
    assert_eq!(town.sent, ["note_a", "note_a", "note_b", "note_b"]);
}

/// Messages of rows that are gathered say `events`, others `event`: what began as the one ends as the one.
#[test]
fn what_was_gathered_goes_on_as_it_began() {
    let of = |together: &str| {
        let says = if together.is_empty() { "{{event.place}}" } else { "{{#each events}}{{place}} {{/each}}" };
        program(&format!(
            "message about {{ email {{ subject \"S\" body \"{says}\" }} }}
             campaign c {{ purpose essential  audience everyone  start on visit {together}  send about  wait 1 day  send about }}"
        ))
    };
    for (old, new, visits, cut_short) in [("together for 2 days", "", 2, 1), ("", "together for 2 days", 1, 0)] {
        let (old, new) = (of(old), of(new));
        let mut town = Town::new(&old);
        town.tick(&old, 0);
        ["Hall", "Attic"][..visits].iter().for_each(|place| town.visit(&old, 1, place));
        town.tick(&old, 1);
        let found = dry_run(&town.store, &new, None, at(2), &Means::default()).expect("a preview");
        let affected = &found.affected[0].1;
        assert_eq!((affected.go_on_before, affected.cut_short), (1, cut_short));
        for day in 2..8 {
            town.tick(&new, day);
        }
        assert_eq!(town.sent, ["about", "about"]);
    }
}

/// What has gone on in a second version goes on there when a third one has not its place.
#[test]
fn an_edit_after_an_edit_passes_over_no_message() {
    let versions = [
        "send note_a  wait 2 days  send note_b",
        "send note_a  wait 2 days  send note_c  wait 5 days  send note_b",
        "send note_a  wait 2 days  send note_c  wait 4 days  send note_b",
    ]
    .map(steps);
    let mut town = Town::new(&versions[0]);
    town.tick(&versions[0], 0);
    town.house(&versions[0], 1, "eastside");
    for day in 1..16 {
        let version = &versions[[0, 1, 2][usize::from(day > 1) + usize::from(day > 4)]];
        town.store.align(&version.catalogue).expect("columns");
        town.tick(version, day);
    }
    assert_eq!(town.sent, ["note_a", "note_c", "note_b"]);
}

#[test]
fn versions_are_kept_as_long_as_something_runs_in_them() {
    let old = steps("send note_a  wait 2 days  send note_b");
    let new = steps("send note_a  wait 9 days  send note_c");
    let mut town = Town::moved(&old);
    let count = |town: &Town| -> i64 {
        let db = town.store.connection();
        db.query_row("SELECT count(*) FROM program_version", (), |row| row.get(0)).expect("a count")
    };
    assert_eq!(count(&town), 1);
    for day in 2..6 {
        town.tick(&new, day);
    }
    assert_eq!(count(&town), 0);
}

/// What a dry-run of `new` says of a campaign whose journey has begun in `old` and waits, and what then comes to the
/// patron.
fn foretold(old: &str, new: &Program) -> (Vec<(String, engine::Affected)>, Vec<&'static str>) {
    let old = steps(old);
    let mut town = Town::moved(&old);
    let found = dry_run(&town.store, new, None, at(2), &Means::default()).expect("a preview");
    for day in 2..14 {
        town.tick(new, day);
    }
    (found.affected, town.sent)
}

fn moved(affected: engine::Affected) -> Vec<(String, engine::Affected)> {
    vec![("moved".to_owned(), affected)]
}

#[test]
fn a_dry_run_says_how_many_enrolments_an_edit_meets() {
    let begun = "send note_a  wait 2 days  send note_b";
    let one = || engine::Affected { running: 1, ..engine::Affected::default() };

    let (affected, sent) = foretold(begun, &steps("send note_a  wait 2 days  send note_c"));
    assert_eq!(affected, moved(engine::Affected { go_on_here: 1, ..one() }));
    assert_eq!(sent, ["note_a", "note_c"]);

    let (affected, sent) = foretold(begun, &steps("send note_a  wait 9 days  send note_c"));
    assert_eq!(affected, moved(engine::Affected { go_on_before: 1, ..one() }));
    assert_eq!(sent, ["note_a", "note_b"]);

    // The same steps in the same places, one of which asks more.
    let (affected, sent) = foretold(begun, &steps("send note_a  wait 2 days  send note_b only if house is central"));
    assert_eq!(affected, moved(engine::Affected { go_on_here: 1, ..one() }));
    assert_eq!(sent, ["note_a"]);
    let repeat = "repeat every 2 days up to 2 times { send note_a }";
    let (affected, sent) = foretold(repeat, &steps(&repeat.replace("up to 2", "up to 3")));
    assert_eq!(affected, moved(engine::Affected { go_on_here: 1, ..one() }));
    assert_eq!(sent, ["note_a", "note_a", "note_a"]);

    let (affected, sent) = foretold(begun, &program(""));
    assert_eq!(affected, moved(engine::Affected { stand_still: 1, ..one() }));
    assert_eq!(sent, ["note_a"]);

    let draft = program(&MOVED.replace("STEPS", &format!("status draft  {begun}")));
    assert_eq!(foretold(begun, &draft).0, moved(engine::Affected { stand_still: 1, ..one() }));
}

#[test]
fn a_dry_run_names_the_steps_that_an_edit_puts_behind_an_enrolment() {
    let foretells = |begun: &str, edited: &str, misses: &[&str], sends: &[&str]| {
        let (affected, sent) = foretold(begun, &steps(edited));
        let passed_by = misses.iter().map(|step| ((*step).to_owned(), 1)).collect();
        assert_eq!(affected, moved(engine::Affected { running: 1, go_on_here: 1, passed_by, ..Default::default() }));
        assert_eq!(sent, sends);
    };
    let begun = "send note_a  wait 2 days  send note_b";
    foretells(begun, "send note_b  send note_a  wait 2 days  send note_c", &["send note_b"], &["note_a", "note_c"]);
    // What they have had already, what is no longer there and what they still come by are not named.
    foretells(begun, "send note_a  wait 2 days  send note_c", &[], &["note_a", "note_c"]);
    foretells(begun, "send note_b  send note_a  wait 2 days  send note_b", &[], &["note_a", "note_b"]);
    // Also where they go on here only later: from `send note_a` on.
    let (affected, sent) =
        foretold("wait 1 day  send note_a  wait 1 day  send note_b", &steps("send note_b  wait 1 day  send note_a"));
    let passed_by = [("send note_b".to_owned(), 1)].into();
    assert_eq!(affected, moved(engine::Affected { running: 1, go_on_before: 1, passed_by, ..Default::default() }));
    assert_eq!(sent, ["note_a"]);
    // The next round of a `repeat` comes by its first step.
    let repeat = "repeat every 2 days up to 2 times { send note_a  wait 1 day  send note_b }";
    let first = "repeat every 2 days up to 2 times { send note_b  send note_a  wait 1 day }";
    foretells(repeat, first, &[], &["note_a", "note_b", "note_a"]);
    // It goes on here from the next round on.
    let rounds = "if house is central { send note_b }  repeat every 2 days up to 2 times { send note_a  wait 1 day }";
    let edited = format!("send note_c  {}", rounds.replace("1 day", "36 hours"));
    let (affected, sent) = foretold(&format!("{rounds}  send note_c"), &steps(&edited));
    let passed_by = [("send note_c".to_owned(), 1)].into();
    assert_eq!(affected, moved(engine::Affected { running: 1, go_on_before: 1, passed_by, ..Default::default() }));
    assert_eq!(sent, ["note_a", "note_a"]);
}

#[test]
fn an_edit_elsewhere_meets_nobody() {
    let begun = "send note_a  wait 2 days  send note_b";
    let beside = format!(
        "# A comment, and another campaign.\n{} campaign d {{ purpose essential  audience everyone  start on visit  send note_c }}",
        MOVED.replace("STEPS", begun)
    );
    let (affected, sent) = foretold(begun, &program(&beside));
    assert_eq!(affected, []);
    assert_eq!(sent, ["note_a", "note_b"]);
}

#[test]
fn a_version_that_no_longer_compiles_is_said_before_it_ends_what_runs_in_it() {
    let (old, new) = (steps("send note_a  wait 2 days  send note_b"), steps("send note_a  wait 9 days  send note_c"));
    let mut town = Town::moved(&old);
    let broken = r#"[["program.campaign", "library {"]]"#;
    town.store.connection().execute("UPDATE program_version SET files = ?1", [broken]).expect("written");
    let found = dry_run(&town.store, &new, None, at(2), &Means::default()).expect("a preview").affected;
    assert_eq!(found, moved(engine::Affected { running: 1, end: 1, ..engine::Affected::default() }));
    for day in 2..14 {
        town.tick(&new, day);
    }
    assert_eq!(town.sent, ["note_a"]);
}

#[test]
fn lines_that_are_moved_inserted_removed_and_changed_reach_nobody_twice() {
    // While it waits for the second day: (a) a message inserted before the wait, (b) after it, (c) the next removed,
    // (d) what follows changed, (e) a step put into a block, (f) the sent one repeated behind the wait.
    let begun = "send note_a  wait 2 days  send note_b";
    // (g) The sent one put into a `repeat`.
    let cases: [(&str, &[&str]); 8] = [
        ("send note_a  send note_c  wait 2 days  send note_b", &["note_a", "note_b"]),
        ("send note_a  wait 2 days  send note_c  send note_b", &["note_a", "note_c", "note_b"]),
        ("send note_a  wait 2 days", &["note_a"]),
        ("send note_a  wait 2 days  wait 3 days  send note_b", &["note_a", "note_b"]),
        ("send note_a  if house is eastside { wait 2 days  send note_c }", &["note_a", "note_b"]),
        ("wait 2 days  send note_a  send note_b", &["note_a", "note_b"]),
        ("wait 2 days  repeat every 1 day up to 1 times { send note_a }  send note_b", &["note_a", "note_b"]),
        ("wait 2 days  repeat every 1 day up to 2 times { send note_a }  send note_b", &["note_a", "note_b"]),
    ];
    for (new, expected) in cases {
        assert_eq!(edited(begun, new), expected, "{new}");
    }
    let begun = "send note_a  send note_c  wait 2 days  send note_b";
    let new = "send note_c  wait 2 days  repeat every 1 day up to 2 times { send note_a }  send note_b";
    assert_eq!(edited(begun, new), ["note_a", "note_c", "note_a", "note_b"]);
    // And out of one.
    let begun = "repeat every 1 day up to 1 times { send note_a }  wait 2 days  send note_b";
    assert_eq!(edited(begun, "wait 2 days  send note_a  send note_b"), ["note_a", "note_b"]);
}

/// Of equal steps an edit removes one. Those that were still to come come, and none comes that was not.
#[test]
fn an_edit_that_removes_one_of_equal_steps_takes_nothing_from_the_others() {
    let begun = "send note_a  wait 2 days  send note_b  wait 3 days  send note_a";
    let cases: [(&str, &[&str]); 5] = [
        ("wait 2 days  send note_b  wait 3 days  send note_a", &["note_a", "note_b", "note_a"]),
        ("send note_a  wait 2 days  send note_b  wait 3 days", &["note_a", "note_b"]),
        ("wait 2 days  send note_a  send note_b  wait 3 days  send note_a", &["note_a", "note_b", "note_a"]),
        ("wait 2 days  send note_b", &["note_a", "note_b"]),
        (
            "send note_a  wait 2 days  send note_a  send note_b  wait 3 days  send note_a",
            &["note_a", "note_a", "note_b", "note_a"],
        ),
    ];
    for (new, expected) in cases {
        assert_eq!(edited(begun, new), expected, "{new}");
    }
    let begun = "send note_a  send note_c  wait 2 days  send note_b  wait 3 days  send note_a";
    let cases: [(&str, &[&str]); 2] = [
        ("send note_c  wait 2 days  send note_b  wait 3 days  send note_a", &["note_a", "note_c", "note_b", "note_a"]),
        ("send note_c  wait 2 days  send note_b", &["note_a", "note_c", "note_b"]),
    ];
    for (new, expected) in cases {
        assert_eq!(edited(begun, new), expected, "{new}");
    }
    // In a round of a `repeat`.
    let begun = "repeat every 5 days up to 2 times { send note_a  send note_c  wait 2 days  send note_a }";
    let new = "repeat every 5 days up to 2 times { send note_c  wait 2 days  send note_a }";
    assert_eq!(edited(begun, new), ["note_a", "note_c", "note_a", "note_c", "note_a"]);
    // All that were to come have come; and of two in branches only one was ever to come.
    let begun = "send note_a  send note_a  wait 2 days  send note_b";
    assert_eq!(edited(begun, "wait 2 days  send note_a  send note_b"), ["note_a", "note_a", "note_b"]);
    let begun = "if house is eastside { send note_a } else { send note_a }  wait 2 days  send note_b";
    assert_eq!(edited(begun, "wait 2 days  send note_a  send note_b"), ["note_a", "note_b"]);
}

#[test]
fn what_is_published_goes_on_in_the_old_version_too() {
    let of = |steps: &str| {
        program(&format!(
            "message post {{ web {{ title \"T\" body \"B\" link \"https://library.example/\" }} }}\n\
             campaign moved {{ purpose essential  audience public  start once on {} at 12:00  {steps} }}",
            Day(at_day(2)),
        ))
    };
    let (old, new) = (of("publish post by web  wait 2 days  publish post by web"), of("publish post by web"));
    let mut town = Town::new(&old);
    for day in 0..4 {
        town.tick(&old, day);
    }
    town.store.align(&new.catalogue).expect("columns");
    for day in 4..8 {
        town.tick(&new, day);
    }
    assert_eq!(town.sent, ["post", "post"]);
}

/// The local date of a day of the town.
fn at_day(day: i64) -> i32 {
    bookmobile::time::Zone::named("America/Toronto").expect("a zone").day(at(day)).0
}
