//! Lines that say the same become two, the first and one for the others: of rows that follow one another, or of the entries of
//! one row. Pure.

use super::problem_line::Line;
use crate::model::{Place, listed, place};

/// So many further entries are named.
const ENTRIES_MAX: usize = 5;

/// The lines that say the same so far.
#[derive(Debug)]
pub(super) struct Fold {
    file: String,
    first: Place,
    line: Line,
    others: Others,
}

/// All but the first of them.
#[derive(Debug)]
enum Others {
    None,
    /// Further rows: the first line of the file, and the last row with its line.
    Rows {
        next: u64,
        last: Place,
    },
    /// Further entries of the row.
    Entries(Vec<String>),
}

impl Fold {
    /// After the first of them was told.
    pub(super) fn begin(file: &str, first: Place, line: Line) -> Self {
        Self { file: file.to_owned(), first, line, others: Others::None }
    }

    /// Whether this is one more of them.
    pub(super) fn takes(&mut self, file: &str, at: Place, line: &Line) -> bool {
        if self.file != file {
            return false;
        }
        match &mut self.others {
            Others::None if at.row == self.first.row && line.is_of_entry_as(&self.line) => {
                self.others = Others::Entries(line.entry.iter().cloned().collect());
            }
            Others::Entries(entries) if at.row == self.first.row && line.is_of_entry_as(&self.line) => {
                entries.extend(line.entry.clone());
            }
            Others::None if at.row == self.first.row + 1 && *line == self.line => {
                self.others = Others::Rows { next: at.line, last: at };
            }
            Others::Rows { last, .. } if at.row == last.row + 1 && *line == self.line => *last = at,
            _ => return false,
        }
        true
    }

    /// The line that stands for all but the first; none if there was one alone.
    pub(super) fn end(self) -> Option<String> {
        let Self { file, first, line: Line { word, code, .. }, others } = self;
        let (at, what) = match others {
            Others::None => return None,
            Others::Rows { next, last } if last.row == first.row + 1 => (next, "the same".to_owned()),
            Others::Rows { next, last } => {
                (next, format!("the same in {} rows, up to line {}", last.row - first.row, last.line))
            }
            Others::Entries(entries) => (first.line, format!("the same of {}", listed(entries, ENTRIES_MAX))),
        };
        Some(format!("{}: {word}: {what}{code}", place(&file, Some(at), None)))
    }
}
