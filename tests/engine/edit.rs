//! A program that changes under running enrolments, and under conditions that were already true.

use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Handed, Handover, Plan};
use bookmobile::program::Program;
use bookmobile::review::dry_run::{Means, dry_run};
use bookmobile::review::versions;
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant};

use super::town::BEGIN;

const HEAD: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example>  reply to <desk@library.example>  quiet none }
purpose essential "Notices" without consent
patron { house one of central, eastside  ends date  email email optional }
event visit { place text }
message note_a { email { subject "First"  body "The first one." } }
message note_b { email { subject "Second" body "The second one." } }
message note_c { email { subject "Third"  body "The third one." } }
"#;

fn program(campaigns: &str) -> Program {
    compiled(&format!("{HEAD}{campaigns}"))
}

fn compiled(text: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("program.campaign", text);
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("the program is right: {:?}", compiled.diagnostics))
}

/// A library with one patron, and the names of the messages that went out.
struct Town {
    store: Store,
    sent: Vec<&'static str>,
}

impl Town {
    fn new(program: &Program) -> Town {
        let mut store = Store::in_memory().expect("memory");
        store.align(&program.catalogue).expect("columns");
        let mut town = Town { store, sent: Vec::new() };
        town.house(program, 0, "central");
        town
    }

    fn house(&mut self, program: &Program, day: i64, house: &str) {
        let transaction = self.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&program.library.zone, at(day));
        let field = |name: &str| program.catalogue.field_named(Symbol::new(name)).expect("declared");
        let fields = [
            (field("house"), Some(bookmobile::catalogue::Value::Symbol(Symbol::new(house)))),
            (field("email"), Some(bookmobile::catalogue::Value::text("ana@library.example"))),
            (field("ends"), Some(bookmobile::catalogue::Value::Date(program.library.zone.day(at(20))))),
        ];
        writer.patron("ana", None, &fields).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    }

    fn visit(&mut self, program: &Program, day: i64, place: &str) {
        let event = program.catalogue.event_named(Symbol::new("visit")).expect("declared");
        let fields: Vec<_> = (0..)
            .zip(&program.catalogue.event(event).fields)
            .map(|(index, field)| {
                (index, (field.name.as_str() == "place").then(|| bookmobile::catalogue::Value::text(place)))
            })
            .collect();
        let ana = self.store.reader().patron_by_key("ana").expect("readable").expect("she is there");
        let transaction = self.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&program.library.zone, at(day));
        writer.event(ana, event, None, at(day), &fields).expect("written");
        drop(writer);
        transaction.commit().expect("written");
    }

    /// Ticks with `program` and delivers; earlier versions are compiled as the command line does.
    fn tick(&mut self, program: &Program, day: i64) {
        let plan = Plan::new(program);
        let needed = engine::versions_needed(&self.store, &plan).expect("readable");
        let older = versions::compiled(needed);
        let plan = plan.with_older(&older);
        engine::tick(&mut self.store, &plan, at(day), None).expect("a tick");
        let sent = &mut self.sent;
        let mut take = |message: &Handover<'_>| {
            sent.push(program.messages[message.message].name.as_str());
            Handed::Over(Vec::new())
        };
        engine::deliver(&mut self.store, &plan, at(day), &mut take).expect("a delivery");
    }
}

fn at(day: i64) -> Instant {
    BEGIN.plus_seconds(day * 86_400)
}

const MOVED: &str = "campaign moved { purpose essential  audience everyone  start on change of house  STEPS }";

fn steps(steps: &str) -> Program {
    program(&MOVED.replace("STEPS", steps))
}

/// Runs a journey that begins in `old` and meets `new` while it waits.
fn edited(old: &str, new: &str) -> Vec<&'static str> {
    let (old, new) = (steps(old), steps(new));
    let mut town = Town::new(&old);
    town.tick(&old, 0);
    town.house(&old, 1, "eastside");
    town.tick(&old, 1);
    town.store.align(&new.catalogue).expect("columns");
    for day in 2..12 {
        town.tick(&new, day);
    }
    town.sent
}

#[test]
fn a_step_that_keeps_its_place_goes_on_in_the_new_version() {
    let sent = edited("send note_a  wait 2 days  send note_b", "send note_a  wait 2 days  send note_c");
    assert_eq!(sent, ["note_a", "note_c"]);
}

