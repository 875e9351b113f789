//! REP-02 over time: who has several reports of one campaign, given out one after the other, has no small count by
//! subtraction either.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use bookmobile::report::count::{Came, Person};
use bookmobile::report::lines::{Asked, Count, Line, Measured, lines};
use bookmobile::report::past::counted_then;
use bookmobile::report::release::that_count;
use bookmobile::rule::PatronId;
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

use super::attack::{self, INSIDE, Row, is_protected};
use super::cells::{is_small, rows, shape, truth};
use super::releases::in_arm;
use super::world::{Luck, World, hours, program};

/// The campaign `thanks`: whoever comes is enrolled, and whoever borrows has reached the goal.
struct Thanks {
    world: World,
    seniors: Vec<PatronId>,
    came: usize,
    hour: i64,
}

impl Thanks {
    fn new() -> Thanks {
        let mut world = World::new(program());
        let seniors = world.people("senior", 120, 0, |_| true);
        Thanks { world, seniors, came: 0, hour: 1 }
    }

    /// So many come, and of all who came those borrow; then what the report says of enrolled and reached.
    fn next(&mut self, come: usize, borrow: &[usize]) -> [Count; 2] {
        let visitors = &self.seniors[self.came..self.came + come];
        self.world.happen("program_visit", visitors, hours(self.hour));
        self.world.tick(hours(self.hour + 1));
        let readers: Vec<PatronId> = borrow.iter().map(|&nth| self.seniors[nth]).collect();
        self.world.happen("loan", &readers, hours(self.hour + 2));
        self.world.tick(hours(self.hour + 3));
        (self.came, self.hour) = (self.came + come, self.hour + 4);
        let line = self.world.report(&["thanks"]).remove(0).lines.remove(0);
        [line.enrolled, line.goal_reached]
    }
}

fn those(range: std::ops::Range<usize>) -> Vec<usize> {
    range.collect()
}

/// Three more who reached the goal are three people, also where seventy are enrolled.
#[test]
fn rep_02_a_count_that_moved_by_a_few_is_hidden() {
    let mut thanks = Thanks::new();
    assert_eq!(thanks.next(60, &those(0..20)), [Count::Known(60), Count::Known(20)]);
    assert_eq!(thanks.next(10, &those(20..23)), [Count::Known(70), Count::Hidden]);
    // Eleven since it was shown last.
    assert_eq!(thanks.next(10, &those(23..31)), [Count::Known(80), Count::Known(31)]);
}

