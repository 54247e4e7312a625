//! The results file: one row for every input row.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;

use super::columns::{Union, has};
use super::output::{Output, OutputError};
use crate::model::{Format, InputFile, Outcome, OutcomeStatus, Place, Raw};

/// The column that holds the line of a JSON-lines input.
const INPUT: &str = "input";

/// A results file that is being written.
pub struct Results<'a> {
    path: PathBuf,
    files: &'a [InputFile],
    union: Option<Union>,
    /// Whether a file of JSON lines is among them.
    has_lines: bool,
    sheet: Sheet,
}

enum Sheet {
    Csv(Box<csv::Writer<Output>>),
    Jsonl(Output),
}

/// One line; its fields are the contract's columns.
#[derive(Default, Serialize)]
struct ResultLine<'a> {
    file: &'a str,
    row: u64,
    line: u64,
    name: &'a str,
    status: &'static str,
    group_id: Option<&'a str>,
    duplicate_of: Option<Twin>,
    attempts: u32,
    http_status: Option<u16>,
    error_code: Option<&'a str>,
    error: Option<&'a str>,
    changes: Option<&'a str>,
    warnings: Option<&'a str>,
}

/// The row that is repeated: its number, preceded by its file if that is another one.
#[derive(Serialize)]
#[serde(untagged)]
enum Twin {
    Here(u64),
    Elsewhere(String),
}

#[derive(Serialize)]
struct ResultWithInput<'a> {
    #[serde(flatten)]
    line: ResultLine<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Box<RawValue>>,
}

impl<'a> Results<'a> {
    /// Begins the file; JSON lines if its name ends in `.jsonl`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path, files: &'a [InputFile], with_input: bool) -> Result<Self, OutputError> {
        let union = with_input.then(|| Union::of(files));
        let has_lines = has(files, Format::Jsonl);
        let output = Output::create(path)?;
        let is_jsonl = path.extension().is_some_and(|extension| extension == Format::Jsonl.extension());
        let sheet = if is_jsonl {
            Sheet::Jsonl(output)
        } else {
            Sheet::Csv(Box::new(csv::WriterBuilder::new().has_headers(false).from_writer(output)))
        };
        let mut results = Self { path: path.to_owned(), files, union, has_lines, sheet };
        results.header().map_err(|reason| results.error(reason))?;
        Ok(results)
    }

    /// Writes the header of a CSV file: the names of the fields, then the input's columns if they were asked for.
    fn header(&mut self) -> io::Result<()> {
        let Sheet::Csv(output) = &mut self.sheet else { return Ok(()) };
        let mut sample = csv::Writer::from_writer(Vec::new());
        sample.serialize(ResultLine::default())?;
        let sample = sample.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        let mut header = csv::Reader::from_reader(sample.as_slice()).headers()?.clone();
        if let Some(union) = &self.union {
            header.extend(union.header.iter().map(String::as_str).chain(self.has_lines.then_some(INPUT)));
        }
        Ok(output.write_record(&header)?)
    }

    /// Writes one row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write<S: OutcomeStatus>(&mut self, outcome: &Outcome<S>) -> Result<(), OutputError> {
        let file = &self.files[outcome.place.file];
        let line = ResultLine {
            file: &file.path,
            row: outcome.place.row,
            line: outcome.place.line,
            name: &outcome.name,
            status: outcome.status.as_str(),
            group_id: outcome.group_id.as_deref(),
            duplicate_of: outcome.duplicate_of.map(|twin| self.twin(outcome.place, twin)),
            attempts: outcome.attempts,
            http_status: outcome.http_status,
            error_code: outcome.error_code.as_deref(),
            error: outcome.error.as_deref(),
            changes: None,
            warnings: outcome.warnings.as_deref(),
        };
        let union = self.union.as_ref();
        let written = match &mut self.sheet {
            Sheet::Csv(output) => {
                let inputs = union.map(|union| input_cells(union, self.has_lines, outcome.place, &outcome.raw));
                output.serialize((line, inputs.unwrap_or_default())).map_err(io::Error::from)
            }
            Sheet::Jsonl(output) => {
                let input = union.map(|_| input_value(&file.layout.header, &outcome.raw));
                writeln!(output, "{}", json(&ResultWithInput { line, input }))
            }
        };
        written.map_err(|reason| self.error(reason))
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(self) -> Result<(), OutputError> {
        match self.sheet {
            Sheet::Csv(output) => match output.into_inner() {
                Ok(output) => output.finish(),
                Err(error) => Err(OutputError { path: self.path, reason: io::Error::from(error.error().kind()) }),
            },
            Sheet::Jsonl(output) => output.finish(),
        }
    }

    fn error(&self, reason: io::Error) -> OutputError {
        OutputError { path: self.path.clone(), reason }
    }

    fn twin(&self, row: Place, twin: Place) -> Twin {
        if row.file == twin.file {
            return Twin::Here(twin.row);
        }
        Twin::Elsewhere(format!("{}:{}", self.files[twin.file].path, twin.row))
    }
}

/// The cells of a CSV row under the common header, or empty cells followed by the line of JSON.
/// All rows of the results have the same length: surplus cells of a ragged row are only in the rejects.
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

/// The cells of a CSV row by their columns, or the JSON object of the line; anything else as text.
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

/// Cannot fail: all keys are strings.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
