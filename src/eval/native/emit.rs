//! Cranelift code for a plan: one function that fills the result bitmaps for a range of blocks of 64 patrons.
//!
//! Everything that varies (columns, sets, bounds, results) is reached through one table of 64-bit slots, so that the
//! code is good for every instant and for all columns of one shape. Tests of patron columns give a word of 64 truths
//! by 128-bit vectors. The events of a kind are walked once for all counts over it, patron by patron, eight events at
//! a time; a patron's truths are gathered as bits of a byte and turned into words at the end of the block.
//!
//! Memory: loads read whole blocks of padded columns and events below an offset plus eight, which the columns' padding
//! covers; codes index tables that have an entry for every code that the cells can hold. There are no stores but into
//! the scratch bytes of the frame and the result words of the block. No arithmetic can trap.

use std::collections::HashMap;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I16, I16X8, I32, I32X4, I64, I64X2};
use cranelift_codegen::ir::{
    BlockArg, InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind, Type, Value,
};
use cranelift_frontend::FunctionBuilder;

use super::super::rules::Bound;
use super::bind::Shape;
use super::plan::{Bits, BitsId, CountId, Limit, MaskId, Plan, RowBits, Source, Test, TestId};
use crate::catalogue::{EventId, FieldId, ListId};
use crate::rule::columns::{BLOCK, Cells, Columns, EVENT_EPOCH, UNKNOWN_DAY};

/// Counts whose truths share a byte.
const BYTE: usize = 8;
/// Events that are looked at side by side.
const LANES: i64 = 8;

/// What a slot of the table holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Slot {
    /// The address of a test's cells.
    Cells(Source),
    /// The ends of an interval, excluded.
    Low(TestId),
    High(TestId),
    /// The address of a set of codes.
    Codes(TestId),
    /// The address of a list's words.
    List(ListId),
    /// The address of the words that the interpreter made.
    Asked(usize),
    /// The address of the words of the n-th result.
    Result(usize),
    Offsets(EventId),
    /// The addresses of a kind's dates and instants.
    Day(EventId),
    At(EventId),
    /// The ends of a count's window, excluded.
    From(CountId),
    To(CountId),
    Today,
    Now,
}

/// Whether sets of this source's codes fit into one vector.
fn is_small(shape: Shape<'_>) -> bool {
    match shape {
        Shape::States => true,
        Shape::Column(column) => matches!(column.cells, Cells::Codes8(_)) && column.dictionary.len() < 16,
        Shape::Days | Shape::Instants => false,
    }
}

/// What the code depends on of the columns that a source reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
    Small,
    Codes8,
    Codes16,
    Codes32,
    Days,
    Numbers,
}

impl Width {
    pub(super) fn of(shape: Shape<'_>) -> Width {
        match shape {
            shape if is_small(shape) => Width::Small,
            Shape::Column(column) => match column.cells {
                Cells::Codes8(_) => Width::Codes8,
                Cells::Codes16(_) => Width::Codes16,
                Cells::Codes32(_) => Width::Codes32,
                Cells::Days(_) => Width::Days,
                Cells::Numbers(_) => Width::Numbers,
            },
            Shape::Days => Width::Days,
            Shape::Instants => Width::Numbers,
            Shape::States => Width::Small,
        }
    }
}

/// Emits the body of a function of (table of slots, first block, block behind the last one); gives the slots.
pub(super) fn emit(plan: &Plan, columns: &Columns, builder: &mut FunctionBuilder<'_>) -> Vec<Slot> {
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let [table, first, end] = *builder.block_params(entry) else { unreachable!("the signature has three parameters") };
    let mut emitter = Emitter {
        plan,
        columns,
        builder,
        table,
        slots: Vec::new(),
        index: HashMap::new(),
        loaded: HashMap::new(),
        words: HashMap::new(),
        row: first,
    };
    emitter.blocks(first, end);
    let slots = emitter.slots;
    builder.ins().return_(&[]);
    builder.seal_all_blocks();
    slots
}

struct Emitter<'e, 'f> {
    plan: &'e Plan,
    columns: &'e Columns,
    builder: &'e mut FunctionBuilder<'f>,
    /// The address of the table of slots.
    table: Value,
    slots: Vec<Slot>,
    index: HashMap<Slot, i32>,
    /// Slots that were loaded where everything in this block of patrons comes after.
    loaded: HashMap<Slot, Value>,
    /// Words of this block of patrons.
    words: HashMap<BitsId, Value>,
    /// The first row of this block.
    row: Value,
}

