//! Folds lines that say the same into two: the first, and one for all others. They are about rows that follow one another, or
//! about entries of one row. Pure.

use super::problem_line::ProblemText;
use crate::model::{Place, listed, place};

/// At most this many further entries are named.
const ENTRIES_MAX: usize = 5;

/// Lines that say the same.
#[derive(Debug)]
pub(super) struct Fold {
    file: String,
    line: ProblemText,
    first: Place,
    /// The line number of the second row, and the last row.
    rows: Option<(u64, Place)>,
    /// Further entries of the first row.
    entries: Vec<String>,
}

impl Fold {
    /// Begins after the first line was written.
    pub(super) fn new(file: &str, first: Place, line: ProblemText) -> Self {
        Self { file: file.to_owned(), line, first, rows: None, entries: Vec::new() }
    }

    /// Takes the line if it says the same.
    pub(super) fn takes(&mut self, file: &str, at: Place, line: &ProblemText) -> bool {
        let last = self.rows.map_or(self.first.row, |(_, last)| last.row);
        let is_next_row = self.entries.is_empty() && at.row == last + 1 && *line == self.line;
        let is_next_entry = self.rows.is_none() && at.row == self.first.row && line.is_of_entry_as(&self.line);
        if self.file != file || !(is_next_row || is_next_entry) {
            return false;
        }
        if is_next_row {
            self.rows = Some((self.rows.map_or(at.line, |(next, _)| next), at));
        } else {
            self.entries.extend(line.entry.clone());
        }
        true
    }

    /// The line that stands for all but the first, if there are any.
    pub(super) fn end(self) -> Option<String> {
        let ProblemText { word, code, .. } = self.line;
        let (at, what) = match self.rows {
            Some((next, last)) if last.row == self.first.row + 1 => (next, "the same".to_owned()),
            Some((next, last)) => {
                (next, format!("the same in {} rows, up to line {}", last.row - self.first.row, last.line))
            }
            None if self.entries.is_empty() => return None,
            None => (self.first.line, format!("the same of {}", listed(self.entries, ENTRIES_MAX))),
        };
        Some(format!("{}: {word}: {what}{code}", place(&self.file, Some(at), None)))
    }
}
