//! The dates of each patron's newest events, place by place: those of the newest of 64 patrons side by side, then those
//! of the second newest, and so on. Whether patrons have n events since a date is a comparison of the n-th place.
//!
//! Made from the events when columns are made or opened, as far as it is wanted; no file holds it.

use rayon::prelude::*;

use super::{BLOCK, Events};

/// Places that there may be.
pub const PLACES: usize = 8;

/// The date of an event that is not there: before all others.
pub const NO_EVENT: i16 = i16::MIN;

/// Blocks of patrons that a thread takes at once.
const AT_ONCE: usize = 256;

/// Some of the newest events: 1 is the newest one.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Places(u8);

impl Places {
    /// With the `n`-th newest, of those that there may be.
    pub fn add(&mut self, n: usize) {
        debug_assert!((1..=PLACES).contains(&n), "places count from 1");
        self.0 |= 1 << (n - 1);
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many come before the `n`-th newest, if that is one of them.
    pub fn index(self, n: usize) -> Option<usize> {
        let bit = 1_u8 << (n - 1);
        (self.0 & bit != 0).then(|| (self.0 & (bit - 1)).count_ones() as usize)
    }

    fn iter(self) -> impl Iterator<Item = usize> {
        (1..=PLACES).filter(move |n| self.index(*n).is_some())
    }
}

/// The dates, as events have them.
#[derive(Clone, Default, Debug)]
pub struct Recent {
    pub places: Places,
    /// Of each block of 64 patrons, [`NO_EVENT`] where somebody has fewer: the first of the places, then the next one.
    pub days: Vec<i16>,
}

impl Events {
    /// With the dates of these places; without any if dates must not be read.
    #[must_use]
    pub fn with_recent(mut self, places: Places) -> Events {
        let places = if self.days_fit { places } else { Places::default() };
        let blocks = self.offsets.len().saturating_sub(1) / BLOCK;
        let mut days = vec![NO_EVENT; blocks * BLOCK * places.len()];
        if !days.is_empty() {
            let (offsets, all): (&[u32], &[i16]) = (&self.offsets, &self.day);
            let stretches = days.par_chunks_mut(AT_ONCE * BLOCK * places.len());
            stretches.enumerate().for_each(|(stretch, days)| {
                for (block, days) in days.chunks_exact_mut(BLOCK * places.len()).enumerate() {
                    let first = (stretch * AT_ONCE + block) * BLOCK;
                    let offsets = &offsets[first..=first + BLOCK];
                    for (n, days) in places.iter().zip(days.chunks_exact_mut(BLOCK)) {
                        for (day, ends) in days.iter_mut().zip(offsets.windows(2)) {
                            if (ends[1] - ends[0]) as usize >= n {
                                *day = all[ends[1] as usize - n];
                            }
                        }
                    }
                }
            });
        }
        self.recent = Recent { places, days };
        self
    }
}
