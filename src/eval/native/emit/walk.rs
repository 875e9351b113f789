//! Counts: the events of a kind are walked once for all counts over it, patron by patron, from the newest back.
//!
//! The last eight events are looked at side by side, without a branch. Most counts need no more: as events stand in
//! the order of their dates, "n since a date" is a matter of the n-th last one's date, and eight such questions are one
//! comparison of vectors. Where events are tested one by one the walk goes on, eight by eight, while some window may
//! still reach further back. Patrons without events, or for whom no count matters, are not walked at all.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I16, I16X8, I32, I32X4, I64, I64X2};
use cranelift_codegen::ir::{BlockArg, InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind, Value};

use std::collections::HashMap;

use super::super::super::rules::Bound;
use super::super::plan::{Bits, CountId, GROUP, Limit, MaskId, RowBits, Source, Walk};
use super::follow::{Kept, Tally};
use super::row::Chunk;
use super::{Emitter, PatronLimit, Slot, Width, loads};
use crate::catalogue::EventId;
use crate::rule::columns::{BLOCK, EVENT_EPOCH, UNKNOWN_DAY};

/// Counts whose truths share a byte.
const BYTE: usize = 8;
/// Events that are looked at side by side.
const LANES: i64 = 8;

/// One patron in a walk.
#[derive(Clone, Copy)]
pub(super) struct Patron {
    /// Where their events begin.
    pub low: Value,
    /// Their place in the block.
    pub at: Value,
}

/// An end of a window, excluded.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// I16X8.
    Days(Value),
    /// I64X2.
    Instants(Value),
    Patron(PatronLimit),
}

impl Emitter<'_, '_> {
    /// Makes the words of the counts of a walk.
    pub(super) fn walk(&mut self, index: usize) {
        let plan = self.plan;
        let walk = &plan.walks[index];
        self.prepare(index);
        let patrons = self.concerned(walk);
        let groups = walk.placed.len().div_ceil(GROUP);
        let (summed, ahead) = (self.in_order(&walk.summed), self.in_order(&walk.ahead));
        let [summed_bytes, ahead_bytes] = [&summed, &ahead].map(|counts| counts.len().div_ceil(BYTE));
        let bytes = groups + summed_bytes + ahead_bytes;
        let scratch = self.scratch(bytes);
        let zero = self.builder.ins().iconst(I8, 0);
        let zero = self.builder.ins().splat(I8X16, zero);
        for part in 0..(bytes * BLOCK / 16) as i32 {
            self.builder.ins().stack_store(I64, zero, scratch, part * 16);
        }
        let offsets = self.slot(Slot::Offsets(walk.event));
        let offsets = self.scaled(offsets, self.row, 4);
        let [summed_ends, ahead_ends] =
            [&summed, &ahead].map(|counts| counts.iter().map(|id| self.span_ends(*id)).collect::<Vec<_>>());
        self.each(patrons, |emitter, at| {
            let address = emitter.scaled(offsets, at, 4);
            let [low, high] = [0, 4].map(|end| emitter.builder.ins().uload32(loads(), address, end));
            let patron = Patron { low, at };
            let seen = emitter.seen(walk.event, patron, high, |emitter| {
                if !ahead.is_empty() {
                    let chunk = emitter.chunk(walk.event, low, high);
                    let truths = emitter.sums(&ahead, &ahead_ends, patron, chunk, None);
                    emitter.put(scratch, groups + summed_bytes, at, &truths);
                }
            });
            let mut chunk = emitter.chunk(walk.event, low, seen);
            for group in 0..groups {
                let byte = emitter.placed(index, group, &mut chunk, at);
                emitter.put_byte(scratch, group, at, byte);
            }
            let truths = emitter.sums(&summed, &summed_ends, patron, chunk, Some(index));
            emitter.put(scratch, groups, at, &truths);
            if emitter.turns.is_some() {
                emitter.row_turns(walk, at, low, high);
            }
        });
        let places = [(&walk.placed, 0), (&summed, groups), (&ahead, groups + summed_bytes)];
        for (counts, first) in places {
            for (place, id) in counts.iter().enumerate() {
                self.count_word(*id, scratch, first * BYTE + place);
            }
        }
    }

