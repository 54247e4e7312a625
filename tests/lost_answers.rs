//! Faults over real sockets: answers get lost, are cut off, lie, or never come. Every row ends with its group created exactly once.

use std::thread;
use std::time::Duration;

use crate::support::{Desk, Server, as_csv, assert_answers, good_names, rows, statuses};
use tallyfy_groups::sandbox::Options;

/// Imports 120 rows with a fault at some POSTs; `again` is how many rows are rightly sent a second time.
#[track_caller]
fn survived(fault: &str, again: u32, flags: &[&str]) {
    let rows = rows(120, 5, 5, 31);
    // Names need not be unique here: only the program keeps a group from coming twice.
    let options = Options { allow_same_names: true, ..Options::default() };
    let server = Server::start(options, &format!("[[fault]]\nmethod = 'POST'\n{fault}\nat = [5, 6, 40]"));
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(&[&["import", "groups.csv", "--settle", "1s"], flags].concat()).expect(9);
    let names = good_names(&rows);
    let mut expected = names.clone();
    expected.sort();
    assert_eq!(server.names(), expected, "each once");
    assert_eq!(server.all_posts(), u32::try_from(names.len()).unwrap() + again, "sent again without need");
    assert_answers(&desk.results("groups.results.csv"), &rows, &server, "created");
}

#[test]
fn drop_after_is_looked_up_and_not_sent_again() {
    survived("kind = 'drop-after'", 0, &[]);
}

#[test]
fn drop_before_is_looked_up_and_then_sent_again() {
    survived("kind = 'drop-before'", 3, &[]);
}

#[test]
fn error_after_is_looked_up_and_not_sent_again() {
    survived("kind = 'error-after'", 0, &[]);
}

#[test]
fn error_before_is_looked_up_and_then_sent_again() {
    survived("kind = 'error-before'\nstatus = 503\nretry_after = '1'", 3, &[]);
}

#[test]
fn cut_is_looked_up_and_not_sent_again() {
    survived("kind = 'cut'", 0, &[]);
}

#[test]
fn html_after_is_looked_up_and_not_sent_again() {
    survived("kind = 'html-after'", 0, &[]);
}

#[test]
fn empty_is_looked_up_and_not_sent_again() {
    survived("kind = 'empty'", 0, &[]);
}

#[test]
fn foreign_is_looked_up_and_not_sent_again() {
    survived("kind = 'foreign'", 0, &[]);
}

#[test]
fn endless_is_looked_up_and_not_sent_again() {
    survived("kind = 'endless'", 0, &["--timeout", "5s"]);
}

#[test]
fn hang_after_is_looked_up_and_not_sent_again() {
    survived("kind = 'hang-after'", 0, &["--timeout", "1s"]);
}

#[test]
fn hang_before_is_looked_up_and_then_sent_again() {
    survived("kind = 'hang-before'", 3, &["--timeout", "1s"]);
}

#[test]
fn too_many_is_sent_again_without_a_look() {
    survived("kind = 'too-many'", 3, &[]);
}

#[test]
fn a_group_that_lists_show_late_is_not_sent_again() {
    let rows = rows(30, 0, 0, 33);
    let options = Options { allow_same_names: true, ..Options::default() };
    let faults = "[[fault]]\nkind = 'drop-after'\nmethod = 'POST'\nat = [5, 9]\n[[fault]]\nkind = 'lag'\nmillis = 5000";
    let server = Server::start(options, faults);
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv"]).expect(0);
    server.assert_each_once(&good_names(&rows));
    assert_answers(&desk.results("groups.results.csv"), &rows, &server, "created");
}

#[test]
fn a_list_that_cannot_be_read_is_asked_for_again_and_never_taken_for_empty() {
    let rows = rows(60, 0, 0, 34);
    for kind in ["cut", "empty", "foreign", "html-before", "error-before", "drop-before", "too-many"] {
        let options = Options { allow_same_names: true, ..Options::default() };
        let server = Server::start(options, &format!("[[fault]]\nkind = '{kind}'\nmethod = 'GET'\nat = [1]"));
        server.plant("old", &rows[7].name);
        let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
        desk.run(&["import", "groups.csv"]).expect(0);
        assert_eq!(server.group(&rows[7].name).id, "old", "{kind}");
        assert_eq!(server.groups().len(), 60, "{kind}");
    }
}

#[test]
fn a_row_that_is_never_answered_is_reported_and_a_rerun_without_faults_finishes() {
    let rows = rows(20, 0, 0, 35);
    let server = Server::under("[[fault]]\nkind = 'error-before'\nmethod = 'POST'\nfrom = 11");
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(&["import", "groups.csv", "--max-attempts", "1"]).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(lines.iter().filter(|line| line.status == "created").count(), 10);
    let open: Vec<_> = lines.iter().filter(|line| line.status != "created").collect();
    assert!(open.iter().all(|line| line.status == "failed" && line.error_code.as_deref() == Some("http-500")));
    server.heal();
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(server.names().len(), 20);
}

