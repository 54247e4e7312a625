//! What the rejects hold reads back as the same rows, whatever was in them: good ones as they were, broken ones as broken.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Cursor;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tallyfy_groups::model::{Fields, Format, InputFile, Outcome, Raw, Record, Status};
use tallyfy_groups::read::{Options, Table};
use tallyfy_groups::report::Rejects;

const CELLS: [&str; 14] =
    ["\"", "\"\"", ",", ";", "\n", "\r\n", "\r", "a", "é", " ", "=x", "\u{feff}", "\u{0}", "\"b,c\"\"\""];
const JSON: [&str; 14] = [
    "{",
    "}",
    "\"name\":",
    "\"A\"",
    ",",
    "\n",
    "[1,2]",
    "\"members\":",
    "\"\\u00e9\"",
    "1.50",
    "null",
    "\"_error\":",
    "x",
    "{\"name\":\"B\"}\n",
];

fn read(text: &str, format: Format) -> Option<(InputFile, Vec<Record>)> {
    let options = Options { format: Some(format), delimiter: Some(b','), ..Options::default() };
    let table =
        Table::of_stream(Path::new("groups"), Box::new(Cursor::new(text.as_bytes().to_vec())), &options).ok()?;
    let file = InputFile { path: "groups".to_owned(), layout: table.layout().clone() };
    Some((file, table.into_records(0).collect::<Result<_, _>>().unwrap()))
}

fn rejected(record: &Record) -> Outcome {
    Outcome {
        place: record.place,
        name: String::new(),
        status: Status::Invalid,
        group_id: None,
        duplicate_of: None,
        attempts: 0,
        http_status: None,
        error_code: Some("row-malformed".to_owned()),
        error: Some("say \"no\", twice\n".to_owned()),
        warnings: None,
        raw: record.raw.clone(),
    }
}

/// The rejects of all rows, as text.
fn rejects(file: &InputFile, records: &[Record], extension: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("groups.rejects.{extension}"));
    let mut rejects = Rejects::new(&path, std::slice::from_ref(file));
    for record in records {
        rejects.write(&rejected(record)).unwrap();
    }
    rejects.seal().unwrap().place().unwrap();
    std::fs::read_to_string(path).unwrap()
}

/// The fields, or that there are none; and how it stood there, where nobody knows its cells.
fn kept(record: &Record) -> (Option<&Fields<'static>>, Option<&str>) {
    let text = if let Raw::Stray(text) = &record.raw { Some(text.as_str()) } else { None };
    (record.fields.as_ref().ok(), text)
}

fn assert_reads_back(seed: u64, text: &str, format: Format, extension: &str) -> usize {
    let Some((file, records)) = read(text, format) else { return 0 };
    if records.is_empty() {
        return 0;
    }
    let written = rejects(&file, &records, extension);
    let (_, again) = read(&written, format).unwrap_or_else(|| panic!("seed {seed}: {written:?} of {text:?}"));
    assert_eq!(again.len(), records.len(), "seed {seed}: {written:?} of {text:?}");
    for (record, again) in records.iter().zip(&again) {
        let ((fields, stray), (fields_again, stray_again)) = (kept(record), kept(again));
        assert_eq!(fields, fields_again, "seed {seed}: {written:?} of {text:?}");
        let is_kept = stray.is_none_or(|stray| stray_again.is_some_and(|again| again.starts_with(stray)));
        assert!(is_kept, "seed {seed}: {written:?} of {text:?}");
    }
    records.len()
}

#[test]
fn rejected_rows_of_csv_read_back_as_the_same_rows() {
    let mut rows = 0;
    for seed in 0..1200 {
        let mut random = StdRng::seed_from_u64(seed);
        let header = ["name\n", "name,x\n", "x,name,_error\n", "guests,name,members\n"][random.random_range(0..4)];
        let count = random.random_range(0..40);
        let cells: String = (0..count).map(|_| CELLS[random.random_range(0..CELLS.len())]).collect();
        rows += assert_reads_back(seed, &format!("{header}{cells}"), Format::Csv, "csv");
    }
    assert!(rows > 3000, "{rows}");
}

#[test]
fn rejected_lines_of_json_read_back_as_the_same_rows() {
    let mut rows = 0;
    for seed in 0..1200 {
        let mut random = StdRng::seed_from_u64(seed);
        let count = random.random_range(0..30);
        let text: String = (0..count).map(|_| JSON[random.random_range(0..JSON.len())]).collect();
        rows += assert_reads_back(seed, &text, Format::Jsonl, "jsonl");
    }
    assert!(rows > 1500, "{rows}");
}
