//! Damage, crashes, backups, other catalogues: the answer is right, and the file is made anew.

use std::path::Path;

use bookmobile::catalogue::Value;
use bookmobile::eval::local_dates;
use bookmobile::rule::columns::Wanted;
use bookmobile::store::Store;
use bookmobile::store::snapshot::{Dates, Opening, Origin};
use serde_json::Value as Json;

use super::town::{Town, facts, other_program};

/// Every section of the file: where it begins, and how many bytes it has.
fn sections(bytes: &[u8]) -> Vec<(usize, usize)> {
    let word = |index: usize| u64::from_ne_bytes(bytes[index * 8..index * 8 + 8].try_into().expect("8 bytes")) as usize;
    let (at, length) = (word(5), word(6));
    let directory: Json = serde_json::from_slice(&bytes[at..at + length]).expect("the directory");
    let mut found = vec![(0, 128), (at, length)];
    collect(&directory, &mut found);
    found.retain(|(_, length)| *length > 0);
    found
}

fn collect(json: &Json, found: &mut Vec<(usize, usize)>) {
    let number = |name: &str| json.get(name).and_then(Json::as_u64);
    if let (Some(at), Some(bytes), Some(_)) = (number("at"), number("bytes"), number("sum")) {
        found.push((at as usize, bytes as usize));
    }
    match json {
        Json::Array(parts) => parts.iter().for_each(|part| collect(part, found)),
        Json::Object(parts) => parts.values().for_each(|part| collect(part, found)),
        _ => {}
    }
}

/// A bit is enough, wherever it falls.
#[test]
fn a_flipped_bit_in_any_section_is_noticed() {
    let mut town = Town::new(17, 70);
    town.agrees();
    let whole = std::fs::read(town.snapshot_path()).expect("the file");
    let sections = sections(&whole);
    assert!(sections.len() > 60, "{} sections", sections.len());
    let truth = town.truth();
    for (at, length) in sections {
        let mut damaged = whole.clone();
        let bit = town.below(length as u64 * 8) as usize;
        damaged[at + bit / 8] ^= 1 << (bit % 8);
        replace(&town.snapshot_path(), &damaged);
        restamp(&town, &whole);
        let snapshot = town.open(None);
        assert_eq!(snapshot.origin, Origin::Made, "bit {bit} of the section at {at}");
        assert!(facts(&snapshot) == truth);
    }
}

/// Who opens a file and wants little of it does not see the damage; the merge that copies the rest does.
#[test]
fn damage_that_a_merge_finds_makes_the_file_anew() {
    let mut town = Town::new(53, 70);
    let fines = town.program.catalogue.field_named("fines".into()).expect("declared");
    town.agrees();
    for index in 0.. {
        let mut damaged = std::fs::read(town.snapshot_path()).expect("the file");
        let Some((at, length)) = sections(&damaged).get(index).copied() else { break };
        damaged[at + town.below(length as u64) as usize] ^= 4;
        replace(&town.snapshot_path(), &damaged);
        let value = Some(Value::Money(100 + index as i64));
        town.write(|_, writer| {
            let mut keys = (0..20).map(|number| format!("2{number:07}"));
            keys.try_for_each(|key| writer.patron(&key, None, &[(fines, value.clone())]).map(|_| ()))
        });
        assert_eq!(town.open_wanting(&Wanted::default()).origin, Origin::Made, "the section at {at}");
    }
    assert_eq!(town.agrees(), Origin::File);
}

/// Puts the token of a file into the store again.
fn restamp(town: &Town, file: &[u8]) {
    let token = i64::from_ne_bytes(file[16..24].try_into().expect("8 bytes"));
    let store = town.store();
    store.connection().execute("UPDATE meta SET value = ?1 WHERE name = 'snapshot'", [token]).expect("written");
}

fn replace(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).expect("removed");
    std::fs::write(path, bytes).expect("written");
}

