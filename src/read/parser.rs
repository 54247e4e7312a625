//! Makes rows of the batches of one file: what their formats (`csv`, `json`) share.

use simdutf8::compat::from_utf8;

use super::batch::{Batch, Grammar};
use super::columns::Columns;
use super::error::ReadError;
use super::guess::{encodings, mixed, readings};
use super::lines::{ends_line, line_ends};
use super::row::Row;
use super::{Notes, ReadOptions};
use crate::model::{Code, Dialect, Field, Format, Problem};

/// How many further lines with bytes of another encoding are named.
const LINES_MAX: usize = 20;

/// Makes rows of the batches of one file.
#[derive(Debug)]
pub struct Parser {
    /// The file's name in messages; that of a workbook has the sheet.
    pub file: String,
    /// The header as it is in the file; empty in JSON lines.
    pub header: Vec<String>,
    /// How the file's rows are written.
    pub dialect: Dialect,
    /// How the file differs from plain UTF-8, in words: what a copy changes.
    pub origin: Vec<String>,
    /// What is known before any row is read.
    pub notes: Notes,
    /// Where each field is; nothing in JSON lines.
    pub(super) columns: Columns,
    pub(super) grammar: Grammar,
    /// Those of the user, filled up with those of the file's layout.
    pub(super) options: ReadOptions,
    /// The name of all groups.
    pub(super) name: Option<String>,
    /// Whether a decoder replaces what it cannot decode.
    pub(super) is_decoded: bool,
}

impl Parser {
    /// A parser that knows no header.
    pub(super) fn new(file: String, grammar: Grammar, options: ReadOptions) -> Self {
        let is_json = matches!(grammar, Grammar::Lines | Grammar::Json);
        let format = if is_json { Format::Jsonl } else { Format::Csv };
        let dialect = Dialect { format, delimiter: grammar.delimiter(), header: Vec::new() };
        let (header, origin, notes, columns) = Default::default();
        Self { file, header, dialect, origin, notes, columns, grammar, options, name: None, is_decoded: false }
    }

    /// Gives each row of a batch.
    ///
    /// # Errors
    /// If the batch is not in the expected encoding; no row is given then.
    pub fn rows<'a>(
        &self,
        batch: &'a Batch,
        notes: &mut Notes,
        each: &mut dyn FnMut(&Row<'a>),
    ) -> Result<(), ReadError> {
        let raw = self.text_of(batch).map_err(|error| error.of(&self.file))?;
        match self.dialect.format {
            Format::Csv => self.csv_rows(batch, raw, notes, each),
            Format::Jsonl => self.json_rows(batch, raw, notes, each),
        }
        Ok(())
    }

    /// The column that holds a field, if it has another name than the field.
    pub fn column(&self, field: Field) -> Option<&str> {
        let column = self.header.get(self.columns.index(field)?)?.trim();
        (!column.eq_ignore_ascii_case(field.as_ref())).then_some(column)
    }

    /// The text of a batch, or the first place that is not in the expected encoding.
    pub(super) fn text_of<'a>(&self, batch: &'a Batch) -> Result<&'a str, ReadError> {
        let at = |good: usize, message: &str| {
            let before = &batch.raw[..good];
            let line_start = before.iter().rposition(|byte| ends_line(*byte)).map_or(0, |at| at + 1);
            let column = String::from_utf8_lossy(&before[line_start..]).chars().count() as u64 + 1;
            let line = batch.line + line_ends(before);
            Err(ReadError::at(line, Some(column), Problem::fatal(Code::EncodingUnknown, message)))
        };
        let undecodable = "is not in the expected encoding; check --encoding, or the end of the file";
        match from_utf8(&batch.raw) {
            Err(error) if self.is_decoded => at(error.valid_up_to(), undecodable),
            Err(error) => {
                let (good, bad) = batch.raw.split_at(error.valid_up_to());
                let readings = readings(&batch.raw, good.len());
                let cure = if good.is_ascii() { encodings(&readings) } else { mixed(&readings, &further_lines(batch)) };
                at(good.len(), &format!("byte 0x{:02X} is not UTF-8{cure}", bad[0]))
            }
            Ok(text) if self.is_decoded => {
                text.find(char::REPLACEMENT_CHARACTER).map_or(Ok(text), |bad| at(bad, undecodable))
            }
            Ok(text) => Ok(text),
        }
    }
}

/// The lines of a batch with bytes that are not UTF-8, after the first of them.
fn further_lines(batch: &Batch) -> Vec<u64> {
    let mut line = batch.line;
    let bad = batch.raw.utf8_chunks().filter_map(|chunk| {
        line += line_ends(chunk.valid().as_bytes());
        (!chunk.invalid().is_empty()).then_some(line)
    });
    let mut lines: Vec<u64> = bad.collect();
    lines.dedup();
    lines.into_iter().skip(1).take(LINES_MAX).collect()
}
