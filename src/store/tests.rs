//! The store's own promises, over a small catalogue made here.

use std::collections::HashMap;

use super::*;
use crate::catalogue::*;
use crate::rule::{ConsentState, PatronId};
use crate::symbol::Symbol;
use crate::time::{Day, Duration, Instant, Zone};

const NAME: FieldId = FieldId(0);
const BRANCH: FieldId = FieldId(1);
const HISTORY: FieldId = FieldId(2);
const FINES: FieldId = FieldId(3);
const INTERESTS: FieldId = FieldId(4);
const CHECKOUT: EventId = EventId(0);
const LOAN: EventId = EventId(1);
const VISIT: EventId = EventId(2);
const PROMOTION: PurposeId = PurposeId(1);

fn field(name: &str, ty: Type) -> Field {
    Field { name: Symbol::new(name), ty, optional: true, private: None, doc: None, span: None }
}

fn event(name: &str, kind: EventKind, private: Option<ClassId>, fields: Vec<Field>) -> Event {
    Event { name: Symbol::new(name), kind, private, fields, doc: None, span: None }
}

fn purpose(name: &str, needs_consent: bool) -> Purpose {
    let expires_after = needs_consent.then_some(Duration { count: 24, unit: crate::time::Unit::Month });
    Purpose { name: Symbol::new(name), label: None, needs_consent, expires_after, span: None }
}

fn catalogue() -> Catalogue {
    let values = |names: &[&str]| names.iter().map(|name| (Symbol::new(name), None)).collect();
    let class = Some(ClassId(0));
    let record = EventKind::Record { open_until: Some(1), keep: Duration::days(7) };
    let mut catalogue = Catalogue {
        fields: vec![
            field("first_name", Type::Text),
            field("branch", Type::Enum(EnumId(0))),
            field("history_opt_in", Type::Bool),
            field("fines", Type::Money),
            field("interests", Type::Set(Element::Enum(EnumId(1)))),
        ],
        events: vec![
            event("checkout", EventKind::Event, class, vec![field("format", Type::Text)]),
            event("loan", record, class, vec![field("title", Type::Text), field("returned_at", Type::Instant)]),
            event("visit", EventKind::Event, None, vec![field("program", Type::Text), field("age", Type::Int)]),
        ],
        enums: vec![
            Enum { name: None, values: values(&["central", "J-FIC"]), span: None },
            Enum { name: None, values: values(&["games", "history"]), span: None },
        ],
        purposes: vec![purpose("essential", false), purpose("promotion", true)],
        classes: vec![PrivacyClass {
            name: Symbol::new("borrowing"),
            label: None,
            requires: Some(HISTORY),
            open_records_serve: vec![PurposeId(0)],
            only_for: None,
            span: None,
        }],
        tables: vec![Table {
            name: Symbol::new("zone"),
            by: Symbol::new("branch"),
            fields: vec![field("households", Type::Int)],
            span: None,
        }],
        lists: vec![List { name: Symbol::new("friends"), label: None, doc: None, span: None }],
        feeds: vec![Feed { name: Symbol::new("programs"), fields: vec![field("title", Type::Text)], span: None }],
        ..Catalogue::default()
    };
    catalogue.field_index = index(catalogue.fields.iter().map(|field| field.name), FieldId);
    catalogue.event_index = index(catalogue.events.iter().map(|event| event.name), EventId);
    catalogue
}

fn index<I>(names: impl Iterator<Item = Symbol>, id: impl Fn(u16) -> I) -> HashMap<Symbol, I> {
    names.enumerate().map(|(place, name)| (name, id(place as u16))).collect()
}

fn store() -> Store {
    let mut store = Store::in_memory().expect("memory");
    store.align(&catalogue()).expect("a catalogue");
    store
}

fn at(day: i32) -> Instant {
    Instant(i64::from(day) * 86_400_000_000)
}

