//! Whether it worked, in a sentence: groups that are alike but for the campaign, or for the arm, are compared.

use super::difference::{Difference, Share};
use super::lines::{Group, Line};

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// Who reached the goal, of those for whom it is known.
    Goal,
    /// Who followed a link, of those to whom something was sent.
    Clicks,
}

/// Two lines of a report, compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// Indices of the lines: this one, against that one.
    pub line: usize,
    pub against: usize,
    pub measure: Measure,
    /// Line minus the other one; `None`: a count that it needs is hidden.
    pub difference: Option<Difference>,
}

/// What a comparison says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A count is hidden.
    Hidden,
    More,
    Fewer,
    /// The interval holds no difference, and is wide.
    TooFew,
    /// The interval holds no difference, and no large one.
    Alike,
}

/// Width of an interval, as a share, from which a difference worth having may hide in it.
const WIDE: f64 = 0.1;

impl Verdict {
    /// One word, for scripts.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Hidden => "hidden",
            Verdict::More => "more",
            Verdict::Fewer => "fewer",
            Verdict::TooFew => "too few to say",
            Verdict::Alike => "alike",
        }
    }
}

impl Measure {
    /// The share of a line, if both counts are printed.
    pub fn share(self, line: &Line) -> Option<Share> {
        let (reached, of) = match self {
            Measure::Goal => (line.goal_reached, line.goal_known),
            Measure::Clicks => (line.clicked, line.sent),
        };
        Some(Share { reached: reached.known()?, of: of.known()? })
    }

    /// What who counts has done.
    pub fn done(self) -> &'static str {
        match self {
            Measure::Goal => "reached the goal",
            Measure::Clicks => "followed a link",
        }
    }
}

impl Comparison {
    fn of(lines: &[Line], line: usize, against: usize, measure: Measure) -> Comparison {
        let share = |index: usize| measure.share(&lines[index]);
        let difference = share(line).zip(share(against)).and_then(|(one, other)| one.minus(other));
        Comparison { line, against, measure, difference }
    }

    /// What it says.
    pub fn verdict(&self) -> Verdict {
        let Some(difference) = self.difference else { return Verdict::Hidden };
        match difference {
            Difference { low, .. } if low > 0.0 => Verdict::More,
            Difference { high, .. } if high < 0.0 => Verdict::Fewer,
            Difference { low, high, .. } if high - low > WIDE => Verdict::TooFew,
            _ => Verdict::Alike,
        }
    }

    /// The same as a sentence that a board can read.
    pub fn sentence(&self, lines: &[Line], limit: u64) -> String {
        let verdict = self.verdict();
        let done = self.measure.done();
        let other = &lines[self.against].group;
        let against = match other {
            Group::HeldOut => "of those held out".to_owned(),
            Group::HeldOutAt { .. } => "of those held out who came so far".to_owned(),
            group => format!("in {}", name(group)),
        };
        let Some(Difference { value, low, high }) = self.difference else {
            return format!("Too few to say: counts under {limit}, and what would tell them, are hidden.");
        };
        let range = if low < 0.0 && high > 0.0 {
            format!("from {} fewer to {} more of 100", hundredths(low), hundredths(high))
        } else {
            let (least, most) = if low.abs() < high.abs() { (low, high) } else { (high, low) };
            format!("between {} and {}", hundredths(least), hundredths(most))
        };
        let is_control = matches!(other, Group::HeldOut | Group::HeldOutAt { .. });
        match verdict {
            Verdict::More => {
                let so = if is_control { "it worked".to_owned() } else { did(&lines[self.line].group, "better") };
                format!("{} more of 100 {done} than {against}; {range} (95 %), so {so}.", hundredths(value))
            }
            Verdict::Fewer => {
                let so =
                    if is_control { "it did the opposite".to_owned() } else { did(&lines[self.line].group, "worse") };
                format!("{} fewer of 100 {done} than {against}; {range} (95 %), so {so}.", hundredths(value))
            }
            Verdict::TooFew => {
                format!("Too few to say: anything {range} {done} than {against} (95 %).")
            }
            Verdict::Alike | Verdict::Hidden => {
                format!("No difference to be seen: {range} {done} than {against} (95 %).")
            }
        }
    }
}

fn did(group: &Group, how: &str) -> String {
    format!("{} did {how}", name(group))
}

/// A group as a table names it.
pub fn name(group: &Group) -> String {
    match group {
        Group::Everybody => "everybody".to_owned(),
        Group::Written => "written to".to_owned(),
        Group::HeldOut => "held out".to_owned(),
        Group::HeldOutAt { split, .. } => format!("held out, split {}", split + 1),
        Group::Arm { split: 0, arm, .. } => format!("arm {}", arm + 1),
        Group::Arm { split, arm, .. } => format!("split {} arm {}", split + 1, arm + 1),
    }
}

/// A share as so many of a hundred, without its sign: with one decimal unless it is round, with two if it is tiny.
fn hundredths(share: f64) -> String {
    let text = format!("{:.1}", share.abs() * 100.0);
    match text.strip_suffix(".0") {
        Some("0") => format!("{:.2}", share.abs() * 100.0),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// Everything that is compared: those written to with those held out, each arm with those held out, and with the first arm
/// of its split. By the goal, or, where a campaign has none, by clicks.
pub fn comparisons(lines: &[Line], has_goal: bool) -> Vec<Comparison> {
    let measure = if has_goal { Measure::Goal } else { Measure::Clicks };
    let find = |wanted: &dyn Fn(&Group) -> bool| lines.iter().position(|line| wanted(&line.group));
    let held_out = find(&|group| *group == Group::HeldOut).filter(|_| has_goal);
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let (control, first) = match line.group {
            Group::Everybody | Group::Written => (held_out, None),
            Group::HeldOut | Group::HeldOutAt { .. } => (None, None),
            Group::Arm { split, .. } => (
                find(&|group| matches!(group, Group::HeldOutAt { split: of, .. } if *of == split))
                    .or(held_out)
                    .filter(|_| has_goal),
                find(&|group| matches!(group, Group::Arm { split: of, arm: 0, .. } if *of == split)),
            ),
        };
        let against = [control, first.filter(|first| *first != index)];
        found.extend(against.into_iter().flatten().map(|other| Comparison::of(lines, index, other, measure)));
    }
    let counts_clicks = has_goal || lines.iter().any(|line| line.clicked != super::Count::None);
    found.retain(|_| counts_clicks);
    found
}
