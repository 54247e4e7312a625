//! However a run ends, the same command finishes it: no group twice, none forgotten, nothing done over.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::limits::server::most_within;
use crate::support::{Desk, Draft, Server, Told, as_csv, assert_answers, good, good_names, rows, statuses, wait_for};
use tallyfy_groups::sandbox::Options;

const SLOW: &[&str] = &["import", "groups.csv", "--settle", "1s", "--rate", "200/s"];
const FAST: &[&str] = &["import", "groups.csv", "--settle", "1s"];

/// 300 rows, and an import of them killed when some 60 groups are there.
fn cut_off() -> (Vec<Draft>, Server, Desk) {
    let rows = rows(300, 5, 5, 21);
    let server = Server::slow(Duration::from_millis(20));
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    let running = desk.start(SLOW);
    server.wait_for_groups(60);
    running.kill();
    let there = server.groups().len();
    assert!((60..200).contains(&there), "cut in the middle: {there}");
    (rows, server, desk)
}

#[test]
fn after_kill_9_the_same_command_finishes_and_nothing_is_sent_twice() {
    let (rows, server, desk) = cut_off();
    assert!(!desk.path("groups.results.csv").exists());
    desk.run(FAST).expect(9);
    server.assert_each_once(&good_names(&rows));
    assert_answers(&desk.results("groups.results.csv"), &rows, &server, "created");
}

#[test]
fn after_several_kills_in_a_row_every_group_is_there_once() {
    let rows = rows(400, 5, 5, 22);
    let server = Server::slow(Duration::from_millis(20));
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    for _ in 0..4 {
        let more = server.groups().len() + 40;
        let running = desk.start(SLOW);
        server.wait_for_groups(more);
        running.kill();
    }
    desk.run(FAST).expect(9);
    server.assert_each_once(&good_names(&rows));
    assert_answers(&desk.results("groups.results.csv"), &rows, &server, "created");
}

#[test]
fn a_disturbed_run_leaves_the_files_of_an_undisturbed_one() {
    let (rows, _server, desk) = cut_off();
    desk.run(FAST).expect(9);
    let calm = Server::calm();
    let undisturbed = Desk::at(&calm).with("groups.csv", as_csv(&rows));
    undisturbed.run(FAST).expect(9);
    // Ids are the server's. The attempts and responses of a row that was in flight may differ.
    let plain = |desk: &Desk| -> Vec<Told> {
        let lines = desk.results("groups.results.csv").into_iter();
        lines.map(|line| Told { group_id: None, attempts: 0, http_status: None, ..line }).collect()
    };
    assert_eq!(plain(&desk), plain(&undisturbed));
    assert_eq!(desk.read("groups.rejects.csv"), undisturbed.read("groups.rejects.csv"));
}

#[test]
fn a_row_that_was_answered_before_the_cut_keeps_its_account() {
    let (_, server, desk) = cut_off();
    let journal = rusqlite::Connection::open(desk.path("groups.journal")).unwrap();
    let settled: Vec<(String, u16)> = journal
        .prepare("SELECT name, http_status FROM results WHERE status = 'created' ORDER BY id")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    drop(journal);
    assert!(settled.len() > 20, "{}", settled.len());
    let posts = server.all_posts();
    desk.run(FAST).expect(9);
    assert_eq!(server.all_posts() as usize, server.groups().len(), "{posts} before the cut");
    let lines = desk.results("groups.results.csv");
    for (name, http_status) in settled {
        let line = lines.iter().find(|line| line.name == name).unwrap();
        assert_eq!((line.status.as_str(), line.attempts, line.http_status), ("created", 1, Some(http_status)));
    }
}

#[test]
fn the_pace_is_kept_over_a_restart() {
    let (_, server, desk) = cut_off();
    desk.run(SLOW).expect(9);
    let most = server.tally(|tally| most_within(&tally.arrivals, Duration::from_secs(1)));
    assert!(most <= 200, "{most} requests in one second");
}

#[test]
fn a_kill_while_the_files_are_read_leaves_nothing_to_do_over() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name\nA\nB\n");
    let mut running = desk.start(&["import", "-", "--journal", "groups.journal"]);
    running.input().write_all(b"name\nX\nY\n").unwrap();
    wait_for("the journal", || desk.path("groups.journal").exists().then_some(()));
    running.kill();
    desk.run(FAST).expect(0);
    server.assert_each_once(&["A", "B"].map(str::to_owned));
}

