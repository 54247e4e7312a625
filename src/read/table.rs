//! One opened file: its layout, its batches, and the parser that makes rows of them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use simdutf8::compat::from_utf8;

use super::batch::{Batch, Grammar, Splitter};
use super::delimiter::delimiter_of;
use super::error::{FileProblem, ReadError};
use super::guess::readings;
use super::lines::{ends_line, line_ends};
use super::row::Row;
use super::source::{self, Again, Source, explain};
use super::{Notes, ReadOptions, csv, json};
use crate::model::{Field, Format, Layout};

/// How many further lines with bytes of another encoding are named.
const LINES_MAX: usize = 20;

/// One opened file: an iterator over its batches.
pub struct Table {
    parser: Arc<Parser>,
    splitter: Splitter,
    first: Option<Batch>,
}

/// An opened file.
pub struct Opened {
    /// Its batches.
    pub table: Table,
    /// Reads parts of it again.
    pub again: Again,
    /// What is wrong with its header, although it is likely to mean something.
    pub flaw: Option<ReadError>,
}

impl Table {
    /// Opens a file (or standard input, for `-`) and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read as a table at all.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Opened, ReadError> {
        Self::read_header(path, source::open(path, options.encoding)?, options)
    }

    /// The same for a stream; `path` is its name in messages.
    ///
    /// # Errors
    /// If it cannot be read as a table at all.
    pub fn of_stream(path: &Path, stream: Box<dyn Read + Send>, options: &ReadOptions) -> Result<Opened, ReadError> {
        Self::read_header(path, source::of_stream(path, stream, options.encoding)?, options)
    }

    fn read_header(path: &Path, source: Source, options: &ReadOptions) -> Result<Opened, ReadError> {
        let format = options.format.unwrap_or_else(|| source.format(path));
        if let Some(problem) = source.misfit(format, options) {
            return Err(problem.at(path, 1, None));
        }
        let Source { head, is_decoded, mut origin, mut stream, again } = source;
        let (delimiter, announced) = match format {
            Format::Csv => delimiter_of(&head, options),
            Format::Jsonl => (b',', 0),
        };
        let grammar = if format == Format::Csv { Grammar::Csv(delimiter) } else { Grammar::Lines };
        let skipped = stream.by_ref().take(announced as u64).read_to_end(&mut Vec::new());
        skipped.map_err(|reason| explain(reason).of(path))?;
        let mut splitter = Splitter::new(stream, grammar);
        if announced > 0 {
            origin.push("the line `sep=` removed".to_owned());
            splitter.begin_at(announced as u64, 2);
        }
        let mut first = loop {
            let batch = splitter.next().map_err(|reason| explain(reason).of(path))?;
            let batch = batch.ok_or_else(|| FileProblem::Empty.of(path))?;
            text_of(&batch, path, is_decoded)?;
            if !batch.raw.trim_ascii().is_empty() {
                break batch;
            }
        };
        let line = first.line + line_ends(&first.raw[..first.raw.len() - first.raw.trim_ascii_start().len()]);
        let (kind, flaw) = match format {
            Format::Csv => {
                let (parser, errors) = csv::CsvParser::open(delimiter, &mut first, options);
                let error = || FileProblem::Header(errors.clone()).at(path, line, None);
                let flaw = (!errors.is_empty()).then(error);
                (ParserKind::Csv(Box::new(parser.ok_or_else(error)?)), flaw)
            }
            Format::Jsonl => (ParserKind::Json(json::JsonParser::new(&options.map)), None),
        };
        let header = if let ParserKind::Csv(parser) = &kind { parser.header().to_vec() } else { Vec::new() };
        // One column has no delimiter; a copy of it is read with commas.
        let written = if header.len() == 1 { b',' } else { delimiter };
        let layout = Layout { format, delimiter: written, header };
        let parser = Arc::new(Parser { path: path.to_owned(), grammar, layout, is_decoded, origin, kind });
        Ok(Opened { table: Self { parser, splitter, first: Some(first) }, again, flaw })
    }

    /// The next batch takes the memory of this one.
    pub fn reuse(&mut self, batch: Batch) {
        self.splitter.reuse(batch);
    }

    /// What makes rows of its batches.
    #[must_use]
    pub fn parser(&self) -> Arc<Parser> {
        Arc::clone(&self.parser)
    }
}

impl Iterator for Table {
    type Item = Result<Batch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        let line = self.splitter.line();
        self.splitter.next().map_err(|reason| explain(reason).at(&self.parser.path, line, None)).transpose()
    }
}

