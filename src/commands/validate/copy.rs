//! The fixed copy of `--fix`: rows with their safe fixes, without rows that are there already.

use std::collections::HashSet;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::check::{Fix, fixes};
use crate::model::{Dialect, Entries, Field, Place, Problem, Raw, WantedGroup, object, shortened};
use crate::read::{Notes, Parser, Row, RowFlaw};
use crate::report::{Cleaned, csv_row, open_row};

use super::super::Failure;
use super::super::pipeline::Validity;

/// A row as it will be in the copy.
pub(super) struct FixedRow {
    /// With its line end; an open quote has none.
    text: Vec<u8>,
    flaw: Option<RowFlaw>,
    /// What was done to it, by field.
    pub(super) fixes: Vec<(Field, String)>,
    has_cr: bool,
}

/// Makes the safe fixes; what cannot be read stays as it is.
pub(super) fn fix(row: &Row<'_>, parser: &Parser, group: &WantedGroup, problems: &[Problem]) -> FixedRow {
    let Dialect { format, delimiter, header } = &parser.dialect;
    let found = row.fields.as_ref().map_or_else(|_| Vec::new(), |fields| fixes(fields, group, problems, *format));
    let content = row.raw.trim_end_matches(['\n', '\r']);
    // The copy of one column has another delimiter.
    let is_ragged = row.flaw == Some(RowFlaw::Ragged) && header.len() > 1;
    let text = match &row.text {
        Raw::Cells(_) if is_ragged || content.is_empty() => format!("{content}\n").into_bytes(),
        Raw::Cells(cells) => {
            let mut cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
            for fix in &found {
                if let Some(cell) = parser.index(fix.field).and_then(|index| cells.get_mut(index)) {
                    *cell = &fix.text;
                }
            }
            csv_row(cells, *delimiter)
        }
        Raw::OpenQuote(cells) => open_row(cells, *delimiter).into_bytes(),
        Raw::Stray(text) => format!("{text}\n").into_bytes(),
        Raw::Line(line) => json_line(line, parser, &found).into_bytes(),
    };
    let has_cr = !matches!(row.text, Raw::OpenQuote(_)) && (row.raw.ends_with("\r\n") || row.raw.ends_with('\r'));
    let fixes = found.into_iter().map(|fix| (fix.field, fix.what)).collect();
    FixedRow { text, flaw: row.flaw, fixes, has_cr }
}

/// The line with the fixed values; one that needs none stays as it was written.
fn json_line(line: &str, parser: &Parser, found: &[Fix]) -> String {
    let Ok(Entries(entries)) = serde_json::from_str(line) else { return format!("{line}\n") };
    if found.is_empty() {
        return format!("{}\n", line.trim());
    }
    let fixed = entries.iter().map(|(key, value)| {
        let field = parser.field(key);
        let fix = found.iter().find(|fix| Some(fix.field) == field);
        (key.as_str(), fix.map_or(value.get(), |fix| fix.text.as_str()))
    });
    format!("{}\n", object(fixed))
}

/// The copy, if one is wanted.
#[derive(Default)]
pub(super) struct Copy {
    path: Option<PathBuf>,
    cleaned: Option<Cleaned>,
    /// What was done to its header.
    header_fixes: Vec<String>,
    /// Digests of the rows written so far.
    written: HashSet<[u8; 16]>,
    has_cr: bool,
    has_blank: bool,
    /// Why it must not be put in its place.
    flaw: Option<String>,
}

impl Copy {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, ..Self::default() }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.path.is_some()
    }

    pub(super) fn begin(&mut self, parser: &Parser) -> Result<(), Failure> {
        if let Some(path) = &self.path {
            self.header_fixes = header_fixes(&parser.header, &parser.dialect.header);
            self.cleaned = Some(Cleaned::create(path, &parser.dialect).map_err(Failure::Unwritten)?);
        }
        Ok(())
    }

    /// Why a row is not written, if it is not.
    pub(super) fn leaves_out(&self, row: &FixedRow, validity: &Validity) -> Option<&'static str> {
        match validity {
            _ if row.flaw == Some(RowFlaw::Header) => Some("left out: it repeats the header"),
            Validity::Excluded => Some("left out: it is excluded"),
            Validity::Repeat(..) if self.written.contains(&digest(&row.text)) => {
                Some("left out: it repeats an earlier row")
            }
            _ => None,
        }
    }

    pub(super) fn row(&mut self, place: Place, row: &FixedRow) -> Result<(), Failure> {
        let Some(cleaned) = &mut self.cleaned else { return Ok(()) };
        self.has_cr |= row.has_cr;
        if row.flaw == Some(RowFlaw::TooLong) {
            let why = || format!("the row on line {} is too long to be copied", place.line);
            self.flaw.get_or_insert_with(why);
            return Ok(());
        }
        self.written.insert(digest(&row.text));
        cleaned.row(&row.text).map_err(Failure::Unwritten)
    }

    pub(super) fn note_blank(&mut self, notes: &Notes) {
        self.has_blank |= notes.blank_lines > 0 || !notes.blank.is_empty();
    }

    /// What the copy changes in the whole file, in words.
    pub(super) fn file_fixes(&self, parser: &Parser) -> Vec<String> {
        if !self.is_wanted() {
            return Vec::new();
        }
        let fixes = self.header_fixes.iter().chain(&parser.origin).cloned();
        let line_ends = self.has_cr.then(|| "line ends made LF".to_owned());
        fixes.chain(line_ends).chain(self.has_blank.then(|| "blank lines removed".to_owned())).collect()
    }

    /// Puts the copy in its place; gives its path.
    pub(super) fn finish(self) -> Result<Option<PathBuf>, Failure> {
        let Some(path) = self.path else { return Ok(None) };
        match (self.flaw, self.cleaned) {
            (Some(why), _) => Err(Failure::Unfixed(why)),
            (None, Some(cleaned)) => cleaned.finish().map(|()| Some(path)).map_err(Failure::Unwritten),
            (None, None) => Ok(None),
        }
    }
}

fn digest(text: &[u8]) -> [u8; 16] {
    Sha256::digest(text).first_chunk().copied().unwrap_or_default()
}

/// What was done to the header, in words.
fn header_fixes(own: &[String], copied: &[String]) -> Vec<String> {
    let renamed = own.iter().zip(copied).filter(|(own, copied)| own != copied);
    let renamed = renamed.map(|(own, copied)| format!("column `{}` renamed `{copied}`", shortened(own.trim())));
    let is_trimmed = own.iter().zip(copied).any(|(own, copied)| own == copied && own.trim() != own);
    let added = copied.iter().skip(own.len()).map(|column| format!("column `{column}` added"));
    renamed.chain(added).chain(is_trimmed.then(|| "header: outer spaces removed".to_owned())).collect()
}
