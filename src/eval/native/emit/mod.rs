//! Cranelift code for a plan: one function that fills the result bitmaps for a range of blocks of 64 patrons.
//!
//! Everything that varies (columns, sets, bounds, results) is reached through one table of 64-bit slots, so that the
//! code is good for every instant and for all columns of one shape. Tests of patron columns give a word of 64 truths
//! by 128-bit vectors. The events of a kind are walked once for all counts over it, patron by patron, eight events at
//! a time; a patron's truths are gathered as bits of a byte and turned into words at the end of the block. Where validity
//! is wanted the same walk finds when each truth may turn.
//!
//! Memory: loads read whole blocks of padded columns, and events from where a patron's begin to eight behind where they
//! end, which the columns' padding covers; codes index tables that have an entry for every code that the cells can hold.
//! There are no stores but into the scratch bytes of the frame, the result words of the block and, for validity, the
//! entries of its 64 patrons. No arithmetic can trap.

mod follow;
mod row;
mod turn;
mod walk;

use std::collections::HashMap;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I32, I32X4, I64, I64X2};
use cranelift_codegen::ir::{BlockArg, InstBuilder, MemFlagsData, StackSlot, Type, Value};
use cranelift_frontend::FunctionBuilder;

use super::super::rules::WindowId;
use super::bind::Shape;
use super::plan::{Bits, BitsId, CountId, Plan, Source, Test, TestId};
use crate::catalogue::{EventId, FieldId, ListId};
use crate::rule::columns::{BLOCK, Cells, Columns};
use turn::Turns;

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
    /// The ends of a count's window, excluded, in each lane.
    From(CountId),
    To(CountId),
    /// The address of a walk's group of counts by place; see [`super::bind`].
    Group(usize, usize),
    /// The last date that no summed count of a walk reaches.
    Reach(usize),
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
        limits: HashMap::new(),
        turns: None,
    };
    if plan.validity {
        emitter.turns = Some(Turns::new(emitter.builder));
    }
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
    /// Where the patrons' dates that limit windows stand for this block, as dates of events.
    limits: HashMap<PatronLimit, StackSlot>,
    /// Where the validity of this block's patrons is gathered; `None`: it is not wanted.
    turns: Option<Turns>,
}

/// A patron's date that ends a window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct PatronLimit {
    field: FieldId,
    /// How many days after it the window ends, the end excluded.
    later: i64,
    /// Whether an unknown one lies behind all events, not before them.
    unknown_is_greatest: bool,
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
        let place = self.place(slot);
        self.builder.ins().load(I64, loads(), self.table, place)
    }

    /// The slot's vector.
    fn lanes(&mut self, slot: Slot, ty: Type) -> Value {
        let place = self.place(slot);
        self.builder.ins().load(ty, loads(), self.table, place)
    }

    /// Where in the table the slot stands, in bytes.
    fn place(&mut self, slot: Slot) -> i32 {
        let slots = &mut self.slots;
        *self.index.entry(slot).or_insert_with(|| {
            let place = slots.iter().map(|slot| slot.words() as i32 * 8).sum();
            slots.push(slot);
            place
        })
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
        self.patron_limits();
        if self.turns.is_some() {
            self.patron_turns();
        }
        for walk in 0..self.plan.walks.len() {
            self.walk(walk);
        }
        for (index, bits) in self.plan.results.iter().enumerate() {
            let word = self.word(*bits);
            let result = self.slot(Slot::Result(index));
            let address = self.scaled(result, block, 8);
            self.builder.ins().store(MemFlagsData::new().with_notrap(), word, address, 0);
        }
        if self.turns.is_some() {
            self.store_turns();
        }
        let next = self.builder.ins().iadd_imm_s(block, 1);
        self.builder.ins().jump(head, &[BlockArg::Value(next)]);
        self.builder.switch_to_block(done);
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
            Width::Sets(parts) => {
                let base = self.add(cells, self.row);
                let masks = (0..4).map(|part| {
                    let codes = self.builder.ins().load(I8X16, loads(), base, part * 16);
                    self.in_sets(test, parts, codes)
                });
                let masks: Vec<Value> = masks.collect();
                self.bits_of(&masks)
            }
            Width::Days | Width::Numbers => {
                let size = size_of(width);
                let base = self.scaled(cells, self.row, size);
                let ends = self.test_ends(test, width);
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

    /// Which of sixteen codes are in a test's set.
    fn in_sets(&mut self, test: TestId, parts: u8, codes: Value) -> Value {
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

    /// The bytes of a vector at places below 16, or 0 where the place has its highest bit set.
    fn looked_up_bytes(&mut self, bytes: Value, places: Value) -> Value {
        match cfg!(target_arch = "x86_64") {
            true => self.builder.ins().x86_pshufb(bytes, places),
            false => self.builder.ins().swizzle(bytes, places),
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

    /// The ends of a test's interval.
    fn test_ends(&mut self, test: TestId, width: Width) -> (Value, Value) {
        let ty = if width == Width::Days { I32X4 } else { I64X2 };
        (self.lanes(Slot::Low(test), ty), self.lanes(Slot::High(test), ty))
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
}

/// Bytes a cell.
fn size_of(width: Width) -> i64 {
    match width {
        Width::Sets(_) | Width::Codes8 => 1,
        Width::Codes16 => 2,
        Width::Codes32 | Width::Days => 4,
        Width::Numbers => 8,
    }
}
