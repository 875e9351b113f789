//! Validity: until when the truths of a block of patrons hold though no data arrives.
//!
//! Nothing changes as long as no test of a column and no count of events does. A set's interval moves a day at each
//! midnight, so a date inside of it falls out after as many days as it lies above the lower end, and one above it comes
//! in after as many as it lies above the upper end; a truth of events turns when the one that it rests on leaves the
//! window. The least number of days is kept for each patron: 16 bits, of which the greatest stands for "never" and the
//! one below it for "long after", and for what follows the clock itself an instant.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8X16, I16, I16X8, I32, I32X4, I64};
use cranelift_codegen::ir::{BlockArg, InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind, Value};
use cranelift_frontend::FunctionBuilder;

use std::collections::HashMap;

use super::super::plan::{CountId, Limit, RowBits, Source, TestId, Turn, Walk};
use super::{Emitter, Slot, Width, loads};
use crate::rule::columns::BLOCK;

/// Stands for "never" among days.
pub(in crate::eval) const NO_DAY: i16 = i16::MAX;
/// Stands for all later days.
const LONG_AFTER: i64 = NO_DAY as i64 - 1;
/// Farther than any date from another: what counts from a far end.
const FAR: i64 = 1 << 28;
/// Farther than any instant from another.
const FAR_INSTANT: i64 = 1 << 60;

/// Where validity is gathered.
#[derive(Clone, Copy)]
pub(super) struct Turns {
    /// Of tests of patron columns: days of 64 patrons (I16).
    tests: StackSlot,
    /// Of events: eight lanes of days for each of 64 patrons (I16X8).
    lanes: StackSlot,
}

impl Turns {
    pub(super) fn new(builder: &mut FunctionBuilder<'_>) -> Turns {
        let mut slot = |bytes: usize| {
            let data = StackSlotData::new(StackSlotKind::ExplicitSlot, (bytes * BLOCK) as u32, 4);
            builder.create_sized_stack_slot(data)
        };
        Turns { tests: slot(2), lanes: slot(16) }
    }
}

impl Emitter<'_, '_> {
    fn turns_at(&self) -> Turns {
        self.turns.expect("validity is wanted")
    }

    // ---- tests of patron columns -------------------------------------------------------------------------------

    /// Begins a block: what the patrons' own columns say.
    pub(super) fn patron_turns(&mut self) {
        let of_patron = |source: Source| !matches!(source, Source::Row(..) | Source::At(_) | Source::Removed(_));
        let tests: Vec<TestId> = (0..self.plan.tests.len())
            .filter(|test| of_patron(self.plan.tests[*test].0) && self.plan.turns[*test] != Turn::Never)
            .collect();
        let width = |emitter: &Self, test: TestId| Width::of(emitter.plan.tests[test].0.shape(emitter.columns));
        let (days, numbers): (Vec<TestId>, Vec<TestId>) =
            tests.into_iter().partition(|test| width(self, *test) == Width::Days);
        let never = self.sixteens(i64::from(NO_DAY));
        let turns = self.turns_at();
        let [tests_at, lanes_at] = [turns.tests, turns.lanes].map(|slot| self.builder.ins().stack_addr(I64, slot, 0));
        self.repeat(BLOCK as i64, &[], |emitter, at, _| {
            let address = emitter.scaled(lanes_at, at, 16);
            emitter.builder.ins().store(MemFlagsData::new().with_notrap(), never, address, 0);
            Vec::new()
        });
        let ends: Vec<DayTurn> = days.iter().map(|test| self.day_turn(*test)).collect();
        self.repeat((BLOCK / 8) as i64, &[], |emitter, part, _| {
            let first = emitter.builder.ins().ishl_imm_u(part, 3);
            let row = emitter.add(emitter.row, first);
            let quads = [0, 16].map(|offset| {
                let mut least = emitter.thirty_twos(i64::from(NO_DAY));
                let mut cells: HashMap<Source, Value> = HashMap::new();
                for (test, turn) in days.iter().zip(&ends) {
                    let source = emitter.plan.tests[*test].0;
                    let cells = *cells.entry(source).or_insert_with(|| {
                        let base = emitter.scaled(turn.cells, row, 4);
                        emitter.builder.ins().load(I32X4, loads(), base, offset)
                    });
                    let days = emitter.days_until(cells, turn);
                    least = emitter.builder.ins().smin(least, days);
                }
                least
            });
            let days = emitter.builder.ins().snarrow(quads[0], quads[1]);
            let address = emitter.scaled(tests_at, first, 2);
            emitter.builder.ins().store(MemFlagsData::new().with_notrap(), days, address, 0);
            Vec::new()
        });
        for test in numbers {
            let cells = self.slot(Slot::Cells(self.plan.tests[test].0));
            let until = self.slot(Slot::Until);
            self.repeat(BLOCK as i64, &[], |emitter, at, _| {
                let row = emitter.add(emitter.row, at);
                let address = emitter.scaled(cells, row, 8);
                let cell = emitter.builder.ins().load(I64, loads(), address, 0);
                let turns_at = emitter.instant_turn(test, cell);
                emitter.least_instant(until, row, turns_at);
                Vec::new()
            });
        }
    }

