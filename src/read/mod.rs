//! Files become rows: encodings, CSV, JSON lines, headers.
//!
//! Checks only whether a row can be read; what a field may hold is checked by `check`.

mod batch;
mod columns;
mod csv;
mod delimiter;
mod document;
mod error;
mod header;
mod json;
mod layout;
mod lines;
mod names;
mod opendocument;
mod options;
mod packed;
mod parser;
mod path;
mod row;
mod shape;
mod sheet;
mod source;
mod table;
mod workbook;

pub use batch::Batch;
pub use columns::{Columns, UNKNOWN_MAX, field_of};
pub use error::ReadError;
pub use layout::{GivenName, Layout, LayoutChoice, Layouts, all_layouts};
pub use options::ReadOptions;
pub use parser::Parser;
pub use row::Row;
pub use source::{STDIN, check_file, unpacked_name};
pub use table::Table;

use crate::model::{Code, Problem, shortened};

/// What is found about a file as a whole, in its header and among its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// What is found, each once.
    problems: Vec<Problem>,
    /// Columns or keys that are not fields; at most [`UNKNOWN_MAX`].
    unknown: Vec<String>,
    /// The lines of rows without any text, which are ignored.
    blank: Vec<u64>,
    /// Whether there are lines without any character between the rows.
    has_blank_lines: bool,
}

impl Notes {
    /// Adds what was found in later rows of the same file.
    pub fn extend(&mut self, later: &Self) {
        self.add(&later.problems, &later.unknown);
        self.blank.extend(&later.blank);
        self.has_blank_lines |= later.has_blank_lines;
    }

    /// Adds problems, and columns or keys that are not fields.
    fn add(&mut self, problems: &[Problem], unknown: impl IntoIterator<Item = impl AsRef<str>>) {
        for problem in problems {
            if self.problems.len() < UNKNOWN_MAX && !self.problems.contains(problem) {
                self.problems.push(problem.clone());
            }
        }
        for column in unknown {
            let column = column.as_ref();
            if self.unknown.len() < UNKNOWN_MAX && !self.unknown.iter().any(|known| known == column) {
                self.unknown.push(column.to_owned());
            }
        }
    }

    /// Whether the file has lines or rows without any text.
    pub fn has_blank(&self) -> bool {
        self.has_blank_lines || !self.blank.is_empty()
    }

    /// All of it, for people.
    pub fn problems(&self) -> Vec<Problem> {
        let blank = self.blank.first().map(|first| {
            let message = format!("blank rows ignored: {} (first: line {first})", self.blank.len());
            Problem::note(Code::RowBlank, message)
        });
        let columns: Vec<String> = self.unknown.iter().map(|column| shortened(column)).collect();
        let message = format!("columns that are not fields of a group are ignored: {}", columns.join(", "));
        let unknown = (!columns.is_empty()).then(|| Problem::general(Code::ColumnUnknown, message));
        self.problems.iter().cloned().chain(blank).chain(unknown).collect()
    }
}

#[cfg(test)]
mod tests;
