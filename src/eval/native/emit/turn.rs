//! Validity: until when the truths of a block of patrons hold though no data arrives.
//!
//! Nothing changes as long as no test of a column and no count of events does. A set's interval moves a day at each
//! midnight, so a date inside of it falls out after as many days as it lies above the lower end, and one above it comes
//! in after as many as it lies above the upper end; a truth of events turns when the one that it rests on leaves the
//! window. The least number of days is kept for each patron: 16 bits, of which the greatest stands for "never" and the
//! one below it for "long after", and for what follows the clock itself an instant.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I16, I16X8, I32, I32X4, I64};
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value};

use super::super::plan::{CountId, Limit, RowBits, Source, TestId, Turn};
use super::walk::Patron;
use super::{Emitter, Slot, Width, loads, own};
use crate::catalogue::EventId;
use crate::rule::columns::BLOCK;

/// Stands for "never" among days.
pub(in crate::eval) const NO_DAY: i16 = i16::MAX;
/// Stands for all later days.
pub(super) const LONG_AFTER: i64 = NO_DAY as i64 - 1;
/// Farther than any date from another: what counts from a far end.
const FAR: i64 = 1 << 28;
/// Farther than any instant from another.
const FAR_INSTANT: i64 = 1 << 60;

impl Emitter<'_, '_> {
    // ---- tests of patron columns -------------------------------------------------------------------------------

    /// Lowers the days, or the instants, of the patrons of this block by what tests of one column say.
    pub(super) fn test_turns(&mut self, tests: &[TestId]) {
        let (source, _) = self.plan.tests[tests[0]];
        let cells = self.slot(Slot::Cells(source));
        if Width::of(source.shape(self.columns)) == Width::Days {
            let ends: Vec<DayTurn> = tests.iter().map(|test| self.day_turn(*test)).collect();
            let days = self.slot(Slot::Days);
            self.repeat((BLOCK / 8) as i64, &[], |emitter, part, _| {
                let first = emitter.builder.ins().ishl_imm_u(part, 3);
                let row = emitter.add(emitter.row, first);
                let base = emitter.scaled(cells, row, 4);
                let quads = [0, 16].map(|offset| {
                    let cells = emitter.builder.ins().load(I32X4, loads(), base, offset);
                    let turns: Vec<Value> = ends.iter().map(|turn| emitter.days_until(cells, turn)).collect();
                    turns.into_iter().reduce(|least, days| emitter.builder.ins().smin(least, days)).expect("tests")
                });
                let least = emitter.builder.ins().snarrow(quads[0], quads[1]);
                let address = emitter.scaled(days, row, 2);
                let known = emitter.builder.ins().load(I16X8, own(), address, 0);
                let least = emitter.builder.ins().smin(known, least);
                emitter.builder.ins().store(own(), least, address, 0);
                Vec::new()
            });
            return;
        }
        let until = self.slot(Slot::Until);
        self.repeat(BLOCK as i64, &[], |emitter, at, _| {
            let row = emitter.add(emitter.row, at);
            let address = emitter.scaled(cells, row, 8);
            let cell = emitter.builder.ins().load(I64, loads(), address, 0);
            let turns: Vec<Value> = tests.iter().map(|test| emitter.instant_turn(*test, cell)).collect();
            let turns_at = turns.into_iter().reduce(|least, at| emitter.builder.ins().smin(least, at)).expect("tests");
            emitter.least_instant(until, row, turns_at);
            Vec::new()
        });
    }

    fn day_turn(&mut self, test: TestId) -> DayTurn {
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
        DayTurn { low, high, fall, rise, slack, boundary }
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
        let known = self.builder.ins().load(I64, own(), address, 0);
        let least = self.builder.ins().smin(known, at);
        self.builder.ins().store(own(), least, address, 0);
    }

    // ---- events ------------------------------------------------------------------------------------------------

    /// Lowers the days of the patron at hand (I16X8).
    pub(super) fn least_days(&mut self, days: Value) {
        self.turns = Some(match self.turns {
            Some(known) => self.builder.ins().smin(known, days),
            None => days,
        });
    }

    /// Lowers the days of the patron at a place of the block by those that were found.
    pub(super) fn store_turns(&mut self, at: Value) {
        let Some(mut least) = self.turns.take() else { return };
        for half in [8, 4, 2] {
            let other = self.shuffled(least, least, std::array::from_fn(|byte| (byte as u8 + half) % 16));
            let other = self.cast(I16X8, other);
            least = self.builder.ins().smin(least, other);
        }
        let least = self.builder.ins().extractlane(least, 0);
        let days = self.slot(Slot::Days);
        let row = self.add(self.row, at);
        let address = self.scaled(days, row, 2);
        let known = self.builder.ins().load(I16, own(), address, 0);
        let least = self.builder.ins().smin(known, least);
        self.builder.ins().store(own(), least, address, 0);
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
    pub(super) fn row_turns(&mut self, event: EventId, counts: &[CountId], patron: Patron) {
        let plan = self.plan;
        let mut tests: Vec<TestId> = Vec::new();
        let mut windows: Vec<(CountId, bool)> = Vec::new();
        for id in counts {
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
        let row = self.add(self.row, patron.at);
        let until = self.slot(Slot::Until);
        let never = self.constant(i64::MAX);
        let no_day = self.constant(i64::from(NO_DAY));
        let (head, body, after) =
            (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        let [index, days, instant] = [I64; 3].map(|ty| self.builder.append_block_param(head, ty));
        self.builder.ins().jump(head, &[patron.low, no_day, never].map(BlockArg::Value));
        self.builder.switch_to_block(head);
        let more = self.builder.ins().icmp(IntCC::SignedLessThan, index, patron.high);
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
            let (instants, now) = (self.slot(Slot::At(event)), self.slot(Slot::Now));
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
        self.least_days(days);
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
}

/// A test of dates that moves.
struct DayTurn {
    low: Value,
    high: Value,
    /// What days are counted from: those of a date inside until it falls out, those of one above until it comes in.
    fall: Value,
    rise: Value,
    slack: i64,
    /// It moves by periods: days until it does.
    boundary: Option<Value>,
}
