//! CSV: the header, and each row's cells or why it is refused (open quote, stray text, another header, too few or too many
//! cells). Pure.

use std::borrow::Cow;
use std::path::Path;

use super::batch::{Batch, Grammar, Quotes, Span};
use super::columns::{Columns, TITLES_MAX, bare, header_of, position};
use super::delimiter::one_cell;
use super::error::empty;
use super::header::{nameless, titled};
use super::lines::{line_ends, without_line_ends};
use super::names::list_of;
use super::shape;
use super::source::given_name;
use super::{Notes, Parser, ReadError, ReadOptions, Row};
use crate::model::{Cell, Code, Field, Fields, Filter, Problem, Raw, are_addresses};

/// The columns of a results file of this program begin so.
const RESULTS: [&str; 5] = ["file", "row", "line", "name", "status"];

impl Parser {
    /// Takes the header off the first batch of the file at `path`. The columns are read as they are likely to be meant; gives
    /// all that is wrong with the header, as an error if no column has the name.
    pub(super) fn read_header(&mut self, batch: &mut Batch, path: &Path) -> Result<Vec<Problem>, ReadError> {
        let is_filled = |row: &Span| !batch.raw[row.start..row.end].trim_ascii().is_empty();
        let filled: Vec<usize> = (0..batch.rows.len()).filter(|index| is_filled(&batch.rows[*index])).collect();
        let first = filled.first().map(|first| &batch.rows[*first]).ok_or_else(empty)?;
        broken(batch, first).map_or(Ok(()), Err)?;
        let text = batch.text();
        let rows = filled.iter().take(TITLES_MAX + 1).map(|row| batch.cells(text, &batch.rows[*row]));
        let candidates: Vec<Vec<String>> = rows.map(|row| row.map(str::to_owned).collect()).collect();
        if candidates[0].iter().map(String::as_str).take(RESULTS.len()).eq(RESULTS) {
            let message =
                "this is a results file, not a file of groups; import the rejects, or the original file again";
            return Err(Problem::fatal(Code::FileForeign, message).into());
        }
        let is_given = !self.options.columns.is_empty();
        let at = match if is_given { None } else { layout_of(&candidates, &self.options)? } {
            Some((options, at)) => {
                self.options = options;
                at
            }
            None if is_given => 0,
            None => header_of(&candidates, &self.options),
        };
        self.header = if is_given { self.options.columns.clone() } else { candidates[at].clone() };
        let mut errors;
        (self.columns, errors) = Columns::read(&self.header, &self.options);
        let layout = self.options.of_layout.as_ref();
        let title = layout.and_then(|layout| layout.title(&candidates[..at]));
        let title = title.filter(|_| !self.options.settles(Field::Name));
        self.name = given_name(path, &self.options).or_else(|| title.clone());
        let has_name = self.columns.index(Field::Name).is_some() || self.name.is_some();
        if !has_name {
            one_cell(&self.header, self.grammar.delimiter(), &self.options).map_or(Ok(()), Err)?;
            layout.map_or(Ok(()), |layout| Err(nameless(&layout.what)))?;
        }
        if errors.is_empty() && layout.is_none() {
            let rows = if is_given { &candidates[..] } else { &candidates[at + 1..] };
            errors.extend(self.columns.people(&self.header, |index| has_addresses(rows, index)));
        }
        if self.name.is_some() {
            errors.retain(|error| error.code != Code::HeaderMissing);
        }
        if at > 0 && layout.is_none() {
            errors.insert(0, titled(line_of(batch, filled[at], self.grammar)));
        }
        if !is_given {
            batch.line = line_of(batch, filled[at] + 1, self.grammar);
            batch.rows.drain(..=filled[at]);
        }
        self.describe(title.is_some());
        if has_name { Ok(errors) } else { Err(errors.into()) }
    }

