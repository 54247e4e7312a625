//! A sync whose answers are lost, that is killed, or that is taken back.

use std::time::Duration;

use serde_json::json;
use tallyfy_groups::sandbox::FaultScript;

use crate::support::{Desk, Server, statuses};
use crate::sync::{as_they_are, csv, edit, night, synchronized};

pub(crate) fn set_faults(server: &Server, script: &str) {
    server.with(|simulation| simulation.set_faults(FaultScript::parse(script).unwrap()));
}

#[test]
fn an_update_whose_answer_is_lost_is_read_and_not_sent_again() {
    for (kind, puts) in [("drop-after", 1), ("error-after", 1), ("drop-before", 2), ("too-many", 2)] {
        let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
        set_faults(&server, &format!("[[fault]]\nkind = '{kind}'\nmethod = 'PUT'\nat = [1]"));
        night(&desk, &["1,A,x,2,".to_owned()], &[]).expect(0);
        let line = desk.results("teams.results.csv").remove(0);
        assert_eq!((line.status.as_str(), line.attempts), ("updated", puts), "{kind}");
        assert_eq!(server.group("A").members, [2], "{kind}");
    }
}

#[test]
fn nothing_is_deleted_if_anything_failed() {
    let (server, desk) = synchronized(&["1,A,,1,", "2,B,,2,"].map(str::to_owned));
    set_faults(&server, "[[fault]]\nkind = 'error-before'\nstatus = 422\nmessage = 'no'\nmethod = 'PUT'");
    night(&desk, &["1,A,x,1,".to_owned()], &["--prune"]).expect(9);
    let lines = desk.results("teams.results.csv");
    assert_eq!(statuses(&lines), ["failed", "held"]);
    assert!(lines[1].error.as_deref().unwrap().contains("something failed"));
    assert_eq!(server.names(), ["A", "B"]);
}

#[test]
fn a_sync_that_was_killed_is_resumed_by_the_same_command_and_everything_is_done_once() {
    let rows: Vec<String> = (0..200).map(|number| format!("{number},G{number},,1;2,")).collect();
    let later: Vec<String> = (20..240)
        .map(
            |number| {
                if number < 120 { format!("{number},H{number},d,1;3,") } else { format!("{number},G{number},,1;2,") }
            },
        )
        .collect();
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.csv", csv(&rows));
    desk.run(&["sync", "teams.csv", "--yes"]).expect(0);
    desk.write("teams.csv", csv(&later));
    let guards = ["--max-update", "100%", "--max-remove", "100%", "--max-delete", "100%"];
    let speed = ["--rate", "100/s", "--settle", "100ms"];
    let command = [&["sync", "teams.csv", "--yes", "--prune"][..], &guards, &speed].concat();
    for at in [100, 300, 700, 1200, 1700] {
        let running = desk.start(&command);
        std::thread::sleep(Duration::from_millis(at));
        running.kill();
    }
    desk.run(&command).expect(0);
    let expected: Vec<String> = later.iter().map(|row| row.split(',').nth(1).unwrap().to_owned()).collect();
    server.with(|simulation| {
        let mut names: Vec<_> = simulation.groups().map(|group| group.name.clone()).collect();
        let mut expected = expected.clone();
        names.sort();
        expected.sort();
        assert_eq!(names, expected);
        assert!(
            simulation.groups().all(|group| group.members == if group.name.starts_with('H') { [1, 3] } else { [1, 2] })
        );
    });
    let lines = desk.results("teams.results.csv");
    let count = |status: &str| lines.iter().filter(|line| line.status == status).count();
    assert_eq!((count("updated"), count("created"), count("deleted"), count("unchanged")), (100, 40, 20, 80));
    assert!(expected.iter().filter(|name| name.starts_with('G')).all(|name| server.posts(name) <= 1));
    desk.run(&["sync", "teams.csv", "--yes", "--prune"]).expect(0).tells("220 unchanged");
}

#[test]
fn after_a_kill_other_files_settle_what_is_in_doubt_and_are_planned_anew() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    set_faults(&server, "[[fault]]\nkind = 'hang-after'\nmethod = 'PUT'\nat = [1]");
    desk.write("teams.csv", csv(&["1,A,new,1,".to_owned()]));
    let running = desk.start(&["sync", "teams.csv", "--yes"]);
    crate::support::wait_for("the update", || (server.group("A").description.as_deref() == Some("new")).then_some(()));
    running.kill();
    night(&desk, &["1,A,newer,1,".to_owned()], &[]).expect(0);
    assert_eq!(server.group("A").description.as_deref(), Some("newer"));
    desk.run(&["undo", "teams.csv", "--run", "2", "--yes"]).expect(9).tells("! held");
    desk.run(&["undo", "teams.csv", "--run", "3", "--yes"]).expect(0);
    assert_eq!(server.group("A").description.as_deref(), Some("new"), "what the run that was killed had done is known");
}

