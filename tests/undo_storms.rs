//! However an `undo` is disturbed, the same command finishes it, and no group is deleted that should not be.

use std::time::Duration;

use crate::support::{Desk, Draft, Server, Told, as_csv, good, good_names, statuses, wait_for};
use serde_json::json;
use tallyfy_groups::sandbox::FaultScript;

const IMPORT: &[&str] = &["import", "groups.csv"];
const UNDO: &[&str] = &["undo", "groups.csv", "--yes"];

/// Groups, imported in calm weather, beside one that is not the import's.
fn imported(count: usize, latency: Duration) -> (Vec<Draft>, Server, Desk) {
    let rows = good(count);
    let server = Server::slow(latency);
    server.plant("old", "Theirs");
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    desk.run(IMPORT).expect(0);
    (rows, server, desk)
}

fn undone(desk: &Desk) -> Vec<Told> {
    desk.results("groups.undo.csv")
}

fn set_faults(server: &Server, faults: &str) {
    server.with(|simulation| simulation.set_faults(FaultScript::parse(faults).unwrap()));
}

/// Every group of the import is deleted, the other one is there, and the results say so.
#[track_caller]
fn assert_undone(rows: &[Draft], server: &Server, desk: &Desk) {
    assert_eq!(server.names(), ["Theirs"]);
    let lines = undone(desk);
    assert_eq!(statuses(&lines), vec!["deleted"; rows.len()]);
    let imported = desk.results("groups.results.csv");
    assert!(lines.iter().zip(&imported).all(|(line, row)| (line.row, &line.group_id) == (row.row, &row.group_id)));
}

#[test]
fn in_any_weather_every_group_is_deleted() {
    for kind in ["drop-before", "drop-after", "error-before", "error-after", "html-before", "html-after", "too-many"] {
        let (rows, server, desk) = imported(24, Duration::ZERO);
        let pause = if kind == "too-many" { "retry_after = '0'" } else { "" };
        set_faults(&server, &format!("[[fault]]\nkind = '{kind}'\nmethod = 'DELETE'\nevery = 5\n{pause}"));
        desk.run(UNDO).expect(0);
        assert_undone(&rows, &server, &desk);
        // What was applied is seen to be so by reading, and is not sent again.
        let most = server.deletes().into_iter().max().unwrap();
        assert!(if kind.ends_with("after") { most == 1 } else { most > 1 }, "{kind}: {most}");
    }
}

