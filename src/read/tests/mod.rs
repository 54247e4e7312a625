//! Files as they come, and the rows read from them.

mod beginnings;
mod documents;
mod packed;
mod persons;
mod splitting;
mod workbooks;

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

use encoding_rs::Encoding;

use super::*;
use crate::model::{Cell, Field, Filter, InputFormat, Item, Raw};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// A row as it was read.
struct Record {
    line: u64,
    /// The name, or what is wrong with the row.
    name: String,
    members: Cell<'static>,
    /// Its cells, or its line; and whether the last quote stays open.
    cells: Vec<String>,
    is_open: bool,
}

fn owned(cell: &Cell<'_>) -> Cell<'static> {
    let text = |text: &str| std::borrow::Cow::Owned(text.to_owned());
    match cell {
        Cell::Absent => Cell::Absent,
        Cell::Text(own) => Cell::Text(text(own)),
        Cell::List(items) => Cell::List(
            items
                .iter()
                .map(|item| match item {
                    Item::Text(own) => Item::Text(text(own)),
                    Item::Number(own) => Item::Number(text(own)),
                    Item::Other(kind) => Item::Other(kind),
                })
                .collect(),
        ),
        Cell::Other(kind) => Cell::Other(kind),
    }
}

fn record(row: &Row<'_>) -> Record {
    let fields = row.fields.clone().unwrap_or_default();
    let name = match (row.left_out.as_ref().map_or(row.fields.as_ref().map(drop), Err), fields.get(Field::Name)) {
        (Err(problem), _) => problem.message.clone(),
        (Ok(()), Cell::Text(name)) => name.clone().into_owned(),
        (Ok(()), other) => format!("{other:?}"),
    };
    let (cells, is_open) = match row.text.clone() {
        Raw::Cells(cells) => (cells, false),
        Raw::OpenQuote(cells) => (cells, true),
        Raw::Stray(text) | Raw::Line(text) => (vec![text], false),
    };
    let cells = cells.into_iter().map(Cow::into_owned).collect();
    Record { line: row.line, name, members: owned(fields.get(Field::Members)), cells, is_open }
}

/// All rows of a file.
fn records(path: &std::path::Path, options: &ReadOptions) -> Result<Vec<Record>, ReadError> {
    let (mut table, mut records) = (Table::open(path, options)?, Vec::new());
    table.flaw.take().map_or(Ok(()), Err)?;
    let parser = table.parser.clone();
    for batch in table.by_ref() {
        parser.rows(&batch?, &mut Notes::default(), &mut |row| records.push(record(row)))?;
    }
    table.check_whole().map(|_| records)
}

fn read(name: &str, bytes: impl AsRef<[u8]>) -> Vec<Record> {
    read_with(name, bytes, &ReadOptions::default())
}

fn read_with(name: &str, bytes: impl AsRef<[u8]>, options: &ReadOptions) -> Vec<Record> {
    let folder = Folder::new();
    records(&folder.file(name, bytes), options).unwrap()
}

fn refused(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let folder = Folder::new();
    let path = folder.file(name, bytes);
    let error = records(&path, &ReadOptions::default()).err().unwrap();
    error.to_string().replace(path.to_str().unwrap(), "FILE")
}

/// Row, line and name, or what is wrong.
fn seen(records: &[Record]) -> Vec<(u64, u64, String)> {
    (1..).zip(records).map(|(row, record)| (row, record.line, record.name.clone())).collect()
}

fn rows(expected: &[(u64, u64, &str)]) -> Vec<(u64, u64, String)> {
    expected.iter().map(|(row, line, name)| (*row, *line, (*name).to_owned())).collect()
}

#[test]
fn rows_and_lines_are_counted_whatever_ends_a_line() {
    for end in ["\n", "\r\n", "\r"] {
        let text = "name,description\nA,one\n\n\nB,\"two\n\nlines\"\nC,three".replace('\n', end);
        assert_eq!(seen(&read("g.csv", text)), rows(&[(1, 2, "A"), (2, 5, "B"), (3, 8, "C")]), "{end:?}");
    }
}

#[test]
fn every_delimiter_is_found_from_the_header() {
    for delimiter in [",", ";", "\t", "|"] {
        let text = format!("name{delimiter}members{delimiter}x\nA{delimiter}1{delimiter}2\n");
        let records = read("g.csv", text);
        assert_eq!(seen(&records), rows(&[(1, 2, "A")]));
        assert_eq!(records[0].members, Cell::Text("1".into()));
    }
}

#[test]
fn a_ragged_row_is_malformed_and_the_reading_goes_on() {
    let records = read("g.csv", "name,description\nA\nB,x,y\nC,z\n");
    let told = seen(&records);
    assert_eq!(
        told[0].2,
        "the row has 1 of 2 cells; delete it if it is a title or a footer, or add a `,` for each empty cell"
    );
    assert_eq!(told[1].2, "the row has 3 cells but the header has 2; put quotes around a cell that contains a `,`");
    assert_eq!(told[2], (3, 4, "C".to_owned()));
}

#[test]
fn a_quote_that_never_closes_is_named_by_the_line_it_opened_on() {
    for end in ["", "\n"] {
        let text = format!("name,description\nA,\"one\nmore\"\nB,\"two\nC,three{end}");
        let records = read("g.csv", text);
        assert_eq!(records.len(), 2);
        let expected = "the quote that opens on line 4 never closes, so 2 lines to the end of the file are inside it";
        assert_eq!(seen(&records)[1], (2, 4, expected.to_owned()));
        assert_eq!(records[1].cells, ["B".to_owned(), format!("two\nC,three{end}")]);
        assert!(records[1].is_open);
    }
}

#[test]
fn blank_lines_of_a_one_column_file_are_rows_if_another_follows() {
    assert_eq!(seen(&read("g.csv", "name\nA\n\nB\n\n\n")), rows(&[(1, 2, "A"), (2, 3, ""), (3, 4, "B")]));
}

#[test]
fn many_blank_lines_before_a_row_are_counted_and_many_after_the_last_are_none() {
    let blank = "\n".repeat(25_000);
    let records = read("g.csv", format!("{blank}name\n{blank}A\n{blank}"));
    assert_eq!(records.len(), 25_001);
    assert_eq!((records[0].line, records[24_999].line), (25_002, 50_001));
    assert_eq!((records[25_000].line, records[25_000].name.as_str()), (50_002, "A"));
    assert_eq!(seen(&read("g.csv", format!("name,x\n{blank}A,1\n{blank}"))), rows(&[(1, 25_002, "A")]));
    assert_eq!(seen(&read("g.jsonl", format!("{blank}{{\"name\":\"A\"}}\n{blank}"))), rows(&[(1, 25_001, "A")]));
    assert!(refused("g.csv", "\n".repeat(200_000)).contains("the file is empty"));
}

#[test]
fn json_that_is_deep_huge_or_broken_inside_harms_nobody() {
    let deep = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
    let number = "9".repeat(1000);
    let text = [
        format!("{{\"name\":\"A\",\"x\":{}}}", deep(100_000)),
        format!("{{\"name\":\"B\",\"members\":{}}}", deep(100_000)),
        format!("{{\"name\":{}}}", deep(100_000)),
        deep(100_000),
        format!("{{\"name\":\"C\",\"members\":[{number},1e999,-0.0]}}"),
        "{\"name\":\"\\ud800\"}".to_owned(),
    ]
    .join("\n");
    let records = read("g.jsonl", text);
    let told: Vec<String> = seen(&records).into_iter().map(|(.., told)| told).collect();
    assert_eq!((told[0].as_str(), told[1].as_str(), told[4].as_str()), ("A", "B", "C"));
    assert_eq!(told[2], "List([Other(\"an array\")])");
    assert!(told[3].starts_with("the line is not a JSON object: [[["));
    assert_eq!(told[5], "Other(\"text with a broken \\\\u escape\")");
}

#[test]
fn a_file_that_ends_without_a_line_end_loses_nothing() {
    assert_eq!(seen(&read("g.csv", "name,description\nA,\"x\"")), rows(&[(1, 2, "A")]));
    assert_eq!(seen(&read("g.jsonl", "{\"name\":\"A\"}")), rows(&[(1, 1, "A")]));
}

#[test]
fn json_lines_keep_their_types_and_a_broken_one_does_not_stop_the_reading() {
    let text = "\u{feff}{\"Name\":\"A\",\"members\":[1,\"2\",null]}\r\n \t\n{\"name\":\n[1]\n{\"name\":7}\n\u{a0}\n";
    let records = read("g.jsonl", text);
    assert_eq!(
        seen(&records),
        rows(&[
            (1, 1, "A"),
            (2, 3, "the JSON ends in the middle of the object; write one whole object per line"),
            (3, 4, "the line is not a JSON object: [1]"),
            (4, 5, "Other(\"a number\")"),
            (5, 6, "the line is not a JSON object: \u{a0}"),
        ])
    );
    let members = &records[0].members;
    let expected = [Item::Number("1".into()), Item::Text("2".into()), Item::Text("".into())];
    assert_eq!(members, &Cell::List(expected.to_vec()));
}

#[test]
fn broken_json_is_told_in_plain_words() {
    for (line, expected) in [
        ("{\"name\":\"A\"},", "invalid JSON at column 13: there is text after the object: `,`"),
        ("{'name':\"A\"}", "invalid JSON at column 2: a key needs double quotes: `'name':\"A\"}`"),
        (
            "{\"name\":\"A\"}{\"name\":\"B\"}",
            "invalid JSON at column 13: several objects are on the line; give each a line of its own",
        ),
        ("{\"name\":\"The \"A\" Team\"}", "invalid JSON at column 15: expected `,` or `}`"),
        ("{name:\"A\"}", "invalid JSON at column 2: a key needs double quotes: `name:\"A\"}`"),
        ("{\"name\":\"A\",}", "invalid JSON at column 13: remove the comma before `}`"),
        ("{\"members\":[1,2,]}", "invalid JSON at column 17: expected value"),
        ("{\"name\":\"A", "the JSON ends in the middle of the object; write one whole object per line"),
    ] {
        let told = &seen(&read("g.jsonl", line))[0].2;
        assert_eq!(told, expected, "{line}");
    }
}

#[test]
fn keys_that_stand_twice_or_are_misspelt_are_faults_of_their_line() {
    let records = read("g.jsonl", "{\"name\":\"A\",\"NAME\":\"B\"}\n{\"nmae\":\"A\"}\n{\"name\":\"C\",\"x\":1}\n");
    assert_eq!(
        seen(&records),
        rows(&[
            (1, 1, "several columns hold `name`: `name`, `NAME`; choose one with --map name=COLUMN"),
            (
                2,
                2,
                "column `nmae` looks like `name` and is not used; rename it, or use --map name=nmae, or --ignore nmae"
            ),
            (3, 3, "C"),
        ])
    );
}

#[test]
fn the_format_is_told_by_extension_else_by_the_first_character() {
    assert_eq!(read("g", " {\"name\":\"A\"}").len(), 1);
    assert_eq!(read("g", "name\nA").len(), 1);
    assert_eq!(read("g.ndjson", "{\"name\":\"A\"}").len(), 1);
    let forced = ReadOptions { format: Some(InputFormat::Json), ..ReadOptions::default() };
    assert_eq!(read_with("g.csv", "{\"name\":\"A\"}", &forced).len(), 1);
}

#[test]
fn utf_16_with_a_mark_is_read_and_other_encodings_by_name() {
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    assert_eq!(seen(&read("g.csv", utf16("\u{feff}name;x\r\nBüro;1\r\n"))), rows(&[(1, 2, "Büro")]));
    let named = |name: &str| ReadOptions { encoding: Encoding::for_label(name.as_bytes()), ..ReadOptions::default() };
    assert_eq!(seen(&read_with("g.csv", utf16("name\nBüro"), &named("utf-16le"))), rows(&[(1, 2, "Büro")]));
    assert_eq!(seen(&read_with("g.csv", b"name\nB\xfcro", &named("windows-1252"))), rows(&[(1, 2, "Büro")]));
}

#[test]
fn a_quote_left_open_in_the_header_is_refused() {
    let told = refused("g.csv", "name,\"description\nA,x\nB,y\n");
    assert_eq!(
        told,
        "FILE:1: a quote that opens in the header never closes, so the rest of the file (3 lines) is inside it"
    );
}

#[test]
fn text_that_looks_like_the_readers_own_mark_is_text() {
    let mark = "\0\u{4}\0\u{4}\0";
    let text = format!("name\nA\n{mark}\nB\n\"x\n{mark}\n\"\nC\n{mark}\n");
    let names: Vec<String> = seen(&read("g.csv", text)).into_iter().map(|(.., name)| name).collect();
    assert_eq!(names, ["A", mark, "B", &format!("x\n{mark}\n"), "C", mark]);
}

#[test]
fn what_does_not_decode_is_refused_by_line_and_column() {
    let folder = Folder::new();
    let utf16: Vec<u8> = "\u{feff}name\nAB".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (label, bytes, place) in [
        ("shift_jis", b"name\nA\x85\x20".to_vec(), ":2:2: is not in the expected encoding"),
        ("utf-16le", utf16[..utf16.len() - 1].to_vec(), ":2:2: is not in the expected encoding"),
        ("utf-8", b"name\nA\xe9B".to_vec(), ":2:2: byte 0xE9 is not UTF-8"),
    ] {
        let path = folder.file("g.csv", bytes);
        let options = ReadOptions { encoding: Encoding::for_label(label.as_bytes()), ..ReadOptions::default() };
        let told = records(&path, &options).err().unwrap().to_string();
        assert!(told.contains(place), "{label}: {told}");
    }
}
