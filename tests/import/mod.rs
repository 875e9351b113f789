//! The import: what mappings can say, and what no file can do to a store. Rows of the table of faults are named by id.
mod answers;
mod faults;
mod feeds;
mod mapping;
pub mod world;
