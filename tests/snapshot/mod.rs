//! The columnar snapshot: it says what the store says, whatever happens to either.

mod chosen;
mod erasure;
mod faults;
mod town;

use bookmobile::rule::columns::Consents;
use bookmobile::store::snapshot::Origin;
use proptest::prelude::*;

use town::Town;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Between two openings anything may happen, a little or much.
    #[test]
    fn a_snapshot_says_what_the_store_says(seed in any::<u64>(), steps in prop::collection::vec((0_u64..30, any::<bool>()), 1..6)) {
        let mut town = Town::new(seed, 70);
        prop_assert_eq!(town.agrees(), Origin::Made);
        prop_assert_eq!(town.agrees(), Origin::File);
        for (count, drastic) in steps {
            town.changes(if count < 12 { count / 4 } else { count }, drastic && count % 2 == 0);
            town.agrees();
            prop_assert_eq!(town.agrees(), Origin::File);
        }
    }
}

/// A little is read beside the file, much is merged into a new one, and neither reads everything from SQLite.
#[test]
fn the_file_is_brought_up_to_date() {
    let mut town = Town::new(7, 200);
    assert_eq!(town.agrees(), Origin::Made);
    for _ in 0..20 {
        town.changes(1, false);
        if town.agrees() != Origin::File {
            break;
        }
    }
    // Ten of two hundred.
    assert_eq!(town.open(None).origin, Origin::File);
    let before = town.open(None);
    assert!(before.delta.len() <= 10);
    town.changes(40, false);
    assert_eq!(town.agrees(), Origin::Merged);
    let merged = town.open(None);
    assert_eq!(merged.delta.len(), 0);
    let is_anybodys = |of: &Consents| of.state.iter().any(|state| *state != 0);
    assert!(merged.base.consents.iter().all(is_anybodys), "no column is there for nobody");
}

/// What a new snapshot holds of an address that somebody no longer has is nothing.
#[test]
fn a_merged_file_forgets_what_nobody_has_any_more() {
    let mut town = Town::new(11, 60);
    town.agrees();
    let nick = town.program.catalogue.field_named("nick".into()).expect("declared");
    let rename = |town: &mut Town, name: &str| {
        let value = bookmobile::catalogue::Value::text(name);
        town.write(|_, writer| writer.patron("20000001", None, &[(nick, Some(value))]).map(|_| ()));
    };
    rename(&mut town, "Xanthippe");
    town.changes(30, false);
    assert_eq!(town.agrees(), Origin::Merged);
    let snapshot = town.snapshot_path();
    let holds = |name: &str| town::stands_in(town.folder.path(), name).contains(&snapshot.display().to_string());
    assert!(holds("Xanthippe"));
    rename(&mut town, "Sokrates");
    town.changes(30, false);
    assert_eq!(town.agrees(), Origin::Merged);
    let holds = |name: &str| town::stands_in(town.folder.path(), name).contains(&snapshot.display().to_string());
    assert!(holds("Sokrates") && !holds("Xanthippe"));
}

/// Many at once: each reads one moment of the store, never a mixture, whoever makes the file.
#[test]
fn several_processes_share_the_file() {
    let mut town = Town::new(13, 60);
    let fines = town.program.catalogue.field_named("fines".into()).expect("declared");
    let set_all = |town: &mut Town, amount: i64| {
        let value = Some(bookmobile::catalogue::Value::Money(amount));
        town.write(|_, writer| {
            (0..60).try_for_each(|n| writer.patron(&format!("2{n:07}"), None, &[(fines, value.clone())]).map(|_| ()))
        });
    };
    set_all(&mut town, 0);
    let (shared, done) = (std::sync::RwLock::new(town), std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let snapshot = shared.read().expect("no panic").open(None);
                    let amounts: std::collections::BTreeSet<String> = (0..snapshot.base.len())
                        .filter(|row| snapshot.valid[row / 64] >> (row % 64) & 1 == 1)
                        .map(|row| snapshot.base.facts(row))
                        .chain((0..snapshot.delta.len()).map(|row| snapshot.delta.facts(row)))
                        .filter(|facts| facts.key.starts_with('2'))
                        .map(|facts| format!("{:?}", facts.fields[fines.index()]))
                        .collect();
                    assert_eq!(amounts.len(), 1, "{amounts:?} of {:?}", snapshot.origin);
                }
            });
        }
        for amount in 1..40 {
            let path = shared.read().expect("no panic").store_path();
            let program = shared.read().expect("no panic").program.catalogue.clone();
            let mut store = bookmobile::store::Store::open(path).expect("a store");
            store.align(&program).expect("fits");
            let transaction = store.begin().expect("the lock");
            let zone = bookmobile::time::Zone::utc();
            let mut writer = transaction.writer(&zone, bookmobile::time::Instant(amount));
            let value = Some(bookmobile::catalogue::Value::Money(amount));
            for n in 0..60 {
                writer.patron(&format!("2{n:07}"), None, &[(fines, value.clone())]).expect("written");
            }
            drop(writer);
            transaction.commit().expect("committed");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    shared.into_inner().expect("no panic").agrees();
}
