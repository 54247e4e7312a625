//! Files become rows: encodings, CSV, JSON lines, headers.
//!
//! Judges nothing but whether a row can be read; what a field may hold is `check`'s business.

mod block;
mod columns;
mod contents;
mod csv;
mod cutter;
mod delimiter;
mod error;
mod guess;
mod header;
mod jsonl;
mod lines;
mod machine;
mod packed;
mod recall;
mod row;
mod shape;
mod source;
mod table;

use std::path::PathBuf;

use encoding_rs::Encoding;

pub use block::Block;
pub use columns::{Columns, UNKNOWN_MAX, field_of};
pub use error::{FileProblem, ReadError};
pub use header::{HeaderError, map_flags};
pub use recall::Recall;
pub use row::{Cells, Row, RowText};
pub use source::{STDIN, unpacked_name};
pub use table::{Parser, Records, Table};

use crate::model::{Field, Format};

/// How files are to be read; what is not said is found from the file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--format`
    pub format: Option<Format>,
    /// `--delimiter`
    pub delimiter: Option<u8>,
    /// `--encoding`
    pub encoding: Option<&'static Encoding>,
    /// `--map`: columns that hold a field under another header.
    pub map: Vec<(Field, String)>,
}

/// Makes sure that all files are there, before anything is done about any.
///
/// # Errors
/// If one is missing or a folder.
pub fn look(paths: &[PathBuf]) -> Result<(), ReadError> {
    paths.iter().try_for_each(|path| source::look(path))
}

#[cfg(test)]
mod tests;
