//! The text that a sheet of a workbook becomes: CSV with one record for each of its rows, also for a blank one; and what is
//! wrong with the sheets of a workbook.

use std::fs::File;
use std::io::{BufWriter, Write};

use super::error::uncopied;
use super::packed::bomb;
use crate::model::{Code, Problem, listed, shortened};

/// How many sheets are named in a message.
const SHEETS_MAX: usize = 20;

/// Writes the cells of a sheet as CSV.
pub(super) struct SheetText<'a> {
    out: BufWriter<&'a File>,
    /// The row of the last cell, and the column after it, from 0.
    row: u64,
    column: u64,
    /// How many bytes more may be written.
    left: u64,
}

impl<'a> SheetText<'a> {
    /// Writes into `copy`, at most this many bytes.
    pub(super) fn new(copy: &'a File, left: u64) -> Self {
        Self { out: BufWriter::new(copy), row: 0, column: 0, left }
    }

    /// Writes a cell, and what is blank before it; rows and columns count from 0.
    pub(super) fn cell(&mut self, row: u64, column: u64, text: &str) -> Result<(), Problem> {
        if text.is_empty() {
            return Ok(());
        }
        if (row, column) < (self.row, self.column) {
            return Err(damaged("its cells are not in order"));
        }
        for _ in self.row..row {
            self.put("\n")?;
            self.column = 0;
        }
        for _ in self.column.saturating_sub(1)..column {
            self.put(",")?;
        }
        (self.row, self.column) = (row, column + 1);
        if text.contains(['"', ',', '\n', '\r']) {
            self.put(&format!("\"{}\"", text.replace('"', "\"\"")))
        } else {
            self.put(text)
        }
    }

    /// Ends the last row; gives whether there is any.
    pub(super) fn finish(mut self) -> Result<bool, Problem> {
        self.put("\n")?;
        self.out.flush().map_err(uncopied)?;
        Ok(self.column > 0)
    }

    fn put(&mut self, text: &str) -> Result<(), Problem> {
        self.left = self.left.checked_sub(text.len() as u64).ok_or_else(bomb)?;
        self.out.write_all(text.as_bytes()).map_err(uncopied)
    }
}

/// Whether these are the names of one sheet: case does not matter.
pub(super) fn is_same_sheet(name: &str, other: &str) -> bool {
    name.to_lowercase() == other.to_lowercase()
}

/// There is no sheet that can be read, or none of the name that is wanted.
pub(super) fn no_sheet(wanted: Option<&str>, sheets: &[String]) -> Problem {
    let message = match wanted {
        Some(wanted) => format!("--sheet {}: there is no such sheet (found: {})", shortened(wanted), all(sheets)),
        None => "the workbook has no sheet with cells".to_owned(),
    };
    Problem::fatal(Code::FileEmpty, message)
}

pub(super) fn no_cells(sheet: &str, others: &[String]) -> Problem {
    let others = if others.is_empty() { String::new() } else { format!("; --sheet reads another: {}", all(others)) };
    Problem::fatal(Code::FileEmpty, format!("sheet `{}` has no cells{others}", shortened(sheet)))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn damaged(reason: impl ToString) -> Problem {
    let reason = reason.to_string();
    let message = format!("the workbook is damaged ({reason}); open it in a spreadsheet program and save it again");
    Problem::fatal(Code::ArchiveDamaged, message)
}

fn all(sheets: &[String]) -> String {
    listed(sheets.iter().map(|sheet| format!("`{}`", shortened(sheet))), SHEETS_MAX)
}
