//! Rows as text: CSV, JSON lines, and the columns of several files under one header. Pure.

use csv::QuoteStyle;
use serde_json::Value;

use crate::model::{ERROR_COLUMN, Format, InputFile, json_shown, object, shown};

/// One CSV row with its line end, quoted where it must be.
pub fn csv_row<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = T>, delimiter: u8) -> Vec<u8> {
    quoted_row(cells, delimiter, QuoteStyle::Necessary)
}

/// One CSV row whose last quote stays open.
pub(crate) fn open_csv_row(cells: &[impl AsRef<str>], delimiter: u8) -> Vec<u8> {
    let mut row = quoted_row(cells.iter().map(AsRef::as_ref), delimiter, QuoteStyle::Always);
    row.truncate(row.len().saturating_sub("\"\n".len()));
    row
}

fn quoted_row<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = T>, delimiter: u8, style: QuoteStyle) -> Vec<u8> {
    let mut builder = csv::WriterBuilder::new();
    builder.flexible(true).delimiter(delimiter).quote_style(style).buffer_capacity(256);
    let mut writer = builder.from_writer(Vec::new());
    // Memory takes all that is written.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}

/// The CSV cell for a value; the entries of a list are separated by `;`.
pub(super) fn csv_cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(entries) => entries.iter().map(csv_cell).collect::<Vec<_>>().join(";"),
        other => other.to_string(),
    }
}

/// The header, if the format has one, and the rows under these columns. On a terminal, what would move the cursor is escaped.
pub(crate) fn export_text(columns: &str, rows: &[Vec<Value>], format: Format, is_terminal: bool) -> Vec<u8> {
    let safe = |text: String, escape: fn(&str) -> String| if is_terminal { escape(&text) } else { text };
    let mut text = if format == Format::Csv { csv_row(columns.split(','), b',') } else { Vec::new() };
    for row in rows {
        if format == Format::Csv {
            text.extend(csv_row(row.iter().map(|value| safe(csv_cell(value), shown)), b','));
        } else {
            let object = object(columns.split(',').zip(row.iter().map(Value::to_string)));
            text.extend((safe(object, json_shown) + "\n").bytes());
        }
    }
    text
}

/// The union of the headers of all CSV files, and where each file's cells go.
pub(super) struct Union {
    /// All columns, in the order they were first seen, without the rejects' own.
    pub(super) header: Vec<String>,
    /// For each file and each of its cells, the column if it is kept.
    places: Vec<Vec<Option<usize>>>,
}

impl Union {
    /// The union of the files' headers. A file may have two columns of one name: both are kept.
    pub(super) fn of(files: &[InputFile]) -> Self {
        let mut header: Vec<String> = Vec::new();
        let mut places = Vec::new();
        for file in files {
            let mut own = Vec::new();
            for column in &file.dialect.header {
                let mut all = header.iter().enumerate();
                let known = all.position(|(index, known)| known == column && !own.contains(&Some(index)));
                let is_kept = column.trim() != ERROR_COLUMN;
                own.push(is_kept.then(|| known.unwrap_or(header.len())));
                header.extend((is_kept && known.is_none()).then(|| column.clone()));
            }
            places.push(own);
        }
        Self { header, places }
    }

    /// The cells of a row under the common header. A row with too many cells is unchanged.
    pub(super) fn spread(&self, file: usize, cells: &[String]) -> Vec<String> {
        if cells.len() > self.places[file].len() {
            return cells.to_vec();
        }
        let mut row = vec![String::new(); self.header.len()];
        for (place, cell) in self.places[file].iter().zip(cells) {
            if let Some(place) = place {
                row[*place].clone_from(cell);
            }
        }
        row
    }
}

/// Whether any of the files is of this format.
pub(super) fn has(files: &[InputFile], format: Format) -> bool {
    files.iter().any(|file| file.dialect.format == format)
}
