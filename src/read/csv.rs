//! CSV: the header, and rows of cells. Pure.

use std::borrow::Cow;

use memchr::memchr;

use super::batch::{Batch, Cells, Quotes, Span};
use super::columns::{Columns, TITLES_MAX, header_of};
use super::delimiter::one_cell;
use super::header::HeaderError;
use super::lines::{line_ends, without_line_ends};
use super::row::{Row, RowText};
use super::shape::{self, Shape};
use super::{Notes, ReadOptions};
use crate::model::{Cell, Field, Fields, Problem};

/// The columns of a results file of this program begin so.
const RESULTS: [&str; 5] = ["file", "row", "line", "name", "status"];

/// A row's text, its fields or the problem that hides them, and its warnings.
type Contents<'a> = (RowText<'a>, Result<Fields<'a>, Problem>, Vec<Problem>);

/// Knows the columns of one file.
#[derive(Debug)]
pub(super) struct CsvParser {
    shape: Shape,
    pub(super) columns: Columns,
}

impl CsvParser {
    /// Takes the header off the first batch. Gives the columns as they are likely to be meant, if the name's is among them,
    /// and all that is wrong with the header.
    pub(super) fn open(delimiter: u8, batch: &mut Batch, options: &ReadOptions) -> (Option<Self>, Vec<HeaderError>) {
        let is_filled = |row: &Span| !batch.raw[row.start..row.end].trim_ascii().is_empty();
        let filled: Vec<usize> = (0..batch.rows.len()).filter(|index| is_filled(&batch.rows[*index])).collect();
        let Some(first) = filled.first().map(|first| &batch.rows[*first]) else { return (None, Vec::new()) };
        if let Some(error) = broken(first, &batch.raw[first.start..first.end], delimiter) {
            return (None, vec![error]);
        }
        let text = batch.text();
        let rows = filled.iter().take(TITLES_MAX + 1).map(|row| batch.cells(text, &batch.rows[*row]).owned());
        let candidates: Vec<Vec<String>> = rows.collect();
        let Some((first, _)) = candidates.split_first() else { return (None, Vec::new()) };
        if first.iter().map(String::as_str).take(RESULTS.len()).eq(RESULTS) {
            return (None, vec![HeaderError::Results]);
        }
        let at = header_of(&candidates, &options.map);
        let header = candidates[at].clone();
        let (columns, mut errors) = Columns::read(&header, &options.map);
        let has_name = columns.index(Field::Name).is_some();
        if let Some(error) = one_cell(&header, delimiter, options).filter(|_| !has_name) {
            return (None, vec![error]);
        }
        if at > 0 {
            let line = batch.line + line_ends(&batch.raw[..batch.rows[filled[at]].start]);
            errors.insert(0, HeaderError::Title { line });
        }
        batch.rows.drain(..=filled[at]);
        let shape = Shape { header, delimiter, fields: columns.fields.clone() };
        (has_name.then_some(Self { shape, columns }), errors)
    }

    /// The header's cells.
    pub(super) fn header(&self) -> &[String] {
        &self.shape.header
    }

    /// The column that holds a field, if it has another name than the field.
    pub(super) fn column(&self, field: Field) -> Option<&str> {
        let column = self.header().get(self.columns.index(field)?)?.trim();
        (!column.eq_ignore_ascii_case(field.as_str())).then_some(column)
    }

    /// Gives each row of a batch, whose bytes are `raw`. Rows without any text are only counted.
    pub(super) fn rows<'a>(&self, batch: &'a Batch, raw: &'a str, notes: &mut Notes, each: &mut dyn FnMut(Row<'a>)) {
        let text = batch.text();
        let (mut at, mut line) = (0, batch.line);
        for span in &batch.rows {
            line += line_ends(&raw.as_bytes()[at..span.start]);
            at = span.start;
            let cells = batch.cells(text, span);
            let own = &raw[span.start..span.end];
            if own.trim_start_matches(['\n', '\r']).is_empty() {
                if self.header().len() == 1 {
                    each(row(
                        batch,
                        span,
                        (own, line),
                        (RowText::Blank, Ok(Fields::default().with(Field::Name, Cell::Text("".into()))), Vec::new()),
                    ));
                } else {
                    notes.blank_lines += 1;
                }
            } else if span.too_long.is_none() && self.header().len() > 1 && cells.are_blank() && !own.contains('"') {
                notes.blank.push(line);
            } else {
                each(row(batch, span, (own, line), self.read(span, own, line, cells)));
            }
        }
    }

    fn read<'a>(&self, span: &Span, raw: &'a str, line: u64, cells: Cells<'a>) -> Contents<'a> {
        let whole = raw.trim_end_matches(['\n', '\r']);
        let refused = |text, problem| (text, Err(problem), Vec::new());
        let has_quotes = memchr(b'"', raw.as_bytes()).is_some();
        let quotes = if has_quotes { Quotes::of(raw.as_bytes(), self.shape.delimiter) } else { Quotes::default() };
        if let Some(cut) = span.too_long {
            let opened = quotes.open.map(|open| line + line_ends(&raw.as_bytes()[..open]));
            return refused(RowText::Cut(whole, self.header().len()), shape::too_long(cut.length, opened));
        }
        if let Some(open) = quotes.open {
            return refused(RowText::OpenQuote(cells), shape::open_quote(raw.as_bytes(), open, line));
        }
        if let Some(problem) = self.shape.stray(raw, &quotes, line) {
            return refused(RowText::Stray(whole), problem);
        }
        if let Some(problem) = self.shape.repeated_header(&cells) {
            return refused(RowText::Header(cells), problem);
        }
        if let Some(problem) = self.shape.ragged(raw, &cells, span.is_last) {
            return refused(RowText::Ragged(cells, whole), problem);
        }
        let lines = if has_quotes { line_ends(whole.as_bytes()) + 1 } else { 1 };
        let warnings = self.shape.warnings(raw, lines, line, &cells);
        (RowText::Cells(cells), Ok(self.fields(&cells)), warnings)
    }

    fn fields<'a>(&self, cells: &Cells<'a>) -> Fields<'a> {
        let mut fields = Fields::default();
        for (field, index) in &self.columns.fields {
            fields.set(*field, cells.get(*index).map_or(Cell::Absent, |text| Cell::Text(Cow::Borrowed(text))));
        }
        fields
    }
}

fn row<'a>(batch: &Batch, span: &Span, (raw, line): (&'a str, u64), (text, fields, warnings): Contents<'a>) -> Row<'a> {
    let is_open = !raw.ends_with(['\n', '\r']);
    let lines = span.too_long.map_or_else(|| line_ends(raw.as_bytes()) + u64::from(is_open), |cut| cut.lines);
    Row { offset: batch.offset + span.start as u64, raw, line, lines, fields, text, warnings }
}

/// A header row that cannot be read.
fn broken(row: &Span, bytes: &[u8], delimiter: u8) -> Option<HeaderError> {
    let quotes = Quotes::of(bytes, delimiter);
    match (quotes.open, quotes.stray) {
        (Some(open), _) => {
            let lines = row.too_long.map_or_else(|| line_ends(without_line_ends(&bytes[open..])) + 1, |cut| cut.lines);
            Some(HeaderError::OpenQuote { lines })
        }
        _ if row.too_long.is_some() => Some(HeaderError::LongRow),
        (None, stray) => stray.map(|_| HeaderError::Stray),
    }
}