#[test]
fn where_the_place_is_gone_the_old_version_goes_on() {
    let sent = edited("send note_a  wait 2 days  send note_b", "send note_a  wait 9 days  send note_c");
    assert_eq!(sent, ["note_a", "note_b"]);
}

#[test]
fn an_old_wait_for_a_condition_goes_on_too() {
    let old = "send note_a  wait up to 3 days until house is central { send note_b } else { send note_c }";
    assert_eq!(edited(old, "send note_a"), ["note_a", "note_c"]);
}

#[test]
fn nobody_gets_a_step_twice_because_a_line_was_moved() {
    let sent = edited("send note_a  wait 2 days  send note_b", "wait 2 days  send note_a  send note_b");
    assert_eq!(sent, ["note_a", "note_b"]);
    let sent = edited(
        "send note_a  wait 2 days  send note_b",
        "wait 2 days  if house is eastside { send note_a }  send note_b  send note_c",
    );
    assert_eq!(sent, ["note_a", "note_b"]);
    // Behind the place where they wait, in the new version.
    let sent = edited(
        "send note_a  send note_c  wait 2 days  send note_b",
        "send note_c  wait 2 days  if house is eastside { send note_a }  send note_b",
    );
    assert_eq!(sent, ["note_a", "note_c", "note_b"]);
}

/// Of two equal waits each is known by what it waits after: an edit of one never makes the other its heir.
#[test]
fn an_edit_of_one_of_two_equal_waits_passes_over_no_message() {
    let begun = "send note_a  wait 3 days  send note_b  wait 3 days  send note_c";
    for new in [
        "send note_a  wait 2 days  send note_b  wait 3 days  send note_c",
        "if house is eastside { send note_a  wait 3 days }  send note_b  wait 3 days  send note_c",
        "wait 3 days  send note_a  wait 3 days  send note_b  wait 3 days  send note_c",
        "send note_a  wait 3 days  send note_b  send note_c",
        "send note_a  wait 3 days  send note_b  wait 2 days  send note_c",
    ] {
        assert_eq!(edited(begun, new), ["note_a", "note_b", "note_c"], "{new}");
    }
    // Both wait after the same message.
    let begun = "send note_a  wait 2 days  send note_b  wait 2 days  send note_a  wait 2 days  send note_c";
    for new in [
        "send note_a  wait 3 days  send note_b  wait 2 days  send note_a  wait 2 days  send note_c",
        "wait 2 days  send note_b  wait 2 days  send note_a  wait 2 days  send note_c",
        "send note_b  wait 2 days  send note_a  wait 2 days  send note_c",
        "send note_a  wait 2 days  send note_b  wait 2 days  send note_a  wait 3 days  send note_c",
    ] {
        assert_eq!(edited(begun, new), ["note_a", "note_b", "note_a", "note_c"], "{new}");
    }
    let begun = "send note_a  wait 2 days  send note_a  wait 2 days  send note_a";
    let sent = edited(begun, "send note_a  wait 3 days  send note_a  wait 2 days  send note_a");
    assert_eq!(sent, ["note_a", "note_a", "note_a"]);
    // Two at once.
    let begun = "wait 2 days  send note_a  wait 1 day  send note_b";
    assert_eq!(edited(begun, "wait 4 days  send note_a  wait 2 days  send note_b"), ["note_a", "note_b"]);
    // One that was alone goes on where another one was put behind it.
    let begun = "send note_a  wait 3 days  send note_b";
    let sent = edited(begun, "send note_a  wait 3 days  send note_b  wait 3 days  send note_c");
    assert_eq!(sent, ["note_a", "note_b", "note_c"]);
}

/// One place becomes two: the enrolment is in neither.
#[test]
fn of_a_step_that_is_put_there_twice_nobody_becomes_the_heir() {
    let begun = "send note_a  wait 1 day  send note_b";
    let sent = edited(begun, "send note_a  wait 1 day  send note_c  wait 3 days  send note_a  wait 1 day  send note_b");
    assert_eq!(sent, ["note_a", "note_b"]);
}

/// Also between two waits the new version is asked.
#[test]
fn an_earlier_version_goes_on_up_to_a_step_that_the_new_one_has() {
    let begun = "wait 1 day  send note_a  send note_b  wait 1 day  send note_c";
    let new = "wait 2 days  send note_a  send note_b only if house is central  wait 1 day  send note_c";
    assert_eq!(edited(begun, new), ["note_a", "note_c"]);
    let inside = "wait 1 day  if house is eastside { send note_a }  send note_b  wait 1 day  send note_c";
    let new = "wait 2 days  if house is eastside { send note_a }  send note_b only if house is central  send note_c";
    assert_eq!(edited(inside, new), ["note_a", "note_c"]);
}

