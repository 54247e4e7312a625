//! The results file: one row for every input row.

use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;

use super::columns::{Union, has};
use super::output::{CsvOutput, Output, OutputError};
use crate::model::{Account, Format, InputFile, Place, Raw, Standing};

/// The column that holds the line of a JSON-lines input.
const INPUT: &str = "input";

/// The results file, on its way.
pub struct Results<'a> {
    files: &'a [InputFile],
    union: Option<Union>,
    /// Whether a file of JSON lines is among them.
    has_lines: bool,
    sheet: Sheet,
}

enum Sheet {
    Csv(Box<CsvOutput>),
    Jsonl(Output),
}

/// One line, in the order of the contract.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the contract names the fields")]
struct Line<'a> {
    file: &'a str,
    row: u64,
    line: u64,
    name: &'a str,
    status: &'a str,
    group_id: Option<&'a str>,
    duplicate_of: Option<Twin>,
    attempts: u32,
    http_status: Option<u16>,
    error_code: Option<&'a str>,
    error: Option<&'a str>,
}

/// The row repeated: its number, with its file where that is another.
#[derive(Serialize)]
#[serde(untagged)]
enum Twin {
    Here(u64),
    Elsewhere(String),
}

#[derive(Serialize)]
struct LineWithInput<'a> {
    #[serde(flatten)]
    line: Line<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
}

const HEADER: [&str; 11] = [
    "file",
    "row",
    "line",
    "name",
    "status",
    "group_id",
    "duplicate_of",
    "attempts",
    "http_status",
    "error_code",
    "error",
];

impl<'a> Results<'a> {
    /// Begins the file; JSON lines if its name ends so.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path, files: &'a [InputFile], with_input: bool) -> Result<Self, OutputError> {
        let union = with_input.then(|| Union::of(files));
        let has_lines = has(files, Format::Jsonl);
        if path.extension().is_some_and(|extension| extension == Format::Jsonl.extension()) {
            return Ok(Self { files, union, has_lines, sheet: Sheet::Jsonl(Output::create(path)?) });
        }
        let mut output = CsvOutput::create(path, b',')?;
        let inputs = union.iter().flat_map(|union| union.header.iter().map(String::as_str));
        let lines = (with_input && has_lines).then_some(INPUT);
        output.row(HEADER.into_iter().chain(inputs).chain(lines))?;
        Ok(Self { files, union, has_lines, sheet: Sheet::Csv(Box::new(output)) })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write<S: Standing>(&mut self, account: &Account<S>) -> Result<(), OutputError> {
        let line = Line {
            file: &self.files[account.place.file].path,
            row: account.place.row,
            line: account.place.line,
            name: &account.name,
            status: account.status.as_str(),
            group_id: account.group_id.as_deref(),
            duplicate_of: account.duplicate_of.map(|twin| self.twin(account.place, twin)),
            attempts: account.attempts,
            http_status: account.http_status,
            error_code: account.error_code.as_deref(),
            error: account.error.as_deref(),
        };
        let file = &self.files[account.place.file];
        match &mut self.sheet {
            Sheet::Csv(output) => {
                let inputs =
                    self.union.iter().flat_map(|union| input_cells(union, self.has_lines, account.place, &account.raw));
                output.row(line.cells().into_iter().chain(inputs))
            }
            Sheet::Jsonl(output) => {
                let input = self.union.is_some().then(|| input_value(&file.layout.header, &account.raw));
                output.line(&json(&LineWithInput { line, input }))
            }
        }
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(self) -> Result<(), OutputError> {
        match self.sheet {
            Sheet::Csv(output) => output.finish(),
            Sheet::Jsonl(output) => output.finish(),
        }
    }

    fn twin(&self, row: Place, twin: Place) -> Twin {
        if row.file == twin.file {
            return Twin::Here(twin.row);
        }
        Twin::Elsewhere(format!("{}:{}", self.files[twin.file].path, twin.row))
    }
}

impl Line<'_> {
    fn cells(&self) -> Vec<String> {
        let number = |number: Option<u16>| number.map(|number| number.to_string()).unwrap_or_default();
        vec![
            self.file.to_owned(),
            self.row.to_string(),
            self.line.to_string(),
            self.name.to_owned(),
            self.status.to_owned(),
            self.group_id.unwrap_or_default().to_owned(),
            match &self.duplicate_of {
                None => String::new(),
                Some(Twin::Here(row)) => row.to_string(),
                Some(Twin::Elsewhere(place)) => place.clone(),
            },
            self.attempts.to_string(),
            number(self.http_status),
            self.error_code.unwrap_or_default().to_owned(),
            self.error.unwrap_or_default().to_owned(),
        ]
    }
}

/// The cells of a CSV row under the common header, or nothing there and the line of JSON after it.
/// Every row of the results has the same length: what a ragged row has too much stands in the rejects only.
fn input_cells(union: &Union, has_lines: bool, place: Place, raw: &Raw) -> Vec<String> {
    let (mut cells, line) = match raw {
        Raw::Cells(cells) | Raw::OpenQuote(cells) => (union.spread(place.file, cells), None),
        Raw::Stray(text) => (vec![text.clone()], None),
        Raw::Line(line) => (Vec::new(), Some(line.clone())),
    };
    cells.resize(union.header.len(), String::new());
    if has_lines {
        cells.push(line.unwrap_or_default());
    }
    cells
}

/// The cells of a CSV row by their columns, or the object a line of JSON holds; what is neither, as text.
fn input_value(header: &[String], raw: &Raw) -> Box<RawValue> {
    let text = match raw {
        Raw::Cells(cells) | Raw::OpenQuote(cells) if cells.len() == header.len() => {
            let pairs: serde_json::Map<String, serde_json::Value> =
                header.iter().cloned().zip(cells.iter().map(|cell| cell.as_str().into())).collect();
            json(&pairs)
        }
        Raw::Cells(cells) | Raw::OpenQuote(cells) => json(cells),
        Raw::Stray(text) => json(text),
        Raw::Line(line) => match serde_json::from_str::<&RawValue>(line) {
            Ok(object) => object.get().to_owned(),
            Err(_) => json(line),
        },
    };
    RawValue::from_string(text).unwrap_or_default()
}

/// The values written here have text for keys and no way to fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