    /// Notes how the columns are read, and under which header their rows are written again.
    fn describe(&mut self, is_titled: bool) {
        let has_column = |column: &str| position(&self.header, column).is_some();
        let layout = self.options.of_layout.as_ref();
        self.notes.problems.extend(layout.map(|layout| layout.note(&self.options.map, has_column, is_titled)));
        self.notes.add(&self.columns.notes, self.columns.unknown.iter().map(|index| self.header[*index].trim()));
        let name = self.name.as_ref().map(|_| Field::Name.as_ref().to_owned());
        self.dialect.header = self.columns.canonical(&self.header).into_iter().chain(name).collect();
        if self.dialect.header.len() == 1 {
            // One column has no delimiter; a copy of it is read with commas.
            self.dialect.delimiter = b',';
        }
    }

    /// Gives each row of a batch, whose bytes are `raw`. Rows without any text are only counted.
    pub(super) fn csv_rows<'a>(
        &self,
        batch: &'a Batch,
        raw: &'a str,
        notes: &mut Notes,
        each: &mut dyn FnMut(&Row<'a>),
    ) {
        let (text, width) = (batch.text(), self.header.len());
        let is_of_person = self.is_of_one_group || self.columns.fields.iter().any(|(field, _)| field.is_of_person());
        let (mut line, mut cells) = (batch.line, Vec::new());
        for span in &batch.rows {
            let raw = &raw[span.start..span.end];
            cells.clear();
            cells.extend(batch.cells(text, span));
            let content = raw.trim_end_matches(['\n', '\r']);
            let mut row = Row::new(raw, line);
            let ends = line_ends(raw.as_bytes()) + u64::from(content.len() == raw.len());
            let lines = if self.grammar == Grammar::Sheet { 1 } else { ends };
            line += lines;
            row.is_of_person = is_of_person;
            if content.is_empty() && width == 1 {
                row.text = Raw::Cells(vec!["".into()]);
                row.fields = Ok(Fields::default().with(Field::Name, Cell::Text("".into())));
            } else if content.is_empty() {
                notes.has_blank_lines = true;
                continue;
            } else if width > 1 && cells.iter().all(|cell| cell.trim().is_empty()) && !content.contains('"') {
                notes.blank.push(row.line);
                continue;
            } else {
                self.read(&cells, span.quotes, lines, &mut row);
            }
            let names = self.columns.fields.iter().filter(|(field, _)| *field == Field::Names);
            let names = names.filter_map(|(_, index)| Some(Cell::Text(Cow::Borrowed(*cells.get(*index)?))));
            let names: Vec<Cell<'_>> = names.collect();
            self.each_group(&row, &names, |name| self.text(&cells, name), each);
        }
    }

