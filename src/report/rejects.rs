//! The rejects: rows that were not imported, as they are in the input, with the column `_error`.
//!
//! They read back as the same rows: a ragged row stays ragged, an open quote stays open.

use std::fs;
use std::path::{Path, PathBuf};

use super::output::{Output, OutputError, is_regular};
use super::rows::{Union, csv_row, has, open_csv_row};
use crate::model::{Code, ERROR_COLUMN, Entries, Format, InputFile, Place, Raw, ResultRow, object};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Rejects that are being written: one file for each format of the input, from its first row on.
pub struct Rejects<'a> {
    outputs: Vec<(Format, PathBuf, Option<Output>)>,
    files: &'a [InputFile],
    union: Union,
    /// The delimiter of the first CSV file.
    delimiter: u8,
    /// The row whose last quote is never closed: it must be the last one.
    tail: Vec<u8>,
}

impl<'a> Rejects<'a> {
    /// Rejects of the first file's format go to `path`, those of the other format beside it.
    pub fn new(path: &Path, files: &'a [InputFile]) -> Self {
        let mut csv_files = files.iter().filter(|file| file.dialect.format == Format::Csv);
        Self {
            outputs: reject_paths(path, files).into_iter().map(|(format, path)| (format, path, None)).collect(),
            files,
            union: Union::of(files),
            delimiter: csv_files.next().map_or(b',', |file| file.dialect.delimiter),
            tail: Vec::new(),
        }
    }

    /// Writes one row that was not imported.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, result: &ResultRow) -> Result<(), OutputError> {
        let Some(Place { file, .. }) = result.place else { return Ok(()) };
        let error = result.error.as_deref().unwrap_or("not attempted: the run stopped before this row");
        let columns = self.union.header.len();
        let text = match &result.raw {
            // Only the last row of the rejects can leave its quote open.
            Raw::OpenQuote(cells) if self.tail.is_empty() => {
                self.tail = open_csv_row(cells, self.delimiter);
                Vec::new()
            }
            Raw::Cells(cells) | Raw::OpenQuote(cells) => csv_row(self.row(file, result, cells, error), self.delimiter),
            // With another delimiter its cells would change: write one cell, and surplus ones to keep the row ragged.
            Raw::Stray(text) if self.files[file].dialect.delimiter != self.delimiter => {
                let mut row = vec![text.clone()];
                row.resize(columns, String::new());
                row.extend([error.to_owned(), String::new()]);
                csv_row(row, self.delimiter)
            }
            Raw::Stray(text) => [text.as_bytes(), &[self.delimiter], &csv_row([error], self.delimiter)].concat(),
            Raw::Line(line) => return self.append(Format::Jsonl, format!("{}\n", with_error(line, error)).as_bytes()),
        };
        self.append(Format::Csv, &text)
    }

    /// Moves the files to their places, removes outdated ones, and returns the paths. Before a file is moved, `note` gets its path
    /// and the temporary file.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn finish<E: From<OutputError>>(
        mut self,
        note: impl Fn(&Path, &Path) -> Result<(), E>,
    ) -> Result<Vec<PathBuf>, E> {
        let tail = std::mem::take(&mut self.tail);
        if !tail.is_empty() {
            self.append(Format::Csv, &tail)?;
        }
        let mut written = Vec::new();
        for (_, path, output) in self.outputs {
            match output {
                Some(output) => {
                    output.finish_noted(|temporary| note(&path, temporary))?;
                    written.push(path);
                }
                // Of an earlier run.
                None if is_regular(&path) => fs::remove_file(&path).map_err(OutputError::at(&path))?,
                None => {}
            }
        }
        Ok(written)
    }

    /// A row under the common header, with the reason. A row of a wrong length gets one cell too many, so that it stays wrong.
    fn row(&self, file: usize, result: &ResultRow, cells: &[String], error: &str) -> Vec<String> {
        let columns = self.union.header.len();
        // A whole row may lack unused cells at its end.
        let is_malformed = result.error_code.as_deref() == Some(Code::RowMalformed.as_ref());
        let width = self.files[file].dialect.header.len();
        let is_open = matches!(result.raw, Raw::OpenQuote(_));
        let is_ragged = is_open || cells.len() > width || cells.len() < width && is_malformed;
        let mut row = self.union.spread(file, cells);
        row.resize(row.len().max(columns), String::new());
        row.push(error.to_owned());
        if is_ragged {
            row.resize(row.len().max(columns + 2), String::new());
        }
        row
    }

    /// The paths of the rejects.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.outputs.iter().map(|(_, path, _)| path.as_path())
    }

    /// Writes to the file of this format, and its header before the first row.
    fn append(&mut self, format: Format, text: &[u8]) -> Result<(), OutputError> {
        for (_, path, output) in self.outputs.iter_mut().filter(|(known, ..)| *known == format) {
            if output.is_none() {
                let output = output.insert(Output::create(path)?);
                if format == Format::Csv {
                    let header = self.union.header.iter().map(String::as_str).chain([ERROR_COLUMN]);
                    // The byte-order mark overrides `--encoding`, so that the first run's flags read these rows too.
                    output.bytes(&[BYTE_ORDER_MARK, &csv_row(header, self.delimiter)].concat())?;
                }
            }
            output.iter_mut().try_for_each(|output| output.bytes(text))?;
        }
        Ok(())
    }
}

/// The path for the rejects of each format: `path` for that of the first file.
pub fn reject_paths(path: &Path, files: &[InputFile]) -> Vec<(Format, PathBuf)> {
    let main = files.first().map_or(Format::Csv, |file| file.dialect.format);
    let of = |format: Format| match path.extension() {
        _ if format == main => path.to_owned(),
        Some(extension) if extension == main.as_ref() => path.with_extension(format.as_ref()),
        _ => path.with_added_extension(format.as_ref()),
    };
    let formats = [Format::Csv, Format::Jsonl].into_iter().filter(|format| has(files, *format));
    formats.map(|format| (format, of(format))).collect()
}

/// The object on the line with the reason added; a line that is not an object is unchanged.
fn with_error(line: &str, error: &str) -> String {
    let Ok(Entries(entries)) = serde_json::from_str(line) else { return line.to_owned() };
    let error = serde_json::Value::from(error).to_string();
    let kept = entries.iter().map(|(key, value)| (key.as_str(), value.get())).filter(|(key, _)| *key != ERROR_COLUMN);
    object(kept.chain([(ERROR_COLUMN, error.as_str())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_keeps_its_entries_and_gets_the_reason() {
        let line = r#" {"name":"A", "members":[ 1.50,"x"],"name":2,"_error":"old"} "#;
        let expected = r#"{"name":"A","members":[ 1.50,"x"],"name":2,"_error":"say \"no\""}"#;
        assert_eq!(with_error(line, "say \"no\""), expected);
        assert_eq!(with_error("{broken", "no"), "{broken");
    }

    #[test]
    fn an_open_quote_stays_open() {
        let cells = ["A".to_owned(), "say \"b\"\nC,D".to_owned()];
        assert_eq!(open_csv_row(&cells, b';'), b"\"A\";\"say \"\"b\"\"\nC,D");
    }
}
