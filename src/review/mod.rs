//! What people look at before and after a tick: dry-run, explain, tests, diff.
