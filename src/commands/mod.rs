//! The conductors, one a command. The only files that see two rooms.

mod dry_run;
mod failure;
mod import;
mod intake;
mod organization;
mod outputs;
mod sandbox;
mod signals;
mod staging;
mod validate;

pub use failure::Failure;

use std::io::{self, Write};

use clap::CommandFactory;
use indicatif::MultiProgress;

use crate::cli::{Cli, Command};
use crate::exit::Ending;
use crate::report::start_log;
use crate::settings::{Environment, log_options};

/// Does what was typed.
///
/// # Errors
/// If the run could not be made; what became of single rows is no error.
pub fn run(cli: &Cli, environment: &Environment) -> Result<Ending, Failure> {
    let bars = MultiProgress::new();
    start_log(&log_options(&cli.log, environment), &bars)?;
    match &cli.command {
        Command::Import(args) if args.dry_run => dry_run::run(args, cli.log.quiet, environment, &bars),
        Command::Import(args) => import::run(args, cli.log.quiet, environment, &bars),
        Command::Validate(args) => validate::run(args),
        Command::Sandbox(args) => sandbox::run(args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "tallyfy-groups", &mut script);
            print(&script)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(Failure::Print)?;
            print(&page)
        }
    }
}

fn print(bytes: &[u8]) -> Result<Ending, Failure> {
    io::stdout().write_all(bytes).map_err(Failure::Print)?;
    Ok(Ending::Complete)
}