#[test]
fn whom_a_lost_update_added_goes_when_the_file_drops_them_and_nobody_else_does() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    set_faults(&server, "[[fault]]\nkind = 'hang-after'\nmethod = 'PUT'\nat = [1]");
    desk.write("teams.csv", csv(&["1,A,,1;7,".to_owned()]));
    let running = desk.start(&["sync", "teams.csv", "--yes"]);
    crate::support::wait_for("the update", || server.group("A").members.contains(&7).then_some(()));
    running.kill();
    edit(&server, "A", &json!({"members": [1, 7, 9]}));
    night(&desk, &["1,A,,1,".to_owned()], &[]).expect(0);
    assert_eq!(server.group("A").members, [1, 9]);
}

#[test]
fn nothing_is_planned_while_a_group_in_doubt_cannot_be_looked_up() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    set_faults(&server, "[[fault]]\nkind = 'hang-after'\nmethod = 'POST'\nat = [1]");
    desk.write("teams.csv", csv(&["1,A,,1,", "2,B,,2,"].map(str::to_owned)));
    let running = desk.start(&["sync", "teams.csv", "--yes"]);
    crate::support::wait_for("the group", || server.names().contains(&"B".to_owned()).then_some(()));
    running.kill();
    set_faults(&server, "[[fault]]\nkind = 'error-before'\nmethod = 'GET'\nat = [1]");
    desk.write("teams.csv", csv(&["1,A,,1,".to_owned()]));
    let command = ["sync", "teams.csv", "--yes", "--prune"];
    desk.run(&[&command[..], &["--max-attempts", "1"]].concat()).expect(1);
    assert_eq!(server.names(), ["A", "B"]);
    desk.run(&command).expect(0);
    assert_eq!(server.names(), ["A"], "it is known to be ours");
}

#[test]
fn an_undo_takes_all_of_a_sync_back() {
    let rows = ["1,A,x,1,", "2,B,x,2,", "3,C,x,3;4,c@partner.example", "4,D,x,5,", "5,E,x,6,"].map(str::to_owned);
    let (server, desk) = synchronized(&rows);
    let before = as_they_are(&server);
    let later = ["1,B,x,1,", "2,A,x,2,", "3,C,y,3;7,e@partner.example", "4,F,x,5,", "6,D,z,8,"].map(str::to_owned);
    night(&desk, &later, &["--prune"]).expect(0);
    let id = server.group("C").id;
    desk.run(&["undo", "teams.csv", "--yes"]).expect(0);
    assert_eq!(as_they_are(&server), before);
    assert_eq!(server.group("C").id, id);
    let lines = desk.results("teams.undo.csv");
    assert_eq!(statuses(&lines), ["updated", "updated", "updated", "updated", "deleted", "created"]);
    desk.write("teams.csv", csv(&rows));
    desk.run(&["sync", "teams.csv", "--yes", "--prune"]).expect(0).tells("5 unchanged");
    desk.run(&["undo", "teams.csv", "--run", "1", "--yes"]).expect(0);
    assert!(server.names().is_empty());
}

#[test]
fn an_undo_leaves_alone_what_was_changed_since_and_what_the_api_cannot_do() {
    let (server, desk) = synchronized(&["1,A,,1,", "2,B,x,2,", "3,C,x,3,"].map(str::to_owned));
    night(&desk, &["1,A,new,1,", "2,B,y,2,", "3,C,y,3,"].map(str::to_owned), &[]).expect(0);
    edit(&server, "B", &json!({"members": [2, 9]}));
    desk.run(&["undo", "teams.csv", "--yes"]).expect(9);
    let lines = desk.results("teams.undo.csv");
    assert_eq!(statuses(&lines), ["held", "held", "updated"]);
    assert!(lines[0].error.as_deref().unwrap().contains("the API cannot take one away"));
    assert_eq!((server.group("B").members, server.group("C").description.as_deref()), (vec![2, 9], Some("x")));
}

