//! What is wrong or odd about the shape of a CSV row, told for the person who mends it. Pure.

mod odd;

use super::columns::field_of;
use super::lines::{ends_line, line_ends};
use super::row::Cells;
use crate::model::{ERROR_COLUMN, Fault, Field, shortened};

/// The shape that rows of one file have.
#[derive(Debug)]
pub(super) struct Shape {
    header: Vec<String>,
    delimiter: u8,
    /// The columns without a name.
    unnamed: Vec<usize>,
    /// The columns that hold lists.
    lists: Vec<(usize, Field)>,
}

impl Shape {
    /// Of a file with this header and these fields in its columns.
    pub(super) fn new(header: Vec<String>, fields: &[(Field, usize)], delimiter: u8) -> Self {
        let unnamed = (0..header.len()).filter(|index| header[*index].trim().is_empty()).collect();
        let lists = fields.iter().filter(|(field, _)| field.is_list()).map(|(field, index)| (*index, *field)).collect();
        Self { header, delimiter, unnamed, lists }
    }

    /// The header's cells.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// Why the cells are not those of a row.
    pub(super) fn fault(&self, raw: &str, cells: &Cells<'_>) -> Option<Fault> {
        let (count, width) = (cells.count(), self.header.len());
        if count != width && raw.trim_start().starts_with("{\"") {
            let message = "the line is JSON, and the file is CSV; put such lines into a file of their own (.jsonl)";
            return Some(Fault::malformed(message));
        }
        if count < width {
            return Some(Fault::malformed(self.too_few(raw, cells)));
        }
        (count > width).then(|| Fault::malformed(self.too_many(cells)))
    }

    fn too_few(&self, raw: &str, cells: &Cells<'_>) -> String {
        let (count, width, delimiter) = (cells.count(), self.header.len(), named(self.delimiter));
        let only = cells.get(0).filter(|_| count == 1).unwrap_or_default();
        let parts = |other: u8| only.bytes().filter(|byte| *byte == other).count() + 1;
        if !only.is_empty() && only.chars().all(char::is_control) {
            return "the line holds nothing but control characters (a damaged end of the file?); delete it".to_owned();
        }
        if raw.starts_with('"') && parts(self.delimiter) == width {
            return "the whole line stands in quotes; remove the outer ones".to_owned();
        }
        if let Some(other) = [b',', b';', b'\t', b'|'].into_iter().find(|other| parts(*other) == width) {
            return format!("the row is parted by {}s, and the file by {delimiter}s; make them the same", named(other));
        }
        let base = format!("the row has only {count} of the header's {width} cells");
        if count == 1 {
            return format!(
                "{base}: a title, a note, or a footer? Delete it, or add the {delimiter}s of the empty cells"
            );
        }
        if !raw.ends_with(['\n', '\r']) {
            return format!("{base}: was the file cut off here? If not, empty cells need their {delimiter}s too");
        }
        if count + 1 == width && self.unnamed.last() == Some(&count) {
            return format!("{base}, of which the last has no name: has the header a {delimiter} too many at its end?");
        }
        format!("{base}; empty cells need their {delimiter}s too")
    }

    fn too_many(&self, cells: &Cells<'_>) -> String {
        let (count, width, delimiter) = (cells.count(), self.header.len(), named(self.delimiter));
        let mut more = cells.iter().skip(width);
        if more.all(str::is_empty) {
            let more = count - width;
            return format!(
                "the row has {more} empty {} too many at its end; remove {delimiter}s there",
                plural(more, "cell")
            );
        }
        let typographic = ['“', '”', '„', '\'', '‘', '’'];
        let hint = if cells.iter().any(|cell| cell.starts_with(' ') && cell.trim_start().starts_with('"')) {
            "; a quote must be the first character of its cell: remove the space before it"
        } else if cells.iter().any(|cell| cell.trim_start().starts_with(typographic)) {
            "; typographic and single quotes do not count, only \" does"
        } else {
            ""
        };
        format!(
            "the row has {count} cells where the header has {width}; a cell that holds a {delimiter} needs quotes around it{hint}"
        )
    }

    /// Text between a closing quote and the end of its cell: one of the quotes is no closing one. `stray` is where it begins,
    /// and `index` finds its cell. Spaces do no harm.
    pub(super) fn stray(&self, raw: &str, line: u64, stray: usize, index: impl FnOnce() -> usize) -> Option<Fault> {
        let bytes = raw.as_bytes();
        let is_end = |byte: &u8| *byte == self.delimiter || ends_line(*byte);
        let end = stray + bytes[stray..].iter().position(is_end).unwrap_or(bytes.len() - stray);
        let text = raw.get(stray..end).unwrap_or_default().trim();
        if text.is_empty() {
            return None;
        }
        let column = self.column(index());
        let text = shortened(text);
        let opened = opening_quote(bytes, stray, self.delimiter);
        let (from, to) = (line + line_ends(&bytes[..opened]), line + line_ends(&bytes[..stray]));
        if to > from {
            return Some(Fault::malformed(format!(
                "{column}: the quote opened on line {from} closes only on line {to}, before `{text}`, and swallowed what is between; close it on line {from}"
            )));
        }
        Some(Fault::malformed(format!(
            "{column}: `{text}` stands behind a closing quote; write such a cell with quotes around it, and each of its own quotes twice: \"The \"\"A\"\" Team\""
        )))
    }

