//! Where shares come from: the store's key, or a test that says who is held out.

use std::collections::{HashMap, HashSet};

use crate::engine::share::{Draw, ShareKey};
use crate::rule::PatronId;
use crate::symbol::Symbol;

/// Where shares come from.
#[derive(Clone, Debug)]
pub enum Draws {
    /// The store's key.
    Keyed(ShareKey),
    /// A test: nobody is held out, everybody is drawn and the first arm is taken, but for these.
    Fixed { held_out: HashSet<(Symbol, PatronId)>, arms: HashMap<(Symbol, PatronId), usize> },
}

impl Draws {
    /// Whether the patron is in the campaign's holdout of `percent`.
    pub fn held_out(&self, campaign: Symbol, patron: PatronId, percent: i64) -> bool {
        match self {
            Draws::Keyed(key) => key.percentile(campaign, patron, Draw::Holdout) < percent,
            Draws::Fixed { held_out, .. } => held_out.contains(&(campaign, patron)),
        }
    }

    /// The patron's percentile; `None`: drawn whatever the share is.
    pub fn percentile(&self, campaign: Symbol, patron: PatronId, draw: Draw) -> Option<i64> {
        match self {
            Draws::Keyed(key) => Some(key.percentile(campaign, patron, draw)),
            Draws::Fixed { .. } => None,
        }
    }

    /// The arm of the campaign's n-th split.
    pub fn arm(&self, campaign: Symbol, patron: PatronId, split: usize, shares: &[i64]) -> usize {
        match self {
            Draws::Keyed(key) => key.arm(campaign, patron, split, shares.iter().copied()),
            Draws::Fixed { arms, .. } => {
                let arm = arms.get(&(campaign, patron)).copied().unwrap_or(0);
                arm.min(shares.len().saturating_sub(1))
            }
        }
    }
}
