//! The laws that every evaluator keeps, over random rules and patrons. Numbers are those of
//! `docs/reference/semantics.md`.

use bookmobile::eval::{Interpreter, NEVER, Question, Rules, Truth, World};
use bookmobile::time::Instant;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

use super::generate::{Case, case};
use super::naive::Naive;
use super::world::{catalogue, tables};

/// How many cases: the variable asks for more than the few that fit into every run of the tests.
#[expect(clippy::disallowed_methods, reason = "how much is tested is the one thing that may depend on the environment")]
pub fn config(variable: &str, usual: u32) -> Config {
    let cases = std::env::var(variable).ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual);
    Config {
        cases,
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/eval/seeds.txt"))),
        ..Config::default()
    }
}

pub fn numbers() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0u32..5_000, 0..700)
}

impl Case {
    fn question(&self, now: Instant) -> Question<'_> {
        Question {
            start: self.start,
            event: self.started_by.as_ref().map(|(event, row)| (*event, row.as_ref())),
            ..Question::of(&self.facts, now)
        }
    }
}

/// Instants of [now, until), at its ends and between them.
pub fn samples(now: Instant, until: Instant, numbers: &[u32]) -> Vec<Instant> {
    let end = until.0.min(now.plus_seconds(60 * 366 * 86_400).0);
    let mut offsets: Vec<i64> =
        vec![1, 1_000_000, 3_600_000_000, 86_400_000_000, end - now.0 - 1, end - now.0 - 3_600_000_000];
    for (index, number) in numbers.iter().take(24).enumerate() {
        let span = (end - now.0) >> (index % 12 * 2);
        offsets.push((i128::from(span) * i128::from(*number) / 5_000) as i64);
    }
    let inside = offsets.into_iter().filter(|offset| 0 <= *offset && now.0 + offset < end);
    inside.map(|offset| Instant(now.0 + offset)).collect()
}

proptest! {
    #![proptest_config(config("BOOKMOBILE_CASES", 2_000))]

    /// 1 to 5.
    #[test]
    fn the_interpreter_agrees_with_the_semantics(numbers in numbers()) {
        let case = case(&numbers);
        let (catalogue, tables) = (catalogue(), tables());
        let mut rules = Rules::new();
        let rule = rules.add(&case.segments, &catalogue, &case.rule, case.served);
        let world = World { catalogue: &catalogue, tables: &tables, zone: &case.zone, week_starts: case.week_starts };
        let mut interpreter = Interpreter::new(&rules, &world);
        let naive = Naive {
            catalogue: &catalogue,
            tables: &tables,
            segments: &case.segments,
            zone: &case.zone,
            week_starts: case.week_starts,
            facts: &case.facts,
            now: case.now,
            start: case.start,
            started_by: case.started_by.as_ref().map(|(event, row)| (*event, row.as_ref())),
            served: case.served,
        };
        let question = case.question(case.now);
        let expected = naive.truth(&case.rule);
        prop_assert_eq!(interpreter.truth(rule, &question), expected, "{:#?}", case.rule);
        prop_assert_eq!(interpreter.answer(rule, &question).truth, expected, "with validity: {:#?}", case.rule);
        prop_assert_eq!(interpreter.ask(&question).holds(rule), expected == Truth::True);
    }

    /// 6.1.
    #[test]
    fn nothing_changes_before_the_validity_ends(numbers in numbers()) {
        let case = case(&numbers);
        let (catalogue, tables) = (catalogue(), tables());
        let mut rules = Rules::new();
        let rule = rules.add(&case.segments, &catalogue, &case.rule, case.served);
        let world = World { catalogue: &catalogue, tables: &tables, zone: &case.zone, week_starts: case.week_starts };
        let mut interpreter = Interpreter::new(&rules, &world);
        let answer = interpreter.answer(rule, &case.question(case.now));
        prop_assert!(answer.until > case.now, "{answer:?} {case:#?}");
        for t in samples(case.now, answer.until, &numbers) {
            let then = interpreter.truth(rule, &case.question(t));
            prop_assert_eq!(
                then, answer.truth,
                "at {}, before {}, from {} in {}: {:#?} {:#?}",
                t.timestamp(),
                if answer.until == NEVER { "never".into() } else { answer.until.timestamp().to_string() },
                case.now.timestamp(), case.zone.name(), case.rule, case.facts
            );
        }
    }
}
