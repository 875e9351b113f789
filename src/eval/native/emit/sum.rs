//! Counts of events one by one: eight events are looked at side by side, from the newest back, while some window may
//! still reach further.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I16, I16X8, I32, I64, I64X2};
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value};

use std::collections::HashMap;

use super::super::plan::CountId;
use super::follow::{Kept, Tally};
use super::limit::End;
use super::row::Chunk;
use super::walk::Patron;
use super::{Emitter, Slot, loads};
use crate::catalogue::EventId;

/// Events that are looked at side by side.
const LANES: i64 = 8;

impl Emitter<'_, '_> {
    /// The up to eight events before `end`.
    pub(super) fn chunk(&mut self, event: EventId, low: Value, end: Value) -> Chunk {
        let number = self.builder.ins().isub(end, low);
        let full = self.constant(LANES);
        let held = self.builder.ins().smin(number, full);
        let at = self.builder.ins().isub(end, held);
        Chunk { event, at, held, masks: HashMap::new(), days: None, held_days: None }
    }

    /// The truths (I8) of counts of the events of `chunk`; with `walks` also of those before.
    pub(super) fn sums(
        &mut self,
        counts: &[CountId],
        ends: &[[Option<End>; 2]],
        patron: Patron,
        mut chunk: Chunk,
        walks: bool,
    ) -> Vec<Value> {
        if counts.is_empty() {
            return Vec::new();
        }
        let event = chunk.event;
        let (kept, state) = self.kept(counts);
        if !walks {
            let mut tally = Tally { kept: &kept, values: state };
            self.add_chunk(&mut chunk, counts, ends, patron, &mut tally);
            return self.truths(event, counts, ends, patron, &tally);
        }
        let reach = self.reach(ends).map(|reach| {
            let reach = self.builder.ins().extractlane(reach, 0);
            self.builder.ins().sextend(I64, reach)
        });
        let types: Vec<_> = state.iter().map(|value| self.builder.func.dfg.value_type(*value)).collect();
        let (head, after) = (self.builder.create_block(), self.builder.create_block());
        let end = self.builder.append_block_param(head, I64);
        let inner: Vec<Value> = types.iter().map(|ty| self.builder.append_block_param(head, *ty)).collect();
        let outer: Vec<Value> = types.iter().map(|ty| self.builder.append_block_param(after, *ty)).collect();
        let arguments = |first: Option<Value>, state: &[Value]| -> Vec<BlockArg> {
            first.into_iter().chain(state.iter().copied()).map(BlockArg::Value).collect()
        };
        let mut tally = Tally { kept: &kept, values: state };
        self.add_chunk(&mut chunk, counts, ends, patron, &mut tally);
        let more = self.more(&mut chunk, patron, reach);
        let (again, done) = (arguments(Some(chunk.at), &tally.values), arguments(None, &tally.values));
        self.builder.ins().brif(more, head, &again, after, &done);
        self.builder.switch_to_block(head);
        let mut chunk = self.chunk(event, patron.low, end);
        let mut tally = Tally { kept: &kept, values: inner };
        self.add_chunk(&mut chunk, counts, ends, patron, &mut tally);
        let more = self.more(&mut chunk, patron, reach);
        let (again, done) = (arguments(Some(chunk.at), &tally.values), arguments(None, &tally.values));
        self.builder.ins().brif(more, head, &again, after, &done);
        self.builder.switch_to_block(after);
        let tally = Tally { kept: &kept, values: outer };
        self.truths(event, counts, ends, patron, &tally)
    }