#[test]
fn a_row_with_the_id_of_no_group_creates_none_when_its_sync_is_resumed_and_nothing_is_deleted() {
    let rows = ["1,A,,1,", "2,B,,2,"].map(str::to_owned);
    let (server, desk) = synchronized(&rows);
    set_faults(&server, "[[fault]]\nkind = 'hang-before'\nmethod = 'PUT'\nat = [1]");
    desk.write("teams.csv", "tallyfy_id,key,name,members\n,1,A,3\nnone,7,C,1\n");
    let command = ["sync", "teams.csv", "--yes", "--prune"];
    let before = server.requests();
    let running = desk.start(&command);
    // Two lists, the group, and its update.
    crate::support::wait_for("the update", || (server.requests() >= before + 4).then_some(()));
    running.kill();
    desk.run(&command).expect(9).says("resuming");
    assert_eq!(server.names(), ["A", "B"]);
    assert_eq!(statuses(&desk.results("teams.results.csv")), ["updated", "failed"]);
}

#[test]
fn a_key_that_another_group_got_is_given_back_by_an_undo() {
    let (server, desk) = synchronized(&["1,A,,1,", "2,B,x,2,"].map(str::to_owned));
    let id = server.group("A").id;
    desk.write("teams.csv", format!("tallyfy_id,key,name,description\n{},1,B,y\n", server.group("B").id));
    desk.run(&["sync", "teams.csv", "--yes"]).expect(0);
    desk.run(&["undo", "teams.csv", "--yes"]).expect(0);
    night(&desk, &["1,A2,,1,", "2,B,x,2,"].map(str::to_owned), &[]).expect(0).tells("A → A2");
    assert_eq!((server.group("A2").id, server.names()), (id, vec!["A2".to_owned(), "B".to_owned()]));
}

#[test]
fn names_that_were_exchanged_are_taken_back_although_the_server_took_its_time() {
    let (server, desk) = synchronized(&["1,A,x,1,", "2,B,x,2,"].map(str::to_owned));
    let before = as_they_are(&server);
    set_faults(&server, "[[fault]]\nkind = 'slow'\nmethod = 'PUT'\nmillis = 1100\nat = [1]");
    night(&desk, &["1,B,x,1,", "2,A,x,2,"].map(str::to_owned), &[]).expect(0);
    desk.run(&["undo", "teams.csv", "--yes"]).expect(0);
    assert_eq!(as_they_are(&server), before);
}

#[test]
fn a_fresh_start_settles_what_is_in_doubt_too() {
    let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
    desk.write("teams.csv", csv(&["1,A,,1;7,", "2,B,,2,"].map(str::to_owned)));
    set_faults(&server, "[[fault]]\nkind = 'hang-after'\nmethod = 'PUT'");
    let running = desk.start(&["sync", "teams.csv", "--yes"]);
    crate::support::wait_for("both requests", || {
        (server.names().len() == 2 && server.group("A").members.contains(&7)).then_some(())
    });
    running.kill();
    set_faults(&server, "");
    night(&desk, &["1,A,,1,", "2,B,,2,"].map(str::to_owned), &["--fresh"]).expect(0);
    assert_eq!(server.group("A").members, [1], "7 was listed by a file");
    assert_eq!(statuses(&desk.results("teams.results.csv")), ["updated", "unchanged"]);
}

#[test]
fn a_list_that_contradicts_itself_is_no_list() {
    let (server, desk) = synchronized(&["1,A,,1,", "2,B,,2,"].map(str::to_owned));
    let empty =
        r#"{"data":[],"meta":{"pagination":{"total":2,"count":0,"current_page":1,"total_pages":1,"links":[]}}}"#;
    let script = format!("[[fault]]\nkind = 'answer'\nmethod = 'GET'\nbody = '{empty}'\nat = [1]");
    set_faults(&server, &script);
    desk.run(&["sync", "teams.csv", "--yes", "--prune"]).expect(1).says("is empty");
}

#[test]
fn an_answer_about_another_group_is_not_believed() {
    for (method, at) in [("GET", 3), ("PUT", 1)] {
        let (server, desk) = synchronized(&["1,A,,1,".to_owned()]);
        server.plant("other", "Other");
        let body = r#"{"data":{"id":"other","name":"Other","description":"x","members":[7],"guests":[]}}"#;
        set_faults(&server, &format!("[[fault]]\nkind = 'answer'\nmethod = '{method}'\nbody = '{body}'\nat = [{at}]"));
        night(&desk, &["1,A,,1;2,".to_owned()], &[]).expect(0);
        assert_eq!(server.group("A").members, [1, 2], "{method}");
        // It is not owned because of that.
        night(&desk, &["1,A,,1;2,".to_owned()], &["--prune"]).expect(0).tells("1 owned group, 1 other not touched");
        assert_eq!(server.names(), ["A", "Other"], "{method}");
    }
}
