//! REP-03: no two reports of a campaign differ by a few people.

use std::collections::BTreeMap;

use bookmobile::engine;
use bookmobile::report::count::{Came, Person, people};
use bookmobile::report::lines::{Asked, Count, Line, Measured, lines};
use bookmobile::rule::PatronId;
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

use super::world::{Luck, World, hours, program, program_of};

fn noted(world: &World) -> i64 {
    let sql = "SELECT count(*) FROM audit WHERE what = 'report'";
    world.store.connection().query_row(sql, (), |row| row.get(0)).expect("readable")
}

/// REP-03: one person more, and then nine: the report that is known is given again, and nothing is noted. With the tenth
/// there is a new one, and the audit has what it showed.
#[test]
fn rep_03_a_report_that_would_differ_in_a_few_people_is_refused() {
    let mut world = World::new(program());
    let seniors = world.people("senior", 60, 0, |_| true);
    world.happen("program_visit", &seniors[..30], hours(1));
    world.tick(hours(2));
    let first = world.report(&["thanks"]);
    assert_eq!(first[0].lines[0].enrolled, Count::Known(30));
    assert_eq!(noted(&world), 1);
    for (index, visitor) in seniors[30..39].iter().enumerate() {
        let hour = 3 + 2 * index as i64;
        world.happen("program_visit", &[*visitor], hours(hour));
        world.tick(hours(hour + 1));
        assert_eq!(world.report(&["thanks"]), first, "{} more", index + 1);
    }
    assert_eq!(noted(&world), 1);
    let (_, text, _) = world.command(&["thanks"]);
    assert!(text.contains("new figures when 10 people are counted otherwise"), "{text}");
    world.happen("program_visit", &[seniors[39]], hours(40));
    world.tick(hours(41));
    let second = world.report(&["thanks"]);
    assert_eq!(second[0].lines[0].enrolled, Count::Known(40));
    assert_eq!(noted(&world), 2);
    let sql = "SELECT detail FROM audit WHERE what = 'report' ORDER BY id DESC LIMIT 1";
    let detail: String = world.store.connection().query_row(sql, (), |row| row.get(0)).expect("a row");
    assert!(detail.contains(r#""campaign":"thanks""#) && detail.contains(r#"{"Known":40}"#), "{detail}");
}

/// REP-03: an erasure takes a person out of the counts, and the report of before is given again: who has both learns nothing.
#[test]
fn rep_03_an_erasure_does_not_show_in_a_report() {
    let mut world = World::new(program());
    let seniors = world.people("senior", 40, 0, |_| true);
    world.happen("program_visit", &seniors, hours(1));
    world.happen("loan", &seniors[..15], hours(3));
    world.tick(hours(2));
    world.tick(hours(4));
    let before = world.report(&["thanks"]);
    assert_eq!(before[0].lines[0].goal_reached, Count::Known(15));
    let at = hours(5);
    world.store.connection().execute("DELETE FROM patron WHERE key = 'p0'", ()).expect("erased");
    world.tick(at);
    assert_eq!(world.report(&["thanks"]), before);
}

/// Two campaigns for the same people, of which one also divides them.
const TWINS: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example>  reply to <desk@library.example>  quiet none }
purpose essential "Notices" without consent
patron { email email optional }
event visit { place text }
message note { email { subject "A" body "B" } }
campaign one { purpose essential  audience everyone  start on visit  again never  send note }
campaign two { purpose essential  audience everyone  start on visit  again never  send note }
campaign parts { purpose essential  audience everyone  start on visit  again never  split { 50% { send note } 50% { send note } } }
"#;

/// So many people, of whom so many have come.
fn visited(people: i64, came: usize) -> (World, Vec<PatronId>) {
    let mut world = World::new(program_of(TWINS));
    world.people_of(people);
    let all = world.store.reader().patrons().expect("readable");
    world.happen("visit", &all[..came], hours(1));
    world.tick(hours(2));
    (world, all)
}

fn enrolled(world: &mut World, name: &str) -> Count {
    world.report(&[name]).remove(0).lines[0].enrolled
}

/// REP-03: what is the same as another campaign but for a few, and is asked for later, is hidden: those who came or were
/// erased in between would follow.
#[test]
fn rep_03_a_later_report_of_another_campaign_does_not_show_what_happened_in_between() {
    let (mut world, all) = visited(60, 40);
    assert_eq!(enrolled(&mut world, "one"), Count::Known(40));
    world.happen("visit", &all[40..43], hours(3));
    world.tick(hours(4));
    assert_eq!(enrolled(&mut world, "two"), Count::Hidden);
    assert_eq!(enrolled(&mut world, "one"), Count::Known(40));

    let (mut world, _) = visited(60, 40);
    assert_eq!(enrolled(&mut world, "one"), Count::Known(40));
    world.store.connection().execute("DELETE FROM patron WHERE key IN ('p0', 'p1', 'p2')", ()).expect("erased");
    world.tick(hours(4));
    assert_eq!(enrolled(&mut world, "two"), Count::Hidden);

    // Without anything in between both are shown.
    let (mut world, _) = visited(60, 40);
    assert_eq!([enrolled(&mut world, "one"), enrolled(&mut world, "two")], [Count::Known(40); 2]);
}

/// REP-03: who counted forty people before still knows it when the campaign has newer figures that nobody asked for.
#[test]
fn rep_03_a_report_that_no_longer_stands_is_still_known() {
    let more = "event loan { title text }
        campaign people { purpose essential  audience everyone  start on visit  again never  goal has loan within 30 days  send note }
        campaign trial { purpose essential  audience everyone  start on visit  again never  holdout 20%  send note }";
    let mut world = World::new(program_of(&format!("{TWINS}{more}")));
    world.people_of(40);
    let all = world.store.reader().patrons().expect("readable");
    world.happen("visit", &all, hours(1));
    world.tick(hours(2));
    let held_out = world.groups("trial")[&0].len();
    assert!((1..10).contains(&held_out), "{held_out}");
    assert_eq!(enrolled(&mut world, "people"), Count::Known(40));
    world.happen("loan", &all[..15], hours(3));
    world.tick(hours(4));
    assert_eq!(enrolled(&mut world, "trial"), Count::Hidden);
    assert_eq!(world.report(&["people"])[0].lines[0].goal_reached, Count::Known(15));
}

/// REP-03: that nobody was held out is hidden, and stays so beside a later report of the same people.
#[test]
fn rep_03_a_later_report_does_not_tell_that_nobody_was_held_out() {
    let trial =
        "campaign trial { purpose essential  audience everyone  start on visit  again never  holdout 1%  send note }";
    for order in [["trial", "one"], ["one", "trial"]] {
        let mut world = World::new(program_of(&format!("{TWINS}{trial}")));
        world.people_of(20);
        let all = world.store.reader().patrons().expect("readable");
        world.happen("visit", &all, hours(1));
        world.tick(hours(2));
        assert!(!world.groups("trial").contains_key(&0), "nobody is held out");
        assert_eq!(order.map(|name| enrolled(&mut world, name)), [Count::Known(20), Count::Hidden], "{order:?}");
    }
}

/// Somebody who was sent something in an arm of the first split.
pub fn in_arm(patron: i64, arm: usize, reached_at: Option<Instant>) -> Person {
    Person {
        patron: PatronId(patron),
        held_out: false,
        arms: vec![Came { split: 0, arm, at: Some(hours(1)) }],
        enrolled_at: hours(1),
        sent_at: Some(hours(1)),
        delivered_at: None,
        clicked_at: None,
        goal_known: true,
        reached_at,
        goal_open: true,
    }
}

/// REP-03: of eighteen people in two arms nine had come of each; that fifteen and sixteen have come since would tell that
/// some of each had.
#[test]
fn rep_03_a_later_report_does_not_tell_what_the_one_before_hid() {
    let program = program_of(TWINS);
    let campaign = program.campaign(Symbol::new("parts")).expect("a campaign");
    let people = |reached: [i64; 2]| -> Vec<Person> {
        let one = |patron: i64| {
            let arm = usize::from(patron >= 40);
            in_arm(patron, arm, (patron % 40 < reached[arm]).then_some(hours(2)))
        };
        (0..80).map(one).collect()
    };
    let measured = Measured { delivery: false, clicks: false, goal: true };
    let (then, now) = (people([9, 9]), people([15, 16]));
    let before = lines(&program, &[Asked { campaign, people: &then, measured, told: None }], 10).remove(0);
    let reached = |lines: &[Line]| -> Vec<Count> { lines.iter().map(|line| line.goal_reached).collect() };
    assert_eq!(reached(&before), [Count::Known(18), Count::Hidden, Count::Hidden]);
    let asked = [(&then, Some(before.as_slice())), (&now, None)];
    let asked = asked.map(|(people, told)| Asked { campaign, people, measured, told });
    let after = lines(&program, &asked, 10).remove(1);
    assert_eq!(reached(&after), [Count::Known(31), Count::Hidden, Count::Hidden]);
}

/// REP-03: a new name does not make a new report.
#[test]
fn rep_03_a_renamed_campaign_keeps_its_report() {
    let (mut world, all) = visited(60, 40);
    assert_eq!(enrolled(&mut world, "one"), Count::Known(40));
    world.program = program_of(&TWINS.replace("campaign one", "campaign other"));
    let renamed = engine::rename(&mut world.store, &world.program, "one", "other").expect("written");
    assert_eq!(renamed, Ok(()));
    world.happen("visit", &all[40..43], hours(3));
    world.tick(hours(4));
    assert_eq!(enrolled(&mut world, "other"), Count::Known(40));
}

/// What came back of a campaign's messages counts under the name that it has now, also what comes later.
#[test]
fn clicks_go_with_a_renamed_campaign() {
    let (mut world, all) = visited(60, 40);
    world.come_back("clicked", "one", &all[..15], hours(3));
    world.program = program_of(&TWINS.replace("campaign one", "campaign other"));
    let renamed = engine::rename(&mut world.store, &world.program, "one", "other").expect("written");
    assert_eq!(renamed, Ok(()));
    world.come_back("clicked", "other", &all[15..27], hours(4));
    world.tick(hours(5));
    assert_eq!(world.report(&["other"]).remove(0).lines[0].clicked, Count::Known(27));
}

/// REP-02: who knows the program knows that all are in one of two arms, and that all were sent something.
#[test]
fn rep_02_a_small_arm_does_not_follow_from_what_was_sent() {
    let mut small = 0;
    for came in 17..30 {
        let (mut world, _) = visited(30, came);
        let found = world.report(&["parts"]).remove(0).lines;
        let [all, one, other] = [0, 1, 2].map(|line| [found[line].enrolled.known(), found[line].sent.known()]);
        if one.iter().chain(&other).all(Option::is_none) {
            small += 1;
            continue;
        }
        let arms = [one, other].map(|arm| arm[0].or(arm[1]));
        assert!(arms.iter().all(|arm| arm.is_some_and(|count| count >= 10)), "{came}: {all:?} {one:?} {other:?}");
    }
    assert!(small > 2, "{small} with a small arm");
}

/// REP-02: nor that nobody is in an arm.
#[test]
fn rep_02_an_arm_of_nobody_does_not_follow_from_what_was_sent() {
    let program = program_of(TWINS);
    let campaign = program.campaign(Symbol::new("parts")).expect("a campaign");
    let measured = Measured { delivery: false, clicks: false, goal: true };
    let people: Vec<Person> = (0..30).map(|patron| in_arm(patron, 1, None)).collect();
    let found = lines(&program, &[Asked { campaign, people: &people, measured, told: None }], 10).remove(0);
    let tells = |line: &Line| [line.enrolled, line.sent, line.goal_known].iter().any(|count| count.known().is_some());
    assert!(!(tells(&found[0]) && tells(&found[2])), "all thirty are in arm 2: {found:?}");
}

/// REP-03: a library that becomes stricter does not repeat what it now finds too small.
#[test]
fn rep_03_a_higher_limit_hides_what_was_shown() {
    let mut world = World::new(program());
    let seniors = world.people("senior", 30, 0, |_| true);
    world.happen("program_visit", &seniors, hours(1));
    world.tick(hours(2));
    assert_eq!(world.report(&["thanks"])[0].lines[0].enrolled, Count::Known(30));
    world.program.library.suppress_under = 50;
    let stricter = world.report(&["thanks"]).remove(0);
    assert!(stricter.lines.iter().flat_map(|line| line.counts()).all(|count| count.known().is_none()));
    world.program.library.suppress_under = 10;
    assert_eq!(world.report(&["thanks"])[0].lines[0].enrolled, Count::Known(30));
}

/// REP-03 over random histories: whichever two reports are different, at least ten people are counted otherwise.
#[test]
fn rep_03_whatever_happens_two_reports_differ_in_enough_people() {
    let mut luck = Luck(5);
    let mut different = 0;
    for _ in 0..6 {
        let mut world = World::new(program());
        let seniors = world.people("senior", 80, 3, |index| index % 5 != 0);
        let mut given = Vec::new();
        for round in 0..14 {
            let some = |luck: &mut Luck, most: u64| -> Vec<PatronId> {
                let count = luck.below(most);
                (0..count).map(|_| seniors[luck.below(80) as usize]).collect()
            };
            let mut visitors = some(&mut luck, 9);
            visitors.sort();
            visitors.dedup();
            let mut readers = some(&mut luck, 5);
            readers.sort();
            readers.dedup();
            let at = hours(1 + round * 10);
            world.happen("program_visit", &visitors, at);
            world.happen("loan", &readers, at.plus_seconds(60));
            world.come_back("clicked", "thanks", &readers, at.plus_seconds(120));
            world.tick(at.plus_seconds(3600));
            let report = world.report(&["thanks"]).remove(0);
            let counted = by_patron(&mut world);
            if given.last().is_none_or(|(last, _)| *last != report) {
                for (_, before) in &given {
                    let patrons: std::collections::BTreeSet<_> = counted.keys().chain(BTreeMap::keys(before)).collect();
                    let changed = patrons.iter().filter(|p| line_of(counted.get(p)) != line_of(before.get(p))).count();
                    assert!(changed >= 10, "{changed} people");
                    different += 1;
                }
                given.push((report, counted));
            }
        }
    }
    assert!(different > 10, "{different} pairs of reports");
}

type Counted = BTreeMap<usize, Person>;

/// The people of `thanks` by the order of their enrolment, which never changes.
fn by_patron(world: &mut World) -> Counted {
    let World { store, program, .. } = world;
    let transaction = store.begin().expect("readable");
    let mut found = people(&transaction, program, &[Symbol::new("thanks")]).expect("readable").people.remove(0);
    found.sort_by_key(|person| person.enrolled_at);
    found.into_iter().enumerate().collect()
}

/// Under what a person is counted.
fn line_of(person: Option<&Person>) -> Option<[bool; 5]> {
    person.map(|person| {
        [
            person.sent_at.is_some(),
            person.delivered_at.is_some(),
            person.clicked_at.is_some(),
            person.goal_known,
            person.reached_at.is_some(),
        ]
    })
}
