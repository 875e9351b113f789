//! `bookmobile diff`: what an edit means, told by the two programs and by a store.

use std::process::Command;

use bookmobile::catalogue::Value;
use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::engine::{self, Affected, Plan};
use bookmobile::program::Program;
use bookmobile::review::diff::{Change, Concerned, diff, diff_over};
use bookmobile::review::dry_run::Means;
use bookmobile::store::Store;
use bookmobile::symbol::Symbol;
use bookmobile::time::Instant;

/// 2026-11-23 10:00 in Toronto.
const BEGIN: Instant = Instant(1_795_446_000_000_000);

const PROGRAM: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example>  reply to <desk@library.example>  quiet none }
purpose essential "Notices" without consent
privacy history { requires history_opt_in }
patron { house one of central, eastside  ends date  history_opt_in bool  email email optional }
event loan private history { title text }
segment eastern { house is eastside }
segment far { in eastern and ends > today }
message hello { email { subject "Hello" body "Welcome." } }
message other { email { subject "Other" body "Another one." } }
## For those who moved.
campaign moved { purpose essential  audience everyone  start on change of house  send hello  wait 5 days  send other }
campaign letters { purpose essential  audience in far  start when ends > today + 300 days  send hello }
campaign plain { purpose essential  audience everyone  start on change of ends  send other }
"#;

fn program(text: &str) -> Program {
    let mut sources = Sources::default();
    sources.add("program.campaign", text);
    let compiled = check::compile(sources);
    compiled.program.unwrap_or_else(|| panic!("the program is right: {:?}", compiled.diagnostics))
}

fn edited(from: &str, to: &str) -> Program {
    assert!(PROGRAM.contains(from), "{from}");
    program(&PROGRAM.replace(from, to))
}

/// Names and changes.
fn names(found: &[Concerned]) -> Vec<(&str, Change)> {
    found.iter().map(|one| (one.campaign.as_str(), one.change)).collect()
}

#[test]
fn an_edit_concerns_the_campaigns_that_say_or_use_something_else() {
    let old = program(PROGRAM);
    // Laid out otherwise, with a comment.
    assert_eq!(diff(&old, &edited("send hello  wait 5 days", "\n  # A while.\n  send hello\n  wait 5 days")), []);
    let found = diff(&old, &edited("wait 5 days", "wait 6 days"));
    assert_eq!(names(&found), [("moved", Change::Edited)]);
    // Through another segment.
    let found = diff(&old, &edited("eastern { house is eastside }", "eastern { house is central }"));
    assert_eq!(names(&found), [("letters", Change::Uses)]);
    assert_eq!(found[0].uses, ["segment eastern"]);
    let found = diff(&old, &edited("body \"Welcome.\"", "body \"Good morning.\""));
    assert_eq!(names(&found), [("letters", Change::Uses), ("moved", Change::Uses)]);
    let found = diff(&old, &edited("campaign plain", "campaign simple"));
    assert_eq!(names(&found), [("plain", Change::Gone), ("simple", Change::New)]);
}

#[test]
fn classes_that_are_read_now_are_named() {
    let old = program(PROGRAM);
    let new = edited("ends > today }", "ends > today and has loan }");
    let found = diff(&old, &new);
    assert_eq!(names(&found), [("letters", Change::Uses)]);
    assert_eq!((&found[0].gains, found[0].loses.len()), (&vec!["history".to_owned()], 0));
    let found = diff(&new, &old);
    assert_eq!((found[0].gains.len(), &found[0].loses), (0, &vec!["history".to_owned()]));
}

