//! Native code against the reference: the same truth for every rule and every patron. `BOOKMOBILE_PAIRS` says how many
//! pairs of a program and its patrons are tried.

#[cfg(target_os = "linux")]
use std::ffi::{c_int, c_ulong};

use bookmobile::catalogue::{Catalogue, ClassSet, Value};
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::eval::{
    Bitmap, Bulk, Interpreter, NEVER, Question, RuleId, Rules, Truth, Untils, Way, World, local_dates,
};
use bookmobile::program::{Program, Segment};
use bookmobile::rule::columns::{Builder, Columns, Wanted};
use bookmobile::rule::{Expr, Facts, PatronId, Tables};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay, Weekday, Zone};
use proptest::prelude::*;

use super::generate::{Crowd, crowd};
use super::laws::{config, numbers, samples};
use super::world::{catalogue, tables};

/// Rules, and patrons of whom they are asked.
pub(super) struct Case<'c> {
    pub catalogue: &'c Catalogue,
    pub tables: Tables,
    pub zone: &'c Zone,
    pub week_starts: Weekday,
    pub segments: &'c [Segment],
    pub rules: Vec<&'c Expr>,
    pub served: ClassSet,
    pub patrons: &'c [Facts],
    pub now: Instant,
}

/// What came of a case.
pub(super) struct Answers<'a> {
    ids: Vec<RuleId>,
    /// Of each rule who fits and who does not.
    found: Vec<Bitmap>,
    /// Where it was asked for.
    untils: Option<Untils<'a>>,
    /// Why there is no native code.
    pub refused: Option<String>,
    interpreter: Interpreter<'a>,
}

impl<'c> Case<'c> {
    fn of(crowd: &'c Crowd, catalogue: &'c Catalogue) -> Case<'c> {
        Case {
            catalogue,
            tables: tables(),
            zone: &crowd.zone,
            week_starts: crowd.week_starts,
            segments: &crowd.segments,
            rules: crowd.rules.iter().collect(),
            served: crowd.served,
            patrons: &crowd.patrons,
            now: crowd.now,
        }
    }

    /// Asks about everybody at once, and hands the answers to `then`.
    pub fn ask<T>(&self, way: Way, validity: bool, then: impl FnOnce(Answers<'_>) -> T) -> T {
        let Case { catalogue, tables, zone, week_starts, .. } = self;
        let world = World { catalogue, tables, zone, week_starts: *week_starts };
        let mut rules = Rules::new();
        let ids: Vec<RuleId> =
            self.rules.iter().map(|rule| rules.add(self.segments, catalogue, rule, self.served)).collect();
        let bulk = Bulk::new(&rules, world, &ids, way);
        let mut bulk = if validity { bulk.with_validity() } else { bulk };
        let columns = self.columns(&bulk.wanted());
        let refused = bulk.prepare(&columns).err().map(|refused| refused.to_string());
        let (found, untils) = if validity {
            let (found, untils) = bulk.run_until(&columns, self.now);
            (found, Some(untils))
        } else {
            (bulk.run(&columns, self.now), None)
        };
        then(Answers { ids, found, untils, refused, interpreter: Interpreter::new(&rules, &world) })
    }

    fn columns(&self, wanted: &Wanted) -> Columns {
        let day = local_dates(self.zone);
        let mut builder = Builder::new(self.catalogue, wanted, &day);
        self.patrons.iter().for_each(|facts| builder.push(facts));
        builder.finish()
    }
}

impl Answers<'_> {
    pub fn truth(&self, rule: usize, row: usize) -> Truth {
        match (self.found[2 * rule].contains(row), self.found[2 * rule + 1].contains(row)) {
            (true, false) => Truth::True,
            (false, true) => Truth::False,
            (false, false) => Truth::Unknown,
            (true, true) => panic!("rule {rule} is both true and false for patron {row}"),
        }
    }
}

