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
    let mut left = text.as_bytes();
    let mut members = Vec::with_capacity(left.len() / 3 + 1);
    while !left.is_empty() {
        let campaign = CampaignNumber(number(&mut left));
        let (value, known) = match next(&mut left) {
            Some(b'+') => (Some(true), true),
            Some(b'-') => (Some(false), false),
            Some(b'?') => (None, true),
            Some(b'!') => (None, false),
            _ => panic!("{text:?} is no standing"),
        };
        let entries = number(&mut left);
        let mut behind = next(&mut left);
        let mut exits = 0;
        if behind == Some(b'/') {
            exits = number(&mut left);
            behind = next(&mut left);
        }
        assert!(matches!(behind, None | Some(b' ')), "{text:?} is no standing");
        members.push((campaign, Membership { value, known, entries, exits }));
    }
    Memberships(members)
}

fn next(left: &mut &[u8]) -> Option<u8> {
    let (first, rest) = left.split_first()?;
    *left = rest;
    Some(*first)
}

/// The digits at the beginning; 0 if there are none.
fn number(left: &mut &[u8]) -> i64 {
    let mut number = 0;
    while let [digit @ b'0'..=b'9', rest @ ..] = *left {
        number = 10 * number + i64::from(digit - b'0');
        *left = rest;
    }
    number
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
    #[should_panic(expected = "3*1\" is no standing")]
    fn what_nobody_wrote_is_not_read() {
        read("2+ 3*1");
    }
}
