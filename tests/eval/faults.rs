//! Rows of the fault table that concern arithmetic and work, in the interpreter and in native code alike.

use bookmobile::catalogue::{ClassSet, Value};
use bookmobile::check::{self, Compiled};
use bookmobile::diagnostic::{Severity, Sources};
use bookmobile::eval::{Truth, Way};
use bookmobile::program::Program;
use bookmobile::rule::{EventRow, Facts, PatronId, RowId, Tables};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

use super::native::Case;

fn compiled(segments: &str) -> Compiled {
    let text = format!(
        r#"library "Faults" {{ timezone "America/Toronto"  languages en  sender "N" <n@library.example> }}
        patron {{ n int optional  m int optional  fee money optional  joined date optional }}
        event visit {{ }}
        {segments}"#
    );
    let mut sources = Sources::default();
    sources.add("faults.campaign", text);
    check::compile(sources)
}

fn program(segments: &str) -> Program {
    let compiled = compiled(segments);
    compiled.program.unwrap_or_else(|| panic!("{segments}: {:?}", compiled.diagnostics))
}

/// The only segment of each patron, by native code and by the interpreter, which agree.
fn truths(program: &Program, patrons: &[Facts]) -> Vec<Truth> {
    all_truths(program, patrons, true).remove(0)
}

/// Of each segment; with `validity` also until when, which takes some times as long.
fn all_truths(program: &Program, patrons: &[Facts], validity: bool) -> Vec<Vec<Truth>> {
    let zone = &program.library.zone;
    let case = Case {
        catalogue: &program.catalogue,
        tables: Tables::default(),
        zone,
        week_starts: program.library.week_starts,
        segments: &program.segments,
        rules: program.segments.iter().map(|segment| &segment.body).collect(),
        served: ClassSet::EMPTY,
        patrons,
        now: now(program),
    };
    let [native, interpreted] = [Way::Native, Way::Interpreted].map(|way| {
        case.ask(way, validity, |answers| {
            assert_eq!(answers.refused.is_some(), way == Way::Interpreted, "{:?}", answers.refused);
            let of = |rule| (0..patrons.len()).map(|row| answers.truth(rule, row)).collect();
            (0..program.segments.len()).map(of).collect::<Vec<Vec<Truth>>>()
        })
    });
    assert_eq!(native, interpreted);
    native
}

fn now(program: &Program) -> Instant {
    program.library.zone.at(Day::new(2026, 11, 23).expect("a date"), TimeOfDay(36_000))
}

fn patron(program: &Program, id: i64, fields: &[(&str, Value)]) -> Facts {
    let mut facts = Facts::empty(&program.catalogue, PatronId(id));
    for (name, value) in fields {
        facts.fields[program.catalogue.field_named(Symbol::new(name)).expect("declared").index()] = Some(value.clone());
    }
    facts
}

/// JIT-01: nothing divides, so nothing divides by nought; what would not fit below is unknown.
#[test]
fn jit_01_there_is_no_division_and_the_least_number_has_no_opposite() {
    for rule in ["n / 0 > 1", "n / m > 1", "n % 0 = 1", "n mod m = 1"] {
        let compiled = compiled(&format!("segment rule {{ {rule} }}"));
        assert!(compiled.program.is_none(), "{rule}");
        assert!(compiled.diagnostics.iter().any(|found| found.severity == Severity::Error), "{rule}");
    }
    let program = program("segment rule { 0 - n > 0 }");
    let people: Vec<Facts> =
        (1..).zip([i64::MIN, -1, 1]).map(|(id, n)| patron(&program, id, &[("n", Value::Int(n))])).collect();
    assert_eq!(truths(&program, &people), [Truth::Unknown, Truth::True, Truth::False]);
}

