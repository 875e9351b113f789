//! Some patrons, of whom a snapshot that stays open knows most: they are as the store says, whatever changed since.

use bookmobile::catalogue::{FieldId, Value};
use bookmobile::eval::local_dates;
use bookmobile::rule::PatronId;
use bookmobile::rule::columns::Wanted;
use bookmobile::store::snapshot::{Base, Choice, Chosen, Dates};
use bookmobile::store::{Kinds, Needs, Store};
use proptest::prelude::*;

use super::town::{Town, facts_of};

/// As a tick does, without deciding anything.
fn note_tick(store: &Store) {
    let sql = "INSERT OR REPLACE INTO engine_clock \
               SELECT 1, 0, max(seq), (SELECT value FROM meta WHERE name = 'next_row') - 1, '', '', randomblob(16) \
               FROM change_log";
    store.connection().execute(sql, ()).expect("written");
}

/// Holds those whom the bits name, and some who are not there, against what the store says.
fn compare(town: &Town, base: &mut Option<Base>, bits: u64) {
    let store = town.store();
    let dates = Dates { zone: &town.program.library.zone, day: |zone| Box::new(local_dates(zone)) };
    let wanted = Wanted::everything(&town.program.catalogue);
    let reader = store.reader();
    base.take_if(|base| !base.is_of(&reader).expect("readable"));
    let since = store
        .connection()
        .query_row("SELECT coalesce((SELECT change FROM engine_clock), 0)", (), |row| row.get(0))
        .expect("readable");
    let changes = reader.changes_since(since).expect("readable");
    let newest = reader.newest_patron().expect("readable").0;
    let chosen: Vec<Chosen> = (1..newest + 3)
        .filter(|patron| bits >> (patron % 64) & 1 == 1)
        .map(PatronId)
        .map(|patron| Chosen { patron, change: changes.patrons.iter().find(|of| of.patron == patron).cloned() })
        .collect();
    let choice = Choice { reader: &reader, wanted: &wanted, dates: &dates, base: base.as_ref(), since };
    let columns = choice.gather(&chosen).expect("readable").columns();
    let truth = town.truth();
    let found: Vec<(i64, String)> = (0..columns.len()).map(|row| facts_of(&columns, row)).collect();
    let expected: Vec<(i64, String)> = (chosen.iter().map(|chosen| chosen.patron.0))
        .filter_map(|patron| Some((patron, truth.get(&patron)?.clone())))
        .collect();
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Ticks and snapshots come in any order with what happens.
    #[test]
    fn some_patrons_are_as_the_store_says(seed in any::<u64>(), steps in prop::collection::vec((0_u64..12, 0..8, any::<u64>()), 3..9)) {
        let mut town = Town::new(seed, 70);
        let mut base = None;
        for (count, what, bits) in steps {
            match what {
                0 | 1 => note_tick(&town.store()),
                2 | 3 => {
                    town.agrees();
                    let store = town.store();
                    let dates = Dates { zone: &town.program.library.zone, day: |zone| Box::new(local_dates(zone)) };
                    base = Base::open(&store.reader(), &Wanted::everything(&town.program.catalogue), &dates);
                    prop_assert!(base.is_some());
                }
                _ => town.changes(count, what == 4),
            }
            compare(&town, &mut base, bits);
        }
    }
}

/// Of whom little changed little is read.
#[test]
fn what_did_not_change_is_not_read_again() {
    let mut town = Town::new(5, 70);
    town.agrees();
    note_tick(&town.store());
    let visit = town.program.catalogue.event_named("visit".into()).expect("declared");
    let of = |town: &Town, since: i64| {
        let changes = town.store().reader().changes_since(since).expect("readable");
        (changes.newest, changes.patrons)
    };
    let (seen, _) = of(&town, 0);
    town.write(|_, writer| {
        let at = writer.at();
        writer.event(PatronId(3), visit, None, at, &[]).map(drop)
    });
    let (newest, changed) = of(&town, seen);
    assert_eq!(changed.iter().map(|change| change.kinds).collect::<Vec<_>>(), [Kinds::added("visit")]);
    // A tick saw that, the snapshot did not: it still counts.
    note_tick(&town.store());
    let list = town.program.catalogue.list_named("friends".into()).expect("declared");
    let has_friends = |town: &Town| {
        let reader = town.store();
        reader.reader().members(list).expect("readable").contains(&PatronId(3))
    };
    let is_member = !has_friends(&town);
    town.write(|_, writer| writer.member(PatronId(3), list, is_member).map(drop));
    let (_, changed) = of(&town, newest);
    assert_eq!(changed.iter().map(|change| change.kinds).collect::<Vec<_>>(), [Kinds::added("visit") | Kinds::LISTS]);
    // Both saw it: the next change stands alone.
    town.changes(30, false);
    town.agrees();
    note_tick(&town.store());
    let (newest, _) = of(&town, 0);
    town.write(|_, writer| writer.member(PatronId(3), list, !is_member).map(drop));
    let (_, changed) = of(&town, newest);
    assert_eq!(changed.iter().map(|change| change.kinds).collect::<Vec<_>>(), [Kinds::LISTS]);
}

/// The log says what fields are now, as long as no private one changed with them.
#[test]
fn the_log_has_the_fields_that_changed_but_no_private_ones() {
    let mut town = Town::new(5, 70);
    town.agrees();
    note_tick(&town.store());
    let mut base = None;
    let needs = Needs::everything(&town.program.catalogue);
    let field = |town: &Town, name: &str| town.program.catalogue.field_named(name.into()).expect("declared");
    let (nick, fines, taste) = (field(&town, "nick"), field(&town, "fines"), field(&town, "taste"));
    let mut set = |town: &mut Town, fields: &[(FieldId, Option<Value>)]| {
        let key = town.store().reader().facts(PatronId(3), &needs).expect("read").expect("there").key;
        town.write(|_, writer| writer.patron(&key, None, fields).map(drop));
        if base.is_none() {
            let dates = Dates { zone: &town.program.library.zone, day: |zone| Box::new(local_dates(zone)) };
            base = Base::open(&town.store().reader(), &Wanted::everything(&town.program.catalogue), &dates);
        }
        compare(town, &mut base, u64::MAX);
        let changes = town.store().reader().changes_since(0).expect("readable").patrons;
        changes.into_iter().find(|change| change.patron == PatronId(3)).and_then(|change| change.fields)
    };
    assert_eq!(set(&mut town, &[(nick, Some(Value::text("Bo")))]).as_deref(), Some(r#"{"nick":"Bo"}"#));
    let both = set(&mut town, &[(nick, None), (fines, Some(Value::Money(7_700)))]);
    assert_eq!(both.as_deref(), Some(r#"{"nick":null,"fines":7700}"#));
    assert_eq!(set(&mut town, &[(taste, Some(Value::text("Westerns")))]), None);
    assert_eq!(set(&mut town, &[(nick, Some(Value::text("Bea")))]), None, "what else changed is not known");
    // A tick and a snapshot have seen all that.
    town.changes(30, false);
    town.agrees();
    note_tick(&town.store());
    assert_eq!(set(&mut town, &[(nick, Some(Value::text("Bob")))]).as_deref(), Some(r#"{"nick":"Bob"}"#));
}
