//! The difference of two shares and its 95 % confidence interval.
//!
//! Newcombe's hybrid score interval: R. G. Newcombe, "Interval estimation for the difference between independent
//! proportions: comparison of eleven methods", Statistics in Medicine 17 (1998) 873-890, method 10. It keeps its
//! coverage for small groups and shares near 0 or 1, where the textbook (Wald) interval does not.

/// The 97.5 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// So many of so many people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    /// Who reached the goal; at most `of`.
    pub reached: u64,
    /// Everybody in the group.
    pub of: u64,
}

/// A difference of two shares, each between 0 and 1, with its interval.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Difference {
    /// First minus second, between -1 and 1.
    pub value: f64,
    /// Lower end of the 95 % confidence interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// The share, or `None` of an empty group.
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.reached as f64 / self.of as f64)
    }

    /// Wilson's score interval of one share (E. B. Wilson, JASA 22 (1927) 209-212).
    pub fn interval(self) -> Option<(f64, f64)> {
        let share = self.value()?;
        let n = self.of as f64;
        let centre = share + Z * Z / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        Some((((centre - spread) / scale).max(0.0), ((centre + spread) / scale).min(1.0)))
    }

    /// `self - other`; `None` if either group is empty.
    pub fn minus(self, other: Share) -> Option<Difference> {
        let (first, second) = (self.value()?, other.value()?);
        let ((first_low, first_high), (second_low, second_high)) = (self.interval()?, other.interval()?);
        let value = first - second;
        Some(Difference {
            value,
            low: value - (first - first_low).hypot(second_high - second),
            high: value + (first_high - first).hypot(second - second_low),
        })
    }
}

impl Difference {
    /// The interval lies on one side of nothing: the difference is unlikely to be chance.
    pub fn is_clear(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe (1998), table II, method 10.
    #[test]
    fn the_published_examples_come_out() {
        let cases = [
            ((56, 70), (48, 80), (0.0524, 0.3339)),
            ((9, 10), (3, 10), (0.1705, 0.8090)),
            ((6, 7), (2, 7), (0.0582, 0.8062)),
            ((5, 56), (0, 29), (-0.0381, 0.1926)),
            ((0, 10), (0, 20), (-0.1611, 0.2775)),
            ((0, 10), (0, 10), (-0.2775, 0.2775)),
            ((10, 10), (0, 20), (0.6791, 1.0)),
            ((10, 10), (0, 10), (0.6075, 1.0)),
        ];
        for ((a, m), (b, n), (low, high)) in cases {
            let share = |reached, of| Share { reached, of };
            let found = share(a, m).minus(share(b, n)).expect("no group is empty");
            assert!((found.low - low).abs() < 5e-5, "{a}/{m} - {b}/{n}: {found:?}, not {low}");
            assert!((found.high - high).abs() < 5e-5, "{a}/{m} - {b}/{n}: {found:?}, not {high}");
        }
    }

    #[test]
    fn an_empty_group_has_no_difference() {
        assert_eq!(Share { reached: 0, of: 0 }.minus(Share { reached: 1, of: 2 }), None);
    }
}
