//! A row as it was read: borrowed from its block, so that checking it copies nothing. Pure.

use crate::model::{Fault, Fields, Raw};

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// Where it begins in the file's decoded text, in bytes.
    pub offset: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// How many lines it takes.
    pub lines: u64,
    /// Its fields, or why it cannot be read as a row.
    pub fields: Result<Fields<'a>, Fault>,
    /// How it stands there.
    pub text: RowText<'a>,
    /// What is odd about its shape.
    pub remarks: Vec<Fault>,
}

/// A row as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowText<'a> {
    /// The cells of a CSV row, unquoted.
    Cells(Cells<'a>),
    /// Cells, the last one with a quote that never closes.
    OpenQuote(Cells<'a>),
    /// A CSV row with text behind a closing quote, without its line end: nobody knows its cells.
    Stray(&'a str),
    /// The first cells of a row that is too long, which are shown in more columns than the header has.
    Cut {
        /// What was kept.
        cells: Cells<'a>,
        /// The columns it takes at least.
        width: usize,
    },
    /// The cells of a row that has too few or too many.
    Ragged {
        /// The cells.
        cells: Cells<'a>,
        /// The row as it stands, without its line end.
        text: &'a str,
    },
    /// The cells of a row that repeats the header.
    Header(Cells<'a>),
    /// A line of JSON.
    Line(&'a str),
    /// The beginning of a line of JSON that is too long.
    CutLine(&'a str),
}

/// The cells of one CSV row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cells<'a> {
    /// What they are parts of.
    pub(super) text: &'a str,
    /// Where each begins and ends in it.
    pub(super) bounds: &'a [(usize, usize)],
}

impl<'a> Cells<'a> {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bounds.len()
    }

    /// One cell.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a str> {
        let (start, end) = *self.bounds.get(index)?;
        self.text.get(start..end)
    }

    /// All cells, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        (0..self.count()).filter_map(|index| self.get(index))
    }

    /// The same, independent of what they are parts of.
    #[must_use]
    pub fn owned(&self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }
}

impl RowText<'_> {
    /// The row as it is kept for the rejects.
    #[must_use]
    pub fn raw(&self) -> Raw {
        match self {
            Self::Cells(cells) | Self::Ragged { cells, .. } | Self::Header(cells) => Raw::Cells(cells.owned()),
            Self::OpenQuote(cells) => Raw::OpenQuote(cells.owned()),
            Self::Stray(text) => Raw::Stray((*text).to_owned()),
            Self::Cut { cells, width } => {
                let mut cells = cells.owned();
                cells.resize(cells.len().max(*width), String::new());
                Raw::Cells(cells)
            }
            Self::Line(line) => Raw::Line((*line).to_owned()),
            // With this behind it, no beginning passes for an object.
            Self::CutLine(line) => Raw::Line(format!("{line}…")),
        }
    }
}

/// A row beyond the bound; with the line of the quote that was open there.
pub(super) fn too_long(length: u64, quote: Option<u64>) -> Fault {
    let hint = quote.map_or_else(String::new, |line| {
        format!("; it holds a quote that opens on line {line}: is that quote's closing one missing?")
    });
    Fault::malformed(format!("the row has {length} bytes, and 1 MiB is the most that a row may have{hint}"))
}
