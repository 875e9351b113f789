//! Starts that are edited: whether they mean something else, and the baseline.

use bookmobile::engine::Plan;
use bookmobile::review::dry_run::{Means, dry_run};

use super::ana::{HEAD, Town, at, compiled, program};

#[test]
fn an_edit_that_changes_a_start_takes_the_baseline_again() {
    let when = |condition: &str| {
        program(&format!("campaign c {{ purpose essential  audience everyone  start {condition}  send note_a }}"))
    };
    let (east, long, both) =
        (when("when house is eastside"), when("when ends > today"), when("when ends > today and house is eastside"));
    let mut town = Town::new(&east);
    town.tick(&east, 0);
    // True already, under the new meaning: no entry. Then it becomes true.
    town.tick(&long, 1);
    town.tick(&both, 2);
    assert!(town.sent.is_empty());
    town.house(&both, 3, "eastside");
    town.tick(&both, 3);
    assert_eq!(town.sent, ["note_a"]);
}

/// What a dry-run says before: how many an edited start would have started, and how many its first tick starts.
#[test]
fn a_dry_run_says_how_many_an_edited_start_would_have_started() {
    let of = |start: &str| {
        let segments = "segment eastern { house is eastside } segment central_ones { house is central }";
        program(&format!(
            "{segments} campaign c {{ purpose essential  audience everyone  start {start}  send note_a }}"
        ))
    };
    let foretold = |old: &str, new: &str| {
        let (old, new) = (of(old), of(new));
        let mut town = Town::new(&old);
        town.tick(&old, 0);
        let found = dry_run(&town.store, &new, None, at(1), &Means::default()).expect("a preview");
        let starts = found.campaigns[0].starts.expect("it has ticked");
        town.tick(&new, 1);
        assert_eq!(starts.started as usize, town.sent.len(), "what it foretells comes");
        (
            starts.rehearsed,
            starts.started,
            found.campaigns[0].warnings.iter().any(|text| text.contains("its start means")),
        )
    };
    // The patron is in central, and their card ends on day 20.
    assert_eq!(foretold("when house is eastside", "when house is central"), (Some(1), 0, true));
    assert_eq!(foretold("when house is eastside", "when ends > today + 300 days"), (Some(0), 0, true));
    let including = |segment: &str| format!("on entering {segment} including current members");
    assert_eq!(foretold(&including("eastern"), &including("central_ones")), (Some(1), 1, true));
    assert_eq!(foretold("when house is central", "when house is central or ends > today"), (Some(0), 0, true));
    assert_eq!(foretold("3 days before ends", "19 days before ends"), (Some(1), 0, true));
    assert_eq!(foretold("3 days before ends", "10 days before ends"), (Some(0), 0, true));
    assert_eq!(foretold("when house is central", "when house is central"), (None, 0, false));
}

#[test]
fn current_members_are_those_who_were_not_in_before_the_edit() {
    let segment = |condition: &str| {
        program(&format!(
            "segment s {{ {condition} }} campaign c {{ purpose essential  audience s  start on entering including current members  send note_a }}"
        ))
    };
    let (central, east, any) = (segment("house is central"), segment("house is eastside"), segment("house is known"));
    let mut town = Town::new(&central);
    town.tick(&east, 0);
    assert!(town.sent.is_empty());
    town.tick(&central, 1);
    assert_eq!(town.sent, ["note_a"]);
    town.tick(&any, 2);
    assert_eq!(town.sent, ["note_a"], "who was in before the edit does not enter by it");
}

#[test]
fn a_new_name_or_another_order_is_no_edit_of_what_it_means() {
    let one = program(
        "segment a { house is eastside } campaign c { purpose essential  audience everyone  start on entering a  send note_a }",
    );
    let two = program(
        "# moved\ncampaign c { purpose essential  start on entering b  audience everyone  send note_a } segment b { house is eastside }",
    );
    let mut town = Town::new(&one);
    town.tick(&one, 0);
    town.house(&two, 1, "eastside");
    town.tick(&two, 1);
    assert_eq!(town.sent, ["note_a"], "the entry at the first tick after the edit counts");
}

