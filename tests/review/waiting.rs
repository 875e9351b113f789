//! What a dry-run says of messages that wait in the outbox: what a delivery at its instant would do with them.

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Handed, Plan};
use bookmobile::program::Program;
use bookmobile::review::dry_run::{DryRun, Means, Queue, dry_run};
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::{Day, Instant, TimeOfDay};

const PROGRAM: &str = r#"
library "Test Library" {
  timezone "America/Toronto"  languages en  quiet 21:00 to 08:00  sender "T" <news@library.example>
}
purpose essential "Notices" without consent
patron { email email optional }
event visit { }
feed programs { title text  starts_at instant }
message note { email { subject "A note" body "Hello." } }
message more { email { subject "More" body "Hello again." } }
message list {
  pick next from programs first 2 by starts_at  needs next
  email { subject "On" body "{{#each next}}{{title}} {{/each}}" }
}
campaign visits { purpose essential  audience everyone  start on visit  limit 2 messages per 2 days  expires after 1 day  send note }
campaign later  { purpose essential  audience everyone  start on visit  deliver between 18:00 and 19:00  send more }
campaign events { purpose essential  audience everyone  start on visit  send list }
"#;

fn compile(text: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("program.campaign", text);
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

fn at(program: &Program, day: i8, hour: u32) -> Instant {
    program.library.zone.at(Day::new(2026, 12, day).expect("a date"), TimeOfDay(hour * 3_600))
}

/// Ana came in three times, and the tick and the delivery of that evening held everything back.
fn town(program: &Program, path: &std::path::Path) -> Store {
    let mut store = Store::open(path).expect("a store");
    store.align(&program.catalogue).expect("columns");
    tick_and_deliver(&mut store, program, at(program, 1, 9));
    let (now, catalogue) = (at(program, 1, 20), &program.catalogue);
    let email = catalogue.field_named(Symbol::new("email")).expect("declared");
    let visit = catalogue.event_named(Symbol::new("visit")).expect("declared");
    let transaction = store.begin().expect("nobody else writes");
    let mut writer = transaction.writer(&program.library.zone, now);
    let ana = writer.patron("ana", None, &[(email, Some(Value::text("ana@library.example")))]).expect("written");
    for number in 0..3 {
        writer.event(ana, visit, Some(&format!("visit {number}")), now, &[]).expect("written");
    }
    drop(writer);
    transaction.commit().expect("written");
    tick_and_deliver(&mut store, program, at(program, 1, 22));
    store
}

fn tick_and_deliver(store: &mut Store, program: &Program, now: Instant) {
    let plan = Plan::new(program);
    engine::tick(store, &plan, now, None).expect("a tick");
    engine::deliver(store, &plan, now, &mut |_| Handed::Over(Vec::new())).expect("a delivery");
}

fn look(store: &Store, program: &Program, now: Instant) -> DryRun {
    dry_run(store, program, None, now, &Means::default()).expect("a preview")
}

/// `sent to patrons; REASON: held of patrons; ...`
fn told(queue: &Queue) -> String {
    let mut text = format!("{} to {}", queue.sent(), queue.patrons);
    for unsent in queue.held.iter().chain(&queue.dropped) {
        let what = if unsent.until.is_some() { "wait" } else { "end" };
        text += &format!("; {} of {} {what}: {}", unsent.count, unsent.patrons, unsent.reason);
    }
    text
}

fn waiting(found: &DryRun, campaign: &str) -> String {
    let preview = found.campaigns.iter().find(|preview| preview.name == campaign).expect("declared");
    preview.waiting.iter().map(|(_, queue)| told(queue)).collect::<Vec<_>>().join(" | ")
}

#[test]
fn what_waits_is_tried_as_of_the_dry_run() {
    let program = compile(PROGRAM);
    let folder = tempfile::tempdir().expect("a folder");
    let store = town(&program, &folder.path().join("town.db"));
    let night = look(&store, &program, at(&program, 1, 23));
    let hours = "outside the hours of delivery";
    assert_eq!(waiting(&night, "visits"), format!("0 to 0; 3 of 1 wait: {hours}"));

    let morning = look(&store, &program, at(&program, 2, 9));
    let limit = "the campaign's limit of 2 messages per 2 days";
    assert_eq!(waiting(&morning, "visits"), format!("2 to 1; 1 of 1 wait: {limit}"));
    assert_eq!(waiting(&morning, "later"), format!("0 to 0; 3 of 1 wait: {hours}"));
    assert_eq!(waiting(&look(&store, &program, at(&program, 2, 18)), "later"), "3 to 1");
    let days_later = look(&store, &program, at(&program, 3, 9));
    assert_eq!(
        waiting(&days_later, "visits"),
        format!("0 to 0; 3 of 1 end: expired: more than 1 day late; until then: {hours}")
    );
}

#[test]
fn what_waits_of_a_campaign_that_is_gone_is_told_too() {
    let program = compile(PROGRAM);
    let folder = tempfile::tempdir().expect("a folder");
    let store = town(&program, &folder.path().join("town.db"));
    let without = compile(&PROGRAM.replace("campaign later ", "campaign afterwards "));
    let found = look(&store, &without, at(&program, 2, 19));
    let gone: Vec<(&str, String)> = found.gone.iter().map(|((name, _), queue)| (name.as_str(), told(queue))).collect();
    assert_eq!(gone, [("later", "0 to 0; 3 of 1 wait: the campaign or the message is not in the program".to_owned())]);
}

#[test]
fn a_pick_that_has_no_row_is_foretold() {
    let program = compile(PROGRAM);
    let folder = tempfile::tempdir().expect("a folder");
    let store = town(&program, &folder.path().join("town.db"));
    let found = look(&store, &program, at(&program, 2, 9));
    let why = "the pick next has no row and the message needs one";
    assert_eq!(waiting(&found, "events"), format!("0 to 0; 3 of 1 end: {why}"));
}
