//! Why a file cannot be read as a table.

use std::io;
use std::path::PathBuf;

use crate::model::{Code, place};

/// A file cannot be read as a table, or not to its end.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", self.place(), .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, if it is a problem of one line.
    pub line: Option<u64>,
    /// The column in characters, from 1, if it is known.
    pub column: Option<u64>,
    /// What is wrong and what to do; several only of a header.
    pub problems: Vec<FileProblem>,
}

impl ReadError {
    /// `file:line:column`, or the known part of it; safe to show.
    #[must_use]
    pub fn place(&self) -> String {
        place(&self.path.display().to_string(), self.line, self.column)
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FileProblem {
    /// The rule broken.
    pub code: Code,
    /// What is wrong and what to do, in a sentence without a full stop.
    pub message: String,
    /// How many lines behind the place that was reached.
    pub(super) lines: u64,
    /// In that line, from 1.
    pub(super) column: Option<u64>,
}

/// A problem that is found while a stream is read goes through its reader as an error of input.
impl From<FileProblem> for io::Error {
    fn from(problem: FileProblem) -> Self {
        Self::new(io::ErrorKind::InvalidData, problem)
    }
}

impl From<io::Error> for FileProblem {
    fn from(reason: io::Error) -> Self {
        reason.downcast().unwrap_or_else(|reason| Self::new(Code::FileUnreadable, reason.to_string()))
    }
}

impl FileProblem {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), lines: 0, column: None }
    }

    /// It is a file of another kind.
    pub(super) fn foreign(kind: &str, cure: &str) -> Self {
        Self::new(Code::FileForeign, format!("is {kind}; {cure}"))
    }

    pub(super) fn empty() -> Self {
        let message = "the file is empty; expected a header row with a column `name`, or JSON lines";
        Self::new(Code::FileEmpty, message)
    }

    /// A copy, which is needed to read rows again, cannot be written.
    #[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
    pub(super) fn uncopied(reason: io::Error) -> Self {
        Self::new(Code::FileUnreadable, format!("a temporary copy of the input cannot be written: {reason}"))
    }

    /// The problem of this file as a whole.
    #[must_use]
    pub fn of(self, path: impl Into<PathBuf>) -> ReadError {
        ReadError { path: path.into(), line: None, column: None, problems: vec![self] }
    }

    /// The problem at this place.
    #[must_use]
    pub fn at(self, path: impl Into<PathBuf>, line: u64, column: Option<u64>) -> ReadError {
        let (line, column) = (Some(line + self.lines), self.column.or(column));
        ReadError { path: path.into(), line, column, problems: vec![self] }
    }
}
