//! Cranelift code for a plan: functions that work on a batch of blocks of 64 patrons, one after the other ([`Work`]).
//!
//! Everything that varies (columns, sets, bounds, results) is reached through a table of 64-bit slots for each function,
//! so that the code is good for every instant and for all columns of one shape. Tests of patron columns give words of 64
//! truths by 128-bit vectors, and so do counts of events that follow from the dates of the newest ones. For other counts
//! the events of those patrons are walked for whom the dates do not rule them out. Where validity is wanted the same
//! functions find when each truth may turn.
//!
//! Memory: loads read whole blocks of padded columns, and events from where a patron's begin to eight behind where they
//! end, which the columns' padding covers; codes index tables that have an entry for every code that the cells can hold.
//! There are no stores but into the scratch bytes of the frame, the rows of the scratch memory ([`Work::rows`], each of
//! [`BATCH`] words, of which a function writes that of its block), the result words of the block and, for validity, the
//! entries of its 64 patrons. No arithmetic can trap.

mod follow;
mod job;
mod limit;
mod recent;
mod recent_turn;
mod row;
mod sum;
mod test;
mod turn;
mod walk;
mod word;

use std::collections::HashMap;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8X16, I16, I16X8, I32, I32X4, I64};
use cranelift_codegen::ir::{BlockArg, InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FunctionBuilder;

use super::super::rules::WindowId;
use super::bind::Shape;
use super::plan::{BitsId, CountId, Plan, Source, TestId};
use crate::catalogue::{EventId, ListId};
use crate::rule::columns::{Cells, Columns};

pub(super) use job::{BATCH, Job, Work};
pub(in crate::eval) use turn::NO_DAY;

/// What a slot of the table holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Slot {
    /// The address of a test's cells.
    Cells(Source),
    /// The ends of an interval, excluded, in each lane.
    Low(TestId),
    High(TestId),
    /// Sixteen codes of a set, a byte each.
    Set(TestId, u8),
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
    /// The address of the dates of a kind's newest events.
    Recent(EventId),
    /// The ends of a count's window, excluded, in each lane.
    From(CountId),
    To(CountId),
    /// The address of vectors for 0 to 8 events at hand: the greatest date in their lanes, the least in the others.
    Held,
    /// The date, as events have theirs.
    Today,
    Now,
    /// What the ends of a test's interval count from, in each lane: as its ends, or far away where an end is open.
    Fall(TestId),
    Rise(TestId),
    /// Days until a window that moves by periods does.
    Boundary(WindowId),
    /// The addresses of what the validity rests on, one entry a patron: days (I16) and the instant (I64).
    Days,
    Until,
}

impl Slot {
    /// Entries of the table that it takes: vectors take two.
    pub(super) fn words(self) -> usize {
        match self {
            Slot::Low(_) | Slot::High(_) | Slot::Set(..) | Slot::From(_) | Slot::To(_) => 2,
            Slot::Fall(_) | Slot::Rise(_) => 2,
            _ => 1,
        }
    }
}

/// What the code depends on of the columns that a source reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Width {
    /// Codes of one byte whose sets fit into this many vectors.
    Sets(u8),
    Codes8,
    Codes16,
    Codes32,
    Days,
    Numbers,
}

impl Width {
    pub(super) fn of(shape: Shape<'_>) -> Width {
        match shape {
            Shape::Column(column) => match column.cells {
                Cells::Codes8(_) if column.dictionary.len() < 128 => {
                    Width::Sets((column.dictionary.len() / 16 + 1) as u8)
                }
                Cells::Codes8(_) => Width::Codes8,
                Cells::Codes16(_) => Width::Codes16,
                Cells::Codes32(_) => Width::Codes32,
                Cells::Days(_) => Width::Days,
                Cells::Numbers(_) => Width::Numbers,
            },
            Shape::Days => Width::Days,
            Shape::Instants => Width::Numbers,
            Shape::States => Width::Sets(1),
        }
    }

    /// Bytes a cell.
    fn size(self) -> i64 {
        match self {
            Width::Sets(_) | Width::Codes8 => 1,
            Width::Codes16 => 2,
            Width::Codes32 | Width::Days => 4,
            Width::Numbers => 8,
        }
    }
}

/// Parameters of each function: the addresses of the table of slots and of the scratch memory, the first block, and the
/// block behind the last one, at most [`BATCH`] later.
pub(super) const PARAMETERS: usize = 4;

/// Emits the body of a function; gives its slots.
pub(super) fn emit(
    plan: &Plan,
    columns: &Columns,
    work: &Work,
    job: &Job,
    builder: &mut FunctionBuilder<'_>,
) -> Vec<Slot> {
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let [table, scratch, first, end] = *builder.block_params(entry) else {
        unreachable!("the signature has four parameters")
    };
    let mut emitter = Emitter {
        plan,
        columns,
        work,
        builder,
        table,
        slots: Vec::new(),
        index: HashMap::new(),
        words: HashMap::new(),
        scratch,
        row: first,
        turns: None,
    };
    emitter.blocks(first, end, |emitter| match job {
        Job::Tests(tests) => emitter.tests(tests),
        Job::Turns(tests) => emitter.test_turns(tests),
        Job::Algebra(bits) => emitter.algebra(bits),
        Job::FindLate(walk) => emitter.find_late(*walk),
        Job::Placed(walk, counts) => emitter.placed(*walk, counts),
        Job::Choose(part) => emitter.choose(*part),
        Job::Part(part) => emitter.part(*part),
        Job::Late(walk, counts) => emitter.late(*walk, counts),
        Job::Results(results) => emitter.results(results.clone()),
    });
    let slots = emitter.slots;
    builder.ins().return_(&[]);
    builder.seal_all_blocks();
    slots
}

