//! Native code against the reference: the same truth for every rule and every patron. `BOOKMOBILE_PAIRS` says how many
//! pairs of a program and its patrons are tried.

use bookmobile::catalogue::{ClassSet, Value};
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::eval::{Bulk, Interpreter, NEVER, Question, RuleId, Rules, Truth, Way, World, local_dates};
use bookmobile::program::Program;
use bookmobile::rule::columns::{Builder, Columns, Wanted};
use bookmobile::rule::{Facts, PatronId, Tables};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, TimeOfDay};
use proptest::prelude::*;

use super::generate::{Crowd, crowd};
use super::laws::{config, numbers, samples};
use super::world::{catalogue, tables};

fn columns(crowd: &Crowd, wanted: &Wanted) -> Columns {
    let catalogue = catalogue();
    let day = local_dates(&crowd.zone);
    let mut builder = Builder::new(&catalogue, wanted, &day);
    crowd.patrons.iter().for_each(|facts| builder.push(facts));
    builder.finish()
}

fn check(numbers: &[u32]) -> Result<(), TestCaseError> {
    let crowd = crowd(numbers);
    let (catalogue, tables) = (catalogue(), tables());
    let world = World { catalogue: &catalogue, tables: &tables, zone: &crowd.zone, week_starts: crowd.week_starts };
    let mut rules = Rules::new();
    let ids: Vec<RuleId> =
        crowd.rules.iter().map(|rule| rules.add(&crowd.segments, &catalogue, rule, crowd.served)).collect();
    let mut bulk = Bulk::new(&rules, world, &ids, Way::Native);
    let columns = columns(&crowd, &bulk.wanted());
    bulk.prepare(&columns).expect("there is a back end for this machine");
    let found = bulk.run(&columns, crowd.now);
    let mut interpreter = Interpreter::new(&rules, &world);
    for (row, facts) in crowd.patrons.iter().enumerate() {
        let question = Question::of(facts, crowd.now);
        for (index, id) in ids.iter().enumerate() {
            let (holds, fails) = (found[2 * index].contains(row), found[2 * index + 1].contains(row));
            let native = match (holds, fails) {
                (true, false) => Truth::True,
                (false, true) => Truth::False,
                (false, false) => Truth::Unknown,
                (true, true) => panic!("both true and false: {:#?}", crowd.rules[index]),
            };
            prop_assert_eq!(
                native,
                interpreter.truth(*id, &question),
                "patron {} at {} in {}: {:#?} {:#?}",
                row,
                crowd.now.timestamp(),
                crowd.zone.name(),
                crowd.rules[index],
                facts
            );
        }
    }
    Ok(())
}

