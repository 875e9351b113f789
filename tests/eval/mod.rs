//! Evaluators against the semantics (`docs/reference/semantics.md`).
mod examples;
mod faults;
mod generate;
mod laws;
mod naive;
mod native;
mod world;