#[test]
fn ctrl_c_and_sigterm_write_the_results_and_exit_130_and_a_rerun_finishes() {
    for signal in ["INT", "TERM"] {
        let rows = rows(300, 5, 5, 23);
        let server = Server::slow(Duration::from_millis(20));
        let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
        let running = desk.start(SLOW);
        server.wait_for_groups(60);
        running.signal(signal);
        running.end().expect(130).tells("interrupted");
        let lines = desk.results("groups.results.csv");
        let count = |status| lines.iter().filter(|line| line.status == status).count();
        assert_eq!(lines.len(), 300);
        assert_eq!(count("created"), server.groups().len(), "the requests in flight were waited for");
        assert!(count("pending") > 0 && count("unknown") == 0, "{:?}", statuses(&lines));
        desk.run(FAST).expect(9);
        server.assert_each_once(&good_names(&rows));
        assert_answers(&desk.results("groups.results.csv"), &rows, &server, "created");
    }
}

#[test]
fn a_second_ctrl_c_leaves_at_once_and_a_rerun_finishes() {
    let rows = good(12);
    let server = Server::under("[[fault]]\nkind = 'hang-after'\nmethod = 'POST'\nat = [4]");
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    let running = desk.start(&["import", "groups.csv", "--concurrency", "1"]);
    server.wait_for_groups(4);
    running.signal("INT");
    wait_for("the first signal's warning", || running.stderr().contains("interrupted").then_some(()));
    running.signal("INT");
    running.end().expect(130);
    desk.run(FAST).expect(0);
    server.assert_each_once(&good_names(&rows));
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created"; 12]);
}

#[test]
fn a_signal_while_the_files_are_read_exits_130() {
    for signal in ["INT", "TERM"] {
        let server = Server::calm();
        let desk = Desk::at(&server);
        let mut running = desk.start(&["import", "-"]);
        running.input().write_all(b"name\nX\n").unwrap();
        wait_for("the journal", || desk.path("stdin.journal").exists().then_some(()));
        running.signal(signal);
        wait_for("the end", || running.has_ended().then_some(()));
        running.end().expect(130);
        assert_eq!(server.requests(), 0);
    }
}

#[test]
fn a_file_that_was_mended_reordered_and_extended_continues() {
    let (mut rows, server, desk) = cut_off();
    let before = server.names();
    rows.retain(|row| row.kind == crate::support::Kind::Good);
    rows.reverse();
    let mut added = good(20);
    for row in &mut added {
        row.name.insert_str(0, "Added ");
    }
    rows.splice(5..5, added);
    desk.write("groups.csv", as_csv(&rows));
    desk.run(FAST).expect(0);
    server.assert_each_once(&good_names(&rows));
    assert!(before.iter().all(|name| server.posts(name) == 1));
    assert_answers(&desk.results("groups.results.csv"), &rows, &server, "created");
}

#[test]
fn fresh_begins_anew_and_takes_what_is_there_for_what_was_there() {
    let (rows, server, desk) = cut_off();
    let there = server.names();
    desk.run(&["import", "groups.csv", "--fresh"]).expect(9);
    server.assert_each_once(&good_names(&rows));
    for line in desk.results("groups.results.csv").iter().filter(|line| line.status != "duplicate") {
        let expected = match line.group_id {
            None => "invalid",
            Some(_) if there.contains(&line.name) => "exists",
            Some(_) => "created",
        };
        assert_eq!(line.status, expected, "{}", line.name);
    }
}

#[test]
fn a_run_that_ended_is_history_and_the_next_starts_from_what_is_there() {
    let rows = good(20);
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(FAST).expect(0);
    server.delete(&server.group(&rows[3].name).id);
    desk.run(FAST).expect(0);
    let lines = desk.results("groups.results.csv");
    let expected: Vec<&str> = (0..20).map(|index| if index == 3 { "created" } else { "exists" }).collect();
    assert_eq!(statuses(&lines), expected);
}

