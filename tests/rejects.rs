//! What the rejects hold reads back as the same rows, whatever was in them: good ones as they were, broken ones as broken.

use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tallyfy_groups::model::{Format, InputFile, InputFormat, Place, Raw, ResultRow, Status};
use tallyfy_groups::read::{Notes, ReadOptions, Table};
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

/// A row as it was read: its fields, if it has any, and how it is kept for the rejects.
struct Kept {
    place: Place,
    fields: Option<String>,
    raw: Raw,
}

fn read(text: &str, format: Format) -> Option<(InputFile, Vec<Kept>)> {
    let input = if format == Format::Csv { InputFormat::Csv } else { InputFormat::Json };
    let options = ReadOptions { format: Some(input), delimiter: Some(b','), ..ReadOptions::default() };
    let stream = Box::new(Cursor::new(text.as_bytes().to_vec()));
    let table = Table::of_stream(Path::new("groups"), stream, &options).ok()?;
    let parser = table.parser.clone();
    let mut rows = Vec::new();
    for batch in table {
        let mut keep = |row: &tallyfy_groups::read::Row<'_>| {
            let place = Place { file: 0, row: rows.len() as u64 + 1, line: row.line };
            rows.push(Kept {
                place,
                fields: row.fields.as_ref().ok().map(|fields| format!("{fields:?}")),
                raw: owned(&row.text),
            });
        };
        parser.rows(&batch.ok()?, &mut Notes::default(), &mut keep).unwrap();
    }
    Some((InputFile { path: "groups".to_owned(), dialect: parser.dialect.clone() }, rows))
}

fn owned(raw: &Raw<Cow<'_, str>>) -> Raw {
    let all = |cells: &[Cow<'_, str>]| cells.iter().map(ToString::to_string).collect();
    match raw {
        Raw::Cells(cells) => Raw::Cells(all(cells)),
        Raw::OpenQuote(cells) => Raw::OpenQuote(all(cells)),
        Raw::Stray(text) => Raw::Stray(text.to_string()),
        Raw::Line(line) => Raw::Line(line.to_string()),
    }
}

fn rejected(row: &Kept) -> ResultRow {
    ResultRow {
        place: Some(row.place),
        name: String::new(),
        status: Status::Invalid,
        group_id: None,
        duplicate_of: None,
        attempts: 0,
        http_status: None,
        error_code: Some(if row.fields.is_some() { "name-missing" } else { "row-malformed" }.to_owned()),
        error: Some("say \"no\", twice\n".to_owned()),
        changes: None,
        warnings: None,
        raw: row.raw.clone(),
    }
}

/// The rejects of all rows, as text.
fn rejects(file: &InputFile, rows: &[Kept], extension: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("groups.rejects.{extension}"));
    let mut rejects = Rejects::new(&path, std::slice::from_ref(file));
    for row in rows {
        rejects.write(&rejected(row)).unwrap();
    }
    rejects.finish::<tallyfy_groups::report::OutputError>(|_, _| Ok(())).unwrap();
    std::fs::read_to_string(path).unwrap()
}

/// The row as it is written, if its cells are ambiguous.
fn stray(row: &Kept) -> Option<&str> {
    if let Raw::Stray(text) = &row.raw { Some(text.as_str()) } else { None }
}

fn assert_reads_back(seed: u64, text: &str, format: Format, extension: &str) -> usize {
    let Some((file, rows)) = read(text, format) else { return 0 };
    if rows.is_empty() {
        return 0;
    }
    let written = rejects(&file, &rows, extension);
    let (_, again) = read(&written, format).unwrap_or_else(|| panic!("seed {seed}: {written:?} of {text:?}"));
    assert_eq!(again.len(), rows.len(), "seed {seed}: {written:?} of {text:?}");
    for (row, again) in rows.iter().zip(&again) {
        assert_eq!(row.fields, again.fields, "seed {seed}: {written:?} of {text:?}");
        let is_kept = stray(row).is_none_or(|text| stray(again).is_some_and(|again| again.starts_with(text)));
        assert!(is_kept, "seed {seed}: {written:?} of {text:?}");
    }
    rows.len()
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
