//! `bookmobile new`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome, Terminal};
use crate::review::starter;

/// Write the starter campaigns into a new folder, to make them your own
#[derive(Args)]
pub struct New {
    /// The folder; it must be new or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl New {
    /// Writes the files and says what to do next.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let shown = self.folder.display();
        let fails = |error: std::io::Error| Failure::new(format!("cannot write {shown}: {error}"));
        std::fs::create_dir_all(&self.folder).map_err(fails)?;
        if std::fs::read_dir(&self.folder).map_err(fails)?.next().is_some() {
            return Err(Failure::new(format!("{shown} is not empty; name a new folder")));
        }
        for (path, text) in starter::FILES {
            let file = self.folder.join(path);
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent).map_err(fails)?;
            }
            std::fs::write(file, text).map_err(fails)?;
        }
        let programs = starter::FILES.iter().filter(|(path, _)| path.ends_with(".campaign")).count();
        writeln!(terminal, "{shown}: {programs} campaign files and {} letters.", starter::FILES.len() - programs)?;
        writeln!(terminal, "Put your library's name into {shown}/library.campaign, then: bookmobile lint {shown}")?;
        Ok(Outcome::Fine)
    }
}
