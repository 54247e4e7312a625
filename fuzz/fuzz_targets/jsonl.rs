//! JSON lines: whatever the bytes, every line is a row, and what is taken for an object is one.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::check::Rules;
use tallyfy_groups::model::{InputFormat, Raw};
use tallyfy_groups::read::{Notes, ReadOptions, Row, Table};

fuzz_target!(|bytes: &[u8]| {
    let options = ReadOptions { format: Some(InputFormat::Json), ..ReadOptions::default() };
    let Ok(opened) = Table::of_stream(Path::new("fuzz"), Box::new(Cursor::new(bytes.to_vec())), &options) else {
        return;
    };
    let parser = opened.parser.clone();
    for batch in opened {
        let Ok(batch) = batch else { return };
        let _ = parser.rows(&batch, &mut Notes::default(), &mut |row| check(row));
    }
});

fn check(row: &Row<'_>) {
    let Raw::Line(line) = &row.text else { panic!("{row:?}") };
    assert!(!line.trim_matches([' ', '\t']).is_empty() && !line.contains(['\n', '\r']));
    let Ok(fields) = &row.fields else { return };
    let object: Box<serde_json::value::RawValue> = serde_json::from_str(line).unwrap();
    assert!(object.get().trim_start().starts_with('{'));
    let _ = Rules::default().check(fields);
}
