//! The cleaned copy that `validate --fix` writes, in UTF-8 with LF.

use std::path::Path;

use super::output::{Output, OutputError, csv_row};
use crate::model::{Dialect, Format};

/// A cleaned copy that is being written.
pub struct Cleaned(Output);

impl Cleaned {
    /// Begins the copy at `path`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path, dialect: &Dialect) -> Result<Self, OutputError> {
        let mut output = Output::create(path)?;
        if dialect.format == Format::Csv {
            output.bytes(&csv_row(dialect.header.iter().map(|column| column.trim()), dialect.delimiter))?;
        }
        Ok(Self(output))
    }

    /// Writes a row, which includes its line end.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn row(&mut self, text: &[u8]) -> Result<(), OutputError> {
        self.0.bytes(text)
    }

    /// Moves the copy to its place.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn finish(self) -> Result<(), OutputError> {
        self.0.finish()
    }
}