#[test]
fn a_message_that_goes_by_another_channel_now_is_the_same_message() {
    let by = |channels: &str, order: &str| {
        let both = "message both { email { subject \"S\" body \"B\" } sms { text \"B\" } }";
        let steps = order.replace("both", &format!("both by {channels}"));
        program(&format!("{both} {}", MOVED.replace("STEPS", &steps)))
    };
    let old = by("email", "send both  send note_a  wait 2 days  send note_b");
    let new = by("email or sms", "send note_a  wait 2 days  send both  send note_b");
    let mut town = Town::new(&old);
    town.tick(&old, 0);
    town.house(&old, 1, "eastside");
    town.tick(&old, 1);
    for day in 2..6 {
        town.tick(&new, day);
    }
    assert_eq!(town.sent, ["both", "note_a", "note_b"]);
}

/// Fields of rows count by name: their order in the catalogue says nothing.
#[test]
fn another_order_of_fields_is_no_edit() {
    let of = |fields: &str| {
        let head = HEAD.replace("place text", fields);
        let campaign = "campaign c { purpose essential  audience everyone  start on visit where (place is \"Hall\")
            send note_a  wait up to 3 days until has visit where (place is \"Attic\") { send note_b } else { send note_c } }";
        compiled(&format!("{head}{campaign}"))
    };
    let (one, other) = (of("place text  room text"), of("room text  place text"));
    let mut town = Town::new(&one);
    town.tick(&one, 0);
    town.visit(&one, 1, "Hall");
    town.tick(&one, 1);
    town.store.align(&other.catalogue).expect("columns");
    town.visit(&other, 2, "Hall");
    let found = dry_run(&town.store, &other, None, at(2), &Means::default()).expect("a preview");
    assert_eq!((found.affected, found.campaigns[0].starts.expect("it has ticked").started), (Vec::new(), 1));
    town.tick(&other, 2);
    town.visit(&other, 3, "Attic");
    town.tick(&other, 3);
    assert_eq!(town.sent, ["note_a", "note_a", "note_b", "note_b"]);
}

/// No edit of the program but of the data: a visit that came with a wrong date starts what it would have started, once; and
/// so it does for another patron to whom it passes.
#[test]
fn an_event_that_is_corrected_starts_what_it_would_have_started() {
    let visits = program("campaign c { purpose essential  audience everyone  start on visit  send note_a }");
    let visit = visits.catalogue.event_named(Symbol::new("visit")).expect("declared");
    let email = visits.catalogue.field_named(Symbol::new("email")).expect("declared");
    let mut town = Town::new(&visits);
    town.tick(&visits, 1);
    let days: [(&str, i64, i64, usize); 4] =
        [("ana", 2, -300, 0), ("ana", 3, 2, 1), ("ana", 4, 3, 1), ("bea", 5, 3, 2)];
    for (whose, day, happened, sent) in days {
        let transaction = town.store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&visits.library.zone, at(day));
        let fields = [(email, Some(bookmobile::catalogue::Value::text("reader@library.example")))];
        let patron = writer.patron(whose, None, &fields).expect("written");
        writer.event(patron, visit, Some("the visit"), at(happened), &[]).expect("written");
        drop(writer);
        transaction.commit().expect("written");
        town.tick(&visits, day);
        assert_eq!(town.sent.len(), sent, "on day {day}");
    }
}

