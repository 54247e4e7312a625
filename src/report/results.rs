//! The results file: one row for every input row.

use std::path::Path;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::output::{Output, OutputError};
use super::rows::{Union, csv_cell, csv_row, has};
use crate::model::{Format, InputFile, Place, Raw, ResultRow, object, without_sheet};

/// The contract's columns.
const COLUMNS: &str =
    "file,row,line,name,status,group_id,duplicate_of,attempts,http_status,error_code,error,changes,warnings";
/// The column that holds the line of a JSON-lines input.
const INPUT: &str = "input";

/// A results file that is being written.
pub struct Results<'a> {
    output: Output,
    is_jsonl: bool,
    files: &'a [InputFile],
    /// The input's columns, if they are asked for.
    union: Option<Union>,
}

impl<'a> Results<'a> {
    /// Begins the file; JSON lines if its name ends in `.jsonl`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path, files: &'a [InputFile], with_input: bool) -> Result<Self, OutputError> {
        let (mut output, union) = (Output::create(path)?, with_input.then(|| Union::of(files)));
        let is_jsonl = path.extension().is_some_and(|extension| extension == Format::Jsonl.as_ref());
        if !is_jsonl {
            let inputs = union.iter().flat_map(|union| &union.header).map(String::as_str);
            let line = (with_input && has(files, Format::Jsonl)).then_some(INPUT);
            output.bytes(&csv_row(COLUMNS.split(',').chain(inputs).chain(line), b','))?;
        }
        Ok(Self { output, is_jsonl, files, union })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, result: &ResultRow) -> Result<(), OutputError> {
        let file = result.place.map(|place| place.file);
        // The number of the row that is repeated, preceded by its file if that is another one.
        let twin = |twin: Place| match &self.files[twin.file].path {
            _ if Some(twin.file) == file => Value::from(twin.row),
            path => format!("{}:{}", without_sheet(path), twin.row).into(),
        };
        let values: [Value; 13] = [
            file.map(|file| without_sheet(&self.files[file].path)).into(),
            result.place.map(|place| place.row).into(),
            result.place.map(|place| place.line).into(),
            result.name.as_str().into(),
            result.status.as_ref().into(),
            result.group_id.as_deref().into(),
            result.duplicate_of.map_or(Value::Null, twin),
            result.attempts.into(),
            result.http_status.into(),
            result.error_code.as_deref().into(),
            result.error.as_deref().into(),
            result.changes.as_deref().into(),
            result.warnings.as_deref().into(),
        ];
        if self.is_jsonl {
            let header = file.map_or(&[][..], |file| &self.files[file].dialect.header);
            let input = self.union.as_ref().map(|_| (INPUT, input_value(header, &result.raw)));
            let pairs = COLUMNS.split(',').zip(values.map(|value| value.to_string())).chain(input);
            return self.output.bytes(format!("{}\n", object(pairs)).as_bytes());
        }
        let inputs = self.union.as_ref().map(|union| self.input_cells(union, file, &result.raw));
        let row = csv_row(values.iter().map(csv_cell).chain(inputs.unwrap_or_default()), b',');
        self.output.bytes(&row)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(self) -> Result<(), OutputError> {
        self.output.finish()
    }

    /// The cells of a CSV row under the common header, or empty cells followed by the line of JSON.
    /// All rows of the results have the same length: surplus cells of a ragged row are only in the rejects.
    fn input_cells(&self, union: &Union, file: Option<usize>, raw: &Raw) -> Vec<String> {
        let (mut cells, line) = match raw {
            Raw::Cells(cells) | Raw::OpenQuote(cells) => {
                (file.map_or_else(Vec::new, |file| union.spread(file, cells)), "")
            }
            Raw::Stray(text) => (vec![text.clone()], ""),
            Raw::Line(line) => (Vec::new(), line.as_str()),
        };
        cells.resize(union.header.len(), String::new());
        cells.extend(has(self.files, Format::Jsonl).then(|| line.to_owned()));
        cells
    }
}

/// The cells of a CSV row by their columns, or the JSON object of the line; anything else as text.
fn input_value(header: &[String], raw: &Raw) -> String {
    let value = match raw {
        Raw::Cells(cells) | Raw::OpenQuote(cells) if cells.len() == header.len() => {
            let pairs: Map<_, _> = header.iter().cloned().zip(cells.iter().map(|cell| cell.as_str().into())).collect();
            Value::Object(pairs)
        }
        Raw::Cells(cells) | Raw::OpenQuote(cells) => cells.as_slice().into(),
        Raw::Stray(text) => text.as_str().into(),
        Raw::Line(line) => match serde_json::from_str::<&RawValue>(line) {
            Ok(object) => return object.get().to_owned(),
            Err(_) => line.as_str().into(),
        },
    };
    value.to_string()
}
