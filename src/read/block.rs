//! Some whole rows of a file, with the place where they stand. Pure.

use super::lines::{line_ends, lines};

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
        /// Whether the block holds only the row's beginning.
        is_cut: bool,
    },
    /// It is longer than a row may be; the block holds the beginning of this row alone.
    TooLong {
        /// Its length in bytes, without its line end.
        length: u64,
        /// The line of the quote that was open at the bound.
        quote: Option<u64>,
    },
}

impl Block {
    /// Where it begins in the file's decoded text, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Some of its bytes.
    #[must_use]
    pub fn part(&self, start: usize, length: usize) -> &[u8] {
        self.bytes.get(start..).and_then(|rest| rest.get(..length)).unwrap_or_default()
    }

    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// How many lines it has, those of the blank lines before it among them.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.blanks + lines(&self.bytes)
    }

    /// Whether a row ends with a CR, given where each begins; one that a quote swallowed that never closes is none.
    #[must_use]
    pub fn has_cr(&self, starts: &[(u32, u32)]) -> bool {
        let ends = starts.iter().skip(1).map(|(start, _)| *start as usize).chain([self.bytes.len()]);
        let is_cr =
            |end: usize| self.bytes.get(..end).is_some_and(|row| row.ends_with(b"\r\n") || row.ends_with(b"\r"));
        self.end == End::Whole && ends.into_iter().any(is_cr)
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
