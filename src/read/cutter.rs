//! A stream cut into blocks of whole rows, so that the blocks can be parsed side by side.
//!
//! Only quotes and line ends are looked at. A quote opens a quoted cell at the beginning of a cell and nowhere else, as the
//! csv crate has it.

use std::io::{self, Read};

use memchr::{memchr, memchr3, memrchr2};

use super::lines::{ends_line, line_ends, past_line_end, without_line_ends};

/// The longest row, in bytes.
pub(super) const ROW_MAX: usize = 1024 * 1024;

/// Sizes, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// The first block is small, so that the first problem is named at once.
    pub(super) first: usize,
    /// A block, if no row is longer.
    pub(super) block: usize,
    /// A row that is longer and not at its end is passed over.
    pub(super) row: usize,
    /// How much of such a row is kept to be shown.
    pub(super) kept: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { first: 32 * 1024, block: 512 * 1024, row: ROW_MAX, kept: 4 * 1024 }
    }
}

/// What divides a stream into rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    /// Line ends outside of quotes; cells are divided by this delimiter.
    Csv(u8),
    /// Line ends.
    Lines,
}

/// Some rows of a file, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The rows, each with its line end. No row is in two blocks.
    pub(super) bytes: Vec<u8>,
    /// Where they begin in the file's decoded text, in bytes.
    pub(super) offset: u64,
    /// The line they begin on, from 1.
    pub(super) line: u64,
    /// How many blank lines stand right before them.
    pub(super) blanks: u64,
    /// Where something stands between a closing quote and the end of its cell.
    pub(super) strays: Vec<usize>,
    /// How the last row ends.
    pub(super) end: End,
}

/// How the last row of a block ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As rows do.
    Whole,
    /// In a quote that never closes; the block holds this row alone.
    OpenQuote {
        /// The line on which it opened.
        line: u64,
        /// How many lines it swallowed.
        lines: u64,
    },
    /// It is longer than a row may be; the block holds the beginning of this row alone.
    TooLong {
        /// Its length in bytes.
        length: u64,
        /// The line of the quote that was open at the bound.
        quote: Option<u64>,
    },
}

/// Cuts a stream.
pub(super) struct Cutter {
    source: Box<dyn Read + Send>,
    grammar: Grammar,
    sizes: Sizes,
    buffer: Vec<u8>,
    is_ended: bool,
    /// Up to where the buffer was looked at.
    scanned: usize,
    /// Where the quote opened that is open at `scanned`.
    quote: Option<usize>,
    strays: Vec<usize>,
    /// Where the last whole row of the buffer ends.
    end: usize,
    /// The place of the buffer's first byte.
    offset: u64,
    line: u64,
    blanks: u64,
    target: usize,
}

impl Block {
    /// Where it begins in the file's decoded text, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The line it begins on, that of the blank lines before it.
    #[must_use]
    pub fn first_line(&self) -> u64 {
        self.line - self.blanks
    }

    /// The bytes of one row, to be parsed once more.
    #[must_use]
    pub fn of_row(bytes: Vec<u8>) -> Self {
        Self { bytes, offset: 0, line: 1, blanks: 0, strays: Vec::new(), end: End::Whole }
    }

    /// Takes the first row off, which ends at `end`.
    pub(super) fn drop_row(&mut self, end: usize) {
        let bytes = self.bytes.split_off(end);
        self.line += line_ends(&self.bytes);
        self.offset += end as u64;
        self.blanks = 0;
        self.strays = self.strays.iter().filter(|stray| **stray >= end).map(|stray| stray - end).collect();
        self.bytes = bytes;
    }
}

impl Cutter {
    pub(super) fn new(source: Box<dyn Read + Send>, grammar: Grammar, sizes: Sizes) -> Self {
        Self {
            source,
            grammar,
            sizes,
            buffer: Vec::new(),
            is_ended: false,
            scanned: 0,
            quote: None,
            strays: Vec::new(),
            end: 0,
            offset: 0,
            line: 1,
            blanks: 0,
            target: sizes.first,
        }
    }

