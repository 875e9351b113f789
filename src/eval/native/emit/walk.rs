//! Walks: the events of a kind, patron by patron, for those counts and patrons for whom the columns of the newest events
//! do not say enough. A patron's truths are bits of a byte, which become words at the end of the block.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I16X8, I64};
use cranelift_codegen::ir::{BlockArg, InstBuilder, StackSlot, StackSlotData, StackSlotKind, Value};

use super::super::plan::{CountId, CountKind, MaskId, RowBits};
use super::job::Word;
use super::limit::End;
use super::{Emitter, Slot, loads, own};
use crate::catalogue::EventId;
use crate::rule::columns::BLOCK;

/// Counts whose truths share a byte.
const BYTE: usize = 8;

/// One patron in a walk.
#[derive(Clone, Copy)]
pub(super) struct Patron {
    /// Where their events begin.
    pub low: Value,
    /// Where they end.
    pub high: Value,
    /// Their place in the block.
    pub at: Value,
}

impl Emitter<'_, '_> {
    /// Makes the words of a part of a walk, of those all of whose events have happened.
    pub(super) fn part(&mut self, number: usize) {
        let part = &self.work.parts[number];
        let event = self.plan.walks[part.walk].event;
        let concerned = self.get(Word::Part(number));
        let (some, none, done) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        self.builder.ins().brif(concerned, some, &[], none, &[]);
        self.builder.switch_to_block(none);
        let zero = self.constant(0);
        part.counts.iter().for_each(|id| self.put(Word::Count(*id), zero));
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(some);
        let ends = self.prepare(&part.counts);
        let scratch = self.scratch(part.counts.len().div_ceil(BYTE));
        self.each_patron(event, concerned, &part.counts, |emitter, patron| {
            let chunk = emitter.chunk(event, patron.low, patron.high);
            let truths = emitter.sums(&part.counts, &ends, patron, chunk, true);
            for (place, truths) in truths.chunks(BYTE).enumerate() {
                emitter.put_byte(scratch, place, patron.at, truths);
            }
        });
        for (place, id) in part.counts.iter().enumerate() {
            let word = self.count_word(scratch, place);
            self.put(Word::Count(*id), word);
        }
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
    }

    /// Adds to the words of counts those who have events of today or of the future, or everybody if there are no columns
    /// of the newest events.
    pub(super) fn late(&mut self, index: usize, counts: &[CountId]) {
        let plan = self.plan;
        let walk = &plan.walks[index];
        let event = walk.event;
        let zero = self.constant(0);
        for id in counts.iter().filter(|id| !walk.is_recent || plan.counts[**id].span.ahead) {
            self.put(Word::Count(*id), zero);
        }
        let concerned = self.get(Word::Late(index));
        let ends = self.prepare(counts);
        // Counts by place need no more than the newest events that have happened; those ahead see all.
        let kinds = counts.chunk_by(|left, right| walk.kind(*left) == walk.kind(*right));
        self.each_patron(event, concerned, counts, |emitter, patron| {
            let seen = emitter.last_seen(event, patron);
            if plan.validity {
                emitter.next_event(event, patron, seen);
            }
            let mut first = 0;
            for counts in kinds {
                let kind = walk.kind(counts[0]);
                let end = if kind == CountKind::Ahead { patron.high } else { seen };
                let chunk = emitter.chunk(event, patron.low, end);
                let ends = &ends[first..first + counts.len()];
                let truths = emitter.sums(counts, ends, patron, chunk, kind != CountKind::Placed);
                for (id, truth) in counts.iter().zip(truths) {
                    let bit = emitter.builder.ins().uextend(I64, truth);
                    let bit = emitter.builder.ins().ishl(bit, patron.at);
                    let known = emitter.get(Word::Count(*id));
                    let word = emitter.builder.ins().bor(known, bit);
                    emitter.put(Word::Count(*id), word);
                }
                first += counts.len();
            }
        });
    }

    /// A loop over the patrons in a word.
    fn each_patron(
        &mut self,
        event: EventId,
        concerned: Value,
        counts: &[CountId],
        body: impl FnOnce(&mut Self, Patron),
    ) {
        let offsets = self.slot(Slot::Offsets(event));
        let offsets = self.scaled(offsets, self.row, 4);
        self.each(concerned, |emitter, at| {
            let address = emitter.scaled(offsets, at, 4);
            let [low, high] = [0, 4].map(|end| emitter.builder.ins().uload32(loads(), address, end));
            let patron = Patron { low, high, at };
            body(emitter, patron);
            if emitter.plan.validity {
                emitter.row_turns(event, counts, patron);
                emitter.store_turns(at);
            }
        });
    }

