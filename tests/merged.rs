//! Rows of persons: one group for all rows of a name, a status for each row, and what is left out.

use std::time::Duration;

use serde_json::json;

use crate::support::{Desk, Server, statuses};
use tallyfy_groups::sandbox::{Options, SandboxUser};

/// An organization with the users 1001 to 1020.
fn acme(faults: &str) -> Server {
    Server::start(Options { users: 20, ..Options::default() }, faults)
}

fn address(id: u64) -> String {
    format!("user{id}@members.example")
}

#[test]
fn rows_of_one_name_become_one_group_and_only_a_bad_persons_row_is_invalid() {
    let server = acme("");
    let rows = "group,member,guest\n\
        Ops,nobody@members.example,\n\
        Ops,USER1001@members.example,\n\
        Dev,1003,\n\
        Ops,1002,fran@partner.example\n\
        ops,1001,\n\
        Law,gone@members.example,\n\
        Ops,1002,fran@partner.example\n\
        Empty,,\n";
    let desk = Desk::at(&server).with("groups.csv", rows);
    let summary = desk.run(&["import", "groups.csv", "--json"]).expect(9).json();
    let lines = desk.results("groups.results.csv");
    let expected = ["invalid", "created", "created", "merged", "merged", "invalid", "duplicate", "created"];
    assert_eq!(statuses(&lines), expected);
    assert_eq!(summary["statuses"]["merged"], 2);
    let ops = server.group("Ops");
    assert_eq!((ops.members, ops.guests), (vec![1001, 1002], vec!["fran@partner.example".to_owned()]));
    assert!(server.group("Empty").members.is_empty());
    let told = |row: usize| (lines[row].group_id.as_deref(), lines[row].duplicate_of.as_deref(), lines[row].attempts);
    assert_eq!((told(0), told(1)), ((None, None, 0), (Some(ops.id.as_str()), None, 1)));
    assert_eq!((told(3), told(6)), ((Some(ops.id.as_str()), Some("2"), 0), (Some(ops.id.as_str()), Some("4"), 0)));
    assert_eq!(lines[5].error_code.as_deref(), Some("member-unknown"));
    assert_eq!(server.all_posts(), 3);
    let (header, rejects) = desk.table("groups.rejects.csv");
    assert_eq!(header[..3], ["name", "member", "guest"]);
    assert_eq!(rejects.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["Ops", "Law"]);
    desk.run(&["undo", "groups.csv", "--yes"]).expect(0);
    let undone = desk.results("groups.undo.csv");
    assert_eq!(undone.iter().map(|line| line.row).collect::<Vec<_>>(), [2, 3, 8], "{undone:?}");
}

#[test]
fn a_person_who_can_be_found_since_is_added_by_the_next_run_over_the_same_file() {
    let server = acme("");
    let rows = "name,member\nOps,1001\nOps,1002\nOps,new@members.example\n";
    let desk = Desk::at(&server).with("groups.csv", rows);
    desk.run(&["import", "groups.csv"]).expect(9);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "merged", "invalid"]);
    let user = SandboxUser { id: 1040, email: "new@members.example".to_owned(), status: "active".to_owned() };
    server.plant_user(user);
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["updated", "merged", "merged"]);
    assert_eq!((server.group("Ops").members, server.all_posts()), (vec![1001, 1002, 1040], 1));
}

#[test]
fn a_mended_row_is_added_to_the_group_that_this_journal_created_and_nobody_else_is() {
    let server = acme("");
    server.plant("theirs", "Theirs");
    let desk = Desk::at(&server).with("groups.csv", "name,guest\nOps,a@x.example\nOps,nobody\nOps,d@x.example\n");
    desk.run(&["import", "groups.csv"]).expect(9);
    // Somebody is removed in Tallyfy.
    server.meddle("PUT", &server.group("Ops").id, &json!({"guests": ["d@x.example"]}), Duration::ZERO);
    let mended = desk.read("groups.rejects.csv").replace("nobody", "c@x.example") + "Theirs,c@x.example\n";
    desk.write("groups.rejects.csv", mended.clone());
    let dry = desk.run(&["import", "groups.rejects.csv", "--dry-run", "--detailed-exitcode"]).expect(10);
    dry.tells("  ~ update   Ops     guests   +c@x.example\n")
        .tells("1 to update, 1 there already")
        .tells("  4 requests;");
    let plan = desk.run(&["import", "groups.rejects.csv", "--dry-run", "--json"]).expect(0).json();
    let update = &plan["actions"][0];
    assert_eq!(
        (&update["before"]["guests"], &update["after"]["guests"]),
        (&json!(["d@x.example"]), &json!(["d@x.example", "c@x.example"]))
    );
    let before = server.requests();
    desk.run(&["import", "groups.rejects.csv"]).expect(0).says("2 requests;");
    assert_eq!(server.requests() - before, 4, "two lists, and the group is read and changed");
    let lines = desk.results("groups.rejects.results.csv");
    assert_eq!(statuses(&lines), ["updated", "exists"]);
    assert_eq!(lines[0].changes.as_deref(), Some("+guest c@x.example"));
    assert_eq!(server.group("Ops").guests, ["d@x.example", "c@x.example"]);
    assert!(server.group("Theirs").guests.is_empty());
    let whole = desk.read("groups.csv").replace("nobody", "c@x.example");
    desk.write("groups.csv", whole);
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(server.group("Ops").guests, ["d@x.example", "c@x.example"], "who was imported once is not added again");
    desk.run(&["undo", "groups.rejects.csv", "--yes"]).expect(0);
    assert_eq!(server.group("Ops").guests, ["d@x.example"]);
}