/// With `validity`, native code also says of the time ahead that no truth changes before.
fn check(numbers: &[u32], validity: bool) -> Result<(), TestCaseError> {
    let (crowd, catalogue) = (crowd(numbers), catalogue());
    Case::of(&crowd, &catalogue).ask(Way::Native, validity, |mut answers| {
        prop_assert_eq!(&answers.refused, &None);
        for (row, facts) in crowd.patrons.iter().enumerate() {
            let until = answers.untils.as_ref().map(|untils| untils.get(row));
            prop_assert!(until.is_none_or(|until| until > crowd.now));
            let later = until.map(|until| samples(crowd.now, until, numbers)).into_iter().flatten();
            for at in std::iter::once(crowd.now).chain(later) {
                let question = Question::of(facts, at);
                for (rule, id) in answers.ids.iter().enumerate() {
                    prop_assert_eq!(
                        answers.truth(rule, row),
                        answers.interpreter.truth(*id, &question),
                        "patron {} at {}, valid from {} until {:?} in {}: {:#?} {:#?} {:#?}",
                        row,
                        at.timestamp(),
                        crowd.now.timestamp(),
                        until.filter(|until| *until != NEVER).map(|until| until.timestamp().to_string()),
                        crowd.zone.name(),
                        crowd.rules[rule],
                        crowd.segments,
                        facts
                    );
                }
            }
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(config("BOOKMOBILE_PAIRS", 1_500))]

    #[test]
    fn nothing_changes_before_the_validity_of_native_code_ends(numbers in numbers()) {
        check(&numbers, true)?;
    }

    /// JIT-05.
    #[test]
    fn native_code_agrees_with_the_interpreter(numbers in numbers()) {
        check(&numbers, false)?;
    }
}

/// Columns give back what was put into them.
#[test]
fn columns_keep_facts() {
    let numbers: Vec<u32> = (0..3_000).map(|n: u32| n.wrapping_mul(2_654_435_761) >> 19).collect();
    for start in 0..200 {
        let crowd = crowd(&numbers[start..]);
        let catalogue = catalogue();
        let wanted = Wanted::everything(&catalogue);
        let columns = Case::of(&crowd, &catalogue).columns(&wanted);
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
    let zone = &program.library.zone;
    let case = Case {
        catalogue: &program.catalogue,
        tables: Tables::default(),
        zone,
        week_starts: program.library.week_starts,
        segments: &program.segments,
        rules: vec![&program.segments[0].body],
        served: ClassSet::EMPTY,
        patrons: &[facts],
        now: zone.at(Day::new(2026, 11, 23).expect("a date"), TimeOfDay(36_000)),
    };
    let [native, interpreted] = [Way::Native, Way::Interpreted].map(|way| {
        case.ask(way, false, |answers| {
            let refused = answers.refused.as_deref().expect("no native code");
            assert_eq!(way == Way::Native, refused.contains("more than"), "{refused}");
            answers.truth(0, 0)
        })
    });
    assert_eq!(native, interpreted, "{rule}");
    native
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

/// JIT-06: where memory that is written may not become executable, the interpreter answers. In a process of its own,
/// since what is forbidden once is not allowed again.
#[cfg(target_os = "linux")]
#[test]
fn jit_06_without_executable_memory_the_interpreter_answers() {
    const INSIDE: &str = "BOOKMOBILE_TEST_WITHOUT_CODE";
    if std::env::var_os(INSIDE).is_none() {
        let name = "eval::native::jit_06_without_executable_memory_the_interpreter_answers";
        let mut command = std::process::Command::new(std::env::current_exe().expect("this program"));
        let run = command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").output().expect("it runs");
        let told = [run.stdout, run.stderr].map(|told| String::from_utf8_lossy(&told).into_owned()).concat();
        assert!(run.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    if !forbid_code() {
        println!("this system cannot forbid it");
        return;
    }
    let numbers: Vec<u32> = (0..3_000).map(|n: u32| n.wrapping_mul(2_654_435_761) >> 19).collect();
    let (crowd, catalogue) = (crowd(&numbers), catalogue());
    Case::of(&crowd, &catalogue).ask(Way::Native, true, |mut answers| {
        let refused = answers.refused.as_deref().expect("no executable memory");
        assert!(refused.starts_with("no native code on this machine"), "{refused}");
        for (row, facts) in crowd.patrons.iter().enumerate() {
            assert!(answers.untils.as_ref().is_some_and(|untils| untils.get(row) > crowd.now));
            for (rule, id) in answers.ids.clone().into_iter().enumerate() {
                let truth = answers.interpreter.truth(id, &Question::of(facts, crowd.now));
                assert_eq!(answers.truth(rule, row), truth);
            }
        }
    });
}

/// Forbids this process for good to make memory executable that was not (Linux 6.3 and newer). `false`: it could not.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library has no prctl")]
fn forbid_code() -> bool {
    const PR_SET_MDWE: c_int = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: c_ulong = 1;
    unsafe extern "C" {
        fn prctl(option: c_int, ...) -> c_int;
    }
    let none: c_ulong = 0;
    // SAFETY: the call takes four numbers and touches no memory of the process.
    unsafe { prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, none, none, none) == 0 }
}
