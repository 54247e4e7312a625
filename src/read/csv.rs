//! CSV: the header, and each row's cells or why it is refused (open quote, stray text, another header, too few or too many
//! cells). Pure.

use std::borrow::Cow;
use std::path::Path;

use super::batch::{Batch, Cells, Grammar, LongRow, Quotes, Span};
use super::columns::{Columns, TITLES_MAX, bare, header_of, position};
use super::delimiter::one_cell;
use super::error::FileProblem;
use super::header::{nameless, titled};
use super::layout::Layout;
use super::lines::{line_ends, without_line_ends};
use super::names::{each_group, list_of, names_of};
use super::row::{Row, RowFlaw};
use super::shape::{self, Record, Shape};
use super::source::given_name;
use super::{Notes, ReadOptions};
use crate::model::{Cell, Code, Field, Fields, Problem, Raw, are_addresses};

/// The columns of a results file of this program begin so.
const RESULTS: [&str; 5] = ["file", "row", "line", "name", "status"];

/// Knows the columns of one file.
#[derive(Debug)]
pub(super) struct CsvParser {
    pub(super) shape: Shape,
    options: ReadOptions,
    /// The name of all groups.
    name: Option<String>,
    /// The index of the column that tells groups in a group.
    nested: Option<usize>,
    /// Whether lists are written in another way than they stand.
    is_rewritten: bool,
}

impl CsvParser {
    /// Takes the header off the first batch. Gives the columns as they are likely to be meant, if the name's is among them,
    /// and all that is wrong with the header.
    pub(super) fn open(
        grammar: Grammar,
        batch: &mut Batch,
        options: &ReadOptions,
        path: &Path,
    ) -> Result<(Self, Vec<FileProblem>), Vec<FileProblem>> {
        let delimiter = if let Grammar::Csv(delimiter) = grammar { delimiter } else { b',' };
        let is_filled = |row: &Span| !batch.raw[row.start..row.end].trim_ascii().is_empty();
        let filled: Vec<usize> = (0..batch.rows.len()).filter(|index| is_filled(&batch.rows[*index])).collect();
        let Some(first) = filled.first().map(|first| &batch.rows[*first]) else { return Err(Vec::new()) };
        if let Some(error) = broken(batch, first, delimiter) {
            return Err(vec![error]);
        }
        let text = batch.text();
        let rows = filled.iter().take(TITLES_MAX + 1).map(|row| batch.cells(text, &batch.rows[*row]).owned());
        let candidates: Vec<Vec<String>> = rows.collect();
        if candidates[0].iter().map(String::as_str).take(RESULTS.len()).eq(RESULTS) {
            let message =
                "this is a results file, not a file of groups; import the rejects, or the original file again";
            return Err(vec![FileProblem::new(Code::FileForeign, message)]);
        }
        let is_given = !options.columns.is_empty();
        let of_layout = if is_given { Ok(None) } else { layout_of(&candidates, options) };
        let (options, at) = of_layout
            .map_err(|problem| vec![problem])?
            .unwrap_or_else(|| (options.clone(), if is_given { 0 } else { header_of(&candidates, options) }));
        let layout = options.of_layout.as_ref();
        let title = layout.and_then(|layout| layout.title(&candidates[..at]));
        let name = given_name(path, &options).or_else(|| title.filter(|_| !options.settles(Field::Name)));
        let header = if is_given { options.columns.clone() } else { candidates[at].clone() };
        let (columns, mut errors) = Columns::read(&header, &options);
        let has_name = columns.index(Field::Name).is_some() || name.is_some();
        if let Some(error) = one_cell(&header, delimiter, &options).filter(|_| !has_name) {
            return Err(vec![error]);
        }
        if let Some(Layout { what, .. }) = layout.filter(|_| !has_name) {
            return Err(vec![nameless(what)]);
        }
        if errors.is_empty() && layout.is_none() {
            let rows = if is_given { &candidates[..] } else { &candidates[at + 1..] };
            let of_addresses = columns_of_addresses(&header, rows);
            errors.extend(columns.people(|column| of_addresses.contains(&column)));
        }
        if name.is_some() {
            errors.retain(|error| error.code != Code::HeaderMissing);
        }
        if at > 0 && layout.is_none() {
            errors.insert(0, titled(line_of(batch, filled[at], grammar)));
        }
        if !is_given {
            batch.line = line_of(batch, filled[at] + 1, grammar);
            batch.rows.drain(..=filled[at]);
        }
        let nested = layout.and_then(|layout| position(&header, &layout.nested.as_ref()?.column));
        let is_joined = columns.fields.iter().any(|(field, index)| columns.index(*field) != Some(*index));
        let unnamed = (0..header.len()).filter(|index| header[*index].trim().is_empty()).collect();
        let shape = Shape { header, delimiter, columns, unnamed, is_sheet: grammar == Grammar::Sheet };
        let is_rewritten = is_joined || options.list_delimiter.is_some();
        if has_name { Ok((Self { shape, options, name, nested, is_rewritten }, errors)) } else { Err(errors) }
    }

