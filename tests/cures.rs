//! `validate`: its messages are enough to fix a file.

use crate::support::{Desk, Server, places};

#[test]
fn a_quote_that_closes_too_late_is_reported_at_the_line_it_opens_on() {
    let header = "name,description,members,guests\n";
    let swallowed = "A,\"The A team,1001,a@x.example\nB,pipe 5\",1002,b@x.example\nC,c,1003,c@x.example\n";
    let desk = Desk::bare()
        .with("late.csv", format!("{header}{swallowed}"))
        .with("closed.csv", "name,description\n\"A,a\nB,b\nC,\"c, d\"\n")
        .with("text.csv", format!("{header}A,\"one, two\nthree\",1,\n"));
    let late = desk.run(&["validate", "late.csv"]).expect(0).stdout;
    let expected = "late.csv:2: warning: a quoted cell that ends on line 3 contains what looks like rows; does its quote close too late? [quote-late]";
    assert!(late.starts_with(expected), "{late}");
    desk.run(&["validate", "late.csv", "--strict"]).expect(7);
    let closed = desk.run(&["validate", "closed.csv"]).expect(7).stdout;
    let expected = "closed.csv:2: error: name: the quote that opens on line 2 closes only on line 4, before `c`; close it on line 2 [row-malformed]";
    assert!(closed.starts_with(expected), "{closed}");
    assert_eq!(desk.found(&["text.csv"]), []);
}

#[test]
fn a_flawed_header_does_not_hide_the_problems_of_the_rows() {
    let desk = Desk::bare()
        .with("misspelt.csv", "name,membrs,members of,guest,guest\nA,x,,nobody,\n")
        .with("titled.csv", "Our teams,,\n,,\nName;x;y\nname,description,members\nA,d,x\n");
    assert_eq!(
        desk.found(&["misspelt.csv"]),
        places(&[
            (1, "column-misspelt"),
            (1, "column-misspelt"),
            (1, "column-repeated"),
            (2, "member-invalid"),
            (2, "guest-invalid")
        ])
    );
    assert_eq!(desk.found(&["titled.csv"]), places(&[(1, "header-missing"), (5, "member-invalid")]));
    desk.run(&["validate", "titled.csv"]).expect(2).says("the header is on line 4; use --skip-lines 3");
    desk.run(&["validate", "titled.csv", "--fix", "clean.csv"]).expect(2);
    assert_eq!(desk.files(), ["misspelt.csv", "titled.csv"]);
}

