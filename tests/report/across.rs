//! REP-02 over reports that are read side by side: nothing small follows from the figures of several campaigns.

use std::collections::{BTreeMap, BTreeSet};

use bookmobile::program::Program;
use bookmobile::report::count::Person;
use bookmobile::report::lines::{Asked, Count, Line, Measured, lines};
use bookmobile::rule::PatronId;
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

use super::attack::{Attack, is_protected};
use super::world::{Luck, World, hours, program_of};

const HEAD: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example>  reply to <desk@library.example> }
purpose essential "Notices" without consent
patron { house one of central, eastside, westside, north  email email optional }
message note { email { subject "A" body "B" } }
"#;

/// A program with campaigns of these names.
pub fn program(names: &[&str]) -> Program {
    let campaign = |name: &&str| {
        format!(
            "campaign {name} {{ purpose essential  audience everyone  start once on 2026-11-24 at 10:00  send note }}\n"
        )
    };
    program_of(&format!("{HEAD}{}", names.iter().map(campaign).collect::<String>()))
}

pub const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Whoever came: the first `none` people did not, the others by chance.
fn came(patron: i64, none: i64) -> bool {
    patron >= none && patron % 3 > 0
}

fn person(patron: i64, is_sent: bool, none: i64) -> Person {
    Person {
        patron: PatronId(patron),
        held_out: false,
        arms: Vec::new(),
        enrolled_at: Instant(1),
        sent_at: is_sent.then_some(Instant(1)),
        delivered_at: None,
        clicked_at: None,
        goal_known: true,
        reached_at: came(patron, none).then_some(Instant(1)),
        goal_open: false,
    }
}

const MEASURED: Measured = Measured { delivery: false, clicks: false, goal: true };

/// What is printed of campaigns with these people. Of those in `told` a report was given out by itself before.
fn printed(program: &Program, sets: &[BTreeSet<i64>], [unsent, none]: [i64; 2], told: usize, limit: i64) -> Vec<Line> {
    let people: Vec<Vec<Person>> = sets
        .iter()
        .map(|set| set.iter().map(|&patron| person(patron, patron % 97 != unsent, none)).collect())
        .collect();
    let campaign = |index: usize| program.campaign(Symbol::new(NAMES[index])).expect("a campaign");
    let asked =
        |index: usize| Asked { campaign: campaign(index), people: &people[index], measured: MEASURED, told: None };
    let before: Vec<Vec<Line>> = lines(program, &(0..told).map(asked).collect::<Vec<_>>(), limit);
    let now: Vec<Asked<'_>> =
        (0..sets.len()).map(|index| Asked { told: before.get(index).map(Vec::as_slice), ..asked(index) }).collect();
    let mut found = lines(program, &now, limit);
    found.splice(..told, before);
    found.into_iter().map(|mut lines| lines.remove(0)).collect()
}

/// Who is in just which campaigns, and how many of these are counted: the attacker knows which of these kinds of people
/// there are, and no count.
fn kinds(among: &[BTreeSet<i64>], sets: &[BTreeSet<i64>]) -> BTreeMap<Vec<usize>, (i64, i64)> {
    let mut found: BTreeMap<Vec<usize>, (i64, i64)> = BTreeMap::new();
    for patron in among.iter().flatten().collect::<BTreeSet<_>>() {
        let kind: Vec<usize> = (0..among.len()).filter(|&set| among[set].contains(patron)).collect();
        let (count, all) = found.entry(kind).or_default();
        *count += i64::from(sets.iter().any(|set| set.contains(patron)));
        *all += 1;
    }
    found
}