    /// Eight lanes of 16 bits.
    pub(super) fn sixteens(&mut self, n: i64) -> Value {
        let lane = self.builder.ins().iconst(I16, i64::from(n as u16));
        self.builder.ins().splat(I16X8, lane)
    }

    fn thirty_twos(&mut self, n: i64) -> Value {
        let lane = self.builder.ins().iconst(I32, i64::from(n as u32));
        self.builder.ins().splat(I32X4, lane)
    }

    fn day_turn(&mut self, test: TestId) -> DayTurn {
        let (source, _) = self.plan.tests[test];
        let cells = self.slot(Slot::Cells(source));
        let [low, high, fall, rise] =
            [Slot::Low(test), Slot::High(test), Slot::Fall(test), Slot::Rise(test)].map(|slot| self.lanes(slot, I32X4));
        let boundary = match self.plan.turns[test] {
            Turn::Period(window) => {
                let days = self.slot(Slot::Boundary(window));
                let days = self.builder.ins().ireduce(I32, days);
                Some(self.builder.ins().splat(I32X4, days))
            }
            _ => None,
        };
        let slack = match self.plan.turns[test] {
            Turn::Days { slack } => slack,
            _ => 0,
        };
        DayTurn { cells, low, high, fall, rise, slack, boundary }
    }

    /// After how many days a test of dates changes, at the earliest (I32X4).
    fn days_until(&mut self, cells: Value, turn: &DayTurn) -> Value {
        let never = self.thirty_twos(i64::from(NO_DAY));
        let above = self.builder.ins().icmp(IntCC::SignedGreaterThan, cells, turn.low);
        if let Some(boundary) = turn.boundary {
            return self.builder.ins().bitselect(above, boundary, never);
        }
        let below = self.builder.ins().icmp(IntCC::SignedGreaterThan, turn.high, cells);
        let falls = self.builder.ins().isub(cells, turn.fall);
        let rises = self.builder.ins().isub(cells, turn.rise);
        let days = self.builder.ins().bitselect(below, falls, rises);
        let [far, one, slack, long_after] = [FAR, 1, turn.slack, LONG_AFTER].map(|n| self.thirty_twos(n));
        let is_far = self.builder.ins().icmp(IntCC::SignedGreaterThan, days, far);
        let days = self.builder.ins().isub(days, slack);
        let days = self.builder.ins().smax(days, one);
        let days = self.builder.ins().smin(days, long_after);
        let days = self.builder.ins().bitselect(above, days, never);
        self.builder.ins().bitselect(is_far, never, days)
    }