/// What it started for the one before is about nothing of theirs.
#[test]
fn what_passes_to_another_patron_is_told_to_that_one_alone() {
    for start in ["on visit", "1 day after day of visit"] {
        let text = format!(
            "campaign c {{ purpose essential  audience everyone  start {start}  expires after 9 days  wait 2 days  send note_a }}"
        );
        let visits = compiled(&format!("{}{text}", HEAD.replace("place text", "place text  day date")));
        let visit = visits.catalogue.event_named(Symbol::new("visit")).expect("declared");
        let email = visits.catalogue.field_named(Symbol::new("email")).expect("declared");
        let mut town = Town::new(&visits);
        town.tick(&visits, 0);
        let mut told = Vec::new();
        for (whose, day) in [("ana", 1), ("bea", 5)] {
            let transaction = town.store.begin().expect("nobody else writes");
            let mut writer = transaction.writer(&visits.library.zone, at(day));
            let address = bookmobile::catalogue::Value::text(&format!("{whose}@library.example"));
            let patron = writer.patron(whose, None, &[(email, Some(address))]).expect("written");
            let fields = [(1, Some(bookmobile::catalogue::Value::Date(visits.library.zone.day(at(1)))))];
            writer.event(patron, visit, Some("the visit"), at(1), &fields).expect("written");
            drop(writer);
            transaction.commit().expect("written");
            let plan = Plan::new(&visits);
            for hour in 0..24 * if whose == "ana" { 4 } else { 9 } {
                let now = at(day).plus_seconds(hour * 3600);
                engine::tick(&mut town.store, &plan, now, None).expect("a tick");
                let mut take = |message: &Handover<'_>| {
                    told.push(message.address.to_owned());
                    Handed::Over(Vec::new())
                };
                if whose == "bea" {
                    engine::deliver(&mut town.store, &plan, now, &mut take).expect("a delivery");
                }
            }
        }
        assert_eq!(told, ["bea@library.example"], "{start}");
    }
}

/// A journey that began on no row asks nothing of one, though its campaign starts on rows now.
#[test]
fn a_start_on_rows_ends_nothing_that_began_on_none() {
    let of = |start: &str| {
        compiled(&format!(
            "{HEAD} record loan {{ due date }} campaign c {{ purpose essential  audience everyone  start {start}  send note_a \
             wait 2 days  send note_b }}"
        ))
    };
    let (old, new) = (of("on change of house"), of("on loan where (due is unknown)"));
    let mut town = Town::new(&old);
    town.tick(&old, 0);
    town.house(&old, 1, "eastside");
    town.tick(&old, 1);
    for day in 2..5 {
        town.tick(&new, day);
    }
    assert_eq!(town.sent, ["note_a", "note_b"]);
}

/// Messages of rows that are gathered say `events`, others `event`: what began as the one ends as the one.
#[test]
fn what_was_gathered_goes_on_as_it_began() {
    let of = |together: &str| {
        let says = if together.is_empty() { "{{event.place}}" } else { "{{#each events}}{{place}} {{/each}}" };
        program(&format!(
            "message about {{ email {{ subject \"S\" body \"{says}\" }} }}
             campaign c {{ purpose essential  audience everyone  start on visit {together}  send about  wait 1 day  send about }}"
        ))
    };
    for (old, new, visits, cut_short) in [("together for 2 days", "", 2, 1), ("", "together for 2 days", 1, 0)] {
        let (old, new) = (of(old), of(new));
        let mut town = Town::new(&old);
        town.tick(&old, 0);
        ["Hall", "Attic"][..visits].iter().for_each(|place| town.visit(&old, 1, place));
        town.tick(&old, 1);
        let found = dry_run(&town.store, &new, None, at(2), &Means::default()).expect("a preview");
        let affected = &found.affected[0].1;
        assert_eq!((affected.go_on_before, affected.cut_short), (1, cut_short));
        for day in 2..8 {
            town.tick(&new, day);
        }
        assert_eq!(town.sent, ["about", "about"]);
    }
}

/// A campaign gets another name and other steps: what runs goes on in the version in which it began.
#[test]
fn a_renamed_campaign_goes_on_in_the_version_of_its_old_name() {
    let named = |name: &str, steps: &str| program(&MOVED.replace("moved", name).replace("STEPS", steps));
    let old = named("moved", "send note_a  wait 2 days  send note_b  wait 2 days  send note_c");
    let new = named("went", "send note_a  wait 3 days  send note_b");
    let newest = named("gone", "wait 9 days");
    let mut town = Town::new(&old);
    town.tick(&old, 0);
    town.house(&old, 1, "eastside");
    town.tick(&old, 1);
    engine::rename(&mut town.store, &new, "moved", "went").expect("writable").expect("renamed");
    let found = dry_run(&town.store, &new, None, at(2), &Means::default()).expect("a preview").affected;
    assert_eq!(found[0].1.go_on_before, 1);
    for day in 2..4 {
        town.tick(&new, day);
    }
    engine::rename(&mut town.store, &newest, "went", "gone").expect("writable").expect("renamed");
    for day in 4..9 {
        town.tick(&newest, day);
    }
    assert_eq!(town.sent, ["note_a", "note_b", "note_c"]);
    let db = town.store.connection();
    let names: String =
        db.query_row("SELECT group_concat(DISTINCT campaign) FROM outbox", (), |row| row.get(0)).expect("readable");
    assert_eq!(names, "gone");
}

