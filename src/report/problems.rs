//! The problems that `validate` finds: one a line, so that editors can jump, then the totals.

use std::io::{self, Write};

use serde_json::json;

use super::grouped;
use crate::model::{Fault, Place, shown};

/// Writes problems as they are found.
pub struct Problems<W> {
    out: W,
    is_json: bool,
    rows: u64,
    bad_rows: u64,
    found: u64,
    duplicates: u64,
}

impl<W: Write> Problems<W> {
    /// Writes to `out`, as JSON lines or for people.
    pub fn new(out: W, is_json: bool) -> Self {
        Self { out, is_json, rows: 0, bad_rows: 0, found: 0, duplicates: 0 }
    }

    /// A row without a problem.
    pub fn good(&mut self) {
        self.rows += 1;
    }

    /// A row that repeats an earlier one; no problem, unless it was asked to be.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn duplicate(&mut self, file: &str, place: Place, first: &str) -> io::Result<()> {
        self.rows += 1;
        self.duplicates += 1;
        if self.is_json {
            let line =
                json!({"type": "duplicate", "file": file, "row": place.row, "line": place.line, "duplicate_of": first});
            return writeln!(self.out, "{line}");
        }
        writeln!(self.out, "{}:{}: repeats the name of {}", shown(file), place.line, shown(first))
    }

    /// A row with problems.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn bad(&mut self, file: &str, place: Place, faults: &[Fault]) -> io::Result<()> {
        self.rows += 1;
        self.bad_rows += 1;
        for fault in faults {
            self.found += 1;
            if self.is_json {
                let line = json!({
                    "type": "problem",
                    "file": file,
                    "row": place.row,
                    "line": place.line,
                    "field": fault.field.map(crate::model::Field::as_str),
                    "code": fault.code.as_str(),
                    "message": fault.message,
                });
                writeln!(self.out, "{line}")?;
            } else {
                writeln!(self.out, "{}:{}: {} [{}]", shown(file), place.line, fault.message, fault.code.as_str())?;
            }
        }
        Ok(())
    }

    /// How many problems were found.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.found
    }

    /// Writes the totals.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        let valid = self.rows - self.bad_rows - self.duplicates;
        if self.is_json {
            let totals = json!({
                "type": "totals",
                "rows": self.rows,
                "valid": valid,
                "duplicate": self.duplicates,
                "invalid": self.bad_rows,
                "problems": self.found,
            });
            writeln!(self.out, "{totals}")?;
        } else {
            if self.found + self.duplicates > 0 {
                writeln!(self.out)?;
            }
            for (word, count) in
                [("valid", valid), ("duplicate", self.duplicates), ("invalid", self.bad_rows), ("rows", self.rows)]
            {
                writeln!(self.out, "  {word:<10} {:>9}", grouped(count))?;
            }
        }
        self.out.flush()
    }
}
