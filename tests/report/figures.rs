//! What a report counts, and what it says of it.

use bookmobile::report::lines::{Count, Group};
use bookmobile::report::{Line, Verdict};
use bookmobile::rule::PatronId;

use super::world::{Luck, World, hours, program, town};

fn line<'l>(lines: &'l [Line], wanted: &str) -> &'l Line {
    lines.iter().find(|line| bookmobile::report::verdict::name(&line.group) == wanted).expect("such a line")
}

/// Each count against the same, counted by hand from what the test wrote.
#[test]
fn people_are_counted_by_group() {
    let mut world = World::new(program());
    let adults = world.people("adult", 400, 20, |index| index % 4 != 0);
    world.tick(hours(24));
    let groups = world.groups("invitation");
    let sent_to = |people: &[PatronId]| people.iter().filter(|patron| patron.0 - adults[0].0 >= 20).count() as u64;
    // Twenty of each arm came; of those held out fifteen. Thirty of the first arm clicked.
    let came: Vec<PatronId> = [(0, 15), (1, 20), (2, 20)]
        .iter()
        .flat_map(|(group, count)| groups[group].iter().rev().take(*count))
        .copied()
        .collect();
    world.happen("program_visit", &came, hours(30));
    let clicked: Vec<PatronId> = groups[&1].iter().rev().take(30).copied().collect();
    world.come_back("clicked", "invitation", &clicked, hours(31));
    // Two clicks are one person; a click in another campaign's message counts there.
    world.come_back("clicked", "subjects", &groups[&2], hours(31));
    world.tick(hours(48));
    let report = world.report(&["invitation"]).remove(0);
    let lines = &report.lines;
    let groups_of_report: Vec<&Group> = lines.iter().map(|line| &line.group).collect();
    assert!(matches!(
        groups_of_report[..],
        [Group::Written, Group::HeldOut, Group::Arm { arm: 0, .. }, Group::Arm { .. }]
    ));
    for (label, group, reached) in [("arm 1", 1, 20), ("arm 2", 2, 20), ("held out", 0, 15)] {
        let found = line(lines, label);
        assert_eq!(found.enrolled, Count::Known(groups[&group].len() as u64), "{label}");
        assert_eq!(found.goal_known, found.enrolled, "visits are no secret");
        assert_eq!(found.goal_reached, Count::Known(reached), "{label}");
        let sent = if group == 0 { Count::None } else { Count::Known(sent_to(&groups[&group])) };
        assert!(found.sent == sent || found.sent == Count::Hidden, "{label}: {:?}, not {sent:?}", found.sent);
        assert_eq!(found.delivered, Count::None, "no transport reported");
    }
    assert_eq!(line(lines, "held out").clicked, Count::None);
    let first = line(lines, "arm 1");
    assert!(first.clicked == Count::Known(30) || first.clicked == Count::Hidden);
    assert_eq!(line(lines, "written to").goal_reached, Count::Known(40));
}

/// Whoever was enrolled twice is one person; whose answer is not known is not counted.
#[test]
fn people_not_enrolments_and_only_where_the_goal_is_known() {
    let mut world = World::new(program());
    let seniors = world.people("senior", 60, 0, |index| index < 45);
    world.tick(hours(1));
    for hour in [2, 4, 6] {
        world.happen("program_visit", &seniors, hours(hour));
        world.tick(hours(hour + 1));
    }
    world.happen("loan", &seniors[..25], hours(8));
    world.tick(hours(9));
    let enrolments: usize = world.groups("thanks").values().map(Vec::len).sum();
    assert_eq!(enrolments, 180);
    let report = world.report(&["thanks"]).remove(0);
    let [everybody] = report.lines.as_slice() else { panic!("one line: {:?}", report.lines) };
    assert_eq!(everybody.enrolled, Count::Known(60));
    assert_eq!(everybody.sent, Count::Known(60));
    assert_eq!((everybody.goal_known, everybody.goal_reached), (Count::Known(45), Count::Known(25)));
    assert!(report.is_open, "the thirty days are not over");
}

