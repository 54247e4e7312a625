//! `validate --fix`: the safe repairs, each listed, and nothing that would be a guess; rejects that stay as they stood.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::{Desk, Server, statuses, utf16};

#[test]
fn the_cleaned_copy_has_the_safe_repairs_and_nothing_else() {
    let desk = Desk::bare().with(
        "groups.csv",
        utf16("\u{feff}Name;Members;x\r\n Sales ;\"1, 2,1\"; kept \r\nsales;2|1;\r\nOps;abc, 1;\r\n\"The \"A\" Team\";;\r\nshort\r\nLast;\"1\r\n"),
    );
    let outcome = desk.run(&["validate", "groups.csv", "--fix", "clean.csv"]).expect(7);
    let expected = "Name;Members;x\nSales;\"1;2\"; kept \nOps;abc, 1;\n\"The \"A\" Team\";;\nshort\n\"Last\";\"1\r\n";
    assert_eq!(desk.read("clean.csv"), expected);
    for part in [
        "groups.csv:2: repaired: name: outer spaces removed",
        "groups.csv:2: repaired: members: repeats removed, entries parted by `;`",
        "groups.csv:3: repaired: left out, as it repeats an earlier row in all",
        "groups.csv: repaired: written as UTF-8 (UTF-16LE)",
        "groups.csv: repaired: line ends made LF",
        "repaired in the copy                    5",
    ] {
        assert!(outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
    }
    let again = desk.run(&["validate", "clean.csv", "--fix", "again.csv"]).expect(7);
    assert!(!again.stdout.contains("repaired"), "{}", again.stdout);
    assert_eq!(desk.read("again.csv"), expected);
}

#[test]
fn a_cleaned_copy_of_json_lines_keeps_what_needs_no_repair_as_it_was_written() {
    let desk = Desk::bare().with(
        "groups.jsonl",
        "{\"name\": \"A \", \"members\": [\"1\", 1], \"n\": 1.50}\r\n{\"name\":\"B\",  \"guests\": \"a@b.example\"}\n{\"name\":\"C\",  \"members\":[1]}\nbroken\n",
    );
    desk.run(&["validate", "groups.jsonl", "--fix", "clean.jsonl"]).expect(7);
    let expected = "{\"name\":\"A\",\"members\":[1],\"n\":1.50}\n{\"name\":\"B\",\"guests\":[\"a@b.example\"]}\n{\"name\":\"C\",  \"members\":[1]}\nbroken\n";
    assert_eq!(desk.read("clean.jsonl"), expected);
}

#[test]
fn a_cleaned_copy_is_written_whole_or_not_at_all_and_never_over_the_input() {
    let long = "x".repeat(1024 * 1024);
    let desk = Desk::bare()
        .with("groups.csv", "name\nA\n")
        .with("bad.csv", [&b"name,x\n"[..], &long.as_bytes()[..700_000], b"\nCaf\xe9\n"].concat())
        .with("long.csv", format!("name,x\nA,{long}\n"));
    desk.run(&["validate", "groups.csv", "--fix", "groups.csv"]).expect(2).says("groups.csv");
    desk.run(&["validate", "groups.csv", "--fix", "./groups.csv"]).expect(2);
    desk.run(&["validate", "groups.csv", "bad.csv", "--fix", "clean.csv"]).expect(2).says("one file");
    desk.run(&["validate", "bad.csv", "--fix", "clean.csv"]).expect(2);
    desk.run(&["validate", "long.csv", "--fix", "clean.csv"])
        .expect(7)
        .says("no cleaned copy was written: the row on line 2");
    desk.run(&["validate", "groups.csv", "--fix", "nowhere/clean.csv"]).expect(2).says("nowhere/clean.csv");
    assert_eq!(desk.files(), ["bad.csv", "groups.csv", "long.csv"]);
    assert_eq!(desk.read("groups.csv"), "name\nA\n");
}

#[test]
fn an_import_takes_no_row_whose_quotes_nobody_understands_and_rejects_it_as_it_stood() {
    let server = Server::calm();
    let rows = "name,description\nA,x\n\"The \"B\" Team\",\"y\nz\"\n\"C\" ,x\n";
    let desk = Desk::at(&server).with("groups.csv", rows);
    desk.run(&["import", "groups.csv"]).expect(9);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "invalid", "created"]);
    let rejects = desk.read("groups.rejects.csv");
    assert!(rejects.starts_with("name,description,_error\n\"The \"B\" Team\",\"y\nz\",\"name: `B"), "{rejects}");
    desk.run(&["import", "groups.rejects.csv"]).expect(9);
    assert_eq!(statuses(&desk.results("groups.rejects.results.csv")), ["invalid"]);
}
