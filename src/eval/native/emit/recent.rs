//! Counts that follow from the dates of the newest events: as events stand in the order of their dates, "n since a
//! date" is a matter of the n-th newest one's date, and sixteen patrons are compared at once.
//!
//! The same comparisons tell whom a walk has to look at: without n events since the beginning of its window a count with
//! a condition is not reached either. Of patrons with an event of today or later the columns do not say what has
//! happened by now; they are walked for all counts ([`super::walk`]).

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I16, I16X8, I32X4};
use cranelift_codegen::ir::{InstBuilder, Value};

use std::collections::BTreeMap;

use super::super::plan::{BitsId, CountId};
use super::job::Word;
use super::limit::End;
use super::{Emitter, Slot, loads};
use crate::catalogue::EventId;
use crate::rule::columns::{BLOCK, NO_EVENT, PLACES};

/// Patrons side by side.
pub(super) const LANES: usize = 8;

impl Emitter<'_, '_> {
    /// Makes the word of those of whom the columns do not say what has happened by now.
    pub(super) fn find_late(&mut self, index: usize) {
        let walk = &self.plan.walks[index];
        let late = match walk.is_recent {
            true => {
                let today = self.slot(Slot::Today);
                let today = self.builder.ins().ireduce(I16, today);
                let today = self.builder.ins().splat(I16X8, today);
                self.eights(|emitter, first| {
                    let days = emitter.recent_days(walk.event, 1, first);
                    emitter.builder.ins().icmp(IntCC::SignedGreaterThanOrEqual, days, today)
                })
            }
            false => self.with_events(walk.event),
        };
        let late = self.guarded(late, walk.guard.as_slice());
        self.put(Word::Late(index), late);
    }

    /// Makes the word of those whom a part of a walk has to look at.
    pub(super) fn choose(&mut self, number: usize) {
        let (plan, part) = (self.plan, &self.work.parts[number]);
        let event = plan.walks[part.walk].event;
        let mut groups: BTreeMap<&[BitsId], Vec<CountId>> = BTreeMap::new();
        part.counts.iter().for_each(|id| groups.entry(&plan.guards[*id]).or_default().push(*id));
        let mut all = self.constant(0);
        for (guards, counts) in groups {
            let beginnings = self.beginnings(&counts);
            let word = self.eights(|emitter, first| {
                let since = beginnings.iter().map(|(n, from)| emitter.since(event, *n, *from, first).truths);
                let since: Vec<Value> = since.collect();
                since.into_iter().reduce(|any, more| emitter.builder.ins().bor(any, more)).expect("counts begin")
            });
            let word = self.guarded(word, guards);
            all = self.builder.ins().bor(all, word);
        }
        let late = self.get(Word::Late(part.walk));
        let all = self.builder.ins().band_not(all, late);
        self.put(Word::Part(number), all);
    }

    /// The word without those for whom a condition does not hold.
    fn guarded(&mut self, word: Value, guards: &[BitsId]) -> Value {
        let guards: Vec<Value> = guards.iter().map(|guard| self.word(*guard)).collect();
        guards.into_iter().fold(word, |word, guard| self.builder.ins().band(word, guard))
    }

    /// Of each place that counts need the beginnings of their windows, of those that follow from the clock the first.
    fn beginnings(&mut self, counts: &[CountId]) -> Vec<(usize, Option<End>)> {
        let mut found: Vec<(usize, Option<End>)> = Vec::new();
        for id in counts {
            let (n, [from, _]) = (self.plan.counts[*id].place(), self.span_ends(*id));
            let known = found.iter().position(|(of, end)| *of == n && matches!(end, Some(End::Days(_))));
            match (from, known.map(|known| &mut found[known].1)) {
                (Some(End::Days(from)), Some(Some(End::Days(known)))) => {
                    *known = self.builder.ins().smin(*known, from);
                }
                _ => found.push((n, from)),
            }
        }
        found
    }

