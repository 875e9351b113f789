//! The columnar snapshot: a file beside the store that evaluators of all patrons read instead of SQLite.
//!
//! It is never the source of truth. [`Opening::open`] takes the file of the state that the store's token names, reads
//! whoever changed since from SQLite, and gives both; where the file is missing, damaged, of another store, catalogue
//! or zone it is made anew, and where it cannot be made (a store or a folder that is read only, another writer) the
//! columns are read into memory. What is erased or purged deletes the file before it is gone itself, and another one is
//! written without it (`forgotten`). The file may be deleted at any time by anybody.

mod chosen;
mod file;
mod forgotten;
mod format;
mod from_store;
mod gathered;
mod merged;
mod parts;
mod sections;
mod stamp;
mod write;

use std::path::Path;
use std::sync::Arc;

use super::{Changes, Columns as Which, Layout, Needs, Reader, Store, StoreError};
use crate::catalogue::{Catalogue, EventId};
use crate::limits;
use crate::rule::columns::{BLOCK, Builder, Columns, Wanted};
use crate::rule::{Facts, PatronId};
use crate::time::{Day, Instant, Zone};

use file::Snapped;
use merged::Merged;
use parts::{Delta, GrowingChanges, Made, Part, Patrons};
use sections::Unusable;
use stamp::Stamped;

pub use chosen::{Base, Choice, Chosen};
pub(super) use forgotten::Forgotten;
pub use gathered::Gathered;

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
        let own = stamp::store_path(store.connection());
        let large = store.reader().newest_patron()?.0 >= self.from_patrons;
        if let Some(own) = own.filter(|_| large) {
            match self.open_file(store, &own, wanted) {
                Ok(Some(snapshot)) => return Ok(snapshot),
                Ok(None) => tracing::debug!("the store changed while its snapshot was made; reading it as it is"),
                Err(error) => tracing::info!("there can be no snapshot of the store ({error}); reading it as it is"),
            }
        }
        in_memory(store, wanted, &self.dates)
    }

    fn open_file(&self, store: &Store, own: &Path, wanted: &Wanted) -> Result<Option<Snapshot>, StoreError> {
        let catalogue = &store.layout().catalogue;
        let fingerprint = format::fingerprint(catalogue, self.dates.zone);
        let (mut snapped, mut origin) = match Snapped::open(&stamp::path(own), &fingerprint) {
            Ok(Some(snapped)) => (snapped, Origin::File),
            found => {
                if let Err(Unusable(why)) = found {
                    tracing::info!("the snapshot is made anew: {why}");
                }
                (self.make(own, catalogue, &fingerprint)?, Origin::Made)
            }
        };
        // Once because the file is not the store's, damaged or too old, and once more for what came in between.
        for _ in 0..3 {
            let Unusable(why) = match read(store, &snapped, wanted, &self.dates)? {
                Found::Columns(base, valid, delta) => return Ok(Some(Snapshot { base, valid, delta, origin })),
                Found::Unusable(unusable) => unusable,
                Found::Old => {
                    let older = Older { file: &snapped, token: snapped.stamp.token, gone: &[] };
                    match self.merge(own, catalogue, &older, &fingerprint) {
                        Ok(merged) => {
                            (snapped, origin) = (merged, Origin::Merged);
                            continue;
                        }
                        Err(Unmerged::Unusable(unusable)) => unusable,
                        Err(Unmerged::Store(error)) => return Err(error),
                    }
                }
            };
            tracing::info!("the snapshot is made anew: {why}");
            (snapped, origin) = (self.make(own, catalogue, &fingerprint)?, Origin::Made);
        }
        Ok(None)
    }

    /// Makes the file from SQLite.
    fn make(&self, own: &Path, catalogue: &Catalogue, fingerprint: &str) -> Result<Snapped, StoreError> {
        let mut stamped = begin(own, limits::SNAPSHOT_READERS, None)?.expect("any token may have been there before");
        let readers = std::mem::take(&mut stamped.readers);
        // The columns that the store has at that moment.
        let layout = Layout::of(&readers[0], catalogue)?;
        let patrons = from_store::patrons(&readers[0])?;
        self.write(stamped, own, (catalogue, fingerprint), &patrons, readers, |reader, part, done| {
            from_store::make(reader, &layout, &patrons, part, &self.dates, done)
        })
    }

    /// Makes the file from an older one and what changed since.
    fn merge(
        &self,
        own: &Path,
        catalogue: &Catalogue,
        older: &Older<'_>,
        fingerprint: &str,
    ) -> Result<Snapped, Unmerged> {
        let base = older.file.load(catalogue, &Wanted::default())?;
        let Some(mut stamped) = begin(own, 1, Some(older.token))? else {
            return Err(
                Unusable("the store has another token, as something was erased or a file made".to_owned()).into()
            );
        };
        let reader = stamped.readers.pop().expect("one reader was asked for");
        let reader = Reader::new(&reader, Arc::new(Layout::of(&reader, catalogue)?));
        let changed = reader.changes_since(older.file.stamp.change)?;
        let delta = delta(&reader, &Wanted::everything(catalogue), &changed, &self.dates)?;
        let mut valid = valid(&base, &changed);
        for row in older.gone.iter().filter_map(|patron| base.patrons.binary_search(&patron.0).ok()) {
            valid[row / BLOCK] &= !(1 << (row % BLOCK));
        }
        let merged = Merged::new(older.file, &base, &valid, &delta);
        drop(base);
        let count = reader.connection.query_row("SELECT count(*) FROM patron", (), |row| row.get::<_, i64>(0));
        if merged.patrons.ids.len() as i64 != count.map_err(StoreError::from)? {
            return Err(Unusable("it holds others than the store".to_owned()).into());
        }
        let workers = vec![(); limits::SNAPSHOT_READERS];
        self.write(stamped, own, (catalogue, fingerprint), &merged.patrons, workers, |(), part, done| {
            let made = merged.make(catalogue, part)?;
            done(merged.patrons.ids.len());
            Ok(made)
        })
    }

    /// Writes the file of these patrons and gives it its name.
    fn write<W: Send, E: From<StoreError> + Send>(
        &self,
        mut stamped: Stamped,
        own: &Path,
        (catalogue, fingerprint): (&Catalogue, &str),
        patrons: &Patrons,
        workers: Vec<W>,
        make: impl Fn(&W, &Part, &dyn Fn(usize)) -> Result<Made, E> + Sync,
    ) -> Result<Snapped, E> {
        let path = stamp::path(own);
        let made = stamp::unfinished(&path, stamped.stamp.token);
        let order = write::Order {
            path: &made,
            catalogue,
            fingerprint: fingerprint.to_owned(),
            stamp: stamped.stamp,
            patrons,
            progress: self.progress,
        };
        let file = write::write(&order, workers, make)?;
        Ok(finish(&mut stamped, &made, &path, file, fingerprint)?)
    }
}

