//! What became of parts of rules whenever the rules were asked: how the tests of a program learn what they decided.
//!
//! The evaluators stop at the first part that decides a rule; a witness wants to know how all of them stood.

use std::sync::atomic::{AtomicU8, Ordering};

use super::answer::Truth;
use super::rules::RuleId;
use crate::map::Map;

/// Parts of rules, by number, and the truths that each had when a rule was asked that it belongs to.
#[derive(Default, Debug)]
pub struct Witness {
    parts: Map<RuleId, Vec<(RuleId, usize)>>,
    /// A bit for each truth. Atomic, as the rules that it hangs on are read by many threads elsewhere.
    seen: Vec<AtomicU8>,
}

impl Witness {
    /// Of so many parts.
    pub fn new(parts: usize) -> Witness {
        Witness { parts: Map::default(), seen: (0..parts).map(|_| AtomicU8::new(0)).collect() }
    }

    /// When `rule` is asked, `part` is looked at, which is the part of that number.
    pub fn watch(&mut self, rule: RuleId, part: RuleId, number: usize) {
        self.parts.entry(rule).or_default().push((part, number));
    }

    /// The parts of a rule, with their numbers.
    pub(super) fn parts(&self, rule: RuleId) -> &[(RuleId, usize)] {
        self.parts.get(&rule).map_or(&[], Vec::as_slice)
    }

    pub(super) fn note(&self, number: usize, truth: Truth) {
        self.seen[number].fetch_or(1 << truth as u8, Ordering::Relaxed);
    }

    /// Whether the part had that truth.
    pub fn saw(&self, number: usize, truth: Truth) -> bool {
        self.seen[number].load(Ordering::Relaxed) >> truth as u8 & 1 == 1
    }
}
