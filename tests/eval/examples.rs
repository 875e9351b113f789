//! Single rules whose answers are worked out by hand, written in the language. Numbers are those of
//! `docs/reference/semantics.md`.

use bookmobile::catalogue::{Channel, ClassSet, Value};
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::eval::{Bulk, Interpreter, NEVER, Question, Rules, Truth, Way, World, local_dates};
use bookmobile::program::Program;
use bookmobile::rule::columns::Builder;
use bookmobile::rule::function::{self, with_example_moment};
use bookmobile::rule::{Consent, ConsentState, EventRow, Expr, Facts, Kind, PatronId, RowId, Tables};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay, Weekday};

const CATALOGUE: &str = r#"
library "Examples" {
  timezone "America/Toronto"  languages en
  sender "Examples" <news@library.example>  reply to <desk@library.example>
  address "1 Main Street"  quiet none
}
purpose essential "Notices" without consent
purpose promotion "News" consent expires after 24 months
privacy borrowing "What a patron borrows" { requires history_opt_in  open records serve essential }
patron { born date optional  expires date optional  seen instant optional  searches int private borrowing  history_opt_in bool }
event visit { rating int optional }
record loan private borrowing { due_on date  returned_at instant optional  open until returned_at }
"#;

struct Example {
    program: Program,
    facts: Facts,
    now: Instant,
}

/// A program with one segment, `rule`, and a patron of whom nothing is known.
fn example(rule: &str, now: &str) -> Example {
    let mut sources = Sources::default();
    sources.add("example.campaign", format!("{CATALOGUE}\nsegment rule {{ {rule} }}\n"));
    let compiled = check::compile(sources);
    let program = compiled.program.unwrap_or_else(|| panic!("{rule}: {:#?}", compiled.diagnostics));
    let facts = Facts::empty(&program.catalogue, PatronId(1));
    let now = instant(&program, now);
    Example { program, facts, now }
}

fn day(text: &str) -> Day {
    let part = |range: std::ops::Range<usize>| text[range].parse::<i16>().expect("a number");
    Day::new(part(0..4), part(5..7) as i8, part(8..10) as i8).expect("a date")
}

/// `2026-11-23 10:00`, Toronto.
fn instant(program: &Program, text: &str) -> Instant {
    let (date, time) = text.split_once(' ').unwrap_or((text, "00:00"));
    let part = |range: std::ops::Range<usize>| time[range].parse::<u32>().expect("a number");
    program.library.zone.at(day(date), TimeOfDay::new(part(0..2), part(3..5), 0).expect("a time"))
}

impl Example {
    fn field(mut self, name: &str, value: Value) -> Example {
        let field = self.program.catalogue.field_named(Symbol::new(name)).expect("a field");
        self.facts.fields[field.index()] = Some(value);
        self
    }

    fn date(self, name: &str, date: &str) -> Example {
        self.field(name, Value::Date(day(date)))
    }

    fn event(mut self, name: &str, at: &str, fields: &[Option<Value>]) -> Example {
        let event = self.program.catalogue.event_named(Symbol::new(name)).expect("an event");
        let at = instant(&self.program, at);
        let rows = &mut self.facts.events[event.index()];
        let row = RowId(rows.len() as i64);
        rows.push(EventRow { row, at, removed: false, fields: fields.to_vec() });
        rows.sort_by_key(|row| (row.at, row.row));
        self
    }

    fn ask(&self, served: ClassSet) -> (Truth, String) {
        self.answer(served, false)
    }

