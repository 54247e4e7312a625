//! Bad places: files that cannot be written, would be overwritten, or are another's. Nothing is sent then.

use std::io::Write;

use crate::support::{Desk, ROWS, Server, refused, statuses, wait_for};

#[test]
fn results_that_cannot_be_written_stop_the_import_before_anything_is_sent() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    std::fs::create_dir(desk.path("folder")).unwrap();
    for (flag, path) in [
        ("--results", "folder"),
        ("--results", "nowhere/results.csv"),
        ("--rejects", "folder"),
        ("--rejects", "nowhere/rejects.csv"),
        ("--journal", "folder"),
        ("--journal", "nowhere/journal"),
        ("--out-dir", "groups.csv/out"),
    ] {
        refused(&desk, &server, 2, &[flag, path], path.split('/').next().unwrap());
    }
}

#[test]
fn no_output_takes_the_place_of_an_input() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    for flag in ["--results", "--rejects", "--journal"] {
        for path in ["groups.csv", "./groups.csv", desk.path("groups.csv").to_str().unwrap()] {
            refused(&desk, &server, 2, &[flag, path], "groups.csv");
        }
    }
}

#[test]
fn no_output_takes_the_place_of_another() {
    for other in ["same.csv", "./same.csv", "folder/../same.csv", "ABSOLUTE"] {
        for (one, another) in [("--results", "--rejects"), ("--rejects", "--results"), ("--journal", "--results")] {
            let server = Server::calm();
            let desk = Desk::at(&server).with("groups.csv", ROWS);
            std::fs::create_dir(desk.path("folder")).unwrap();
            let absolute = desk.path("same.csv");
            let other = if other == "ABSOLUTE" { absolute.to_str().unwrap() } else { other };
            refused(&desk, &server, 2, &[one, "same.csv", another, other], "same");
        }
    }
}

#[test]
fn an_input_is_not_removed_as_rejects_of_an_earlier_run() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", "name\nA\n").with("groups.rejects.jsonl", "{\"name\": \"B\"}\n");
    let outcome = desk.run(&["import", "groups.csv", "groups.rejects.jsonl"]);
    assert!(desk.path("groups.rejects.jsonl").exists(), "the input is gone: {outcome:?}");
}

#[test]
fn rejects_that_somebody_mends_are_kept_when_the_import_is_run_again() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv"]).expect(9);
    desk.run(&["import", "groups.csv"]).expect(9);
    assert!(!desk.path("groups.rejects.csv.1").exists(), "nobody has touched them");
    desk.write("groups.rejects.csv", "name,members\nB,7\n");
    desk.run(&["import", "groups.csv"]).expect(9).says("groups.rejects.csv.1");
    assert_eq!(desk.read("groups.rejects.csv.1"), "name,members\nB,7\n");
    assert!(desk.read("groups.rejects.csv").contains("_error"));
    desk.write("groups.rejects.csv", "name\nC\n");
    desk.write("groups.csv", "name\nA\n");
    desk.run(&["import", "groups.csv"]).expect(0);
    assert_eq!(desk.read("groups.rejects.csv.2"), "name\nC\n");
    assert!(!desk.path("groups.rejects.csv").exists());
}

#[test]
fn rejects_of_another_import_stay() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.jsonl", "{\"name\": 5}\n").with("groups.csv", "name\nA\n");
    desk.run(&["import", "groups.jsonl", "--journal", "one"]).expect(9);
    assert!(desk.path("groups.rejects.jsonl").exists());
    desk.run(&["import", "groups.csv", "--journal", "two"]).expect(0);
    assert!(desk.path("groups.rejects.jsonl").exists(), "nobody has mended them yet");
}

#[test]
fn a_journal_of_another_organization_is_refused() {
    let server = Server::start(tallyfy_groups::sandbox::Options::default(), "");
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    desk.run(&["import", "groups.csv", "--limit", "1"]).expect(0);
    let requests = server.requests();
    desk.run(&["import", "groups.csv", "--org", "another"]).expect(2).says("groups.journal").says("another");
    desk.run(&["import", "groups.csv", "--sandbox", "--journal", "groups.journal"]).expect(2).says("groups.journal");
    assert_eq!(server.requests(), requests);
}

#[test]
fn a_file_that_is_no_journal_is_refused_and_left_alone() {
    let other = rusqlite_file();
    for bytes in [b"my precious notes".to_vec(), vec![b'x'; 100_000], other] {
        let server = Server::calm();
        let desk = Desk::at(&server).with("groups.csv", ROWS).with("notes", &bytes);
        refused(&desk, &server, 2, &["--journal", "notes"], "notes");
        assert!(std::fs::read(desk.path("notes")).unwrap() == bytes, "it was changed");
        assert_eq!(desk.files(), ["groups.csv", "notes"]);
    }
}

/// A database of somebody else.
fn rusqlite_file() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE runs (id INTEGER)").unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn a_second_import_over_a_journal_in_use_is_refused_and_names_the_process() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    let mut first = desk.start(&["import", "-", "--journal", "groups.journal"]);
    let id = first.id().to_string();
    first.input().write_all(b"name\nX\n").unwrap();
    wait_for("the first import's lock", || {
        let lock = std::fs::read_to_string(desk.path("groups.journal.lock")).ok()?;
        (lock.trim() == id).then_some(())
    });
    desk.run(&["import", "groups.csv"]).expect(4).says("groups.journal").says(&id);
    assert_eq!(server.requests(), 0);
    first.end().expect(0);
    assert_eq!(server.names(), ["X"]);
    desk.run(&["import", "groups.csv"]).expect(9);
    assert_eq!(server.names(), ["A", "C", "X"]);
}

#[test]
fn a_reader_never_sees_half_a_results_file() {
    let server = Server::slow(std::time::Duration::from_millis(20));
    let desk = Desk::at(&server).with("groups.csv", ROWS).with("groups.results.csv", "old");
    let running = desk.start(&["import", "groups.csv"]);
    let seen = wait_for("the new results", || {
        let text = std::fs::read_to_string(desk.path("groups.results.csv")).unwrap();
        (text != "old").then_some(text)
    });
    assert_eq!(seen.lines().count(), 4, "{seen}");
    running.end().expect(9);
    assert_eq!(statuses(&desk.results("groups.results.csv")), ["created", "invalid", "created"]);
}

#[test]
fn no_log_is_written_into_an_input_or_another_output() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    refused(&desk, &server, 2, &["-vv", "--log-file", "groups.csv"], "groups.csv");
    refused(&desk, &server, 2, &["-vv", "--log-file", "log", "--results", "log"], "log");
}

/// Root may write everywhere, so the system refuses instead.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_said_before_anything_is_sent() {
    let server = Server::calm();
    for name in ["groups.journal", ".tallyfy-groups-"] {
        let fault = crate::support::Fault::from("open", name, crate::support::EACCES, 1);
        let desk = Desk::at(&server).with("groups.csv", ROWS).under(fault, None);
        refused(&desk, &server, 2, &[], "--out-dir");
    }
}
