//! CSV: whatever the bytes, rows and lines are counted, and the cells are those of the csv crate.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::model::{InputFormat, Raw};
use tallyfy_groups::read::{Notes, ReadOptions, Table};

const HEADER: &[u8] = b"name,description\n";

fuzz_target!(|bytes: &[u8]| {
    // As it comes: another encoding, compressed, any delimiter.
    let _ = rows(bytes, &ReadOptions::default());
    // Under a header that can be used.
    let text = [HEADER, bytes].concat();
    let options = ReadOptions { format: Some(InputFormat::Csv), delimiter: Some(b','), ..ReadOptions::default() };
    let Some(rows) = rows(&text, &options) else { return };
    let mut last = 1;
    for (line, row) in &rows {
        assert!(*line > last, "{row:?}");
        last = *line;
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&text[..]);
    let is_blank = |record: &csv::StringRecord| record.iter().all(|cell| cell.trim().is_empty());
    let expected: Vec<_> = reader.records().skip(1).map(Result::unwrap).filter(|record| !is_blank(record)).collect();
    let is_kept = |row: &Option<Vec<String>>| row.iter().flatten().any(|cell| !cell.trim().is_empty()) || row.is_none();
    let rows: Vec<Option<Vec<String>>> = rows.into_iter().map(|(_, row)| row).filter(is_kept).collect();
    assert_eq!(rows.len(), expected.len());
    for (cells, expected) in rows.iter().zip(&expected) {
        if let Some(cells) = cells {
            assert_eq!(cells, &expected.iter().map(str::to_owned).collect::<Vec<_>>());
        }
    }
});

/// Line and cells of each row; no cells if they are ambiguous.
fn rows(bytes: &[u8], options: &ReadOptions) -> Option<Vec<(u64, Option<Vec<String>>)>> {
    let table = Table::of_stream(Path::new("fuzz"), Box::new(Cursor::new(bytes.to_vec())), options).ok()?;
    let parser = table.parser.clone();
    let mut rows = Vec::new();
    for batch in table {
        let mut keep = |row: &tallyfy_groups::read::Row<'_>| {
            let cells = match &row.text {
                Raw::Cells(cells) | Raw::OpenQuote(cells) => Some(cells.iter().map(ToString::to_string).collect()),
                Raw::Stray(_) | Raw::Line(_) => None,
            };
            rows.push((row.line, cells));
        };
        parser.rows(&batch.ok()?, &mut Notes::default(), &mut keep).ok()?;
    }
    Some(rows)
}
