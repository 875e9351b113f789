//! The conformance suite's programs with tests: each file of `eval/` by itself, and `complete/` as one program.

mod coverage;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bookmobile::check;
use bookmobile::review::test;

/// Runs the tests of each program in threads; gives the failures by name.
fn failures(programs: &[PathBuf]) -> BTreeMap<String, String> {
    let next = Mutex::new(programs.iter());
    let found = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(path) = next.lock().expect("no thread panics with it").next() else { return };
                    if let Err(why) = run(path) {
                        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                        found.lock().expect("no thread panics with it").insert(name, why);
                    }
                }
            });
        }
    });
    found.into_inner().expect("no thread panics with it")
}

fn run(path: &Path) -> Result<(), String> {
    let compiled = check::compile(check::load(path).map_err(|error| error.to_string())?);
    let Some(program) = compiled.program else {
        let found: Vec<String> = compiled.diagnostics.iter().map(|found| found.message.clone()).collect();
        return Err(format!("does not compile: {}", found.join("; ")));
    };
    let summary = test::run(&program, None).map_err(|error| error.to_string())?;
    if summary.tests.is_empty() {
        return Err("has no test".into());
    }
    let failed: Vec<String> = (summary.tests.iter())
        .filter(|test| !test.passed())
        .map(|test| {
            let why: Vec<&str> = test.failures.iter().map(|failure| failure.message.as_str()).collect();
            format!("{:?}: {}", test.name, why.join("; "))
        })
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

fn show(failures: &BTreeMap<String, String>) -> String {
    failures.iter().map(|(name, why)| format!("{name}: {why}\n")).collect()
}

#[test]
fn every_file_of_eval_passes_by_itself() {
    let folder = Path::new("tests/conformance/eval");
    let mut files: Vec<PathBuf> =
        folder.read_dir().expect("the suite").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= 139, "the suite is whole: {} files", files.len());
    let failed = failures(&files);
    assert!(failed.is_empty(), "{} of {} fail:\n{}", failed.len(), files.len(), show(&failed));
}

#[test]
fn the_complete_program_passes_its_tests() {
    let failed = failures(&[PathBuf::from("tests/conformance/complete")]);
    assert!(failed.is_empty(), "{}", show(&failed));
}

#[test]
fn the_campaigns_to_start_from_pass_their_tests() {
    let failed = failures(&[PathBuf::from("campaigns")]);
    assert!(failed.is_empty(), "{}", show(&failed));
}

#[test]
fn programs_with_tests_pass_them() {
    let folder = Path::new("tests/programs");
    let mut files: Vec<PathBuf> =
        folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let failed = failures(&files);
    assert!(failed.is_empty(), "{} of {} fail:\n{}", failed.len(), files.len(), show(&failed));
}

const LIBRARY: &str = r#"
library "Test Library" { timezone "America/Toronto"  languages en  sender "T" <news@library.example>  reply to <desk@library.example>  quiet none }
purpose essential "Notices" without consent
patron { kind one of adult, teen  born date optional  email email optional }
event visit { place text }
message note { email { subject "A note" body "Hello." } }
segment grown_up { kind is adult and age(born) >= 18 }
campaign adults { purpose essential  audience grown_up  start on visit  send note }
"#;

fn results(test: &str) -> test::Summary {
    results_of(format!("{LIBRARY}{test}"))
}

fn results_of(program: String) -> test::Summary {
    let mut sources = bookmobile::diagnostic::Sources::default();
    sources.add("program.campaign", program);
    let compiled = check::compile(sources);
    let program = compiled.program.unwrap_or_else(|| panic!("the program is right: {:?}", compiled.diagnostics));
    test::run(&program, None).expect("memory")
}

#[test]
fn a_failure_is_explained_by_the_values_that_decided_it() {
    let summary = results(
        r#"test "who" {
             now 2026-11-23 10:00
             patron ana { born 2010-01-01  email "ana@library.example" }
             event visit of ana on 2026-11-24 10:00 { place "x" }
             expect ana in grown_up
             run until 2026-11-25
             expect ana gets note 1 time
           }"#,
    );
    let [test] = summary.tests.as_slice() else { panic!("one test") };
    let [segment, message] = test.failures.as_slice() else { panic!("two failures: {:?}", test.failures) };
    assert!(segment.message.contains("ana is not in grown_up"), "{}", segment.message);
    let because = segment.because.join("\n");
    assert!(because.contains("age(born) >= 18") && because.contains("2010-01-01"), "{because}");
    assert!(message.message.contains("ana gets note 0 times, not 1"), "{}", message.message);
    let because = message.because.join("\n");
    assert!(because.contains("campaign adults never started") && because.contains("audience"), "{because}");
}

#[test]
fn getting_nothing_for_want_of_knowledge_is_said() {
    let body = |fields: &str| {
        format!(
            r#"test "nothing" {{
                 now 2026-11-23 10:00
                 patron ana {{ {fields}  email "ana@library.example" }}
                 event visit of ana on 2026-11-24 10:00 {{ place "x" }}
                 run until 2026-11-25
                 expect ana gets nothing
               }}"#
        )
    };
    let unknown = results(&body(""));
    assert!(unknown.tests[0].passed());
    assert!(unknown.tests[0].notes[0].because.join("\n").contains("unknown for ana"), "{:?}", unknown.tests[0].notes);
    let known = results(&body("born 2015-01-01"));
    assert!(known.tests[0].passed() && known.tests[0].notes.is_empty());
}

#[test]
fn parts_of_rules_that_no_test_decided_are_listed() {
    let summary = results(
        r#"test "only adults" {
             now 2026-11-23 10:00
             patron ana { born 2000-01-01 }
             patron ben { born 2015-01-01 }
             expect ana in grown_up
             expect ben not in grown_up
           }"#,
    );
    let parts: Vec<&str> = summary.undecided.iter().map(|part| part.part.as_str()).collect();
    assert_eq!(parts, ["`kind is adult`"], "everybody is an adult, and the age is decided");
    assert_eq!(summary.undecided[0].stood, "always true");
}