/// What the reference shows of a report and the next is what comes out.
#[test]
fn the_reference_shows_a_report_and_the_next() {
    let mut thanks = Thanks::new();
    let page = std::fs::read_to_string("docs/reference/report.md").expect("the page");
    let blocks = crate::docs::fenced_blocks(&page, "text");
    for (come, borrow) in [(60, those(0..20)), (10, those(20..23))] {
        thanks.next(come, &borrow);
        let (code, out, said) = thanks.world.command(&["thanks"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(blocks.iter().any(|block| *block == out), "docs/reference/report.md does not show this:\n{out}");
    }
}

/// What was shown last counts, however many reports hid it since.
#[test]
fn rep_02_a_count_that_creeps_is_hidden_until_it_moved_by_enough() {
    let mut thanks = Thanks::new();
    assert_eq!(thanks.next(60, &those(0..20)), [Count::Known(60), Count::Known(20)]);
    for day in 0..3 {
        let borrow = those(20 + 3 * day..23 + 3 * day);
        assert_eq!(thanks.next(10, &borrow), [Count::Known(70 + 10 * day as u64), Count::Hidden], "day {day}");
    }
    // Twelve since it was shown; of which day they are nobody can tell.
    assert_eq!(thanks.next(10, &those(29..32)), [Count::Known(100), Count::Known(32)]);
    assert_eq!(thanks.next(10, &those(32..42)), [Count::Known(110), Count::Known(42)]);
}

/// What stood still, or moved by enough, is shown.
#[test]
fn rep_02_a_report_whose_counts_moved_by_enough_is_whole() {
    let mut thanks = Thanks::new();
    assert_eq!(thanks.next(60, &those(0..20)), [Count::Known(60), Count::Known(20)]);
    assert_eq!(thanks.next(12, &[]), [Count::Known(72), Count::Known(20)]);
    assert_eq!(thanks.next(15, &those(20..35)), [Count::Known(87), Count::Known(35)]);
    assert_eq!(thanks.next(0, &those(35..50)), [Count::Known(87), Count::Known(50)]);
}

/// Four who had reached it are erased, three reach it: nineteen where there were twenty.
#[test]
fn rep_02_an_erasure_between_two_reports_does_not_show() {
    let mut thanks = Thanks::new();
    assert_eq!(thanks.next(60, &those(0..20)), [Count::Known(60), Count::Known(20)]);
    let sql = "DELETE FROM patron WHERE key IN ('p0', 'p1', 'p2', 'p3')";
    thanks.world.store.connection().execute(sql, ()).expect("erased");
    assert_eq!(thanks.next(12, &those(20..23)), [Count::Known(68), Count::Hidden]);
    // Three of the new ones and ten of the others: sixteen are new to it since it was shown, and four are gone.
    assert_eq!(thanks.next(12, &those(23..36)), [Count::Known(80), Count::Known(32)]);
}

/// Two arms, of which one moved by three and the other by many: neither the arm nor what would tell it is shown.
#[test]
fn rep_02_an_arm_that_moved_by_a_few_does_not_follow_from_the_others() {
    let program = program();
    let campaign = program.campaign(Symbol::new("subjects")).expect("a campaign");
    let people = |arms: [i64; 3]| -> Vec<Person> {
        let of_arm =
            |(arm, count): (usize, i64)| (0..count).map(move |nth| in_arm(1_000 * arm as i64 + nth, arm, None));
        arms.into_iter().enumerate().flat_map(of_arm).collect()
    };
    let measured = Measured { delivery: false, clicks: false, goal: false };
    let (then, now) = (people([40, 30, 20]), people([60, 60, 23]));
    let before = lines(&program, &[Asked { campaign, people: &then, measured, told: None }], 10).remove(0);
    let enrolled = |lines: &[Line]| -> Vec<Option<u64>> { lines.iter().map(|line| line.enrolled.known()).collect() };
    assert_eq!(enrolled(&before), [90, 40, 30, 20].map(Some));
    let asked = [(&then, Some(before.as_slice())), (&now, None)];
    let asked = asked.map(|(people, told)| Asked { campaign, people, measured, told });
    let after = lines(&program, &asked, 10).remove(1);
    let shown = enrolled(&after);
    assert_eq!((shown[0], shown[3]), (Some(143), None), "{shown:?}");
    assert_eq!(shown.iter().flatten().count(), 2, "one more is hidden, and no other: {shown:?}");
}

/// REP-02 over time, over random histories of up to five reports of a campaign, and some of nine: nothing that is small
/// follows from all that was given out, neither a count nor by whom two reports differ. Reports that know nothing of those
/// before would not do.
#[test]
fn rep_02_no_small_count_follows_from_several_reports() {
    let all = |remembers: bool| {
        let sum = |(small, narrowed), (of_history, of_those)| (small + of_history, narrowed + of_those);
        let five = (9..34).map(|seed| (seed, 5));
        let nine = [9, 11, 12, 13, 15, 16, 17, 18].map(|seed| (seed, 9));
        five.chain(nine).map(|(seed, days)| history(seed, days, remembers)).fold((0, 0), sum)
    };
    let (small, narrowed) = all(true);
    assert!(small > 4_000, "{small} small counts");
    assert_eq!(narrowed, 0, "of {small} small counts");
    let (small, narrowed) = all(false);
    assert!(narrowed * 10 > small, "the attacker is one: {narrowed} of {small} where each report stands alone");
}

const LIMIT: i64 = 10;

/// How many small counts a random history has, and how many of them somebody narrows who has all its reports. `remembers`:
/// as the command gives them out.
fn history(seed: u64, days: i64, remembers: bool) -> (usize, usize) {
    let program = program();
    let mut luck = Luck(seed);
    let (name, has_holdout, arms, is_nested) = shape(&mut luck);
    let campaign = program.campaign(Symbol::new(name)).expect("a campaign");
    let measured = Measured { delivery: luck.percent(50), clicks: luck.percent(50), goal: name != "subjects" };
    let people = comers(&mut luck, days, has_holdout, arms);
    let counted = |day: i64| -> Vec<Person> { people.iter().filter_map(|person| person.as_of(Instant(day))).collect() };
    let mut given: Vec<(i64, Vec<Line>)> = Vec::new();
    for day in 1..=days {
        let changed = |since: i64| people.iter().filter(|person| counted_since(person, since, day)).count();
        if given.last().is_some_and(|(since, _)| (changed(*since) as i64) < LIMIT) {
            continue;
        }
        let told: Vec<&[Line]> = given.iter().map(|(_, lines)| lines.as_slice()).collect();
        let known: Vec<(&[Line], Vec<Person>)> = that_count(&told)
            .into_iter()
            .filter(|_| remembers)
            .map(|nth| (told[nth], counted_then(&program, campaign, told[nth], Instant(given[nth].0), &counted(day))))
            .collect();
        let now = counted(day);
        let known = known.iter().map(|(told, then)| Asked { campaign, people: then, measured, told: Some(told) });
        let asked: Vec<Asked<'_>> = known.chain([Asked { campaign, people: &now, measured, told: None }]).collect();
        let fresh = lines(&program, &asked, LIMIT).pop().expect("what was asked for");
        given.push((day, fresh));
    }
    let then: Vec<Vec<Person>> = given.iter().map(|(day, _)| counted(*day)).collect();
    attacked(&given, &then, is_nested)
}

fn counted_since(person: &Person, since: i64, day: i64) -> bool {
    person.as_of(Instant(day)).is_some_and(|person| person.changed_after(Instant(since)))
}

/// People who come over so many days, and do sooner or later what people do.
fn comers(luck: &mut Luck, days: i64, has_holdout: bool, arms: &[usize]) -> Vec<Person> {
    let size = [60, 200, 600][luck.below(3) as usize];
    let rates: Vec<u64> = (0..6).map(|_| [3, 30, 70, 100][luck.below(4) as usize]).collect();
    let early = [30, 80][luck.below(2) as usize];
    let late = [0, 20, 60][luck.below(3) as usize];
    let later = |luck: &mut Luck, day: Instant, rate: u64| {
        luck.percent(rate).then(|| Instant(day.0 + luck.below(days as u64) as i64 * i64::from(luck.percent(40))))
    };
    (0..size)
        .map(|id| {
            let enrolled_at = Instant(if luck.percent(early) { 1 } else { 1 + luck.below(days as u64) as i64 });
            let held_out = has_holdout && luck.percent(25);
            let sent_at = later(luck, enrolled_at, rates[0]).filter(|_| !held_out);
            let of_sent = |luck: &mut Luck, rate: u64| later(luck, sent_at?, rate);
            let goal_known = luck.percent(rates[3].max(30));
            Person {
                patron: PatronId(id),
                held_out,
                arms: took(luck, days, arms, enrolled_at, late),
                enrolled_at,
                sent_at,
                delivered_at: of_sent(luck, rates[1]),
                clicked_at: of_sent(luck, rates[2]),
                goal_known,
                reached_at: later(luck, enrolled_at, rates[4]).filter(|_| goal_known),
                goal_open: false,
            }
        })
        .collect()
}

/// The arms that somebody takes; some (`late` of a hundred) come to a split some days after they were enrolled, or to the
/// one before it. Who is held out takes arms as well.
fn took(luck: &mut Luck, days: i64, arms: &[usize], enrolled_at: Instant, late: u64) -> Vec<Came> {
    let mut at = enrolled_at;
    let take = |(split, &count): (usize, &usize)| {
        if luck.percent(late) {
            at = Instant(at.0 + luck.below(days as u64) as i64);
        }
        Came { split, arm: luck.below(count as u64) as usize, at: Some(at) }
    };
    arms.iter().enumerate().map(take).collect()
}

/// Attacks all reports together: of each two it is known that whoever was counted in the earlier is counted in the later.
fn attacked(given: &[(i64, Vec<Line>)], then: &[Vec<Person>], is_nested: bool) -> (usize, usize) {
    let called = |nth: usize, name: &str| format!("{nth}: {name}");
    let named = |nth: usize, row: Row| Row {
        name: called(nth, &row.name),
        of: row.of.map(|of| called(nth, &of)),
        counts: row.counts,
    };
    let of_day = |nth: usize| rows(&given[nth].1, is_nested).into_iter().map(move |row| named(nth, row));
    let mut attack = attack::of_report(&(0..given.len()).flat_map(of_day).collect::<Vec<Row>>());
    let mut truth_of: BTreeMap<String, i64> = BTreeMap::new();
    let mut small: BTreeSet<String> = BTreeSet::new();
    // Of each report and person the counts that they are one of.
    let counts_of: Vec<BTreeMap<PatronId, BTreeSet<String>>> = (given.iter().zip(then))
        .map(|((_, lines), people)| {
            let of = |person: &Person| truth(lines, slice::from_ref(person), is_nested).into_iter();
            let counts = |person| of(person).filter(|(_, count)| *count > 0).map(|(name, _)| name).collect();
            people.iter().map(|person| (person.patron, counts(person))).collect()
        })
        .collect();
    for nth in 0..given.len() {
        let lines = &given[nth].1;
        let counts = truth(lines, &then[nth], is_nested);
        for (name, &count) in &counts {
            let is_printed = !name.starts_with("rest of");
            if is_small(name, &counts, is_printed, LIMIT) {
                small.insert(called(nth, name));
            }
            truth_of.insert(called(nth, name), count);
        }
        for before in 0..nth {
            // A group of few that came late may be in the later report alone.
            let has_had = |name: &str| rows(&given[before].1, is_nested).iter().any(|row| row.name == name);
            let (earlier, later, nowhere) = (&counts_of[before], &counts_of[nth], BTreeSet::new());
            for (whole, part) in INSIDE {
                let [w, p] = [whole, part].map(|measure| attack::MEASURES[measure]);
                for row in rows(lines, is_nested).into_iter().filter(|row| has_had(&row.name)) {
                    let [Some(_), Some(_)] = [row.counts[whole], row.counts[part]] else { continue };
                    let way = |way: &str| format!("{before}-{nth}: {} {p} of {w} {way}", row.name);
                    let [of_whole, of_part] = [w, p].map(|measure| format!("{} {measure}", row.name));
                    let mut ways = [("new", 0), ("late", 0), ("new not", 0), ("still not", 0)];
                    for (patron, now) in later {
                        let before = earlier.get(patron).unwrap_or(&nowhere);
                        let (was, did) = (before.contains(&of_whole), before.contains(&of_part));
                        let (is, does) = (now.contains(&of_whole), now.contains(&of_part));
                        ways[0].1 += i64::from(does && !was);
                        ways[1].1 += i64::from(does && was && !did);
                        ways[2].1 += i64::from(is && !does && !was);
                        ways[3].1 += i64::from(was && !does);
                    }
                    for (name, count) in ways {
                        truth_of.insert(way(name), count);
                        if (1..LIMIT).contains(&count) {
                            small.insert(way(name));
                        }
                    }
                    let at = |nth: usize, measure: &str| called(nth, &format!("{} {measure}", row.name));
                    let (not, more) = (format!("{w} not {p}"), |of: &str| format!("{before}-{nth}: {} {of}", row.name));
                    for measure in [w, p] {
                        let count = truth_of[&at(nth, measure)] - truth_of[&at(before, measure)];
                        truth_of.insert(more(measure), count);
                        if (1..LIMIT).contains(&count) {
                            small.insert(more(measure));
                        }
                        attack.adds_up(&at(nth, measure), &[at(before, measure), more(measure)]);
                    }
                    attack.adds_up(&more(w), &[way("new"), way("new not")]);
                    attack.adds_up(&more(p), &[way("new"), way("late")]);
                    attack.adds_up(&at(before, &not), &[way("late"), way("still not")]);
                    attack.adds_up(&at(nth, &not), &[way("new not"), way("still not")]);
                }
            }
        }
    }
    let bounds = attack.bounds();
    let mut narrowed = 0;
    for (name, &(low, high)) in &bounds {
        let Some(&count) = truth_of.get(*name) else { continue };
        assert!(low <= count && count <= high, "{name}: {count} is not in {low} to {high}");
        if small.contains(*name) && !is_protected((low, high), LIMIT) {
            narrowed += 1;
            eprintln!("{name} is {count}, and who has all reports knows {low} to {high}");
        }
    }
    (small.iter().filter(|name| bounds.contains_key(name.as_str())).count(), narrowed)
}