    /// The patrons of this block who have events of the kind, and for whom its counts matter.
    fn concerned(&mut self, walk: &Walk) -> Value {
        let offsets = self.slot(Slot::Offsets(walk.event));
        let offsets = self.scaled(offsets, self.row, 4);
        let masks = [0, 1, 2, 3].map(|part| {
            self.sixteen(|emitter, quad| {
                let place = (part * 4 + quad) * 16;
                let [low, high] = [0, 4].map(|end| emitter.builder.ins().load(I32X4, loads(), offsets, place + end));
                emitter.builder.ins().icmp(IntCC::NotEqual, low, high)
            })
        });
        let some = self.bits_of(&masks);
        match walk.guard {
            None => some,
            Some(guard) => {
                let guard = self.word(guard);
                self.builder.ins().band(some, guard)
            }
        }
    }

    /// A loop over the bits of a word, the lowest first.
    fn each(&mut self, word: Value, body: impl FnOnce(&mut Self, Value)) {
        let (head, inside, after) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        let left = self.builder.append_block_param(head, I64);
        self.builder.ins().jump(head, &[BlockArg::Value(word)]);
        self.builder.switch_to_block(head);
        self.builder.ins().brif(left, inside, &[], after, &[]);
        self.builder.switch_to_block(inside);
        let at = self.builder.ins().ctz(left);
        body(self, at);
        let below = self.builder.ins().iadd_imm_s(left, -1);
        let rest = self.builder.ins().band(left, below);
        self.builder.ins().jump(head, &[BlockArg::Value(rest)]);
        self.builder.switch_to_block(after);
    }

