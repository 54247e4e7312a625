//! A row as it stands in the cleaned copy.

use crate::check::{Repair, repairs};
use crate::model::{Entries, Fault, Field, Group, object};
use crate::read::{Parser, Row, RowText};
use crate::report::csv_row;

/// A row for the cleaned copy.
#[derive(Debug)]
pub(super) struct Mended {
    pub(super) text: MendedText,
    /// What was done to it.
    pub(super) repairs: Vec<(Field, String)>,
}

/// How it stands there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MendedText {
    /// Whole, with its line end.
    Whole(Vec<u8>),
    /// With a quote that stays open: the last one.
    OpenQuote(Vec<String>),
    /// It repeats the header, and is left out.
    Header,
    /// It is too long to have been kept.
    Lost,
}

/// Repairs what is safe; what cannot be read stays as it stands.
pub(super) fn mend(row: &Row<'_>, parser: &Parser, group: &Group, faults: &[Fault]) -> Mended {
    let found = row
        .fields
        .as_ref()
        .map_or_else(|_| Vec::new(), |fields| repairs(fields, group, faults, parser.layout().format));
    let text = match &row.text {
        // A blank line of a file of one column is a row without a name, and stays one.
        RowText::Cells(cells) if cells.count() == 1 && cells.get(0) == Some("") => MendedText::Whole(b"\n".to_vec()),
        RowText::Cells(cells) => {
            let mut cells = cells.owned();
            for repair in &found {
                if let Some(cell) = parser.index(repair.field).and_then(|index| cells.get_mut(index)) {
                    *cell = repair.clean.cell();
                }
            }
            MendedText::Whole(csv_row(&cells, parser.layout().delimiter))
        }
        // Its delimiter is none of the copy's.
        RowText::Ragged { cells, .. } if parser.layout().header.len() == 1 => {
            MendedText::Whole(csv_row(cells.owned(), parser.layout().delimiter))
        }
        RowText::OpenQuote(cells) => MendedText::OpenQuote(cells.owned()),
        RowText::Stray(text) | RowText::Ragged { text, .. } => MendedText::Whole(format!("{text}\n").into_bytes()),
        RowText::Header(_) => MendedText::Header,
        RowText::Cut { .. } | RowText::CutLine(_) => MendedText::Lost,
        RowText::Line(line) => MendedText::Whole(json_line(line, parser, &found).into_bytes()),
    };
    Mended { text, repairs: found.into_iter().map(|repair| (repair.field, repair.what)).collect() }
}

/// The line with the repaired values; what needs none stays as it was written.
fn json_line(line: &str, parser: &Parser, found: &[Repair]) -> String {
    let Ok(Entries(entries)) = serde_json::from_str(line) else { return format!("{line}\n") };
    let line = line.trim();
    if found.is_empty() {
        return format!("{line}\n");
    }
    let repaired = entries.iter().map(|(key, value)| {
        let field = parser.field(key);
        let repair = found.iter().find(|repair| Some(repair.field) == field);
        (key.as_str(), repair.map_or_else(|| value.get().to_owned(), |repair| repair.clean.json()))
    });
    format!("{}\n", object(repaired))
}