/// What has gone on in a second version goes on there when a third one has not its place.
#[test]
fn an_edit_after_an_edit_passes_over_no_message() {
    let versions = [
        "send note_a  wait 2 days  send note_b",
        "send note_a  wait 2 days  send note_c  wait 5 days  send note_b",
        "send note_a  wait 2 days  send note_c  wait 4 days  send note_b",
    ]
    .map(steps);
    let mut town = Town::new(&versions[0]);
    town.tick(&versions[0], 0);
    town.house(&versions[0], 1, "eastside");
    for day in 1..16 {
        let version = &versions[[0, 1, 2][usize::from(day > 1) + usize::from(day > 4)]];
        town.store.align(&version.catalogue).expect("columns");
        town.tick(version, day);
    }
    assert_eq!(town.sent, ["note_a", "note_c", "note_b"]);
}

#[test]
fn versions_are_kept_as_long_as_something_runs_in_them() {
    let old = steps("send note_a  wait 2 days  send note_b");
    let new = steps("send note_a  wait 9 days  send note_c");
    let mut town = Town::new(&old);
    town.tick(&old, 0);
    town.house(&old, 1, "eastside");
    town.tick(&old, 1);
    let count = |town: &Town| -> i64 {
        let db = town.store.connection();
        db.query_row("SELECT count(*) FROM program_version", (), |row| row.get(0)).expect("a count")
    };
    assert_eq!(count(&town), 1);
    for day in 2..6 {
        town.tick(&new, day);
    }
    assert_eq!(count(&town), 0);
}

#[test]
fn an_edit_that_changes_a_start_takes_the_baseline_again() {
    let when = |condition: &str| {
        program(&format!("campaign c {{ purpose essential  audience everyone  start {condition}  send note_a }}"))
    };
    let (east, long, both) =
        (when("when house is eastside"), when("when ends > today"), when("when ends > today and house is eastside"));
    let mut town = Town::new(&east);
    town.tick(&east, 0);
    // True already, under the new meaning: no entry. Then it becomes true.
    town.tick(&long, 1);
    town.tick(&both, 2);
    assert!(town.sent.is_empty());
    town.house(&both, 3, "eastside");
    town.tick(&both, 3);
    assert_eq!(town.sent, ["note_a"]);
}

/// What a dry-run says before: how many an edited start would have started, and how many its first tick starts.
#[test]
fn a_dry_run_says_how_many_an_edited_start_would_have_started() {
    let of = |start: &str| {
        let segments = "segment eastern { house is eastside } segment central_ones { house is central }";
        program(&format!(
            "{segments} campaign c {{ purpose essential  audience everyone  start {start}  send note_a }}"
        ))
    };
    let foretold = |old: &str, new: &str| {
        let (old, new) = (of(old), of(new));
        let mut town = Town::new(&old);
        town.tick(&old, 0);
        let found = dry_run(&town.store, &new, None, at(1), &Means::default()).expect("a preview");
        let starts = found.campaigns[0].starts.expect("it has ticked");
        town.tick(&new, 1);
        assert_eq!(starts.started as usize, town.sent.len(), "what it foretells comes");
        (
            starts.rehearsed,
            starts.started,
            found.campaigns[0].warnings.iter().any(|text| text.contains("its start means")),
        )
    };
    // The patron is in central, and their card ends on day 20.
    assert_eq!(foretold("when house is eastside", "when house is central"), (Some(1), 0, true));
    assert_eq!(foretold("when house is eastside", "when ends > today + 300 days"), (Some(0), 0, true));
    let including = |segment: &str| format!("on entering {segment} including current members");
    assert_eq!(foretold(&including("eastern"), &including("central_ones")), (Some(1), 1, true));
    assert_eq!(foretold("when house is central", "when house is central or ends > today"), (Some(0), 0, true));
    assert_eq!(foretold("3 days before ends", "19 days before ends"), (Some(1), 0, true));
    assert_eq!(foretold("3 days before ends", "10 days before ends"), (Some(0), 0, true));
    assert_eq!(foretold("when house is central", "when house is central"), (None, 0, false));
}

