//! Validity of counts: which event a truth rests on, and when it leaves the window or another comes in.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{InstBuilder, Value};

use super::super::plan::{CountId, Turn};
use super::limit::End;
use super::row::Chunk;
use super::turn::NO_DAY;
use super::walk::Patron;
use super::{Emitter, Slot, loads};
use crate::catalogue::EventId;

/// What is kept from chunk to chunk, of the n-th count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    Sum(usize),
    /// Of distinct dates the one that was counted last.
    LastDay(usize),
    /// The place of the newest event that counts; -1: there is none.
    Newest(usize),
    /// Days after which an event that counts leaves the window, in eight lanes.
    Leaves(usize),
    /// Of all counts: days after which an event may come into a window or leave one that moves by periods.
    Enters,
}

pub(super) struct Tally<'k> {
    pub kept: &'k [Kept],
    pub values: Vec<Value>,
}

impl Tally<'_> {
    pub(super) fn get(&self, kept: Kept) -> Option<Value> {
        Some(self.values[self.kept.iter().position(|known| *known == kept)?])
    }

    pub(super) fn set(&mut self, kept: Kept, value: Value) {
        let place = self.kept.iter().position(|known| *known == kept).expect("only what is kept is set");
        self.values[place] = value;
    }
}

impl Emitter<'_, '_> {
    /// What lies ahead is seen when its instant comes.
    pub(super) fn next_event(&mut self, event: EventId, patron: Patron, seen: Value) {
        let (ahead, done) = (self.builder.create_block(), self.builder.create_block());
        let is_ahead = self.builder.ins().icmp(IntCC::SignedLessThan, seen, patron.high);
        self.builder.ins().brif(is_ahead, ahead, &[], done, &[]);
        self.builder.switch_to_block(ahead);
        let (instants, until) = (self.slot(Slot::At(event)), self.slot(Slot::Until));
        let address = self.scaled(instants, seen, 8);
        let comes = self.builder.ins().load(I64, loads(), address, 0);
        let row = self.add(self.row, patron.at);
        self.least_instant(until, row, comes);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
    }

    /// What is kept from chunk to chunk, and what it begins with.
    pub(super) fn kept(&mut self, counts: &[CountId]) -> (Vec<Kept>, Vec<Value>) {
        let plan = self.plan;
        let mut kept: Vec<Kept> = (0..counts.len()).map(Kept::Sum).collect();
        let mut enters = false;
        for (index, id) in counts.iter().enumerate() {
            let count = &plan.counts[*id];
            if count.days {
                kept.push(Kept::LastDay(index));
            }
            if self.plan.validity {
                let [from, to] = plan.span_turns[*id];
                match from {
                    Turn::Days { .. } if count.n == 1 && !count.days => kept.push(Kept::Newest(index)),
                    Turn::Days { .. } => kept.push(Kept::Leaves(index)),
                    _ => {}
                }
                enters |= [from, to].iter().any(|turn| matches!(turn, Turn::Period(_)));
                enters |= matches!(to, Turn::Days { .. });
            }
        }
        if enters {
            kept.push(Kept::Enters);
        }
        let values = kept.iter().map(|kept| match kept {
            Kept::Sum(_) => self.builder.ins().iconst(I32, 0),
            Kept::LastDay(_) => self.constant(i64::from(i16::MIN)),
            Kept::Newest(_) => self.constant(-1),
            Kept::Leaves(_) | Kept::Enters => self.sixteens(i64::from(NO_DAY)),
        });
        let values = values.collect();
        (kept, values)
    }

