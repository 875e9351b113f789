//! Bookmobile: a campaign language for libraries, its compiler, and the engine that runs it.
//!
//! `docs/architecture.md` draws the map. Dependencies point downwards only: faces ([`cli`]) → [`review`],
//! [`report`], [`engine`], [`deliver`] → [`eval`], [`message`], [`store`] → [`check`] → [`rule`],
//! [`catalogue`] → [`syntax`] → [`diagnostic`], [`time`], [`symbol`].

pub mod catalogue;
pub mod check;
pub mod cli;
pub mod deliver;
pub mod diagnostic;
pub mod engine;
pub mod eval;
pub mod limits;
mod map;
pub mod message;
pub mod program;
pub mod report;
pub mod review;
pub mod rule;
pub mod store;
pub mod symbol;
pub mod syntax;
pub mod time;
