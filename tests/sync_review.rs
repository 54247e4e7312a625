//! What files that are half right, and runs that ended halfway, must not cost: people, groups, guards, or the journal.

use serde_json::json;

use crate::support::{Desk, Server, wait_for};
use crate::sync::{csv, edit, night, synchronized};
use crate::sync_faults::set_faults;

/// A server, and a desk whose `ops.csv` with one person per row was synchronized once.
fn persons(rows: &str) -> (Server, Desk) {
    let server = Server::calm();
    let desk = Desk::at(&server).with("ops.csv", format!("key,name,member\n{rows}"));
    desk.run(&["sync", "ops.csv", "--yes"]).expect(0);
    (server, desk)
}

#[test]
fn nobody_is_removed_from_a_group_some_of_whose_rows_have_an_error() {
    for later in [
        "K,Sales EMEA,1\nK,Sales EMEA,3\nK,Sales,2\n",
        "K,Sales EMEA,1\nK,Sales EMEA,3\nK,Slaes,2\n",
        "K,Sales,1\nK,Sales,3\nK,Sales,2,\n",
        "K,Sales,1\nK,Sales,3\nK,,2\n",
    ] {
        let (server, desk) = persons("K,Sales,1\nK,Sales,2\nK,Sales,3\n");
        let id = server.group("Sales").id;
        desk.write("ops.csv", format!("key,name,member\n{later}"));
        desk.run(&["sync", "ops.csv", "--yes"]).expect(9);
        let group = server.groups().into_iter().find(|group| group.id == id).unwrap();
        assert_eq!(group.members, [1, 2, 3], "{later}");
    }
}

#[test]
fn a_part_of_the_rows_of_a_group_removes_nobody() {
    let rows: Vec<String> = (1..=10).map(|person| format!("K,Ops,{person}\n")).collect();
    let (server, desk) = persons(&rows.concat());
    desk.run(&["sync", "ops.csv", "--yes", "--limit", "8"]).expect(2).says("the first rows");
    desk.run(&["sync", "ops.csv", "--yes", "--limit", "8", "--members", "add"]).expect(0);
    assert_eq!(server.group("Ops").members.len(), 10);
    let merge = ["--on-duplicate", "merge"];
    desk.write("m.csv", "name,members\nM,1\nM,x\n");
    desk.run(&[&["import", "m.csv"][..], &merge].concat()).expect(9);
    desk.write("m.rejects.csv", desk.read("m.rejects.csv").replace('x', "2"));
    desk.run(&[&["sync", "m.rejects.csv", "--yes"][..], &merge].concat()).expect(2).says("these rejects");
    assert_eq!(server.group("M").members, [1]);
}

#[test]
fn who_was_perhaps_added_is_added_by_the_next_import() {
    let server = Server::calm();
    let desk = Desk::at(&server);
    let import = |persons: &[u64], code| {
        let rows: Vec<String> = persons.iter().map(|person| format!("Ops,{person}\n")).collect();
        desk.write("ops.csv", format!("name,member\n{}", rows.concat()));
        _ = desk.run(&["import", "ops.csv", "--max-attempts", "1", "--settle", "10ms"]).expect(code);
    };
    import(&[1], 0);
    set_faults(&server, "[[fault]]\nkind = 'drop-before'\nmethod = 'PUT'");
    import(&[1, 2], 9);
    set_faults(&server, "");
    import(&[1, 2, 3], 0);
    assert_eq!(server.group("Ops").members, [1, 2, 3]);
}

#[test]
fn a_guard_counts_from_the_last_sync_also_if_that_ended_with_something_unknown() {
    let rows: Vec<String> = (1..=10).map(|number| format!("{number},G{number},,{number},")).collect();
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.csv", csv(&rows));
    desk.run(&["import", "teams.csv"]).expect(0);
    let mut later = rows.clone();
    later[0] = "1,G1,new,1,".to_owned();
    set_faults(
        &server,
        "[[fault]]\nkind = 'drop-before'\nmethod = 'PUT'\n[[fault]]\nkind = 'drop-before'\nmethod = 'GET'\nfrom = 4",
    );
    night(&desk, &later, &["--max-attempts", "1"]).expect(9);
    set_faults(&server, "");
    night(&desk, &rows[..2], &["--settle", "10ms"]).expect(8).says("--max-shrink");
}

#[test]
fn an_undo_leaves_whom_somebody_else_added_between_plan_and_update() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    set_faults(&server, "[[fault]]\nkind = 'slow'\nmethod = 'GET'\nmillis = 700\nat = [3]");
    desk.write("teams.csv", csv(&["1,A,,1;4;5,".to_owned()]));
    let before = server.requests();
    let running = desk.start(&["sync", "teams.csv", "--yes"]);
    wait_for("the lists", || (server.requests() >= before + 2).then_some(()));
    edit(&server, "A", &json!({"members": [1, 4]}));
    running.end().expect(0);
    assert_eq!(server.group("A").members, [1, 4, 5]);
    desk.run(&["undo", "teams.csv", "--yes"]).expect(0);
    assert_eq!(server.group("A").members, [1, 4]);
}

