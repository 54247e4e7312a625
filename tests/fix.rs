//! `validate --fix`: the safe repairs, each listed, and nothing that would be a guess; rejects that stay as they stood.

use crate::support::{Desk, Server, statuses, utf16};

#[test]
fn the_cleaned_copy_has_the_safe_repairs_and_nothing_else() {
    let desk = Desk::bare().with(
        "groups.csv",
        utf16("\u{feff}Name; Members;x\r\n\r\n Sales ;\"1, 2,1\"; kept \r\nSales;1|2; kept \r\nsales;2|1;\r\nName;Members;x\r\nOps;abc, 1;\r\n\"The \"A\" Team\";;\r\nshort\r\nLast;\"1\r\n"),
    );
    let outcome = desk.run(&["validate", "groups.csv", "--fix", "clean.csv"]).expect(7);
    let expected = "Name;Members;x\nSales;\"1;2\"; kept \nsales;\"2;1\";\nOps;abc, 1;\n\"The \"A\" Team\";;\nshort\n\"Last\";\"1\r\n";
    assert_eq!(desk.read("clean.csv"), expected);
    for part in [
        "groups.csv:3: repaired: name: outer spaces removed",
        "groups.csv:3: repaired: members: repeats removed, entries separated by `;`",
        "groups.csv:4: repaired: left out: it repeats an earlier row",
        "groups.csv:6: repaired: left out: it repeats the header",
        "groups.csv: repaired: converted from UTF-16LE to UTF-8",
        "groups.csv: repaired: header: outer spaces removed",
        "groups.csv: repaired: line ends made LF",
        "groups.csv: repaired: blank lines removed",
        "repaired in the copy                    9",
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
        "{\"name\": \"A \", \"members\": [\"1\", 1], \"n\": 1.50}\r\n{\"name\":\"B\",  \"guests\": \"a@b.example\"}\n{\"name\":\"C\",  \"members\":[1]}\n{\"name\":\"D\",\"guests\":[null, \"a@b.example\", \" \"]}\nbroken\n",
    );
    desk.run(&["validate", "groups.jsonl", "--fix", "clean.jsonl"]).expect(7);
    let expected = "{\"name\":\"A\",\"members\":[1],\"n\":1.50}\n{\"name\":\"B\",\"guests\":[\"a@b.example\"]}\n{\"name\":\"C\",  \"members\":[1]}\n{\"name\":\"D\",\"guests\":[\"a@b.example\"]}\nbroken\n";
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
        .expect(2)
        .says("long.csv:2: the row is longer than 1 MiB, the most that a row may have");
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
    assert!(
        rejects.starts_with("\u{feff}name,description,_error\n\"The \"B\" Team\",\"y\nz\",\"name: `B"),
        "{rejects}"
    );
    desk.run(&["import", "groups.rejects.csv"]).expect(9);
    assert_eq!(statuses(&desk.results("groups.rejects.results.csv")), ["invalid"]);
}

#[test]
fn no_row_is_left_out_or_changed_that_says_anything_of_its_own() {
    let rows = "name,members,owner\nA,1,Ann\nA,1,Bob\na,1,Ann\nB,\"1,001\",\nB,1,\nragged,\" \"\"x\"\n";
    let desk = Desk::bare().with("groups.csv", rows);
    desk.run(&["validate", "groups.csv", "--fix", "clean.csv"]).expect(7);
    assert_eq!(desk.read("clean.csv"), rows);
}

#[test]
fn a_rejected_row_stays_broken_under_the_delimiter_of_another_file() {
    let server = Server::calm();
    let desk = Desk::at(&server)
        .with("one.csv", "name,description\nA,x\n")
        .with("two.csv", "name;description\na,b;\"c\"x\n\"a\"b;c,\"d\n");
    desk.run(&["import", "one.csv", "two.csv"]).expect(9);
    desk.run(&["import", "one.rejects.csv"]).expect(9);
    assert_eq!(statuses(&desk.results("one.rejects.results.csv")), ["invalid", "invalid"]);
    assert_eq!(server.groups().len(), 1);
}

#[test]
fn a_header_among_the_rows_stays_broken_when_its_rejects_are_imported() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,description\nA,x\nname,description\nB,x\n");
    desk.run(&["import", "groups.csv"]).expect(9);
    desk.run(&["import", "groups.rejects.csv"]).expect(9);
    assert_eq!(server.groups().len(), 2);
}

#[test]
fn a_column_that_was_mapped_bears_the_fields_name_in_the_copy_and_no_other_does() {
    let map = ["--map", "name=Label", "--fix", "clean.csv"];
    for (header, expected) in
        [("Label,Member-s,owner", "name,Member-s,owner"), ("Label,na-me,owner", "name,x-na-me,owner")]
    {
        let desk = Desk::bare().with("groups.csv", format!("{header}\nA,1,x\n"));
        desk.run(&[&["validate", "groups.csv"][..], &map].concat()).expect(0);
        assert_eq!(desk.read("clean.csv"), format!("{expected}\nA,1,x\n"));
    }
}

#[test]
fn all_that_is_done_to_a_copy_is_told() {
    let desk = Desk::bare().with("groups.csv", "sep=,\nLabel,x\nA,1\nB,2\n").with("narrow.csv", "name\nA\n\nB\n");
    let map = ["--map", "name=Label", "--fix", "clean.csv"];
    let text = desk.run(&[&["validate", "groups.csv"][..], &map].concat()).expect(0).stdout;
    for part in ["repaired: the line `sep=` removed\n", "repaired: column `Label` renamed `name`\n"] {
        assert!(text.contains(part), "{text}");
    }
    desk.run(&["validate", "narrow.csv", "--fix", "clean.csv"]).expect(7);
    assert_eq!(desk.read("clean.csv"), "name\nA\n\nB\n", "a blank line of a narrow file is a row");
}

#[test]
fn a_copy_of_one_column_reads_back_as_the_same_rows_whatever_delimiter_was_asked_for() {
    let desk = Desk::bare().with("groups.csv", "sep=;\nname\nSales, North\nb\n");
    desk.run(&["validate", "groups.csv", "--fix", "clean.csv"]).expect(0);
    assert_eq!(desk.read("clean.csv"), "name\n\"Sales, North\"\nb\n");
    desk.run(&["validate", "clean.csv", "--strict", "--default-description", "x"]).expect(0);
}

#[test]
fn where_no_copy_is_written_no_repairs_are_told_and_line_ends_within_cells_are_none() {
    let desk = Desk::bare()
        .with("flawed.csv", "nmae,members\n a ,1;1\n")
        .with("cells.csv", "name,description,extra\r\na,b,\"x\r\ny\"\r\n");
    let flawed = desk.run(&["validate", "flawed.csv", "--fix", "clean.csv"]).expect(2);
    assert!(!flawed.stdout.contains("repaired"), "{}", flawed.stdout);
    assert!(desk.run(&["validate", "cells.csv", "--fix", "once.csv"]).expect(0).stdout.contains("line ends made LF"));
    assert!(!desk.run(&["validate", "once.csv", "--fix", "twice.csv"]).expect(0).stdout.contains("repaired"));
}