/// Makes rows of the batches of one file.
#[derive(Debug)]
pub struct Parser {
    path: PathBuf,
    grammar: Grammar,
    /// Whether a decoder replaces what it cannot decode.
    is_decoded: bool,
    layout: Layout,
    origin: Vec<String>,
    kind: ParserKind,
}

#[derive(Debug)]
enum ParserKind {
    Csv(Box<csv::CsvParser>),
    Json(json::JsonParser),
}

impl Parser {
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
        let raw = text_of(batch, &self.path, self.is_decoded)?;
        match &self.kind {
            ParserKind::Csv(parser) => parser.rows(batch, raw, notes, each),
            ParserKind::Json(parser) => parser.rows(batch, raw, notes, each),
        }
        Ok(())
    }

    /// What is found in the first row of these bytes, which are a part of the file.
    ///
    /// # Errors
    /// If the file was changed meanwhile.
    pub fn read_again<T>(&self, bytes: Vec<u8>, mut read: impl FnMut(&Row<'_>) -> Option<T>) -> Result<T, ReadError> {
        let batch = Batch::of_text(bytes, self.grammar);
        let mut found = None;
        self.rows(&batch, &mut Notes::default(), &mut |row| {
            if found.is_none() {
                found = read(row);
            }
        })?;
        let changed = || std::io::Error::other("the file was changed while it was read; start again");
        found.ok_or_else(|| FileProblem::Io(changed()).of(&self.path))
    }

    /// What the header says about its columns; the keys of JSON lines are only found row by row.
    #[must_use]
    pub fn notes(&self) -> Notes {
        let mut notes = Notes::default();
        if let ParserKind::Csv(parser) = &self.kind {
            notes.unknown(parser.columns.unknown.iter().cloned());
            parser.columns.used.iter().for_each(|(field, column)| notes.used(*field, column));
        }
        notes
    }

    /// The column that holds a field, if it has another name than the field.
    #[must_use]
    pub fn column(&self, field: Field) -> Option<&str> {
        if let ParserKind::Csv(parser) = &self.kind { parser.column(field) } else { None }
    }

    /// The index of the column that holds a field, in CSV.
    #[must_use]
    pub fn index(&self, field: Field) -> Option<usize> {
        if let ParserKind::Csv(parser) = &self.kind { parser.columns.index(field) } else { None }
    }

    /// The field that a key holds, in JSON lines.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<Field> {
        if let ParserKind::Json(parser) = &self.kind { parser.field(key) } else { None }
    }

    /// How the file is laid out.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How the file differs from plain UTF-8, in words: what a copy changes.
    #[must_use]
    pub fn origin(&self) -> &[String] {
        &self.origin
    }
}

/// The text of a batch, or the first place that is not in the expected encoding.
fn text_of<'a>(batch: &'a Batch, path: &Path, is_decoded: bool) -> Result<&'a str, ReadError> {
    let at = |good: usize, problem: FileProblem| {
        let before = &batch.raw[..good];
        let line_start = before.iter().rposition(|byte| ends_line(*byte)).map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[line_start..]).chars().count() as u64 + 1;
        problem.at(path, batch.line + line_ends(before), Some(column))
    };
    match from_utf8(&batch.raw) {
        Err(error) if is_decoded => Err(at(error.valid_up_to(), FileProblem::Undecodable)),
        Err(error) => {
            let (good, bad) = batch.raw.split_at(error.valid_up_to());
            let (byte, readings) = (bad[0], readings(&batch.raw, good.len()));
            let problem = if good.is_ascii() {
                FileProblem::NotUtf8 { byte, readings }
            } else {
                FileProblem::Mixed { byte, readings, lines: further_lines(batch, good.len()) }
            };
            Err(at(good.len(), problem))
        }
        Ok(text) if is_decoded => match text.find(char::REPLACEMENT_CHARACTER) {
            Some(bad) => Err(at(bad, FileProblem::Undecodable)),
            None => Ok(text),
        },
        Ok(text) => Ok(text),
    }
}

/// The next lines of a batch with bytes that are not UTF-8, after the line of the first of them.
fn further_lines(batch: &Batch, first: usize) -> Vec<u64> {
    let mut lines = Vec::new();
    let (mut at, mut line) = (0, batch.line);
    for chunk in batch.raw.utf8_chunks() {
        line += line_ends(chunk.valid().as_bytes());
        at += chunk.valid().len();
        if at > first && !chunk.invalid().is_empty() && lines.last() != Some(&line) {
            lines.push(line);
        }
        at += chunk.invalid().len();
    }
    let first_line = batch.line + line_ends(&batch.raw[..first]);
    lines.into_iter().filter(|line| *line != first_line).take(LINES_MAX).collect()
}
