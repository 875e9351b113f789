//! REP-02 over the groups of campaigns that share people: what is printed of one campaign does not tell of those held out
//! of another.

use std::collections::{BTreeMap, BTreeSet};

use bookmobile::program::Program;
use bookmobile::report::count::Person;
use bookmobile::report::lines::{Asked, Count, Line, Measured, lines};
use bookmobile::report::verdict::name;
use bookmobile::rule::PatronId;
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

use super::across::{NAMES, audiences, program};
use super::attack::{self, Attack, MEASURES, Row, is_protected};
use super::world::Luck;

const LIMIT: i64 = 10;

/// A campaign's people: the patron, whether held out, and whether the goal was reached.
type Crowd = Vec<(i64, bool, bool)>;

/// People from `first` on: so many written to of whom some reached the goal, and the same of those held out.
fn crowd(first: i64, written: (i64, i64), held_out: (i64, i64)) -> Crowd {
    let one = |index: i64| {
        let is_held_out = index >= written.0;
        let reached = if is_held_out { index - written.0 < held_out.1 } else { index < written.1 };
        (first + index, is_held_out, reached)
    };
    (0..written.0 + held_out.0).map(one).collect()
}

fn person(&(patron, held_out, reached): &(i64, bool, bool)) -> Person {
    let at = Some(Instant(1));
    Person {
        patron: PatronId(patron),
        held_out,
        arms: Vec::new(),
        enrolled_at: Instant(1),
        sent_at: at.filter(|_| !held_out && patron % 8 > 0),
        delivered_at: None,
        clicked_at: None,
        goal_known: true,
        reached_at: at.filter(|_| reached),
        goal_open: false,
    }
}

/// What is printed when the campaigns are asked for in `rounds`, each beside what was given out in those before.
fn printed(program: &Program, crowds: &[Crowd], rounds: &[Vec<usize>]) -> Vec<Vec<Line>> {
    let people: Vec<Vec<Person>> = crowds.iter().map(|crowd| crowd.iter().map(person).collect()).collect();
    let has_goal = crowds.iter().flatten().any(|(.., reached)| *reached);
    let mut given: BTreeMap<usize, Vec<Line>> = BTreeMap::new();
    for round in rounds {
        let concerned: Vec<usize> = given.keys().chain(round).copied().collect();
        let asked = concerned.iter().map(|&index| Asked {
            campaign: program.campaign(Symbol::new(NAMES[index])).expect("a campaign"),
            people: &people[index],
            measured: Measured { delivery: false, clicks: false, goal: has_goal },
            told: given.get(&index).map(Vec::as_slice),
        });
        let found = lines(program, &asked.collect::<Vec<_>>(), LIMIT);
        given = concerned.into_iter().zip(found).collect();
    }
    given.into_values().collect()
}

/// The counts of which campaigns have in common that they are sums over kinds of people: who is in just which of them.
const SHARED: [&str; 4] = ["enrolled", "goal_known", "goal_reached", "goal_known not goal_reached"];

/// Attacks what is printed: how many small counts of groups there are. The attacker knows which kinds of people there are,
/// and so which campaigns are for the same people, inside each other or made of others, and no count of them.
fn attacked(crowds: &[Crowd], printed: &[Vec<Line>]) -> usize {
    let row = |campaign: usize, line: &Line| Row {
        name: format!("{} {}", NAMES[campaign], name(&line.group)),
        of: None,
        counts: line.counts().map(|count| (count != Count::None).then(|| count.known())),
    };
    let of_campaigns: Vec<Vec<Row>> = (printed.iter().enumerate())
        .map(|(campaign, lines)| lines.iter().map(|line| row(campaign, line)).collect())
        .collect();
    let mut attack = attack::of_report(&of_campaigns.concat());
    let all: Vec<BTreeSet<i64>> =
        crowds.iter().map(|crowd| crowd.iter().map(|(patron, ..)| *patron).collect()).collect();
    let kinds: BTreeSet<Vec<usize>> = (all.iter().flatten())
        .map(|patron| (0..all.len()).filter(|&campaign| all[campaign].contains(patron)).collect())
        .collect();
    for measure in SHARED {
        for (campaign, rows) in of_campaigns.iter().enumerate() {
            let total = format!("{} {measure}", NAMES[campaign]);
            let groups: Vec<String> = rows.iter().map(|row| format!("{} {measure}", row.name)).collect();
            attack.adds_up(&total, &groups);
            let those = kinds.iter().filter(|kind| kind.contains(&campaign));
            attack.adds_up(&total, &those.map(|kind| format!("{measure} only in {kind:?}")).collect::<Vec<_>>());
        }
    }
    unprotected(&attack, crowds, &of_campaigns, printed)
}