/// What native code says of the time ahead: no truth changes before.
fn check_validity(numbers: &[u32]) -> Result<(), TestCaseError> {
    let crowd = crowd(numbers);
    let (catalogue, tables) = (catalogue(), tables());
    let world = World { catalogue: &catalogue, tables: &tables, zone: &crowd.zone, week_starts: crowd.week_starts };
    let mut rules = Rules::new();
    let ids: Vec<RuleId> =
        crowd.rules.iter().map(|rule| rules.add(&crowd.segments, &catalogue, rule, crowd.served)).collect();
    let mut bulk = Bulk::new(&rules, world, &ids, Way::Native).with_validity();
    let columns = columns(&crowd, &bulk.wanted());
    bulk.prepare(&columns).expect("there is a back end for this machine");
    let (found, untils) = bulk.run_until(&columns, crowd.now);
    let mut interpreter = Interpreter::new(&rules, &world);
    for (row, facts) in crowd.patrons.iter().enumerate() {
        let until = untils.get(row);
        prop_assert!(until > crowd.now);
        let instants = std::iter::once(crowd.now).chain(samples(crowd.now, until, numbers));
        for at in instants {
            let question = Question::of(facts, at);
            for (index, id) in ids.iter().enumerate() {
                let (holds, fails) = (found[2 * index].contains(row), found[2 * index + 1].contains(row));
                let then = interpreter.truth(*id, &question);
                prop_assert!(
                    holds == (then == Truth::True) && fails == (then == Truth::False),
                    "patron {} is {:?} at {}, before {}, from {} in {}: {:#?} {:#?} {:#?}",
                    row,
                    then,
                    at.timestamp(),
                    if until == NEVER { "never".into() } else { until.timestamp().to_string() },
                    crowd.now.timestamp(),
                    crowd.zone.name(),
                    crowd.rules[index],
                    crowd.segments,
                    facts
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config("BOOKMOBILE_PAIRS", 1_500))]

    #[test]
    fn nothing_changes_before_the_validity_of_native_code_ends(numbers in numbers()) {
        check_validity(&numbers)?;
    }

    /// JIT-05.
    #[test]
    fn native_code_agrees_with_the_interpreter(numbers in numbers()) {
        check(&numbers)?;
    }
}

/// Columns give back what was put into them.
#[test]
fn columns_keep_facts() {
    let numbers: Vec<u32> = (0..3_000).map(|n: u32| n.wrapping_mul(2_654_435_761) >> 19).collect();
    for start in 0..200 {
        let crowd = crowd(&numbers[start..]);
        let catalogue = catalogue();
        let wanted = Wanted {
            fields: vec![true; catalogue.fields.len()],
            changed: vec![true; catalogue.fields.len()],
            events: catalogue.events.iter().map(|event| Some(vec![true; event.fields.len()])).collect(),
            consents: true,
            lists: true,
        };
        let columns = columns(&crowd, &wanted);
        assert_eq!(columns.len(), crowd.patrons.len());
        for (row, facts) in crowd.patrons.iter().enumerate() {
            let again = columns.facts(row);
            assert_eq!(again.fields, facts.fields);
            assert_eq!(again.events, facts.events);
            assert_eq!(again.lists, facts.lists);
            assert_eq!(again.consents.len(), facts.consents.len());
            assert!(facts.consents.iter().all(|consent| again.consents.contains(consent)));
            assert_eq!((again.patron, again.since), (facts.patron, facts.since));
        }
    }
}

/// A segment that is too long for native code, over one patron.
fn long(rule: &str, set: impl FnOnce(&Program, &mut Facts)) -> Truth {
    let text = format!(
        r#"library "Native" {{ timezone "America/Toronto"  languages en  sender "N" <n@library.example> }}
        patron {{ joined date  visits int optional }}
        segment rule {{ {rule} }}"#
    );
    let mut sources = Sources::default();
    sources.add("native.campaign", text);
    let program = check::compile(sources).program.expect("no errors");
    let mut facts = Facts::empty(&program.catalogue, PatronId(1));
    set(&program, &mut facts);
    let mut rules = Rules::new();
    let id = rules.add(&program.segments, &program.catalogue, &program.segments[0].body, ClassSet::EMPTY);
    let tables = Tables::default();
    let (zone, week_starts) = (&program.library.zone, program.library.week_starts);
    let world = World { catalogue: &program.catalogue, tables: &tables, zone, week_starts };
    let now = zone.at(Day::new(2026, 11, 23).expect("a date"), TimeOfDay(36_000));
    let [native, interpreted] = [Way::Native, Way::Interpreted].map(|way| {
        let mut bulk = Bulk::new(&rules, world, &[id], way);
        let (wanted, day) = (bulk.wanted(), local_dates(zone));
        let mut builder = Builder::new(&program.catalogue, &wanted, &day);
        builder.push(&facts);
        let columns = builder.finish();
        let refused = bulk.prepare(&columns).expect_err("no native code").to_string();
        assert_eq!(way == Way::Native, refused.contains("more than"), "{refused}");
        let found = bulk.run(&columns, now);
        [found[0].contains(0), found[1].contains(0)]
    });
    assert_eq!(native, interpreted, "{rule}");
    match native {
        [true, _] => Truth::True,
        [_, true] => Truth::False,
        _ => Truth::Unknown,
    }
}

fn field(program: &Program, facts: &mut Facts, name: &str, value: Value) {
    let field = program.catalogue.field_named(Symbol::new(name)).expect("declared");
    facts.fields[field.index()] = Some(value);
}

/// JIT-04: a condition of 10,000 parts is the interpreter's.
#[test]
fn jit_04_a_long_condition_is_left_to_the_interpreter() {
    let parts: Vec<String> = (0..10_000).map(|n| format!("visits = {n}")).collect();
    let rule = parts.chunks(100).map(|some| format!("({})", some.join(" or "))).collect::<Vec<_>>().join(" or ");
    let set = |n| move |program: &Program, facts: &mut Facts| field(program, facts, "visits", Value::Int(n));
    assert_eq!(long(&rule, set(9_999)), Truth::True);
    assert_eq!(long(&rule, set(10_000)), Truth::False);
}
