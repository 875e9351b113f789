//! Holdout, arms and samples: even, stable, and independent of each other.

use std::collections::{BTreeMap, BTreeSet};

use bookmobile::engine::{Draw, ShareKey};
use bookmobile::report::count::people;
use bookmobile::rule::PatronId;
use bookmobile::symbol::Symbol;

use super::world::{World, hours, program_of};

const PATRONS: i64 = 100_000;
const KEYS: [ShareKey; 2] = [ShareKey(*b"0123456789abcdef"), ShareKey([0; 16])];

/// Something that is drawn for a patron, and the shares of what may come out, in percent.
struct Trial {
    campaign: &'static str,
    draw: Draw,
    shares: Vec<i64>,
}

fn trials() -> Vec<Trial> {
    let mut found = Vec::new();
    for campaign in ["welcome", "winback", "welcome2"] {
        for (draw, shares) in [
            (Draw::Holdout, vec![10, 90]),
            (Draw::Split(0), vec![20, 30, 50]),
            (Draw::Split(1), vec![50, 50]),
            (Draw::Sample(super::world::BEGIN), vec![5, 95]),
            (Draw::Sample(hours(24)), vec![5, 95]),
            (Draw::Sample(hours(24 * 31)), vec![5, 95]),
        ] {
            found.push(Trial { campaign, draw, shares });
        }
    }
    found
}

fn drawn(key: ShareKey, trial: &Trial) -> Vec<usize> {
    let campaign = Symbol::new(trial.campaign);
    let outcome = |id: i64| {
        let percentile = key.percentile(campaign, PatronId(id), trial.draw);
        let mut upper = 0;
        trial.shares.iter().position(|share| {
            upper += share;
            percentile < upper
        })
    };
    (1..=PATRONS).map(|id| outcome(id).expect("the shares add up to 100")).collect()
}

/// Pearson's statistic over counted and expected numbers.
fn chi_square(cells: impl Iterator<Item = (f64, f64)>) -> f64 {
    cells.map(|(counted, expected)| (counted - expected).powi(2) / expected).sum()
}

/// The value that chi-square exceeds once in a million draws, by Wilson and Hilferty (PNAS 17 (1931) 684-688): within a
/// hundredth of the tables for these degrees of freedom.
fn bound(degrees: usize) -> f64 {
    let (k, z) = (degrees as f64, 4.753_424);
    k * (1.0 - 2.0 / (9.0 * k) + z * (2.0 / (9.0 * k)).sqrt()).powi(3)
}

#[test]
fn shares_are_as_large_as_they_say() {
    for key in KEYS {
        for trial in trials() {
            let outcomes = drawn(key, &trial);
            let cells = trial.shares.iter().enumerate().map(|(outcome, share)| {
                let counted = outcomes.iter().filter(|&&found| found == outcome).count() as f64;
                (counted, PATRONS as f64 * *share as f64 / 100.0)
            });
            let found = chi_square(cells);
            assert!(found < bound(trial.shares.len() - 1), "{} {:?}: {found}", trial.campaign, trial.draw);
        }
        // Every percentile as often as any other.
        let mut percentiles = [0.0; 100];
        for id in 1..=PATRONS {
            percentiles[key.percentile(Symbol::new("welcome"), PatronId(id), Draw::Holdout) as usize] += 1.0;
        }
        assert!(chi_square(percentiles.into_iter().map(|counted| (counted, PATRONS as f64 / 100.0))) < bound(99));
    }
}

