//! Segments and lists by name; each (segment, arguments) is one instance of the program.

use std::collections::{HashMap, HashSet};

use crate::catalogue::{ClassSet, Value};
use crate::program::Group;
use crate::rule::{Expr, SegmentId};
use crate::symbol::Symbol;
use crate::syntax::ast;

use super::{Argument, Context, Scope};

/// The instances of segments.
#[derive(Default, Debug)]
pub struct Segments<'a> {
    instances: Vec<Instance<'a>>,
    by_key: HashMap<(Symbol, String), SegmentId>,
    /// Whose bodies are still to be checked.
    pending: Vec<SegmentId>,
}

#[derive(Debug)]
struct Instance<'a> {
    declaration: super::context::Declaration<'a, ast::Segment>,
    arguments: Vec<Argument>,
    is_default: bool,
    body: Option<Expr>,
    /// Of its own expression, without the segments that it uses.
    classes: ClassSet,
    uses: HashSet<SegmentId>,
}

impl Context<'_> {
    /// The segment (with its arguments) or list that a reference names.
    pub fn group(&mut self, reference: &ast::SegmentRef, scope: &Scope<'_>) -> Option<Group> {
        let _ = (reference, scope);
        todo!()
    }

    /// An expression of `audience`, `except`, `never to`: a bare segment or list (which comes before a bool field of
    /// that name), or a condition.
    pub fn group_or_condition(&mut self, ast: &ast::Expr, scope: &Scope<'_>) -> Option<Expr> {
        let _ = (ast, scope);
        todo!()
    }

    /// What `on entering` and `on leaving` take: a segment or list only. The error for anything else offers `when`.
    pub fn group_only(&mut self, ast: &ast::Expr, scope: &Scope<'_>) -> Option<Expr> {
        let _ = (ast, scope);
        todo!()
    }

    /// Every privacy class that flows into `expr`, through segments too.
    pub fn classes_of(&self, expr: &Expr) -> ClassSet {
        let _ = expr;
        todo!()
    }

    /// Whether `expr` may be unknown for a patron of whom everything of `known` is known.
    pub fn may_be_unknown(&self, expr: &Expr, known: ClassSet) -> bool {
        let _ = (expr, known);
        todo!()
    }
}

/// The value of an argument, for one instance each.
pub(super) fn key(values: &[Value]) -> String {
    format!("{values:?}")
}
