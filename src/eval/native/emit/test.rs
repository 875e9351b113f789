//! Tests of the patrons' columns: sixteen cells side by side.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I32X4, I64, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};

use super::super::plan::{Test, TestId};
use super::job::Word;
use super::{Emitter, Slot, Width, loads};
use crate::rule::columns::BLOCK;

impl Emitter<'_, '_> {
    /// Makes the words of tests of one column.
    pub(super) fn tests(&mut self, tests: &[TestId]) {
        let (source, _) = self.plan.tests[tests[0]];
        let width = Width::of(source.shape(self.columns));
        let cells = self.slot(Slot::Cells(source));
        let base = self.scaled(cells, self.row, width.size());
        let mut masks: Vec<Vec<Value>> = vec![Vec::new(); tests.len()];
        for part in 0..4 {
            for (test, masks) in tests.iter().zip(&mut masks) {
                masks.extend(self.sixteen_cells(*test, width, base, part));
            }
        }
        for (test, masks) in tests.iter().zip(masks) {
            let word = match *masks.as_slice() {
                [a, b, c, d] => self.bits_of([a, b, c, d]),
                _ => self.one_by_one(*test, base, width),
            };
            self.put(Word::Test(*test), word);
        }
    }

    /// For which of sixteen cells a test holds; `None`: they have to be looked up one by one.
    fn sixteen_cells(&mut self, test: TestId, width: Width, base: Value, part: i32) -> Option<Value> {
        let kind = self.plan.tests[test].1;
        Some(match width {
            Width::Codes32 if kind == Test::IsKnown => {
                self.sixteen(|emitter, quad| emitter.four_codes(base, (part * 4 + quad) * 16))
            }
            Width::Sets(parts) => {
                let codes = self.builder.ins().load(I8X16, loads(), base, part * 16);
                self.in_sets(test, parts, codes)
            }
            Width::Days | Width::Numbers => {
                let size = width.size() as i32;
                let ends = self.test_ends(test, width);
                self.sixteen(|emitter, quad| emitter.four_between(width, base, (part * 4 + quad) * 4 * size, ends))
            }
            Width::Codes8 | Width::Codes16 | Width::Codes32 => return None,
        })
    }

    /// Which of sixteen codes are in a test's set.
    pub(super) fn in_sets(&mut self, test: TestId, parts: u8, codes: Value) -> Value {
        let mut all = None;
        for part in 0..parts {
            let set = self.lanes(Slot::Set(test, part), I8X16);
            // Codes of other parts wrap around and lie behind this one's.
            let found = match (part, parts) {
                (0, 1) => self.looked_up_bytes(set, codes),
                _ => {
                    let first = self.builder.ins().iconst(I8, i64::from(part) * 16);
                    let first = self.builder.ins().splat(I8X16, first);
                    let codes = self.builder.ins().isub(codes, first);
                    self.builder.ins().swizzle(set, codes)
                }
            };
            all = Some(match all {
                None => found,
                Some(all) => self.builder.ins().bor(all, found),
            });
        }
        all.expect("a set has a part")
    }

    /// Which of four codes at an address are not 0, as an I32X4 mask.
    pub(super) fn four_codes(&mut self, base: Value, offset: i32) -> Value {
        let codes = self.builder.ins().load(I32X4, loads(), base, offset);
        let zero = self.thirty_twos(0);
        self.builder.ins().icmp(IntCC::NotEqual, codes, zero)
    }

    /// The ends of a test's interval.
    pub(super) fn test_ends(&mut self, test: TestId, width: Width) -> (Value, Value) {
        let ty = if width == Width::Days { I32X4 } else { I64X2 };
        (self.lanes(Slot::Low(test), ty), self.lanes(Slot::High(test), ty))
    }

    /// Which of four cells at an address lie between the ends, as an I32X4 mask.
    pub(super) fn four_between(
        &mut self,
        width: Width,
        base: Value,
        offset: i32,
        (low, high): (Value, Value),
    ) -> Value {
        let mut between = |ty: Type, offset: i32| {
            let cells = self.builder.ins().load(ty, loads(), base, offset);
            let above = self.builder.ins().icmp(IntCC::SignedGreaterThan, cells, low);
            let below = self.builder.ins().icmp(IntCC::SignedGreaterThan, high, cells);
            self.builder.ins().band(above, below)
        };
        if width == Width::Days {
            return between(I32X4, offset);
        }
        let halves = [between(I64X2, offset), between(I64X2, offset + 16)];
        self.narrowed(halves)
    }

    /// One code after the other, where there are too many for a vector.
    fn one_by_one(&mut self, test: TestId, base: Value, width: Width) -> Value {
        let set = self.slot(Slot::Codes(test));
        let zero = self.constant(0);
        self.repeat(BLOCK as i64, &[zero], |emitter, at, state| {
            let truth = emitter.looked_up(set, base, at, width);
            let top = emitter.builder.ins().ishl_imm_u(truth, 63);
            let rest = emitter.builder.ins().ushr_imm_u(state[0], 1);
            vec![emitter.builder.ins().bor(rest, top)]
        })[0]
    }

    /// The byte that a set has for the code at an index.
    pub(super) fn looked_up(&mut self, set: Value, base: Value, at: Value, width: Width) -> Value {
        let address = self.scaled(base, at, width.size());
        let code = match width {
            Width::Codes16 => self.builder.ins().uload16(I64, loads(), address, 0),
            Width::Codes32 => self.builder.ins().uload32(loads(), address, 0),
            _ => self.builder.ins().uload8(I64, loads(), address, 0),
        };
        let entry = self.add(set, code);
        self.builder.ins().uload8(I64, loads(), entry, 0)
    }
}
