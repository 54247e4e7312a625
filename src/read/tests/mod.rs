//! Files as they come, and the rows read from them.

mod beginnings;
mod cutting;
mod packed;

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::model::{Cell, Item, Raw, Record};

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

fn read(name: &str, bytes: impl AsRef<[u8]>) -> Vec<Record> {
    read_with(name, bytes, &Options::default())
}

fn read_with(name: &str, bytes: impl AsRef<[u8]>, options: &Options) -> Vec<Record> {
    let folder = Folder::new();
    let table = Table::open(&folder.file(name, bytes), options).unwrap();
    table.into_records(0).collect::<Result<_, _>>().unwrap()
}

fn refused(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let folder = Folder::new();
    let path = folder.file(name, bytes);
    let error = match Table::open(&path, &Options::default()) {
        Ok(table) => table.into_records(0).collect::<Result<Vec<_>, _>>().unwrap_err(),
        Err(error) => error,
    };
    error.to_string().replace(path.to_str().unwrap(), "FILE")
}

/// Row, line and name, or the fault.
fn seen(records: &[Record]) -> Vec<(u64, u64, String)> {
    let told = |record: &Record| match &record.fields {
        Ok(fields) => match &fields.name {
            Cell::Text(name) => name.clone().into_owned(),
            other => format!("{other:?}"),
        },
        Err(fault) => fault.message.clone(),
    };
    records.iter().map(|record| (record.place.row, record.place.line, told(record))).collect()
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
        assert_eq!(records[0].fields.as_ref().unwrap().members, Cell::Text("1".into()));
    }
}

#[test]
fn a_ragged_row_is_malformed_and_the_reading_goes_on() {
    let records = read("g.csv", "name,description\nA\nB,x,y\nC,z\n");
    let told = seen(&records);
    assert_eq!(
        told[0].2,
        "the row has only 1 of the header's 2 cells: a title, a note, or a footer? Delete it, or add the commas of the empty cells"
    );
    assert_eq!(
        told[1].2,
        "the row has 3 cells where the header has 2; a cell that holds a comma needs quotes around it"
    );
    assert_eq!(told[2], (3, 4, "C".to_owned()));
}

#[test]
fn a_quote_that_never_closes_is_named_by_the_line_it_opened_on() {
    for end in ["", "\n"] {
        let text = format!("name,description\nA,\"one\nmore\"\nB,\"two\nC,three{end}");
        let records = read("g.csv", text);
        assert_eq!(records.len(), 2);
        let expected = "the quote opened on line 4 never closes; it swallowed 2 lines, to the end of the file";
        assert_eq!(seen(&records)[1], (2, 4, expected.to_owned()));
        assert_eq!(records[1].raw, Raw::OpenQuote(vec!["B".to_owned(), format!("two\nC,three{end}")]));
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
    assert_eq!((records[0].place.line, records[24_999].place.line), (25_002, 50_001));
    assert_eq!(seen(&records[25_000..]), rows(&[(25_001, 50_002, "A")]));
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
            (
                2,
                3,
                "the JSON is broken at column 8: the line ends in the middle (was it cut off?); one object a line is expected"
            ),
            (3, 4, "the line is not a JSON object: [1]"),
            (4, 5, "Other(\"a number\")"),
            (5, 6, "the line is not a JSON object: \u{a0}"),
        ])
    );
    let members = &records[0].fields.as_ref().unwrap().members;
    let expected = [Item::Number("1".into()), Item::Text("2".into()), Item::Other("null")];
    assert_eq!(members, &Cell::List(expected.to_vec()));
}

