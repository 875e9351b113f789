//! Where a patron stands towards start conditions, and how the store writes that.
//!
//! One text a patron, short because a tick reads it of everybody who changed: of each campaign that they were ever in
//! the number, a sign (`+` in it, `-` not in it, `?` and `!` unknown, and before that in it or not), and how often they
//! came in and, behind a slash, went out, where that is not 0. `3+ 17-2/1`: in the third; twice in the seventeenth and
//! once out of it, where they now are.

use std::fmt::Write as _;

/// A campaign in a store; 0 stands for one that has never ticked there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct CampaignNumber(pub i64);

/// Where a patron stands towards a start condition.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Membership {
    /// As the last tick found it; `None` is unknown.
    pub value: Option<bool>,
    /// The last known value.
    pub known: bool,
    pub entries: i64,
    pub exits: i64,
}

/// Where a patron stands towards the conditions that they were ever in, in the order of the campaigns' numbers.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Memberships(Vec<(CampaignNumber, Membership)>);

impl Memberships {
    /// Where they stand towards a campaign's condition.
    pub fn get(&self, campaign: CampaignNumber) -> Option<Membership> {
        self.place(campaign).ok().map(|at| self.0[at].1)
    }

    /// From now on they stand there.
    pub fn set(&mut self, campaign: CampaignNumber, membership: Membership) {
        match self.place(campaign) {
            Ok(at) => self.0[at].1 = membership,
            Err(at) => self.0.insert(at, (campaign, membership)),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(CampaignNumber, Membership)> {
        self.0.iter()
    }

    fn place(&self, campaign: CampaignNumber) -> Result<usize, usize> {
        self.0.binary_search_by_key(&campaign, |(number, _)| *number)
    }
}

/// As the store keeps them.
pub fn written(memberships: &Memberships) -> String {
    let mut text = String::new();
    for (CampaignNumber(number), membership) in memberships.iter() {
        let sign = match (membership.value, membership.known) {
            (Some(true), _) => '+',
            (Some(false), _) => '-',
            (None, true) => '?',
            (None, false) => '!',
        };
        let blank = if text.is_empty() { "" } else { " " };
        write!(text, "{blank}{number}{sign}").expect("a string takes everything");
        if membership.entries > 0 {
            write!(text, "{}", membership.entries).expect("a string takes everything");
        }
        if membership.exits > 0 {
            write!(text, "/{}", membership.exits).expect("a string takes everything");
        }
    }
    text
}

/// As [`written`] wrote them.
///
/// # Panics
/// If somebody else wrote it.
pub fn read(text: &str) -> Memberships {
    let member = |member| member_of(member).unwrap_or_else(|| panic!("{text:?}"));
    Memberships(text.split_ascii_whitespace().map(member).collect())
}

fn member_of(text: &str) -> Option<(CampaignNumber, Membership)> {
    let at = text.find(['+', '-', '?', '!'])?;
    let (value, known) = match text.as_bytes()[at] {
        b'+' => (Some(true), true),
        b'-' => (Some(false), false),
        b'?' => (None, true),
        _ => (None, false),
    };
    let (entries, exits) = text[at + 1..].split_once('/').unwrap_or((&text[at + 1..], ""));
    let count = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse().ok() };
    let membership = Membership { value, known, entries: count(entries)?, exits: count(exits)? };
    Some((CampaignNumber(text[..at].parse().ok()?), membership))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut all = Memberships::default();
        let values = [(Some(true), true), (Some(false), false), (None, true), (None, false)];
        for (number, (value, known)) in (1..).zip(values) {
            for (nth, (entries, exits)) in (0..).zip([(0, 0), (12, 0), (0, 3), (1, 20)]) {
                all.set(CampaignNumber(number * 10 + nth), Membership { value, known, entries, exits });
            }
        }
        assert_eq!(read(&written(&all)), all);
        assert!(written(&all).starts_with("10+ 11+12 12+/3 13+1/20 20- "), "{}", written(&all));
        assert_eq!(read(""), Memberships::default());
    }

    #[test]
    #[should_panic(expected = "3*1")]
    fn what_nobody_wrote_is_not_read() {
        read("2+ 3*1");
    }
}
