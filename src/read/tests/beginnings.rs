//! What a file begins with tells what it is, and what to do where it is no table.

use super::*;
use crate::model::Code;

#[test]
fn a_file_that_is_no_table_is_refused_with_its_place_and_the_way_out() {
    for (name, bytes, expected) in [
        ("g.csv", &b""[..], "FILE: the file is empty; expected a header row with a column `name`, or JSON lines"),
        ("g.csv", b" \n\n", "FILE: the file is empty; expected a header row with a column `name`, or JSON lines"),
        (
            "g.csv",
            b"name\nA\nCaf\xe9\n",
            "FILE:3:4: byte 0xE9 is not UTF-8; use --encoding windows-1252 if `Café` is right, or save the file as UTF-8",
        ),
        (
            "g.csv",
            b"name\nCaf\xc3",
            "FILE:2:4: byte 0xC3 is not UTF-8; use --encoding windows-1250 if `CafĂ` is right, use --encoding windows-1252 if `CafÃ` is right, or save the file as UTF-8",
        ),
        ("g.csv", b"n\0a\0m\0e\0", "FILE:1:1: looks like UTF-16 without a byte-order mark; add --encoding utf-16le"),
        (
            "g.csv",
            b"\n\ntopic\nA\n",
            "FILE:3: no column is called `name` (found: topic); rename one, use --map name=COLUMN, or add a header row above",
        ),
    ] {
        assert_eq!(refused(name, bytes), expected);
    }
    let folder = Folder::new();
    let error = Table::open(folder.0.path(), &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().ends_with(": is a folder; name the files in it"), "{error}");
    let error = Table::open(&folder.0.path().join("none.csv"), &ReadOptions::default()).err().unwrap();
    assert_eq!(error.problems[0].code, Code::FileUnreadable);
}

#[test]
fn a_file_that_begins_otherwise_is_told_by_what_it_begins_with() {
    for (name, text, part) in [
        (
            "g.csv",
            "Our teams,,\nname,description,members\nA,b,1\n",
            "FILE:1: the header is on line 2; use --skip-lines 1 if the lines above it are a title, or delete them",
        ),
        (
            "g.csv",
            "Our teams\n\nas of today\nname;members\nA;1\n",
            "FILE:1: the header is on line 4; use --skip-lines 3 if the lines above it are a title, or delete them",
        ),
        ("g.csv", "<!DOCTYPE html>\n<html></html>\n", "FILE:1: is a web page (HTML or XML); export the table as CSV"),
        ("g.csv", "{\"name\":\"A\"}\n", "FILE:1: looks like JSON; use --format json, or name the file .json"),
        ("g.csv", "[\n{\"name\":\"A\"}]\n", "FILE:1: looks like JSON; use --format json, or name the file .json"),
        ("g.jsonl", "name,members\nA,1\n", "FILE:1: looks like CSV; use --format csv, or name the file .csv"),
        ("g.csv", "\"name,members\"\n\"A,1\"\n", "FILE:1: the whole header row is in quotes; remove the outer ones"),
        ("g.csv", "name^members\nA^1\n", "seems to be delimited by `^`; use --delimiter '^'"),
    ] {
        assert!(refused(name, text).contains(part), "{}", refused(name, text));
    }
    let mixed = ["name\nZürich\n".as_bytes(), b"Z\xfcrich\n\nA\nB\xf6,\xfc\n"].concat();
    let expected = "FILE:3:2: byte 0xFC is not UTF-8, but text before it is; the file mixes encodings: retype `Zürich`, and line 6, as UTF-8";
    assert_eq!(refused("g.csv", mixed), expected);
}

#[test]
fn the_line_by_which_excel_names_the_delimiter_is_heeded() {
    for end in ["\n", "\r\n"] {
        let text = "sep=|\nname|x\nA|1,2;3\n".replace('\n', end);
        assert_eq!(seen(&read("g.csv", text)), rows(&[(1, 3, "A")]));
    }
}

#[test]
fn the_line_that_names_the_delimiter_may_stand_before_a_long_header_and_names_no_odd_one() {
    let columns: String = (0..8000).fold(String::new(), |columns, index| columns + &format!(";column {index}"));
    let text = format!("sep=;\nname{columns}\nA{}\n", ";".repeat(8000));
    assert_eq!(seen(&read("g.csv", text)), rows(&[(1, 3, "A")]));
    assert!(refused("g.csv", "sep=\"\nname,x\nA,1\n").contains("header"));
}
