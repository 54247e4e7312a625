//! A server that creates something else than was sent, and somebody else who creates a group of the same name: it is noticed, and
//! nothing is created twice or counted as ours because of it.

use crate::support::{Desk, Server, statuses, wait_for};
use tallyfy_groups::sandbox::{Options, SandboxGroup};

const ROWS: &str = "name,members\nA,1001;1002\nB,1001\n";

fn server(fault: &str) -> Server {
    let faults = format!("[[fault]]\nmethod = 'POST'\nat = [1]\n{fault}");
    Server::start(Options { users: 2, ..Options::default() }, &faults)
}

#[test]
fn what_the_server_leaves_out_is_a_warning_of_the_row() {
    let server = server("kind = 'alter'\nmembers = [1002]");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv", "--concurrency", "1"]).expect(0);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "created"]);
    let warnings: Vec<_> = lines.iter().map(|line| line.warnings.as_deref()).collect();
    assert_eq!(warnings, [Some("the server made it otherwise: +1001"), None]);
    // It was not changed since.
    desk.run(&["undo", "groups.csv", "--yes"]).expect(0);
    assert!(server.names().is_empty());
}

#[test]
fn with_strict_a_group_that_the_server_made_otherwise_makes_the_run_incomplete() {
    for command in [&["import"][..], &["sync", "--yes"]] {
        let server = server("kind = 'alter'\nmembers = [1002]");
        let desk = Desk::at(&server).with("groups.csv", "name,description,members\nA,x,1001;1002\n");
        let strict = [command, &["groups.csv", "--strict"]].concat();
        desk.run(&strict).expect(9).tells("groups.csv:2: created: the server made it otherwise: +1001\n");
    }
}

#[test]
fn a_group_that_was_given_another_name_is_found_by_the_next_run() {
    let server = server("kind = 'alter'\nprefix = 'Team '\nmembers = [1001, 1002]");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    let flags = ["import", "groups.csv", "--concurrency", "1"];
    desk.run(&flags).expect(0);
    let lines = desk.results("groups.results.csv");
    assert_eq!(lines[0].warnings.as_deref(), Some("the server made it otherwise: its name is `Team A`"));
    let id = lines[0].group_id.clone();
    desk.run(&flags).expect(0);
    let again = desk.results("groups.results.csv");
    assert_eq!((statuses(&again), &again[0].group_id), (vec!["exists", "exists"], &id));
    assert_eq!((server.names(), server.all_posts()), (vec!["B".to_owned(), "Team A".to_owned()], 2));
    // Deleted by hand, it is created again.
    server.delete(id.as_deref().unwrap());
    desk.run(&flags).expect(0);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "exists"]);
}

#[test]
fn an_id_of_another_rows_group_is_not_taken_and_the_group_is_looked_up() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name\nA\n");
    desk.run(&["import", "groups.csv"]).expect(0);
    let id = desk.results("groups.results.csv").remove(0).group_id.unwrap();
    let body = format!(r#"{{"data":{{"id":"{id}","name":"B"}}}}"#);
    let server = Server::under(&format!("[[fault]]\nkind = 'answer'\nbody = '{body}'\nmethod = 'POST'\nfrom = 2"));
    let desk = Desk::at(&server).with("groups.csv", "name,guests\nB,\nC,c@x.example\nD,\n");
    desk.run(&["import", "groups.csv", "--concurrency", "1", "--settle", "300ms"]).expect(0);
    let mut ids: Vec<_> = desk.results("groups.results.csv").into_iter().map(|line| line.group_id.unwrap()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), server.all_posts()), (3, 3));
}

/// A row whose attempt has no effect, and meanwhile lists begin to show a stranger's group of its name; returns why it is not ours.
fn strangers(description: &str, created_at: &str) -> String {
    let slow = "[[fault]]\nkind = 'slow'\nmillis = 2000\nmethod = 'POST'\nat = [1]\n";
    let server = Server::under(&format!("{slow}[[fault]]\nkind = 'error-before'\nmethod = 'POST'\nat = [1]"));
    let desk = Desk::at(&server).with("groups.csv", "name,description\nA,ours\n");
    let running = desk.start(&["import", "groups.csv"]);
    wait_for("the request", || (server.all_posts() > 0).then_some(()));
    let group = SandboxGroup {
        id: "a-strangers".to_owned(),
        name: "A".to_owned(),
        description: Some(description.to_owned()),
        created_at: created_at.to_owned(),
        ..SandboxGroup::default()
    };
    server.with(|simulation| simulation.plant(group));
    running.end().expect(9);
    let line = desk.results("groups.results.csv").remove(0);
    assert_eq!((line.status.as_str(), line.group_id), ("unknown", None));
    desk.run(&["undo", "groups.csv", "--yes"]);
    assert_eq!((server.names(), server.posts("A")), (vec!["A".to_owned()], 1));
    line.error.unwrap()
}

#[test]
fn a_group_that_somebody_else_creates_while_a_row_is_in_doubt_is_not_ours() {
    let error = strangers("theirs", "");
    assert!(error.contains("a group of this name is there (a-strangers), but not as it was sent"), "{error}");
}

#[test]
fn a_group_of_the_same_contents_that_was_not_created_when_the_row_was_sent_is_not_ours() {
    let error = strangers("ours", "2024-05-20T18:00:00Z");
    assert!(error.contains("but it was created at 2024-05-20T18:00:00Z, not when the row was sent"), "{error}");
}