    fn read<'a>(&self, cells: &[&'a str], quotes: Quotes, lines: u64, row: &mut Row<'a>) {
        let (raw, line) = (row.raw, row.line);
        let as_they_are = || cells.iter().copied().map(Cow::Borrowed).collect();
        let as_read_alike = || self.text(cells, self.name.as_deref());
        (row.text, row.fields) = if let Some(open) = quotes.open {
            (Raw::OpenQuote(as_they_are()), Err(shape::open_quote(raw.as_bytes(), open, line)))
        } else if let Some(stray) = quotes.stray {
            (Raw::Stray(raw.trim_end_matches(['\n', '\r']).into()), Err(self.stray(raw, line, stray)))
        } else if let Some(problem) = self.repeated_header(cells) {
            row.is_header = true;
            (Raw::Cells(as_they_are()), Err(problem))
        } else if let Some(problem) = self.ragged(raw, cells) {
            (Raw::Cells(as_they_are()), Err(problem))
        } else {
            row.left_out = self.excluded(cells);
            row.warnings = self.warnings(row, lines, cells, quotes.has_spaced);
            (as_read_alike(), Ok(self.fields(cells)))
        };
    }

    fn fields<'a>(&self, cells: &[&'a str]) -> Fields<'a> {
        let mut fields = self.given_fields();
        for (field, index) in &self.columns.fields {
            let Some(text) = cells.get(*index).copied() else { continue };
            let cell = match self.options.list_delimiter.filter(|_| field.is_list()) {
                Some(delimiter) => list_of(text, delimiter),
                None => Cell::Text(Cow::Borrowed(text)),
            };
            fields.join(*field, cell);
        }
        fields
    }

    /// Why a filter or the layout leaves the row out, if one does.
    fn excluded(&self, cells: &[&str]) -> Option<Problem> {
        let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
        let of_layout = self.options.of_layout.as_ref().and_then(|layout| {
            let member = self.columns.index(Field::Members).map_or("", cell);
            layout.leaves_out(cell(0), self.columns.nested.map(cell), member)
        });
        let column = |index: usize| self.columns.filters.get(index);
        let keeps = |index, filter: &Filter| column(index).is_none_or(|column| filter.keeps(cell(*column)));
        of_layout.or_else(|| self.options.left_out(keeps))
    }

    /// The cells of a row of this name as they are written again.
    fn text<'a>(&self, cells: &[&'a str], name: Option<&str>) -> Raw<Cow<'a, str>> {
        let mut row: Vec<Cow<'a, str>> = cells.iter().copied().map(Cow::Borrowed).collect();
        let firsts = self.columns.fields.iter().filter(|(field, index)| self.columns.index(*field) == Some(*index));
        let is_joined = firsts.clone().count() < self.columns.fields.len();
        if name.is_none() && !is_joined && self.options.list_delimiter.is_none() {
            return Raw::Cells(row);
        }
        row.resize(self.header.len(), Cow::Borrowed(""));
        let fields = self.fields(cells);
        for (field, index) in firsts.filter(|(field, _)| field.is_list()) {
            row[*index] = fields.get(*field).text();
        }
        let name = name.map(|name| Cow::Owned(name.to_owned()));
        match (self.columns.index(Field::Name), name) {
            (Some(index), Some(name)) if self.name.is_none() => row[index] = name,
            (_, name) => row.extend(name),
        }
        Raw::Cells(row)
    }
}

/// The options with those of the layout whose columns are all in one of these rows, and the row.
fn layout_of(rows: &[Vec<String>], options: &ReadOptions) -> Result<Option<(ReadOptions, usize)>, Problem> {
    let bare_of = |row: &Vec<String>| row.iter().map(|cell| bare(cell)).collect::<Vec<_>>();
    let rows: Vec<_> = rows.iter().map(bare_of).collect();
    options.with_layout(|layout| bare_of(&layout.header), |_| rows.clone())
}

/// Whether most of the first cells of a column are addresses.
fn has_addresses(rows: &[Vec<String>], index: usize) -> bool {
    let cells = rows.iter().filter_map(|row| row.get(index)).filter(|cell| !cell.trim().is_empty());
    let (addresses, others): (Vec<_>, Vec<_>) = cells.partition(|cell| are_addresses(cell));
    !addresses.is_empty() && addresses.len() >= others.len()
}

/// The line on which a row of the first batch begins.
fn line_of(batch: &Batch, index: usize, grammar: Grammar) -> u64 {
    let end = batch.rows.get(index).map_or(batch.raw.len(), |row| row.start);
    batch.line + if grammar == Grammar::Sheet { index as u64 } else { line_ends(&batch.raw[..end]) }
}

/// A header row that cannot be read.
fn broken(batch: &Batch, row: &Span) -> Option<Problem> {
    let bytes = &batch.raw[row.start..row.end];
    let message = if let Some(open) = row.quotes.open {
        let lines = line_ends(without_line_ends(&bytes[open..])) + 1;
        format!("a quote that opens in the header never closes, so the rest of the file ({lines} lines) is inside it")
    } else {
        row.quotes.stray?;
        "there is text after a closing quote; write a quote inside quotes twice (\"\")".to_owned()
    };
    Some(Problem::fatal(Code::HeaderMalformed, message))
}
