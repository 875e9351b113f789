//! The engine over a real store: exactly once, whatever happens in between.

mod clauses;
mod crash;
mod due;
mod edit;
mod faults;
mod goal;
mod incremental;
mod moved;
mod purge;
mod reading;
mod town;