#[test]
fn broken_json_is_told_in_plain_words() {
    for (line, expected) in [
        ("{\"name\":\"A\"},", "at column 13: something stands behind the object: `,`; remove it"),
        (
            "{'name':\"A\"}",
            "at column 2: keys and texts need double quotes (if Python wrote this, json.dumps writes JSON)",
        ),
        (
            "{\"name\":\"A\"}{\"name\":\"B\"}",
            "at column 13: several objects stand on the line; give each a line of its own",
        ),
        (
            "{\"name\":\"The \"A\" Team\"}",
            "at column 15: expected `,` or `}`, not `A\" Team\"}`; a quote inside of a text is written \\\"",
        ),
        ("{name:\"A\"}", "at column 2: a key needs double quotes around it: `name:\"A\"}`"),
        ("{\"name\":\"A\",}", "at column 13: a comma stands before `}`; remove it"),
        ("{\"members\":[1,2,]}", "at column 17: a comma stands before `]`; remove it"),
        ("{\"name\":\"A", "at column 10: the line ends in the middle (was it cut off?); one object a line is expected"),
        ("{\"name\":\"A\tB\"}", "at column 11: a control character stands in a text; write \\t, \\n or \\uXXXX"),
    ] {
        let told = &seen(&read("g.jsonl", line))[0].2;
        assert_eq!(told.strip_prefix("the JSON is broken "), Some(expected), "{line}");
    }
}

#[test]
fn keys_that_stand_twice_or_are_misspelt_are_faults_of_their_line() {
    let records = read("g.jsonl", "{\"name\":\"A\",\"NAME\":\"B\"}\n{\"nmae\":\"A\"}\n{\"name\":\"C\",\"x\":1}\n");
    assert_eq!(
        seen(&records),
        rows(&[
            (1, 1, "the key `name` stands there twice; keep one, with all that is meant"),
            (2, 2, "the key `nmae` looks like a misspelt `name`; rename it"),
            (3, 3, "C"),
        ])
    );
}

#[test]
fn the_format_is_told_by_extension_else_by_the_first_character() {
    assert_eq!(read("g", " {\"name\":\"A\"}").len(), 1);
    assert_eq!(read("g", "name\nA").len(), 1);
    assert_eq!(read("g.ndjson", "{\"name\":\"A\"}").len(), 1);
    let forced = Options { format: Some(Format::Jsonl), ..Options::default() };
    assert_eq!(read_with("g.csv", "{\"name\":\"A\"}", &forced).len(), 1);
}

#[test]
fn utf_16_with_a_mark_is_read_and_other_encodings_by_name() {
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    assert_eq!(seen(&read("g.csv", utf16("\u{feff}name;x\r\nBüro;1\r\n"))), rows(&[(1, 2, "Büro")]));
    let named = |name: &str| Options { encoding: Encoding::for_label(name.as_bytes()), ..Options::default() };
    assert_eq!(seen(&read_with("g.csv", utf16("name\nBüro"), &named("utf-16le"))), rows(&[(1, 2, "Büro")]));
    assert_eq!(seen(&read_with("g.csv", b"name\nB\xfcro", &named("windows-1252"))), rows(&[(1, 2, "Büro")]));
}

#[test]
fn a_quote_left_open_in_the_header_is_refused() {
    let told = refused("g.csv", "name,\"description\nA,x\nB,y\n");
    assert_eq!(told, "FILE:1: a quote opened in the header never closes: the rest of the file is swallowed (3 lines)");
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
        ("shift_jis", b"name\nA\x85\x20".to_vec(), ":2:2: is not in the encoding expected"),
        ("utf-16le", utf16[..utf16.len() - 1].to_vec(), ":2:2: is not in the encoding expected"),
        ("utf-8", b"name\nA\xe9B".to_vec(), ":2:2: byte 0xE9 is not UTF-8"),
    ] {
        let path = folder.file("g.csv", bytes);
        let options = Options { encoding: Encoding::for_label(label.as_bytes()), ..Options::default() };
        let told = match Table::open(&path, &options) {
            Ok(table) => table.into_records(0).collect::<Result<Vec<_>, _>>().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(place), "{label}: {told}");
    }
}
