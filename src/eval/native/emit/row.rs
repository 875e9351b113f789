//! Conditions over events: eight events side by side, a mask of 8-bit lanes of which the first eight matter.

use cranelift_codegen::ir::types::{I8, I8X16, I16X8, I64, I64X2};
use cranelift_codegen::ir::{InstBuilder, Value};

use std::collections::HashMap;

use super::super::plan::{MaskId, RowBits, Source, Test, TestId};
use super::{Emitter, Slot, Width, loads};
use crate::catalogue::EventId;

/// Up to eight events of a patron.
pub(super) struct Chunk {
    pub event: EventId,
    /// The first one.
    pub at: Value,
    /// How many there are.
    pub held: Value,
    pub masks: HashMap<MaskId, Value>,
    pub days: Option<Value>,
    pub held_days: Option<Value>,
}

impl Emitter<'_, '_> {
    /// The events' dates (I16X8).
    pub(super) fn days(&mut self, chunk: &mut Chunk) -> Value {
        if let Some(days) = chunk.days {
            return days;
        }
        let base = self.slot(Slot::Day(chunk.event));
        let base = self.scaled(base, chunk.at, 2);
        let days = self.builder.ins().load(I16X8, loads(), base, 0);
        chunk.days = Some(days);
        days
    }

    /// The events' dates (I16X8), and the least one in lanes without an event.
    pub(super) fn held_days(&mut self, chunk: &mut Chunk) -> Value {
        if let Some(days) = chunk.held_days {
            return days;
        }
        let days = self.days(chunk);
        let table = self.slot(Slot::Held);
        let entry = self.scaled(table, chunk.held, 16);
        let most = self.builder.ins().load(I16X8, loads(), entry, 0);
        let days = self.builder.ins().smin(days, most);
        chunk.held_days = Some(days);
        days
    }

    /// For which events of the chunk a condition holds, for the patron at a place of the block.
    pub(super) fn mask(&mut self, chunk: &mut Chunk, id: MaskId, at: Value) -> Value {
        if let Some(&mask) = chunk.masks.get(&id) {
            return mask;
        }
        let plan = self.plan;
        let mask = match &plan.masks[id] {
            RowBits::Constant(truth) => {
                let lane = self.builder.ins().iconst(I8, -i64::from(*truth));
                self.builder.ins().splat(I8X16, lane)
            }
            RowBits::And(parts) | RowBits::Or(parts) => {
                let is_and = matches!(plan.masks[id], RowBits::And(_));
                let masks: Vec<Value> = parts.iter().map(|part| self.mask(chunk, *part, at)).collect();
                let (first, rest) = masks.split_first().expect("a conjunction has parts");
                rest.iter().fold(*first, |all, mask| match is_and {
                    true => self.builder.ins().band(all, *mask),
                    false => self.builder.ins().bor(all, *mask),
                })
            }
            RowBits::Not(inner) => {
                let inner = self.mask(chunk, *inner, at);
                self.builder.ins().bnot(inner)
            }
            RowBits::Patron(bits) => {
                let word = self.word(*bits);
                let bit = self.builder.ins().ushr(word, at);
                let bit = self.builder.ins().band_imm_s(bit, 1);
                let lane = self.builder.ins().ineg(bit);
                let lane = self.builder.ins().ireduce(I8, lane);
                self.builder.ins().splat(I8X16, lane)
            }
            RowBits::Test(test) => self.test_mask(chunk, *test),
        };
        chunk.masks.insert(id, mask);
        mask
    }

    fn test_mask(&mut self, chunk: &Chunk, test: TestId) -> Value {
        let (source, kind) = self.plan.tests[test];
        let width = Width::of(source.shape(self.columns));
        let cells = match source {
            Source::At(event) => self.slot(Slot::At(event)),
            _ => self.slot(Slot::Cells(source)),
        };
        let base = self.scaled(cells, chunk.at, width.size());
        match width {
            Width::Codes32 if kind == Test::IsKnown => {
                let quads = [0, 16].map(|offset| self.four_codes(base, offset));
                let eight = self.builder.ins().snarrow(quads[0], quads[1]);
                self.builder.ins().snarrow(eight, eight)
            }
            Width::Sets(parts) => {
                let codes = self.builder.ins().load(I64, loads(), base, 0);
                let codes = self.builder.ins().scalar_to_vector(I64X2, codes);
                let codes = self.cast(I8X16, codes);
                self.in_sets(test, parts, codes)
            }
            Width::Days | Width::Numbers => {
                let ends = self.test_ends(test, width);
                let size = width.size() as i32;
                let quads = [0, 4 * size].map(|offset| self.four_between(width, base, offset, ends));
                let eight = self.builder.ins().snarrow(quads[0], quads[1]);
                self.builder.ins().snarrow(eight, eight)
            }
            Width::Codes8 | Width::Codes16 | Width::Codes32 => {
                let set = self.slot(Slot::Codes(test));
                let mut bytes = None;
                for lane in 0..8 {
                    let at = self.constant(lane);
                    let byte = self.looked_up(set, base, at, width);
                    let byte = self.builder.ins().ishl_imm_u(byte, 8 * lane);
                    bytes = Some(match bytes {
                        None => byte,
                        Some(bytes) => self.builder.ins().bor(bytes, byte),
                    });
                }
                let bytes = bytes.expect("there are eight lanes");
                let bytes = self.builder.ins().scalar_to_vector(I64X2, bytes);
                self.cast(I8X16, bytes)
            }
        }
    }
}
