//! One integration-test binary, so that linking stays quick.
mod architecture;
mod docs;
mod review;
mod syntax;
