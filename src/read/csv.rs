//! CSV: blocks become rows of cells, by the csv project's parser. Pure.
//!
//! Rows with nothing unusual about them are parted without copying; tests hold that to what the parser makes of them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use ::csv::{ReaderBuilder, StringRecord};
use csv_core::{ReadRecordResult, Reader};
use memchr::{memchr, memchr2, memchr3};

use super::Options;
use super::block::{Block, End};
use super::columns::{Columns, HeaderError, Meaning, meaning};
use super::cutter::ROW_MAX;
use super::lines::{ends_line, line_ends, past_line_end};
use super::row::{Cells, Row, RowText, too_long};
use crate::model::{Cell, Fault, Field, Fields, shortened};

/// The delimiters that are looked for, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Knows the columns of one file.
#[derive(Debug)]
pub(super) struct Parser {
    delimiter: u8,
    columns: Columns,
    header: Vec<String>,
}

impl Parser {
    /// Takes the header off the first block.
    pub(super) fn open(delimiter: u8, block: &mut Block, options: &Options) -> Result<Self, Vec<HeaderError>> {
        let mut machine = Machine::new(delimiter);
        let end = machine.read(&block.bytes);
        if let Some(error) = broken(block, end) {
            return Err(vec![error]);
        }
        let header: Vec<String> = machine.cells().iter().map(str::to_owned).collect();
        let columns = Columns::of(&header, &options.map)?;
        block.drop_row(end);
        Ok(Self { delimiter, columns, header })
    }

    /// The header's cells.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The columns that are no field.
    pub(super) fn unknown(&self) -> &BTreeSet<String> {
        &self.columns.unknown
    }

    /// The index of the column that holds a field.
    pub(super) fn index(&self, field: Field) -> Option<usize> {
        self.columns.fields.iter().find(|(held, _)| *held == field).map(|(_, index)| *index)
    }

    /// The column that holds a field, if it has another name than the field.
    pub(super) fn column(&self, field: Field) -> Option<&str> {
        let column = self.header.get(self.index(field)?)?.trim();
        (!column.eq_ignore_ascii_case(field.as_str())).then_some(column)
    }

    /// Gives each row of a block; `text` is its text.
    pub(super) fn rows(&self, block: &Block, text: &str, each: &mut dyn FnMut(Row<'_>)) {
        let bytes = text.as_bytes();
        let is_narrow = self.header.len() == 1;
        let mut machine = None;
        let mut bounds = Vec::new();
        let (mut at, mut line) = (0, block.line);
        if is_narrow {
            (0..block.blanks).for_each(|blank| each(self.blank(block, 0, block.line - block.blanks + blank)));
        }
        while let Some(first) = bytes.get(at) {
            let start = at;
            if ends_line(*first) {
                at = past_line_end(bytes, at);
                if is_narrow {
                    each(self.blank(block, start, line));
                }
                line += 1;
            } else if let Some((end, lines)) = plain_row(bytes, at, self.delimiter, &mut bounds) {
                at = end;
                each(self.row(block, start, &text[start..at], line, Cells { text, bounds: &bounds }));
                line += lines;
            } else {
                let machine = machine.get_or_insert_with(|| Machine::new(self.delimiter));
                at += machine.read(&bytes[start..]);
                each(self.row(block, start, &text[start..at], line, machine.cells()));
                line += line_ends(&bytes[start..at]);
            }
        }
    }

    /// A blank line of a file of one column is a row without a name.
    fn blank(&self, block: &Block, at: usize, line: u64) -> Row<'static> {
        let cells = Cells { text: "", bounds: &[(0, 0)] };
        Row { offset: block.offset + at as u64, line, fields: Ok(self.fields(&cells)), text: RowText::Cells(cells) }
    }

