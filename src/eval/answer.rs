//! What an evaluator answers: a truth, and until when it holds.

use crate::time::Instant;

/// The end of a validity that no passing of time ends.
pub const NEVER: Instant = Instant(i64::MAX);

/// Kleene's three truths (section 6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    /// Whether it is true: the only truth that selects.
    pub fn is_true(self) -> bool {
        self == Truth::True
    }
}

impl From<Option<bool>> for Truth {
    fn from(known: Option<bool>) -> Truth {
        match known {
            Some(true) => Truth::True,
            Some(false) => Truth::False,
            None => Truth::Unknown,
        }
    }
}

/// A truth and its validity: for all t in [now, `until`) the truth is the same, as long as no data arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    pub truth: Truth,
    /// After `now`. May be earlier than the instant at which the truth really changes; [`NEVER`] if it does not.
    pub until: Instant,
}

/// Whether a node of the normal form holds, and until when that is so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub holds: bool,
    pub until: Instant,
}

impl Held {
    pub(super) fn always(holds: bool) -> Held {
        Held { holds, until: NEVER }
    }

    pub(super) fn negated(self) -> Held {
        Held { holds: !self.holds, until: self.until }
    }

    /// Both: holds while both do, fails while one of them fails.
    pub(super) fn and(self, other: Held) -> Held {
        match (self.holds, other.holds) {
            (true, true) => Held { holds: true, until: self.until.min(other.until) },
            (false, false) => Held { holds: false, until: self.until.max(other.until) },
            (false, true) => self,
            (true, false) => other,
        }
    }
}