fn write<T>(store: &mut Store, day: i32, work: impl FnOnce(&mut Writer<'_>) -> Result<T, StoreError>) -> T {
    let transaction = store.begin().expect("a transaction");
    let mut writer = transaction.writer(&Zone::utc(), at(day));
    let result = work(&mut writer).expect("written");
    drop(writer);
    transaction.commit().expect("committed");
    result
}

fn symbol(name: &str) -> Option<Value> {
    Some(Value::Symbol(Symbol::new(name)))
}

fn text(value: &str) -> Option<Value> {
    Some(Value::text(value))
}

fn facts(store: &Store, patron: PatronId) -> crate::rule::Facts {
    let needs = Needs::everything(store.layout().catalogue());
    store.reader().facts(patron, &needs).expect("read").expect("a patron")
}

#[test]
fn values_come_back_as_they_were_written() {
    let mut store = store();
    let set = Value::Set([Value::Symbol(Symbol::new("games")), Value::Symbol(Symbol::new("history"))].into());
    let fields = [
        (NAME, text("川﨑 \"Ana\"\n=cmd|' /C calc'!A0")),
        (BRANCH, symbol("J-FIC")),
        (HISTORY, Some(Value::Bool(true))),
        (FINES, Some(Value::Money(-1250))),
        (INTERESTS, Some(set)),
    ];
    let ana = write(&mut store, 10, |writer| writer.patron("21", Some(at(10)), &fields));
    let found = facts(&store, ana);
    assert_eq!((&*found.key, found.since), ("21", Some(at(10))));
    let expected: Vec<Option<Value>> = fields.into_iter().map(|(_, value)| value).collect();
    assert_eq!(found.fields, expected);
    assert!(found.changed.is_empty());
}

/// IMP-08: the second time changes nothing, and nobody is in the change log for it.
#[test]
fn imp_08_writing_what_is_there_changes_nothing() {
    let mut store = store();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let before = store.reader().newest_change().expect("read");
        let outcomes = write(&mut store, 5, |writer| {
            let fields = [(NAME, text("Ana")), (HISTORY, Some(Value::Bool(true)))];
            let ana = writer.patron("1", None, &fields)?;
            let visit = writer.event(ana, VISIT, None, at(3), &[(0, text("Chess"))])?;
            let loan = writer.event(ana, LOAN, Some("L1"), at(4), &[(0, text("Emma"))])?;
            writer.member(ana, ListId(0), true)?;
            writer.consent(ana, PROMOTION, Channel::Email, ConsentState::Given, at(2), None)?;
            writer.table_row(TableId(0), "Central", &[(0, Some(Value::Int(12)))])?;
            writer.feed_row(FeedId(0), None, &[(0, text("Chess night"))])?;
            Ok([visit.outcome, loan.outcome])
        });
        let changes = store.reader().changes_since(before).expect("read");
        seen.push((outcomes, changes.patrons.len(), changes.everybody));
    }
    assert_eq!(seen[0], ([Outcome::Inserted; 2], 1, true));
    assert_eq!(seen[1], ([Outcome::Unchanged; 2], 0, false));
    let counts = store.reader().counts().expect("read");
    assert_eq!((counts.patrons, counts.events, counts.members), (1, vec![0, 1, 1], vec![1]));
    assert_eq!(store.reader().feed(FeedId(0)).expect("read").len(), 1);
    assert!(store.reader().tables().expect("read").row(TableId(0), "central").is_some());
}

#[test]
fn a_change_is_dated_and_another_spelling_is_none() {
    let mut store = store();
    let ana =
        write(&mut store, 1, |writer| writer.patron("1", None, &[(NAME, text("ana")), (BRANCH, symbol("central"))]));
    write(&mut store, 5, |writer| writer.patron("1", None, &[(NAME, text("Ana"))]));
    write(&mut store, 8, |writer| writer.patron("1", None, &[(BRANCH, symbol("J-FIC"))]));
    write(&mut store, 9, |writer| writer.patron("1", None, &[(BRANCH, symbol("J-FIC"))]));
    let found = facts(&store, ana);
    assert_eq!(found.field(NAME), text("Ana").as_ref());
    assert_eq!(found.changed, vec![(BRANCH, at(8))]);
}

#[test]
fn a_record_keeps_its_first_instant_and_comes_back() {
    let mut store = store();
    let ana = write(&mut store, 1, |writer| writer.patron("1", None, &[]));
    let loan = |title: &str| vec![(0, text(title))];
    let first = write(&mut store, 2, |writer| writer.event(ana, LOAN, Some("L1"), at(2), &loan("Emma")));
    let second = write(&mut store, 3, |writer| writer.event(ana, LOAN, Some("L1"), at(3), &loan("Middlemarch")));
    assert_eq!((second.row, second.outcome), (first.row, Outcome::Replaced));
    assert!(write(&mut store, 4, |writer| writer.remove_record(LOAN, "L1", at(4))));
    write(&mut store, 4, |writer| writer.change_record(LOAN, "L1", &loan("Persuasion")));
    let found = facts(&store, ana).events(LOAN).to_vec();
    assert_eq!((found.len(), found[0].at, found[0].removed), (1, at(2), true));
    assert_eq!(found[0].fields[0], text("Persuasion"));
    write(&mut store, 5, |writer| writer.event(ana, LOAN, Some("L1"), at(5), &loan("Persuasion")));
    assert!(!facts(&store, ana).events(LOAN)[0].removed);
    let missing = store.begin().expect("a transaction");
    let error = missing.writer(&Zone::utc(), at(6)).change_record(LOAN, "L2", &[]).expect_err("no such record");
    assert_eq!(error.to_string(), "there is no loan with the key \"L2\"");
}

