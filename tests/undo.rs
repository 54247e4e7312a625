//! `undo` deletes what one run created, all of it and nothing else.

use std::time::Duration;

use crate::support::{Desk, Server, Told, as_csv, good, statuses};
use serde_json::json;

const ROWS: &str = "name,description,members,guests\nA,a,1;2,a@example.com\nB,,,\nC,c,3,\nD,d,,\nE,e,,\n";
const IMPORT: &[&str] = &["import", "groups.csv"];
const UNDO: &[&str] = &["undo", "groups.csv", "--yes"];

/// The five groups of `ROWS`, imported.
fn imported() -> (Server, Desk) {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(IMPORT).expect(0);
    (server, desk)
}

fn undone(desk: &Desk) -> Vec<Told> {
    desk.results("groups.undo.csv")
}

#[test]
fn what_the_run_created_is_deleted_and_what_was_there_before_or_since_stays() {
    let server = Server::calm();
    server.plant("old", "b");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(IMPORT).expect(0);
    server.plant("new", "Theirs");
    let outcome = desk.run(UNDO).expect(0);
    assert_eq!(server.names(), ["Theirs", "b"]);
    assert_eq!(server.deletes(), [1; 4]);
    let imported = desk.results("groups.results.csv");
    let expected: Vec<Told> = imported
        .into_iter()
        .filter(|line| line.status == "created")
        .map(|line| Told { status: "deleted".to_owned(), attempts: 1, http_status: Some(204), ..line })
        .collect();
    assert_eq!(expected.len(), 4);
    assert_eq!(undone(&desk), expected);
    for part in ["run 1 of ", "  - delete   A  2 members", "  4 to delete\n", "undo: groups.csv → ", "groups.undo.csv"]
    {
        assert!(outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
    }
}

#[test]
fn an_import_names_its_run_and_any_run_can_be_taken_back() {
    let (server, desk) = imported();
    desk.write("groups.csv", format!("{ROWS}F,,,\n"));
    let second = desk.run(&["import", "groups.csv", "--json"]).expect(0).json();
    assert_eq!(second["run"], 2);
    let third = desk.run(IMPORT).expect(0);
    assert!(third.stdout.contains("groups.journal (run 3)"), "{}", third.stdout);
    let latest = desk.run(&[UNDO, &["--run", "3"]].concat()).expect(0).tells("run 3 changed nothing");
    let latest = latest.tells("run 1 over groups.csv of ").tells("(5 groups changed)");
    assert!(latest.stdout.contains("(1 group changed)"), "{}", latest.stdout);
    assert!(server.deletes().is_empty() && !desk.path("groups.undo.csv").exists());
    desk.run(&[UNDO, &["--run", "7"]].concat()).expect(2).says("no run 7").says("run 2 over groups.csv of ");
    desk.run(&[UNDO, &["--run", "1"]].concat()).expect(0);
    assert_eq!(server.names(), ["F"]);
    desk.run(&[UNDO, &["--run", "2"]].concat()).expect(0);
    assert!(server.names().is_empty());
}

#[test]
fn without_a_run_the_latest_that_changed_something_and_is_not_undone_is_undone() {
    let (server, desk) = imported();
    desk.write("groups.csv", format!("{ROWS}F,,,\n"));
    desk.run(IMPORT).expect(0);
    desk.run(IMPORT).expect(0);
    for left in [&["A", "B", "C", "D", "E"][..], &[]] {
        desk.run(&["undo", "groups.journal", "--yes"]).expect(0);
        assert_eq!(server.names(), left);
    }
    let requests = server.requests();
    for undo in [UNDO, &["undo", "groups.journal", "--yes"]] {
        desk.run(undo).expect(2).says("not undone yet").says("run 1 over groups.csv of ").says("5 taken back");
    }
    assert_eq!(server.requests(), requests);
}

#[test]
fn without_a_terminal_and_without_yes_the_list_is_shown_and_nothing_is_deleted() {
    let (server, desk) = imported();
    let outcome = desk.run(&["undo", "groups.csv"]).expect(2).says("add --yes").says("5 groups");
    assert!(outcome.stdout.contains("to delete"), "{}", outcome.stdout);
    assert_eq!((server.groups().len(), server.deletes().len()), (5, 0));
    assert_eq!(desk.files(), ["groups.csv", "groups.journal", "groups.results.csv"]);
    let journal = rusqlite::Connection::open(desk.path("groups.journal")).unwrap();
    let state: String = journal.query_row("SELECT state FROM runs", [], |row| row.get(0)).unwrap();
    assert_eq!(state, "ended", "nobody has taken it back");
}

/// A terminal: the end a person types into, and the end a program reads from.
#[cfg(unix)]
pub(crate) fn terminal() -> (std::fs::File, std::fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
    let input = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).unwrap();
    (keyboard.into(), input.into())
}

