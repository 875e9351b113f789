//! The typed intermediate representation of expressions and its one documented semantics.
