//! Files become rows: encodings, CSV, JSON lines, headers.
//!
//! Checks only whether a row can be read; what a field may hold is checked by `check`.

mod batch;
mod columns;
mod csv;
mod delimiter;
mod document;
mod error;
mod guess;
mod header;
mod json;
mod layout;
mod lines;
mod names;
mod opendocument;
mod options;
mod packed;
mod path;
mod row;
mod shape;
mod sheet;
mod source;
mod table;
mod workbook;

pub use batch::{Batch, Cells};
pub use columns::{Columns, UNKNOWN_MAX, field_of};
pub use error::{FileProblem, ReadError};
pub use layout::{GivenName, Layout, LayoutChoice, Layouts, all_layouts};
pub use options::ReadOptions;
pub use row::{Row, RowFlaw};
pub use source::{Again, STDIN, check_file, unpacked_name};
pub use table::{Opened, Parser, Table};

use crate::model::Field;

/// What was found about the columns and lines of a file on the way, apart from its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Columns or keys that are not fields; at most [`UNKNOWN_MAX`].
    pub unknown: Vec<String>,
    /// Columns or keys of another name that are used for a field.
    pub used: Vec<(Field, String)>,
    /// Columns that `--map` names and the file does not have.
    pub unmapped: Vec<(Field, String)>,
    /// The lines of rows without any text, which are ignored.
    pub blank: Vec<u64>,
    /// What the file was recognized as, and how it is read.
    pub layout: Option<String>,
    /// The key of a JSON object that holds the rows.
    pub records: Option<String>,
    /// The sheets of a workbook that have cells; the first is read, and not the others.
    pub sheets: Vec<String>,
    /// How many lines without any character are between the rows.
    pub blank_lines: u64,
}

impl Notes {
    /// Adds what was found in later rows of the same file.
    pub fn extend(&mut self, later: &Self) {
        self.unknown(later.unknown.iter().cloned());
        later.used.iter().for_each(|(field, column)| self.used(*field, column));
        self.blank.extend(&later.blank);
        self.blank_lines += later.blank_lines;
    }

    /// Adds columns or keys that are not fields.
    pub fn unknown(&mut self, columns: impl IntoIterator<Item = String>) {
        for column in columns {
            if self.unknown.len() < UNKNOWN_MAX && !self.unknown.contains(&column) {
                self.unknown.push(column);
            }
        }
    }

    /// Adds a column or key that is used for a field.
    pub fn used(&mut self, field: Field, column: &str) {
        if !self.used.iter().any(|(known, name)| *known == field && name == column) {
            self.used.push((field, column.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests;
