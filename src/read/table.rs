//! One opened file: its dialect, its batches, and the parser that makes rows of them.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use simdutf8::compat::from_utf8;

use super::batch::{Batch, Grammar, Splitter};
use super::delimiter::delimiter_of;
use super::document::{Document, first_keys};
use super::error::{FileProblem, ReadError};
use super::guess::{encodings, mixed, readings};
use super::header::nameless;
use super::layout::Layout;
use super::lines::{ends_line, line_ends, past_line_end};
use super::row::Row;
use super::source::{self, Again, Source, given_name};
use super::{Notes, ReadOptions, csv, json};
use crate::model::{Code, Dialect, ERROR_COLUMN, Entries, Field, Format, InputFormat, Problem, sheet_name};

/// How many further lines with bytes of another encoding are named.
const LINES_MAX: usize = 20;

/// One opened file: an iterator over its batches.
pub struct Table {
    /// What makes rows of its batches.
    pub parser: Arc<Parser>,
    splitter: Splitter,
    first: Option<Batch>,
    /// How many rows were given.
    rows: u64,
    document: Option<Document>,
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
        Self::read_header(path, source::open(path, options)?, options)
    }

    /// The same for a stream; `path` is its name in messages.
    ///
    /// # Errors
    /// If it cannot be read as a table at all.
    pub fn of_stream(path: &Path, stream: Box<dyn Read + Send>, options: &ReadOptions) -> Result<Opened, ReadError> {
        Self::read_header(path, source::of_stream(path, stream, options)?, options)
    }

    fn read_header(path: &Path, source: Source, options: &ReadOptions) -> Result<Opened, ReadError> {
        let format = options.format.unwrap_or_else(|| source.format(path));
        if let Some(problem) = source.misfit(format, options) {
            return Err(problem.at(path, 1, None));
        }
        let Source { head, is_decoded, mut origin, mut stream, again, sheets } = source;
        let (file, is_sheet) = (path, format == InputFormat::Xlsx);
        let path = sheets.first().map(|sheet| sheet_name(&path.display().to_string(), sheet).into());
        let path: &PathBuf = &path.unwrap_or_else(|| file.to_owned());
        let policy = ReadOptions { delimiter: options.delimiter, ..ReadOptions::default() };
        let options = if is_rejects(&head) { &policy } else { options };
        let skipped = past_lines(&head, options.skip_lines, is_sheet).ok_or_else(|| {
            FileProblem::new(Code::FileEmpty, "has fewer lines at its beginning than --skip-lines skips").of(path)
        })?;
        let (delimiter, announced) = match format {
            InputFormat::Csv => delimiter_of(&head[skipped..], options),
            InputFormat::Json | InputFormat::Xlsx => (b',', 0),
        };
        let is_json = format == InputFormat::Json;
        let of_layout = if is_json { layout_of(&head, options).map_err(|problem| problem.of(path))? } else { None };
        let options = of_layout.as_ref().unwrap_or(options);
        let document = if is_json { Document::find(&head, options).map_err(|problem| problem.of(path))? } else { None };
        let grammar = match &document {
            Some(_) => Grammar::Json,
            None if is_json => Grammar::Lines,
            None if is_sheet => Grammar::Sheet,
            None => Grammar::Csv(delimiter),
        };
        let begins = document.as_ref().map_or(skipped + announced, |document| document.before.len());
        let passed = stream.by_ref().take(begins as u64).read_to_end(&mut Vec::new());
        passed.map_err(|reason| FileProblem::from(reason).of(path))?;
        let mut splitter = Splitter::new(stream, grammar);
        splitter.offset = begins as u64;
        splitter.line += if is_sheet { options.skip_lines } else { line_ends(&head[..begins]) };
        origin.extend((announced > 0).then(|| "the line `sep=` removed".to_owned()));
        let mut first = first_batch(&mut splitter, path, is_decoded, document.is_some())?;
        let line = first.line + line_ends(&first.raw[..first.raw.len() - first.raw.trim_ascii_start().len()]);
        let error = |problems| ReadError { path: path.to_owned(), line: Some(line), column: None, problems };
        let (kind, flaws) = if is_json {
            let name = given_name(file, options);
            let parser = json::JsonParser { options: options.clone(), name, document: document.clone() };
            (ParserKind::Json(Box::new(parser)), Vec::new())
        } else {
            let (parser, flaws) = csv::CsvParser::open(grammar, &mut first, options, file).map_err(error)?;
            (ParserKind::Csv(Box::new(parser)), flaws)
        };
        let (header, copied, notes) = match &kind {
            ParserKind::Csv(parser) => (parser.shape.header.clone(), parser.header(), parser.notes()),
            ParserKind::Json(parser) => (Vec::new(), Vec::new(), parser.notes()),
        };
        let notes = Notes { sheets, ..notes };
        // One column has no delimiter; a copy of it is read with commas.
        let delimiter = if copied.len() == 1 { b',' } else { delimiter };
        let format = if is_json { Format::Jsonl } else { Format::Csv };
        let dialect = Dialect { format, delimiter, header: copied };
        let parser = Parser { path: path.to_owned(), header, dialect, origin, notes, grammar, is_decoded, kind };
        let table = Self { parser: Arc::new(parser), splitter, first: Some(first), rows: 0, document };
        Ok(Opened { table, again, flaw: (!flaws.is_empty()).then(|| error(flaws)) })
    }

    /// What is wrong with the file as a whole, once all of its batches were given.
    ///
    /// # Errors
    /// If what is around its rows is broken.
    pub fn check_whole(&self) -> Result<Option<Problem>, ReadError> {
        let Some(document) = &self.document else { return Ok(None) };
        let (path, line) = (&self.parser.path, self.splitter.line);
        document.check(&self.splitter.after, self.rows).map_err(|problem| problem.at(path, line, None))
    }
}

