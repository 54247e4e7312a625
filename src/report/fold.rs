//! Lines that say the same of rows that follow one another become two: the first, and how far the others go. Pure.

use super::problem_line::Line;
use crate::model::{Place, place};

/// The lines that say the same so far.
#[derive(Debug)]
pub(super) struct Fold {
    file: String,
    line: Line,
    /// The row and the line of the file that the last of them stands for.
    last: (u64, u64),
    /// The first line of the file after the one that was told.
    next: u64,
    more: u64,
}

impl Fold {
    /// After the first of them was told.
    pub(super) fn begin(file: &str, at: Place, line: Line) -> Self {
        Self { file: file.to_owned(), line, last: (at.row, at.line), next: at.line, more: 0 }
    }

    /// Whether this is one more of them.
    pub(super) fn takes(&mut self, file: &str, at: Place, line: &Line) -> bool {
        let is_next = at.row == self.last.0 + 1 && self.file == file && self.line == *line;
        if is_next {
            self.last = (at.row, at.line);
            self.more += 1;
            if self.more == 1 {
                self.next = at.line;
            }
        }
        is_next
    }

    /// The line that stands for all but the first; none if there was one alone.
    pub(super) fn end(self) -> Option<String> {
        let Self { file, line: Line { word, code, .. }, last: (_, last), next, more } = self;
        let what = match more {
            0 => return None,
            1 => "the same".to_owned(),
            more => format!("the same in {more} rows, up to line {last}"),
        };
        Some(format!("{}: {word}: {what}{code}", place(&file, Some(next), None)))
    }
}
