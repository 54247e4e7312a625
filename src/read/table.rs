//! One opened file: its dialect and its batches.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::batch::{Batch, Grammar, Splitter};
use super::delimiter::delimiter_of;
use super::document::{Document, first_keys};
use super::error::{ReadError, empty};
use super::header::nameless;
use super::layout::Layout;
use super::lines::{ends_line, line_ends, past_line_end};
use super::source::{self, Source, given_name};
use super::{Parser, ReadOptions};
use crate::model::{Code, ERROR_COLUMN, Entries, Field, InputFormat, Problem, sheet_name, shortened};

/// One opened file: an iterator over its batches.
pub struct Table {
    /// What makes rows of its batches.
    pub parser: Arc<Parser>,
    /// What is wrong with the file's header, although it is likely to mean something.
    pub flaw: Option<ReadError>,
    splitter: Splitter,
    first: Option<Batch>,
    /// How many rows were given.
    rows: u64,
    document: Option<Document>,
}

impl Table {
    /// Opens a file (or standard input, for `-`) and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read as a table at all.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        Self::of_stream(path, source::open(path)?, options)
    }

    /// The same for a stream; `path` is its name in messages.
    ///
    /// # Errors
    /// If it cannot be read as a table at all.
    pub fn of_stream(path: &Path, stream: Box<dyn Read + Send>, options: &ReadOptions) -> Result<Self, ReadError> {
        let file = path.display().to_string();
        let source = Source::of_stream(stream, options).map_err(|error| error.of(&file))?;
        let file = source.sheets.first().map_or(file.clone(), |sheet| sheet_name(&file, sheet));
        Self::read_header(path, &file, source, options).map_err(|error| error.of(&file))
    }

    fn read_header(path: &Path, file: &str, source: Source, options: &ReadOptions) -> Result<Self, ReadError> {
        let format = options.format.unwrap_or_else(|| source.format(path));
        if let Some(problem) = source.misfit(format, options) {
            return Err(ReadError::at(1, None, problem));
        }
        let Source { head, is_decoded, origin, mut stream, sheets } = source;
        let (is_json, is_sheet) = (format == InputFormat::Json, format == InputFormat::Xlsx);
        let is_named = options.name.is_some();
        let policy = ReadOptions { delimiter: options.delimiter, ..ReadOptions::default() };
        let is_rejects = is_rejects(&head);
        let options = if is_rejects { &policy } else { options };
        let skipped = past_lines(&head, options.skip_lines, is_sheet).ok_or_else(|| {
            Problem::fatal(Code::FileEmpty, "has fewer lines at its beginning than --skip-lines skips")
        })?;
        let of_layout = if is_json { layout_of(&head, options)? } else { None };
        let options = of_layout.as_ref().unwrap_or(options);
        let document = if is_json { Document::find(&head, options)? } else { None };
        let (grammar, announced) = match (format, &document) {
            (InputFormat::Json, Some(_)) => (Grammar::Json, 0),
            (InputFormat::Json, None) => (Grammar::Lines, 0),
            (InputFormat::Xlsx, _) => (Grammar::Sheet, 0),
            (InputFormat::Csv, _) => {
                let (delimiter, announced) = delimiter_of(&head[skipped..], options);
                (Grammar::Csv(delimiter), announced)
            }
        };
        let begins = document.as_ref().map_or(skipped + announced, |document| document.before.len());
        stream.by_ref().take(begins as u64).read_to_end(&mut Vec::new())?;
        let mut splitter = Splitter::new(stream, grammar);
        splitter.line += if is_sheet { options.skip_lines } else { line_ends(&head[..begins]) };
        let mut parser = Parser::new(file.to_owned(), grammar, options.clone());
        (parser.is_decoded, parser.origin, parser.dialect.is_rejects) = (is_decoded, origin, is_rejects);
        parser.origin.extend((announced > 0).then(|| "the line `sep=` removed".to_owned()));
        let mut first = first_batch(&mut splitter, &parser)?;
        let line = first.line + line_ends(&first.raw[..first.raw.len() - first.raw.trim_ascii_start().len()]);
        let at_header = |error: ReadError| ReadError { line: Some(line), ..error };
        let flaws = if is_json {
            parser.name = given_name(path, options);
            let layout = options.of_layout.as_ref();
            parser.notes.problems.extend(layout.map(|layout| layout.note(&options.map, |_| true, false)));
            Vec::new()
        } else {
            parser.read_header(&mut first, path).map_err(at_header)?
        };
        // Rejects have the given name in a column.
        parser.is_of_one_group = is_named || parser.name.is_some();
        parser.notes.problems.extend(place_note(&sheets, document.as_ref()));
        let flaw = (!flaws.is_empty()).then(|| at_header(flaws.into()).of(file));
        Ok(Self { parser: Arc::new(parser), flaw, splitter, first: Some(first), rows: 0, document })
    }

    /// What is wrong with the file as a whole, once all of its batches were given.
    ///
    /// # Errors
    /// If what is around its rows is broken.
    pub fn check_whole(&self) -> Result<Option<Problem>, ReadError> {
        let Some(document) = &self.document else { return Ok(None) };
        let problem = document.check(&self.splitter.after, self.rows, self.parser.options.records.is_some());
        problem.map_err(|problem| ReadError::at(self.splitter.line, None, problem).of(&self.parser.file))
    }
}

impl Iterator for Table {
    type Item = Result<Batch, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.splitter.next().map_err(|error| error.of(&self.parser.file)),
        };
        if let Ok(Some(batch)) = &next {
            self.rows += batch.count() as u64;
        }
        next.transpose()
    }
}

/// Says where in the file the rows are, if they may be elsewhere.
fn place_note(sheets: &[String], document: Option<&Document>) -> Option<Problem> {
    let place = match (sheets, document.and_then(|document| document.path.as_ref())) {
        ([sheet, others @ ..], _) if !others.is_empty() => {
            let others: Vec<String> = others.iter().map(|sheet| format!("`{}`", shortened(sheet))).collect();
            format!("sheet `{}`; --sheet NAME reads another: {}", shortened(sheet), others.join(", "))
        }
        (_, Some(key)) => format!("array `{}`", shortened(key)),
        _ => return None,
    };
    Some(Problem::note(Code::ColumnUsed, format!("the rows are read from the {place}")))
}

/// The options with those of the layout of a JSON document.
fn layout_of(head: &[u8], options: &ReadOptions) -> Result<Option<ReadOptions>, Problem> {
    let rows = |layout: &Layout| vec![first_keys(head, layout.records.as_deref())];
    let found = options.with_layout(|layout| layout.keys.clone(), rows)?.map(|(options, _)| options);
    match found.as_ref().and_then(|options| options.of_layout.as_ref().filter(|_| !options.settles(Field::Name))) {
        Some(layout) => Err(nameless(&layout.what)),
        None => Ok(found),
    }
}

/// The first batch that is not blank; nothing in it if an array has no elements.
fn first_batch(splitter: &mut Splitter, parser: &Parser) -> Result<Batch, ReadError> {
    loop {
        let batch = match splitter.next()? {
            None if parser.grammar == Grammar::Json => return Ok(Batch::default()),
            batch => batch.ok_or_else(empty)?,
        };
        parser.text_of(&batch)?;
        if !batch.raw.trim_ascii().is_empty() {
            return Ok(batch);
        }
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
