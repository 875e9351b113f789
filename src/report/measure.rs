//! What is measured of people, and of whom.

use super::count::Person;

/// Enrolled, sent, delivered, clicked, goal known, goal reached.
pub const MEASURES: usize = 6;

/// Whether a person is counted, by measure.
pub const DOES: [fn(&Person) -> bool; MEASURES] = [
    |_| true,
    |person| person.sent_at.is_some(),
    |person| person.delivered_at.is_some(),
    |person| person.clicked_at.is_some(),
    |person| person.goal_known,
    |person| person.goal_known && person.reached_at.is_some(),
];

/// The measures of those to whom something may go: not of those held out.
const SENDS: std::ops::RangeInclusive<usize> = 1..=3;

/// A measure, one that is part of it, and whether it tells of everybody of the whole that nobody, or everybody, did.
pub const INSIDE: [(usize, usize, bool); 5] = [(0, 1, false), (1, 2, false), (1, 3, true), (0, 4, false), (4, 5, true)];

/// Who did what is measured, and from [`MEASURES`] on who was inside and did not.
pub const KINDS: usize = MEASURES + INSIDE.len();

/// Whether a person did what is measured or, from [`MEASURES`] on, was inside and did not.
pub fn is_counted(kind: usize, person: &Person) -> bool {
    let did = |measure: usize| DOES[measure](person) && !(person.held_out && SENDS.contains(&measure));
    match kind.checked_sub(MEASURES) {
        None => did(kind),
        Some(inside) => {
            let (whole, part, _) = INSIDE[inside];
            did(whole) && !did(part) && !(person.held_out && SENDS.contains(&part))
        }
    }
}

/// Whether it depends on who is held out: nothing goes to them.
pub fn is_of_sending(kind: usize) -> bool {
    SENDS.contains(&kind.checked_sub(MEASURES).map_or(kind, |inside| INSIDE[inside].1))
}

/// What is measured of whom: the measure around, and whether nobody at all tells of everybody in it.
pub fn whole_of(kind: usize) -> Option<(usize, bool)> {
    match kind.checked_sub(MEASURES) {
        None => INSIDE.iter().find(|(_, part, _)| *part == kind).map(|(whole, _, tells)| (*whole, *tells)),
        Some(inside) => Some((INSIDE[inside].0, INSIDE[inside].2)),
    }
}
