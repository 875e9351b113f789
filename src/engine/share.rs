//! Keyed shares: who is held out, drawn into a sample, or in which arm of a split (section 8).
//!
//! A share is SipHash-1-3 of (campaign, patron, which draw) under a key that the store made once. It is stable
//! over versions of the program, evenly spread, and draws are independent of each other.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::rule::PatronId;
use crate::symbol::Symbol;
use crate::time::Instant;

/// The store's secret key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShareKey(pub [u8; 16]);

/// What is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Draw {
    /// The campaign's holdout.
    Holdout,
    /// The n-th split of the campaign, from 0.
    Split(usize),
    /// The sample of one occurrence: a fresh draw each time.
    Sample(Instant),
}

impl ShareKey {
    /// The patron's percentile in this draw, 0 to 99.
    pub fn percentile(self, campaign: Symbol, patron: PatronId, draw: Draw) -> i64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        let name = campaign.as_str().as_bytes();
        hasher.write_u64(name.len() as u64);
        hasher.write(name);
        hasher.write_i64(patron.0);
        let (kind, which) = match draw {
            Draw::Holdout => (0, 0),
            Draw::Split(index) => (1, index as i64),
            Draw::Sample(instant) => (2, instant.0),
        };
        hasher.write_u8(kind);
        hasher.write_i64(which);
        ((u128::from(hasher.finish()) * 100) >> 64) as i64
    }

    /// The arm whose share holds the patron; `shares` are percents that add up to 100.
    pub fn arm(self, campaign: Symbol, patron: PatronId, split: usize, shares: impl Iterator<Item = i64>) -> usize {
        let percentile = self.percentile(campaign, patron, Draw::Split(split));
        let mut upper = 0;
        let mut last = 0;
        for (arm, share) in shares.enumerate() {
            upper += share;
            last = arm;
            if percentile < upper {
                return arm;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ShareKey = ShareKey(*b"0123456789abcdef");

    fn share(campaign: &str, draw: Draw, percent: i64) -> Vec<bool> {
        let campaign = Symbol::new(campaign);
        (0..20_000).map(|id| KEY.percentile(campaign, PatronId(id), draw) < percent).collect()
    }

    #[test]
    fn shares_are_even() {
        for percent in [1, 10, 50, 90] {
            let drawn = share("welcome", Draw::Holdout, percent).iter().filter(|&&drawn| drawn).count() as f64;
            let expected = 200.0 * percent as f64;
            // Five standard deviations of a binomial.
            let deviation = (expected * (1.0 - percent as f64 / 100.0)).sqrt() * 5.0;
            assert!((drawn - expected).abs() < deviation, "{percent} %: {drawn} of 20000");
        }
    }

    #[test]
    fn draws_are_independent() {
        let draws = [
            share("welcome", Draw::Holdout, 50),
            share("welcome", Draw::Split(0), 50),
            share("welcome", Draw::Split(1), 50),
            share("welcome", Draw::Sample(Instant(0)), 50),
            share("winback", Draw::Holdout, 50),
        ];
        for (index, one) in draws.iter().enumerate() {
            for other in &draws[index + 1..] {
                let same = one.iter().zip(other).filter(|(a, b)| a == b).count();
                assert!(same.abs_diff(10_000) < 360, "{same} of 20000 alike");
            }
        }
    }

    #[test]
    fn arms_follow_the_shares() {
        let mut arms = [0; 3];
        for id in 0..10_000 {
            arms[KEY.arm(Symbol::new("welcome"), PatronId(id), 0, [20, 30, 50].into_iter())] += 1;
        }
        assert!(arms[0] > 1_800 && arms[0] < 2_200 && arms[1] > 2_750 && arms[1] < 3_250, "{arms:?}");
    }
}
