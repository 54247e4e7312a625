//! The errors of all modules that end a command, and how each ends it.

use std::io;

use crate::exit::Ending;
use crate::journal::JournalError;
use crate::model::{StopReason, is_misplaced};
use crate::read::ReadError;
use crate::report::OutputError;
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
    /// A cleaned copy or an export cannot be written.
    #[error("cannot write {0}")]
    Unwritten(OutputError),
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
    /// Problems of the file kept something from being done.
    #[error("{0}")]
    Problems(String),
    /// A guard refused the plan, or it is not the one that was accepted.
    #[error("{0}; nothing was changed")]
    Refused(String),
    /// The run stopped before its end.
    #[error("{0}")]
    Stopped(StopReason),
    /// The program does not do what it should.
    #[error("{0}; this is a defect, please report it")]
    Defect(String),
    /// An export could not read the organization.
    #[error("nothing was exported: {0}")]
    Unexported(StopReason),
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

impl Failure {
    /// How the run ended.
    pub fn ending(&self) -> Ending {
        let usage_if = |is_usage| if is_usage { Ending::Usage } else { Ending::Failed };
        match self {
            Self::Settings(SettingsError::Token(_)) => Ending::Token,
            Self::Settings(_) | Self::Read(_) | Self::Usage(_) => Ending::Usage,
            Self::Journal(JournalError::Locked { .. }) => Ending::Locked,
            Self::Journal(error) => usage_if(error.is_usage()),
            Self::Unwritable(error) | Self::Unwritten(error) => usage_if(is_misplaced(&error.reason)),
            Self::Stopped(halt) | Self::Unexported(halt) => Ending::of_halt(halt),
            Self::Problems(_) => Ending::Problems,
            Self::Refused(_) => Ending::Refused,
            Self::Output(_) | Self::Http(_) | Self::Serve(_) | Self::Start(_) | Self::Print(_) | Self::Defect(_) => {
                Ending::Failed
            }
        }
    }

    /// Whether the reader of standard output is gone, so that no message is wanted.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
