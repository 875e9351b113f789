//! Whom a report counted that was given out, as far as that is known now.
//!
//! What it printed of them is so. Whoever was erased since stands in it without a name, so that whoever else counts them is
//! seen to. Of what has no instant, such as that somebody came to a split by an older version, those who were enrolled last
//! are taken not to have been there yet. What it hid is taken to have been as it is now, up to its instant.

use super::count::{Came, Person};
use super::lines::{Group, Line};
use super::measure::{DOES, MEASURES};
use super::parts::{Split, around, splits};
use crate::program::{Campaign, Program};
use crate::rule::PatronId;
use crate::time::Instant;

/// More than there are people in a group: those without a name have ids of their own by group.
const NAMELESS: i64 = 1 << 32;

/// The people whom a report as of an instant counted that had these lines.
pub fn counted_then(
    program: &Program,
    campaign: &Campaign,
    told: &[Line],
    as_of: Instant,
    people: &[Person],
) -> Vec<Person> {
    let splits = splits(program, campaign);
    let mut then: Vec<Then> = people.iter().filter_map(|person| Some(Then::of(person.as_of(as_of)?))).collect();
    then.sort_by_key(|one| (one.person.enrolled_at, one.person.patron));
    // What is inside a group comes after it, and is put right before it.
    for (nth, line) in told.iter().enumerate().rev() {
        let Some(place) = Place::of(&splits, &line.group) else { continue };
        let counts = line.counts().map(|count| count.known().and_then(|count| usize::try_from(count).ok()));
        for (measure, printed) in counts.into_iter().enumerate() {
            let Some(printed) = printed else { continue };
            let have = then.iter().filter(|one| place.has(one) && DOES[measure](&one.person)).count();
            // Who came to a split at an instant that is known was there; who did least is the likeliest not to have been.
            let mut too_many: Vec<&mut Then> =
                then.iter_mut().rev().filter(|one| place.has(one) && one.may_lose(measure)).collect();
            too_many.sort_by_key(|one| (place.knows(one), DOES.iter().filter(|does| does(&one.person)).count()));
            too_many.into_iter().take(have.saturating_sub(printed)).for_each(|one| one.lose(measure, &place));
            let mut missing = printed.saturating_sub(have);
            for one in then.iter_mut().rev().filter(|one| place.has(one) && one.may_gain(measure)).take(missing) {
                one.gain(measure, as_of);
                missing -= 1;
            }
            if measure == 0 || counts[0].is_none() {
                let mut nameless = (1..).map(|nameless| PatronId(-(nth as i64 * NAMELESS + nameless)));
                let taken = then.iter().filter(|one| place.has(one) && one.person.patron.0 < 0).count();
                nameless.by_ref().take(taken).for_each(drop);
                for patron in nameless.take(missing) {
                    let mut one = Then::of(place.nameless(patron, as_of));
                    one.gain(measure, as_of);
                    then.push(one);
                }
            }
            then.iter_mut().filter(|one| place.has(one)).for_each(|one| one.is_settled[measure] = true);
        }
    }
    then.into_iter().filter(|one| one.is_there).map(|one| one.person).collect()
}

/// Where a group stands.
struct Place {
    is_held_out: bool,
    /// The splits around it and the arm taken of each; `None`: whichever.
    arms: Vec<(usize, Option<usize>)>,
}

impl Place {
    /// `None` if the program no longer has it.
    fn of(splits: &[Split], group: &Group) -> Option<Place> {
        let is_held_out = matches!(group, Group::HeldOut | Group::HeldOutAt { .. });
        Some(Place { is_held_out, arms: around(splits, group)? })
    }

    fn has(&self, one: &Then) -> bool {
        let took = |(split, arm): &(usize, Option<usize>)| {
            one.person.arms.iter().any(|came| came.split == *split && arm.is_none_or(|arm| arm == came.arm))
        };
        one.is_there && one.person.held_out == self.is_held_out && self.arms.iter().all(took)
    }

    /// Whether it is known when somebody came to the innermost split.
    fn knows(&self, one: &Then) -> bool {
        let of = |split: usize| one.person.arms.iter().find(|came| came.split == split);
        self.arms.last().is_some_and(|(split, _)| of(*split).is_some_and(|came| came.at.is_some()))
    }

    fn nameless(&self, patron: PatronId, at: Instant) -> Person {
        let came = |(split, arm): &(usize, Option<usize>)| Came { split: *split, arm: arm.unwrap_or(0), at: Some(at) };
        let arms = self.arms.iter().map(came).collect();
        Person { arms, ..Person::enrolled(patron, self.is_held_out, at) }
    }
}

/// A person on the way to what a report counted.
struct Then {
    person: Person,
    is_there: bool,
    /// What was put right already, by measure.
    is_settled: [bool; MEASURES],
}

impl Then {
    fn of(person: Person) -> Then {
        Then { person, is_there: true, is_settled: [false; MEASURES] }
    }

    /// Whether it can be that they did not.
    fn may_lose(&self, measure: usize) -> bool {
        let with_it = match measure {
            0 => 0..=5,
            1 => 1..=3,
            4 => 4..=5,
            _ => measure..=measure,
        };
        DOES[measure](&self.person) && with_it.into_iter().all(|measure| !self.is_settled[measure])
    }

    fn lose(&mut self, measure: usize, place: &Place) {
        match (measure, place.arms.last()) {
            (0, Some((split, _))) => self.person.arms.retain(|came| came.split != *split),
            (0, None) => self.is_there = false,
            _ => self.set(measure, None),
        }
    }

    /// Whether it can be that they did.
    fn may_gain(&self, measure: usize) -> bool {
        let could = match measure {
            0 => false,
            2 | 3 => self.person.sent_at.is_some(),
            5 => self.person.goal_known,
            _ => true,
        };
        could && !DOES[measure](&self.person) && !self.is_settled[measure]
    }

    fn gain(&mut self, measure: usize, at: Instant) {
        match measure {
            2 | 3 => self.person.sent_at = self.person.sent_at.or(Some(at)),
            5 => self.person.goal_known = true,
            _ => {}
        }
        self.set(measure, Some(at));
    }

    fn set(&mut self, measure: usize, at: Option<Instant>) {
        let person = &mut self.person;
        match measure {
            1 => person.sent_at = at,
            2 => person.delivered_at = at,
            3 => person.clicked_at = at,
            4 => person.goal_known = at.is_some(),
            5 => person.reached_at = at,
            _ => {}
        }
        if person.sent_at.is_none() {
            (person.delivered_at, person.clicked_at) = (None, None);
        }
        if !person.goal_known {
            person.reached_at = None;
        }
    }
}
