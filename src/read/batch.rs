//! Batches of whole rows, split off a stream by one thread so that they can be checked in parallel.
//!
//! CSV rows are parsed on the way, to the cells that the csv crate finds. Invariant: no row is in two batches. A row that is longer than
//! [`ROW_MAX`] ends the reading.

use std::io::{self, Read};
use std::mem;

use memchr::{memchr, memchr2, memchr3};
use simdutf8::basic::from_utf8;

use super::ReadError;
use super::document::{NextValue, next_value};
use super::lines::{ends_line, line_ends, past_line_end};
use crate::model::{Code, Problem};

/// The longest row, in bytes.
pub(super) const ROW_MAX: usize = 1024 * 1024;

/// How much is read at a time, in bytes: about the size of a batch.
const TARGET: usize = 256 * 1024;

/// Rows of a file, as bytes, with the cells of CSV rows.
#[derive(Debug, Default)]
pub struct Batch {
    /// The bytes as they are in the decoded text.
    pub(super) raw: Vec<u8>,
    /// The unquoted cells of all rows, one after the other.
    text: Vec<u8>,
    /// Where each cell ends in that text.
    ends: Vec<usize>,
    pub(super) rows: Vec<Span>,
    /// The line it begins on, from 1.
    pub(super) line: u64,
}

/// One row of a batch, or a blank line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Its bytes, with its line end.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Which of the ends are those of its cells.
    ends: (usize, usize),
    pub(super) quotes: Quotes,
}

/// What is unusual about the quotes of a CSV row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quotes {
    pub(super) stray: Option<StrayText>,
    /// Whether a cell begins with a space and has a quote after it.
    pub(super) has_spaced: bool,
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

impl Batch {
    /// How many rows and blank lines it has.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The text of all cells.
    pub(super) fn text(&self) -> &str {
        // The raw bytes were checked, and unquoting only removes ASCII.
        from_utf8(&self.text).unwrap_or_default()
    }

