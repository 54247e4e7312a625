//! What a person sees on a terminal, and what is left of it when the program ends.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::Server;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};
use tallyfy_groups::sandbox::Options;
use vt100::Parser;

const COLUMNS: u16 = 50;
const ROWS: u16 = 40;

/// The program on a terminal of 50 columns.
struct Session {
    child: Child,
    stdin: Option<ChildStdin>,
    keyboard: File,
    screen: Arc<Mutex<Parser>>,
    reader: JoinHandle<()>,
}

impl Session {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        // `interrupt` sends the signal itself. A terminal discards its output before it does so; here that could be later.
        let mut modes = tcgetattr(&master).unwrap();
        modes.local_modes |= LocalModes::NOFLSH;
        tcsetattr(&master, OptionalActions::Now, &modes).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = || Stdio::from(open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
        let mut child = Command::new(env!("CARGO_BIN_EXE_tallyfy-groups"))
            .args(arguments)
            .args(["--org", "acme"])
            .current_dir(folder)
            .env_clear()
            .env("TERM", "xterm")
            .env("TALLYFY_API_TOKEN", "secret-token")
            .stdin(Stdio::piped())
            .stdout(terminal())
            .stderr(terminal())
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let screen = Arc::new(Mutex::new(Parser::new(ROWS, COLUMNS, 0)));
        let (mut output, shown) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The terminal hangs up when the program has ended.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { stdin: child.stdin.take(), child, keyboard, screen, reader }
    }

    fn screen(&self) -> String {
        text(&self.screen)
    }

    /// Waits until the screen shows this.
    #[track_caller]
    fn wait_for(&self, text: &str) {
        let start = Instant::now();
        while !self.screen().contains(text) {
            assert!(start.elapsed() < Duration::from_secs(30), "{text:?} is not on the screen:\n{}", self.screen());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types Ctrl-C: the terminal echoes it, and the program gets the signal.
    fn interrupt(&mut self) {
        self.keyboard.write_all(b"\x03").unwrap();
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// The exit code, and the last screen.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        drop(self.stdin.take());
        self.reader.join().unwrap();
        (status.code(), text(&self.screen))
    }
}

/// The rows of the screen, each one on a line of its own even if the terminal wrapped it.
fn text(screen: &Mutex<Parser>) -> String {
    let parser = screen.lock().unwrap();
    let rows: Vec<String> = parser.screen().rows(0, COLUMNS).map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n")
}

#[track_caller]
fn assert_no_progress(screen: &str) {
    for part in ["reading  ", "listing groups", "sending  ", " left", "█", "░"] {
        assert!(!screen.contains(part), "{part:?} is left on the screen:\n{screen}");
    }
}

/// The number of rows that are done, and the line that shows it.
fn done(screen: &str) -> (u64, String) {
    let line = screen.lines().find(|line| line.starts_with("sending")).unwrap();
    let done = line.split_once('/').unwrap().0.trim_start_matches("sending").trim();
    (done.parse().unwrap(), line.to_owned())
}

fn folder_of_rows() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (1..=900).map(|row| format!("Group {row},d,{row}\n")).collect();
    fs::write(folder.path().join("groups.csv"), format!("name,description,members\n{}", rows.concat())).unwrap();
    folder
}

#[test]
fn progress_fits_50_columns_counts_what_earlier_runs_did_and_leaves_nothing_behind() {
    let folder = folder_of_rows();
    let mut first = Session::start(folder.path(), &["import", "groups.csv", "--sandbox"]);
    first.wait_for("/900  1%  ");
    let (before, line) = done(&first.screen());
    assert!(line.contains("/900  1%  ") && line.contains(" s left  ") && line.ends_with("/s"), "{line}");
    first.interrupt();
    let (code, screen) = first.end();
    assert_eq!(code, Some(130), "{screen}");
    assert!(screen.contains("\ngroups.csv → organization acme\n") && screen.contains("\njournal  "), "{screen}");
    assert_no_progress(&screen);

    let mut second = Session::start(folder.path(), &["import", "groups.csv", "--sandbox"]);
    second.wait_for("sending");
    let (after, line) = done(&second.screen());
    assert!(before >= 9 && after >= before, "{before}, and then {line}");
    second.interrupt();
    assert_no_progress(&second.end().1);
}

#[test]
fn a_second_interrupt_leaves_no_progress_behind() {
    let folder = folder_of_rows();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut session = Session::start(folder.path(), &["import", "groups.csv", "--base-url", &url]);
    session.wait_for("listing users");
    session.interrupt();
    session.wait_for("interrupted");
    session.wait_for("listing users");
    session.interrupt();
    let (code, screen) = session.end();
    assert_eq!(code, Some(130), "{screen}");
    assert_no_progress(&screen);
}

#[test]
fn an_interrupt_before_anything_is_sent_leaves_no_progress_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::start(folder.path(), &["import", "-", "--sandbox"]);
    session.wait_for("reading  0 rows");
    session.interrupt();
    let (code, screen) = session.end();
    assert_eq!(code, Some(130), "{screen}");
    assert_no_progress(&screen);
}

#[test]
fn an_export_on_the_terminal_cannot_move_the_cursor() {
    let options =
        Options { token: Some("secret-token".to_owned()), org: Some("acme".to_owned()), ..Options::default() };
    let (server, folder) = (Server::start(options, ""), tempfile::tempdir().unwrap());
    server.plant("g1", "Ops \u{1b}[2J\u{9b}2J");
    server.plant("g2", "Zoë, \u{202e}Team");
    let url = server.url();
    for (format, ops, zoë) in [
        ("csv", "g1,Ops \\u{1b}[2J\\u{9b}2J,,,\n", "g2,\"Zoë, \\u{202e}Team\",,,\n"),
        ("jsonl", "\"name\":\"Ops \\u001b[2J\\u009b2J\"", "\"name\":\"Zoë, \\u202eTeam\""),
    ] {
        let session = Session::start(folder.path(), &["export", "--format", format, "--base-url", &url]);
        let (code, screen) = session.end();
        assert_eq!(code, Some(0), "{screen}");
        // A long line is wrapped.
        let is_shown = |part: &str| screen.contains(part) || screen.replace('\n', "").contains(part);
        assert!(is_shown(ops) && is_shown(zoë), "{screen}");
        assert_no_progress(&screen);
    }
    let file = folder.path().join("groups.csv");
    let out = ["export", "--base-url", &url, "--out", "groups.csv"];
    assert_eq!(Session::start(folder.path(), &out).end().0, Some(0));
    assert!(fs::read_to_string(file).unwrap().contains("g1,Ops \u{1b}[2J\u{9b}2J,,,\n"), "a file is faithful");
}
