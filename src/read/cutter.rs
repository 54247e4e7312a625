//! A stream cut into blocks of whole rows, so that the blocks can be parsed side by side.
//!
//! Only quotes and line ends are looked at. A quote opens a quoted cell at the beginning of a cell and nowhere else, as the
//! csv crate has it.

mod skip;

use std::io::{self, Read};

use memchr::{memchr, memrchr2};

use super::block::{Block, End};
use super::lines::{ends_line, line_ends, past_line_end, without_line_ends};

/// The longest row, in bytes.
pub(super) const ROW_MAX: usize = 1024 * 1024;

/// So many blank lines at most go with a block: in a file of one column each of them is a row.
const BLANKS_MAX: u64 = 10_000;

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
    /// A block's last row end is looked for in so much of its end first.
    pub(super) tail: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { first: 32 * 1024, block: 256 * 1024, row: ROW_MAX, kept: 4 * 1024, tail: 8 * 1024 }
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
            if self.blanks > BLANKS_MAX && self.buffer.first().is_some_and(|byte| !ends_line(*byte)) {
                return Ok(Some(self.blank_block()));
            }
            self.scan();
            if self.end > 0 {
                let text = without_line_ends(&self.buffer[..self.end]).len();
                return Ok(Some(self.cut(past_line_end(&self.buffer, text), End::Whole)));
            }
            if self.is_ended {
                return Ok(self.last());
            }
            // The longest row with its line end has come, and a byte more.
            if self.buffer.len() > self.sizes.row.saturating_add(2) {
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
        self.blanks += self.pass(blanks);
    }

    /// Some of the blank lines before the next row, where they are too many for one block.
    fn blank_block(&mut self) -> Block {
        self.blanks -= BLANKS_MAX;
        Block {
            bytes: Vec::new(),
            offset: self.offset,
            line: self.line - self.blanks,
            blanks: BLANKS_MAX,
            strays: Vec::new(),
            end: End::Whole,
        }
    }

    /// Forgets the beginning of the buffer; gives how many lines end in it.
    fn pass(&mut self, bytes: usize) -> u64 {
        let lines = line_ends(&self.buffer[..bytes]);
        self.buffer.drain(..bytes);
        self.offset += bytes as u64;
        self.line += lines;
        lines
    }

    /// Up to where the buffer can be looked at: what follows the last byte may not be known yet.
    fn limit(&self) -> usize {
        if self.is_ended { self.buffer.len() } else { self.buffer.len().saturating_sub(1) }
    }

    /// Looks for quotes in what has come, and for the last row end.
    fn scan(&mut self) {
        let limit = self.limit();
        let tail = limit.saturating_sub(self.sizes.tail);
        let is_partial = self.scanned < tail;
        self.scan_to(limit, tail);
        if self.end == 0 && is_partial {
            // The last row is a long one.
            self.look_anew();
            self.scan_to(limit, 0);
        }
    }

    /// Looks for quotes up to `limit`, and for the last row end from `tail` on.
    fn scan_to(&mut self, limit: usize, tail: usize) {
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
                if at >= tail {
                    self.note_end(at);
                }
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
        let lines = line_ends(without_line_ends(&self.buffer[quote..])) + 1;
        End::OpenQuote { line, lines, is_cut: false }
    }
}