    /// By the interpreter, and what native code says must agree. `is_alone`: one part decides.
    fn answer(&self, served: ClassSet, is_alone: bool) -> (Truth, String) {
        let Example { program, facts, now } = self;
        let segment = program.segment_named(Symbol::new("rule")).expect("the segment");
        let body: &Expr = &program.segment(segment).body;
        let mut rules = Rules::new();
        let rule = rules.add(&program.segments, &program.catalogue, body, served);
        let tables = Tables::default();
        let world = World {
            catalogue: &program.catalogue,
            tables: &tables,
            zone: &program.library.zone,
            week_starts: Weekday::Monday,
        };
        let answer = Interpreter::new(&rules, &world).answer(rule, &Question::of(facts, *now));
        let mut bulk = Bulk::new(&rules, world, &[rule], Way::Native).with_validity();
        let local_date = local_dates(world.zone);
        let wanted = bulk.wanted();
        let mut columns = Builder::new(&program.catalogue, &wanted, &local_date);
        columns.push(facts);
        let (found, untils) = bulk.run_until(&columns.finish(), *now);
        assert_eq!([0, 1].map(|side| found[side].contains(0)), [True, False].map(|truth| truth == answer.truth));
        // Native code looks again when a part of the condition changes, and where months are added some days early.
        let native = untils.get(0);
        assert!(native <= answer.until, "native: {}", native.timestamp());
        if is_alone {
            assert!(native >= answer.until.plus_seconds(-3 * 86_400), "native: {}", native.timestamp());
        }
        let until = match answer.until {
            NEVER => "never".to_owned(),
            until => program.library.zone.civil(until).strftime("%Y-%m-%d %H:%M:%S%.f").to_string(),
        };
        (answer.truth, until)
    }

    #[track_caller]
    fn is(&self, truth: Truth, until: &str) {
        assert_eq!(self.answer(ClassSet::EMPTY, true), (truth, until.to_owned()));
    }

    #[track_caller]
    fn is_by_parts(&self, truth: Truth, until: &str) {
        assert_eq!(self.ask(ClassSet::EMPTY), (truth, until.to_owned()));
    }
}

use Truth::{False, True, Unknown};

/// 6.4, 6.5: not a day too early.
#[test]
fn validity_ends_when_the_truth_changes() {
    let now = "2026-11-23 10:00";
    let expires = |date| example("expires >= today", now).date("expires", date);
    expires("2026-12-24").is(True, "2026-12-25 00:00:00");
    expires("2026-11-22").is(False, "never");
    example("expires >= today", now).is(Unknown, "never");
    let in_thirty = |date| example("expires <= today + 30 days", now).date("expires", date);
    in_thirty("2027-01-31").is(False, "2027-01-01 00:00:00");
    let of_age = |date| example("age(born) between 13 and 17", now).date("born", date);
    of_age("2008-02-29").is(False, "never");
    of_age("2012-02-29").is(True, "2030-02-28 00:00:00");
    of_age("2013-11-24").is(False, "2026-11-24 00:00:00");
    of_age("2027-01-05").is(Unknown, "2027-01-05 00:00:00");
    let since = |date| example("months since expires >= 6", now).date("expires", date);
    since("2026-08-31").is(False, "2027-02-28 00:00:00");
    let seen = |rule, at| {
        let example = example(rule, now);
        let at = Value::Instant(instant(&example.program, at));
        example.field("seen", at)
    };
    seen("seen before now - 2 hours", "2026-11-23 09:00").is(False, "2026-11-23 11:00:00.000001");
    seen("seen before now - 7 days", "2026-11-20 09:00").is(False, "2026-11-27 09:00:00.000001");
    seen("seen in the last 48 hours", "2026-11-23 09:00").is(True, "2026-11-25 09:00:00.000001");
    seen("seen in this month", "2026-11-23 09:00").is(True, "2026-12-01 00:00:00");
    seen("seen in the previous week", "2026-11-23 09:00").is(False, "2026-11-30 00:00:00");
}

/// 3.2, 5.1, 6.3.
#[test]
fn events_leave_windows_and_come_of_age() {
    let now = "2026-11-23 10:00";
    let visits =
        |rule: &str, at: &[&str]| at.iter().fold(example(rule, now), |example, at| example.event("visit", at, &[None]));
    let often = "has at least 2 visit in the last 30 days";
    visits(often, &["2026-11-01 10:00", "2026-11-10 10:00", "2026-11-20 10:00"]).is(True, "2026-12-11 00:00:00");
    visits(often, &["2026-11-01 10:00"]).is(False, "never");
    visits(often, &["2026-11-01 10:00", "2026-11-24 09:00"]).is(False, "2026-11-24 09:00:00");
    visits("has no visit in the last 1 month", &["2026-10-31 10:00"]).is(False, "2026-12-01 00:00:00");
    visits("has visit in the next 7 days", &["2026-12-24 09:00"]).is(False, "2026-12-17 00:00:00");
    visits("latest(visit) in the last 7 days", &["2026-11-20 10:00"]).is(True, "2026-11-28 00:00:00");
}