/// A store in which ten patrons live, four of them in Eastside, where two of them moved; it has ticked twice.
fn town(program: &Program, path: &std::path::Path) {
    let mut store = Store::open(path).expect("a store");
    store.align(&program.catalogue).expect("columns");
    let write = |store: &mut Store, at: Instant, moved: i64| {
        let transaction = store.begin().expect("nobody else writes");
        let mut writer = transaction.writer(&program.library.zone, at);
        let field = |name: &str| program.catalogue.field_named(Symbol::new(name)).expect("declared");
        for index in 0..10 {
            let house = if index < 2 + moved { "eastside" } else { "central" };
            let ends = program.library.zone.day(BEGIN).plus_days(if index < 5 { 200 } else { 20 });
            let fields = [
                (field("house"), Some(Value::Symbol(Symbol::new(house)))),
                (field("ends"), Some(Value::Date(ends))),
                (field("history_opt_in"), Some(Value::Bool(false))),
                (field("email"), Some(Value::text(&format!("p{index}@library.example")))),
            ];
            writer.patron(&format!("p{index}"), None, &fields).expect("written");
        }
        drop(writer);
        transaction.commit().expect("written");
    };
    for (tick, moved) in [(0, 0), (1, 2)] {
        let at = BEGIN.plus_seconds(tick * 3600);
        write(&mut store, at, moved);
        engine::tick(&mut store, &Plan::new(program), at, None).expect("a tick");
    }
}

/// Section 8: "`diff` says how many it would have started".
#[test]
fn over_a_store_it_says_who_enters_and_what_an_edited_start_would_have_started() {
    let old = program(PROGRAM);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("library.db");
    town(&old, &path);
    let text = PROGRAM
        .replace(
            "audience in far  start when ends > today + 300 days",
            "audience everyone  start when ends > today + 100 days",
        )
        .replace("wait 5 days", "wait 6 days")
        .replace("start on change of ends", "start on change of house");
    let new = program(&text);
    let mut opened = |program: &Program| {
        let mut store = Store::open_read_only(&path)?;
        store.align(&program.catalogue)?;
        Ok(store)
    };
    let at = BEGIN.plus_seconds(2 * 3600);
    let found = diff_over(&mut opened, &old, &new, at, &Means::default()).expect("a comparison");
    assert_eq!(names(&found), [("letters", Change::Edited), ("moved", Change::Edited), ("plain", Change::Edited)]);
    let reach = |index: usize| found[index].reach.as_ref().expect("over a store");
    let letters = reach(0);
    assert_eq!((letters.before, letters.after, letters.enter, letters.leave), (Some(4), Some(10), 6, 0));
    assert_eq!((letters.due_before, letters.due_after), (Some(0), Some(0)), "the first tick takes the baseline");
    assert_eq!(letters.edited_start_would_start, Some(5));
    let moved = reach(1);
    assert_eq!(moved.edited_start_would_start, None, "its start is the same");
    assert_eq!(moved.running, Some(Affected { running: 2, go_on_before: 2, ..Affected::default() }));
    assert_eq!(reach(2).edited_start_would_start, Some(0), "what was not watched before did not change");
    // A tick with the old program instead, to see that the count is right: with the new start from the beginning it would
    // have started them as they came.
    assert_eq!(diff_over(&mut opened, &old, &old, at, &Means::default()).expect("a comparison"), []);

    let (before, after) = (folder.path().join("old.campaign"), folder.path().join("new.campaign"));
    std::fs::write(&before, PROGRAM).expect("written");
    std::fs::write(&after, &text).expect("written");
    let run = |more: &[&str]| {
        let (before, after) = (before.to_str().expect("a path"), after.to_str().expect("a path"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_bookmobile"));
        let output = command.arg("diff").args(more).args([before, after]).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let store = path.to_str().expect("a path");
    let said = run(&["--store", store, "--at", "2026-11-23 12:00"]);
    for part in [
        "letters   edited    4 > 10     +6",
        "it would have started 5",
        "moved: of 2 that run, 2 go on in an earlier version",
    ] {
        let told = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(part) || told.contains(part), "{part}: {said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(&run(&["--store", store, "--at", "2026-11-23 12:00", "--json"])).expect("JSON");
    assert_eq!(json["campaigns"][0]["reach"]["edited_start_would_start"], 5);
    assert!(run(&[]).contains("plain"), "without a store it compares the texts");
}
