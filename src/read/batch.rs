//! Batches of whole rows, split off a stream by one thread so that they can be checked in parallel.
//!
//! CSV rows are parsed on the way: plain ones here, all others by csv-core. Invariant: no row is in two batches, and only a row that is longer than
//! [`ROW_MAX`] is not in its batch as a whole.

use std::io::{self, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use memchr::{memchr, memchr_iter, memchr2, memchr3};
use simdutf8::basic::from_utf8;

use super::document::{NextValue, next_value};
use super::lines::{ends_line, line_ends, past_line_end, without_line_ends};

/// The longest row, in bytes.
pub(super) const ROW_MAX: usize = 1024 * 1024;

/// How much is read at a time, in bytes: about the size of a batch.
const TARGET: usize = 256 * 1024;

/// How much of a longer row is kept, in bytes.
const KEPT: usize = 4 * 1024;

/// Rows of a file, as bytes, with the cells of CSV rows.
#[derive(Debug, Default)]
pub struct Batch {
    /// The bytes as they are in the decoded text.
    pub(super) raw: Vec<u8>,
    /// The unquoted cells of all rows, one after the other.
    text: Vec<u8>,
    /// Where each cell ends, counted from the beginning of its row's text.
    ends: Vec<usize>,
    pub(super) rows: Vec<Span>,
    /// Where the batch begins in the decoded text, in bytes.
    pub(super) offset: u64,
    /// The line it begins on, from 1.
    pub(super) line: u64,
    /// Set if its only row is too long to be kept.
    pub(super) too_long: Option<LongRow>,
}

/// One row of a batch, or a blank line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Its bytes, with its line end.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where its cells begin, and which of the ends are theirs.
    text: usize,
    ends: (usize, usize),
}

/// A row longer than [`ROW_MAX`]. Only its beginning is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LongRow {
    /// Its length in bytes, without its line end.
    pub(super) length: u64,
    /// How many lines it has.
    pub(super) lines: u64,
}

/// The cells of one CSV row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cells<'a> {
    text: &'a str,
    ends: &'a [usize],
}

impl<'a> Cells<'a> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// One cell.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a str> {
        let start = if index == 0 { 0 } else { *self.ends.get(index - 1)? };
        self.text.get(start..*self.ends.get(index)?)
    }

    /// All cells, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        (0..self.count()).filter_map(|index| self.get(index))
    }

    /// All cells, copied.
    #[must_use]
    pub fn owned(&self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }

    /// Whether no cell holds anything but white space.
    pub(super) fn are_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

impl Batch {
    /// Some of its bytes; `offset` counts from the beginning of the decoded text.
    #[must_use]
    pub fn part(&self, offset: u64, length: usize) -> &[u8] {
        let start = usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        self.raw.get(start..).and_then(|rest| rest.get(..length)).unwrap_or_default()
    }

    /// How many rows and blank lines it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The text of all cells.
    pub(super) fn text(&self) -> &str {
        // The raw bytes were checked, and unquoting only removes ASCII.
        from_utf8(&self.text).unwrap_or_default()
    }

    /// The cells of a row; `text` is [`Batch::text`].
    pub(super) fn cells<'a>(&'a self, text: &'a str, row: &Span) -> Cells<'a> {
        let ends = &self.ends[row.ends.0..row.ends.1];
        let length = ends.last().copied().unwrap_or_default();
        Cells { text: text.get(row.text..row.text + length).unwrap_or_default(), ends }
    }

    /// The rows of a text, which has no row beyond the bound.
    pub(super) fn of_text(bytes: Vec<u8>, grammar: Grammar) -> Self {
        let mut splitter = Splitter::new(Box::new(io::empty()), grammar);
        (splitter.buffer, splitter.is_ended) = (bytes, true);
        splitter.next().ok().flatten().unwrap_or_default()
    }

    /// How much text and how many cells it has.
    fn filled(&self) -> (usize, usize) {
        (self.text.len(), self.ends.len())
    }

    /// Removes the cells behind these.
    fn cut(&mut self, filled: (usize, usize)) {
        self.text.truncate(filled.0);
        self.ends.truncate(filled.1);
    }

