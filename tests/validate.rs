//! `validate`: every problem, its place, its cure, for people, editors, scripts and pull requests.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::support::{Desk, Server, gzip, places, utf16, wait_for};
use serde_json::Value;

const MANY: &str = "\
name,description,members,guests,extra
Sales,one,1;2,a@b.example,
sales,one,2;1,A@B.EXAMPLE,
Sales,two,1,a@b.example,
Field Ops,x,ada@b.example;abc;0,1001;nobody,
Field-Ops,x,1;1,a@b.example;A@b.example,
S\u{430}les,x,,,
=cmd,x,,,
Double  Space,x,,,
Zero\u{200b}Width,x,,,
,,,,
\" \",x,99999999999999999999,,
Tab\tbed,\u{1},,,
too,few
The \"A\" Team,x,,,
\"The \"\"B\"\" Team\",x,,,
\"The \"C\" Team\",x,,,
Undescribed,,,,
";

#[test]
fn all_problems_of_all_rows_are_found_in_one_pass() {
    let desk = Desk::bare().with("groups.csv", MANY);
    assert_eq!(
        desk.found(&["groups.csv"]),
        places(&[
            (3, "name-repeated"),
            (4, "name-repeated"),
            (5, "member-invalid"),
            (5, "member-invalid"),
            (5, "guest-invalid"),
            (5, "guest-invalid"),
            (6, "member-repeated"),
            (6, "guest-repeated"),
            (7, "name-confusable"),
            (10, "name-invalid"),
            (12, "name-missing"),
            (12, "member-invalid"),
            (13, "name-invalid"),
            (13, "description-invalid"),
            (14, "row-malformed"),
            (17, "row-malformed"),
            (0, "row-blank"),
            (0, "column-unknown"),
            (0, "description-missing"),
        ])
    );
}

#[test]
fn warnings_count_only_if_asked_to() {
    let desk = Desk::bare().with("groups.csv", "name,description\nNULL,x\n");
    let outcome = desk.run(&["validate", "groups.csv"]).expect(0);
    assert!(
        outcome.stdout.starts_with("groups.csv:2: warning: the name `NULL` is a placeholder"),
        "{}",
        outcome.stdout
    );
    desk.run(&["validate", "groups.csv", "--strict"]).expect(7);
    let desk = Desk::bare().with("groups.csv", "name,description\nA,x\na,x\n");
    desk.run(&["validate", "groups.csv", "--strict"]).expect(0).says("");
    let desk = Desk::bare().with("groups.csv", "name,description\nA,x\na,y\n");
    desk.run(&["validate", "groups.csv"]).expect(0);
    desk.run(&["validate", "groups.csv", "--strict"]).expect(7);
}

