//! A small random source of our own: the same seed gives the same store on every machine and in every version.
//!
//! SplitMix64 (Steele, Lea, Flood 2014). Whole numbers only: nothing depends on how a platform rounds.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream `stream` of `seed`: independent of its neighbours, so that each patron has one.
    pub fn new(seed: u64, stream: u64) -> Random {
        let mut random = Random(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        random.next();
        random.next();
        random
    }

    /// 64 evenly spread bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `bound - 1`; 0 for a bound below 1.
    pub fn below(&mut self, bound: i64) -> i64 {
        // The high half of the product: as even as 64 bits allow, without a division.
        ((u128::from(self.next()) * u128::from(bound.max(0) as u64)) >> 64) as i64
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    /// One of `all`, each as likely.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as i64) as usize]
    }

    /// One of `all` by weight.
    pub fn weighted<T: Copy>(&mut self, all: &[(T, i64)]) -> T {
        let mut left = self.below(all.iter().map(|(_, weight)| weight).sum());
        for &(value, weight) in all {
            if left < weight {
                return value;
            }
            left -= weight;
        }
        all[0].0
    }

    /// A whole number with a heavy tail: half are 1, and each doubling is half as likely, up to `2^doublings`.
    /// As in a lending library, where nine readers borrow little and the tenth most of the books.
    pub fn heavy(&mut self, doublings: u32) -> i64 {
        let scale = 1 << self.next().trailing_zeros().min(doublings);
        scale + self.below(scale)
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_stream_is_that_of_the_published_algorithm() {
        // The reference implementation seeded with 1234567.
        let mut random = Random(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn bounds_hold_and_are_reached() {
        let mut random = Random::new(1, 1);
        let drawn: Vec<i64> = (0..1000).map(|_| random.between(-2, 2)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&-2), Some(&2)));
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn the_tail_is_heavy() {
        let mut random = Random::new(7, 0);
        let mut drawn: Vec<i64> = (0..10_000).map(|_| random.heavy(7)).collect();
        drawn.sort_unstable();
        assert!(drawn[5_000] <= 3, "the median is small");
        assert!(drawn[9_999] >= 128, "the most active is far from it");
        let top: i64 = drawn[9_000..].iter().sum();
        assert!(top * 2 > drawn.iter().sum::<i64>(), "a tenth of the readers does more than half");
    }
}
