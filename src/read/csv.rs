//! CSV: blocks become rows of cells, by the csv project's parser. Pure.
//!
//! Rows with nothing unusual about them are parted without copying; tests hold that to what the parser makes of them.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr3};

use super::Options;
use super::block::{Block, End};
use super::columns::{Columns, field_of};
use super::contents::likely_columns;
use super::cutter::ROW_MAX;
use super::delimiter::{header_below, one_cell};
use super::header::HeaderError;
use super::lines::{ends_line, line_ends, lines, past_line_end, without_line_ends};
use super::machine::Machine;
use super::row::{Cells, Row, RowText, too_long};
use super::shape::{Shape, other_header};
use crate::model::{Cell, Fault, Field, Fields};

/// Knows the columns of one file.
#[derive(Debug)]
pub(super) struct Parser {
    delimiter: u8,
    columns: Columns,
    /// The column of each field.
    places: [Option<usize>; 4],
    /// Whether its one column is called by the field's name.
    is_named_list: bool,
    shape: Shape,
    /// What a row says in the fields' columns that repeats the header.
    titles: Vec<(usize, String)>,
    likely: Vec<(Field, String)>,
}

/// What comes of a header.
pub(super) struct Opening {
    /// Knows the columns as they are likely to be meant, if the name's is among them.
    pub(super) parser: Option<Parser>,
    /// All that is wrong with it.
    pub(super) errors: Vec<HeaderError>,
}

impl Opening {
    fn refused(error: HeaderError) -> Self {
        Self { parser: None, errors: vec![error] }
    }
}

impl Parser {
    /// Takes the header off the first block.
    pub(super) fn open(delimiter: u8, block: &mut Block, options: &Options) -> Opening {
        let mut machine = Machine::new(delimiter);
        let end = machine.read(&block.bytes);
        if let Some(error) = broken(block, end) {
            return Opening::refused(error);
        }
        let header = machine.cells().owned();
        let (columns, mut errors) = Columns::likely(&header, &options.map);
        let rows = &block.bytes[end..];
        let lacking: Vec<Field> = Field::ALL.into_iter().filter(|field| !columns.holds(*field)).collect();
        let is_free = |index: usize| columns.unknown.iter().any(|column| column == header[index].trim());
        let found = likely_columns(rows, delimiter, &header, is_free, &lacking);
        let is_nameless =
            |error: &HeaderError| matches!(error, HeaderError::NameMissing { .. } | HeaderError::Absent { .. });
        let is_nameless = errors.iter().any(is_nameless);
        // A title may be the one word that is a field's name; then the header is one beyond doubt.
        let filled = header.iter().filter(|cell| !cell.trim().is_empty()).count();
        let may_be_title = is_nameless || (columns.fields.len() == 1 && filled < 3);
        let below =
            header_below(rows, delimiter, options, columns.fields.len()).filter(|below| is_nameless || below.is_sound);
        if let Some(below) = below.filter(|_| may_be_title) {
            block.drop_row(end + below.start);
            let title = HeaderError::Title { line: block.line };
            let mut opening = Self::open(delimiter, block, options);
            if !matches!(opening.errors.first(), Some(HeaderError::Title { .. })) {
                opening.errors.insert(0, title);
            }
            return opening;
        }
        if let Some(error) = one_cell(&header, delimiter, options).filter(|_| is_nameless) {
            return Opening::refused(error);
        }
        for error in &mut errors {
            if let HeaderError::NameMissing { likely, .. } = error {
                likely.clone_from(&found);
            }
        }
        if !columns.holds(Field::Name) {
            return Opening { parser: None, errors };
        }
        block.drop_row(end);
        let titles = columns.fields.iter().map(|(_, index)| (*index, header[*index].trim().to_owned())).collect();
        let is_named_list = header.len() == 1 && field_of(&header[0]).is_some();
        let shape = Shape::new(header, &columns.fields, delimiter);
        let places = Field::ALL.map(|field| columns.index(field));
        let parser = Self { delimiter, columns, places, is_named_list, titles, likely: found, shape };
        Opening { parser: Some(parser), errors }
    }

    /// Fields that no column holds, and columns that may.
    pub(super) fn likely(&self) -> &[(Field, String)] {
        &self.likely
    }

    /// The header's cells.
    pub(super) fn header(&self) -> &[String] {
        self.shape.header()
    }

    /// The columns that are no field.
    pub(super) fn unknown(&self) -> &[String] {
        &self.columns.unknown
    }

    /// The index of the column that holds a field.
    pub(super) fn index(&self, field: Field) -> Option<usize> {
        self.columns.index(field)
    }

    /// The column that holds a field, if it has another name than the field.
    pub(super) fn column(&self, field: Field) -> Option<&str> {
        let column = self.header().get(self.index(field)?)?.trim();
        (!column.eq_ignore_ascii_case(field.as_str())).then_some(column)
    }

