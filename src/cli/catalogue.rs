//! `bookmobile catalogue`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome, Terminal, program};
use crate::catalogue;

/// Print the catalogue that is in force: the program's declarations over the built-in ones
///
/// What it prints is the language itself, so that a part can be copied into a program and changed there.
#[derive(Args)]
pub struct Catalogue {
    /// The program: a folder of *.campaign files, or one such file
    #[arg(value_name = "PROGRAM", default_value = ".")]
    program: PathBuf,
}

impl Catalogue {
    /// Writes declarations to standard output.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let program = program::compile(&self.program, terminal)?;
        write!(terminal, "{}", catalogue::print(&program.catalogue))?;
        Ok(Outcome::Fine)
    }
}