struct Emitter<'e, 'f> {
    plan: &'e Plan,
    columns: &'e Columns,
    work: &'e Work,
    builder: &'e mut FunctionBuilder<'f>,
    /// The address of the table of slots.
    table: Value,
    slots: Vec<Slot>,
    index: HashMap<Slot, i32>,
    /// Words of this block of patrons.
    words: HashMap<BitsId, Value>,
    /// The address of this block's word in the first row of the scratch memory.
    scratch: Value,
    /// The first row of this block of patrons.
    row: Value,
    /// Days after which something changes for the patron at hand, in eight lanes (I16X8); `None`: not followed.
    turns: Option<Value>,
}

/// Of columns, which nobody writes.
fn loads() -> MemFlagsData {
    MemFlagsData::new().with_notrap().with_readonly()
}

/// Of what the functions write themselves.
fn own() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

impl Emitter<'_, '_> {
    /// A loop over the blocks of patrons.
    fn blocks(&mut self, first: Value, end: Value, body: impl FnOnce(&mut Self)) {
        let (head, inside, done) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        let [block, scratch] = [I64; 2].map(|ty| self.builder.append_block_param(head, ty));
        self.builder.ins().jump(head, &[first, self.scratch].map(BlockArg::Value));
        self.builder.switch_to_block(head);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, block, end);
        self.builder.ins().brif(more, inside, &[], done, &[]);
        self.builder.switch_to_block(inside);
        self.row = self.builder.ins().ishl_imm_u(block, 6);
        self.scratch = scratch;
        body(self);
        let next = self.builder.ins().iadd_imm_s(block, 1);
        let next_scratch = self.builder.ins().iadd_imm_s(scratch, 8);
        self.builder.ins().jump(head, &[next, next_scratch].map(BlockArg::Value));
        self.builder.switch_to_block(done);
    }

    // ---- slots -------------------------------------------------------------------------------------------------

    /// The slot's value.
    fn slot(&mut self, slot: Slot) -> Value {
        self.lanes(slot, I64)
    }

    /// The slot's vector. The table is there from the first instruction on, so that this may move out of loops.
    fn lanes(&mut self, slot: Slot, ty: Type) -> Value {
        let slots = &mut self.slots;
        let place = *self.index.entry(slot).or_insert_with(|| {
            let place = slots.iter().map(|slot| slot.words() as i32 * 8).sum();
            slots.push(slot);
            place
        });
        self.builder.ins().load(ty, loads().with_can_move(), self.table, place)
    }

    // ---- numbers -----------------------------------------------------------------------------------------------

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

    /// Eight lanes of 16 bits.
    fn sixteens(&mut self, n: i64) -> Value {
        let lane = self.builder.ins().iconst(I16, i64::from(n as u16));
        self.builder.ins().splat(I16X8, lane)
    }

    /// Four lanes of 32 bits.
    fn thirty_twos(&mut self, n: i64) -> Value {
        let lane = self.builder.ins().iconst(I32, i64::from(n as u32));
        self.builder.ins().splat(I32X4, lane)
    }

    fn cast(&mut self, ty: Type, value: Value) -> Value {
        let flags = MemFlagsData::new().with_endianness(cranelift_codegen::ir::Endianness::Little);
        self.builder.ins().bitcast(ty, flags, value)
    }

    /// Two I64X2 masks as one of I32X4.
    fn narrowed(&mut self, halves: [Value; 2]) -> Value {
        let [low, high] = halves.map(|half| self.cast(I32X4, half));
        let doubled = self.builder.ins().snarrow(low, high);
        self.cast(I32X4, doubled)
    }

    /// Four masks of 16 lanes as a word.
    fn bits_of(&mut self, masks: [Value; 4]) -> Value {
        let parts: Vec<Value> = (masks.iter().enumerate())
            .map(|(part, mask)| {
                let bits = self.builder.ins().vhigh_bits(I64, *mask);
                if part == 0 { bits } else { self.builder.ins().ishl_imm_u(bits, 16 * part as i64) }
            })
            .collect();
        parts.into_iter().reduce(|word, bits| self.builder.ins().bor(word, bits)).expect("there are four masks")
    }

    /// Which of the sixteen patrons from one on fit, from four I32X4 masks.
    fn sixteen(&mut self, mut quad: impl FnMut(&mut Self, i32) -> Value) -> Value {
        let quads = [0, 1, 2, 3].map(|index| quad(self, index));
        let low = self.builder.ins().snarrow(quads[0], quads[1]);
        let high = self.builder.ins().snarrow(quads[2], quads[3]);
        self.builder.ins().snarrow(low, high)
    }

    /// The bytes of a vector at places below 16, or 0 where the place has its highest bit set.
    fn looked_up_bytes(&mut self, bytes: Value, places: Value) -> Value {
        match cfg!(target_arch = "x86_64") {
            true => self.builder.ins().x86_pshufb(bytes, places),
            false => self.builder.ins().swizzle(bytes, places),
        }
    }

    /// The bytes of two vectors that these places name.
    fn shuffled(&mut self, left: Value, right: Value, places: [u8; 16]) -> Value {
        let [left, right] = [left, right].map(|vector| self.cast(I8X16, vector));
        let places = self.builder.func.dfg.immediates.push(places.as_slice().into());
        self.builder.ins().shuffle(left, right, places)
    }

    // ---- loops -------------------------------------------------------------------------------------------------

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
}
