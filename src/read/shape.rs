//! What is wrong with the shape of a CSV row, in words: its number of cells, its quotes, a header among the rows. Pure.

use super::batch::{Grammar, StrayText};
use super::columns::{field_of, is_ids};
use super::lines::{line_ends, without_line_ends};
use super::{Parser, Row};
use crate::model::{Code, ERROR_COLUMN, Field, Problem, has_address, shortened};

impl Parser {
    /// Text after a closing quote makes the quotes of a row ambiguous.
    pub(super) fn stray(&self, raw: &str, line: u64, stray: StrayText) -> Problem {
        let StrayText { opened, begins: stray, index } = stray;
        if let Some(problem) = json(raw) {
            return problem;
        }
        let bytes = raw.as_bytes();
        let column = self.column_name(index);
        let end =
            raw[stray..].find([char::from(self.grammar.delimiter()), '\n', '\r']).map_or(raw.len(), |end| stray + end);
        let text = shortened(raw[stray..end].trim());
        let (from, to) = (line + line_ends(&bytes[..opened]), line + line_ends(&bytes[..stray]));
        Problem::malformed(if to > from {
            format!(
                "{column}: the quote that opens on line {from} closes only on line {to}, before `{text}`; close it on line {from}"
            )
        } else {
            format!(
                "{column}: `{text}` follows a closing quote; put the whole cell in quotes and write each quote inside it twice: \"The \"\"A\"\" Team\""
            )
        })
    }

    /// Whether the row repeats the header, or is the header of other columns, as where files were concatenated.
    pub(super) fn repeated_header(&self, cells: &[&str]) -> Option<Problem> {
        let repeats = |(_, index): &(Field, usize)| {
            let cell = cells.get(*index).copied().unwrap_or_default();
            cell.trim_start_matches('\u{feff}').trim() == self.header[*index].trim()
        };
        let is_header =
            || self.columns.fields.len() > 1 || (self.header.len() == 1 && field_of(&self.header[0]).is_some());
        if self.columns.fields.iter().all(repeats) && is_header() {
            return Some(Problem::malformed("the row repeats the header; remove it"));
        }
        // Hardly any row ends as a header does.
        let own = self.header.last().is_some_and(|column| column == ERROR_COLUMN);
        let count = cells.len().saturating_sub(usize::from(own));
        let last = cells.get(count.checked_sub(1)?)?;
        let is_word = last.bytes().all(|byte| byte.is_ascii_alphabetic() || b" _-".contains(&byte));
        if !is_word || last.is_empty() || last.len() > 24 {
            return None;
        }
        let fields: Vec<Field> = (0..count).map_while(|index| field_of(cells.get(index)?)).collect();
        let is_other = fields.len() == count && count > 2 && fields.contains(&Field::Name);
        let has_twins = (1..fields.len()).any(|index| fields[index..].contains(&fields[index - 1]));
        (is_other && !has_twins).then(|| {
            Problem::malformed("the row is a header of other columns; put the rows below it into a file of their own")
        })
    }

    /// Why the cells are not those of a row. Only cells of unused columns may be missing at the end.
    pub(super) fn ragged(&self, raw: &str, cells: &[&str]) -> Option<Problem> {
        let (count, width) = (cells.len(), self.header.len());
        let mut used = self.columns.fields.iter().map(|(_, index)| index).chain(&self.columns.filters);
        let is_whole = match count {
            _ if count == width => true,
            _ if self.grammar == Grammar::Sheet => count < width && (count > 1 || width < 3),
            _ => (2..width).contains(&count) && used.all(|index| *index < count),
        };
        if is_whole {
            return None;
        }
        Some(json(raw).unwrap_or_else(|| {
            Problem::malformed(if count < width { self.too_few(raw, cells) } else { self.too_many(cells) })
        }))
    }

    fn too_few(&self, raw: &str, cells: &[&str]) -> String {
        let (count, width, delimiter) = (cells.len(), self.header.len(), named(self.grammar.delimiter()));
        let only = cells.first().copied().filter(|_| count == 1).unwrap_or_default();
        let parts = |other: u8| only.bytes().filter(|byte| *byte == other).count() + 1;
        if raw.starts_with('"') && parts(self.grammar.delimiter()) == width {
            return "the whole line is in quotes; remove the outer ones".to_owned();
        }
        if let Some(other) = [b',', b';', b'\t', b'|'].into_iter().find(|other| parts(*other) == width) {
            return format!("this row is delimited by {} but the file by {delimiter}; make them equal", named(other));
        }
        let cure = match count {
            1 if self.grammar == Grammar::Sheet => {
                "delete it if it is a title or a footer, or fill in its description".to_owned()
            }
            1 => format!("delete it if it is a title or a footer, or add a {delimiter} for each empty cell"),
            _ if !raw.ends_with(['\n', '\r']) => "the file may be cut off here".to_owned(),
            _ => format!("add a {delimiter} for each empty cell"),
        };
        format!("the row has {count} of {width} cells; {cure}")
    }

