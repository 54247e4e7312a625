//! Which files belong together: outputs and journal are the input's, and runs over one file leave those of another alone.

use crate::support::{Desk, ROWS, Server, statuses};
use serde_json::json;

#[test]
fn a_rehearsal_in_the_sandbox_never_meets_the_real_run() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv", "--sandbox"]).expect(9);
    assert_eq!(
        desk.files(),
        ["groups.csv", "groups.sandbox.journal", "groups.sandbox.rejects.csv", "groups.sandbox.results.csv"]
    );
    desk.run(&["import", "groups.sandbox.rejects.csv", "--sandbox"]).expect(9);
    assert_eq!(statuses(&desk.results("groups.sandbox.rejects.results.csv")), ["invalid"]);
    desk.run(&["import", "groups.csv"]).expect(9);
    assert_eq!(server.names(), ["A", "C"]);
    desk.run(&["undo", "groups.csv", "--sandbox", "--yes"]).expect(0);
    assert_eq!(server.names(), ["A", "C"]);
}

#[test]
fn outputs_and_journal_stand_beside_the_first_file_and_those_of_standard_input_in_the_working_directory() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("b.csv", "name\nB\n");
    std::fs::create_dir(desk.path("in")).unwrap();
    desk.write("in/a.csv", "name\nA\n\"\"\n");
    desk.run(&["import", "in/a.csv", "b.csv"]).expect(9);
    desk.run_over("name\nC\n", &["import", "-"]).expect(0);
    assert_eq!(desk.files(), ["b.csv", "in", "stdin.journal", "stdin.results.csv"]);
    for name in ["in/a.results.csv", "in/a.rejects.csv", "in/a.journal"] {
        assert!(desk.path(name).exists(), "{name}");
    }
}

#[test]
fn outputs_of_another_file_are_not_overwritten_and_those_of_the_same_file_are() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.csv", ROWS).with("teams.jsonl", "{\"name\": \"J\"}\n");
    for month in ["june", "july"] {
        std::fs::create_dir(desk.path(month)).unwrap();
        desk.write(&format!("{month}/groups.csv"), format!("name\n{month}\n\"\"\n"));
    }
    let june = ["import", "june/groups.csv", "--out-dir", "out"];
    let july = ["import", "july/groups.csv", "--out-dir", "out"];
    desk.run(&june).expect(9);
    desk.run(&["import", "teams.csv"]).expect(9);
    let (requests, kept) =
        (server.requests(), ["out/groups.results.csv", "out/groups.rejects.csv", "teams.results.csv"]);
    let before = kept.map(|name| desk.read(name));
    desk.run(&july).expect(2).says("out/groups.results.csv").says("june/groups.csv").says("--out-dir");
    desk.run(&["import", "teams.jsonl"]).expect(2).says("teams.results.csv").says("teams.csv").says("--out-dir");
    assert_eq!(kept.map(|name| desk.read(name)), before);
    assert_eq!(server.requests(), requests);
    desk.run(&june).expect(9);
    desk.run(&["import", "teams.csv"]).expect(9);
    desk.run(&["import", "teams.jsonl", "--out-dir", "jsonl"]).expect(0);
    for name in ["out/groups.results.csv", "out/groups.rejects.csv"] {
        std::fs::remove_file(desk.path(name)).unwrap();
    }
    desk.run(&july).expect(9);
    desk.run(&june).expect(2).says("july/groups.csv");
}

#[test]
fn a_results_file_given_as_input_is_refused_with_a_hint() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv"]).expect(9);
    let requests = server.requests();
    for flags in [&[][..], &["--dry-run"]] {
        let arguments = [&["import", "groups.results.csv"], flags].concat();
        desk.run(&arguments).expect(2).says("groups.results.csv:1: this is a results file").says("rejects");
    }
    assert_eq!(server.requests(), requests);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_to_a_new_file_for_each_run_is_one_file() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("1.csv", "name\nA\n").with("2.csv", "name\nB\n");
    for file in ["1.csv", "2.csv"] {
        let _ = std::fs::remove_file(desk.path("latest.csv"));
        std::os::unix::fs::symlink(file, desk.path("latest.csv")).unwrap();
        desk.run(&["import", "latest.csv"]).expect(0);
    }
    assert_eq!(server.names(), ["A", "B"]);
}

#[test]
fn the_groups_of_a_file_of_the_same_name_stay() {
    let server = Server::calm();
    let desk = Desk::at(&server);
    for month in ["june", "july"] {
        std::fs::create_dir(desk.path(month)).unwrap();
        desk.write(&format!("{month}/groups.csv"), format!("name\n{month}\n"));
        desk.run(&["import", &format!("{month}/groups.csv")]).expect(0);
    }
    desk.run(&["undo", "june/groups.csv", "--yes"]).expect(0);
    assert_eq!(server.names(), ["july"]);
    // Over one journal too.
    let shared = |command: &str, file: &str, results: &str| {
        desk.run(&[
            command,
            file,
            "--journal",
            "j",
            "--results",
            results,
            if command == "undo" { "--yes" } else { "-v" },
        ])
    };
    shared("import", "june/groups.csv", "1.csv").expect(0);
    shared("undo", "july/groups.csv", "2.csv")
        .expect(2)
        .says("no run over july/groups.csv")
        .says("run 1 over june/groups.csv");
    desk.write("july/groups.csv", "name\nJuly\nAugust\n");
    shared("import", "july/groups.csv", "3.csv").expect(0);
    shared("undo", "./june/../june/groups.csv", "4.csv").expect(0);
    assert_eq!(server.names(), ["August", "july"]);
}

#[test]
fn rejects_are_imported_with_the_journal_of_their_file_and_undone_by_themselves() {
    let server = Server::calm();
    let desk = Desk::at(&server);
    std::fs::create_dir(desk.path("june")).unwrap();
    desk.write("june/groups.csv", "name,members\nA,1\nB,x\n");
    desk.run(&["import", "june/groups.csv"]).expect(9);
    let mended = desk.read("june/groups.rejects.csv").replace("B,x", "B,2");
    desk.write("june/groups.rejects.csv", mended);
    let summary = desk.run(&["import", "june/groups.rejects.csv", "--json"]).expect(0).json();
    assert_eq!((&summary["run"], &summary["journal"]), (&json!(2), &json!("june/groups.journal")));
    assert_eq!(statuses(&desk.results("june/groups.rejects.results.csv")), ["created"]);
    assert_eq!(statuses(&desk.results("june/groups.results.csv")), ["created", "invalid"]);
    desk.run(&["undo", "june/groups.csv", "--yes"]).expect(0);
    assert_eq!(server.names(), ["B"]);
    desk.run(&["undo", "june/groups.csv", "--yes"]).expect(2).says("run 2 over june/groups.rejects.csv");
    desk.run(&["undo", "june/groups.rejects.csv", "--yes"]).expect(0);
    assert!(server.names().is_empty());
    assert_eq!(statuses(&desk.results("june/groups.rejects.undo.csv")), ["deleted"]);
}