/// How many small counts of groups there are. None of them may be narrowed.
fn unprotected(attack: &Attack, crowds: &[Crowd], of_campaigns: &[Vec<Row>], printed: &[Vec<Line>]) -> usize {
    let bounds = attack.bounds();
    let mut small = 0;
    for (crowd, rows) in crowds.iter().zip(of_campaigns) {
        for row in rows {
            let is_in = |held_out: bool| held_out == row.name.ends_with("held out");
            let in_group = || crowd.iter().filter(|(_, held_out, _)| is_in(*held_out));
            let (enrolled, reached) = (in_group().count() as i64, in_group().filter(|one| one.2).count() as i64);
            let counts = [(MEASURES[0], enrolled), (MEASURES[5], reached), (SHARED[3], enrolled - reached)];
            for (measure, count) in counts.into_iter().filter(|(_, count)| *count < LIMIT && enrolled > 0) {
                small += 1;
                let found = bounds[format!("{} {measure}", row.name).as_str()];
                let is_safe = is_protected(found, LIMIT);
                assert!(is_safe, "{} {measure} is {count}, and an attacker knows {found:?}: {printed:#?}", row.name);
            }
        }
    }
    small
}

/// All orders in which so many campaigns can be asked for one by one, and all together.
fn orders(campaigns: usize) -> Vec<Vec<Vec<usize>>> {
    let mut found = vec![Vec::new()];
    for _ in 0..campaigns {
        let longer = |order: Vec<Vec<usize>>| {
            let next: Vec<usize> = (0..campaigns).filter(|&next| !order.contains(&vec![next])).collect();
            next.into_iter().map(move |next| [order.clone(), vec![vec![next]]].concat())
        };
        found = found.into_iter().flat_map(longer).collect();
    }
    found.push(vec![(0..campaigns).collect()]);
    found
}

/// Attacks what is printed in every order; something is.
fn attacked_in_every_order(crowds: &[Crowd]) {
    let program = program(&NAMES);
    for rounds in orders(crowds.len()) {
        let printed = printed(&program, crowds, &rounds);
        assert!(attacked(crowds, &printed) > 0, "something is small");
        let counts = printed.iter().flatten().flat_map(Line::counts);
        assert!(counts.filter_map(Count::known).count() > 0, "hiding everything is no art: {rounds:?}");
    }
}

/// Thirty of everybody reached the goal, and twenty-five of the same people that were written to: five of those held out.
#[test]
fn rep_02_a_campaign_for_the_same_people_does_not_tell_who_was_held_out() {
    let trial = crowd(0, (48, 25), (12, 5));
    let everybody = trial.iter().map(|&(patron, _, reached)| (patron, false, reached)).collect();
    attacked_in_every_order(&[everybody, trial]);
}

/// Twenty-three are enrolled, and fourteen of the same people are written to.
#[test]
fn rep_02_the_total_of_the_same_people_does_not_tell_how_many_are_held_out() {
    attacked_in_every_order(&[crowd(0, (23, 0), (0, 0)), crowd(0, (14, 0), (9, 0))]);
}

/// A hundred less sixty-six less twenty-seven are seven.
#[test]
fn rep_02_two_campaigns_do_not_tell_how_many_of_a_third_are_held_out() {
    let mut everybody = crowd(0, (78, 40), (22, 11));
    everybody.rotate_left(50);
    let patrons = 0..;
    everybody.iter_mut().zip(patrons).for_each(|(person, patron)| person.0 = patron);
    let reached: Vec<bool> = everybody.iter().map(|person| person.2).collect();
    let part = |first: usize, written: usize, held_out: usize| -> Crowd {
        (first..first + written + held_out).map(|at| (at as i64, at >= first + written, reached[at])).collect()
    };
    attacked_in_every_order(&[everybody, part(0, 36, 30), part(66, 27, 7)]);
}

/// Over random campaigns, asked for together or one by one.
#[test]
fn rep_02_nothing_small_follows_of_the_groups_of_several_campaigns() {
    let program = program(&NAMES);
    let mut luck = Luck(23);
    let (mut small, mut shown, mut all) = (0, 0, 0);
    for _ in 0..150 {
        let sets = audiences(&mut luck);
        let share = [3, 20, 50, 97][luck.below(4) as usize];
        let came: Vec<bool> = (0..600).map(|_| luck.percent(share)).collect();
        let mut crowds: Vec<Crowd> = Vec::new();
        for index in 0..2 + luck.below(3) as usize {
            // Some are for the same people.
            let set = if luck.percent(30) { &sets[0] } else { &sets[index] };
            let holdout = [0, 0, 5, 20, 50][luck.below(5) as usize];
            let one = |&patron: &i64| (patron, luck.percent(holdout), came[patron as usize]);
            crowds.push(set.iter().map(one).collect());
        }
        let together = vec![(0..crowds.len()).collect()];
        let rounds = if luck.percent(50) { together } else { (0..crowds.len()).rev().map(|one| vec![one]).collect() };
        let printed = printed(&program, &crowds, &rounds);
        small += attacked(&crowds, &printed);
        let counts = || printed.iter().flatten().flat_map(Line::counts).filter(|count| *count != Count::None);
        shown += counts().filter(|count| count.known().is_some()).count();
        all += counts().count();
    }
    assert!(small > 500, "{small} small counts");
    assert!(shown * 3 > all, "hiding everything is no art: {shown} of {all} are shown");
}
