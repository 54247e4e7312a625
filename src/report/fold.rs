//! Combines equal problems of consecutive rows: the first has a line, and one line stands for all others. Pure.

use super::problem_line::ProblemText;
use crate::model::{Place, place};

/// Equal problems of consecutive rows, of which the first has a line.
#[derive(Debug)]
pub(super) struct Fold {
    line: ProblemText,
    last: Place,
    /// How many rows have no line, and the line number of the first of them.
    rows: u64,
    second_line: u64,
}

impl Fold {
    /// Begins after the first line was written.
    pub(super) fn new(first: Place, line: ProblemText) -> Self {
        Self { line, last: first, rows: 0, second_line: 0 }
    }

    /// Takes the problem of a row if it is equal and the row is the next one.
    pub(super) fn takes(&mut self, at: Place, line: &ProblemText) -> bool {
        if (at.file, at.row) != (self.last.file, self.last.row + 1) || *line != self.line {
            return false;
        }
        if self.rows == 0 {
            self.second_line = at.line;
        }
        self.rows += 1;
        self.last = at;
        true
    }

    /// The line that stands for all but the first, if there are any.
    pub(super) fn end(self) -> Option<String> {
        let ProblemText { file, word, code, .. } = self.line;
        let what = match self.rows {
            0 => return None,
            1 => "the same".to_owned(),
            rows => format!("the same in {rows} rows, up to line {}", self.last.line),
        };
        Some(format!("{}: {word}: {what}{code}", place(&file, Some(self.second_line), None)))
    }
}
