//! One file per command; each reads as its pipeline. Only this module combines the others.

mod delivery;
mod dry_run;
mod export;
mod failure;
mod file_run;
mod import;
mod layouts;
mod organization;
mod outputs;
mod people;
mod pipeline;
mod planning;
mod question;
mod reversal;
mod sandbox;
mod signals;
mod staging;
mod sync;
mod undo;
mod validate;

pub use delivery::Delivery;
pub use failure::Failure;
pub use staging::{Staged, stage, stage_once};
pub use undo::UndoWork;

use std::io::{self, LineWriter, Write};
use std::path::Path;
use std::time::Duration;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::exit::Ending;
use crate::model::{ProblemFormat, ProgressMode, Status};
use crate::report::{LogOptions, Problems, Progress, StatusLine, Summary, start_log};
use crate::settings::Environment;

/// What every command needs beside its own flags.
struct Context<'a> {
    log: &'a LogOptions,
    /// `--config`
    config: Option<&'a Path>,
    environment: &'a Environment,
    bars: &'a StatusLine,
}

impl Context<'_> {
    fn progress(&self, mode: ProgressMode) -> Progress {
        Progress::start(if self.log.quiet { ProgressMode::None } else { mode }, self.bars)
    }

    /// Counts the problems of an import by kind, above the progress.
    fn problems(&self) -> Problems<LineWriter<StatusLine>> {
        Problems::new(LineWriter::new(self.bars.clone()), ProblemFormat::Counts, self.log.verbose > 0)
    }
}

/// Does what was typed.
///
/// # Errors
/// If the run could not be made; what became of single rows is no error.
pub fn run(cli: &Cli, environment: &Environment) -> Result<Ending, Failure> {
    let bars = StatusLine::stderr();
    outputs::keep_apart(cli.command.inputs(), [], cli.log.log_file.as_deref())?;
    start_log(&cli.log, environment.get("RUST_LOG"), &bars).map_err(Failure::Usage)?;
    let context = &Context { log: &cli.log, config: cli.config.as_deref(), environment, bars: &bars };
    match &cli.command {
        Command::Import(args) if args.run.dry_run => dry_run::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Sync(args) => sync::run(args, context),
        Command::Validate(args) => validate::run(args, context),
        Command::Export(args) => export::run(args, context),
        Command::Undo(args) => undo::run(args, context),
        Command::Layouts => layouts::run(context),
        Command::Sandbox(args) => sandbox::run(args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "tallyfy-groups", &mut script);
            print(&script)
        }
        Command::Man => print(&manual().map_err(Failure::Print)?),
    }
}

/// The page of the command, and those of its subcommands after it.
fn manual() -> io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut pages)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        clap_mangen::Man::new(subcommand.clone()).render(&mut pages)?;
    }
    Ok(pages)
}

/// Prints the closing summary of a run and says how it ended. With `-q` it is printed only if something went wrong, and on standard
/// error.
fn close(mut summary: Summary, stopped: Option<Failure>, is_json: bool, is_quiet: bool) -> Result<Ending, Failure> {
    let pending = summary.counts.of(Status::Pending);
    let stopped = match stopped {
        None if pending > 0 => Some(Failure::Defect(format!(
            "{pending} rows were not attempted although nothing stopped the run: run the same command again"
        ))),
        // A stop that came after the last row stopped nothing.
        Some(Failure::Stopped(_)) if summary.is_settled() => None,
        stopped => stopped,
    };
    let ended = if summary.wrong > 0 { Ending::Incomplete } else { Ending::Complete };
    let ending = stopped.as_ref().map_or(ended, Failure::ending);
    (summary.stopped, summary.exit_code) = (stopped.as_ref().map(ToString::to_string), ending.code());
    let text = if is_json { format!("{}\n", summary.json()) } else { summary.text() };
    let printed = match is_quiet && !is_json {
        true if ending == Ending::Complete => Ok(()),
        true => io::stderr().write_all(text.as_bytes()),
        false => io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
    };
    match printed {
        // The work is done; a closed pipe does not change that.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Print(error)),
        _ => stopped.map_or(Ok(ending), Err),
    }
}

fn print(bytes: &[u8]) -> Result<Ending, Failure> {
    io::stdout().write_all(bytes).map_err(Failure::Print)?;
    Ok(Ending::Complete)
}

/// Runs a future on this thread. One thread is the fastest for many small requests.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Start)?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::ZERO);
    done
}
