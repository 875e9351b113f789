//! Evaluators against the semantics (`docs/reference/semantics.md`).
mod generate;
mod laws;
mod naive;
mod world;
