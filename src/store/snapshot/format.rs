//! How a snapshot lies on the disk.
//!
//! A head of 128 bytes, sections that begin at multiples of 64 bytes, and a directory (JSON) that says what each is,
//! how long, and its checksum. Sections are the buffers of columns as they are in memory, in the byte order of the
//! machine that wrote them, padding included. A head that a machine of the other order wrote has another magic number.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use twox_hash::XxHash3_64;

use super::stamp::Stamp;
use crate::catalogue::{Catalogue, Element, Field, Type};
use crate::time::Zone;

/// Eight letters, as a number of this machine's byte order.
const MAGIC: u64 = u64::from_be_bytes(*b"BkMbSnap");
/// Of everything below; another one is made anew.
const VERSION: u64 = 3;
/// Where sections may begin: a line of the processor's cache, and enough for every vector.
pub(super) const ALIGNMENT: u64 = 64;

/// Bytes of the head.
pub(super) const HEAD: usize = 128;

/// The beginning of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub stamp: Stamp,
    /// The directory.
    pub directory: Extent,
}

impl Head {
    pub fn to_bytes(self) -> [u8; HEAD] {
        let Head { stamp, directory } = self;
        let (token, change) = (stamp.token as u64, stamp.change as u64);
        let next_row = stamp.next_row as u64;
        let known = [MAGIC, VERSION, token, change, next_row, directory.at, directory.bytes, directory.sum];
        let mut words = [0; HEAD / 8];
        words[..8].copy_from_slice(&known);
        words[15] = sum(bytemuck::cast_slice(&words[..15]));
        bytemuck::cast(words)
    }

    /// `None`: it is no head of this version and this machine, or it is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Head> {
        let bytes: [u8; HEAD] = bytes.get(..HEAD)?.try_into().ok()?;
        let words: [u64; HEAD / 8] = bytemuck::cast(bytes);
        let [MAGIC, VERSION, token, change, next_row, at, bytes, sum_of_directory, .., sum_of_head] = words else {
            return None;
        };
        let stamp = Stamp { token: token as i64, change: change as i64, next_row: next_row as i64 };
        let directory = Extent { at, bytes, sum: sum_of_directory };
        (sum(bytemuck::cast_slice(&words[..15])) == sum_of_head).then_some(Head { stamp, directory })
    }
}

/// Where something lies, and the checksum of its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct Extent {
    pub at: u64,
    pub bytes: u64,
    pub sum: u64,
}

/// What is where.
#[derive(PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct Directory {
    /// Of the catalogue and the zone that it was made for.
    pub fingerprint: String,
    pub ids: Extent,
    pub keys: TextsAt,
    pub since: Extent,
    pub changes: ChangesAt,
    /// By `FieldId`.
    pub fields: Vec<ColumnAt>,
    /// By `EventId`.
    pub events: Vec<EventsAt>,
    pub consents: Vec<ConsentsAt>,
    /// By `ListId`.
    pub lists: Vec<Extent>,
}

#[derive(PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct TextsAt {
    pub ends: Extent,
    pub bytes: Extent,
}

#[derive(PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct ChangesAt {
    pub offsets: Extent,
    pub fields: Extent,
    pub at: Extent,
}

#[derive(PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct ColumnAt {
    pub kind: CellKind,
    pub cells: Extent,
    pub dictionary: TextsAt,
    pub fits: bool,
    pub least: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) enum CellKind {
    Codes8,
    Codes16,
    Codes32,
    Days,
    Numbers,
}

#[derive(PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct EventsAt {
    pub offsets: Extent,
    pub at: Extent,
    pub day: Extent,
    pub days_fit: bool,
    pub earliest: i64,
    pub row: Extent,
    pub removed: ColumnAt,
    pub fields: Vec<ColumnAt>,
}

#[derive(PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(super) struct ConsentsAt {
    /// Index of the purpose.
    pub purpose: u16,
    /// The word of the channel.
    pub channel: String,
    pub state: Extent,
    pub on: Extent,
    pub until: Extent,
}

/// Bytes that are summed up by themselves, so that several threads can share a section, and that stay in the cache of a
/// processor meanwhile. A multiple of the size of every number.
pub(super) const STRETCH: usize = 1 << 18;

/// The checksum of a section: that of the checksums of its stretches.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let stretch = |index: usize| Some(sum_of_stretch(&bytes[index * STRETCH..bytes.len().min((index + 1) * STRETCH)]));
    sum_of(&of_stretches(bytes.len().div_ceil(STRETCH), stretch).expect("each has a checksum"))
}

pub(super) fn sum_of(stretches: &[u64]) -> u64 {
    XxHash3_64::oneshot(bytemuck::cast_slice(stretches))
}

pub(super) fn sum_of_stretch(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

/// What `of` finds of each of so many stretches, several at once; `None` if it finds nothing of one.
pub(super) fn of_stretches(count: usize, of: impl Fn(usize) -> Option<u64> + Sync) -> Option<Vec<u64>> {
    if count < 2 { (0..count).map(of).collect() } else { (0..count).into_par_iter().map(&of).collect() }
}

/// Of all that decides how the columns look: names, types and order of what the catalogue names, the values of
/// enumerations, how long consents last (the end of an implied one is in its column), and the zone of local dates.
pub(super) fn fingerprint(catalogue: &Catalogue, zone: &Zone) -> String {
    let mut said = format!("zone {}\n", zone.name());
    let fields = |said: &mut String, fields: &[Field]| {
        for field in fields {
            let values = match field.ty {
                Type::Enum(id) | Type::Set(Element::Enum(id)) => {
                    catalogue.enumeration(id).values.iter().map(|(value, _)| value.as_str()).collect()
                }
                _ => Vec::new(),
            };
            // Two programs may number their enumerations otherwise; what counts are the values.
            let ty = match field.ty {
                Type::Enum(_) => "enum".to_owned(),
                Type::Set(Element::Enum(_)) => "set of enum".to_owned(),
                ty => format!("{ty:?}"),
            };
            said.push_str(&format!("  {} {ty} {values:?}\n", field.name));
        }
    };
    fields(&mut said, &catalogue.fields);
    for event in &catalogue.events {
        said.push_str(&format!("event {}\n", event.name));
        fields(&mut said, &event.fields);
    }
    for purpose in &catalogue.purposes {
        said.push_str(&format!("purpose {} {:?}\n", purpose.name, purpose.expires_after));
    }
    catalogue.lists.iter().for_each(|list| said.push_str(&format!("list {}\n", list.name)));
    Sha256::digest(said).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_and_no_other_is_believed() {
        let stamp = Stamp { token: -5, change: 7, next_row: 1 << 40 };
        let head = Head { stamp, directory: Extent { at: 128, bytes: 9, sum: u64::MAX } };
        let bytes = head.to_bytes();
        assert_eq!(Head::from_bytes(&bytes), Some(head));
        for bit in 0..HEAD * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::from_bytes(&damaged), None, "bit {bit}");
        }
        let mut reversed = bytes;
        reversed.chunks_exact_mut(8).for_each(<[u8]>::reverse);
        assert_eq!(Head::from_bytes(&reversed), None);
        assert_eq!(Head::from_bytes(&bytes[..HEAD - 1]), None);
    }
}