    /// Adds a row whose cells are those behind `from`.
    fn push(&mut self, start: usize, end: usize, from: (usize, usize)) {
        self.rows.push(Span { start, end, text: from.0, ends: (from.1, self.ends.len()) });
    }
}

/// What divides a stream into rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    /// Line ends outside quotes; cells are delimited by this byte.
    Csv(u8),
    /// The same with commas; each row is one line, whatever line ends are in its quotes.
    Sheet,
    /// Line ends.
    Lines,
    /// JSON values, one after the other, to the end of an array or of the file.
    Json,
}

/// Splits a stream.
pub(super) struct Splitter {
    source: Box<dyn Read + Send>,
    grammar: Grammar,
    core: Reader,
    /// What was read and not given out yet; begins with a row or a blank line.
    buffer: Vec<u8>,
    is_ended: bool,
    /// Where what was not given out yet begins in the decoded text, in bytes.
    pub(super) offset: u64,
    /// The line it begins on, from 1.
    pub(super) line: u64,
    /// How much is read at a time.
    target: usize,
    row_max: usize,
    /// What is behind the last JSON value.
    pub(super) after: Vec<u8>,
}

impl Splitter {
    pub(super) fn new(source: Box<dyn Read + Send>, grammar: Grammar) -> Self {
        let delimiter = if let Grammar::Csv(delimiter) = grammar { delimiter } else { b',' };
        let core = ReaderBuilder::new().delimiter(delimiter).build();
        let (buffer, is_ended) = (Vec::new(), false);
        let (target, row_max) = (TARGET, ROW_MAX);
        Self { source, grammar, core, buffer, is_ended, offset: 0, line: 1, target, row_max, after: Vec::new() }
    }

    #[cfg(test)]
    pub(super) fn with_sizes(self, target: usize, row_max: usize) -> Self {
        Self { target, row_max, ..self }
    }

