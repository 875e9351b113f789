//! Where a command writes, and how it ends.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use crate::check::LoadError;

/// `--color`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// How a command ended that did its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Outcome {
    /// Exit code 0.
    Fine,
    /// Exit code 1: the author has something to mend.
    Findings,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// Exit code 2, with this message: a wrong argument, a file that cannot be read.
    Message(String),
    /// The program has errors, which have been shown. Exit code 1.
    Program,
    /// Nobody reads any more (`bookmobile … | head`): no failure of ours.
    BrokenPipe,
}

impl Failure {
    /// A failure that says `message`.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure::Message(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Message(message) => f.write_str(message),
            Failure::Program => f.write_str("the program has errors"),
            Failure::BrokenPipe => f.write_str("the output was closed"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe { Failure::BrokenPipe } else { Failure::new(error.to_string()) }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Failure {
        Failure::new(error.to_string())
    }
}

/// Standard output, buffered, with what is known of who reads it.
pub struct Terminal {
    out: BufWriter<Stdout>,
    choice: ColorChoice,
}

impl Terminal {
    pub(super) fn new(choice: ColorChoice) -> Terminal {
        Terminal { out: BufWriter::new(io::stdout()), choice }
    }

    /// Whether what goes to standard output has colours.
    pub fn color(&self) -> bool {
        self.wants_color(io::stdout().is_terminal())
    }

    /// Whether what goes to standard error has colours.
    pub fn error_color(&self) -> bool {
        self.wants_color(io::stderr().is_terminal())
    }

    /// Columns that a line of output may take.
    pub fn width(&self) -> usize {
        let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        columns.clamp(60, 120)
    }

    /// Says something beside the output, on standard error.
    pub fn note(&mut self, text: &str) -> Result<(), Failure> {
        self.out.flush()?;
        Ok(writeln!(io::stderr(), "{text}")?)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "NO_COLOR (no-color.org) and TERM are how a user tells all programs at once"
    )]
    fn wants_color(&self, is_terminal: bool) -> bool {
        match self.choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let said = |name| std::env::var(name).unwrap_or_default();
                is_terminal && shows_color(&said("NO_COLOR"), &said("TERM"))
            }
        }
    }

    pub(super) fn finish(mut self, result: Result<Outcome, Failure>) -> ExitCode {
        let result = result.and_then(|outcome| Ok(self.out.flush().map(|()| outcome)?));
        match result {
            Ok(Outcome::Fine) | Err(Failure::BrokenPipe) => {
                // What is left in the buffer would fail again when it is dropped.
                let _ = self.out.into_parts();
                ExitCode::SUCCESS
            }
            Ok(Outcome::Findings) | Err(Failure::Program) => ExitCode::from(1),
            Err(Failure::Message(message)) => {
                let _ = self.out.flush();
                let (on, off) = if self.error_color() { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
                let _ = writeln!(io::stderr(), "{on}error{off}: {message}");
                ExitCode::from(2)
            }
        }
    }
}

/// Whether a user who sets these wants colours on a terminal.
fn shows_color(no_color: &str, term: &str) -> bool {
    no_color.is_empty() && term != "dumb"
}

/// A bar of this look (a template of indicatif) on a terminal, nothing elsewhere.
pub fn bar(template: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_and_a_dumb_terminal_are_respected() {
        assert!(shows_color("", "xterm-256color") && shows_color("", ""));
        assert!(!shows_color("1", "xterm-256color") && !shows_color("", "dumb"));
    }
}
