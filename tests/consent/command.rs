//! The commands: what they print, and their exit codes.

use std::process::{Command, Stdio};

use bookmobile::catalogue::Value;
use bookmobile::rule::{ConsentKind, ConsentState};

use super::town::Town;

/// Runs a command; gives its exit code, its output and what it said beside.
fn run(town: &Town, arguments: &[&str]) -> (Option<i32>, String, String) {
    let store = town.path();
    let store = store.to_str().expect("UTF-8");
    let full: Vec<&str> =
        arguments.iter().map(|argument| if *argument == "STORE" { store } else { argument }).collect();
    let done = Command::new(env!("CARGO_BIN_EXE_bookmobile"))
        .args(full)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

const PROGRAM: &str = "tests/consent/library.campaign";

#[test]
fn what_is_said_at_the_desk_is_recorded_and_shown_with_a_receipt() {
    let town = Town::new();
    town.patron("21", "ana@example.org", "2026-02-01");
    let consent = |more: &[&str]| {
        let mut arguments = vec!["consent", "21", "--store", "STORE", "--program", PROGRAM];
        arguments.extend(more);
        run(&town, &arguments)
    };
    let (code, _, _) = consent(&["give", "promotion", "--by", "email", "--on", "2026-02-01", "--implied", "inquiry"]);
    assert_eq!(code, Some(0));
    let (code, out, _) = consent(&["show"]);
    let told = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code, Some(0));
    assert!(
        told.contains("implied by an inquiry, given 2026-02-01 00:00 (desk)") && told.contains("2026-07-31"),
        "{out}"
    );
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let (_, out, _) =
        consent(&["withdraw", "promotion", "--by", "email", "--on", "2026-03-01", "--source", "by phone"]);
    assert!(out.contains("withdrawn 2026-03-01 00:00 (by phone)"), "{out}");
    // What the law implies comes too late.
    let implied = ["give", "promotion", "--by", "email", "--on", "2026-04-01", "--implied", "relationship"];
    let (code, out, said) = consent(&implied);
    assert_eq!(code, Some(0));
    assert!(said.contains("nothing changed") && out.contains("withdrawn"), "{out}{said}");
    let (_, out, _) = consent(&["show", "--json"]);
    let receipts: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(receipts[0]["state"], "withdrawn");
    assert_eq!(receipts[0]["events"].as_array().map(Vec::len), Some(2));
    assert_eq!(receipts[0]["events"][0]["consent_type"], "inquiry");
    for wrong in [
        ["give", "promotion", "--by", "fax"],
        ["give", "essential", "--by", "email"],
        ["give", "promotoin", "--by", "email"],
    ] {
        let (code, _, said) = consent(&wrong);
        assert_eq!(code, Some(2), "{said}");
    }
    let (code, _, said) = consent(&["give", "promotion", "--by", "email", "--on", "2999-01-01"]);
    assert_eq!((code, said.contains("lies ahead")), (Some(2), true));
    // What has ended takes the place of no consent.
    let ended = ["give", "promotion", "--by", "email", "--on", "2026-05-01", "--until", "2026-04-30"];
    let (code, _, said) = consent(&ended);
    assert!(code == Some(2) && said.contains("lies before 2026-05-01"), "{said}");
    assert!(consent(&["show"]).1.contains("withdrawn 2026-03-01"), "nothing was recorded");
    let (code, ..) = consent(&["give", "promotion", "--by", "email", "--on", "2026-05-01", "--until", "2026-05-01"]);
    assert_eq!(code, Some(0));
}

#[test]
fn explain_says_kind_source_instant_and_what_ended_a_consent() {
    let town = Town::new();
    let ana = town.patron("21", "ana@example.org", "2026-02-01");
    assert!(town.say(ana, ConsentState::Given, ConsentKind::Relationship, "2024-02-29"));
    let arguments = ["explain", "--store", "STORE", "--at", "2026-03-01 10:00", "21", "news_of_visit", PROGRAM];
    let (code, out, _) = run(&town, &arguments);
    let told = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code, Some(0));
    for part in [
        "no longer in force, implied by a relationship, given 2024-02-29 08:00 (desk)",
        "ended after 2026-02-27: consent implied by a relationship ends after 24 months",
        "no consent to promotion by email (ended on 2026-02-27)",
    ] {
        assert!(told.contains(part), "{part}:\n{out}");
    }
}