#[test]
fn columns_are_recognized_by_their_names_alone() {
    let rows = "Vertrieb,1001;1002,a@x.example\nEinkauf,1003,\n";
    let desk = Desk::bare()
        .with("all.csv", format!("Gruppe,Mitglieder Neu,Extern\n{rows}"))
        .with("some.csv", format!("Name,Mitglieder,Externe Adressen\n{rows}"));
    let refused = desk.run(&["validate", "all.csv"]).expect(2);
    assert!(
        refused.stderr.contains("--map members='Mitglieder Neu', or --ignore 'Mitglieder Neu' [column-misspelt]"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("Extern"), "nothing is suggested from what cells contain: {}", refused.stderr);
    let text = desk.run(&["validate", "some.csv"]).expect(0).stdout;
    assert!(text.contains("note: column `Mitglieder` is used as `members` [column-used]"), "{text}");
    assert!(text.contains("ignored: Externe Adressen [column-unknown]"), "{text}");
}

#[test]
fn a_row_inside_a_quoted_cell_is_distinguished_from_text_of_several_lines() {
    let header = "name,description,members,guests\n";
    for (row, is_reported) in [
        ("A,\"The A team,1001,a@x.example\nit sells,a lot\nB,pipe 5\",1002,b@x.example\n", true),
        ("A,x,1,\"a@x.example\nB,y,2,b@y.example\"\n", true),
        ("A,x,\"1001\nB,y,2,b@y.example\nC,z,3\",\n", false),
        ("A,\"Sells, and serves\nAmericas, EMEA\",1001,\n", false),
        ("A,\"one\ntwo, three\",1001,\n", false),
    ] {
        let desk = Desk::bare().with("groups.csv", format!("{header}{row}"));
        let found = desk.found(&["groups.csv"]);
        assert_eq!(found.iter().any(|(_, code)| code == "quote-late"), is_reported, "{row}: {found:?}");
    }
    let desk = Desk::bare().with("two.csv", "name,members\nA,\"1001\nB,1002\nC,1003\"\n");
    assert!(desk.found(&["two.csv"]).contains(&(2, "member-invalid".to_owned())));
}

#[test]
fn equal_problems_of_consecutive_rows_have_a_line_each() {
    let desk = Desk::bare().with("groups.csv", "name,description\n,x\n,x\n,x\nA,x\n,x\nB\nC\n");
    let text = desk.run(&["validate", "groups.csv"]).expect(7).stdout;
    let lines: Vec<&str> = text.lines().take(5).collect();
    assert_eq!(
        lines,
        [
            "groups.csv:2: error: the name is missing [name-missing]",
            "groups.csv:3: error: the name is missing [name-missing]",
            "groups.csv:4: error: the name is missing [name-missing]",
            "groups.csv:6: error: the name is missing [name-missing]",
            "groups.csv:7: error: the row has 1 of 2 cells; delete it if it is a title or a footer, or add a `,` for each empty cell [row-malformed]",
        ]
    );
}

#[test]
fn a_header_inside_a_concatenated_file_is_reported() {
    let rows = "name,description,members\nA,a,1\n\u{feff}name,description,members\nB,b,2\nname,members,description\nC,3,c\nD,d,4name,members,description\nE;e;5,6,7\n{\"name\":\"F\"}\n";
    let desk = Desk::bare().with("groups.csv", rows);
    let text = desk.run(&["validate", "groups.csv"]).expect(7).stdout;
    for part in [
        "groups.csv:3: error: the row repeats the header; remove it",
        "groups.csv:5: error: the row is a header of other columns; put the rows below it into a file of their own",
        "groups.csv:6: error: members: `c` is not a user id",
        "groups.csv:9: error: the line is JSON but the file is CSV",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let glued = Desk::bare()
        .with("groups.csv", "name,members,guests\nA,1,\nB,1,a@b.example\u{feff}name,guests,members\nC,,2\n");
    assert!(
        glued.run(&["validate", "groups.csv"]).expect(7).stdout.contains("groups.csv:3: error: the row has 5 cells")
    );
}

#[test]
fn every_bad_entry_of_a_cell_has_a_line_that_says_what_to_do() {
    let rows = "name,description,members,guests\nA,x,'1;'2,\nB,x,,\"Ada L. <ada@b.example>; Bob <bob@b.example>\"\nC,x,a;1001.0,\n";
    let desk = Desk::bare().with("groups.csv", rows);
    let text = desk.run(&["validate", "groups.csv"]).expect(7).stdout;
    let lines: Vec<&str> = text.lines().take(5).collect();
    assert_eq!(
        lines,
        [
            "groups.csv:2: error: members: `'1` is not a user id (a positive whole number) or an e-mail address; remove the apostrophe [member-invalid]",
            "groups.csv:2: error: members: `'2` is not a user id (a positive whole number) or an e-mail address; remove the apostrophe [member-invalid]",
            "groups.csv:3: error: guests: remove the names beside the addresses: `ada@b.example;bob@b.example` [guest-invalid]",
            "groups.csv:4: error: members: `a` is not a user id (a positive whole number) or an e-mail address [member-invalid]",
            "groups.csv:4: error: members: `1001.0` is not a user id (a positive whole number) or an e-mail address; ids have digits only, without a decimal point or thousands separator [member-invalid]",
        ]
    );
}

#[test]
fn a_repeat_that_adds_nothing_is_a_note() {
    let rows = "name,description,members,guests\nA,x,1;2,a@b.example\nA,,,A@B.example\nA,y,3,\n";
    let desk = Desk::bare().with("groups.csv", rows);
    let text = desk.run(&["validate", "groups.csv"]).expect(0).stdout;
    assert!(text.contains("groups.csv:3: note: repeats the name of groups.csv:2 and adds nothing"), "{text}");
    assert!(text.contains("groups.csv:4: warning: repeats the name of groups.csv:2 but differs in description and members; only the first row counts"), "{text}");
    let merged = desk.run(&["validate", "groups.csv", "--on-duplicate", "merge"]).expect(0).stdout;
    assert!(
        merged.contains("groups.csv:4: warning: the description differs from that of groups.csv:2, which is used"),
        "{merged}"
    );
}

#[test]
fn a_cleaned_copy_that_is_not_written_is_reported() {
    let desk = Desk::bare().with("groups.csv", "name,descripton\nA,x\n");
    desk.run(&["validate", "groups.csv", "--fix", "clean.csv"]).expect(2).says("no cleaned copy was written");
    assert_eq!(desk.files(), ["groups.csv"]);
}

#[test]
fn a_long_first_line_is_not_a_header() {
    let desk = Desk::bare()
        .with("dots.csv", "a.".repeat(40_000))
        .with("marks.csv", "!\"#$%&'()*+/:<=>?@[]^`{}~".repeat(2_000))
        .with("brackets.csv", "(".repeat(200_000) + &")".repeat(200_000));
    for (name, arguments) in
        [("dots.csv", &[][..]), ("dots.csv", &["--delimiter", ";"]), ("marks.csv", &[]), ("brackets.csv", &[])]
    {
        desk.run(&[&["validate", name][..], arguments].concat()).expect(2).says("[header-");
    }
}

#[test]
fn an_empty_file_is_reported_in_any_encoding() {
    let desk = Desk::bare().with("empty.csv", "").with("mark.csv", b"\xff\xfe");
    for encoding in ["utf-8", "windows-1252", "utf-16le", "shift_jis"] {
        for name in ["empty.csv", "mark.csv"] {
            desk.run(&["validate", name, "--encoding", encoding]).expect(2).says(name);
        }
    }
}

#[test]
fn a_title_that_is_also_a_fields_name_is_a_title() {
    for rows in ["name,2024\nname,description,members\na,b,x\n", "name\nname,description,members\na,b,x\n"] {
        let desk = Desk::bare().with("groups.csv", rows);
        assert_eq!(desk.found(&["groups.csv"]), places(&[(1, "header-missing"), (3, "member-invalid")]), "{rows}");
    }
    let narrow = Desk::bare().with("groups.csv", "name\na\nname\nNAME\n");
    assert_eq!(narrow.found(&["groups.csv", "--default-description", "x"]), places(&[(3, "row-malformed")]));
    let marked = Desk::bare().with("groups.csv", "Teams\n\u{feff}name,members\na,1\n");
    assert_eq!(marked.found(&["groups.csv", "--default-description", "x"]), places(&[(1, "header-missing")]));
}

#[test]
fn ordinary_files_raise_no_alarm() {
    let desk = Desk::bare()
        .with("kinds.csv", "name,kind\nSales,team\nGuests,member\n")
        .with("words.csv", "name,description,slug\nGuests,Guests,guests\nName,Members,members\n")
        .with("bars.csv", "name,description\nSales | EMEA,Europe\nOps,\"Sells to\n1,000 customers\"\n")
        .with("names.csv", "name,description\n4000-10-200,x\n9 Mars,x\nM&Ms; sweets,x\nTotal Rewards,x\n24/7,x\n");
    for name in ["kinds.csv", "words.csv", "bars.csv", "names.csv"] {
        let found = desk.found(&[name, "--default-description", "x"]);
        assert!(found.iter().all(|(_, code)| code == "column-unknown"), "{name}: {found:?}");
    }
    let two = Desk::bare().with("a.csv", "name\nA\n").with("b.csv", "name\nB\n");
    assert!(two.found(&["--limit", "1", "a.csv", "b.csv", "--default-description", "x"]).is_empty());
}

#[test]
fn another_header_among_the_rows_stays_broken_in_the_rejects() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,slug,kind\nA,a,x\nguests,members,name\n");
    desk.run(&["import", "groups.csv"]).expect(9);
    desk.run(&["import", "groups.rejects.csv"]).expect(9);
    assert_eq!(server.groups().len(), 1);
}
