//! Why a patron is in a segment or not, why a campaign writes to them or not.

mod tree;

pub use tree::{Asked, Part, explain};