/// Each pair of draws: of one campaign or of two, of holdout, arms and samples of three occurrences.
#[test]
fn no_draw_tells_of_another() {
    for key in KEYS {
        let trials = trials();
        let outcomes: Vec<Vec<usize>> = trials.iter().map(|trial| drawn(key, trial)).collect();
        for one in 0..trials.len() {
            for other in one + 1..trials.len() {
                let (rows, columns) = (&trials[one].shares, &trials[other].shares);
                let mut counted = vec![vec![0.0; columns.len()]; rows.len()];
                outcomes[one].iter().zip(&outcomes[other]).for_each(|(&row, &column)| counted[row][column] += 1.0);
                let of_row: Vec<f64> = counted.iter().map(|row| row.iter().sum()).collect();
                let of_column: Vec<f64> = (0..columns.len()).map(|c| counted.iter().map(|row| row[c]).sum()).collect();
                let cells = counted.iter().enumerate().flat_map(|(r, row)| {
                    let (of_row, of_column) = (of_row[r], &of_column);
                    row.iter().enumerate().map(move |(c, counted)| (*counted, of_row * of_column[c] / PATRONS as f64))
                });
                let found = chi_square(cells);
                let degrees = (rows.len() - 1) * (columns.len() - 1);
                assert!(
                    found < bound(degrees),
                    "{} {:?} and {} {:?}: chi-square {found:.1} with {degrees} degrees of freedom",
                    trials[one].campaign,
                    trials[one].draw,
                    trials[other].campaign,
                    trials[other].draw,
                );
            }
        }
    }
}

/// All draws of a campaign at once: no three of them conspire.
#[test]
fn the_draws_of_a_campaign_are_independent_together() {
    let draws = [
        Draw::Holdout,
        Draw::Split(0),
        Draw::Split(1),
        Draw::Split(2),
        Draw::Sample(super::world::BEGIN),
        Draw::Sample(hours(24)),
    ];
    for key in KEYS {
        let mut counted = vec![0.0; 1 << draws.len()];
        for id in 1..=PATRONS {
            let bits = draws.iter().enumerate().map(|(bit, draw)| {
                usize::from(key.percentile(Symbol::new("welcome"), PatronId(id), *draw) < 50) << bit
            });
            counted[bits.sum::<usize>()] += 1.0;
        }
        let expected = PATRONS as f64 / counted.len() as f64;
        let found = chi_square(counted.iter().map(|counted| (*counted, expected)));
        assert!(found < bound(counted.len() - 1), "{found}");
    }
}

/// When a share grows, those who were in it stay, and only as many as it grew come over.
#[test]
fn a_larger_share_holds_the_smaller_one() {
    let (key, campaign) = (KEYS[0], Symbol::new("welcome"));
    let arm = |id: i64, shares: [i64; 3]| key.arm(campaign, PatronId(id), 0, shares.into_iter());
    let (mut to_first, mut elsewhere) = (0, 0);
    for id in 1..=PATRONS {
        match (arm(id, [30, 30, 40]), arm(id, [35, 25, 40])) {
            (before, after) if before == after => {}
            (1, 0) => to_first += 1,
            _ => elsewhere += 1,
        }
    }
    assert_eq!(elsewhere, 0, "only those at the margin move");
    assert!((4_700..5_300).contains(&to_first), "{to_first}");
}

const HEAD: &str = r#"
library "L" { timezone "America/Toronto" languages en sender "L" <l@l.example> reply to <l@l.example> quiet none }
purpose essential "Notices" without consent
patron { kind one of adult, teen  email email optional }
event program_visit { program text }
event loan { title text }
message a { email { subject "A" body "A." } }
message b { email { subject "B" body "B." } }
"#;

/// Who is held out of `trial`, and who is in which arm of its first split, in a program.
fn groups(campaigns: &str) -> BTreeMap<i64, (bool, Option<usize>)> {
    let mut world = World::new(program_of(&format!("{HEAD}{campaigns}")));
    world.people_of(400);
    world.tick(hours(24));
    world.tick(hours(48));
    let sql = "SELECT patron, held_out, arms FROM enrolment WHERE campaign = 'trial' ORDER BY patron";
    let mut query = world.store.connection().prepare(sql).expect("readable");
    let rows = query.query_map((), |row| {
        let arms: serde_json::Value = serde_json::from_str(&row.get::<_, String>(2)?).expect("arms");
        let first = arms[0][1].as_u64().map(|arm| arm as usize);
        Ok((row.get(0)?, (row.get(1)?, first)))
    });
    rows.expect("readable").map(|row| row.expect("a row")).collect()
}