    /// Gives each row of a block; `text` is its text.
    pub(super) fn rows(&self, block: &Block, text: &str, each: &mut dyn FnMut(Row<'_>)) {
        let bytes = text.as_bytes();
        let is_narrow = self.header().len() == 1;
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
                each(self.row(block, start, &text[start..at], (line, lines), Cells { text, bounds: &bounds }));
                line += lines;
            } else {
                let machine = machine.get_or_insert_with(|| Machine::new(self.delimiter));
                at += machine.read(&bytes[start..]);
                let lines = lines(&bytes[start..at]);
                each(self.row(block, start, &text[start..at], (line, lines), machine.cells()));
                line += lines;
            }
        }
    }

    /// A blank line of a file of one column is a row without a name.
    fn blank(&self, block: &Block, at: usize, line: u64) -> Row<'static> {
        let cells = Cells { text: "", bounds: &[(0, 0)] };
        Row {
            offset: block.offset + at as u64,
            line,
            lines: 1,
            fields: Ok(self.fields(&cells)),
            text: RowText::Cells(cells),
            remarks: Vec::new(),
        }
    }

    fn row<'a>(&self, block: &Block, at: usize, raw: &'a str, place: (u64, u64), cells: Cells<'a>) -> Row<'a> {
        let (offset, (line, lines)) = (block.offset + at as u64, place);
        let length = without_line_ends(raw.as_bytes()).len();
        let whole = &raw[..length];
        let mut remarks = Vec::new();
        let (text, fields) = match block.end {
            End::OpenQuote { line, lines, is_cut } => {
                let text = if is_cut { self.cut(cells) } else { RowText::OpenQuote(cells) };
                (text, Err(open_quote(line, lines)))
            }
            End::TooLong { length, quote } => (self.cut(cells), Err(too_long(length, quote))),
            End::Whole if length > ROW_MAX => (self.cut(cells), Err(too_long(length as u64, None))),
            End::Whole => {
                if let Some(fault) = self.stray(block, at, raw, line) {
                    (RowText::Stray(whole), Err(fault))
                } else if self.is_header(&cells) {
                    (RowText::Header(cells), Err(Fault::malformed("the row repeats the header; remove it")))
                } else if let Some(fault) = other_header(&cells, self.header()) {
                    (RowText::Ragged { cells, text: whole }, Err(fault))
                } else if let Some(fault) = self.shape.fault(raw, &cells) {
                    (RowText::Ragged { cells, text: whole }, Err(fault))
                } else {
                    remarks = self.shape.remarks(raw, lines, line, &cells);
                    (RowText::Cells(cells), Ok(self.fields(&cells)))
                }
            }
        };
        Row { offset, line, lines, fields, text, remarks }
    }

    /// Whether the row says again what the header says of the fields.
    fn is_header(&self, cells: &Cells<'_>) -> bool {
        // Where files were put together, a byte-order mark may stand before it.
        let is_said = |(index, title): &(usize, String)| {
            let cell = cells.get(*index).unwrap_or_default();
            // At a glance, hardly any cell says it.
            cell.len().abs_diff(title.len()) < 16 && cell.trim_start_matches('\u{feff}').trim() == title
        };
        (self.titles.len() > 1 || self.is_named_list) && self.titles.iter().all(is_said)
    }

    /// A row of which only the beginning was kept must never pass for a whole one: it gets a cell too many.
    fn cut<'a>(&self, cells: Cells<'a>) -> RowText<'a> {
        RowText::Cut { cells, width: self.header().len() + 1 }
    }

    fn fields<'a>(&self, cells: &Cells<'a>) -> Fields<'a> {
        let cell = |index: Option<usize>| {
            index.and_then(|index| cells.get(index)).map_or(Cell::Absent, |text| Cell::Text(Cow::Borrowed(text)))
        };
        let [name, description, members, guests] = self.places;
        Fields { name: cell(name), description: cell(description), members: cell(members), guests: cell(guests) }
    }

    /// Text behind a closing quote, where it makes the row one that nobody understands.
    fn stray(&self, block: &Block, at: usize, raw: &str, line: u64) -> Option<Fault> {
        let from = block.strays.partition_point(|stray| *stray < at);
        let mut strays = block.strays[from..].iter().map(|stray| stray - at).take_while(|stray| *stray < raw.len());
        strays.find_map(|stray| self.shape.stray(raw, line, stray, || self.cell_at(raw, stray)))
    }

    /// The index of the cell that ends at `end`.
    fn cell_at(&self, raw: &str, end: usize) -> usize {
        let mut machine = Machine::new(self.delimiter);
        machine.read(&raw.as_bytes()[..end]);
        machine.cells().count().saturating_sub(1)
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