/// Attacks one measure: how many small differences there are. Of any two campaigns those in one and not in the other, and
/// those in one and in none of the others inside it, are not to be narrowed. Nobody is small too where there are some
/// `among` whom nobody did it.
fn attacked(sets: &[BTreeSet<i64>], among: Option<&[BTreeSet<i64>]>, counts: &[Count], limit: i64) -> usize {
    let mut attack = Attack::default();
    let around = among.unwrap_or(sets);
    let kinds = kinds(around, sets);
    let name = |kind: &[usize]| format!("only in {kind:?}");
    let mut differences: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (set, count) in counts.iter().enumerate() {
        let those: Vec<String> = kinds.keys().filter(|kind| kind.contains(&set)).map(|kind| name(kind)).collect();
        attack.adds_up(NAMES[set], &those);
        if let Count::Known(count) = count {
            attack.reads(NAMES[set], *count);
        }
    }
    let mut difference = |of: &dyn Fn(&[usize]) -> bool, called: String| {
        let those: Vec<String> = kinds.keys().filter(|kind| of(kind)).map(|kind| name(kind)).collect();
        attack.adds_up(&called, &those);
        let counts = || kinds.iter().filter(|(kind, _)| of(kind)).map(|(_, counts)| counts);
        let all = if among.is_some() { counts().map(|(_, all)| all).sum() } else { 0 };
        differences.insert(called, (counts().map(|(count, _)| count).sum(), all));
    };
    for one in 0..sets.len() {
        for other in (0..sets.len()).filter(|other| *other != one) {
            let called = format!("{} less {}", NAMES[one], NAMES[other]);
            difference(&|kind| kind.contains(&one) && !kind.contains(&other), called);
        }
        let inside: Vec<usize> =
            (0..sets.len()).filter(|&other| other != one && around[other].is_subset(&around[one])).collect();
        let called = format!("{} less its parts", NAMES[one]);
        difference(&|kind| kind.contains(&one) && !kind.iter().any(|set| inside.contains(set)), called);
    }
    let bounds = attack.bounds();
    let mut small = 0;
    let is_small = |count: i64, among: i64| (1..limit).contains(&count) || count == 0 && among > 0;
    for (called, (count, _)) in differences.iter().filter(|(_, (count, among))| is_small(*count, *among)) {
        small += 1;
        let found = bounds[called.as_str()];
        assert!(
            is_protected(found, limit),
            "{called} is {count}, and an attacker knows {found:?}: {counts:?} of {kinds:?}"
        );
    }
    small
}

/// Subtracts what is printed of one measure of a campaign from that of another one of another campaign, which holds it.
fn subtracted(measures: &[(&Vec<BTreeSet<i64>>, usize)], printed: &[Line], limit: usize) {
    let all = || measures.iter().flat_map(|(sets, measure)| sets.iter().zip(printed).map(move |of| (of, *measure)));
    for ((one, line), measure) in all().filter(|((_, line), measure)| line.counts()[*measure].known().is_some()) {
        for ((other, of), kind) in all().filter(|((_, of), kind)| of.counts()[*kind].known().is_some()) {
            let alone = one.difference(other).count();
            let tells_nothing = std::ptr::eq(line, of) || measure == kind || !other.is_subset(one);
            assert!(tells_nothing || !(1..limit).contains(&alone), "{line:?} less {of:?} are {alone}");
        }
    }
}

/// Sets as audiences are: a whole and its parts, a part and a part of it, what is in either of two and in both; with a few
/// people more or less.
pub fn audiences(luck: &mut Luck) -> Vec<BTreeSet<i64>> {
    let size = [40, 150, 600][luck.below(3) as usize];
    let few = luck.below(14) as i64;
    let everybody: BTreeSet<i64> = (0..size).collect();
    let of = |keep: &dyn Fn(i64) -> bool| -> BTreeSet<i64> { (0..size).filter(|&patron| keep(patron)).collect() };
    let (half, third) = (size / 2, size / 3);
    match luck.below(5) {
        // All but a few, and all but some more.
        0 => vec![everybody, of(&|p| p >= few), of(&|p| p >= few + 3), of(&|p| p % 2 == 0)],
        // A whole and its parts, of which one is small.
        1 => vec![everybody, of(&|p| p < few), of(&|p| p >= few && p < half), of(&|p| p >= half)],
        // The same with a few in no part.
        2 => vec![everybody, of(&|p| p >= few && p < third), of(&|p| p >= third && p < half), of(&|p| p >= half)],
        // Two, what is in either, and the few who are in both.
        3 => vec![of(&|p| p < half + few), of(&|p| p >= half), everybody, of(&|p| p >= half && p < half + few)],
        // Five parts of which the whole is made.
        _ => vec![
            everybody,
            of(&|p| p < third),
            of(&|p| p >= third && p < half),
            of(&|p| p >= half && p < size - few - 1),
            of(&|p| p >= size - few - 1 && p < size - 1),
        ],
    }
}