#[test]
fn a_mended_row_of_a_run_that_was_cut_off_is_added_too() {
    let server = acme("[[fault]]\nkind = 'error-before'\nmethod = 'POST'\nstatus = 401\nat = [2]");
    let desk = Desk::at(&server).with("groups.csv", "name,guest\nOps,a@x.example\nOps,nobody\nLaw,b@x.example\n");
    desk.run(&["import", "groups.csv", "--concurrency", "1"]).expect(3);
    desk.write("groups.rejects.csv", desk.read("groups.rejects.csv").replace("nobody", "c@x.example"));
    desk.run(&["import", "groups.rejects.csv"]).expect(0);
    assert_eq!(statuses(&desk.results("groups.rejects.results.csv")), ["updated", "created"]);
    assert_eq!(server.group("Ops").guests, ["a@x.example", "c@x.example"]);
}

#[test]
fn a_mended_row_is_added_whatever_file_it_is_of_and_beside_rows_of_lists() {
    let server = acme("");
    let member = |id: u64| json!({"name": "Ops", "member": address(id)}).to_string();
    let desk = Desk::at(&server)
        .with("ops.jsonl", [member(1001), member(1099)].join("\n"))
        .with("lists.csv", "name,members\nLaw,1001\n")
        .with("board.csv", "who,members\nAda,1001\nBob,nobody\nEve,1003\n");
    let both = ["import", "ops.jsonl", "lists.csv", "--journal", "both.journal"];
    desk.run(&both).expect(9);
    desk.write("ops.jsonl", [member(1001), member(1002)].join("\n"));
    desk.write("lists.csv", "name,members\nLaw,1001;1002\n");
    desk.run(&both).expect(0);
    assert_eq!(statuses(&desk.results("ops.results.csv")), ["updated", "merged", "exists"]);
    assert_eq!((server.group("Ops").members, server.group("Law").members), (vec![1001, 1002], vec![1001]));
    let board = |file: &str, code| _ = desk.run(&["import", file, "--name", "Board"]).expect(code);
    board("board.csv", 9);
    desk.write("board.rejects.csv", desk.read("board.rejects.csv").replace("nobody", "1002"));
    board("board.rejects.csv", 0);
    assert_eq!(server.group("Board").members, [1001, 1003, 1002]);
}

#[test]
fn a_group_of_this_journal_to_which_nobody_is_new_is_there_already_and_no_name_that_is_taken() {
    let server = acme("[[fault]]\nkind = 'error-before'\nmethod = 'POST'\nstatus = 401\nat = [2]");
    server.plant("theirs", "Theirs");
    let desk = Desk::at(&server).with("groups.csv", "name,guest\nOps,a@x.example\nOps,b@x.example\nLaw,b@x.example\n");
    desk.run(&["import", "groups.csv", "--concurrency", "1", "--on-existing", "fail"]).expect(3);
    desk.write("groups.csv", "name,guest\nOps,a@x.example\nLaw,b@x.example\nTheirs,a@x.example\n");
    desk.run(&["import", "groups.csv", "--on-existing", "fail"]).expect(9);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["exists", "created", "failed"]);
}

#[test]
fn a_row_that_names_nobody_makes_an_empty_group_and_is_a_warning_where_the_group_has_other_rows() {
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", "name,member\nOps,1001\nOps,\nOps,\nEmpty,\n");
    desk.run(&["import", "groups.csv"]).expect(0);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "merged", "duplicate", "created"]);
    let is_warned = lines.iter().map(|line| line.warnings.as_deref().is_some_and(|told| told.contains("names nobody")));
    assert_eq!(is_warned.collect::<Vec<_>>(), [false, true, true, false]);
}

