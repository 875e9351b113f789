//! How a consent came about, and when it ends by itself.
//!
//! Express consent was asked for and given; it ends only if its source or its purpose says so. Implied consent follows
//! from a relationship that the law names, and from nothing that anybody said: Canada's anti-spam law (S.C. 2010, c. 23,
//! s. 10(10) and 10(13)) gives it 24 months from a purchase, gift, volunteer work or membership, and 6 months from an
//! inquiry. A period of D ends on the day before D has passed, months clamped to their last day (section 7): a consent
//! of 29 February 2024 for 24 months has 27 February 2026 as its last date.

use crate::time::{Day, Duration, Unit};

/// How a consent came about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConsentKind {
    /// Somebody said yes.
    Express,
    /// A member, donor, volunteer or customer: 24 months.
    Relationship,
    /// Somebody asked something: 6 months.
    Inquiry,
}

/// Why a consent has an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndRule {
    /// Its source names the date.
    Source,
    /// The purpose says `expires after`.
    Purpose(Duration),
    /// The law's period of an implied consent.
    Implied(ConsentKind, Duration),
}

impl ConsentKind {
    /// All.
    pub const ALL: [ConsentKind; 3] = [ConsentKind::Express, ConsentKind::Relationship, ConsentKind::Inquiry];

    /// As the store and mappings write it.
    pub fn word(self) -> &'static str {
        match self {
            ConsentKind::Express => "express",
            ConsentKind::Relationship => "relationship",
            ConsentKind::Inquiry => "inquiry",
        }
    }

    /// What a word means; `implied by relationship` and `implied by inquiry` are the same as the last word alone.
    pub fn from_word(word: &str) -> Option<ConsentKind> {
        let word = word.trim();
        let word = word.strip_prefix("implied by ").map_or(word, str::trim);
        ConsentKind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// For a reader: `express`, `implied by a relationship`, `implied by an inquiry`.
    pub fn described(self) -> &'static str {
        match self {
            ConsentKind::Express => "express",
            ConsentKind::Relationship => "implied by a relationship",
            ConsentKind::Inquiry => "implied by an inquiry",
        }
    }

    /// Nobody said it.
    pub fn is_implied(self) -> bool {
        self != ConsentKind::Express
    }

    /// How long the law lets it last; `None`: without end.
    pub fn lasts(self) -> Option<Duration> {
        let count = match self {
            ConsentKind::Express => return None,
            ConsentKind::Relationship => 24,
            ConsentKind::Inquiry => 6,
        };
        Some(Duration { count, unit: Unit::Month })
    }

    /// The last date of a consent of this kind that was given on `on`, and why; `None`: it has no end.
    ///
    /// `until` is the last date that its source names, `expires_after` what its purpose says. Of an express consent the
    /// source's date stands in place of the purpose's (section 11); of an implied one the earliest of all counts.
    pub fn end(self, on: Day, until: Option<Day>, expires_after: Option<Duration>) -> Option<(Day, EndRule)> {
        let source = until.map(|day| (day, EndRule::Source));
        let purpose = expires_after.map(|after| (last_day(on, after), EndRule::Purpose(after)));
        match self.lasts() {
            None => source.or(purpose),
            Some(lasts) => {
                let law = (last_day(on, lasts), EndRule::Implied(self, lasts));
                [Some(law), purpose, source].into_iter().flatten().min_by_key(|(day, _)| *day)
            }
        }
    }
}

/// The day before `period` has passed since `on`.
fn last_day(on: Day, period: Duration) -> Day {
    on.plus(period).plus_days(-1)
}

impl std::fmt::Display for EndRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EndRule::Source => f.write_str("the date that its source names"),
            EndRule::Purpose(after) => write!(f, "the purpose's `expires after {after}`"),
            EndRule::Implied(kind, after) => {
                write!(f, "consent {} ends after {after} (CASL s. 10(10), 10(13))", kind.described())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        Day::from_civil(text.parse().expect("a date"))
    }

    fn months(count: i64) -> Duration {
        Duration { count, unit: Unit::Month }
    }

    #[test]
    fn con_03_a_leap_day_clamps_before_the_day_is_taken_off() {
        let last = |kind: ConsentKind, on: &str| kind.end(day(on), None, None).expect("it ends").0;
        assert_eq!(last(ConsentKind::Relationship, "2024-02-29"), day("2026-02-27"));
        assert_eq!(last(ConsentKind::Relationship, "2022-02-28"), day("2024-02-27"));
        assert_eq!(last(ConsentKind::Relationship, "2024-03-01"), day("2026-02-28"));
        assert_eq!(last(ConsentKind::Inquiry, "2026-08-31"), day("2027-02-27"));
        assert_eq!(last(ConsentKind::Inquiry, "2026-01-15"), day("2026-07-14"));
    }

    #[test]
    fn the_earliest_end_of_an_implied_consent_counts_and_the_source_of_an_express_one() {
        let on = day("2026-01-10");
        let end = |kind: ConsentKind, until: Option<&str>, after| kind.end(on, until.map(day), after);
        assert_eq!(end(ConsentKind::Express, None, None), None);
        assert_eq!(
            end(ConsentKind::Express, Some("2030-01-01"), Some(months(3))),
            Some((day("2030-01-01"), EndRule::Source))
        );
        let inquiry = EndRule::Implied(ConsentKind::Inquiry, months(6));
        assert_eq!(end(ConsentKind::Inquiry, None, Some(months(24))), Some((day("2026-07-09"), inquiry)));
        assert_eq!(
            end(ConsentKind::Inquiry, None, Some(months(3))),
            Some((day("2026-04-09"), EndRule::Purpose(months(3))))
        );
        assert_eq!(
            end(ConsentKind::Relationship, Some("2026-02-01"), Some(months(24))),
            Some((day("2026-02-01"), EndRule::Source))
        );
        assert_eq!(end(ConsentKind::Inquiry, Some("2030-01-01"), None), Some((day("2026-07-09"), inquiry)));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for kind in ConsentKind::ALL {
            assert_eq!(ConsentKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(ConsentKind::from_word(" implied by inquiry "), Some(ConsentKind::Inquiry));
        assert_eq!(ConsentKind::from_word("implied"), None);
    }

    proptest! {
        /// The period has not passed on the last date, and has on the next: for all dates, kinds and month lengths.
        #[test]
        fn con_03_the_last_date_is_the_day_before_the_period_has_passed(on in 0..40_000i32, which in 1..3usize) {
            let (kind, on) = (ConsentKind::ALL[which], Day(on));
            let (last, _) = kind.end(on, None, None).expect("it ends");
            let passed = on.plus(kind.lasts().expect("a period"));
            prop_assert_eq!(last.plus_days(1), passed);
            prop_assert!(last >= on && last < passed);
            let later = kind.end(on.plus_days(1), None, None).expect("it ends").0;
            prop_assert!(later >= last, "a later consent never ends earlier");
        }
    }
}