/// The town of the documentation: one letter works, the difference of the letters is not clear of chance or is.
#[test]
fn the_sentence_says_whether_it_worked() {
    let mut world = town(900);
    let report = world.report(&["invitation"]).remove(0);
    let comparisons = report.comparisons();
    let whole = &comparisons[0];
    let difference = whole.difference.expect("enough people");
    let (one, other) = (line(&report.lines, "written to"), line(&report.lines, "held out"));
    let share =
        |line: &Line| line.goal_reached.known().expect("shown") as f64 / line.goal_known.known().expect("shown") as f64;
    assert!((difference.value - (share(one) - share(other))).abs() < 1e-12);
    assert_eq!(whole.verdict(), Verdict::More, "{difference:?}");
    let sentence = whole.sentence(&report.lines, report.limit);
    assert!(sentence.contains("more of 100 reached the goal than of those held out; between"), "{sentence}");
    assert!(sentence.ends_with("so it worked."), "{sentence}");
    // Each arm against those held out, and the second against the first.
    let pairs: Vec<(usize, usize)> = comparisons.iter().map(|one| (one.line, one.against)).collect();
    assert_eq!(pairs, [(0, 1), (2, 1), (3, 1), (3, 2)]);
    // Without a goal and a holdout, arms are compared by clicks.
    let report = world.report(&["subjects"]).remove(0);
    let pairs: Vec<(usize, usize)> = report.comparisons().iter().map(|one| (one.line, one.against)).collect();
    assert_eq!(pairs, [(2, 1), (3, 1)]);
    assert!(report.comparisons()[0].sentence(&report.lines, 10).contains("followed a link"));
}

/// Two groups that did alike are never said to differ, at more than one trial of twenty; and a clear effect is found.
#[test]
fn chance_is_not_called_a_success() {
    let mut luck = Luck(11);
    let mut clear = 0;
    for _ in 0..2_000 {
        let mut share =
            |of: u64| bookmobile::report::Share { reached: (0..of).filter(|_| luck.percent(20)).count() as u64, of };
        clear += usize::from(share(400).minus(share(80)).expect("people").is_clear());
    }
    assert!((50..150).contains(&clear), "{clear} of 2000: 95 % is what it says");
}

/// Wrong names and stores are told as elsewhere; a store that has not ticked has no report.
#[test]
fn the_command_says_what_is_wrong() {
    let world = World::new(program());
    let (code, _, said) = world.command(&["invitaton"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("did you mean `invitation`?"), "{said}");
    let (code, _, said) = world.command(&["--json", "--csv"]);
    assert_eq!((code, said.contains("cannot be used with")), (Some(2), true), "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("none.db");
    let run = |store: &std::path::Path| {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_bookmobile"))
            .args(["report", "--store", store.to_str().expect("UTF-8"), "tests/report/library.campaign"])
            .output()
            .expect("it starts");
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    assert_eq!(run(&missing).0, Some(2));
    assert!(!missing.exists(), "a report makes no store");
    let mut store = bookmobile::store::Store::open(&missing).expect("a store");
    store.align(&world.program.catalogue).expect("aligned");
    drop(store);
    let (code, out) = run(&missing);
    assert_eq!((code, out.contains("not ticked")), (Some(0), true), "{out}");
}

/// What the reference shows is what comes out.
#[test]
fn the_reference_shows_what_the_command_says() {
    let world = town(900);
    let (code, out, said) = world.command(&["invitation"]);
    assert_eq!(code, Some(0), "{said}");
    let page = std::fs::read_to_string("docs/reference/report.md").expect("the page");
    let blocks = crate::docs::fenced_blocks(&page, "text");
    assert!(blocks.iter().any(|block| *block == out), "docs/reference/report.md does not show this:\n{out}");
    let program = crate::docs::fenced_blocks(&page, "campaign");
    let file = std::fs::read_to_string("tests/report/library.campaign").expect("the program");
    assert!(program.iter().all(|block| file.contains(block.trim())), "a campaign of tests/report/library.campaign");
}

/// `--color always` marks what worked; without it there is not one escape.
#[test]
fn colours_are_asked_for() {
    let world = town(260);
    let (_, plain, _) = world.command(&[]);
    let (_, colourful, _) = world.command(&["--color", "always"]);
    assert!(!plain.contains('\x1b') && colourful.contains("\x1b[1minvitation\x1b[0m"));
    let mut without = colourful;
    for code in ["\x1b[1m", "\x1b[0m", "\x1b[36m", "\x1b[32m", "\x1b[31m"] {
        without = without.replace(code, "");
    }
    assert_eq!(without, plain);
}