/// A file that another one is made of.
struct Older<'a> {
    file: &'a Snapped,
    /// The token of the store as long as its change log names all that changed in the file, but for who is gone.
    token: i64,
    /// Who was erased.
    gone: &'a [PatronId],
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

fn begin(own: &Path, readers: usize, before: Option<i64>) -> Result<Option<Stamped>, StoreError> {
    let stamped = stamp::stamp(own, readers, before)?;
    if stamped.is_some() {
        stamp::remove_unfinished(&stamp::path(own))?;
    }
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
    let delta = choice.gather(&chosen(&changed))?.columns();
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

/// Everything wanted of who changed, from SQLite.
fn delta(reader: &Reader<'_>, wanted: &Wanted, changed: &Changes, dates: &Dates<'_>) -> Result<Delta, StoreError> {
    let choice = Choice { reader, wanted, dates, base: None, since: 0 };
    let columns = choice.gather(&chosen(changed))?.columns();
    let mut changes = GrowingChanges::default();
    for row in 0..columns.len() {
        columns.changes(row).for_each(|(field, at)| changes.push(field.0, at.0));
        changes.end_patron();
    }
    Ok(Delta { columns, changes: changes.finish() })
}

fn chosen(changed: &Changes) -> Vec<Chosen> {
    changed.patrons.iter().map(|change| Chosen { patron: change.patron, change: Some(change.clone()) }).collect()
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