#[test]
fn clicks_and_receipts_are_recorded_by_respond_and_counted_by_report() {
    let town = Town::new();
    let readers: Vec<String> = (0..24).map(|n| format!("reader{n}@example.org")).collect();
    for (n, email) in readers.iter().enumerate() {
        town.patron(&n.to_string(), email, "2026-02-01");
    }
    town.tick("2026-02-01", 9);
    for (n, _) in readers.iter().enumerate() {
        let patron = town.store().reader().patron_by_key(&n.to_string()).expect("read").expect("a reader");
        town.visit(patron, "2026-02-02");
    }
    town.tick("2026-02-02", 9);
    town.deliver("2026-02-02", 10);
    let report = || run(&town, &["report", "--store", "STORE", "--json", PROGRAM, "visit_notice"]);
    let (code, before, said) = report();
    assert_eq!(code, Some(0), "{before}{said}");
    let respond = |more: &[&str], email: &str| {
        let link = town.link(email, "c");
        let mut arguments = vec!["respond", "--store", "STORE", "--at", "2026-02-02 12:00"];
        arguments.extend(more);
        arguments.extend([link.as_str(), PROGRAM]);
        run(&town, &arguments)
    };
    // A receipt for all, a click of half of them.
    for (n, email) in readers.iter().enumerate() {
        let (code, out, _) = respond(&["--delivered"], email);
        assert_eq!((code, out.as_str()), (Some(0), "Noted: the message arrived.\n"));
        if n % 2 == 0 {
            let (code, out, _) = respond(&[], email);
            assert_eq!((code, out.as_str()), (Some(0), "Counted: the link leads to https://riverside.example/more\n"));
        }
    }
    let (code, _, said) = respond(&["--delivered", "--bounced"], &readers[0]);
    assert!(code == Some(2) && said.contains("--bounced"), "{said}");
    let count = |event: &str| town.count(&format!("event_{event}"));
    assert_eq!((count("delivered"), count("clicked")), (24, 12));
    town.tick("2026-02-03", 9);
    let (_, after, _) = report();
    assert!(!before.contains("\"clicked\":12") && before != after, "{before}");
    let report: serde_json::Value = serde_json::from_str(&after).expect("JSON");
    let told = report.to_string();
    assert!(told.contains("\"delivered\":24") && told.contains("\"clicked\":12"), "{told}");
}

#[test]
fn a_consent_dated_ahead_is_not_yet_in_force_and_lines_fit() {
    let town = Town::new();
    let ana = town.patron("21", "ana@example.org", "2026-02-01");
    assert!(town.say(ana, ConsentState::Given, ConsentKind::Express, "2999-01-01"));
    let consent = |more: &[&str]| {
        let mut arguments = vec!["consent", "21", "--store", "STORE", "--program", PROGRAM];
        arguments.extend(more);
        run(&town, &arguments)
    };
    let (code, out, _) = consent(&["show"]);
    let told = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code, Some(0));
    assert!(told.starts_with("promotion by email: not yet in force, from 2999-01-01 on, express, given"), "{out}");
    assert!(!told.contains("no longer"), "{out}");
    let (_, out, _) = consent(&["show", "--json"]);
    let receipts: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(receipts[0]["state"], "not_yet_in_force");
    let source = "on the paper form that she filled in at the desk of the branch in the harbour";
    let (code, out, said) = consent(&["give", "survey", "--by", "email", "--source", source]);
    assert_eq!(code, Some(0), "{said}");
    assert!(out.split_whitespace().collect::<Vec<_>>().join(" ").contains(source), "{out}");
    assert!(out.lines().chain(said.lines()).all(|line| line.chars().count() <= 80), "{out}{said}");
}

/// What an address asked for is lifted by an express consent of later that holds, and by no other.
#[test]
fn an_old_consent_lifts_no_suppression() {
    let town = Town::new();
    town.patron("21", "ana@example.org", "2026-02-01");
    let command =
        |what: &[&str], more: &[&str]| run(&town, &[what, &["--store", "STORE", "--program", PROGRAM], more].concat());
    let give = |more: &[&str]| command(&["consent", "21"], &[&["give", "promotion", "--by", "email"], more].concat());
    let is_on_the_list = || command(&["suppress"], &["show", "ana@example.org"]).0 == Some(1);
    assert_eq!(command(&["suppress"], &["add", "ana@example.org", "--purpose", "promotion"]).0, Some(0));
    let (_, _, said) = give(&["--on", "2026-02-01"]);
    assert!(is_on_the_list() && said.contains("suppressed: email"), "given before: {said}");
    let (_, out, _) = give(&["--on", "2026-02-02", "--until", "2026-02-03"]);
    assert!(is_on_the_list() && out.contains("no longer in force"), "{out}");
    let (_, out, said) = give(&[]);
    assert!(!is_on_the_list() && said.contains("off the suppression list for promotion"), "{out}{said}");
    // An address that is put there again is there since then.
    assert_eq!(command(&["suppress"], &["add", "ana@example.org"]).0, Some(0));
    give(&["--implied", "relationship"]);
    assert!(is_on_the_list());
}