/// Counts over one kind that are made in one walk.
struct Walk {
    event: EventId,
    counts: Vec<CountId>,
}

/// One patron in a walk.
struct Patron {
    /// Where their events begin, where those that are seen end, and where all end.
    low: Value,
    seen: Value,
    high: Value,
    /// Their place in the block.
    at: Value,
}

/// Eight events of a patron.
struct Chunk {
    event: EventId,
    /// The first one.
    at: Value,
    masks: HashMap<MaskId, Value>,
    days: Option<Value>,
}

fn loads() -> MemFlagsData {
    MemFlagsData::new().with_notrap().with_readonly()
}

impl Emitter<'_, '_> {
    // ---- slots -------------------------------------------------------------------------------------------------

    /// The slot's value, loaded here.
    fn slot(&mut self, slot: Slot) -> Value {
        if let Some(&value) = self.loaded.get(&slot) {
            return value;
        }
        let next = self.slots.len() as i32;
        let index = *self.index.entry(slot).or_insert(next);
        if index == next {
            self.slots.push(slot);
        }
        self.builder.ins().load(I64, loads(), self.table, index * 8)
    }

    /// Loads the slot so that all code of this block of patrons that is emitted later may use it.
    fn preload(&mut self, slot: Slot) {
        let value = self.slot(slot);
        self.loaded.insert(slot, value);
    }

    fn constant(&mut self, n: i64) -> Value {
        self.builder.ins().iconst(I64, n)
    }

    fn add(&mut self, left: Value, right: Value) -> Value {
        self.builder.ins().iadd(left, right)
    }

    fn scaled(&mut self, base: Value, index: Value, size: i64) -> Value {
        let offset = match size {
            1 => index,
            _ => self.builder.ins().imul_imm_s(index, size),
        };
        self.add(base, offset)
    }

    // ---- blocks of patrons -------------------------------------------------------------------------------------

