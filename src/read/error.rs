//! Why a file cannot be read as a table.

use std::io;

use crate::model::{Code, Problem, place};

/// A file cannot be read as a table, or not to its end.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", self.place(), Problem::join(.problems))]
pub struct ReadError {
    /// The file's name in messages.
    pub file: String,
    /// The line, from 1, if it is a problem of one line.
    pub line: Option<u64>,
    /// The column in characters, from 1, if it is known.
    pub column: Option<u64>,
    /// What is wrong and what to do; several only of a header.
    pub problems: Vec<Problem>,
}

impl ReadError {
    /// `file:line:column`, or the known part of it; safe to show.
    pub fn place(&self) -> String {
        place(&self.file, self.line, self.column)
    }

    /// A problem at this place of a file that is named by the caller.
    pub(super) fn at(line: u64, column: Option<u64>, problem: Problem) -> Self {
        Self { line: Some(line), column, ..problem.into() }
    }

    /// The same in this file, unless the file is known.
    pub(super) fn of(self, file: &str) -> Self {
        if self.file.is_empty() { Self { file: file.to_owned(), ..self } } else { self }
    }
}

/// Problems of a file as a whole, which is named by the caller.
impl From<Vec<Problem>> for ReadError {
    fn from(problems: Vec<Problem>) -> Self {
        Self { file: String::new(), line: None, column: None, problems }
    }
}

impl From<Problem> for ReadError {
    fn from(problem: Problem) -> Self {
        vec![problem].into()
    }
}

impl From<io::Error> for ReadError {
    fn from(reason: io::Error) -> Self {
        Problem::from(reason).into()
    }
}

/// A problem that is found while a stream is read goes through its reader as an error of input.
impl From<Problem> for io::Error {
    fn from(problem: Problem) -> Self {
        Self::new(io::ErrorKind::InvalidData, problem)
    }
}

impl From<io::Error> for Problem {
    fn from(reason: io::Error) -> Self {
        reason.downcast().unwrap_or_else(|reason| Self::fatal(Code::FileUnreadable, reason.to_string()))
    }
}

/// It is a file of another kind.
pub(super) fn foreign(kind: &str, cure: &str) -> Problem {
    Problem::fatal(Code::FileForeign, format!("is {kind}; {cure}"))
}

/// There is nothing in it.
pub(super) fn empty() -> Problem {
    let message = "the file is empty; expected a header row with a column `name`, or JSON lines";
    Problem::fatal(Code::FileEmpty, message)
}

/// The copy of a workbook, or the text of its sheet, cannot be written.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn uncopied(reason: io::Error) -> Problem {
    Problem::fatal(Code::FileUnreadable, format!("a temporary copy of the input cannot be written: {reason}"))
}