#[test]
fn a_file_that_was_cut_off_or_is_another_one_is_made_anew() {
    let town = Town::new(19, 70);
    town.agrees();
    let whole = std::fs::read(town.snapshot_path()).expect("the file");
    for length in [0, 1, 63, 64, 65, whole.len() / 2, whole.len() - 1] {
        replace(&town.snapshot_path(), &whole[..length]);
        restamp(&town, &whole);
        assert_eq!(town.agrees(), Origin::Made, "{length} bytes of {}", whole.len());
    }
    replace(&town.snapshot_path(), b"SQLite format 3\0");
    assert_eq!(town.agrees(), Origin::Made);
    let other = Town::new(23, 70);
    other.agrees();
    replace(&town.snapshot_path(), &std::fs::read(other.snapshot_path()).expect("the other's"));
    assert_eq!(town.agrees(), Origin::Made);
    assert_eq!(town.agrees(), Origin::File);
}

/// Written, and not yet renamed.
#[test]
fn what_a_crash_left_is_swept_away() {
    let town = Town::new(29, 60);
    town.agrees();
    let left = town.folder.path().join("town.db.snapshot.00000000000000ff");
    std::fs::rename(town.snapshot_path(), &left).expect("renamed");
    assert_eq!(town.agrees(), Origin::Made);
    assert!(!left.exists());
    assert_eq!(town.agrees(), Origin::File);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let town = Town::new(31, 60);
    town.agrees();
    let mode = town.snapshot_path().metadata().expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn copy(from: &Store, to: &Path) {
    from.connection().execute("VACUUM INTO ?1", [to.to_str().expect("a path")]).expect("a backup");
}

fn restore(town: &Town, backup: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", town.store_path().display()));
    }
    std::fs::copy(backup, town.store_path()).expect("restored");
}

/// An older store beside a newer file, and an older store whose change log goes on otherwise than it went.
#[test]
fn a_restored_backup_meets_no_newer_snapshot() {
    let mut town = Town::new(37, 60);
    let backup = town.folder.path().join("backup.db");
    copy(&town.store(), &backup);
    town.agrees();
    restore(&town, &backup);
    assert_eq!(town.agrees(), Origin::Made, "the backup is older than the token");

    std::fs::remove_file(&backup).expect("removed");
    copy(&town.store(), &backup);
    town.changes(2, false);
    assert_eq!(town.agrees(), Origin::File);
    restore(&town, &backup);
    town.changes(1, false);
    assert_eq!(town.agrees(), Origin::File, "the file is of a state that both have in common");

    town.changes(40, false);
    assert_eq!(town.agrees(), Origin::Merged);
    restore(&town, &backup);
    town.changes(40, false);
    assert_eq!(town.agrees(), Origin::Made, "the file is of a state that the backup never was in");
}

#[test]
fn another_catalogue_makes_another_file() {
    let town = Town::new(41, 60);
    town.agrees();
    let other = other_program();
    town.store().align(&other.catalogue).expect("it fits");
    let snapshot = town.open_with(&other, 0, None);
    assert_eq!(snapshot.origin, Origin::Made);
    assert!(facts(&snapshot) == facts(&town.open_with(&other, i64::MAX, None)));
    assert_eq!(town.open_with(&other, 0, None).origin, Origin::File);
    assert_eq!(town.agrees(), Origin::Made);
}

/// A store in memory has no file beside it; nor has one that somebody is writing to.
#[test]
fn where_there_can_be_no_file_the_answer_is_the_same() {
    let town = Town::new(43, 60);
    let mut store = town.store();
    let transaction = store.begin().expect("the lock");
    assert_eq!(town.agrees(), Origin::Memory);
    assert!(!town.snapshot_path().exists());
    drop(transaction);
    let copy = store.copy_in_memory().expect("a copy");
    let dates = Dates { zone: &town.program.library.zone, day: |zone| Box::new(local_dates(zone)) };
    let opening = Opening { dates, from_patrons: 0, progress: None };
    let wanted = Wanted::everything(&town.program.catalogue);
    let snapshot = opening.open(&copy, &wanted).expect("columns");
    assert_eq!(snapshot.origin, Origin::Memory);
    assert!(facts(&snapshot) == town.truth());
}
