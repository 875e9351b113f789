//! From text to a syntax tree with spans and comments, and back (the formatter).
//!
//! Knows nothing of what names mean. Invariant: `parse(format(x)) = parse(x)` up to spans.

pub mod ast;
mod build;
mod edit;
mod explain;
mod fmt;
mod grammar;
mod literal;
mod parse;
mod scan;
mod shift;
pub mod suggest;
mod token;
pub mod visit;

pub use fmt::{WIDTH, format};
pub use parse::{NotUtf8, Parsed, decode, is_read, parse};
