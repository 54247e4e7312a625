//! Workbooks: whatever the bytes, they are refused, or their rows have ascending lines.
#![no_main]

use std::io::{Cursor, Write};
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::read::{Notes, ReadOptions, Row, Table};
use zip::write::SimpleFileOptions;

fuzz_target!(|bytes: &[u8]| {
    read([b"PK\x03\x04", bytes].concat());
    // As the contents of an OpenDocument workbook.
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, part) in [("mimetype", &b"application/vnd.oasis.opendocument.spreadsheet"[..]), ("content.xml", bytes)] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(part).unwrap();
    }
    read(zip.finish().unwrap().into_inner());
});

fn read(bytes: Vec<u8>) {
    let Ok(opened) = Table::of_stream(Path::new("fuzz"), Box::new(Cursor::new(bytes)), &ReadOptions::default()) else {
        return;
    };
    let parser = opened.parser.clone();
    let mut last = 0;
    for batch in opened {
        let mut each = |row: &Row<'_>| {
            assert!(row.line > last || row.is_continued);
            last = row.line;
        };
        let Ok(batch) = batch else { return };
        parser.rows(&batch, &mut Notes::default(), &mut each).unwrap();
    }
}
