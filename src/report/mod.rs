//! Whether a campaign worked: differences between arms and the holdout, with their uncertainty.
//!
//! Pure figures; what may leave the engine under the library's `suppress` limit is decided by its caller.

pub mod difference;

pub use difference::{Difference, Share};