    fn too_many(&self, cells: &[&str]) -> String {
        let (count, width, delimiter) = (cells.len(), self.header.len(), named(self.grammar.delimiter()));
        let typographic = ['“', '”', '„', '\'', '‘', '’'];
        let cure = if cells.iter().any(|cell| cell.starts_with(' ') && cell.trim_start().starts_with('"')) {
            "; remove the space before a quote".to_owned()
        } else if cells.iter().any(|cell| cell.trim_start().starts_with(typographic)) {
            "; only straight double quotes count".to_owned()
        } else if cells.iter().skip(width).all(|cell| cell.is_empty())
            && !cells.iter().any(|cell| cell.starts_with(' '))
        {
            format!(", or remove the surplus {delimiter} at its end if no cell does")
        } else {
            String::new()
        };
        format!(
            "the row has {count} cells but the header has {width}; put quotes around a cell that contains a {delimiter}{cure}"
        )
    }

    /// Warnings about a row that can be read.
    pub(super) fn warnings(&self, row: &Row<'_>, lines: u64, cells: &[&str], has_spaced_quotes: bool) -> Vec<Problem> {
        let mut warnings = Vec::new();
        if lines > 1 && self.holds_rows(row.raw) {
            let last = row.line + lines - 1;
            warnings.push(Problem::general(
                Code::QuoteLate,
                format!("a quoted cell that ends on line {last} contains what looks like rows; does its quote close too late?"),
            ));
        }
        let is_spaced = |(_, cell): &(usize, &&str)| {
            let inner = if cell.as_bytes().first() == Some(&b' ') { cell.trim() } else { "" };
            inner.len() > 1 && inner.starts_with('"') && inner.ends_with('"')
        };
        for (index, _) in cells.iter().enumerate().filter(|cell| has_spaced_quotes && is_spaced(cell)) {
            let message =
                format!("{}: a space before a quote makes the quote text; remove the space", self.column_name(index));
            warnings.push(Problem::general(Code::QuoteSpaced, message));
        }
        let mut unnamed = (0..self.header.len()).filter(|index| self.header[*index].trim().is_empty());
        let cell = |index: &usize| cells.get(*index).map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
        if let Some((index, cell)) = unnamed.find_map(|index| Some((index, cell(&index)?))) {
            let message = format!(
                "column {} has no name in the header, so `{}` is ignored; name it (or put quotes around a cell with a {})",
                index + 1,
                shortened(cell),
                named(self.grammar.delimiter())
            );
            warnings.push(Problem::general(Code::ColumnUnnamed, message));
        }
        warnings
    }

    /// Whether the first line of a row, and a further one, would be rows themselves.
    fn holds_rows(&self, raw: &str) -> bool {
        let mut lines = raw.split(['\n', '\r']).filter(|line| !line.is_empty());
        let is_first = lines.next().is_some_and(|first| self.is_like_row(first));
        // Text of two columns easily has one comma in a line: one of them must hold a list.
        let is_clear = self.header.len() > 2 || self.columns.fields.iter().any(|(field, _)| field.is_list());
        is_clear && is_first && lines.any(|line| self.is_like_row(line))
    }

    /// Whether a line has the cells of a row, each as plain as cells are: in prose a space follows a comma.
    fn is_like_row(&self, line: &str) -> bool {
        let cells: Vec<&str> = line.split(char::from(self.grammar.delimiter())).collect();
        let is_like_cell = |(index, cell): (usize, &&str)| {
            let text = cell.trim_matches('"');
            match self.columns.fields.iter().find(|(_, held)| *held == index) {
                Some((Field::Members | Field::Member, _)) => text.is_empty() || is_ids(text) || has_address(text),
                Some((Field::Guests | Field::Guest, _)) => text.is_empty() || has_address(text),
                _ => index == 0 || !text.starts_with(' '),
            }
        };
        cells.len() > 1 && cells.len() == self.header.len() && cells.iter().enumerate().all(is_like_cell)
    }

    fn column_name(&self, index: usize) -> String {
        self.header.get(index).map_or_else(|| format!("cell {}", index + 1), |name| shortened(name.trim()))
    }
}

/// A line of JSON among CSV rows.
fn json(raw: &str) -> Option<Problem> {
    let is_json = raw.trim_start().starts_with("{\"");
    is_json.then(|| Problem::malformed("the line is JSON but the file is CSV; put such lines into a .jsonl file"))
}

/// The quote that never closes.
pub(super) fn open_quote(raw: &[u8], opened: usize, line: u64) -> Problem {
    let lines = line_ends(without_line_ends(&raw[opened..])) + 1;
    let line = line + line_ends(&raw[..opened]);
    let plural = if lines == 1 { "" } else { "s" };
    Problem::malformed(format!(
        "the quote that opens on line {line} never closes, so {lines} line{plural} to the end of the file are inside it"
    ))
}

/// The delimiter in words.
fn named(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".to_owned(),
        other => format!("`{}`", char::from(other)),
    }
}
