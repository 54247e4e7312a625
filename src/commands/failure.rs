//! The errors of all modules that end a command, and how each ends it.

use std::io;

use crate::exit::Ending;
use crate::journal::JournalError;
use crate::model::StopReason;
use crate::read::ReadError;
use crate::report::{LogError, OutputError};
use crate::settings::SettingsError;

/// A command failed, or stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file cannot be read as a table.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Files cannot be read as tables; the others were.
    #[error("{}{}", unread(errors), if *is_uncopied { "\n       no cleaned copy was written" } else { "" })]
    Unread {
        /// The files, and why.
        errors: Vec<ReadError>,
        /// Whether a cleaned copy was asked for.
        is_uncopied: bool,
    },
    /// A cleaned copy or an export cannot be written.
    #[error("cannot write {0}")]
    Unwritten(OutputError),
    /// A cleaned copy would lack something.
    #[error("no cleaned copy was written: {0}")]
    Unfixed(String),
    /// There are more rows than row numbers.
    #[error("more than 4,294,967,295 rows; validate the files one by one")]
    TooManyRows,
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An output cannot be written, as was found before anything was sent.
    #[error(
        "cannot write {0}; nothing was sent: fix that and run the same command again, or name another folder with --out-dir"
    )]
    Unwritable(OutputError),
    /// An output cannot be written although all is done; the journal has everything.
    #[error("cannot write {0}; the journal has everything: fix that and run the same command again")]
    Output(#[from] OutputError),
    /// The command cannot be carried out as it was typed: what is wrong, and what to do.
    #[error("{0}")]
    Usage(String),
    /// The run stopped before its end.
    #[error("{0}")]
    Stopped(StopReason),
    /// A defect: rows were passed over.
    #[error(
        "{0} rows were not attempted although nothing stopped the run; this is a defect, please report it, and run the same command again"
    )]
    Forgotten(u64),
    /// A defect: rows were lost or counted twice.
    #[error("{read} rows were read but {accounted} have a result; this is a defect, please report it")]
    Unbalanced {
        /// Rows read.
        read: u64,
        /// The sum over the statuses.
        accounted: u64,
    },
    /// An export could not read the organization.
    #[error("nothing was exported: {0}")]
    Unexported(StopReason),
    /// `--strict`
    #[error("nothing was sent because of --strict (errors: {0}, warnings: {1})")]
    Strict(u64, u64),
    /// Logging cannot be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
    /// The sandbox cannot serve.
    #[error("the sandbox cannot serve: {0}")]
    Serve(io::Error),
    /// The machine gives no thread or no timer.
    #[error("the program cannot be started: {0}")]
    Start(io::Error),
    /// Standard output is gone.
    #[error("standard output: {0}")]
    Print(io::Error),
}

/// Every problem of every file on a line of its own.
fn unread(errors: &[ReadError]) -> String {
    let lines = errors.iter().flat_map(|error| {
        error.problems.iter().map(|problem| format!("{}: {problem} [{}]", error.place(), problem.code.as_str()))
    });
    lines.collect::<Vec<_>>().join("\n       ")
}

impl Failure {
    /// How the run ended.
    #[must_use]
    pub fn ending(&self) -> Ending {
        let usage_if = |is_usage| if is_usage { Ending::Usage } else { Ending::Failed };
        match self {
            Self::Settings(SettingsError::Token(_)) => Ending::Token,
            Self::Settings(_)
            | Self::Read(_)
            | Self::Unread { .. }
            | Self::TooManyRows
            | Self::Usage(_)
            | Self::Log(_) => Ending::Usage,
            Self::Journal(JournalError::Locked { .. }) => Ending::Locked,
            Self::Journal(error) => usage_if(error.is_usage()),
            Self::Unwritable(error) | Self::Unwritten(error) => usage_if(error.is_usage()),
            Self::Stopped(halt) | Self::Unexported(halt) => Ending::of_halt(halt),
            Self::Strict(..) | Self::Unfixed(_) => Ending::Problems,
            Self::Output(_)
            | Self::Http(_)
            | Self::Serve(_)
            | Self::Start(_)
            | Self::Print(_)
            | Self::Forgotten(_)
            | Self::Unbalanced { .. } => Ending::Failed,
        }
    }

    /// Whether the reader of standard output is gone, so that no message is wanted.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