    /// The next rows; nothing after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Batch>> {
        let mut batch = Batch { offset: self.offset, line: self.line, ..Batch::default() };
        loop {
            let end = self.push_rows(&mut batch)?;
            if end > 0 {
                self.take(end, &mut batch.raw);
                self.line += batch.rows.len() as u64 * u64::from(self.grammar == Grammar::Sheet);
                return Ok(Some(batch));
            }
            if self.is_ended && self.buffer.is_empty() {
                return Ok(None);
            }
            // A line end has two bytes at most.
            let is_too_long = self.is_ended || self.buffer.len().saturating_sub(2) > self.row_max;
            if is_too_long && self.grammar != Grammar::Json {
                return self.skip_row().map(Some);
            }
            self.fill()?;
        }
    }

    /// Adds the rows that are whole in the buffer, and gives where the last one ends. Blank lines are given only with a row after
    /// them, unless they are very many.
    fn push_rows(&mut self, batch: &mut Batch) -> io::Result<usize> {
        let (mut at, mut end, mut count) = (0, 0, 0);
        loop {
            at = self.push_blank_lines(at, batch);
            let Some(next) = self.push_row(at, batch)? else { break };
            (at, end, count) = (next, next, batch.rows.len());
        }
        let rest = &self.buffer[at..];
        let is_over = self.is_ended && rest.is_empty();
        if is_over || end > 0 {
            batch.rows.truncate(count);
            return Ok(if is_over { at } else { end });
        }
        if matches!(rest, [] | b"\r") && at <= self.row_max {
            batch.rows.clear();
            return Ok(0);
        }
        Ok(at)
    }

    /// Moves the first bytes of the buffer out, and counts them.
    fn take(&mut self, length: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.buffer[length..]);
        self.buffer.truncate(length);
        std::mem::swap(out, &mut self.buffer);
        self.offset += length as u64;
        self.line += if self.grammar == Grammar::Sheet { 0 } else { line_ends(out) };
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(self.target);
        let read = self.source.by_ref().take(self.target as u64).read_to_end(&mut self.buffer)?;
        self.is_ended = read < self.target;
        Ok(())
    }

    /// Passes over blank lines: each is a span without cells.
    fn push_blank_lines(&self, mut at: usize, batch: &mut Batch) -> usize {
        while self.grammar != Grammar::Json && self.buffer.get(at).is_some_and(|byte| ends_line(*byte)) {
            // The LF of a CRLF may still come.
            if self.buffer[at..] == *b"\r" && !self.is_ended {
                break;
            }
            let end = past_line_end(&self.buffer, at);
            batch.push(at, end, batch.filled());
            at = end;
        }
        at
    }

    /// Adds the JSON value at `start`, with the white space and commas before it, and gives its end; nothing after the last value,
    /// if it is not whole, and at a broken one that has others before it in its batch.
    fn push_value(&mut self, start: usize, batch: &mut Batch) -> io::Result<Option<usize>> {
        match next_value(&self.buffer[start..], self.is_ended, self.row_max) {
            Ok(NextValue::Ends(length)) => {
                batch.push(start, start + length, batch.filled());
                Ok(Some(start + length))
            }
            Ok(NextValue::None) => self.pass_rest(start).map(|()| None),
            Err(problem) if batch.rows.is_empty() => Err(problem.into()),
            Ok(NextValue::Unread) | Err(_) => Ok(None),
        }
    }

    /// Passes over what is behind the last JSON value, and keeps it.
    fn pass_rest(&mut self, start: usize) -> io::Result<()> {
        self.after = self.buffer.split_off(start);
        self.source.by_ref().take(self.row_max as u64).read_to_end(&mut self.after)?;
        self.is_ended = true;
        let text = self.after.trim_ascii();
        self.after = text.strip_prefix(b",").unwrap_or(text).trim_ascii_start().to_vec();
        Ok(())
    }

    /// Adds the row that begins at `start`, and gives its end, after its line end; nothing if it is not whole, or too long.
    fn push_row(&mut self, start: usize, batch: &mut Batch) -> io::Result<Option<usize>> {
        let (from, input) = (batch.filled(), &self.buffer[start..]);
        let plain = match self.grammar {
            _ if input.is_empty() => return Ok(None),
            Grammar::Json => return self.push_value(start, batch),
            Grammar::Csv(delimiter) => plain_row(input, delimiter, batch),
            Grammar::Sheet => plain_row(input, b',', batch),
            Grammar::Lines => None,
        };
        let length = plain.or_else(|| {
            batch.cut(from);
            self.parse_row(start, batch)
        });
        if let Some(length) = length {
            let end = self.past_line_feed(start + length);
            // The LF of a CRLF may still come.
            let is_whole = self.is_ended || end < self.buffer.len() || !self.buffer.ends_with(b"\r");
            if is_whole && without_line_ends(&self.buffer[start..end]).len() <= self.row_max {
                batch.push(start, end, from);
                return Ok(Some(end));
            }
        }
        batch.cut(from);
        Ok(None)
    }

    /// Reads a row; gives its length with the first byte of its line end, or nothing if it is not whole.
    fn parse_row(&mut self, start: usize, batch: &mut Batch) -> Option<usize> {
        self.reset();
        let mut at = start;
        while at < self.buffer.len() || self.is_ended {
            let (read, is_done) = self.advance(at, batch);
            at += read;
            if is_done {
                return Some(at - start);
            }
        }
        None
    }

    /// The end of a row with the LF of its CRLF, which the parser leaves.
    fn past_line_feed(&self, end: usize) -> usize {
        end + usize::from(self.buffer[..end].ends_with(b"\r") && self.buffer.get(end) == Some(&b'\n'))
    }

    /// Prepares the parser for a row: it removes a byte-order mark from what it reads first, but that is text in the middle of a file.
    fn reset(&mut self) {
        self.core.reset();
        self.core.read_record(b"\n", &mut [0; 8], &mut [0; 8]);
    }

    /// Reads on in the row; gives how many bytes were read, and whether the row has ended.
    fn advance(&mut self, at: usize, batch: &mut Batch) -> (usize, bool) {
        let input = &self.buffer[at..];
        if self.grammar == Grammar::Lines {
            let end = memchr2(b'\n', b'\r', input);
            return end.map_or((input.len(), self.is_ended), |end| (end + 1, true));
        }
        let (mut text, mut ends) = ([0; 1024], [0; 32]);
        let (result, read, written, counted) = self.core.read_record(input, &mut text, &mut ends);
        batch.text.extend_from_slice(&text[..written]);
        batch.ends.extend_from_slice(&ends[..counted]);
        (read, matches!(result, ReadRecordResult::Record | ReadRecordResult::End))
    }

    /// Passes over the row at the beginning of the buffer, which is too long, and keeps its beginning.
    fn skip_row(&mut self) -> io::Result<Batch> {
        let (offset, line) = (self.offset, self.line);
        let kept = &self.buffer[..KEPT.min(self.buffer.len())];
        let kept = kept.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        let mut batch = Batch::of_text(self.buffer[..kept].to_vec(), self.grammar);
        self.reset();
        let (mut scratch, mut at) = (Batch::default(), 0);
        loop {
            scratch.cut((0, 0));
            let (read, is_done) = self.advance(at, &mut scratch);
            at += read;
            if is_done {
                break;
            }
            if at == self.buffer.len() && !self.is_ended {
                // A CRLF must not be cut in two.
                let kept = if self.buffer.ends_with(b"\r\n") { 2 } else { 1 };
                self.take(at - kept, &mut Vec::new());
                at = kept;
                self.fill()?;
            }
        }
        if at == self.buffer.len() && !self.is_ended {
            self.fill()?;
        }
        at = self.past_line_feed(at);
        let length = self.offset + without_line_ends(&self.buffer[..at]).len() as u64 - offset;
        self.take(at, &mut Vec::new());
        batch.rows.truncate(1);
        batch.too_long = Some(LongRow { length, lines: (self.line - line).max(1) });
        self.line += u64::from(self.grammar == Grammar::Sheet);
        (batch.offset, batch.line) = (offset, line);
        Ok(batch)
    }
}

