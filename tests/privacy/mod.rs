//! The record of processing names each class that a campaign reads, and where.

use std::path::Path;

use bookmobile::check;
use bookmobile::diagnostic::Sources;
use bookmobile::program::Program;
use bookmobile::review::privacy::{Processing, record};

fn of(program: Option<Program>, campaign: &str) -> Processing {
    let record = record(&program.expect("a program without errors"));
    record.into_iter().find(|processing| processing.campaign == campaign).expect("the campaign")
}

#[test]
fn open_records_that_serve_the_purpose_are_named_with_every_place() {
    let complete = check::compile(check::load(Path::new("tests/conformance/complete")).expect("the suite"));
    let due_soon = of(complete.program, "due_soon");
    assert!(!due_soon.needs_consent);
    assert_eq!(due_soon.channels, ["email", "sms"]);
    let [borrowing] = due_soon.classes.as_slice() else { panic!("one class: {:?}", due_soon.classes) };
    assert_eq!((borrowing.class.as_str(), borrowing.requires.as_deref()), ("borrowing", Some("history_opt_in")));
    assert!(borrowing.open_records_served && !borrowing.revealed);
    let start = borrowing.reads.iter().find(|read| read.used_by == "start").expect("the start reads loans");
    assert!(start.file.ends_with("section-08.campaign") && start.text.starts_with("start 3 days before"));
    assert!(borrowing.reads.iter().any(|read| read.used_by == "message due_notice" && read.text == "title"));
}

#[test]
fn private_data_that_comes_through_segments_is_named_with_the_way() {
    let mut sources = Sources::default();
    sources.add(
        "one.campaign",
        r#"library "Test" { timezone "America/Toronto"  languages en  sender "T" <t@library.example> }
           purpose essential without consent
           privacy borrowing { requires history_opt_in }
           event borrowed private borrowing { title text }
           segment recent { has borrowed in the last 30 days }
           segment active { in recent and city is "Riverside" }
           message note { email { subject "A"  body "B" } }
           campaign greet { purpose essential  audience active  start every day at 09:00  send note }"#,
    );
    let greet = of(check::compile(sources).program, "greet");
    let [borrowing] = greet.classes.as_slice() else { panic!("one class: {:?}", greet.classes) };
    let [read] = borrowing.reads.as_slice() else { panic!("one place: {:?}", borrowing.reads) };
    assert_eq!((read.used_by.as_str(), read.line), ("audience", 5));
    assert_eq!(read.through, ["active", "recent"]);
    assert_eq!(greet.other_data, ["city"]);
}