#[test]
fn current_members_are_those_who_were_not_in_before_the_edit() {
    let segment = |condition: &str| {
        program(&format!(
            "segment s {{ {condition} }} campaign c {{ purpose essential  audience s  start on entering including current members  send note_a }}"
        ))
    };
    let (central, east, any) = (segment("house is central"), segment("house is eastside"), segment("house is known"));
    let mut town = Town::new(&central);
    town.tick(&east, 0);
    assert!(town.sent.is_empty());
    town.tick(&central, 1);
    assert_eq!(town.sent, ["note_a"]);
    town.tick(&any, 2);
    assert_eq!(town.sent, ["note_a"], "who was in before the edit does not enter by it");
}

#[test]
fn a_new_name_or_another_order_is_no_edit_of_what_it_means() {
    let one = program(
        "segment a { house is eastside } campaign c { purpose essential  audience everyone  start on entering a  send note_a }",
    );
    let two = program(
        "# moved\ncampaign c { purpose essential  start on entering b  audience everyone  send note_a } segment b { house is eastside }",
    );
    let mut town = Town::new(&one);
    town.tick(&one, 0);
    town.house(&two, 1, "eastside");
    town.tick(&two, 1);
    assert_eq!(town.sent, ["note_a"], "the entry at the first tick after the edit counts");
}

#[test]
fn a_campaign_that_was_away_takes_the_baseline_again() {
    let with =
        program("campaign c { purpose essential  audience everyone  start when house is eastside  send note_a }");
    let without = program("campaign d { purpose essential  audience everyone  start on visit  send note_b }");
    let mut town = Town::new(&with);
    town.tick(&with, 0);
    town.tick(&without, 1);
    town.house(&with, 2, "eastside");
    town.tick(&with, 2);
    assert!(town.sent.is_empty());
}

/// What a dry-run of `new` says of a campaign whose journey has begun in `old` and waits, and what then comes to the
/// patron.
fn foretold(old: &str, new: &Program) -> (Vec<(String, engine::Affected)>, Vec<&'static str>) {
    let old = steps(old);
    let mut town = Town::new(&old);
    town.tick(&old, 0);
    town.house(&old, 1, "eastside");
    town.tick(&old, 1);
    let found = dry_run(&town.store, new, None, at(2), &Means::default()).expect("a preview");
    for day in 2..14 {
        town.tick(new, day);
    }
    (found.affected, town.sent)
}

fn moved(affected: engine::Affected) -> Vec<(String, engine::Affected)> {
    vec![("moved".to_owned(), affected)]
}

#[test]
fn a_dry_run_says_how_many_enrolments_an_edit_meets() {
    let begun = "send note_a  wait 2 days  send note_b";
    let one = || engine::Affected { running: 1, ..engine::Affected::default() };

    let (affected, sent) = foretold(begun, &steps("send note_a  wait 2 days  send note_c"));
    assert_eq!(affected, moved(engine::Affected { go_on_here: 1, ..one() }));
    assert_eq!(sent, ["note_a", "note_c"]);

    let (affected, sent) = foretold(begun, &steps("send note_a  wait 9 days  send note_c"));
    assert_eq!(affected, moved(engine::Affected { go_on_before: 1, ..one() }));
    assert_eq!(sent, ["note_a", "note_b"]);

    // The same steps in the same places, one of which asks more.
    let (affected, sent) = foretold(begun, &steps("send note_a  wait 2 days  send note_b only if house is central"));
    assert_eq!(affected, moved(engine::Affected { go_on_here: 1, ..one() }));
    assert_eq!(sent, ["note_a"]);
    let repeat = "repeat every 2 days up to 2 times { send note_a }";
    let (affected, sent) = foretold(repeat, &steps(&repeat.replace("up to 2", "up to 3")));
    assert_eq!(affected, moved(engine::Affected { go_on_here: 1, ..one() }));
    assert_eq!(sent, ["note_a", "note_a", "note_a"]);

    let (affected, sent) = foretold(begun, &program(""));
    assert_eq!(affected, moved(engine::Affected { stand_still: 1, ..one() }));
    assert_eq!(sent, ["note_a"]);

    let draft = program(&MOVED.replace("STEPS", &format!("status draft  {begun}")));
    assert_eq!(foretold(begun, &draft).0, moved(engine::Affected { stand_still: 1, ..one() }));
}

