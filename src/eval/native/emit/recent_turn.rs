//! Validity of counts by place: what is true turns when the event that it rests on leaves the window.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I16, I16X8};
use cranelift_codegen::ir::{InstBuilder, Value};

use super::super::plan::{CountId, Turn};
use super::recent::Since;
use super::turn::{LONG_AFTER, NO_DAY};
use super::{Emitter, Slot, own};

impl Emitter<'_, '_> {
    /// Whether the beginning of a count's window moves by days.
    pub(super) fn is_moving(&self, id: CountId) -> bool {
        matches!(self.plan.span_turns[id][0], Turn::Days { .. })
    }

    /// Lowers the days of the eight patrons from one of this block on, as far as the word says that they are concerned.
    pub(super) fn placed_turns(&mut self, counts: &[CountId], since: &[Since], concerned: Value, first: i32) {
        let never = self.sixteens(i64::from(NO_DAY));
        let mut least = never;
        for (id, Since { days, from, truths }) in counts.iter().zip(since) {
            let Turn::Days { slack } = self.plan.span_turns[*id][0] else { continue };
            let left = self.builder.ins().ssub_sat(*days, *from);
            let [slack, one, long_after] = [slack, 1, LONG_AFTER].map(|n| self.sixteens(n));
            let left = self.builder.ins().ssub_sat(left, slack);
            let left = self.builder.ins().smax(left, one);
            let left = self.builder.ins().smin(left, long_after);
            let left = self.builder.ins().bitselect(*truths, left, never);
            least = self.builder.ins().smin(least, left);
        }
        let concerned = self.lanes_of(concerned, first);
        let least = self.builder.ins().bitselect(concerned, least, never);
        let days = self.slot(Slot::Days);
        let address = self.scaled(days, self.row, 2);
        let known = self.builder.ins().load(I16X8, own(), address, 2 * first);
        let least = self.builder.ins().smin(known, least);
        self.builder.ins().store(own(), least, address, 2 * first);
    }

    /// Eight bits of a word as a mask.
    fn lanes_of(&mut self, word: Value, first: i32) -> Value {
        let bits = self.builder.ins().ushr_imm_u(word, i64::from(first));
        let bits = self.builder.ins().ireduce(I16, bits);
        let bits = self.builder.ins().splat(I16X8, bits);
        let each: Vec<u8> = (0..8).flat_map(|lane| (1_i16 << lane).to_le_bytes()).collect();
        let each = self.builder.func.dfg.constants.insert(each.as_slice().into());
        let each = self.builder.ins().vconst(I16X8, each);
        let bits = self.builder.ins().band(bits, each);
        self.builder.ins().icmp(IntCC::Equal, bits, each)
    }
}
