//! A shell in a folder with the files that the documentation names, and a simulated server.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tallyfy_groups::sandbox::Options;

use crate::support::{Desk, Server};

/// The organization and the token that the README names.
const PLACEHOLDERS: (&str, &str) = ("your_organization_id", "your_token");

/// The text of the first block of this language.
pub(crate) fn block(page: &'static str, language: &str) -> &'static str {
    let start = page.find(&format!("```{language}\n")).unwrap() + language.len() + 4;
    page[start..].split("```").next().unwrap()
}

/// A folder with the files that the pages name, and a server.
pub(crate) struct Scene {
    pub(crate) desk: Desk,
    pub(crate) server: Server,
    exports: String,
}

impl Scene {
    /// `groups` is the content of `groups.csv`.
    pub(crate) fn new(groups: &str) -> Self {
        let (org, token) = PLACEHOLDERS;
        let options = Options { org: Some(org.to_owned()), token: Some(token.to_owned()), ..Options::default() };
        let desk = Desk::bare()
            .with("groups.csv", groups)
            .with("groups.jsonl", block(include_str!("../../README.md"), "json"))
            .with("old.csv", b"name;description\nB\xfcro Z\xfcrich;Empfang\n")
            .with("users.csv", "id,email,status\n1001,a@acme.example,active\n1005,b@acme.example,active\n1008,c@acme.example,active\n1030,d@acme.example,active\n1031,e@acme.example,active\n")
            .with("staff.csv", "Name,E-Mail,Department\nAda,ada@acme.example,Ops\nBob,bob@acme.example,Ops\n")
            .with("google.csv", include_str!("../formats/google-groups-export.csv"))
            .with("labels.csv", "Label,Description,People\nOps,Runs it,1001\n")
            .with("people.csv", "name,description,members\nOps,Runs it,1001\nOps,Runs it,1002\n")
            .with("faults.toml", block(include_str!("../../docs/development.md"), "toml"));
        fs::create_dir(desk.path("groups")).unwrap();
        fs::create_dir(desk.path("samples")).unwrap();
        desk.write("samples/google-groups.csv", include_str!("../../samples/google-groups.csv"));
        desk.write("groups/sales.csv", "name,description\nSales,Sells\n");
        Self { desk, server: Server::start(options, ""), exports: String::new() }
    }

    /// The shell becomes the program, so that the sandbox's process is the one that is ended.
    fn shell(&self, command: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_tallyfy-groups")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let (org, token) = PLACEHOLDERS;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("{}exec {command}", self.exports)])
            .current_dir(self.desk.folder())
            .env_clear()
            .envs([("PATH", path.as_str()), ("TALLYFY_BASE_URL", &self.server.url()), ("TALLYFY_RATE", "none")])
            .envs([("TALLYFY_ORG_ID", org), ("TALLYFY_API_TOKEN", token)])
            .stdin(Stdio::null());
        shell
    }

    /// Runs a command as it is written; nobody is there to confirm an undo.
    fn run(&mut self, command: &str) -> Output {
        let command = command.replacen("tallyfy-groups undo ", "tallyfy-groups undo --yes ", 1);
        self.shell(&command).output().unwrap()
    }

    /// Runs the commands of a page, and checks the exit code that a comment names, else 0.
    pub(crate) fn play(&mut self, name: &str, commands: &[&str]) {
        let mut sandbox: Option<Sandbox> = None;
        for line in commands {
            let (command, comment) = line.split_once(" #").unwrap_or((line, ""));
            let command = command.trim();
            if command.is_empty() || command.starts_with("cargo ") || command.starts_with("INSTA_UPDATE=") {
                continue;
            }
            if let Some(export) = command.strip_prefix("export ") {
                let _ = write!(self.exports, "export {export}; ");
                continue;
            }
            if command.starts_with("tallyfy-groups sandbox") {
                sandbox = Some(Sandbox::start(self.shell(&format!("{command} --port 0"))));
                continue;
            }
            // A variable before a command is for the shell.
            let command = match sandbox.as_ref().filter(|_| command.contains("http://127.0.0.1:8765")) {
                Some(sandbox) => format!("env {}", command.replace("http://127.0.0.1:8765", &sandbox.address)),
                None => command.to_owned(),
            };
            let expected: i32 = comment.split_once("exit code ").map_or(0, |(_, code)| {
                code.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().parse().unwrap()
            });
            let output = self.run(&command);
            let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.status.code(), Some(expected), "{name}: {line}\n{stdout}\n{stderr}");
        }
    }
}

/// A sandbox under way.
struct Sandbox {
    child: Child,
    address: String,
}

impl Sandbox {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        assert!(address.starts_with("http://"), "{command:?}: {address:?}");
        Self { child, address }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
