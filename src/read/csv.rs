//! CSV: cells by the csv crate, places by the tape beneath it.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::io;

use ::csv::{Error, ErrorKind, Reader, ReaderBuilder, StringRecord};

use super::columns::{Columns, HeaderError, Meaning, meaning};
use super::source::{Bytes, Source};
use super::tape::{LineStart, explain};
use super::{Options, ReadError};
use crate::model::{Cell, Fault, Fields, Format, Layout, Place, Raw, Record};

/// Stands after the last byte. Where it does not come back as a row of its own, a quote was left open:
/// the csv crate itself says nothing of that.
const END: &str = "\n\u{0}\u{4}\u{0}\u{4}\u{0}\n";

/// The delimiters that are looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The data rows of one CSV file.
pub(super) struct Rows {
    reader: Reader<Bytes>,
    columns: Columns,
    width: usize,
    last: Place,
    record: StringRecord,
    /// Rows found and not yet given out.
    ready: VecDeque<Record>,
    is_ended: bool,
}

impl Rows {
    /// Finds the delimiter and reads the header.
    pub(super) fn open(source: Source, file: usize, options: &Options) -> Result<(Layout, Self), ReadError> {
        let path = source.path.clone();
        let delimiter = options.delimiter.unwrap_or_else(|| delimiter_of(&source.head, options));
        let mut reader = builder(delimiter).from_reader(source.into_bytes(END.as_bytes()));
        let mut record = StringRecord::new();
        reader.read_record(&mut record).map_err(|error| explain(&path, into_io(error)))?;
        let (_, line) = lines_of(&mut reader, &record);
        if is_over(&reader) {
            return Err(ReadError::Header { path, line, reason: HeaderError::OpenQuote });
        }
        let header: Vec<String> = record.iter().map(str::to_owned).collect();
        let columns = Columns::of(&header, &options.map).map_err(|reason| ReadError::Header { path, line, reason })?;
        let rows = Self {
            reader,
            columns,
            width: header.len(),
            last: Place { file, row: 0, line },
            record,
            ready: VecDeque::new(),
            is_ended: false,
        };
        Ok((Layout { format: Format::Csv, delimiter, header }, rows))
    }

    /// The columns that are no field.
    pub(super) fn unknown(&self) -> &BTreeSet<String> {
        &self.columns.unknown
    }

    fn read(&mut self) -> Result<(), Error> {
        if !self.reader.read_record(&mut self.record)? || (is_over(&self.reader) && is_end(&self.record)) {
            self.is_ended = true;
            return Ok(());
        }
        let (blanks, line) = lines_of(&mut self.reader, &self.record);
        if self.width == 1 {
            for blank in blanks {
                let cells = vec![String::new()];
                let fields = Ok(self.fields(&cells));
                self.push(blank.number, Raw::Cells(cells), fields);
            }
        }
        let mut cells: Vec<String> = self.record.iter().map(str::to_owned).collect();
        if let Some(fault) = self.open_quote(&mut cells, line) {
            self.push(line, Raw::OpenQuote(cells), Err(fault));
            return Ok(());
        }
        let fields = match ragged(cells.len(), self.width) {
            Some(fault) => Err(fault),
            None => Ok(self.fields(&cells)),
        };
        self.push(line, Raw::Cells(cells), fields);
        Ok(())
    }

    fn push(&mut self, line: u64, raw: Raw, fields: Result<Fields, Fault>) {
        self.last = Place { row: self.last.row + 1, line, ..self.last };
        self.ready.push_back(Record { place: self.last, raw, fields });
    }

    fn fields(&self, cells: &[String]) -> Fields {
        let mut fields = Fields::default();
        for (field, index) in &self.columns.fields {
            *fields.cell_mut(*field) = Cell::Text(cells[*index].clone());
        }
        fields
    }

    /// Takes the end mark off the last cell, if a quote that was left open let it in.
    fn open_quote(&mut self, cells: &mut [String], line: u64) -> Option<Fault> {
        if !is_over(&self.reader) {
            return None;
        }
        let (last, before) = cells.split_last_mut()?;
        let length = last.strip_suffix(END)?.len();
        last.truncate(length);
        self.is_ended = true;
        let opened = line + before.iter().map(|cell| line_ends(cell)).sum::<u64>();
        Some(Fault::malformed(format!(
            "the quote opened on line {opened} never closes; it swallowed {} lines, to the end of the file",
            line_ends(last.trim_end_matches(['\r', '\n'])) + 1
        )))
    }
}

impl Iterator for Rows {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.is_ended {
            if let Err(error) = self.read() {
                self.is_ended = true;
                return Some(Err(into_io(error)));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

fn builder(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(delimiter).has_headers(false).flexible(true).buffer_capacity(64 * 1024);
    builder
}

/// The delimiter under which the header has most fields, then most cells.
fn delimiter_of(head: &[u8], options: &Options) -> u8 {
    let score = |delimiter: &u8| {
        let mut header = StringRecord::new();
        let read = builder(*delimiter).from_reader(head).read_record(&mut header);
        let is_field = |cell: &&str| matches!(meaning(cell, &options.map), Meaning::Holds(_));
        read.map(|_| (header.iter().filter(is_field).count(), header.len())).unwrap_or_default()
    };
    // `max_by_key` gives the last of equals: the likeliest must come last.
    DELIMITERS.into_iter().rev().max_by_key(score).unwrap_or(DELIMITERS[0])
}

/// Whether the end mark has been read, as a row or into one. What looks like it before the end is a row like any other.
fn is_over(reader: &Reader<Bytes>) -> bool {
    let mark = reader.get_ref().length().map(|length| length + END.len() as u64);
    mark.is_some_and(|end| reader.position().byte() >= end)
}

fn is_end(record: &StringRecord) -> bool {
    record.len() == 1 && record.get(0) == Some(END.trim_matches('\n'))
}

/// The blank lines before a record, and the line it begins on.
fn lines_of(reader: &mut Reader<Bytes>, record: &StringRecord) -> (Vec<LineStart>, u64) {
    let offset = record.position().map_or(0, ::csv::Position::byte);
    let tape = reader.get_mut();
    let mut blanks = Vec::new();
    while let Some(start) = tape.line_from(offset).filter(|start| start.is_blank) {
        blanks.push(start);
        tape.take_line();
    }
    let line = tape.line_from(offset).map_or(tape.line(), |start| start.number);
    (blanks, line)
}

fn ragged(cells: usize, width: usize) -> Option<Fault> {
    match cells.cmp(&width) {
        Ordering::Equal => None,
        Ordering::Less => Some(format!(
            "the row has only {cells} of the header's {width} cells; empty cells need their delimiters too"
        )),
        Ordering::Greater => Some(format!(
            "the row has {cells} cells where the header has {width}; a cell that holds the delimiter needs quotes around it"
        )),
    }
    .map(Fault::malformed)
}

fn line_ends(text: &str) -> u64 {
    let crlf = text.matches("\r\n").count();
    (text.matches(['\r', '\n']).count() - crlf) as u64
}

fn into_io(error: Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, format!("{other:?}")),
    }
}
