//! Writing a snapshot: workers make the parts, each is written when it is made.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Progress;
use super::format::{
    ALIGNMENT, CellKind, ChangesAt, ColumnAt, ConsentsAt, Directory, EventsAt, Extent, HEAD, Head, TextsAt, sum,
};
use super::parts::{Made, Part, Patrons, parts};
use super::stamp::{Stamp, failed};
use crate::catalogue::Catalogue;
use crate::rule::columns::{Cells, Column, Events, Texts};
use crate::store::StoreError;

/// Bytes that go to the file at once.
const CHUNK: usize = 1 << 20;

/// What one snapshot is made of.
pub(super) struct Order<'a> {
    pub path: &'a Path,
    pub catalogue: &'a Catalogue,
    pub fingerprint: String,
    pub stamp: Stamp,
    pub patrons: &'a Patrons,
    pub progress: Option<&'a Progress<'a>>,
}

/// Writes a file at the path, which must not be there, by as many threads as there are workers: `make` makes a part
/// with a worker and says how many patrons it has read.
///
/// # Errors
/// If a part cannot be made or the disk refuses; then there is no file.
pub(super) fn write<W: Send, E: From<StoreError> + Send>(
    order: &Order<'_>,
    workers: Vec<W>,
    make: impl Fn(&W, &Part, &dyn Fn(usize)) -> Result<Made, E> + Sync,
) -> Result<File, E> {
    let written = begin(order).map_err(E::from).and_then(|sections| fill(order, sections, workers, make));
    if written.is_err() {
        super::stamp::remove(order.path)?;
    }
    written
}

fn begin(order: &Order<'_>) -> Result<Sections, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(order.path).map_err(|error| failed(order.path, &error))?;
    let mut sections = Sections { out: BufWriter::with_capacity(CHUNK, file), at: 0 };
    // The head comes last: until then the file is none.
    sections.bytes(&[0; HEAD]).map_err(|error| failed(order.path, &error))?;
    Ok(sections)
}

fn fill<W: Send, E: From<StoreError> + Send>(
    order: &Order<'_>,
    mut sections: Sections,
    workers: Vec<W>,
    make: impl Fn(&W, &Part, &dyn Fn(usize)) -> Result<Made, E> + Sync,
) -> Result<File, E> {
    let io = |error: io::Error| failed(order.path, &error);
    let patrons = order.patrons;
    let ids = sections.section(patrons.ids.as_bytes()).map_err(io)?;
    let keys = sections.texts(&patrons.keys).map_err(io)?;
    let since = sections.section(patrons.since.as_bytes()).map_err(io)?;

    let parts = parts(order.catalogue);
    let next = AtomicUsize::new(0);
    let done = AtomicU64::new(0);
    let all = (parts.len() * patrons.ids.len()) as u64;
    let say = |rows: usize| {
        let done = done.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        if let Some(progress) = order.progress {
            progress(done, all);
        }
    };
    let written = Mutex::new((sections, Parts::default()));
    let work = |worker: W| -> Result<(), E> {
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let made = make(&worker, part, &say)?;
            let mut written = written.lock().expect("no thread panics while it writes");
            let (sections, found) = &mut *written;
            found.write(sections, made).map_err(io)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers.into_iter().map(|worker| scope.spawn(|| work(worker))).collect();
        // The first error counts; a panic goes on.
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;

    let (mut sections, mut found) = written.into_inner().expect("no thread panicked");
    found.fields.sort_by_key(|(id, _)| *id);
    found.events.sort_by_key(|(id, _)| *id);
    let directory = Directory {
        fingerprint: order.fingerprint.clone(),
        ids,
        keys,
        since,
        changes: found.changes.expect("the changes are a part"),
        fields: found.fields.into_iter().map(|(_, column)| column).collect(),
        events: found.events.into_iter().map(|(_, events)| events).collect(),
        consents: found.consents,
        lists: found.lists,
    };
    let text = serde_json::to_vec(&directory).expect("a directory is JSON");
    let directory = sections.section(&text).map_err(io)?;
    let head = Head { stamp: order.stamp, directory };
    let mut file = sections.out.into_inner().map_err(|error| io(error.into_error()))?;
    file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&head.to_bytes())).map_err(io)?;
    file.sync_data().map_err(io)?;
    Ok(file)
}