#[test]
fn a_row_that_was_in_flight_and_that_lists_show_late_is_not_sent_again() {
    let rows = good(60);
    // Not quite as long as a look-up bears with; names are not unique, so nothing else stops a second group.
    let options = Options { allow_same_names: true, latency: Duration::from_millis(20), ..Options::default() };
    let server = Server::start(options, "[[fault]]\nkind = 'lag'\nmillis = 5000");
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    let running = desk.start(&["import", "groups.csv"]);
    server.wait_for_groups(20);
    running.kill();
    desk.run(&["import", "groups.csv"]).expect(0);
    server.assert_each_once(&good_names(&rows));
}

#[test]
fn what_was_made_a_moment_ago_is_not_sent_again_by_a_new_run_before_lists_show_it() {
    let options = Options { allow_same_names: true, ..Options::default() };
    let server = Server::start(options, "[[fault]]\nkind = 'lag'\nmillis = 2000");
    let desk = Desk::at(&server).with("groups.csv", "name\nA\nB\nC\n");
    // All are begun at once, and leave one after the other: what counts is when their answers came.
    desk.run(&["import", "groups.csv", "--rate", "1/1500ms"]).expect(0);
    desk.run(&["import", "groups.csv", "--settle", "3s"]).expect(0);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["exists"; 3]);
    server.assert_each_once(&["A", "B", "C"].map(str::to_owned));
}

#[test]
fn a_file_that_was_emptied_and_filled_again_is_imported_anew_and_the_journal_stays_sound() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name\nA\n\"\"\nB\n");
    desk.run(&["import", "groups.csv", "--strict"]).expect(7);
    desk.write("groups.csv", "name\n");
    desk.run(FAST).expect(0);
    desk.write("groups.csv", "name\nA\nB\n");
    desk.run(FAST).expect(0);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created"; 2]);
    desk.run(FAST).expect(0);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["exists"; 2]);
    server.assert_each_once(&["A", "B"].map(str::to_owned));
}

#[test]
fn ctrl_c_does_not_go_through_the_rows_that_are_left() {
    let rows = good(6000);
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    let running = desk.start(SLOW);
    server.wait_for_groups(40);
    let start = Instant::now();
    running.signal("INT");
    running.end().expect(130);
    // No request takes time here; each of the 6,000 rows begun and given back again would.
    assert!(start.elapsed() < Duration::from_secs(8), "it took {:?} to stop", start.elapsed());
}

/// How many runs the journal knows, and how many rows it keeps.
fn runs_and_rows(desk: &Desk) -> (u64, u64) {
    let journal = rusqlite::Connection::open(desk.path("groups.journal")).unwrap();
    let counts = "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM rows)";
    journal.query_row(counts, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[test]
fn after_a_cut_an_unchanged_file_is_not_read_again() {
    let (rows, server, desk) = cut_off();
    assert_eq!(runs_and_rows(&desk), (1, 300));
    desk.run(FAST).expect(9).says("resuming interrupted run 1").says("first: groups.csv:");
    assert_eq!(runs_and_rows(&desk), (1, 300));
    assert_answers(&desk.results("groups.results.csv"), &rows, &server, "created");
}

#[test]
fn after_a_cut_a_changed_file_is_read_again_and_so_is_one_with_other_options() {
    let (rows, server, desk) = cut_off();
    desk.write("groups.csv", format!("{}New,,,\n", as_csv(&rows)));
    let running = desk.start(SLOW);
    server.wait_for_groups(server.groups().len() + 20);
    running.kill();
    assert_eq!(runs_and_rows(&desk).0, 2);
    desk.run(&[FAST, &["--on-duplicate", "merge"]].concat()).expect(9);
    assert_eq!(runs_and_rows(&desk).0, 3);
    let mut names = good_names(&rows);
    names.push("New".to_owned());
    server.assert_each_once(&names);
}

#[test]
fn a_later_run_over_an_unchanged_file_reports_the_same_problems() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name,members\nA,1\na,2\nB,x\nNULL,\n");
    let kinds = |text: &str| -> Vec<String> {
        let is_kind = |line: &&str| line.contains(" first: ");
        text.lines().filter(is_kind).map(str::to_owned).collect()
    };
    let first = kinds(&desk.run(&["import", "groups.csv"]).expect(9).stderr);
    assert_eq!(first.len(), 4, "{first:?}");
    let again = kinds(&desk.run(&["import", "groups.csv"]).expect(9).stderr);
    assert_eq!(again, first);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["exists", "duplicate", "invalid", "exists"]);
}