#[test]
fn a_link_an_address_and_an_erasure_have_exit_codes_for_scripts() {
    let town = Town::new();
    let ana = town.patron("21", "ana@example.org", "2026-02-01");
    town.give(ana, "2026-02-01");
    let (code, out, _) = run(&town, &["respond", "--store", "STORE", "https://x.example/m/u/AAAA", PROGRAM]);
    assert_eq!((code, out.as_str()), (Some(1), "This link is not valid.\n"));
    let stop = ["respond", "--store", "STORE", "--sms", "+1 519 555 0100", "STOP", PROGRAM];
    let (code, out, _) = run(&town, &stop);
    assert!(code == Some(0) && out.starts_with("Stopped"), "{out}");
    let suppress = |more: &[&str]| {
        let mut arguments = vec!["suppress", "--store", "STORE", "--program", PROGRAM];
        arguments.extend(more);
        run(&town, &arguments)
    };
    assert_eq!(suppress(&["show", "+15195550100"]).0, Some(1));
    assert_eq!(suppress(&["show", "ana@example.org"]).0, Some(0));
    assert_eq!(suppress(&["show", "555-0100"]).0, Some(2), "without its country code");
    assert_eq!(suppress(&["add", "Ana@example.org", "--purpose", "promotion", "--reason", "by letter"]).0, Some(0));
    let (code, out, _) = suppress(&["show", "ana@EXAMPLE.org"]);
    assert!(code == Some(1) && out.contains("(by letter)"), "{out}");
    assert_eq!(suppress(&["lift", "ana@example.org", "--reason", " "]).0, Some(2));
    assert_eq!(suppress(&["lift", "ana@example.org", "--reason", "asked again"]).0, Some(0));
    let erase = |more: &[&str]| {
        let mut arguments = vec!["erase", "--store", "STORE", "--program", PROGRAM];
        arguments.extend(more);
        run(&town, &arguments)
    };
    let (code, _, said) = erase(&["21"]);
    assert!(code == Some(2) && said.contains("--yes"), "{said}");
    assert_eq!(town.count("patron"), 1, "nothing happens unasked");
    let (code, out, said) = erase(&["--yes", "21", "22"]);
    assert_eq!((code, out.as_str()), (Some(1), "Erased 1 patron.\n"), "{said}");
    assert!(said.contains("the store knows no patron 22"), "{said}");
    let (_, ledger, _) = erase(&["--ledger"]);
    assert_eq!(ledger.lines().count(), 1);
    town.patron("21", "ana@example.org", "2026-02-05");
    let file = town.folder.path().join("erasures");
    std::fs::write(&file, ledger).expect("written");
    let (code, out, _) = erase(&["--yes", "--replay", file.to_str().expect("UTF-8")]);
    assert_eq!((code, out.as_str()), (Some(0), "Erased 1 patron.\n"));
    assert_eq!(town.count("patron"), 0);
}

#[test]
fn a_text_message_is_taken_only_from_a_number_with_its_country() {
    let town = Town::new();
    town.patron("21", "ana@example.org", "2026-02-01");
    let phone = [(town.field("phone"), Some(Value::text("+15195550101")))];
    town.write(town.at("2026-02-01", 9), |writer| writer.patron("21", None, &phone));
    let text = |number: &str, word: &str| {
        run(&town, &["respond", "--store", "STORE", "--at", "2026-02-02 10:00", "--sms", number, word, PROGRAM])
    };
    for word in ["STOP", "START", "HELP", "hello"] {
        for number in ["(519) 555-0101", "15195550101"] {
            let (code, _, said) = text(number, word);
            assert!(code == Some(2) && said.contains("with its country code"), "{number} {word}: {said}");
        }
    }
    assert_eq!((town.count("suppression"), town.count("event_texted")), (0, 0));
    let stopped = "Stopped: nothing more by sms that needs consent. Confirm it once.";
    assert_eq!(text("+1 (519) 555-0101", "STOP"), (Some(0), format!("{stopped}\n"), String::new()));
    let nobody = format!("{stopped} No patron has this number.\n");
    assert_eq!(text("+1 519 555 0199", "STOP"), (Some(0), nobody, String::new()));
    assert_eq!((town.count("suppression"), town.count("event_texted")), (2, 1));
}

#[test]
fn of_journeys_that_had_ended_a_merge_says_nothing() {
    let town = Town::new();
    for key in ["21", "22"] {
        let patron = town.patron(key, &format!("{key}@example.org"), "2026-02-01");
        town.say(patron, ConsentState::Asked, ConsentKind::Express, "2026-02-01");
    }
    town.tick("2026-02-02", 9);
    town.deliver("2026-02-02", 9);
    let (code, out, _) = run(&town, &["merge", "--store", "STORE", "--program", PROGRAM, "21", "22"]);
    assert_eq!((code, out.as_str()), (Some(0), "22 is 21 now.\n"));
}
