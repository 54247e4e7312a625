//! Undo of a sync that was killed, undo that was killed itself, and what an undo gives back.

use std::process::Command;

use serde_json::json;

use crate::support::{Desk, Server, statuses, wait_for};
use crate::sync::{as_they_are, csv, edit, night, synchronized};
use crate::sync_faults::set_faults;

/// Starts a command whose request of this method is carried out but never answered, and kills it then. Before it, `reads` requests
/// arrive.
fn kill_at(server: &Server, desk: &Desk, command: &[&str], (method, at): (&str, u64), reads: u64) {
    set_faults(server, &format!("[[fault]]\nkind = 'hang-after'\nmethod = '{method}'\nat = [{at}]"));
    let before = server.requests();
    let running = desk.start(command);
    wait_for("the request", || (server.requests() > before + reads).then_some(()));
    running.kill();
    set_faults(server, "");
}

const UNDO: [&str; 5] = ["undo", "teams.csv", "--settle", "100ms", "--yes"];
const PRUNE: [&str; 4] = ["sync", "teams.csv", "--yes", "--prune"];
/// A sync reads the groups and the users, and a group before it is changed.
const LISTS: u64 = 2;

#[test]
fn a_group_whose_deletion_was_never_answered_is_created_again() {
    let (server, desk) = synchronized(&["1,A,,1;2,", "2,B,x,3;4,"].map(str::to_owned));
    let before = as_they_are(&server);
    desk.write("teams.csv", csv(&["1,A,,1;2,".to_owned()]));
    kill_at(&server, &desk, &PRUNE, ("DELETE", 1), LISTS + 1);
    desk.run(&UNDO).expect(0).tells("+ create   B").tells("under a new id");
    assert_eq!(as_they_are(&server), before);
}

#[test]
fn an_update_that_was_never_answered_is_taken_back() {
    let (server, desk) = synchronized(&["1,A,,1;2,".to_owned()]);
    let before = as_they_are(&server);
    desk.write("teams.csv", csv(&["1,A,,1;5,".to_owned()]));
    kill_at(&server, &desk, &PRUNE, ("PUT", 1), LISTS + 1);
    assert_eq!(server.group("A").members, [1, 5]);
    desk.run(&UNDO).expect(0);
    assert_eq!(as_they_are(&server), before);
}

#[test]
fn an_undo_whose_update_was_never_answered_is_done_and_what_was_listed_is_as_before() {
    let (server, desk) = synchronized(&["1,A,,1;2,".to_owned()]);
    night(&desk, &["1,A,,1;5,".to_owned()], &[]).expect(0);
    kill_at(&server, &desk, &UNDO, ("PUT", 1), 2);
    assert_eq!(server.group("A").members, [1, 2]);
    desk.run(&UNDO).expect(0);
    assert_eq!(statuses(&desk.results("teams.undo.csv")), ["updated"]);
    edit(&server, "A", &json!({"members": [1, 2, 5]}));
    night(&desk, &["1,A,,1;2,".to_owned()], &[]).expect(0);
    assert_eq!(server.group("A").members, [1, 2, 5], "no file that counts listed 5");
}

#[test]
fn names_that_are_being_exchanged_are_taken_back_whatever_request_was_never_answered() {
    for at in 1..=3 {
        let exchanged = ["1,B,x,1,", "2,A,y,2,"].map(str::to_owned);
        let (server, desk) = synchronized(&["1,A,x,1,", "2,B,y,2,"].map(str::to_owned));
        let before = as_they_are(&server);
        desk.write("teams.csv", csv(&exchanged));
        kill_at(&server, &desk, &PRUNE, ("PUT", at), LISTS + 2 * at - 1);
        desk.run(&UNDO).expect(0);
        assert_eq!(as_they_are(&server), before, "the sync was killed at {at}");
        night(&desk, &exchanged, &[]).expect(0);
        if at == 1 {
            // It is not asked, and changes nothing.
            desk.run(&UNDO[..4]).expect(2).tells("  ~ update   A → B\n").tells("  ~ update   B → A\n");
        }
        kill_at(&server, &desk, &UNDO, ("PUT", at), 2 * at);
        desk.run(&UNDO).expect(0);
        assert_eq!(as_they_are(&server), before, "the undo was killed at {at}");
    }
}

#[test]
fn an_undo_that_was_killed_before_its_results_is_ended_by_the_same_command_and_no_other_run_is_taken_back() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    let before = as_they_are(&server);
    night(&desk, &["1,A,,1,", "2,B,,2,"].map(str::to_owned), &[]).expect(0);
    let pipe = desk.folder().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let running = desk.start(&[&UNDO[..], &["--results", "pipe"]].concat());
    wait_for("the deletion", || (server.names() == ["A"]).then_some(()));
    running.kill();
    std::fs::remove_file(&pipe).unwrap();
    desk.run(&UNDO).expect(0);
    assert_eq!(statuses(&desk.results("teams.undo.csv")), ["deleted"]);
    assert_eq!(as_they_are(&server), before);
}

#[test]
fn a_group_that_was_only_taken_over_is_released_and_what_a_later_run_did_stays() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    server.plant("theirs", "B");
    let both = ["1,A,,1,", "2,B,,,"].map(str::to_owned);
    night(&desk, &both, &["--adopt"]).expect(0).tells("B");
    desk.run(&UNDO).expect(0);
    assert_eq!(server.names(), ["A", "B"]);
    night(&desk, &["1,A,,1,".to_owned()], &["--prune"]).expect(0);
    assert_eq!(server.names(), ["A", "B"], "it is nobody's again");
    desk.run(&UNDO).expect(0).says("nothing of run 3 is left to take back: this is run 1");
    assert_eq!(server.names(), ["B"]);
}

#[test]
fn a_plan_that_was_accepted_deletes_only_what_it_showed() {
    let rows = ["1,A,,1,", "2,B,,2,", "3,C,,3,", "4,D,,4,"].map(str::to_owned);
    let (server, desk) = synchronized(&rows);
    desk.write("teams.csv", csv(&rows[..3]));
    let plan = desk.run(&["sync", "teams.csv", "--prune", "--dry-run", "--json"]).expect(0).json();
    let accept = [&PRUNE[..], &["--accept", plan["plan"].as_str().unwrap()]].concat();
    edit(&server, "D", &json!({"members": [4, 5]}));
    desk.run(&accept).expect(8).says("have changed");
    edit(&server, "D", &json!({"members": [4]}));
    desk.run(&accept).expect(0);
    assert_eq!(server.names(), ["A", "B", "C"]);
    // As after a run that was killed when everything was done.
    desk.run(&accept).expect(0).tells("3 unchanged");
}

#[test]
fn an_accepted_plan_over_an_unchanged_file_is_finished_by_the_same_command_after_it_was_cut_off() {
    let rows = ["1,A,,1;2,", "2,B,x,3;4,"].map(str::to_owned);
    let (server, desk) = synchronized(&rows);
    night(&desk, &rows, &[]).expect(0);
    let before = as_they_are(&server);
    for name in ["A", "B"] {
        edit(&server, name, &json!({"members": []}));
    }
    let plan = desk.run(&["sync", "teams.csv", "--dry-run", "--json"]).expect(0).json();
    let accept = ["sync", "teams.csv", "--accept", plan["plan"].as_str().unwrap()];
    kill_at(&server, &desk, &accept, ("PUT", 1), LISTS + 1);
    desk.run(&accept).expect(0).tells("resuming");
    assert_eq!(as_they_are(&server), before);
}
