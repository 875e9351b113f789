//! Evaluators against the semantics (`docs/reference/semantics.md`).
mod examples;
mod generate;
mod laws;
mod native;
mod naive;
mod world;