#[test]
fn of_two_groups_of_a_name_none_is_adopted_and_the_same_command_settles_it_later() {
    let options = Options { allow_same_names: true, ..Options::default() };
    let server = Server::start(options, "[[fault]]\nkind = 'hang-after'\nmethod = 'POST'\nat = [2]");
    let desk = Desk::at(&server).with("groups.csv", "name\nA\nB\nC\n");
    let flags = ["import", "groups.csv", "--concurrency", "1", "--timeout", "2s", "--settle", "600ms"];
    let running = desk.start(&flags);
    server.wait_for_groups(2);
    let ours = server.group("B").id;
    server.plant("somebody-elses", "B");
    running.end().expect(9).tells("unknown");
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "unknown", "created"]);
    assert_eq!((lines[1].group_id.as_ref(), lines[1].error_code.as_deref()), (None, Some("timeout")));
    assert!(lines[1].error.as_ref().unwrap().contains("2 groups have this name"), "{:?}", lines[1].error);
    desk.run(&flags).expect(9);
    server.delete("somebody-elses");
    desk.run(&flags).expect(0);
    let lines = desk.results("groups.results.csv");
    assert_eq!((statuses(&lines), lines[1].group_id.as_ref()), (vec!["created"; 3], Some(&ours)));
    server.assert_each_once(&["A", "B", "C"].map(str::to_owned));
}

#[test]
fn a_row_that_cannot_be_looked_up_is_unknown_and_the_same_command_settles_it_later() {
    let faults = "[[fault]]\nkind = 'drop-after'\nmethod = 'POST'\nat = [2]\n\
        [[fault]]\nkind = 'html-before'\nmethod = 'GET'\nfrom = 2";
    let server = Server::start(Options { allow_same_names: true, ..Options::default() }, faults);
    let desk = Desk::at(&server).with("groups.csv", "name\nA\nB\nC\n");
    let flags = ["import", "groups.csv", "--concurrency", "1", "--max-attempts", "2", "--settle", "600ms"];
    desk.run(&flags).expect(9);
    let lines = desk.results("groups.results.csv");
    assert_eq!(statuses(&lines), ["created", "unknown", "created"]);
    assert!(lines[1].error.as_ref().unwrap().contains("looking it up failed"), "{:?}", lines[1].error);
    desk.run(&flags).expect(1).says("cannot be listed");
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "unknown", "created"]);
    server.heal();
    desk.run(&flags).expect(0);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created"; 3]);
    server.assert_each_once(&["A", "B", "C"].map(str::to_owned));
}

#[test]
fn all_faults_together_and_the_run_converges() {
    let rows = rows(400, 5, 5, 36);
    let faults = "seed = 4\n\
        [[fault]]\nkind = 'drop-after'\npercent = 3.0\n[[fault]]\nkind = 'drop-before'\npercent = 3.0\n\
        [[fault]]\nkind = 'error-after'\npercent = 3.0\n[[fault]]\nkind = 'html-before'\npercent = 3.0\n\
        [[fault]]\nkind = 'cut'\npercent = 3.0\n[[fault]]\nkind = 'too-many'\nretry_after = '0'\nevery = 150\n\
        [[fault]]\nkind = 'hang-after'\nmethod = 'POST'\npercent = 1.0\n[[fault]]\nkind = 'slow'\nmillis = 30\npercent = 20.0";
    let options = Options { allow_same_names: true, ..Options::default() };
    let server = Server::start(options, faults);
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    let mut rounds = 0;
    let flags = ["import", "groups.csv", "--timeout", "1s"];
    let running = desk.start(&flags);
    server.wait_for_groups(200);
    running.kill();
    while desk.run(&flags).code() != Some(9) && rounds < 5 {
        rounds += 1;
    }
    server.heal();
    desk.run(&flags).expect(9);
    let mut expected = good_names(&rows);
    expected.sort();
    assert_eq!(server.names(), expected, "each once");
    assert!(desk.results("groups.results.csv").iter().all(|line| line.status != "unknown" && line.status != "failed"));
}

#[test]
fn a_slow_server_gets_every_row_however_its_answers_fall_together() {
    let rows = rows(600, 0, 0, 37);
    let import = |latency, lanes| {
        let server = Server::slow(Duration::from_millis(latency));
        let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
        desk.run(&["import", "groups.csv", "--concurrency", lanes]).expect(0);
        server.assert_each_once(&good_names(&rows));
    };
    thread::scope(|all| {
        for (latency, lanes) in [(150, "64"), (250, "64"), (150, "16"), (110, "200")] {
            all.spawn(move || import(latency, lanes));
        }
    });
}