    /// Lowers the patron's days by those after which a count's truth may turn.
    pub(super) fn summed_turns(
        &mut self,
        event: EventId,
        counts: &[CountId],
        ends: &[[Option<End>; 2]],
        patron: Patron,
        truths: &[Value],
        tally: &Tally<'_>,
    ) {
        let never = self.sixteens(i64::from(NO_DAY));
        let mut least = never;
        for (index, id) in counts.iter().enumerate() {
            let Turn::Days { slack } = self.plan.span_turns[*id][0] else { continue };
            let days = if let Some(newest) = tally.get(Kept::Newest(index)) {
                let Some(End::Days(from)) = ends[index][0] else { unreachable!("a moving end is the clock's") };
                let found = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, newest, 0);
                let place = self.builder.ins().select(found, newest, patron.low);
                let base = self.slot(Slot::Day(event));
                let address = self.scaled(base, place, 2);
                let day = self.builder.ins().sload16(I64, loads(), address, 0);
                let from = self.builder.ins().extractlane(from, 0);
                let from = self.builder.ins().sextend(I64, from);
                let days = self.builder.ins().isub(day, from);
                let days = self.builder.ins().iadd_imm_s(days, -slack);
                self.day_lanes(days)
            } else {
                let leaves = tally.get(Kept::Leaves(index)).expect("a moving end is followed");
                let (slack, one) = (self.sixteens(slack), self.sixteens(1));
                let days = self.builder.ins().ssub_sat(leaves, slack);
                self.builder.ins().smax(days, one)
            };
            // What is not true does not become so by an event that leaves.
            let days = self.builder.ins().select(truths[index], days, never);
            least = self.builder.ins().smin(least, days);
        }
        if let Some(enters) = tally.get(Kept::Enters) {
            least = self.builder.ins().smin(least, enters);
        }
        if least != never {
            self.least_days(least);
        }
    }

    /// Follows the events of a chunk whose coming into a window, or leaving it, may turn a count.
    pub(super) fn follow(
        &mut self,
        chunk: &mut Chunk,
        (index, id): (usize, CountId),
        ends: [Option<End>; 2],
        (inside, mask, bits): (Value, Value, Value),
        tally: &mut Tally<'_>,
    ) {
        let never = self.sixteens(i64::from(NO_DAY));
        if let Some(newest) = tally.get(Kept::Newest(index)) {
            let zeros = self.builder.ins().clz(bits);
            let zeros = self.builder.ins().uextend(I64, zeros);
            let top = self.builder.ins().iadd_imm_s(chunk.at, 31);
            let place = self.builder.ins().isub(top, zeros);
            let is_first = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, newest, 0);
            let is_some = self.builder.ins().icmp_imm_s(IntCC::NotEqual, bits, 0);
            let found = self.builder.ins().band(is_first, is_some);
            let newest = self.builder.ins().select(found, place, newest);
            tally.set(Kept::Newest(index), newest);
        }
        if let Some(leaves) = tally.get(Kept::Leaves(index)) {
            let Some(End::Days(from)) = ends[0] else { unreachable!("a moving end is the clock's") };
            let counted = self.builder.ins().swiden_low(mask);
            let counted = self.builder.ins().band(counted, inside);
            let days = self.days(chunk);
            let left = self.builder.ins().ssub_sat(days, from);
            let left = self.builder.ins().bitselect(counted, left, never);
            let leaves = self.builder.ins().smin(leaves, left);
            tally.set(Kept::Leaves(index), leaves);
        }
        let Some(mut enters) = tally.get(Kept::Enters) else { return };
        match (self.plan.span_turns[id], ends) {
            ([Turn::Period(window), _], [Some(End::Days(from)), _]) => {
                let days = self.slot(Slot::Boundary(window));
                let days = self.day_lanes(days);
                let held = self.held_days(chunk);
                let after = self.builder.ins().icmp(IntCC::SignedGreaterThan, held, from);
                let days = self.builder.ins().bitselect(after, days, never);
                enters = self.builder.ins().smin(enters, days);
            }
            ([_, Turn::Days { slack }], [_, Some(End::Days(to))]) => {
                let held = self.held_days(chunk);
                let behind = self.builder.ins().icmp(IntCC::SignedGreaterThanOrEqual, held, to);
                let left = self.builder.ins().ssub_sat(held, to);
                let (slack, one) = (self.sixteens(slack - 1), self.sixteens(1));
                let left = self.builder.ins().ssub_sat(left, slack);
                let left = self.builder.ins().smax(left, one);
                let days = self.builder.ins().bitselect(behind, left, never);
                enters = self.builder.ins().smin(enters, days);
            }
            _ => {}
        }
        tally.set(Kept::Enters, enters);
    }
}