    /// The header under which its rows are written again.
    pub(super) fn header(&self) -> Vec<String> {
        let name = self.name.as_ref().map(|_| Field::Name.as_str().to_owned());
        self.shape.columns.canonical(&self.shape.header).into_iter().chain(name).collect()
    }

    /// What the header says about its columns.
    pub(super) fn notes(&self) -> Notes {
        let has_column = |column: &str| position(&self.shape.header, column).is_some();
        let is_titled = self.name.is_some() && self.options.name.is_none();
        let layout = self.options.of_layout.as_ref();
        let layout = layout.map(|layout| layout.note(&self.options.map, has_column, is_titled));
        let Columns { unknown, used, unmapped, .. } = self.shape.columns.clone();
        let mut notes = Notes { used, unmapped, layout, ..Notes::default() };
        notes.unknown(unknown);
        notes
    }

    /// The index of the column that holds a field, where its rows are written again.
    pub(super) fn index(&self, field: Field) -> Option<usize> {
        let given = self.name.as_ref().filter(|_| field == Field::Name).map(|_| self.shape.header.len());
        given.or_else(|| self.shape.columns.index(field))
    }

    /// The column that holds a field, if it has another name than the field.
    pub(super) fn column(&self, field: Field) -> Option<&str> {
        let column = self.shape.header.get(self.shape.columns.index(field)?)?.trim();
        (!column.eq_ignore_ascii_case(field.as_str())).then_some(column)
    }

