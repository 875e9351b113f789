//! The engine over a real store: exactly once, whatever happens in between.

mod ana;
mod clauses;
mod corrected;
mod crash;
mod due;
mod edit;
mod faults;
mod goal;
mod incremental;
mod moved;
mod purge;
mod reading;
mod renamed;
mod start;
mod town;