    fn truths(
        &mut self,
        event: EventId,
        counts: &[CountId],
        ends: &[[Option<End>; 2]],
        patron: Patron,
        tally: &Tally<'_>,
    ) -> Vec<Value> {
        let plan = self.plan;
        let truths: Vec<Value> = (counts.iter().enumerate())
            .map(|(index, id)| {
                let sum = tally.get(Kept::Sum(index)).expect("each count has a sum");
                match plan.counts[*id].n.min(i64::from(i32::MAX)) {
                    1 => self.builder.ins().icmp_imm_s(IntCC::NotEqual, sum, 0),
                    n => self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, sum, n),
                }
            })
            .collect();
        if self.plan.validity {
            self.summed_turns(event, counts, ends, patron, &truths, tally);
        }
        truths
    }

    /// The last date that no count reaches, in each lane, if all windows begin at a date that follows from the clock.
    fn reach(&mut self, ends: &[[Option<End>; 2]]) -> Option<Value> {
        let from = |[from, _]: &[Option<End>; 2]| if let Some(End::Days(from)) = from { Some(*from) } else { None };
        let all = ends.iter().map(from).collect::<Option<Vec<_>>>()?;
        all.into_iter().reduce(|least, from| self.builder.ins().smin(least, from))
    }

    /// Whether events before the chunk may count.
    fn more(&mut self, chunk: &mut Chunk, patron: Patron, reach: Option<Value>) -> Value {
        let more = self.builder.ins().icmp(IntCC::SignedGreaterThan, chunk.at, patron.low);
        let Some(reach) = reach else { return more };
        let base = self.slot(Slot::Day(chunk.event));
        let address = self.scaled(base, chunk.at, 2);
        let day = self.builder.ins().sload16(I64, loads(), address, 0);
        let reaches = self.builder.ins().icmp(IntCC::SignedGreaterThan, day, reach);
        self.builder.ins().band(more, reaches)
    }

    /// Adds the events of a chunk to the sums (I32); where one event is enough, a sum is not 0 if there is one. Two
    /// counts are made side by side, each in eight lanes of 8 bits.
    fn add_chunk(
        &mut self,
        chunk: &mut Chunk,
        counts: &[CountId],
        ends: &[[Option<End>; 2]],
        patron: Patron,
        tally: &mut Tally<'_>,
    ) {
        let plan = self.plan;
        for (pair, counts) in counts.chunks(2).enumerate() {
            let ends = &ends[2 * pair..][..counts.len()];
            let inside: Vec<Value> = ends.iter().map(|ends| self.inside(chunk, *ends, patron)).collect();
            let masks: Vec<Value> =
                counts.iter().map(|id| self.mask(chunk, plan.counts[*id].mask, patron.at)).collect();
            let both = self.side_by_side(&masks);
            let windows = self.builder.ins().snarrow(inside[0], inside[inside.len() - 1]);
            let all = self.builder.ins().band(both, windows);
            let bits = self.builder.ins().vhigh_bits(I32, all);
            for (half, id) in counts.iter().enumerate() {
                let count = &plan.counts[*id];
                let bits = match half {
                    0 => self.builder.ins().band_imm_s(bits, 0xff),
                    _ => self.builder.ins().ushr_imm_u(bits, 8),
                };
                let index = 2 * pair + half;
                let sum = tally.get(Kept::Sum(index)).expect("each count has a sum");
                let sum = if let Some(last) = tally.get(Kept::LastDay(index)) {
                    let (sum, last) = self.distinct(chunk, bits, sum, last);
                    tally.set(Kept::LastDay(index), last);
                    sum
                } else if count.n == 1 {
                    self.builder.ins().bor(sum, bits)
                } else {
                    let number = self.builder.ins().popcnt(bits);
                    self.builder.ins().iadd(sum, number)
                };
                tally.set(Kept::Sum(index), sum);
                if self.plan.validity {
                    self.follow(chunk, (index, *id), ends[half], (inside[half], masks[half], bits), tally);
                }
            }
        }
    }

    /// The first eight lanes of one or two masks (I8X16) in one.
    fn side_by_side(&mut self, masks: &[Value]) -> Value {
        let [left, right] = masks else { return masks[0] };
        self.shuffled(*left, *right, std::array::from_fn(|lane| (lane % 8 + lane / 8 * 16) as u8))
    }

    /// The lanes that have an event, as a mask of 16-bit lanes.
    fn held_lanes(&mut self, chunk: &Chunk) -> Value {
        let table = self.slot(Slot::Held);
        let entry = self.scaled(table, chunk.held, 16);
        let most = self.builder.ins().load(I16X8, loads(), entry, 0);
        let zero = self.builder.ins().iconst(I16, 0);
        let zero = self.builder.ins().splat(I16X8, zero);
        self.builder.ins().icmp(IntCC::SignedGreaterThan, most, zero)
    }

    /// Which lanes have an event that is in a window, as a mask of 16-bit lanes.
    fn inside(&mut self, chunk: &mut Chunk, ends: [Option<End>; 2], patron: Patron) -> Value {
        let mut inside = None;
        let mut is_held = false;
        for (end, is_from) in ends.into_iter().zip([true, false]) {
            let days_end = self.day_end(end, patron.at);
            let part = match (end, days_end) {
                (None, _) => continue,
                (_, Some(end)) if is_from => {
                    is_held = true;
                    let days = self.held_days(chunk);
                    self.builder.ins().icmp(IntCC::SignedGreaterThan, days, end)
                }
                (_, Some(end)) => {
                    let days = self.days(chunk);
                    self.builder.ins().icmp(IntCC::SignedGreaterThan, end, days)
                }
                (Some(End::Instants(end)), None) => self.compared(chunk, end, is_from),
                (Some(_), None) => unreachable!("dates were named"),
            };
            inside = Some(match inside {
                None => part,
                Some(inside) => self.builder.ins().band(inside, part),
            });
        }
        match inside {
            Some(inside) if is_held => inside,
            None => self.held_lanes(chunk),
            Some(inside) => {
                let held = self.held_lanes(chunk);
                self.builder.ins().band(inside, held)
            }
        }
    }

    /// Which events come after an instant, or before it, as a mask of 16-bit lanes.
    fn compared(&mut self, chunk: &Chunk, instant: Value, is_after: bool) -> Value {
        let base = self.slot(Slot::At(chunk.event));
        let base = self.scaled(base, chunk.at, 8);
        let quads = [0, 32].map(|quad| {
            let halves = [0, 16].map(|half| {
                let cells = self.builder.ins().load(I64X2, loads(), base, quad + half);
                let (more, less) = if is_after { (cells, instant) } else { (instant, cells) };
                self.builder.ins().icmp(IntCC::SignedGreaterThan, more, less)
            });
            self.narrowed(halves)
        });
        self.builder.ins().snarrow(quads[0], quads[1])
    }

    /// Adds the dates of the events in `bits` that are not the one behind, the newest first.
    fn distinct(&mut self, chunk: &Chunk, bits: Value, sum: Value, last: Value) -> (Value, Value) {
        let (head, body, after) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        let left = self.builder.append_block_param(head, I32);
        let total = self.builder.append_block_param(head, I32);
        let previous = self.builder.append_block_param(head, I64);
        self.builder.ins().jump(head, &[BlockArg::Value(bits), BlockArg::Value(sum), BlockArg::Value(last)]);
        self.builder.switch_to_block(head);
        self.builder.ins().brif(left, body, &[], after, &[]);
        self.builder.switch_to_block(body);
        let zeros = self.builder.ins().clz(left);
        let top = self.builder.ins().iconst(I32, 31);
        let place = self.builder.ins().isub(top, zeros);
        let base = self.slot(Slot::Day(chunk.event));
        let wide = self.builder.ins().uextend(I64, place);
        let at = self.add(chunk.at, wide);
        let address = self.scaled(base, at, 2);
        let day = self.builder.ins().sload16(I64, loads(), address, 0);
        let is_new = self.builder.ins().icmp(IntCC::NotEqual, day, previous);
        let is_new = self.builder.ins().uextend(I32, is_new);
        let more = self.builder.ins().iadd(total, is_new);
        let one = self.builder.ins().iconst(I32, 1);
        let bit = self.builder.ins().ishl(one, place);
        let rest = self.builder.ins().bxor(left, bit);
        self.builder.ins().jump(head, &[BlockArg::Value(rest), BlockArg::Value(more), BlockArg::Value(day)]);
        self.builder.switch_to_block(after);
        (total, previous)
    }
}
