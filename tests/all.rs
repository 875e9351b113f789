//! One integration-test binary, so that linking stays quick.
mod architecture;
mod check;
mod consent;
mod deliver;
mod diagnostics;
mod docs;
mod engine;
mod eval;
mod faults;
mod import;
mod lint;
mod message;
mod privacy;
mod real;
mod review;
mod suite;
mod syntax;
