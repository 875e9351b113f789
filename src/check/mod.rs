//! From syntax trees to a typed program: names, types, privacy, consent, reachability, lints.
//!
//! [`load`] alone touches the file system. [`compile`] is pure: the same sources give the same program and the same
//! findings, sorted by place. Everything in between works on one [`Context`]: the catalogue that the program
//! declares over the built-in one, its segments by name, and the findings so far. Invariant: whoever gets `None` from
//! a method of the context may stay silent, because the mistake has been reported.

mod build;
mod campaign;
mod compile;
pub mod context;
pub mod expr;
mod flow;
pub mod lint;
pub mod load;
mod message;
pub mod scope;
pub mod segment;
pub mod suggest;
mod test;

pub use compile::compile;
pub use context::{Context, Declared};
pub use load::{LoadError, load};
pub use scope::{Argument, Scope, StartEvent};

/// What a compilation gives.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Only without errors.
    pub program: Option<crate::program::Program>,
    /// Sorted by place.
    pub diagnostics: Vec<crate::diagnostic::Diagnostic>,
    /// For drawing the findings.
    pub sources: crate::diagnostic::Sources,
}
