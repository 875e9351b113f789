//! Reports: what they count, what they hide, and the shares on which they rest.

mod across;
mod attack;
mod cells;
mod figures;
mod groups;
mod moved;
mod releases;
mod shares;
mod world;
