//! Compiling the program that a command works on.

use std::io::Write;
use std::path::Path;

use super::{Failure, Terminal};
use crate::check;
use crate::diagnostic::Severity;
use crate::diagnostic::render::{self, Format};
use crate::program::Program;

/// Reads and checks the program at `path`. Its errors go to standard error; its warnings are for `lint`.
pub fn compile(path: &Path, terminal: &mut Terminal) -> Result<Program, Failure> {
    let compiled = check::compile(check::load(path)?);
    match compiled.program {
        Some(program) => Ok(program),
        None => {
            terminal.flush()?;
            let errors = compiled.diagnostics.into_iter().filter(|found| found.severity == Severity::Error);
            let errors: Vec<_> = errors.collect();
            let format = Format::Human { color: terminal.error_color(), width: terminal.width() };
            render::write(&errors, &compiled.sources, format, &mut std::io::stderr().lock())?;
            let files = compiled.sources.iter().count();
            terminal.note(&format!("{}; nothing was done", render::summary(&errors, files)))?;
            Err(Failure::Program)
        }
    }
}