#[test]
fn rep_02_nothing_small_follows_from_several_reports() {
    let program = program(&NAMES);
    let mut luck = Luck(11);
    let (mut small, mut shown, mut all) = (0, 0, 0);
    for _ in 0..1_000 {
        let mut sets = audiences(&mut luck);
        // In any order, and a campaign may have been reported before the others.
        for place in (1..sets.len()).rev() {
            sets.swap(place, luck.below(place as u64 + 1) as usize);
        }
        let unsent = luck.below(97) as i64;
        let told = luck.below(2) as usize;
        let none = luck.below(20) as i64;
        let printed = printed(&program, &sets, [unsent, none], told, 10);
        let sent: Vec<BTreeSet<i64>> =
            sets.iter().map(|set| set.iter().copied().filter(|patron| patron % 97 != unsent).collect()).collect();
        let enrolled: Vec<Count> = printed.iter().map(|line| line.enrolled).collect();
        small += attacked(&sets, None, &enrolled, 10);
        let counts: Vec<Count> = printed.iter().map(|line| line.sent).collect();
        small += attacked(&sent, None, &counts, 10);
        let reached: Vec<BTreeSet<i64>> =
            sets.iter().map(|set| set.iter().copied().filter(|&patron| came(patron, none)).collect()).collect();
        let counts: Vec<Count> = printed.iter().map(|line| line.goal_reached).collect();
        small += attacked(&reached, Some(&sets), &counts, 10);
        subtracted(&[(&sets, 0), (&sent, 1), (&reached, 5)], &printed, 10);
        shown += enrolled.iter().filter(|count| count.known().is_some()).count();
        all += enrolled.len();
    }
    assert!(small > 1_000, "{small} small differences");
    assert!(shown * 9 > all * 4, "hiding everything is no art: {shown} of {all} are shown");
}

/// Of twenty campaigns for nearly the same people those are shown that differ by enough.
#[test]
fn rep_02_of_many_campaigns_for_nearly_the_same_people_some_are_shown() {
    let names: Vec<String> = (0..22).map(|number| format!("c{number}")).collect();
    let program = program(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let people: Vec<Vec<Person>> =
        (0..22).map(|less| (2 * less..300).map(|patron| person(patron, true, 0)).collect()).collect();
    let campaign = |index: usize| program.campaign(Symbol::new(&names[index])).expect("a campaign");
    let asked =
        |index: usize| Asked { campaign: campaign(index), people: &people[index], measured: MEASURED, told: None };
    let found = lines(&program, &(0..20).map(asked).collect::<Vec<_>>(), 10);
    let shown: Vec<Option<u64>> = found.iter().map(|lines| lines[0].enrolled.known()).collect();
    let known: Vec<u64> = shown.iter().flatten().copied().collect();
    assert!(known.len() > 1 && known[0] == 300, "{shown:?}");
    assert!(known.windows(2).all(|pair| pair[0] - pair[1] >= 10), "{shown:?}");
    assert!(found.iter().all(|lines| lines.len() == 1), "the others have their lines, all hidden");
    // Two more are asked for beside what was told: one is for nearly the same people as one that is known.
    let near = shown.iter().rposition(Option::is_some).expect("some are") + 1;
    let told = |index: usize| Asked { told: (index < 20).then(|| found[index].as_slice()), ..asked(index) };
    let mut more: Vec<Asked<'_>> = (0..20).map(told).collect();
    more.push(Asked { people: &people[near], ..asked(20) });
    let alone: Vec<Person> = (1_000..1_300).map(|patron| person(patron, true, 0)).collect();
    more.push(Asked { people: &alone, ..asked(21) });
    let shown: Vec<Count> = lines(&program, &more, 10)[20..].iter().map(|lines| lines[0].enrolled).collect();
    assert_eq!(shown, [Count::Hidden, Count::Known(300)]);
}

/// The command itself, asked for one campaign after the other.
#[test]
fn rep_02_a_report_does_not_tell_what_another_one_hides() {
    let of = |name: &str, audience: &str| {
        format!(
            "campaign {name} {{ purpose essential  audience {audience}  start once on 2026-11-24 at 10:00  send note }}\n"
        )
    };
    let text = format!("{HEAD}{}{}", of("all", "everyone"), of("others", "house is not eastside"));
    let mut world = World::new(program_of(&text));
    world.people_of(300);
    world.write(hours(1), |writer, program| {
        let house = program.catalogue.field_named(Symbol::new("house")).expect("declared");
        for index in 0..4 {
            let value = bookmobile::catalogue::Value::Symbol(Symbol::new("eastside"));
            writer.patron(&format!("p{index}"), None, &[(house, Some(value))]).expect("written");
        }
    });
    world.tick(hours(24));
    let shown = |world: &mut World, name: &str| world.report(&[name]).remove(0).lines.remove(0).enrolled;
    assert_eq!(shown(&mut world, "all"), Count::Known(300));
    assert_eq!(shown(&mut world, "others"), Count::Hidden);
    // And again, as both stand.
    assert_eq!(shown(&mut world, "all"), Count::Known(300));
    assert_eq!(shown(&mut world, "others"), Count::Hidden);
}
