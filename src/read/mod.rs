//! Files become rows: encodings, CSV, JSON lines, headers.
//!
//! Judges nothing but whether a row can be read; what a field may hold is `check`'s business.

mod columns;
mod csv;
mod jsonl;
mod source;
mod tape;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;

pub use columns::{Columns, HeaderError};
pub use source::STDIN;

use crate::model::{Field, Format, Layout, Record, shown_path};

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

/// A file cannot be read as a table.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened or read.
    #[error("{}: {reason}", shown_path(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// It is a folder.
    #[error("{}: is a folder; name the files in it", shown_path(.0))]
    Folder(PathBuf),
    /// It holds nothing.
    #[error("{}: the file is empty; a header row with a column `name`, or JSON lines, were expected", shown_path(.0))]
    Empty(PathBuf),
    /// It is not in the encoding expected.
    #[error(
        "{}:{line}:{column}: byte 0x{byte:02X} is not UTF-8; say how the file is encoded, for example --encoding windows-1252",
        shown_path(path)
    )]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Line of the first bad byte, from 1.
        line: u64,
        /// Its column in characters, from 1.
        column: u64,
        /// The byte.
        byte: u8,
    },
    /// It is not in the encoding named, or is cut off in mid-character.
    #[error(
        "{}:{line}:{column}: is not in the encoding expected; check --encoding, or the file's end",
        shown_path(path)
    )]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// Line of the first place that does not decode, from 1.
        line: u64,
        /// Its column in characters, from 1.
        column: u64,
    },
    /// It looks like UTF-16 and has no byte-order mark.
    #[error("{}:1:1: looks like UTF-16 without a byte-order mark; add --encoding {encoding}", shown_path(path))]
    Utf16WithoutMark {
        /// The file.
        path: PathBuf,
        /// The encoding it seems to be in.
        encoding: &'static str,
    },
    /// It is one JSON array.
    #[error("{}:1: is a JSON array; one object a line is expected: `jq -c '.[]' FILE` makes it so", shown_path(.0))]
    JsonArray(PathBuf),
    /// Its header cannot be used.
    #[error("{}:{line}: {reason}", shown_path(path))]
    Header {
        /// The file.
        path: PathBuf,
        /// The header's line.
        line: u64,
        /// What is wrong with it.
        reason: HeaderError,
    },
}

/// Makes sure that all files are there, before anything is done about any.
///
/// # Errors
/// If one is missing or a folder.
pub fn look(paths: &[PathBuf]) -> Result<(), ReadError> {
    paths.iter().try_for_each(|path| source::look(path))
}

/// One file, laid open: an iterator over its rows.
pub struct Table {
    path: PathBuf,
    layout: Layout,
    rows: Rows,
}

enum Rows {
    Csv(Box<csv::Rows>),
    Jsonl(Box<jsonl::Rows>),
}

impl Table {
    /// Opens a file (or standard input, for `-`) and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read as a table at all.
    pub fn open(path: &Path, file: usize, options: &Options) -> Result<Self, ReadError> {
        let source = source::open(path, options.encoding)?;
        let (layout, rows) = match options.format.unwrap_or_else(|| source.format()) {
            Format::Csv => {
                let (layout, rows) = csv::Rows::open(source, file, options)?;
                (layout, Rows::Csv(Box::new(rows)))
            }
            Format::Jsonl => {
                let layout = Layout { format: Format::Jsonl, delimiter: b',', header: Vec::new() };
                (layout, Rows::Jsonl(Box::new(jsonl::Rows::open(source, file, options)?)))
            }
        };
        Ok(Self { path: path.to_owned(), layout, rows })
    }

    /// How the file is laid out.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Columns or keys seen so far that are no field of a group, in alphabetical order.
    #[must_use]
    pub fn unknown_columns(&self) -> &BTreeSet<String> {
        match &self.rows {
            Rows::Csv(rows) => rows.unknown(),
            Rows::Jsonl(rows) => rows.unknown(),
        }
    }
}

impl Iterator for Table {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match &mut self.rows {
            Rows::Csv(rows) => rows.next()?,
            Rows::Jsonl(rows) => rows.next()?,
        };
        Some(row.map_err(|reason| tape::explain(&self.path, reason)))
    }
}

#[cfg(test)]
mod tests;