#[test]
fn a_dry_run_names_the_steps_that_an_edit_puts_behind_an_enrolment() {
    let foretells = |begun: &str, edited: &str, misses: &[&str], sends: &[&str]| {
        let (affected, sent) = foretold(begun, &steps(edited));
        let passed_by = misses.iter().map(|step| ((*step).to_owned(), 1)).collect();
        assert_eq!(affected, moved(engine::Affected { running: 1, go_on_here: 1, passed_by, ..Default::default() }));
        assert_eq!(sent, sends);
    };
    let begun = "send note_a  wait 2 days  send note_b";
    foretells(begun, "send note_b  send note_a  wait 2 days  send note_c", &["send note_b"], &["note_a", "note_c"]);
    // What they have had already, what is no longer there and what they still come by are not named.
    foretells(begun, "send note_a  wait 2 days  send note_c", &[], &["note_a", "note_c"]);
    foretells(begun, "send note_b  send note_a  wait 2 days  send note_b", &[], &["note_a", "note_b"]);
    // Also where they go on here only later: from `send note_a` on.
    let (affected, sent) =
        foretold("wait 1 day  send note_a  wait 1 day  send note_b", &steps("send note_b  wait 1 day  send note_a"));
    let passed_by = [("send note_b".to_owned(), 1)].into();
    assert_eq!(affected, moved(engine::Affected { running: 1, go_on_before: 1, passed_by, ..Default::default() }));
    assert_eq!(sent, ["note_a"]);
    // The next round of a `repeat` comes by its first step.
    let repeat = "repeat every 2 days up to 2 times { send note_a  wait 1 day  send note_b }";
    let first = "repeat every 2 days up to 2 times { send note_b  send note_a  wait 1 day }";
    foretells(repeat, first, &[], &["note_a", "note_b", "note_a"]);
    // It goes on here from the next round on.
    let rounds = "if house is central { send note_b }  repeat every 2 days up to 2 times { send note_a  wait 1 day }";
    let edited = format!("send note_c  {}", rounds.replace("1 day", "36 hours"));
    let (affected, sent) = foretold(&format!("{rounds}  send note_c"), &steps(&edited));
    let passed_by = [("send note_c".to_owned(), 1)].into();
    assert_eq!(affected, moved(engine::Affected { running: 1, go_on_before: 1, passed_by, ..Default::default() }));
    assert_eq!(sent, ["note_a", "note_a"]);
}

#[test]
fn an_edit_elsewhere_meets_nobody() {
    let begun = "send note_a  wait 2 days  send note_b";
    let beside = format!(
        "# A comment, and another campaign.\n{} campaign d {{ purpose essential  audience everyone  start on visit  send note_c }}",
        MOVED.replace("STEPS", begun)
    );
    let (affected, sent) = foretold(begun, &program(&beside));
    assert_eq!(affected, []);
    assert_eq!(sent, ["note_a", "note_b"]);
}

#[test]
fn a_version_that_no_longer_compiles_is_said_before_it_ends_what_runs_in_it() {
    let (old, new) = (steps("send note_a  wait 2 days  send note_b"), steps("send note_a  wait 9 days  send note_c"));
    let mut town = Town::new(&old);
    town.tick(&old, 0);
    town.house(&old, 1, "eastside");
    town.tick(&old, 1);
    let broken = r#"[["program.campaign", "library {"]]"#;
    town.store.connection().execute("UPDATE program_version SET files = ?1", [broken]).expect("written");
    let found = dry_run(&town.store, &new, None, at(2), &Means::default()).expect("a preview").affected;
    assert_eq!(found, moved(engine::Affected { running: 1, end: 1, ..engine::Affected::default() }));
    for day in 2..14 {
        town.tick(&new, day);
    }
    assert_eq!(town.sent, ["note_a"]);
}

