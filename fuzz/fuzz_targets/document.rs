//! JSON documents: what is an array of objects for serde_json has exactly these rows.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tallyfy_groups::model::InputFormat;
use tallyfy_groups::read::{Notes, ReadOptions, Table};

fuzz_target!(|text: &str| {
    for records in [None, Some("a.b".to_owned())] {
        let options = ReadOptions { format: Some(InputFormat::Json), records, ..ReadOptions::default() };
        let rows = read(text, &options);
        if options.records.is_none()
            && let Ok(Value::Array(values)) = serde_json::from_str(text)
            && values.iter().all(Value::is_object)
        {
            assert_eq!(rows, Some(values.len()));
        }
    }
});

/// How many rows there are, if the document is whole.
fn read(text: &str, options: &ReadOptions) -> Option<usize> {
    let opened = Table::of_stream(Path::new("fuzz"), Box::new(Cursor::new(text.as_bytes().to_vec())), options).ok()?;
    let (mut table, mut rows) = (opened, 0);
    let parser = table.parser.clone();
    for batch in table.by_ref() {
        parser.rows(&batch.ok()?, &mut Notes::default(), &mut |_| rows += 1).ok()?;
    }
    table.check_whole().ok().map(|_| rows)
}
