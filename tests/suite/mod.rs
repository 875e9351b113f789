//! The conformance suite's programs with tests: each file of `eval/` by itself, and `complete/` as one program.

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
