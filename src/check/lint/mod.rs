//! Lints over expressions and declarations: one file each, whose page in `docs/diagnostics` is its test.
//!
//! A lint must be right nearly always: a careful colleague would be glad to be told. One that is usually wrong is
//! removed, not silenced.

pub mod decided;
pub mod goal;
pub mod languages;
pub mod left_out;
pub mod name_of_both;
pub mod never_agreed;
pub mod no_steps;
pub mod plural;
pub mod unused;
pub mod unused_reveal;
pub mod value_like_a_field;

use crate::rule::Expr;

use super::Context;

/// Where a condition stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A segment, a step: a condition that never changes is a warning.
    Segment,
    /// An audience or a start: there it is an error.
    Audience,
}

/// The lints of a whole condition: a body of a segment, an audience, a start, an `if`.
pub fn condition(context: &mut Context<'_>, expr: &Expr, place: Place) {
    decided::check(context, expr, place);
    left_out::check(context, expr);
}
