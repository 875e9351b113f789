//! Dry-run and explain: what they say is what a tick does, and they write nothing.

use bookmobile::catalogue::Value;
use bookmobile::check::compile;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Handed, Plan};
use bookmobile::eval::{Truth, Way};
use bookmobile::program::Program;
use bookmobile::review::demo::{self, Schema, Town};
use bookmobile::review::dry_run::{DryRun, Means, dry_run};
use bookmobile::review::explain::{Explanation, Part, Subject, explanation};
use bookmobile::rule::Facts;
use bookmobile::store::{Needs, Store};
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

use super::{plan, starter_program};

fn at(program: &Program, day: i64) -> Instant {
    let monday = Day::new(2026, 11, 30).expect("a date");
    program.library.zone.at(monday.plus_days(day), TimeOfDay(10 * 3600 + 1800))
}

/// What a dry-run says will become of messages, by campaign and message: sent, held back, dropped.
fn foretold(found: &DryRun) -> Vec<(String, String, [u64; 3])> {
    let queues = found.campaigns.iter().flat_map(|preview| {
        preview.messages.iter().map(|(message, queue)| {
            (preview.name.clone(), message.clone(), [queue.sent(), queue.held(), queue.count - queue.left()])
        })
    });
    queues.collect()
}

/// The newest row of the outbox.
fn newest(store: &Store) -> i64 {
    let sql = "SELECT coalesce(max(id), 0) FROM outbox";
    store.connection().query_row(sql, [], |row| row.get(0)).expect("a number")
}

/// What became of the messages after the row `since`, in the same way.
fn outbox(store: &Store, since: i64) -> Vec<(String, String, [u64; 3])> {
    let sql = "SELECT campaign, message, sum(state = 'sent'), sum(state = 'queued'), sum(state = 'dropped') FROM outbox \
               WHERE id > ?1 GROUP BY campaign, message ORDER BY campaign, message";
    let mut statement = store.connection().prepare(sql).expect("a statement");
    let rows = statement.query_map([since], |row| {
        let count = |index| row.get::<_, i64>(index).map(|count| count as u64);
        Ok((row.get(0)?, row.get(1)?, [count(2)?, count(3)?, count(4)?]))
    });
    rows.expect("rows").collect::<Result<_, _>>().expect("rows")
}

#[test]
fn a_dry_run_foretells_the_tick_and_the_delivery_and_writes_nothing() {
    let program = starter_program();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("town.db");
    let mut store = Store::open(&path).expect("a new store");
    store.align(&program.catalogue).expect("it fits");
    let days = demo::Plan { days: 2, ..plan(600) };
    let mut town = Town::new(Schema::new(&program.catalogue, &program.library.zone), days);
    town.found(&mut store, |_| ()).expect("imported");
    let ticking = Plan::new(&program);

    let first = dry_run(&store, &program, None, at(&program, 0), &Means::default()).expect("a preview");
    assert_eq!(first.last_tick, None);
    assert!(foretold(&first).is_empty(), "the first tick starts nothing");
    engine::tick(&mut store, &ticking, at(&program, 0), None).expect("ticked");
    assert_eq!(newest(&store), 0);

    for day in 1..=2 {
        town.import_day(&mut store, day).expect("imported");
        let now = at(&program, day);
        let before = newest(&store);
        let mut reading = Store::open_read_only(&path).expect("the store");
        reading.align(&program.catalogue).expect("it fits");
        let found = dry_run(&reading, &program, None, now, &Means::default()).expect("a preview");
        assert_eq!(newest(&store), before, "nothing was written");
        engine::tick(&mut store, &ticking, now, None).expect("ticked");
        engine::deliver(&mut store, &ticking, now, &mut |_| Handed::Over(Vec::new())).expect("delivered");
        let happened = outbox(&store, before);
        assert!(happened.iter().any(|(campaign, ..)| campaign == "due_soon"), "{happened:?}");
        assert_eq!(foretold(&found), happened, "day {day}");
    }
}