    /// Gives each row of a batch, whose bytes are `raw`. Rows without any text are only counted.
    pub(super) fn rows<'a>(&self, batch: &'a Batch, raw: &'a str, notes: &mut Notes, each: &mut dyn FnMut(&Row<'a>)) {
        let (text, fields) = (batch.text(), &self.shape.columns.fields);
        // All rows of one given name are of one group.
        let is_of_person = self.shape.columns.are_of_persons() || self.name.is_some();
        let names = fields.iter().filter(|(field, _)| *field == Field::Names);
        let names: Vec<usize> = names.map(|(_, index)| *index).collect();
        let mut line = batch.line;
        for span in &batch.rows {
            let (raw, cells) = (&raw[span.start..span.end], batch.cells(text, span));
            let content = raw.trim_end_matches(['\n', '\r']);
            let ends = line_ends(raw.as_bytes()) + u64::from(content.len() == raw.len());
            let (width, lines) = (self.shape.header.len(), if self.shape.is_sheet { 1 } else { ends });
            let record = Record { raw, content, line, lines, cells };
            line += lines;
            let mut row = Row::new(batch.offset + span.start as u64, raw, record.line);
            row.is_of_person = is_of_person;
            if let Some(cut) = batch.too_long {
                self.too_long(&record, cut, &mut row);
            } else if record.content.is_empty() && width == 1 {
                row.text = Raw::Cells(vec!["".into()]);
                row.fields = Ok(Fields::default().with(Field::Name, Cell::Text("".into())));
            } else if record.content.is_empty() {
                notes.blank_lines += 1;
                continue;
            } else if width > 1 && record.cells.are_blank() && !record.content.contains('"') {
                notes.blank.push(record.line);
                continue;
            } else {
                self.read(&record, &mut row);
            }
            if names.is_empty() || row.fields.is_err() {
                each(&row);
                continue;
            }
            let names = names.iter().filter_map(|index| cells.get(*index));
            let names = names.map(|cell| names_of(cell, self.options.list_delimiter));
            let names = names.collect::<Result<Vec<_>, _>>().map(|names| names.concat());
            each_group(&row, names, |name| self.text(&cells, name), each);
        }
    }

    fn read<'a>(&self, record: &Record<'a>, row: &mut Row<'a>) {
        let Record { raw, content, line, cells, .. } = *record;
        let as_they_are = || cells.iter().map(Cow::Borrowed).collect();
        let as_read_alike = || self.text(&cells, self.name.as_deref());
        let quotes = Quotes::of(raw.as_bytes(), self.shape.delimiter);
        (row.text, row.fields) = if let Some(open) = quotes.open {
            (Raw::OpenQuote(as_they_are()), Err(shape::open_quote(raw.as_bytes(), open, line)))
        } else if let Some(stray) = quotes.stray {
            (Raw::Stray(content.into()), Err(self.shape.stray(record, stray)))
        } else if let Some(problem) = self.shape.repeated_header(&cells) {
            row.flaw = Some(RowFlaw::Header);
            (Raw::Cells(as_they_are()), Err(problem))
        } else if let Some(problem) = self.shape.ragged(record) {
            row.flaw = Some(RowFlaw::Ragged);
            (Raw::Cells(as_they_are()), Err(problem))
        } else if let Some(problem) = self.excluded(&cells) {
            (as_read_alike(), Err(problem))
        } else {
            row.warnings = self.shape.warnings(record, quotes.has_literal);
            (as_read_alike(), Ok(self.fields(&cells)))
        };
    }

    fn too_long<'a>(&self, record: &Record<'a>, cut: LongRow, row: &mut Row<'a>) {
        let bytes = record.raw.as_bytes();
        let quote = Quotes::of(bytes, self.shape.delimiter).open;
        let opened = quote.map(|open| record.line + line_ends(&bytes[..open]));
        // With one cell too many, a beginning is never read as a whole row.
        let mut cells = vec![Cow::Borrowed(record.content)];
        cells.resize(self.header().len() + 1, "".into());
        (row.text, row.flaw) = (Raw::Cells(cells), Some(RowFlaw::TooLong));
        row.fields = Err(shape::too_long(cut.length, opened));
    }

    fn fields<'a>(&self, cells: &Cells<'a>) -> Fields<'a> {
        let mut fields = Fields::default();
        if let Some(name) = &self.name {
            fields.set(Field::Name, Cell::Text(Cow::Owned(name.clone())));
        }
        for (field, index) in &self.shape.columns.fields {
            let Some(text) = cells.get(*index) else { continue };
            let cell = match self.options.list_delimiter.filter(|_| field.is_list()) {
                Some(delimiter) => list_of(text, delimiter),
                None => Cell::Text(Cow::Borrowed(text)),
            };
            fields.join(*field, cell);
        }
        fields
    }

    /// Why a filter or the layout leaves the row out, if one does.
    fn excluded(&self, cells: &Cells<'_>) -> Option<Problem> {
        let cell = |index: usize| cells.get(index).unwrap_or_default();
        let of_layout = self.options.of_layout.as_ref().and_then(|layout| {
            let member = self.shape.columns.index(Field::Members).map_or("", cell);
            layout.leaves_out(cell(0), self.nested.map(cell), member)
        });
        let mut filters = self.options.filters.iter().zip(&self.shape.columns.filters);
        of_layout.or_else(|| {
            let (filter, _) = filters.find(|(filter, index)| !filter.keeps(cell(**index)))?;
            Some(self.options.left_out_by(filter))
        })
    }

    /// The cells of a row of this name as they are written again.
    fn text<'a>(&self, cells: &Cells<'a>, name: Option<&str>) -> Raw<Cow<'a, str>> {
        let mut row: Vec<Cow<'a, str>> = cells.iter().map(Cow::Borrowed).collect();
        if name.is_none() && !self.is_rewritten {
            return Raw::Cells(row);
        }
        row.resize(self.shape.header.len(), Cow::Borrowed(""));
        let fields = self.fields(cells);
        for (field, index) in self.shape.columns.fields.iter().filter(|(field, _)| field.is_list()) {
            if self.shape.columns.index(*field) == Some(*index) {
                row[*index] = fields.get(*field).text();
            }
        }
        let name = name.map(|name| Cow::Owned(name.to_owned()));
        match (self.shape.columns.index(Field::Name), name) {
            (Some(index), Some(name)) if self.name.is_none() => row[index] = name,
            (_, name) => row.extend(name),
        }
        Raw::Cells(row)
    }
}