    fn blocks(&mut self, first: Value, end: Value) {
        let (head, body, done) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        let block = self.builder.append_block_param(head, I64);
        self.builder.ins().jump(head, &[BlockArg::Value(first)]);
        self.builder.switch_to_block(head);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, block, end);
        self.builder.ins().brif(more, body, &[], done, &[]);
        self.builder.switch_to_block(body);
        self.row = self.builder.ins().ishl_imm_u(block, 6);
        for walk in self.walks() {
            self.walk(&walk);
        }
        for (index, bits) in self.plan.results.iter().enumerate() {
            let word = self.word(*bits);
            let result = self.slot(Slot::Result(index));
            let address = self.scaled(result, block, 8);
            self.builder.ins().store(MemFlagsData::new().with_notrap(), word, address, 0);
        }
        let next = self.builder.ins().iadd_imm_s(block, 1);
        self.builder.ins().jump(head, &[BlockArg::Value(next)]);
        self.builder.switch_to_block(done);
    }

    /// Each kind's counts, those first that others need.
    fn walks(&self) -> Vec<Walk> {
        let mut walks: Vec<(usize, Walk)> = Vec::new();
        for (id, count) in self.plan.counts.iter().enumerate() {
            match walks.iter_mut().find(|(level, walk)| *level == count.level && walk.event == count.event) {
                Some((_, walk)) => walk.counts.push(id),
                None => walks.push((count.level, Walk { event: count.event, counts: vec![id] })),
            }
        }
        walks.sort_by_key(|(level, _)| *level);
        walks.into_iter().map(|(_, walk)| walk).collect()
    }

    // ---- words -------------------------------------------------------------------------------------------------

    /// The word of a condition of 64 patrons.
    fn word(&mut self, id: BitsId) -> Value {
        if let Some(&word) = self.words.get(&id) {
            return word;
        }
        let plan = self.plan;
        let word = match &plan.bits[id] {
            Bits::Constant(truth) => self.constant(-i64::from(*truth)),
            Bits::And(parts) | Bits::Or(parts) => {
                let is_and = matches!(plan.bits[id], Bits::And(_));
                let words: Vec<Value> = parts.iter().map(|part| self.word(*part)).collect();
                match words.split_first() {
                    None => self.constant(-i64::from(is_and)),
                    Some((first, rest)) => rest.iter().fold(*first, |all, word| match is_and {
                        true => self.builder.ins().band(all, *word),
                        false => self.builder.ins().bor(all, *word),
                    }),
                }
            }
            Bits::Not(inner) => {
                let inner = self.word(*inner);
                self.builder.ins().bnot(inner)
            }
            Bits::Test(test) => self.test_word(*test),
            Bits::Member(list) => self.stored_word(Slot::List(*list)),
            Bits::Asked(index) => self.stored_word(Slot::Asked(*index)),
            Bits::Enough(_) => unreachable!("counts are made before what needs them"),
        };
        self.words.insert(id, word);
        word
    }

    fn stored_word(&mut self, slot: Slot) -> Value {
        let words = self.slot(slot);
        let block = self.builder.ins().ushr_imm_u(self.row, 6);
        let address = self.scaled(words, block, 8);
        self.builder.ins().load(I64, loads(), address, 0)
    }

    fn test_word(&mut self, test: TestId) -> Value {
        let (source, kind) = self.plan.tests[test];
        let width = Width::of(source.shape(self.columns));
        let cells = self.slot(Slot::Cells(source));
        match width {
            Width::Codes32 if kind == Test::IsKnown => {
                let base = self.scaled(cells, self.row, 4);
                let masks =
                    (0..4).map(|part| self.sixteen(|emitter, quad| emitter.four_codes(base, (part * 4 + quad) * 16)));
                let masks: Vec<Value> = masks.collect();
                self.bits_of(&masks)
            }
            Width::Small => {
                let codes = self.slot(Slot::Codes(test));
                let set = self.builder.ins().load(I8X16, loads(), codes, 0);
                let base = self.add(cells, self.row);
                let masks = (0..4).map(|part| {
                    let codes = self.builder.ins().load(I8X16, loads(), base, part * 16);
                    self.builder.ins().swizzle(set, codes)
                });
                let masks: Vec<Value> = masks.collect();
                self.bits_of(&masks)
            }
            Width::Days | Width::Numbers => {
                let (low, high) = (self.slot(Slot::Low(test)), self.slot(Slot::High(test)));
                let size = if width == Width::Days { 4 } else { 8 };
                let base = self.scaled(cells, self.row, size);
                let ends = self.ends(width, low, high);
                let masks = (0..4).map(|part| {
                    self.sixteen(|emitter, quad| {
                        emitter.four_between(width, base, (part * 4 + quad) * 4 * size as i32, ends)
                    })
                });
                let masks: Vec<Value> = masks.collect();
                self.bits_of(&masks)
            }
            Width::Codes8 | Width::Codes16 | Width::Codes32 => self.gathered_word(test, cells, width),
        }
    }

    /// Four I32X4 masks as one of I8X16.
    fn sixteen(&mut self, mut quad: impl FnMut(&mut Self, i32) -> Value) -> Value {
        let quads = [0, 1, 2, 3].map(|index| quad(self, index));
        let low = self.builder.ins().snarrow(quads[0], quads[1]);
        let high = self.builder.ins().snarrow(quads[2], quads[3]);
        self.builder.ins().snarrow(low, high)
    }

    /// Which of four codes at an address are not 0, as an I32X4 mask.
    fn four_codes(&mut self, base: Value, offset: i32) -> Value {
        let codes = self.builder.ins().load(I32X4, loads(), base, offset);
        let zero = self.builder.ins().iconst(I32, 0);
        let zero = self.builder.ins().splat(I32X4, zero);
        self.builder.ins().icmp(IntCC::NotEqual, codes, zero)
    }

    /// The ends of an interval, in each lane.
    fn ends(&mut self, width: Width, low: Value, high: Value) -> (Value, Value) {
        let splat = |emitter: &mut Self, end: Value| match width {
            Width::Days => {
                let end = emitter.builder.ins().ireduce(I32, end);
                emitter.builder.ins().splat(I32X4, end)
            }
            _ => emitter.builder.ins().splat(I64X2, end),
        };
        (splat(self, low), splat(self, high))
    }

    /// Which of four cells at an address lie between the ends, as an I32X4 mask.
    fn four_between(&mut self, width: Width, base: Value, offset: i32, (low, high): (Value, Value)) -> Value {
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

    /// Two I64X2 masks as one of I32X4.
    fn narrowed(&mut self, halves: [Value; 2]) -> Value {
        let [low, high] = halves.map(|half| self.cast(I32X4, half));
        let doubled = self.builder.ins().snarrow(low, high);
        self.cast(I32X4, doubled)
    }

    fn cast(&mut self, ty: Type, value: Value) -> Value {
        let flags = MemFlagsData::new().with_endianness(cranelift_codegen::ir::Endianness::Little);
        self.builder.ins().bitcast(ty, flags, value)
    }

    /// Four masks of 16 lanes as a word.
    fn bits_of(&mut self, masks: &[Value]) -> Value {
        let mut word = None;
        for (part, mask) in masks.iter().enumerate() {
            let bits = self.builder.ins().vhigh_bits(I64, *mask);
            let bits = match part {
                0 => bits,
                _ => self.builder.ins().ishl_imm_u(bits, 16 * part as i64),
            };
            word = Some(match word {
                None => bits,
                Some(word) => self.builder.ins().bor(word, bits),
            });
        }
        word.expect("there are four masks")
    }

    /// One code after the other, where there are too many for a vector.
    fn gathered_word(&mut self, test: TestId, cells: Value, width: Width) -> Value {
        let set = self.slot(Slot::Codes(test));
        let base = self.scaled(cells, self.row, size_of(width));
        let zero = self.constant(0);
        self.repeat(BLOCK as i64, &[zero], |emitter, at, state| {
            let truth = emitter.looked_up(set, base, at, width);
            let top = emitter.builder.ins().ishl_imm_u(truth, 63);
            let rest = emitter.builder.ins().ushr_imm_u(state[0], 1);
            vec![emitter.builder.ins().bor(rest, top)]
        })[0]
    }

    /// The byte that a set has for the code at an index.
    fn looked_up(&mut self, set: Value, base: Value, at: Value, width: Width) -> Value {
        let address = self.scaled(base, at, size_of(width));
        let code = match width {
            Width::Codes16 => self.builder.ins().uload16(I64, loads(), address, 0),
            Width::Codes32 => self.builder.ins().uload32(loads(), address, 0),
            _ => self.builder.ins().uload8(I64, loads(), address, 0),
        };
        let entry = self.add(set, code);
        self.builder.ins().uload8(I64, loads(), entry, 0)
    }

    /// A loop from 0 to `times` with some state.
    fn repeat(
        &mut self,
        times: i64,
        state: &[Value],
        body: impl FnOnce(&mut Self, Value, &[Value]) -> Vec<Value>,
    ) -> Vec<Value> {
        let (head, after) = (self.builder.create_block(), self.builder.create_block());
        let at = self.builder.append_block_param(head, I64);
        let types: Vec<Type> = state.iter().map(|value| self.builder.func.dfg.value_type(*value)).collect();
        let inner: Vec<Value> = types.iter().map(|ty| self.builder.append_block_param(head, *ty)).collect();
        let outer: Vec<Value> = types.iter().map(|ty| self.builder.append_block_param(after, *ty)).collect();
        let zero = self.constant(0);
        let arguments: Vec<BlockArg> = [zero].iter().chain(state).map(|value| BlockArg::Value(*value)).collect();
        self.builder.ins().jump(head, &arguments);
        self.builder.switch_to_block(head);
        let next_state = body(self, at, &inner);
        let next = self.builder.ins().iadd_imm_s(at, 1);
        let more = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, next, times);
        let state: Vec<BlockArg> = next_state.iter().map(|value| BlockArg::Value(*value)).collect();
        let again: Vec<BlockArg> = std::iter::once(BlockArg::Value(next)).chain(state.iter().copied()).collect();
        self.builder.ins().brif(more, head, &again, after, &state);
        self.builder.switch_to_block(after);
        outer
    }

    // ---- events ------------------------------------------------------------------------------------------------

    /// Makes the words of the counts over one kind.
    fn walk(&mut self, walk: &Walk) {
        let plan = self.plan;
        self.prepare(walk);
        let bytes = walk.counts.len().div_ceil(BYTE);
        let scratch = StackSlotData::new(StackSlotKind::ExplicitSlot, (bytes * BLOCK) as u32, 4);
        let scratch = self.builder.create_sized_stack_slot(scratch);
        let offsets = self.slot(Slot::Offsets(walk.event));
        let offsets = self.scaled(offsets, self.row, 4);
        let first = self.builder.ins().uload32(loads(), offsets, 0);
        self.repeat(BLOCK as i64, &[first], |emitter, at, state| {
            let low = state[0];
            let address = emitter.scaled(offsets, at, 4);
            let high = emitter.builder.ins().uload32(loads(), address, 4);
            let (some, none, next) =
                (emitter.builder.create_block(), emitter.builder.create_block(), emitter.builder.create_block());
            let is_empty = emitter.builder.ins().icmp(IntCC::Equal, low, high);
            emitter.builder.ins().brif(is_empty, none, &[], some, &[]);
            emitter.builder.switch_to_block(none);
            let zero = emitter.builder.ins().iconst(I8, 0);
            emitter.put(scratch, at, &vec![zero; bytes]);
            emitter.builder.ins().jump(next, &[]);
            emitter.builder.switch_to_block(some);
            let truths = emitter.patron(walk, low, high, at);
            let truths: Vec<Value> = truths.chunks(BYTE).map(|byte| emitter.packed(byte)).collect();
            emitter.put(scratch, at, &truths);
            emitter.builder.ins().jump(next, &[]);
            emitter.builder.switch_to_block(next);
            vec![high]
        });
        for (place, id) in walk.counts.iter().enumerate() {
            let word = self.unpacked(scratch, place);
            let bits = plan.bits.iter().position(|bits| *bits == Bits::Enough(*id)).expect("a count is a condition");
            self.words.insert(bits, word);
        }
    }

    /// Loads what the walk needs before its loop begins.
    fn prepare(&mut self, walk: &Walk) {
        let plan = self.plan;
        for slot in [Slot::Day(walk.event), Slot::At(walk.event), Slot::Today, Slot::Now] {
            self.preload(slot);
        }
        for id in &walk.counts {
            let count = &plan.counts[*id];
            self.preload(Slot::From(*id));
            self.preload(Slot::To(*id));
            for limit in [count.span.from, count.span.to] {
                if let Limit::PatronDay { field, .. } = limit {
                    self.preload(Slot::Cells(Source::Field(field)));
                }
            }
            self.prepare_mask(count.mask);
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
                    Width::Days | Width::Numbers => {
                        self.preload(Slot::Low(*test));
                        self.preload(Slot::High(*test));
                    }
                    _ => self.preload(Slot::Codes(*test)),
                }
            }
            RowBits::Patron(bits) => {
                self.word(*bits);
            }
        }
    }

    /// Stores a patron's bytes.
    fn put(&mut self, scratch: StackSlot, at: Value, bytes: &[Value]) {
        let base = self.builder.ins().stack_addr(I64, scratch, 0);
        let base = self.add(base, at);
        for (index, byte) in bytes.iter().enumerate() {
            let flags = MemFlagsData::new().with_notrap();
            self.builder.ins().store(flags, *byte, base, (index * BLOCK) as i32);
        }
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

    /// The word of the n-th truth of 64 patrons.
    fn unpacked(&mut self, scratch: StackSlot, place: usize) -> Value {
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
        self.bits_of(&masks)
    }

    /// The truths of a patron who has some event of the kind.
    fn patron(&mut self, walk: &Walk, low: Value, high: Value, at: Value) -> Vec<Value> {
        let plan = self.plan;
        let seen = self.seen(walk.event, low, high);
        let patron = Patron { low, seen, high, at };
        let quick: Vec<bool> = walk.counts.iter().map(|id| self.is_by_place(*id)).collect();
        let slow: Vec<CountId> =
            walk.counts.iter().zip(&quick).filter(|(_, quick)| !**quick).map(|(id, _)| *id).collect();
        let mut sums = if slow.is_empty() { Vec::new() } else { self.sums(walk.event, &slow, &patron) }.into_iter();
        let mut truths = Vec::new();
        for (id, quick) in walk.counts.iter().zip(quick) {
            truths.push(if quick {
                self.by_place(*id, &patron)
            } else {
                let sum = sums.next().expect("one sum a count");
                match plan.counts[*id].n {
                    1 => self.builder.ins().icmp_imm_s(IntCC::NotEqual, sum, 0),
                    n => {
                        self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, sum, n.min(i64::from(i32::MAX)))
                    }
                }
            });
        }
        truths
    }

    /// Where those events end that are not later than now.
    fn seen(&mut self, event: EventId, low: Value, high: Value) -> Value {
        let (head, look, close, done) = (
            self.builder.create_block(),
            self.builder.create_block(),
            self.builder.create_block(),
            self.builder.create_block(),
        );
        let end = self.builder.append_block_param(head, I64);
        let seen = self.builder.append_block_param(done, I64);
        self.builder.ins().jump(head, &[BlockArg::Value(high)]);
        self.builder.switch_to_block(head);
        let none = self.builder.ins().icmp(IntCC::Equal, end, low);
        self.builder.ins().brif(none, done, &[BlockArg::Value(end)], look, &[]);
        self.builder.switch_to_block(look);
        let events = self.columns.events(event).expect("a plan reads kinds that are there");
        if events.days_fit {
            let today = self.slot(Slot::Today);
            let day = self.day_before(event, end, 1);
            let is_past = self.builder.ins().icmp(IntCC::SignedLessThan, day, today);
            self.builder.ins().brif(is_past, done, &[BlockArg::Value(end)], close, &[]);
        } else {
            self.builder.ins().jump(close, &[]);
        }
        self.builder.switch_to_block(close);
        let (instants, now) = (self.slot(Slot::At(event)), self.slot(Slot::Now));
        let address = self.scaled(instants, end, 8);
        let at = self.builder.ins().load(I64, loads(), address, -8);
        let before = self.builder.ins().iadd_imm_s(end, -1);
        let is_past = self.builder.ins().icmp(IntCC::SignedLessThanOrEqual, at, now);
        self.builder.ins().brif(is_past, done, &[BlockArg::Value(end)], head, &[BlockArg::Value(before)]);
        self.builder.switch_to_block(done);
        seen
    }

    /// The date of the event `back` places before `end`.
    fn day_before(&mut self, event: EventId, end: Value, back: i64) -> Value {
        let days = self.slot(Slot::Day(event));
        let address = self.scaled(days, end, 2);
        self.builder.ins().sload16(I64, loads(), address, (-2 * back) as i32)
    }

    /// Events stand in the order of their instants: whether there are n since some time is a matter of the n-th last.
    fn is_by_place(&self, id: CountId) -> bool {
        let count = &self.plan.counts[id];
        let everything = self.plan.masks[count.mask] == RowBits::Constant(true);
        everything && !count.days && !count.span.ahead && count.span.to == Limit::Open && count.n < 1 << 20
    }

    fn by_place(&mut self, id: CountId, patron: &Patron) -> Value {
        let count = &self.plan.counts[id];
        let (n, from, event) = (count.n, count.span.from, count.event);
        let number = self.builder.ins().isub(patron.seen, patron.low);
        let enough = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, number, n);
        if from == Limit::Open {
            return enough;
        }
        // Where there are fewer, the first one is looked at, for nothing: the load stays inside.
        let place = self.builder.ins().iadd_imm_s(patron.seen, -n);
        let place = self.builder.ins().select(enough, place, patron.low);
        let limit = self.limit(id, true, patron.at);
        let when = if from == Limit::Instant {
            let address = self.slot(Slot::At(event));
            let address = self.scaled(address, place, 8);
            self.builder.ins().load(I64, loads(), address, 0)
        } else {
            let address = self.slot(Slot::Day(event));
            let address = self.scaled(address, place, 2);
            self.builder.ins().sload16(I64, loads(), address, 0)
        };
        let inside = self.builder.ins().icmp(IntCC::SignedGreaterThan, when, limit);
        self.builder.ins().band(enough, inside)
    }

    /// An end of a count's window, excluded.
    fn limit(&mut self, id: CountId, is_from: bool, at: Value) -> Value {
        let span = self.plan.counts[id].span;
        let limit = if is_from { span.from } else { span.to };
        let Limit::PatronDay { field, past } = limit else {
            return self.slot(if is_from { Slot::From(id) } else { Slot::To(id) });
        };
        self.patron_day(field, i64::from(past) - i64::from(is_from), is_from == (span.bound == Bound::Certain), at)
    }

    /// A patron's date in days since the epoch of events, and some days later; an unknown one is the greatest or the
    /// least of 16 bits.
    fn patron_day(&mut self, field: FieldId, later: i64, unknown_is_greatest: bool, at: Value) -> Value {
        let cells = self.slot(Slot::Cells(Source::Field(field)));
        let row = self.add(self.row, at);
        let address = self.scaled(cells, row, 4);
        let day = self.builder.ins().sload32(loads(), address, 0);
        let moved = self.builder.ins().iadd_imm_s(day, later - i64::from(EVENT_EPOCH));
        let (least, greatest) = (self.constant(i64::from(i16::MIN)), self.constant(i64::from(i16::MAX)));
        let clamped = self.builder.ins().smax(moved, least);
        let clamped = self.builder.ins().smin(clamped, greatest);
        if !unknown_is_greatest {
            return clamped;
        }
        let unknown = self.builder.ins().icmp_imm_s(IntCC::Equal, day, i64::from(UNKNOWN_DAY));
        self.builder.ins().select(unknown, greatest, clamped)
    }

    /// How many events count for each of the counts (I32); where one is enough, not 0 if there is one.
    fn sums(&mut self, event: EventId, counts: &[CountId], patron: &Patron) -> Vec<Value> {
        let plan = self.plan;
        let ends: Vec<(Option<Value>, Option<Value>)> = counts
            .iter()
            .map(|id| {
                let span = plan.counts[*id].span;
                let from = (span.from != Limit::Open).then(|| self.limit(*id, true, patron.at));
                let to = (span.to != Limit::Open).then(|| self.limit(*id, false, patron.at));
                (from, to)
            })
            .collect();
        let ahead = counts.iter().any(|id| plan.counts[*id].span.ahead);
        let end = if ahead { patron.high } else { patron.seen };
        let zero = self.builder.ins().iconst(I32, 0);
        // A sum for each, and for distinct dates the last date.
        let mut state = vec![zero; counts.len()];
        let none = self.constant(i64::from(i16::MIN));
        state.extend(counts.iter().filter(|id| plan.counts[**id].days).map(|_| none));
        let (head, body, after) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        let at = self.builder.append_block_param(head, I64);
        let types: Vec<Type> = state.iter().map(|value| self.builder.func.dfg.value_type(*value)).collect();
        let inner: Vec<Value> = types.iter().map(|ty| self.builder.append_block_param(head, *ty)).collect();
        let entry: Vec<BlockArg> =
            std::iter::once(patron.low).chain(state.iter().copied()).map(BlockArg::Value).collect();
        self.builder.ins().jump(head, &entry);
        self.builder.switch_to_block(head);
        let more = self.builder.ins().icmp(IntCC::SignedLessThan, at, end);
        self.builder.ins().brif(more, body, &[], after, &[]);
        self.builder.switch_to_block(body);
        let seen = self.lanes(at, patron.seen);
        let all = if ahead { self.lanes(at, patron.high) } else { seen };
        let mut chunk = Chunk { event, at, masks: HashMap::new(), days: None };
        let mut next = inner.clone();
        let mut day_state = counts.len();
        for (index, id) in counts.iter().enumerate() {
            let count = &plan.counts[*id];
            let mask = self.counted(&mut chunk, *id, ends[index], patron);
            let bits = self.builder.ins().vhigh_bits(I32, mask);
            let bits = self.builder.ins().band(bits, if count.span.ahead { all } else { seen });
            next[index] = if count.days {
                let (sum, last) = self.distinct(&chunk, bits, next[index], next[day_state]);
                next[day_state] = last;
                day_state += 1;
                sum
            } else if count.n == 1 {
                self.builder.ins().bor(next[index], bits)
            } else {
                let number = self.builder.ins().popcnt(bits);
                self.builder.ins().iadd(next[index], number)
            };
        }
        let further = self.builder.ins().iadd_imm_s(at, LANES);
        let again: Vec<BlockArg> = std::iter::once(further).chain(next.iter().copied()).map(BlockArg::Value).collect();
        self.builder.ins().jump(head, &again);
        self.builder.switch_to_block(after);
        inner[..counts.len()].to_vec()
    }

    /// The lanes of a chunk that come before `end`, as bits.
    fn lanes(&mut self, at: Value, end: Value) -> Value {
        let left = self.builder.ins().isub(end, at);
        let (none, full) = (self.constant(0), self.constant(LANES));
        let left = self.builder.ins().smin(left, full);
        let left = self.builder.ins().smax(left, none);
        let one = self.builder.ins().iconst(I32, 1);
        let bits = self.builder.ins().ishl(one, left);
        self.builder.ins().iadd_imm_s(bits, -1)
    }

    /// Which events of a chunk count, as an I8X16 mask of which the first eight lanes matter.
    fn counted(
        &mut self,
        chunk: &mut Chunk,
        id: CountId,
        (from, to): (Option<Value>, Option<Value>),
        patron: &Patron,
    ) -> Value {
        let count = &self.plan.counts[id];
        let mut mask = self.mask(chunk, count.mask, patron);
        for (end, limit, is_from) in [(from, count.span.from, true), (to, count.span.to, false)] {
            let Some(end) = end else { continue };
            let inside = if limit == Limit::Instant {
                let base = self.slot(Slot::At(chunk.event));
                let base = self.scaled(base, chunk.at, 8);
                let edge = self.builder.ins().splat(I64X2, end);
                let mut quads = Vec::new();
                for quad in 0..2 {
                    let halves = [0, 16].map(|half| {
                        let cells = self.builder.ins().load(I64X2, loads(), base, quad * 32 + half);
                        let (more, less) = if is_from { (cells, edge) } else { (edge, cells) };
                        self.builder.ins().icmp(IntCC::SignedGreaterThan, more, less)
                    });
                    quads.push(self.narrowed(halves));
                }
                let eight = self.builder.ins().snarrow(quads[0], quads[1]);
                self.builder.ins().snarrow(eight, eight)
            } else {
                let days = self.days(chunk);
                let edge = self.builder.ins().ireduce(I16, end);
                let edge = self.builder.ins().splat(I16X8, edge);
                let (more, less) = if is_from { (days, edge) } else { (edge, days) };
                let eight = self.builder.ins().icmp(IntCC::SignedGreaterThan, more, less);
                self.builder.ins().snarrow(eight, eight)
            };
            mask = self.builder.ins().band(mask, inside);
        }
        mask
    }

    fn days(&mut self, chunk: &mut Chunk) -> Value {
        if let Some(days) = chunk.days {
            return days;
        }
        let base = self.slot(Slot::Day(chunk.event));
        let base = self.scaled(base, chunk.at, 2);
        let days = self.builder.ins().load(I16X8, loads(), base, 0);
        chunk.days = Some(days);
        days
    }

    /// Adds the dates of the events in `bits` that are not the one before.
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
        let place = self.builder.ins().ctz(left);
        let place = self.builder.ins().uextend(I64, place);
        let base = self.slot(Slot::Day(chunk.event));
        let at = self.add(chunk.at, place);
        let address = self.scaled(base, at, 2);
        let day = self.builder.ins().sload16(I64, loads(), address, 0);
        let is_new = self.builder.ins().icmp(IntCC::NotEqual, day, previous);
        let is_new = self.builder.ins().uextend(I32, is_new);
        let more = self.builder.ins().iadd(total, is_new);
        let lower = self.builder.ins().iadd_imm_s(left, -1);
        let rest = self.builder.ins().band(left, lower);
        self.builder.ins().jump(head, &[BlockArg::Value(rest), BlockArg::Value(more), BlockArg::Value(day)]);
        self.builder.switch_to_block(after);
        (total, previous)
    }

    // ---- masks -------------------------------------------------------------------------------------------------

    fn mask(&mut self, chunk: &mut Chunk, id: MaskId, patron: &Patron) -> Value {
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
                let masks: Vec<Value> = parts.iter().map(|part| self.mask(chunk, *part, patron)).collect();
                let (first, rest) = masks.split_first().expect("a conjunction has parts");
                rest.iter().fold(*first, |all, mask| match is_and {
                    true => self.builder.ins().band(all, *mask),
                    false => self.builder.ins().bor(all, *mask),
                })
            }
            RowBits::Not(inner) => {
                let inner = self.mask(chunk, *inner, patron);
                self.builder.ins().bnot(inner)
            }
            RowBits::Patron(bits) => {
                let word = self.word(*bits);
                let bit = self.builder.ins().ushr(word, patron.at);
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
        let base = self.scaled(cells, chunk.at, size_of(width));
        match width {
            Width::Codes32 if kind == Test::IsKnown => {
                let quads = [0, 16].map(|offset| self.four_codes(base, offset));
                let eight = self.builder.ins().snarrow(quads[0], quads[1]);
                self.builder.ins().snarrow(eight, eight)
            }
            Width::Small => {
                let set = self.slot(Slot::Codes(test));
                let set = self.builder.ins().load(I8X16, loads(), set, 0);
                let codes = self.builder.ins().load(I64, loads(), base, 0);
                let codes = self.builder.ins().scalar_to_vector(I64X2, codes);
                let codes = self.cast(I8X16, codes);
                self.builder.ins().swizzle(set, codes)
            }
            Width::Days | Width::Numbers => {
                let (low, high) = (self.slot(Slot::Low(test)), self.slot(Slot::High(test)));
                let ends = self.ends(width, low, high);
                let size = size_of(width) as i32;
                let quads = [0, 4 * size].map(|offset| self.four_between(width, base, offset, ends));
                let eight = self.builder.ins().snarrow(quads[0], quads[1]);
                self.builder.ins().snarrow(eight, eight)
            }
            Width::Codes8 | Width::Codes16 | Width::Codes32 => {
                let set = self.slot(Slot::Codes(test));
                let mut bytes = None;
                for lane in 0..LANES {
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

/// Bytes a cell.
fn size_of(width: Width) -> i64 {
    match width {
        Width::Small | Width::Codes8 => 1,
        Width::Codes16 => 2,
        Width::Codes32 | Width::Days => 4,
        Width::Numbers => 8,
    }
}
