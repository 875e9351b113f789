//! Evaluators of rules. `interpret` is the reference.
