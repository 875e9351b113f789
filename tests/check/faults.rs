//! Rows of the fault table that the checker answers.

use bookmobile::check::{self, Compiled};
use bookmobile::diagnostic::{Severity, Sources};

const LIBRARY: &str = r#"
library "Test" { timezone "America/Toronto"  languages en  sender "Test" <news@library.example>  address "1 Main Street" }
purpose essential "Account" without consent
purpose promotion "News" consent
privacy borrowing "What a patron borrows" { requires history_opt_in  only for essential }
patron { name text optional  email email optional  history_opt_in bool }
event visit { place text }
event checkout private borrowing { title text }
message note { email { subject "A note" body "A note from your library." } }
"#;

fn compile(text: &str) -> Compiled {
    let mut sources = Sources::default();
    sources.add("a.campaign", text.to_owned());
    check::compile(sources)
}

/// The errors as one text each, notes and help included.
fn errors(text: &str) -> Vec<String> {
    let compiled = compile(text);
    let errors = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|found| format!("{found:?}")).collect();
    assert_eq!(errors.is_empty(), compiled.program.is_some());
    errors
}

fn refused(text: &str, words: &[&str]) {
    let found = errors(&format!("{LIBRARY}\n{text}"));
    assert!(!found.is_empty(), "{text} is accepted");
    for word in words {
        assert!(found.iter().any(|error| error.contains(word)), "{text}: {word} is not in {found:#?}");
    }
}

/// CON-01: what promotes must say for what purpose it does.
#[test]
fn con_01_a_campaign_without_purpose() {
    refused("campaign a { audience everyone  start on visit  send note }", &["purpose"]);
}

/// CON-05 and CON-06: private data of a class that may serve one purpose only, in a campaign of another, directly and by
/// way of segments, whose path is told. (What is forced into the store: `tests/programs/faults.campaign`.)
#[test]
fn con_05_con_06_private_data_does_not_flow_into_another_purpose() {
    refused(
        "campaign a { purpose promotion  audience has checkout  start on visit  send note }",
        &["borrowing", "promotion"],
    );
    refused(
        "segment readers { has checkout }
         segment regulars { in readers and has visit }
         campaign a { purpose promotion  audience regulars  start on visit  send note }",
        &["borrowing", "regulars", "readers"],
    );
    let census = "table zone by name { income int private borrowing }";
    refused(
        &format!("{census} campaign a {{ purpose promotion  audience zone.income > 3  start on visit  send note }}"),
        &["borrowing", "promotion"],
    );
}

/// PAR-10: there are no imports; what can be circular are segments, and the finding shows the circle.
#[test]
fn par_10_a_cycle_is_shown() {
    refused("segment a { in b }  segment b { in c }  segment c { in a }", &["a", "b", "c"]);
    refused("segment a { in a }", &["a"]);
}

/// PAR-13: a regular expression takes linear time, and one that would grow too large is refused by name.
#[test]
fn par_13_regular_expressions_are_bounded() {
    let accepted = format!("{LIBRARY}\nsegment a {{ name matches \"(a+)+$\" }}");
    let program = compile(&accepted).program.expect("no backtracking, so it may stand");
    drop(program);
    let bomb = "(a{1000}){1000}";
    refused(&format!("segment a {{ name matches \"{bomb}\" }}"), &["regular expression"]);
    refused("segment a { name matches \"(a\" }", &["regular expression"]);
}

/// TIM-07: a zone that nobody knows is an error; the known ones come with the program, not with the machine, so that
/// the program's version says which rules it has.
#[test]
fn tim_07_zones_are_ours() {
    let text = LIBRARY.replace("America/Toronto", "America/Atlantis");
    assert!(errors(&text).iter().any(|error| error.contains("America/Atlantis")));
    assert!(errors(LIBRARY).is_empty());
    let nowhere = std::process::Command::new(env!("CARGO_BIN_EXE_bookmobile"))
        .args(["lint", "tests/programs/faults.campaign"])
        .env("TZDIR", "/nowhere")
        .output()
        .expect("it runs");
    assert!(nowhere.status.success(), "{}", String::from_utf8_lossy(&nowhere.stdout));
}

/// TPL-13: no line break gets into a header of every mail, by whatever escape.
#[test]
fn tpl_13_line_breaks_in_the_sender() {
    for (good, bad) in [
        ("sender \"Test\"", "sender \"Test\\nBcc: x@y.example\""),
        ("sender \"Test\"", "sender \"Test\\u{d}\\u{a}Bcc: x@y.example\""),
        ("<news@library.example>", "<news@library.example\\nBcc: x>"),
    ] {
        let text = LIBRARY.replace(good, bad);
        assert_ne!(text, LIBRARY);
        assert!(!errors(&text).is_empty(), "{bad} is accepted");
    }
}
