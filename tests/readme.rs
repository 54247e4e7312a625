//! What the README and `docs/` say is true: their commands run, and the names in them exist.

use std::collections::BTreeSet;
use std::path::Path;

use crate::scene::{Scene, block};
use crate::support::{Desk, Server};

const README: &str = include_str!("../README.md");
const INPUT: &str = include_str!("../docs/input.md");
const RESULTS: &str = include_str!("../docs/results.md");
const SYNC: &str = include_str!("../docs/sync.md");
const LIMITS: &str = include_str!("../docs/limits.md");
const PERFORMANCE: &str = include_str!("../docs/performance.md");
const DEVELOPMENT: &str = include_str!("../docs/development.md");

/// All pages.
const PAGES: [(&str, &str); 7] = [
    ("README.md", README),
    ("docs/input.md", INPUT),
    ("docs/results.md", RESULTS),
    ("docs/sync.md", SYNC),
    ("docs/limits.md", LIMITS),
    ("docs/performance.md", PERFORMANCE),
    ("docs/development.md", DEVELOPMENT),
];

/// Flags of cargo and of test binaries.
const FOREIGN: [&str; 7] = ["--release", "--bench", "--path", "--open", "--test", "--seeds", "--nocapture"];

/// The commands of a page, in order: the lines of its shell blocks and of workflows, and code in backticks.
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
    for (name, page) in [
        ("docs/sync.md", SYNC),
        ("docs/limits.md", LIMITS),
        ("docs/performance.md", PERFORMANCE),
        ("docs/development.md", DEVELOPMENT),
    ] {
        Scene::new(&sound_groups()).play(name, &commands(page));
    }
}

#[test]
fn every_flag_exists() {
    let desk = Desk::bare();
    let help: String = ["import", "sync", "validate", "export", "undo", "sandbox"]
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
