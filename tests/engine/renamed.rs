//! A campaign that gets another name.

use bookmobile::catalogue::Value;
use bookmobile::engine;
use bookmobile::program::Program;
use bookmobile::review::dry_run::{Means, dry_run};
use bookmobile::symbol::Symbol;

use super::ana::{Town, at, program};

/// A campaign of this name.
fn named(name: &str, steps: &str) -> Program {
    program(&format!("campaign {name} {{ purpose essential  audience everyone  start on change of house  {steps} }}"))
}

/// A campaign gets another name and other steps: what runs goes on in the version in which it began.
#[test]
fn a_renamed_campaign_goes_on_in_the_version_of_its_old_name() {
    let old = named("moved", "send note_a  wait 2 days  send note_b  wait 2 days  send note_c");
    let new = named("went", "send note_a  wait 3 days  send note_b");
    let newest = named("gone", "wait 9 days");
    let mut town = Town::moved(&old);
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

/// A reader of a campaign's message followed a link.
fn click(town: &mut Town, program: &Program, campaign: &str, day: i64) {
    let ana = town.store.reader().patron_by_key("ana").expect("readable").expect("she is there");
    let clicked = program.catalogue.event_named(Symbol::new("clicked")).expect("built in");
    let field = program.catalogue.event(clicked).field(Symbol::new("campaign")).expect("built in");
    let transaction = town.store.begin().expect("nobody else writes");
    let mut writer = transaction.writer(&program.library.zone, at(day));
    let fields = [(field, Some(Value::Symbol(Symbol::new(campaign))))];
    writer.event(ana, clicked, Some("a click"), at(day), &fields).expect("written");
    drop(writer);
    transaction.commit().expect("written");
}

/// What an earlier version says of the campaign by its old name it says of the same campaign.
#[test]
fn an_earlier_version_speaks_of_a_renamed_campaign() {
    for (condition, sent) in [("unless", 1), ("only if", 2)] {
        let of = |name: &str, days: i64| {
            let last = format!("send note_b {condition} has clicked where (campaign is {name}) since start");
            named(name, &format!("send note_a  wait {days} days  {last}"))
        };
        let (old, new) = (of("moved", 5), of("went", 4));
        let mut town = Town::moved(&old);
        click(&mut town, &old, "moved", 2);
        engine::rename(&mut town.store, &new, "moved", "went").expect("writable").expect("renamed");
        for day in 2..9 {
            town.tick(&new, day);
        }
        assert_eq!(town.sent, ["note_a", "note_b"][..sent], "{condition}");
    }
}

/// A start that names the campaign means what it meant: what came in between starts it.
#[test]
fn a_start_that_names_a_renamed_campaign_takes_no_baseline() {
    let of = |name: &str| {
        let thanks = "campaign thanks { purpose essential  audience everyone  start on clicked where (campaign is NAME)  send note_b }";
        program(&format!(
            "{} campaign {name} {{ purpose essential  audience everyone  start on change of house  send note_a }}",
            thanks.replace("NAME", name)
        ))
    };
    let (old, new) = (of("moved"), of("went"));
    let mut town = Town::moved(&old);
    click(&mut town, &old, "moved", 2);
    engine::rename(&mut town.store, &new, "moved", "went").expect("writable").expect("renamed");
    town.tick(&new, 2);
    assert_eq!(town.sent, ["note_a", "note_b"]);
}
