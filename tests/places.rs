//! Bad places: files that cannot be written, would be overwritten, or are another's. Nothing is sent then.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::Write;

use support::{Desk, Server, statuses, wait_for};

const ROWS: &str = "name,members\nA,1\nB,x\nC,2\n";

/// The import is refused with this code, the input is whole, and nothing was sent.
#[track_caller]
fn refused(desk: &Desk, server: &Server, code: i32, flags: &[&str], part: &str) {
    let arguments = [&["import", "groups.csv"], flags].concat();
    desk.run(&arguments).expect(code).says(part);
    assert_eq!(server.requests(), 0);
    assert_eq!(desk.read("groups.csv"), ROWS);
}

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
        desk.run(&arguments).expect(2).says("groups.results.csv is a results file").says("rejects");
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

#[cfg(unix)]
#[test]
fn a_default_path_that_is_a_link_is_refused_and_a_typed_one_is_written_through() {
    let server = Server::calm();
    for name in ["groups.results.csv", "groups.rejects.csv"] {
        let desk = Desk::at(&server).with("groups.csv", ROWS).with("precious", "precious");
        std::os::unix::fs::symlink("precious", desk.path(name)).unwrap();
        refused(&desk, &server, 2, &[], name);
        assert_eq!(desk.read("precious"), "precious");
    }
    let desk =
        Desk::at(&server).with("groups.csv", ROWS).with("target", "longer than what is written in its place".repeat(9));
    std::os::unix::fs::symlink("target", desk.path("link")).unwrap();
    desk.run(&["import", "groups.csv", "--results", "link"]).expect(9);
    assert!(desk.path("link").is_symlink());
    assert_eq!(statuses(&desk.results("target")), ["created", "invalid", "created"]);
    std::os::unix::fs::symlink("precious", desk.path("groups.undo.csv")).unwrap();
    desk.run(&["undo", "groups.csv", "--yes"]).expect(2).says("groups.undo.csv").says("is a link");
    assert_eq!(server.groups().len(), 2);
}

#[cfg(unix)]
#[test]
fn a_journal_that_is_a_link_or_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS).with("other", "");
    std::os::unix::fs::symlink("other", desk.path("groups.journal")).unwrap();
    refused(&desk, &server, 2, &[], "groups.journal: is a link");
    std::fs::remove_file(desk.path("groups.journal")).unwrap();
    std::os::unix::fs::symlink("other", desk.path("groups.journal.lock")).unwrap();
    refused(&desk, &server, 2, &[], "groups.journal.lock: is a link");
    std::fs::remove_file(desk.path("groups.journal.lock")).unwrap();
    for mode in [0o620, 0o602] {
        desk.write("groups.journal", "");
        std::fs::set_permissions(desk.path("groups.journal"), PermissionsExt::from_mode(mode)).unwrap();
        refused(&desk, &server, 2, &[], "can be written by other users");
    }
    assert_eq!((desk.read("other").as_str(), desk.read("groups.journal").as_str()), ("", ""));
    std::fs::set_permissions(desk.path("groups.journal"), PermissionsExt::from_mode(0o600)).unwrap();
    // Only root can give a file away.
    if std::os::unix::fs::chown(desk.path("groups.journal"), Some(65534), None).is_ok() {
        refused(&desk, &server, 2, &[], "belongs to another user");
    }
}

#[cfg(unix)]
#[test]
fn the_journal_and_its_side_files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::slow(std::time::Duration::from_millis(20));
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    let running = desk.start(&["import", "groups.csv"]);
    server.wait_for_groups(1);
    running.kill();
    let ours: Vec<String> = desk.files().into_iter().filter(|name| name.starts_with("groups.journal")).collect();
    assert!(ours.len() >= 4, "journal, log, lock and times of requests: {ours:?}");
    for name in ours {
        let mode = std::fs::metadata(desk.path(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
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

/// For root, a rename or a removal there breaks the machine.
#[cfg(unix)]
#[test]
fn a_pipe_that_was_typed_is_written_and_never_replaced_or_removed() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::FileTypeExt;
    for (rows, flag, written) in [("name\nA\n", "--rejects", 0), (ROWS, "--rejects", 2), (ROWS, "--results", 4)] {
        let server = Server::calm();
        let desk = Desk::at(&server).with("groups.csv", rows);
        let pipe = desk.path("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Both ends, so that nobody waits for the other.
        let mut ends = std::fs::File::options().read(true).write(true).open(&pipe).unwrap();
        desk.run(&["import", "groups.csv", flag, "pipe"]).expect(if rows == ROWS { 9 } else { 0 });
        ends.write_all(b"END\n").unwrap();
        let lines: Vec<String> =
            BufReader::new(ends).lines().map(Result::unwrap).take_while(|line| line != "END").collect();
        assert_eq!(lines.len(), written, "{flag}: {lines:?}");
        assert!(std::fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "{flag}: the pipe is gone");
    }
}

#[cfg(unix)]
#[test]
fn a_cleaned_copy_is_written_through_links_and_devices() {
    let desk = Desk::bare().with("groups.csv", "name,description\n A ,a\n");
    let outcome = desk.run(&["validate", "groups.csv", "--fix", "/dev/stdout"]);
    assert!(outcome.stdout.contains("name,description\nA,a\n"), "{outcome:?}");
    desk.write("target", "");
    std::os::unix::fs::symlink("target", desk.path("link")).unwrap();
    std::os::unix::fs::symlink("/dev/stdout", desk.path("stdout")).unwrap();
    for path in ["link", "stdout"] {
        let outcome = desk.run(&["validate", "groups.csv", "--fix", path]);
        assert!(desk.path(path).is_symlink(), "{outcome:?}");
    }
    assert_eq!(desk.read("target"), "name,description\nA,a\n");
}

/// Root may write everywhere, so the system refuses instead.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_said_before_anything_is_sent() {
    let server = Server::calm();
    for name in ["groups.journal", ".tallyfy-groups-"] {
        let fault = support::Fault::from("open", name, support::EACCES, 1);
        let desk = Desk::at(&server).with("groups.csv", ROWS).under(fault, None);
        refused(&desk, &server, 2, &[], "--out-dir");
    }
}