#[test]
fn merged_rows_manage_the_lists_that_one_of_them_has() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("g.jsonl", json!({"name": "U", "members": [1]}).to_string());
    desk.run(&["sync", "g.jsonl", "--yes"]).expect(0);
    let rows = [
        json!({"name": "U", "members": [1]}),
        json!({"name": "U", "guests": ["x@partner.example"]}),
        json!({"name": "U", "members": [2]}),
    ];
    desk.write("g.jsonl", rows.map(|row| row.to_string()).join("\n"));
    desk.run(&["sync", "g.jsonl", "--yes", "--on-duplicate", "merge"]).expect(0);
    assert_eq!(
        (server.group("U").members, server.group("U").guests),
        (vec![1, 2], vec!["x@partner.example".to_owned()])
    );
}

#[test]
fn a_group_that_may_have_been_created_again_is_created_by_the_next_undo() {
    let (server, desk) = synchronized(&["1,A,,1,", "2,B,,2,"].map(str::to_owned));
    night(&desk, &["1,A,,1,".to_owned()], &["--prune"]).expect(0);
    set_faults(
        &server,
        "[[fault]]\nkind = 'drop-before'\nmethod = 'POST'\n[[fault]]\nkind = 'drop-before'\nmethod = 'GET'\nfrom = 2",
    );
    let undo = ["undo", "teams.csv", "--yes", "--settle", "10ms"];
    desk.run(&[&undo[..], &["--max-attempts", "1"]].concat()).expect(9);
    set_faults(&server, "");
    desk.run(&undo).expect(0);
    assert_eq!(server.names(), ["A", "B"]);
}

#[test]
fn an_id_of_no_group_prevents_deletions_in_the_plan_already() {
    let (server, desk) = synchronized(&["1,A,,1,", "2,B,,2,"].map(str::to_owned));
    desk.write("teams.csv", "tallyfy_id,key,name\n,1,A\nnone,7,C\n");
    let plan = desk.run(&["sync", "teams.csv", "--prune", "--dry-run"]).expect(9);
    assert!(!plan.stdout.contains("delete"), "{}", plan.stdout);
    assert_eq!(server.names(), ["A", "B"]);
}

#[test]
fn rejects_are_not_the_last_sync() {
    let (_server, desk) = synchronized(&["1,A,,1,", "2,B,,2,"].map(str::to_owned));
    desk.write("teams.rejects.csv", "key,name,members,_error\n1,A,1,x\n");
    desk.run(&["sync", "teams.rejects.csv", "--yes"]).expect(0);
    desk.run(&["sync", "teams.csv", "--yes", "--prune"]).expect(0).tells("rows 2 (was 2)");
}

#[test]
fn an_undo_passes_over_a_run_that_only_noted_something() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    night(&desk, &["1,A,wrong,1,".to_owned()], &[]).expect(0);
    edit(&server, "A", &json!({"members": [1, 9], "description": "wrong"}));
    night(&desk, &["1,A,wrong,1;9,".to_owned()], &[]).expect(0);
    desk.run(&["undo", "teams.csv", "--yes"]).says("this is run 2");
}

#[test]
fn a_file_without_rows_is_imported_twice() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("none.csv", "name\n");
    desk.run(&["import", "none.csv"]).expect(0);
    desk.run(&["import", "none.csv"]).expect(0);
}

#[test]
fn two_ids_of_one_name_are_two_groups_and_none_is_deleted_or_merged_into_the_other() {
    let server = Server::calm();
    ["A", "B"].iter().zip(["g1", "g2"]).for_each(|(name, id)| server.plant(id, name));
    let file = |second: &str| format!("tallyfy_id,name,members\ng1,A,1\ng2,{second},2\n");
    let desk = Desk::at(&server).with("teams.csv", file("B"));
    desk.run(&["sync", "teams.csv", "--yes", "--adopt"]).expect(0);
    desk.write("teams.csv", file("A"));
    for flags in [&["--prune"][..], &["--on-duplicate", "merge"]] {
        let sync = [&["sync", "teams.csv", "--yes"], flags].concat();
        desk.run(&sync)
            .expect(9)
            .tells("teams.csv:3: invalid: tallyfy_id: teams.csv:2 has the same name and another tallyfy_id");
        assert_eq!((server.names(), server.group("A").members), (vec!["A".to_owned(), "B".to_owned()], vec![1]));
    }
}