#[cfg(unix)]
#[test]
fn on_a_terminal_the_number_of_groups_is_asked_for_and_what_was_typed_before_the_question_does_not_count() {
    use std::io::Write;
    let (server, desk) = imported();
    let question = format!("Type 5 to delete 5 groups of organization {}: ", crate::support::ORG);
    for (answer, left) in [("y\n", 5), ("5\n", 0)] {
        let (mut keyboard, input) = terminal();
        keyboard.write_all(b"5\n5\ny\n").unwrap();
        let mut running = desk.start_on(input, &["undo", "groups.csv"]);
        crate::support::wait_for("the question", || running.stderr().contains(&question).then_some(()));
        assert!(!running.has_ended() && server.groups().len() == 5, "an answer is awaited");
        keyboard.write_all(answer.as_bytes()).unwrap();
        let outcome = running.end().expect(0);
        assert_eq!(server.groups().len(), left, "{answer:?}: {outcome:?}");
        assert_eq!(outcome.stderr.contains("nothing was changed"), left > 0);
    }
}

#[test]
fn a_group_that_was_changed_since_is_left_alone_and_named_unless_forced() {
    let (server, desk) = imported();
    let id = |name: &str| server.group(name).id;
    let now = Duration::ZERO;
    server.meddle("PUT", &id("A"), &json!({"guests": []}), now);
    server.meddle("PUT", &id("B"), &json!({"name": "\u{1b}[2J50% \u{1f680}"}), now);
    server.meddle("PUT", &id("C"), &json!({"members": [3, 4], "description": "other"}), now);
    server.meddle("PUT", &id("D"), &json!({}), Duration::from_mins(5));
    for _ in 0..2 {
        let outcome = desk.run(UNDO).expect(9).tells("! held").tells("its name is `\\u{1b}[2J50% \u{1f680}`");
        assert!(!outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'), "{outcome:?}");
        let lines = undone(&desk);
        assert_eq!(statuses(&lines), ["held", "held", "held", "held", "deleted"]);
        assert!(lines[..4].iter().all(|line| line.error_code.as_deref() == Some("held") && line.attempts == 0));
        let whys: Vec<&str> = lines[..4].iter().map(|line| line.error.as_deref().unwrap()).collect();
        // The groups may have been created in different seconds.
        let why = |index: usize| whys[index].split("; changed on the server at ").next().unwrap();
        assert_eq!((why(0), why(2)), ("changed since: -guest a@example.com", "changed since: description; +4"));
        assert!(whys[3].starts_with("changed on the server at 2024-05-21T18:05"), "{}", whys[3]);
        assert_eq!((server.groups().len(), server.deletes()), (4, vec![1]));
    }
    desk.run(&[UNDO, &["--force"]].concat()).expect(0);
    assert_eq!(statuses(&undone(&desk)), ["deleted"; 5]);
    assert!(server.names().is_empty());
}

#[test]
fn a_group_that_is_not_there_any_more_is_gone_and_one_that_lists_hide_is_not() {
    let server = Server::under("[[fault]]\nkind = 'lag'\nmillis = 600000");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(IMPORT).expect(0);
    server.meddle("DELETE", &server.group("C").id, &json!(null), Duration::ZERO);
    desk.run(UNDO).expect(0).tells("= gone     C\n");
    assert_eq!(statuses(&undone(&desk)), ["deleted", "deleted", "gone", "deleted", "deleted"]);
    assert!(server.names().is_empty());
}

#[test]
fn an_import_after_it_creates_again_and_a_second_undo_has_nothing_to_do() {
    let (server, desk) = imported();
    desk.run(UNDO).expect(0);
    let requests = server.requests();
    let again = desk.run(&[UNDO, &["--run", "1", "--json"]].concat()).expect(0).json();
    assert_eq!((&again["statuses"]["deleted"], server.requests()), (&json!(5), requests));
    let outcome = desk.run(IMPORT).expect(0);
    assert!(!outcome.stderr.contains("going on"), "{}", outcome.stderr);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created"; 5]);
    assert_eq!(server.groups().len(), 5);
    desk.run(UNDO).expect(0);
    assert!(server.names().is_empty());
}

#[test]
fn rows_that_exist_only_because_of_a_run_taken_back_since_are_created_when_theirs_goes_on() {
    let server = Server::under("[[fault]]\nkind = 'hang-before'\nmethod = 'POST'\nat = [6]");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(IMPORT).expect(0);
    desk.write("groups.csv", format!("{ROWS}F,,,\n"));
    let running = desk.start(IMPORT);
    crate::support::wait_for("F to be sent", || (server.posts("F") == 1).then_some(()));
    running.kill();
    desk.run(&[UNDO, &["--run", "1"]].concat()).expect(0);
    desk.run(&["import", "groups.csv", "--settle", "1s"]).expect(0).says("resuming interrupted run");
    assert_eq!(server.names(), ["A", "B", "C", "D", "E", "F"]);
}

#[test]
fn as_json_it_is_one_object_and_the_list_goes_to_standard_error() {
    let (server, desk) = imported();
    server.meddle("PUT", &server.group("A").id, &json!({"name": "Z"}), Duration::ZERO);
    let outcome = desk.run(&[UNDO, &["--json", "--results", "r.jsonl"]].concat()).expect(9).says("its name is `Z`");
    let summary = outcome.json();
    for (key, expected) in
        [("rows", json!(5)), ("run", json!(1)), ("exit_code", json!(9)), ("results", json!("r.jsonl"))]
    {
        assert_eq!(summary[key], expected, "{key}");
    }
    let statuses = json!({"deleted": 4, "gone": 0, "held": 1, "failed": 0, "unknown": 0, "pending": 0});
    assert_eq!((&summary["statuses"], &summary["journal"]), (&statuses, &json!("groups.journal")));
    assert_eq!((desk.read("r.jsonl").lines().count(), &summary["stopped"]), (5, &json!(null)));
}

#[test]
fn the_run_of_a_simulated_organization_is_taken_back_too() {
    let rows = good(30);
    let desk = Desk::bare().with("groups.csv", as_csv(&rows));
    let import = ["import", "groups.csv", "--sandbox"];
    // At ten a second, so that the groups are not all of one moment.
    desk.run(&import).expect(0);
    desk.run(&["undo", "groups.csv"]).expect(2).says("TALLYFY_ORG_ID");
    desk.run(&["undo", "groups.csv", "--sandbox", "--yes", "--rate", "none"]).expect(0);
    assert_eq!(statuses(&desk.results("groups.sandbox.undo.csv")), ["deleted"; 30]);
    desk.run(&[&import[..], &["--rate", "none"]].concat()).expect(0);
    assert_eq!(statuses(&desk.results("groups.sandbox.results.csv")), ["created"; 30]);
}

#[test]
fn a_journal_that_is_not_there_or_anothers_is_refused_and_nothing_is_made() {
    let (server, desk) = imported();
    let files = desk.files();
    desk.write("text.journal", "no journal");
    desk.write("empty.journal", "");
    for (arguments, part) in [
        (&["undo", "--yes"][..], "FILE"),
        (&["undo", "other.csv", "--yes", "--out-dir", "out"], "other.journal"),
        (&["undo", "--journal", "nowhere/x", "--yes"], "nowhere/x"),
        (&["undo", "text.journal", "--yes"], "not a journal of tallyfy-groups"),
        (&["undo", "empty.journal", "--yes"], "there is none"),
        (&["undo", "groups.csv", "--yes", "--org", "another"], "belongs to organization"),
        (&["undo", "groups.csv", "--yes", "--sandbox"], "groups.sandbox.journal"),
        (&["undo", "groups.journal", "--yes", "--sandbox"], "belongs to organization"),
        (&["undo", "groups.csv", "--yes", "--results", "groups.csv"], "groups.csv"),
        (&["undo", "groups.csv", "--yes", "--results", "groups.journal"], "same file"),
        (&["undo", "groups.csv", "--yes", "--results", "nowhere/r.csv"], "nowhere"),
    ] {
        desk.run(arguments).expect(2).says(part);
    }
    std::fs::remove_file(desk.path("text.journal")).unwrap();
    std::fs::remove_file(desk.path("empty.journal")).unwrap();
    assert_eq!((desk.files(), desk.read("groups.csv").as_str()), (files, ROWS));
    assert_eq!((server.groups().len(), server.deletes().len()), (5, 0));
    desk.run(&["undo", "groups.journal", "--yes"]).expect(0);
    assert!(server.names().is_empty() && desk.path("groups.undo.csv").exists());
}

#[test]
fn groups_that_may_not_be_read_stop_an_undo_with_the_exit_code_of_a_refused_list() {
    for (status, code) in [(403, 3), (500, 1)] {
        // The import reads the list of groups.
        let faults = format!("[[fault]]\nkind = 'error-before'\nmethod = 'GET'\nstatus = {status}\nfrom = 2");
        let server = Server::under(&faults);
        let desk = Desk::at(&server).with("groups.csv", "name,description\nA,a\n");
        desk.run(IMPORT).expect(0);
        desk.run(&[UNDO, &["--max-attempts", "1"]].concat()).expect(code).says(&status.to_string());
        assert_eq!((server.groups().len(), server.deletes()), (1, vec![]));
    }
}
