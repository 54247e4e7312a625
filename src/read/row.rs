//! A row as it was read: borrowed from its batch, so that checking it copies nothing. Pure.

use std::borrow::Cow;

use super::batch::Cells;
use crate::model::{Fields, Problem, Raw};

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// Where it begins in the file's decoded text, in bytes.
    pub offset: u64,
    /// Its text there, with its line end.
    pub raw: &'a str,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its fields, or why it cannot be read as a row.
    pub fields: Result<Fields<'a>, Problem>,
    /// How it is written.
    pub text: RowText<'a>,
    /// Warnings about its shape.
    pub warnings: Vec<Problem>,
    /// Whether it has one person, so that rows of one name are merged.
    pub is_of_person: bool,
    /// Whether the row before it is a group of the same person.
    pub is_continued: bool,
}

/// A row as it is written in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowText<'a> {
    /// The cells of a CSV row, unquoted.
    Cells(Cells<'a>),
    /// The same with cells that differ from those of the file: they are read alike without any option.
    Rewritten(Vec<Cow<'a, str>>),
    /// A blank line of a file of one column.
    Blank,
    /// Cells, the last one with a quote that never closes.
    OpenQuote(Cells<'a>),
    /// A CSV row with text after a closing quote, without its line end: its cells are ambiguous.
    Stray(&'a str),
    /// The beginning of a CSV row that is too long, and the number of columns.
    Cut(&'a str, usize),
    /// The cells of a row that has too few or too many, and the row without its line end.
    Ragged(Cells<'a>, &'a str),
    /// The cells of a row that repeats the header.
    Header(Cells<'a>),
    /// A JSON object on one line.
    Line(Cow<'a, str>),
    /// The beginning of a line of JSON that is too long.
    CutLine(&'a str),
}

impl<'a> RowText<'a> {
    /// The row as it is kept for the rejects.
    #[must_use]
    pub fn raw(&self) -> Raw<Cow<'a, str>> {
        let all = |cells: &Cells<'a>| cells.iter().map(Cow::Borrowed).collect();
        match self {
            Self::Cells(cells) | Self::Ragged(cells, _) | Self::Header(cells) => Raw::Cells(all(cells)),
            Self::Rewritten(cells) => Raw::Cells(cells.clone()),
            Self::Blank => Raw::Cells(vec![Cow::Borrowed("")]),
            Self::OpenQuote(cells) => Raw::OpenQuote(all(cells)),
            Self::Stray(text) => Raw::Stray(Cow::Borrowed(text)),
            // With one cell too many, a beginning is never read as a whole row.
            Self::Cut(text, width) => {
                let mut cells = vec![Cow::Borrowed(*text)];
                cells.resize(width + 1, Cow::Borrowed(""));
                Raw::Cells(cells)
            }
            Self::Line(line) => Raw::Line(line.clone()),
            // Nor is this ever read as an object.
            Self::CutLine(line) => Raw::Line(Cow::Owned(format!("{line}…"))),
        }
    }
}
