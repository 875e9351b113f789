//! What is erased from the store does not live on in a snapshot, whenever it was made and whatever fails.

use std::sync::atomic::{AtomicBool, Ordering};

use bookmobile::catalogue::Value;
use bookmobile::rule::PatronId;
use bookmobile::store::snapshot::Origin;
use bookmobile::store::{Store, StoreError};

use super::town::{Town, facts, stands_in};

const NAME: &str = "Wilhelmina Quartermaine";

/// A town with a patron whose name stands nowhere else.
fn town() -> (Town, PatronId) {
    let mut town = Town::new(3, 60);
    let nick = town.program.catalogue.field_named("nick".into()).expect("declared");
    town.write(|_, writer| writer.patron("29999999", None, &[(nick, Some(Value::text(NAME)))]).map(|_| ()));
    let patron = town.store().reader().patron_by_key("29999999").expect("read").expect("there");
    town.agrees();
    assert!(stands_in(town.folder.path(), NAME).contains(&town.snapshot_path().display().to_string()));
    (town, patron)
}

fn erase(town: &Town, patron: PatronId) -> Result<(), StoreError> {
    let mut store = town.store();
    let transaction = store.begin()?;
    let zone = &town.program.library.zone;
    transaction.writer(zone, bookmobile::time::Instant(1_900_000_000_000_000)).erase_patron(patron, false)?;
    transaction.commit()?;
    store.wipe().map(|_| ())
}

#[test]
fn no_byte_of_an_erased_patron_is_left() {
    let (town, patron) = town();
    erase(&town, patron).expect("erased");
    assert_eq!(stands_in(town.folder.path(), NAME), Vec::<String>::new());
    assert_eq!(town.agrees(), Origin::File, "another one was made of the one before");
    assert_eq!(stands_in(town.folder.path(), NAME), Vec::<String>::new());
}

/// The file goes first: a crash before the commit leaves the patron in the store, and nobody in a file without need.
#[test]
fn a_crash_before_the_commit_loses_the_file_and_nothing_else() {
    let (town, patron) = town();
    let mut store = town.store();
    let transaction = store.begin().expect("the lock");
    let zone = &town.program.library.zone;
    transaction.writer(zone, bookmobile::time::Instant(0)).erase_patron(patron, false).expect("erased");
    assert!(!town.snapshot_path().exists());
    drop(transaction);
    drop(store);
    assert_eq!(town.agrees(), Origin::Made);
    assert!(facts(&town.open(None)).contains_key(&patron.0));
}

/// A file whose making began before the erasure, and would end after it.
#[test]
fn a_file_that_is_being_made_does_not_bring_anybody_back() {
    let (town, patron) = town();
    std::fs::remove_file(town.snapshot_path()).expect("removed");
    let once = AtomicBool::new(true);
    let progress = |_: u64, _: u64| {
        if once.swap(false, Ordering::SeqCst) {
            erase(&town, patron).expect("erased while others read");
        }
    };
    let snapshot = town.open(Some(&progress));
    assert!(!once.load(Ordering::SeqCst), "it was being made");
    assert!(!facts(&snapshot).contains_key(&patron.0));
    drop(snapshot);
    assert_eq!(town.agrees(), Origin::File);
    let mut store = town.store();
    store.wipe().expect("wiped, now that nobody reads");
    assert_eq!(stands_in(town.folder.path(), NAME), Vec::<String>::new());
}

/// Two cards become one, and history that may not be kept goes: both leave a file without.
#[test]
fn a_merge_of_cards_and_a_purge_leave_another_file() {
    let (mut town, patron) = town();
    town.write(|_, writer| writer.absorb(patron, PatronId(1)));
    let snapshot = town.snapshot_path();
    assert!(snapshot.exists() && !stands_in(town.folder.path(), NAME).contains(&snapshot.display().to_string()));
    assert_eq!(town.agrees(), Origin::File);

    let keeps = town.program.catalogue.field_named("keeps_history".into()).expect("declared");
    let checkout = town.program.catalogue.event_named("checkout".into()).expect("declared");
    let say = |truth: bool| [(keeps, Some(Value::Bool(truth)))];
    town.write(|_, writer| {
        let patron = writer.patron("29999998", None, &say(true))?;
        writer.event(patron, checkout, None, writer.at(), &[]).map(|_| ())
    });
    town.agrees();
    town.write(|_, writer| writer.patron("29999998", None, &say(false)).map(|_| ()));
    let before = token(&town);
    town.write(|_, writer| {
        writer.purge()?;
        assert!(!snapshot.exists(), "it is gone before the commit");
        Ok(())
    });
    let purged = token(&town);
    assert_ne!(purged, before);
    assert_eq!(town.agrees(), Origin::File);
    // Where nothing is purged, the file stays.
    town.write(|_, writer| writer.purge().map(|_| ()));
    assert_eq!((town.agrees(), token(&town)), (Origin::File, purged));
}

/// Of the file.
fn token(town: &Town) -> Vec<u8> {
    std::fs::read(town.snapshot_path()).expect("a file")[16..24].to_vec()
}

/// If the file cannot be deleted, nobody is erased, and the error says what to do.
#[test]
fn an_erasure_that_cannot_delete_the_file_does_not_happen() {
    let (town, patron) = town();
    std::fs::remove_file(town.snapshot_path()).expect("removed");
    std::fs::create_dir(town.snapshot_path()).expect("something that is no file");
    let error = erase(&town, patron).expect_err("refused").to_string();
    assert!(error.contains("town.db.snapshot") && error.contains("delete it"), "{error}");
    assert!(Store::open(town.store_path()).expect("a store").reader().key(patron).expect("read").is_some());
    // Nor can a file be made; the answer is right without it.
    assert_eq!(town.agrees(), Origin::Made);
    assert!(town.snapshot_path().is_dir());
}
