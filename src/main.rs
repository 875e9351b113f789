//! `bookmobile`: see `cli`.

fn main() {}