impl Iterator for Table {
    type Item = Result<Batch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.splitter.line;
        let next = match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.splitter.next().map_err(|reason| unread(reason, &self.parser.path, line)),
        };
        if let Ok(Some(batch)) = &next {
            self.rows += batch.count() as u64;
        }
        next.transpose()
    }
}

/// Makes rows of the batches of one file.
#[derive(Debug)]
pub struct Parser {
    /// The file's name in messages; that of a workbook has the sheet.
    pub path: PathBuf,
    /// The header as it is in the file; empty in JSON lines.
    pub header: Vec<String>,
    /// How the file's rows are written.
    pub dialect: Dialect,
    /// How the file differs from plain UTF-8, in words: what a copy changes.
    pub origin: Vec<String>,
    /// What the header says about its columns; the keys of JSON lines are only found row by row.
    pub notes: Notes,
    grammar: Grammar,
    /// Whether a decoder replaces what it cannot decode.
    is_decoded: bool,
    kind: ParserKind,
}

#[derive(Debug)]
enum ParserKind {
    Csv(Box<csv::CsvParser>),
    Json(Box<json::JsonParser>),
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
        let changed = "the file was changed while it was read; start again";
        found.ok_or_else(|| FileProblem::new(Code::FileUnreadable, changed).of(&self.path))
    }

    /// The column that holds a field, if it has another name than the field.
    #[must_use]
    pub fn column(&self, field: Field) -> Option<&str> {
        if let ParserKind::Csv(parser) = &self.kind { parser.column(field) } else { None }
    }

    /// The index of the column that holds a field where a CSV row is written again.
    #[must_use]
    pub fn index(&self, field: Field) -> Option<usize> {
        if let ParserKind::Csv(parser) = &self.kind { parser.index(field) } else { None }
    }

    /// The field that a key holds, in JSON lines.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<Field> {
        if let ParserKind::Json(parser) = &self.kind { parser.field(key) } else { None }
    }
}

/// The options with those of the layout of a JSON document.
fn layout_of(head: &[u8], options: &ReadOptions) -> Result<Option<ReadOptions>, FileProblem> {
    let find = |layout: &Layout| {
        let keys = first_keys(head, layout.records.as_deref());
        layout.keys.iter().all(|key| keys.contains(key)).then_some(())
    };
    let found = options.with_layout(|layout| &layout.keys, find)?.map(|(options, ())| options);
    match found.as_ref().and_then(|options| options.of_layout.as_ref().filter(|_| !options.settles(Field::Name))) {
        Some(layout) => Err(nameless(&layout.what)),
        None => Ok(found),
    }
}

/// The first batch that is not blank; nothing in it if an array has no elements.
fn first_batch(splitter: &mut Splitter, path: &Path, is_decoded: bool, is_document: bool) -> Result<Batch, ReadError> {
    loop {
        let line = splitter.line;
        let batch = match splitter.next().map_err(|reason| unread(reason, path, line))? {
            None if is_document => return Ok(Batch::default()),
            batch => batch.ok_or_else(|| FileProblem::empty().of(path))?,
        };
        text_of(&batch, path, is_decoded)?;
        if !batch.raw.trim_ascii().is_empty() {
            return Ok(batch);
        }
    }
}

/// Why no batch comes after this line; if the file cannot be read any further, no line is named.
fn unread(reason: io::Error, path: &Path, line: u64) -> ReadError {
    match FileProblem::from(reason) {
        problem if problem.code == Code::JsonMalformed => problem.at(path, line, None),
        problem => problem.of(path),
    }
}

/// Where the line (of a sheet: the row) after this many begins, if there is one in the head of a file.
fn past_lines(head: &[u8], lines: u64, is_sheet: bool) -> Option<usize> {
    if is_sheet {
        let rows = Batch::of_text(head.to_vec(), Grammar::Sheet).rows;
        return rows.get(usize::try_from(lines).ok()?).map(|row| row.start);
    }
    (0..lines).try_fold(0, |at, _| {
        let end = head[at..].iter().position(|byte| ends_line(*byte))?;
        Some(past_line_end(head, at + end))
    })
}

/// Whether these are rejects: they are read without the options that read the first file.
fn is_rejects(head: &[u8]) -> bool {
    let line = head.split(|byte| ends_line(*byte)).find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    match serde_json::from_str(&line) {
        Ok(Entries(entries)) => entries.iter().any(|(key, _)| key == ERROR_COLUMN),
        Err(_) => line.split([',', ';', '\t', '|']).any(|cell| cell.trim_matches([' ', '"']) == ERROR_COLUMN),
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
    let undecodable = || {
        let message = "is not in the expected encoding; check --encoding, or the end of the file";
        FileProblem::new(Code::EncodingUnknown, message)
    };
    match from_utf8(&batch.raw) {
        Err(error) if is_decoded => Err(at(error.valid_up_to(), undecodable())),
        Err(error) => {
            let (good, bad) = batch.raw.split_at(error.valid_up_to());
            let readings = readings(&batch.raw, good.len());
            let cure = if good.is_ascii() { encodings(&readings) } else { mixed(&readings, &further_lines(batch)) };
            let message = format!("byte 0x{:02X} is not UTF-8{cure}", bad[0]);
            Err(at(good.len(), FileProblem::new(Code::EncodingUnknown, message)))
        }
        Ok(text) if is_decoded => match text.find(char::REPLACEMENT_CHARACTER) {
            Some(bad) => Err(at(bad, undecodable())),
            None => Ok(text),
        },
        Ok(text) => Ok(text),
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
