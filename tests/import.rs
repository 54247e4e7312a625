//! An import under a clear sky: every row is created once, answered in order, and accounted for.

use std::collections::BTreeMap;

use crate::support::{
    Desk, Draft, HEADER, Server, Told, as_csv, as_jsonl, assert_accounts, assert_answers, good, good_names, gzip, rows,
    statuses,
};

/// 2,000 rows, 5 % of them repeated and 5 % bad.
fn many() -> Vec<Draft> {
    rows(2000, 5, 5, 42)
}

fn every_row_is_answered_and_every_group_posted_once(file: &str, content: &str, rows: &[Draft]) {
    let server = Server::calm();
    let desk = Desk::at(&server).with(file, content);
    let summary = desk.run(&["import", file, "--json"]).expect(9).json();
    server.assert_each_once(&good_names(rows));
    let lines = desk.results("groups.results.csv");
    assert_answers(&lines, rows, &server, "created");
    assert_accounts(&summary, &lines);
    assert_eq!(summary["exit_code"], 9);
    assert_eq!(summary["requests"], server.requests());
    assert!(lines.iter().all(|line| line.file == file));
    assert!(
        lines
            .iter()
            .filter(|line| line.status == "created")
            .all(|line| line.attempts == 1 && line.http_status == Some(201))
    );
    for row in rows.iter().filter(|row| row.kind == crate::support::Kind::Good) {
        let group = server.group(&row.name);
        assert_eq!(group.description.as_ref(), Some(&row.description));
        assert_eq!(group.members.iter().map(u64::to_string).collect::<Vec<_>>(), row.members);
        assert_eq!(group.guests, row.guests);
    }
}

#[test]
fn csv_every_row_is_answered_and_every_group_posted_once() {
    let rows = many();
    every_row_is_answered_and_every_group_posted_once("groups.csv", &as_csv(&rows), &rows);
}

#[test]
fn jsonl_every_row_is_answered_and_every_group_posted_once() {
    let rows = many();
    every_row_is_answered_and_every_group_posted_once("groups.jsonl", &as_jsonl(&rows), &rows);
}

#[test]
fn a_second_import_of_the_same_file_creates_nothing() {
    let rows = rows(300, 10, 10, 7);
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv"]).expect(9);
    let posts = server.all_posts();
    let summary = desk.run(&["import", "groups.csv", "--json"]).expect(9).json();
    assert_eq!(server.all_posts(), posts);
    let lines = desk.results("groups.results.csv");
    assert_answers(&lines, &rows, &server, "exists");
    assert_accounts(&summary, &lines);
    assert!(lines.iter().all(|line| line.attempts == 0 || line.status != "exists"), "nothing was sent for them");
}

#[test]
fn groups_that_were_there_before_cost_no_request_but_the_list() {
    let rows = good(250);
    let server = Server::calm();
    for (index, row) in rows.iter().enumerate() {
        server.plant(&format!("old-{index}"), &row.name.to_lowercase());
    }
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(server.requests(), 1 + 3, "the users are one page, 250 groups are three");
    let lines = desk.results("groups.results.csv");
    for (index, line) in lines.iter().enumerate() {
        assert_eq!((line.status.as_str(), line.group_id.as_deref()), ("exists", Some(format!("old-{index}").as_str())));
    }
}

#[test]
fn several_files_of_both_formats_are_one_import() {
    let rows = rows(90, 0, 10, 3);
    let server = Server::calm();
    let desk = Desk::at(&server)
        .with("one.csv", as_csv(&rows[..30]))
        .with("two.jsonl", as_jsonl(&rows[30..60]))
        .with("three.csv", as_csv(&rows[60..]));
    let summary = desk.run(&["import", "one.csv", "two.jsonl", "three.csv", "--json"]).expect(9).json();
    server.assert_each_once(&good_names(&rows));
    let lines = desk.results("one.results.csv");
    assert_accounts(&summary, &lines);
    let places: Vec<(&str, u64)> = lines.iter().map(|line| (line.file.as_str(), line.row)).collect();
    let of = |file| (1..=30).map(move |row| (file, row));
    let expected: Vec<(&str, u64)> = of("one.csv").chain(of("two.jsonl")).chain(of("three.csv")).collect();
    assert_eq!(places, expected);
}

#[test]
fn a_duplicate_in_a_later_file_carries_the_first_ones_id() {
    let server = Server::calm();
    let desk = Desk::at(&server)
        .with("one.csv", "name,description\nA,a\nSales,first\n")
        .with("two.csv", "name,description\n sALES ,second\nB,b\n");
    desk.run(&["import", "one.csv", "two.csv"]).expect(0);
    assert_eq!(server.names(), ["A", "B", "Sales"]);
    let lines = desk.results("one.results.csv");
    assert_eq!(statuses(&lines), ["created", "created", "duplicate", "created"]);
    assert_eq!(lines[2].group_id, Some(server.group("Sales").id));
    assert_eq!(lines[2].duplicate_of.as_deref(), Some("one.csv:2"));
    assert_eq!(server.group("Sales").description.as_deref(), Some("first"));
}