#[test]
fn a_list_column_with_one_person_per_row_loses_nobody_if_it_is_said_what_it_is() {
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", "name,members\nOps,1001\nOps,1002\nDev,1001\nOps,1003\n");
    let told = desk.run(&["import", "groups.csv", "--dry-run", "-v"]).expect(0).stderr;
    assert_eq!(told.matches("but differs in members; only the first row counts").count(), 2, "{told}");
    for flags in [&["--map", "member=members"][..], &["--on-duplicate", "merge"]] {
        let server = acme("");
        let desk = Desk::at(&server).with("groups.csv", desk.read("groups.csv"));
        desk.run(&[&["import", "groups.csv"][..], flags].concat()).expect(0);
        assert_eq!((server.group("Ops").members, server.group("Dev").members), (vec![1001, 1002, 1003], vec![1001]));
    }
}

#[test]
fn all_rows_under_a_given_name_are_one_group_with_the_people_of_all() {
    let server = acme("");
    let desk = Desk::at(&server).with("groups.csv", "name,members\nOps,1001\nLaw,1002;1003\n");
    desk.run(&["import", "groups.csv", "--name", "Everybody"]).expect(0);
    assert_eq!(server.group("Everybody").members, [1001, 1002, 1003]);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "merged"]);
}

#[test]
fn a_group_that_is_refused_is_refused_for_all_of_its_rows() {
    let server = acme("[[fault]]\nkind = 'error-before'\nmethod = 'POST'\nstatus = 422\n");
    let desk = Desk::at(&server).with("groups.csv", "name,guest\nOps,a@x.example\nOps,b@x.example\nOps,nobody\n");
    desk.run(&["import", "groups.csv"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["failed", "failed", "invalid"]);
    assert_eq!((lines[1].http_status, &lines[1].error), (Some(422), &lines[0].error));
    assert_eq!(desk.table("groups.rejects.csv").1.len(), 3);
    let mended = desk.read("groups.rejects.csv").replace("nobody", "c@x.example");
    desk.write("mended.csv", mended);
    let server = acme("");
    Desk::at(&server).with("mended.csv", desk.read("mended.csv")).run(&["import", "mended.csv"]).expect(0);
    assert_eq!(server.group("Ops").guests, ["a@x.example", "b@x.example", "c@x.example"]);
}

#[test]
fn groups_of_a_person_are_inverted_and_rows_left_out_are_answered() {
    let server = acme("");
    let rows = format!(
        "E-Mail,Groups,Type\n{0},Sales;Ops,user\n{1},Ops,user\nbot@x.example,Ops,bot\n{2},,user\n",
        address(1001),
        address(1002),
        address(1003)
    );
    let desk = Desk::at(&server).with("people.csv", rows);
    let flags = ["--map", "member=E-Mail", "--where", "type=USER"];
    desk.run(&[&["validate", "people.csv"][..], &flags].concat()).expect(0);
    let plan = desk.run(&[&["import", "people.csv", "--dry-run"][..], &flags].concat()).expect(0).stdout;
    assert!(
        plan.contains("+ create   Ops    2 members\n") && plan.contains("2 to create, 1 merged, 2 left out\n"),
        "{plan}"
    );
    desk.run(&[&["import", "people.csv"][..], &flags].concat()).expect(0);
    let lines = desk.results("people.results.csv");
    let told: Vec<(u64, &str, &str)> =
        lines.iter().map(|line| (line.row, line.name.as_str(), line.status.as_str())).collect();
    let expected = [
        (1, "Sales", "created"),
        (1, "Ops", "created"),
        (2, "Ops", "merged"),
        (3, "Ops", "excluded"),
        (4, "", "excluded"),
    ];
    assert_eq!(told, expected);
    assert_eq!(server.group("Ops").members, [1001, 1002]);
}

#[test]
fn a_blank_name_between_others_is_ignored_with_one_warning() {
    for (file, text) in [
        ("g.csv", "names,member\nSales;;Ops;,a@b.example\n"),
        ("g.json", r#"{"names":["Sales",null,"Ops"],"member":"a@b.example"}"#),
    ] {
        let told = Desk::bare().with(file, text).run(&["validate", file]).expect(0).stdout;
        assert_eq!(told.matches("names: blank entries are ignored: 1").count(), 1, "{told}");
    }
}

#[test]
fn one_group_of_all_rows_has_the_name_that_is_given() {
    let server = acme("");
    let rows = format!("Name,Email\nAda,{}\nBob,{}\nEve,eve@members.example\n", address(1001), address(1002));
    let desk = Desk::at(&server).with("Board.csv", &rows).with("Other.csv", &rows);
    desk.run(&["import", "Board.csv"]).expect(2).says("looks like a list of people");
    assert_eq!(server.all_posts(), 0);
    desk.run(&["import", "Board.csv", "--name", "The Board", "--map", "member=Email"]).expect(9);
    assert_eq!(server.group("The Board").members, [1001, 1002]);
    desk.run(&["import", "Other.csv", "--name-from", "file", "--map", "member=Email"]).expect(9);
    assert_eq!(server.group("Other").members, [1001, 1002]);
    let user = SandboxUser { id: 1050, email: "eve@members.example".to_owned(), status: "active".to_owned() };
    server.plant_user(user);
    desk.run(&["import", "Other.rejects.csv", "--name-from", "file", "--map", "member=Email"]).expect(0);
    assert_eq!(statuses(&desk.results("Other.rejects.results.csv")), ["updated"], "and not Other.rejects");
}

#[test]
fn a_group_of_many_rows_takes_one_request_and_each_row_is_answered() {
    let server = acme("");
    let rows: Vec<String> = (0..3000).map(|row| format!("G{},{}\n", row % 7, 1001 + row % 20)).collect();
    let desk = Desk::at(&server).with("groups.csv", format!("name,member\n{}", rows.concat()));
    desk.run(&["import", "groups.csv"]).expect(0);
    let lines = desk.results("groups.results.csv");
    let count = |status: &str| lines.iter().filter(|line| line.status == status).count();
    assert_eq!((count("created"), count("merged"), count("duplicate")), (7, 133, 2860));
    assert_eq!((server.groups().len(), server.all_posts()), (7, 7));
    assert!(server.groups().iter().all(|group| group.members.len() == 20));
}

#[test]
fn who_is_corrected_twice_while_a_run_is_cut_off_is_added_and_an_undo_names_every_group() {
    let server = acme("[[fault]]\nkind = 'error-before'\nmethod = 'PUT'\nstatus = 401\nat = [2]");
    let rows = |person: &str| format!("name,guest\nOps,a@x.example\nOps,{person}\nLaw,b@x.example\nLaw,{person}\n");
    let desk = Desk::at(&server).with("groups.csv", rows("nobody"));
    desk.run(&["import", "groups.csv"]).expect(9);
    desk.write("groups.csv", rows("c@x.example"));
    desk.run(&["import", "groups.csv", "--concurrency", "1"]).expect(3);
    desk.write("groups.csv", rows("c@x.example") + "Ops,d@x.example\nLaw,d@x.example\n");
    desk.run(&["import", "groups.csv"]).expect(0);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["updated", "merged", "updated", "merged", "merged", "merged"]);
    assert_eq!(server.group("Ops").guests, ["a@x.example", "c@x.example", "d@x.example"]);
    assert_eq!(server.group("Law").guests, ["b@x.example", "c@x.example", "d@x.example"]);
    desk.run(&["undo", "groups.csv", "--run", "3", "--yes"]).expect(0);
    desk.run(&["undo", "groups.csv", "--run", "2", "--yes"]).expect(0);
    assert_eq!(desk.results("groups.undo.csv").len(), 1);
    assert_eq!(server.group("Ops").guests, ["a@x.example"]);
}

#[test]
fn rejects_with_a_part_of_a_groups_people_remove_nobody() {
    let server = acme("");
    let desk = Desk::at(&server).with("ops.csv", "name,member\nOps,1001\nOps,1002\nOps,1003x\n");
    desk.run(&["import", "ops.csv"]).expect(9);
    desk.write("ops.rejects.csv", desk.read("ops.rejects.csv").replace("1003x", "1003"));
    desk.run(&["sync", "ops.rejects.csv", "--yes", "-q"]).expect(2).says("import them");
    desk.run(&["sync", "ops.rejects.csv", "--yes", "--members", "add"]).expect(0);
    assert_eq!(server.group("Ops").members, [1001, 1002, 1003]);
    let record = json!({"name": "Ops", "members": [1001], "_error": "x"});
    desk.write("ops.rejects.jsonl", record.to_string());
    let journal = ["--prune", "--journal", "ops.journal"];
    desk.run(&[&["sync", "ops.rejects.jsonl", "--yes"][..], &journal].concat()).expect(2).says("these rejects");
}