/// Arms are those of the split that was come to, also where an edit puts another one in front of it.
#[test]
fn who_has_come_to_one_split_is_in_no_arm_of_another() {
    let trial = |steps: &str| {
        program_of(&format!(
            "{HEAD}campaign trial {{ purpose essential audience everyone start once on 2026-11-24 at 10:00 {steps} }}"
        ))
    };
    let compared = "split { 50% { send a } 50% { send b } }";
    let mut world = World::new(trial(compared));
    world.people_of(100);
    world.tick(hours(24));
    world.tick(hours(48));
    let splits_of = |world: &mut World, steps: &str| {
        world.program = trial(steps);
        let transaction = world.store.begin().expect("readable");
        let people = people(&transaction, &world.program, &[Symbol::new("trial")]).expect("readable").people;
        let splits = people[0].iter().map(|person| person.arms.iter().map(|came| came.split).collect::<Vec<_>>());
        let found: BTreeSet<Vec<usize>> = splits.collect();
        assert_eq!(found.len(), 1, "all have come to the same");
        found.into_iter().next().expect("there is one")
    };
    assert_eq!(splits_of(&mut world, compared), [0]);
    assert_eq!(splits_of(&mut world, &format!("split {{ 50% {{ send b }} 50% {{ send a }} }}  {compared}")), [1]);
    assert_eq!(
        splits_of(&mut world, "split { 20% { send a } 80% { send b } }"),
        [0],
        "with other shares it is the same"
    );
    assert!(splits_of(&mut world, "split { 50% { send b } 50% { send b } }").is_empty(), "it compares other messages");
    // Older stores have the split's number, and not when somebody came to it.
    let number = "UPDATE enrolment SET arms = json_array(json_array(0, json_extract(arms, '$[0][1]')))";
    world.store.connection().execute(number, ()).expect("writable");
    assert_eq!(splits_of(&mut world, compared), [0]);
}

/// Through the whole engine: what is added around a campaign, and to it, moves nobody.
#[test]
fn shares_are_stable_over_versions_of_the_program() {
    let trial = "campaign trial { purpose essential audience everyone start once on 2026-11-24 at 10:00 holdout 20% \
                 split { 50% { send a } 50% { send b } } }";
    let before = groups(trial);
    assert_eq!(before.len(), 400);
    let held_out = before.values().filter(|(held_out, _)| *held_out).count();
    assert!((50..110).contains(&held_out), "{held_out}");
    let other = "campaign aaa { purpose essential audience everyone start once on 2026-11-24 at 10:00 holdout 50% \
                 split { 10% { send a } 90% { send b } } }";
    assert_eq!(groups(&format!("{other}\n{trial}")), before, "another campaign");
    let longer = trial.replace("split {", "send b\n wait 1 hour\n split {").replace("{ send a }", "{ send a send b }");
    assert_eq!(groups(&longer), before, "more steps");
    let more = trial.replace("{ send b } } }", "{ send b } } split { 30% { send a } 70% { } } }");
    assert_eq!(groups(&more), before, "a split after it");
    let kind = trial.replace("audience everyone", "priority 70 goal has program_visit within 9 days audience everyone");
    assert_eq!(groups(&kind), before, "other clauses");
    let shifted = groups(&trial.replace("50% { send a } 50%", "60% { send a } 40%"));
    for (patron, (held_out, arm)) in &shifted {
        let (was_held_out, was) = before[patron];
        assert_eq!(*held_out, was_held_out);
        assert!(*arm == was || (was, *arm) == (Some(1), Some(0)), "{patron} went from {was:?} to {arm:?}");
    }
    assert!(shifted != before);
}
