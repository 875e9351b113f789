//! The columnar snapshot: a file beside the store that evaluators of all patrons read instead of SQLite.
//!
//! It is never the source of truth. [`Opening::open`] takes the file of the state that the store's token names, reads
//! whoever changed since from SQLite, and gives both; where the file is missing, damaged, of another store, catalogue
//! or zone it is made anew, and where it cannot be made (a store or a folder that is read only, another writer) the
//! columns are read into memory. What is erased or purged deletes the file (`forget`); so it may be deleted at any
//! time by anybody.

mod chosen;
mod file;
mod format;
mod from_store;
mod merged;
mod parts;
mod sections;
mod stamp;
mod write;

use std::path::Path;
use std::sync::Arc;

use super::{Change, Changes, Columns as Which, Layout, Needs, Reader, Store, StoreError};
use crate::catalogue::{Catalogue, EventId};
use crate::limits;
use crate::rule::Facts;
use crate::rule::columns::{BLOCK, Builder, Columns, Wanted};
use crate::time::{Day, Instant, Zone};

use file::Snapped;
use merged::Merged;
use parts::{Delta, GrowingChanges, Made, Part, Patrons};
use sections::Unusable;
use stamp::Stamped;

pub use chosen::{Base, Choice, Chosen};
pub(super) use stamp::forget;

/// Hears how much of how much is done.
pub type Progress<'a> = dyn Fn(u64, u64) + Sync + 'a;

/// Makes what gives the local date of an instant in a zone.
pub type LocalDates = fn(&Zone) -> Box<dyn Fn(Instant) -> Day + '_>;

/// The local dates of a zone.
#[derive(Clone, Copy)]
pub struct Dates<'a> {
    pub zone: &'a Zone,
    /// Asked once by each thread.
    pub day: LocalDates,
}

/// How a snapshot is opened.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    pub dates: Dates<'a>,
    /// Patrons from which on there is a file; smaller stores are read as quickly from SQLite.
    pub from_patrons: i64,
    /// Hears of the making of a file.
    pub progress: Option<&'a Progress<'a>>,
}

/// Many patrons, as the store knew them at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Those of the file, or all of them.
    pub base: Columns,
    /// A bit for each row of `base`: whether it still is as it was. The others are in `delta`, or gone.
    pub valid: Vec<u64>,
    /// Those that are new or changed since the file was made.
    pub delta: Columns,
    /// Where they come from.
    pub origin: Origin,
}

/// What a snapshot was made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A file that was there.
    File,
    /// A file that was made for it, from SQLite.
    Made,
    /// A file that was made for it, from an older one and what changed.
    Merged,
    /// SQLite alone.
    Memory,
}

