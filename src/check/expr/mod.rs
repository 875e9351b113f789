//! Expressions: from the syntax tree to the typed [`rule::Expr`](crate::rule::Expr).
//!
//! Each method gives `None` when it has reported why, so that nothing that follows from a mistake is reported.

use crate::catalogue::{Channel, EventId, FieldId, PurposeId, Type, Value};
use crate::rule::Expr;
use crate::syntax::ast;
use crate::time::{Duration, Instant};

use super::{Context, Scope};

impl Context<'_> {
    /// A condition: an expression of type `bool`.
    pub fn condition(&mut self, ast: &ast::Expr, scope: &Scope<'_>) -> Option<Expr> {
        let _ = (ast, scope);
        todo!()
    }

    /// A value; with `expected`, of that type (literals become it where section 2 says so).
    pub fn value(&mut self, ast: &ast::Expr, expected: Option<Type>, scope: &Scope<'_>) -> Option<Expr> {
        let _ = (ast, expected, scope);
        todo!()
    }

    /// A date or an instant: what `wait until`, `D before DATE` and anniversaries take.
    pub fn date_or_instant(&mut self, ast: &ast::Expr, scope: &Scope<'_>) -> Option<Expr> {
        let _ = (ast, scope);
        todo!()
    }

    /// A literal of type `ty`: arguments, defaults, fixtures, `on change of F from V`.
    pub fn constant(&mut self, ast: &ast::Expr, ty: Type) -> Option<Value> {
        let _ = (ast, ty);
        todo!()
    }

    /// A dotted name (of a template, too): `branch`, `event.title`, `patron.branch`, `branch_info.hours`.
    pub fn path(&mut self, path: &[ast::Name], scope: &Scope<'_>) -> Option<Expr> {
        let _ = (path, scope);
        todo!()
    }

    /// A duration: a literal or a parameter. Counted by a field it is an error but in `start`, where `Quantity::Counted`
    /// is looked at first.
    pub fn duration(&mut self, quantity: &ast::Quantity, scope: &Scope<'_>) -> Option<Duration> {
        let _ = (quantity, scope);
        todo!()
    }

    /// An instant as it is written, in the library's zone or with its offset.
    pub fn instant(&self, literal: &ast::InstantLiteral) -> Instant {
        let _ = literal;
        todo!()
    }

    /// The event or record called `name`.
    pub fn event_named(&mut self, name: ast::Name) -> Option<EventId> {
        let _ = name;
        todo!()
    }

    /// The patron field called `name`.
    pub fn field_named(&mut self, name: ast::Name) -> Option<FieldId> {
        let _ = name;
        todo!()
    }

    /// The field called `name` of `event` (not `at` and `open`), by index.
    pub fn event_field(&mut self, event: EventId, name: ast::Name) -> Option<u16> {
        let _ = (event, name);
        todo!()
    }

    /// The purpose called `name`.
    pub fn purpose_named(&mut self, name: ast::Name) -> Option<PurposeId> {
        let _ = name;
        todo!()
    }

    /// The channel called `name`.
    pub fn channel_named(&mut self, name: ast::Name) -> Option<Channel> {
        let _ = name;
        todo!()
    }
}