#[test]
fn history_without_the_agreement_is_not_stored_and_open_records_are() {
    let mut store = store();
    let (returned, open) = (Some(Value::Instant(at(3))), None);
    let ben = write(&mut store, 5, |writer| {
        let ben = writer.patron("2", None, &[(HISTORY, Some(Value::Bool(false)))])?;
        let forbidden = Outcome::NotStored(ClassId(0));
        assert_eq!(writer.event(ben, CHECKOUT, None, at(2), &[])?.outcome, forbidden);
        assert_eq!(writer.event(ben, LOAN, Some("a"), at(2), &[(1, returned.clone())])?.outcome, forbidden);
        assert_eq!(writer.event(ben, LOAN, Some("b"), at(2), &[(1, open)])?.outcome, Outcome::Inserted);
        assert_eq!(writer.event(ben, VISIT, None, at(2), &[])?.outcome, Outcome::Inserted);
        Ok(ben)
    });
    write(&mut store, 6, |writer| writer.change_record(LOAN, "b", &[(1, Some(Value::Instant(at(6))))]));
    assert_eq!(write(&mut store, 12, |writer| writer.purge()), Purged::default());
    assert_eq!(write(&mut store, 13, |writer| writer.purge()).rows, vec![(LOAN, 1)]);
    assert_eq!(facts(&store, ben).events(LOAN), &[]);
}

#[test]
fn who_opts_out_loses_the_history() {
    let mut store = store();
    let ana = write(&mut store, 1, |writer| {
        let ana = writer.patron("1", None, &[(HISTORY, Some(Value::Bool(true)))])?;
        writer.event(ana, CHECKOUT, None, at(1), &[(0, text("dvd"))])?;
        Ok(ana)
    });
    assert_eq!(write(&mut store, 2, |writer| writer.purge()), Purged::default());
    write(&mut store, 3, |writer| writer.patron("1", None, &[(HISTORY, Some(Value::Bool(false)))]));
    assert_eq!(write(&mut store, 3, |writer| writer.purge()).rows, vec![(CHECKOUT, 1)]);
    assert!(facts(&store, ana).events(CHECKOUT).is_empty());
}

#[test]
fn a_removed_record_goes_after_its_time_unless_the_patron_agrees_by_then() {
    let mut store = store();
    let agree = |truth: bool| [(HISTORY, Some(Value::Bool(truth)))];
    let [ana, ben] = write(&mut store, 1, |writer| {
        let ana = writer.patron("1", None, &agree(false))?;
        let ben = writer.patron("2", None, &agree(true))?;
        writer.event(ana, LOAN, Some("a"), at(1), &[])?;
        writer.event(ben, LOAN, Some("b"), at(1), &[(1, Some(Value::Instant(at(1))))])?;
        writer.event(ben, LOAN, Some("c"), at(1), &[])?;
        Ok([ana, ben])
    });
    assert!(write(&mut store, 2, |writer| writer.remove_record(LOAN, "a", at(2))));
    write(&mut store, 2, |writer| writer.patron("2", None, &agree(false)));
    // Ben's closed loan is a day old when he withdraws, and goes on the eighth; Ana's on the ninth.
    assert_eq!(write(&mut store, 7, |writer| writer.purge()), Purged::default());
    assert_eq!(write(&mut store, 8, |writer| writer.purge()).rows, vec![(LOAN, 1)]);
    assert_eq!(facts(&store, ben).events(LOAN).len(), 1);
    write(&mut store, 8, |writer| writer.patron("1", None, &agree(true)));
    assert_eq!(write(&mut store, 20, |writer| writer.purge()), Purged::default());
    assert_eq!(facts(&store, ana).events(LOAN).len(), 1);
}

