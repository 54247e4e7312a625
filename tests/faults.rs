//! Bad input: what is wrong is named by its place, and whatever can be read is read.

use crate::support::{Desk, Server, statuses};

/// A file that cannot be read as a table stops the import with 2 before anything is sent.
#[track_caller]
fn refused(name: &str, content: &[u8], parts: &[&str]) {
    let server = Server::calm();
    let desk = Desk::at(&server).with(name, content);
    for arguments in [&["import", name][..], &["validate", name], &["import", "--dry-run", name]] {
        let outcome = desk.run(arguments).expect(2);
        for part in parts {
            assert!(outcome.stderr.contains(part), "{arguments:?}: {part:?} is not in\n{}", outcome.stderr);
        }
    }
    assert_eq!(server.requests(), 0);
    assert!(!desk.path("groups.results.csv").exists());
}

#[test]
fn a_missing_file_is_named() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("here.csv", "name\nA\n");
    desk.run(&["import", "here.csv", "nowhere.csv"]).expect(2).says("nowhere.csv");
    desk.run(&["validate", "nowhere.csv"]).expect(2).says("nowhere.csv");
    assert_eq!(server.requests(), 0, "a file that is missing stops all of them");
}

#[test]
fn a_folder_is_no_file() {
    let server = Server::calm();
    let desk = Desk::at(&server);
    std::fs::create_dir(desk.path("groups.csv")).unwrap();
    desk.run(&["import", "groups.csv"]).expect(2).says("groups.csv").says("folder");
    assert_eq!(server.requests(), 0);
}

#[test]
fn an_empty_file_is_a_mistake() {
    for content in [&b""[..], b"\n", b" \r\n\t\n", b"\xef\xbb\xbf"] {
        refused("groups.csv", content, &["groups.csv", "empty"]);
    }
    let server = Server::calm();
    Desk::at(&server).run_over("", &["import", "-"]).expect(2).says("empty");
}

#[test]
fn a_header_without_a_name_says_what_it_has() {
    refused("groups.csv", b"label,description\nA,b\n", &["groups.csv:1", "name", "label, description", "--map"]);
}

#[test]
fn a_misspelt_header_names_the_field() {
    refused("groups.csv", b"name,descripton\nA,b\n", &["groups.csv:1", "descripton", "`description`"]);
}

#[test]
fn a_json_array_that_is_cut_off_is_refused_with_its_place() {
    refused("groups.jsonl", b"[\n{\"name\": \"A\"},\n{\"name\":\n", &["groups.jsonl:4", "is it cut off?"]);
}

#[test]
fn a_byte_that_is_not_utf_8_is_named_by_line_and_column() {
    refused("groups.csv", b"name,description\nA,b\nCaf\xe9,c\n", &["groups.csv:3:4", "0xE9", "--encoding"]);
    let mut late = b"name,description\n".to_vec();
    late.extend(b"Sales,x\n".repeat(20_000));
    late.extend(b"Z\xc3\xbcrich,\xff\n");
    refused("groups.csv", &late, &["groups.csv:20002:8", "0xFF"]);
}

#[test]
fn utf_16_is_read_with_a_byte_order_mark_and_named_without() {
    let text = "name,description\nCafé 東京,a\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (mark, bytes) in [([0xff, 0xfe], &little), ([0xfe, 0xff], &big)] {
        let server = Server::calm();
        let desk = Desk::at(&server).with("groups.csv", [&mark[..], bytes].concat());
        desk.run(&["import", "groups.csv"]).expect(0);
        assert_eq!(server.names(), ["Café 東京"]);
    }
    refused("groups.csv", &little, &["groups.csv", "UTF-16", "--encoding utf-16le"]);
    refused("groups.csv", &big, &["groups.csv", "UTF-16", "--encoding utf-16be"]);
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", &little);
    desk.run(&["import", "groups.csv", "--encoding", "utf-16le"]).expect(0);
    assert_eq!(server.names(), ["Café 東京"]);
}

#[test]
fn an_encoding_that_is_named_is_used() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", b"name,description\nCaf\xe9 \x80,d\xe9j\xe0\n");
    desk.run(&["import", "groups.csv", "--encoding", "windows-1252"]).expect(0);
    assert_eq!(server.group("Café €").description.as_deref(), Some("déjà"));
    desk.run(&["import", "groups.csv", "--encoding", "klingon"]).expect(2).says("encoding");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_header() {
    let server = Server::calm();
    let desk = Desk::at(&server)
        .with("groups.csv", "\u{feff}name,members\nA,1\n")
        .with("lines.jsonl", "\u{feff}{\"name\": \"B\"}\n");
    desk.run(&["import", "groups.csv", "lines.jsonl"]).expect(0);
    assert_eq!(server.names(), ["A", "B"]);
}

#[test]
fn a_ragged_row_is_malformed_and_the_reading_goes_on() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,description,members\nA,a,1\nB,b\nC,c,1,2,3\nD,d,2\n");
    desk.run(&["import", "groups.csv"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "invalid", "invalid", "created"]);
    for line in &lines[1..3] {
        assert_eq!(line.error_code.as_deref(), Some("row-malformed"));
    }
    assert_eq!(desk.table("groups.rejects.csv").1[1][..5], ["C", "c", "1", "2", "3"]);
}

