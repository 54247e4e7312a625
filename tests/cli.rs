//! What may be typed, and what `validate`, help and the packagers' commands print.

use crate::support::Desk;

const FAULTY: &str = "name,members,guests\nA,1,\nB,x,y\n,2,\na,3,\n";

#[test]
fn help_leads_to_the_first_steps_and_the_exit_codes() {
    let desk = Desk::bare();
    let long = desk.run(&["--help"]).expect(0).stdout;
    for part in ["import groups.csv --sandbox", "Exit codes", "130", "validate", "TALLYFY_API_TOKEN"] {
        assert!(long.contains(part), "{part}");
    }
    assert!(desk.run(&["-h"]).expect(0).stdout.len() < long.len());
}

#[test]
fn short_help_fits_a_screen() {
    let desk = Desk::bare();
    for command in
        [&["-h"][..], &["import", "-h"], &["validate", "-h"], &["export", "-h"], &["undo", "-h"], &["sandbox", "-h"]]
    {
        let help = desk.run(command).expect(0).stdout;
        assert!(help.lines().count() <= 36 && help.contains("--help"), "{command:?}: {help}");
    }
}

#[test]
fn help_of_import_names_every_flag_of_the_contract() {
    let help = Desk::bare().run(&["import", "--help"]).expect(0).stdout;
    let flags = [
        "--dry-run",
        "--sandbox",
        "--org",
        "--base-url",
        "--token-file",
        "--rate",
        "--concurrency",
        "--timeout",
        "--max-attempts",
        "--max-wait",
        "--on-existing",
        "--on-duplicate",
        "--match-names",
        "--strict",
        "--require-description",
        "--default-description",
        "--out-dir",
        "--results",
        "--with-input",
        "--rejects",
        "--journal",
        "--fresh",
        "--format",
        "--delimiter",
        "--encoding",
        "--map",
        "--limit",
        "--progress",
        "--log-format",
        "--log-file",
        "--json",
    ];
    let missing: Vec<&str> = flags.into_iter().filter(|flag| !help.contains(flag)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(!help.contains("--token "), "a token on a command line is seen by every user");
}

#[test]
fn every_command_has_help() {
    let desk = Desk::bare();
    let commands = ["import", "validate", "export", "undo", "sandbox", "completions", "man"];
    let missing: Vec<&str> =
        commands.into_iter().filter(|command| desk.run(&[command, "--help"]).code() != Some(0)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_version_is_the_packages() {
    let outcome = Desk::bare().run(&["--version"]).expect(0);
    assert_eq!(outcome.stdout, format!("tallyfy-groups {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_is_not_understood_is_wrong_usage() {
    let desk = Desk::bare().set("TALLYFY_API_TOKEN", "some-token").with("groups.csv", "name\nA\n");
    for arguments in [
        &["import", "groups.csv", "--no-such-flag"][..],
        &["no-such-command"],
        &[],
        &["import"],
        &["import", "groups.csv", "--org", "o", "--rate", "fast"],
        &["import", "groups.csv", "--org", "o", "--rate", "0/s"],
        &["import", "groups.csv", "--concurrency", "0"],
        &["import", "groups.csv", "--timeout", "soon"],
        &["import", "groups.csv", "--on-duplicate", "perhaps"],
        &["import", "groups.csv", "--map", "shoe=size"],
        &["import", "groups.csv", "--token", "t"],
        &["validate", "groups.csv", "--delimiter", "ab"],
    ] {
        let outcome = desk.run(arguments).expect(2);
        assert!(!outcome.stderr.is_empty() && outcome.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(desk.files(), ["groups.csv"]);
}

#[test]
fn completions_and_the_manual_page_are_printed() {
    let desk = Desk::bare();
    let bash = desk.run(&["completions", "bash"]).expect(0).stdout;
    assert!(bash.contains("complete -F") && bash.contains("--on-duplicate"));
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        assert!(desk.run(&["completions", shell]).expect(0).stdout.contains("tallyfy-groups"), "{shell}");
    }
    let page = desk.run(&["man"]).expect(0).stdout;
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{}", page.lines().next().unwrap_or_default());
}

#[test]
fn validate_names_every_problem_by_file_and_line() {
    let desk = Desk::bare().with("groups.csv", FAULTY);
    let text = desk.run(&["validate", "groups.csv"]).expect(7).stdout;
    let at = |place: &str| text.lines().filter(|line| line.starts_with(place)).count();
    assert_eq!(
        (at("groups.csv:2: "), at("groups.csv:3: "), at("groups.csv:4: "), at("groups.csv:5: ")),
        (0, 2, 1, 1),
        "{text}"
    );
    assert!(text.contains("[member-invalid]") && text.contains("[name-missing]"), "{text}");
}

#[test]
fn validate_as_json_is_one_object_a_line() {
    let desk = Desk::bare().with("groups.csv", FAULTY);
    let lines = desk.run(&["validate", "groups.csv", "--json"]).expect(7).json_lines();
    let problems: Vec<(u64, &str)> = lines
        .iter()
        .filter(|line| line["type"] == "problem")
        .map(|line| (line["line"].as_u64().unwrap(), line["code"].as_str().unwrap()))
        .collect();
    assert_eq!(problems, [(3, "member-invalid"), (3, "guest-invalid"), (4, "name-missing")]);
    let totals = &lines[lines.len() - 1];
    assert_eq!((&totals["rows"], &totals["valid"]), (&4.into(), &1.into()));
    assert_eq!((&totals["duplicate"], &totals["invalid"]), (&1.into(), &2.into()));
}

#[test]
fn validate_finds_nothing_and_writes_nothing() {
    let desk = Desk::bare().with("groups.csv", "name,description\nA,a\nB,b\n");
    desk.run(&["validate", "groups.csv"]).expect(0);
    desk.run_over("{\"name\": \"A\"}\n", &["validate", "-", "--json"]).expect(0);
    assert_eq!(desk.files(), ["groups.csv"]);
}

#[test]
fn validate_keeps_the_rules_that_are_chosen() {
    let desk = Desk::bare().with("groups.csv", "name,description\nA,\na,x\n");
    desk.run(&["validate", "groups.csv"]).expect(0);
    desk.run(&["validate", "groups.csv", "--require-description"]).expect(7);
    desk.run(&["validate", "groups.csv", "--on-duplicate", "fail"]).expect(7);
    desk.run(&["validate", "groups.csv", "--on-duplicate", "fail", "--match-names", "exact"]).expect(0);
}

#[test]
fn text_from_a_file_cannot_move_the_cursor() {
    let desk = Desk::bare().with("groups.csv", "name,members,\u{1b}[2Jx\nA\u{1b}[31m,\u{1b}]0;title\u{7},\n");
    let outcome = desk.run(&["validate", "groups.csv"]).expect(7);
    let import = desk.run(&["import", "groups.csv", "--sandbox"]).expect(9);
    let dry = desk.run(&["import", "groups.csv", "--sandbox", "--dry-run"]).expect(7);
    for outcome in [outcome, import, dry] {
        assert!(!outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'), "{outcome:?}");
    }
}
