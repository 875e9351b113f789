//! A snapshot whose name is gone because something in it is to go, and that another one is made of.
//!
//! The process that erases or purges deletes the file by name before it commits, and keeps it open: so nobody finds it,
//! whatever fails from then on, and it leaves the disk with the process. After the commit that process writes a file
//! without whom it erased, from the one that it holds and from what the change log names. It may only if nothing was
//! erased in between, which would be in no change log: every erasure puts a new token into the store.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;

use super::file::Snapped;
use super::sections::Unusable;
use super::{Dates, Older, Opening, Unmerged, format, stamp};
use crate::rule::PatronId;
use crate::store::{Layout, StoreError};
use crate::time::Zone;

/// What a transaction deleted of the snapshot, until it is committed.
#[derive(Default)]
pub(in crate::store) struct Forgotten {
    held: Option<Held>,
}

struct Held {
    file: File,
    /// The token of the store when the file was deleted.
    token: i64,
    /// The token that the transaction leaves.
    since: i64,
    /// Who was erased.
    gone: Vec<PatronId>,
    /// Where the store is.
    store: PathBuf,
    layout: Arc<Layout>,
    zone: Zone,
}

impl Forgotten {
    /// Deletes the snapshot of the store, in the transaction that deletes what is in it: a patron, or what the change log
    /// names.
    ///
    /// # Errors
    /// If a file cannot be deleted: then what is to be deleted would live on in it.
    pub fn forget(
        &mut self,
        connection: &Connection,
        gone: Option<PatronId>,
        layout: &Arc<Layout>,
        zone: &Zone,
    ) -> Result<(), StoreError> {
        let before = stamp::token(connection)?;
        let since = stamp::renew(connection)?;
        connection.execute("DELETE FROM meta WHERE name = 'snapshot_change'", ())?;
        let Some(store) = stamp::store_path(connection) else { return Ok(()) };
        let path = stamp::path(&store);
        if let (None, Some(token), Ok(file)) = (&self.held, before, File::open(&path)) {
            let (layout, zone) = (layout.clone(), zone.clone());
            self.held = Some(Held { file, token, since, gone: Vec::new(), store, layout, zone });
        }
        if let Some(held) = &mut self.held {
            held.since = since;
            held.gone.extend(gone);
        }
        stamp::remove(&path)?;
        stamp::remove_unfinished(&path)
    }

    /// Writes another snapshot, after the commit. Nothing depends on it: where it cannot be written, whoever needs one
    /// makes it.
    pub fn replace(self) {
        let Some(held) = self.held else { return };
        let why = match held.replace() {
            Ok(()) => return,
            Err(Unmerged::Unusable(Unusable(why))) => why,
            Err(Unmerged::Store(error)) => error.to_string(),
        };
        tracing::debug!("the snapshot was deleted and not made anew: {why}");
    }
}

impl Held {
    fn replace(self) -> Result<(), Unmerged> {
        let dates = Dates { zone: &self.zone, day: |zone| Box::new(move |at| zone.day(at)) };
        let catalogue = &self.layout.catalogue;
        let fingerprint = format::fingerprint(catalogue, &self.zone);
        let old = Snapped::of(self.file, &fingerprint)?;
        if old.stamp.token != self.token {
            return Err(Unusable("it was of another state of the store".to_owned()).into());
        }
        let older = Older { file: &old, token: self.since, gone: &self.gone };
        Opening::new(dates).merge(&self.store, catalogue, &older, &fingerprint).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Catalogue, Field, FieldId, Type, Value};
    use crate::rule::columns::Wanted;
    use crate::store::Store;
    use crate::store::snapshot::Origin;
    use crate::symbol::Symbol;
    use crate::time::Instant;

    const NAMES: [&str; 3] = ["Agatha", "Barnabas", "Cassandra"];

    struct Town {
        _folder: tempfile::TempDir,
        store: Store,
    }

    impl Town {
        /// Three patrons with a name, and their snapshot.
        fn new() -> Town {
            let name = Symbol::new("nick");
            let field = Field { name, ty: Type::Text, optional: true, private: None, doc: None, span: None };
            let catalogue = Catalogue { fields: vec![field], ..Catalogue::default() };
            let folder = tempfile::tempdir().expect("a folder");
            let mut store = Store::open(folder.path().join("town.db")).expect("a store");
            store.align(&catalogue).expect("it fits");
            let mut town = Town { _folder: folder, store };
            let transaction = town.store.begin().expect("the lock");
            let mut writer = transaction.writer(&Zone::utc(), Instant(0));
            for name in NAMES {
                writer.patron(name, None, &[(FieldId(0), Some(Value::text(name)))]).expect("written");
            }
            drop(writer);
            transaction.commit().expect("committed");
            assert_eq!(town.open(), (Origin::Made, 3));
            town
        }

        /// What a snapshot comes from, and how many it holds.
        fn open(&self) -> (Origin, usize) {
            let zone = Zone::utc();
            let dates = Dates { zone: &zone, day: |zone| Box::new(move |at| zone.day(at)) };
            let opening = Opening { from_patrons: 0, ..Opening::new(dates) };
            let catalogue = &self.store.layout().catalogue;
            let snapshot = opening.open(&self.store, &Wanted::everything(catalogue)).expect("a snapshot");
            (snapshot.origin, snapshot.len())
        }

        fn erase(&mut self, key: &str) -> Forgotten {
            let patron = self.store.reader().patron_by_key(key).expect("read").expect("there");
            let transaction = self.store.begin().expect("the lock");
            transaction.writer(&Zone::utc(), Instant(1)).erase_patron(patron, false).expect("erased");
            transaction.commit_only().expect("committed").expect("a transaction of its own")
        }

        fn file(&self) -> Option<Vec<u8>> {
            std::fs::read(stamp::path(self.store.path().expect("a file"))).ok()
        }
    }

    #[test]
    fn another_file_is_made_without_whom_it_was_deleted_for() {
        let mut town = Town::new();
        let forgotten = town.erase("Barnabas");
        assert!(town.file().is_none(), "it is gone before the other one is there");
        forgotten.replace();
        let file = town.file().expect("another file");
        let holds = |name: &str| file.windows(name.len()).any(|window| window == name.as_bytes());
        assert_eq!(NAMES.map(holds), [true, false, true]);
        assert_eq!(town.open(), (Origin::File, 2));
    }

    /// Whoever was erased meanwhile is in the file that is held, and in no change log.
    #[test]
    fn what_was_erased_in_between_does_not_come_back() {
        let mut town = Town::new();
        let first = town.erase("Agatha");
        let second = town.erase("Cassandra");
        first.replace();
        assert!(town.file().is_none());
        second.replace();
        assert!(town.file().is_none(), "there was no file to hold any more");
        assert_eq!(town.open(), (Origin::Made, 1));
    }

    /// Nor does an older file take the place of a newer one.
    #[test]
    fn a_file_that_was_made_in_between_stays() {
        let mut town = Town::new();
        let forgotten = town.erase("Agatha");
        assert_eq!(town.open(), (Origin::Made, 2));
        let made = town.file();
        forgotten.replace();
        assert_eq!(town.file(), made);
        assert_eq!(town.open(), (Origin::File, 2));
    }
}
