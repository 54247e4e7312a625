//! Parses arguments, runs, prints an error once, and exits with its code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tallyfy_groups::cli::Cli;
use tallyfy_groups::commands;
use tallyfy_groups::settings::Environment;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ending = commands::run(&cli, &Environment::default()).unwrap_or_else(|failure| {
        if !failure.is_silent() {
            // Nobody is left to be told if this fails.
            let _ = writeln!(std::io::stderr(), "error: {failure}");
        }
        failure.ending()
    });
    ExitCode::from(ending.code())
}