    fn row<'a>(&self, block: &Block, at: usize, raw: &'a str, line: u64, cells: Cells<'a>) -> Row<'a> {
        let bytes = raw.as_bytes();
        let offset = block.offset + at as u64;
        let (text, fields) = match block.end {
            End::OpenQuote { line, lines } => (RowText::OpenQuote(cells), Err(open_quote(line, lines))),
            End::TooLong { length, quote } => (self.cut(cells), Err(too_long(length, quote))),
            End::Whole if bytes.len() > ROW_MAX => (self.cut(cells), Err(too_long(bytes.len() as u64, None))),
            End::Whole => match self.stray(block, at, bytes) {
                Some(fault) => (RowText::Stray(raw.trim_end_matches(['\n', '\r'])), Err(fault)),
                None => (RowText::Cells(cells), self.ragged(&cells).map_or_else(|| Ok(self.fields(&cells)), Err)),
            },
        };
        Row { offset, line, fields, text }
    }

    /// A row of which only the beginning was kept must never pass for a whole one: it gets a cell too many.
    fn cut<'a>(&self, cells: Cells<'a>) -> RowText<'a> {
        RowText::Cut { cells, width: self.header.len() + 1 }
    }

    fn fields<'a>(&self, cells: &Cells<'a>) -> Fields<'a> {
        let mut fields = Fields::default();
        for (field, index) in &self.columns.fields {
            *fields.cell_mut(*field) = cells.get(*index).map_or(Cell::Absent, |text| Cell::Text(Cow::Borrowed(text)));
        }
        fields
    }

    fn ragged(&self, cells: &Cells<'_>) -> Option<Fault> {
        let (count, width) = (cells.count(), self.header.len());
        match count.cmp(&width) {
            Ordering::Equal => None,
            Ordering::Less => Some(format!(
                "the row has only {count} of the header's {width} cells; empty cells need their delimiters too"
            )),
            Ordering::Greater => Some(format!(
                "the row has {count} cells where the header has {width}; a cell that holds the delimiter needs quotes around it{}",
                quote_after_space(cells)
            )),
        }
        .map(Fault::malformed)
    }

    /// Text between a closing quote and the end of its cell: one of the quotes is no closing one. Spaces do no harm.
    fn stray(&self, block: &Block, at: usize, bytes: &[u8]) -> Option<Fault> {
        let from = block.strays.partition_point(|stray| *stray < at);
        let strays = block.strays[from..].iter().map(|stray| stray - at).take_while(|stray| *stray < bytes.len());
        let end = |stray: usize| {
            let is_end = |byte: &u8| *byte == self.delimiter || ends_line(*byte);
            stray + bytes[stray..].iter().position(is_end).unwrap_or(bytes.len() - stray)
        };
        let text = |stray: usize| String::from_utf8_lossy(&bytes[stray..end(stray)]).trim().to_owned();
        let (stray, text) = strays.map(|stray| (stray, text(stray))).find(|(_, text)| !text.is_empty())?;
        let mut machine = Machine::new(self.delimiter);
        machine.read(&bytes[..stray]);
        let index = machine.cells().count().saturating_sub(1);
        let column =
            self.header.get(index).map_or_else(|| format!("cell {}", index + 1), |name| shortened(name.trim()));
        Some(Fault::malformed(format!(
            "{column}: `{}` stands between a closing quote and the end of the cell; a quote inside of quotes is written twice (\"\")",
            shortened(&text)
        )))
    }
}

/// A row with nothing unusual about its quotes, as most are, is parted where it stands: its end, and how many lines it
/// takes. Anything else is left to the parser.
fn plain_row(bytes: &[u8], start: usize, delimiter: u8, bounds: &mut Vec<(usize, usize)>) -> Option<(usize, u64)> {
    let (mut at, mut lines) = (start, 1);
    bounds.clear();
    loop {
        let rest = &bytes[at..];
        let end = if rest.first() == Some(&b'"') {
            let length = memchr(b'"', &rest[1..])?;
            let cell = &rest[1..=length];
            lines += if memchr2(b'\n', b'\r', cell).is_some() { line_ends(cell) } else { 0 };
            bounds.push((at + 1, at + 1 + length));
            at + length + 2
        } else {
            let end = at + memchr3(delimiter, b'\n', b'\r', rest).unwrap_or(rest.len());
            bounds.push((at, end));
            end
        };
        match bytes.get(end) {
            None => return Some((end, lines)),
            Some(byte) if *byte == delimiter => at = end + 1,
            Some(byte) if ends_line(*byte) => return Some((past_line_end(bytes, end), lines)),
            Some(_) => return None,
        }
    }
}

