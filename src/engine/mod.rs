//! The tick: decides who gets what, exactly once, in one transaction.
