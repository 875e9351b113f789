//! Whose turn it is to tick, or to deliver. Two ticks of one store at once would wait for each other, and two deliveries
//! take each other for one that ended too soon; who comes second is told who is at it, and goes.
//!
//! A lock of the operating system on a file beside the store, which ends with the process that has it, however it ends:
//! there is no lease to run out while its owner is asleep. What keeps decisions whole is SQLite's lock, not this one.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use crate::time::Instant;

/// What only one process does at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    Tick,
    Delivery,
}

/// The turn of this process, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _locked: File,
}

/// Somebody else has the turn: `process 1234 since 2026-11-23T15:00:00Z`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldBy(pub String);

impl Turn {
    /// Takes the turn at the store at `store`, and writes down who has it and since when.
    ///
    /// # Errors
    /// If there is no store, or the file beside it cannot be made or written.
    pub fn take(store: &Path, work: Work, now: Instant) -> io::Result<Result<Turn, HeldBy>> {
        // Nothing is left beside what is not there.
        store.metadata()?;
        let mut path = OsString::from(store);
        path.push(match work {
            Work::Tick => ".tick",
            Work::Delivery => ".deliver",
        });
        // Not truncated before it is locked: what stands there is the owner's.
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                file.read_to_string(&mut owner)?;
                let owner = owner.trim();
                // Between the lock and its first line.
                let owner = if owner.is_empty() { "another process" } else { owner };
                return Ok(Err(HeldBy(owner.to_owned())));
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "process {} since {}", std::process::id(), now.timestamp())?;
        Ok(Ok(Turn { _locked: file }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_the_turn() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("library.db");
        let take_none = Turn::take(&store, Work::Tick, Instant(0));
        assert!(take_none.is_err() && folder.path().read_dir().expect("a folder").next().is_none());
        File::create(&store).expect("a file");
        let take = |second: i64| Turn::take(&store, Work::Tick, Instant(second * 1_000_000)).expect("a file");
        let first = take(0).expect("nobody has it");
        let HeldBy(owner) = take(60).expect_err("somebody has it");
        assert_eq!(owner, format!("process {} since 1970-01-01T00:00:00Z", std::process::id()));
        let other = Turn::take(&store, Work::Delivery, Instant(0)).expect("a file");
        other.expect("a tick and a delivery go together");
        drop(first);
        let second = take(60).expect("it is free again");
        assert_eq!(
            take(90).expect_err("taken").0,
            format!("process {} since 1970-01-01T00:01:00Z", std::process::id())
        );
        drop(second);
    }
}