#[test]
fn deletions_that_are_done_hold_nothing_up_although_every_one_is_answered_with_an_error() {
    let (rows, server, desk) = imported(60, Duration::ZERO);
    set_faults(&server, "[[fault]]\nkind = 'error-after'\nmethod = 'DELETE'");
    let start = std::time::Instant::now();
    desk.run(UNDO).expect(0);
    assert_undone(&rows, &server, &desk);
    // Pauses that grow would take minutes.
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn reads_that_fail_are_repeated_and_answers_that_never_come_are_given_up() {
    for faults in [
        "[[fault]]\nkind = 'hang-before'\nmethod = 'DELETE'\nat = [2, 7]",
        "[[fault]]\nkind = 'hang-after'\nmethod = 'DELETE'\nat = [2, 7]",
        "[[fault]]\nkind = 'html-before'\nmethod = 'GET'\nevery = 4\nstatus = 404",
        "[[fault]]\nkind = 'cut'\nmethod = 'GET'\nevery = 3",
        "[[fault]]\nkind = 'empty'\nmethod = 'DELETE'\nevery = 3",
    ] {
        let (rows, server, desk) = imported(12, Duration::ZERO);
        set_faults(&server, faults);
        desk.run(&[UNDO, &["--timeout", "1s"]].concat()).expect(0);
        assert_undone(&rows, &server, &desk);
    }
}

#[test]
fn a_group_that_cannot_be_deleted_has_failed_and_a_later_undo_tries_again() {
    let (rows, server, desk) = imported(3, Duration::ZERO);
    set_faults(&server, "[[fault]]\nkind = 'error-before'\nmethod = 'DELETE'");
    desk.run(&[UNDO, &["--max-attempts", "2"]].concat()).expect(9);
    let lines = undone(&desk);
    assert_eq!(statuses(&lines), ["failed"; 3]);
    assert!(lines.iter().all(|line| (line.attempts, line.error_code.as_deref()) == (2, Some("http-500"))), "{lines:?}");
    server.heal();
    desk.run(UNDO).expect(0);
    assert_undone(&rows, &server, &desk);
    assert!(undone(&desk).iter().all(|line| line.attempts == 3));
}

#[test]
fn a_group_that_is_changed_while_others_are_being_deleted_is_left_alone() {
    let (rows, server, desk) = imported(12, Duration::from_millis(100));
    let last = server.group(&rows[11].name);
    let running = desk.start(&[UNDO, &["--concurrency", "1"]].concat());
    // Two requests for each of the eleven before it, and each takes its time.
    wait_for("the first DELETE", || (!server.deletes().is_empty()).then_some(()));
    server.meddle("PUT", &last.id, &json!({"name": "Taken over"}), Duration::ZERO);
    running.end().expect(9).tells("its name is `Taken over`");
    assert_eq!(server.names(), ["Taken over", "Theirs"]);
    assert_eq!(statuses(&undone(&desk)), [&["deleted"; 11][..], &["held"]].concat());
}

#[test]
fn ctrl_c_stops_in_order_and_the_same_command_goes_on() {
    let (rows, server, desk) = imported(150, Duration::from_millis(20));
    let running = desk.start(&[UNDO, &["--rate", "100/s"]].concat());
    wait_for("ten DELETEs", || (server.deletes().len() >= 10).then_some(()));
    running.signal("INT");
    running.end().expect(130).says("interrupted");
    let lines = undone(&desk);
    let count = |status| lines.iter().filter(|line| line.status == status).count();
    assert_eq!((count("deleted"), lines.len()), (151 - server.groups().len(), 150));
    assert_eq!(count("pending") + count("deleted"), 150, "nothing is left in doubt: {:?}", statuses(&lines));
    assert!(count("pending") > 0);
    desk.run(UNDO).expect(0);
    assert_undone(&rows, &server, &desk);
    assert_eq!(server.deletes(), [1; 150]);
}

#[test]
fn while_it_runs_nothing_else_uses_the_journal() {
    let (rows, server, desk) = imported(8, Duration::from_millis(100));
    let running = desk.start(&[UNDO, &["--concurrency", "1"]].concat());
    wait_for("the first DELETE", || (!server.deletes().is_empty()).then_some(()));
    desk.run(IMPORT).expect(4).says("another run (process");
    desk.run(UNDO).expect(4).says("another run (process");
    running.end().expect(0);
    assert_undone(&rows, &server, &desk);
}

#[test]
fn after_kill_9_the_same_command_finishes() {
    let (rows, server, desk) = imported(80, Duration::from_millis(20));
    for deletes in [10, 30] {
        let running = desk.start(&[UNDO, &["--rate", "100/s"]].concat());
        wait_for("DELETEs", || (server.deletes().len() >= deletes).then_some(()));
        running.kill();
    }
    assert!(server.groups().len() > 1, "cut in the middle");
    desk.run(UNDO).expect(0);
    assert_undone(&rows, &server, &desk);
    assert!(server.deletes().into_iter().all(|count| count <= 2), "{:?}", server.deletes());
}

#[test]
fn a_token_that_dies_ends_it_with_3_and_a_new_one_goes_on() {
    let (rows, server, desk) = imported(20, Duration::ZERO);
    set_faults(&server, "[[fault]]\nkind = 'token-dies'\nmethod = 'DELETE'\nat = [8]");
    desk.run(&[UNDO, &["--concurrency", "2"]].concat()).expect(3).says("refused the token");
    let lines = undone(&desk);
    assert!(statuses(&lines).contains(&"deleted") && statuses(&lines).contains(&"pending"), "{lines:?}");
    desk.run(UNDO).expect(3);
    assert_eq!(undone(&desk), lines, "nothing was done");
    server.heal();
    desk.run(UNDO).expect(0);
    assert_undone(&rows, &server, &desk);
}

/// An import that is killed while its third row is being sent.
fn cut_off(fault: &str) -> (Vec<Draft>, Server, Desk) {
    // Without guests: rows that carry some have lanes of their own, and would not come in the order of the file.
    let rows: Vec<Draft> = good(6).into_iter().map(|row| Draft { guests: Vec::new(), ..row }).collect();
    let server = Server::under(&format!("[[fault]]\nkind = '{fault}'\nmethod = 'POST'\nat = [3]"));
    server.plant("old", "Theirs");
    let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
    let running = desk.start(&["import", "groups.csv", "--concurrency", "1"]);
    wait_for("the third row", || (server.posts(&rows[2].name) == 1).then_some(()));
    running.kill();
    (rows, server, desk)
}

#[test]
fn what_was_being_sent_when_the_import_was_cut_off_is_looked_for_and_taken_back_too() {
    for (fault, third) in [("hang-after", "deleted"), ("hang-before", "gone")] {
        let (rows, server, desk) = cut_off(fault);
        desk.run(&[UNDO, &["--settle", "1s"]].concat()).expect(0);
        assert_eq!(server.names(), ["Theirs"]);
        let lines = undone(&desk);
        assert_eq!(statuses(&lines)[..3], ["deleted", "deleted", third]);
        assert_eq!(lines[2].group_id.is_some(), third == "deleted");
        let outcome = desk.run(&["import", "groups.csv", "--settle", "1s"]).expect(0);
        assert!(!outcome.stderr.contains("going on"), "{}", outcome.stderr);
        assert_eq!(statuses(&desk.results("groups.results.csv")), ["created"; 6]);
        assert_eq!(server.groups().len(), good_names(&rows).len() + 1);
    }
}

#[test]
fn a_group_that_may_be_ours_but_is_not_as_it_was_sent_is_left_alone_also_by_force() {
    let (rows, server, desk) = cut_off("hang-after");
    server.meddle("PUT", &server.group(&rows[2].name).id, &json!({"members": [77]}), Duration::ZERO);
    for flags in [&["--settle", "1s"][..], &["--force"]] {
        desk.run(&[UNDO, flags].concat()).expect(9).tells("not as it was sent: +77");
        assert_eq!(statuses(&undone(&desk))[..3], ["deleted", "deleted", "unknown"]);
        assert!(server.names().contains(&rows[2].name));
    }
}
