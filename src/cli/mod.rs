//! The command line: arguments in, text and exit codes out. Thin: no logic of its own.
//!
//! Exit codes: 0 fine; 1 there are findings (an error in a program, a failed test, a file that `fmt --check` would
//! change); 2 the command was used wrongly or could not do its work.
//!
//! A command is one file: a `clap::Args` whose doc comment is its help, with
//! `fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure>`; and its two lines here.

mod catalogue;
mod consent;
mod deliver;
mod demo;
mod diff;
mod dry_run;
mod erase;
mod explain;
mod fmt;
mod import;
mod lint;
mod list;
mod merge;
mod new;
mod privacy;
mod program;
mod rename;
mod report;
mod respond;
mod simulate;
mod suppress;
mod terminal;
mod test;
mod tick;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use terminal::{ColorChoice, Failure, Outcome, Terminal};

/// Declares the commands: the name in kebab case is the word on the command line.
macro_rules! commands {
    ($($command:ident($arguments:path),)*) => {
        #[derive(Subcommand)]
        enum Command {
            $($command($arguments),)*
        }

        impl Command {
            fn run(self, terminal: &mut Terminal) -> Result<Outcome, Failure> {
                match self {
                    $(Command::$command(arguments) => arguments.run(terminal),)*
                }
            }
        }
    };
}

commands! {
    Catalogue(catalogue::Catalogue),
    Consent(consent::ConsentCommand),
    Deliver(deliver::Deliver),
    Demo(demo::Demo),
    Diff(diff::DiffCommand),
    DryRun(dry_run::DryRunCommand),
    Erase(erase::Erase),
    Explain(explain::Explain),
    Fmt(fmt::Fmt),
    Import(import::Import),
    Lint(lint::Lint),
    List(list::List),
    Merge(merge::Merge),
    New(new::New),
    Privacy(privacy::Privacy),
    Rename(rename::Rename),
    Report(report::ReportCommand),
    Respond(respond::Respond),
    Simulate(simulate::Simulate),
    Suppress(suppress::Suppress),
    Test(test::Test),
    Tick(tick::Tick),
}

/// Campaigns for libraries: written in plain files, checked before they run, sent with care.
///
/// Begin with `bookmobile lint campaigns/`: it checks a folder of *.campaign files and explains what it finds.
#[derive(Parser)]
#[command(name = "bookmobile", version, subcommand_required = true, arg_required_else_help = true)]
struct CommandLine {
    /// When to use colours: `auto` is on a terminal, unless NO_COLOR is set or TERM is `dumb`
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = false)]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

/// Runs the command of the process's arguments.
pub fn run() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        // Help and version are no error; clap prints them to stdout, and everything else to stderr.
        Err(error) => {
            let printed = error.print();
            return ExitCode::from(if printed.is_ok() && !error.use_stderr() { 0 } else { 2 });
        }
    };
    let mut terminal = Terminal::new(line.color);
    let result = line.command.run(&mut terminal);
    terminal.finish(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