    /// When a test of an instant changes that moves with the clock; the greatest number for never.
    fn instant_turn(&mut self, test: TestId, cell: Value) -> Value {
        let now = self.slot(Slot::Now);
        let [low, high, fall, rise] =
            [Slot::Low(test), Slot::High(test), Slot::Fall(test), Slot::Rise(test)].map(|slot| self.slot(slot));
        let never = self.constant(i64::MAX);
        let below = self.builder.ins().icmp(IntCC::SignedGreaterThan, high, cell);
        let end = self.builder.ins().select(below, fall, rise);
        let after = self.builder.ins().isub(cell, end);
        let turns_at = self.builder.ins().iadd(now, after);
        let is_far = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThan, after, FAR_INSTANT);
        let turns_at = self.builder.ins().select(is_far, never, turns_at);
        let above = self.builder.ins().icmp(IntCC::SignedGreaterThan, cell, low);
        self.builder.ins().select(above, turns_at, never)
    }

    /// Lowers a patron's instant.
    pub(super) fn least_instant(&mut self, until: Value, row: Value, at: Value) {
        let address = self.scaled(until, row, 8);
        let flags = MemFlagsData::new().with_notrap();
        let known = self.builder.ins().load(I64, flags, address, 0);
        let least = self.builder.ins().smin(known, at);
        self.builder.ins().store(flags, least, address, 0);
    }

    // ---- events ------------------------------------------------------------------------------------------------

    /// Lowers the days of the patron at a place of the block by those of eight lanes.
    pub(super) fn least_days(&mut self, at: Value, days: Value) {
        let lanes = self.turns_at().lanes;
        let base = self.builder.ins().stack_addr(I64, lanes, 0);
        let address = self.scaled(base, at, 16);
        let flags = MemFlagsData::new().with_notrap();
        let known = self.builder.ins().load(I16X8, flags, address, 0);
        let least = self.builder.ins().smin(known, days);
        self.builder.ins().store(flags, least, address, 0);
    }

    /// A number of days (I64) in each of eight lanes, at least one and not too many.
    pub(super) fn day_lanes(&mut self, days: Value) -> Value {
        let (one, most) = (self.constant(1), self.constant(LONG_AFTER));
        let days = self.builder.ins().smax(days, one);
        let days = self.builder.ins().smin(days, most);
        let days = self.builder.ins().ireduce(I16, days);
        self.builder.ins().splat(I16X8, days)
    }

    /// The turns of events one by one: of tests of their columns that move, and of windows that follow the clock.
    /// `begins` and `ends` are the patron's rows.
    pub(super) fn row_turns(&mut self, walk: &Walk, at: Value, begins: Value, ends: Value) {
        let plan = self.plan;
        let mut tests: Vec<TestId> = Vec::new();
        let mut windows: Vec<(CountId, bool)> = Vec::new();
        for id in walk.placed.iter().chain(&walk.summed).chain(&walk.ahead) {
            self.moving_tests(plan.counts[*id].mask, &mut tests);
            let span = plan.counts[*id].span;
            for (limit, turn, is_from) in
                [(span.from, plan.span_turns[*id][0], true), (span.to, plan.span_turns[*id][1], false)]
            {
                if limit == Limit::Instant && turn == Turn::Instants {
                    windows.push((*id, is_from));
                }
            }
        }
        if tests.is_empty() && windows.is_empty() {
            return;
        }
        let row = self.add(self.row, at);
        let until = self.slot(Slot::Until);
        let never = self.constant(i64::MAX);
        let no_day = self.constant(i64::from(NO_DAY));
        let (head, body, after) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        let [index, days, instant] = [I64; 3].map(|ty| self.builder.append_block_param(head, ty));
        self.builder.ins().jump(head, &[begins, no_day, never].map(BlockArg::Value));
        self.builder.switch_to_block(head);
        let more = self.builder.ins().icmp(IntCC::SignedLessThan, index, ends);
        self.builder.ins().brif(more, body, &[], after, &[]);
        self.builder.switch_to_block(body);
        let (mut least_days, mut least_instant) = (days, instant);
        for test in tests {
            let (source, _) = plan.tests[test];
            let cells = match source {
                Source::At(event) => self.slot(Slot::At(event)),
                source => self.slot(Slot::Cells(source)),
            };
            if Width::of(source.shape(self.columns)) == Width::Days {
                let address = self.scaled(cells, index, 4);
                let cell = self.builder.ins().load(I32, loads(), address, 0);
                let cell = self.builder.ins().splat(I32X4, cell);
                let turn = self.day_turn(test);
                let days = self.days_until(cell, &turn);
                let days = self.builder.ins().extractlane(days, 0);
                let days = self.builder.ins().sextend(I64, days);
                least_days = self.builder.ins().smin(least_days, days);
            } else {
                let address = self.scaled(cells, index, 8);
                let cell = self.builder.ins().load(I64, loads(), address, 0);
                let turns_at = self.instant_turn(test, cell);
                least_instant = self.builder.ins().smin(least_instant, turns_at);
            }
        }
        for (id, is_from) in windows {
            // An event after the lower end leaves when that reaches it, one after the upper end enters.
            let end = self.slot(if is_from { Slot::From(id) } else { Slot::To(id) });
            let (instants, now) = (self.slot(Slot::At(walk.event)), self.slot(Slot::Now));
            let address = self.scaled(instants, index, 8);
            let at = self.builder.ins().load(I64, loads(), address, 0);
            let after = self.builder.ins().isub(at, end);
            let after = if is_from { after } else { self.builder.ins().iadd_imm_s(after, 1) };
            let turns_at = self.builder.ins().iadd(now, after);
            let turns = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThan, after, 0);
            let turns_at = self.builder.ins().select(turns, turns_at, never);
            least_instant = self.builder.ins().smin(least_instant, turns_at);
        }
        let next = self.builder.ins().iadd_imm_s(index, 1);
        self.builder.ins().jump(head, &[next, least_days, least_instant].map(BlockArg::Value));
        self.builder.switch_to_block(after);
        let days = self.builder.ins().ireduce(I16, days);
        let days = self.builder.ins().splat(I16X8, days);
        self.least_days(at, days);
        self.least_instant(until, row, instant);
    }

    fn moving_tests(&self, mask: super::super::plan::MaskId, found: &mut Vec<TestId>) {
        match &self.plan.masks[mask] {
            RowBits::Constant(_) | RowBits::Patron(_) => {}
            RowBits::And(parts) | RowBits::Or(parts) => parts.iter().for_each(|part| self.moving_tests(*part, found)),
            RowBits::Not(inner) => self.moving_tests(*inner, found),
            RowBits::Test(test) => {
                if self.plan.turns[*test] != Turn::Never && !found.contains(test) {
                    found.push(*test);
                }
            }
        }
    }

    /// Ends a block: writes the days of its patrons.
    pub(super) fn store_turns(&mut self) {
        let turns = self.turns_at();
        let [tests, lanes] = [turns.tests, turns.lanes].map(|slot| self.builder.ins().stack_addr(I64, slot, 0));
        let days = self.slot(Slot::Days);
        self.repeat(BLOCK as i64, &[], |emitter, at, _| {
            let flags = MemFlagsData::new().with_notrap();
            let address = emitter.scaled(lanes, at, 16);
            let mut least = emitter.builder.ins().load(I16X8, flags, address, 0);
            for half in [8, 4, 2] {
                let folded: Vec<u8> = (0..16).map(|byte| (byte + half) % 16).collect();
                let folded = emitter.builder.func.dfg.immediates.push(folded.as_slice().into());
                let bytes = emitter.cast(I8X16, least);
                let other = emitter.builder.ins().shuffle(bytes, bytes, folded);
                let other = emitter.cast(I16X8, other);
                least = emitter.builder.ins().smin(least, other);
            }
            let least = emitter.builder.ins().extractlane(least, 0);
            let address = emitter.scaled(tests, at, 2);
            let of_tests = emitter.builder.ins().load(I16, flags, address, 0);
            let least = emitter.builder.ins().smin(least, of_tests);
            let row = emitter.add(emitter.row, at);
            let address = emitter.scaled(days, row, 2);
            emitter.builder.ins().store(flags, least, address, 0);
            Vec::new()
        });
    }
}

/// A test of dates that moves.
struct DayTurn {
    cells: Value,
    low: Value,
    high: Value,
    /// What days are counted from: those of a date inside until it falls out, those of one above until it comes in.
    fall: Value,
    rise: Value,
    slack: i64,
    /// It moves by periods: days until it does.
    boundary: Option<Value>,
}