impl<'a> Opening<'a> {
    /// For all stores that are large enough.
    pub fn new(dates: Dates<'a>) -> Opening<'a> {
        Opening { dates, from_patrons: limits::SNAPSHOT_FROM_PATRONS, progress: None }
    }

    /// The wanted columns of every patron, by the catalogue that the store is aligned to.
    ///
    /// # Errors
    /// If the store cannot be read. A file that is wrong, or that cannot be made, is no error.
    pub fn open(&self, store: &Store, wanted: &Wanted) -> Result<Snapshot, StoreError> {
        let path = stamp::path(store.connection());
        let large = store.reader().newest_patron()?.0 >= self.from_patrons;
        if let Some(path) = path.filter(|_| large) {
            match self.open_file(store, &path, wanted) {
                Ok(Some(snapshot)) => return Ok(snapshot),
                Ok(None) => tracing::debug!("the store changed while its snapshot was made; reading it as it is"),
                Err(error) => tracing::info!("there can be no snapshot of the store ({error}); reading it as it is"),
            }
        }
        in_memory(store, wanted, &self.dates)
    }

    fn open_file(&self, store: &Store, path: &Path, wanted: &Wanted) -> Result<Option<Snapshot>, StoreError> {
        let layout = store.layout();
        let fingerprint = format::fingerprint(&layout.catalogue, self.dates.zone);
        let (mut snapped, mut origin) = match Snapped::open(path, &fingerprint) {
            Ok(Some(snapped)) => (snapped, Origin::File),
            found => {
                if let Err(Unusable(why)) = found {
                    tracing::info!("the snapshot is made anew: {why}");
                }
                (self.make(store, path, &fingerprint)?, Origin::Made)
            }
        };
        // Once because the file is not the store's, damaged or too old, and once more for what came in between.
        for _ in 0..3 {
            match read(store, &snapped, wanted, &self.dates)? {
                Found::Columns(base, valid, delta) => return Ok(Some(Snapshot { base, valid, delta, origin })),
                Found::Old => (snapped, origin) = (self.merge(store, path, &snapped, &fingerprint)?, Origin::Merged),
                Found::Unusable(Unusable(why)) => {
                    tracing::info!("the snapshot is made anew: {why}");
                    (snapped, origin) = (self.make(store, path, &fingerprint)?, Origin::Made);
                }
            }
        }
        Ok(None)
    }

    /// Makes the file from SQLite.
    fn make(&self, store: &Store, path: &Path, fingerprint: &str) -> Result<Snapped, StoreError> {
        let mut stamped = begin(store, path, limits::SNAPSHOT_READERS)?;
        let readers = std::mem::take(&mut stamped.readers);
        let catalogue = &store.layout().catalogue;
        // The columns that the store has at that moment.
        let layout = Layout::of(&readers[0], catalogue)?;
        let patrons = from_store::patrons(&readers[0])?;
        self.write(stamped, path, (catalogue, fingerprint), &patrons, readers, |reader, part, done| {
            from_store::make(reader, &layout, &patrons, part, &self.dates, done)
        })
    }

    /// Makes the file from an older one and what changed since. If that one is damaged, from SQLite.
    fn merge(&self, store: &Store, path: &Path, old: &Snapped, fingerprint: &str) -> Result<Snapped, StoreError> {
        match self.try_merge(store, path, old, fingerprint) {
            Ok(merged) => Ok(merged),
            Err(Unmerged::Unusable(Unusable(why))) => {
                tracing::info!("the snapshot is made anew: {why}");
                self.make(store, path, fingerprint)
            }
            Err(Unmerged::Store(error)) => Err(error),
        }
    }

    fn try_merge(&self, store: &Store, path: &Path, old: &Snapped, fingerprint: &str) -> Result<Snapped, Unmerged> {
        let catalogue = &store.layout().catalogue;
        let base = old.load(catalogue, &Wanted::default())?;
        let mut stamped = begin(store, path, 1)?;
        let own = stamped.readers.pop().expect("one reader was asked for");
        // The reader sees the token before the new one. What was erased since is in the old file and in no change log.
        if stamp::token(&own)? != Some(old.stamp.token) {
            return Err(Unusable("something was erased since".to_owned()).into());
        }
        let reader = Reader::new(&own, Arc::new(Layout::of(&own, catalogue)?));
        let changed = reader.changes_since(old.stamp.change)?;
        let delta = delta(&reader, &Wanted::everything(catalogue), &changed, &self.dates)?;
        let merged = Merged::new(old, &base, &valid(&base, &changed), &delta);
        drop(base);
        let workers = vec![(); limits::SNAPSHOT_READERS];
        self.write(stamped, path, (catalogue, fingerprint), &merged.patrons, workers, |(), part, done| {
            let made = merged.make(catalogue, part)?;
            done(merged.patrons.ids.len());
            Ok(made)
        })
    }

    /// Writes the file of these patrons and gives it its name.
    fn write<W: Send, E: From<StoreError> + Send>(
        &self,
        mut stamped: Stamped,
        path: &Path,
        (catalogue, fingerprint): (&Catalogue, &str),
        patrons: &Patrons,
        workers: Vec<W>,
        make: impl Fn(&W, &Part, &dyn Fn(usize)) -> Result<Made, E> + Sync,
    ) -> Result<Snapped, E> {
        let made = stamp::unfinished(path, stamped.stamp.token);
        let order = write::Order {
            path: &made,
            catalogue,
            fingerprint: fingerprint.to_owned(),
            stamp: stamped.stamp,
            patrons,
            progress: self.progress,
        };
        let file = write::write(&order, workers, make)?;
        Ok(finish(&mut stamped, &made, path, file, fingerprint)?)
    }
}

/// Why a file was not made from an older one.
enum Unmerged {
    /// The older one is wrong.
    Unusable(Unusable),
    Store(StoreError),
}

impl From<Unusable> for Unmerged {
    fn from(unusable: Unusable) -> Unmerged {
        Unmerged::Unusable(unusable)
    }
}

impl From<StoreError> for Unmerged {
    fn from(error: StoreError) -> Unmerged {
        Unmerged::Store(error)
    }
}

fn begin(store: &Store, path: &Path, readers: usize) -> Result<Stamped, StoreError> {
    let own = store.path().expect("a store with a snapshot has a path");
    let stamped = stamp::stamp(own, readers)?;
    stamp::remove_unfinished(path)?;
    Ok(stamped)
}

/// Gives the file its name, if it may have it. It can be read either way: it is of a state that was.
fn finish(
    stamped: &mut Stamped,
    made: &Path,
    path: &Path,
    file: std::fs::File,
    fingerprint: &str,
) -> Result<Snapped, StoreError> {
    if let Err(error) = stamped.publish(made, path) {
        // Somebody is writing, or deleted it: then the file is for this run only.
        tracing::debug!("the snapshot is not kept: {error}");
        stamp::remove(made)?;
    }
    Snapped::of(file, fingerprint)
        .map_err(|Unusable(why)| StoreError::Snapshot { path: path.to_owned(), why: format!("as written, {why}") })
}

/// What became of reading a file.
enum Found {
    Columns(Columns, Vec<u64>, Columns),
    Unusable(Unusable),
    /// So much changed that it should be written anew.
    Old,
}

/// The file's columns and those of whoever changed since, as of one moment of the store.
fn read(store: &Store, snapped: &Snapped, wanted: &Wanted, dates: &Dates<'_>) -> Result<Found, StoreError> {
    let moment = store.connection().unchecked_transaction()?;
    if stamp::token(&moment)? != Some(snapped.stamp.token) {
        return Ok(Found::Unusable(Unusable("it is of another state of the store".to_owned())));
    }
    let reader = store.reader();
    let changed = reader.changes_since(snapped.stamp.change)?;
    let base = match snapped.load(&store.layout().catalogue, wanted) {
        Ok(base) => base,
        Err(unusable) => return Ok(Found::Unusable(unusable)),
    };
    if changed.patrons.len() * limits::SNAPSHOT_CHANGED_SHARE > base.len() {
        return Ok(Found::Old);
    }
    let valid = valid(&base, &changed);
    let base = Base::new(snapped.stamp, wanted, base);
    let since = snapped.stamp.change;
    let choice = Choice { reader: &reader, wanted, dates, base: Some(&base), since };
    let chosen = |change: &Change| Chosen { patron: change.patron, change: Some(*change) };
    let delta = choice.columns(&changed.patrons.iter().map(chosen).collect::<Vec<_>>())?;
    moment.finish()?;
    Ok(Found::Columns(base.into_columns(), valid, delta))
}

/// A bit for each row: whether the patron did not change.
fn valid(base: &Columns, changed: &Changes) -> Vec<u64> {
    let mut valid = base.all_rows();
    for change in &changed.patrons {
        if let Ok(row) = base.patrons.binary_search(&change.patron.0) {
            valid[row / BLOCK] &= !(1 << (row % BLOCK));
        }
    }
    valid
}

fn delta(reader: &Reader<'_>, wanted: &Wanted, changed: &Changes, dates: &Dates<'_>) -> Result<Delta, StoreError> {
    let needs = wanted.needs();
    let catalogue = &reader.layout.catalogue;
    let day = (dates.day)(dates.zone);
    let mut builder = Builder::new(catalogue, wanted, &day);
    let mut changes = GrowingChanges::default();
    for change in &changed.patrons {
        let Some(facts) = reader.facts(change.patron, &needs)? else { continue };
        builder.push(&facts);
        facts.changed.iter().for_each(|(field, at)| changes.push(field.0, at.0));
        changes.end_patron();
    }
    Ok(Delta { columns: builder.finish(), changes: changes.finish() })
}

fn in_memory(store: &Store, wanted: &Wanted, dates: &Dates<'_>) -> Result<Snapshot, StoreError> {
    let catalogue = &store.layout().catalogue;
    let day = (dates.day)(dates.zone);
    let mut builder = Builder::new(catalogue, wanted, &day);
    store.reader().scan(&wanted.needs(), |facts: &Facts| builder.push(facts))?;
    let base = builder.finish();
    let delta = Builder::new(catalogue, wanted, &day).finish();
    Ok(Snapshot { valid: base.all_rows(), base, delta, origin: Origin::Memory })
}

impl Wanted {
    /// What has to be read of a patron for these columns.
    fn needs(&self) -> Needs {
        let indices = |flags: &[bool]| {
            let wanted = flags.iter().enumerate().filter(|(_, wanted)| **wanted);
            Which::Only(wanted.map(|(index, _)| index as u16).collect())
        };
        let both = |(field, changed): (&bool, &bool)| *field || *changed;
        let fields: Vec<bool> = self.fields.iter().zip(&self.changed).map(both).collect();
        let events = self.events.iter().enumerate();
        Needs {
            fields: indices(&fields),
            events: events.filter_map(|(at, fields)| Some((EventId(at as u16), indices(fields.as_ref()?)))).collect(),
            lists: self.lists,
            consents: self.consents,
            changed: self.changed.contains(&true),
        }
    }
}

impl Snapshot {
    /// How many patrons there are.
    pub fn len(&self) -> usize {
        self.valid.iter().map(|word| word.count_ones() as usize).sum::<usize>() + self.delta.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
