//! `bookmobile fmt`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use similar::{ChangeTag, TextDiff};

use super::{Failure, Outcome, Terminal};
use crate::check;
use crate::diagnostic::render::{self, Format};
use crate::diagnostic::{Diagnostic, FileId, Sources};
use crate::limits::FILE_BYTES;
use crate::syntax;

/// Lay campaign files out in the one way
///
/// Every comment stays where it stands, and nothing changes its meaning. With `-` the text comes from standard input
/// and goes to standard output. A file with syntax errors is left as it is.
#[derive(Args)]
pub struct Fmt {
    /// Folders or files, or `-` for standard input
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Change nothing; show what would change, and exit 1 if anything would
    #[arg(long)]
    check: bool,
}

impl Fmt {
    /// Writes each file that is not yet in the layout.
    pub fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
        let (mut files, mut changed, mut broken) = (0, 0, Vec::new());
        let mut sources = Sources::default();
        for path in &self.paths {
            if path == Path::new("-") {
                files += 1;
                let mut bytes = Vec::new();
                std::io::stdin().take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
                match self.formatted(Path::new("<stdin>"), bytes, &mut sources)? {
                    Ok((_, text)) if !self.check => terminal.write_all(text.as_bytes())?,
                    Ok((file, text)) => changed += usize::from(differs(&sources, file, &text, terminal)?),
                    Err(found) => broken.extend(found),
                }
                continue;
            }
            for path in check::load::programs(path)? {
                files += 1;
                let bytes = read(&path)?;
                let (file, text) = match self.formatted(&path, bytes, &mut sources)? {
                    Ok(formatted) => formatted,
                    Err(found) => {
                        broken.extend(found);
                        continue;
                    }
                };
                if self.check {
                    changed += usize::from(differs(&sources, file, &text, terminal)?);
                } else if sources.text(file) != text {
                    replace(&path, &text)?;
                    changed += 1;
                }
            }
        }
        if !broken.is_empty() {
            terminal.flush()?;
            let format = Format::Human { color: terminal.error_color(), width: terminal.width() };
            render::write(&broken, &sources, format, &mut std::io::stderr().lock())?;
            terminal
                .note(&format!("{}; a file with syntax errors is left as it is", render::summary(&broken, files)))?;
            return Ok(Outcome::Findings);
        }
        let said = match (self.check, changed) {
            (_, 0) => format!("{} in the layout", render::count(files, "file")),
            (true, _) => format!("{} of {} would change; run `bookmobile fmt`", changed, render::count(files, "file")),
            (false, _) => format!("{} of {} changed", changed, render::count(files, "file")),
        };
        if self.check || !self.paths.iter().all(|path| path == Path::new("-")) {
            terminal.note(&said)?;
        }
        Ok(if self.check && changed > 0 { Outcome::Findings } else { Outcome::Fine })
    }

    /// The text in the layout, or what is wrong with its syntax.
    fn formatted(
        &self,
        path: &Path,
        bytes: Vec<u8>,
        sources: &mut Sources,
    ) -> Result<Result<(FileId, String), Vec<Diagnostic>>, Failure> {
        if bytes.len() > FILE_BYTES {
            return Err(Failure::new(format!("{} is larger than {FILE_BYTES} bytes", path.display())));
        }
        let text = match syntax::decode(bytes) {
            Ok(text) => text,
            Err(wrong) => {
                let file = sources.add(path, wrong.lossy.as_str());
                return Ok(Err(vec![wrong.diagnostic(file)]));
            }
        };
        let file = sources.add(path, text);
        let parsed = syntax::parse(sources, file);
        let is_error = |found: &Diagnostic| found.severity == crate::diagnostic::Severity::Error;
        if parsed.diagnostics.iter().any(is_error) {
            return Ok(Err(parsed.diagnostics));
        }
        Ok(Ok((file, syntax::format(sources, &parsed.file))))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

/// Writes beside the file and puts the new one in its place, so that nobody ever sees half of it.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    // A link stays a link.
    let path = std::fs::canonicalize(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::write(&beside, text)
        .and_then(|()| std::fs::set_permissions(&beside, std::fs::metadata(&path)?.permissions()))
        .and_then(|()| std::fs::rename(&beside, &path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        Failure::new(format!("cannot write {}: {error}", path.display()))
    })
}

/// Shows how the file would change; whether it would.
fn differs(sources: &Sources, file: FileId, text: &str, terminal: &mut Terminal) -> Result<bool, Failure> {
    let before = sources.text(file);
    if before == text {
        return Ok(false);
    }
    let path = sources.path(file).display().to_string();
    let (red, green, off) = if terminal.color() { ("\x1b[31m", "\x1b[32m", "\x1b[0m") } else { ("", "", "") };
    writeln!(terminal, "--- {path}\n+++ {path}, formatted")?;
    let diff = TextDiff::from_lines(before, text);
    for hunk in diff.unified_diff().iter_hunks() {
        writeln!(terminal, "{}", hunk.header())?;
        for change in hunk.iter_changes() {
            let (sign, on) = match change.tag() {
                ChangeTag::Delete => ("-", red),
                ChangeTag::Insert => ("+", green),
                ChangeTag::Equal => (" ", ""),
            };
            let off = if on.is_empty() { "" } else { off };
            writeln!(terminal, "{on}{sign}{}{off}", change.value().trim_end_matches(['\r', '\n']))?;
        }
    }
    writeln!(terminal)?;
    Ok(true)
}