/// JIT-02: a number that leaves its range is unknown for that patron, and the others are decided.
#[test]
fn jit_02_what_overflows_is_unknown_for_that_patron_alone() {
    let day = |text: &str| Value::Date(Day::from_civil(text.parse().expect("a date")));
    for (rule, field, values) in [
        ("n + 1 > 0", "n", [Value::Int(i64::MAX), Value::Int(1), Value::Int(-1)]),
        ("n - 2 < 0", "n", [Value::Int(i64::MIN), Value::Int(1), Value::Int(2)]),
        ("3 * n > 0", "n", [Value::Int(i64::MAX / 2), Value::Int(1), Value::Int(-1)]),
        ("n + n > 0", "n", [Value::Int(i64::MIN), Value::Int(1), Value::Int(-1)]),
        ("2 * fee > 1.00", "fee", [Value::Money(i64::MAX), Value::Money(100), Value::Money(50)]),
        (
            "joined + 7000 years < today + 7000 years",
            "joined",
            [day("9000-01-01"), day("2020-01-01"), day("2030-01-01")],
        ),
    ] {
        let program = program(&format!("segment rule {{ {rule} }}"));
        let people: Vec<Facts> = values
            .into_iter()
            .enumerate()
            .map(|(id, value)| patron(&program, id as i64 + 1, &[(field, value)]))
            .collect();
        assert_eq!(truths(&program, &people), [Truth::Unknown, Truth::True, Truth::False], "{rule}");
    }
    // A span as long as no calendar is refused where it is written, or leads nowhere that is known.
    assert!(compiled("segment rule { joined + 1_000_000_000_000 days > today }").program.is_none());
    let program = program("segment rule { joined + 2_000_000_000 days > today }");
    let people = [patron(&program, 1, &[("joined", day("2020-01-01"))])];
    assert_eq!(truths(&program, &people), [Truth::Unknown]);
}

/// JIT-08: a million rows of one patron are work for a while, and no more than that: what went over them as often as
/// there are rows would not end. There is no fuel that could run out, and nobody is left undecided.
#[test]
fn jit_08_a_million_events_of_one_patron_are_decided() {
    const ROWS: i64 = 1_000_000;
    let rules = [
        ("has at least 1_000_000 visit", Truth::True),
        ("has at most 999_999 visit since joined", Truth::False),
        ("count(visit in the last 12 months) >= 500_000", Truth::True),
        ("days(visit) > 3500", Truth::True),
        ("has visit where (at after today) followed by visit within 1 day", Truth::False),
        ("has visit followed by visit where (at after today) within 12 months", Truth::False),
        ("has at least 2 visit in at least 12 of the last 12 months", Truth::True),
        ("latest(visit) > today - 2 days", Truth::True),
    ];
    let segments = rules.iter().enumerate().map(|(n, (rule, _))| format!("segment rule_{n} {{ {rule} }}\n"));
    let program = program(&segments.collect::<String>());
    let visit = program.catalogue.event_named(Symbol::new("visit")).expect("declared");
    let now = now(&program);
    let long_ago = Value::Date(Day::new(1990, 1, 1).expect("a date"));
    let mut busy = patron(&program, 1, &[("joined", long_ago.clone())]);
    let rows = (0..ROWS).map(|n| EventRow {
        row: RowId(n + 1),
        // Every ten minutes for nine years, and as many in the last year.
        at: now.plus_seconds((n - ROWS) * if n < ROWS / 2 { 600 } else { 60 }),
        removed: false,
        fields: Vec::new(),
    });
    busy.events[visit.index()] = rows.collect();
    assert!(busy.events[visit.index()].is_sorted_by_key(|row| row.at));
    let idle = patron(&program, 2, &[("joined", long_ago)]);
    let found = all_truths(&program, &[busy, idle], false);
    for ((rule, expected), found) in rules.into_iter().zip(found) {
        assert_eq!(found[0], expected, "{rule}");
        let of_nothing = if rule.starts_with("has at most") { Truth::True } else { Truth::False };
        let of_nothing = if rule.starts_with("latest") { Truth::Unknown } else { of_nothing };
        assert_eq!(found[1], of_nothing, "{rule}: the next patron is decided too");
    }
}
