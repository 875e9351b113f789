//! Rows of the fault table about two deliveries of one store, or of two that are the same.

use std::process::{Command, Stdio};

use bookmobile::store::{Store, Turn, Work};
use bookmobile::time::Instant;

use super::{Town, at};

/// `bookmobile deliver` of the town's store into its folder.
fn command(town: &Town) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bookmobile"));
    command.args(["deliver", "--at", "2026-11-23 10:00", "--store"]).arg(town.folder.path().join("library.db"));
    command.arg("--to-dir").arg(town.folder.path().join("out")).arg("tests/message/library.campaign");
    let done = command.stdin(Stdio::null()).output().expect("it runs");
    (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
}

/// DEL-10: a delivery that stands still keeps its turn, so that nobody takes over what it will go on with.
#[test]
fn del_10_while_a_delivery_stands_still_no_other_takes_over() {
    let town = Town::new("ana@example.org");
    let store = town.folder.path().join("library.db");
    let asleep = Turn::take(&store, Work::Delivery, Instant(0)).expect("a file").expect("nobody has it");
    let (code, said) = command(&town);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with(&format!("Delivery held by process {} since ", std::process::id())), "{said}");
    assert!(town.state().0 == "queued" && town.files().is_empty(), "nothing was claimed and nothing written");
    drop(asleep);
    let (code, said) = command(&town);
    assert!(code == Some(0) && said.starts_with("1 message written"), "{said}");
    assert_eq!((town.state().0.as_str(), town.files().len(), town.sent_events()), ("sent", 1, 1));
}

/// DEL-17: a store and its copy deliver into one folder. A message has the same name in both, and is written once.
#[test]
fn del_17_a_store_and_its_copy_write_each_message_once() {
    let town = Town::of(&[("ana", "Ana", "ana@example.org"), ("ben", "Ben", "ben@example.org")]);
    // A store has its secret from its first delivery on: the copy of one that never delivered is another store.
    let _ = town.links(&town.store());
    let copy = town.folder.path().join("copy.db");
    std::fs::copy(town.folder.path().join("library.db"), &copy).expect("nobody has it open");
    assert_eq!(town.deliver(&mut town.directory(), 10).report.sent, 2);
    let files = town.files();
    assert_eq!(files.len(), 2);
    let mut clone = Store::open(&copy).expect("a store");
    clone.align(&town.program.catalogue).expect("the catalogue fits");
    let (links, now) = (town.links(&clone), at(&town.program, "2026-11-24", 10));
    let drained = super::drain(&mut clone, &town.program, now, links, &mut town.directory()).expect("a delivery");
    assert_eq!(drained.report.sent, 2, "it takes them for sent");
    assert_eq!(town.files(), files, "on another day too");
}