#[test]
fn a_quote_that_never_closes_is_one_bad_row_that_names_its_line() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,description\nA,a\nB,\"never\nC,c\nD,d\n");
    desk.run(&["import", "groups.csv"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "invalid"]);
    assert_eq!((lines[1].line, lines[1].error_code.as_deref()), (3, Some("row-malformed")));
    assert!(lines[1].error.as_ref().unwrap().contains("line 3"), "{:?}", lines[1].error);
    let mended = desk.read("groups.rejects.csv").replace("\"never", "\"never\"");
    assert!(mended.contains("\nC\"") || mended.contains("\nC,c\nD,d"), "what was swallowed is kept: {mended}");
}

#[test]
fn a_broken_line_of_json_is_malformed_and_the_reading_goes_on() {
    let server = Server::calm();
    let text = "{\"name\": \"A\"}\n{\"name\": \"B\"\n\n17\n[\"name\"]\n{\"name\": \"C\", \"name\": \"D\"}\n{\"name\": \"E\"}\n";
    let desk = Desk::at(&server).with("groups.jsonl", text);
    desk.run(&["import", "groups.jsonl"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "invalid", "invalid", "invalid", "invalid", "created"]);
    assert_eq!(lines.iter().map(|line| line.line).collect::<Vec<_>>(), [1, 2, 4, 5, 6, 7]);
    assert!(lines[1..5].iter().all(|line| line.error_code.as_deref() == Some("row-malformed")));
    let rejects = desk.read("groups.rejects.jsonl");
    assert!(rejects.contains("{\"name\": \"B\"\n"), "a line that is no object stays as it stood: {rejects}");
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    let text = "name,description\nA,a\nB,\"two\nlines\"\n\nC,c\nD,d\n";
    for end in ["\n", "\r\n", "\r"] {
        let server = Server::calm();
        let desk = Desk::at(&server).with("groups.csv", text.replace('\n', end));
        desk.run(&["import", "groups.csv"]).expect(0);
        let lines = desk.results("groups.results.csv");
        let places: Vec<(u64, u64)> = lines.iter().map(|line| (line.row, line.line)).collect();
        assert_eq!(places, [(1, 2), (2, 3), (3, 6), (4, 7)], "{end:?}");
    }
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.jsonl", "{\"name\":\"A\"}\r\n\r\n{\"name\":\"B\"}\r\n");
    desk.run(&["import", "groups.jsonl"]).expect(0);
    assert_eq!(desk.results("groups.results.csv").iter().map(|line| line.line).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn every_delimiter_is_found_and_every_separator_of_a_list() {
    for delimiter in [",", ";", "\t", "|"] {
        let server = Server::calm();
        let text = "name@members@guests\nA@\"1;2|3,4 5\n6\"@\"[\"\"a@example.com\"\"]\"\n".replace('@', delimiter);
        let text = text.replace(&format!("a{delimiter}example"), "a@example");
        let desk = Desk::at(&server).with("groups.csv", text);
        desk.run(&["import", "groups.csv"]).expect(0);
        assert_eq!(server.group("A").members, [1, 2, 3, 4, 5, 6], "{delimiter:?}");
        assert_eq!(server.group("A").guests, ["a@example.com"], "{delimiter:?}");
    }
}

#[test]
fn several_problems_of_one_row_are_joined_and_the_first_gives_the_code() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,members,guests\n,x,y\n");
    desk.run(&["import", "groups.csv"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(lines[0].error_code.as_deref(), Some("name-missing"));
    assert_eq!(lines[0].error.as_ref().unwrap().split("; ").count(), 3, "{:?}", lines[0].error);
}

#[test]
fn unknown_columns_are_one_warning_that_lists_them() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,colour,size\nA,red,1\nB,red,2\n");
    let outcome = desk.run(&["import", "groups.csv", "-v"]).expect(0);
    let warnings: Vec<&str> = outcome.stderr.lines().filter(|line| line.contains("colour")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("size"), "{}", outcome.stderr);
}

#[test]
fn what_the_server_refuses_is_failed_with_its_own_words() {
    // Members are not checked before.
    let unlisted = "[[fault]]\nkind = 'error-before'\nmethod = 'GET'\nstatus = 403\nuntil = 1";
    let server = Server::start(tallyfy_groups::sandbox::Options { users: 3, ..Default::default() }, unlisted);
    let desk = Desk::at(&server).with("groups.csv", "name,members\nA,1001\nB,\"5,1002\"\nC,1003\n");
    desk.run(&["import", "groups.csv"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "failed", "created"]);
    assert_eq!((lines[1].http_status, lines[1].error_code.as_deref()), (Some(422), Some("http-422")));
    assert!(lines[1].error.as_ref().unwrap().contains("member"), "{:?}", lines[1].error);
    assert_eq!(server.posts("B"), 1, "a refusal is an answer");
    assert_eq!(desk.table("groups.rejects.csv").1.len(), 1);
}

#[test]
fn no_rubbish_makes_the_program_panic_or_hang() {
    let server = Server::calm();
    let desk = Desk::at(&server);
    let pieces: [&[u8]; 12] = [
        b"name",
        b",",
        b"\"",
        b"\n",
        b"\r",
        b"\0",
        b"{\"name\":",
        b"}",
        b"\xff\xfe",
        b"\x04\0\x04",
        b"[[[[",
        b"\xc3\xa9",
    ];
    for seed in 0..80_usize {
        let mut junk = if seed % 2 == 0 { b"name,description\n".to_vec() } else { Vec::new() };
        let mut state = seed * 2_654_435_761 + 1;
        for _ in 0..seed {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            junk.extend(pieces[(state >> 33) % pieces.len()]);
        }
        desk.write("junk", &junk);
        let outcome = desk.run(&["validate", "junk"]);
        assert!(matches!(outcome.code(), Some(0 | 2 | 7)), "{seed}: {outcome:?} {junk:?}");
    }
}
