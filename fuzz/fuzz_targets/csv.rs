//! CSV: whatever the bytes, rows and lines are counted, and the cells are those of the csv crate.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::model::{Format, Raw, Record};
use tallyfy_groups::read::{Options, Table};

const HEADER: &[u8] = b"name,description\n";

fuzz_target!(|bytes: &[u8]| {
    // As it comes: another encoding, packed, any delimiter.
    let _ = records(bytes, &Options::default());
    // Under a header that can be used.
    let text = [HEADER, bytes].concat();
    let options = Options { format: Some(Format::Csv), delimiter: Some(b','), ..Options::default() };
    let Some(records) = records(&text, &options) else { return };
    let mut last = 1;
    for record in &records {
        assert!(record.place.line > last, "{record:?}");
        last = record.place.line;
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&text[..]);
    let expected: Vec<csv::StringRecord> = reader.records().skip(1).map(Result::unwrap).collect();
    assert_eq!(records.len(), expected.len());
    for (record, expected) in records.iter().zip(&expected) {
        if let Raw::Cells(cells) | Raw::OpenQuote(cells) = &record.raw {
            assert_eq!(cells, &expected.iter().map(str::to_owned).collect::<Vec<_>>());
        }
    }
});

fn records(bytes: &[u8], options: &Options) -> Option<Vec<Record>> {
    let table = Table::of_stream(Path::new("fuzz"), Box::new(Cursor::new(bytes.to_vec())), options).ok()?;
    table.into_records(0).collect::<Result<_, _>>().ok()
}