    /// The patrons of this block who have events of the kind.
    fn with_events(&mut self, event: EventId) -> Value {
        let offsets = self.slot(Slot::Offsets(event));
        let offsets = self.scaled(offsets, self.row, 4);
        let masks = [0, 1, 2, 3].map(|part| {
            self.sixteen(|emitter, quad| {
                let place = (part * 4 + quad) * 16;
                let [low, high] = [0, 4].map(|end| emitter.builder.ins().load(I32X4, loads(), offsets, place + end));
                emitter.builder.ins().icmp(IntCC::NotEqual, low, high)
            })
        });
        self.bits_of(masks)
    }

    /// Makes the words of counts by place.
    pub(super) fn placed(&mut self, index: usize, counts: &[CountId]) {
        let late = self.get(Word::Late(index));
        let event = self.plan.walks[index].event;
        let places: Vec<(usize, Option<End>)> =
            counts.iter().map(|id| (self.plan.counts[*id].place(), self.span_ends(*id)[0])).collect();
        let is_followed = self.plan.validity && counts.iter().any(|id| self.is_moving(*id));
        let concerned = is_followed.then(|| {
            let known = self.builder.ins().bnot(late);
            self.guarded(known, self.plan.walks[index].guard.as_slice())
        });
        let mut masks: Vec<Vec<Value>> = vec![Vec::new(); counts.len()];
        for first in (0..BLOCK).step_by(LANES) {
            let since: Vec<Since> = places.iter().map(|(n, from)| self.since(event, *n, *from, first as i32)).collect();
            masks.iter_mut().zip(&since).for_each(|(masks, since)| masks.push(since.truths));
            if let Some(concerned) = concerned {
                self.placed_turns(counts, &since, concerned, first as i32);
            }
        }
        for (id, masks) in counts.iter().zip(masks) {
            let word = self.word_of(&masks);
            let word = self.builder.ins().band_not(word, late);
            self.put(Word::Count(*id), word);
        }
    }

    /// Which of the eight patrons from one of this block on have n events since the beginning of a window.
    fn since(&mut self, event: EventId, n: usize, from: Option<End>, first: i32) -> Since {
        let days = self.recent_days(event, n, first);
        let from = match from {
            Some(End::Days(from)) => from,
            Some(End::Patron(limit)) => self.eight_limits(limit, first),
            Some(End::Instants(_)) | None => self.sixteens(i64::from(NO_EVENT)),
        };
        Since { days, from, truths: self.builder.ins().icmp(IntCC::SignedGreaterThan, days, from) }
    }

    /// The dates of the n-th newest events of eight patrons.
    fn recent_days(&mut self, event: EventId, n: usize, first: i32) -> Value {
        debug_assert!(n <= PLACES, "there are not more places");
        let places = self.columns.events(event).expect("a plan reads kinds that are there").recent.places;
        let index = places.index(n).expect("a plan reads places that are there");
        let days = self.slot(Slot::Recent(event));
        let base = self.scaled(days, self.row, 2 * places.len() as i64);
        self.builder.ins().load(I16X8, loads(), base, 2 * (index * BLOCK) as i32 + 2 * first)
    }

    /// The word of masks of eight patrons each (I16X8).
    fn eights(&mut self, mut mask: impl FnMut(&mut Self, i32) -> Value) -> Value {
        let masks: Vec<Value> = (0..BLOCK).step_by(LANES).map(|first| mask(self, first as i32)).collect();
        self.word_of(&masks)
    }

    fn word_of(&mut self, masks: &[Value]) -> Value {
        let [a, b, c, d, e, f, g, h] = *masks else { unreachable!("a block is eight times eight patrons") };
        let masks = [(a, b), (c, d), (e, f), (g, h)].map(|(low, high)| self.builder.ins().snarrow(low, high));
        self.bits_of(masks)
    }
}

/// A comparison with the beginning of a window (I16X8).
pub(super) struct Since {
    pub days: Value,
    /// The end excluded.
    pub from: Value,
    pub truths: Value,
}