#[test]
fn a_dash_is_standard_input_and_gives_the_files_their_name() {
    let rows = rows(40, 10, 10, 9);
    for text in [as_csv(&rows), as_jsonl(&rows)] {
        let server = Server::calm();
        let desk = Desk::at(&server);
        desk.run_over(text, &["import", "-"]).expect(9);
        server.assert_each_once(&good_names(&rows));
        let lines = desk.results("stdin.results.csv");
        assert_answers(&lines, &rows, &server, "created");
        assert!(lines.iter().all(|line| line.file == "-"));
        assert!(desk.path("stdin.journal").exists());
    }
}

#[test]
fn the_samples_give_the_same_outcome_in_both_formats() {
    let outcomes = ["groups.csv", "groups.jsonl"].map(|name| {
        let server = Server::calm();
        let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
        let desk = Desk::at(&server).with(name, std::fs::read(sample).unwrap());
        desk.run(&["import", name]).expect(9);
        let groups: BTreeMap<String, _> = server
            .groups()
            .into_iter()
            .map(|group| (group.name, (group.description, group.members, group.guests)))
            .collect();
        let told = |line: Told| {
            (line.row, line.name, line.status, line.duplicate_of, line.attempts, line.http_status, line.error_code)
        };
        let lines: Vec<_> = desk.results("groups.results.csv").into_iter().map(told).collect();
        (groups, lines)
    });
    assert_eq!(outcomes[0].1, outcomes[1].1);
    assert_eq!(outcomes[0].0, outcomes[1].0);
    assert!(outcomes[0].0.len() > 30, "the samples are mostly good");
}

#[test]
fn rejects_are_mended_and_imported_again() {
    let server = Server::calm();
    let desk = Desk::at(&server).with(
        "groups.csv",
        "Name;Cost centre;Members;Guests\nA;7;1;\nB;8;x1;\n;9;;\nC;10;;nobody\nD;11;2;d@example.com\n",
    );
    desk.run(&["import", "groups.csv"]).expect(9);
    let text = desk.read("groups.rejects.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "\u{feff}Name;Cost centre;Members;Guests;_error");
    assert!(lines[1].starts_with("B;8;x1;;") && lines[2].starts_with(";9;;;") && lines[3].starts_with("C;10;;nobody;"));
    assert_eq!(lines.len(), 4);
    let mended = text.replace("x1", "1").replace("\n;9", "\nE;9").replace("nobody", "nobody@example.com");
    desk.write("groups.rejects.csv", mended);
    desk.run(&["import", "groups.rejects.csv"]).expect(0);
    server.assert_each_once(&["A", "B", "C", "D", "E"].map(str::to_owned));
    assert_eq!(statuses(&desk.results("groups.rejects.results.csv")), ["created"; 3]);
    assert!(!desk.path("groups.rejects.rejects.csv").exists(), "nothing was rejected");
}

#[test]
fn rejects_are_read_as_utf_8_whatever_encoding_is_named() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", b"name,description,members\nB\xfcro,d\xe9j\xe0,x\n");
    desk.run(&["import", "groups.csv", "--encoding", "windows-1252"]).expect(9);
    let text = desk.read("groups.rejects.csv");
    assert!(text.starts_with("\u{feff}name,description,members,_error\nBüro,déjà,x,"), "{text}");
    desk.write("groups.rejects.csv", text.replace(",x,", ",7,"));
    desk.run(&["import", "groups.rejects.csv", "--encoding", "windows-1252"]).expect(0);
    assert_eq!(server.group("Büro").description.as_deref(), Some("déjà"));
    desk.write("marked.csv", b"\xef\xbb\xbfname,description\nCaf\xe9,c\n");
    desk.run(&["import", "marked.csv", "--encoding", "windows-1252"]).expect(2).says("marked.csv:2:4").says("0xE9");
}

#[test]
fn rejects_of_json_lines_are_json_lines_and_read_back() {
    let server = Server::calm();
    let text = "{\"name\":\"A\"}\n{\"name\":\"B\",\"members\":[\"x\"],\"team\":{\"a\":1}}\n{\"name\":5}\n";
    let desk = Desk::at(&server).with("groups.jsonl", text);
    desk.run(&["import", "groups.jsonl"]).expect(9);
    let rejects = desk.read("groups.rejects.jsonl");
    let objects: Vec<serde_json::Value> = rejects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!((&objects[0]["name"], &objects[0]["team"]["a"]), (&"B".into(), &1.into()));
    assert!(objects.iter().all(|object| object["_error"].is_string()));
    desk.write("groups.rejects.jsonl", rejects.replace("\"x\"", "17").replace("\"name\":5", "\"name\":\"5\""));
    desk.run(&["import", "groups.rejects.jsonl"]).expect(0);
    server.assert_each_once(&["A", "B", "5"].map(str::to_owned));
}