/// What a first tick starts of current members, a dry-run before it says.
#[test]
fn a_dry_run_foretells_a_first_tick_that_takes_current_members() {
    let source = r#"
library "L" { timezone "America/Toronto"  languages en  sender "L" <news@library.example>  quiet none }
purpose essential "Notices" without consent
patron { email email optional }
message hello { email { subject "Hello" body "Hello." } }
campaign at_once { purpose essential  audience everyone  start on entering including current members  send hello }
campaign later   { purpose essential  audience everyone  start on entering  send hello }
"#;
    let mut sources = Sources::default();
    sources.add("program.campaign", source.to_owned());
    let program = compile(sources).program.expect("a program");
    let mut store = Store::in_memory().expect("a store");
    store.align(&program.catalogue).expect("it fits");
    let now = at(&program, 0);
    let transaction = store.begin().expect("a transaction");
    let mut writer = transaction.writer(&program.library.zone, now);
    let email = [(program.catalogue.field_named("email".into()).expect("declared"), Some(Value::text("a@x.example")))];
    writer.patron("1", Some(now), &email).expect("written");
    writer.patron("2", Some(now), &[]).expect("written");
    drop(writer);
    transaction.commit().expect("committed");

    for means in [Means::default(), Means { excerpt: true, ..Means::default() }] {
        let found = dry_run(&store, &program, None, now, &means).expect("a preview");
        assert_eq!(foretold(&found), [("at_once".to_owned(), "hello".to_owned(), [1, 0, 1])]);
    }
    let ticking = Plan::new(&program);
    engine::tick(&mut store, &ticking, now, None).expect("ticked");
    engine::deliver(&mut store, &ticking, now, &mut |_| Handed::Over(Vec::new())).expect("delivered");
    assert_eq!(outbox(&store, 0), [("at_once".to_owned(), "hello".to_owned(), [1, 0, 1])]);
}

/// With native code, a snapshot and an excerpt a dry-run says what it says by the interpreter, from SQLite, over a copy
/// of the whole store: before the first tick, at ticks with and without a schedule, of all campaigns and of one.
#[test]
fn what_makes_a_dry_run_quick_changes_nothing_in_it() {
    let plainly = Means { way: Way::Interpreted, from_patrons: i64::MAX, progress: None, excerpt: false };
    let quickly = Means { from_patrons: 0, ..Means::default() };
    let program = starter_program();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("town.db");
    let mut store = Store::open(&path).expect("a new store");
    store.align(&program.catalogue).expect("it fits");
    let days = demo::Plan { days: 3, ..plan(2_200) };
    let mut town = Town::new(Schema::new(&program.catalogue, &program.library.zone), days);
    town.found(&mut store, |_| ()).expect("imported");
    let ticking = Plan::new(&program);
    let mut queued = 0;
    for day in 0..=3 {
        if day > 0 {
            town.import_day(&mut store, day).expect("imported");
        }
        let now = at(&program, day);
        let mut reading = Store::open_read_only(&path).expect("the store");
        reading.align(&program.catalogue).expect("it fits");
        let names = program.campaigns.iter().map(|campaign| Some(campaign.name.as_str()));
        for only in names.chain([None]) {
            let plain = dry_run(&reading, &program, only, now, &plainly).expect("a preview");
            let quick = dry_run(&reading, &program, only, now, &quickly).expect("a preview");
            assert_eq!(quick, plain, "{only:?} on day {day}");
            queued += foretold(&plain).len();
        }
        engine::tick(&mut store, &ticking, now, None).expect("ticked");
    }
    assert!(queued > 10, "something was due: {queued}");
    assert!(folder.path().join("town.db.snapshot").exists());
}

#[test]
fn the_funnel_counts_what_the_rules_say() {
    let program = starter_program();
    let store = super::town(&program, plan(800));
    let found = dry_run(&store, &program, None, at(&program, 0), &Means::default()).expect("a preview");
    let of = |name: &str| found.campaigns.iter().find(|preview| preview.name == name).expect("the campaign");
    for preview in &found.campaigns {
        let funnel = &preview.funnel;
        assert_eq!(funnel.store, 800, "{}", preview.name);
        assert!(funnel.audience >= funnel.not_excepted && funnel.not_excepted >= funnel.reachable, "{funnel:?}");
    }
    // The same by hand: a valid card, not of the staff.
    let fields = ["has_card", "expires_on", "patron_type", "email"].map(Symbol::new);
    let fields = fields.map(|name| program.catalogue.field_named(name).expect("declared"));
    let today = bookmobile::catalogue::Value::Date(program.library.zone.day(at(&program, 0)));
    let mut holders = 0;
    let count = |facts: &Facts| {
        let is = |index: usize| facts.field(fields[index]).cloned();
        let valid = match (is(1), &today) {
            (Some(bookmobile::catalogue::Value::Date(day)), bookmobile::catalogue::Value::Date(today)) => day >= *today,
            _ => false,
        };
        let staff = bookmobile::catalogue::Value::Symbol(Symbol::new("staff"));
        holders += u64::from(valid && is(0) == Some(bookmobile::catalogue::Value::Bool(true)) && is(2) != Some(staff));
    };
    store.reader().scan(&Needs::patron(), count).expect("scanned");
    assert_eq!(of("card_ready").funnel.audience, holders);
    assert_eq!(of("moved_branch").funnel.audience, holders);
    let nudge = of("ebook_nudge");
    assert!(nudge.funnel.audience_unknown > 300, "a history that is not kept is not known: {:?}", nudge.funnel);
    assert!(nudge.warnings.iter().any(|warning| warning.contains("not known")), "{:?}", nudge.warnings);
    let windows: Vec<&str> = nudge.dates.iter().map(|meaning| meaning.text.as_str()).collect();
    assert!(windows.iter().any(|text| text.contains("in the last 90 days")), "{windows:?}");
}