/// A header row that is not whole.
fn broken(block: &Block, end: usize) -> Option<HeaderError> {
    match block.end {
        End::OpenQuote { lines, .. } => Some(HeaderError::OpenQuote { lines }),
        End::TooLong { .. } => Some(HeaderError::TooLong),
        End::Whole => block.strays.first().filter(|stray| **stray < end).map(|_| HeaderError::Stray),
    }
}

fn open_quote(line: u64, lines: u64) -> Fault {
    Fault::malformed(format!(
        "the quote opened on line {line} never closes; it swallowed {lines} line{}, to the end of the file",
        if lines == 1 { "" } else { "s" }
    ))
}

/// A quote is one only at the beginning of a cell.
fn quote_after_space(cells: &Cells<'_>) -> &'static str {
    let is_so = cells.iter().any(|cell| cell.starts_with(' ') && cell.trim_start().starts_with('"'));
    if is_so { "; a quote must be the first character of its cell: remove the space before it" } else { "" }
}

/// The csv project's parser, and the row that it read last.
struct Machine {
    core: Reader,
    text: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    bounds: Vec<(usize, usize)>,
}

impl Machine {
    fn new(delimiter: u8) -> Self {
        let mut core = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        // The parser takes a byte-order mark off what it reads first, and in mid-file it is none.
        core.read_record(b"\n", &mut [0; 8], &mut [0; 8]);
        Self { core, text: vec![0; 1024], written: 0, ends: vec![0; 16], bounds: Vec::new() }
    }

    /// Reads one row, which begins with the first byte; gives its length with its line end.
    fn read(&mut self, bytes: &[u8]) -> usize {
        let (mut taken, mut count) = (0, 0);
        self.written = 0;
        loop {
            let (text, ends) = (&mut self.text[self.written..], &mut self.ends[count..]);
            // Once all is taken, a call with nothing ends the row.
            let (result, read, written, counted) = self.core.read_record(&bytes[taken..], text, ends);
            taken += read;
            self.written += written;
            count += counted;
            match result {
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        self.bounds.clear();
        self.bounds.extend(starts.zip(self.ends.iter().copied()).take(count));
        // The parser leaves the LF of a CRLF to the next row.
        let is_cr = taken > 0 && bytes[taken - 1] == b'\r';
        taken + usize::from(is_cr && bytes.get(taken) == Some(&b'\n'))
    }

    /// The cells; the bytes were UTF-8, so they are.
    fn cells(&self) -> Cells<'_> {
        let text = std::str::from_utf8(&self.text[..self.written]).unwrap_or_default();
        Cells { text, bounds: &self.bounds }
    }
}

/// The delimiter under which the header has most fields, then most cells.
pub(super) fn delimiter_of(head: &[u8], options: &Options) -> u8 {
    let score = |delimiter: &u8| {
        let mut header = StringRecord::new();
        let mut builder = ReaderBuilder::new();
        builder.delimiter(*delimiter).has_headers(false).flexible(true);
        let read = builder.from_reader(head).read_record(&mut header);
        let is_field = |cell: &&str| matches!(meaning(cell, &options.map), Meaning::Holds(_));
        read.map_or((0, 0), |_| (header.iter().filter(is_field).count(), header.len()))
    };
    DELIMITERS.into_iter().rev().max_by_key(score).unwrap_or(DELIMITERS[0])
}
