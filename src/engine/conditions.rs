//! The start conditions of many patrons in bits, beside where the patrons stood before.

use crate::engine::occurrence::Watch;
use crate::engine::plan::{Running, Start};
use crate::engine::standing::{CampaignNumber, Memberships};
use crate::eval::{Bitmap, RuleId};

/// Conditions whose bits share a word.
const WORD: usize = 64;

/// What the start conditions of some patrons are. A condition is a bit, in the order of the campaigns.
pub(super) struct Conditions {
    /// By index of the plan's campaigns.
    bits: Vec<Option<usize>>,
    /// By number of the campaign.
    numbered: Vec<Option<usize>>,
    masks: Vec<Masks>,
    /// Of each row a word for each of the masks.
    truths: Vec<u64>,
    unknown: Vec<u64>,
}

/// Which of 64 conditions belong to campaigns of some sort.
#[derive(Clone, Copy, Default)]
struct Masks {
    /// Whoever comes in starts, not whoever goes out.
    enters: u64,
    /// A baseline is taken; `current`: and who is in it starts.
    baseline: u64,
    current: u64,
}

/// How the conditions of a patron turned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    None,
    /// What is remembered changes, and nothing starts.
    Moves,
    Starts,
}

impl Conditions {
    /// `found` has two bitmaps for each campaign that starts with a condition: it is true, it is false.
    pub fn new(campaigns: &[Running<'_>], watches: &[Watch], found: &[Bitmap], rows: usize) -> Conditions {
        let count = found.len() / 2;
        let mut conditions = Conditions {
            bits: vec![None; campaigns.len()],
            numbered: Vec::new(),
            masks: vec![Masks::default(); count.div_ceil(WORD)],
            truths: vec![0; count.div_ceil(WORD) * rows],
            unknown: vec![0; count.div_ceil(WORD) * rows],
        };
        let all = campaigns.iter().zip(watches).enumerate();
        for (bit, (index, (running, watch))) in all.filter(|(_, (of, _))| condition_of(of).is_some()).enumerate() {
            conditions.bits[index] = Some(bit);
            let CampaignNumber(number) = watch.number;
            let number = usize::try_from(number).expect("numbers of campaigns are not negative");
            conditions.numbered.resize(conditions.numbered.len().max(number + 1), None);
            conditions.numbered[number] = Some(bit);
            let (masks, flag) = (&mut conditions.masks[bit / WORD], 1 << (bit % WORD));
            let put = |mask: &mut u64, is: bool| *mask |= if is { flag } else { 0 };
            put(&mut masks.enters, matches!(running.start, Start::Becomes { .. }));
            put(&mut masks.baseline, watch.is_baseline);
            put(&mut masks.current, matches!(running.start, Start::Becomes { including_current: true, .. }));
            let words = conditions.masks.len();
            let [is_true, is_false] = [&found[2 * bit], &found[2 * bit + 1]];
            for (block, (truths, falses)) in is_true.words().iter().zip(is_false.words()).enumerate() {
                let present = u64::MAX >> (WORD - (rows - block * WORD).min(WORD));
                for (to, word) in
                    [(&mut conditions.truths, *truths), (&mut conditions.unknown, !(truths | falses) & present)]
                {
                    each(word, |row| to[(block * WORD + row) * words + bit / WORD] |= flag);
                }
            }
        }
        conditions
    }

    /// What the condition of a campaign is; `None`: it starts otherwise.
    pub fn of(&self, row: usize, index: usize) -> Option<Option<bool>> {
        let bit = self.bits[index]?;
        let holds = |words: &[u64]| words[row * self.masks.len() + bit / WORD] >> (bit % WORD) & 1 == 1;
        Some(if holds(&self.unknown) { None } else { Some(holds(&self.truths)) })
    }

    /// How they turned for a patron who stood there before; `is_touched`: not only where a baseline is taken.
    pub fn turn(&self, row: usize, before: &Memberships, is_touched: bool) -> Turn {
        let mut turn = Turn::None;
        for (word, masks) in self.masks.iter().enumerate() {
            let [now_true, now_unknown] =
                [&self.truths, &self.unknown].map(|words| words[row * self.masks.len() + word]);
            let (mut present, mut was_true, mut was_unknown, mut known) = (0, 0, 0, 0);
            for (CampaignNumber(number), membership) in before.iter() {
                let bit = self.numbered.get(*number as usize).copied().flatten();
                let Some(bit) = bit.filter(|bit| bit / WORD == word) else { continue };
                let flag = |is: bool| u64::from(is) << (bit % WORD);
                present |= flag(true);
                was_true |= flag(membership.value == Some(true));
                was_unknown |= flag(membership.value.is_none());
                known |= flag(membership.known);
            }
            let concerned = if is_touched { u64::MAX } else { masks.baseline };
            let entered = now_true & !was_true & masks.enters & (!masks.baseline | masks.current);
            let left = !(now_true | now_unknown) & known & !masks.enters & !masks.baseline;
            if (entered | left) & concerned != 0 {
                return Turn::Starts;
            }
            let known_now = now_true | (now_unknown & known);
            let differs = (now_true ^ was_true) | (now_unknown ^ was_unknown) | (known_now ^ known);
            if ((present & differs) | (!present & now_true)) & concerned != 0 {
                turn = Turn::Moves;
            }
        }
        turn
    }
}

/// The condition with which a campaign starts for patrons.
pub(super) fn condition_of(running: &Running<'_>) -> Option<RuleId> {
    match running.start {
        Start::Becomes { condition, .. } | Start::Leaves { condition } if !running.is_public() => Some(condition),
        _ => None,
    }
}

/// Calls for each bit of a word.
fn each(mut word: u64, mut call: impl FnMut(usize)) {
    while word != 0 {
        call(word.trailing_zeros() as usize);
        word &= word - 1;
    }
}
