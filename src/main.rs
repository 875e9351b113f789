//! `bookmobile`: see `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bookmobile::cli::run()
}