/// What is said in other words means the same, and what becomes true between the ticks counts.
#[test]
fn a_start_in_other_words_takes_no_baseline() {
    const SAME: [(&str, &str); 7] = [
        ("when in eastern", "when house is eastside"),
        ("when house is eastside and ends > today", "when ends > today and house is eastside"),
        ("when house is eastside and ends > today", "when in eastern and ends > today"),
        (
            "when house is eastside and (ends > today and email is known)",
            "when email is known and in eastern_and_valid",
        ),
        ("when house is eastside or ends < today", "when ends < today or house is eastside"),
        (
            "when house is eastside and has visit in the last 2 weeks",
            "when has visit in the last 14 days and house is eastside",
        ),
        ("on visit together for 2 days", "on visit together for 1 day"),
    ];
    let of = |start: &str| {
        let segments =
            "segment eastern { house is eastside } segment eastern_and_valid { in eastern and ends > today }";
        let message = "message note { email { subject \"S\" body \"B\" } }";
        let campaign = format!("campaign c {{ purpose essential  audience everyone  start {start}  send note }}");
        program(&format!("{segments} {message} {campaign}"))
    };
    for (old, new) in SAME {
        let (before, after) = (of(old), of(new));
        let mut town = Town::new(&before);
        town.tick(&before, 0);
        town.house(&before, 1, "eastside");
        town.visit(&before, 1, "Hall");
        for day in 1..5 {
            town.tick(&after, day);
        }
        assert_eq!(town.sent, ["note"], "{old}: {new}");
    }
    // Another meaning has another baseline.
    let (before, after) = (of("when house is eastside and ends > today"), of("when house is eastside or ends > today"));
    let mut town = Town::new(&before);
    town.tick(&before, 0);
    town.house(&before, 1, "eastside");
    town.tick(&after, 1);
    assert!(town.sent.is_empty());
}

/// Each segment names the one before it twice: written out, the last would be longer than any memory.
#[test]
fn segments_that_name_each_other_often_are_soon_compared() {
    let of = |word: &str| {
        let segment = |number: usize| {
            let before = number - 1;
            format!("segment s{number} {{ in s{before} {word} (ends > today or not in s{before}) }} ")
        };
        let segments: String = (1..200).map(segment).collect();
        program(&format!(
            "segment s0 {{ house is eastside }} {segments} campaign c {{ purpose essential  audience everyone  \
             start on entering s199  send note_a }}"
        ))
    };
    let (one, other) = (of("and"), of("or"));
    let [one, other] = [&one, &other].map(|program| Plan::new(program).campaigns.remove(0).fingerprints);
    assert_ne!(one, other);
}

#[test]
fn a_campaign_that_was_away_takes_the_baseline_again() {
    let with =
        program("campaign c { purpose essential  audience everyone  start when house is eastside  send note_a }");
    let without = program("campaign d { purpose essential  audience everyone  start on visit  send note_b }");
    let mut town = Town::new(&with);
    town.tick(&with, 0);
    town.tick(&without, 1);
    town.house(&with, 2, "eastside");
    town.tick(&with, 2);
    assert!(town.sent.is_empty());
}

/// A journey that began on no row asks nothing of one, though its campaign starts on rows now.
#[test]
fn a_start_on_rows_ends_nothing_that_began_on_none() {
    let of = |start: &str| {
        compiled(&format!(
            "{HEAD} record loan {{ due date }} campaign c {{ purpose essential  audience everyone  start {start}  send note_a \
             wait 2 days  send note_b }}"
        ))
    };
    let (old, new) = (of("on change of house"), of("on loan where (due is unknown)"));
    let mut town = Town::moved(&old);
    for day in 2..5 {
        town.tick(&new, day);
    }
    assert_eq!(town.sent, ["note_a", "note_b"]);
}

/// A journey that begins and ends in one tick is written as it is at the end: its enrolment, its occurrence and its message
/// are one row each, and none of them is written again.
#[test]
fn what_begins_and_ends_in_one_tick_is_written_once() {
    let program = program(
        "campaign hello { purpose essential  audience everyone  start on visit together \
         goal has visit since start within 9 days  send note_a }",
    );
    let mut town = Town::new(&program);
    town.tick(&program, 0);
    // The first tick of a day cleans up.
    town.tick(&program, 1);
    town.visit(&program, 1, "hall");
    let rows = |town: &Town| -> i64 {
        let tables = ["enrolment", "occurrence", "outbox", "standing", "standing_lately", "program_version"];
        let count = |table| format!("(SELECT count(*) FROM {table})");
        let sql = format!("SELECT {}", tables.map(count).join(" + "));
        town.store.connection().query_row(&sql, (), |row| row.get(0)).expect("readable")
    };
    let before = (rows(&town), town.store.connection().total_changes() as i64);
    bookmobile::engine::tick(&mut town.store, &Plan::new(&program), at(1).plus_seconds(60), None).expect("a tick");
    let new = rows(&town) - before.0;
    let written = town.store.connection().total_changes() as i64 - before.1;
    let state: (String, i64) = town
        .store
        .connection()
        .query_row("SELECT state, (SELECT count(*) FROM outbox) FROM enrolment", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("one enrolment");
    assert_eq!(state, ("ended".to_owned(), 1));
    assert_eq!(written - new, 1, "besides {new} new rows the clock");
}
