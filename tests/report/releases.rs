//! REP-03: no two reports of a campaign differ by a few people.

use std::collections::BTreeMap;

use bookmobile::report::count::{Person, people};
use bookmobile::report::lines::Count;
use bookmobile::rule::PatronId;
use bookmobile::symbol::Symbol;

use super::world::{Luck, World, hours, program};

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
    let catalogue = world.program.catalogue.clone();
    let transaction = world.store.begin().expect("readable");
    let mut found = people(&transaction, &catalogue, &[Symbol::new("thanks")]).expect("readable").people.remove(0);
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
