//! Dates of the patron that end windows of events.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Value};

use super::super::super::rules::Bound;
use super::super::plan::{CountId, Limit, Source};
use super::{Emitter, Slot, loads};
use crate::catalogue::FieldId;
use crate::rule::columns::{EVENT_EPOCH, UNKNOWN_DAY};

/// A patron's date that ends a window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct PatronLimit {
    field: FieldId,
    /// How many days after it the window ends, the end excluded.
    later: i64,
    /// Whether an unknown one lies behind all events, not before them.
    unknown_is_greatest: bool,
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
    /// The ends of a count's window.
    pub(super) fn span_ends(&mut self, id: CountId) -> [Option<End>; 2] {
        let span = self.plan.counts[id].span;
        [(span.from, true), (span.to, false)].map(|(limit, is_from)| {
            let slot = if is_from { Slot::From(id) } else { Slot::To(id) };
            match limit {
                Limit::Open => None,
                Limit::Day => Some(End::Days(self.lanes(slot, I16X8))),
                Limit::Instant => Some(End::Instants(self.lanes(slot, I64X2))),
                Limit::PatronDay { field, past } => Some(End::Patron(PatronLimit {
                    field,
                    later: i64::from(past) - i64::from(is_from),
                    unknown_is_greatest: is_from == (span.bound == Bound::Certain),
                })),
            }
        })
    }

    /// The dates of the eight patrons from one of this block on, as dates of events (I16X8).
    pub(super) fn eight_limits(&mut self, limit: PatronLimit, first: i32) -> Value {
        let base = self.limit_cells(limit);
        let quads = [0, 4].map(|more| {
            let days = self.builder.ins().load(I32X4, loads(), base, (first + more) * 4);
            self.event_days(limit, days)
        });
        self.builder.ins().snarrow(quads[0], quads[1])
    }

    /// The date of one patron of this block, in each of eight lanes.
    pub(super) fn patron_limit(&mut self, limit: PatronLimit, at: Value) -> Value {
        let base = self.limit_cells(limit);
        let address = self.scaled(base, at, 4);
        let day = self.builder.ins().load(I32, loads(), address, 0);
        let days = self.builder.ins().splat(I32X4, day);
        let days = self.event_days(limit, days);
        self.builder.ins().snarrow(days, days)
    }

    fn limit_cells(&mut self, limit: PatronLimit) -> Value {
        let cells = self.slot(Slot::Cells(Source::Field(limit.field)));
        self.scaled(cells, self.row, 4)
    }

    /// In days since the epoch of events.
    fn event_days(&mut self, limit: PatronLimit, days: Value) -> Value {
        let moved = self.thirty_twos(limit.later - i64::from(EVENT_EPOCH));
        let unknown = self.thirty_twos(i64::from(UNKNOWN_DAY));
        let end = self.thirty_twos(i64::from(if limit.unknown_is_greatest { i16::MAX } else { i16::MIN }));
        let is_unknown = self.builder.ins().icmp(IntCC::Equal, days, unknown);
        let days = self.builder.ins().iadd(days, moved);
        self.builder.ins().bitselect(is_unknown, end, days)
    }

    /// The end as vectors that dates of events are compared with, if it is one of dates.
    pub(super) fn day_end(&mut self, end: Option<End>, at: Value) -> Option<Value> {
        match end {
            Some(End::Days(end)) => Some(end),
            Some(End::Patron(limit)) => Some(self.patron_limit(limit, at)),
            Some(End::Instants(_)) | None => None,
        }
    }
}