#[test]
fn a_repeat_says_which_row_it_repeats_and_in_what_it_differs() {
    let desk = Desk::bare()
        .with("one.csv", "name,members,guests\nA,1,\nB,1;2,\n")
        .with("two.csv", "name,members,guests\n b,2;1,\na,2,x@y.example\n");
    let text = desk.run(&["validate", "one.csv", "two.csv"]).expect(0).stdout;
    for part in [
        "two.csv:2: note: repeats the name of one.csv:3 with the same contents [name-repeated]",
        "two.csv:3: warning: repeats the name of one.csv:2 but differs in members and guests; only the first row counts",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let merged = desk.run(&["validate", "one.csv", "two.csv", "--on-duplicate", "merge"]).expect(0).stdout;
    assert!(merged.contains("\n  merged             1\n"), "{merged}");
    let failed = desk.run(&["validate", "one.csv", "two.csv", "--on-duplicate", "fail"]).expect(7).stdout;
    assert!(
        failed.contains(
            "two.csv:3: error: repeats the name of one.csv:2 but differs in members and guests [name-repeated]"
        )
    );
}

#[test]
fn a_key_is_of_one_group_and_a_group_has_one_key() {
    let one = "key,name,description\nK1,Sales,x\nK2,Support,x\n,Ops,x\n";
    let two = "key,name,description\n K2 ,Helpdesk,x\nK3,sales,x\nK1,SALES,x\nK4,Ops,x\nK5,Helpdesk,x\n";
    let desk = Desk::bare().with("one.csv", one).with("two.csv", two);
    let text = desk.run(&["validate", "one.csv", "two.csv"]).expect(7).stdout;
    for part in [
        "two.csv:2: error: key: one.csv:3 has the same key and another name; a key is of one group [key-repeated]",
        "two.csv:3: error: key: one.csv:2 has the same name and another key; if they are two groups, rename one [key-repeated]",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(text.matches("[key-repeated]").count(), 2, "{text}");
    desk.run(&["validate", "one.csv", "two.csv", "--ignore", "key"]).expect(0);
    let json = "{\"name\": \"A\", \"key\": 7}\n{\"name\": \"B\", \"key\": \"7\"}\n{\"name\": \"C\", \"key\": [7]}\n";
    let desk = Desk::bare().with("groups.jsonl", json);
    let mut found = desk.found(&["groups.jsonl"]);
    found.retain(|(line, _)| *line > 0);
    assert_eq!(found, places(&[(2, "key-repeated"), (3, "id-invalid")]));
}

#[test]
fn repeats_are_found_across_blocks_each_with_the_line_of_the_first() {
    let (mut file, mut expected) = (String::from("name,description\n"), Vec::new());
    let mut line = 2;
    let mut first = std::collections::HashMap::new();
    for row in 0..40_000_u64 {
        // Numbers that come again now near, now far.
        let number = if row % 7 == 3 { row * row % (row + 1) } else { row * 1_000_003 };
        let _ = writeln!(file, "Group {number}x,\"some words\n on two lines {}\"", row % 3);
        match first.get(&number) {
            Some(earlier) => expected.push((line, format!("groups.csv:{earlier}"))),
            None => {
                first.insert(number, line);
            }
        }
        line += 2;
    }
    assert!(file.len() > 1_500_000 && expected.len() > 1000, "{} {}", file.len(), expected.len());
    let desk = Desk::bare().with("groups.csv", &file).with("packed.csv.gz", gzip(file.as_bytes()));
    for (arguments, name) in [
        (["validate", "--json", "groups.csv"], "groups.csv"),
        (["validate", "--json", "packed.csv.gz"], "packed.csv.gz"),
    ] {
        let lines = desk.run(&arguments).expect(0).json_lines();
        let repeats = lines.iter().filter(|line| line["code"] == "name-repeated");
        let told: Vec<(u64, String)> = repeats
            .map(|line| {
                let message = line["message"].as_str().unwrap().strip_prefix("repeats the name of ").unwrap();
                let first = message.split(' ').next().unwrap().replace(name, "groups.csv");
                (line["line"].as_u64().unwrap(), first)
            })
            .collect();
        assert!(told == expected, "{name}");
        let totals = &lines[lines.len() - 1];
        assert_eq!((&totals["rows"], &totals["duplicate"]), (&40_000.into(), &expected.len().into()));
        assert_eq!(totals["codes"]["name-repeated"], expected.len(), "warnings and notes together");
    }
}

#[test]
fn what_is_found_is_the_same_from_a_file_a_pipe_and_a_packed_or_utf_16_file() {
    let desk = Desk::bare()
        .with("groups.csv", MANY)
        .with("packed.csv.gz", gzip(MANY.as_bytes()))
        .with("packed.csv.zst", zstd::encode_all(MANY.as_bytes(), 3).unwrap())
        .with("wide.csv", utf16(&format!("\u{feff}{MANY}")))
        .with("crlf.csv", MANY.replace('\n', "\r\n"))
        .with("cr.csv", MANY.replace('\n', "\r"));
    let expected = desk.found(&["groups.csv"]);
    for name in ["packed.csv.gz", "packed.csv.zst", "wide.csv", "crlf.csv", "cr.csv"] {
        assert_eq!(desk.found(&[name]), expected, "{name}");
    }
    let piped = desk.run_over(MANY, &["validate", "--json", "-"]).expect(7).json_lines();
    assert_eq!(piped.iter().filter(|line| line["code"].is_string()).count(), expected.len());
}

#[test]
fn people_see_twenty_of_a_kind_and_the_rest_counted() {
    let rows = "A,x\nB,1\n".repeat(1000);
    let desk = Desk::bare().with("groups.csv", format!("name,members\n{rows}"));
    let text = desk.run(&["validate", "groups.csv"]).expect(7).stdout;
    assert_eq!(text.matches("[member-invalid]").count(), 20);
    assert!(
        text.contains("error    member-invalid             1,000   first: groups.csv:2, the first 20 shown"),
        "{text}"
    );
    assert!(text.contains("--all shows every problem"));
    let all = desk.run(&["validate", "groups.csv", "--all"]).expect(7).stdout;
    assert_eq!(all.matches("[member-invalid]").count(), 1000);
    assert!(!all.contains("--all"));
    let json = desk.run(&["validate", "groups.csv", "--json"]).expect(7).json_lines();
    assert_eq!(json.iter().filter(|line| line["code"] == "member-invalid").count(), 1000);
    assert_eq!(json[json.len() - 1]["codes"]["member-invalid"], 1000);
}

#[test]
fn every_code_that_is_told_is_explained() {
    let desk = Desk::bare().with("groups.csv", MANY);
    let mut codes: Vec<String> = desk.found(&["groups.csv"]).into_iter().map(|(_, code)| code).collect();
    codes.sort();
    codes.dedup();
    for code in &codes {
        let text = desk.run(&["validate", "--explain", code]).expect(0).stdout;
        assert!(text.starts_with(&format!("{code}\n\n")) && text.len() > 120, "{text}");
    }
    desk.run(&["validate", "--explain", "[Name-Missing]"]).expect(0);
    desk.run(&["validate", "--explain", "name-odd"]).expect(2).says("name-missing");
    desk.run(&["validate"]).expect(2);
}

#[test]
fn what_windows_calls_ansi_is_windows_1252() {
    let desk = Desk::bare().with("groups.csv", b"name\nB\xfcro\nSt\xe4dte\n");
    desk.run(&["validate", "groups.csv"]).expect(2).says("byte 0xFC is not UTF-8");
    for name in ["ANSI", "latin-1", "windows-1252"] {
        desk.run(&["validate", "groups.csv", "--encoding", name]).expect(0);
    }
}

#[test]
fn a_list_of_people_is_no_list_of_groups_whatever_its_columns_are_called() {
    for (rows, part) in [
        ("Name;Dienstliche E-Mail;Abteilung\nAda;ada@acme.example;Bau\n", "--map member='Dienstliche E-Mail'"),
        ("Vorname;Nachname;E-Mail;Abteilung\nAda;L;ada@acme.example;Bau\n", "--map member=E-Mail"),
        ("Team,Lead\nOps,ada@acme.example\nLaw,\n", "--map member=Lead"),
        ("member of,name,names\n,Ada,Ops\n", "names"),
    ] {
        let desk = Desk::bare().with("g.csv", rows);
        desk.run(&["validate", "g.csv"]).expect(2).tells(part);
    }
    let desk = Desk::bare().with("g.csv", "Team,Lead\nOps,ada@acme.example\n");
    desk.run(&["validate", "g.csv", "--ignore", "Lead"]).expect(0);
    for (object, part) in [
        (r#"{"name":"Ada","email":"ada@acme.example","state":"ACTIVE"}"#, "--map member=email"),
        (r#"{"name":"Ada","contact":"ada@acme.example"}"#, "--map member=contact"),
        (r#"{"names":["Ops","Law"],"title":"x"}"#, "no column holds the person"),
        (r#"{"name":"Ops","members":[{"id":5,"address":"ada@acme.example"}]}"#, "under another key"),
    ] {
        let desk = Desk::bare().with("g.jsonl", object);
        desk.run(&["validate", "g.jsonl"]).expect(7).tells(part);
    }
    let desk = Desk::bare().with("g.jsonl", r#"{"name":"Ops","member":1001}"#);
    desk.run(&["validate", "g.jsonl"]).expect(0);
}

#[test]
fn a_list_of_which_only_a_page_is_there_is_a_warning() {
    for text in [
        r#"{"name":"Ops","members":["a@b.example"],"members@odata.nextLink":"https://x"}"#,
        r#"{"groups":[{"name":"Ops"}],"next_page":"https://x"}"#,
        r#"{"groups":[{"name":"Ops"}],"more":true}"#,
    ] {
        Desk::bare().with("g.json", text).run(&["validate", "g.json"]).expect(0).tells("[file-paged]");
    }
}

#[test]
fn of_columns_that_differ_in_case_the_mapped_one_is_used_as_it_was_typed() {
    let desk = Desk::bare().with("g.csv", "name,Name,members,members\nA,B,1,2\n");
    let told = desk.run(&["validate", "g.csv", "--map", "name=Name"]).expect(2).stderr;
    assert!(told.contains("rename one in the file") && !told.contains("`name`"), "{told}");
}

#[test]
fn problems_are_annotations_for_github() {
    let desk = Desk::bare().with("groups,1.csv", "name,Member-s\nA,\"x,\ny\"\n");
    let text = desk.run(&["validate", "groups,1.csv", "--format-problems", "github"]).expect(7).stdout;
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        "::error file=groups%2C1.csv,line=2,title=member-invalid::members: `x` is not a user id (a positive whole number) or an e-mail address (column `Member-s`)"
    );
    desk.run(&["validate", "groups,1.csv", "--format-problems", "github", "--json"]).expect(2);
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_problems_of_the_others() {
    let long = "x".repeat(400);
    let long_rows = (0..2000).fold(String::new(), |rows, row| rows + &format!("A{row}x,{long}\n"));
    let desk = Desk::bare()
        .with("one.csv", "name,nmae,descripton,guests,Guests\nA,,,,\n")
        .with("two.csv", "name,members\nA,x\n")
        .with("three.csv", [&b"name,x\n"[..], long_rows.as_bytes(), b"Caf\xe9,\nB,\n"].concat());
    let outcome = desk.run(&["validate", "one.csv", "two.csv", "three.csv"]).expect(2);
    assert!(outcome.stdout.contains("two.csv:2: error: members: `x` is not a user id"), "{}", outcome.stdout);
    for part in [
        "one.csv:1: ",
        "descripton",
        "several columns hold `guests`: `guests`, `Guests`; choose with --map",
        "three.csv:2002:4: byte 0xE9 is not UTF-8",
    ] {
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
    let missing = desk.run(&["validate", "--json", "nowhere.csv", "two.csv"]).expect(2).json_lines();
    assert_eq!((&missing[0]["code"], &missing[1]["code"]), (&"file-unreadable".into(), &"member-invalid".into()));
    let json = desk.run(&["validate", "--json", "one.csv", "three.csv"]).expect(2).json_lines();
    let problems: Vec<(&Value, &Value, &Value)> = json
        .iter()
        .filter(|line| line["type"] == "problem")
        .map(|line| (&line["code"], &line["line"], &line["column"]))
        .collect();
    let text = |text: &'static str| Value::from(text);
    assert_eq!(
        problems,
        [
            (&text("column-misspelt"), &1.into(), &Value::Null),
            (&text("column-misspelt"), &1.into(), &Value::Null),
            (&text("column-repeated"), &1.into(), &Value::Null),
            (&text("encoding-unknown"), &2002.into(), &4.into()),
        ]
    );
}

#[test]
fn a_bomb_and_a_foreign_file_are_refused_at_once() {
    let desk = Desk::bare()
        .with("bomb.csv.gz", gzip(format!("name,x\n{}", format!("{}\n", " ".repeat(1_000_000)).repeat(70)).as_bytes()))
        .with("book.csv", b"PK\x03\x04\x14\0\x06\0")
        .with("cut.csv.gz", &gzip(MANY.as_bytes())[..60]);
    desk.run(&["validate", "bomb.csv.gz"]).expect(2).says("unpacks to more than 200 times its size");
    desk.run(&["validate", "book.csv"])
        .expect(2)
        .says("a ZIP archive or workbook")
        .says("open it in a spreadsheet program and save it again");
    desk.run(&["validate", "cut.csv.gz"]).expect(2).says("the gzip data is damaged or cut off");
}

#[test]
fn limit_looks_at_no_row_beyond_it() {
    let rows = "A,x\n".repeat(60_000);
    let desk = Desk::bare().with("groups.csv", format!("name,members\n{rows}"));
    for limit in ["0", "7", "50000"] {
        let lines = desk.run(&["validate", "groups.csv", "--json", "--limit", limit]).json_lines();
        assert_eq!(lines[lines.len() - 1]["rows"].to_string(), limit);
    }
}

#[test]
fn nobody_waits_for_a_pipe_of_which_no_more_is_wanted() {
    let desk = Desk::bare();
    let mut running = desk.start(&["validate", "--json", "--limit", "1", "-"]);
    // More than is looked at in one go, and no end.
    let rows = "A,x\n".repeat(200_000);
    let _ = running.input().write_all(format!("name,members\n{rows}").as_bytes());
    wait_for("the end", || running.has_ended().then_some(()));
    let lines = running.end().expect(7).json_lines();
    assert_eq!(lines[lines.len() - 1]["rows"], 1);
}

/// The columns that spreadsheets and other systems write, recognized in an import: the group has its members and guests.
#[test]
fn common_headers_give_groups_with_their_members_and_guests() {
    let row = "Sales,Sells,1001;1002,ann@partner.example\n";
    for (header, uses) in [
        ("Name*,Description,Members (IDs),Guests (e-mail)", 3),
        ("Group Name (required),Description (optional),Members,Guest Emails", 3),
        ("Name,Description,User IDs,External e-mail addresses", 2),
        ("Group name [displayName],Description [description],Member IDs [memberIds],Guest e-mail [guestMail]", 4),
        ("Name;Beschreibung;Mitglieder;Gäste", 3),
    ] {
        let delimiter = if header.contains(';') { ";" } else { "," };
        let server = Server::calm();
        let desk = Desk::at(&server)
            .with("groups.csv", format!("{header}\n{}", row.replace(';', " ").replace(',', delimiter)));
        let outcome = desk.run(&["import", "-v", "groups.csv"]).expect(0);
        assert_eq!(outcome.stderr.matches("[column-used]").count(), uses, "{}", outcome.stderr);
        let group = server.group("Sales");
        assert_eq!(
            (group.members.as_slice(), group.guests.as_slice()),
            (&[1001, 1002][..], &["ann@partner.example".to_owned()][..])
        );
        assert_eq!(group.description.as_deref(), Some("Sells"));
    }
}

#[test]
fn ids_are_read_as_they_are_written_or_not_at_all() {
    let rows = "name,members\nA,\"1,234\"\nB,\"12,345\"\nC,\"1,234;2,345\"\nF,1 234;5 678\nI,\"1001, 1002\"\nJ,\"10,123\"\n\
        K,1.234\nL,1001;;1002;\nM,\"[1001, 1002]\"\nN,\"['1001', '1002']\"\nO,\"[\"\"1001\"\",\"\"1002\"\"]\"\nT,1001-1005\n\
        W,\"1001\n1002\"\nX,\"\u{202a}1001\u{202c};\u{200b}1002\"\nY,007\n";
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", rows);
    desk.run(&["import", "groups.csv"]).expect(9);
    assert_eq!(server.names(), ["I", "L", "M", "N", "O", "W", "X"]);
    assert!(server.groups().iter().all(|group| group.members == [1001, 1002]), "{:?}", server.groups());
    let codes = desk.results("groups.results.csv").into_iter().filter_map(|line| line.error_code);
    assert!(codes.eq(std::iter::repeat_n("member-invalid".to_owned(), 8)));
}

#[test]
fn empty_columns_and_rows_at_the_end_are_ignored_with_a_note() {
    let desk = Desk::bare()
        .with("columns.csv", "name,description,members,guests,,,\nOps,Runs it,1001,a@b.example,,,\n,,,,,,\n,,,,,,\n")
        .with("rows.csv", "name,description,members,guests\nOps,Runs it,1001,a@b.example\n\n   \n\t\n ,,,\n");
    for name in ["columns.csv", "rows.csv"] {
        assert_eq!(desk.found(&[name]), places(&[(0, "row-blank")]));
        desk.run(&["validate", "--strict", name, "--fix", "clean.csv"]).expect(0);
        assert_eq!(desk.read("clean.csv").lines().count(), 2, "{}", desk.read("clean.csv"));
    }
}

#[test]
fn a_comma_without_quotes_is_told_from_surplus_empty_cells() {
    let desk = Desk::bare()
        .with("groups.csv", "name,description,members,guests\nOps, Core,,,\nOps,Core,,,\nA,\u{201c}b, c\u{201d},1,\n");
    let text = desk.run(&["validate", "groups.csv"]).expect(7).stdout;
    for part in [
        "groups.csv:2: error: the row has 5 cells but the header has 4; put quotes around a cell that contains a `,` [",
        "groups.csv:3: error: the row has 5 cells but the header has 4; put quotes around a cell that contains a `,`, or remove the surplus `,` at its end if no cell does",
        "put quotes around a cell that contains a `,`; only straight double quotes count",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