    /// The line that has not been given out yet, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The next rows; none after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Block>> {
        let mut target = self.target;
        self.target = self.sizes.block;
        loop {
            self.fill(target)?;
            self.drop_blanks();
            self.scan();
            if self.end > 0 {
                let text = without_line_ends(&self.buffer[..self.end]).len();
                return Ok(Some(self.cut(past_line_end(&self.buffer, text), End::Whole)));
            }
            if self.is_ended {
                return Ok(self.last());
            }
            if self.buffer.len() > self.sizes.row {
                return self.skip().map(Some);
            }
            target = self.buffer.len() + self.sizes.block;
        }
    }

    fn fill(&mut self, target: usize) -> io::Result<()> {
        let missing = target.saturating_sub(self.buffer.len());
        if !self.is_ended && missing > 0 {
            self.buffer.reserve(missing);
            let read = self.source.by_ref().take(missing as u64).read_to_end(&mut self.buffer)?;
            self.is_ended = read < missing;
        }
        Ok(())
    }

    /// Takes the blank lines off the buffer's beginning, where a row begins. A CR whose LF may still come stays.
    fn drop_blanks(&mut self) {
        if self.scanned > 0 {
            return;
        }
        let text = self.buffer.iter().position(|byte| !ends_line(*byte)).unwrap_or(self.buffer.len());
        let is_torn = text == self.buffer.len() && !self.is_ended && self.buffer.last() == Some(&b'\r');
        let blanks = text - usize::from(is_torn);
        let lines = line_ends(&self.buffer[..blanks]);
        self.blanks += lines;
        self.pass(blanks, lines);
    }

    /// Forgets the beginning of the buffer.
    fn pass(&mut self, bytes: usize, lines: u64) {
        self.buffer.drain(..bytes);
        self.offset += bytes as u64;
        self.line += lines;
    }

    /// Looks for quotes and row ends in what has come.
    fn scan(&mut self) {
        // What follows the last byte is not known yet.
        let limit = if self.is_ended { self.buffer.len() } else { self.buffer.len().saturating_sub(1) };
        while self.scanned < limit {
            let rest = &self.buffer[self.scanned..limit];
            let next = if self.grammar == Grammar::Lines { None } else { memchr(b'"', rest) };
            let at = next.map_or(limit, |next| self.scanned + next);
            if self.quote.is_some() {
                if next.is_none() {
                    self.scanned = limit;
                    return;
                }
                self.closes(at);
            } else {
                self.note_end(at);
                if next.is_some() && self.opens(at) {
                    self.quote = Some(at);
                }
                self.scanned = at + usize::from(next.is_some());
            }
        }
    }

    /// Whether the quote at `at` is the first byte of a cell.
    fn opens(&self, at: usize) -> bool {
        let Grammar::Csv(delimiter) = self.grammar else { return false };
        at == 0 || self.buffer[at - 1] == delimiter || ends_line(self.buffer[at - 1])
    }

    /// A quote within a quoted cell: one of two, which stand for one, or the cell's last.
    fn closes(&mut self, at: usize) {
        let Grammar::Csv(delimiter) = self.grammar else { return };
        let next = self.buffer.get(at + 1).copied();
        if next == Some(b'"') {
            self.scanned = at + 2;
            return;
        }
        self.quote = None;
        self.scanned = at + 1;
        if next.is_some_and(|next| next != delimiter && !ends_line(next)) {
            self.strays.push(at + 1);
        }
    }

    /// Notes the last row end before `to`; all from `scanned` on is outside of quotes.
    fn note_end(&mut self, to: usize) {
        let mut to = to;
        while let Some(found) = memrchr2(b'\n', b'\r', &self.buffer[self.scanned..to]) {
            let at = self.scanned + found;
            if self.buffer[at..].starts_with(b"\r\n") {
                // Its LF comes with the next look.
                to = at;
                continue;
            }
            self.end = at + 1;
            return;
        }
    }

    /// Cuts the rows up to `end` off the buffer.
    fn cut(&mut self, end: usize, how: End) -> Block {
        let rest = self.buffer[end..].to_vec();
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        bytes.truncate(end);
        let lines = line_ends(&bytes);
        let later = self.strays.partition_point(|stray| *stray < end);
        let mut strays = std::mem::take(&mut self.strays);
        self.strays = strays.split_off(later).into_iter().map(|stray| stray - end).collect();
        let block = Block { offset: self.offset, line: self.line, blanks: self.blanks, strays, end: how, bytes };
        self.offset += end as u64;
        self.line += lines;
        self.blanks = 0;
        if self.buffer.first().is_none_or(|byte| ends_line(*byte)) {
            // Blank lines go first; what was looked at behind them is looked at again.
            self.look_anew();
        } else {
            self.scanned -= end;
            self.quote = self.quote.map(|quote| quote - end);
            self.end = 0;
        }
        block
    }

    /// What is left when the stream has ended and no whole row is left.
    fn last(&mut self) -> Option<Block> {
        if self.buffer.is_empty() {
            return None;
        }
        let how = self.quote.map_or(End::Whole, |quote| self.open_quote(quote));
        Some(self.cut(self.buffer.len(), how))
    }

    fn look_anew(&mut self) {
        (self.scanned, self.quote, self.end) = (0, None, 0);
        self.strays.clear();
    }

    fn open_quote(&self, quote: usize) -> End {
        let line = self.line + line_ends(&self.buffer[..quote]);
        End::OpenQuote { line, lines: line_ends(without_line_ends(&self.buffer[quote..])) + 1 }
    }

    /// Passes over a row that is too long, and keeps its beginning.
    fn skip(&mut self) -> io::Result<Block> {
        let mut block = Block {
            bytes: whole_characters(&self.buffer[..self.sizes.kept]).to_vec(),
            offset: self.offset,
            line: self.line,
            blanks: std::mem::take(&mut self.blanks),
            strays: Vec::new(),
            end: End::Whole,
        };
        let mut quote = self.quote.map(|at| self.line + line_ends(&self.buffer[..at]));
        let bound = quote;
        let end = loop {
            if let Some(end) = self.first_end(&mut quote) {
                quote = None;
                break end;
            }
            if self.is_ended {
                break self.buffer.len();
            }
            self.forget_seen();
            self.fill(self.buffer.len() + self.sizes.block)?;
        };
        let text = without_line_ends(&self.buffer[..end]).len();
        let last_line = self.line + line_ends(&self.buffer[..text]);
        let lines = line_ends(&self.buffer[..end]);
        self.pass(end, lines);
        self.look_anew();
        block.end = match quote {
            Some(line) => End::OpenQuote { line, lines: last_line - line + 1 },
            None => End::TooLong { length: self.offset - block.offset, quote: bound },
        };
        Ok(block)
    }

    /// Forgets what was looked at, but for its last byte: a quote may follow. CR and LF stay together.
    fn forget_seen(&mut self) {
        let seen = self.scanned.saturating_sub(1);
        let is_torn = seen > 0 && self.buffer[seen - 1..].starts_with(b"\r\n");
        let seen = seen - usize::from(is_torn);
        let lines = line_ends(&self.buffer[..seen]);
        self.pass(seen, lines);
        self.scanned -= seen;
    }

    /// The end of the row that is being passed over, if it is in the buffer; `quote` is the line of the quote that is open.
    fn first_end(&mut self, quote: &mut Option<u64>) -> Option<usize> {
        let limit = if self.is_ended { self.buffer.len() } else { self.buffer.len().saturating_sub(1) };
        while self.scanned < limit {
            let rest = &self.buffer[self.scanned..limit];
            let is_open = self.quote.is_some();
            let next = if is_open { memchr(b'"', rest) } else { memchr3(b'"', b'\n', b'\r', rest) };
            let Some(at) = next.map(|next| self.scanned + next) else {
                self.scanned = limit;
                break;
            };
            if is_open {
                self.closes(at);
            } else if ends_line(self.buffer[at]) {
                return Some(past_line_end(&self.buffer, at));
            } else {
                if self.opens(at) {
                    self.quote = Some(at);
                    *quote = Some(self.line + line_ends(&self.buffer[..at]));
                }
                self.scanned = at + 1;
            }
        }
        if self.quote.is_none() {
            *quote = None;
        }
        None
    }
}

/// The bytes without a character that was cut in two.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}
