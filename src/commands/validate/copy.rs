//! The fixed copy of `--fix`: rows with their safe fixes, without rows that are there already.

use std::collections::HashSet;
use std::path::Path;

use crate::check::{Fix, fixes};
use crate::model::{
    Code, Dialect, Entries, Field, Format, Problem, Raw, Validity, WantedGroup, hash, object, shortened,
};
use crate::read::{Notes, Parser, Row, field_of};
use crate::report::{Output, OutputError, csv_row, open_csv_row};

/// A row as it will be in the copy.
pub(super) struct FixedRow {
    /// With its line end; an open quote has none.
    text: Vec<u8>,
    is_header: bool,
    /// What was done to it, by field.
    pub(super) fixes: Vec<(Field, String)>,
    has_cr: bool,
}

/// Makes the safe fixes; what cannot be read stays as it is.
pub(super) fn fix(row: &Row<'_>, parser: &Parser, group: &WantedGroup, problems: &[Problem]) -> FixedRow {
    let Dialect { format, delimiter, header, .. } = &parser.dialect;
    let found = row.fields.as_ref().map_or_else(|_| Vec::new(), |fields| fixes(fields, group, problems, *format));
    let content = row.raw.trim_end_matches(['\n', '\r']);
    let is_malformed = row.fields.as_ref().is_err_and(|problem| problem.code == Code::RowMalformed);
    let text = match &row.text {
        // The copy of one column has another delimiter.
        Raw::Cells(_) if is_malformed && header.len() > 1 || content.is_empty() => format!("{content}\n").into_bytes(),
        Raw::Cells(cells) => {
            let mut cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
            for fix in &found {
                let is_of_field = |column: &String| field_of(column).is_some_and(|field| field.slot() == fix.field);
                if let Some(cell) = header.iter().position(is_of_field).and_then(|index| cells.get_mut(index)) {
                    *cell = &fix.text;
                }
            }
            csv_row(cells, *delimiter)
        }
        Raw::OpenQuote(cells) => open_csv_row(cells, *delimiter),
        Raw::Stray(text) => format!("{text}\n").into_bytes(),
        Raw::Line(line) => json_line(line, &found).into_bytes(),
    };
    let has_cr = !matches!(row.text, Raw::OpenQuote(_)) && (row.raw.ends_with("\r\n") || row.raw.ends_with('\r'));
    let fixes = found.into_iter().map(|fix| (fix.field, fix.what)).collect();
    FixedRow { text, is_header: row.is_header, fixes, has_cr }
}

/// The line with the fixed values; one that needs none stays as it was written.
fn json_line(line: &str, found: &[Fix]) -> String {
    let Ok(Entries(entries)) = serde_json::from_str(line) else { return format!("{line}\n") };
    if found.is_empty() {
        return format!("{}\n", line.trim());
    }
    let fixed = entries.iter().map(|(key, value)| {
        let fix = found.iter().find(|fix| Some(fix.field) == field_of(key));
        (key.as_str(), fix.map_or(value.get(), |fix| fix.text.as_str()))
    });
    format!("{}\n", object(fixed))
}

/// The copy that is being written.
pub(super) struct Copy {
    pub(super) output: Output,
    /// Hashes of the rows written so far. They decide only about rows that repeat a name, which no import sends.
    written: HashSet<u64>,
    has_cr: bool,
}

impl Copy {
    pub(super) fn begin(path: &Path, parser: &Parser) -> Result<Self, OutputError> {
        let Dialect { format, delimiter, header, .. } = &parser.dialect;
        let mut output = Output::create(path)?;
        if *format == Format::Csv {
            output.bytes(&csv_row(header.iter().map(|column| column.trim()), *delimiter))?;
        }
        Ok(Self { output, written: HashSet::new(), has_cr: false })
    }

    /// Why a row is not written, if it is not.
    pub(super) fn leaves_out(&self, row: &FixedRow, validity: &Validity) -> Option<&'static str> {
        match validity {
            _ if row.is_header => Some("left out: it repeats the header"),
            Validity::Excluded => Some("left out: it is excluded"),
            Validity::Repeat(_) if self.written.contains(&hash(&row.text)) => {
                Some("left out: it repeats an earlier row")
            }
            _ => None,
        }
    }

    pub(super) fn row(&mut self, row: &FixedRow) -> Result<(), OutputError> {
        self.has_cr |= row.has_cr;
        self.written.insert(hash(&row.text));
        self.output.bytes(&row.text)
    }

    /// What the copy changes in the whole file, in words.
    pub(super) fn file_fixes(&self, parser: &Parser, notes: &Notes) -> Vec<String> {
        let (own, copied) = (&parser.header, &parser.dialect.header);
        let columns = || own.iter().zip(copied);
        let renamed = columns().filter(|(own, copied)| own != copied);
        let renamed = renamed.map(|(own, copied)| format!("column `{}` renamed `{copied}`", shortened(own.trim())));
        let added = copied.iter().skip(own.len()).map(|column| format!("column `{column}` added"));
        let is_trimmed = columns().any(|(own, copied)| own == copied && own.trim() != own);
        let trimmed = is_trimmed.then(|| "header: outer spaces removed".to_owned());
        let line_ends = self.has_cr.then(|| "line ends made LF".to_owned());
        let blank = notes.has_blank().then(|| "blank lines removed".to_owned());
        renamed.chain(added).chain(trimmed).chain(parser.origin.clone()).chain(line_ends).chain(blank).collect()
    }
}