#[test]
fn lines_that_are_moved_inserted_removed_and_changed_reach_nobody_twice() {
    // While it waits for the second day: (a) a message inserted before the wait, (b) after it, (c) the next removed,
    // (d) what follows changed, (e) a step put into a block, (f) the sent one repeated behind the wait.
    let begun = "send note_a  wait 2 days  send note_b";
    // (g) The sent one put into a `repeat`.
    let cases: [(&str, &[&str]); 8] = [
        ("send note_a  send note_c  wait 2 days  send note_b", &["note_a", "note_b"]),
        ("send note_a  wait 2 days  send note_c  send note_b", &["note_a", "note_c", "note_b"]),
        ("send note_a  wait 2 days", &["note_a"]),
        ("send note_a  wait 2 days  wait 3 days  send note_b", &["note_a", "note_b"]),
        ("send note_a  if house is eastside { wait 2 days  send note_c }", &["note_a", "note_b"]),
        ("wait 2 days  send note_a  send note_b", &["note_a", "note_b"]),
        ("wait 2 days  repeat every 1 day up to 1 times { send note_a }  send note_b", &["note_a", "note_b"]),
        ("wait 2 days  repeat every 1 day up to 2 times { send note_a }  send note_b", &["note_a", "note_b"]),
    ];
    for (new, expected) in cases {
        assert_eq!(edited(begun, new), expected, "{new}");
    }
    let begun = "send note_a  send note_c  wait 2 days  send note_b";
    let new = "send note_c  wait 2 days  repeat every 1 day up to 2 times { send note_a }  send note_b";
    assert_eq!(edited(begun, new), ["note_a", "note_c", "note_a", "note_b"]);
    // And out of one.
    let begun = "repeat every 1 day up to 1 times { send note_a }  wait 2 days  send note_b";
    assert_eq!(edited(begun, "wait 2 days  send note_a  send note_b"), ["note_a", "note_b"]);
}

/// Of equal steps an edit removes one. Those that were still to come come, and none comes that was not.
#[test]
fn an_edit_that_removes_one_of_equal_steps_takes_nothing_from_the_others() {
    let begun = "send note_a  wait 2 days  send note_b  wait 3 days  send note_a";
    let cases: [(&str, &[&str]); 5] = [
        ("wait 2 days  send note_b  wait 3 days  send note_a", &["note_a", "note_b", "note_a"]),
        ("send note_a  wait 2 days  send note_b  wait 3 days", &["note_a", "note_b"]),
        ("wait 2 days  send note_a  send note_b  wait 3 days  send note_a", &["note_a", "note_b", "note_a"]),
        ("wait 2 days  send note_b", &["note_a", "note_b"]),
        (
            "send note_a  wait 2 days  send note_a  send note_b  wait 3 days  send note_a",
            &["note_a", "note_a", "note_b", "note_a"],
        ),
    ];
    for (new, expected) in cases {
        assert_eq!(edited(begun, new), expected, "{new}");
    }
    let begun = "send note_a  send note_c  wait 2 days  send note_b  wait 3 days  send note_a";
    let cases: [(&str, &[&str]); 2] = [
        ("send note_c  wait 2 days  send note_b  wait 3 days  send note_a", &["note_a", "note_c", "note_b", "note_a"]),
        ("send note_c  wait 2 days  send note_b", &["note_a", "note_c", "note_b"]),
    ];
    for (new, expected) in cases {
        assert_eq!(edited(begun, new), expected, "{new}");
    }
    // In a round of a `repeat`.
    let begun = "repeat every 5 days up to 2 times { send note_a  send note_c  wait 2 days  send note_a }";
    let new = "repeat every 5 days up to 2 times { send note_c  wait 2 days  send note_a }";
    assert_eq!(edited(begun, new), ["note_a", "note_c", "note_a", "note_c", "note_a"]);
    // All that were to come have come; and of two in branches only one was ever to come.
    let begun = "send note_a  send note_a  wait 2 days  send note_b";
    assert_eq!(edited(begun, "wait 2 days  send note_a  send note_b"), ["note_a", "note_a", "note_b"]);
    let begun = "if house is eastside { send note_a } else { send note_a }  wait 2 days  send note_b";
    assert_eq!(edited(begun, "wait 2 days  send note_a  send note_b"), ["note_a", "note_b"]);
}

#[test]
fn what_is_published_goes_on_in_the_old_version_too() {
    let of = |steps: &str| {
        program(&format!(
            "message post {{ web {{ title \"T\" body \"B\" link \"https://library.example/\" }} }}\n\
             campaign moved {{ purpose essential  audience public  start once on {} at 12:00  {steps} }}",
            Day(at_day(2)),
        ))
    };
    let (old, new) = (of("publish post by web  wait 2 days  publish post by web"), of("publish post by web"));
    let mut town = Town::new(&old);
    for day in 0..4 {
        town.tick(&old, day);
    }
    town.store.align(&new.catalogue).expect("columns");
    for day in 4..8 {
        town.tick(&new, day);
    }
    assert_eq!(town.sent, ["post", "post"]);
}

/// The local date of a day of the town.
fn at_day(day: i64) -> i32 {
    bookmobile::time::Zone::named("America/Toronto").expect("a zone").day(at(day)).0
}
