//! JSON lines: whatever the bytes, every line is a row, and what is taken for an object is one.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::check::Rules;
use tallyfy_groups::model::{Format, Raw};
use tallyfy_groups::read::{Options, Table};

fuzz_target!(|bytes: &[u8]| {
    let options = Options { format: Some(Format::Jsonl), ..Options::default() };
    let Ok(table) = Table::of_stream(Path::new("fuzz"), Box::new(Cursor::new(bytes.to_vec())), &options) else {
        return;
    };
    for record in table.into_records(0) {
        let Ok(record) = record else { return };
        let Raw::Line(line) = &record.raw else { panic!("{record:?}") };
        assert!(!line.trim_matches([' ', '\t']).is_empty() && !line.contains(['\n', '\r']));
        let Ok(fields) = &record.fields else { continue };
        let object: serde_json::Value = serde_json::from_str::<Box<serde_json::value::RawValue>>(line)
            .map(|raw| serde_json::Value::from(raw.get()))
            .unwrap();
        assert!(object.is_string());
        let _ = Rules::default().group(fields);
    }
});
