//! One user's place: a folder and an environment of its own, in which the program is run as a process.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use super::server::{ORG, Server, TOKEN};
use super::wait_for;

/// A folder and an environment; the folder is gone when this is dropped.
pub(crate) struct Desk {
    root: TempDir,
    variables: Vec<(String, String)>,
}

impl Desk {
    /// Nothing is set.
    pub(crate) fn bare() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("work")).unwrap();
        Self { root, variables: Vec::new() }
    }

    /// Set up for a server, without a pace.
    pub(crate) fn at(server: &Server) -> Self {
        Self::bare()
            .set("TALLYFY_BASE_URL", &server.url())
            .set("TALLYFY_ORG_ID", ORG)
            .set("TALLYFY_API_TOKEN", TOKEN)
            .set("TALLYFY_RATE", "none")
    }

    /// Sets a variable.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self = self.unset(name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a variable away.
    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// With one file in the folder already.
    pub(crate) fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    /// The folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|reason| panic!("{name}: {reason}"))
    }

    /// The names in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs the program to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Outcome {
        self.start(arguments).end()
    }

    /// Runs the program over what is written to its standard input.
    pub(crate) fn run_over<A: AsRef<OsStr>>(&self, input: impl AsRef<[u8]>, arguments: &[A]) -> Outcome {
        let mut running = self.start(arguments);
        // A program that ends without reading is judged by how it ended.
        let _ = running.input().write_all(input.as_ref());
        running.end()
    }

    /// Starts the program.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Running {
        self.start_on(Stdio::piped(), arguments)
    }

    /// Starts the program on this standard input.
    pub(crate) fn start_on<A: AsRef<OsStr>>(&self, input: impl Into<Stdio>, arguments: &[A]) -> Running {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let logs = tempfile::tempdir_in(self.root.path()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tallyfy-groups"))
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", path)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(input)
            .stdout(File::create(logs.path().join("stdout")).unwrap())
            .stderr(File::create(logs.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Running { child, logs }
    }
}

/// The program under way; killed if it is dropped before its end.
pub(crate) struct Running {
    child: Child,
    logs: TempDir,
}

impl Running {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input, which stays open until its end is waited for.
    pub(crate) fn input(&mut self) -> &mut ChildStdin {
        self.child.stdin.as_mut().unwrap()
    }

    /// What it has written on standard output so far.
    pub(crate) fn stdout(&self) -> String {
        read(self.logs.path(), "stdout")
    }

    /// What it has written on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        read(self.logs.path(), "stderr")
    }

    /// kill -9.
    pub(crate) fn kill(mut self) -> Outcome {
        self.child.kill().unwrap();
        self.end()
    }

    /// Sends a signal by its name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success(), "kill -s {name} {id}");
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Outcome {
        drop(self.child.stdin.take());
        let status = wait_for("the program's end", || self.child.try_wait().unwrap());
        let (stdout, stderr) = (read(self.logs.path(), "stdout"), read(self.logs.path(), "stderr"));
        Outcome { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(folder: &Path, name: &str) -> String {
    String::from_utf8(fs::read(folder.join(name)).unwrap()).unwrap()
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Outcome {
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The exit code; none if a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// It ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Standard error says this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in\n{}", self.stderr);
        self
    }

    /// Standard output or standard error tells this.
    #[track_caller]
    pub(crate) fn tells(self, text: &str) -> Self {
        let is_told = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(is_told, "{text:?} is not in\n{}\nand not in\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as one JSON object.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.stdout.lines().count(), 1, "{}", self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