    /// The cells of a row; `text` is [`Batch::text`].
    pub(super) fn cells<'a>(&self, text: &'a str, row: &Span) -> impl Iterator<Item = &'a str> {
        let mut start = self.ends[..row.ends.0].last().copied().unwrap_or_default();
        let cell = move |end: &usize| text.get(mem::replace(&mut start, *end)..*end).unwrap_or_default();
        self.ends[row.ends.0..row.ends.1].iter().map(cell)
    }

    /// The rows of a text, which has no row beyond the bound.
    pub(super) fn of_text(bytes: Vec<u8>, grammar: Grammar) -> Self {
        let mut splitter = Splitter::new(Box::new(io::empty()), grammar);
        (splitter.buffer, splitter.is_ended) = (bytes, true);
        splitter.next().ok().flatten().unwrap_or_default()
    }

    /// Removes the cells behind this many.
    fn cut(&mut self, cells: usize) {
        self.ends.truncate(cells);
        self.text.truncate(self.ends.last().copied().unwrap_or_default());
    }

    /// Adds a row whose cells are those behind this many.
    fn push(&mut self, start: usize, end: usize, cells: usize, quotes: Quotes) {
        self.rows.push(Span { start, end, ends: (cells, self.ends.len()), quotes });
    }

    /// Adds the cells of the row at the beginning of `input`; a quote opens a cell only as its first byte. Gives the row's length
    /// without its line end, or nothing if it is not whole; `is_ended` if nothing comes after the input.
    fn push_cells(&mut self, input: &[u8], delimiter: u8, is_ended: bool, quotes: &mut Quotes) -> Option<usize> {
        let (mut at, ends) = (0, self.ends.len());
        loop {
            let opened = at;
            let is_quoted = input.get(at) == Some(&b'"');
            while input.get(at) == Some(&b'"') {
                let inner = &input[at + 1..];
                let Some(length) = memchr(b'"', inner) else {
                    quotes.open = Some(opened);
                    self.text.extend_from_slice(inner);
                    self.ends.push(self.text.len());
                    return is_ended.then_some(input.len());
                };
                self.text.extend_from_slice(&inner[..length]);
                at += length + 2;
                if input.get(at) == Some(&b'"') {
                    self.text.push(b'"');
                }
            }
            let rest = &input[at..];
            let length = memchr3(delimiter, b'\n', b'\r', rest).or(is_ended.then_some(rest.len()))?;
            let bare = &rest[..length];
            if is_quoted && !bare.trim_ascii().is_empty() {
                let index = self.ends.len() - ends;
                quotes.stray.get_or_insert(StrayText { opened, begins: at, index });
            }
            quotes.has_spaced |= !is_quoted && bare.starts_with(b" ") && bare.contains(&b'"');
            self.text.extend_from_slice(bare);
            self.ends.push(self.text.len());
            at += length;
            match input.get(at) {
                Some(byte) if *byte == delimiter => at += 1,
                _ => return Some(at),
            }
        }
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

impl Grammar {
    /// What delimits the cells of a row.
    pub(super) fn delimiter(self) -> u8 {
        if let Self::Csv(delimiter) = self { delimiter } else { b',' }
    }
}

/// Splits a stream.
pub(super) struct Splitter {
    source: Box<dyn Read + Send>,
    grammar: Grammar,
    /// What was read and not given out yet; begins with a row or a blank line.
    buffer: Vec<u8>,
    is_ended: bool,
    /// The line it begins on, from 1.
    pub(super) line: u64,
    /// How much is read at a time.
    pub(super) target: usize,
    pub(super) row_max: usize,
    /// What is behind the last JSON value.
    pub(super) after: Vec<u8>,
}

impl Splitter {
    pub(super) fn new(source: Box<dyn Read + Send>, grammar: Grammar) -> Self {
        let (buffer, is_ended) = (Vec::new(), false);
        let (target, row_max) = (TARGET, ROW_MAX);
        Self { source, grammar, buffer, is_ended, line: 1, target, row_max, after: Vec::new() }
    }

    /// The next rows; nothing after the last.
    pub(super) fn next(&mut self) -> Result<Option<Batch>, ReadError> {
        let mut batch = Batch { line: self.line, ..Batch::default() };
        loop {
            let end = self.push_rows(&mut batch)?;
            if end > 0 {
                let rest = self.buffer.split_off(end);
                batch.raw = mem::replace(&mut self.buffer, rest);
                let is_sheet = self.grammar == Grammar::Sheet;
                self.line += if is_sheet { batch.rows.len() as u64 } else { line_ends(&batch.raw) };
                return Ok(Some(batch));
            }
            if self.is_ended && self.buffer.is_empty() {
                return Ok(None);
            }
            // A line end has two bytes at most.
            let is_too_long = self.is_ended || self.buffer.len().saturating_sub(2) > self.row_max;
            if is_too_long && self.grammar != Grammar::Json {
                return Err(self.too_long());
            }
            self.fill()?;
        }
    }

    /// Adds the rows that are whole in the buffer, and gives where the last one ends. Blank lines are given only with a row after
    /// them, unless they are very many.
    fn push_rows(&mut self, batch: &mut Batch) -> Result<usize, ReadError> {
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
            batch.push(at, end, batch.ends.len(), Quotes::default());
            at = end;
        }
        at
    }

    /// Adds the JSON value at `start`, with the white space and commas before it, and gives its end; nothing after the last value,
    /// if it is not whole, and at a broken one that has others before it in its batch.
    fn push_value(&mut self, start: usize, batch: &mut Batch) -> Result<Option<usize>, ReadError> {
        match next_value(&self.buffer[start..], self.line, self.is_ended, self.row_max) {
            Ok(NextValue::Ends(length)) => {
                batch.push(start, start + length, batch.ends.len(), Quotes::default());
                Ok(Some(start + length))
            }
            Ok(NextValue::None) => self.pass_rest(start).map(|()| None).map_err(ReadError::from),
            Err(error) if batch.rows.is_empty() => Err(error),
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
    fn push_row(&mut self, start: usize, batch: &mut Batch) -> Result<Option<usize>, ReadError> {
        let (from, input, mut quotes) = (batch.ends.len(), &self.buffer[start..], Quotes::default());
        let length = match self.grammar {
            _ if input.is_empty() => return Ok(None),
            Grammar::Json => return self.push_value(start, batch),
            Grammar::Lines => memchr2(b'\n', b'\r', input).or(self.is_ended.then_some(input.len())),
            Grammar::Csv(_) | Grammar::Sheet => {
                batch.push_cells(input, self.grammar.delimiter(), self.is_ended, &mut quotes)
            }
        };
        if let Some(length) = length {
            let end = past_line_end(&self.buffer, start + length);
            // The LF of a CRLF may still come.
            let is_whole = self.is_ended || end < self.buffer.len() || !self.buffer.ends_with(b"\r");
            if is_whole && length <= self.row_max {
                batch.push(start, end, from, quotes);
                return Ok(Some(end));
            }
        }
        batch.cut(from);
        Ok(None)
    }

    /// The row at the beginning of the buffer is too long.
    fn too_long(&self) -> ReadError {
        let mut quotes = Quotes::default();
        if matches!(self.grammar, Grammar::Csv(_) | Grammar::Sheet) {
            Batch::default().push_cells(&self.buffer, self.grammar.delimiter(), true, &mut quotes);
        }
        let opened = quotes.open.map(|open| self.line + line_ends(&self.buffer[..open]));
        let hint = opened.map(|line| format!("; is the quote that opens on line {line} not closed?"));
        let message = format!("the row is longer than 1 MiB, the most that a row may have{}", hint.unwrap_or_default());
        ReadError::at(self.line, None, Problem::fatal(Code::RowMalformed, message))
    }
}
