//! What the README and `docs/` say is true: their commands run, and the names in them exist.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use support::{Desk, Server};
use tallyfy_groups::sandbox::Options;

const README: &str = include_str!("../README.md");
const INPUT: &str = include_str!("../docs/input.md");
const RESULTS: &str = include_str!("../docs/results.md");
const LIMITS: &str = include_str!("../docs/limits.md");
const PERFORMANCE: &str = include_str!("../docs/performance.md");
const DEVELOPMENT: &str = include_str!("../docs/development.md");

/// All pages.
const PAGES: [(&str, &str); 6] = [
    ("README.md", README),
    ("docs/input.md", INPUT),
    ("docs/results.md", RESULTS),
    ("docs/limits.md", LIMITS),
    ("docs/performance.md", PERFORMANCE),
    ("docs/development.md", DEVELOPMENT),
];

/// Flags of cargo and of test binaries.
const FOREIGN: [&str; 7] = ["--release", "--bench", "--path", "--open", "--test", "--seeds", "--nocapture"];

/// The organization and the token that the README names.
const PLACEHOLDERS: (&str, &str) = ("your_organization_id", "your_token");

/// The text of the first block of this language.
fn block(page: &'static str, language: &str) -> &'static str {
    let start = page.find(&format!("```{language}\n")).unwrap() + language.len() + 4;
    page[start..].split("```").next().unwrap()
}

/// The commands of a page, in order: the lines of its shell blocks and of workflows, and what stands in backticks.
fn commands(page: &str) -> Vec<&str> {
    let mut commands = Vec::new();
    let mut is_shell = false;
    for line in page.lines() {
        let line = line.trim();
        if let Some(language) = line.strip_prefix("```") {
            is_shell = language == "sh";
        } else if is_shell {
            commands.push(line);
        } else if let Some(command) = line.strip_prefix("- run: ") {
            commands.push(command);
        } else {
            commands.extend(line.split('`').skip(1).step_by(2).filter(|code| code.starts_with("tallyfy-groups ")));
        }
    }
    commands
}

/// A folder with the files that the pages name, and a server.
struct Scene {
    desk: Desk,
    server: Server,
    exports: String,
}

impl Scene {
    /// `groups` is the content of `groups.csv`.
    fn new(groups: &str) -> Self {
        let (org, token) = PLACEHOLDERS;
        let options = Options { org: Some(org.to_owned()), token: Some(token.to_owned()), ..Options::default() };
        let desk = Desk::bare()
            .with("groups.csv", groups)
            .with("groups.jsonl", block(README, "json"))
            .with("old.csv", b"name;description\nB\xfcro Z\xfcrich;Empfang\n")
            .with("labels.csv", "Label,Description,People\nOps,Runs it,1001\n")
            .with("people.csv", "name,description,members\nOps,Runs it,1001\nOps,Runs it,1002\n")
            .with("faults.toml", block(DEVELOPMENT, "toml"));
        fs::create_dir(desk.path("groups")).unwrap();
        desk.write("groups/sales.csv", "name,description\nSales,Sells\n");
        Self { desk, server: Server::start(options, ""), exports: String::new() }
    }

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
    fn play(&mut self, name: &str, commands: &[&str]) {
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

/// The README's file with its error corrected.
fn sound_groups() -> String {
    block(README, "csv").replace("dispatch@", "dispatch@partner.com")
}

#[test]
fn the_two_commands_are_lines_of_their_own_in_a_short_readme() {
    for command in ["cargo run --release -- import samples/groups.csv --sandbox", "cargo test"] {
        assert!(README.lines().any(|line| line == command), "{command}");
    }
    assert!(README.lines().count() <= 200);
}

#[test]
fn the_first_import_of_the_readme_works_as_written() {
    let mut scene = Scene::new(block(README, "csv"));
    let commands = commands(README);
    let rejects = commands.iter().position(|command| command.contains("import groups.rejects.csv")).unwrap();
    let undo = commands.iter().position(|command| command.contains(" undo ")).unwrap();
    scene.play("README.md", &commands[..rejects]);
    let fixed = scene.desk.read("groups.rejects.csv").replace(",dispatch@,", ",dispatch@partner.com,");
    assert!(fixed.contains("dispatch@partner.com"), "{fixed}");
    scene.desk.write("groups.rejects.csv", fixed);
    scene.play("README.md", &commands[rejects..undo]);
    assert_eq!(scene.server.names(), ["Field Operations", "Onboarding Specialists"]);
    scene.play("README.md", &commands[undo..]);
    assert_eq!(scene.server.names(), Vec::<String>::new());
}

#[test]
fn the_commands_of_the_input_page_run() {
    Scene::new(&sound_groups()).play("docs/input.md", &commands(INPUT));
}

#[test]
fn the_commands_of_the_results_page_run() {
    let mut scene = Scene::new(&sound_groups());
    scene.play("docs/results.md", &commands(RESULTS));
    assert!(scene.desk.path("groups.undo.csv").exists() && scene.desk.path("fixed.csv").exists());
}

#[test]
fn the_commands_of_the_other_pages_run() {
    for (name, page) in
        [("docs/limits.md", LIMITS), ("docs/performance.md", PERFORMANCE), ("docs/development.md", DEVELOPMENT)]
    {
        Scene::new(&sound_groups()).play(name, &commands(page));
    }
}

#[test]
fn every_flag_exists() {
    let desk = Desk::bare();
    let help: String = ["import", "validate", "undo", "sandbox"]
        .map(|command| desk.run(&[command, "--help"]).expect(0).stdout)
        .concat();
    let flags: BTreeSet<&str> = help
        .split(|letter: char| letter != '-' && !letter.is_ascii_lowercase())
        .filter(|word| word.starts_with("--"))
        .collect();
    for (name, page) in PAGES {
        let named = page.split(|letter: char| letter != '-' && !letter.is_ascii_lowercase());
        let named: BTreeSet<&str> =
            named.filter(|word| word.len() > 2 && word.starts_with("--") && !word.starts_with("---")).collect();
        let unknown: Vec<&&str> =
            named.iter().filter(|flag| !FOREIGN.contains(flag) && !flags.contains(**flag)).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
}

#[test]
fn every_link_leads_to_a_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, page) in PAGES {
        for target in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let is_found = target.starts_with("https://") || root.join(name).with_file_name("").join(target).exists();
            assert!(is_found, "{name}: {target}");
        }
    }
}

#[test]
fn the_examples_of_input_define_the_same_group() {
    let groups =
        [("groups.csv", sound_groups()), ("groups.jsonl", block(README, "json").to_owned())].map(|(name, text)| {
            let server = Server::calm();
            Desk::at(&server).with(name, text).run(&["import", name]).expect(0);
            let group = server.group("Onboarding Specialists");
            (group.name, group.description, group.members, group.guests)
        });
    assert_eq!(groups[0], groups[1]);
    assert_eq!(groups[0].2, [1001, 1005, 1008]);
}

#[test]
fn the_columns_of_the_results_are_those_of_the_page() {
    let desk = Desk::bare().with("groups.csv", sound_groups());
    desk.run(&["import", "groups.csv", "--sandbox", "--results", "results.csv"]).expect(0);
    let results = desk.read("results.csv");
    assert_eq!(results.lines().next(), block(RESULTS, "text").lines().next());
}

/// The words in backticks of a page's tables.
fn words_of_tables(page: &str) -> BTreeSet<&str> {
    let rows = page.lines().filter(|line| line.trim_start().starts_with('|'));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_status_and_every_code_is_on_the_results_page() {
    let desk = Desk::bare().with("groups.csv", sound_groups());
    let words = words_of_tables(RESULTS);
    for arguments in [&["import", "groups.csv"][..], &["undo", "groups.csv", "--yes"]] {
        let summary = desk.run(&[arguments, &["--sandbox", "--json"]].concat()).expect(0).json();
        for status in summary["statuses"].as_object().unwrap().keys() {
            assert!(words.contains(status.as_str()), "{status}");
        }
    }
    let help = desk.run(&["--help"]).expect(0).stdout;
    let (_, table) = help.split_once("Exit codes:\n").unwrap();
    for code in table.lines().map_while(|line| line.split_whitespace().next()) {
        assert!(RESULTS.contains(&format!("\n| {code} | ")), "{code}");
    }
    let refused = desk.run(&["validate", "--explain", "no-such-code"]).expect(2).stderr;
    let list = refused.lines().next().unwrap().rsplit(": ").next().unwrap();
    let (codes, section): (BTreeSet<&str>, _) =
        (list.split(", ").collect(), RESULTS.split("### Problem codes").nth(1).unwrap().split("\n## ").next().unwrap());
    let documented: BTreeSet<&str> =
        words_of_tables(section).into_iter().filter(|word| !word.starts_with("--")).collect();
    assert_eq!(documented, codes);
}

#[test]
fn every_kind_of_fault_of_the_page_is_understood() {
    let section = DEVELOPMENT.split("## Fault scripts").nth(1).unwrap().split("\n## ").next().unwrap();
    let kinds = section.lines().filter(|line| line.starts_with("| `")).flat_map(|line| {
        let first = line.split('|').nth(1).unwrap();
        first.split('`').skip(1).step_by(2).collect::<Vec<_>>()
    });
    for kind in kinds {
        let script = format!("[[fault]]\nkind = '{kind}'\nno_such_key = 1");
        let desk = Desk::bare().with("faults.toml", script);
        let refused = desk.run(&["sandbox", "--faults", "faults.toml"]).expect(2).stderr;
        assert!(refused.contains("no_such_key") && !refused.contains("variant"), "{kind}: {refused}");
    }
}
