//! Files that are packed, foreign, or to be looked back into.

use std::io::Write;

use super::*;

const ROWS: &str = "name;x\nBüro;1\nSales;\"2\n3\"\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn packed_files_are_read_as_what_is_in_them() {
    let expected = rows(&[(1, 2, "Büro"), (2, 3, "Sales")]);
    let zstd = zstd::encode_all(ROWS.as_bytes(), 3).unwrap();
    for (name, bytes) in [
        ("g.csv.gz", gzip(ROWS.as_bytes())),
        ("g.csv", gzip(ROWS.as_bytes())),
        ("g.csv.zst", zstd),
        ("g.csv.gz", gzip(&utf16(&format!("\u{feff}{ROWS}")))),
    ] {
        assert_eq!(seen(&read(name, bytes)), expected, "{name}");
    }
    assert_eq!(seen(&read("g.jsonl.gz", gzip(b"{\"name\":\"A\"}"))), rows(&[(1, 1, "A")]));
}

#[test]
fn a_document_that_is_damaged_behind_its_first_objects_is_refused() {
    let mut packed = gzip(format!("[{{\"name\":\"A\"}},{{\"name\":\"B\"}}{}]", " ".repeat(300_000)).as_bytes());
    // The checksum.
    let at = packed.len() - 6;
    packed[at] ^= 0xFF;
    let error = refused("g.json.gz", packed);
    assert!(error.starts_with("FILE: the gzip data is damaged or cut off ("), "{error}");
}

#[test]
fn files_of_other_kinds_are_named_with_what_to_do() {
    for (bytes, expected) in [
        (
            &b"PK\x03\x04rest of it"[..],
            "FILE: is a ZIP archive or workbook that is damaged or cut off; if it is a workbook, open it in a spreadsheet program and save it again",
        ),
        (
            b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
            "FILE:1:1: is protected by a password or an old Excel workbook; save it as .xlsx without a password",
        ),
        (b"%PDF-1.7\n", "FILE:1:1: is a PDF document; export the table as CSV"),
        (b"\xFF\xFE\0\0n\0\0\0", "FILE:1:1: is UTF-32 text; save it as UTF-8"),
    ] {
        assert_eq!(refused("g.csv", bytes), expected);
    }
    assert_eq!(refused("g.csv.gz", gzip(&gzip(ROWS.as_bytes()))), "FILE: is packed twice; unpack it once");
    let cut = gzip(ROWS.as_bytes());
    assert!(refused("g.csv.gz", &cut[..cut.len() - 6]).contains("the gzip data is damaged or cut off"));
}

#[test]
fn a_file_with_a_row_of_more_than_1_mib_is_refused_at_its_line() {
    let long = "x".repeat(1024 * 1024);
    let message = "the row is longer than 1 MiB, the most that a row may have";
    for (name, text, expected) in [
        ("g.csv", format!("name,x\nA,1\n\nB,{long}\nC,1\n"), format!("FILE:4: {message}")),
        ("g.csv", format!("name,x\n{long}{long}{long},1\n"), format!("FILE:2: {message}")),
        (
            "g.csv",
            format!("name,x\nA,\"1\n{long}\nB,{long}\n"),
            format!("FILE:2: {message}; is the quote that opens on line 2 not closed?"),
        ),
        ("g.csv", format!("name,{long}\nA,1\n"), format!("FILE:1: {message}")),
        ("g.jsonl", format!("{{\"name\":\"A\"}}\n{{\"name\":\"{long}\"}}\n"), format!("FILE:2: {message}")),
    ] {
        assert_eq!(refused(name, text), expected);
    }
}

#[test]
fn a_row_may_have_1_mib_whatever_ends_it() {
    for end in ["", "\n", "\r\n"] {
        for (length, is_good) in [(1024 * 1024, true), (1024 * 1024 + 1, false)] {
            let row = format!("name,x\nA,{}{end}", "x".repeat(length - 2));
            let line = format!("{{\"name\":\"A\",\"x\":\"{}\"}}{end}", "x".repeat(length - 19));
            for (name, text) in [("g.csv", row), ("g.jsonl", line)] {
                if is_good {
                    assert_eq!(read(name, text)[0].name, "A", "{end:?}");
                } else {
                    assert!(refused(name, text).contains("longer than 1 MiB"), "{end:?}");
                }
            }
        }
    }
}

#[test]
fn text_behind_a_closing_quote_is_malformed_and_spaces_are_not() {
    let records =
        read("g.csv", "name,description\n\"The \"A\" Team\",x\n\"B\" ,\"y\"\t\n5\" pipes,z\n\"C, \"\"D\"\"\",\"z\"z\n");
    assert_eq!(
        seen(&records),
        rows(&[
            (
                1,
                2,
                "name: `A\" Team\"` follows a closing quote; put the whole cell in quotes and write each quote inside it twice: \"The \"\"A\"\" Team\""
            ),
            (2, 3, "B "),
            (3, 4, "5\" pipes"),
            (
                4,
                5,
                "description: `z` follows a closing quote; put the whole cell in quotes and write each quote inside it twice: \"The \"\"A\"\" Team\""
            ),
        ])
    );
}