    fn column(&self, index: usize) -> String {
        self.header.get(index).map_or_else(|| format!("cell {}", index + 1), |name| shortened(name.trim()))
    }
}

/// Where the quote stands that opened the cell before `stray`.
fn opening_quote(bytes: &[u8], stray: usize, delimiter: u8) -> usize {
    let is_opening =
        |at: &usize| bytes[*at] == b'"' && (*at == 0 || bytes[at - 1] == delimiter || ends_line(bytes[at - 1]));
    // Within the cell a quote may look like an opening one, too: the first that leaves an odd number behind it is it.
    let closing = stray.saturating_sub(1);
    (0..closing).rev().filter(is_opening).find(|at| is_closed_at(bytes, *at, closing)).unwrap_or(0)
}

/// Whether the quote that opens at `at` is closed by the one at `closing`.
fn is_closed_at(bytes: &[u8], at: usize, closing: usize) -> bool {
    let mut quotes = at + 1;
    while quotes < closing {
        if bytes[quotes] != b'"' {
            quotes += 1;
        } else if bytes.get(quotes + 1) == Some(&b'"') {
            quotes += 2;
        } else {
            return false;
        }
    }
    quotes == closing
}

/// Longer cells are no field's name, in bytes.
const LONGEST_TITLE: usize = 24;

/// Whether the row is the header of other rows, or has one glued to it, as where files were put together.
pub(super) fn other_header(cells: &Cells<'_>, header: &[String]) -> Option<Fault> {
    // The rejects' own column says nothing of it.
    let own = usize::from(header.last().is_some_and(|column| column == ERROR_COLUMN));
    let bounds = &cells.bounds[..cells.count() - own.min(cells.count())];
    let (start, end) = *bounds.last()?;
    let last = &cells.text.as_bytes()[start..end];
    // At a glance, hardly any row ends as a header does.
    let may_be_title = last.len() <= LONGEST_TITLE
        && matches!(last.first(), Some(b'n' | b'N' | b'd' | b'D' | b'm' | b'M' | b'g' | b'G'))
        && last.iter().all(|byte| byte.is_ascii_alphabetic() || b" _-".contains(byte));
    if !may_be_title {
        return None;
    }
    let titles: Vec<Field> = (0..bounds.len()).rev().map_while(|index| cells.get(index).and_then(field_of)).collect();
    let has = |field: &Field| titles.contains(field);
    if Field::ALL.iter().filter(|field| has(field)).count() < 3 || !has(&Field::Name) {
        return None;
    }
    Some(Fault::malformed(if titles.len() == bounds.len() {
        "the row is a header of other columns: the rows below it need a file of their own"
    } else {
        "a header is glued to the row: end the line before it, and put the rows below into a file of their own"
    }))
}

/// The delimiter in words.
pub(super) fn named(delimiter: u8) -> String {
    match delimiter {
        b',' => "comma".to_owned(),
        b';' => "semicolon".to_owned(),
        b'\t' => "tab".to_owned(),
        b'|' => "vertical bar".to_owned(),
        other => format!("`{}`", char::from(other)),
    }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fault of a row that is one line.
    fn fault(header: &str, row: &str) -> String {
        let shape = Shape::new(header.split(',').map(str::to_owned).collect(), &[], b',');
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        let text: String = record.iter().collect();
        let mut at = 0;
        let bounds: Vec<(usize, usize)> = record
            .iter()
            .map(|cell| {
                at += cell.len();
                (at - cell.len(), at)
            })
            .collect();
        shape.fault(row, &Cells { text: &text, bounds: &bounds }).map_or_else(String::new, |fault| fault.message)
    }

    #[test]
    fn what_is_wrong_with_the_number_of_cells_is_told_by_what_the_row_holds() {
        let header = "name,description,members";
        for (row, expected) in [
            ("A,b,1", ""),
            ("A,b\n", "the row has only 2 of the header's 3 cells; empty cells need their commas too"),
            (
                "A,b",
                "the row has only 2 of the header's 3 cells: was the file cut off here? If not, empty cells need their commas too",
            ),
            (
                "{\"name\":\"A\",\"x\":1}\n",
                "the line is JSON, and the file is CSV; put such lines into a file of their own (.jsonl)",
            ),
            (
                "Total: 12",
                "the row has only 1 of the header's 3 cells: a title, a note, or a footer? Delete it, or add the commas of the empty cells",
            ),
            ("\"A,b,1\"", "the whole line stands in quotes; remove the outer ones"),
            ("A;b;1", "the row is parted by semicolons, and the file by commas; make them the same"),
            ("\0\0", "the line holds nothing but control characters (a damaged end of the file?); delete it"),
            ("A,b,1,,", "the row has 2 empty cells too many at its end; remove commas there"),
            (
                "A,“b, c”,1",
                "the row has 4 cells where the header has 3; a cell that holds a comma needs quotes around it; typographic and single quotes do not count, only \" does",
            ),
            (
                "A, \"b, c\",1",
                "the row has 4 cells where the header has 3; a cell that holds a comma needs quotes around it; a quote must be the first character of its cell: remove the space before it",
            ),
        ] {
            assert_eq!(fault(header, row), expected, "{row:?}");
        }
    }
}
