//! Links, pipes and devices are written through where they were typed, and refused elsewhere; the journal is its owner's.
#![cfg(unix)]

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown, symlink};

use crate::support::{Desk, ROWS, Server, refused, statuses};

#[test]
fn a_default_path_that_is_a_link_is_refused_and_a_typed_one_is_written_through() {
    let server = Server::calm();
    for name in ["groups.results.csv", "groups.rejects.csv"] {
        let desk = Desk::at(&server).with("groups.csv", ROWS).with("precious", "precious");
        symlink("precious", desk.path(name)).unwrap();
        refused(&desk, &server, 2, &[], name);
        assert_eq!(desk.read("precious"), "precious");
    }
    let desk =
        Desk::at(&server).with("groups.csv", ROWS).with("target", "longer than what is written in its place".repeat(9));
    symlink("target", desk.path("link")).unwrap();
    desk.run(&["import", "groups.csv", "--results", "link"]).expect(9);
    assert!(desk.path("link").is_symlink());
    assert_eq!(statuses(&desk.results("target")), ["created", "invalid", "created"]);
    symlink("precious", desk.path("groups.undo.csv")).unwrap();
    desk.run(&["undo", "groups.csv", "--yes"]).expect(2).says("groups.undo.csv").says("is a link");
    assert_eq!(server.groups().len(), 2);
}

#[test]
fn a_journal_that_is_a_link_or_that_others_can_write_is_refused() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("groups.csv", ROWS).with("other", "");
    symlink("other", desk.path("groups.journal")).unwrap();
    refused(&desk, &server, 2, &[], "groups.journal: is a link");
    fs::remove_file(desk.path("groups.journal")).unwrap();
    symlink("other", desk.path("groups.journal.lock")).unwrap();
    refused(&desk, &server, 2, &[], "groups.journal.lock: is a link");
    fs::remove_file(desk.path("groups.journal.lock")).unwrap();
    for mode in [0o620, 0o602] {
        desk.write("groups.journal", "");
        fs::set_permissions(desk.path("groups.journal"), Permissions::from_mode(mode)).unwrap();
        refused(&desk, &server, 2, &[], "can be written by other users");
    }
    assert_eq!((desk.read("other").as_str(), desk.read("groups.journal").as_str()), ("", ""));
    fs::set_permissions(desk.path("groups.journal"), Permissions::from_mode(0o600)).unwrap();
    // Only root can give a file away.
    if chown(desk.path("groups.journal"), Some(65534), None).is_ok() {
        refused(&desk, &server, 2, &[], "belongs to another user");
    }
}

#[test]
fn the_journal_and_its_side_files_are_their_owners_only() {
    let server = Server::slow(std::time::Duration::from_millis(20));
    let desk = Desk::at(&server).with("groups.csv", ROWS);
    let running = desk.start(&["import", "groups.csv"]);
    server.wait_for_groups(1);
    running.kill();
    let ours: Vec<String> = desk.files().into_iter().filter(|name| name.starts_with("groups.journal")).collect();
    assert!(ours.len() >= 4, "journal, log, lock and times of requests: {ours:?}");
    for name in ours {
        let mode = fs::metadata(desk.path(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// For root, a rename or a removal there breaks the machine.
#[test]
fn a_pipe_that_was_typed_is_written_and_never_replaced_or_removed() {
    for (rows, flag, written) in [("name\nA\n", "--rejects", 0), (ROWS, "--rejects", 2), (ROWS, "--results", 4)] {
        let server = Server::calm();
        let desk = Desk::at(&server).with("groups.csv", rows);
        let pipe = desk.path("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Both ends, so that neither blocks on the other.
        let mut ends = File::options().read(true).write(true).open(&pipe).unwrap();
        desk.run(&["import", "groups.csv", flag, "pipe"]).expect(if rows == ROWS { 9 } else { 0 });
        ends.write_all(b"END\n").unwrap();
        let lines: Vec<String> =
            BufReader::new(ends).lines().map(Result::unwrap).take_while(|line| line != "END").collect();
        assert_eq!(lines.len(), written, "{flag}: {lines:?}");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "{flag}: the pipe is gone");
    }
}

#[test]
fn a_cleaned_copy_is_written_through_links_and_devices() {
    let desk = Desk::bare().with("groups.csv", "name,description\n A ,a\n");
    let outcome = desk.run(&["validate", "groups.csv", "--fix", "/dev/stdout"]);
    assert!(outcome.stdout.contains("name,description\nA,a\n"), "{outcome:?}");
    desk.write("target", "");
    symlink("target", desk.path("link")).unwrap();
    symlink("/dev/stdout", desk.path("stdout")).unwrap();
    for path in ["link", "stdout"] {
        let outcome = desk.run(&["validate", "groups.csv", "--fix", path]);
        assert!(desk.path(path).is_symlink(), "{outcome:?}");
    }
    assert_eq!(desk.read("target"), "name,description\nA,a\n");
}