/// Reads a row as most are: its quotes, if it has any, are around whole cells and not inside them, and no cell begins with
/// a space. Finds what csv-core would, in a third of the time. Gives its length with the first byte of its line end.
fn plain_row(input: &[u8], delimiter: u8, batch: &mut Batch) -> Option<usize> {
    let (mut at, start) = (0, batch.text.len());
    loop {
        let (cell, length) = match input.get(at..)? {
            [b' ', ..] => return None,
            [b'"', inner @ ..] => memchr(b'"', inner).map(|end| (&inner[..end], end + 2))?,
            rest => memchr3(delimiter, b'\n', b'\r', rest).map(|end| (&rest[..end], end))?,
        };
        batch.text.extend_from_slice(cell);
        batch.ends.push(batch.text.len() - start);
        at += length + 1;
        match *input.get(at - 1)? {
            b'\n' | b'\r' => return Some(at),
            byte if byte == delimiter => {}
            _ => return None,
        }
    }
}

/// What is unusual about the quotes of a CSV row.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Quotes {
    pub(super) stray: Option<StrayText>,
    /// Whether there is a quote inside a cell that does not begin with one.
    pub(super) has_literal: bool,
    /// Where the quote opens that never closes.
    pub(super) open: Option<usize>,
}

/// The first text after a closing quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StrayText {
    /// Where the cell's quote opens.
    pub(super) opened: usize,
    /// Where the text begins.
    pub(super) begins: usize,
    /// The cell's index.
    pub(super) index: usize,
}

impl Quotes {
    /// Reads a row as csv-core does: a quote opens a cell only as its first byte.
    pub(super) fn of(row: &[u8], delimiter: u8) -> Self {
        let mut quotes = Self::default();
        let mut doubled = None;
        for at in memchr_iter(b'"', row) {
            match quotes.open {
                _ if doubled == Some(at) => {}
                None if at == 0 || row[at - 1] == delimiter => quotes.open = Some(at),
                None => quotes.has_literal = true,
                Some(_) if row.get(at + 1) == Some(&b'"') => doubled = Some(at + 1),
                Some(opened) => {
                    quotes.open = None;
                    let rest = &row[at + 1..];
                    let text = memchr3(delimiter, b'\n', b'\r', rest).map_or(rest, |end| &rest[..end]);
                    if quotes.stray.is_none() && !text.trim_ascii().is_empty() {
                        let before = Batch::of_text(row[..opened].to_vec(), Grammar::Csv(delimiter));
                        let index = before.rows.last().map_or(0, |row| row.ends.1 - row.ends.0 - 1);
                        quotes.stray = Some(StrayText { opened, begins: at + 1, index });
                    }
                }
            }
        }
        quotes
    }
}