    /// The windows of counts; also loads the patrons' words that their conditions need, before the loop begins.
    fn prepare(&mut self, counts: &[CountId]) -> Vec<[Option<End>; 2]> {
        counts.iter().for_each(|id| self.prepare_mask(self.plan.counts[*id].mask));
        counts.iter().map(|id| self.span_ends(*id)).collect()
    }

    fn prepare_mask(&mut self, mask: MaskId) {
        let plan = self.plan;
        match &plan.masks[mask] {
            RowBits::Constant(_) | RowBits::Test(_) => {}
            RowBits::And(parts) | RowBits::Or(parts) => parts.iter().for_each(|part| self.prepare_mask(*part)),
            RowBits::Not(inner) => self.prepare_mask(*inner),
            RowBits::Patron(bits) => drop(self.word(*bits)),
        }
    }

    // ---- truths of 64 patrons ----------------------------------------------------------------------------------

    /// Bytes for each patron, all 0.
    fn scratch(&mut self, bytes_each: usize) -> StackSlot {
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, (bytes_each * BLOCK) as u32, 4);
        let scratch = self.builder.create_sized_stack_slot(data);
        let zero = self.builder.ins().iconst(I8, 0);
        let zero = self.builder.ins().splat(I8X16, zero);
        for part in 0..(bytes_each * BLOCK / 16) as i32 {
            self.builder.ins().stack_store(I64, zero, scratch, part * 16);
        }
        scratch
    }

    /// Stores up to eight truths (I8, 0 or 1) of a patron as the bits of a byte.
    fn put_byte(&mut self, scratch: StackSlot, place: usize, at: Value, truths: &[Value]) {
        let mut byte = truths[0];
        for (place, truth) in truths.iter().enumerate().skip(1) {
            let bit = self.builder.ins().ishl_imm_u(*truth, place as i64);
            byte = self.builder.ins().bor(byte, bit);
        }
        let base = self.builder.ins().stack_addr(I64, scratch, 0);
        let base = self.add(base, at);
        self.builder.ins().store(own(), byte, base, (place * BLOCK) as i32);
    }

    /// The word of the n-th truth of 64 patrons.
    fn count_word(&mut self, scratch: StackSlot, place: usize) -> Value {
        let base = (place / BYTE * BLOCK) as i32;
        let masks = [0, 1, 2, 3].map(|part| {
            let bytes = self.builder.ins().stack_load(I64, I8X16, scratch, base + part * 16);
            let wide = self.cast(I16X8, bytes);
            // The bit comes to stand at the top of its byte; what crosses over to the next one stays below.
            let shifted = self.builder.ins().ishl_imm_u(wide, (BYTE - 1 - place % BYTE) as i64);
            self.cast(I8X16, shifted)
        });
        self.bits_of(masks)
    }

    // ---- a patron ----------------------------------------------------------------------------------------------

    /// Where the events end whose instants have come, one by one. Those of today alone are asked for their instants.
    fn last_seen(&mut self, event: EventId, patron: Patron) -> Value {
        let [head, look, near, ask, found] = [(); 5].map(|()| self.builder.create_block());
        let end = self.builder.append_block_param(head, I64);
        self.builder.ins().jump(head, &[BlockArg::Value(patron.high)]);
        self.builder.switch_to_block(head);
        let none = self.builder.ins().icmp(IntCC::Equal, end, patron.low);
        self.builder.ins().brif(none, found, &[], look, &[]);
        self.builder.switch_to_block(look);
        let before = self.builder.ins().iadd_imm_s(end, -1);
        if self.columns.events(event).expect("a plan reads kinds that are there").days_fit {
            let (days, today) = (self.slot(Slot::Day(event)), self.slot(Slot::Today));
            let address = self.scaled(days, before, 2);
            let day = self.builder.ins().sload16(I64, loads(), address, 0);
            let is_past = self.builder.ins().icmp(IntCC::SignedLessThan, day, today);
            self.builder.ins().brif(is_past, found, &[], near, &[]);
            self.builder.switch_to_block(near);
            let is_ahead = self.builder.ins().icmp(IntCC::SignedGreaterThan, day, today);
            self.builder.ins().brif(is_ahead, head, &[BlockArg::Value(before)], ask, &[]);
        } else {
            self.builder.ins().jump(near, &[]);
            self.builder.switch_to_block(near);
            self.builder.ins().jump(ask, &[]);
        }
        self.builder.switch_to_block(ask);
        let (instants, now) = (self.slot(Slot::At(event)), self.slot(Slot::Now));
        let address = self.scaled(instants, before, 8);
        let at = self.builder.ins().load(I64, loads(), address, 0);
        let is_past = self.builder.ins().icmp(IntCC::SignedLessThanOrEqual, at, now);
        self.builder.ins().brif(is_past, found, &[], head, &[BlockArg::Value(before)]);
        self.builder.switch_to_block(found);
        end
    }
}