#[test]
fn the_base_url_may_carry_a_path() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name\nA\n");
    desk.run(&["import", "groups.csv", "--base-url", &format!("{}/go/api/", server.url())]).expect(0);
    assert_eq!(server.names(), ["A"]);
}

#[test]
fn the_journal_is_a_database_that_any_tool_reads() {
    let rows = rows(50, 10, 10, 5);
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv"]).expect(9);
    // Nothing else is left behind: no lock, no write-ahead log, no half file.
    assert_eq!(desk.files(), ["groups.csv", "groups.journal", "groups.rejects.csv", "groups.results.csv"]);
    let journal = rusqlite::Connection::open(desk.path("groups.journal")).unwrap();
    let mut query = journal
        .prepare("SELECT row, name, status, group_id FROM results WHERE run = (SELECT max(id) FROM runs) ORDER BY id")
        .unwrap();
    let kept: Vec<(u64, String, String, Option<String>)> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let lines = desk.results("groups.results.csv");
    let written: Vec<_> = lines.into_iter().map(|line| (line.row, line.name, line.status, line.group_id)).collect();
    assert_eq!(kept, written);
}

#[test]
fn a_header_without_rows_is_an_import_of_nothing() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,description\n");
    let summary = desk.run(&["import", "groups.csv", "--json"]).expect(0).json();
    assert_eq!(summary["rows"], 0);
    assert_eq!(desk.read("groups.results.csv"), format!("{HEADER}\n"));
    assert_eq!(server.all_posts(), 0);
}

#[test]
fn the_sandbox_inside_needs_no_account_and_remembers_what_it_was_given() {
    let rows = rows(60, 10, 0, 11);
    let desk = Desk::bare().set("TALLYFY_RATE", "none").with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv", "--sandbox"]).expect(0);
    let made = desk.results("groups.sandbox.results.csv").iter().filter(|line| line.status == "created").count();
    assert_eq!(made, good_names(&rows).len());
    desk.run(&["import", "groups.csv", "--sandbox"]).expect(0);
    let again = desk.results("groups.sandbox.results.csv");
    assert_eq!(again.iter().filter(|line| line.status == "exists").count(), made);
}

#[test]
fn what_the_dry_run_forecasts_is_what_the_import_takes() {
    let server = Server::calm();
    for number in 0..250 {
        server.plant(&format!("old-{number}"), &format!("Old {number}"));
    }
    let row = |number: u32| format!("G{number},guest{number}@a.example;GUEST0@a.example\n");
    let rows: String = (0..40).map(row).collect();
    let desk = Desk::at(&server)
        .set("TALLYFY_RATE", "1000/s")
        .with("groups.csv", format!("name,guests\n{rows}Old 1,old@a.example\n,bad@a.example\n"));
    let lines = desk.run(&["import", "--dry-run", "groups.csv", "--json"]).expect(7).json_lines();
    let forecast = &lines[lines.len() - 1]["forecast"];
    let expected = serde_json::json!({"requests": 44, "seconds": 0.043, "guests": 40, "guest_quota_seconds": 3600.0});
    assert_eq!(forecast, &expected);
    let plan = desk.run(&["import", "--dry-run", "groups.csv"]).expect(7);
    assert!(plan.stdout.contains("\n  44 requests; about 1 s at 1,000 a second\n  40 new guests: "), "{plan:?}");
    let before = server.requests();
    let outcome = desk.run(&["import", "groups.csv", "--json"]).expect(9);
    assert_eq!(outcome.json()["requests"], 44);
    assert_eq!(server.requests() - before, 44);
    outcome.says("40 requests; about 1 s");
    let done = desk.run(&["import", "--dry-run", "groups.csv", "--json", "--rate", "none"]).expect(7).json_lines();
    let the_list = serde_json::json!({"requests": 3, "seconds": null, "guests": 0, "guest_quota_seconds": 0.0});
    assert_eq!(done[done.len() - 1]["forecast"], the_list);
}

#[test]
fn a_packed_file_is_imported_as_what_is_in_it_and_its_rejects_are_not_packed() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv.gz", gzip(b"name,members\nA,1\nB,x\n"));
    desk.run(&["import", "groups.csv.gz"]).expect(9);
    assert_eq!(desk.files(), ["groups.csv.gz", "groups.journal", "groups.rejects.csv", "groups.results.csv"]);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "invalid"]);
    assert!(desk.read("groups.rejects.csv").starts_with("\u{feff}name,members,_error\nB,x,"));
}