/// 3.4 to 3.6.
#[test]
fn uncertain_events_make_ranges() {
    let rated = |rule: &str| {
        let example = example(rule, "2026-11-23 10:00").event("visit", "2026-11-01 10:00", &[Some(Value::Int(5))]);
        example.event("visit", "2026-11-02 10:00", &[None])
    };
    rated("has visit where (rating >= 4)").is(True, "never");
    rated("has exactly 1 visit where (rating >= 4)").is(Unknown, "never");
    rated("has at most 2 visit where (rating >= 4)").is(True, "never");
    rated("count(visit where (rating >= 4)) > 2").is(False, "never");
    rated("count(visit where (rating >= 4)) + 1 > 1").is(Unknown, "never");
    rated("count(visit where (rating >= 4)) is known").is(False, "never");
    rated("sum(rating of visit) is known").is(False, "never");
    rated("first(visit where (rating >= 4)) is known").is(True, "never");
    rated("latest(visit where (rating >= 4)) is known").is(False, "never");
}

/// 4.1, 4.4.
#[test]
fn private_records_are_known_where_they_serve() {
    let overdue = "has loan where (open and due_on < today)";
    let loan = |rule: &str| {
        let fields = [Some(Value::Date(day("2026-11-25"))), None];
        example(rule, "2026-11-23 10:00").event("loan", "2026-11-01 10:00", &fields)
    };
    let serves = loan(overdue);
    let served =
        serves.program.catalogue.served_by(serves.program.catalogue.purpose_named("essential".into()).expect("it"));
    assert_eq!(serves.ask(served), (False, "2026-11-26 00:00:00".to_owned()));
    serves.is_by_parts(Unknown, "never");
    loan(overdue).field("history_opt_in", Value::Bool(true)).is(False, "2026-11-26 00:00:00");
    assert_eq!(loan("has loan where (due_on < today)").ask(served).0, Unknown);
    assert_eq!(loan("has no loan").ask(served).0, Unknown);
    assert_eq!(loan("searches is unknown").ask(served).0, True);
    loan("not history_opt_in").is(True, "never");
}

/// 5.7.
#[test]
fn consents_end() {
    let mut example = example("agrees to promotion by email", "2026-11-23 10:00");
    example.is(False, "never");
    let purpose = example.program.catalogue.purpose_named("promotion".into()).expect("it");
    let (on, state) = (day("2024-11-25"), ConsentState::Given);
    example.facts.consents = vec![Consent { purpose, channel: Channel::Email, state, on, until: None }];
    example.is(True, "2026-11-25 00:00:00");
    example.facts.consents[0].until = Some(day("2026-11-22"));
    example.is_by_parts(False, "never");
}

/// What the registry says of its functions holds in the interpreter too.
#[test]
fn every_example_of_every_function_holds() {
    let program = example("true", "2026-11-23 10:00").program;
    let tables = Tables::default();
    with_example_moment(|moment| {
        for function in function::ALL {
            for example in (function.examples)() {
                let span = program.segments[0].span;
                let expr = |kind| Expr { kind, ty: bookmobile::catalogue::Type::Bool, span };
                let arguments = example.arguments.into_iter().map(|value| expr(Kind::Literal(value))).collect();
                let call = expr(Kind::Call { function, arguments });
                let mut rules = Rules::new();
                let value = rules.add_value(&program.segments, &program.catalogue, &call, ClassSet::EMPTY);
                let world = World {
                    catalogue: &program.catalogue,
                    tables: &tables,
                    zone: moment.zone,
                    week_starts: Weekday::Monday,
                };
                let facts = Facts::empty(&program.catalogue, PatronId(1));
                let known = Interpreter::new(&rules, &world).value(value, &Question::of(&facts, moment.now));
                assert_eq!(known, example.result, "{}: {}", function.name, example.text);
            }
        }
    });
}
