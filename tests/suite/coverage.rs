//! Which parts of rules `bookmobile test` says that no test decided.

use super::{LIBRARY, results_of};

/// What is said of the rules of one campaign or segment: the rule without its owner, the part, how it stood.
fn undecided(of: &str, program: &str) -> Vec<String> {
    undecided_in(of, format!("{LIBRARY}{program}"))
}

fn undecided_in(of: &str, program: String) -> Vec<String> {
    let summary = results_of(program);
    assert!(summary.tests.iter().all(|test| test.passed()), "{:?}", summary.tests);
    (summary.undecided.iter())
        .filter_map(|part| {
            let what = part.rule.strip_prefix(of)?.trim_start_matches(": the ");
            Some(format!("{what}: {} {}", part.part.trim_matches('`'), part.stood))
        })
        .collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn what_came_true_and_passed_between_two_statements_was_decided() {
    // Also where there are so many that a tick of a real store would ask about all of them at once.
    for others in [0, 40] {
        let others: String = (0..others).map(|n| format!("patron p{n} like ana {{ }}\n")).collect();
        let found = undecided(
            "campaign brief",
            &format!(
                r#"campaign brief {{ purpose essential  audience everyone  start when has visit in the last 2 hours  send note }}
                   test "one run" {{
                     now 2026-11-23 10:00
                     patron ana {{ email "ana@library.example" }}
                     {others}
                     event visit of ana on 2026-11-24 10:30 {{ place "x" }}
                     run until 2026-11-27
                     expect ana gets note
                   }}"#
            ),
        );
        assert_eq!(found, NOTHING);
    }
}

#[test]
fn what_the_engine_asks_on_the_way_is_seen_where_it_asks() {
    let campaign = r#"
        campaign way { purpose essential  audience everyone
          start on visit where (place is "in")
          exit  when has visit where (place is "out") since start
          goal  has visit where (place is "goal") since start within 7 days
          wait up to 3 days until has visit where (place is "back") since start
          send note unless kind is adult
          repeat every 1 day up to 3 times until born is known { send note }
          if kind is adult { send note }
        }"#;
    // Nobody starts: nothing of the way was ever asked.
    let idle = undecided(
        "campaign way",
        &format!(
            r#"{campaign} test "nobody" {{ now 2026-11-23 10:00  patron ana {{ }}
               event visit of ana on 2026-11-24 10:00 {{ place "by" }}  run until 2026-11-27 }}"#
        ),
    );
    assert_eq!(
        idle,
        [
            "start: place is \"in\" always false",
            "exit: has visit where (place is \"out\") since start never asked",
            "goal: has visit where (place is \"goal\") since start never asked",
            "`until` of a `wait`: has visit where (place is \"back\") since start never asked",
            "condition of a `send`: kind is adult never asked",
            "`until` of a `repeat`: born is known never asked",
            "`if`: kind is adult never asked",
        ]
    );
    let one = undecided(
        "campaign way",
        &format!(
            r#"{campaign} test "one" {{ now 2026-11-23 10:00  patron ana {{ email "ana@library.example" }}
               event visit of ana on 2026-11-24 10:00 {{ place "in" }}
               event visit of ana on 2026-11-25 10:00 {{ place "back" }}
               event visit of ana on 2026-11-25 11:00 {{ place "goal" }}
               run until 2026-12-10  expect ana gets note 4 times }}"#
        ),
    );
    assert_eq!(
        one,
        [
            "exit: has visit where (place is \"out\") since start always false",
            "condition of a `send`: kind is adult always true",
            "`until` of a `repeat`: born is known always false",
            "`if`: kind is adult always true",
        ],
        "the goal was open and reached, the wait began and ended"
    );
}

#[test]
fn a_negation_is_told_as_it_is_written_and_once() {
    let test = r#"test "adults" { now 2026-11-23 10:00
        patron ana { born 2000-01-01 }  patron ben { }
        expect ana in s  expect ben not in s }"#;
    for (rule, expected) in [
        ("kind is not teen and born is known", &["kind is not teen always true"][..]),
        ("kind is adult and not born is unknown", &["kind is adult always true"]),
        ("not kind is teen and born is known", &["kind is teen always false"]),
        (
            "(kind is teen and has visit) or (not kind is teen and born is known)",
            &["kind is teen always false", "has visit always false"],
        ),
        (
            "(kind is teen and has visit) or (kind is not teen and born is known)",
            &["kind is teen always false", "has visit always false"],
        ),
        ("has no visit and born is known", &["has no visit always true"]),
        ("not has visit and born is known", &["has visit always false"]),
        ("age(born) between 18 and 40", &["age(born) between 18 and 40 never false"]),
        (
            "kind is one of (adult, teen) and born is known",
            &[
                "adult` of `kind is one of (adult, teen) always true",
                "teen` of `kind is one of (adult, teen) always false",
            ],
        ),
        ("kind is not one of (teen) and born is known", &["teen` of `kind is not one of (teen) always false"]),
    ] {
        let expected: Vec<String> = expected.iter().map(|part| format!(": {part}")).collect();
        assert_eq!(undecided("segment s", &format!("segment s {{ {rule} }} {test}")), expected, "{rule}");
    }
}

#[test]
fn a_segment_with_arguments_is_told_once_and_decided_by_any_of_them() {
    let program = |more: &str| {
        format!(
            r#"segment seen(lately: duration = 2 days) {{ has visit in the last lately and kind is adult }}
               test "two" {{ now 2026-11-23 10:00  patron ana {{ }}
                 event visit of ana on 2026-11-20 10:00 {{ place "x" }}  expect ana not in seen  {more} }}"#
        )
    };
    let visit = ": has visit in the last lately always false";
    assert_eq!(undecided("segment seen", &program("")), [visit, ": kind is adult always true"]);
    assert_eq!(
        undecided("segment seen", &program("expect ana in seen(5 days)")),
        [": kind is adult always true"],
        "it was false for two days and true for five"
    );
}

#[test]
fn a_segment_is_seen_with_what_its_campaign_is_served() {
    // Whoever keeps no history is known to borrow where the purpose is served open loans, and nowhere else.
    let found = undecided_in(
        "segment out",
        LIBRARY.replace("born date optional", "born date optional  keeps bool")
            + r#"privacy borrowing "Loans" { requires keeps  open records serve essential }
           record parcel private borrowing { due date  back instant optional  open until back }
           segment out { has parcel where (open and due < today) }
           campaign late { purpose essential  audience everyone  start when in out  send note }
           test "late" { now 2026-11-23 10:00  patron ana { email "ana@library.example" }
             record parcel p of ana on 2026-11-23 11:00 { due 2026-11-24 }
             run until 2026-11-30  expect ana gets note  expect ana in out for essential }"#,
    );
    assert_eq!(found, NOTHING, "false, then true, where it was asked");
}