/// What was written so far, in the order in which it came.
#[derive(Default)]
struct Parts {
    fields: Vec<(u16, ColumnAt)>,
    events: Vec<(u16, EventsAt)>,
    changes: Option<ChangesAt>,
    consents: Vec<ConsentsAt>,
    lists: Vec<Extent>,
}

impl Parts {
    fn write(&mut self, sections: &mut Sections, made: Made) -> io::Result<()> {
        match made {
            Made::Fields(columns) => {
                for (field, column) in columns {
                    self.fields.push((field.0, sections.column(&column)?));
                }
            }
            Made::Events(event, events) => self.events.push((event.0, sections.events(&events)?)),
            Made::Changes(changes) => {
                self.changes = Some(ChangesAt {
                    offsets: sections.section(changes.offsets.as_bytes())?,
                    fields: sections.section(changes.fields.as_bytes())?,
                    at: sections.section(changes.at.as_bytes())?,
                });
            }
            Made::Consents(consents) => {
                for of in consents {
                    self.consents.push(ConsentsAt {
                        purpose: of.purpose.0,
                        channel: of.channel.word().to_owned(),
                        state: sections.section(&of.state)?,
                        on: sections.section(of.on.as_bytes())?,
                        until: sections.section(of.until.as_bytes())?,
                    });
                }
            }
            Made::Lists(lists) => {
                for words in lists {
                    self.lists.push(sections.section(words.as_bytes())?);
                }
            }
        }
        Ok(())
    }
}

/// The file as it grows.
struct Sections {
    out: BufWriter<File>,
    at: u64,
}

impl Sections {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn section(&mut self, bytes: &[u8]) -> io::Result<Extent> {
        let gap = self.at.next_multiple_of(ALIGNMENT) - self.at;
        self.bytes(&[0; ALIGNMENT as usize][..gap as usize])?;
        let extent = Extent { at: self.at, bytes: bytes.len() as u64, sum: sum(bytes) };
        self.bytes(bytes)?;
        Ok(extent)
    }

    fn texts(&mut self, texts: &Texts) -> io::Result<TextsAt> {
        let (ends, bytes) = texts.parts();
        Ok(TextsAt { ends: self.section(ends.as_bytes())?, bytes: self.section(bytes)? })
    }

    fn column(&mut self, column: &Column) -> io::Result<ColumnAt> {
        let (kind, bytes) = match &column.cells {
            Cells::Codes8(codes) => (CellKind::Codes8, codes.as_bytes()),
            Cells::Codes16(codes) => (CellKind::Codes16, codes.as_bytes()),
            Cells::Codes32(codes) => (CellKind::Codes32, codes.as_bytes()),
            Cells::Days(days) => (CellKind::Days, days.as_bytes()),
            Cells::Numbers(numbers) => (CellKind::Numbers, numbers.as_bytes()),
        };
        Ok(ColumnAt {
            kind,
            cells: self.section(bytes)?,
            dictionary: self.texts(&column.dictionary.pack())?,
            fits: column.fits,
            least: column.least,
        })
    }

    fn events(&mut self, events: &Events) -> io::Result<EventsAt> {
        let fields = events.fields.iter().map(|column| column.as_ref().expect("a snapshot has every field"));
        Ok(EventsAt {
            offsets: self.section(events.offsets.as_bytes())?,
            at: self.section(events.at.as_bytes())?,
            day: self.section(events.day.as_bytes())?,
            days_fit: events.days_fit,
            earliest: events.earliest,
            row: self.section(events.row.as_bytes())?,
            removed: self.column(&events.removed)?,
            fields: fields.map(|column| self.column(column)).collect::<io::Result<_>>()?,
        })
    }
}
