//! Looking before and after: what a program would do, what it did and why, and a store to try it on.

pub mod consent;
pub mod dates;
pub mod demo;
pub mod diff;
pub mod dry_run;
pub mod explain;
mod pace;
pub mod privacy;
pub mod show;
pub mod simulate;
pub mod starter;
pub mod test;
pub mod versions;