/// The options with those of the layout whose columns are all in one of these rows, and the row.
fn layout_of(rows: &[Vec<String>], options: &ReadOptions) -> Result<Option<(ReadOptions, usize)>, FileProblem> {
    let bare_of = |row: &Vec<String>| row.iter().map(|cell| bare(cell)).collect::<Vec<_>>();
    let rows: Vec<_> = rows.iter().map(bare_of).collect();
    let find = |layout: &Layout| {
        let wanted = bare_of(&layout.header);
        rows.iter().position(|row| wanted.iter().all(|column| row.contains(column)))
    };
    options.with_layout(|layout| &layout.header, find)
}

/// The columns in which most of the first cells are addresses.
fn columns_of_addresses<'a>(header: &'a [String], rows: &[Vec<String>]) -> Vec<&'a str> {
    let has_addresses = |index: &usize| {
        let cells = rows.iter().filter_map(|row| row.get(*index)).filter(|cell| !cell.trim().is_empty());
        let (addresses, others): (Vec<_>, Vec<_>) = cells.partition(|cell| are_addresses(cell));
        !addresses.is_empty() && addresses.len() >= others.len()
    };
    (0..header.len()).filter(has_addresses).map(|index| header[index].trim()).collect()
}

/// The line on which a row of the first batch begins.
fn line_of(batch: &Batch, index: usize, grammar: Grammar) -> u64 {
    let end = batch.rows.get(index).map_or(batch.raw.len(), |row| row.start);
    batch.line + if grammar == Grammar::Sheet { index as u64 } else { line_ends(&batch.raw[..end]) }
}

/// A header row that cannot be read.
fn broken(batch: &Batch, row: &Span, delimiter: u8) -> Option<FileProblem> {
    let bytes = &batch.raw[row.start..row.end];
    let quotes = Quotes::of(bytes, delimiter);
    let message = if let Some(open) = quotes.open {
        let lines = batch.too_long.map_or_else(|| line_ends(without_line_ends(&bytes[open..])) + 1, |cut| cut.lines);
        format!("a quote that opens in the header never closes, so the rest of the file ({lines} lines) is inside it")
    } else if batch.too_long.is_some() {
        "the header is longer than 1 MiB, the most that a row may have".to_owned()
    } else {
        quotes.stray?;
        "there is text after a closing quote; write a quote inside quotes twice (\"\")".to_owned()
    };
    Some(FileProblem::new(Code::HeaderMalformed, message))
}
