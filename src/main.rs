//! Parses arguments, runs, prints an error once, and exits with its code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tallyfy_groups::cli::Cli;
use tallyfy_groups::commands;
use tallyfy_groups::settings::Environment;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(&cli, &Environment::default()) {
        Ok(ending) => ending.code().into(),
        // As if by SIGPIPE: the reader of our output is gone.
        Err(failure) if failure.is_silent() => 141.into(),
        Err(failure) => {
            // If this fails too, there is nowhere to report it.
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            failure.ending().code().into()
        }
    }
}
