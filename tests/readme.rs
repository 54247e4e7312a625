//! What the README says is so.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;

use support::{Desk, Server};
use tallyfy_groups::sandbox::FaultScript;

const README: &str = include_str!("../README.md");

/// Flags of other programs.
const FOREIGN: [&str; 7] = ["--release", "--bench", "--path", "--open", "--test", "--seeds", "--nocapture"];

/// The text of the first block of this language.
fn block(language: &str) -> &'static str {
    let start = README.find(&format!("```{language}\n")).unwrap() + language.len() + 4;
    README[start..].split("```").next().unwrap()
}

#[test]
fn the_two_commands_stand_on_lines_of_their_own() {
    for command in ["cargo run --release -- import samples/groups.csv --sandbox", "cargo test"] {
        assert!(README.lines().any(|line| line == command), "{command}");
    }
}

#[test]
fn every_flag_it_names_is_there() {
    let desk = Desk::bare();
    let help: String = ["import", "validate", "undo", "sandbox"]
        .map(|command| desk.run(&[command, "--help"]).expect(0).stdout)
        .concat();
    let is_of_a_flag = |letter: char| letter == '-' || letter.is_ascii_lowercase();
    let named: BTreeSet<&str> = README
        .split(|letter: char| !is_of_a_flag(letter))
        .filter(|word| word.starts_with("--") && word.len() > 2 && !word.starts_with("---"))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    let unknown: Vec<&&str> = named.iter().filter(|flag| !FOREIGN.contains(flag) && !help.contains(**flag)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn its_examples_of_input_define_the_same_group() {
    let (csv, jsonl) = (block("csv"), block("json"));
    let groups = [("groups.csv", csv), ("groups.jsonl", jsonl)].map(|(name, text)| {
        let server = Server::calm();
        Desk::at(&server).with(name, text).run(&["import", name]).expect(0);
        let group = server.group("Onboarding Specialists");
        (group.name, group.members, group.guests)
    });
    assert_eq!(groups[0], groups[1]);
    assert_eq!(groups[0].1, [1001, 1005, 1008]);
}

#[test]
fn its_fault_script_is_understood() {
    let script = FaultScript::parse(block("toml")).unwrap();
    assert_eq!(script.about(), Some("one answer in twenty is lost after the group was made"));
}