/// A store with the patrons of a test's fixtures would need the test runner; these are rows of their own.
fn explained(agrees: bool, subject: &str) -> Explanation {
    use bookmobile::catalogue::Value;
    let program = starter_program();
    let catalogue = &program.catalogue;
    let mut store = Store::in_memory().expect("memory");
    store.align(catalogue).expect("it fits");
    let now = at(&program, 0);
    let zone = &program.library.zone;
    let field = |name: &str| catalogue.field_named(Symbol::new(name)).expect("declared");
    let event = |name: &str| catalogue.event_named(Symbol::new(name)).expect("declared");
    let today = zone.day(now);
    let transaction = store.begin().expect("a transaction");
    let mut writer = transaction.writer(zone, now.plus_seconds(-86_400 * 40));
    let fields = [
        ("has_card", Value::Bool(true)),
        ("branch", Value::Symbol(Symbol::new("central"))),
        ("patron_type", Value::Symbol(Symbol::new("adult"))),
        ("expires_on", Value::Date(today.plus_days(400))),
        ("history_opt_in", Value::Bool(agrees)),
        ("email", Value::text("ana@mail.example")),
    ];
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| (field(name), Some(value))).collect();
    let ana = writer.patron("ana", None, &fields).expect("a patron");
    let loan = catalogue.event(event("loan"));
    let of = |name: &str, value: Value| (loan.field(Symbol::new(name)).expect("declared"), Some(value));
    let row = [
        of("item", Value::text("1")),
        of("title", Value::text("Emma")),
        of("branch", Value::Symbol(Symbol::new("central"))),
        of("format", Value::Symbol(Symbol::new("book"))),
        of("due_on", Value::Date(today.plus_days(-5))),
        of("renewals", Value::Int(0)),
    ];
    writer.event(ana, event("loan"), Some("l1"), now.plus_seconds(-86_400 * 30), &row).expect("a loan");
    let gift = [(0, Some(Value::Money(4_000)))];
    writer.event(ana, event("donation"), None, now.plus_seconds(-86_400 * 50), &gift).expect("a gift");
    drop(writer);
    transaction.commit().expect("written");
    let facts = store.reader().facts(ana, &Needs::everything(catalogue)).expect("read").expect("ana");
    let subject = Subject::named(&program, subject).expect("declared");
    explanation(&store, &program, &facts, subject, now).expect("explained")
}

/// Every sentence of the tree.
fn sentences(part: &Part) -> Vec<String> {
    let mut all = part.because.clone();
    all.extend(part.parts.iter().flat_map(sentences));
    all
}

fn all_sentences(found: &Explanation) -> String {
    found.answers.iter().flat_map(|answered| sentences(&answered.answer)).collect::<Vec<_>>().join("\n")
}

#[test]
fn history_without_an_agreement_is_not_known() {
    let found = explained(false, "paper_reader");
    assert_eq!(found.answers[0].answer.truth, Truth::Unknown);
    let said = all_sentences(&found);
    assert!(said.contains("checkout is not known: no agreement (history_opt_in)"), "{said}");
    let found = explained(true, "paper_reader");
    assert_eq!(found.answers[0].answer.truth, Truth::False);
    assert!(all_sentences(&found).contains("none fits; 0 checkout in the store"), "{}", all_sentences(&found));
}

#[test]
fn gifts_are_shown_to_who_raises_funds_and_to_nobody_else() {
    let found = explained(true, "gave_lately");
    assert_eq!(found.answers[0].answer.truth, Truth::True);
    let said = all_sentences(&found);
    assert!(said.contains("donation is private (giving) and not shown"), "{said}");
    let found = explained(true, "friends_appeal");
    let said = all_sentences(&found);
    assert!(said.contains("1 fit, the latest on 2026-10-11"), "{said}");
}

#[test]
fn an_explanation_says_how_a_reader_is_reached_and_when_an_answer_changes() {
    let found = explained(false, "card_expiry");
    let reached: Vec<(&str, bool)> = found.channels.iter().map(|(way, how)| (way.word(), how.is_ok())).collect();
    assert_eq!(reached, [("email", true), ("sms", false), ("print", false)]);
    let found = explained(false, "cardholder");
    fn expiry(part: &Part) -> Option<&Part> {
        if part.text == "expires_on >= today" { Some(part) } else { part.parts.iter().find_map(expiry) }
    }
    let part = expiry(&found.answers[0].answer).expect("the atom");
    let program = starter_program();
    let ends = program.library.zone.day(at(&program, 0)).plus_days(401);
    assert_eq!(part.until, Some(program.library.zone.start_of(ends)));
    let journal = explained(true, "overdue").journal.expect("a campaign's");
    assert!(journal.messages.is_empty() && journal.enrolments.is_empty());
}