#[test]
fn an_old_export_undoes_no_unsubscription() {
    let mut store = store();
    let given = |writer: &mut Writer<'_>, patron, day| {
        writer.consent(patron, PROMOTION, Channel::Email, ConsentState::Given, at(day), None)
    };
    let ana = write(&mut store, 10, |writer| writer.patron("1", None, &[]));
    assert!(write(&mut store, 10, |writer| given(writer, ana, 2)));
    assert!(write(&mut store, 10, |writer| writer.withdraw(ana, PROMOTION, Channel::Email, at(7))));
    assert!(!write(&mut store, 11, |writer| given(writer, ana, 2)));
    assert_eq!(facts(&store, ana).consents[0].state, ConsentState::Withdrawn);
    assert!(write(&mut store, 12, |writer| given(writer, ana, 12)));
    let found = facts(&store, ana).consents;
    assert_eq!((found[0].state, found[0].on), (ConsentState::Given, Day(12)));
    let ask =
        |writer: &mut Writer<'_>| writer.consent(ana, PROMOTION, Channel::Email, ConsentState::Asked, at(13), None);
    assert!(!write(&mut store, 13, ask));
    let words: i64 = store.connection().query_row("SELECT count(*) FROM audit", (), |row| row.get(0)).expect("read");
    assert_eq!(words, 3);
}

#[test]
fn a_scan_gives_every_patron_once_with_their_own_rows_in_order() {
    let mut store = store();
    write(&mut store, 1, |writer| {
        for n in 1..=20 {
            writer.patron(&format!("P{n}"), None, &[])?;
        }
        for day in (0..60).rev() {
            let patron = PatronId(i64::from(day * 7 % 20) + 1);
            writer.event(patron, VISIT, None, at(day), &[(1, Some(Value::Int(i64::from(day))))])?;
        }
        Ok(())
    });
    let needs = Needs::patron().with_event(VISIT, Columns::Only(vec![1]));
    let mut seen = Vec::new();
    for range in store.reader().ranges(3).expect("read") {
        store.reader().scan_range(&needs, range, |facts| seen.push(facts.clone())).expect("read");
    }
    assert_eq!(seen.iter().map(|facts| facts.patron.0).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    assert_eq!(seen.iter().map(|facts| facts.events(VISIT).len()).sum::<usize>(), 60);
    for facts in &seen {
        assert!(facts.events(VISIT).is_sorted_by_key(|event| event.at));
        assert!(facts.events(VISIT).iter().all(|event| event.fields[0].is_none() && event.fields[1].is_some()));
    }
}

#[test]
fn row_numbers_grow_over_all_kinds_and_are_never_used_twice() {
    let mut store = store();
    let ana = write(&mut store, 1, |writer| writer.patron("1", None, &[(HISTORY, Some(Value::Bool(true)))]));
    let mut last = None;
    for day in 2..40 {
        let kind = if day % 2 == 0 { VISIT } else { CHECKOUT };
        let written = write(&mut store, day, |writer| writer.event(ana, kind, None, at(day), &[]));
        assert!(written.row > last && written.row <= Some(store.reader().newest_row().expect("read")));
        last = written.row;
    }
    write(&mut store, 40, |writer| writer.erase(ana));
    assert_eq!(store.reader().counts().expect("read").events, vec![0, 0, 0]);
    let ben = write(&mut store, 41, |writer| writer.patron("2", None, &[]));
    assert!(ben > ana);
    assert!(write(&mut store, 41, |writer| writer.event(ben, VISIT, None, at(41), &[])).row > last);
}

#[test]
fn a_catalogue_grows_and_a_type_that_cannot_be_kept_is_refused() {
    let mut store = store();
    let ana = write(&mut store, 1, |writer| {
        let ana = writer.patron("1", None, &[])?;
        writer.event(ana, VISIT, None, at(1), &[(1, Some(Value::Int(7)))])?;
        Ok(ana)
    });
    let mut grown = catalogue();
    grown.events[2].fields.insert(0, field("room", Type::Text));
    grown.events[2].fields[2].ty = Type::Decimal;
    store.align(&grown).expect("finer numbers are converted");
    assert_eq!(facts(&store, ana).events(VISIT)[0].fields, vec![None, None, Some(Value::Decimal(70_000))]);
    grown.events[2].fields[2].ty = Type::Date;
    let error = store.align(&grown).expect_err("a number is no date");
    assert!(error.to_string().contains("keeps visit.age as decimal"), "{error}");
}

mod file;