    fn scratch(&mut self, bytes_each: usize) -> StackSlot {
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, (bytes_each * BLOCK) as u32, 4);
        self.builder.create_sized_stack_slot(data)
    }

    /// Those first that need only one event, and last those of distinct dates.
    fn in_order(&self, counts: &[CountId]) -> Vec<CountId> {
        let mut counts = counts.to_vec();
        counts.sort_by_key(|id| (self.plan.counts[*id].days, self.plan.counts[*id].n > 1));
        counts
    }

    /// Loads what the walk needs before its loop begins.
    fn prepare(&mut self, index: usize) {
        let plan = self.plan;
        let walk = &plan.walks[index];
        for slot in
            [Slot::Day(walk.event), Slot::At(walk.event), Slot::Today, Slot::Now, Slot::Reach(index), Slot::Held]
        {
            self.preload(slot);
        }
        for group in 0..walk.placed.len().div_ceil(GROUP) {
            self.preload(Slot::Group(index, group));
        }
        for id in walk.placed.iter().chain(&walk.summed).chain(&walk.ahead) {
            self.prepare_mask(plan.counts[*id].mask);
        }
    }

    fn prepare_mask(&mut self, mask: MaskId) {
        let plan = self.plan;
        match &plan.masks[mask] {
            RowBits::Constant(_) => {}
            RowBits::And(parts) | RowBits::Or(parts) => parts.iter().for_each(|part| self.prepare_mask(*part)),
            RowBits::Not(inner) => self.prepare_mask(*inner),
            RowBits::Test(test) => {
                let (source, _) = plan.tests[*test];
                self.preload(Slot::Cells(source));
                match Width::of(source.shape(self.columns)) {
                    Width::Codes8 | Width::Codes16 | Width::Codes32 => self.preload(Slot::Codes(*test)),
                    Width::Sets(_) | Width::Days | Width::Numbers => {}
                }
            }
            RowBits::Patron(bits) => {
                self.word(*bits);
            }
        }
    }

    // ---- truths of 64 patrons ----------------------------------------------------------------------------------

    /// Stores a patron's truths (I8), eight in each byte from the n-th of them on.
    fn put(&mut self, scratch: StackSlot, first: usize, at: Value, truths: &[Value]) {
        for (place, truths) in truths.chunks(BYTE).enumerate() {
            let byte = self.packed(truths);
            self.put_byte(scratch, first + place, at, byte);
        }
    }

    fn put_byte(&mut self, scratch: StackSlot, place: usize, at: Value, byte: Value) {
        let base = self.builder.ins().stack_addr(I64, scratch, 0);
        let base = self.add(base, at);
        self.builder.ins().store(MemFlagsData::new().with_notrap(), byte, base, (place * BLOCK) as i32);
    }

    /// Truths (I8, 0 or 1) as the bits of a byte.
    fn packed(&mut self, truths: &[Value]) -> Value {
        let mut byte = truths[0];
        for (place, truth) in truths.iter().enumerate().skip(1) {
            let bit = self.builder.ins().ishl_imm_u(*truth, place as i64);
            byte = self.builder.ins().bor(byte, bit);
        }
        byte
    }

    /// Makes the word of a count from the n-th truth of 64 patrons.
    fn count_word(&mut self, id: CountId, scratch: StackSlot, place: usize) {
        let base = (place / BYTE * BLOCK) as i32;
        let masks: Vec<Value> = (0..4)
            .map(|part| {
                let bytes = self.builder.ins().stack_load(I64, I8X16, scratch, base + part * 16);
                let wide = self.cast(I16X8, bytes);
                // The bit comes to stand at the top of its byte; what crosses over to the next one stays below.
                let shifted = self.builder.ins().ishl_imm_u(wide, (BYTE - 1 - place % BYTE) as i64);
                self.cast(I8X16, shifted)
            })
            .collect();
        let word = self.bits_of(&masks);
        let bits = self.plan.bits.iter().position(|bits| *bits == Bits::Enough(id)).expect("a count is a condition");
        self.words.insert(bits, word);
    }

    // ---- a patron ----------------------------------------------------------------------------------------------

    /// Where those events end that have happened. Events of today or later are rare and taken apart, `ahead` with them.
    fn seen(&mut self, event: EventId, patron: Patron, high: Value, ahead: impl FnOnce(&mut Self)) -> Value {
        let (late, done) = (self.builder.create_block(), self.builder.create_block());
        let seen = self.builder.append_block_param(done, I64);
        if self.columns.events(event).expect("a plan reads kinds that are there").days_fit {
            let (days, today) = (self.slot(Slot::Day(event)), self.slot(Slot::Today));
            let address = self.scaled(days, high, 2);
            let last = self.builder.ins().sload16(I64, loads(), address, -2);
            let is_late = self.builder.ins().icmp(IntCC::SignedGreaterThanOrEqual, last, today);
            self.builder.ins().brif(is_late, late, &[], done, &[BlockArg::Value(high)]);
            self.builder.set_cold_block(late);
        } else {
            self.builder.ins().jump(late, &[]);
        }
        self.builder.switch_to_block(late);
        let end = self.last_seen(event, patron.low, high);
        if self.turns.is_some() {
            self.next_event(event, patron.at, end, high);
        }
        ahead(self);
        self.builder.ins().jump(done, &[BlockArg::Value(end)]);
        self.builder.switch_to_block(done);
        seen
    }

    /// Where the events end whose instants have come, one by one.
    fn last_seen(&mut self, event: EventId, low: Value, high: Value) -> Value {
        let (head, look, found) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        let end = self.builder.append_block_param(head, I64);
        self.builder.ins().jump(head, &[BlockArg::Value(high)]);
        self.builder.switch_to_block(head);
        let none = self.builder.ins().icmp(IntCC::Equal, end, low);
        self.builder.ins().brif(none, found, &[], look, &[]);
        self.builder.switch_to_block(look);
        let (instants, now) = (self.slot(Slot::At(event)), self.slot(Slot::Now));
        let address = self.scaled(instants, end, 8);
        let at = self.builder.ins().load(I64, loads(), address, -8);
        let before = self.builder.ins().iadd_imm_s(end, -1);
        let is_past = self.builder.ins().icmp(IntCC::SignedLessThanOrEqual, at, now);
        self.builder.ins().brif(is_past, found, &[], head, &[BlockArg::Value(before)]);
        self.builder.switch_to_block(found);
        end
    }

    /// The up to eight events before `end`.
    fn chunk(&mut self, event: EventId, low: Value, end: Value) -> Chunk {
        let number = self.builder.ins().isub(end, low);
        let full = self.constant(LANES);
        let held = self.builder.ins().smin(number, full);
        let at = self.builder.ins().isub(end, held);
        Chunk { event, at, held, masks: HashMap::new(), days: None, held_days: None }
    }

    /// A byte of the truths of eight counts by place.
    fn placed(&mut self, index: usize, group: usize, chunk: &mut Chunk, at: Value) -> Value {
        let plan = self.plan;
        let counts = &plan.walks[index].placed;
        let counts = &counts[group * GROUP..counts.len().min((group + 1) * GROUP)];
        let table = self.slot(Slot::Group(index, group));
        let entry = self.builder.ins().ishl_imm_u(chunk.held, 5);
        let entry = self.add(table, entry);
        let places = self.builder.ins().load(I8X16, loads(), entry, 0);
        let mut from = self.builder.ins().load(I16X8, loads(), entry, 16);
        let mut done: Vec<PatronLimit> = Vec::new();
        for id in counts {
            let Some(limit) = self.patron_limit(*id, true).filter(|limit| !done.contains(limit)) else { continue };
            done.push(limit);
            let lanes: Vec<bool> = counts.iter().map(|other| self.patron_limit(*other, true) == Some(limit)).collect();
            let value = self.patron_day(limit, at);
            let chosen = self.vector_of(&lanes.iter().map(|is| if *is { -1 } else { 0 }).collect::<Vec<_>>());
            let least = self.vector_of(&lanes.iter().map(|is| if *is { 0 } else { i16::MIN }).collect::<Vec<_>>());
            let value = self.builder.ins().band(value, chosen);
            let value = self.builder.ins().bor(value, least);
            from = self.builder.ins().smax(from, value);
        }
        let days = self.days(chunk);
        let days = self.cast(I8X16, days);
        let days = self.looked_up_bytes(days, places);
        let days = self.cast(I16X8, days);
        let truths = self.builder.ins().icmp(IntCC::SignedGreaterThan, days, from);
        if self.turns.is_some() {
            self.placed_turns(counts, days, from, truths, at);
        }
        let bytes = self.builder.ins().snarrow(truths, truths);
        let bits = self.builder.ins().vhigh_bits(I32, bytes);
        self.builder.ins().ireduce(I8, bits)
    }

    /// Eight lanes of 16 bits; those that are not named are 0.
    pub(super) fn vector_of(&mut self, lanes: &[i16]) -> Value {
        let mut bytes = [0_u8; 16];
        for (lane, value) in lanes.iter().enumerate() {
            bytes[2 * lane..2 * lane + 2].copy_from_slice(&value.to_le_bytes());
        }
        let constant = self.builder.func.dfg.constants.insert(bytes.as_slice().into());
        self.builder.ins().vconst(I16X8, constant)
    }

    /// The patron's date that ends a count's window.
    fn patron_limit(&self, id: CountId, is_from: bool) -> Option<PatronLimit> {
        let span = self.plan.counts[id].span;
        let Limit::PatronDay { field, past } = (if is_from { span.from } else { span.to }) else { return None };
        Some(PatronLimit {
            field,
            later: i64::from(past) - i64::from(is_from),
            unknown_is_greatest: is_from == (span.bound == Bound::Certain),
        })
    }

    /// Makes the dates of this block's patrons that limit windows, in days since the epoch of events.
    pub(super) fn patron_limits(&mut self) {
        for id in 0..self.plan.counts.len() {
            for limit in [self.patron_limit(id, true), self.patron_limit(id, false)].into_iter().flatten() {
                if !self.limits.contains_key(&limit) {
                    let slot = self.limit_days(limit);
                    self.limits.insert(limit, slot);
                }
            }
        }
    }

    fn limit_days(&mut self, limit: PatronLimit) -> StackSlot {
        let slot = self.scratch(2);
        let cells = self.slot(Slot::Cells(Source::Field(limit.field)));
        let base = self.scaled(cells, self.row, 4);
        let splat = |emitter: &mut Self, n: i64| {
            let n = emitter.builder.ins().iconst(I32, i64::from(n as i32 as u32));
            emitter.builder.ins().splat(I32X4, n)
        };
        let moved = splat(self, limit.later - i64::from(EVENT_EPOCH));
        let unknown = splat(self, i64::from(UNKNOWN_DAY));
        let end = if limit.unknown_is_greatest { i16::MAX } else { i16::MIN };
        let end = splat(self, i64::from(end));
        for part in 0..(BLOCK / 8) as i32 {
            let quads = [0, 16].map(|offset| {
                let days = self.builder.ins().load(I32X4, loads(), base, part * 32 + offset);
                let is_unknown = self.builder.ins().icmp(IntCC::Equal, days, unknown);
                let days = self.builder.ins().iadd(days, moved);
                self.builder.ins().bitselect(is_unknown, end, days)
            });
            let days = self.builder.ins().snarrow(quads[0], quads[1]);
            self.builder.ins().stack_store(I64, days, slot, part * 16);
        }
        slot
    }

    /// A patron's date that limits a window, in each of eight lanes.
    fn patron_day(&mut self, limit: PatronLimit, at: Value) -> Value {
        let base = self.builder.ins().stack_addr(I64, self.limits[&limit], 0);
        let address = self.scaled(base, at, 2);
        let day = self.builder.ins().load(I16, MemFlagsData::new().with_notrap(), address, 0);
        self.builder.ins().splat(I16X8, day)
    }

    /// The ends of a count's window.
    fn span_ends(&mut self, id: CountId) -> [Option<End>; 2] {
        let span = self.plan.counts[id].span;
        [(span.from, true), (span.to, false)].map(|(limit, is_from)| {
            let slot = if is_from { Slot::From(id) } else { Slot::To(id) };
            match limit {
                Limit::Open => None,
                Limit::Day => Some(End::Days(self.lanes(slot, I16X8))),
                Limit::Instant => Some(End::Instants(self.lanes(slot, I64X2))),
                Limit::PatronDay { .. } => self.patron_limit(id, is_from).map(End::Patron),
            }
        })
    }

    /// The truths (I8) of counts of the events of `chunk` and those before.
    fn sums(
        &mut self,
        counts: &[CountId],
        ends: &[[Option<End>; 2]],
        patron: Patron,
        mut chunk: Chunk,
        walk: Option<usize>,
    ) -> Vec<Value> {
        if counts.is_empty() {
            return Vec::new();
        }
        let plan = self.plan;
        let event = chunk.event;
        let by_day = |id: &CountId| matches!(plan.counts[*id].span.from, Limit::Day);
        let reach = walk.filter(|_| counts.iter().all(by_day)).map(|walk| self.slot(Slot::Reach(walk)));
        let (kept, state) = self.kept(counts);
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
        let truths: Vec<Value> = (counts.iter().enumerate())
            .map(|(index, id)| {
                let sum = tally.get(Kept::Sum(index)).expect("each count has a sum");
                match plan.counts[*id].n.min(i64::from(i32::MAX)) {
                    1 => self.builder.ins().icmp_imm_s(IntCC::NotEqual, sum, 0),
                    n => self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, sum, n),
                }
            })
            .collect();
        if self.turns.is_some() {
            self.summed_turns(event, counts, ends, patron, &truths, &tally);
        }
        truths
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
                if self.turns.is_some() {
                    self.follow(chunk, (index, *id), ends[half], (inside[half], masks[half], bits), tally);
                }
            }
        }
    }

    /// The first eight lanes of one or two masks (I8X16) in one.
    fn side_by_side(&mut self, masks: &[Value]) -> Value {
        let [left, right] = masks else { return masks[0] };
        let lanes: Vec<u8> = (0..8).chain(16..24).collect();
        let lanes = self.builder.func.dfg.immediates.push(lanes.as_slice().into());
        self.builder.ins().shuffle(*left, *right, lanes)
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
            let days_end = match end {
                Some(End::Days(end)) => Some(end),
                Some(End::Patron(limit)) => Some(self.patron_day(limit, patron.at)),
                _ => None,
            };
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
                (Some(End::Instants(end)), None) => {
                    let base = self.slot(Slot::At(chunk.event));
                    let base = self.scaled(base, chunk.at, 8);
                    let quads = [0, 32].map(|quad| {
                        let halves = [0, 16].map(|half| {
                            let cells = self.builder.ins().load(I64X2, loads(), base, quad + half);
                            let (more, less) = if is_from { (cells, end) } else { (end, cells) };
                            self.builder.ins().icmp(IntCC::SignedGreaterThan, more, less)
                        });
                        self.narrowed(halves)
                    });
                    self.builder.ins().snarrow(quads[0], quads[1])
                }
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
